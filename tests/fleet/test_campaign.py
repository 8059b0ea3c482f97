"""Campaigns on an engine whose time is skipped: what follows what, and what stops it. Lots are told here what to do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio import activity
from temporalio.client import WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer, Worker

from telephony_core.errors import ConfigurationError, MigrationError, OutcomeUnknown
from telephony_core.fleet.campaign import AFTER_SOAK, Approval, Campaign, CampaignProgress, CampaignWorkflow
from telephony_core.fleet.engine import Campaigns, NotSubmitted
from telephony_core.fleet.worker import Lots
from telephony_core.migration.lots.lot import Lot, LotDone
from telephony_core.migration.plan.model import Settings, Trunk
from telephony_core.migration.plan.store import LoadedPlan
from telephony_core.migration.run.stopping import Failure, Stopped
from tests.fleet.temporal import program
from tests.migration.lots.test_lots import Fleet
from tests.migration.stage import PASSWORD

SOAK = timedelta(hours=72) + AFTER_SOAK
pytestmark = pytest.mark.temporal
Answer = LotDone | ApplicationError
TAKEN = Failure(error="Conflict", status=409, code="number_taken", provider="diga")
DOWN = Failure(error="ProviderUnavailable", status=503, provider="diga")


@dataclass
class Theatre:
    """An engine, and a worker whose lots end as the test says; without a word of it they are done."""

    env: WorkflowEnvironment
    answers: dict[tuple[str, int], list[Answer]] = field(default_factory=dict)
    """What the next runs of a lot give, by its command and first number."""
    ran: list[tuple[str, int, int]] = field(default_factory=list)
    allowed: list[tuple[str, ...]] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    held: asyncio.Event | None = None
    """While it is there and not set, lots without an answer wait for it, or for their cancellation."""

    @activity.defn(name="run_lot")
    async def run_lot(self, lot: Lot) -> LotDone:
        self.ran.append((lot.command, lot.first, lot.last))
        self.allowed.append(lot.allow)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        numbers = lot.last - lot.first
        try:
            await asyncio.sleep(0.02)
            if self.held is not None and (lot.command, lot.first) not in self.answers:
                while not self.held.is_set():
                    activity.heartbeat()
                    await asyncio.sleep(0.02)
        except asyncio.CancelledError:
            return LotDone(numbers=numbers, done=0, stopped=Stopped.ASKED)
        finally:
            self.at_once -= 1
        answers = self.answers.get((lot.command, lot.first))
        answer = answers.pop(0) if answers else LotDone(numbers=numbers, done=numbers)
        if isinstance(answer, ApplicationError):
            raise answer
        return answer

    async def start(self, **changes: Any) -> WorkflowHandle[Any, CampaignProgress]:
        given = {"tenant": "acme", "plan": "sha256:0", "ends": (1, 11, 21, 31, 41, 51), "canary": True,
                 "equal_failures": 3, "soak": timedelta(hours=72),
                 "stages": ("apply", "verify", "soak", "verify again", "release")}  # fmt: skip
        campaign = Campaign.model_validate({**given, **changes})
        return await self.env.client.start_workflow(
            CampaignWorkflow.run,
            args=[campaign, None],
            id="acme/sha256:0/apply",
            task_queue="there",
        )

    async def until(
        self,
        handle: WorkflowHandle[Any, CampaignProgress],
        condition: Callable[[CampaignProgress], bool],
        pauses: float = 0,
    ) -> CampaignProgress:
        """The progress as soon as it is so. The soak, and pauses of so many seconds, are skipped."""
        latest = self.env.client.get_workflow_handle(handle.id)
        for _ in range(20):
            await quiet(lambda: (len(self.ran), self.at_once))
            now = await latest.query(CampaignWorkflow.progress)
            if condition(now):
                return now
            if now.stage == "soak":
                await self.env.sleep(SOAK)
            elif pauses:
                await self.env.sleep(pauses)
        raise AssertionError(now)


async def quiet(what: Callable[[], object]) -> None:
    """Until nothing has happened for a moment: the test server may lose a question that comes in the middle."""
    before: object = None
    while before != (before := what()):
        await asyncio.sleep(0.3)


@asynccontextmanager
async def theatre() -> AsyncIterator[Theatre]:
    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=program("temporal-test-server"), data_converter=pydantic_data_converter
    ) as env:
        stage = Theatre(env)
        async with Worker(
            env.client, task_queue="there", workflows=[CampaignWorkflow], activities=[stage.run_lot],
            max_heartbeat_throttle_interval=timedelta(milliseconds=50),
        ):  # fmt: skip
            yield stage


def play(scene: Callable[[Theatre], Awaitable[None]]) -> None:
    async def main() -> None:
        async with asyncio.timeout(60), theatre() as stage:
            await scene(stage)

    asyncio.run(main())


def of(stage: Theatre, command: str) -> list[tuple[int, int]]:
    return [(first, last) for each, first, last in stage.ran if each == command]


def waits_at(stage: str) -> Callable[[CampaignProgress], bool]:
    return lambda now: now.stage == stage and now.waits_for_approval


def test_a_campaign_soaks_for_three_days_in_seconds_and_releases_when_that_is_approved() -> None:
    async def scene(stage: Theatre) -> None:
        began, clock = await stage.env.get_current_time(), time.monotonic()
        handle = await stage.start()
        now = await stage.until(handle, waits_at("release"))
        assert (await stage.env.get_current_time()) - began >= timedelta(hours=72)
        assert of(stage, "apply")[0] == (0, 1)
        assert sorted(of(stage, "apply")) == [(0, 1), (1, 11), (11, 21), (21, 31), (31, 41), (41, 51)]
        assert len(of(stage, "verify")) == 12
        assert of(stage, "release") == []
        assert stage.most_at_once == 3
        await handle.signal(CampaignWorkflow.approve, Approval(stage="apply"))  # of a stage that is past
        await asyncio.sleep(0.1)
        assert of(stage, "release") == []
        await handle.signal(CampaignWorkflow.approve, Approval(stage=now.stage, allow=("unpublishes",)))
        end = await handle.result()
        assert (end.stage, end.done, end.incomplete, end.stopped) == ("ended", 51, [], None)
        assert len(of(stage, "release")) == 6
        assert time.monotonic() - clock < 30

    play(scene)


def test_the_first_lot_fails_and_nothing_follows_until_it_is_told_to_go_on() -> None:
    async def scene(stage: Theatre) -> None:
        stage.answers["apply", 0] = [LotDone(numbers=1, done=0, failures=(TAKEN,))]
        handle = await stage.start(stages=("apply",))
        now = await stage.until(handle, lambda now: now.stopped is not None)
        assert (now.stopped, stage.ran) == ("canary", [("apply", 0, 1)])
        await handle.signal(CampaignWorkflow.resume)
        assert (await handle.result()).done == 51
        assert of(stage, "apply")[:2] == [(0, 1), (0, 1)]

    play(scene)


def test_what_may_pass_is_tried_again_and_what_may_not_is_left_for_a_decision() -> None:
    async def scene(stage: Theatre) -> None:
        stage.answers["apply", 1] = [LotDone(numbers=10, done=8, failures=(DOWN, DOWN))] * 2
        stage.answers["apply", 11] = [LotDone(numbers=10, done=9, in_doubt=1)]
        stage.answers["apply", 21] = [LotDone(numbers=10, done=9, failures=(TAKEN,))] * 2
        handle = await stage.start(stages=("apply",))
        now = await stage.until(handle, waits_at("apply"), 61)
        ran = of(stage, "apply")
        assert [ran.count(lot) for lot in ((1, 11), (11, 21), (21, 31))] == [3, 2, 1]
        assert (now.done, now.stopped, now.incomplete, now.failures) == (50, None, [3], (TAKEN,))
        await handle.signal(CampaignWorkflow.resume)  # it fails once more
        await stage.until(handle, lambda now: of(stage, "apply").count((21, 31)) == 2 and now.waits_for_approval)
        await handle.signal(CampaignWorkflow.approve, Approval(stage="apply"))
        end = await handle.result()
        assert (end.stage, end.done) == ("ended", 50)

    play(scene)


@pytest.mark.parametrize("place", [1, 11])
def test_failures_of_one_kind_in_a_row_stop_a_campaign(place: int) -> None:
    async def scene(stage: Theatre) -> None:
        for first in (1, 11, 21):
            stage.answers["apply", first] = [LotDone(numbers=10, done=0, failures=(TAKEN,))]
        stage.answers["apply", place] = [LotDone(numbers=10, done=0, failures=(TAKEN,) * 2)]
        handle = await stage.start(stages=("apply",))
        now = await stage.until(handle, lambda now: now.stopped is not None)
        assert now.stopped == "equal_failures"
        await asyncio.sleep(0.1)
        assert len(stage.ran) <= 6
        await handle.signal(CampaignWorkflow.resume)
        end = await handle.result()
        assert (end.done, end.incomplete) == (51, [])

    play(scene)


def test_a_key_that_is_refused_stops_a_campaign_at_once() -> None:
    async def scene(stage: Theatre) -> None:
        refused = Failure(error="AuthenticationFailed", status=401, refuses_key=True)
        stage.held = asyncio.Event()
        stage.answers["apply", 0] = [LotDone(numbers=1, done=1)]
        stage.answers["apply", 1] = [LotDone(numbers=10, done=2, failures=(refused,), stopped=Stopped.KEY)]
        handle = await stage.start(stages=("apply",))
        assert (await stage.until(handle, lambda now: now.stopped is not None)).stopped == "key"
        assert {first for _, first, _ in stage.ran} == {0, 1, 11, 21}
        stage.held.set()
        await handle.signal(CampaignWorkflow.resume)
        assert (await handle.result()).done == 51

    play(scene)


def test_an_error_of_a_whole_lot_stops_a_campaign_by_its_name() -> None:
    async def scene(stage: Theatre) -> None:
        stage.answers["verify", 1] = [ApplicationError("StalePlan", type="StalePlan", non_retryable=True)]
        stage.answers["verify", 11] = [ApplicationError("JournalError", type="JournalError")]  # the engine tries again
        handle = await stage.start(stages=("apply", "verify"))
        assert (await stage.until(handle, lambda now: now.stopped is not None, 2)).stopped == "StalePlan"
        await handle.signal(CampaignWorkflow.resume)
        assert (await handle.result()).done == 51

    play(scene)


def test_a_release_that_lacks_a_consent_gets_it_by_another_approval() -> None:
    async def scene(stage: Theatre) -> None:
        stage.held = asyncio.Event()
        stage.answers["release", 0] = [ApplicationError("NotAllowed", type="NotAllowed", non_retryable=True)]
        handle = await stage.start(stages=("release",))
        await stage.until(handle, waits_at("release"))
        await handle.signal(CampaignWorkflow.approve, Approval(stage="release"))
        now = await stage.until(handle, lambda now: now.stopped is not None)
        assert (now.stopped, now.results, stage.allowed) == ("NotAllowed", {}, [()] * 3)
        stage.answers.clear()
        stage.held.set()
        await stage.until(handle, lambda now: now.done == 20)
        await handle.signal(CampaignWorkflow.resume)
        await stage.until(handle, waits_at("release"))
        assert len(stage.allowed) == 3
        await handle.signal(CampaignWorkflow.approve, Approval(stage="release", allow=("unpublishes",)))
        assert (await handle.result()).done == 51
        assert stage.allowed[3:] == [("unpublishes",)] * 4

    play(scene)


def test_told_to_stop_it_asks_the_lots_in_work_and_goes_on_with_the_same_ones() -> None:
    async def scene(stage: Theatre) -> None:
        stage.held = asyncio.Event()
        handle = await stage.start(stages=("apply",), canary=False)
        await stage.until(handle, lambda _: stage.at_once == 3)
        await handle.signal(CampaignWorkflow.stop)
        await stage.until(handle, lambda now: stage.at_once == 0 and len(now.left) == 6)
        assert len(stage.ran) == 3
        stage.held = None
        await handle.signal(CampaignWorkflow.resume)
        assert (await handle.result()).done == 51
        assert sorted(of(stage, "apply")[3:]) == [(0, 1), (1, 11), (11, 21), (21, 31), (31, 41), (41, 51)]

    play(scene)


def test_told_to_stop_before_a_lot_is_tried_again_it_is_not_until_it_goes_on() -> None:
    async def scene(stage: Theatre) -> None:
        stage.answers["apply", 0] = [LotDone(numbers=10, done=8, in_doubt=2)]
        handle = await stage.start(stages=("apply",), ends=(10,), canary=False)
        await stage.until(handle, lambda _: len(stage.ran) == 1)
        await handle.signal(CampaignWorkflow.stop)
        await stage.env.sleep(400)
        now = await stage.until(handle, lambda now: now.stopped is not None)
        assert (now.stopped, now.left, len(stage.ran)) == ("asked", [0], 1)
        await handle.signal(CampaignWorkflow.resume)
        assert (await handle.result()).done == 10
        assert len(stage.ran) == 2

    play(scene)


def test_told_to_go_on_while_others_are_in_work_it_tries_what_failed_again() -> None:
    async def scene(stage: Theatre) -> None:
        stage.held = asyncio.Event()
        stage.answers["apply", 0] = [LotDone(numbers=10, done=7, failures=(TAKEN,) * 3)]
        handle = await stage.start(stages=("apply",), ends=(10, 20, 30, 40), canary=False)
        now = await stage.until(handle, lambda now: now.stopped is not None)
        assert (now.left, now.incomplete, stage.at_once) == ([1, 2, 3], [0], 2)
        await handle.signal(CampaignWorkflow.resume)
        now = await stage.until(handle, lambda _: stage.at_once == 3)
        assert now.left == [0, 1, 2, 3]
        stage.answers["apply", 0] = [LotDone(numbers=10, done=10)]
        stage.held.set()
        assert (await handle.result()).done == 40
        assert of(stage, "apply")[-1] == (0, 10)

    play(scene)


def test_told_to_stop_while_it_soaks_it_does_nothing_when_that_is_over() -> None:
    async def scene(stage: Theatre) -> None:
        handle = await stage.start()
        await stage.until(handle, lambda now: now.stage == "soak")
        await handle.signal(CampaignWorkflow.stop)
        ran = len(stage.ran)
        now = await stage.until(handle, lambda now: now.stage == "verify again")
        assert (now.stopped, len(stage.ran)) == ("asked", ran)

    play(scene)


def test_its_code_still_plays_the_history_of_every_stage() -> None:
    async def scene(stage: Theatre) -> None:
        stage.answers["apply", 1] = [LotDone(numbers=10, done=8, in_doubt=2)]
        handle = await stage.start(stages=("apply", "verify"))
        await handle.result()
        replayer = Replayer(workflows=[CampaignWorkflow], data_converter=pydantic_data_converter)
        run, stages = handle.first_execution_run_id, 0
        while run:
            history = await stage.env.client.get_workflow_handle(handle.id, run_id=run).fetch_history()
            assert len(history.events) < 200
            await replayer.replay_workflow(history)
            run = history.events[-1].workflow_execution_continued_as_new_event_attributes.new_execution_run_id
            stages += 1
        assert stages == 2

    play(scene)


# -- real lots


class Campaigning(Fleet):
    """A tenant with emulators and stores in memory, and a real worker for its lots."""

    def submitted(self, **changes: Any) -> LoadedPlan:
        trunk = Trunk(name="carrier", auth="digest", username="acme", password="file:trunk")
        self.vault.secrets["acme", "file:trunk"] = PASSWORD
        return self.submit(trunks=(trunk,), **changes).model_copy(update={"path": None})

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[Campaigns]:
        async with (
            asyncio.timeout(60),
            await WorkflowEnvironment.start_time_skipping(
                test_server_existing_path=program("temporal-test-server"), data_converter=pydantic_data_converter
            ) as env,
        ):
            self.env = env
            async with Worker(
                env.client, task_queue="there", workflows=[CampaignWorkflow],
                activities=[Lots(lambda tenant: self.site).run_lot],
            ):  # fmt: skip
                yield Campaigns(env.client, "acme")

    async def skip_to(
        self, campaigns: Campaigns, loaded: LoadedPlan, condition: Callable[[CampaignProgress], bool]
    ) -> CampaignProgress:
        for _ in range(20):
            await quiet(lambda: len(self.target.requests) + len(self.source.requests))
            now = await campaigns.progress(loaded.checksum)
            if condition(now):
                return now
            if now.stage == "soak":
                self.time.advance(SOAK.total_seconds())
                await self.env.sleep(SOAK)
        raise AssertionError(now)


def test_numbers_are_moved_soaked_and_released_by_real_lots(tmp_path: Path) -> None:
    fleet = Campaigning(tmp_path, count=12)
    loaded = fleet.submitted(settings=Settings(timeout=20.0, soak_hours=72.0))

    async def scene() -> None:
        async with fleet.at_work() as campaigns:
            assert await campaigns.submit(loaded, fleet.site.plans)
            assert await campaigns.submit(loaded, fleet.site.plans)  # finds the first
            now = await fleet.skip_to(campaigns, loaded, waits_at("release"))
            assert now.numbers == 12
            assert fleet.writes(fleet.source) == []
            await campaigns.approve(loaded.checksum, Approval(stage="release"))
            handle = fleet.env.client.get_workflow_handle(campaigns.id(loaded.checksum))
            end = CampaignProgress.model_validate(await handle.result())
            assert (end.stage, end.done, end.stopped, end.failures) == ("ended", 12, None, ())
            assert not await campaigns.submit(loaded, fleet.site.plans)  # it is over
            history = (await handle.fetch_history()).to_json()
            for canary in (PASSWORD, "82701", fleet.source.api_key, fleet.target.api_key, "acme.example"):
                assert canary not in history

    asyncio.run(scene())
    assert set(fleet.imported().values()) == {1}
    assert len(fleet.imported()) == 12
    assert len(fleet.writes(fleet.source)) == 12


def test_a_plan_of_no_number_is_through_at_once(tmp_path: Path) -> None:
    fleet = Campaigning(tmp_path, count=1)
    loaded = fleet.submitted(numbers=())

    async def scene() -> None:
        async with fleet.at_work() as campaigns:
            await campaigns.submit(loaded, fleet.site.plans)
            now = await fleet.skip_to(campaigns, loaded, lambda now: now.stage == "ended")
            assert (now.numbers, now.done) == (0, 0)

    asyncio.run(scene())


def test_an_engine_that_answers_too_late_may_have_done_it(tmp_path: Path) -> None:
    class Held:
        """A client whose engine took what it was told, and was held up before it said so."""

        def get_workflow_handle(self, _: str) -> Held:
            return self

        async def signal(self, *_: object) -> None:
            raise RPCError("Timeout expired", RPCStatusCode.CANCELLED, b"")

    campaigns = Campaigns(Held(), "acme")
    for told in (campaigns.stop("sha256:0"), campaigns.approve("sha256:0", Approval(stage="release"))):
        with pytest.raises(OutcomeUnknown, match="may still be done"):
            asyncio.run(told)


def test_what_workers_cannot_read_is_refused_before_anything_is_kept(tmp_path: Path) -> None:
    fleet = Campaigning(tmp_path, count=2)
    for reference in ("prompt:", "env:TRUNK"):
        trunk = Trunk(name="carrier", auth="digest", username="acme", password=reference)
        loaded = fleet.plan(name=f"{reference[:3]}.json", trunks=(trunk,))

        async def scene(loaded: LoadedPlan = loaded) -> None:
            async with fleet.at_work() as campaigns:
                with pytest.raises(ConfigurationError, match=r"workers of a fleet cannot read .* carrier"):
                    await campaigns.submit(loaded, fleet.site.plans)
                with pytest.raises(MigrationError, match="there is no plan"):
                    await fleet.site.plans.get(loaded.checksum)
                with pytest.raises(NotSubmitted):
                    await campaigns.stop(loaded.checksum)

        asyncio.run(scene())


def test_a_plan_that_was_begun_on_this_machine_is_refused(tmp_path: Path) -> None:
    fleet = Campaigning(tmp_path, count=2)
    loaded = fleet.plan()
    fleet.apply(loaded)

    async def scene() -> None:
        async with fleet.at_work() as campaigns:
            with pytest.raises(MigrationError, match="was begun on this machine"):
                await campaigns.submit(loaded, fleet.site.plans)

    asyncio.run(scene())
