"""What a fleet does in a second: the figures of docs/fleets.md. ``pytest -m long -s tests/fleet/test_figures.py``."""

from __future__ import annotations

import asyncio
import json
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from telephony_core.emulator import Emulator, Fault, FaultKind, json_response
from telephony_core.fleet.campaign import HEARTBEAT
from telephony_core.migration.plan.model import Settings
from telephony_core.migration.plan.store import LoadedPlan, save_plan
from tests.fleet.fleet_at_work import FleetAtWork, Tenant, fleet_at_work, not_once, served
from tests.fleet.postgresql import Server
from tests.fleet.temporal import engine

pytestmark = [pytest.mark.postgresql, pytest.mark.temporal, pytest.mark.long]
SETTINGS = Settings(timeout=20.0, soak_hours=0.0, concurrency=8)


BEGUN = (
    "SELECT process, clock_timestamp() FROM numbers JOIN runs USING (tenant, plan) WHERE tenant = %s"
    " AND ended_at IS NULL AND last_action <> 'read_back' AND (number, id) IN (SELECT number, run FROM entries) LIMIT 1"
)
"""The process of a worker that is in the middle of a number."""


@contextmanager
def fleet_for(
    folder: Path, server: Server, tenants: list[Tenant], workers: int, pace: str = "{}", lots: int = 1
) -> Iterator[FleetAtWork]:
    with ExitStack() as stack:
        started = stack.enter_context(engine(folder))
        urls = {id(each): stack.enter_context(served(each)) for tenant in tenants for each in tenant.both}
        fleet = stack.enter_context(fleet_at_work(folder, server, started, workers, lots))
        for tenant in tenants:
            ends = {"source": urls[id(tenant.source)], "target": urls[id(tenant.target)]}
            tenant.connect(fleet.tenants, ends, pace)
        yield fleet


def move(
    fleet: FleetAtWork, work: list[tuple[Tenant, LoadedPlan]], in_the_middle: Callable[[], None] | None = None
) -> None:
    async def main() -> None:
        await asyncio.sleep(4)  # workers are up
        for tenant, loaded in work:
            await fleet.submit(tenant.name, loaded)
        if in_the_middle is not None:
            [(tenant, loaded)] = work
            while fleet.moved(tenant.name) < len(loaded.plan.numbers) / 4:
                await asyncio.sleep(0.1)
            await asyncio.to_thread(in_the_middle)
        for tenant, loaded in work:
            await fleet.until(tenant.name, loaded, lambda now: now.stage not in ("apply", "verify"), 300)

    asyncio.run(main())
    for tenant, loaded in work:
        assert not_once(tenant, loaded) == {}


def took(server: Server, tenant: str) -> tuple[datetime, datetime]:
    """From the first line of the moves of a tenant to the last one."""
    asked = "SELECT min(at), max(at) FROM entries WHERE tenant = %s AND action <> 'verify'"
    [(first, last)] = server.ask(asked, tenant)
    return first, last


def arrivals(emulator: Emulator) -> list[float]:
    """Times at which requests come to a vendor, from now on."""
    times: list[float] = []
    whole = emulator.outcome

    def outcome(request: Any) -> Any:
        times.append(time.monotonic())
        return whole(request)

    setattr(emulator, "outcome", outcome)  # noqa: B010 - a method of one object
    return times


@pytest.mark.parametrize("agents", [True, False])
def test_one_worker_without_a_limit(server: Server, tenant: str, tmp_path: Path, agents: bool) -> None:
    one = Tenant(tenant, tmp_path / "tenant", 600, SETTINGS, agents=agents)
    loaded = one.planned_for_a_fleet()
    with fleet_for(tmp_path, server, [one], 1, lots=10) as fleet:
        move(fleet, [(one, loaded)])
    first, last = took(server, tenant)
    print(f"\nagents {agents}: {600 / (last - first).total_seconds():.0f} numbers a second")


def test_three_workers_at_fifty_a_second(server: Server, tenant: str, tmp_path: Path) -> None:
    one = Tenant(tenant, tmp_path / "tenant", 300, SETTINGS)
    loaded = one.planned_for_a_fleet()
    with fleet_for(tmp_path, server, [one], 3, "{ per_second = 50 }") as fleet:
        times = arrivals(one.target)
        move(fleet, [(one, loaded)])
        counted = list(times)
    first, last = counted[0], counted[-1]
    begin, end = first + 0.1 * (last - first), last - 0.1 * (last - first)
    used = (bisect_left(counted, end) - bisect_left(counted, begin)) / (end - begin)
    most = max(bisect_left(counted, at + 1.0) - place for place, at in enumerate(counted))
    print(f"\n{used:.1f} requests a second, at most {most} in any")
    [(processes,)] = server.ask("SELECT count(DISTINCT process) FROM runs WHERE tenant = %s", tenant)
    assert processes == 3
    assert most <= 50
    assert used >= 0.95 * 50


