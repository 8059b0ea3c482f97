"""Which numbers are meant: by conditions ``FIELD=VALUE`` on their records, all of which have to hold, and by name.

    label=Sales   status=active   agent=AGENT_ID   outbound.address=pbx.example.com:5060   trunk=TRUNK_ID

An empty value means a setting that is not there, and not one that could not be read. A condition on a field that is not
told would hold for nobody, or for everybody: it is refused.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

from telephony_core.domain.agents import AgentRef
from telephony_core.domain.lifecycle import NumberStatus, Origin
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.domain.sip import MediaEncryption
from telephony_core.domain.sip_address import SipAddress
from telephony_core.errors import InvalidInput
from telephony_core.migration.inventory.fields import AGENTS, SETTINGS, means_the_same
from telephony_core.migration.inventory.inventory import RecordsBySpelling
from telephony_core.operations.reconciliation import is_unread, read_field
from telephony_core.provider.capabilities import Capabilities
from telephony_core.provider.capabilities import Field as Setting

_WORDS: Final[Mapping[str, type[NumberStatus | Origin | MediaEncryption]]] = {
    "status": NumberStatus,
    "origin": Origin,
    Setting.INBOUND_ENCRYPTION: MediaEncryption,
    Setting.OUTBOUND_ENCRYPTION: MediaEncryption,
}
"""Fields whose values are words, and which words there are."""
FIELDS: Final = ("status", "origin", "trunk", "agent", *map(str, SETTINGS))
"""Every field that a condition can be about. ``agent`` is either of the two, ``trunk`` one of the provider's ids."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One field, and the value that it has to have."""

    field: str
    value: str
    holds_for: Callable[[PhoneNumber, Capabilities], bool]

    @classmethod
    def parse(cls, text: str) -> Self:
        """A condition out of ``FIELD=VALUE``. Raises `InvalidInput` for a field or a value that there is not."""
        field, equals, value = text.partition("=")
        field, value = field.strip(), value.strip()
        if not equals or field not in FIELDS:
            what = f"there is no field {field[:40]!r}" if equals else "a condition is written as FIELD=VALUE"
            raise InvalidInput(f"where: {what}", remedy=f"the fields are: {', '.join(FIELDS)}")
        words = _WORDS.get(field)
        # A word with a typo would hold for no number, and with other conditions seem to have been answered.
        if words is not None and value and value not in list(words):
            raise InvalidInput(f"where: {field} is never {value[:40]!r}", remedy=f"its words are: {', '.join(words)}")
        return cls(field, value, _holds(field, value))

    def __str__(self) -> str:
        return f"{self.field}={self.value}"


def _holds(field: str, value: str) -> Callable[[PhoneNumber, Capabilities], bool]:
    if field == "trunk":
        return lambda record, _: value in record.trunk_ids if value else not record.trunk_ids
    if field == "agent":
        ids = [_holds(name, value) for name in AGENTS]
        # No agent means neither of the two.
        return lambda *about: any(holds(*about) for holds in ids) if value else all(holds(*about) for holds in ids)

    wanted = _value(field, value)

    def holds(record: PhoneNumber, capabilities: Capabilities) -> bool:
        read = read_field(record, field)
        if isinstance(read, AgentRef):
            read = read.agent_id
        if isinstance(read, str):
            read = _composed(read)
        if not value:
            # What could not be read is there: it would be written over, unseen.
            return read in (None, "", ()) and not (field in SETTINGS and is_unread(record, field, capabilities))
        if isinstance(read, SipAddress) and isinstance(wanted, SipAddress):
            # One trunk, with and without the transport that its provider takes anyway.
            return means_the_same(capabilities.as_meant(read), capabilities.as_meant(wanted))
        return means_the_same(read, wanted)

    return holds


def _value(field: str, value: str) -> object:
    """A value as records hold it. Raises `InvalidInput`."""
    if value and field == Setting.ADDRESS:
        return SipAddress.parse(value)
    if field == Setting.ALLOWED_ADDRESSES:
        return tuple(entry.strip() for entry in value.replace(",", " ").split())
    return _composed(value)


