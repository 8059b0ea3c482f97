"""Pacing against a vendor that enforces its rate: never a 429 when the rate is known, hardly any of it wasted."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from telephony_core import AsyncTelephony, Connection, Pace, Telephony
from telephony_core.emulator import Response, json_response
from telephony_core.errors import NotSent, RateLimited, TelephonyError
from telephony_core.provider.capabilities import RateLimit
from telephony_core.transport.backend import HttpRequest
from telephony_core.transport.clock import Clock
from tests.reliability.figures import figures
from tests.reliability.models.limits import NUMBER, Limits
from tests.reliability.models.simulated_time import run_tasks, run_threads

ID = NUMBER["id"]
PATIENCE = 1000.0
"""Seconds: more than any queue in here takes."""


class Vendor:
    """Enforces limits on a clock; requests need some milliseconds to arrive, and answers to come back."""

    name = "limited"

    def __init__(self, clock: Clock, limits: Limits, seed: int = 0, way: tuple[float, float] = (0.001, 0.009)) -> None:
        self.clock = clock
        self.limits = limits
        self._way = way
        self._chance = random.Random(seed)

    def send(self, request: HttpRequest, timeout: float) -> Response:
        self.clock.sleep(self._chance.uniform(*self._way))
        answer = self._answer()
        self.clock.sleep(self._chance.uniform(0.01, 0.08))
        return answer

    async def asend(self, request: HttpRequest, timeout: float) -> Response:
        await self.clock.asleep(self._chance.uniform(*self._way))
        answer = self._answer()
        await self.clock.asleep(self._chance.uniform(0.01, 0.08))
        return answer

    def _answer(self) -> Response:
        if wait := self.limits.ask(self.clock.monotonic()):
            return Response(429, {"retry-after": str(int(wait) + 1)}, b"")
        return json_response(200, NUMBER)

    def close(self) -> None:
        pass

    async def aclose(self) -> None:
        pass


def used(limits: Limits, ideal: float) -> float:
    """The share of the permitted rate that was used, from the first to the last request."""
    return ideal / (limits.taken[-1] - limits.taken[0])


def percent(share: float) -> str:
    return f"{share:.1%}"


# Bursts, as (seconds to wait before it, requests in it); the queue never runs dry until the end.
BURSTS = [(0.0, 60), (3.0, 1), (0.0, 150), (20.0, 200), (1.0, 70)]
TOTAL = sum(size for _, size in BURSTS)  # 481: the last one starts in the fifth minute
IDEAL = 240.0


def test_tasks_on_a_simulated_clock_never_get_a_429_and_use_the_rate() -> None:
    limits = Limits(5, 120)

    async def main(clock: Clock) -> None:
        pace = Pace(per_second=5, per_minute=120)
        client = AsyncTelephony(
            "diga", api_key="key", backend=Vendor(clock, limits), pace=pace, clock=clock, timeout=PATIENCE
        )
        async with client, asyncio.TaskGroup() as group:
            for pause, size in BURSTS:
                await asyncio.sleep(pause)
                for _ in range(size):
                    group.create_task(client.get_number(ID))

    run_tasks(main)
    assert limits.refused == []
    assert len(limits.taken) == TOTAL
    assert used(limits, IDEAL) >= 0.97
    figures.measure(3, "rate used, tasks, simulated, 5/s and 120/min", percent(used(limits, IDEAL)))
    figures.count(3, "429s when the pace is set", len(limits.refused))


def test_threads_on_a_simulated_clock_never_get_a_429_and_use_the_rate() -> None:
    limits = Limits(5, 120)
    pace = Pace(per_second=5, per_minute=120)
    threads, each = 37, 13  # 481 again

    def work(clock: Clock) -> None:
        vendor = Vendor(clock, limits, seed=threading.get_ident())
        with Telephony("diga", api_key="key", backend=vendor, pace=pace, clock=clock, timeout=PATIENCE) as client:
            for _ in range(each):
                client.get_number(ID)

    run_threads([work] * threads)
    assert limits.refused == []
    assert len(limits.taken) == TOTAL
    assert used(limits, IDEAL) >= 0.97
    figures.measure(3, "rate used, threads, simulated, 5/s and 120/min", percent(used(limits, IDEAL)))


@pytest.mark.parametrize(("per_second", "count"), [(1, 61), (5, 301), (50, 1501)])
def test_the_second_alone_is_used_as_well(per_second: int, count: int) -> None:
    limits = Limits(per_second, None)

    async def main(clock: Clock) -> None:
        pace = Pace(per_second=per_second)
        backend = Vendor(clock, limits)
        async with (
            AsyncTelephony("diga", api_key="key", backend=backend, pace=pace, clock=clock, timeout=PATIENCE) as client,
            asyncio.TaskGroup() as group,
        ):
            for _ in range(count):
                group.create_task(client.get_number(ID))

    run_tasks(main)
    assert limits.refused == []
    assert used(limits, (count - 1) / per_second) >= 0.97


def test_who_oversleeps_does_not_push_the_next_one_over_the_limit() -> None:
    """A busy machine wakes sleepers late; the window counts from when they really started."""
    limits = Limits(5, None)
    late = random.Random(7)

    async def main(clock: Clock) -> None:
        async def oversleep(seconds: float) -> None:
            await asyncio.sleep(seconds + late.choice((0.0, 0.0, 0.05, 0.3)))

        slow = Clock(monotonic=clock.monotonic, now=clock.now, asleep=oversleep)
        pace, backend = Pace(per_second=5), Vendor(clock, limits)
        async with (
            AsyncTelephony("diga", api_key="key", backend=backend, pace=pace, clock=slow, timeout=PATIENCE) as client,
            asyncio.TaskGroup() as group,
        ):
            for _ in range(200):
                group.create_task(client.get_number(ID))

    run_tasks(main)
    assert limits.refused == []


def test_who_is_held_up_on_the_way_does_not_arrive_together_with_the_next_one() -> None:
    """On a busy machine or network requests start spaced exactly and arrive bunched: the spread of answers tells."""
    limits = Limits(5, 120)

    async def main(clock: Clock) -> None:
        pace, backend = Pace(per_second=5, per_minute=120), Vendor(clock, limits, way=(0.001, 0.2))
        async with (
            AsyncTelephony("diga", api_key="key", backend=backend, pace=pace, clock=clock, timeout=PATIENCE) as client,
            asyncio.TaskGroup() as group,
        ):
            for _ in range(TOTAL):
                group.create_task(client.get_number(ID))

    run_tasks(main)
    assert limits.refused == []
    assert used(limits, IDEAL) >= 0.97


# -- one pace for everybody


def test_one_pace_holds_for_all_clients_and_copies_of_an_account() -> None:
    limits = Limits(5, None)

    async def main(clock: Clock) -> None:
        account = Connection(provider="diga", api_key="key", pace=Pace(per_second=5), timeout=PATIENCE)
        vendor = Vendor(clock, limits)
        clients = [AsyncTelephony(account, backend=vendor, clock=clock) for _ in range(2)]
        clients.append(clients[0].with_options(max_retries=0))
        async with asyncio.TaskGroup() as group:
            for client in clients * 20:
                group.create_task(client.get_number(ID))

    run_tasks(main)
    assert limits.refused == []
    assert len(limits.taken) == 60


def test_without_a_pace_a_client_is_not_slowed_down() -> None:
    limits = Limits(None, None)

    async def main(clock: Clock) -> float:
        async with AsyncTelephony("diga", api_key="key", backend=Vendor(clock, limits), clock=clock) as client:
            await asyncio.gather(*(client.get_number(ID) for _ in range(500)))
        return clock.monotonic()

    assert run_tasks(main) < 0.2


def test_the_declared_pace_is_what_the_provider_declares() -> None:
    pace = Pace.declared(RateLimit(source="x", per_second=5, per_minute=120))
    assert (pace.per_second, pace.per_minute) == (5, 120)
    assert repr(Pace.declared(None)) == "Pace.unlimited()"


# -- adapting to 429


def outcomes(limits: Limits, count: int, pace: Pace | None = None, **given: float) -> tuple[list[object], float]:
    """What so many tasks at once get, and after how long."""

    async def main(clock: Clock) -> tuple[list[object], float]:
        vendor = Vendor(clock, limits)
        async with AsyncTelephony("diga", api_key="key", backend=vendor, clock=clock, pace=pace, **given) as client:
            tasks = [client.get_number(ID) for _ in range(count)]
            return list(await asyncio.gather(*tasks, return_exceptions=True)), clock.monotonic()

    return run_tasks(main)


def test_an_application_that_never_heard_of_the_limit_adapts_to_it() -> None:
    """64 at once at a vendor that takes five a second: after their 429 the rest keep to that, and all are served."""
    limits = Limits(5, None)
    results, took = outcomes(limits, 64)
    assert [result for result in results if isinstance(result, Exception)] == []
    assert len(limits.refused) == 59
    assert took < 20
    figures.measure(3, "64 tasks without a pace at 5/s", f"all served in {took:.0f} s, 59 met a 429, none met two")


def test_a_429_slows_down_for_a_minute() -> None:
    pace = Pace.unlimited()
    pace.hold(11.0)
    assert [pace.reserve(11.5) for _ in range(5)] == [0.0] * 5
    assert pace.reserve(11.5) > 0.9
    assert [pace.reserve(71.0) for _ in range(9)] == [0.0] * 9


def test_all_pause_when_one_is_asked_to() -> None:
    """Also those that had their turn already and were only waiting for its time."""
    taken: list[float] = []

    class Once(Vendor):
        def _answer(self) -> Response:
            now = self.clock.monotonic()
            if len(taken) == 7 and not self.limits.refused:
                self.limits.refused.append(now)
                return Response(429, {"retry-after": "10"}, b"")
            taken.append(now)
            return json_response(200, NUMBER)

    async def main(clock: Clock) -> None:
        vendor, pace = Once(clock, Limits(None, None)), Pace(per_second=5)
        async with (
            AsyncTelephony("diga", api_key="key", backend=vendor, pace=pace, clock=clock, timeout=PATIENCE) as client,
            asyncio.TaskGroup() as group,
        ):
            for _ in range(100):
                group.create_task(client.get_number(ID))
        (asked,) = vendor.limits.refused
        # Those that were on their way, or sent before the answer was back, still arrive.
        assert not [now for now in taken if asked + 0.2 < now < asked + 10]
        after = [now for now in taken if now >= asked + 10]
        assert len(after) > 80
        assert all(later - first > 0.98 for first, later in zip(after, after[5:], strict=False)), "a burst at the end"

    run_tasks(main)


def test_a_pause_beyond_the_time_out_is_told_at_once_and_ends() -> None:
    async def main(clock: Clock) -> None:
        backend = Vendor(clock, Limits(None, None))
        answers = iter([Response(429, {"retry-after": "86400"}, b"")])
        backend._answer = lambda: next(answers, json_response(200, NUMBER))
        async with AsyncTelephony("diga", api_key="key", backend=backend, clock=clock, timeout=10.0) as client:
            with pytest.raises(RateLimited) as first:
                await client.get_number(ID)
            assert first.value.retry_after == 86400
            with pytest.raises(RateLimited, match="nothing was sent") as second:
                await client.get_number(ID)
            assert second.value.retry_after == pytest.approx(30, abs=0.2)
            await asyncio.sleep(31)
            assert (await client.get_number(ID)).id == ID

    run_tasks(main)


def test_places_that_nobody_takes_are_left_to_others() -> None:
    """Who would have to wait beyond the time-out, or is cancelled, does not stand in the queue."""
    limits = Limits(1, None)

    async def main(clock: Clock) -> None:
        backend, pace = Vendor(clock, limits), Pace(per_second=1)
        async with AsyncTelephony("diga", api_key="key", backend=backend, pace=pace, clock=clock, timeout=5) as client:
            crowd = [asyncio.create_task(client.get_number(ID)) for _ in range(50)]
            await asyncio.sleep(0.5)
            too_late = [task for task in crowd if task.done() and isinstance(task.exception(), NotSent)]
            assert len(too_late) == 45
            for task in crowd:
                task.cancel()
            await asyncio.gather(*crowd, return_exceptions=True)
            await asyncio.sleep(1)
            before = clock.monotonic()
            await client.get_number(ID)
            assert clock.monotonic() - before < 0.2

    run_tasks(main)
    assert limits.refused == []


# -- once for real


@contextmanager
def real_vendor(per_second: int, per_minute: int) -> Iterator[tuple[str, Callable[[], dict[str, list[float]]]]]:
    """A server of its own process; gives its URL and what it counted."""
    program = Path(__file__).with_name("limits.py")
    with subprocess.Popen(
        [sys.executable, program, str(per_second), str(per_minute)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        url = f"http://127.0.0.1:{int(process.stdout.readline())}"

        def counted() -> dict[str, list[float]]:
            with urllib.request.urlopen(f"{url}/figures") as answer:
                figures: dict[str, list[float]] = json.load(answer)
            return figures

        try:
            yield url, counted
        finally:
            process.communicate(b"")


def from_threads(url: str, pace: Pace, count: int) -> list[TelephonyError]:
    errors: list[TelephonyError] = []
    turns = iter(range(count))
    lock = threading.Lock()

    def work() -> None:
        while True:
            with lock:
                if next(turns, None) is None:
                    return
            try:
                client.get_number(ID)
            except TelephonyError as error:
                errors.append(error)

    with Telephony("diga", api_key="key", base_url=url, pace=pace, timeout=PATIENCE) as client:
        threads = [threading.Thread(target=work) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return errors


def from_tasks(url: str, pace: Pace, count: int) -> list[TelephonyError]:
    async def main() -> list[object]:
        async with AsyncTelephony("diga", api_key="key", base_url=url, pace=pace, timeout=PATIENCE) as client:
            return list(await asyncio.gather(*(client.get_number(ID) for _ in range(count)), return_exceptions=True))

    return [result for result in asyncio.run(main()) if isinstance(result, TelephonyError)]


SENDERS = {"threads": from_threads, "tasks": from_tasks}


def _for_real(kind: str, per_second: int, per_minute: int, count: int, ideal: float) -> tuple[int, float]:
    pace = Pace(per_second=per_second, per_minute=per_minute)
    with real_vendor(per_second, per_minute) as (url, counted):
        assert SENDERS[kind](url, pace, count) == []
        seen = counted()
    assert len(seen["taken"]) == count
    return len(seen["refused"]), ideal / (seen["taken"][-1] - seen["taken"][0])


@pytest.mark.long
def test_for_real_at_five_a_second_and_120_a_minute() -> None:
    """Both kinds at once, each at a server of its own: two windows of a minute and a burst at the end."""
    results: dict[str, tuple[int, float]] = {}

    def work(kind: str) -> None:
        results[kind] = _for_real(kind, 5, 120, 241, 120.0)

    threads = [threading.Thread(target=work, args=(kind,)) for kind in SENDERS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for kind in SENDERS:
        refused, share = results[kind]
        assert refused == 0
        assert share >= 0.97
        figures.measure(3, f"rate used, {kind}, for real, 5/s and 120/min", percent(share))
