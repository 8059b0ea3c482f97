"""The shared pace: exact by the database's clock, whoever asks; and against a vendor that counts every second."""

from __future__ import annotations

import asyncio
import dataclasses
import sys
import time
from bisect import bisect_left
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest
from pydantic import SecretStr

from telephony_core.accounts.connection import Connection
from telephony_core.fleet.database import Database
from telephony_core.fleet.pace import SharedPace
from telephony_core.fleet.worker import Tenants
from telephony_core.migration.journal.sqlite_file import JournalError
from telephony_core.provider.capabilities import RateLimit
from telephony_core.transport.clock import Clock
from telephony_core.transport.pace import Pacer
from tests.fleet.pace_worker import PER_SECOND
from tests.fleet.postgresql import Server

pytestmark = pytest.mark.postgresql
T = TypeVar("T")


OPEN: list[SharedPace] = []


def shared(server: Server, account: str, **given: Any) -> SharedPace:
    OPEN.append(SharedPace(server.database, account, **given))
    return OPEN[-1]


def run(work: Coroutine[Any, Any, T]) -> T:
    async def and_close() -> T:
        try:
            return await work
        finally:
            while OPEN:
                async with OPEN.pop():
                    pass

    return asyncio.run(and_close())


async def asked(pace: SharedPace, times: int = 1) -> list[float]:
    return [await pace.reserve(time.monotonic()) for _ in range(times)]


def started(server: Server, account: str) -> int:
    return int(server.ask("SELECT cardinality(started) FROM pace WHERE account = %s", account)[0][0])


def test_both_windows_hold_for_all_who_share_the_account(server: Server, tenant: str) -> None:
    async def work() -> None:
        one, two = (shared(server, tenant, per_second=3, per_minute=5) for _ in range(2))
        assert isinstance(one, Pacer)
        assert await asked(one, 2) + await asked(two) == [0.0, 0.0, 0.0]
        fourth, fifth, sixth = *await asked(two), *await asked(one), *await asked(two)
        assert 1.0 < fourth < 1.0 + 0.5
        assert 1.0 < fifth < 1.0 + 0.5
        assert 59.0 < sixth < 60.0 + 0.5  # five are in the minute by then, two of them still to come
        assert await asked(shared(server, f"{tenant}-other", per_second=3)) == [0.0]

    run(work())


def test_a_429_holds_everybody_and_those_who_wait_too_and_slows_down_for_a_minute(server: Server, tenant: str) -> None:
    async def work() -> None:
        one, two = (shared(server, tenant, per_second=50) for _ in range(2))
        waiting = await asked(one, 51)
        now = time.monotonic()
        await two.hold(now + 3.0)
        told = time.monotonic()
        delay = await one.confirm(now + waiting[-1], now)
        assert 2.9 < delay <= 3.0
        assert time.monotonic() - told < 0.1
        assert 2.9 < one.hold_left(now) <= 3.1
        await two.hold(now + 1.0)  # a shorter one does not end it
        assert 2.8 < (await asked(shared(server, tenant)))[0] <= 3.0
        server.ask(
            "UPDATE pace SET started = '{}', waiting = '{}', held_until = held_until - 4 WHERE account = %s", tenant
        )
        assert (await asked(two, 6))[4:] == [0.0, pytest.approx(1.0, abs=0.1)]

    run(work())


def test_without_an_answer_a_request_may_still_arrive_and_an_answer_says_that_it_has(
    server: Server, tenant: str
) -> None:
    def pass_time() -> None:
        server.ask("UPDATE pace SET started = ARRAY(SELECT at - 1.2 FROM unnest(started) AS at)")

    async def work() -> None:
        pace = shared(server, tenant, per_second=1)
        await asked(pace)
        pass_time()
        assert (await asked(pace))[0] > 0.9  # it was not answered, and may arrive only now
        other = shared(server, f"{tenant}-other", per_second=1)
        now = time.monotonic()
        assert await other.reserve(now) == 0.0
        other.answered(now, now + 0.02)
        assert (await asked(other))[0] > 0.9
        pass_time()
        assert await other.confirm(0.0, time.monotonic()) == 0.0

    run(work())


def test_a_place_that_is_given_back_is_for_others_and_one_beyond_the_deadline_is_not_taken(
    server: Server, tenant: str
) -> None:
    async def work() -> None:
        pace = shared(server, tenant, per_second=1)
        await asked(pace)
        now = time.monotonic()
        assert await pace.reserve(now, now + 0.5) > 0.5
        second = await pace.reserve(now)
        third = await pace.reserve(now)
        assert third - second > 0.9
        pace.give_back(now + third)
        assert await pace.reserve(now) == pytest.approx(third, abs=0.2)

    run(work())


def test_a_place_that_is_given_back_frees_nothing_that_arrived_in_the_very_moment_of_it(
    server: Server, tenant: str
) -> None:
    """Times of a database are a quarter of a microsecond apart, so within minutes two are the same."""

    async def work() -> None:
        pace = shared(server, tenant, per_second=1)
        await asked(pace)
        now = time.monotonic()
        delay = await pace.reserve(now)
        server.ask("UPDATE pace SET started = waiting WHERE account = %s", tenant)
        pace.give_back(now + delay)
        assert (await asked(pace))[0] > 0.9
        assert started(server, tenant) == 1

    run(work())


def test_who_waits_on_has_one_place_and_not_one_for_each_time(server: Server, tenant: str) -> None:
    async def work() -> None:
        pace = shared(server, tenant, per_second=2)
        await asked(pace, 3)
        now = time.monotonic()
        delay = await pace.reserve(now)
        for _ in range(5):
            place, now = now + delay, time.monotonic()
            delay = await pace.confirm(place, now)

    run(work())
    assert server.ask("SELECT cardinality(waiting) FROM pace WHERE account = %s", tenant) == [(2,)]


