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
    stale_fields,
    status_text,
)
from telephony_core.migration.move.effects import EndpointRole, Lookup, Procedure, RunFlow, perform
from telephony_core.migration.move.state import NumberState
from telephony_core.migration.move.task import ContradictoryAnswers, MigrationTask
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

    def at(self, end: EndpointRole) -> PhoneNumber | None:
        return self.source if end is EndpointRole.SOURCE else self.target


def current(task: MigrationTask, end: EndpointRole, id: str) -> Procedure[PhoneNumber | None]:
    """A record as it is now; ``None`` when it is gone twice: not found by its id, and not live in a later listing.

    Raises `ContradictoryAnswers` when the listing shows it all the same.
    """
    try:
        return (yield from perform(RunFlow(end, "get_number", lambda operations: operations.get(id))))
    except NotFound:
        pass
    listed = yield from perform(Lookup(end, task.identity_at(end), id, fresh=True))
    shown = next((record for record in listed if same_id(record.id, id)), None)
    if shown is not None and not is_over(shown):
        raise ContradictoryAnswers(f"{task.key} ({id}) is not found at the {end} by its id, and its list shows it")
    return shown


def gather(task: MigrationTask, target_id: str, *, list_target: bool) -> Procedure[Evidence]:
    """Read both ends anew, and list the target where it has to be known what else is there."""
    source = yield from current(task, EndpointRole.SOURCE, task.number.source.id)
    target = yield from current(task, EndpointRole.TARGET, target_id)
    listed: tuple[PhoneNumber, ...] = ()
    if list_target or is_over(target):  # what is gone may be there under another id
        listed = yield from perform(Lookup(EndpointRole.TARGET, task.identity, target_id, fresh=True))
    return Evidence(source, target, live_ids(task, listed))


def live_ids(task: MigrationTask, listed: Collection[PhoneNumber]) -> tuple[str, ...]:
    """Ids of the live records that are of the number, or may be, among those that a look at the target found."""
    return tuple(
        sorted(
            record.id
            for record in listed
            if record.is_live
            and (record.identity.same_in_account(task.identity) or record.identity.may_be(task.identity))
        )
    )


def why_source_does_not_serve(task: MigrationTask, now: PhoneNumber | None, stopped: Collection[str]) -> str | None:
    """Why calls to the number do not reach the source as the plan read it; ``None`` when they do.

    ``stopped`` are agents of the source that this migration itself unpublished, by releasing other numbers.
    """
    planned = task.number.source
    if now is None:
        return "it is gone there"
    if not now.identity.same_in_account(planned.identity):
        return f"the record {now.id} is of {now.identity} now"
    if now.status is not NumberStatus.ACTIVE:
        return f"it is {status_text(now)} there, not active"
    if planned.sip is not None and now.sip is None:
        return "it has no trunk there any more"
    if changed := stale_fields(planned, now, stopped):
        return f"it has changed there: {'; '.join(map(str, changed))}"
    return None


def changed_by_others(
    task: MigrationTask, state: NumberState, record: PhoneNumber, stopped: Collection[str] = ()
) -> tuple[FieldDrift, ...]:
    """What is not as this migration last saw its record at the target, nor as the plan wants it.

    A field that is as the plan wants it may come from a step of ours that was not answered; a record that was pending
    may have become active. ``stopped`` are agents that a rollback unpublished already.
    """
    if not record.identity.same_in_account(task.identity):
        return (FieldDrift(field="number", before=str(task.identity), after=str(record.identity)),)
    left_behind = state.last_seen.data.get("seen") if state.last_seen is not None else None
    if not isinstance(left_behind, dict):
        return ()
    ours = expected_of(task.number.desired) | agents_of(task.number.desired)
    as_wanted = ours.keys() - set(differences(ours, record, task.capabilities))
    as_wanted |= {
        name
        for name, agent in agents_of(task.number.desired).items()
        if isinstance(agent, AgentRef) and agent.agent_id in stopped and read_field(record, name) is None
    }
    if record.status is NumberStatus.ACTIVE:
        as_wanted.add("status")
    return tuple(change for change in foreign_changes(left_behind, record) if change.field not in as_wanted)
