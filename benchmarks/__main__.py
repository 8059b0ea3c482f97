"""Measures, and writes what was measured into docs/performance.md: ``make bench``, ``make bench ARGS=--quick``."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from benchmarks.contenders import CONTENDERS
from benchmarks.measuring import (
    SDKS,
    SHAPES,
    EndedEarly,
    Entry,
    Figures,
    at_work,
    import_cost,
    is_installed,
    rounds,
    serving,
)
from benchmarks.page import PAGE, renew
from benchmarks.report import block

SIZES = [100, 1_000, 10_000]
OURS = ["telephony", "telephony, fast"]
BEGIN, END = "<!-- measured: written by `make bench` -->", "<!-- end of what was measured -->"
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
    able = {name for name in CONTENDERS if name not in SDKS or (sdks and is_installed(name, install=not quick))}
    return [
        Entry(mode, name, shape)
        for mode, other in (("sync", "aiohttp"), ("async", "urllib3"))
        for name in CONTENDERS
        if name in able and name != other
        for shape in (SHAPES if name in ("httpx", *OURS) else [name if name in SDKS else "vox"])
    ]


def measure(everybody: list[Entry], *, quick: bool) -> Figures:
    figures = Figures(quick=quick, get_count=100 if quick else 200)
    with serving(SIZES) as origin:
        say("one record")
        with at_work(everybody, origin, max(SIZES)) as workers:
            figures.get = rounds(workers, 3 if quick else 9, "get", count=figures.get_count)
            say("10,000 records")
            light = {entry: worker for entry, worker in workers.items() if entry.name not in SDKS}
            compared = ("httpx", *SDKS)
            modes = ("sync",) if quick else ("sync", "async")
            heavy = {each: worker for each, worker in workers.items() if each.name in compared and each.mode in modes}
            figures.list = rounds(heavy, 1 if quick else 3, "list", tries=1)
            figures.list |= rounds(light, 3 if quick else 9, "list")
        say("1,000 records at 50 ms")
        figures.bursts = bursts(everybody, origin, quick=quick)
        say("growth")
        for entry in everybody:
            for size in SIZES if entry.name in OURS and entry.mode == "sync" else ():
                with at_work([entry], origin, size) as workers:
                    spent = min(workers[entry].do("list")["cpu"] for _ in range(3 if quick else 7))
                    figures.growth[entry, size] = spent, workers[entry].do("peak")["peak"]
    say("imports")
    names = {entry.name for entry in everybody}
    programs = {name: program for name, program in IMPORTS.items() if name not in SDKS or name in names}
    figures.imports = import_cost(programs, 5 if quick else 15)
    return figures


def bursts(everybody: list[Entry], origin: str, *, quick: bool) -> dict[tuple[Entry, int], float]:
    """Of ours and what is below them, the best of several rounds, in which everybody has a turn; of the others one
    try, which some do not survive."""
    best: dict[tuple[Entry, int], float] = {}
    compared = [entry for entry in everybody if entry.shape == "vox" or entry.name in SDKS]
    few = [entry for entry in compared if entry.name in ("aiohttp", "urllib3", *OURS)]
    groups = [few, *([entry] for entry in compared if entry not in few and not quick)]
    for group in groups:
        with at_work(group, f"{origin}/slow", max(SIZES)) as workers:
            for _ in range(1 if group is not few else 2 if quick else 8):
                for entry, worker in workers.items():
                    # Each twice, since the first one finds the connections of its last turn closed.
                    for at_once in (100, 100, 500, 500) if group is few else (100,):
                        try:
                            seconds = worker.do("burst", count=1000, at_once=at_once)["wall"]
                        except EndedEarly as ended:  # httpx's pool loses connections among so many threads
                            say(f"no figure: {ended}")
                            continue
                        best[entry, at_once] = min(seconds, best.get((entry, at_once), seconds))
    return best


def say(what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {what}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under two minutes; SDKs only where they are installed")
    parser.add_argument("--without-sdks", action="store_true", help="leave the vendors' SDKs out")
    parser.add_argument("--output", type=Path, default=PAGE, help="the page to renew")
    options = parser.parse_args()
    everybody = entries(quick=options.quick, sdks=not options.without_sdks)
    renew(BEGIN, END, block(measure(everybody, quick=options.quick)), options.output)
    print(f"written: {options.output.name}")


if __name__ == "__main__":
    main()
