"""Three vendors by their own words: where each writes what, and what is true there. No adapter is asked."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from telephony_core.emulator import Emulator, Record
from tests.reliability.models.simulated_time import SharedTime

if TYPE_CHECKING:
    from telephony_core.provider.port import ProviderSpec

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "examples" / "telephony-acme"))


@dataclass(frozen=True)
class Words:
    """One vendor's paths and words, as its reference has them; no adapter is asked."""

    numbers: tuple[str, ...]
    """Path of the list; a record is below it."""
    create: tuple[str, ...]
    number: str
    status: str
    active: str
    over: tuple[str, ...]
    pending: str
    agents: tuple[str, ...]
    ends: str
    """Field that is set while a release is scheduled."""
    changing: tuple[str, ...] = ()
    """Fields that change with every write, and say nothing."""


WORDS: Final[Mapping[str, Words]] = {
    "vox": Words(
        ("organization-telephone-numbers",),
        ("telephone-numbers", "register"),
        "number", "status", "active", ("expired",), "scheduled", ("inbound_agent", "outbound_agent"), "end_at",
        ("updated_at",),
    ),
    "diga": Words(
        ("v1", "phone"), ("v1", "phone", "import"),
        "number", "status", "assigned", ("released", "finished"), "pending_verification",
        ("inbound_agent_id", "outbound_agent_id"), "scheduled_release_at",
    ),
    "acme": Words(
        ("numbers",), ("numbers",), "e164", "state", "live", ("ended",), "provisioning", ("app",), "ends",
    ),
}  # fmt: skip


def new_emulator(vendor: str, time: SharedTime, api_key: str = "emulator-key") -> Emulator:
    """An account without numbers, which takes a number twice if it is asked to."""
    from telephony_diga.emulator import DigaEmulator
    from telephony_vox.emulator import VoxEmulator

    now = time.clock.now
    if vendor == "acme":
        from telephony_acme.emulator import AcmeEmulator

        emulator = AcmeEmulator(api_key=api_key, now=now)
        for id in list(emulator.store):
            emulator.store.remove(id)
        return emulator
    made = {"vox": VoxEmulator, "diga": DigaEmulator}[vendor]
    return made(api_key=api_key, now=now, seed=False, allow_duplicates=True)


def provider_of(vendor: str) -> str | ProviderSpec:
    """What a client is made with; the example is not installed here."""
    if vendor != "acme":
        return vendor
    from telephony_acme.plugin import telephony_register_provider

    spec: ProviderSpec = telephony_register_provider()
    return spec


def number_of(vendor: str, record: Record) -> str:
    """In E.164, whatever form the vendor writes it in."""
    text = str(record[WORDS[vendor].number])
    return "+82" + text.removeprefix("0") if vendor == "vox" else text


def written(vendor: str, number: str) -> str:
    """A number in E.164 in the form that the vendor writes."""
    return "0" + number.removeprefix("+82") if vendor == "vox" else number


def is_live(vendor: str, record: Record) -> bool:
    return record.get(WORDS[vendor].status) not in WORDS[vendor].over


def is_active(vendor: str, record: Record) -> bool:
    words = WORDS[vendor]
    return record.get(words.status) == words.active and record.get(words.ends) is None


State = dict[str, Record]
"""Every record by its id, with the credentials that no answer shows."""


def state_of(emulator: Emulator) -> State:
    """What is true at the vendor."""
    state = {}
    for record in emulator.records():
        id = str(record["id"])
        stored = emulator.credentials(id)
        kept = {name: value for name, value in record.items() if name not in WORDS[emulator.slug].changing}
        state[id] = {**kept, "(credentials)": stored and (stored.username, stored.password)}
    return state


def elsewhere(vendor: str, record: Record) -> Record:
    """The change that sends a record's calls to another trunk."""
    if vendor == "vox":
        return {"address": "sip:elsewhere.example.com"}
    key, inner = ("sip_config", "termination_uri") if vendor == "diga" else ("trunk", "address")
    known = record.get(key)
    address: object = "elsewhere.example.com" if vendor == "diga" else {"host": "elsewhere.example.com"}
    return {key: {**(known if isinstance(known, dict) else {}), inner: address}}
