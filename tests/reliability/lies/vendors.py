"""What is true at a vendor, by its own words. No adapter is asked."""

from __future__ import annotations

from telephony_core.emulator import Emulator, Record
from tests.vendors import VENDORS, Line, number_of


def is_live(vendor: str, record: Record) -> bool:
    return record.get(VENDORS[vendor].status) not in VENDORS[vendor].over


def is_active(vendor: str, record: Record) -> bool:
    words = VENDORS[vendor]
    return record.get(words.status) == words.active and record.get(words.ends) is None


State = dict[str, Record]
"""Every record by its id, with the credentials that no answer shows."""


def state_of(emulator: Emulator) -> State:
    """What is true at the vendor."""
    state = {}
    for record in emulator.records():
        id = str(record[emulator.id_key])
        stored = emulator.credentials(id)
        kept = {name: value for name, value in record.items() if name not in VENDORS[emulator.slug].changing}
        state[id] = {**kept, "(credentials)": stored and (stored.username, stored.password)}
    return state


def inside(record: Record, where: tuple[str, ...], value: object) -> Record:
    """The change that sets a field of a record, or of an object in it."""
    if len(where) == 1:
        return {where[0]: value}
    known = record.get(where[0])
    return {where[0]: {**(known if isinstance(known, dict) else {}), where[1]: value}}


def elsewhere(emulator: Emulator, record: Record) -> Record:
    """The change that sends a record's calls to another trunk."""
    vendor = VENDORS[emulator.slug]
    made = vendor.write(Line(number_of(emulator.slug, record), address="elsewhere.example.com"), emulator)
    for key in vendor.trunk:
        made = made[key]
    return inside(record, vendor.trunk, made)