def _composed(text: str) -> str:
    """A text as it is typed: a table from another machine may hold the same one in parts, and it looks alike."""
    return unicodedata.normalize("NFC", text)


@dataclass(frozen=True, slots=True)
class Conditions:
    """Several conditions, all of which have to hold."""

    all: tuple[Condition, ...]

    @classmethod
    def parse(cls, texts: Iterable[str]) -> Self:
        """Raises `InvalidInput` as `Condition.parse` does."""
        return cls(tuple(Condition.parse(text) for text in texts))

    def hold_for(self, record: PhoneNumber, capabilities: Capabilities) -> bool:
        """Whether all hold, for a record of an account that can do this."""
        return all(condition.holds_for(record, capabilities) for condition in self.all)

    def mean(self, record: PhoneNumber, capabilities: Capabilities) -> bool:
        """Whether a record is chosen where no number is named.

        Released records stay in some lists, and a condition on a label holds for them too. Whoever asks for a status
        means it.
        """
        asked = any(condition.field == "status" for condition in self.all)
        return (asked or record.is_live) and self.hold_for(record, capabilities)

    def demand_told(self, capabilities: Capabilities, provider: str) -> None:
        """Raise `InvalidInput` for a condition on what the provider never tells."""
        for condition in self.all:
            if condition.field in list(Setting) and not capabilities.can_read(Setting(condition.field)):
                raise InvalidInput(
                    f"where: {provider} does not return {condition.field}, so no number can be chosen by it",
                    remedy="choose by another field, or name the numbers",
                )


def select(
    records: Sequence[PhoneNumber], conditions: Conditions, numbers: Iterable[str] | None, capabilities: Capabilities
) -> tuple[list[PhoneNumber], list[PhoneNumber]]:
    """The records for which all conditions hold, and, where ``numbers`` are named, that are among these; and those that
    are named and left out, because a condition does not hold for them.

    A number is named by its id or in any spelling. Raises `InvalidInput` for one that is not there, of which two live
    records are there, and where nothing is chosen at all.
    """
    if not conditions.all and numbers is None:
        raise InvalidInput(
            "no selection was given, and that never means all numbers",
            remedy="say which: --where FIELD=VALUE, --numbers, or --from FILE",
        )
    named = None if numbers is None else _named(records, numbers)
    chosen, left = list[PhoneNumber](), list[PhoneNumber]()
    for record in records:
        if named is None:
            chosen += [record] if conditions.mean(record, capabilities) else []
        elif record.id in named:
            (chosen if conditions.hold_for(record, capabilities) else left).append(record)
    if not chosen:
        said = [str(condition) for condition in conditions.all]
        raise InvalidInput(
            f"no number fits the selection ({' and '.join(said)})" if said else "no number is named",
            remedy="look at `telephony numbers list`; an empty selection never means all numbers",
        )
    return chosen, left


def named_records(records: Sequence[PhoneNumber], numbers: Iterable[str]) -> list[PhoneNumber]:
    """The records that numbers name, by an id or in any spelling. Raises `InvalidInput` for one that is not there."""
    ids = _named(records, numbers)
    return [record for record in records if record.id in ids]


def _named(records: Sequence[PhoneNumber], numbers: Iterable[str]) -> set[str]:
    index, by_id = RecordsBySpelling(records), {record.id: record for record in records}
    found: set[str] = set()
    for text in numbers:
        # An id first: where ids are numbers, both are the same record.
        these = [by_id[text]] if text in by_id else index.find(text)
        # A number that was released and imported again has several records, of which people mean the live one.
        live = [record for record in these if record.is_live] or these
        if not live:
            raise InvalidInput(f"there is no number {text[:40]!r}", remedy="write it in E.164, or give its record's id")
        if len(live) > 1:
            ids = ", ".join(record.id for record in live)
            raise InvalidInput(
                f"{len(live)} records hold {text[:40]!r}: {ids}", remedy="give the id of the one you mean"
            )
        found.add(live[0].id)
    return found
