"""Apply: do what the plan says, number by number, and go on where an earlier run was interrupted.

Only creates and updates at the target, only what is planned, and only while the world is as the plan read it.
"""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from telephony_core.errors import TelephonyError
from telephony_core.migration.journal.claims import Claims
from telephony_core.migration.journal.entries import Action, Entry, Phase
from telephony_core.migration.journal.store import JournalError, SqliteJournal
from telephony_core.migration.move.compare import stale_fields
from telephony_core.migration.move.effects import Wait
from telephony_core.migration.move.evidence import live_ids
from telephony_core.migration.move.state import MigrationState, NumberState, state_of
from telephony_core.migration.move.steps import PAUSES, move
from telephony_core.migration.move.task import (
    InDoubt,
    ManualActionRequired,
    MigrationTask,
    StalePlan,
    no_new_plan,
    there_already,
)
from telephony_core.migration.plan.model import PlannedNumber, Settings
from telephony_core.migration.plan.store import LoadedPlan
from telephony_core.migration.rendering.commands import command
from telephony_core.migration.run.apply_report import ApplyReport, NumberOutcome
from telephony_core.migration.run.endpoints import check_account, check_ends, records_made
from telephony_core.migration.run.events import Event, EventKind, OnEvent
from telephony_core.migration.run.runner import Opener, Runner
from telephony_core.migration.run.secret_resolver import SecretResolver
from telephony_core.migration.run.stopping import Stopped, StopRules, run_interruptibly
from telephony_core.migration.run.target_index import TargetIndex
from telephony_core.transport.clock import Clock

if TYPE_CHECKING:
    from telephony_core.client import AsyncTelephony

FINISHED = (MigrationState.MOVED, MigrationState.RELEASED, MigrationState.ROLLED_BACK)
_MOST_TOLD = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyOptions:
    """How a run may differ from what the plan says. ``None`` keeps the plan's setting."""

    numbers: Sequence[str] | None = None
    """Keys of the numbers to move; all that are planned without it."""
    canary: int | None = None
    concurrency: int | None = None
    stop_on_error: bool = False
    take_over: bool = False
    """Take the place of a run on another host that never said it ended."""
    prompt: Callable[[str], str] | None = field(default=None, repr=False)
    """Asks the person at the terminal for secrets that are given as ``prompt:``."""
    on_event: OnEvent = lambda event: None
    clock: Clock = field(default_factory=Clock)

    def settings(self, planned: Settings) -> Settings:
        given = {"canary": self.canary, "concurrency": self.concurrency}
        return Settings.model_validate(
            {**planned.model_dump(), **{name: value for name, value in given.items() if value is not None}}
        )


def apply_plan(loaded: LoadedPlan, source: Opener, target: Opener, options: ApplyOptions | None = None) -> ApplyReport:
    """`aapply_plan` for ordinary code. The first Ctrl-C finishes the numbers in hand, the second stops at once.

    Raises `Interrupted` for the second.
    """

    given = options or ApplyOptions()
    return run_interruptibly(
        lambda rules: aapply_plan(loaded, source, target, given, rules=rules),
        _rules(loaded, given),
        "apply",
        command("apply", loaded.path),
    )


async def aapply_plan(
    loaded: LoadedPlan,
    source: Opener,
    target: Opener,
    options: ApplyOptions | None = None,
    *,
    rules: StopRules | None = None,
) -> ApplyReport:
    """Move the planned numbers that are not moved yet. Running it again goes on, and does nothing where all is done.

    ``rules.ask()`` stops it from another task: the numbers in hand are finished, no other one is begun. Raises
    `StalePlan` before anything is written when the plan's records have changed, `ConfigurationError` when a secret
    is not where the plan says, `JournalLocked` when another run is at work, `JournalError`. A number that fails is told
    in the report and does not keep the others from being moved.
    """
    options = options or ApplyOptions()
    numbers = loaded.plan.chosen(options.numbers)
    journal = SqliteJournal.writing(loaded, "apply", create=True, take_over=options.take_over, now=options.clock.now)
    with journal:
        run = _Run(loaded, numbers, options, journal, rules or _rules(loaded, options))
        report = await run.whole(source, target)
        journal.finish(report.in_a_word)
        return report


