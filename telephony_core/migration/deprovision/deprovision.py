"""Rollback and release: one procedure that releases records, and two rules of which records those are.

    what the journal says ──> both endpoints listed ──> shown ──confirmed──> each number: `procedure.deprovision`
             └────────────────────┴── something is wrong: left alone, and reported ──┘

Whatever is wrong with a number leaves that one alone and not the others. What is shown and confirmed is a set of
records, and no other record is released in its place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from telephony_core.domain.lifecycle import SideEffect
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.errors import MigrationError, NotAllowed, TelephonyError
from telephony_core.migration.deprovision.forecast import Served, demand_allowed
from telephony_core.migration.deprovision.procedure import Evidence, Granted, Rule, Unpublished, unanswered
from telephony_core.migration.deprovision.report import (
    Deprovisioned,
    DeprovisionPreview,
    DeprovisionReport,
    LeftAlone,
    ShownRecord,
)
from telephony_core.migration.inventory.staleness import is_released
from telephony_core.migration.journal.entries import Action, Entry, Phase
from telephony_core.migration.journal.protocol import CampaignJournal, states_of
from telephony_core.migration.journal.sqlite_file import JournalError
from telephony_core.migration.move.effects import MigrationTask, journaled
from telephony_core.migration.move.state import NumberState, state_of
from telephony_core.migration.move.steps import live_ids
from telephony_core.migration.plan.allowances import allowances
from telephony_core.migration.plan.model import EndpointRole
from telephony_core.migration.plan.store import LoadedPlan
from telephony_core.migration.rendering.commands import anew, command
from telephony_core.migration.run.account_index import AccountIndex
from telephony_core.migration.run.endpoints import Endpoints, Opener, check_account, open_endpoints, records_made
from telephony_core.migration.run.events import EventKind, RunProgress
from telephony_core.migration.run.options import RunOptions
from telephony_core.migration.run.runner import Runner
from telephony_core.migration.run.secret_resolver import SecretResolver, usernames_of
from telephony_core.migration.run.stopping import Failure, StopRules, run_interruptibly


@dataclass(frozen=True, slots=True, kw_only=True)
class DeprovisionOptions(RunOptions):
    """Which numbers, what was confirmed, and what is allowed by name (`Allowance`) for this one command.

    What was allowed when the plan was made does not count here.
    """

    allow: Sequence[str] = ()
    confirmed: frozenset[ShownRecord] | None = None
    """The records that may be released: `DeprovisionPreview.shown` of a preview that somebody looked at."""
    stop_on_error: bool = False

    @property
    def allowed(self) -> frozenset[str]:
        """Every name that was allowed. Raises `InvalidInput` for one that does not exist."""
        return frozenset(str(name) for name in allowances(self.allow))

    @property
    def allowed_effects(self) -> frozenset[SideEffect]:
        """The side effects among them."""
        return frozenset(effect for effect in SideEffect if effect in self.allowed)


class NotConfirmed(NotAllowed):
    """The records that would be released are not those that were confirmed. Nothing was sent.

    Remedy: preview again, show it, and ask again.
    """


async def preview(
    loaded: LoadedPlan, source: Opener | None, target: Opener, options: DeprovisionOptions | None, rule: Rule
) -> DeprovisionPreview:
    """What the command would do. Changes nothing, anywhere."""
    options = options or DeprovisionOptions()
    reading = options.journal_store.reading(loaded)
    async with reading as journal, open_endpoints(loaded.plan, source, target) as endpoints:
        return await _Run(loaded, endpoints, journal, options, rule).prepare()


async def run(
    loaded: LoadedPlan,
    source: Opener | None,
    target: Opener,
    options: DeprovisionOptions | None,
    rule: Rule,
    rules: StopRules | None = None,
) -> DeprovisionReport:
    """Release what was confirmed, one number after the other. Running it again goes on where it was interrupted.

    Raises `NotAllowed`, before anything is sent, when the records that would be released are not those that were
    confirmed, and when a side effect was not allowed by its name.
    """
    options = options or DeprovisionOptions()
    async with options.journal_store.begin(loaded, rule.command) as journal:
        async with open_endpoints(loaded.plan, source, target, writing=rule.role) as endpoints:
            work = _Run(loaded, endpoints, journal, options, rule)
            prepared = await work.prepare()
            _demand_confirmation(prepared, options, rule.done)
            demand_allowed(prepared.forecasts, options.allowed)
            report = await work.whole(rules or _stop_rules(loaded, options))
        await journal.finish(report.summary)
        return report


def run_sync(
    loaded: LoadedPlan, source: Opener | None, target: Opener, options: DeprovisionOptions | None, rule: Rule
) -> DeprovisionReport:
    """`run` for ordinary code. Raises `Interrupted` at the second Ctrl-C."""
    given = options or DeprovisionOptions()
    return run_interruptibly(
        lambda rules: run(loaded, source, target, given, rule, rules),
        _stop_rules(loaded, given),
        rule.command,
        command(rule.command, loaded.name, given.numbers or (), kind=loaded.plan.kind),
    )


def _stop_rules(loaded: LoadedPlan, options: DeprovisionOptions) -> StopRules:
    notice = RunProgress(options.on_event, options.clock).notice
    return StopRules(loaded.plan.settings.equal_failures, options.stop_on_error, announce=notice)


def _demand_confirmation(preview: DeprovisionPreview, options: DeprovisionOptions, done: str) -> None:
    confirmed = options.confirmed or frozenset()
    if confirmed == preview.shown:
        return
    new, gone = sorted(preview.shown - confirmed), sorted(confirmed - preview.shown)
    changes = [f"{number} ({record}) was not confirmed" for number, record in new[:5]]
    changes += [f"{number} ({record}) is not to be {done} any more" for number, record in gone[:5]]
    raise NotConfirmed(
        f"{len(preview.shown)} records would be {done} at {preview.at}, and these are not the {len(confirmed)} that "
        f"were confirmed: {'; '.join(changes)}",
        allowance="confirmed",
        remedy="look at a new preview, and confirm what it shows",
    )


class _Run:
    """One command: finds out what there is to do, then works through it in this order and keeps each result."""

    def __init__(
        self,
        loaded: LoadedPlan,
        endpoints: Endpoints,
        journal: CampaignJournal,
        options: DeprovisionOptions,
        rule: Rule,
    ) -> None:
        self.loaded = loaded
        self.endpoints = endpoints
        self.journal = journal
        self.options = options
        self.rule = rule
        self.queue: list[MigrationTask] = []
        self.left: list[LeftAlone] = []
        self.done: list[Deprovisioned] = []
        self.states: dict[str, NumberState] = {}
        """What the journal knows of every number of the plan."""
        self.effects: dict[str, frozenset[SideEffect]] = {}
        """Those of each number, as far as they were allowed by name."""
        self._last: Entry | None = None

    # -- before it starts

    async def prepare(self) -> DeprovisionPreview:
        plan, rule, options = self.loaded.plan, self.rule, self.options
        # Whatever is found out before the confirmation is found out by clients that cannot write.
        reading = self.endpoints.writing(None, plan.settings.timeout)
        usernames = await usernames_of(plan.trunks, options.secret_source, options.tenant)
        there, numbers = reading.target.capabilities, plan.chosen(options.numbers)
        origin = reading.at_source
        tasks = [MigrationTask.of(self.loaded, number, there, usernames, origin) for number in numbers]
        # Of all numbers, also where some were chosen: the account is known again by every record that was made.
        states = {number.key: NumberState() for number in plan.numbers} | await states_of(self.journal)
        made = records_made(states)
        served = Served()
        indexes = reading.indexes(tasks, options.clock, (*made, *plan.target.holds))
        # In the pass over the list that is made anyway: agents may serve numbers that this plan knows nothing of.
        indexes[rule.role].each = served.add
        for index in indexes.values():
            await index.refresh()
        # In another account every record is missing, and would be written down as released.
        check_account(plan, made, indexes[EndpointRole.TARGET])

        self.states = states
        candidates = rule.candidates(tasks, states)
        now, unpublished = options.clock.now(), await self._unpublished()
        releasing: list[tuple[MigrationTask, PhoneNumber]] = []
        reconciling: list[str] = []
        for task in candidates:
            state = states[task.key]
            evidence = self._listed(task, indexes, unpublished)
            mine = evidence.at(rule.role)
            error = (
                # In this order: what may still happen at the other end makes everything that is read about it
                # uncertain.
                self._open_elsewhere(task, now, reading)
                or rule.obstacle(task, state, now, reading.target.provider_time)
                or rule.objection(task, state, evidence)
            )
            if error is None and mine is not None and not is_released(mine):
                releasing.append((task, mine))
                self.queue.append(task)
            elif error is None or unanswered(state, rule.action) is not None:
                reconciling.append(task.key)  # nothing is sent for it
                self.queue.append(task)
            else:
                self.left.append(LeftAlone.of(task.key, error))
        known = {task.key for task in candidates}
        for task in tasks:
            live = live_ids(task, indexes[EndpointRole.TARGET].shown(task.identity))
            if task.key not in known and (error := rule.unknown(task, states[task.key], live)) is not None:
                self.left.append(LeftAlone.of(task.key, error))
        chosen = [task for task, _ in releasing]
        here, others = reading.client(rule.role), (served, [record.id for _, record in releasing])
        forecasts = tuple(rule.forecast(here, task, states[task.key], record, others) for task, record in releasing)
        # Only those that a release really has: a consent too many must hide no agent that somebody else removed.
        self.effects = {one.number: options.allowed_effects & set(one.side_effects) for one in forecasts}
        connection = (plan.origin if rule.role is EndpointRole.SOURCE else plan.target).connection
        return DeprovisionPreview(
            verb=rule.verb,
            at=f"{connection} ({urlsplit(here.adapter.config.base_url).netloc})",
            forecasts=forecasts,
            to_reconcile=tuple(reconciling),
            left_alone=tuple(self.left),
            unverifiable=tuple(sorted({name for task in chosen for name in states[task.key].unverifiable})),
            cannot_be_undone=rule.cannot_be_undone(chosen, states),
            needs_allowance=tuple(
                sorted({str(name) for one in forecasts for name in (*one.side_effects, *one.needs)} - options.allowed)
            ),
        )

    async def _unpublished(self) -> Unpublished:
        of = self.journal.agents_unpublished
        return Unpublished(await of(Action.RELEASE), await of(Action.ROLL_BACK))

    def _listed(
        self, task: MigrationTask, indexes: Mapping[EndpointRole, AccountIndex], unpublished: Unpublished
    ) -> Evidence:
        """What both listings show of a number."""
        target, state = indexes[EndpointRole.TARGET], self.states[task.key]
        listed = target.shown(task.identity, state.created)
        id = self.rule.target_id(task, state)
        record = self.rule.found(task, state, listed) if id is None else target.by_id(id)
        source = indexes.get(EndpointRole.SOURCE)
        planned = None if source is None else source.by_id(task.number.record.id)
        return Evidence(planned, record, live_ids(task, listed), unpublished)

    def _open_elsewhere(self, task: MigrationTask, now: datetime, endpoints: Endpoints) -> MigrationError | None:
        """The other command was not answered and may still take effect: then this one could release all that is
        left."""
        other = self.rule.other_action
        if (announced := unanswered(self.states[task.key], other)) is None:
            return None
        role = self.rule.role.other
        doubt = task.doubt(announced, now, role, endpoints.client(role).provider_time)
        return doubt.error(task.key, other) if now < doubt.until else None

    # -- the run

    async def whole(self, rules: StopRules) -> DeprovisionReport:
        """Release them in this order, until none is left or the run is to stop."""
        options = self.options
        progress = RunProgress(options.on_event, options.clock, len(self.queue), failed=len(self.left))

        def recorded(entry: Entry) -> None:
            if entry.action is self.rule.action and entry.phase is Phase.DONE:
                self._last = entry
            progress.step(entry)

        resolver = SecretResolver(options.secret_source, options.tenant)
        runner = Runner.of(
            self.queue, self.endpoints, self.journal, resolver, options.clock, recorded=recorded, stopping=rules.asked
        )
        while self.queue and rules.why is None:
            task = self.queue.pop(0)
            self._last = None
            progress.report(EventKind.NUMBER_STARTED, task.key)
            try:
                await self._release(task, runner)
            except JournalError:
                raise
            except TelephonyError as error:
                rules.failed(Failure.of(error))
                self.left.append(LeftAlone.of(task.key, error))
                progress.failed = len(self.left)
                progress.report(EventKind.NUMBER_FAILED, task.key, error.cli_text)
            else:
                rules.succeeded()
                self.done.append(Deprovisioned.of(task.key, self._last))
                progress.done = len(self.done)
                progress.report(EventKind.NUMBER_DONE, task.key)
        remaining = [*(left.number for left in self.left), *(task.key for task in self.queue)]
        report = DeprovisionReport(
            kind=self.loaded.plan.kind,
            verb=self.rule.done,
            command=self.rule.command,
            plan=self.loaded.name,
            done=tuple(self.done),
            left_alone=tuple(self.left),
            not_started=tuple(task.key for task in self.queue),
            in_doubt=tuple(key for key in remaining if self.states[key].in_doubt),
            chosen=self.options.numbers is not None,
            stopped=rules.why,
            why_stopped=rules.message or None,
            way_on=anew(self.loaded.plan) if self.rule.command == "rollback" and not remaining else None,
        )
        progress.report(EventKind.ENDED, message=report.summary)
        return report

    async def _release(self, task: MigrationTask, runner: Runner) -> None:
        confirmed, effects = self.options.confirmed or frozenset(), self.effects.get(task.key, frozenset())
        journal = await self.journal.claim(task.key)
        granted = Granted(confirmed, effects, await self._unpublished())
        # Read anew under the claim: another run may have gone on with the number since the preview.
        state = state_of(await journal.entries())
        try:
            await runner.run(journaled(task, self.rule.procedure(task, state, granted)), journal)
        except JournalError:
            raise
        except TelephonyError:
            # The report says which numbers are in doubt by now.
            self.states[task.key] = state_of(await journal.entries())
            raise
