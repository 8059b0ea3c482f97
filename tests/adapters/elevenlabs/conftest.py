"""An ElevenLabs adapter without any client: flows are driven by hand, with answers in the shapes of the contract."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

import pytest

from telephony_core.errors import TelephonyError
from telephony_core.operations.operations import Operations
from telephony_core.provider.flow import Flow, Request, Response
from telephony_elevenlabs.adapter import ElevenLabsProvider
from telephony_elevenlabs.config import ElevenLabsConfig

T = TypeVar("T")
Record = dict[str, Any]

ID = "phnum_0a1b2c3d"
AGENT = "agent_0a1b2c3d"
BRANCH = "agtbrch_0a1b2c3d"


class Wire:
    """Answers a flow's requests from a list, and keeps what was asked."""

    def __init__(self) -> None:
        self.sent: list[Request] = []

    def run(self, flow: Flow[T], *answers: object) -> T:
        """Drive a flow to its end; an answer is a response, the payload of a 200, or an error to throw."""
        waiting = list(answers)
        try:
            request = next(flow)
            while True:
                self.sent.append(request)
                assert waiting, f"a request too many: {request.method} {request.path}"
                answer = waiting.pop(0)
                if isinstance(answer, TelephonyError):
                    request = flow.throw(answer)
                else:
                    request = flow.send(answer if isinstance(answer, Response) else respond(answer))
        except StopIteration as end:
            assert not waiting, f"{len(waiting)} answers were never asked for"
            return end.value

    @property
    def calls(self) -> list[tuple[str, str, str]]:
        return [(request.method, request.path, request.semantics.value) for request in self.sent]

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(request.body) for request in self.sent if request.body is not None]


def respond(payload: object, status: int = 200) -> Response:
    return Response(status, {"content-type": "application/json"}, json.dumps(payload).encode())


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def elevenlabs() -> ElevenLabsProvider:
    return ElevenLabsProvider(ElevenLabsConfig(api_key="eleven-key"))


@pytest.fixture
def operations(elevenlabs: ElevenLabsProvider) -> Operations:
    return Operations(elevenlabs)


@pytest.fixture
def trunked() -> Callable[..., Record]:
    """The record of a number over a SIP trunk; ``inbound=`` and ``outbound=`` change single fields of its halves."""

    def record(inbound: Record | None = None, outbound: Record | None = None, **changes: object) -> Record:
        outbound_trunk = {
            "address": "trunk.example.com:5060",
            "transport": "tcp",
            "media_encryption": "required",
            "headers": {},
            "attributes_to_headers": {},
            "has_auth_credentials": True,
            "username": "acme",
            "has_outbound_trunk": True,
            "enabled_codecs": [],
        } | (outbound or {})
        inbound_trunk = {
            "allowed_addresses": ["192.0.2.0/24"],
            "allowed_numbers": None,
            "media_encryption": "allowed",
            "has_auth_credentials": False,
            "username": None,
            "remote_domains": None,
            "attributes_to_headers": {},
        } | (inbound or {})
        return {
            "phone_number": "+12025550101",
            "label": "Front desk",
            "supports_inbound": True,
            "supports_outbound": True,
            "phone_number_id": ID,
            "assigned_agent": {"agent_id": AGENT, "agent_name": "reception", "environment": None, "branch_id": None},
            "provider": "sip_trunk",
            "provider_config": outbound_trunk,
            "outbound_trunk": outbound_trunk,
            "inbound_trunk": inbound_trunk,
            "livekit_stack": "standard",
            "store_sip_messages": True,
        } | changes

    return record


@pytest.fixture
def linked() -> Callable[..., Record]:
    """The record of a number that lives in an account at its carrier."""

    def record(**changes: object) -> Record:
        return {
            "phone_number": "+12025550105",
            "label": "Linked",
            "supports_inbound": True,
            "supports_outbound": True,
            "phone_number_id": "phnum_linked",
            "assigned_agent": None,
            "provider": "twilio",
        } | changes

    return record
