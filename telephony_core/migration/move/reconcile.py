"""Finding out whether an import happened whose answer was lost, also by a process that is gone. Writes nothing."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import chain, repeat
from typing import Final

from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.migration.journal.entries import Action, Entry, Phase
from telephony_core.migration.move.compare import expected_of
from telephony_core.migration.move.effects import EndpointRole, Lookup, Now, Procedure, ProviderNow, Wait, perform
from telephony_core.migration.move.task import Doubt, InDoubt, ManualActionRequired, MigrationTask
from telephony_core.operations.reconciliation import Attempt, ReconciliationOutcome, match_import
from telephony_core.provider.capabilities import Operation

_UNTIMED: Final = datetime.min.replace(tzinfo=UTC)
FIRST_PAUSES: Final = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)
LONGEST_PAUSE: Final = 120.0
"""Seconds between two looks for an import whose answer was lost."""


def attempt_of(task: MigrationTask, intent: Entry, username: str | None) -> Attempt:
    """The import that a line of the journal announced, as what to look for.

    ``username`` is that of its trunk, so that a record which differs in nothing else is not taken for it.
    """
    before = intent.data.get("before")
    return Attempt(
        task.provider,
        Operation.IMPORT,
        task.identity,
        before=frozenset(str(id) for id in before) if isinstance(before, list) else frozenset(),
        expected=expected_of(task.number.desired, username),
        started_at=intent.at,
    )


def reconcile_import(
    task: MigrationTask, attempt: Attempt, intent: Entry | None = None
) -> Procedure[PhoneNumber | None]:
    """The record that the import made, or ``None`` when no look of the whole settling window found one.

    One empty look proves nothing: lists lag, and a request may be executed late. So it is looked for with growing
    pauses, in which other numbers have their turn, until a look that was begun after the window's end. Raises `InDoubt`
    when somebody asks the run to stop before that, and `ManualActionRequired` when the record may be somebody else's.

    ``intent`` is the line of an earlier run that announced the import; without one it was sent just now.
    """
    doubt = yield from doubt_of(task, intent, EndpointRole.TARGET)
    repeatable_at = task.repeatable_at(doubt)
    for pause in chain(FIRST_PAUSES, repeat(LONGEST_PAUSE)):
        now = yield from perform(Now())
        found = yield from look_for_import(task, attempt)
        if found is not None:
            return found
        if now >= repeatable_at:
            return None
        yield from task.write(Action.IMPORT, Phase.LOOK, f"no trace of it yet; in doubt {doubt}")
        # A moment longer, so that the last look is begun after the end and not at it.
        left = (repeatable_at - now).total_seconds() + 0.001
        why = f"the import of {task.key} may still take effect"
        if not (yield from perform(Wait(min(pause, left), why, idle=True, doubted=task.key))):
            break
    raise in_doubt(task, doubt)


def doubt_of(task: MigrationTask, announced: Entry | None, end: EndpointRole) -> Procedure[Doubt]:
    """How long what a line announced for one end may still take effect."""
    now = yield from perform(Now())
    return task.doubt(announced, now, end, (yield from perform(ProviderNow(end))))


def look_for_import(task: MigrationTask, attempt: Attempt) -> Procedure[PhoneNumber | None]:
    """One look for what an import made. Raises `ManualActionRequired` when what is there may be somebody else's."""
    records = yield from perform(Lookup(EndpointRole.TARGET, attempt.identity, fresh=True))
    found = match_import(attempt, of_number(task, records), task.capabilities, as_of=_UNTIMED)
    if found.outcome is ReconciliationOutcome.AMBIGUOUS:
        yield from ask_a_person(task, found.candidates)
    return found.number if found.outcome is ReconciliationOutcome.MADE else None


def adopted_record(task: MigrationTask, attempt: Attempt, listed: Iterable[PhoneNumber]) -> PhoneNumber | None:
    """The record that a lost import made, as a listing shows it, where there is no doubt about it."""
    found = match_import(attempt, of_number(task, listed), task.capabilities, as_of=_UNTIMED)
    return found.number if found.outcome is ReconciliationOutcome.MADE else None


def of_number(task: MigrationTask, records: Iterable[PhoneNumber]) -> tuple[PhoneNumber, ...]:
    """Those records that are of the number, or may be; a look also tells what has a certain id."""
    return tuple(
        record
        for record in records
        if record.identity.same_in_account(task.identity) or record.identity.may_be(task.identity)
    )


def in_doubt(task: MigrationTask, doubt: Doubt, what: str = "import") -> InDoubt:
    """A write that may still take effect, as an error."""
    return InDoubt(
        f"the {what} of {task.key} was not answered, and may still take effect ({doubt})",
        since=doubt.since,
        until=doubt.until,
        remedy="run the same command again: it goes on looking, and sends nothing a second time before that",
    )


def doubled(task: MigrationTask, attempt: Attempt) -> Procedure[None]:
    """After an import was repeated: make sure that there is one record, or raise `ManualActionRequired`."""
    records = of_number(task, (yield from perform(Lookup(EndpointRole.TARGET, attempt.identity, fresh=True))))
    new = tuple(record for record in records if record.is_live and record.id not in attempt.before)
    if len(new) > 1:
        yield from ask_a_person(task, new)


def ask_a_person(task: MigrationTask, candidates: tuple[PhoneNumber, ...], why: str = "") -> Procedure[None]:
    """Leave it to a person whose these records are. Raises `ManualActionRequired`, which the journal has as well."""
    ids = [record.id for record in candidates]
    error = ManualActionRequired(
        f"whether {task.key} was made cannot be told: {', '.join(ids)} is there now and was not before, and may be "
        f"somebody else's{f' ({why})' if why else ''}"
        if len(ids) == 1
        else f"{len(ids)} records of {task.key} are there now that were not before: {', '.join(ids)}"
    )
    yield from task.write(Action.IMPORT, Phase.UNKNOWN, error.cli_text, data={"candidates": list(ids)})
    raise error
