"""One way to measure, for all parts of the page: time and memory of some work, processes, rounds of them."""

# ruff: noqa: S603 - it starts programs of its own
from __future__ import annotations

import gc
import json
import os
import resource
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
SHAPES = {"vox": "vox", "diga": "Diga", "elevenlabs": "ElevenLabs", "retell": "Retell"}
"""Vendors whose adapters are measured."""
SDKS = {"retell SDK": "retell", "elevenlabs SDK": "elevenlabs"}
"""Their own libraries, as far as the group ``dev`` installs them."""


class Measured(NamedTuple):
    """What some work returned (a contender's: how many records came); CPU and wall-clock time in seconds; bytes."""

    result: Any
    cpu: float = 0.0
    wall: float = 0.0
    peak: int = 0


def measured(work: Callable[[], Any]) -> Measured:
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return Measured(result, time.process_time() - cpu, time.perf_counter() - wall)


def peak_of(work: Callable[[], Any]) -> Measured:
    """The worst moment of its memory, above what was there before."""
    work()  # what is made once and kept is not part of it
    gc.collect()
    tracemalloc.start()
    result = work()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return Measured(result, peak=peak)


class EndedEarly(Exception):
    """A program failed; standard error says why."""


class Process:
    """A module that says what it has to say in lines of JSON, the ``first`` unasked, and one for each command.

    Raises `EndedEarly` where no line comes.
    """

    def __init__(self, module: str, *arguments: object, **environment: str) -> None:
        self._command = [sys.executable, "-m", f"benchmarks.{module}", *map(str, arguments)]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self._process = subprocess.Popen(self._command, cwd=ROOT, env={**os.environ, **environment}, **pipes)
        self.first = self._read()

    def do(self, *command: str | int) -> Measured:
        print(json.dumps(command), file=self._process.stdin, flush=True)
        return Measured(*self._read())

    def _read(self) -> Any:
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            raise EndedEarly(" ".join(self._command[2:]))
        return json.loads(line)

    def close(self) -> None:
        self._process.communicate()


@contextmanager
def serving() -> Iterator[str]:
    """The loopback server; gives its origin."""
    with closing(Process("server")) as server:
        yield f"http://127.0.0.1:{server.first}"


class Entry(NamedTuple):
    """Who is measured, in which kind of code, on whose shape of records."""

    mode: str
    name: str
    shape: str

    @property
    def base(self) -> Entry:
        """What it is compared with: raw httpx in the same kind of code, on the same records."""
        return self._replace(name="httpx")


@contextmanager
def at_work(entries: Iterable[Entry], origin: str, size: int) -> Iterator[dict[Entry, Process]]:
    """A process for each contender, whose vendor holds so many records."""
    with ExitStack() as stack:
        yield {
            entry: stack.enter_context(closing(Process("contenders", *entry, f"{origin}/{entry.shape}/{size}")))
            for entry in entries
        }


Turn = tuple[Measured, Measured]
"""What somebody did, and what its base did at the same time."""
Turns = dict[tuple[str, Entry], list[Turn]]
"""By what was done, and who did it."""


def rounds(workers: Mapping[Entry, Process], times: int, *command: str | int, tries: int = 2) -> Turns:
    """Everybody in turn, ``times`` times, together with its base: the speed of a machine moves within seconds.

    The least of the tries of one turn counts. The first one finds caches cold and connections closed.
    """
    found: Turns = {(str(command[0]), entry): [] for entry in workers}
    for _ in range(times):
        for (_, entry), turns in found.items():
            own, raw = [], []
            for _ in range(tries):
                raw.append(workers[entry.base].do(*command))
                own.append(raw[-1] if entry == entry.base else workers[entry].do(*command))
            turns.append((min(own, key=attrgetter("cpu")), min(raw, key=attrgetter("cpu"))))
    return found


def import_cost(programs: Mapping[str, str], count: int) -> dict[str, float]:
    """Milliseconds of CPU of a whole process that only imports; the least of several, bytecode compiled before."""
    best: dict[str, float] = {}
    for name, program in [*programs.items()] * (count + 1):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = 1000 * (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
        best[name] = min(best.get(name, spent), spent)
    return best
