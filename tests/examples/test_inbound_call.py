"""The example that answers incoming calls: from memory, without a request, and never more surely than it knows."""

from __future__ import annotations

import asyncio
import pickle
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

from telephony_core import AsyncNumberIndex, AsyncTelephony, Connection, NumberIndex, Telephony
from telephony_core.emulator import Emulator, Fault, FaultKind
from telephony_core.testing import EmulatedAccount, json_response, new_emulator, virtual_clock

FOLDER = Path(__file__).parents[2] / "examples" / "inbound-call"
NUMBER = "+827011112222"


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> dict[str, ModuleType]:
    monkeypatch.syspath_prepend(str(FOLDER))
    return {name: import_module(name) for name in ("routing", "web", "worker")}


@dataclass
class Tenants:
    """Two tenants on emulators, and an index over both."""

    emulators: dict[str, Emulator] = field(
        default_factory=lambda: {"seoul": new_emulator("vox"), "madrid": new_emulator("diga")}
    )

    @property
    def connections(self) -> dict[str, Connection]:
        return {
            name: Connection(provider=slug, name=name, api_key=emulator.api_key, base_url="https://x.example")
            for (name, emulator), slug in zip(self.emulators.items(), ("vox", "diga"), strict=True)
        }

    def index(self) -> AsyncNumberIndex:
        clock = virtual_clock()

        def open(connection: Connection) -> AsyncTelephony:
            emulator = self.emulators[connection.name]
            return AsyncTelephony(connection, backend=emulator.backend(), clock=clock, base_url=emulator.base_url)

        return AsyncNumberIndex(self.connections, opener=open)

    def sync_index(self) -> NumberIndex:
        clock = virtual_clock()

        def open(connection: Connection) -> Telephony:
            emulator = self.emulators[connection.name]
            return Telephony(connection, backend=emulator.backend(), clock=clock, base_url=emulator.base_url)

        return NumberIndex(self.connections, opener=open)

    @property
    def requests(self) -> int:
        return sum(len(emulator.requests) for emulator in self.emulators.values())


@pytest.fixture
def tenants() -> Tenants:
    return Tenants()


def routed(example: dict[str, ModuleType], tenants: Tenants, number: str, **options: Any) -> Any:
    async def main() -> Any:
        async with tenants.index() as index:
            await index.refresh()
            before = tenants.requests
            found = example["routing"].route(index, number, **options)
            assert tenants.requests == before
            return found

    return asyncio.run(main())


def test_a_call_goes_to_the_agent_of_its_number(example, tenants):
    agent = tenants.emulators["madrid"].agents["reception"]
    found = routed(example, tenants, "+34 612 34 56 78")
    assert (found.verdict, found.tenant, found.provider) == ("routed", "madrid", "diga")
    assert found.agent is not None
    assert found.agent in tenants.emulators["madrid"].agents.values() or found.agent == agent


def test_a_number_that_nobody_has_is_unknown_and_one_that_two_have_goes_to_nobody(example, tenants):
    assert routed(example, tenants, "+34600999999").verdict == "unknown"
    tenants.emulators["madrid"].add(number="+827055556666")
    found = routed(example, tenants, "070-5555-6666", region="KR")
    assert (found.verdict, found.agent) == ("several tenants", None)


def test_a_number_without_an_agent_is_said_to_have_none(example, tenants):
    tenants.emulators["seoul"].add(number="07077770000")
    found = routed(example, tenants, "+827077770000")
    assert (found.verdict, found.tenant) == ("no agent", "seoul")


def test_while_an_account_cannot_be_read_a_number_is_not_called_unknown(example, tenants):
    tenants.emulators["seoul"].faults.append(Fault(FaultKind.ANSWER, times=1000, response=json_response(401, {})))
    assert routed(example, tenants, "+34600999999").verdict == "cannot tell"
    assert routed(example, tenants, "+34 612 34 56 78").verdict == "routed"


# -- over HTTP


def test_the_web_application_answers_once_it_knows(example, tenants):
    async def main() -> None:
        app = example["web"].application(tenants.index)
        transport = httpx.ASGITransport(app)
        async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://x") as web:
            for _ in range(200):  # the first listing is made in the background
                answer = await web.get("/calls/+34612345678")
                if answer.status_code != 503:
                    break
                await asyncio.sleep(0)
            assert answer.status_code == 200, answer.text
            assert answer.json()["tenant"] == "madrid"
            while (await web.get("/accounts")).json()["seoul"]["age"] is None:
                await asyncio.sleep(0)
            before = tenants.requests
            assert (await web.get("/calls/+34600999999")).status_code == 404
            assert (await web.get("/calls/12")).status_code == 422
            assert (await web.get("/calls/600999999?region=ES")).status_code == 404
            assert tenants.requests == before

    asyncio.run(main())


# -- in a worker


@dataclass
class Participant:
    attributes: dict[str, str]


@dataclass
class Process:
    userdata: dict[str, Any]


@dataclass
class Job:
    """A job as LiveKit hands it to an entrypoint."""

    proc: Process
    attributes: dict[str, str]
    happened: list[str] = field(default_factory=list)

    async def connect(self) -> None:
        self.happened.append("connected")

    async def wait_for_participant(self) -> Participant:
        return Participant(self.attributes)

    def shutdown(self, reason: str = "") -> None:
        self.happened.append(reason)


async def answered(job: Job, found: Any) -> None:
    job.happened.append(found.tenant)


@pytest.mark.parametrize(
    ("dialled", "warm", "then"),
    [
        ("+34612345678", True, "madrid"),
        ("+34612345678", False, "madrid"),
        ("+34600999999", True, "+34600999999: unknown"),
        ("+34600999999", False, "+34600999999: unknown"),
    ],
)
def test_the_worker_answers_with_the_agent_of_the_number_that_was_dialled(
    example, tenants, monkeypatch, dialled, warm, then
):
    monkeypatch.setattr(example["worker"], "answer", answered)
    with tenants.sync_index() as index:
        if warm:
            index.refresh()
        job = Job(Process({"index": index}), {"sip.trunkPhoneNumber": dialled, "sip.phoneNumber": "+34600000000"})
        asyncio.run(example["worker"].entrypoint(job))
    assert job.happened == ["connected", then]


@pytest.mark.parametrize("attributes", [{}, {"sip.trunkPhoneNumber": "2001"}])
def test_a_caller_who_dialled_no_number_ends_the_job_with_the_reason(example, tenants, attributes):
    with tenants.sync_index() as index:
        job = Job(Process({"index": index}), attributes)
        asyncio.run(example["worker"].entrypoint(job))
    connected, reason = job.happened
    assert connected == "connected"
    assert reason


def test_what_livekit_hands_to_the_processes_of_its_jobs_can_be_handed_over(example):
    for function in (example["worker"].entrypoint, example["worker"].prewarm):
        assert pickle.loads(pickle.dumps(function)) is function


def test_a_process_that_is_prewarmed_has_an_index_that_fills_by_itself(example, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    process = Process({})
    with EmulatedAccount("vox") as vox:
        monkeypatch.setenv("TELEPHONY_VOX_API_KEY", vox.api_key)
        monkeypatch.setenv("TELEPHONY_VOX_BASE_URL", vox.base_url)
        example["worker"].prewarm(process)
        with process.userdata["index"] as index:
            assert index.find(NUMBER).live
