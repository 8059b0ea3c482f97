"""Measuring: one server, one process per contender, rounds in which everybody has a turn."""

# ruff: noqa: S101, S603 - it starts programs of its own
from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

HERE = Path(__file__).parent


@contextmanager
def serving(sizes: Iterable[int]) -> Iterator[str]:
    """The loopback server; gives its origin."""
    command = [sys.executable, str(HERE / "server.py"), *map(str, sizes)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stdin is not None
        port = int(server.stdout.readline())
        yield f"http://127.0.0.1:{port}"
        server.stdin.close()


@dataclass(frozen=True)
class Entry:
    """Who is measured, in which kind of code, on whose shape of records."""

    mode: str
    name: str
    shape: str
    python: Path = field(compare=False)

    @property
    def base(self) -> Entry:
        """Whom it is compared with: raw httpx in the same kind of code, on records of the same length."""
        return Entry(self.mode, "httpx", self.shape if self.shape == "diga" else "vox", self.python)


class EndedEarly(Exception):
    """A contender failed; what it said stands on standard error."""


class Worker:
    """The process of one entry. Raises `EndedEarly`."""

    def __init__(self, entry: Entry, base: str) -> None:
        command = [str(entry.python), str(HERE / "worker.py"), entry.mode, entry.name, base, entry.shape]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._entry = entry
        self._answer()

    def do(self, what: str, **arguments: int) -> dict[str, float]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": what, **arguments}) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise EndedEarly(f"{self._entry.mode} {self._entry.name}, {self._entry.shape}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


@contextmanager
def at_work(entries: Iterable[Entry], origin: str, size: int) -> Iterator[dict[Entry, Worker]]:
    workers: dict[Entry, Worker] = {}
    try:
        for entry in entries:
            workers[entry] = Worker(entry, f"{origin}/{entry.shape}/{size}")
        yield workers
    finally:
        for worker in workers.values():
            worker.close()


class Turn(NamedTuple):
    """CPU seconds of one turn, and those of whom it is compared with, taken at the same time."""

    cpu: float
    base: float

    @property
    def ratio(self) -> float:
        return self.cpu / self.base


Rounds = dict[Entry, list[Turn]]


def rounds(workers: Mapping[Entry, Worker], times: int, what: str, *, tries: int = 2, **arguments: int) -> Rounds:
    """Everybody in turn, ``times`` times, together with its base: the speed of a machine moves within seconds.

    The least of the tries of one turn counts. The first one finds caches cold and connections closed.
    """
    found: Rounds = {entry: [] for entry in workers}
    for _ in range(times):
        for entry, worker in workers.items():
            base = workers[entry.base]
            cpu, cpu_of_base = [], []
            for _ in range(tries):
                cpu_of_base.append(base.do(what, **arguments)["cpu"])
                cpu.append(cpu_of_base[-1] if worker is base else worker.do(what, **arguments)["cpu"])
            found[entry].append(Turn(min(cpu), min(cpu_of_base)))
    return found


def ratio(turns: list[Turn]) -> float:
    """The median."""
    return median(turn.ratio for turn in turns)


def seconds(turns: list[Turn]) -> float:
    """The median."""
    return median(turn.cpu for turn in turns)


def import_cost(programs: Mapping[str, tuple[Path, str]], count: int) -> dict[str, float]:
    """Milliseconds of CPU of a whole process that only imports; the least of several, bytecode compiled before."""
    best: dict[str, float] = {}
    for _ in range(count + 1):
        for name, (python, program) in programs.items():
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run([str(python), "-c", program], check=True, stdout=subprocess.DEVNULL)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            spent = 1000 * (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
            best[name] = min(best.get(name, spent), spent)
    return best
