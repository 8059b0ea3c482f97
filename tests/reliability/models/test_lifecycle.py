"""The end of a client: after closing, while it is in use, in a forked process, in another event loop; and no leaks."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from telephony_core import AsyncTelephony, ClientClosed, Telephony
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.emulator import HttpRequest, Response
from telephony_core.errors import OutcomeUnknown, PartialOutcome
from telephony_core.operations.reconciliation import ReconciliationOutcome
from telephony_core.testing import RecordingBackend, virtual_clock
from telephony_core.testing.contract.driver import Driver
from tests.reliability.faults.cases import CASES, NOW, Account, Case, account_at, an_import
from tests.reliability.faults.clients import CLIENT_KINDS, ClientKind
from tests.reliability.faults.loopback_server import Asked, Connection, Server, server
from tests.reliability.faults.network import MODES, Mode
from tests.reliability.figures import figures

KEY = "emulator-key"

every_client = pytest.mark.parametrize("client_kind", CLIENT_KINDS, ids=str)


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


def wait_for(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not what():
        assert time.monotonic() < deadline, "it does not come true"
        time.sleep(0.005)


# -- after closing


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_after_closing_every_operation_says_so_and_sends_nothing(
    case: Case, mode: Mode, runner: asyncio.Runner
) -> None:
    account = case.account()
    backend = RecordingBackend(account.emulator.backend())
    kind = Telephony if mode == "sync" else AsyncTelephony
    client = Driver(kind(case.provider, api_key=KEY, backend=backend), runner)
    copy = Driver(client.client.with_options(timeout=5.0), runner)
    client.close()
    for closed in (client, copy):
        with pytest.raises(ClientClosed, match="make a new client") as caught:
            case.run(closed, account)
        assert caught.value.provider == case.provider
        assert caught.value.operation
    assert backend.sent == []


@pytest.mark.parametrize("mode", MODES)
def test_a_listing_that_is_under_way_ends_with_the_client(mode: Mode, runner: asyncio.Runner) -> None:
    account = account_at("vox")
    backend = account.emulator.backend()
    if mode == "sync":
        client = Telephony("vox", api_key=KEY, backend=backend)
        numbers = client.list_numbers()
        next(numbers)
        client.close()
        with pytest.raises(ClientClosed):
            list(numbers)
    else:

        async def main() -> None:
            client = AsyncTelephony("vox", api_key=KEY, backend=backend)
            numbers = client.list_numbers()
            await anext(numbers)
            await client.aclose()
            with pytest.raises(ClientClosed):
                [number async for number in numbers]

        runner.run(main())


@every_client
def test_closing_twice_is_closing_once(client_kind: ClientKind, runner: asyncio.Runner) -> None:
    client = client_kind.client("vox", runner, api_key=KEY)
    client.close()
    client.close()


# -- closing while in use


class Closing:
    """An emulator in process that has its client closed during one request."""

    name = "closing"

    def __init__(self, account: Account, at: int, *, lost: bool = False) -> None:
        self.account = account
        self.at = at
        self.lost = lost
        self.sent: list[HttpRequest] = []
        self.client: Any = None

    def _answer(self, request: HttpRequest) -> Response:
        from telephony_core.errors import NoAnswer

        self.sent.append(request)
        answer = self.account.emulator.handle(request)
        if self.lost and len(self.sent) == self.at + 1:
            raise NoAnswer("lost")
        return answer

    def send(self, request: HttpRequest, timeout: float) -> Response:
        if len(self.sent) == self.at:
            self.client.close()
        return self._answer(request)

    async def asend(self, request: HttpRequest, timeout: float) -> Response:
        if len(self.sent) == self.at:
            await self.client.aclose()
        return self._answer(request)

    def close(self) -> None:
        pass

    async def aclose(self) -> None:
        pass


def closed_during(
    case: Case, at: int, mode: Mode, runner: asyncio.Runner, *, lost: bool = False
) -> tuple[object, Closing]:
    backend = Closing(case.account(), at, lost=lost)
    kind = Telephony if mode == "sync" else AsyncTelephony
    backend.client = kind(case.provider, api_key=KEY, backend=backend, clock=virtual_clock(NOW))
    try:
        return case.run(Driver(backend.client, runner), backend.account), backend
    except Exception as error:
        return error, backend


STEPS = [pytest.param(case, at, id=f"{case} {at} {step}") for case in CASES for at, step in enumerate(case.steps)]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("case", "at"), STEPS)
def test_what_is_in_flight_is_answered_and_nothing_more_is_sent(
    case: Case, at: int, mode: Mode, runner: asyncio.Runner
) -> None:
    result, backend = closed_during(case, at, mode, runner)
    assert len(backend.sent) == at + 1
    following = case.steps[at + 1] if at + 1 < len(case.steps) else ""
    if following == "look after import":
        assert isinstance(result, OutcomeUnknown)
        assert "was imported as" in str(result)
    elif not following or following.startswith("look"):
        assert not isinstance(result, Exception)
    elif "after import" in following:
        assert isinstance(result, PartialOutcome)
        assert isinstance(result.cause, ClientClosed)
        assert result.number is not None
    else:
        assert isinstance(result, ClientClosed)
        assert "this client is closed" in str(result)
    figures.count(4, "requests during which the client was closed")


WRITES = [
    pytest.param(case, at, id=f"{case} {at} {step}")
    for case in CASES
    for at, step in enumerate(case.steps)
    if step.startswith(("once", "update", "assign"))
]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("case", "at"), WRITES)
def test_a_write_whose_answer_was_lost_on_closing_is_unknown_and_not_failed(
    case: Case, at: int, mode: Mode, runner: asyncio.Runner
) -> None:
    result, backend = closed_during(case, at, mode, runner, lost=True)
    assert len(backend.sent) == at + 1
    error = result.cause if isinstance(result, PartialOutcome) else result
    assert isinstance(error, OutcomeUnknown)
    assert error.attempt is not None
    with Telephony(case.provider, api_key=KEY, backend=backend.account.emulator.backend()) as another:
        assert another.reconcile(error).outcome is ReconciliationOutcome.MADE


class Gate:
    """A vendor that keeps requests waiting until it is opened."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.waiting = 0
        self._open = threading.Event()

    async def __call__(self, asked: Asked, connection: Connection) -> None:
        self.waiting += 1
        while not self._open.is_set():
            await asyncio.sleep(0.002)
        answer = self.account.emulator.handle(
            HttpRequest(asked.method, asked.target, asked.headers, asked.body or None)
        )
        await connection.answer(answer)

    def open(self) -> None:
        self._open.set()


