"""Retell's records, and how the adapter reads them: out of the bytes of an answer."""

from __future__ import annotations

import json
from typing import Any

from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.provider.flow import Response
from telephony_core.provider.wire import read_answer
from telephony_retell import mapping
from telephony_retell.wire import NumberRecord

NUMBER = "+12135550110"
AGENT = "agent_0123456789abcdef0123456789"


def share(version: object = "latest_published", *, agent: str = AGENT, weight: float = 1) -> dict[str, Any]:
    return {"agent_id": agent, "agent_version": version, "weight": weight}


def imported(trunk: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """The record of a number that the customer imported; ``trunk`` changes single fields of its trunk."""
    config = {"termination_uri": "acme.pstn.twilio.com", "auth_username": "acme", "transport": "TLS"}
    record = {
        "phone_number": NUMBER,
        "phone_number_type": "custom",
        "phone_number_pretty": "+1 (213) 555-0110",
        "nickname": "On call",
        "last_modification_timestamp": 1703413636133,
        "inbound_agents": [share()],
        "sip_outbound_trunk_config": config | (trunk or {}),
    }
    return record | changes


def bought(**changes: Any) -> dict[str, Any]:
    """The record of a number that Retell sold."""
    record = {
        "phone_number": "+14157774444",
        "phone_number_type": "retell-twilio",
        "area_code": 415,
        "last_modification_timestamp": 1703413636133,
    }
    return record | changes


def read(payload: object) -> PhoneNumber:
    answer = Response(200, {}, json.dumps(payload).encode())
    return mapping.number_of(*read_answer(answer, NumberRecord))
