"""Rollback: take back what this migration made at the target, and nothing else; the source stays as it is.

The last number that was made goes first. Each record is read again before it is given up: where somebody changed it,
or the source does not serve the number any more, it is left, and told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from telephony_core.capabilities import Field as Setting
from telephony_core.domain.agents import AgentRef
from telephony_core.domain.lifecycle import SideEffect
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.errors import MigrationError
from telephony_core.migration.account import another_account, check_ends, records_made, should_show
from telephony_core.migration.commands import command
from telephony_core.migration.comparing import agents_of, expected_of, foreign_changes, is_over
from telephony_core.migration.directory import Directory
from telephony_core.migration.drift import FieldDrift
from telephony_core.migration.effects import End, Reveal, Unit, ask
from telephony_core.migration.entries import Action, Phase
from telephony_core.migration.fields import value_text
from telephony_core.migration.giving_up import (
    LOST_ANSWER,
    Forecast,
    Served,
    demand_consent,
    forecast,
    give_up,
    look,
    settle,
)
from telephony_core.migration.giving_up_report import GivingUpPreview, GivingUpReport, LeftAlone
from telephony_core.migration.giving_up_run import GivingUpOptions, GivingUpRun
from telephony_core.migration.job import Job, PlanOvertaken, told
from telephony_core.migration.journal import SqliteJournal
from telephony_core.migration.plan import LoadedPlan
from telephony_core.migration.progress import NumberState, Standing, state_of
from telephony_core.migration.runner import Opener, Runner
from telephony_core.migration.settling_imports import attempt_of, settle_import
from telephony_core.migration.stopping import StopRules, run_interruptibly
from telephony_core.migration.vault import Vault
from telephony_core.settling import differences, read_field

if TYPE_CHECKING:
    from telephony_core.client import AsyncTelephony


class NotOurs(MigrationError):
    """A record is not as this migration left it, so somebody else has to do with it. It is left as it is."""

    default_remedy: ClassVar[str | None] = "ask who changed it; if it is to go, give it up in the provider's dashboard"


class SourceGone(MigrationError):
    """The source does not serve the number any more; without the record at the target nobody would."""

    default_remedy: ClassVar[str | None] = (
        "keep it where it is now; to move it back, plan a migration in the other direction"
    )


class ReleaseOpen(MigrationError):
    """A release of it was not answered, so the source may still go; then the record at the target is all there is."""

    default_remedy: ClassVar[str | None] = (
        "run `telephony migrate release` again, which settles it; what is still at the source after that can be rolled "
        "back"
    )


def preview_rollback(
    loaded: LoadedPlan, source: Opener, target: Opener, options: GivingUpOptions | None = None
) -> GivingUpPreview:
    """`apreview_rollback` for ordinary code."""
    return asyncio.run(apreview_rollback(loaded, source, target, options))


async def apreview_rollback(
    loaded: LoadedPlan, source: Opener, target: Opener, options: GivingUpOptions | None = None
) -> GivingUpPreview:
    """What a rollback would give up, leave alone, and not be able to undo. Changes nothing, anywhere."""
    options = options or GivingUpOptions()
    with SqliteJournal.reading(loaded, now=options.clock.now) as journal:
        async with source() as source_client, target() as target_client:
            return (await _prepare(loaded, source_client, target_client, journal, options)).preview


def rollback_plan(
    loaded: LoadedPlan, source: Opener, target: Opener, options: GivingUpOptions | None = None
) -> GivingUpReport:
    """`arollback_plan` for ordinary code; the first Ctrl-C finishes the number in hand, the second stops at once."""
    given = options or GivingUpOptions()
    return run_interruptibly(
        lambda rules: arollback_plan(loaded, source, target, given, rules=rules),
        given.rules(loaded.plan),
        "rollback",
        command("rollback", loaded.path),
    )


async def arollback_plan(
    loaded: LoadedPlan,
    source: Opener,
    target: Opener,
    options: GivingUpOptions | None = None,
    *,
    rules: StopRules | None = None,
) -> GivingUpReport:
    """Give up at the target what this migration made there. Running it again goes on where it was interrupted.

    Raises `ConsentRequired` before anything is done when a side effect was not accepted by its name.
    """
    options = options or GivingUpOptions()
    rules = rules or options.rules(loaded.plan)
    with SqliteJournal.writing(loaded, "rollback", take_over=options.take_over, now=options.clock.now) as journal:
        async with source() as source_client, target() as target_client:
            report = await _roll_back(loaded, source_client, target_client, journal, options, rules)
        journal.finish(report.in_a_word)
        return report


async def _roll_back(
    loaded: LoadedPlan,
    source: AsyncTelephony,
    target: AsyncTelephony,
    journal: SqliteJournal,
    options: GivingUpOptions,
    rules: StopRules,
) -> GivingUpReport:
    prepared = await _prepare(loaded, source, target, journal, options)
    demand_consent(prepared.preview.forecasts, options.accepted(loaded.plan))
    allow = options.allowed(loaded.plan)
    run = GivingUpRun("rollback", loaded, Action.ROLL_BACK, options, rules, len(prepared.jobs))
    run.left += prepared.preview.left_alone
    timeout = loaded.plan.settings.timeout
    runner = Runner(
        source.with_options(timeout=timeout, read_only=True),
        target.with_options(timeout=timeout),
        journal,
        Directory(target, (job.identity for job in prepared.jobs), options.clock),
        Vault(options.prompt),
        options.clock,
        run.recorded,
    )
    return await run.work(
        prepared.jobs,
        lambda job, state: roll_back(
            job, state, allow, journal.agents_stopped(Action.ROLL_BACK), prepared.kept.get(job.key)
        ),
        runner,
    )


# -- before it starts


@dataclass(frozen=True, slots=True)
class _Prepared:
    jobs: tuple[Job, ...]
    """In the order in which they are taken back."""
    kept: Mapping[str, MigrationError]
    """Why nothing may be sent for some of them, of which only what became of them is to be written down."""
    preview: GivingUpPreview


async def _prepare(
    loaded: LoadedPlan,
    source: AsyncTelephony,
    target: AsyncTelephony,
    journal: SqliteJournal,
    options: GivingUpOptions,
) -> _Prepared:
    check_ends(loaded.plan, source, target)
    timeout = loaded.plan.settings.timeout
    source = source.with_options(timeout=timeout, read_only=True)
    target = target.with_options(timeout=timeout, read_only=True)
    jobs = [Job.of(loaded.plan, number, target.capabilities) for number in loaded.plan.chosen(options.numbers)]
    states = {job.key: state_of(journal.entries_of(job.key)) for job in jobs}
    touched = sorted(
        (job for job in jobs if states[job.key].touched), key=lambda job: states[job.key].begun, reverse=True
    )
    served, records = Served(), dict[str, PhoneNumber]()
    made = records_made(loaded.plan, journal)
    async for record in target.list_numbers():
        served.add(record)
        if record.id in made:
            records[record.id] = record
    elsewhere = another_account(loaded.plan, made) if should_show(made) and not records else None
    if elsewhere is not None and all(state.open_roll_back is None for state in made.values()):
        raise elsewhere
    here = {job.number.source.id for job in touched}
    serving = {record.id async for record in source.list_numbers() if record.id in here and not is_over(record)}

    stopped = journal.agents_stopped(Action.ROLL_BACK)
    left, going = [], []
    kept: dict[str, MigrationError] = {}
    for job in touched:
        state = states[job.key]
        found = records.get(state.created or "")
        reason = _stays(job, state, found, serving, stopped)
        if reason is not None and _can_be_settled(state):
            kept[job.key] = reason
        elif reason is not None:
            left.append(LeftAlone(number=job.key, says=str(reason), error=type(reason).__name__))
        elif elsewhere is not None and state.open_roll_back is None:
            left.append(LeftAlone(number=job.key, says=str(elsewhere), error=type(elsewhere).__name__))
        elif state.created is not None and is_over(found):
            kept[job.key] = _there_again(job)
        else:
            going.append(job)
    leaving = [id for job in going if (id := states[job.key].created) is not None]
    forecasts = [
        forecast(target, job.key, records[id], served, leaving)
        for job in going
        if (id := states[job.key].created) is not None
    ]
    preview = GivingUpPreview(
        at=loaded.plan.target.connection,
        forecasts=tuple(forecasts),
        to_find_out=tuple(job.key for job in going if states[job.key].created is None),
        to_settle=tuple(kept),
        left_alone=tuple(left),
        cannot_be_undone=_stays_done(going, states),
        needs_consent=_needed(forecasts, options.accepted(loaded.plan)),
    )
    staying = {one.number for one in left}
    return _Prepared(tuple(job for job in touched if job.key not in staying), kept, preview)


def _stays(
    job: Job, state: NumberState, record: PhoneNumber | None, serving: set[str], stopped: frozenset[str]
) -> MigrationError | None:
    """Why a number cannot be taken back; ``None`` when it can, as far as can be seen before."""
    if state.open_release is not None:
        return _release_open(job)
    if state.standing is Standing.RELEASED or job.number.source.id not in serving:
        return _source_gone(job)
    if record is not None and not is_over(record) and (changed := foreign(job, state, record, stopped)):
        return _not_ours(job, record, changed)
    return None


def _can_be_settled(state: NumberState) -> bool:
    """Whether a rollback that was not answered only has to be looked into, whatever speaks against another one."""
    return state.open_roll_back is not None and state.open_release is None and state.released is None


def _there_again(job: Job) -> PlanOvertaken:
    """Its record was not in the list, so nobody was told that it would be given up."""
    return PlanOvertaken(
        f"{job.key} was not in the target's list, and is there after all",
        remedy="run `telephony migrate rollback` again, which shows it first",
    )


def _needed(forecasts: Sequence[Forecast], accepted: frozenset[str]) -> tuple[str, ...]:
    effects = {effect.value for one in forecasts for effect in one.side_effects}
    return tuple(sorted(effects - accepted))


def _stays_done(jobs: Sequence[Job], states: dict[str, NumberState]) -> tuple[str, ...]:
    """What this migration did that giving the records up does not take back."""
    said = []
    for job in jobs:
        published = any(SideEffect.PUBLISHES in step.side_effects for step in job.number.steps)
        if published and states[job.key].agents_assigned:
            agents = ", ".join(sorted({value_text(agent) for agent in agents_of(job.number.wanted).values()}))
            said.append(f"{job.key}: {agents} was published by assigning it; what was published before is not put back")
    trunks = [job.trunk for job in jobs if job.trunk is not None]
    typed = {trunk.name for trunk in trunks if (trunk.password or "").startswith("prompt:")}
    said += [f"the password of trunk {name} was typed and is kept nowhere but there" for name in sorted(typed)]
    return tuple(said)


# -- the unit


def roll_back(
    job: Job,
    state: NumberState,
    allow: frozenset[SideEffect],
    stopped: frozenset[str] = frozenset(),
    kept: MigrationError | None = None,
) -> Unit[None]:
    """Take one number back: find out whether it was made, read it again, and give it up.

    ``stopped`` are agents that this rollback took off the air already. ``kept`` is raised instead of giving up a record
    that is there: only what became of it may be written down.
    """
    yield from told(job, _take_back(job, state, allow, stopped, kept), Action.CHECK)


def _take_back(
    job: Job,
    state: NumberState,
    allow: frozenset[SideEffect],
    stopped: frozenset[str],
    kept: MigrationError | None,
) -> Unit[None]:
    if not state.touched:
        return
    created = state.created
    if created is None:
        created = yield from _find_out(job, state)
    if created is None:
        yield from job.write(Action.ROLL_BACK, Phase.DONE, "it was never made")
        return
    if state.open_release is not None:
        raise _release_open(job)
    record = yield from look(End.TARGET, created)
    try:
        yield from _check_source(job)
        if record is not None and not is_over(record):
            _check_record(job, state, record, stopped, kept)
    except MigrationError:
        if _can_be_settled(state) and (yield from settle(job, End.TARGET, Action.ROLL_BACK, created)):
            return
        raise
    if record is None or is_over(record):
        said = "it was gone already" if state.open_roll_back is None else LOST_ANSWER
        yield from job.write(Action.ROLL_BACK, Phase.DONE, said, record=created)
        return
    yield from give_up(job, End.TARGET, Action.ROLL_BACK, record, allow)


def _check_record(
    job: Job, state: NumberState, record: PhoneNumber, stopped: Collection[str], kept: MigrationError | None
) -> None:
    """Raise what keeps a record that is there from being given up."""
    if kept is not None:
        raise kept
    if changed := foreign(job, state, record, stopped):
        raise _not_ours(job, record, changed)


def _find_out(job: Job, state: NumberState) -> Unit[str | None]:
    """The record that an unanswered import made, if it made one. Somebody else's is never taken for it."""
    if state.open_import is None:
        return None
    username = None
    if job.trunk is not None and job.trunk.auth == "digest":
        username = job.trunk.plain_username or (yield from ask(Reveal(job.trunk))).username
    found = yield from settle_import(job, attempt_of(job, state.open_import, username))
    if found is None:
        yield from job.write(Action.IMPORT, Phase.FAILED, "not there after two looks, so it was not made")
        return None
    yield from job.write(Action.IMPORT, Phase.DONE, "found after its answer was lost", record=found.id)
    return found.id


