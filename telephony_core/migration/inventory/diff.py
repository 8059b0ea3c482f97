"""What has changed between two inventories, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from telephony_core.domain.input_model import InputModel
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.migration.inventory.fields import AGENTS, SETTINGS, means_the_same, unmodelled_text, value_text
from telephony_core.migration.inventory.inventory import Inventory, number_text
from telephony_core.operations.reconciliation import read_field
from telephony_core.provider.capabilities import Field as Setting

_FACTS: Final = (
    "number",
    "status",
    "origin",
    "outbound.credentials",
    "trunk_ids",
    "unmodelled",
    "starts_at",
    "release_requested_at",
    "ends_at",
    "monthly_fee",
)
"""What only a provider changes."""


class FieldDrift(InputModel):
    """One field that is not as it was; values as texts for people."""

    field: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.field}: {self.before} → {self.after}"


class NumberDrift(InputModel):
    """One number that came, went or changed. ``fields`` is empty for one that came or went."""

    number: str
    id: str
    what: str
    """``added``, ``removed`` or ``changed``."""
    message: str
    fields: tuple[FieldDrift, ...] = ()

    def lines(self) -> list[str]:
        """As plain text: what became of the number, then each field."""
        return [self.message, *(f"  {field}" for field in self.fields)]


class InventoryDiff(InputModel):
    """What differs between two inventories: first ``before``, then ``after``."""

    before: str
    after: str
    same_connection: bool
    """Records of one connection are compared by id; those of two only by E.164, and without their agents."""
    numbers: tuple[NumberDrift, ...]
    not_comparable: tuple[str, ...] = ()
    """Numbers without E.164 form, which mean something only at their own connection."""

    def __bool__(self) -> bool:
        """Whether there is any difference."""
        return bool(self.numbers)

    def lines(self) -> list[str]:
        """As plain text: how many differ, then each number with its fields."""
        head = f"{self.before} → {self.after}: "
        if not self.numbers:
            head += "no difference"
        else:
            counts = [(what, sum(drift.what == what for drift in self.numbers)) for what in _WHATS]
            head += ", ".join(f"{count} {what}" for what, count in counts if count)
        lines = [head, *(f"  {line}" for drift in self.numbers for line in drift.lines())]
        if self.not_comparable:
            some = ", ".join(self.not_comparable[:10]) + (", …" if len(self.not_comparable) > 10 else "")
            lines.append(f"  not compared, because they have no E.164 form: {some}")
        return lines

    def __str__(self) -> str:
        return "\n".join(self.lines())


_WHATS: Final = ("added", "removed", "changed")


def diff(before: Inventory, after: Inventory) -> InventoryDiff:
    """What came, went and changed from one inventory to another.

    Two of one connection show its drift; two of different connections show how they differ, as far as their numbers can
    be compared at all.
    """
    same = (before.provider, before.base_url, before.connection) == (after.provider, after.base_url, after.connection)
    # Ids are unique within one account only, and agents have other ids in each.
    drifts = list(_of_one_connection(before, after) if same else _of_two_connections(before, after))
    apart = () if same else tuple(_without_e164([*before.numbers, *after.numbers]))
    return InventoryDiff(
        before=_title(before),
        after=_title(after),
        same_connection=same,
        numbers=tuple(sorted(drifts, key=lambda drift: (drift.number, drift.id, drift.what))),
        not_comparable=apart,
    )


def _title(inventory: Inventory) -> str:
    return f"{inventory.connection} of {value_text(inventory.taken_at)}"


def _of_one_connection(before: Inventory, after: Inventory) -> Iterator[NumberDrift]:
    old, new = ({number.id: number for number in inventory.numbers} for inventory in (before, after))
    for id in old.keys() - new.keys():
        yield _drift(old[id], "removed", f"is gone (it was {old[id].status})")
    for id in new.keys() - old.keys():
        yield _drift(new[id], "added", f"is new ({new[id].origin}, {new[id].status})")
    for id in old.keys() & new.keys():
        yield from _changed(old[id], new[id], [*_FACTS, *SETTINGS])


def _of_two_connections(before: Inventory, after: Inventory) -> Iterator[NumberDrift]:
    old, new = (_live_by_e164(inventory.numbers) for inventory in (before, after))
    for key in old.keys() - new.keys():
        yield _drift(old[key], "removed", f"is at {before.connection} only")
    for key in new.keys() - old.keys():
        yield _drift(new[key], "added", f"is at {after.connection} only")
    for key in old.keys() & new.keys():
        yield from _changed(old[key], new[key], [name for name in SETTINGS if name not in AGENTS])


def _changed(old: PhoneNumber, new: PhoneNumber, names: Iterable[str]) -> Iterator[NumberDrift]:
    fields = tuple(
        FieldDrift(field=name, before=value_text(one), after=value_text(other))
        for name in names
        if not means_the_same(one := _read(old, name), other := _read(new, name))
    )
    if fields:
        count = "1 field differs" if len(fields) == 1 else f"{len(fields)} fields differ"
        yield _drift(new, "changed", count, fields)


def _read(number: PhoneNumber, name: str) -> object:
    reader: Callable[[PhoneNumber], object] | None = _READERS.get(name)
    return reader(number) if reader is not None else read_field(number, name)


_READERS: Final[dict[str, Callable[[PhoneNumber], object]]] = {
    "number": lambda number: number_text(number.identity),
    "status": lambda number: _with_word(number.status, number.provider_status),
    "origin": lambda number: _with_word(number.origin, number.provider_origin),
    "trunk_ids": lambda number: number.trunk_ids or None,
    "unmodelled": unmodelled_text,
    # A label that is empty and one that is not there look alike to everybody.
    Setting.LABEL: lambda number: number.label or None,
}


def _with_word(word: str, vendors: str | None) -> str:
    return word if vendors in (None, word) else f"{word} ({vendors})"


def _drift(number: PhoneNumber, what: str, said: str, fields: tuple[FieldDrift, ...] = ()) -> NumberDrift:
    text = number_text(number.identity)
    return NumberDrift(number=text, id=number.id, what=what, message=f"{text} {said}, id {number.id}", fields=fields)


def _live_by_e164(numbers: Iterable[PhoneNumber]) -> dict[str, PhoneNumber]:
    return {number.identity.e164: number for number in numbers if number.identity.e164 and number.is_live}


def _without_e164(numbers: Iterable[PhoneNumber]) -> Iterator[str]:
    for number in numbers:
        if number.identity.e164 is None and number.is_live:
            yield f"{number_text(number.identity)} at {number.provider}"
