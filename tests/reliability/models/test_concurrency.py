"""One client used by many at once, and callers who go away in the middle of it."""

from __future__ import annotations

import asyncio
import inspect
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from telephony_core import AsyncTelephony, NotFound, OutboundUpdate, SideEffect, Telephony
from telephony_core.emulator import Emulator, HttpRequest, Response
from telephony_core.errors import OutcomeUnknown
from telephony_core.operations.reconciliation import ReconciliationOutcome
from telephony_core.provider.registry import Registry
from telephony_core.testing import virtual_clock
from telephony_core.testing.contract.driver import Driver
from telephony_core.transport.backends.environment import MOST_CONNECTIONS
from tests.reliability.faults.cases import ALL, CASES, NOW, Account, Case, account_at
from tests.reliability.faults.clients import IMPATIENT
from tests.reliability.faults.loopback_server import Asked, Connection, Server, server
from tests.reliability.faults.verdict import clean
from tests.reliability.figures import figures
from tests.vendors import VENDORS, Line, add

KEY = "emulator-key"


def place(emulator: Emulator) -> Callable[[Asked, Connection], Any]:
    """A vendor that answers at once."""

    async def answer(asked: Asked, connection: Connection) -> None:
        await connection.answer(
            emulator.handle(HttpRequest(asked.method, asked.target, asked.headers, asked.body or None))
        )

    return answer


def crowd(provider: str, size: int) -> tuple[Emulator, list[str]]:
    """An account with so many numbers of its customer's own, each with a name of its own."""
    emulator = account_at(provider).emulator
    first = int(VENDORS[provider].own[0]) + 1000
    return emulator, [add(emulator, Line(f"+{first + n}", label=f"Number {n}")) for n in range(size)]


