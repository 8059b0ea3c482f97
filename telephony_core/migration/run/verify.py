"""Verify: compare the two sides again, at any time after apply, and say what remains unproven."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal

from telephony_core.domain.lifecycle import NumberStatus
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.migration.inventory.diff import FieldDrift
from telephony_core.migration.inventory.staleness import changed_since, is_released
from telephony_core.migration.journal.entries import Action, Entry, Phase
from telephony_core.migration.journal.protocol import states_of
from telephony_core.migration.move.effects import MigrationTask
from telephony_core.migration.move.state import DONE, FINISHED, MigrationState, NumberState
from telephony_core.migration.plan.findings import is_accepted_loss
from telephony_core.migration.plan.model import Plan, PlanKind
from telephony_core.migration.plan.store import LoadedPlan
from telephony_core.migration.plan.verification import (
    FieldVerification,
    VerificationResult,
    compared_field,
    desired_settings,
    expected_of,
    verify_fields,
    verify_settings,
    which,
)
from telephony_core.migration.rendering.cut_over_checklist import cut_over_checklist
from telephony_core.migration.run.endpoints import Opener, open_endpoints
from telephony_core.migration.run.events import EventKind, RunProgress
from telephony_core.migration.run.options import RunOptions
from telephony_core.migration.run.secret_resolver import usernames_of
from telephony_core.migration.run.verify_report import NumberVerification, VerifyReport
from telephony_core.operations.reconciliation import differences, read_field
from telephony_core.provider.capabilities import Field as Setting
from telephony_core.provider.identity import id_key

if TYPE_CHECKING:
    from telephony_core.client import AsyncTelephony


_MOVED: Final = (*DONE, MigrationState.RELEASED)
"""What is still on its way may look equal before its last write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyOptions(RunOptions):
    """Which numbers, and where events go."""


def verify_plan(
    loaded: LoadedPlan, source: Opener | None, target: Opener, options: VerifyOptions | None = None
) -> VerifyReport:
    """`averify_plan` for ordinary code."""
    return asyncio.run(averify_plan(loaded, source, target, options))


async def averify_plan(
    loaded: LoadedPlan, source: Opener | None, target: Opener, options: VerifyOptions | None = None
) -> VerifyReport:
    """Read both sides and compare every number that was moved, field by field.

    What it finds is written into the journal: only verified numbers can be released at the source. Its clients are
    read-only. Raises `JournalError` where nothing was started, and what listing raises.
    """
    options = options or VerifyOptions()
    chosen = loaded.plan.chosen(options.numbers)
    async with options.journal_store.begin(loaded, "verify") as journal:
        usernames = await usernames_of(loaded.plan.trunks, options.secret_source, options.tenant)
        # No end is named that may write: verifying changes nothing but the journal.
        async with open_endpoints(loaded.plan, source, target) as endpoints:
            there = endpoints.target
            tasks = [
                MigrationTask.of(loaded, number, there.capabilities, usernames, endpoints.at_source)
                for number in chosen
            ]
            known = await states_of(journal, [task.key for task in tasks])
            states = {task.key: known.get(task.key, NumberState()) for task in tasks}
            made = [task for task in tasks if states[task.key].state in _MOVED]
            unpublished = await journal.agents_unpublished(Action.RELEASE)
            changed: Mapping[str, tuple[FieldDrift, ...]] = {}
            if endpoints.source is not None:
                changed = await _source_changes(endpoints.source, made, states, unpublished)
            found, send_to = await _compared(there, made, states)
            # Read now, because the soak is counted by the target's clock from this verification on.
            time_there = there.provider_time
        results = []
        progress = RunProgress(options.on_event, options.clock, total=len(made))
        for task in made:
            result = NumberVerification(
                number=task.key,
                record=record_id(task, states[task.key]),
                state=states[task.key].state,
                fields=found[task.key],
                source_changes=changed.get(task.key, ()),
                inbound_uri=send_to.get(task.key),
                accepted=tuple(finding for finding in task.number.findings if is_accepted_loss(finding)),
            )
            results.append(result)
            await (await journal.claim(task.key)).append(_entry(result, time_there))
            progress.done += 1
            progress.failed += not result.is_equal
            kind = EventKind.NUMBER_DONE if result.is_equal else EventKind.NUMBER_FAILED
            progress.report(kind, task.key, "; ".join(result.differences), action=Action.VERIFY)
        now = options.clock.now()
        report = VerifyReport(
            plan=loaded.name,
            kind=loaded.plan.kind,
            at=now,
            releasable_at=_soaked(loaded.plan, [states[task.key] for task in made], now),
            numbers=tuple(results),
            not_moved=tuple(task.key for task in tasks if states[task.key].state not in FINISHED),
            unanswered_numbers=_unanswered(states),
            checklist=cut_over_checklist(loaded.plan, there.capabilities, results),
        )
        await journal.finish(report.summary)
        return report


