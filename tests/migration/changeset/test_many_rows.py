"""Tables of many rows: exact in spite of random faults and of runs that are killed."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from telephony_core import AsyncTelephony
from telephony_core.emulator import HttpRequest
from telephony_core.migration.assessment.target import TargetAccount, survey
from telephony_core.migration.changeset.import_planner import plan_imports
from telephony_core.migration.changeset.table import read_table
from telephony_core.migration.inventory.inventory import Inventory
from telephony_core.migration.plan.model import PlanKind, Settings
from telephony_core.migration.plan.store import LoadedPlan, save_plan
from telephony_core.migration.run.apply import ApplyOptions, ApplyReport, apply_plan
from telephony_core.migration.run.verify import VerifyOptions, verify_plan
from telephony_core.provider.flow import Response
from tests.migration.run.test_many import Answering
from tests.migration.scenes import number
from tests.migration.stage import Stage

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
def test_two_thousand_rows_with_faults_and_kills_end_exactly(tmp_path: Path) -> None:
    ends_exactly(tmp_path, 2_000, seed=4, kills=10)


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
            return str.__eq__(self, other)  # type: ignore[arg-type]

        __hash__ = str.__hash__

    held = [number(f"+346{10_000_000 + index}", provider="diga", region="ES") for index in range(500)]
    for record in held:
        vars(record.identity)["account_key"] = Counting(record.identity.account_key)
    inventory = Inventory.model_validate({**dict(empty.inventory), "numbers": tuple(held)})
    account = TargetAccount(inventory, empty.capabilities)
    plan = plan_imports(account, read_table(table(tmp_path, 100)))
    assert (plan.kind, len(plan.numbers)) == (PlanKind.IMPORT, 100)
    assert compared < 600
