"""What a number index costs: ``python -m benchmarks.number_index`` writes its part of docs/performance.md.

100,000 numbers in 200 accounts of vox, each on an emulator in process. Time at the declared pace is not waited for but
counted: each account's clock stands still but for the pauses that its pace asks for.
"""

from __future__ import annotations

import gc
import random
import time
import tracemalloc
from math import ceil

from benchmarks.page import renew, table
from telephony_core import Connection, NumberIndex, Telephony
from telephony_core.number_index.accounts import MOST_AT_ONCE, with_declared_pace
from telephony_core.provider.flow import Response
from telephony_core.testing import new_emulator, virtual_clock
from telephony_core.transport.backend import HttpRequest

ACCOUNTS, NUMBERS = 200, 500
LOOKUPS = 20_000
TRACED = 20
"""Accounts for which every byte is counted, which takes long."""
BEGIN, END = "<!-- number index: written by `python -m benchmarks.number_index` -->", "<!-- /number index -->"


def number(account: int, at: int) -> str:
    return f"07041{account * NUMBERS + at:06d}"


class Vendor:
    """The account that is listed now; others do not exist meanwhile, so that memory is the index's."""

    name = "emulator"

    def __init__(self) -> None:
        self.emulator = new_emulator("vox")
        self.requests = 0

    def send(self, request: HttpRequest, timeout: float) -> Response:
        self.requests += 1
        return self.emulator.handle(request)

    def close(self) -> None: ...

    def become(self, account: int) -> None:
        self.emulator, self.requests = new_emulator("vox", empty=True), 0
        for at in range(NUMBERS):
            address = f"sip:trunk-{account}.example.com:5060"
            agent = {"agent_id": self.emulator.agents["reception"], "agent_version": "production"}
            self.emulator.add(number=number(account, at), inbound_agent=agent, address=address, memo=f"line {at}")


def filled(vendor: Vendor, accounts: int) -> tuple[NumberIndex, float, float]:
    """An index that has listed so many accounts; the seconds of CPU of that, and those that one's pace asks for."""
    names, cpu = [f"tenant-{at}" for at in range(accounts)], 0.0
    clocks = {name: virtual_clock() for name in names}
    key = vendor.emulator.api_key

    def open(connection: Connection) -> Telephony:
        pace = with_declared_pace(connection)
        return Telephony(connection, backend=vendor, clock=clocks[connection.name], pace=pace)

    connections = {name: Connection(provider="vox", name=name, api_key=key) for name in names}
    index = NumberIndex(connections, opener=open, max_age=1e6)
    for at, name in enumerate(names):
        vendor.become(at)
        before = time.process_time()
        failed = index.refresh(name)
        cpu += time.process_time() - before
        if failed:
            raise failed[name]
    return index, cpu, max(clock.monotonic() for clock in clocks.values())


def looked_up(index: NumberIndex) -> dict[str, float]:
    """Microseconds of CPU, by what is looked up."""
    chosen = random.Random(1)  # noqa: S311 - which numbers are asked for is no secret
    some = [number(chosen.randrange(ACCOUNTS), chosen.randrange(NUMBERS)) for _ in range(LOOKUPS)]
    blanks = [f"+82 {digits[1:]}" for digits in some]
    asked: dict[str, tuple[list[str], str | None]] = {
        "E.164": ([f"+82{digits}" for digits in some], None),
        "national digits with dashes": ([f"{each[:3]}-{each[3:7]}-{each[7:]}" for each in some], "KR"),
        "E.164 with blanks, read for the first time": (blanks, None),
        "E.164 with blanks, read before": (blanks[-1000:] * (LOOKUPS // 1000), None),
    }
    costs = {}
    gc.disable()
    for what, (texts, region) in asked.items():
        before = time.process_time()
        found = sum(len(index.find(text, region=region).live) for text in texts)
        costs[what] = (time.process_time() - before) / LOOKUPS * 1e6
        if found != LOOKUPS:
            raise AssertionError(f"{what}: {found} of {LOOKUPS}")
    gc.enable()
    return costs


def memory(vendor: Vendor) -> float:
    """Bytes a number."""
    gc.collect()
    tracemalloc.start()
    index, _, _ = filled(vendor, TRACED)
    vendor.emulator = new_emulator("vox")
    gc.collect()
    traced, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    index.close()
    return traced / (TRACED * NUMBERS)


def main() -> None:
    vendor, total = Vendor(), ACCOUNTS * NUMBERS
    index, cpu, paced = filled(vendor, ACCOUNTS)
    requests, lookups = vendor.requests, looked_up(index)
    index.close()
    del index
    each, pauses = memory(vendor), ceil(ACCOUNTS / MOST_AT_ONCE) * paced
    rows = [
        (f"memory, bytes a number (of {TRACED * NUMBERS:,})", f"{each:,.0f}"),
        (f"memory, MiB for {total:,} numbers", f"{each * total / 2**20:,.0f}"),
        ("CPU of listing everything, s", f"{cpu:.1f}"),
        ("requests an account", f"{requests}"),
        (f"pauses of the declared pace, {MOST_AT_ONCE} accounts at once, s (computed)", f"{pauses:.1f}"),
        *((f"CPU of a look-up, µs: {what}", f"{cost:,.0f}") for what, cost in lookups.items()),
    ]
    head = f"{ACCOUNTS} accounts of vox with {NUMBERS} numbers each, {time.strftime('%Y-%m-%d')}"
    block = table((head, ""), rows)
    renew(BEGIN, END, block)
    print(block)


if __name__ == "__main__":
    main()
