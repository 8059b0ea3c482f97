"""Rollback and release: one procedure that releases records, and two rules of which records those are.

    what the journal says ──> both endpoints listed ──> shown ──confirmed──> each number: `procedure.deprovision`
             └────────────────────┴── something is wrong: left alone, and reported ──┘

Whatever is wrong with a number leaves that one alone and not the others. What is shown and confirmed is a set of
records, and no other record is released in its place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
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
from telephony_core.migration.move.effects import EndpointRole, MigrationTask
from telephony_core.migration.move.state import NumberState, state_of
from telephony_core.migration.move.steps import live_ids
from telephony_core.migration.plan.allowances import allowances
from telephony_core.migration.plan.store import LoadedPlan
from telephony_core.migration.rendering.commands import anew, command
from telephony_core.migration.run.account_index import AccountIndex
from telephony_core.migration.run.endpoints import Endpoints, Opener, check_account, open_endpoints, records_made
from telephony_core.migration.run.events import EventKind, Progress
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
    loaded: LoadedPlan, source: Opener | None, target: Opener, options: DeprovisionOptions, rule: Rule
) -> DeprovisionPreview:
    """What the command would do. Changes nothing, anywhere."""
    reading = options.journal_store.reading(loaded)
    async with reading as journal, open_endpoints(loaded.plan, source, target) as endpoints:
        return (await _prepare(loaded, endpoints, journal, options, rule)).preview


async def run(
    loaded: LoadedPlan,
    source: Opener | None,
    target: Opener,
    options: DeprovisionOptions,
    rule: Rule,
    rules: StopRules | None = None,
) -> DeprovisionReport:
    """Release what was confirmed, one number after the other. Running it again goes on where it was interrupted.

    Raises `NotAllowed`, before anything is sent, when the records that would be released are not those that were
    confirmed, and when a side effect was not allowed by its name.
    """
    async with options.journal_store.begin(loaded, rule.command) as journal:
        async with open_endpoints(loaded.plan, source, target, writing=rule.role) as endpoints:
            prepared = await _prepare(loaded, endpoints, journal, options, rule)
            _demand_confirmation(prepared.preview, options)
            demand_allowed(prepared.preview.forecasts, options.allowed)
            rules = rules or stop_rules(loaded, options)
            report = await _Run(loaded, endpoints, journal, options, rule, rules, prepared).whole()
        await journal.finish(report.summary)
        return report


def run_sync(
    loaded: LoadedPlan, source: Opener | None, target: Opener, options: DeprovisionOptions, rule: Rule
) -> DeprovisionReport:
    """`run` for ordinary code. Raises `Interrupted` at the second Ctrl-C."""
    return run_interruptibly(
        lambda rules: run(loaded, source, target, options, rule, rules),
        stop_rules(loaded, options),
        rule.command,
        command(rule.command, loaded.name, kind=loaded.plan.kind),
    )


def preview_sync(
    loaded: LoadedPlan, source: Opener | None, target: Opener, options: DeprovisionOptions, rule: Rule
) -> DeprovisionPreview:
    """`preview` for ordinary code."""
    return asyncio.run(preview(loaded, source, target, options, rule))


def stop_rules(loaded: LoadedPlan, options: DeprovisionOptions) -> StopRules:
    """When a run is to stop."""
    notice = Progress(options.on_event, options.clock).notice
    return StopRules(loaded.plan.settings.equal_failures, options.stop_on_error, announce=notice)


# -- before it starts


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a run will do, number by number."""

    tasks: tuple[MigrationTask, ...]
    states: dict[str, NumberState]
    """What the journal knows of every number of the plan."""
    preview: DeprovisionPreview


@dataclass(slots=True)
class _Sorted:
    """The candidates by what will be done with them."""

    releasing: dict[str, PhoneNumber] = field(default_factory=dict)
    """Records to release, by key."""
    reconciling: list[str] = field(default_factory=list)
    """Keys for which nothing is sent."""
    left: list[LeftAlone] = field(default_factory=list)