async def _source_changes(
    client: AsyncTelephony, tasks: Sequence[MigrationTask], states: dict[str, NumberState], unpublished: frozenset[str]
) -> dict[str, tuple[FieldDrift, ...]]:
    """What has changed at the source since the plan, by key. One pass over its list; nothing of it is kept."""
    waiting = {id_key(task.number.record.id): task for task in tasks}
    changed = {}
    async for record in client.list_numbers():
        if (task := waiting.pop(id_key(record.id), None)) is not None:
            changed[task.key] = _source_change(task, states[task.key], record, unpublished)
    return changed | {task.key: _source_change(task, states[task.key], None, unpublished) for task in waiting.values()}


def _source_change(
    task: MigrationTask, state: NumberState, record: PhoneNumber | None, unpublished: frozenset[str]
) -> tuple[FieldDrift, ...]:
    """What has changed of one number, other than that this migration released it, be it without an answer."""
    # A release that died after its request was sent: were that a difference, it would clear the verification, and the
    # release could never be finished.
    if state.state is MigrationState.RELEASED or (state.open_release is not None and is_released(record)):
        return ()
    return task.changes_at_source(record, unpublished)


def _soaked(plan: Plan, states: Sequence[NumberState], now: datetime) -> datetime | None:
    """When the soak ends of those that are to be released, where all of them are verified now."""
    since = [state.verified_since or now for state in states if state.state is MigrationState.MOVED]
    return max(since) + plan.settings.soak if plan.source is not None and since else None


def _unanswered(
    states: Mapping[str, NumberState],
) -> Mapping[Literal["release", "rollback"], tuple[str, ...]]:
    """Keys of the numbers of which a release or a rollback was not answered, by the command."""
    commands: tuple[Literal["release", "rollback"], ...] = ("release", "rollback")
    found = {name: tuple(key for key, state in states.items() if state.unanswered == name) for name in commands}
    return {name: keys for name, keys in found.items() if keys}


def record_id(task: MigrationTask, state: NumberState) -> str | None:
    """Id of the record that the plan made, or whose settings it changes."""
    return task.number.record.id if task.kind is PlanKind.SET else state.created


