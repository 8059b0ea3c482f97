"""What a number index costs: ``python -m benchmarks.number_index`` writes its part of docs/performance.md.

100,000 numbers in 200 accounts of vox, each on an emulator in process.
"""

from __future__ import annotations

import gc
import random
import time
import tracemalloc

from benchmarks.page import Rows
from telephony_core import Connection, NumberIndex, Pace, Telephony
from telephony_core.emulator import Emulator
from telephony_core.testing import new_emulator

ACCOUNTS, NUMBERS, LOOKUPS = 200, 500, 20_000
TRACED = 20
"""Accounts for which every byte is counted, which takes long."""


def number(account: int, at: int) -> str:
    return f"07041{account * NUMBERS + at:06d}"


def vendor(account: int) -> Emulator:
    emulator = new_emulator("vox", empty=True)
    agent = {"agent_id": emulator.agents["reception"], "agent_version": "production"}
    for at in range(NUMBERS):
        address = f"sip:trunk-{account}.example.com:5060"
        emulator.add(number=number(account, at), inbound_agent=agent, address=address, memo=f"line {at}")
    return emulator


def filled(accounts: int) -> tuple[NumberIndex, float, int]:
    """An index that has listed so many accounts; the seconds of CPU of that, and the requests to one account."""
    # One account exists at a time, so that memory is the index's.
    backend, cpu, requests = new_emulator("vox").backend(), 0.0, 0

    def open(connection: Connection) -> Telephony:
        return Telephony(connection, backend=backend, pace=Pace.unlimited())

    names, key = [f"tenant-{at}" for at in range(accounts)], backend.emulator.api_key
    connections = {name: Connection(provider="vox", name=name, api_key=key) for name in names}
    index = NumberIndex(connections, opener=open, max_age=1e6)
    for at, name in enumerate(names):
        backend.emulator = vendor(at)
        before = time.process_time()
        failed = index.refresh(name)
        cpu, requests = cpu + time.process_time() - before, len(backend.emulator.requests)
        if failed:
            raise failed[name]
    backend.emulator = new_emulator("vox", empty=True)
    return index, cpu, requests


def look_up(rows: Rows, index: NumberIndex) -> None:
    chosen = random.Random(1)  # noqa: S311 - which numbers are asked for is no secret
    some = [number(chosen.randrange(ACCOUNTS), chosen.randrange(NUMBERS)) for _ in range(LOOKUPS)]
    blanks = [f"+82 {digits[1:]}" for digits in some]

    def asked(what: str, texts: list[str], region: str | None = None) -> None:
        def found() -> int:
            return sum(len(index.find(text, region=region).live) for text in texts)

        count, _ = rows.cpu(f"CPU of a look-up, µs: {what}", found, LOOKUPS)
        if count != LOOKUPS:
            raise AssertionError(f"{what}: {count} of {LOOKUPS}")

    asked("E.164", [f"+82{digits}" for digits in some])
    asked("national digits with dashes", [f"{each[:3]}-{each[3:7]}-{each[7:]}" for each in some], "KR")
    asked("E.164 with blanks, read for the first time", blanks)
    asked("E.164 with blanks, read before", blanks[-1000:] * (LOOKUPS // 1000))


def memory() -> float:
    """Bytes a number."""
    gc.collect()
    tracemalloc.start()
    index, *_ = filled(TRACED)
    gc.collect()
    traced, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    index.close()
    return traced / (TRACED * NUMBERS)


def main() -> None:
    rows, total = Rows("number index", f"{ACCOUNTS} accounts of vox with {NUMBERS} numbers each"), ACCOUNTS * NUMBERS
    index, cpu, requests = filled(ACCOUNTS)
    rows.add("CPU of listing everything, s", cpu, 1)
    rows.add("requests an account", requests)
    look_up(rows, index)
    index.close()
    del index
    each = memory()  # last, so that what is made once and kept is not part of it
    rows.add(f"memory, bytes a number (of {TRACED * NUMBERS:,})", each)
    rows.add(f"memory, MiB for {total:,} numbers", each * total / 2**20)
    rows.write()


if __name__ == "__main__":
    main()
