"""Rollback and release: one procedure that deletes records, and two rules of which records those are.

    what the journal says ──> both ends listed ──> shown ──confirmed──> both ends read anew ──> released
             └────────────────────────┴────── something is wrong: left alone, and said ───┘

Nothing else in this package can release a number. Whatever is wrong with a number leaves that one alone and not the
others. What is shown and confirmed is a set of records, and no other record is released in its place.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Final
from urllib.parse import urlsplit

from telephony_core.domain.lifecycle import NumberStatus, Release, SideEffect
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.errors import MigrationError, NotAllowed, NotFound, TelephonyError
from telephony_core.migration.deprovision.forecast import Served, agent_ids, demand_consent, forecast
from telephony_core.migration.deprovision.report import (
    Deprovisioned,
    DeprovisionPreview,
    DeprovisionReport,
    LeftAlone,
    ShownRecord,
)
from telephony_core.migration.journal.claims import Claims
from telephony_core.migration.journal.entries import Action, Entry, Phase
from telephony_core.migration.journal.store import JournalError, SqliteJournal
from telephony_core.migration.move.compare import is_over
from telephony_core.migration.move.effects import EndpointRole, Now, Procedure, ProviderNow, RunFlow, perform
from telephony_core.migration.move.evidence import Evidence, gather, live_ids
from telephony_core.migration.move.reconcile import doubt_of, in_doubt
from telephony_core.migration.move.state import NumberState, state_of
from telephony_core.migration.move.task import MigrationTask, StalePlan, StepFailed, journaled, no_new_plan
from telephony_core.migration.plan.allowances import allowances
from telephony_core.migration.plan.store import LoadedPlan
from telephony_core.migration.run.endpoints import check_account, check_ends, records_made
from telephony_core.migration.run.events import Event, EventKind, OnEvent
from telephony_core.migration.run.runner import Opener, Runner
from telephony_core.migration.run.secret_resolver import SecretResolver
from telephony_core.migration.run.stopping import StopRules
from telephony_core.migration.run.target_index import TargetIndex
from telephony_core.provider.changes import NumberRelease
from telephony_core.transport.clock import Clock

if TYPE_CHECKING:
    from telephony_core.client import AsyncTelephony


@dataclass(frozen=True, slots=True, kw_only=True)
class DeprovisionOptions:
    """Which numbers, what was confirmed, and what is accepted by name (`Consent`) for this one command.

    What was accepted when the plan was made does not count here.
    """

    numbers: Sequence[str] | None = None
    allow: Sequence[str] = ()
    confirmed: frozenset[ShownRecord] | None = None
    """The records that may be released: `DeprovisionPreview.shown` of a preview that somebody looked at."""
    stop_on_error: bool = False
    take_over: bool = False
    prompt: Callable[[str], str] | None = field(default=None, repr=False)
    on_event: OnEvent = lambda event: None
    clock: Clock = field(default_factory=Clock)

    @property
    def allowed(self) -> frozenset[str]:
        """Every name that was accepted. Raises `InvalidInput` for one that there is not."""
        return frozenset(str(name) for name in allowances(self.allow))

    @property
    def allowed_effects(self) -> frozenset[SideEffect]:
        """The side effects among them."""
        return frozenset(effect for effect in SideEffect if effect in self.allowed)

    def rules(self, loaded: LoadedPlan) -> StopRules:
        """When a run is to stop."""
        return StopRules(loaded.plan.settings.equal_failures, self.stop_on_error, announce=self._said)

    def _said(self, message: str) -> None:
        self.on_event(Event(kind=EventKind.SAID, at=self.clock.now(), message=message))


class NotConfirmed(NotAllowed):
    """The records that would be released are not those that were confirmed. Nothing was sent."""


class NotShown(MigrationError):
    """The record was not among those that were shown and confirmed, so it is not released."""

    default_remedy: ClassVar[str | None] = "run the same command again, which shows it first"


@dataclass(frozen=True, slots=True)
class Unpublished:
    """Agents that this migration itself may have unpublished, by releasing other numbers at either end."""

    at_source: frozenset[str] = frozenset()
    at_target: frozenset[str] = frozenset()


class Rule(ABC):
    """Which records a command deletes, and what has to be true of both ends before it does."""

    command: ClassVar[str]
    action: ClassVar[Action]
    end: ClassVar[EndpointRole]
    """Where its records are."""
    other_action: ClassVar[Action]
    """What the other command does, at the other end."""
    lists_target: ClassVar[bool]
    """Whether it matters what else of a number is at the target, which takes a listing for each number."""

    @abstractmethod
    def candidates(self, tasks: Sequence[MigrationTask], states: Mapping[str, NumberState]) -> list[MigrationTask]:
        """The numbers that it is about, in the order in which they go."""

    @abstractmethod
    def obstacle(self, state: NumberState, now: datetime, there: datetime | None) -> MigrationError | None:
        """What the journal says against it; ``there`` is the time by the target's clock, where it tells one."""

    @abstractmethod
    def objection(
        self, task: MigrationTask, state: NumberState, evidence: Evidence, unpublished: Unpublished
    ) -> MigrationError | None:
        """What the two ends say against it."""

    @abstractmethod
    def cannot_be_undone(self, tasks: Sequence[MigrationTask], states: Mapping[str, NumberState]) -> tuple[str, ...]:
        """In words: what will not be as it was before."""

    @abstractmethod
    def found(self, task: MigrationTask, state: NumberState, listed: Collection[PhoneNumber]) -> PhoneNumber | None:
        """The record that an import made whose answer was lost, as a listing shows it."""

    @abstractmethod
    def find(self, task: MigrationTask, state: NumberState) -> Procedure[str | None]:
        """The target record, where the journal does not know it; ``None`` when there is none, which is written down."""

    def unknown(self, task: MigrationTask, state: NumberState, live: tuple[str, ...]) -> MigrationError | None:
        """What has to be said of a number that this command is not about; ``live`` are its records at the target."""
        return None

    def record_id(self, task: MigrationTask, target_id: str) -> str:
        return task.number.source.id if self.end is EndpointRole.SOURCE else target_id

    def unanswered(self, state: NumberState) -> Entry | None:
        """The intent of an earlier run of this command that was not answered."""
        return state.open_release if self.action is Action.RELEASE else state.open_roll_back

    def unanswered_other(self, state: NumberState) -> Entry | None:
        """Likewise of the other command. Whichever end it is about may still lose the number."""
        return state.open_roll_back if self.action is Action.RELEASE else state.open_release

    @property
    def other_end(self) -> EndpointRole:
        return EndpointRole.TARGET if self.end is EndpointRole.SOURCE else EndpointRole.SOURCE


