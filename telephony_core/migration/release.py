"""Release: give the source numbers up, as a decision of its own, long after they were moved.

Only numbers that are moved, verified and have stood so for the soak that the plan names. Both sides are read once more
before each of them goes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from telephony_core.domain.lifecycle import NumberStatus, SideEffect
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.errors import ConsentRequired, MigrationError, TelephonyError
from telephony_core.migration.account import check_ends
from telephony_core.migration.commands import command
from telephony_core.migration.comparing import Verdict, is_over, overtaken
from telephony_core.migration.directory import Directory
from telephony_core.migration.effects import End, Unit
from telephony_core.migration.entries import Action, Phase
from telephony_core.migration.giving_up import (
    LOST_ANSWER,
    Served,
    demand_consent,
    forecast,
    give_up,
    look,
    settle,
)
from telephony_core.migration.giving_up_report import GivingUpPreview, GivingUpReport, LeftAlone
from telephony_core.migration.giving_up_run import GivingUpOptions, GivingUpRun
from telephony_core.migration.job import CameOutDifferent, Job, PlanOvertaken, told
from telephony_core.migration.journal import SqliteJournal
from telephony_core.migration.plan import LoadedPlan
from telephony_core.migration.progress import NumberState, Standing, state_of
from telephony_core.migration.runner import Opener, Runner
from telephony_core.migration.stopping import StopRules, run_interruptibly
from telephony_core.migration.vault import Vault
from telephony_core.migration.verify import compared

if TYPE_CHECKING:
    from telephony_core.client import AsyncTelephony


class NotReleasable(MigrationError):
    """The source may not be given up yet."""


def preview_release(
    loaded: LoadedPlan, source: Opener, target: Opener, options: GivingUpOptions | None = None
) -> GivingUpPreview:
    """`apreview_release` for ordinary code."""
    return asyncio.run(apreview_release(loaded, source, target, options))


async def apreview_release(
    loaded: LoadedPlan, source: Opener, target: Opener, options: GivingUpOptions | None = None
) -> GivingUpPreview:
    """What a release would give up, when each takes effect, and what was never compared. Changes nothing, anywhere."""
    options = options or GivingUpOptions()
    with SqliteJournal.reading(loaded, now=options.clock.now) as journal:
        async with source() as source_client, target() as target_client:
            return (await _prepare(loaded, source_client, target_client, journal, options)).preview


def release_plan(
    loaded: LoadedPlan, source: Opener, target: Opener, options: GivingUpOptions | None = None
) -> GivingUpReport:
    """`arelease_plan` for ordinary code; the first Ctrl-C finishes the number in hand, the second stops at once."""
    given = options or GivingUpOptions()
    return run_interruptibly(
        lambda rules: arelease_plan(loaded, source, target, given, rules=rules),
        given.rules(loaded.plan),
        "release",
        command("release", loaded.path),
    )


async def arelease_plan(
    loaded: LoadedPlan,
    source: Opener,
    target: Opener,
    options: GivingUpOptions | None = None,
    *,
    rules: StopRules | None = None,
) -> GivingUpReport:
    """Give up the source records of numbers that are moved, verified and soaked.

    ``options.confirmed`` has to be the count that the preview shows. Raises `ConsentRequired`, before anything is done,
    for a count that is not right and for a side effect that was not accepted by its name.
    """
    options = options or GivingUpOptions()
    rules = rules or options.rules(loaded.plan)
    with SqliteJournal.writing(loaded, "release", take_over=options.take_over, now=options.clock.now) as journal:
        async with source() as source_client, target() as target_client:
            report = await _release(loaded, source_client, target_client, journal, options, rules)
        journal.finish(report.in_a_word)
        return report


async def _release(
    loaded: LoadedPlan,
    source: AsyncTelephony,
    target: AsyncTelephony,
    journal: SqliteJournal,
    options: GivingUpOptions,
    rules: StopRules,
) -> GivingUpReport:
    prepared = await _prepare(loaded, source, target, journal, options)
    count = prepared.preview.confirm
    if options.confirmed != count:
        raise ConsentRequired(
            f"{count} numbers would be given up at {loaded.plan.source.connection}, and "
            f"{'nobody confirmed that' if options.confirmed is None else f'{options.confirmed} were confirmed'}",
            consent="count",
            remedy="look at what would be given up, and type its count",
        )
    demand_consent(prepared.preview.forecasts, options.accepted(loaded.plan))
    allow = options.allowed(loaded.plan)
    run = GivingUpRun("release", loaded, Action.RELEASE, options, rules, len(prepared.jobs))
    run.left += prepared.preview.left_alone
    timeout = loaded.plan.settings.timeout
    runner = Runner(
        source.with_options(timeout=timeout),
        target.with_options(timeout=timeout, read_only=True),
        journal,
        Directory(target, (), options.clock),
        Vault(options.prompt),
        options.clock,
        run.recorded,
    )
    return await run.work(
        prepared.jobs,
        lambda job, state: release_source(
            job, state, allow, journal.agents_stopped(Action.RELEASE), prepared.kept.get(job.key)
        ),
        runner,
    )


# -- before it starts


@dataclass(frozen=True, slots=True)
class _Prepared:
    jobs: tuple[Job, ...]
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
    served, records = Served(), dict[str, PhoneNumber]()
    wanted = {job.number.source.id for job in jobs}
    async for record in source.list_numbers():
        served.add(record)
        if record.id in wanted:
            records[record.id] = record
    now, soak = options.clock.now(), loaded.plan.settings.soak
    left, going = [], []
    kept: dict[str, MigrationError] = {}
    for job in jobs:
        state = states[job.key]
        if state.standing in (Standing.RELEASED, Standing.ROLLED_BACK):
            continue
        reason = why_not(state, now, soak)
        if reason is not None and state.open_release is not None:
            kept[job.key] = NotReleasable(reason)
        elif reason is not None:
            left.append(LeftAlone(number=job.key, says=reason))
        else:
            going.append(job)
    leaving = [job.number.source.id for job in going]
    forecasts = [
        forecast(source, job.key, records.get(job.number.source.id, job.number.source), served, leaving)
        for job in going
    ]
    accepted = options.accepted(loaded.plan)
    preview = GivingUpPreview(
        at=loaded.plan.source.connection,
        forecasts=tuple(forecasts),
        to_settle=tuple(kept),
        left_alone=tuple(left),
        unverifiable=tuple(sorted({name for job in going for name in states[job.key].unverifiable})),
        cannot_be_undone=_never_again(going),
        needs_consent=tuple(sorted({e.value for one in forecasts for e in one.side_effects} - accepted)),
    )
    return _Prepared((*(job for job in jobs if job.key in kept), *going), kept, preview)


def why_not(state: NumberState, now: datetime, soak: timedelta) -> str | None:
    """Why the source of a number may not be given up yet; ``None`` when it may."""
    if state.open_roll_back is not None:
        return (
            "a rollback of it was not answered, so the target may still lose it; run `telephony migrate rollback` again"
        )
    if state.standing is not Standing.MOVED:
        return f"it is {state.standing.replace('_', ' ')}, not moved"
    if state.verified_at is None or state.verified_since is None:
        return "it is not verified since it was last changed or found different; run `telephony migrate verify`"
    if state.verified_since > now or state.verified_at > now:
        return "the journal says that it will be verified later than now; set this machine's clock right"
    left = state.verified_since + soak - now
    if left > timedelta(0):
        hours = left.total_seconds() / 3600
        return f"it is verified since {state.verified_since:%Y-%m-%d %H:%M} UTC; {hours:.1f} hours of its soak are left"
    return None


def _never_again(jobs: Sequence[Job]) -> tuple[str, ...]:
    with_trunk = [job for job in jobs if job.number.source.sip is not None]
    if not with_trunk:
        return ()
    return ("the trunk passwords that the source holds are gone with it: going back needs them from somewhere else",)


# -- the unit


def release_source(
    job: Job,
    state: NumberState,
    allow: frozenset[SideEffect],
    stopped: frozenset[str] = frozenset(),
    kept: MigrationError | None = None,
) -> Unit[None]:
    """Give one source record up, after reading both sides once more.

    ``stopped`` are agents that earlier releases of this migration took off the air. ``kept`` is raised instead of
    giving up a record that is there: only what became of it may be written down.
    """
    yield from told(job, _give_up_source(job, state, allow, stopped, kept), Action.CHECK)


def _give_up_source(
    job: Job,
    state: NumberState,
    allow: frozenset[SideEffect],
    stopped: frozenset[str],
    kept: MigrationError | None,
) -> Unit[None]:
    planned, created = job.number.source, state.created
    if created is None:
        raise NotReleasable(f"{job.key} is not at the target", remedy="run `telephony migrate apply` first")
    now = yield from look(End.SOURCE, planned.id)
    # What was given up is, whatever the target looks like by now.
    if state.open_release is not None and is_over(now):
        yield from job.write(Action.RELEASE, Phase.DONE, LOST_ANSWER, record=planned.id)
        return
    try:
        if kept is not None:
            raise kept
        yield from _check_target(job, created)
        if now is None or (changed := overtaken(planned, now, stopped)):
            said = "it is gone" if now is None else "; ".join(map(str, changed))
            raise PlanOvertaken(f"{job.key} has changed at the source since the plan was made: {said}")
    except MigrationError:
        if state.open_release is not None and (yield from settle(job, End.SOURCE, Action.RELEASE, planned.id)):
            return
        raise
    yield from give_up(job, End.SOURCE, Action.RELEASE, now, allow)


def _check_target(job: Job, created: str) -> Unit[None]:
    """The target as the plan wants it, in use, or the source is not touched."""
    record = yield from look(End.TARGET, created)
    if record is None:
        raise CameOutDifferent(f"{job.key} is not at the target any more, as {created}")
    wrong = [str(field) for field in compared(job, record) if field.verdict is Verdict.DIFFERS]
    if record.status is not NumberStatus.ACTIVE:
        wrong.append(f"it is {record.status}, not active")
    if wrong:
        raise CameOutDifferent(f"{job.key} is not at the target as planned: {'; '.join(wrong)}")


__all__ = [
    "GivingUpOptions",
    "GivingUpPreview",
    "GivingUpReport",
    "NotReleasable",
    "TelephonyError",
    "apreview_release",
    "arelease_plan",
    "preview_release",
    "release_plan",
    "release_source",
    "why_not",
]
