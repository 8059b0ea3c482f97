"""Measuring: one server, one process per contender, rounds in which everybody has a turn."""

# ruff: noqa: S101, S603 - it starts programs of its own
from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

HERE = Path(__file__).parent
CACHE = HERE.parent / ".venv" / "bench"
SDKS = {
    "twilio": "twilio==9.13.0",
    "telnyx": "telnyx==4.189.0",
    "retell": "retell-sdk==6.2.13",
    "elevenlabs": "elevenlabs==2.78.0",
    "vapi": "vapi-server-sdk==3.0.0",
}
"""Contender and distribution, newest when these figures were first taken. Each gets an environment of its own."""

SHAPES = {"vox": "vox", "diga": "Diga", "elevenlabs": "ElevenLabs", "retell": "Retell"}
"""Vendors whose adapters are measured."""


def python_of(name: str) -> Path:
    """The Python that runs a contender."""
    return CACHE / SDKS[name].replace("==", "-") / "bin" / "python" if name in SDKS else Path(sys.executable)


def is_installed(name: str, *, install: bool) -> bool:
    """Whether a contender can run; ``install`` makes an environment for an SDK that has none."""
    python = python_of(name)
    if install and not python.exists():
        print(f"installing {SDKS[name]} ...", file=sys.stderr)
        folder = python.parents[1]
        venv.EnvBuilder(with_pip=True).create(folder)
        if subprocess.run([str(python), "-m", "pip", "install", "--quiet", SDKS[name]], check=False).returncode:
            print(f"{SDKS[name]} cannot be installed and is left out", file=sys.stderr)
            shutil.rmtree(folder)
    return python.exists()


class Entry(NamedTuple):
    """Who is measured, in which kind of code, on whose shape of records."""

    mode: str
    name: str
    shape: str

    @property
    def base(self) -> Entry:
        """What it is compared with: raw httpx in the same kind of code, on records of the same length."""
        return Entry(self.mode, "httpx", self.shape if self.shape in SHAPES else "vox")


class EndedEarly(Exception):
    """A contender failed; standard error says why."""


class Process:
    """A program that reads lines and answers each with one. Raises `EndedEarly` where it gives none."""

    def __init__(self, python: Path, script: str, *arguments: object) -> None:
        command = [str(python), str(HERE / script), *map(str, arguments)]
        self._name = " ".join(command[1:])
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.first = self._read()

    def do(self, what: str, **arguments: int) -> dict[str, float]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": what, **arguments}) + "\n")
        self._process.stdin.flush()
        return dict(self._read())

    def _read(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise EndedEarly(self._name)
        return json.loads(line)

    def close(self) -> None:
        with self._process:
            assert self._process.stdin is not None
            self._process.stdin.close()


@contextmanager
def serving(sizes: Iterable[int]) -> Iterator[str]:
    """The loopback server; gives its origin."""
    with closing(Process(python_of("httpx"), "server.py", *sizes)) as server:
        yield f"http://127.0.0.1:{server.first}"


@contextmanager
def at_work(entries: Iterable[Entry], origin: str, size: int) -> Iterator[dict[Entry, Process]]:
    def started(entry: Entry) -> Process:
        base = f"{origin}/{entry.shape}/{size}"
        return Process(python_of(entry.name), "contenders.py", entry.mode, entry.name, base, entry.shape)

    with ExitStack() as stack:
        yield {entry: stack.enter_context(closing(started(entry))) for entry in entries}


class Turn(NamedTuple):
    """CPU seconds of one turn, and those of what it is compared with, taken at the same time."""

    cpu: float
    base: float


Rounds = dict[Entry, list[Turn]]


def rounds(workers: Mapping[Entry, Process], times: int, what: str, *, tries: int = 2, **arguments: int) -> Rounds:
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


def import_cost(programs: Mapping[str, str], count: int) -> dict[str, float]:
    """Milliseconds of CPU of a whole process that only imports; the least of several, bytecode compiled before."""
    best: dict[str, float] = {}
    for _ in range(count + 1):
        for name, program in programs.items():
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run([str(python_of(name)), "-c", program], check=True, stdout=subprocess.DEVNULL)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            spent = 1000 * (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
            best[name] = min(best.get(name, spent), spent)
    return best


@dataclass
class Figures:
    """What one run measured."""

    quick: bool
    get_count: int = 0
    get: Rounds = field(default_factory=dict)
    list: Rounds = field(default_factory=dict)
    bursts: dict[tuple[Entry, int], float] = field(default_factory=dict)
    """Seconds for 1,000 GETs, by how many are in flight."""
    growth: dict[tuple[Entry, int], tuple[float, float]] = field(default_factory=dict)
    """CPU seconds of a listing and bytes at its peak, by how many records there are."""
    imports: dict[str, float] = field(default_factory=dict)

    def get_ratio(self, entry: Entry) -> float:
        return median(turn.cpu / turn.base for turn in self.get[entry])

    def list_ratio(self, entry: Entry) -> float | None:
        turns = self.list.get(entry)
        return median(turn.cpu / turn.base for turn in turns) if turns else None

    def get_microseconds(self, entry: Entry) -> float:
        return 1e6 * median(turn.cpu for turn in self.get[entry]) / self.get_count

    def list_microseconds(self, entry: Entry) -> float | None:
        turns = self.list.get(entry)
        return 1e6 * median(turn.cpu for turn in turns) / 10_000 if turns else None

    def share(self, entry: Entry, at_once: int) -> float | None:
        """Of the ideal, in percent: 1,000 requests of 50 ms over 100 connections take half a second."""
        seconds = self.bursts.get((entry, at_once))
        return None if seconds is None else 100 * 0.5 / seconds