# -- before it starts


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a run will do, number by number."""

    tasks: tuple[MigrationTask, ...]
    preview: DeprovisionPreview


async def preview(
    loaded: LoadedPlan, source: Opener, target: Opener, options: DeprovisionOptions, rule: Rule
) -> DeprovisionPreview:
    """What the command would do. Changes nothing, anywhere."""
    with SqliteJournal.reading(loaded, now=options.clock.now) as journal:
        async with source() as source_client, target() as target_client:
            return (await _prepare(loaded, source_client, target_client, journal, options, rule)).preview


async def _prepare(
    loaded: LoadedPlan,
    source: AsyncTelephony,
    target: AsyncTelephony,
    journal: SqliteJournal,
    options: DeprovisionOptions,
    rule: Rule,
) -> Prepared:
    plan = loaded.plan
    check_ends(plan, source, target)
    source = source.with_options(timeout=plan.settings.timeout, read_only=True)
    target = target.with_options(timeout=plan.settings.timeout, read_only=True)
    here, elsewhere = (source, target) if rule.end is EndpointRole.SOURCE else (target, source)
    tasks = [MigrationTask.of(plan, number, target.capabilities) for number in plan.chosen(options.numbers)]
    states = {task.key: state_of(journal.entries_of(task.key)) for task in tasks}
    made = records_made(plan, journal)
    served = Served()
    indexes = _indexes(tasks, source, target, options.clock, (*made, *plan.target.holds))
    indexes[rule.end].each = served.add
    await indexes[EndpointRole.SOURCE].refresh()
    await indexes[EndpointRole.TARGET].refresh()
    check_account(plan, made, indexes[EndpointRole.TARGET])

    now = options.clock.now()
    unpublished = _unpublished(journal)
    left: list[LeftAlone] = []
    going: dict[str, PhoneNumber] = {}
    settling: list[str] = []
    candidates = rule.candidates(tasks, states)
    for task in candidates:
        state = states[task.key]
        evidence = _listed(task, state, rule, indexes)
        mine = evidence.at(rule.end)
        error = _open_elsewhere(task, state, rule, now, elsewhere.provider_time) or rule.obstacle(
            state, now, target.provider_time
        )
        error = error or rule.objection(task, state, evidence, unpublished)
        if error is None and mine is not None and not is_over(mine):
            going[task.key] = mine
        elif error is None or rule.unanswered(state) is not None:
            settling.append(task.key)
        else:
            left.append(LeftAlone.of(task.key, error))
    known = {task.key for task in candidates}
    left += [
        LeftAlone.of(task.key, error)
        for task in tasks
        if task.key not in known and (error := rule.unknown(task, states[task.key], _live(task, indexes))) is not None
    ]
    leaving = [record.id for record in going.values()]
    forecasts = tuple(forecast(here, key, record, served, leaving) for key, record in going.items())
    chosen = [task for task in candidates if task.key in going]
    side = plan.source if rule.end is EndpointRole.SOURCE else plan.target
    return Prepared(
        tuple(task for task in candidates if task.key in going or task.key in settling),
        DeprovisionPreview(
            at=f"{side.connection} ({urlsplit(here.adapter.config.base_url).netloc})",
            forecasts=forecasts,
            to_settle=tuple(settling),
            left_alone=tuple(left),
            unverifiable=tuple(sorted({name for task in chosen for name in states[task.key].unverifiable})),
            cannot_be_undone=rule.cannot_be_undone(chosen, states),
            needs_allowance=tuple(
                sorted({effect.value for one in forecasts for effect in one.side_effects} - options.allowed)
            ),
        ),
    )


def _indexes(
    tasks: Sequence[MigrationTask],
    source: AsyncTelephony,
    target: AsyncTelephony,
    clock: Clock,
    ids: Iterable[str] = (),
) -> dict[EndpointRole, TargetIndex]:
    sources = [task.number.source for task in tasks]
    return {
        EndpointRole.SOURCE: TargetIndex(
            source, clock, (record.identity for record in sources), (record.id for record in sources)
        ),
        EndpointRole.TARGET: TargetIndex(target, clock, (task.identity for task in tasks), ids),
    }


def _unpublished(journal: SqliteJournal) -> Unpublished:
    return Unpublished(journal.agents_stopped(Action.RELEASE), journal.agents_stopped(Action.ROLL_BACK))


def _listed(
    task: MigrationTask, state: NumberState, rule: Rule, indexes: Mapping[EndpointRole, TargetIndex]
) -> Evidence:
    """What both listings show of a number."""
    listed = indexes[EndpointRole.TARGET].shown(task.identity, state.created)
    record = (
        rule.found(task, state, listed) if state.created is None else indexes[EndpointRole.TARGET].by_id(state.created)
    )
    return Evidence(indexes[EndpointRole.SOURCE].by_id(task.number.source.id), record, live_ids(task, listed))


def _live(task: MigrationTask, indexes: Mapping[EndpointRole, TargetIndex]) -> tuple[str, ...]:
    return live_ids(task, indexes[EndpointRole.TARGET].shown(task.identity))


def _open_elsewhere(
    task: MigrationTask, state: NumberState, rule: Rule, now: datetime, there: datetime | None
) -> MigrationError | None:
    """The other command was not answered and may still take effect: then this one could delete all that is left."""
    entry = rule.unanswered_other(state)
    if entry is None:
        return None
    doubt = task.doubt(entry, now, rule.other_end, there)
    return in_doubt(task, doubt, rule.other_action.replace("_", " ")) if now < doubt.until else None


# -- the unit


@dataclass(frozen=True, slots=True)
class Granted:
    """What somebody agreed to, knowing what it will do."""

    confirmed: frozenset[ShownRecord] = frozenset()
    effects: frozenset[SideEffect] = frozenset()
    """Side effects that this release has, and that were accepted by name."""


def deprovision(
    task: MigrationTask, state: NumberState, rule: Rule, granted: Granted, unpublished: Unpublished = Unpublished()
) -> Procedure[None]:
    """Release one record, after reading both ends anew; or find out what an earlier, unanswered request came to."""
    yield from journaled(task, _deprovision(task, state, rule, granted, unpublished), Action.CHECK)


def _deprovision(
    task: MigrationTask, state: NumberState, rule: Rule, granted: Granted, unpublished: Unpublished
) -> Procedure[None]:
    now = yield from perform(Now())
    target_id = state.created or (yield from rule.find(task, state))
    if target_id is None:
        return
    evidence = yield from gather(task, target_id, list_target=rule.lists_target)
    yield from _settle_other(task, state, rule, evidence, now)
    mine = evidence.at(rule.end)
    unanswered = rule.unanswered(state)
    if unanswered is not None and is_over(mine):
        yield from task.write(rule.action, Phase.DONE, LOST_ANSWER, record=rule.record_id(task, target_id))
        return
    there = yield from perform(ProviderNow(EndpointRole.TARGET))
    error = rule.obstacle(state, now, there) or rule.objection(task, state, evidence, unpublished)
    if error is None and mine is not None and not is_over(mine):
        if (task.key, mine.id) in granted.confirmed:
            yield from _release(task, rule.end, rule.action, mine, granted.effects)
            return
        error = NotShown(f"{task.key} ({mine.id}) was not among the records that were shown")
    if error is None:
        yield from task.write(rule.action, Phase.DONE, "it was gone already", record=rule.record_id(task, target_id))
        return
    if unanswered is not None:
        yield from _settle(task, rule.action, unanswered, rule.end, now)
    raise error


def _settle_other(
    task: MigrationTask, state: NumberState, rule: Rule, evidence: Evidence, now: datetime
) -> Procedure[None]:
    """Find out, without sending anything, what the other command's unanswered request came to."""
    entry = rule.unanswered_other(state)
    if entry is None:
        return
    if is_over(evidence.at(rule.other_end)):
        yield from task.write(rule.other_action, Phase.DONE, LOST_ANSWER, record=entry.record)
    else:
        yield from _settle(task, rule.other_action, entry, rule.other_end, now)


