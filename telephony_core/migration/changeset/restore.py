"""Which settings a rollback sets back, and what has to be true of their records before it does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from telephony_core.domain.lifecycle import SideEffect
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.errors import InvalidInput, MigrationError
from telephony_core.migration.changeset.set_steps import (
    changed_by_others,
    changes_trunk,
    restore_settings,
    what_is_restored,
    written,
)
from telephony_core.migration.changeset.settings import change_from, opens
from telephony_core.migration.deprovision.forecast import Forecast, Others
from telephony_core.migration.deprovision.procedure import (
    Evidence,
    Granted,
    ModifiedExternally,
    NotShown,
    Rule,
)
from telephony_core.migration.inventory.fields import value_text
from telephony_core.migration.inventory.staleness import is_released
from telephony_core.migration.journal.entries import Action
from telephony_core.migration.move.effects import (
    MigrationTask,
    Now,
    Procedure,
    ProviderNow,
    perform,
)
from telephony_core.migration.move.state import MigrationState, NumberState
from telephony_core.migration.move.steps import current
from telephony_core.migration.plan.allowances import Allowance
from telephony_core.migration.plan.model import EndpointRole
from telephony_core.operations.reconciliation import read_field
from telephony_core.provider.capabilities import Field as Setting
from telephony_core.provider.capabilities import Operation

if TYPE_CHECKING:
    from telephony_core.client import AsyncTelephony


class NotRestorable(MigrationError):
    """Nothing that the plan changed of a number can be set back."""

    default_remedy: ClassVar[str | None] = "set it at the provider, or with a new plan"


class RestoreRule(Rule):
    """Records whose settings this plan changed, while they are as it left them."""

    command: ClassVar[str] = "rollback"
    action: ClassVar[Action] = Action.ROLL_BACK
    role: ClassVar[EndpointRole] = EndpointRole.TARGET
    verb: ClassVar[str] = "set back"
    done: ClassVar[str] = "set back"

    def candidates(self, tasks: Sequence[MigrationTask], states: Mapping[str, NumberState]) -> list[MigrationTask]:
        touched = [
            task for task in tasks if states[task.key].touched or states[task.key].state is MigrationState.CHANGED
        ]

        def order(task: MigrationTask) -> tuple[bool, int]:
            # A number whose trunk was changed by way of another one is only looked at, after that one.
            seen = states[task.key].last_seen
            return not written(states[task.key]), 0 if seen is None else -seen.seq

        return sorted(touched, key=order)

    def target_id(self, task: MigrationTask, state: NumberState) -> str | None:
        return task.number.record.id

    def obstacle(
        self, task: MigrationTask, state: NumberState, now: datetime, there: datetime | None
    ) -> MigrationError | None:
        if state.open_change is None:
            return None
        doubt = task.doubt(state.open_change, now, EndpointRole.TARGET, there)
        return doubt.error(task.key, "change") if now < doubt.until else None

    def objection(self, task: MigrationTask, state: NumberState, evidence: Evidence) -> MigrationError | None:
        record = evidence.target
        if record is None or is_released(record):
            return ModifiedExternally(
                f"{task.key} ({task.number.record.id}) was released or removed since this plan changed it",
                remedy="nothing of it can be set back",
            )
        if changed := changed_by_others(task, state, record, shared=_over_another_trunk(task, state)):
            return ModifiedExternally(
                f"{task.key} ({record.id}) was changed by somebody since this plan changed it: "
                f"{'; '.join(map(str, changed))}",
                remedy="ask who changed it; set it right at the provider, then run the same command again",
            )
        values, why = what_is_restored(task, state)
        # Only where nothing was set back before: a number that was is finished, although the rest cannot be.
        if written(state) and not state.restored and not any(values.values()):
            reasons = "; ".join(f"{name}: {reason}" for name, reason in sorted(why.items()))
            return NotRestorable(f"nothing of {task.key} can be set back: {reasons}")
        return None

    def forecast(
        self, client: AsyncTelephony, task: MigrationTask, state: NumberState, record: PhoneNumber, others: Others
    ) -> Forecast:
        values, why = what_is_restored(task, state)
        for action, expected in values.items():
            # Said before anything is sent. A provider may show what it does not take.
            if expected and (refused := _refused(client, action, expected, record)) is not None:
                why |= dict.fromkeys(map(Setting, expected), refused)
                values[action] = {}
        # What this plan left there is one agent at most.
        effects = client.capabilities.side_effects.get(Operation.ASSIGN_AGENTS, frozenset()) - {
            SideEffect.REPLACES_SPLIT
        }
        return Forecast(
            number=task.key,
            record=record.id,
            effect=None,
            revocable=False,
            side_effects=tuple(sorted(effects)) if values.get(Action.SET_AGENTS) else (),
            restores=tuple(_restored(task, values, record)) or ("nothing of its own was written",),
            cannot_be_undone=tuple(f"not {name}: {reason}" for name, reason in sorted(why.items())),
            needs=(Allowance.ANY_CALLER.value,) if any(map(opens, values.values())) else (),
        )

    def procedure(self, task: MigrationTask, state: NumberState, granted: Granted) -> Procedure[None]:
        record = yield from current(task, EndpointRole.TARGET, task.number.record.id)
        now = yield from perform(Now())
        there = yield from perform(ProviderNow(EndpointRole.TARGET))
        error = self.obstacle(task, state, now, there) or self.objection(task, state, Evidence(None, record))
        if error is not None:
            raise error
        if record is None or (task.key, task.number.record.id) not in granted.confirmed:
            raise NotShown(f"{task.key} ({task.number.record.id}) was not among the records that were shown")
        yield from restore_settings(task, state, record, allow=granted.effects)

    def cannot_be_undone(self, tasks: Sequence[MigrationTask], states: Mapping[str, NumberState]) -> tuple[str, ...]:
        if any(SideEffect.PUBLISHES in step.side_effects for task in tasks for step in task.number.steps):
            return ("a version of an agent that was published by assigning it stays published",)
        return ()

    def find(self, task: MigrationTask, state: NumberState) -> Procedure[str | None]:
        # Makes a generator of it, which the rule is asked for: the record is known, and nothing has to be looked for.
        yield from ()
        return task.number.record.id


def _refused(client: AsyncTelephony, action: Action, expected: Mapping[str, object], record: PhoneNumber) -> str | None:
    """Why the provider does not take values back that it once told."""
    try:
        # Whether it is allowed is asked elsewhere; here, whether the provider takes it at all.
        change = change_from(expected, action, record, allow_any=True, allow=frozenset(SideEffect))
    except InvalidInput as error:
        return error.message
    return next((problem.message for problem in client.check(change) if problem.error is not None), None)


def _over_another_trunk(task: MigrationTask, state: NumberState) -> bool:
    """Whether the trunk of a number was changed by way of another number that shares it."""
    return changes_trunk(task) and state.done is MigrationState.CHANGED and Action.SET_SIP not in state.changed


def _restored(task: MigrationTask, values: Mapping[Action, Mapping[str, object]], record: PhoneNumber) -> Iterator[str]:
    hidden = task.trunk is not None and task.trunk.username is not None and task.trunk.plain_username is None
    for expected in values.values():
        for name, value in expected.items():
            # A user name that is there now may have come from a secret reference.
            is_secret = hidden and name == Setting.USERNAME
            yield f"{name}: " + (
                "as it was" if is_secret else f"{value_text(read_field(record, name))} → {value_text(value)}"
            )
