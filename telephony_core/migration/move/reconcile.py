"""Finding out whether an import happened whose answer was lost, also by a process that is gone. Writes nothing."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import chain, repeat
from typing import Final

from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.migration.journal.entries import Action, Entry, Phase
from telephony_core.migration.move.compare import expected_of
from telephony_core.migration.move.effects import End, Look, Now, ProviderNow, Unit, Wait, ask
from telephony_core.migration.move.task import Doubt, InDoubt, Job, NeedsPerson
from telephony_core.operations.reconciliation import Attempt, SettlementOutcome, judge_import
from telephony_core.provider.capabilities import Operation

_UNTIMED: Final = datetime.min.replace(tzinfo=UTC)
FIRST_PAUSES: Final = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)
LONGEST_PAUSE: Final = 120.0
"""Seconds between two looks for an import whose answer was lost."""


def attempt_of(job: Job, intent: Entry, username: str | None) -> Attempt:
    """The import that a line of the journal announced, as what to look for.

    ``username`` is that of its trunk, so that a record which differs in nothing else is not taken for it.
    """
    before = intent.facts.get("before")
    return Attempt(
        job.provider,
        Operation.IMPORT,
        job.identity,
        before=frozenset(str(id) for id in before) if isinstance(before, list) else frozenset(),
        expected=expected_of(job.number.wanted, username),
        started_at=intent.at,
    )


def settle_import(job: Job, attempt: Attempt, intent: Entry | None = None) -> Unit[PhoneNumber | None]:
    """The record that the import made, or ``None`` when no look of the whole settling window found one.

    One empty look proves nothing: lists lag, and a request may be executed late. So it is looked for with growing
    pauses, in which other numbers have their turn, until a look that was begun after the window's end. Raises `InDoubt`
    when somebody asks the run to stop before that, and `NeedsPerson` when what is there may be somebody else's.

    ``intent`` is the line of an earlier run that announced the import; without one it was sent just now.
    """
    doubt = yield from doubt_of(job, intent, End.TARGET)
    repeatable_at = job.repeatable_at(doubt)
    for pause in chain(FIRST_PAUSES, repeat(LONGEST_PAUSE)):
        now = yield from ask(Now())
        found = yield from look_for_import(job, attempt)
        if found is not None:
            return found
        if now >= repeatable_at:
            return None
        yield from job.write(Action.IMPORT, Phase.LOOK, f"no trace of it yet; in doubt {doubt}")
        # A moment longer, so that the last look is begun after the end and not at it.
        left = (repeatable_at - now).total_seconds() + 0.001
        why = f"the import of {job.key} may still take effect"
        if not (yield from ask(Wait(min(pause, left), why, idle=True, doubted=job.key))):
            break
    raise in_doubt(job, doubt)


def doubt_of(job: Job, announced: Entry | None, end: End) -> Unit[Doubt]:
    """How long what a line announced for one end may still take effect."""
    now = yield from ask(Now())
    return job.doubt(announced, now, end, (yield from ask(ProviderNow(end))))


def look_for_import(job: Job, attempt: Attempt) -> Unit[PhoneNumber | None]:
    """One look for what an import made. Raises `NeedsPerson` when what is there may be somebody else's."""
    records = yield from ask(Look(End.TARGET, attempt.identity, fresh=True))
    found = judge_import(attempt, of_number(job, records), job.capabilities, as_of=_UNTIMED)
    if found.outcome is SettlementOutcome.AMBIGUOUS:
        yield from ask_a_person(job, found.candidates)
    return found.number if found.outcome is SettlementOutcome.MADE else None


def adopted_record(job: Job, attempt: Attempt, listed: Iterable[PhoneNumber]) -> PhoneNumber | None:
    """The record that a lost import made, as a listing shows it, where there is no doubt about it."""
    found = judge_import(attempt, of_number(job, listed), job.capabilities, as_of=_UNTIMED)
    return found.number if found.outcome is SettlementOutcome.MADE else None


def of_number(job: Job, records: Iterable[PhoneNumber]) -> tuple[PhoneNumber, ...]:
    """Those records that are of the number, or may be; a look also tells what has a certain id."""
    return tuple(
        record
        for record in records
        if record.identity.same_in_account(job.identity) or record.identity.may_be(job.identity)
    )


def in_doubt(job: Job, doubt: Doubt, what: str = "import") -> InDoubt:
    """A write that may still take effect, as an error."""
    return InDoubt(
        f"the {what} of {job.key} was not answered, and may still take effect ({doubt})",
        since=doubt.since,
        until=doubt.until,
        remedy="run the same command again: it goes on looking, and sends nothing a second time before that",
    )


def doubled(job: Job, attempt: Attempt) -> Unit[None]:
    """After an import was repeated: make sure that there is one record. Raises `NeedsPerson` when there are more."""
    records = of_number(job, (yield from ask(Look(End.TARGET, attempt.identity, fresh=True))))
    new = tuple(record for record in records if record.is_live and record.id not in attempt.before)
    if len(new) > 1:
        yield from ask_a_person(job, new)


def ask_a_person(job: Job, candidates: tuple[PhoneNumber, ...], why: str = "") -> Unit[None]:
    """Leave it to a person whose these records are. Raises `NeedsPerson`, which the journal has as well."""
    ids = [record.id for record in candidates]
    error = NeedsPerson(
        f"whether {job.key} was made cannot be told: {', '.join(ids)} is there now and was not before, and may be "
        f"somebody else's{f' ({why})' if why else ''}"
        if len(ids) == 1
        else f"{len(ids)} records of {job.key} are there now that were not before: {', '.join(ids)}"
    )
    yield from job.write(Action.IMPORT, Phase.UNKNOWN, str(error), facts={"candidates": list(ids)})
    raise error
