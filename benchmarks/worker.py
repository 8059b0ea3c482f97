"""One client process: makes one contender and measures it as often as it is told.

Run by `benchmarks.measuring` with the Python of the contender's environment: ``python worker.py MODE NAME BASE SHAPE``.
Reads one command a line, ``{"do": "get", "count": 200}``, and answers each with one line: CPU and wall-clock seconds of
this process, and how many records came.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from contenders import ASYNC, SYNC, Async, Sync  # run as a script, beside it


def measured(work: Callable[[], int]) -> dict[str, float]:
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    records = work()
    return {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall, "records": records}


def peak_of(work: Callable[[], int]) -> dict[str, float]:
    """Bytes at the worst moment of it, above those before."""
    work()  # what is made once and kept is not part of the growth
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    records = work()
    peak = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    return {"peak": peak, "records": records}


class SyncWorker:
    def __init__(self, made: Sync) -> None:
        self.made = made

    def get(self, count: int) -> int:
        for _ in range(count):
            self.made.get()
        return count

    def list(self) -> int:
        records: int = self.made.list()
        return records

    def burst(self, count: int, at_once: int) -> int:
        left = iter(range(count))

        def one_after_another(_: int) -> int:
            return sum([1 for _ in left if self.made.get() is not None])

        with ThreadPoolExecutor(at_once) as threads:
            return sum(threads.map(one_after_another, range(at_once)))

    def close(self) -> None:
        self.made.close()


class AsyncWorker:
    """The same work inside one event loop."""

    def __init__(self, make: Callable[[], Async], runner: asyncio.Runner) -> None:
        self.run = runner.run
        self.made = self.run(self._make(make))

    async def _make(self, make: Callable[[], Async]) -> Async:
        return make()

    def get(self, count: int) -> int:
        async def work() -> int:
            for _ in range(count):
                await self.made.get()
            return count

        return self.run(work())

    def list(self) -> int:
        async def work() -> int:
            records: int = await self.made.list()
            return records

        return self.run(work())

    def burst(self, count: int, at_once: int) -> int:
        async def work() -> int:
            left = iter(range(count))

            async def one_after_another() -> int:
                return sum([1 for _ in left if await self.made.get() is not None])

            return sum(await asyncio.gather(*(one_after_another() for _ in range(at_once))))

        return self.run(work())

    def close(self) -> None:
        async def work() -> None:
            await self.made.close()

        self.run(work())


def main(mode: str, name: str, base: str, shape: str) -> None:
    with asyncio.Runner() as runner:
        worker: Any
        if mode == "sync":
            worker = SyncWorker(SYNC[name](base, shape))
        else:
            worker = AsyncWorker(lambda: ASYNC[name](base, shape), runner)
        print(json.dumps({"ready": True}), flush=True)
        for line in sys.stdin:
            command = json.loads(line)
            what, measure = command.pop("do"), measured
            if what == "peak":
                what, measure = "list", peak_of
            print(json.dumps(measure(partial(getattr(worker, what), **command))), flush=True)
        worker.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
