"""What the kinds of plans do with one number, and what has to be true before: all in which their runs differ."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.migration.changeset.selection import Conditions
from telephony_core.migration.changeset.set_steps import (
    change_settings,
    changed_by_others,
    changes_trunk,
    restore_or_plan_anew,
)
from telephony_core.migration.inventory.fields import some
from telephony_core.migration.inventory.inventory import number_text
from telephony_core.migration.journal.entries import Action
from telephony_core.migration.move.effects import (
    MigrationTask,
    Procedure,
    journaled,
)
from telephony_core.migration.move.state import NumberState
from telephony_core.migration.move.steps import live_ids, move_number
from telephony_core.migration.plan.allowances import Allowance
from telephony_core.migration.plan.findings import SkipReason
from telephony_core.migration.plan.model import EndpointRole, Plan, PlanKind
from telephony_core.migration.rendering.commands import there_already
from telephony_core.migration.run.account_index import AccountIndex
from telephony_core.provider.capabilities import Capabilities


class Stale(NamedTuple):
    """A number that is not as the plan read it."""

    key: str
    how: str
    remedy: str | None = None
    """What to do where a new plan for it is not the answer."""


class Work(ABC):
    """What one kind of plan does with its numbers."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.states: dict[str, NumberState] = {}
        """What the journal knows of every number of the plan that it has lines of; whoever writes there keeps it so."""

    def state(self, key: str) -> NumberState:
        """What the journal knows of a number."""
        return self.states.get(key, NumberState())

    @abstractmethod
    def needs_secrets(self, state: NumberState) -> bool:
        """Whether a number in this state may still be sent its credentials."""

    @abstractmethod
    def procedure(self, task: MigrationTask) -> Procedure[None]:
        """Everything that is done for one number."""

    @abstractmethod
    def stale(
        self, tasks: Sequence[MigrationTask], indexes: Mapping[EndpointRole, AccountIndex], *, whole: bool
    ) -> Iterator[Stale]:
        """What is not as the plan read it, by listings that were just made; ``whole``: no number was chosen by hand."""

    @abstractmethod
    def watch(self, indexes: Mapping[EndpointRole, AccountIndex], there: Capabilities) -> None:
        """Get ready for the listings that `stale` is asked about; ``there`` is what the target can do."""

    def concerned(self, keys: Iterable[str]) -> set[str]:
        """These numbers, and those whose lines say something about them."""
        return set(keys)

    def in_order(self, tasks: Sequence[MigrationTask]) -> list[list[MigrationTask]]:
        """The numbers in groups, each of which is done before the next one."""
        return [list(tasks)]


def work_of(plan: Plan, unpublished: Collection[str] = ()) -> Work:
    """What a plan of this kind does. ``unpublished`` are agents that its releases may have unpublished."""
    return SettingsWork(plan) if plan.kind is PlanKind.SET else ImportWork(plan, unpublished)


class ImportWork(Work):
    """Numbers that are imported, out of a source or out of a table."""

    def __init__(self, plan: Plan, unpublished: Collection[str]) -> None:
        super().__init__(plan)
        self._unpublished = frozenset(unpublished)

    def needs_secrets(self, state: NumberState) -> bool:
        return state.created is None or state.send_again

    def watch(self, indexes: Mapping[EndpointRole, AccountIndex], there: Capabilities) -> None:
        """What is kept of a listing anyway is enough."""

    def procedure(self, task: MigrationTask) -> Procedure[None]:
        return move_number(task, self.state(task.key), self._unpublished)

    def stale(
        self, tasks: Sequence[MigrationTask], indexes: Mapping[EndpointRole, AccountIndex], *, whole: bool
    ) -> Iterator[Stale]:
        target = indexes[EndpointRole.TARGET]
        for task in tasks:
            state, planned = self.state(task.key), task.number.source
            changed = []
            if planned is not None:
                record = indexes[EndpointRole.SOURCE].by_id(planned.id)
                if drift := task.changes_at_source(record, self._unpublished):
                    how = "it was removed" if record is None else "; ".join(map(str, drift))
                    remedy = task.restore_source if state.touched else None
                    changed.append(Stale(task.key, f"at the source: {how}", remedy))
            # A record of a number that was begun is looked for by its own procedure, which knows what to make of it.
            if not state.touched:
                live = live_ids(task, target.shown(task.identity))
                changed += [
                    Stale(
                        task.key,
                        f"at the target: it is there already, as {id}",
                        there_already(task.key, live[0], task.target.connection),
                    )
                    for id in live
                ]
            yield from changed


