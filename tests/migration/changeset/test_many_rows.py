"""Tables of many rows: exact in spite of random faults and of runs that are killed."""

from __future__ import annotations

import os
import random
from datetime import datetime
from pathlib import Path

import pytest

from telephony_core import AsyncTelephony
from telephony_core.emulator import Emulator, Fault, FaultKind, HttpRequest
from telephony_core.emulator import json_response as answer
from telephony_core.migration.assessment.target import TargetAccount, survey
from telephony_core.migration.changeset.import_planner import plan_imports
from telephony_core.migration.changeset.table import read_table
from telephony_core.migration.inventory.inventory import Inventory
from telephony_core.migration.journal.entries import Phase
from telephony_core.migration.plan.model import PlanKind, Settings
from telephony_core.migration.plan.store import LoadedPlan, save_plan
from telephony_core.migration.run.apply import ApplyOptions, ApplyReport, aapply_plan, apply_plan
from telephony_core.migration.run.events import Event
from telephony_core.migration.run.verify import VerifyOptions, verify_plan
from telephony_core.provider.flow import Response
from telephony_core.transport.clock import Clock
from telephony_core.transport.pace import Pace
from tests.migration.run.test_many import SECONDS_PER_ANSWER, Answering
from tests.migration.scenes import number
from tests.migration.stage import Stage
from tests.reliability.figures import figures
from tests.reliability.models.limits import Limits
from tests.reliability.models.simulated_time import run_tasks

pytestmark = pytest.mark.usefixtures("unmeasured")
SETTINGS = Settings(timeout=30.0, concurrency=8, equal_failures=100_000)


class Killed(BaseException):
    """Ends a run at a request, as nobody expects it."""


class Mortal(Answering):
    """One that ends the run at some requests: before they arrive, or when they have had their effect."""

    alive: bool = True
    deaths: set[int]
    count = 0

    async def asend(self, request: HttpRequest, timeout: float) -> Response:
        if not self.alive:
            raise Killed
        type(self).count += 1
        if self.count not in self.deaths:
            return await super().asend(request, timeout)
        self.alive = False
        if self.count % 2:
            await super().asend(request, timeout)
        raise Killed


def table(folder: Path, count: int) -> Path:
    rows = (f"+349{10_000_000 + index},Line {index},pbx{index % 3}.example.com,203.0.113.7" for index in range(count))
    file = folder / "numbers.csv"
    file.write_text("\n".join(("number,label,address,allowed_addresses", *rows)), encoding="utf-8")
    return file


def ends_exactly(folder: Path, count: int, seed: int, kills: int) -> None:
    stage = Stage(folder, "vox-diga", 0)
    with stage.client(stage.target) as client:
        plan = plan_imports(survey(client), read_table(table(folder, count)), settings=SETTINGS)
    loaded = save_plan(plan, folder / "plan.json")
    chance = random.Random(seed)

    class Doomed(Mortal):
        deaths = set(chance.sample(range(5, count * 5), kills))  # noqa: RUF012

    while True:
        report = run(stage, loaded, Doomed, chance)
        if report is not None and report.is_complete:
            break
        assert Doomed.count < count * 200
    numbers = sorted(str(record["number"]) for record in stage.target.records())
    assert numbers == sorted(planned.key for planned in plan.numbers)  # none is missing, none is there twice
    quiet = VerifyOptions(clock=stage.time.clock)
    assert verify_plan(loaded, None, stage.open_target, quiet).is_equal


def run(stage: Stage, loaded: LoadedPlan, kind: type[Mortal], chance: random.Random) -> ApplyReport | None:
    """One run to its end; ``None`` where it was killed."""
    os.environ["XDG_STATE_HOME"] = str(stage.folder / "state")
    backend = kind(stage.target, stage.time, chance, 0.02)

    def opened() -> AsyncTelephony:
        return AsyncTelephony("diga", api_key=stage.target.api_key, backend=backend, clock=stage.time.clock)

    try:
        return apply_plan(loaded, None, opened, ApplyOptions(clock=stage.time.clock))
    except Killed:
        return None


def test_a_hundred_rows_with_faults_and_kills_end_exactly(tmp_path: Path) -> None:
    ends_exactly(tmp_path, 100, seed=3, kills=5)


