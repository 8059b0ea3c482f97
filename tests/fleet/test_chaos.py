"""A fleet whose parts are killed and frozen while it works: every number once, nothing else touched, nothing stuck."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest

from telephony_core.migration.plan.model import Settings
from tests.fleet.fleet_at_work import KEY, FleetAtWork, Tenant, fleet_at_work, hurt, not_once, open_for_business
from tests.fleet.postgresql import Server
from tests.fleet.temporal import engine
from tests.migration.stage import PASSWORD
from tests.vendors import Line, add

pytestmark = [pytest.mark.postgresql, pytest.mark.temporal]


@dataclass(frozen=True)
class Blows:
    numbers: int
    workers: int
    engine: int
    database: int
    freezes: float = 0.0
    """Seconds for which a worker is frozen, once."""
    seconds: float = 300.0
    """By when all must be done."""


async def strike(fleet: FleetAtWork, blows: Blows, chance: random.Random, done: asyncio.Event) -> None:
    events = ["worker"] * blows.workers + ["engine"] * blows.engine + ["database"] * blows.database
    chance.shuffle(events)
    if blows.freezes:
        events.insert(len(events) // 2, "freeze")
    for event in events:
        await asyncio.sleep(chance.uniform(0.3, 1.5))
        assert not done.is_set(), "the work was done before all blows had fallen: give it more numbers"
        match event:
            case "worker":
                await asyncio.to_thread(fleet.kill_worker, chance.choice(fleet.workers))
                fleet.start_worker()
            case "engine":
                fleet.engine.kill()
                await asyncio.to_thread(fleet.engine.start)
            case "database":
                await asyncio.to_thread(fleet.server.kill)
                await asyncio.to_thread(fleet.server.start)
            case "freeze":
                frozen = chance.choice(fleet.workers)
                os.kill(frozen.pid, signal.SIGSTOP)
                fleet.start_worker()
                await asyncio.sleep(blows.freezes)
                os.kill(frozen.pid, signal.SIGCONT)


def run(folder: Path, server: Server, name: str, blows: Blows, seed: int) -> None:
    chance = random.Random(seed)
    settings = Settings(timeout=4.0, settling_window=2.0, soak_hours=0.0)
    tenant = Tenant(name, folder / "tenant", blows.numbers, settings)
    foreign = add(tenant.target, Line("+827099990000", label="somebody else's", address="other.example.com:5060"))
    loaded = tenant.planned_for_a_fleet()
    before = [record for record in tenant.target.records() if record[tenant.target.id_key] == foreign]
    sources = tenant.source.records()
    for emulator in tenant.both:
        hurt(emulator, chance, lost=0.03, down=0.02)

    async def work(fleet: FleetAtWork) -> None:
        await fleet.submit(name, loaded)
        await fleet.until(name, loaded, lambda now: now.done > 0, 60)
        done = asyncio.Event()
        blowing = asyncio.create_task(strike(fleet, blows, chance, done))
        end = await fleet.until(name, loaded, lambda now: now.stage not in ("apply", "verify"), blows.seconds)
        done.set()
        await blowing
        assert end.stopped is None

    with engine(folder) as started, fleet_at_work(folder, server, started, 3) as fleet:
        with open_for_business(fleet, tenant, late=0.4):
            asyncio.run(work(fleet))
        log = (folder / "workers.log").read_bytes()
        kept = started.text()
    for emulator in tenant.both:
        del emulator.__dict__["outcome"]
        emulator.faults.clear()
    assert not_once(tenant, loaded) == {}
    assert len(tenant.target.records()) == blows.numbers + 1
    assert [record for record in tenant.target.records() if record[tenant.target.id_key] == foreign] == before
    assert tenant.source.records() == sources
    assert tenant.writes(tenant.source) == []
    phases = server.ask("SELECT last_action, phase, count(*) FROM numbers WHERE tenant = %s GROUP BY 1, 2", name)
    assert phases == [("verify", "done", blows.numbers)]
    for canary in (PASSWORD, KEY):
        assert canary.encode() not in log
        assert canary.encode() not in kept
        assert canary not in server.dump()
    assert b"82701111" not in kept  # no phone number in the engine


def test_a_few_kills_lose_nothing_and_repeat_nothing(server: Server, tenant: str, tmp_path: Path) -> None:
    run(tmp_path, server, tenant, Blows(numbers=40, workers=2, engine=1, database=1, seconds=120), 1)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1, 21))
def test_many_kills_lose_nothing_and_repeat_nothing(server: Server, tenant: str, tmp_path: Path, seed: int) -> None:
    run(tmp_path, server, tenant, Blows(numbers=300, workers=8, engine=3, database=2, freezes=14.0, seconds=400), seed)
