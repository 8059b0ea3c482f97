"""A whole fleet on loopback: PostgreSQL, Temporal, vendors over HTTP and workers as processes, all of which may die."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.emulator import Emulator, Fault, FaultKind
from telephony_core.emulator.server import _listen
from telephony_core.errors import TelephonyError
from telephony_core.fleet.campaign import CampaignProgress
from telephony_core.fleet.engine import Campaigns
from telephony_core.fleet.journals import PostgresPlans
from telephony_core.fleet.worker import new_event_loop
from telephony_core.migration.plan.model import PlannedNumber, Settings, Trunk
from telephony_core.migration.plan.store import LoadedPlan
from telephony_core.transport.backend import HttpRequest
from telephony_core.transport.clock import Clock
from tests.fleet.postgresql import Server
from tests.fleet.temporal import Engine
from tests.migration.stage import PASSWORD, Stage

KEY = "vendor-key-canary-of-"


@contextmanager
def served(emulator: Emulator, late: float = 0.0) -> Iterator[str]:
    """The vendor's base URL; what it creates is answered ``late`` seconds after it is there.

    Over aiohttp, whose parser is of C: vendors share the processors with the worker, and take less of them so than by
    the server of `telephony emulate`.
    """

    async def answer(asked: web.BaseRequest) -> web.Response:
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in asked.raw_headers]
        outcome = emulator.outcome(
            HttpRequest(asked.method, str(asked.url), tuple(headers), await asked.read() or None)
        )
        if late and asked.method == "POST":
            await asyncio.sleep(late)
        if (response := outcome.arrives) is None:
            assert asked.transport is not None
            asked.transport.abort()
            raise asyncio.CancelledError
        return web.Response(status=response.status, headers=response.headers, body=response.body)

    async def main() -> None:
        server = web.Server(answer)
        async with await asyncio.get_running_loop().create_server(server, sock=listening):
            await ended.wait()
            await server.shutdown()

    listening, ended = _listen("127.0.0.1", 0), asyncio.Event()
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        loop = runner.get_loop()
        thread = threading.Thread(target=runner.run, args=(main(),), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}{urlsplit(emulator.base_url).path}"
        finally:
            loop.call_soon_threadsafe(ended.set)
            thread.join()


def hurt(emulator: Emulator, chance: random.Random, *, lost: float, down: float) -> None:
    """Let a part of the answers be lost, and a part of the requests be refused with 503."""
    whole = emulator.outcome

    def outcome(request: Any) -> Any:
        drawn = chance.random()
        if drawn < lost + down:
            emulator.add_fault(Fault(FaultKind.LOST_AFTER if drawn < lost else FaultKind.ANSWER))
        return whole(request)

    setattr(emulator, "outcome", outcome)  # noqa: B010 - a method of one object


class Tenant(Stage):
    """One tenant's accounts, with the real time."""

    def __init__(
        self, name: str, folder: Path, count: int, settings: Settings, first: int = 0, *, agents: bool = True
    ) -> None:
        self.name, self.first, self._agents = name, first, agents
        folder.mkdir()
        super().__init__(folder, count=count, settings=settings, time=SimpleNamespace(clock=Clock()))
        for end, emulator in (("source", self.source), ("target", self.target)):
            emulator.api_key = f"{KEY}{name}-{end}"

    def _add_source(self, index: int) -> str:
        return super()._add_source(self.first + index)

    def planned(self, record: PhoneNumber, **changes: object) -> PlannedNumber:
        return super().planned(record, **changes, **({} if self._agents else {"inbound_agent": None}))

    def planned_for_a_fleet(self) -> LoadedPlan:
        trunk = Trunk(name="carrier", auth="digest", username="acme", password="file:trunk")
        return self.plan(f"{self.name}.json", trunks=(trunk,), created_at=datetime.now(UTC))

    def connect(self, folder: Path, urls: Mapping[str, str], pace: str) -> None:
        """Its folder at the workers."""
        (folder / self.name).mkdir(parents=True)
        (folder / self.name / "trunk").write_text(PASSWORD)
        tables = []
        for name, end, emulator in (("here", "source", self.source), ("there", "target", self.target)):
            (folder / self.name / end).write_text(emulator.api_key)
            tables.append(
                f'[connections.{name}]\nprovider = "{emulator.slug}"\napi_key = "file:{end}"\n'
                f'base_url = "{urls[end]}"\nmax_retries = 2\npace = {pace if end == "target" else "{}"}\n'
            )
        (folder / self.name / "connections.toml").write_text("\n".join(tables))


