"""Faults that exist only on a real connection, over loopback: the second table of the policy.

The cells take turns with the backends; in the long run each is tried with every backend.
"""

from __future__ import annotations

import asyncio
import gzip
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from itertools import count, cycle, repeat
from typing import Any

import httpx
import pytest

from telephony_core import AsyncTelephony, Telephony
from telephony_core.emulator import HttpRequest, Response, json_response
from telephony_core.errors import NoAnswer, NotSent, UnexpectedResponse
from telephony_core.testing.contract.driver import Driver
from telephony_core.transport.backend import LONGEST_ANSWER
from tests.reliability.faults.cases import CASES, Account, Case, a_number, cells
from tests.reliability.faults.clients import CLIENT_KINDS, IMPATIENT, ClientKind
from tests.reliability.faults.loopback_server import FLOOD, Asked, Connection, Server, server
from tests.reliability.faults.policy import ROWS_ON_THE_WIRE, Row
from tests.reliability.faults.verdict import differences, failure
from tests.reliability.figures import figures
from tests.transport.loopback import nobody_takes_the_call
from tests.vendors import base_path

KEY = "emulator-key"
TAKES_ALL_THE_TIME = {"silence", "a slow drip"}
SHORT, LONG = 2.0, 60.0
"""Seconds: a time-out that is to pass, and one that is not."""
AT_ONCE = 64
"""Cells that wait for their time-out together."""
READERS = ("list", "get", "search for sale", "settle a release")
FLOODED = ("get", "update label", "assign agents", "release, own", "import")


class Place:
    """One account behind the server, and the fault that strikes one of its requests."""

    def __init__(self, account: Account, row: Row, at: int) -> None:
        self.account = account
        self.row = row
        self.at = at
        self.struck = threading.Event()
        """Set when the fault strikes, and in any case when the cell is done."""
        self.sent: list[tuple[str, str, bytes]] = []
        self.applies = True

    async def __call__(self, asked: Asked, connection: Connection) -> None:
        self.sent.append((asked.method, asked.target, asked.body))
        again = len(self.sent) > self.at and self.sent[self.at] == self.sent[-1]
        if len(self.sent) == self.at + 1 or (self.row.always and again):
            await self._strike(asked, connection)
        else:
            await connection.answer(self._vendor(asked))

    async def _strike(self, asked: Asked, connection: Connection) -> None:
        self.struck.set()
        answer = self._vendor(asked) if self.row.acts else Response(200, {}, b"")
        match self.row.fault:
            case "silence":
                await connection.gone()
            case "reset before the answer":
                connection.reset()
            case "body of 100 MB":
                await connection.flood()
            case _ if not answer.body:
                self.applies = False
                await connection.answer(answer)
            case "reset in the middle of the body":
                await connection.half(answer)
                await asyncio.sleep(0.01)  # or else the reset could overtake what was sent
                connection.reset()
            case "end in the middle of the body":
                await connection.half(answer)
                connection.writer.close()
            case "a slow drip":
                await connection.drip(answer, 0.2)

    def _vendor(self, asked: Asked) -> Response:
        below = "/" + asked.target.split("/", 2)[2]
        return self.account.emulator.handle(HttpRequest(asked.method, below, asked.headers, asked.body or None))


@pytest.fixture(scope="module")
def vendor() -> Iterator[Server]:
    with server() as serving:
        yield serving


NAMES = count()


def _problem(case: Case, place: Place, client_kind: ClientKind, vendor: Server, counted: str) -> str | None:
    row, at = place.row, place.at
    vendor.places[name := f"cell{next(NAMES)}"] = place
    base = f"{vendor.url}/{name}{base_path(place.account.emulator)}"
    timeout = SHORT if row.fault in TAKES_ALL_THE_TIME else LONG
    with asyncio.Runner() as runner:
        client = client_kind.client(case.provider, runner, api_key=KEY, base_url=base, timeout=timeout, clock=IMPATIENT)
        try:
            error = failure(case, client, place.account)
        finally:
            client.close()
    if not place.applies:
        return None
    figures.count(1, counted)
    problem = next(differences(case, row, at, place, error), None)
    return problem and f"{case} [{at}: {case.steps[at]}] {row} ({client_kind}): {problem}"


def _telling(case: Case, row: Row) -> list[int]:
    """The requests that differ: every one that is no read, and the reads of operations that only read.

    A flood takes its time, so there it is one write of each kind.
    """
    if row.fault == "body of 100 MB" and case.name not in FLOODED:
        return []
    return [at for at, step in enumerate(case.steps) if not step.startswith("read") or case.name in READERS]


def _everywhere(case: Case, _: Row) -> list[int]:
    return list(range(len(case.steps)))


def _try(
    row: Row, clients: Iterable[ClientKind], vendor: Server, places: Callable[[Case, Row], list[int]], counted: str
) -> None:
    """Each cell in the next of the ways.

    Cells wait for their faults together, but get that far one by one: a time-out that is to pass is a short one.
    """
    with cells() as wrong, ThreadPoolExecutor(AT_ONCE) as pool:
        tried = []
        turns = iter(clients)
        for case in CASES:
            for at in places(case, row):
                place = Place(case.account(), row, at)
                tried.append(pool.submit(_problem, case, place, next(turns), vendor, counted))
                tried[-1].add_done_callback(lambda _, struck=place.struck: struck.set())
                place.struck.wait()
        wrong += [problem for done in tried if (problem := done.result())]


@pytest.mark.parametrize("row", ROWS_ON_THE_WIRE, ids=str)
def test_a_fault_on_the_wire_has_the_outcome_of_the_policy(row: Row, vendor: Server) -> None:
    _try(row, cycle(CLIENT_KINDS), vendor, _telling, "cells over loopback")


