"""Measures, and writes what was measured into docs/performance.md: ``make bench``, ``make bench ARGS=--quick``."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from benchmarks.contenders import ASYNC, SYNC
from benchmarks.environments import ROOT, SDKS, python_of
from benchmarks.figures import Figures
from benchmarks.measuring import EndedEarly, Entry, Worker, at_work, import_cost, rounds, serving
from benchmarks.report import written

SIZES = [100, 1_000, 10_000]
OURS = ["telephony", "telephony, fast"]
IMPORTS = {
    "httpx": "import httpx",
    "httpx + pydantic": "import httpx, pydantic",
    "aiohttp": "import aiohttp",
    "urllib3": "import urllib3",
    "telephony": "import telephony_core",
    "telephony, first name": "from telephony_core import Telephony",
    "telephony --help": "import sys; sys.argv[1:] = ['--help']; from telephony_core.cli import main; main()",
    "telephony --version": "import sys; sys.argv[1:] = ['--version']; from telephony_core.cli import main; main()",
    "twilio": "from twilio.rest import Client",
    "telnyx": "from telnyx import Telnyx",
    "retell": "from retell import Retell",
    "elevenlabs": "from elevenlabs import ElevenLabs",
    "vapi": "from vapi import Vapi",
}


def entries(*, quick: bool, sdks: bool) -> list[Entry]:
    found = []
    for mode, contenders in (("sync", SYNC), ("async", ASYNC)):
        for name in contenders:
            python = python_of(name, install=sdks and not quick) if sdks or name not in SDKS else None
            if python is not None:
                shapes = ["vox", "diga"] if name in ("httpx", *OURS) else [name if name in SDKS else "vox"]
                found += [Entry(mode, name, shape, python) for shape in shapes]
    return found


def measure(*, quick: bool, sdks: bool) -> Figures:
    everybody = entries(quick=quick, sdks=sdks)
    few = [entry for entry in everybody if entry.name not in SDKS]
    figures = Figures(quick=quick)
    with serving(SIZES) as origin:
        _say("one record")
        with at_work(everybody, origin, max(SIZES)) as workers:
            figures.get_count = 100 if quick else 200
            figures.get = rounds(workers, 3 if quick else 9, "get", count=figures.get_count)
            _say("10,000 records")
            light = {entry: worker for entry, worker in workers.items() if entry in few}
            figures.list = rounds(light, 3 if quick else 9, "list")
            heavy = {
                entry: worker
                for entry, worker in workers.items()
                if (entry.name in SDKS or (entry.name, entry.shape) == ("httpx", "vox"))
                and (not quick or entry.mode == "sync")
            }
            if any(entry.name in SDKS for entry in heavy):
                figures.list_sdks = rounds(heavy, 1 if quick else 3, "list", tries=1)
        _say("1,000 records at 50 ms")
        figures.bursts = bursts(everybody, origin, quick=quick)
        _say("growth")
        figures.growth = growth(few, origin, quick=quick)
    _say("imports")
    pythons = {entry.name: entry.python for entry in everybody}
    own = pythons["httpx"]
    programs = {
        name: (pythons.get(name, own), program)
        for name, program in IMPORTS.items()
        if name not in SDKS or name in pythons
    }
    figures.imports = import_cost(programs, 5 if quick else 15)
    return figures


def bursts(everybody: list[Entry], origin: str, *, quick: bool) -> dict[tuple[Entry, int], float]:
    """Seconds for 1,000 GETs, by how many are in flight. Of us and what is below us, the best of several rounds, in
    which everybody has a turn; of the others one try, which some do not survive."""
    best: dict[tuple[Entry, int], float] = {}

    def have_a_turn(entry: Entry, worker: Worker, *sizes: int) -> None:
        for at_once in sizes:
            seconds = worker.do("burst", count=1000, at_once=at_once)["wall"]
            best[entry, at_once] = min(seconds, best.get((entry, at_once), seconds))

    compared = [entry for entry in everybody if entry.shape != "diga"]
    few = [entry for entry in compared if entry.name in ("aiohttp", "urllib3", *OURS)]
    with at_work(few, f"{origin}/slow", max(SIZES)) as workers:
        for _ in range(2 if quick else 8):
            for entry, worker in workers.items():
                # Twice, since the first one finds the connections of its last turn closed.
                have_a_turn(entry, worker, 100, 100, 500, 500)
    for entry in compared:
        if entry not in few and not quick:
            with at_work([entry], f"{origin}/slow", max(SIZES)) as workers:
                try:
                    have_a_turn(entry, workers[entry], 100)
                except EndedEarly as ended:  # httpx's pool loses connections among so many threads
                    _say(f"no figure: {ended}")
    return best


def growth(few: list[Entry], origin: str, *, quick: bool) -> dict[tuple[Entry, int], tuple[float, float]]:
    """CPU seconds of a listing and bytes at its peak, by how many records there are."""
    found = {}
    for entry in few:
        if entry.name in OURS and entry.mode == "sync":
            for size in SIZES:
                with at_work([entry], origin, size) as workers:
                    times = [workers[entry].do("list")["cpu"] for _ in range(3 if quick else 7)]
                    found[entry, size] = (min(times), workers[entry].do("peak")["peak"])
    return found


def _say(what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {what}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under two minutes; SDKs only where they are installed")
    parser.add_argument("--without-sdks", action="store_true", help="leave the vendors' SDKs out")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "performance.md", help="the page to renew")
    given = parser.parse_args()
    figures = measure(quick=given.quick, sdks=not given.without_sdks)
    written(figures, given.output)
    print(f"written: {given.output.name}")


if __name__ == "__main__":
    main()
