"""Time that is simulated, for tasks and for threads: it jumps to the next moment at which somebody wants to go on."""

from __future__ import annotations

import asyncio
import heapq
import selectors
import threading
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from telephony_core.transport.clock import Clock

T = TypeVar("T")
START = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


class _Jumping(selectors.DefaultSelector):  # which class it is depends on the system
    """Does not wait for a time-out, but has it passed at once."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready: list[tuple[selectors.SelectorKey, int]] = super().select(0)
        if not ready and timeout:
            self.now += timeout
        return ready


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.jumping = _Jumping()
        super().__init__(self.jumping)

    def time(self) -> float:
        return self.jumping.now


def run_tasks(main: Callable[[Clock], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine on a loop whose time is simulated."""
    with asyncio.Runner(loop_factory=_Loop) as runner:
        loop = runner.get_loop()

        async def sleep(seconds: float) -> None:
            await asyncio.sleep(seconds)

        clock = Clock(monotonic=loop.time, now=lambda: START + timedelta(seconds=loop.time()), asleep=sleep)
        return runner.run(main(clock))


class SharedTime:
    """One simulated time for tasks and for ordinary code that take turns. Close it in the end."""

    def __init__(self) -> None:
        self.runner = asyncio.Runner(loop_factory=_Loop)
        loop = self.runner.get_loop()
        assert isinstance(loop, _Loop)
        self._jumping = loop.jumping

    @property
    def passed(self) -> float:
        """Seconds since the beginning."""
        return self._jumping.now

    def advance(self, seconds: float) -> None:
        self._jumping.now += seconds

    @property
    def clock(self) -> Clock:
        return Clock(
            monotonic=lambda: self.passed,
            now=lambda: START + timedelta(seconds=self.passed),
            sleep=self.advance,
            asleep=asyncio.sleep,
        )

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end."""
        return self.runner.run(work)

    def close(self) -> None:
        self.runner.close()


class _ThreadTime:
    """Of all threads, the one whose sleep ends first goes on, as soon as every one of them sleeps or is over."""

    def __init__(self, threads: int) -> None:
        self._awake = threads
        self._sleepers: list[tuple[float, int, threading.Event]] = []
        self._count = 0
        self._lock = threading.Lock()
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        woken = threading.Event()
        with self._lock:
            self._count += 1
            heapq.heappush(self._sleepers, (self.now + max(0.0, seconds), self._count, woken))
            self._rest()
        assert woken.wait(60), "simulated time stands still"

    def over(self) -> None:
        with self._lock:
            self._rest()

    def _rest(self) -> None:
        self._awake -= 1
        if self._awake == 0 and self._sleepers:
            self.now, _, woken = heapq.heappop(self._sleepers)
            self._awake += 1
            woken.set()


def run_threads(works: Sequence[Callable[[Clock], None]]) -> None:
    """Run each function in a thread of its own, all on one simulated clock. The first error is raised."""
    time = _ThreadTime(len(works))
    clock = Clock(monotonic=lambda: time.now, now=lambda: START + timedelta(seconds=time.now), sleep=time.sleep)
    errors: list[BaseException] = []

    def body(work: Callable[[Clock], None]) -> None:
        try:
            work(clock)
        except BaseException as error:
            errors.append(error)
        finally:
            time.over()

    threads = [threading.Thread(target=body, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
