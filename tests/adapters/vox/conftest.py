"""A vox adapter without any client: flows are driven by hand, and records are made up in the vendor's shape."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

import pytest

from telephony_core.errors import TelephonyError
from telephony_core.operations.operations import Operations
from telephony_core.provider.flow import Flow, Request, Response, Semantics
from telephony_core.provider.port import Provider
from telephony_vox.adapter import VoxProvider
from telephony_vox.config import VoxConfig

T = TypeVar("T")
Record = dict[str, Any]

CUSTOM_ID = "0b6ad0a4-6c0d-4c0a-9c6e-7f1f0a4c1d11"
BOUGHT_ID = "5d1f7f3e-2c1b-4d0e-8a53-0d9e0f6b2a22"
AGENT = "8f14e45f-ceea-467a-9575-1f0b2c3d4e5f"


class Wire:
    """Answers a flow's requests from a list, and keeps what was asked."""

    def __init__(self) -> None:
        self.sent: list[Request] = []

    def run(self, flow: Flow[T], *answers: Response | Record | TelephonyError, now: Record | None = None) -> T:
        """Drive a flow to its end. ``now`` is the record as the read finds it that comes before every write; that one
        is not kept."""
        waiting = list(answers)
        try:
            request = next(flow)
            if now is not None:
                assert request.semantics is Semantics.READ
                request = flow.send(_respond(now))
            while True:
                self.sent.append(request)
                assert waiting, f"a request too many: {request.method} {request.path}"
                answer = waiting.pop(0)
                if isinstance(answer, TelephonyError):
                    request = flow.throw(answer)
                else:
                    request = flow.send(answer if isinstance(answer, Response) else _respond(answer))
        except StopIteration as end:
            assert not waiting, f"{len(waiting)} answers were never asked for"
            return end.value  # type: ignore[no-any-return]

    @property
    def bodies(self) -> list[Any]:
        return [None if request.body is None else json.loads(request.body) for request in self.sent]


def _respond(payload: object, status: int = 200) -> Response:
    return Response(status, {"content-type": "application/json"}, json.dumps(payload, ensure_ascii=False).encode())


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def respond() -> Callable[..., Response]:
    """An answer in JSON: the payload, and a status that is not 200."""
    return _respond


@pytest.fixture
def vox() -> VoxProvider:
    return VoxProvider(VoxConfig(api_key="vox-key"))


@pytest.fixture
def operations(vox: Provider) -> Operations:
    return Operations(vox)


@pytest.fixture
def custom() -> Callable[..., Record]:
    """The record of a number that the customer brought."""

    def record(**changes: object) -> Record:
        return {
            "id": CUSTOM_ID,
            "number": "07011112222",
            "provider": "custom",
            "status": "active",
            "start_at": 1767225600000,
            "created_at": 1767225600123,
            "updated_at": 1767312000000,
            "monthly_fee": None,
            "address": "sip:trunk.example.com:5060",
            "inbound_trunk_id": "ST_in",
            "outbound_trunk_id": "ST_out",
            "inbound_agent": {"agent_id": AGENT, "agent_version": "production"},
            "outbound_agent": None,
            "memo": "front desk",
            "end_at": None,
            "cancel_requested_at": None,
        } | changes

    return record


@pytest.fixture
def bought() -> Callable[..., Record]:
    """The record of a number that vox sold."""

    def record(**changes: object) -> Record:
        return {
            "id": BOUGHT_ID,
            "number": "0212345678",
            "provider": "vox",
            "status": "active",
            "start_at": 1767225600000,
            "created_at": 1767225600000,
            "updated_at": 1767225600000,
            "monthly_fee": 5500,
            "address": None,
            "inbound_trunk_id": None,
            "outbound_trunk_id": None,
            "inbound_agent": None,
            "outbound_agent": None,
            "memo": None,
            "end_at": None,
            "cancel_requested_at": None,
        } | changes

    return record
