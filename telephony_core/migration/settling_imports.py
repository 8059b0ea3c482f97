"""Finding out whether an import happened whose answer was lost, also by a process that is gone. Writes nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from telephony_core.capabilities import Operation
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.migration.comparing import expected_of
from telephony_core.migration.effects import Look, Unit, Wait, ask
from telephony_core.migration.entries import Action, Entry, Phase
from telephony_core.migration.job import Job, NeedsPerson
from telephony_core.settling import Attempt, SettlementOutcome, judge_import

_UNTIMED: Final = datetime.min.replace(tzinfo=UTC)


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


def settle_import(job: Job, attempt: Attempt) -> Unit[PhoneNumber | None]:
    """The record that the import made, or ``None`` when it made none.

    One empty look proves nothing, since a request may still be executed late: there are two, and between them lies the
    time after which it cannot be any more. Raises `NeedsPerson` when what is there may be somebody else's.
    """
    for look in ("first", "second"):
        records = yield from ask(Look(attempt.identity, fresh=True))
        found = judge_import(attempt, records, job.capabilities, as_of=_UNTIMED)
        if found.outcome is SettlementOutcome.MADE:
            return found.number
        if found.outcome is SettlementOutcome.AMBIGUOUS:
            yield from _ask_a_person(job, found.candidates)
        if look == "first":
            yield from job.write(Action.IMPORT, Phase.LOOK, "no trace of it yet; looking once more after the time-out")
            yield from ask(Wait(job.timeout, f"a request for {job.key} may still be under way"))
    return None


def doubled(job: Job, attempt: Attempt) -> Unit[None]:
    """After an import was repeated: make sure that there is one record. Raises `NeedsPerson` when there are more."""
    records = yield from ask(Look(attempt.identity, fresh=True))
    new = tuple(record for record in records if record.is_live and record.id not in attempt.before)
    if len(new) > 1:
        yield from _ask_a_person(job, new)


def _ask_a_person(job: Job, candidates: tuple[PhoneNumber, ...]) -> Unit[None]:
    ids = [record.id for record in candidates]
    error = NeedsPerson(
        f"whether {job.key} was made cannot be told: {', '.join(ids)} is there now and was not before, and may be "
        "somebody else's"
        if len(ids) == 1
        else f"{len(ids)} records of {job.key} are there now that were not before: {', '.join(ids)}"
    )
    yield from job.write(Action.IMPORT, Phase.UNKNOWN, str(error), facts={"candidates": list(ids)})
    raise error
