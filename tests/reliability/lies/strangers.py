"""Somebody else with access to the same account: what they do to records while we are at work."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Final

from telephony_core.emulator import Emulator, Record, StoredCredentials
from tests.reliability.lies.lying_backend import LyingBackend
from tests.reliability.lies.vendors import elsewhere, inside, is_live
from tests.vendors import VENDORS, Line, Vendor, number_of

THEIRS: Final = StoredCredentials("them", "their password")


class Deed(StrEnum):
    """What a stranger does to one record."""

    RELABEL = "gives it another label"
    REDIRECT = "sends its calls to another trunk"
    AGENT = "adds an agent"
    OPEN = "opens its list"
    STRIP = "takes its trunk away"
    SUSPEND = "has it suspended"
    PEND = "has it wait for its verification"
    REMOVE = "gives it up"
    RECYCLE = "has another number under its id"
    REMAKE = "has it made again, under the same id"
    DOUBLE = "adds the same number once more"


CHANGES: Final = (Deed.RELABEL, Deed.REDIRECT, Deed.AGENT, Deed.OPEN)
"""After these the record is in service, and not as it was."""
OUT_OF_SERVICE: Final = (Deed.STRIP, Deed.SUSPEND, Deed.PEND, Deed.REMOVE, Deed.RECYCLE)
"""After these the number is not served any more by that record."""


def can_do(vendor: str, deed: Deed) -> bool:
    """Whether the vendor has such a thing: vox has no allow-list, Acme no label, and at Retell the number is the id."""
    words = VENDORS[vendor]
    match deed:
        case Deed.RELABEL:
            return words.label is not None
        case Deed.OPEN:
            return words.allowed != ()
        case Deed.SUSPEND | Deed.PEND:
            return words.status != ""
        case Deed.RECYCLE | Deed.DOUBLE:
            return words.can_double()
    return True


def stranger(liar: LyingBackend, deed: Deed, id: str, number: str = "") -> str:
    """Do it to the record, and give the id of the stranger's own record where there is one now.

    ``number`` (E.164) is the one that ``RECYCLE`` puts there.
    """
    emulator, record = liar.emulator, liar.emulator.store[id]
    now = number_of(liar.vendor, record)
    theirs = id
    match deed:
        case Deed.REMOVE:
            _remove(emulator, id)
        case Deed.RECYCLE | Deed.REMAKE:
            whole = emulator.complete(_somebodys(emulator, now if deed is Deed.REMAKE else number))
            emulator.store.remove(id)
            emulator.store.put(id, {**whole, emulator.id_key: id}, THEIRS)
        case Deed.DOUBLE:
            theirs = emulator.add(credentials=THEIRS, **_somebodys(emulator, now))
        case _:
            emulator.store.edit(id, _CHANGES[deed](emulator, record))
    liar.changed()
    return theirs


def add_somebodys(liar: LyingBackend, number: str, **fields: object) -> str:
    """A stranger's record of a number in E.164."""
    id = liar.emulator.add(credentials=THEIRS, **{**_somebodys(liar.emulator, number), **fields})
    liar.changed()
    return id


def _theirs(emulator: Emulator, number: str) -> Line:
    """A live record with a label, a trunk and an agent that nobody here uses."""
    return Line(number, label="Theirs", address="elsewhere.example.com", inbound=list(emulator.agents)[1])


def _somebodys(emulator: Emulator, number: str) -> Record:
    return VENDORS[emulator.slug].write(_theirs(emulator, number), emulator)


def _remove(emulator: Emulator, id: str) -> None:
    words = VENDORS[emulator.slug]
    if words.forgets:
        emulator.store.remove(id)
    elif is_live(emulator.slug, emulator.store[id]):
        emulator.store.edit(id, {words.status: words.over[0]})


def _agent(emulator: Emulator, record: Record) -> Record:
    vendor = VENDORS[emulator.slug]
    line = replace(_theirs(emulator, number_of(emulator.slug, record)), outbound=list(emulator.agents)[1])
    return {vendor.agents[-1]: vendor.write(line, emulator)[vendor.agents[-1]]}


def _status(word: Callable[[Vendor], str]) -> Callable[[Emulator, Record], Record]:
    def change(emulator: Emulator, _: Record) -> Record:
        words = VENDORS[emulator.slug]
        return {words.status: word(words), **words.not_before(emulator)}

    return change


_CHANGES: Final[Mapping[Deed, Callable[[Emulator, Record], Record]]] = {
    Deed.RELABEL: lambda emulator, _: {str(VENDORS[emulator.slug].label): "Theirs"},
    Deed.REDIRECT: elsewhere,
    Deed.AGENT: _agent,
    Deed.OPEN: lambda emulator, record: inside(record, VENDORS[emulator.slug].allowed, ["0.0.0.0/0"]),
    Deed.STRIP: lambda emulator, record: VENDORS[emulator.slug].nowhere(record),
    Deed.SUSPEND: _status(lambda _: "suspended"),
    Deed.PEND: _status(lambda words: words.pending),
}
