"""A plan on its way, as a workflow of Temporal: which lot is next, what is waited for, and when it stops.

    apply (canary lot, then the others) ──> verify ──> soak ──> verify again ──> approved ──> release

Plans that release nothing end with their first verification. A stage is one run of the workflow, so its history ends
with it. What went wrong never ends a campaign: it stops, or waits for a decision, and goes on when it is told to.

Everything here is kept by the engine and can be read there: it holds a checksum, places in a plan and figures, no
number and no secret. It is run again from its history, so it looks at no clock and no file.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Final, Literal, TypeAlias

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from pydantic import BaseModel

    from telephony_core.migration.lots.lot import Command, Lot, LotDone, in_lots
    from telephony_core.migration.plan.model import PlanKind
    from telephony_core.migration.plan.store import LoadedPlan
    from telephony_core.migration.run.stopping import Failure, Stopped, StopRules

Stage: TypeAlias = Literal["apply", "verify", "soak", "verify again", "release", "ended"]

SMALLEST: Final = 100
"""Numbers of a lot: seconds to a minute of work, so that tenants take turns, and far more than the listings cost with
which it begins."""
MOST_LOTS: Final = 20
"""Lots of a plan; a larger plan has larger ones. Each of them lists the accounts, and what the engine remembers of a
stage stays small."""
IN_WORK: Final = 3
"""Lots of one plan that are in work at once, whatever the number of workers."""
HEARTBEAT: Final = timedelta(seconds=5)
"""A worker that is silent for so long has lost its lot to another one."""
PAUSES: Final = (0, 10, 60, 300)
"""Seconds before each attempt at a lot of which something failed that may pass."""
MAY_PASS: Final = ("NotSent", "NoAnswer", "OutcomeUnknown", "AnswerLost", "NotInService")
"""Errors besides those by which a provider says that it is not well."""
AFTER_SOAK: Final = timedelta(minutes=1)
"""The soak is counted from the last verification, by the clocks of others."""
RELEASES: Final[tuple[Stage, ...]] = ("apply", "verify", "soak", "verify again", "release")
RELEASES_NOTHING: Final[tuple[Stage, ...]] = ("apply", "verify")
COMMANDS: Final[dict[Stage, Command]] = {
    "apply": "apply", "verify": "verify", "verify again": "verify", "release": "release",
}  # fmt: skip


class Campaign(BaseModel, frozen=True):
    """What is to be done with a plan."""

    tenant: str
    plan: str
    """Its checksum."""
    ends: tuple[int, ...]
    """Places behind the last number of each lot, in the order of `in_lots`."""
    canary: bool
    """Whether the first lot is tried alone."""
    equal_failures: int
    soak: timedelta
    stages: tuple[Stage, ...]

    @classmethod
    def of(cls, loaded: LoadedPlan, tenant: str) -> Campaign:
        """The campaign of a plan: small lots, its canaries first; only a migration has something to release."""
        plan, settings = loaded.plan, loaded.plan.settings
        size = max(SMALLEST, -(-len(plan.numbers) // MOST_LOTS))
        lots = in_lots(loaded, "apply", size, tenant=tenant, canary=settings.canary)
        return cls(
            tenant=tenant,
            plan=loaded.checksum,
            ends=tuple(lot.last for lot in lots),
            canary=settings.canary > 0,
            equal_failures=settings.equal_failures,
            soak=settings.soak,
            stages=RELEASES if plan.kind is PlanKind.MIGRATE else RELEASES_NOTHING,
        )

    @property
    def numbers(self) -> int:
        return self.ends[-1]

    def lot(self, place: int, stage: Stage, allow: tuple[str, ...]) -> Lot:
        first = self.ends[place - 1] if place else 0
        return Lot(
            tenant=self.tenant,
            plan=self.plan,
            command=COMMANDS[stage],
            first=first,
            last=self.ends[place],
            allow=allow if stage == "release" else (),
        )

    def after(self, stage: Stage) -> Stage:
        """The stage that follows."""
        following = self.stages.index(stage) + 1
        return self.stages[following] if following < len(self.stages) else "ended"


class Approval(BaseModel, frozen=True):
    """That a person wants a campaign to go on."""

    stage: Stage
    """The stage that the person saw, so that no later one is approved by mistake."""
    allow: tuple[str, ...] = ()
    """Side effects of a release that are allowed by name."""


class Progress(BaseModel):
    """How far a campaign is: what is asked for, and what its next run goes on with."""

    numbers: int
    stage: Stage
    left: list[int]
    """Lots that are still to be run in this stage, by their places."""
    results: dict[int, LotDone] = {}
    """What became of the others."""
    stopped: str | None = None
    """Why no further lot is started: `Stopped`, or the class of the error that a lot ended with."""
    waits_for_approval: bool = False

    @classmethod
    def at(cls, campaign: Campaign, stage: Stage, stopped: str | None = None) -> Progress:
        """The beginning of a stage."""
        left = list(range(len(campaign.ends))) if stage in COMMANDS else []
        return cls(numbers=campaign.numbers, stage=stage, left=left, stopped=stopped)

    @property
    def done(self) -> int:
        """Numbers that this stage is through with."""
        return sum(result.done for result in self.results.values())

    @property
    def incomplete(self) -> list[int]:
        """Lots that were run and of which something is left."""
        return [place for place, result in self.results.items() if result.done < result.numbers]

    @property
    def failures(self) -> tuple[Failure, ...]:
        """The kinds of failures of this stage."""
        return tuple(dict.fromkeys(failure for result in self.results.values() for failure in result.failures))


@workflow.defn(name="campaign")
class CampaignWorkflow:
    """One stage of a campaign, followed by the next in a run of its own."""

    @workflow.init
    def __init__(self, campaign: Campaign, progress: Progress) -> None:
        self._campaign = campaign
        self._now = progress
        self._rules = StopRules(campaign.equal_failures)
        self._in_work: dict[asyncio.Task[LotDone | None], int] = {}
        self._approved = False
        self._allow: tuple[str, ...] = ()

    @workflow.run
    async def run(self, campaign: Campaign, progress: Progress) -> Progress:
        stage = self._now.stage
        if stage == "soak":
            await workflow.sleep(campaign.soak + AFTER_SOAK)
        else:
            if stage == "release":
                await self._decision()
            await self._lots()
            while self._now.incomplete and not await self._decision():
                await self._lots()
        following = Progress.at(campaign, campaign.after(stage), self._now.stopped)
        if following.stage != "ended":
            workflow.continue_as_new(args=[campaign, following])
        self._now.stage = "ended"
        return self._now

    # -- what it is told and asked

    @workflow.signal
    def stop(self) -> None:
        """Finish the numbers in hand, and start no other one."""
        self._stop(Stopped.ASKED)
        for task in self._in_work:
            task.cancel()

    @workflow.signal
    def resume(self) -> None:
        """Go on, with what failed as well."""
        self._now.stopped = None
        self._rules = StopRules(self._campaign.equal_failures)
        again = set(self._now.incomplete) - set(self._in_work.values())
        self._now.left = sorted({*self._now.left, *again})

    @workflow.signal
    def approve(self, approval: Approval) -> None:
        """Go on to release; or to the next stage, though not all is done in this one."""
        if self._now.waits_for_approval and approval.stage == self._now.stage:
            self._approved, self._allow = True, approval.allow

    @workflow.query
    def progress(self) -> Progress:
        return self._now

    # -- the work

    async def _decision(self) -> bool:
        """Wait for a person. Whether it goes on, rather than trying again what is left."""
        now, left = self._now, len(self._now.left)
        now.waits_for_approval, self._approved = True, False
        await workflow.wait_condition(lambda: now.stopped is None and (self._approved or len(now.left) > left))
        now.waits_for_approval = False
        return self._approved

    async def _lots(self) -> None:
        now = self._now
        while now.left or self._in_work:
            while now.left and now.stopped is None and len(self._in_work) < self._room():
                place = now.left.pop(0)
                self._in_work[asyncio.create_task(self._lot(place))] = place
            if not self._in_work:
                await workflow.wait_condition(lambda: now.stopped is None)
                continue
            ended, _ = await workflow.wait(list(self._in_work), return_when=asyncio.FIRST_COMPLETED)
            for task in ended:
                self._judge(self._in_work.pop(task), None if task.cancelled() else task.result())

    def _room(self) -> int:
        tried = self._campaign.canary and self._now.stage == "apply" and 0 not in self._now.results
        return 1 if tried else IN_WORK

    async def _lot(self, place: int) -> LotDone | None:
        """Run a lot, again where what failed may pass. ``None`` where it is as it was before."""
        done = None
        for pause in PAUSES:
            await asyncio.sleep(pause)
            try:
                done = await workflow.execute_activity(
                    "run_lot",
                    self._campaign.lot(place, self._now.stage, self._allow),
                    result_type=LotDone,
                    heartbeat_timeout=HEARTBEAT,
                    start_to_close_timeout=timedelta(days=1),
                    retry_policy=RetryPolicy(maximum_interval=timedelta(seconds=30)),
                    cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
                )
            except ActivityError as error:
                if not is_cancelled_exception(error):
                    cause = error.cause
                    self._stop(cause.type if isinstance(cause, ApplicationError) and cause.type else "ActivityError")
                return None
            if done.stopped is Stopped.ASKED:
                return None
            if not _may_pass(done):
                break
        return done

    def _judge(self, place: int, done: LotDone | None) -> None:
        if done is None:
            self._now.left.insert(0, place)
            return
        kinds = tuple(dict.fromkeys(done.failures))
        self._now.results[place] = done.model_copy(update={"failures": kinds})
        if self._now.stage.startswith("verify"):  # changes nothing, so it may as well look at everything
            return
        if done.done:
            self._rules.succeeded()
        for failure in done.failures:
            self._rules.failed(failure)
        canary = self._campaign.canary and place == 0 and self._now.stage == "apply" and done.done < done.numbers
        if why := Stopped.CANARY if canary else done.stopped or self._rules.why:
            self._stop(why)
            if canary:
                del self._now.results[place]
                self._now.left.insert(0, place)

    def _stop(self, why: str) -> None:
        # Lots in work are not cancelled for it: they end by the same rules, or are well.
        self._now.stopped = self._now.stopped or str(why)


def _may_pass(done: LotDone) -> bool:
    """Whether what is left of a lot may be done by trying again soon."""
    if done.stopped is Stopped.KEY:
        return False
    return bool(done.in_doubt) or any(
        failure.error in MAY_PASS or (failure.status or 0) >= 500 or failure.status == 429 for failure in done.failures
    )
