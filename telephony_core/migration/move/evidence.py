"""What both ends show of one number, and whether they serve it: proven before anything is deleted at either.

A read by id is not enough. The record may be of another number by now, may have been made again under its id, or may
be read as missing by a server that lags behind its own list.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from telephony_core.domain.agents import AgentRef
from telephony_core.domain.lifecycle import NumberStatus
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.errors import NotFound
from telephony_core.migration.inventory.diff import FieldDrift
from telephony_core.migration.move.compare import (
    agents_of,
    expected_of,
    foreign_changes,
    is_over,
    overtaken,
    status_text,
)
from telephony_core.migration.move.effects import Call, End, Look, Unit, ask
from telephony_core.migration.move.state import NumberState
from telephony_core.migration.move.task import ContradictoryAnswers, Job
from telephony_core.operations.reconciliation import differences, read_field
from telephony_core.provider.identity import same_id


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was just read of one number."""

    source: PhoneNumber | None
    """The planned record; ``None`` when it is gone, from reading and from listing."""
    target: PhoneNumber | None
    """The record that this migration made, likewise."""
    live_at_target: tuple[str, ...] = ()
    """Ids of all live records of the number at the target, from a listing; none where that was not asked for."""

    def at(self, end: End) -> PhoneNumber | None:
        return self.source if end is End.SOURCE else self.target


def current(job: Job, end: End, id: str) -> Unit[PhoneNumber | None]:
    """A record as it is now; ``None`` when it is gone twice: not found by its id, and not live in a later listing.

    Raises `ContradictoryAnswers` when the listing shows it all the same.
    """
    try:
        return (yield from ask(Call(end, "get_number", lambda operations: operations.get(id))))
    except NotFound:
        pass
    listed = yield from ask(Look(end, job.identity_at(end), id, fresh=True))
    shown = next((record for record in listed if same_id(record.id, id)), None)
    if shown is not None and not is_over(shown):
        raise ContradictoryAnswers(f"{job.key} ({id}) is not found at the {end} by its id, and its list shows it")
    return shown


def gather(job: Job, target_id: str, *, list_target: bool) -> Unit[Evidence]:
    """Read both ends anew, and list the target where it has to be known what else is there."""
    source = yield from current(job, End.SOURCE, job.number.source.id)
    target = yield from current(job, End.TARGET, target_id)
    listed: tuple[PhoneNumber, ...] = ()
    if list_target or is_over(target):  # what is gone may be there under another id
        listed = yield from ask(Look(End.TARGET, job.identity, target_id, fresh=True))
    return Evidence(source, target, live_ids(job, listed))


def live_ids(job: Job, listed: Collection[PhoneNumber]) -> tuple[str, ...]:
    """Ids of the live records that are of the number, or may be, among those that a look at the target found."""
    return tuple(
        sorted(
            record.id
            for record in listed
            if record.is_live
            and (record.identity.same_in_account(job.identity) or record.identity.may_be(job.identity))
        )
    )


def why_source_does_not_serve(job: Job, now: PhoneNumber | None, stopped: Collection[str]) -> str | None:
    """Why calls to the number do not reach the source as the plan read it; ``None`` when they do.

    ``stopped`` are agents of the source that this migration itself unpublished, by releasing other numbers.
    """
    planned = job.number.source
    if now is None:
        return "it is gone there"
    if not now.identity.same_in_account(planned.identity):
        return f"the record {now.id} is of {now.identity} now"
    if now.status is not NumberStatus.ACTIVE:
        return f"it is {status_text(now)} there, not active"
    if planned.sip is not None and now.sip is None:
        return "it has no trunk there any more"
    if changed := overtaken(planned, now, stopped):
        return f"it has changed there: {'; '.join(map(str, changed))}"
    return None


def changed_by_others(
    job: Job, state: NumberState, record: PhoneNumber, stopped: Collection[str] = ()
) -> tuple[FieldDrift, ...]:
    """What is not as this migration last saw its record at the target, nor as the plan wants it.

    A field that is as the plan wants it may come from a step of ours that was not answered; a record that was pending
    may have become active. ``stopped`` are agents that a rollback unpublished already.
    """
    if not record.identity.same_in_account(job.identity):
        return (FieldDrift(field="number", before=str(job.identity), after=str(record.identity)),)
    left_behind = state.last_seen.facts.get("seen") if state.last_seen is not None else None
    if not isinstance(left_behind, dict):
        return ()
    ours = expected_of(job.number.wanted) | agents_of(job.number.wanted)
    as_wanted = ours.keys() - set(differences(ours, record, job.capabilities))
    as_wanted |= {
        name
        for name, agent in agents_of(job.number.wanted).items()
        if isinstance(agent, AgentRef) and agent.agent_id in stopped and read_field(record, name) is None
    }
    if record.status is NumberStatus.ACTIVE:
        as_wanted.add("status")
    return tuple(change for change in foreign_changes(left_behind, record) if change.field not in as_wanted)
