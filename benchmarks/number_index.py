"""What a number index costs: ``python -m benchmarks.number_index`` writes its part of docs/performance.md.

100,000 numbers in 200 accounts of vox, each on an emulator in process. Time at the declared pace is not waited for but
counted: each account's clock stands still but for the pauses that its pace asks for.
"""

from __future__ import annotations

import gc
import random
import re
import time
import tracemalloc
from dataclasses import dataclass, field
from math import ceil

from benchmarks.measuring import HERE
from telephony_core import Connection, NumberIndex, Telephony
from telephony_core.emulator import Emulator
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


@dataclass
class Vendor:
    """The account that is listed now; others do not exist meanwhile, so that memory is the index's."""

    emulator: Emulator = field(default_factory=lambda: new_emulator("vox"))
    name: str = "emulator"
    requests: int = 0

    def send(self, request: HttpRequest, timeout: float) -> Response:
        self.requests += 1
        return self.emulator.handle(request)

    def close(self) -> None: ...

    def become(self, account: int) -> None:
        self.emulator = new_emulator("vox")
        for id in list(self.emulator.store):
            self.emulator.store.remove(id)
        for at in range(NUMBERS):
            address = f"sip:trunk-{account}.example.com:5060"
            agent = {"agent_id": self.emulator.agents["reception"], "agent_version": "production"}
            self.emulator.add(number=number(account, at), inbound_agent=agent, address=address, memo=f"line {at}")


@dataclass
class Figures:
    memory: float = 0.0
    """Bytes a number."""
    cpu: float = 0.0
    """Seconds of listing everything."""
    requests: int = 0
    """Of one account."""
    paced: float = 0.0
    """Seconds of one account at the declared pace."""
    lookups: dict[str, float] = field(default_factory=dict)
    """Microseconds of CPU, by what is looked up."""


def filled(vendor: Vendor, figures: Figures, accounts: int) -> NumberIndex:
    names = [f"tenant-{at}" for at in range(accounts)]
    clocks = {name: virtual_clock() for name in names}
    key = vendor.emulator.api_key

    def open(connection: Connection) -> Telephony:
        pace = with_declared_pace(connection)
        return Telephony(connection, backend=vendor, clock=clocks[connection.name], pace=pace)

    connections = {name: Connection(provider="vox", name=name, api_key=key) for name in names}
    index = NumberIndex(connections, opener=open, max_age=1e6)
    for at, name in enumerate(names):
        vendor.become(at)
        vendor.requests = 0
        before = time.process_time()
        failed = index.refresh(name)
        figures.cpu += time.process_time() - before
        if failed:
            raise failed[name]
    figures.requests, figures.paced = vendor.requests, max(clock.monotonic() for clock in clocks.values())
    return index


def measure() -> Figures:
    figures, vendor = Figures(), Vendor()
    index = filled(vendor, figures, ACCOUNTS)
    chosen = random.Random(1)  # noqa: S311 - which numbers are asked for is no secret
    some = [(chosen.randrange(ACCOUNTS), chosen.randrange(NUMBERS)) for _ in range(LOOKUPS)]
    blanks: list[tuple[str, str | None]] = [("+82 " + number(*each)[1:], None) for each in some]
    asked: dict[str, list[tuple[str, str | None]]] = {
        "E.164": [("+82" + number(*each)[1:], None) for each in some],
        "national digits with dashes": [
            ("-".join((number(*each)[:3], number(*each)[3:7], number(*each)[7:])), "KR") for each in some
        ],
        "E.164 with blanks, read for the first time": blanks,
        "E.164 with blanks, read before": blanks[-1000:] * (LOOKUPS // 1000),
    }
    gc.disable()
    for what, texts in asked.items():
        before = time.process_time()
        found = sum(len(index.find(text, region=region).live) for text, region in texts)
        figures.lookups[what] = (time.process_time() - before) / LOOKUPS * 1e6
        if found != LOOKUPS:
            raise AssertionError(f"{what}: {found} of {LOOKUPS}")
    gc.enable()
    index.close()
    del index
    gc.collect()
    tracemalloc.start()
    index = filled(vendor, Figures(), TRACED)
    vendor.emulator = new_emulator("vox")
    gc.collect()
    figures.memory = tracemalloc.get_traced_memory()[0] / (TRACED * NUMBERS)
    tracemalloc.stop()
    index.close()
    return figures


def block(figures: Figures) -> str:
    total = ACCOUNTS * NUMBERS
    waves = ceil(ACCOUNTS / MOST_AT_ONCE)
    rows = [
        (f"memory, bytes a number (of {TRACED * NUMBERS:,})", f"{figures.memory:,.0f}"),
        (f"memory, MiB for {total:,} numbers", f"{figures.memory * total / 2**20:,.0f}"),
        ("CPU of listing everything, s", f"{figures.cpu:.1f}"),
        ("requests an account", f"{figures.requests}"),
        (
            f"pauses of the declared pace, {MOST_AT_ONCE} accounts at once, s (computed)",
            f"{waves * figures.paced:.1f}",
        ),
        *((f"CPU of a look-up, µs: {what}", f"{cost:,.0f}") for what, cost in figures.lookups.items()),
    ]
    lines = [f"| {ACCOUNTS} accounts of vox with {NUMBERS} numbers each, {time.strftime('%Y-%m-%d')} | |", "|---|--:|"]
    return "\n".join([*lines, *(f"| {what} | {value} |" for what, value in rows)])


def main() -> None:
    page = HERE.parent / "docs" / "performance.md"
    new = f"{BEGIN}\n\n{block(measure())}\n\n{END}"
    text = page.read_text(encoding="utf-8")
    page.write_text(re.sub(f"{re.escape(BEGIN)}.*{re.escape(END)}", lambda _: new, text, flags=re.DOTALL), "utf-8")
    print(new)


if __name__ == "__main__":
    main()