@pytest.mark.long
@pytest.mark.parametrize("row", ROWS_ON_THE_WIRE, ids=str)
@pytest.mark.parametrize("client_kind", CLIENT_KINDS, ids=str)
def test_a_fault_on_the_wire_has_that_outcome_at_every_request_with_every_backend(
    client_kind: ClientKind, row: Row, vendor: Server
) -> None:
    _try(row, repeat(client_kind), vendor, _everywhere, "cells over loopback, at every request")


# -- what has nothing to do with one operation or another


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@contextmanager
def talking_to(url: str, client_kind: ClientKind, runner: asyncio.Runner, **given: Any) -> Iterator[Driver]:
    client = client_kind.client(
        "diga", runner, api_key=KEY, base_url=url, **{"clock": IMPATIENT, "timeout": LONG} | given
    )
    try:
        yield client
    finally:
        client.close()


every_client = pytest.mark.parametrize("client_kind", CLIENT_KINDS, ids=str)


@every_client
def test_of_an_endless_body_no_more_is_read_than_is_bearable(client_kind: ClientKind, runner: asyncio.Runner) -> None:
    taken: list[int] = []
    hung_up = threading.Event()

    async def flood(_: Asked, connection: Connection) -> None:
        taken.append(await connection.flood())
        hung_up.set()

    tracemalloc.start()
    try:
        with server(flood) as vendor, talking_to(vendor.url, client_kind, runner) as client:
            with pytest.raises(UnexpectedResponse, match="longer than 32 MiB"):
                client.get_number("some-id")
            client.close()
            assert hung_up.wait(10)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert taken[0] < LONGEST_ANSWER + 16 * 2**20 < FLOOD
    assert peak < 3 * LONGEST_ANSWER
    figures.measure(1, f"most memory for a body of 100 MB ({client_kind})", f"{peak / 2**20:.0f} MiB")


@pytest.fixture(scope="module")
def packed() -> bytes:
    return gzip.compress(b" " * FLOOD, compresslevel=1)


@every_client
def test_a_small_body_that_unpacks_to_an_enormous_one_is_not_unpacked(
    client_kind: ClientKind, packed: bytes, runner: asyncio.Runner
) -> None:
    async def bomb(_: Asked, connection: Connection) -> None:
        await connection.answer(Response(200, {"content-encoding": "gzip"}, packed))

    with (
        server(bomb) as vendor,
        talking_to(vendor.url, client_kind, runner) as client,
        pytest.raises(UnexpectedResponse, match="longer than 32 MiB"),
    ):
        client.get_number("some-id")


@every_client
def test_where_nobody_listens_nothing_was_sent(client_kind: ClientKind, runner: asyncio.Runner) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with talking_to(url, client_kind, runner) as client, pytest.raises(NotSent, match="repeating is safe"):
        client.release(a_number("some-id"))


@every_client
def test_where_nobody_takes_the_call_nothing_was_sent(client_kind: ClientKind, runner: asyncio.Runner) -> None:
    with (
        nobody_takes_the_call() as port,
        talking_to(f"http://127.0.0.1:{port}", client_kind, runner, timeout=0.2) as client,
        pytest.raises(NotSent),
    ):
        client.release(a_number("some-id"))


@every_client
def test_the_time_out_spans_a_body_that_never_stops_coming(client_kind: ClientKind, runner: asyncio.Runner) -> None:
    async def drip(_: Asked, connection: Connection) -> None:
        await connection.drip(Response(200, {}, b" " * 10_000), 0.01)

    with server(drip) as vendor, talking_to(vendor.url, client_kind, runner, timeout=0.3) as client:
        started = time.monotonic()
        with pytest.raises(NoAnswer):
            client.get_number("some-id")
        assert time.monotonic() - started < 3.0


@every_client
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_the_key_does_not_follow_a_redirect_to_another_host(
    client_kind: ClientKind, status: int, runner: asyncio.Runner
) -> None:
    _redirected(lambda url: talking_to(url, client_kind, runner), status)


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_the_key_does_not_follow_even_in_a_client_that_follows_redirects(mode: str, runner: asyncio.Runner) -> None:
    @contextmanager
    def handed_in(url: str) -> Iterator[Driver]:
        given: dict[str, Any] = {"api_key": KEY, "base_url": url}
        if mode == "sync":
            with httpx.Client(follow_redirects=True) as http:
                yield Driver(Telephony("diga", http_client=http, **given), runner)
        else:
            ahttp = httpx.AsyncClient(follow_redirects=True)
            yield Driver(AsyncTelephony("diga", http_client=ahttp, **given), runner)
            runner.run(ahttp.aclose())

    _redirected(handed_in, 302)


def _redirected(connect: Callable[[str], AbstractContextManager[Driver]], status: int) -> None:
    async def welcome(_: Asked, connection: Connection) -> None:
        await connection.answer(json_response(200, {}))

    with server(welcome) as stranger:

        async def redirect(_: Asked, connection: Connection) -> None:
            await connection.answer(Response(status, {"location": f"{stranger.url}/v1/phone"}, b""))

        with server(redirect) as vendor, connect(vendor.url) as client:
            with pytest.raises(UnexpectedResponse, match="redirect"):
                client.get_number("some-id")
            with pytest.raises(UnexpectedResponse, match="redirect"):
                client.release(a_number("some-id"))
        assert len(vendor.asked) == 2
        assert KEY in dict(vendor.asked[0].headers)["authorization"]
        assert stranger.asked == []
        figures.count(1, "redirects that the key did not follow", 2)
