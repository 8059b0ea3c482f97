"""Apply: do what the plan says, number by number, and go on where an earlier run was interrupted.

Only creates and updates at the target, only what is planned, and only while the world is as the plan read it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace

from telephony_core.errors import TelephonyError
from telephony_core.errors.migration import InDoubt, ManualActionRequired, StalePlan
from telephony_core.migration.journal.entries import Action, Entry, Phase
from telephony_core.migration.journal.memory import MemoryJournals
from telephony_core.migration.journal.protocol import CampaignJournal, Journal, states_of
from telephony_core.migration.journal.sqlite_file import JournalError
from telephony_core.migration.move.effects import (
    MigrationTask,
    Wait,
)
from telephony_core.migration.move.state import DONE, FINISHED, MigrationState, NumberState, state_of
from telephony_core.migration.move.steps import PAUSES
from telephony_core.migration.plan.model import EndpointRole, PlanKind, PlannedNumber, Settings
from telephony_core.migration.plan.store import LoadedPlan
from telephony_core.migration.rendering.commands import anew, command
from telephony_core.migration.run.account_index import AccountIndex
from telephony_core.migration.run.apply_report import ApplyReport, NumberOutcome
from telephony_core.migration.run.endpoints import Opener, check_account, open_endpoints, records_made
from telephony_core.migration.run.events import EventKind, RunProgress
from telephony_core.migration.run.options import RunOptions
from telephony_core.migration.run.runner import Runner
from telephony_core.migration.run.secret_resolver import SecretResolver
from telephony_core.migration.run.stopping import Failure, StopRules, run_interruptibly
from telephony_core.migration.run.work import work_of

_MOST_NAMED = 10
"""So many numbers an error names."""
_WITNESSES = 100
"""Numbers that were made, whose records show to a run of a part of the plan that the account is still the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyOptions(RunOptions):
    """How a run may differ from what the plan says. ``None`` keeps the plan's setting."""

    canary: int | None = None
    first: Sequence[str] | None = None
    """Keys of the numbers that go first, in place of the canaries of the plan."""
    concurrency: int | None = None
    stop_on_error: bool = False

    def settings(self, planned: Settings) -> Settings:
        """Those of the plan, with what is overridden here."""
        given = {"canary": self.canary, "concurrency": self.concurrency}
        return Settings.model_validate(
            {**planned.model_dump(), **{name: value for name, value in given.items() if value is not None}}
        )


def apply_plan(
    loaded: LoadedPlan, source: Opener | None, target: Opener, options: ApplyOptions | None = None
) -> ApplyReport:
    """`aapply_plan` for ordinary code. The first Ctrl-C finishes the numbers in hand, the second stops at once.

    Raises `Interrupted` for the second.
    """

    given = options or ApplyOptions()
    return run_interruptibly(
        lambda rules: aapply_plan(loaded, source, target, given, rules=rules),
        _rules(loaded, given),
        "apply",
        command("apply", loaded.name, given.numbers or (), kind=loaded.plan.kind),
    )


async def aapply_plan(
    loaded: LoadedPlan,
    source: Opener | None,
    target: Opener,
    options: ApplyOptions | None = None,
    *,
    rules: StopRules | None = None,
) -> ApplyReport:
    """Do what the plan says with the numbers that are not done yet. Running it again goes on, and does nothing where
    all is done. Only a migration has a ``source``; it is ``None`` for every other plan.

    ``rules.ask()`` stops it from another task: the numbers in hand are finished, no other one is started. Raises
    `StalePlan` before anything is written when the plan's records have changed, `ConfigurationError` when a secret
    is not where the plan says, `JournalLocked` when another run is at work, `JournalError`. A number that fails is in
    the report and does not keep the others from being moved.
    """
    options = options or ApplyOptions()
    numbers = loaded.plan.chosen(options.numbers)
    async with options.journal_store.begin(loaded, "apply") as journal:
        report = await _Run(loaded, numbers, options, journal, rules or _rules(loaded, options)).whole(source, target)
        await journal.finish(report.summary)
        return report


async def acheck_plan(
    loaded: LoadedPlan, source: Opener | None, target: Opener, options: ApplyOptions | None = None
) -> int:
    """Look whether apply could begin now, and return how many numbers are left to be done. Writes nothing, anywhere.

    Raises what `aapply_plan` raises before anything is written.
    """
    options = options or ApplyOptions()
    numbers, rules = loaded.plan.chosen(options.numbers), _rules(loaded, options)
    store = options.journal_store
    if await store.was_started(loaded):
        async with store.reading(loaded) as journal:
            return await _Run(loaded, numbers, options, journal, rules).check(source, target)
    # A check writes nothing, not even an empty journal beside the plan.
    async with MemoryJournals(options.clock.now).begin(loaded, "apply") as nothing:
        return await _Run(loaded, numbers, options, nothing, rules).check(source, target)


