"""What a table of many rows costs: ``python -m benchmarks.bulk_changes`` writes its part of docs/performance.md.

100,000 rows for an account of Diga that holds as many other numbers: judged, written and read as a plan, all in CPU
time of one process. Then plans of different lengths are applied to an emulator, by a process of their own: what the
peak of memory grows by for each further row, and the CPU time and the requests of that.

An import looks whether its number is there already, and Diga can only list; imports share a listing for a while. They
are measured apart from a change of labels, which reads each record by its id.
"""

from __future__ import annotations

import gc
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple, TypeVar

from benchmarks.page import renew, table
from telephony_core import AsyncTelephony, Telephony
from telephony_core.emulator import Emulator
from telephony_core.emulator.server import serve
from telephony_core.migration import (
    ApplyOptions,
    Plan,
    SettingsUpdate,
    apply_plan,
    load_plan,
    plan_imports,
    plan_settings,
    read_table,
    save_plan,
    survey,
)
from telephony_core.migration.assessment.target import TargetAccount
from telephony_core.migration.changeset.import_planner import check_table, plan_checked
from telephony_core.migration.plan.model import PlanKind
from telephony_core.testing import new_emulator

T = TypeVar("T")
ROWS = 100_000
LENGTHS = (200, 1_200, 2_200)
"""Of the plans that are applied."""
BEGIN, END = "<!-- bulk changes: written by `python -m benchmarks.bulk_changes` -->", "<!-- /bulk changes -->"


def write_table(file: Path, rows: int) -> Path:
    """A table whose numbers have labels of their own, over three trunks."""
    lines = (
        f"+346{10_000_000 + at},Line {at},pbx{at % 3}.example.com,acme,env:TRUNK_PASSWORD,203.0.113.7"
        for at in range(rows)
    )
    head = "number,label,address,username,password,allowed_addresses"
    file.write_text("\n".join((head, *lines)), encoding="utf-8")
    return file