class SettingsWork(Work):
    """Numbers whose settings are changed. Where several run over one trunk, that is changed once."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self._grown: list[PhoneNumber] = []
        self._by_trunk: dict[tuple[str, ...], list[str]] = {}
        self._joined: dict[tuple[str, ...], list[str]] = {}
        """Numbers that nobody chose and that run over a trunk of the plan, as the last listing shows them."""
        for number in plan.numbers:
            if number.record.trunk_ids:
                self._by_trunk.setdefault(number.record.trunk_ids, []).append(number.key)

    def needs_secrets(self, state: NumberState) -> bool:
        return Action.SET_SIP not in state.changed

    def _sharing(self, task: MigrationTask) -> list[str]:
        """The other numbers of the plan that run over the trunk of this one."""
        return [key for key in self._by_trunk.get(task.number.record.trunk_ids, ()) if key != task.key]

    def concerned(self, keys: Iterable[str]) -> set[str]:
        numbers = set(keys)
        trunks = (shared for shared in self._by_trunk.values() if not numbers.isdisjoint(shared))
        return numbers.union(*trunks)

    def procedure(self, task: MigrationTask) -> Procedure[None]:
        changed = (key for key in self._sharing(task) if Action.SET_SIP in self.state(key).changed)
        return journaled(task, change_settings(task, self.state(task.key), next(changed, None)))

    def _joined_by(self, task: MigrationTask) -> str | None:
        """In words, which numbers that nobody chose would change with a trunk that is still to be changed."""
        others = self._joined.get(task.number.record.trunk_ids)
        over = any(Action.SET_SIP in self.state(key).changed for key in (task.key, *self._sharing(task)))
        if others is None or over or Allowance.SHARED_TRUNK in self.plan.allowed or not changes_trunk(task):
            return None
        return f"its trunk is by now also the one of {some(others, 5)}, which were not chosen and would change with it"

    def in_order(self, tasks: Sequence[MigrationTask]) -> list[list[MigrationTask]]:
        first, others = list[MigrationTask](), list[MigrationTask]()
        trunks = set[tuple[str, ...]]()
        for task in tasks:
            ids = task.number.record.trunk_ids
            # The first number of each trunk changes it, and the others only look whether it was: at the same time both
            # would write.
            (others if ids and ids in trunks else first).append(task)
            trunks.add(ids)
        return [group for group in (first, others) if group]

    def watch(self, indexes: Mapping[EndpointRole, AccountIndex], there: Capabilities) -> None:
        planned, skipped = {number.record.id for number in self.plan.numbers}, self.plan.skipped
        # One that is as wanted already, or that cannot be changed, was chosen as well.
        chosen = planned | {left.source_id for left in skipped if left.why is not SkipReason.NOT_CHOSEN}
        known = planned | {left.source_id for left in skipped}
        selection = self.plan.selection
        # Where numbers were named, nothing else was meant: only a condition can come to hold for more.
        grows = selection is not None and selection.where and selection.numbers is None
        conditions = Conditions.parse(selection.where) if selection is not None and grows else None

        def see(record: PhoneNumber) -> None:
            if record.trunk_ids in self._by_trunk and record.is_live and record.id not in chosen:
                joined = self._joined.setdefault(record.trunk_ids, [])
                joined += [text] if (text := number_text(record.identity)) not in joined else []
            if conditions is not None and record.id not in known and conditions.mean(record, there):
                known.add(record.id)
                self._grown.append(record)

        indexes[EndpointRole.TARGET].each = see

    def stale(
        self, tasks: Sequence[MigrationTask], indexes: Mapping[EndpointRole, AccountIndex], *, whole: bool
    ) -> Iterator[Stale]:
        target = indexes[EndpointRole.TARGET]
        for task in tasks:
            state, record = self.state(task.key), target.by_id(task.number.record.id)
            shared = any(self.state(key).touched for key in self._sharing(task))
            if drift := changed_by_others(task, state, record, shared=shared):
                how = "it was removed" if record is None else "; ".join(map(str, drift))
                yield Stale(task.key, how, restore_or_plan_anew(task, state))
            elif (joined := self._joined_by(task)) is not None:
                yield Stale(task.key, joined, restore_or_plan_anew(task, state))
        # A run of some numbers by name was not promised that there are no others.
        for record in self._grown if whole else ():
            yield Stale(number_text(record.identity), f"({record.id}) fits the selection by now, and was not shown")