def _settle(
    task: MigrationTask, action: Action, unanswered: Entry, end: EndpointRole, now: datetime
) -> Procedure[None]:
    """The record is still there: while the request may still take effect, that proves nothing. Raises `InDoubt`."""
    doubt = yield from doubt_of(task, unanswered, end)
    if now < doubt.until:
        what = action.replace("_", " ")
        yield from task.write(action, Phase.LOOK, f"it is still there; in doubt {doubt}", record=unanswered.record)
        raise in_doubt(task, doubt, what)
    said = "still there after the whole settling window, so it was not released"
    yield from task.write(action, Phase.FAILED, said, record=unanswered.record)


def _release(
    task: MigrationTask, end: EndpointRole, action: Action, record: PhoneNumber, allow: frozenset[SideEffect]
) -> Procedure[None]:
    """Release one record, with a line in the journal before and after."""
    stops = sorted(agent_ids(record)) if SideEffect.UNPUBLISHES in allow else []
    yield from task.write(action, Phase.INTENT, record=record.id, data={"agents": [*stops]})
    change = NumberRelease(record, allow)
    now = yield from perform(Now())
    try:
        release = yield from perform(RunFlow(end, "release", lambda operations: operations.release(change)))
    except NotFound:  # a listing does not show it either: it went by this request, or just before it
        yield from task.write(action, Phase.DONE, "it is gone: neither its id nor a list shows it", record=record.id)
        return
    except TelephonyError as error:
        raise StepFailed(action, error) from None
    if release.status is NumberStatus.UNKNOWN:  # accepted, and a look still shows it as it was
        doubt = task.doubt(None, now, end, None)
        yield from task.write(
            action, Phase.LOOK, f"accepted, and it is still there; in doubt {doubt}", record=record.id
        )
        raise in_doubt(task, doubt, action.replace("_", " "))
    data: Mapping[str, str | bool | None] = {
        "status": release.status.value,
        "takes_effect_at": release.takes_effect_at.isoformat() if release.takes_effect_at else None,
        "revocable": release.revocable,
    }
    yield from task.write(action, Phase.DONE, _became(release), record=record.id, data=data)


