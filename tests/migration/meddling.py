"""What others may do to a record behind a migration's back, in the words of either vendor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pytest

from telephony_core.emulator import Emulator, Fault, FaultKind, Record
from telephony_core.emulator import json_response as answer

STRANGER: Final = "+827099998888"
"""Some other number."""
_STRANGER: Final = {"vox": "07099998888", "diga": STRANGER}

_CHANGES: Final[Mapping[str, Mapping[str, Mapping[str, Any]]]] = {
    "suspended": {"vox": {"status": "suspended"}, "diga": {"status": "suspended"}},
    "pending": {"vox": {"status": "scheduled", "start_at": None}, "diga": {"status": "reserved"}},
    "release scheduled": {
        "vox": {"status": "cancel_requested", "end_at": None},
        "diga": {"scheduled_release_at": "2099-01-01T00:00:00Z"},
    },
    "released": {"vox": {"status": "expired"}, "diga": {"status": "released"}},
    "another number": {vendor: {"number": number} for vendor, number in _STRANGER.items()},
    "no trunk": {"vox": {"address": None}, "diga": {"sip_config": None}},
    "another trunk": {
        "vox": {"address": "sip:other.example.com:5060"},
        "diga": {"sip_config": {"termination_uri": "other.example.com:5060"}},
    },
    "another label": {"vox": {"memo": "mine"}, "diga": {"nickname": "mine"}},
    "made again": {"vox": {"created_at": 1_700_000_000_000}, "diga": {"assigned_at": "2023-11-14T22:13:20Z"}},
    "an agent removed": {"vox": {"inbound_agent": None}, "diga": {"inbound_agent_id": None}},
    "allow-list opened": {"diga": {"sip_config": {"allowed_addresses": None}}},
    "allow-list widened": {"diga": {"sip_config": {"allowed_addresses": ["203.0.113.7", "198.51.100.0/24"]}}},
}

GONE: Final = "gone"
AGENT_ADDED: Final = "an agent added"
NOT_SERVING: Final = (
    GONE,
    "suspended",
    "pending",
    "release scheduled",
    "released",
    "another number",
    "no trunk",
    "another trunk",
    "another label",
    "made again",
    "an agent removed",
    AGENT_ADDED,
)
"""After each of these a record does not serve its number as somebody last saw it."""
CHANGED: Final = (
    "suspended",
    "pending",
    "another number",
    "no trunk",
    "another trunk",
    "another label",
    "made again",
    "an agent removed",
    AGENT_ADDED,
)
"""After each of these a record is live, and not as a migration left it."""
OPENED: Final = ("allow-list opened", "allow-list widened")
"""Likewise, at a provider that has such lists (Diga)."""


def meddle(emulator: Emulator, id: str, what: str) -> None:
    """Do this to a record."""
    if what == GONE:
        emulator.store.remove(id)
        return
    changes = _agent_added(emulator) if what == AGENT_ADDED else dict(_CHANGES[what][emulator.slug])
    sip = changes.get("sip_config")
    if sip is not None:
        changes["sip_config"] = {**_sip(emulator.store[id]), **sip}
    emulator.store.edit(id, changes)


def _agent_added(emulator: Emulator) -> dict[str, object]:
    agent = emulator.agents["sales"]
    if emulator.slug == "vox":
        return {"outbound_agent": {"agent_id": agent, "agent_version": "production"}}
    return {"outbound_agent_id": agent}


def _sip(record: Record) -> dict[str, object]:
    config = record["sip_config"]
    assert isinstance(config, dict)
    return config


def add_another(emulator: Emulator, id: str) -> str:
    """Put a second record of the same number there, and return its id."""
    return emulator.add(number=emulator.store[id]["number"])


def not_found(emulator: Emulator, id: str) -> None:
    """Let every read of this id be answered with 404, while the lists go on showing the record."""
    code = "NOT_FOUND" if emulator.slug == "vox" else "PHONE_NUMBER_NOT_FOUND"
    gone = answer(404, {"error": {"code": code}, "code": code, "message": "not found"})
    emulator.faults.append(Fault(FaultKind.ANSWER, "GET", path=f"/{id}", times=99, response=gone))


def unlisted(emulator: Emulator, id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave a record out of every list, while it can be read by its id."""
    listing = emulator.store.listing

    def without(*given: Any) -> list[Any]:
        return [entry for entry in listing(*given) if entry[1] != id]

    monkeypatch.setattr(emulator.store, "listing", without)