async def _prepare(
    loaded: LoadedPlan, endpoints: Endpoints, journal: CampaignJournal, options: DeprovisionOptions, rule: Rule
) -> Prepared:
    plan = loaded.plan
    reading = endpoints.writing(None, plan.settings.timeout)
    usernames = await usernames_of(plan.trunks, options.secret_source, options.tenant)
    there, chosen_numbers = reading.target.capabilities, plan.chosen(options.numbers)
    tasks = [MigrationTask.of(loaded, number, there, usernames) for number in chosen_numbers]
    states = {number.key: NumberState() for number in plan.numbers} | await states_of(journal)
    made = records_made(states)
    served = Served()
    indexes = reading.indexes(tasks, options.clock, (*made, *plan.target.holds))
    indexes[rule.role].each = served.add
    for index in indexes.values():
        await index.refresh()
    check_account(plan, made, indexes[EndpointRole.TARGET])

    candidates = rule.candidates(tasks, states)
    now, unpublished, found = options.clock.now(), await _unpublished(journal), _Sorted()
    for task in candidates:
        state = states[task.key]
        evidence = _listed(task, state, rule, indexes)
        mine = evidence.at(rule.role)
        error = (
            _open_elsewhere(task, state, rule, now, reading)
            or rule.obstacle(task, state, now, reading.target.provider_time)
            or rule.objection(task, state, evidence, unpublished)
        )
        if error is None and mine is not None and not is_released(mine):
            found.releasing[task.key] = mine
        elif error is None or unanswered(state, rule.action) is not None:
            found.reconciling.append(task.key)
        else:
            found.left.append(LeftAlone.of(task.key, error))
    known = {task.key for task in candidates}
    for task in tasks:
        live = live_ids(task, indexes[EndpointRole.TARGET].shown(task.identity))
        if task.key not in known and (error := rule.unknown(task, states[task.key], live)) is not None:
            found.left.append(LeftAlone.of(task.key, error))
    chosen = [task for task in candidates if task.key in found.releasing]
    leaving = [record.id for record in found.releasing.values()]
    here, others = reading.client(rule.role), (served, leaving)
    releasing = [(task, found.releasing[task.key]) for task in chosen]
    forecasts = tuple(rule.forecast(here, task, states[task.key], record, others) for task, record in releasing)
    connection = (plan.origin if rule.role is EndpointRole.SOURCE else plan.target).connection
    return Prepared(
        tuple(task for task in candidates if task.key in found.releasing or task.key in found.reconciling),
        states,
        DeprovisionPreview(
            verb=rule.verb,
            at=f"{connection} ({urlsplit(here.adapter.config.base_url).netloc})",
            forecasts=forecasts,
            to_reconcile=tuple(found.reconciling),
            left_alone=tuple(found.left),
            unverifiable=tuple(sorted({name for task in chosen for name in states[task.key].unverifiable})),
            cannot_be_undone=rule.cannot_be_undone(chosen, states),
            needs_allowance=tuple(
                sorted({str(name) for one in forecasts for name in (*one.side_effects, *one.needs)} - options.allowed)
            ),
        ),
    )


async def _unpublished(journal: CampaignJournal) -> Unpublished:
    return Unpublished(
        await journal.agents_unpublished(Action.RELEASE), await journal.agents_unpublished(Action.ROLL_BACK)
    )


def _listed(
    task: MigrationTask, state: NumberState, rule: Rule, indexes: Mapping[EndpointRole, AccountIndex]
) -> Evidence:
    """What both listings show of a number."""
    target = indexes[EndpointRole.TARGET]
    listed = target.shown(task.identity, state.created)
    id = rule.target_id(task, state)
    record = rule.found(task, state, listed) if id is None else target.by_id(id)
    source = indexes.get(EndpointRole.SOURCE)
    planned = None if source is None else source.by_id(task.number.record.id)
    return Evidence(planned, record, live_ids(task, listed))


