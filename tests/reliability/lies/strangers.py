"""Somebody else with access to the same account: what they do to records while we are at work."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final

from telephony_core.emulator import Emulator, Record, StoredCredentials
from tests.reliability.lies.lying_backend import LyingBackend
from tests.reliability.lies.vendors import WORDS, elsewhere, is_live, written

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
    """Whether the vendor has such a thing: vox has no allow-list, Acme no label."""
    return (vendor, deed) not in {("vox", Deed.OPEN), ("acme", Deed.RELABEL)}


def stranger(liar: LyingBackend, deed: Deed, id: str, number: str = "") -> str:
    """Do it to the record, and give the id of the stranger's own record where there is one now.

    ``number`` (E.164) is the one that ``RECYCLE`` puts there.
    """
    emulator, record = liar.emulator, liar.emulator.store[id]
    theirs = id
    match deed:
        case Deed.REMOVE:
            _remove(emulator, id)
        case Deed.RECYCLE | Deed.REMAKE:
            again = str(record[liar.words.number]) if deed is Deed.REMAKE else written(liar.vendor, number)
            whole = _somebodys(emulator, again)
            emulator.store.remove(id)
            emulator.store.put(id, {**whole, "id": id}, THEIRS)
        case Deed.DOUBLE:
            theirs = emulator.add(credentials=THEIRS, **_somebodys(emulator, str(record[liar.words.number])))
        case _:
            emulator.store.edit(id, _CHANGES[deed](emulator, record))
    liar.changed()
    return theirs


def add_somebodys(liar: LyingBackend, number: str, **fields: object) -> str:
    """A stranger's record of a number in E.164."""
    record = {**_somebodys(liar.emulator, written(liar.vendor, number)), **fields}
    id = liar.emulator.add(credentials=THEIRS, **record)
    liar.changed()
    return id


def _somebodys(emulator: Emulator, number: str) -> Record:
    """A live record with a label, a trunk and an agent that nobody here uses; without an id."""
    agent = list(emulator.agents.values())[1]
    given: Record
    match emulator.slug:
        case "vox":
            given = {"memo": "Theirs", "inbound_agent": {"agent_id": agent, "agent_version": "production"}}
        case "diga":
            given = {"nickname": "Theirs", "inbound_agent_id": agent}
        case _:
            given = {"app": agent}
    whole = emulator.complete({WORDS[emulator.slug].number: number, **given})
    return {name: value for name, value in {**whole, **elsewhere(emulator.slug, whole)}.items() if name != "id"}


def _remove(emulator: Emulator, id: str) -> None:
    words = WORDS[emulator.slug]
    if emulator.slug == "diga":
        emulator.store.remove(id)
    elif is_live(emulator.slug, emulator.store[id]):
        emulator.store.edit(id, {words.status: words.over[0]})


def _relabel(emulator: Emulator, record: Record) -> Record:
    return {"memo" if emulator.slug == "vox" else "nickname": "Theirs"}


def _agent(emulator: Emulator, record: Record) -> Record:
    agent = list(emulator.agents.values())[1]
    field = WORDS[emulator.slug].agents[-1]
    return {field: {"agent_id": agent, "agent_version": "production"} if emulator.slug == "vox" else agent}


def _open(emulator: Emulator, record: Record) -> Record:
    key, inner = ("sip_config", "allowed_addresses") if emulator.slug == "diga" else ("trunk", "allowed")
    known = record.get(key)
    return {key: {**(known if isinstance(known, dict) else {}), inner: ["0.0.0.0/0"]}}


def _strip(emulator: Emulator, record: Record) -> Record:
    match emulator.slug:
        case "vox":
            return {"address": None, "inbound_trunk_id": None, "outbound_trunk_id": None}
        case "diga":
            known = record.get("sip_config")
            return {
                "sip_config": {
                    **(known if isinstance(known, dict) else {}),
                    "termination_uri": None,
                    "username": None,
                }
            }
    return {"trunk": None}


def _status(word: Callable[[Emulator], str]) -> Callable[[Emulator, Record], Record]:
    def change(emulator: Emulator, record: Record) -> Record:
        # At vox a number that is scheduled begins at its time.
        far = {"start_at": int(emulator.now().timestamp() * 1000) + 10**12} if emulator.slug == "vox" else {}
        return {WORDS[emulator.slug].status: word(emulator), **far}

    return change


_CHANGES: Final[Mapping[Deed, Callable[[Emulator, Record], Record]]] = {
    Deed.RELABEL: _relabel,
    Deed.REDIRECT: lambda emulator, record: elsewhere(emulator.slug, record),
    Deed.AGENT: _agent,
    Deed.OPEN: _open,
    Deed.STRIP: _strip,
    Deed.SUSPEND: _status(lambda _: "suspended"),
    Deed.PEND: _status(lambda emulator: WORDS[emulator.slug].pending),
}
