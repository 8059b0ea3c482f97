"""A vox adapter without any client: flows are driven by hand, and records are made up in the vendor's shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.operations.operations import Operations
from telephony_core.provider.flow import Response
from telephony_core.provider.port import Provider
from telephony_vox.adapter import VoxProvider
from telephony_vox.config import VoxConfig
from tests.adapters import wire as by_hand
from tests.adapters.vox.records import phone_number
from tests.adapters.wire import Wire

Record = dict[str, Any]

CUSTOM_ID = "0b6ad0a4-6c0d-4c0a-9c6e-7f1f0a4c1d11"
BOUGHT_ID = "5d1f7f3e-2c1b-4d0e-8a53-0d9e0f6b2a22"
AGENT = "8f14e45f-ceea-467a-9575-1f0b2c3d4e5f"


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def respond() -> Callable[..., Response]:
    """An answer in JSON: the payload, and a status that is not 200."""
    return by_hand.respond


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


@pytest.fixture
def number(custom: Callable[..., Record]) -> PhoneNumber:
    return phone_number(custom())


@pytest.fixture
def bought_number(bought: Callable[..., Record]) -> PhoneNumber:
    return phone_number(bought())