async def _compared(
    client: AsyncTelephony, tasks: Sequence[MigrationTask], states: dict[str, NumberState]
) -> tuple[dict[str, tuple[FieldVerification, ...]], dict[str, str]]:
    """Every field at the target, and where calls have to be sent to, by key.

    One pass over its list, which also shows records that are there twice.
    """
    by_id = {id_key(record_id(task, states[task.key]) or ""): task for task in tasks}
    by_number = {task.identity.account_key: task.key for task in tasks}
    live: dict[str, list[str]] = {}
    found: dict[str, tuple[FieldVerification, ...]] = {}
    send_to: dict[str, str] = {}
    async for record in client.list_numbers():
        key = by_number.get(record.identity.account_key)
        if key is not None and record.is_live:
            live.setdefault(key, []).append(record.id)
        if (task := by_id.get(id_key(record.id))) is not None:
            found[task.key] = compared(task, states[task.key], record)
            if (uri := client.adapter.inbound_uri(record)) is not None:
                send_to[task.key] = str(uri)
    for task in tasks:
        if task.key not in found:
            nothing = f"nothing (it was {record_id(task, states[task.key])})"
            found[task.key] = (compared_field("number", False, str(task.identity), nothing),)
        elif len(ids := live.get(task.key, [])) > 1:
            found[task.key] += (compared_field("number", False, "one live record", f"{len(ids)}: {', '.join(ids)}"),)
    return found, send_to


def compared(task: MigrationTask, state: NumberState, record: PhoneNumber) -> tuple[FieldVerification, ...]:
    """Every field of one record at the target, compared with the plan and with what this plan last saw of it."""
    verify = verify_settings if task.kind is PlanKind.SET else verify_fields
    found = verify(task.number.desired, task.trunk, record, task.capabilities, username=task.username)
    named = which(found, VerificationResult.DIFFERS)
    return found + tuple(
        compared_field(
            change.field,
            False,
            f"as this {'plan' if task.kind is PlanKind.SET else 'migration'} left it",
            # It may have come out of a secret reference.
            "another one" if change.field == Setting.USERNAME else change.after,
            note="somebody changed it since",
        )
        for change in changed_by_others(task, state, record)
        # Said already, as what differs from the plan.
        if change.field not in named
    )


def changed_by_others(
    task: MigrationTask, state: NumberState, record: PhoneNumber, unpublished: Collection[str] = ()
) -> tuple[FieldDrift, ...]:
    """What is not as this migration last saw its record at the target, nor as the plan wants it.

    A field that is as the plan wants it may come from a step of ours that was not answered; a record that was pending
    may have become active. ``unpublished`` are agents that a rollback unpublished already.
    """
    if not record.identity.same_in_account(task.identity):
        return (FieldDrift(field="number", before=str(task.identity), after=str(record.identity)),)
    left_behind = state.last_seen.data.get("seen") if state.last_seen is not None else None
    # An import that was not answered left no picture of its record.
    if not isinstance(left_behind, dict):
        return ()
    desired = task.number.desired
    wanted = desired_settings(desired) if task.kind is PlanKind.SET else expected_of(desired) | desired.agents
    as_wanted = wanted.keys() - set(differences(wanted, record, task.capabilities))
    as_wanted |= {
        name
        for name, agent in desired.agents.items()
        if agent.agent_id in unpublished and read_field(record, name) is None
    }
    if record.status is NumberStatus.ACTIVE and task.kind is not PlanKind.SET:
        as_wanted.add("status")
    changes = changed_since(left_behind, record, task.capabilities)
    return tuple(change for change in changes if change.field not in as_wanted)


def what_differs(task: MigrationTask, state: NumberState, record: PhoneNumber) -> tuple[str, ...]:
    """In words, what is not as planned, or not as this migration left it."""
    return tuple(str(field) for field in compared(task, state, record) if field.result is VerificationResult.DIFFERS)


def _entry(result: NumberVerification, time_there: datetime | None) -> Entry:
    return Entry(
        result.number,
        Action.VERIFY,
        Phase.DONE if result.is_equal else Phase.FAILED,
        result.record,
        "" if result.is_equal else "; ".join(result.differences),
        {
            "differs": [*which(result.fields, VerificationResult.DIFFERS)],
            "unverifiable": [*which(result.fields, VerificationResult.UNVERIFIABLE)],
            "fields": [field.model_dump(mode="json", exclude_none=True) for field in result.fields],
            "inbound_uri": result.inbound_uri,
            "time_at_target": None if time_there is None else time_there.isoformat(timespec="seconds"),
        },
    )
