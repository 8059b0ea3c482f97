"""A plan on its way, as a workflow of Temporal: which lot is next, what is waited for, and when it stops.

    apply (canary lot, then the others) ──> verify ──> soak ──> verify again ──> approved ──> release

Plans that release nothing end with their first verification. A stage is one run of the workflow, so its history ends
with it. What went wrong never ends a campaign: it stops, or waits for a decision, and goes on when it is told to.

Everything here is kept by the engine and can be read there: it holds a checksum, places in a plan and figures, no
number and no secret. It is run again from its history, so it looks at no clock and no file.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Final, Literal, TypeAlias

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from pydantic import BaseModel, Field

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
PAUSES: Final = (10, 60, 300)
"""Seconds before each further attempt at a lot of which something failed that may pass."""
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
    stages: tuple[Stage, ...] = Field(min_length=1)
    """The one that comes next, and those after it."""

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
            stages=RELEASES if plan.kind is PlanKind.MIGRATE and plan.numbers else RELEASES_NOTHING,
        )

    @property
    def numbers(self) -> int:
        return self.ends[-1] if self.ends else 0

    def lot(self, place: int, stage: Stage, allow: tuple[str, ...] = ()) -> Lot:
        first = self.ends[place - 1] if place else 0
        return Lot(
            tenant=self.tenant,
            plan=self.plan,
            command=COMMANDS[stage],
            first=first,
            last=self.ends[place],
            allow=allow,
        )


class Approval(BaseModel, frozen=True):
    """That a person wants a campaign to go on."""

    stage: Stage
    """The stage that the person saw, so that no later one is approved by mistake."""
    allow: tuple[str, ...] = ()
    """Side effects of a release that are allowed by name."""


class CampaignProgress(BaseModel):
    """How far a campaign is."""

    numbers: int
    stage: Stage
    left: list[int]
    """Lots that have to be run in this stage, or run again, by their places."""
    results: dict[int, LotDone] = {}
    """What became of those that were run."""
    stopped: str | None = None
    """Why no further lot is started: `Stopped`, or the class of the error that a lot ended with."""
    waits_for_approval: bool = False

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
    """One stage of a campaign, followed by the next in a run of its own.

    A lot of the stage, each a task that waits for its turn:

        left ──turn──> in work ──a result, after some attempts──> complete
          ^              │  └───────────────────────────────────> incomplete ──approve──> the next stage
          ├──stopped─────┘                                            │
          └──resume───────────────────────────────────────────────────┘
    """

    @workflow.init
    def __init__(self, campaign: Campaign, stopped: str | None) -> None:
        self._campaign, stage = campaign, campaign.stages[0]
        lots = range(len(campaign.ends)) if stage in COMMANDS else ()
        self._now = CampaignProgress(numbers=campaign.numbers, stage=stage, left=list(lots), stopped=stopped)
        self._canary = campaign.canary and stage == "apply"
        self._rules = StopRules(campaign.equal_failures)
        self._hands = asyncio.Semaphore(IN_WORK)
        self._interrupted = self._approved = False
        self._allow: tuple[str, ...] = ()

    @workflow.run
    async def run(self, campaign: Campaign, stopped: str | None) -> CampaignProgress:
        now = self._now
        if now.stage == "soak":
            await workflow.sleep(campaign.soak + AFTER_SOAK)
        if now.stage == "release":
            await self._approval(or_else=lambda: False)
        if self._canary:
            await self._lot(0)
        while now.left:
            await asyncio.gather(*map(self._lot, now.left))
            if now.incomplete:
                await self._approval(or_else=lambda: bool(now.left))
        if later := campaign.stages[1:]:
            workflow.continue_as_new(args=[campaign.model_copy(update={"stages": later}), now.stopped])
        now.stage = "ended"
        return now

    # -- what it is told and asked

    @workflow.signal
    def stop(self) -> None:
        """Finish the numbers in hand, and start no other one."""
        self._interrupted = True
        self._stop(Stopped.ASKED)

    @workflow.signal
    def resume(self) -> None:
        """Go on, with what failed as well."""
        self._interrupted, self._now.stopped = False, None
        self._rules = StopRules(self._campaign.equal_failures)
        self._now.left = sorted({*self._now.left, *self._now.incomplete})

    @workflow.signal
    def approve(self, approval: Approval) -> None:
        """Go on to release; or to the next stage, though not all is done in this one."""
        if self._now.waits_for_approval and approval.stage == self._now.stage:
            self._approved, self._allow = True, approval.allow

    @workflow.query
    def progress(self) -> CampaignProgress:
        return self._now

    # -- the work

    async def _approval(self, or_else: Callable[[], bool]) -> None:
        """Wait until a person approves, or something else is so; while it is stopped, neither counts."""
        now = self._now
        now.waits_for_approval, self._approved = True, False
        await workflow.wait_condition(lambda: now.stopped is None and (self._approved or or_else()))
        now.waits_for_approval = False

    async def _lot(self, place: int) -> None:
        """Run a lot when it is its turn, until there is a result; where it was stopped, again once that is over."""
        async with self._hands:
            while place in self._now.left:
                await workflow.wait_condition(lambda: self._now.stopped is None and not self._now.waits_for_approval)
                done = await self._attempts(place)
                if done is not None:
                    self._judge(place, done)

    async def _attempts(self, place: int) -> LotDone | None:
        """Run a lot, again where what failed may pass. ``None`` where it was stopped before there was a result."""
        done = await self._run(place)
        for pause in PAUSES:
            if done is None or not done.may_pass:
                break
            with suppress(TimeoutError):
                await workflow.wait_condition(lambda: self._now.stopped is not None, timeout=pause)
                return None
            done = await self._run(place)
        return done

    async def _run(self, place: int) -> LotDone | None:
        running = workflow.start_activity(
            "run_lot",
            self._campaign.lot(place, self._now.stage, self._allow),
            result_type=LotDone,
            heartbeat_timeout=HEARTBEAT,
            start_to_close_timeout=timedelta(days=1),
            # An error of a whole lot that may pass, such as that of a database which is away, is tried again for good.
            retry_policy=RetryPolicy(maximum_interval=timedelta(seconds=30)),
            # Numbers in hand are finished, and what became of them has to be known before the lot is run again.
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        )
        # Only a person interrupts lots in work. Whatever else stops a campaign, they end by the same rules or are well.
        await workflow.wait_condition(lambda: running.done() or self._interrupted)
        running.cancel()
        try:
            done = await running
        except ActivityError as error:
            if not is_cancelled_exception(error):
                cause = error.cause
                self._stop(cause.type if isinstance(cause, ApplicationError) and cause.type else "ActivityError")
                if self._now.stage == "release":  # it may lack a consent, which only an approval gives
                    await self._approval(or_else=lambda: False)
            return None
        return None if done.stopped is Stopped.ASKED else done

    def _judge(self, place: int, done: LotDone) -> None:
        if self._canary and place == 0 and done.done < done.numbers:
            self._stop(Stopped.CANARY)  # and it stays the first one, before which no other is started
            return
        self._now.left.remove(place)
        self._now.results[place] = done.model_copy(update={"failures": tuple(dict.fromkeys(done.failures))})
        if self._now.stage.startswith("verify"):  # changes nothing, so it may as well look at everything
            return
        if done.done:
            self._rules.succeeded()
        for failure in done.failures:
            self._rules.failed(failure)
        if why := done.stopped or self._rules.why:
            self._stop(why)

    def _stop(self, why: str) -> None:
        self._now.stopped = self._now.stopped or str(why)  # the first reason: others may only follow from it