def _rules(loaded: LoadedPlan, options: ApplyOptions) -> StopRules:
    def said(message: str) -> None:
        options.on_event(Event(kind=EventKind.SAID, at=options.clock.now(), message=message))

    return StopRules(loaded.plan.settings.equal_failures, options.stop_on_error, announce=said)


class _Run:
    """One run of apply."""

    def __init__(
        self,
        loaded: LoadedPlan,
        numbers: tuple[PlannedNumber, ...],
        options: ApplyOptions,
        journal: SqliteJournal,
        rules: StopRules,
    ) -> None:
        self.loaded = loaded
        self.numbers = numbers
        self.options = options
        self.settings = options.settings(loaded.plan.settings)
        self.journal = journal
        self.rules = rules
        self.done = 0
        self.failures: dict[str, NumberOutcome] = {}
        self._stopped = journal.agents_stopped(Action.RELEASE)
        self._broken: JournalError | None = None

    async def whole(self, open_source: Opener, open_target: Opener) -> ApplyReport:
        if (died := self.journal.taken_over) is not None:
            self._say(f"taking the place of a run that did not say it ended: {died.owner(self.options.clock.now())}")
        pending = self._pending()
        self.done = len(self.numbers) - len(pending)
        self._tell(EventKind.BEGUN, message=f"{len(pending)} of {len(self.numbers)} numbers to move")
        if pending:
            secret_resolver = self._vault(pending)
            async with open_source() as source, open_target() as target:
                check_ends(self.loaded.plan, source, target)
                await self._move_all(
                    pending,
                    secret_resolver,
                    source.with_options(timeout=self.settings.timeout, read_only=True),
                    target.with_options(timeout=self.settings.timeout),
                )
        report = self._report()
        self._tell(EventKind.ENDED, message=report.in_a_word)
        return report

    def _pending(self) -> list[PlannedNumber]:
        """The numbers to move: first those that were begun, then the new ones, then those that failed before."""
        by_turn: dict[int, list[PlannedNumber]] = {0: [], 1: [], 2: []}
        for number in self.numbers:
            state = self._state(number).state
            if state not in FINISHED:
                by_turn[_TURN.get(state, 2)].append(number)
        return [number for turn in sorted(by_turn) for number in by_turn[turn]]

    def _state(self, number: PlannedNumber) -> NumberState:
        return state_of(self.journal.entries_of(number.key))

    def _vault(self, pending: Iterable[PlannedNumber]) -> SecretResolver:
        secret_resolver = SecretResolver(self.options.prompt)
        needing = [number for number in pending if (state := self._state(number)).created is None or state.send_again]
        names = {number.desired.trunk for number in needing}
        secret_resolver.open(trunk for trunk in self.loaded.plan.trunks if trunk.name in names)
        return secret_resolver

    async def _move_all(
        self,
        pending: list[PlannedNumber],
        secret_resolver: SecretResolver,
        source: AsyncTelephony,
        target: AsyncTelephony,
    ) -> None:
        plan, clock = self.loaded.plan, self.options.clock
        tasks = [MigrationTask.of(plan, number, target.capabilities) for number in pending]
        made = records_made(plan, self.journal)
        sources = [task.number.source for task in tasks]
        runner = Runner(
            source,
            target,
            self.journal,
            TargetIndex(source, clock, (record.identity for record in sources), (record.id for record in sources)),
            TargetIndex(target, clock, (task.identity for task in tasks), (*made, *plan.target.holds)),
            secret_resolver,
            clock,
            Claims(self.loaded, {task.key: task.identity.account_key for task in tasks}, clock.now),
            self._recorded,
            self._waiting,
            self.rules.asked,
        )
        await runner.target_index.refresh()
        await self._check_account(made, runner.target_index)
        await self._check(tasks, runner)
        # What was rolled back proves nothing of what the plan makes.
        proven = sum(
            self._state(number).state in (MigrationState.MOVED, MigrationState.RELEASED) for number in self.numbers
        )
        canaries = max(0, self.settings.canary - proven)
        await self._move_some(tasks[:canaries], runner, canary=True)
        await self._move_some(tasks[canaries:], runner)
        await self._check_once_more(tasks, runner.target_index)

    async def _check_account(self, made: Mapping[str, NumberState], target: TargetIndex) -> None:
        """Refuse another account than the plan's. What this migration made last may take a moment to show."""
        for pause in PAUSES if made else ():
            with suppress(StalePlan):
                check_account(self.loaded.plan, made, target)
                return
            await self.options.clock.asleep(pause)
            await target.refresh()
        check_account(self.loaded.plan, made, target)

    async def _check(self, tasks: Sequence[MigrationTask], runner: Runner) -> None:
        """Refuse when the records of the plan have changed, other than by what the journal says."""
        await runner.source_index.refresh()
        changed: list[tuple[str, str]] = []
        ways: dict[str, str] = {}
        for task in tasks:
            record = runner.source_index.by_id(task.number.source.id)
            if drift := stale_fields(task.number.source, record, self._stopped):
                said = "it is gone" if record is None else "; ".join(map(str, drift))
                changed.append((task.key, f"at the source: {said}"))
                if self._state(task.number).touched:
                    ways[task.key] = no_new_plan(task.key, shlex.quote(str(self.loaded.path)))
            state = self._state(task.number)
            if state.created is None and state.open_import is None:
                live = live_ids(task, runner.target_index.shown(task.identity))
                changed += [(task.key, f"at the target: it is there already, as {id}") for id in live]
                if live:
                    ways[task.key] = there_already(task, live[0])
        if changed:
            raise self._overtaken(changed, tasks, ways)

    def _overtaken(
        self, changed: Sequence[tuple[str, str]], tasks: Sequence[MigrationTask], ways: Mapping[str, str]
    ) -> StalePlan:
        """What has changed, and how to go on: with the others first, for one that is half made stays so under a new
        plan; then with the changed ones, of which a new plan helps only those that are at the target in no way."""
        told = [f"{key} {how}" for key, how in changed[:_MOST_TOLD]]
        told += [f"and {len(changed) - _MOST_TOLD} more"] if len(changed) > _MOST_TOLD else []
        others = [task.key for task in tasks if task.key not in {key for key, _ in changed}]
        keys = dict.fromkeys(key for key, _ in changed)
        parts = [f"for {key}: {ways[key]}" for key in list(keys)[:_MOST_TOLD] if key in ways]
        anew = len(keys) - len(ways)
        if anew:
            parts.append(
                "take the inventory again and make a new plan, under another name, for "
                + ("what has changed" if not ways else f"the {anew} that are only changed at the source")
            )
        remedy = "; ".join(parts)
        if others:
            named = " ".join(f"--numbers {shlex.quote(key)}" for key in others)
            chosen = named if len(others) <= _MOST_TOLD else "--numbers @FILE"
            going_on = f"`{command('apply', self.loaded.path)} {chosen}`"
            remedy = f"go on with the other {len(others)} first: {going_on}; then {remedy}"
        return StalePlan(f"{len(changed)} things are not as the plan read them: {'; '.join(told)}", remedy=remedy)

    async def _move_some(self, tasks: Sequence[MigrationTask], runner: Runner, *, canary: bool = False) -> None:
        """Move these, so many at once as the settings allow. One that only waits leaves its place to another."""
        turn = asyncio.Semaphore(self.settings.concurrency)
        runner = replace(runner, turn=turn)
        try:
            async with asyncio.TaskGroup() as group:
                for task in tasks:
                    await turn.acquire()
                    if self.rules.why is not None or self._broken is not None:
                        turn.release()  # one that only waits still needs it, to end
                        break
                    group.create_task(self._take_turn(task, runner, turn, canary=canary))
        except BaseExceptionGroup as several:
            raise several.exceptions[0] from None
        if self._broken is not None:
            raise self._broken

    async def _take_turn(self, task: MigrationTask, runner: Runner, turn: asyncio.Semaphore, *, canary: bool) -> None:
        try:
            await self._move(task, runner, canary=canary)
        except JournalError as broken:
            self._broken = broken
        finally:
            turn.release()

    async def _move(self, task: MigrationTask, runner: Runner, *, canary: bool) -> None:
        self._tell(EventKind.NUMBER_BEGUN, task.key)
        try:
            await runner.run(move(task, self._state(task.number), self._stopped))
        except JournalError:
            raise
        except TelephonyError as error:
            if not isinstance(error, InDoubt):  # it was asked to stop, so there is no further number to keep from it
                self.rules.failed(error, canary=canary)
            self._fail(task, error)
        else:
            self.done += 1
            self.rules.succeeded()
            runner.target_index.reconcile(task.identity)
            self._tell(EventKind.NUMBER_DONE, task.key)

    def _fail(self, task: MigrationTask, error: TelephonyError, entry: Entry | None = None) -> None:
        if entry is not None:
            self.journal.append(entry)
        self.failures[task.key] = NumberOutcome.of(task.key, self._state(task.number).state, error)
        self._tell(EventKind.NUMBER_FAILED, task.key, error.cli_text)

    async def _check_once_more(self, tasks: Sequence[MigrationTask], target: TargetIndex) -> None:
        """Look whether somebody else brought one of these numbers while this run did: then there are two of it."""
        moved = [task for task in tasks if self._state(task.number).state is MigrationState.MOVED]
        if not moved:
            return
        try:
            await target.refresh()
        except TelephonyError as error:
            self._say(f"whether a number is there twice could not be seen, and `verify` will tell: {error.cli_text}")
            return
        for task in moved:
            live = target.live_of_settled(task.identity)
            if len(live) > 1:
                twice = ManualActionRequired(
                    f"{len(live)} live records of {task.key} are at the target: {', '.join(live)}"
                )
                self.done -= 1
                self._fail(task, twice, Entry(task.key, Action.READ_BACK, Phase.FAILED, message=str(twice)))

    # -- telling

    def _recorded(self, entry: Entry) -> None:
        self._tell(EventKind.STEP, entry.number, entry.message, entry)

    def _waiting(self, wait: Wait) -> None:
        if wait.doubted is not None:
            self.rules.doubted(wait.doubted)
        self._tell(EventKind.WAITING, message=f"{wait.seconds:g} s: {wait.why}")

    def _say(self, message: str) -> None:
        self._tell(EventKind.SAID, message=message)

    def _tell(self, kind: EventKind, number: str | None = None, message: str = "", entry: Entry | None = None) -> None:
        self.options.on_event(
            Event(
                kind=kind,
                at=self.options.clock.now(),
                number=number,
                action=entry.action if entry is not None else None,
                phase=entry.phase if entry is not None else None,
                message=message,
                done=self.done,
                failed=len(self.failures),
                total=len(self.numbers),
            )
        )

    def _report(self) -> ApplyReport:
        states = {number.key: self._state(number) for number in self.numbers}
        standings = {key: state.state for key, state in states.items()}
        remainder = tuple(key for key, state in standings.items() if state not in FINISHED)
        return ApplyReport(
            plan=str(self.loaded.path),
            total=len(self.numbers),
            done=sum(state in FINISHED for state in standings.values()),
            rolled_back=sum(state is MigrationState.ROLLED_BACK for state in standings.values()),
            failures=tuple(self.failures.values()),
            remainder=remainder,
            in_doubt=tuple(key for key in remainder if states[key].in_doubt),
            stopped=self.rules.why,
            why_stopped=self.rules.message or None,
            took_over=self.journal.taken_over is not None,
        )


_TURN = {MigrationState.IN_DOUBT: 0, MigrationState.BEGUN: 0, MigrationState.NOT_BEGUN: 1}

__all__ = ["ApplyOptions", "ApplyReport", "Stopped", "aapply_plan", "apply_plan"]
