"""One client process, which makes one contender and measures it: ``python worker.py MODE NAME BASE SHAPE``.

Reads one command a line, ``{"do": "get", "count": 200}``, and answers each with one line: CPU and wall-clock seconds of
this process, and how many records came. Run with the Python of the contender's environment.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from contenders import CONTENDERS, Contender  # run as a script, beside it


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
    def __init__(self, contender: Contender) -> None:
        self.contender, self.close = contender, contender.close

    def get(self, turns: Iterable[int]) -> int:
        return sum([1 for _ in turns if self.contender.read(self.contender.get()) is not None])

    def list(self) -> int:
        if self.contender.items is not None:
            return sum(1 for _ in self.contender.items())
        return sum(self.contender.size(page()) for page in self.contender.pages)

    def burst(self, turns: Iterable[int], at_once: int) -> int:
        with ThreadPoolExecutor(at_once) as threads:
            return sum(threads.map(self.get, [turns] * at_once))


class AsyncWorker:
    """The same, as coroutines."""

    def __init__(self, contender: Contender) -> None:
        self.contender, self.close = contender, contender.close

    async def get(self, turns: Iterable[int]) -> int:
        return sum([1 for _ in turns if self.contender.read(await self.contender.get()) is not None])

    async def list(self) -> int:
        if self.contender.items is not None:
            return sum([1 async for _ in self.contender.items()])
        return sum([self.contender.size(await page()) for page in self.contender.pages])

    async def burst(self, turns: Iterable[int], at_once: int) -> int:
        return sum(await asyncio.gather(*(self.get(turns) for _ in range(at_once))))


async def async_worker(name: str, base: str, shape: str) -> AsyncWorker:
    return AsyncWorker(CONTENDERS[name]("async", base, shape))  # a session of aiohttp is made inside its loop


def main(mode: str, name: str, base: str, shape: str) -> None:
    with asyncio.Runner() as runner:
        worker: Any = SyncWorker(CONTENDERS[name](mode, base, shape)) if mode == "sync" else None
        worker = worker or runner.run(async_worker(name, base, shape))

        def run(what: str, **arguments: int) -> Any:
            turns = [iter(range(arguments.pop("count")))] if "count" in arguments else []
            found = getattr(worker, what)(*turns, **arguments)
            return found if mode == "sync" else runner.run(found)

        print(json.dumps({"ready": True}), flush=True)
        for line in sys.stdin:
            command = json.loads(line)
            what = command.pop("do")
            work = partial(run, "list" if what == "peak" else what, **command)
            print(json.dumps(peak_of(work) if what == "peak" else measured(work)), flush=True)
        run("close")


if __name__ == "__main__":
    main(*sys.argv[1:])