def test_a_429_holds_every_worker(server: Server, tenant: str, tmp_path: Path) -> None:
    one = Tenant(tenant, tmp_path / "tenant", 120, SETTINGS)
    loaded = one.planned_for_a_fleet()
    refused: list[float] = []

    with fleet_for(tmp_path, server, [one], 3, "{ per_second = 50 }") as fleet:
        answered = one.target.outcome

        def outcome(request: Any) -> Any:
            result = answered(request)
            if result.fault is not None:
                refused.append(time.monotonic())
            return result

        setattr(one.target, "outcome", outcome)  # noqa: B010 - a method of one object
        times = arrivals(one.target)

        def overrun() -> None:
            one.target.add_fault(Fault(FaultKind.ANSWER, response=json_response(429, {}, {"retry-after": "3"})))

        move(fleet, [(one, loaded)], overrun)
    [at] = refused
    late = [arrived - at for arrived in times if at + 0.1 < arrived < at + 2.9]
    last = max(arrived - at for arrived in times if arrived < at + 2.9)
    print(f"\nafter a 429 the last request of a worker came {last * 1e3:.0f} ms later")
    assert late == []


def test_the_numbers_of_a_dead_worker_go_on(server: Server, tenant: str, tmp_path: Path) -> None:
    one = Tenant(tenant, tmp_path / "tenant", 120, SETTINGS)
    loaded = one.planned_for_a_fleet()
    with fleet_for(tmp_path, server, [one], 2, "{ per_second = 20 }") as fleet:

        def kill() -> None:
            while not (at_work := server.ask(BEGUN, tenant)):
                time.sleep(0.02)
            process, now = at_work[0]
            fleet.kill_worker(next(worker for worker in fleet.workers if worker.pid == process))
            died.append((process, now))

        died: list[tuple[int, datetime]] = []
        move(fleet, [(one, loaded)], kill)
    [(process, at)] = died
    waited = server.ask(
        "SELECT extract(epoch FROM min(e.at) - %s)::float8 FROM entries AS e"
        " WHERE tenant = %s AND at > %s AND number IN (SELECT number FROM entries JOIN runs ON run = id"
        "  AND runs.plan = entries.plan AND runs.tenant = entries.tenant"
        "  WHERE process = %s AND entries.tenant = %s AND at <= %s GROUP BY number"
        "  HAVING NOT bool_or(action = 'read_back' AND phase = 'done')) GROUP BY number",
        at, tenant, at, process, tenant, at,
    )  # fmt: skip
    longest = max(seconds for (seconds,) in waited)
    print(f"\n{len(waited)} numbers of a dead worker went on, the last one after {longest:.1f} s")
    assert longest <= HEARTBEAT.total_seconds() + SETTINGS.timeout + 5


def test_small_tenants_beside_a_big_one(server: Server, tenant: str, tmp_path: Path) -> None:
    tenants = [
        Tenant(f"{tenant}-{name}", tmp_path / name, count, SETTINGS, first)
        for name, count, first in (("big", 240, 0), ("small", 30, 1000), ("little", 30, 2000))
    ]
    for one in tenants:
        one.target = tenants[0].target  # one account
    work = [(one, one.planned_for_a_fleet()) for one in tenants]
    with fleet_for(tmp_path, server, tenants, 3, "{ per_second = 50 }", lots=10) as fleet:
        move(fleet, work)
    begin = min(took(server, one.name)[0] for one in tenants)
    done = [(took(server, one.name)[1] - begin).total_seconds() for one in tenants]
    print(f"\nbig after {done[0]:.1f} s, small ones after {done[1]:.1f} and {done[2]:.1f} s")
    assert max(done[1:]) <= 0.6 * done[0]


def test_a_thousand_plans_are_submitted_and_shown(server: Server, tenant: str, tmp_path: Path) -> None:
    one = Tenant(tenant, tmp_path / "tenant", 100, SETTINGS)
    began = datetime.now(UTC)
    first = one.planned_for_a_fleet()
    (tmp_path / "plans").mkdir()
    files = []
    for place in range(1000):
        plan = first.plan.model_copy(update={"created_at": began + timedelta(seconds=place)})
        files.append(str(tmp_path / "plans" / f"{place}.json"))
        save_plan(plan, files[-1])
    with engine(tmp_path) as started, fleet_at_work(tmp_path, server, started, 0) as fleet:
        clock = time.monotonic()
        done = fleet.telephony("fleet", "submit", "--yes", *files, tenant=tenant)
        assert done.returncode == 0, done.stderr
        submitted = time.monotonic() - clock
        server.ask(
            "INSERT INTO numbers (tenant, plan, number, last_action, phase) SELECT tenant, checksum, n::text, 'verify',"
            " 'done' FROM plans, generate_series(1, 100) AS n WHERE tenant = %s",
            tenant,
        )
        clock = time.monotonic()
        shown = fleet.telephony("status", "--fleet", "--json", tenant=tenant)
        took = time.monotonic() - clock
    plans = json.loads(shown.stdout)["plans"]
    assert [(plan["numbers"], plan["done"]) for plan in plans] == [(100, 100)] * 1000
    print(f"\n1,000 plans of 100 numbers: submitted in {submitted:.0f} s, shown in {took:.1f} s")
    assert submitted <= 300
    assert took <= 2
