"""Verify: compare the two sides again, at any time after apply, and say what remains unproven."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final

from pydantic import JsonValue

from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.errors import ConfigurationError
from telephony_core.migration.inventory.diff import FieldDrift
from telephony_core.migration.journal.entries import Action, Entry, Phase
from telephony_core.migration.journal.store import SqliteJournal
from telephony_core.migration.move.compare import (
    FieldVerification,
    VerificationResult,
    is_over,
    stale_fields,
    verify_fields,
    which,
)
from telephony_core.migration.move.evidence import changed_by_others
from telephony_core.migration.move.state import MigrationState, NumberState, state_of
from telephony_core.migration.move.task import MigrationTask
from telephony_core.migration.plan.model import Trunk
from telephony_core.migration.plan.store import LoadedPlan
from telephony_core.migration.rendering.cut_over_checklist import cut_over_checklist
from telephony_core.migration.run.endpoints import check_ends
from telephony_core.migration.run.events import Event, EventKind, OnEvent
from telephony_core.migration.run.runner import Opener
from telephony_core.migration.run.verify_report import NumberVerification, VerifyReport
from telephony_core.provider.capabilities import Field as Setting
from telephony_core.provider.identity import id_key
from telephony_core.secrets.references import is_reference, read_secret
from telephony_core.transport.clock import Clock

if TYPE_CHECKING:
    from telephony_core.client import AsyncTelephony


_SETTLED: Final = (MigrationState.MOVED, MigrationState.RELEASED, MigrationState.ROLLED_BACK)
"""What `apply` has nothing more to do for."""
_MOVED: Final = (MigrationState.MOVED, MigrationState.RELEASED)
"""What is still on its way may look equal before its last write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyOptions:
    """Which numbers, and who is told."""

    numbers: Sequence[str] | None = None
    take_over: bool = False
    on_event: OnEvent = lambda event: None
    clock: Clock = field(default_factory=Clock)


def verify_plan(
    loaded: LoadedPlan, source: Opener, target: Opener, options: VerifyOptions | None = None
) -> VerifyReport:
    """`averify_plan` for ordinary code."""
    return asyncio.run(averify_plan(loaded, source, target, options))


async def averify_plan(
    loaded: LoadedPlan, source: Opener, target: Opener, options: VerifyOptions | None = None
) -> VerifyReport:
    """Read both sides and compare every number that was moved, field by field.

    What it finds is written into the journal: only verified numbers can be given up at the source. Its clients are
    read-only. Raises `JournalError` where nothing was begun, and what listing raises.
    """
    options = options or VerifyOptions()
    chosen = loaded.plan.chosen(options.numbers)
    with SqliteJournal.writing(loaded, "verify", take_over=options.take_over, now=options.clock.now) as journal:
        async with source() as source_client, target() as target_client:
            check_ends(loaded.plan, source_client, target_client)
            timeout = loaded.plan.settings.timeout
            reading = source_client.with_options(timeout=timeout, read_only=True)
            there = target_client.with_options(timeout=timeout, read_only=True)
            tasks = [MigrationTask.of(loaded.plan, number, there.capabilities) for number in chosen]
            states = {task.key: state_of(journal.entries_of(task.key)) for task in tasks}
            made = [task for task in tasks if states[task.key].state in _MOVED]
            changed = await _source_changes(reading, made, states, journal.agents_stopped(Action.RELEASE))
            found = await _compared(there, made, states)
            time_there = there.provider_time
        results = []
        for task in made:
            result = NumberVerification(
                number=task.key,
                record=states[task.key].created,
                state=states[task.key].state,
                fields=found[task.key],
                source_changes=changed[task.key],
            )
            results.append(result)
            journal.append(_entry(result, time_there))
            options.on_event(_event(result, options.clock, len(results), len(made)))
        report = VerifyReport(
            plan=str(loaded.path),
            at=options.clock.now(),
            numbers=tuple(results),
            not_moved=tuple(task.key for task in tasks if states[task.key].state not in _SETTLED),
            unanswered=tuple(sorted({state.unanswered for state in states.values() if state.unanswered is not None})),
            checklist=cut_over_checklist(loaded.plan, there.capabilities, results),
        )
        journal.finish(report.in_a_word)
        return report


async def _source_changes(
    client: AsyncTelephony, tasks: Sequence[MigrationTask], states: dict[str, NumberState], stopped: frozenset[str]
) -> dict[str, tuple[FieldDrift, ...]]:
    """What has changed at the source since the plan, by key. One pass over its list; nothing of it is kept."""
    waiting = {task.number.source.id: task for task in tasks}
    changed = {}
    async for record in client.list_numbers():
        if (task := waiting.pop(record.id, None)) is not None:
            changed[task.key] = _source_change(task, states[task.key], record, stopped)
    return changed | {task.key: _source_change(task, states[task.key], None, stopped) for task in waiting.values()}