@dataclass
class FleetAtWork:
    """What a test of a fleet looks at, hurts, and waits for."""

    folder: Path
    server: Server
    engine: Engine
    lots: int
    """How many a worker takes at once. There are three of a plan in work, so with one each three workers have some."""
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def tenants(self) -> Path:
        return self.folder / "tenants"

    def environment(self, tenant: str = "") -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("TELEPHONY", "TEMPORAL"))}
        return {
            **kept, "TELEPHONY_DATABASE": self.server.url(), "TELEPHONY_TENANT": tenant, "NO_PROXY": "127.0.0.1",
            "TEMPORAL_ADDRESS": self.engine.address, "XDG_CONFIG_HOME": str(self.folder),
        }  # fmt: skip

    def telephony(self, *words: str, tenant: str = "") -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "telephony_core.cli", *words]
        return subprocess.run(command, env=self.environment(tenant), capture_output=True, text=True, check=False)

    def start_worker(self) -> subprocess.Popen[bytes]:
        words = ("fleet", "work", "there", "--tenants", str(self.tenants), "--lots", str(self.lots))
        command = [sys.executable, "-m", "telephony_core.cli", *words]
        with (self.folder / "workers.log").open("ab") as log:
            worker = subprocess.Popen(command, env=self.environment(), stdout=log, stderr=log)
        self.workers.append(worker)
        return worker

    def kill_worker(self, worker: subprocess.Popen[bytes]) -> None:
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        self.workers.remove(worker)

    async def campaigns(self, tenant: str) -> Campaigns:
        client = await Client.connect(self.engine.address, data_converter=pydantic_data_converter)
        return Campaigns(client, tenant)

    async def submit(self, tenant: str, loaded: LoadedPlan) -> None:
        assert await (await self.campaigns(tenant)).submit(loaded, PostgresPlans(self.server.database, tenant))

    async def until(
        self, tenant: str, loaded: LoadedPlan, condition: Callable[[CampaignProgress], bool], seconds: float
    ) -> CampaignProgress:
        """The progress as soon as it is so, whatever is dead meanwhile."""
        end, now = time.monotonic() + seconds, None
        while time.monotonic() < end:
            with suppress(TelephonyError, RuntimeError):
                now = await (await self.campaigns(tenant)).progress(loaded.checksum)
                if condition(now):
                    return now
            await asyncio.sleep(0.2)
        raise AssertionError(f"{now}\n{(self.folder / 'workers.log').read_text()[-3000:]}")

    def moved(self, tenant: str) -> int:
        asked = "SELECT count(*) FROM numbers WHERE tenant = %s AND phase = 'done' AND last_action <> 'import'"
        return int(self.server.ask(asked, tenant)[0][0])


@contextmanager
def fleet_at_work(folder: Path, server: Server, engine: Engine, workers: int, lots: int = 1) -> Iterator[FleetAtWork]:
    (folder / "tenants").mkdir()
    fleet = FleetAtWork(folder, server, engine, lots)
    try:
        for _ in range(workers):
            fleet.start_worker()
        yield fleet
    finally:
        for worker in list(fleet.workers):
            with suppress(ProcessLookupError):
                fleet.kill_worker(worker)


@contextmanager
def open_for_business(fleet: FleetAtWork, tenant: Tenant, *, late: float = 0.0, pace: str = "{}") -> Iterator[None]:
    """The vendors of a tenant, until the block ends."""
    with ExitStack() as stack:
        urls = {
            "source": stack.enter_context(served(tenant.source)),
            "target": stack.enter_context(served(tenant.target, late)),
        }
        tenant.connect(fleet.tenants, urls, pace)
        yield


def not_once(tenant: Tenant, loaded: LoadedPlan) -> dict[str, int]:
    """How often each planned number is at the target that is not there exactly once."""
    live = Counter(tenant.live_at_target())
    return {number.key: live[number.key] for number in loaded.plan.numbers if live[number.key] != 1}