def wait_for(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not what():
        assert time.monotonic() < deadline, "it does not come true"
        time.sleep(0.005)


# -- many at once


@pytest.mark.parametrize("backend", ["httpx", "urllib3"])
def test_one_client_serves_64_threads(backend: str) -> None:
    """Each thread changes and reads a number of its own; nobody gets an answer that was meant for another."""
    emulator, ids = crowd("vox", 64)
    wrong: list[object] = []
    with (
        server(place(emulator)) as vendor,
        Telephony("vox", api_key=KEY, base_url=f"{vendor.url}/v3", backend=backend, timeout=30.0) as client,
    ):

        def work(n: int) -> None:
            try:
                for turn in range(4):
                    label = f"Thread {n}, turn {turn}"
                    number = client.update_label(ids[n], label)
                    found = client.get_number(ids[n])
                    trunk = OutboundUpdate(address=f"host{n}.example.com", username=f"u{n}", password=f"p{n}-{turn}")
                    updated = client.update_sip(found, outbound=trunk)
                    assert updated.sip is not None
                    seen = (number.id, number.label, found.label, str(updated.sip.outbound.address))
                    assert seen == (ids[n], label, label, f"sip:host{n}.example.com")
            except BaseException as error:
                wrong.append(error)

        threads = [threading.Thread(target=work, args=(n,)) for n in range(64)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []
        assert vendor.most_open <= MOST_CONNECTIONS
        for n, id in enumerate(ids):
            credentials = emulator.credentials(id)
            assert credentials is not None
            assert (credentials.username, credentials.password) == (f"u{n}", f"p{n}-3")
        requests = len(vendor.asked)
        client.close()
        wait_for(lambda: vendor.now_open == 0)
    figures.measure(4, f"one client, 64 threads ({backend})", f"{requests} requests, none mixed up")


@pytest.mark.parametrize("backend", ["httpx", "aiohttp"])
def test_one_client_serves_1000_tasks(backend: str) -> None:
    emulator, ids = crowd("diga", 1000)

    async def main(vendor: Server) -> None:
        async with AsyncTelephony("diga", api_key=KEY, base_url=vendor.url, backend=backend, timeout=60.0) as client:
            found = await asyncio.gather(*(client.get_number(id) for id in ids))
            assert [number.id for number in found] == ids
            assert [number.label for number in found] == [f"Number {n}" for n in range(1000)]
            assert vendor.most_open <= MOST_CONNECTIONS
        wait_for(lambda: vendor.now_open == 0)

    with server(place(emulator)) as vendor:
        asyncio.run(main(vendor))
    figures.measure(4, f"one client, 1,000 tasks ({backend})", f"over {vendor.most_open} connections, none left open")


def test_the_first_use_by_many_threads_at_once_finds_every_provider() -> None:
    registry, start, errors = Registry(), threading.Barrier(16), list[Exception]()
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:

        def work() -> None:
            start.wait()
            try:
                registry.spec("vox")
            except Exception as error:
                errors.append(error)

        threads = [threading.Thread(target=work) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert errors == []


# -- callers who go away


class Holding:
    """An emulator in process that lets one request hang, or interrupts its sender there, once it was carried out."""

    name = "holding"

    def __init__(self, account: Account, at: int) -> None:
        self.account = account
        self.at = at
        self.sent: list[HttpRequest] = []
        self.hangs = asyncio.Event()

    def send(self, request: HttpRequest, timeout: float) -> Response:
        self.sent.append(request)
        answer = self.account.emulator.handle(request)
        if len(self.sent) == self.at + 1:
            raise KeyboardInterrupt
        return answer

    async def asend(self, request: HttpRequest, timeout: float) -> Response:
        self.sent.append(request)
        answer = self.account.emulator.handle(request)
        if len(self.sent) == self.at + 1:
            self.hangs.set()
            await asyncio.Event().wait()
        return answer

    def close(self) -> None:
        pass

    async def aclose(self) -> None:
        pass


STEPS = [pytest.param(case, at, id=f"{case} {at} {step}") for case in CASES for at, step in enumerate(case.steps)]


async def _done(client: AsyncTelephony, case: Case, account: Account) -> object:
    """Run a case on an async client from inside the loop."""

    class Inside(Driver):
        def _done(self, result: Any) -> Any:
            return result

        def _taken(self, items: Any, first: int | None) -> Any:
            async def collected() -> list[object]:
                return [item async for item in items]

            return collected()

    result = case.run(Inside(client, None), account)
    return await result if inspect.isawaitable(result) else result


def _judge(case: Case, at: int, backend: Holding, told: list[OutcomeUnknown], gone: BaseException) -> None:
    once = sum(step.startswith("once") for step in case.steps[: at + 1])
    state = "was in flight" if case.steps[at].startswith("once") else "was answered"
    assert len(backend.sent) == at + 1, "something was sent after its caller had gone"
    assert backend.account.state == clean(case).states[at + 1]
    assert len(told) == once
    assert getattr(gone, "__notes__", []) == [str(error) for error in told]
    for error in told:
        assert error.attempt is not None
        assert error.provider == case.provider
        assert state in error.message
        figures.count(4, "writes reported when their caller went away")
    figures.count(4, "requests interrupted")


@pytest.mark.parametrize(("case", "at"), STEPS)
def test_a_cancelled_operation_sends_nothing_more_and_tells_of_a_write_in_flight(case: Case, at: int) -> None:
    clean(case)  # not from inside the loop
    account = case.account()
    told: list[OutcomeUnknown] = []

    async def main() -> None:
        backend = Holding(account, at)
        async with AsyncTelephony(
            case.provider, api_key=KEY, backend=backend, clock=virtual_clock(NOW), on_unknown=told.append
        ) as client:
            task = asyncio.create_task(_done(client, case, account))
            await backend.hangs.wait()
            task.cancel("the caller's own words")
            with pytest.raises(asyncio.CancelledError) as caught:
                await task
            assert type(caught.value) is asyncio.CancelledError
            assert caught.value.args == ("the caller's own words",)
            _judge(case, at, backend, told, caught.value)
            # The client goes on, and can find out what became of it.
            assert (await client.get_number(account.ids["other"])).id == account.ids["other"]
            for error in told:
                assert (await client.reconcile(error)).outcome is ReconciliationOutcome.MADE

    asyncio.run(main())


@pytest.mark.parametrize(("case", "at"), STEPS)
def test_an_interrupted_operation_does_the_same(case: Case, at: int) -> None:
    account = case.account()
    told: list[OutcomeUnknown] = []
    backend = Holding(account, at)
    with (
        asyncio.Runner() as runner,
        Telephony(
            case.provider, api_key=KEY, backend=backend, clock=virtual_clock(NOW), on_unknown=told.append
        ) as client,
    ):
        with pytest.raises(KeyboardInterrupt) as caught:
            case.run(Driver(client, runner), account)
        assert type(caught.value) is KeyboardInterrupt
        _judge(case, at, backend, told, caught.value)
        assert client.get_number(account.ids["other"]).id == account.ids["other"]
        for error in told:
            assert client.reconcile(error).outcome is ReconciliationOutcome.MADE


def test_a_callback_that_fails_does_not_take_the_interruption_away(caplog: pytest.LogCaptureFixture) -> None:
    account = account_at("diga")

    def fail(_: object) -> None:
        raise ValueError("of the application")

    with (
        Telephony("diga", api_key=KEY, backend=Holding(account, 1), on_unknown=fail) as client,
        pytest.raises(KeyboardInterrupt),
    ):
        client.release(account.ids["bought"])
    assert "on_unknown failed" in caplog.text


def test_an_observer_that_fails_does_not_hide_what_became_of_a_write(caplog: pytest.LogCaptureFixture) -> None:
    account = account_at("diga")

    def fail(_: object) -> None:
        raise ValueError("of the application")

    backend = account.emulator.backend()
    with Telephony("diga", api_key=KEY, backend=backend, observers=[fail]) as client:
        assert client.release(account.ids["bought"]).id == account.ids["bought"]
    assert "an observer failed" in caplog.text


@contextmanager
def deaf(emulator: Emulator, to: str = "") -> Iterator[tuple[Server, threading.Event]]:
    """A vendor that lets requests hang (``to``: those by this method) until the event is set."""
    listens = threading.Event()

    async def behave(asked: Asked, connection: Connection) -> None:
        if not listens.is_set() and to in ("", asked.method):
            await connection.gone()
            return
        await place(emulator)(asked, connection)

    with server(behave) as vendor:
        yield vendor, listens


@pytest.mark.parametrize("backend", ["httpx", "aiohttp"])
def test_after_many_cancellations_every_connection_is_free_again(backend: str) -> None:
    emulator, ids = crowd("diga", 10)

    async def main(vendor: Server, listens: threading.Event) -> None:
        async with AsyncTelephony("diga", api_key=KEY, base_url=vendor.url, backend=backend, timeout=30.0) as client:
            for _ in range(3):
                asked = len(vendor.asked)
                tasks = [asyncio.create_task(client.get_number(ids[0])) for _ in range(2 * MOST_CONNECTIONS)]
                while len(vendor.asked) < asked + MOST_CONNECTIONS:  # the others wait for a connection
                    await asyncio.sleep(0.005)
                for task in tasks:
                    task.cancel()
                results = await asyncio.gather(*tasks, return_exceptions=True)
                assert {type(result) for result in results} == {asyncio.CancelledError}
            listens.set()
            started = time.monotonic()
            await asyncio.gather(*(client.get_number(id) for id in ids * 20))
            assert time.monotonic() - started < 20
        wait_for(lambda: vendor.now_open == 0)

    with deaf(emulator) as (vendor, listens):
        asyncio.run(main(vendor, listens))
    figures.count(4, "requests cancelled on real connections", 6 * MOST_CONNECTIONS)


@pytest.mark.parametrize("backend", ["httpx", "aiohttp"])
def test_a_time_out_of_the_callers_own_is_theirs(backend: str) -> None:
    """`asyncio.timeout` sees its cancellation come back, and the write that was in flight is told."""
    emulator, _ = crowd("diga", 1)
    id = emulator.add(number="+34911111111", telephony_provider="netelip")
    told: list[OutcomeUnknown] = []

    async def main(vendor: Server, listens: threading.Event) -> None:
        async with AsyncTelephony(
            "diga", api_key=KEY, base_url=vendor.url, backend=backend, on_unknown=told.append
        ) as client:
            listens.set()
            number = await client.get_number(id)
            listens.clear()
            with pytest.raises(TimeoutError) as caught:
                async with asyncio.timeout(0.2):
                    await client.release(number, allow=SideEffect)
            assert "in flight" in caught.value.__context__.__notes__[0]
            listens.set()
            assert (await client.reconcile(told[0])).outcome is ReconciliationOutcome.NOT_SEEN
            release = await client.release(number)
            assert release.id == id

    with deaf(emulator, to="DELETE") as (vendor, listens):
        asyncio.run(main(vendor, listens))
    assert len(told) == 1


def test_a_task_group_gets_the_error_of_the_one_that_failed() -> None:
    emulator, ids = crowd("diga", 20)

    async def main(vendor: Server) -> None:
        async with AsyncTelephony("diga", api_key=KEY, base_url=vendor.url) as client:

            async def all_of(wanted: list[str]) -> None:
                async with asyncio.TaskGroup() as group:
                    for id in wanted:
                        group.create_task(client.get_number(id))

            with pytest.raises(ExceptionGroup) as caught:
                await all_of([*ids, "8f14e45f-ceea-467f-a8d1-5b9e4c3d2a10"])
            assert [type(error) for error in caught.value.exceptions] == [NotFound]
            assert len(await asyncio.gather(*(client.get_number(id) for id in ids))) == 20

    with server(place(emulator)) as vendor:
        asyncio.run(main(vendor))


def test_listings_and_writes_of_many_tasks_do_not_disturb_each_other() -> None:
    emulator, ids = crowd("vox", 150)

    async def main(vendor: Server) -> None:
        async with AsyncTelephony(
            "vox", api_key=KEY, base_url=f"{vendor.url}/v3", timeout=30.0, clock=IMPATIENT
        ) as client:

            async def listed() -> set[str]:
                return {number.id async for number in client.list_numbers()}

            renamed = [client.update_label(id, "Renamed") for id in ids[:40]]
            results = await asyncio.gather(*(listed() for _ in range(10)), *renamed)
        for found in results[:10]:
            assert isinstance(found, set)
            assert found >= set(ids)

    with server(place(emulator)) as vendor:
        asyncio.run(main(vendor))


def test_a_release_by_many_threads_happens_once() -> None:
    """Whoever comes second is told so; nobody is told of a success that was somebody else's."""
    account = account_at("diga")
    number_id = account.ids["bought"]
    outcomes: list[str] = []
    with Telephony("diga", api_key=KEY, backend=account.emulator.backend(), clock=virtual_clock(NOW)) as client:

        def work() -> None:
            try:
                client.release(number_id, allow=ALL)
                outcomes.append("done")
            except Exception as error:
                outcomes.append(type(error).__name__)

        threads = [threading.Thread(target=work) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert outcomes.count("done") == 1
    assert set(outcomes) <= {"done", "WrongState", "InvalidRequest"}


def test_a_client_works_in_the_threads_of_its_callers() -> None:
    """No request is sent by another thread. One may keep the deadlines of an open client, and ends with it."""
    program = """
import asyncio, sys, threading
from telephony_core import AsyncTelephony, Telephony

given = {"api_key": "emulator-key", "base_url": sys.argv[1]}

async def main(backend):
    async with AsyncTelephony("diga", backend=backend, **given) as client:
        assert [number async for number in client.list_numbers()]
        assert threading.active_count() == 1, threading.enumerate()

for backend in ("httpx", "httpx2", "urllib3"):
    with Telephony("diga", backend=backend, **given) as client:
        assert list(client.list_numbers())
        assert {thread.name for thread in threading.enumerate()} <= {"MainThread", "telephony-core deadlines"}
    assert threading.active_count() == 1, threading.enumerate()
for backend in ("httpx", "httpx2", "aiohttp"):
    asyncio.run(main(backend))
"""
    with server(place(account_at("diga").emulator)) as vendor:
        subprocess.run([sys.executable, "-W", "error", "-c", program, vendor.url], check=True)