LOST_ANSWER: Final = "it was released, and its answer was lost"


def _became(release: Release) -> str:
    match release.status:
        case NumberStatus.RELEASED:
            return "it is released"
        case NumberStatus.RELEASE_SCHEDULED if release.takes_effect_at is not None:
            return f"it works until {release.takes_effect_at:%Y-%m-%d %H:%M} UTC"
        case _:
            return "it is scheduled; the provider does not tell until when it works"


# -- the run


async def run(
    loaded: LoadedPlan,
    source: Opener,
    target: Opener,
    options: DeprovisionOptions,
    rules: StopRules,
    rule: Rule,
) -> DeprovisionReport:
    """Release what was confirmed, one number after the other. Running it again goes on where it was interrupted.

    Raises `NotAllowed`, before anything is sent, when the records that would be released are not those that were
    confirmed, and when a side effect was not accepted by its name.
    """
    journal = SqliteJournal.writing(loaded, rule.command, take_over=options.take_over, now=options.clock.now)
    with journal:
        async with source() as source_client, target() as target_client:
            prepared = await _prepare(loaded, source_client, target_client, journal, options, rule)
            _demand_confirmation(prepared.preview, options)
            demand_consent(prepared.preview.forecasts, options.allowed)
            report = await _Run(loaded, options, rules, rule, prepared).work(source_client, target_client, journal)
        journal.finish(report.in_a_word)
        return report