def _open_elsewhere(
    task: MigrationTask, state: NumberState, rule: Rule, now: datetime, endpoints: Endpoints
) -> MigrationError | None:
    """The other command was not answered and may still take effect: then this one could release all that is left."""
    announced = unanswered(state, rule.other_action)
    if announced is None:
        return None
    doubt = task.doubt(announced, now, rule.role.other, endpoints.client(rule.role.other).provider_time)
    return task.in_doubt(doubt, rule.other_action) if now < doubt.until else None


def _demand_confirmation(preview: DeprovisionPreview, options: DeprovisionOptions) -> None:
    confirmed = options.confirmed or frozenset()
    if confirmed == preview.shown:
        return
    done = _DONE[preview.verb]
    new, gone = sorted(preview.shown - confirmed), sorted(confirmed - preview.shown)
    changes = [f"{number} ({record}) was not confirmed" for number, record in new[:5]]
    changes += [f"{number} ({record}) is not to be {done} any more" for number, record in gone[:5]]
    raise NotConfirmed(
        f"{len(preview.shown)} records would be {done} at {preview.at}, and these are not the {len(confirmed)} that "
        f"were confirmed: {'; '.join(changes)}",
        allowance="confirmed",
        remedy="look at a new preview, and confirm what it shows",
    )


_DONE: Final = {"release": "released", "set back": "set back"}


# -- the run


class _Run:
    """Works through numbers in the order given, and keeps the result of each."""

    def __init__(
        self,
        loaded: LoadedPlan,
        endpoints: Endpoints,
        journal: CampaignJournal,
        options: DeprovisionOptions,
        rule: Rule,
        rules: StopRules,
        prepared: Prepared,
    ) -> None:
        self.loaded = loaded
        self.journal = journal
        self.options = options
        self.rule = rule
        self.rules = rules
        self.queue = list(prepared.tasks)
        self.effects = {
            one.number: options.allowed_effects & set(one.side_effects) for one in prepared.preview.forecasts
        }
        self.left = list(prepared.preview.left_alone)
        self.done: list[Deprovisioned] = []
        self.progress = Progress(options.on_event, options.clock, len(self.queue), failed=len(self.left))
        self.states = prepared.states
        self.runner = Runner.of(
            self.queue,
            endpoints,
            journal,
            SecretResolver(options.secret_source, options.tenant),
            options.clock,
            recorded=self._recorded,
            stopping=rules.asked,
        )
        self._last: Entry | None = None

    async def whole(self) -> DeprovisionReport:
        """Release them in this order, until none is left or the run is to stop."""
        while self.queue and self.rules.why is None:
            task = self.queue.pop(0)
            self._last = None
            self.progress.report(EventKind.NUMBER_STARTED, task.key)
            try:
                await self._release(task)
            except JournalError:
                raise
            except TelephonyError as error:
                self.rules.failed(Failure.of(error))
                self.left.append(LeftAlone.of(task.key, error))
                self.progress.failed = len(self.left)
                self.progress.report(EventKind.NUMBER_FAILED, task.key, error.cli_text)
            else:
                self.rules.succeeded()
                self.done.append(Deprovisioned.of(task.key, self._last))
                self.progress.done = len(self.done)
                self.progress.report(EventKind.NUMBER_DONE, task.key)
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
            stopped=self.rules.why,
            why_stopped=self.rules.message or None,
            way_on=anew(self.loaded.plan) if self.rule.command == "rollback" and not remaining else None,
        )
        self.progress.report(EventKind.ENDED, message=report.summary)
        return report

    async def _release(self, task: MigrationTask) -> None:
        granted = Granted(self.options.confirmed or frozenset(), self.effects.get(task.key, frozenset()))
        journal, unpublished = await self.journal.claim(task.key), await _unpublished(self.journal)
        state = state_of(await journal.entries())
        try:
            await self.runner.run(self.rule.procedure(task, state, granted, unpublished), journal)
        except JournalError:
            raise
        except TelephonyError:
            self.states[task.key] = state_of(await journal.entries())
            raise

    def _recorded(self, entry: Entry) -> None:
        if entry.action is self.rule.action and entry.phase is Phase.DONE:
            self._last = entry
        self.progress.step(entry)
