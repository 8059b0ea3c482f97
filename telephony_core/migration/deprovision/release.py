"""Release: release the source numbers, as a decision of its own, long after they were moved.

Only numbers that are moved, and have been verified for the soak that the plan names. Right before each of them
is released, the source is still as planned, and the target serves the number: one live record in a listing, active, as
verified.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import ClassVar, Final

from telephony_core.errors import MigrationError
from telephony_core.errors.migration import VerificationFailed
from telephony_core.migration.deprovision.deprovision import DeprovisionOptions, preview, run, run_sync
from telephony_core.migration.deprovision.procedure import Evidence, Rule
from telephony_core.migration.deprovision.report import DeprovisionPreview, DeprovisionReport
from telephony_core.migration.inventory.fields import clock_text
from telephony_core.migration.journal.entries import Action
from telephony_core.migration.move.effects import MigrationTask, Procedure
from telephony_core.migration.move.state import MigrationState, NumberState
from telephony_core.migration.plan.model import EndpointRole
from telephony_core.migration.plan.store import LoadedPlan
from telephony_core.migration.rendering.commands import command
from telephony_core.migration.run.endpoints import Opener
from telephony_core.migration.run.stopping import StopRules
from telephony_core.migration.run.verify import what_differs
from telephony_core.provider.identity import id_key, same_id

CLOCKS_MAY_DIFFER: Final = timedelta(minutes=1)
"""So far may this machine's clock and the target's be apart."""


class NotReleasable(MigrationError):
    """The source may not be released yet.

    Cause: the number is not verified at the target, or has not been there for as long as was agreed.

    Remedy: the text says what is missing. Do that first.
    """


def preview_release(
    loaded: LoadedPlan, source: Opener, target: Opener, options: DeprovisionOptions | None = None
) -> DeprovisionPreview:
    """`apreview_release` for ordinary code."""
    return asyncio.run(apreview_release(loaded, source, target, options))


async def apreview_release(
    loaded: LoadedPlan, source: Opener, target: Opener, options: DeprovisionOptions | None = None
) -> DeprovisionPreview:
    """What would be released, when each takes effect, and what was never compared. Changes nothing, anywhere."""
    return await preview(loaded, source, target, options, ReleaseRule(loaded))


def release_plan(
    loaded: LoadedPlan, source: Opener, target: Opener, options: DeprovisionOptions | None = None
) -> DeprovisionReport:
    """`arelease_plan` for ordinary code; the first Ctrl-C finishes the number in hand, the second stops at once."""
    return run_sync(loaded, source, target, options, ReleaseRule(loaded))


async def arelease_plan(
    loaded: LoadedPlan,
    source: Opener,
    target: Opener,
    options: DeprovisionOptions | None = None,
    *,
    rules: StopRules | None = None,
) -> DeprovisionReport:
    """Release the source records of numbers that are moved, verified and soaked.

    ``options.confirmed`` has to be what `preview_release` shows (``preview.shown``). Raises `NotAllowed`, before
    anything is done, when other records would be released, or a side effect was not allowed by its name.
    """
    return await run(loaded, source, target, options, ReleaseRule(loaded), rules)


class ReleaseRule(Rule):
    """Records of the source, while the target serves."""

    command: ClassVar[str] = "release"
    action: ClassVar[Action] = Action.RELEASE
    role: ClassVar[EndpointRole] = EndpointRole.SOURCE

    def __init__(self, loaded: LoadedPlan) -> None:
        if loaded.plan.source is None:
            raise MigrationError(
                f"{loaded.name} is no migration, so there is no source to release anything at",
                remedy=f"to undo what it did, `{command('rollback', loaded.name, kind=loaded.plan.kind)}`",
            )
        self._soak = loaded.plan.settings.soak

    def candidates(self, tasks: Sequence[MigrationTask], states: Mapping[str, NumberState]) -> list[MigrationTask]:
        return [
            task
            for task in tasks
            if states[task.key].state not in (MigrationState.RELEASED, MigrationState.ROLLED_BACK)
        ]

    def obstacle(
        self, task: MigrationTask, state: NumberState, now: datetime, there: datetime | None
    ) -> MigrationError | None:
        reason = why_not(state, now, self._soak, there)
        return None if reason is None else NotReleasable(reason)

    def objection(self, task: MigrationTask, state: NumberState, evidence: Evidence) -> MigrationError | None:
        wrong = _wrong_at_target(task, state, evidence)
        if wrong:
            return VerificationFailed(
                f"{task.key} is not at the target as planned: {'; '.join(wrong)}",
                remedy=f"set it right at the target, then run `{command('verify', task.plan)}`; or take it back with "
                f"`{command('rollback', task.plan, (task.key,))}`",
            )
        if changed := task.changes_at_source(evidence.source, evidence.unpublished.at_source):
            return task.source_changed("; ".join(map(str, changed)), touched=True)
        return None

    def cannot_be_undone(self, tasks: Sequence[MigrationTask], states: Mapping[str, NumberState]) -> tuple[str, ...]:
        if all(task.number.record.sip is None for task in tasks):
            return ()
        return (
            "the trunk passwords that the source holds are gone with it: going back needs them from somewhere else",
        )

    def find(self, task: MigrationTask, state: NumberState) -> Procedure[str | None]:
        # Makes a generator of it, which the rule is asked for: what is released at the source is known at the target.
        yield from ()
        raise NotReleasable(f"{task.key} is not at the target", remedy=f"run `{command('apply', task.plan)}` first")


def _wrong_at_target(task: MigrationTask, state: NumberState, evidence: Evidence) -> list[str]:
    """Why the target does not serve the number as it was verified."""
    record = evidence.target
    if record is None:
        return [f"its record {state.created} was removed"]
    wrong = list(what_differs(task, state, record))
    # A record that can be read and is in no list may be served by nobody; of two, nobody knows which one is.
    if [id_key(id) for id in evidence.live_at_target] != [id_key(record.id)]:
        others = ", ".join(id for id in evidence.live_at_target if not same_id(id, record.id))
        wrong.append(f"its list shows {others} as well" if others else f"its list does not show {record.id} as live")
    return wrong


def why_not(state: NumberState, now: datetime, soak: timedelta, there: datetime | None = None) -> str | None:
    """Why the source of a number may not be released yet; ``None`` when it may.

    The soak is counted by this machine's clock and by the target's (``there``), where it shows one, and the longer
    count decides: a clock that jumped must not shorten it.
    """
    if state.state is not MigrationState.MOVED:
        return f"{state.state.replace('_', ' ')}, not moved"
    if state.verified_at is None or state.verified_since is None:
        return "not verified since it was last changed or found different; run `telephony verify PLAN`"
    # Then the soak would be counted from a time that has not come.
    if (state.last_at or state.verified_at) > now:
        return (
            f"the journal has a line of {clock_text(state.last_at or state.verified_at)}, which is later than now "
            f"({clock_text(now)}): this machine's clock was set back; correct it"
        )
    # One of the two is wrong, and nothing shows which: either may end the soak too soon.
    if there is not None and abs(there - now) > CLOCKS_MAY_DIFFER:
        return (
            f"this machine's clock says {clock_text(now)} and the target's {clock_text(there)}; correct the "
            "wrong one, because the soak is counted by both"
        )
    since_there = state.verified_since_there
    # A target that never showed a time leaves the count to this clock.
    if since_there is not None and there is None:
        return "the target showed its time when it was verified, and does not now, so its soak cannot be counted"
    left = state.verified_since + soak - now
    if since_there is not None and there is not None:
        left = max(left, since_there + soak - there)
    if left > timedelta(0):
        hours = left.total_seconds() / 3600
        return f"verified since {clock_text(state.verified_since)}; its soak ends in {hours:.1f} hours"
    return None
