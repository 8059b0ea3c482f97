"""A Diga adapter without any client: flows are driven by hand, with answers in the shapes of the vendor's contract."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from telephony_core.operations.operations import Operations
from telephony_core.provider.flow import Response
from telephony_diga.adapter import DigaProvider
from telephony_diga.config import DigaConfig
from tests.adapters.wire import Wire, respond

Record = dict[str, Any]

CUSTOM_ID = "11111111-1111-4111-8111-111111111111"
BOUGHT_ID = "44444444-4444-4444-8444-444444444444"
AGENT = "22222222-2222-4222-8222-222222222222"


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def answer() -> Callable[..., Response]:
    return respond


@pytest.fixture
def diga() -> DigaProvider:
    return DigaProvider(DigaConfig(api_key="diga-key"))


@pytest.fixture
def operations(diga: DigaProvider) -> Operations:
    return Operations(diga)


@pytest.fixture
def custom() -> Callable[..., Record]:
    """The record of a number that the customer brought; ``sip=`` changes single fields of its trunk."""

    def record(sip: Record | None = None, **changes: object) -> Record:
        trunk = {
            "termination_uri": "trunk.example.com:5060",
            "username": "acme",
            "inbound_media_encryption": "allow",
            "outbound_media_encryption": "require",
            "allowed_addresses": ["192.0.2.0/24"],
        }
        return {
            "id": CUSTOM_ID,
            "nickname": "Head office",
            "number": "+34911234567",
            "telephony_provider": "custom",
            "status": "assigned",
            "released_at": None,
            "scheduled_release_at": None,
            "assigned_at": "2026-07-01T09:00:00Z",
            "inbound_agent_id": AGENT,
            "outbound_agent_id": None,
            "sip_config": trunk | (sip or {}),
            "checkout_url": None,
            "reservation_expires_at": None,
            "region_codes": [],
        } | changes

    return record


@pytest.fixture
def bought() -> Callable[..., Record]:
    """The record of a number that Diga sold."""

    def record(**changes: object) -> Record:
        return {
            "id": BOUGHT_ID,
            "nickname": None,
            "number": "+34912345678",
            "telephony_provider": "netelip",
            "status": "assigned",
            "released_at": None,
            "scheduled_release_at": None,
            "assigned_at": "2026-05-01T09:00:00Z",
            "inbound_agent_id": None,
            "outbound_agent_id": None,
            "sip_config": None,
            "checkout_url": None,
            "reservation_expires_at": None,
            "region_codes": ["M"],
        } | changes

    return record