def _demand_confirmation(preview: DeprovisionPreview, options: DeprovisionOptions) -> None:
    confirmed = options.confirmed or frozenset()
    if confirmed == preview.shown:
        return
    new, gone = sorted(preview.shown - confirmed), sorted(confirmed - preview.shown)
    said = [f"{number} ({record}) was not confirmed" for number, record in new[:5]]
    said += [f"{number} ({record}) is not to be released any more" for number, record in gone[:5]]
    raise NotConfirmed(
        f"{len(preview.shown)} records would be released at {preview.at}, and these are not the {len(confirmed)} that "
        f"were confirmed: {'; '.join(said)}",
        allowance="confirmed",
        remedy="look at a new preview, and confirm what it shows",
    )


class _Run:
    """Works through numbers in the order given, and keeps what became of each."""

    def __init__(
        self, loaded: LoadedPlan, options: DeprovisionOptions, rules: StopRules, rule: Rule, prepared: Prepared
    ) -> None:
        self.loaded = loaded
        self.options = options
        self.rules = rules
        self.rule = rule
        self.tasks = prepared.tasks
        self._effects = {
            one.number: options.allowed_effects & set(one.side_effects) for one in prepared.preview.forecasts
        }
        self.left = list(prepared.preview.left_alone)
        self.done: list[Deprovisioned] = []
        self._last: Entry | None = None

    async def work(self, source: AsyncTelephony, target: AsyncTelephony, journal: SqliteJournal) -> DeprovisionReport:
        """Release them in this order, until none is left or the run is to stop."""
        runner = self._runner(source, target, journal)
        queue = list(self.tasks)
        while queue and self.rules.why is None:
            task = queue.pop(0)
            self._last = None
            self._tell(EventKind.NUMBER_BEGUN, task.key)
            state = state_of(journal.entries_of(task.key))
            try:
                await runner.run(deprovision(task, state, self.rule, self._granted(task), _unpublished(journal)))
            except JournalError:
                raise
            except TelephonyError as error:
                self.rules.failed(error)
                self.left.append(LeftAlone.of(task.key, error))
                self._tell(EventKind.NUMBER_FAILED, task.key, error.cli_text)
            else:
                self.rules.succeeded()
                self.done.append(Deprovisioned.of(task.key, self._last))
                self._tell(EventKind.NUMBER_DONE, task.key)
        remaining = [*(left.number for left in self.left), *(task.key for task in queue)]
        report = DeprovisionReport(
            command=self.rule.command,
            plan=str(self.loaded.path),
            done=tuple(self.done),
            left_alone=tuple(self.left),
            not_begun=tuple(task.key for task in queue),
            in_doubt=tuple(key for key in remaining if state_of(journal.entries_of(key)).in_doubt),
            stopped=self.rules.why,
            why_stopped=self.rules.message or None,
        )
        self._tell(EventKind.ENDED, message=report.in_a_word)
        return report

    def _granted(self, task: MigrationTask) -> Granted:
        return Granted(self.options.confirmed or frozenset(), self._effects.get(task.key, frozenset()))

    def _runner(self, source: AsyncTelephony, target: AsyncTelephony, journal: SqliteJournal) -> Runner:
        timeout = self.loaded.plan.settings.timeout
        releases_source = self.rule.end is EndpointRole.SOURCE
        source = source.with_options(timeout=timeout, read_only=not releases_source)
        target = target.with_options(timeout=timeout, read_only=releases_source)
        indexes = _indexes(self.tasks, source, target, self.options.clock)
        return Runner(
            source,
            target,
            journal,
            indexes[EndpointRole.SOURCE],
            indexes[EndpointRole.TARGET],
            SecretResolver(self.options.prompt),
            self.options.clock,
            Claims(self.loaded, {task.key: task.identity.account_key for task in self.tasks}, self.options.clock.now),
            self._recorded,
            stopping=self.rules.asked,
        )

    def _recorded(self, entry: Entry) -> None:
        if entry.action is self.rule.action and entry.phase is Phase.DONE:
            self._last = entry
        self._tell(EventKind.STEP, entry.number, entry.message, entry)

    def _tell(self, kind: EventKind, number: str | None = None, message: str = "", entry: Entry | None = None) -> None:
        self.options.on_event(
            Event(
                kind=kind,
                at=self.options.clock.now(),
                number=number,
                action=entry.action if entry is not None else None,
                phase=entry.phase if entry is not None else None,
                message=message,
                done=len(self.done),
                failed=len(self.left),
                total=len(self.tasks),
            )
        )


def stale(task: MigrationTask, message: str) -> StalePlan:
    """The source is not as the plan read it."""
    return StalePlan(
        f"{task.key} has changed at the source since the plan was made: {message}", remedy=no_new_plan(task.key)
    )