def _rules(loaded: LoadedPlan, options: ApplyOptions) -> StopRules:
    notice = RunProgress(options.on_event, options.clock).notice
    noun = "change" if loaded.plan.kind is PlanKind.SET else "import"
    return StopRules(loaded.plan.settings.equal_failures, options.stop_on_error, noun, announce=notice)


class _Run:
    """One run of apply."""

    def __init__(
        self,
        loaded: LoadedPlan,
        numbers: tuple[PlannedNumber, ...],
        options: ApplyOptions,
        journal: CampaignJournal,
        rules: StopRules,
    ) -> None:
        self.loaded = loaded
        self.numbers = numbers
        self.options = options
        self.settings = options.settings(loaded.plan.settings)
        self.journal = journal
        self.rules = rules
        self.progress = RunProgress(options.on_event, options.clock, total=len(numbers))
        self.failures: dict[str, NumberOutcome] = {}
        self.resolver = SecretResolver(options.secret_source, options.tenant)
        self.work = work_of(loaded.plan)
        self._broken: JournalError | None = None

    async def whole(self, source: Opener | None, target: Opener) -> ApplyReport:
        if (died := self.journal.taken_over) is not None:
            owner = died.owner(self.options.clock.now())
            self.progress.notice(f"going on after a run of which no end is recorded: {owner}")
        pending = await self._pending()
        self.progress.done = len(self.numbers) - len(pending)
        verb = self.loaded.plan.kind.verb
        self.progress.report(EventKind.STARTED, message=f"{len(pending)} of {len(self.numbers)} numbers to {verb}")
        if pending:
            async with self._opened(pending, source, target, EndpointRole.TARGET) as (tasks, runner):
                await self._move_all(tasks, runner)
        report = self._report()
        self.progress.report(EventKind.ENDED, message=report.summary)
        return report

    async def check(self, source: Opener | None, target: Opener) -> int:
        """Everything that is done before the first write, and no more. Returns how many numbers are left."""
        if pending := await self._pending():
            async with self._opened(pending, source, target, None) as (tasks, runner):
                await self._check(tasks, runner)
        return len(pending)

    async def _pending(self) -> list[PlannedNumber]:
        """The numbers to move: first those that were started, then the new ones, then those that failed before; of each
        the canaries of the plan first."""
        # Known only now that the journal is read: agents that this plan's own releases stopped are no change by
        # somebody else.
        self.work = work_of(self.loaded.plan, await self.journal.agents_unpublished(Action.RELEASE))
        concerned: set[str] | None = None
        # Of a part of a large plan only its own lines are read, and some records by which the account is known again.
        if len(self.numbers) < len(self.loaded.plan.numbers):
            concerned = self.work.concerned(number.key for number in self.numbers) | await self.journal.made(_WITNESSES)
        self.work.states = await states_of(self.journal, concerned)
        order = {MigrationState.IN_DOUBT: 0, MigrationState.STARTED: 0, MigrationState.NOT_STARTED: 1}
        states = [(number, self._state(number).state) for number in self.numbers]
        plan = self.loaded.plan
        planned = [canary.number for canary in plan.canaries]
        first = {number.key for number in plan.chosen(planned if self.options.first is None else self.options.first)}
        pending = [
            ((order.get(state, 2), number.key not in first), number)
            for number, state in states
            if state not in FINISHED
        ]
        return [number for _, number in sorted(pending, key=lambda each: each[0])]

    def _state(self, number: PlannedNumber) -> NumberState:
        return self.work.state(number.key)

    @asynccontextmanager
    async def _opened(
        self,
        pending: Sequence[PlannedNumber],
        source: Opener | None,
        target: Opener,
        writing: EndpointRole | None,
    ) -> AsyncIterator[tuple[list[MigrationTask], Runner]]:
        """The numbers to move, and what runs their procedures, with every secret read that they need."""
        plan = self.loaded.plan
        # Read before any client is opened: a secret that is missing must not be found out half-way, and nobody is asked
        # for one that is not needed any more.
        needing = {number.desired.trunk for number in pending if self.work.needs_secrets(self._state(number))}
        await self.resolver.open(trunk for trunk in plan.trunks if trunk.name in needing)
        timeout = self.settings.timeout
        async with open_endpoints(plan, source, target, timeout=timeout, writing=writing) as endpoints:
            there, origin = endpoints.target.capabilities, endpoints.at_source
            tasks = [MigrationTask.of(self.loaded, number, there, source=origin) for number in pending]
            runner = Runner.of(
                tasks,
                endpoints,
                self.journal,
                self.resolver,
                self.options.clock,
                # By these the account is known again, whatever numbers they are of.
                ids=(*records_made(self.work.states), *plan.target.holds),
                recorded=self.progress.step,
                waiting=self._waiting,
                stopping=self.rules.asked,
            )
            yield tasks, runner

    async def _move_all(self, tasks: list[MigrationTask], runner: Runner) -> None:
        await self._check(tasks, runner)
        # What was rolled back proves nothing of what the plan makes.
        proven = sum(self._state(number).state in (*DONE, MigrationState.RELEASED) for number in self.numbers)
        canaries = max(0, self.settings.canary - proven)
        await self._move_some(tasks[:canaries], runner, canary=True)
        for group in self.work.in_order(tasks[canaries:]):
            await self._move_some(group, runner)
        # Changing settings makes no record, so there can be no second one.
        if self.loaded.plan.kind is not PlanKind.SET:
            await self._check_for_doubles(tasks, runner.indexes[EndpointRole.TARGET])

    # -- before anything is written

    async def _check(self, tasks: Sequence[MigrationTask], runner: Runner) -> None:
        """Refuse another account than the plan's, and records that are not as the plan read them."""
        target = runner.indexes[EndpointRole.TARGET]
        self.work.watch(runner.indexes, runner.endpoints.target.capabilities)
        await target.refresh()
        await self._check_account(records_made(self.work.states), target)
        await self._check_records(tasks, runner.indexes)

    async def _check_account(self, made: Mapping[str, NumberState], target: AccountIndex) -> None:
        """Refuse another account than the plan's. What this migration made last may take a moment to show."""
        for pause in PAUSES if made else ():
            with suppress(StalePlan):
                check_account(self.loaded.plan, made, target)
                return
            await self.options.clock.asleep(pause)
            await target.refresh()
        check_account(self.loaded.plan, made, target)

    async def _check_records(
        self, tasks: Sequence[MigrationTask], indexes: Mapping[EndpointRole, AccountIndex]
    ) -> None:
        """Refuse when the records of the plan have changed, other than by what the journal says."""
        for role, index in indexes.items():
            if role is not EndpointRole.TARGET:  # which was listed right before
                await index.refresh()
        # Another run may have gone on meanwhile, where a store lets several work on a plan.
        self.work.states |= await states_of(self.journal, self.work.concerned(task.key for task in tasks))
        whole = self.options.numbers is None
        if stale := list(self.work.stale(tasks, indexes, whole=whole)):
            remedies = {each.key: each.remedy for each in stale if each.remedy is not None}
            raise self._stale([(each.key, each.how) for each in stale], tasks, remedies)

    def _stale(
        self, changed: Sequence[tuple[str, str]], tasks: Sequence[MigrationTask], remedies: Mapping[str, str]
    ) -> StalePlan:
        """What has changed, and how to go on.

        The others go first, because a new plan would skip one of them that is half made. Of the changed ones, a new
        plan helps only those that are not at the target in any way; each of the rest has a remedy of its own.
        """
        what = [f"{key} {how}" for key, how in changed[:_MOST_NAMED]]
        what += [f"and {len(changed) - _MOST_NAMED} more"] if len(changed) > _MOST_NAMED else []
        keys = list(dict.fromkeys(key for key, _ in changed))
        parts = [f"for {key}: {remedies[key]}" for key in keys[:_MOST_NAMED] if key in remedies]
        if left := len(keys) - len(remedies):
            which = "what has changed" if not remedies else f"the {left} that are only changed at the source"
            again = "take the inventory again and make" if self.loaded.plan.source is not None else "make"
            parts.append(f"{again} a new plan, under another name, for {which}")
        if others := [task.key for task in tasks if task.key not in keys]:
            named = self._command(others)
            if len(others) > _MOST_NAMED:
                # So many numbers would not fit into a command line.
                named = f"{self._command()} --numbers @FILE"
            parts[0] = f"go on with the other {len(others)} first: `{named}`; then {parts[0]}"
        return StalePlan(
            f"{len(changed)} things are not as the plan read them: {'; '.join(what)}", remedy="; ".join(parts)
        )

    def _command(self, numbers: Iterable[str] = ()) -> str:
        return command("apply", self.loaded.name, numbers, kind=self.loaded.plan.kind)

    # -- number by number

    async def _move_some(self, tasks: Sequence[MigrationTask], runner: Runner, *, canary: bool = False) -> None:
        """Move these, so many at once as the settings allow. One that only waits leaves its place to another."""
        workers = asyncio.Semaphore(self.settings.concurrency)
        runner = replace(runner, workers=workers, as_planned=True)
        try:
            async with asyncio.TaskGroup() as group:
                for task in tasks:
                    # The place is taken before the rules are asked: they may say stop while this waits for it.
                    await workers.acquire()
                    if self.rules.why is not None or self._broken is not None:
                        workers.release()  # one that only waits still needs it, to end
                        break
                    group.create_task(self._work(task, runner, workers, canary=canary))
        except BaseExceptionGroup as several:
            # A number's failure never comes here. What does ends the whole run, and is told as itself and not as one of
            # a group.
            raise several.exceptions[0] from None
        if self._broken is not None:
            raise self._broken

    async def _work(self, task: MigrationTask, runner: Runner, workers: asyncio.Semaphore, *, canary: bool) -> None:
        try:
            await self._move(task, runner, canary=canary)
        except JournalError as broken:
            self._broken = broken
        finally:
            workers.release()

    async def _move(self, task: MigrationTask, runner: Runner, *, canary: bool) -> None:
        self.progress.report(EventKind.NUMBER_STARTED, task.key)
        journal = await self.journal.claim(task.key)
        try:
            # Where workers share a plan, another one may have finished the number before this one claimed it.
            if (await self._learn(task.key, journal)).state not in FINISHED:
                await runner.run(self.work.procedure(task), journal)
        # Nothing goes on unrecorded, so that is no failure of this number alone.
        except JournalError:
            raise
        except TelephonyError as error:
            await self._learn(task.key, journal)
            if not isinstance(error, InDoubt):  # the run was asked to stop, so there is no further number to keep back
                self.rules.failed(Failure.of(error), canary=canary)
            self._fail(task, error)
        else:
            await self._learn(task.key, journal)
            self.progress.done += 1
            self.rules.succeeded()
            runner.indexes[EndpointRole.TARGET].settle(task.identity)
            self.progress.report(EventKind.NUMBER_DONE, task.key)

    async def _learn(self, key: str, journal: Journal) -> NumberState:
        """Take in what the journal knows of a number by now. Of one that is done, little is kept."""
        state = state_of(await journal.entries())
        self.work.states[key] = replace(state, last_seen=None) if state.state in FINISHED else state
        return state

    def _fail(self, task: MigrationTask, error: TelephonyError) -> None:
        self.failures[task.key] = NumberOutcome.of(task.key, self._state(task.number).state, error)
        self.progress.failed = len(self.failures)
        self.progress.report(EventKind.NUMBER_FAILED, task.key, error.cli_text)

    async def _check_for_doubles(self, tasks: Sequence[MigrationTask], target: AccountIndex) -> None:
        """Look whether somebody else made one of these numbers while this run did: then there are two of it."""
        moved = [task for task in tasks if self._state(task.number).state in DONE]
        if not moved:
            return
        try:
            await target.refresh()
        except TelephonyError as error:
            self.progress.notice(
                f"a number that is there twice may have been missed; `verify` shows it: {error.cli_text}"
            )
            return
        for task in moved:
            live = target.live_of_settled(task.identity)
            if len(live) > 1:
                twice = ManualActionRequired(
                    f"{len(live)} live records of {task.key} are at the target: {', '.join(live)}"
                )
                self.progress.done -= 1
                journal = await self.journal.claim(task.key)
                await journal.append(Entry(task.key, Action.READ_BACK, Phase.FAILED, message=twice.cli_text))
                await self._learn(task.key, journal)
                self._fail(task, twice)

    def _waiting(self, wait: Wait) -> None:
        if wait.doubted is not None:
            self.rules.doubted(wait.doubted)
        self.progress.report(EventKind.WAITING, message=f"{wait.seconds:g} s: {wait.why}")

    def _report(self) -> ApplyReport:
        states = {number.key: self._state(number) for number in self.numbers}
        remainder = tuple(key for key, state in states.items() if state.state not in FINISHED)
        rolled_back = sum(state.rolled_back for state in states.values())
        return ApplyReport(
            plan=self.loaded.name,
            kind=self.loaded.plan.kind,
            total=len(self.numbers),
            done=len(states) - len(remainder),
            rolled_back=rolled_back,
            failures=tuple(self.failures.values()),
            remainder=remainder,
            in_doubt=tuple(key for key in remainder if states[key].in_doubt),
            chosen=self.options.numbers is not None,
            stopped=self.rules.why,
            why_stopped=self.rules.message or None,
            took_over=self.journal.taken_over is not None,
            way_on=anew(self.loaded.plan) if rolled_back and rolled_back == len(self.numbers) else None,
        )
