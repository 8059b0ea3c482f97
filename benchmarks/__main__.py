"""Measures what calls cost, and writes it into docs/performance.md: ``make bench``, ``make bench ARGS=--quick``."""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping

from benchmarks.contenders import CONTENDERS
from benchmarks.measuring import SDKS, SHAPES, EndedEarly, Entry, Process, Turns, at_work, import_cost, rounds, serving
from benchmarks.page import renew
from benchmarks.report import block

SIZES = (100, 1_000, 10_000)
OURS = ("telephony", "telephony, fast")
CLI = "import sys; sys.argv[1:] = ['{}']; from telephony_core.cli import main; main()"
IMPORTS = {
    "httpx": "import httpx",
    "httpx + pydantic": "import httpx, pydantic",
    "aiohttp": "import aiohttp",
    "urllib3": "import urllib3",
    "telephony": "import telephony_core",
    "telephony, first name": "from telephony_core import Telephony",
    "telephony --help": CLI.format("--help"),
    "telephony --version": CLI.format("--version"),
    "retell SDK": "from retell import Retell",
    "elevenlabs SDK": "from elevenlabs import ElevenLabs",
}


def entries() -> list[Entry]:
    """Each contender in sync and async code; raw httpx and ours with every vendor that we have an adapter for."""
    return [
        Entry(mode, name, shape)
        for mode, other in (("sync", "aiohttp"), ("async", "urllib3"))
        for name in CONTENDERS
        if name != other
        for shape in (SHAPES if name in ("httpx", *OURS) else (SDKS.get(name, "vox"),))
    ]


def measure(everybody: list[Entry], *, quick: bool) -> Turns:
    most, times = max(SIZES), 3 if quick else 9
    with serving() as origin:
        with at_work(everybody, origin, most) as workers:
            say("one record")
            turns = rounds(workers, times, "get", 100 if quick else 200, 1)
            say(f"{most:,} records")
            slow = {entry: worker for entry, worker in workers.items() if entry.name in ("httpx", *SDKS)}
            turns |= rounds(slow, times // 3, "list", tries=1)
            rest = {entry: worker for entry, worker in workers.items() if entry.name not in SDKS}
            turns |= rounds(rest, times, "list")
        say("1,000 records at 50 ms")
        compared = [entry for entry in everybody if entry.shape == "vox" or entry.name in SDKS]
        with at_work(compared, f"{origin}/slow", most) as workers:
            turns |= bursts(workers, times - 1)
        say("memory")
        ours = [entry for entry in everybody if entry.name in OURS and entry.mode == "sync"]
        for size in SIZES:
            with at_work(ours, origin, size) as workers:
                for entry, worker in workers.items():
                    turns.setdefault(("peak", entry), []).append((worker.do("peak"),) * 2)
    return turns


def bursts(workers: Mapping[Entry, Process], times: int) -> Turns:
    """Of ours and what is below them several rounds, in which everybody has a turn; of the others one try, which some
    do not survive."""
    found: Turns = {}
    for turn in range(times):
        for entry, worker in workers.items():
            several = entry.name in ("httpx transports", "aiohttp", "urllib3", *OURS)
            # Each twice, since the first one finds the connections of its last turn closed.
            for at_once in (100, 100, 500, 500) if several else (100,)[turn:]:
                try:
                    own = worker.do("get", 1000, at_once)
                except (EndedEarly, BrokenPipeError) as ended:  # httpx's pool loses connections among so many threads
                    say(f"no figure: {ended}")
                else:
                    found.setdefault((f"{at_once} in flight", entry), []).append((own, own))
    return found


def say(what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {what}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few minutes, and less to rely on")
    quick = parser.parse_args().quick
    turns = measure(entries(), quick=quick)
    say("imports")
    renew("measured", block(turns, import_cost(IMPORTS, 5 if quick else 15), "quick mode" if quick else "full run"))


if __name__ == "__main__":
    main()