class Figures:
    """Rows of the table in the page."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, str]] = []

    def add(self, name: str, value: str) -> None:
        self.rows.append((name, value))
        print(f"{name}: {value}", flush=True)

    def cpu(self, name: str, work: Callable[[], T]) -> tuple[T, float]:
        """What the work returns, and the microseconds of CPU that each row took."""
        gc.collect()
        before = time.process_time()
        result = work()
        cost = (time.process_time() - before) / ROWS * 1e6
        self.add(name, f"{cost:,.0f}")
        return result, cost


def judged(figures: Figures, folder: Path) -> None:
    """Read, checked, compared with an account of as many numbers, planned, written, read again."""
    emulator = new_emulator("diga")
    for at in range(ROWS):
        emulator.add(number=f"+349{10_000_000 + at}")
    with Telephony("diga", api_key=emulator.api_key, backend=emulator.backend()) as client:
        account = survey(client)
        check, capabilities = client.check, account.capabilities
    account = TargetAccount(account.inventory, capabilities, check, account.reads_agents)
    file = write_table(folder / "numbers.csv", ROWS)
    table, reading = figures.cpu("CPU of a row, µs: read", lambda: read_table(file))
    checked, checking = figures.cpu("CPU of a row, µs: checked", lambda: check_table(table, capabilities, check))
    plan, planning = figures.cpu(
        "CPU of a row, µs: compared with the account and planned", lambda: plan_checked(account, checked)
    )
    figures.add("CPU of a row, µs: all of that", f"{reading + checking + planning:,.0f}")
    figures.add(f"CPU of {ROWS:,} rows, s", f"{(reading + checking + planning) * ROWS / 1e6:,.1f}")
    place = folder / "plan.json"
    figures.cpu("CPU of a row, µs: plan written", lambda: save_plan(plan, place))
    figures.add("plan, bytes a row", f"{place.stat().st_size / ROWS:,.0f}")
    figures.cpu("CPU of a row, µs: plan read", lambda: load_plan(place))


class Cost(NamedTuple):
    """What a run took: the peak of memory in bytes once its plan was read and at its end, seconds of CPU, requests."""

    loaded: float
    peak: float
    cpu: float
    requests: int


def applied(figures: Figures, folder: Path) -> None:
    """What a further row of a run costs, between each two lengths."""
    for kind in (PlanKind.SET, PlanKind.IMPORT):
        costs = [run_apart(folder, kind, rows) for rows in LENGTHS]
        for (fewer, less), (more, cost) in pairwise(zip(LENGTHS, costs, strict=True)):
            rows, name = more - fewer, f"{kind}, row {fewer:,} to {more:,}"
            figures.add(f"{name}: memory of the plan, bytes a row", f"{(cost.loaded - less.loaded) / rows:,.0f}")
            figures.add(f"{name}: memory with the run, bytes a row", f"{(cost.peak - less.peak) / rows:,.0f}")
            figures.add(f"{name}: CPU, ms a row", f"{(cost.cpu - less.cpu) / rows * 1e3:,.1f}")
            figures.add(f"{name}: requests a row", f"{(cost.requests - less.requests) / rows:,.1f}")


def plan_of(kind: PlanKind, emulator: Emulator, place: Path, rows: int) -> Plan:
    """A plan of so many rows, for an account that holds no others."""
    if kind is PlanKind.SET:
        for at in range(rows):
            emulator.add(number=f"+349{10_000_000 + at}")
    with Telephony("diga", api_key=emulator.api_key, backend=emulator.backend()) as client:
        account = survey(client)
    if kind is PlanKind.IMPORT:
        return plan_imports(account, read_table(write_table(place / "numbers.csv", rows)))
    return plan_settings(account, SettingsUpdate(label="New"), where=["status=active"])


def run_apart(folder: Path, kind: PlanKind, rows: int) -> Cost:
    """What it costs a process to apply a plan."""
    place = folder / f"{kind}-{rows}"
    place.mkdir()
    emulator = new_emulator("diga", empty=True)
    plan = plan_of(kind, emulator, place, rows)
    endpoint = plan.target.model_copy(update={"base_url": None})
    save_plan(plan.model_copy(update={"target": endpoint}), place / "plan.json")
    emulator.requests.clear()
    with serve({"diga": emulator}) as urls:
        command = [sys.executable, "-m", __spec__.name, "apply", str(place), urls["diga"]]
        environment = {**os.environ, "XDG_STATE_HOME": str(place / "state"), "TRUNK_PASSWORD": "made-up"}
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)  # noqa: S603
    loaded, peak, cpu = map(float, ended.stdout.split())
    return Cost(loaded, peak, cpu, len(emulator.requests))


def apply(folder: Path, url: str) -> None:
    """In a process of its own: apply, and print what it took."""
    key = new_emulator("diga").api_key

    def opened() -> AsyncTelephony:
        return AsyncTelephony("diga", api_key=key, base_url=url)

    loaded = load_plan(folder / "plan.json")
    before, read = time.process_time(), peak_memory()
    report = apply_plan(loaded, None, opened, ApplyOptions())
    if not report.is_complete:
        raise SystemExit(str(report))
    print(read, peak_memory(), time.process_time() - before)


def peak_memory() -> int:
    """In bytes, of this program alone: what `resource` tells has that of the process that started it as well."""
    (peak,) = re.findall(r"VmHWM:\s+([0-9]+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    return int(peak) * 1024


def main() -> None:
    figures = Figures()
    with tempfile.TemporaryDirectory() as folder:
        judged(figures, Path(folder))
        gc.collect()
        applied(figures, Path(folder))
    head = (
        f"{ROWS:,} rows for an account of Diga that has as many numbers, {time.strftime('%Y-%m-%d')}, "
        f"load {os.getloadavg()[2]:.0f} on {os.cpu_count()} CPUs"
    )
    renew(BEGIN, END, table((head, ""), figures.rows))


if __name__ == "__main__":
    if sys.argv[1:2] == ["apply"]:
        apply(Path(sys.argv[2]), sys.argv[3])
    else:
        main()