def test_a_start_that_was_allowed_too_long_ago_is_given_back_and_asked_for_anew(server: Server, tenant: str) -> None:
    async def work() -> None:
        pace = shared(server, tenant, per_second=2, clock=Clock(monotonic=lambda: time.monotonic() + 1.0))
        # As a process that was stopped for a second before it heard the answer.
        for _ in range(5):
            assert 0 < (await asked(pace))[0] < 0.01
        assert started(server, tenant) == 1  # and not one for each
        pace._clock = Clock()
        assert await asked(pace, 2) == [0.0, 0.0]
        assert started(server, tenant) == 2

    run(work())


def test_without_the_database_nothing_starts_and_with_it_the_places_are_as_they_were(
    server: Server, tenant: str
) -> None:
    async def work() -> None:
        pace = shared(server, tenant, per_minute=2)
        assert await asked(pace, 2) == [0.0, 0.0]
        server.kill()
        for _ in range(2):
            with pytest.raises(JournalError, match="does not answer"):
                await asked(pace)
        server.start()
        assert (await asked(pace))[0] > 30

    run(work())


def test_what_a_provider_declares_is_what_it_takes(server: Server, tenant: str) -> None:
    async def work() -> None:
        pace = SharedPace.declared(
            server.database, tenant, RateLimit(per_second=5, per_minute=120, source="its documentation")
        )
        assert (pace.per_second, pace.per_minute) == (5, 120)
        async with SharedPace.declared(server.database, f"{tenant}-free", None) as free:
            assert await asked(free, 60) == [0.0] * 60

    run(work())
    assert server.ask("SELECT 1 FROM pace WHERE account = %s", f"{tenant}-free") == []


def test_whoever_has_the_same_key_has_the_same_pace_however_the_address_is_written(
    server: Server, tmp_path: Path
) -> None:
    tenants = Tenants(server.database, tmp_path)
    pacer_of = tenants.site("acme").pacer_of
    assert pacer_of is not None
    vox, written = Connection(provider="vox", api_key=SecretStr("key")), "https://client-api.tryvox.co/v3/"
    one = pacer_of("acme", vox)
    assert pacer_of("other", dataclasses.replace(vox, name="kr", base_url=written)) is one
    assert pacer_of("acme", dataclasses.replace(vox, api_key=SecretStr("another"))) is not one


def test_where_nothing_limits_an_account_a_429_still_holds_everybody_within_a_tenth_of_a_second(
    server: Server, tenant: str
) -> None:
    async def work() -> None:
        one, two = (shared(server, tenant) for _ in range(2))
        now = time.monotonic()
        assert await asked(one) + await asked(two) == [0.0, 0.0]
        await two.hold(now + 30.0)
        assert 29.0 < await two.reserve(time.monotonic()) < 31.0
        assert 29.0 < await one.reserve(time.monotonic() + 0.1) < 31.0

    run(work())


@dataclass
class StrictVendor:
    """Answers every listing with nothing, and with 429 what comes when as many as it takes came within a second."""

    arrived: list[float] = field(default_factory=list)
    refused: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                await reader.readuntil(b"\r\n\r\n")
            except (asyncio.IncompleteReadError, ConnectionError):
                break
            now = time.monotonic()
            too_many = len(self.arrived) - bisect_left(self.arrived, now - 1.0) >= PER_SECOND
            self.arrived.append(now)
            self.refused += too_many
            head = b"HTTP/1.1 429 Too Many\r\n" if too_many else b"HTTP/1.1 200 OK\r\n"
            writer.write(head + b'Content-Type: application/json\r\nContent-Length: 12\r\n\r\n{"items":[]}')
        writer.close()

    def used(self) -> float:
        """Requests a second in the middle four fifths."""
        first, last = self.arrived[0], self.arrived[-1]
        begin, end = first + 0.1 * (last - first), last - 0.1 * (last - first)
        return (bisect_left(self.arrived, end) - bisect_left(self.arrived, begin)) / (end - begin)

    @property
    def most_in_any_second(self) -> int:
        return max(bisect_left(self.arrived, at + 1.0) - place for place, at in enumerate(self.arrived))


async def three_workers(database: Database, seconds: float) -> tuple[StrictVendor, int]:
    vendor = StrictVendor()
    listening = await asyncio.start_server(vendor.serve, "127.0.0.1", 0)
    async with listening:
        url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v3"
        arguments = ("-m", "tests.fleet.pace_worker", database._url.get_secret_value(), url, str(seconds), "8")
        workers = [
            await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.PIPE)
            for _ in range(3)
        ]
        answers = sum([int((await worker.communicate())[0]) for worker in workers])
    return vendor, answers


def test_three_workers_never_send_more_than_allowed_in_any_second(server: Server) -> None:
    vendor, answers = run(three_workers(server.database, 2.0))
    assert vendor.refused == 0
    assert vendor.most_in_any_second <= PER_SECOND
    assert answers > 0
    assert len(vendor.arrived) > PER_SECOND


@pytest.mark.long
def test_three_workers_use_nearly_all_that_is_allowed(server: Server) -> None:
    vendor, _ = run(three_workers(server.database, 20.0))
    print(f"{vendor.used():.1f} a second, at most {vendor.most_in_any_second} in any")
    assert vendor.refused == 0
    assert vendor.most_in_any_second <= PER_SECOND
    assert vendor.used() >= 0.95 * PER_SECOND