def _source_change(
    task: MigrationTask, state: NumberState, record: PhoneNumber | None, stopped: frozenset[str]
) -> tuple[FieldDrift, ...]:
    """What has changed of one number, other than that this migration gave it up, be it without an answer."""
    if state.state is MigrationState.RELEASED or (state.open_release is not None and is_over(record)):
        return ()
    return stale_fields(task.number.source, record, stopped)


async def _compared(
    client: AsyncTelephony, tasks: Sequence[MigrationTask], states: dict[str, NumberState]
) -> dict[str, tuple[FieldVerification, ...]]:
    """Every field at the target, by key. One pass over its list, which also shows records that are there twice."""
    by_id = {id_key(states[task.key].created or ""): task for task in tasks}
    by_number = {task.identity.account_key: task.key for task in tasks}
    live: dict[str, list[str]] = {}
    found: dict[str, tuple[FieldVerification, ...]] = {}
    async for record in client.list_numbers():
        key = by_number.get(record.identity.account_key)
        if key is not None and record.is_live:
            live.setdefault(key, []).append(record.id)
        if (task := by_id.get(id_key(record.id))) is not None:
            found[task.key] = compared(task, states[task.key], record)
    for task in tasks:
        if task.key not in found:
            found[task.key] = (_gone(task, states[task.key]),)
        elif len(ids := live.get(task.key, [])) > 1:
            found[task.key] += (_twice(ids),)
    return found


def compared(task: MigrationTask, state: NumberState, record: PhoneNumber) -> tuple[FieldVerification, ...]:
    """Every field of one record at the target, compared with the plan and with what this migration last saw of it."""
    found = verify_fields(task.number.desired, task.trunk, record, task.capabilities, username=_username(task.trunk))
    named = {field.field for field in found if field.result is VerificationResult.DIFFERS}
    return found + tuple(
        FieldVerification(
            field=change.field,
            result=VerificationResult.DIFFERS,
            desired="as this migration left it",
            found="another one" if change.field == Setting.USERNAME else change.after,
            note="somebody changed it since",
        )
        for change in changed_by_others(task, state, record)
        if change.field not in named
    )


def what_differs(task: MigrationTask, state: NumberState, record: PhoneNumber) -> tuple[str, ...]:
    """In words, what is not as planned, or not as this migration left it."""
    return tuple(str(field) for field in compared(task, state, record) if field.result is VerificationResult.DIFFERS)


def _gone(task: MigrationTask, state: NumberState) -> FieldVerification:
    return FieldVerification(
        field="number",
        result=VerificationResult.DIFFERS,
        desired=str(task.identity),
        found=f"nothing (it was {state.created})",
    )


def _twice(ids: Sequence[str]) -> FieldVerification:
    return FieldVerification(
        field="number",
        result=VerificationResult.DIFFERS,
        desired="one live record",
        found=f"{len(ids)}: {', '.join(ids)}",
    )


def _username(trunk: Trunk | None) -> str | None:
    """The user name that a reference leads to, where it can be followed without asking anybody."""
    if trunk is None or trunk.username is None or not is_reference(trunk.username):
        return None
    try:
        return read_secret(trunk.username, what=f"user name of trunk {trunk.name}").get_secret_value()
    except ConfigurationError:
        return None


def _entry(result: NumberVerification, time_there: datetime | None) -> Entry:
    differs, unverifiable = (
        which(result.fields, VerificationResult.DIFFERS),
        which(result.fields, VerificationResult.UNVERIFIABLE),
    )
    fields: list[JsonValue] = [field.model_dump(mode="json", exclude_none=True) for field in result.fields]
    phase = Phase.DONE if result.is_equal else Phase.FAILED
    return Entry(
        result.number,
        Action.VERIFY,
        phase,
        result.record,
        "" if result.is_equal else "; ".join(result.differences),
        {
            "differs": list(differs),
            "unverifiable": list(unverifiable),
            "fields": fields,
            "time_at_target": None if time_there is None else time_there.isoformat(timespec="seconds"),
        },
    )


def _event(result: NumberVerification, clock: Clock, done: int, total: int) -> Event:
    return Event(
        kind=EventKind.NUMBER_DONE if result.is_equal else EventKind.NUMBER_FAILED,
        at=clock.now(),
        number=result.number,
        action=Action.VERIFY,
        message="; ".join(result.differences),
        done=done,
        total=total,
    )