@every_client
def test_on_a_real_connection_too_what_is_in_flight_is_answered(client_kind: ClientKind) -> None:
    """Eight writes are on their way when the client is closed; all are answered, and then every connection is."""
    gate = Gate(account_at("diga"))
    emulator = gate.account.emulator
    ids = [emulator.add(number=f"+3461000000{n}", telephony_provider="netelip") for n in range(8)]
    with server(gate) as vendor:
        results = (_close_sync if client_kind.mode == "sync" else _close_async)(client_kind, vendor, gate, ids)
        assert [type(result) for result in results] == [PhoneNumber] * 8
        wait_for(lambda: vendor.now_open == 0)


def _close_sync(client_kind: ClientKind, vendor: Server, gate: Gate, ids: list[str]) -> list[object]:
    results: list[object] = []
    client = Telephony("diga", api_key=KEY, base_url=vendor.url, backend=client_kind.backend, timeout=20.0)

    def work(id: str) -> None:
        try:
            results.append(client.get_number(id))
        except Exception as error:
            results.append(error)

    threads = [threading.Thread(target=work, args=(id,)) for id in ids]
    for thread in threads:
        thread.start()
    wait_for(lambda: gate.waiting == len(ids))
    client.close()
    gate.open()
    for thread in threads:
        thread.join()
    return results


def _close_async(client_kind: ClientKind, vendor: Server, gate: Gate, ids: list[str]) -> list[object]:
    async def main() -> list[object]:
        client = AsyncTelephony("diga", api_key=KEY, base_url=vendor.url, backend=client_kind.backend, timeout=20.0)
        tasks = [asyncio.create_task(client.get_number(id)) for id in ids]
        while gate.waiting < len(ids):
            await asyncio.sleep(0.005)
        await client.aclose()
        gate.open()
        return list(await asyncio.gather(*tasks, return_exceptions=True))

    return asyncio.run(main())


# -- another process, another loop


