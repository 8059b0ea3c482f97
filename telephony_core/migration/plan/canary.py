"""Which numbers go first: those that were named, or the ones whose failure would be noticed least."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from telephony_core.domain.lifecycle import NumberStatus
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.errors import InvalidInput
from telephony_core.migration.inventory.fields import agents_of
from telephony_core.migration.plan.findings import Skipped
from telephony_core.migration.plan.model import Canary, PlannedNumber
from telephony_core.migration.plan.naming import NumbersBySpelling


def choose_canaries(
    numbers: Sequence[PlannedNumber],
    skipped: Iterable[Skipped],
    count: int,
    named: Iterable[str] | None,
    region: str,
) -> tuple[Canary, ...]:
    """The numbers that go first, with the reason.

    ``named`` are numbers in any spelling; without them the ``count`` least used ones go first, as far as their records
    show that: no record tells its calls. Raises `InvalidInput` for a named number that is not in the plan.
    """
    if named is not None:
        names, spelled = [named] if isinstance(named, str) else list(named), NumbersBySpelling(numbers, region)
        first = dict.fromkeys(_named(spelled, skipped, text) for text in names)
        return tuple(Canary(number=key, why="it was named") for key in first)
    # Where every number would go first, there is none that could wait for it.
    return tuple(_least_used(numbers, count)) if count and len(numbers) > count else ()


def _named(numbers: NumbersBySpelling, skipped: Iterable[Skipped], text: str) -> str:
    """The key of a number that was named. Raises `InvalidInput`."""
    if found := numbers.find(text):
        return found[0]
    left = next((number for number in skipped if number.key == text), None)
    why = "the plan has no such number" if left is None else left.message
    raise InvalidInput(
        f"{text[:40]!r} cannot go first: {why}", remedy="name a number that the plan holds, or leave it to the plan"
    )


def _least_used(numbers: Sequence[PlannedNumber], count: int) -> list[Canary]:
    sharing = Counter(number.source.trunk_ids for number in numbers if number.source is not None)

    def use(at: int) -> tuple[object, ...]:
        number = numbers[at]
        record = number.source
        if record is None:
            # A number from a table has no record, so only its place is left to go by.
            return (False, _agents(number), 0, 0.0, -at)
        shared = sharing[record.trunk_ids] if record.trunk_ids else 1
        # What is not active has no calls to lose, then what no agent serves, what shares its trunk with fewest, what is
        # youngest.
        return (record.status is NumberStatus.ACTIVE, _agents(number), shared, -_day(record), -at)

    order = sorted(range(len(numbers)), key=use)
    return [Canary(number=numbers[at].key, why=_why(numbers[at], numbers)) for at in order[:count]]


def _day(record: PhoneNumber) -> int:
    """The day on which a record was made; 0 where that is not told. Within a day, age says nothing about use."""
    return 0 if record.created_at is None else record.created_at.toordinal()


def _agents(number: PlannedNumber) -> int:
    """How many agents serve it."""
    return len(number.desired.agents if number.source is None else agents_of(number.source))


def _why(number: PlannedNumber, numbers: Sequence[PlannedNumber]) -> str:
    """Why it seems to be the least used one, by what it does not share with all others."""
    record = number.source
    reasons = []
    if record is not None and record.status is not NumberStatus.ACTIVE:
        reasons.append(f"it is {record.status}")
    if not _agents(number) and any(map(_agents, numbers)):
        reasons.append("no agent serves it")
    days = {_day(each.source) for each in numbers if each.source is not None}
    if record is not None and record.created_at is not None and len(days) > 1:
        reasons.append("it is the youngest of these" if reasons else "it is the youngest")
    return " and ".join(reasons) or "no record tells which is used least, so it is the last one"