def _check_source(job: Job) -> Unit[None]:
    """Make sure that the source still serves the number."""
    if is_over((yield from look(End.SOURCE, job.number.source.id))):
        raise _source_gone(job)


def _source_gone(job: Job) -> SourceGone:
    return SourceGone(f"{job.key} is not served at the source any more, so what is at the target is all there is of it")


def _release_open(job: Job) -> ReleaseOpen:
    return ReleaseOpen(f"a release of {job.key} was not answered, so the source may still go")


def foreign(job: Job, state: NumberState, record: PhoneNumber, stopped: Collection[str] = ()) -> tuple[FieldDrift, ...]:
    """What somebody else changed. A field that is as the plan wants it may be a step of ours that was not answered."""
    if state.last_seen is None:
        return ()
    left_behind = state.last_seen.facts.get("seen")
    if not isinstance(left_behind, dict):
        return ()
    ours = expected_of(job.number.wanted) | agents_of(job.number.wanted)
    as_wanted = ours.keys() - set(differences(ours, record, job.capabilities))
    as_wanted |= {
        name
        for name, agent in agents_of(job.number.wanted).items()
        if isinstance(agent, AgentRef) and agent.agent_id in stopped and read_field(record, name) is None
    }
    return tuple(change for change in foreign_changes(left_behind, record) if change.field not in as_wanted)


def _not_ours(job: Job, record: PhoneNumber, changed: Sequence[FieldDrift]) -> NotOurs:
    hidden = {Setting.USERNAME.value: "outbound.username: another one"}
    said = "; ".join(hidden.get(change.field, str(change)) for change in changed)
    return NotOurs(f"{job.key} ({record.id}) was changed by somebody since this migration made it: {said}")