@pytest.mark.long
def test_ten_thousand_rows_with_faults_and_kills_end_exactly(tmp_path: Path) -> None:
    ends_exactly(tmp_path, 10_000, seed=4, kills=20)
    figures.measure(1, "rows imported exactly, with a fault in every fiftieth request and 20 kills", "10,000")


class Limited:
    """A vendor that refuses what comes faster than it permits; its answers take some time."""

    name = "limited"

    def __init__(self, emulator: Emulator, clock: Clock, limits: Limits) -> None:
        self._emulator = emulator
        self._clock = clock
        self._limits = limits
        self.posted: list[datetime] = []

    async def asend(self, request: HttpRequest, timeout: float) -> Response:
        if request.method == "POST":
            self.posted.append(self._clock.now())
        wait = self._limits.ask(self._clock.monotonic())
        if wait:
            self._emulator.faults.append(Fault(FaultKind.ANSWER, response=answer(429, {})))
        response = self._emulator.handle(request)
        await self._clock.asleep(SECONDS_PER_ANSWER)
        return response

    async def aclose(self) -> None:
        pass


@pytest.mark.parametrize(("per_second", "per_minute"), [(5, 120), (10, None)])
def test_an_import_of_a_table_uses_the_rate_that_its_provider_permits(
    per_second: int, per_minute: int | None, tmp_path: Path
) -> None:
    stage = Stage(tmp_path, "vox-diga", 0)
    with stage.client(stage.target) as client:
        plan = plan_imports(survey(client), read_table(table(tmp_path, 300)), settings=SETTINGS)
    loaded = save_plan(plan, tmp_path / "plan.json")
    stage.be_a_machine()
    limits, pace = Limits(per_second, per_minute), Pace(per_second=per_second, per_minute=per_minute)
    announced: list[datetime] = []

    def seen(event: Event) -> None:
        if event.phase is Phase.INTENT:
            announced.append(event.at)

    async def main(clock: Clock) -> ApplyReport:
        backend = Limited(stage.target, clock, limits)

        def opened() -> AsyncTelephony:
            return AsyncTelephony("diga", api_key=stage.target.api_key, backend=backend, clock=clock, pace=pace)

        report = await aapply_plan(loaded, None, opened, ApplyOptions(clock=clock, on_event=seen))
        assert announced == backend.posted  # however long each waited for its turn
        return report

    report = run_tasks(main)
    assert report.is_complete, str(report)
    assert limits.refused == []
    share = shortest(len(limits.taken), per_second, per_minute) / (limits.taken[-1] - limits.taken[0])
    assert share >= 0.97
    name = f"{per_second}/s" + (f" and {per_minute}/min" if per_minute else "")
    figures.measure(3, f"rate used by an import of a table, simulated, {name}", f"{share:.1%}")


def shortest(requests: int, per_second: int, per_minute: int | None) -> float:
    """Seconds from the first to the last of so many requests, if each is sent as soon as the limits permit it."""
    limits = Limits(per_second, per_minute)
    now = 0.0
    for _ in range(requests):
        while wait := limits.ask(now):
            now += wait
    return now


def test_what_a_row_costs_does_not_grow_with_what_the_account_holds(tmp_path: Path) -> None:
    """Each row is looked up among the records, and not compared with every one of them."""
    stage = Stage(tmp_path, "vox-diga", 0)
    with stage.client(stage.target) as client:
        empty = survey(client)
    compared = 0

    class Counting(str):
        __slots__ = ()

        def __eq__(self, other: object) -> bool:
            nonlocal compared
            compared += 1
            return str.__eq__(self, other)

        __hash__ = str.__hash__

    held = [number(f"+346{10_000_000 + index}", provider="diga", region="ES") for index in range(500)]
    for record in held:
        vars(record.identity)["account_key"] = Counting(record.identity.account_key)
    inventory = Inventory.model_validate({**dict(empty.inventory), "numbers": tuple(held)})
    account = TargetAccount(inventory, empty.capabilities)
    plan = plan_imports(account, read_table(table(tmp_path, 100)))
    assert (plan.kind, len(plan.numbers)) == (PlanKind.IMPORT, 100)
    assert compared < 600