FORK = """
import asyncio, os, sys
from telephony_core import AsyncTelephony, ClientClosed, Telephony

kind, backend, url = sys.argv[1:]
given = {"api_key": "emulator-key", "base_url": url, "backend": backend}
if kind == "sync":
    client = Telephony("diga", **given)
    ask = lambda: client.get_number(ID)
    close = client.close
else:
    client = AsyncTelephony("diga", **given)
    runner = asyncio.Runner()
    ask = lambda: runner.run(client.get_number(ID))
    close = lambda: runner.run(client.aclose())
ID = "8f14e45f-ceea-467f-a8d1-5b9e4c3d2a10"
assert ask().id == ID
child = os.fork()
if child == 0:
    status = 1
    try:
        if kind == "sync":
            client.get_number(ID)
        else:
            asyncio.run(client.get_number(ID))
    except ClientClosed as error:
        status = 0 if "in each process" in str(error) else 2
        try:
            client.close() if kind == "sync" else asyncio.run(client.aclose())
        except BaseException:
            status = 3
    finally:
        os._exit(status)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert ask().id == ID, "the parent goes on with its connection"
close()
if kind == "async":
    runner.close()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@every_client
def test_a_forked_process_is_told_to_make_a_client_of_its_own(client_kind: ClientKind) -> None:
    gate = Gate(account_at("diga"))
    gate.account.emulator.add({**gate.account.emulator.records()[0], "id": "8f14e45f-ceea-467f-a8d1-5b9e4c3d2a10"})
    gate.open()
    with server(gate) as vendor:
        program = [sys.executable, "-W", "error", "-c", FORK, client_kind.mode, client_kind.backend, vendor.url]
        done = subprocess.run(program, capture_output=True, text=True, check=False, timeout=30)
        assert (done.returncode, done.stderr) == (0, "")
        assert len(vendor.asked) == 2
        assert vendor.opened == 1


@pytest.mark.parametrize("backend", ["httpx", "aiohttp"])
@pytest.mark.filterwarnings("ignore::ResourceWarning")  # the connections of a loop that is gone cannot be closed
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_another_event_loop_is_told_to_make_a_client_of_its_own(backend: str) -> None:
    gate = Gate(account_at("diga"))
    gate.open()
    with server(gate) as vendor:
        client = AsyncTelephony("diga", api_key=KEY, base_url=vendor.url, backend=backend)
        assert asyncio.run(client.get_number(gate.account.ids["own"])).id == gate.account.ids["own"]
        with pytest.raises(ClientClosed, match=r"inside each `asyncio\.run`"):
            asyncio.run(client.get_number(gate.account.ids["own"]))
        asyncio.run(client.aclose())
        del client
        gc.collect()


# -- leaks


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@contextmanager
def nothing_left() -> Iterator[None]:
    gc.collect()
    files, threads = _open_files(), threading.active_count()
    yield
    gc.collect()  # a forgotten socket would warn here, and every warning is an error
    assert (_open_files(), threading.active_count()) == (files, threads)


def _busy_life(client_kind: ClientKind, vendor: Server, runner: asyncio.Runner, account: Account) -> None:
    """Every kind of use, good and bad."""
    with closing(client_kind.client("diga", runner, api_key=KEY, base_url=vendor.url, timeout=5.0)) as client:
        list(client.list_numbers())
        client.list_numbers(first=1)
        client.import_number(an_import(account))
        for id in ("8f14e45f-ceea-467f-a8d1-5b9e4c3d2a10", "no-uuid"):
            with pytest.raises(Exception, match="diga get_number"):
                client.get_number(id)
        client.update_label(account.ids["own"], "New")


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="this system does not list a process's open files")
@every_client
def test_a_life_leaves_no_connection_socket_thread_or_warning(client_kind: ClientKind) -> None:
    def live() -> None:
        gate = Gate(account_at("diga"))
        gate.open()
        with asyncio.Runner() as runner, server(gate) as vendor:
            _busy_life(client_kind, vendor, runner, gate.account)
            wait_for(lambda: vendor.now_open == 0)

    live()  # what is imported and cached on first use stays
    for _ in range(5):
        with nothing_left():
            live()
    figures.count(4, "lives of a client that left nothing behind", 5)


PROGRAM = """
import asyncio, gc, sys
from telephony_core import AsyncTelephony, NotFound, Telephony

kind, backend, url = sys.argv[1:]
given = {"api_key": "emulator-key", "base_url": url, "backend": backend, "timeout": 5.0}

def sync():
    with Telephony("diga", **given) as client:
        numbers = client.list_numbers()
        next(numbers)
        try:
            client.get_number("8f14e45f-ceea-467f-a8d1-5b9e4c3d2a10")
        except NotFound:
            pass

async def main():
    async with AsyncTelephony("diga", **given) as client:
        numbers = client.list_numbers()
        await anext(numbers)
        tasks = [asyncio.create_task(client.get_number("8f14e45f-ceea-467f-a8d1-5b9e4c3d2a10")) for _ in range(20)]
        await asyncio.sleep(0)
        for task in tasks[:10]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        try:
            async with asyncio.timeout(0):
                await client.get_number("x")
        except TimeoutError:
            pass

sync() if kind == "sync" else asyncio.run(main())
gc.collect()
"""


@every_client
def test_a_program_ends_without_a_warning(client_kind: ClientKind) -> None:
    gate = Gate(account_at("diga"))
    gate.open()
    with server(gate) as vendor:
        program = [sys.executable, "-W", "error", "-c", PROGRAM, client_kind.mode, client_kind.backend, vendor.url]
        done = subprocess.run(program, capture_output=True, text=True, check=False, timeout=30)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
