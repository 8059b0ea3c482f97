"""What a table of many rows costs: ``python -m benchmarks.bulk_changes`` writes its part of docs/performance.md.

100,000 rows for an account of Diga that holds as many other numbers: judged, written and read as a plan, all in CPU
time of one process. Then plans of different lengths are applied to an emulator, by a process of their own: what the
peak of memory grows by for each further row, and the CPU time and the requests of that.

An import looks whether its number is there already, and Diga can only list; imports share a listing for a while. They
are measured apart from a change of labels, which reads each record by its id.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from benchmarks.measuring import Process, measured
from benchmarks.page import Rows
from telephony_core import AsyncTelephony, migration
from telephony_core.emulator import Emulator
from telephony_core.emulator.server import serve
from telephony_core.migration.assessment.target import TargetAccount
from telephony_core.migration.changeset.import_planner import check_table, plan_checked
from telephony_core.migration.plan.model import PlanKind
from telephony_core.testing import emulated, new_emulator

ROWS = 100_000
FEW, MANY = 200, 2_200
"""Rows of the plans that are applied."""


def write_table(file: Path, rows: int) -> Path:
    """A table whose numbers have labels of their own, over three trunks."""
    lines = (
        f"+346{10_000_000 + at},Line {at},pbx{at % 3}.example.com,acme,env:TRUNK_PASSWORD,203.0.113.7"
        for at in range(rows)
    )
    head = "number,label,address,username,password,allowed_addresses"
    file.write_text("\n".join((head, *lines)), encoding="utf-8")
    return file


def holding(numbers: int) -> Emulator:
    emulator = new_emulator("diga", empty=True)
    for at in range(numbers):
        emulator.add(number=f"+349{10_000_000 + at}")
    return emulator


def judge(rows: Rows, folder: Path) -> None:
    """Read, checked, compared with an account of as many numbers, planned, written, read again."""
    with emulated("diga", holding(ROWS)) as client:
        found = migration.survey(client)
        account = TargetAccount(found.inventory, found.capabilities, client.check, found.reads_agents)
    file, place = write_table(folder / "numbers.csv", ROWS), folder / "plan.json"
    of_row = "CPU of a row, µs: "
    table, reading = rows.cpu(f"{of_row}read", lambda: migration.read_table(file), ROWS)
    checked, checking = rows.cpu(
        f"{of_row}checked", lambda: check_table(table, account.capabilities, account.check), ROWS
    )
    planned = f"{of_row}compared with the account and planned"
    plan, planning = rows.cpu(planned, lambda: plan_checked(account, checked), ROWS)
    rows.add(f"{of_row}all of that", reading + checking + planning)
    rows.add(f"CPU of {ROWS:,} rows, s", (reading + checking + planning) * ROWS / 1e6, 1)
    rows.cpu(f"{of_row}plan written", lambda: migration.save_plan(plan, place), ROWS)
    rows.add("plan, bytes a row", place.stat().st_size / ROWS)
    rows.cpu(f"{of_row}plan read", lambda: migration.load_plan(place), ROWS)


def compare(rows: Rows, folder: Path) -> None:
    """What a further row of a run costs."""
    for kind in (PlanKind.SET, PlanKind.IMPORT):
        lengths = (run_apart(folder, kind, length) for length in (FEW, MANY))
        loaded, peak, cpu, requests = ((many - few) / (MANY - FEW) for few, many in zip(*lengths, strict=True))
        name = f"{kind}, row {FEW:,} to {MANY:,}"
        rows.add(f"{name}: memory of the plan, bytes a row", loaded)
        rows.add(f"{name}: memory with the run, bytes a row", peak)
        rows.add(f"{name}: CPU, ms a row", cpu * 1e3, 1)
        rows.add(f"{name}: requests a row", requests, 1)


def plan_of(kind: PlanKind, emulator: Emulator, place: Path, rows: int) -> migration.Plan:
    with emulated("diga", emulator) as client:
        account = migration.survey(client)
    if kind is PlanKind.IMPORT:
        return migration.plan_imports(account, migration.read_table(write_table(place / "numbers.csv", rows)))
    return migration.plan_settings(account, migration.SettingsUpdate(label="New"), where=["status=active"])


def run_apart(folder: Path, kind: PlanKind, rows: int) -> tuple[float, ...]:
    """What it costs a process to apply a plan of so many rows, for an account that holds no others: the peak of memory
    in bytes once the plan was read and at the end, seconds of CPU, requests."""
    place = folder / f"{kind}-{rows}"
    place.mkdir()
    emulator = holding(rows if kind is PlanKind.SET else 0)
    plan = plan_of(kind, emulator, place, rows)
    endpoint = plan.target.model_copy(update={"base_url": None})
    migration.save_plan(plan.model_copy(update={"target": endpoint}), place / "plan.json")
    emulator.requests.clear()
    environment = {"XDG_STATE_HOME": str(place / "state"), "TRUNK_PASSWORD": "made-up"}
    with (
        serve({"diga": emulator}) as urls,
        closing(Process("bulk_changes", "apply", place, urls["diga"], **environment)) as process,
    ):
        return (*process.first, len(emulator.requests))


def apply(folder: Path, url: str) -> None:
    """In a process of its own: apply, and print what it took."""
    key = new_emulator("diga").api_key
    plan = migration.load_plan(folder / "plan.json")
    loaded = peak_memory()
    opener = lambda: AsyncTelephony("diga", api_key=key, base_url=url)  # noqa: E731
    report, cpu, *_ = measured(lambda: migration.apply_plan(plan, None, opener, migration.ApplyOptions()))
    if not report.is_complete:
        raise SystemExit(str(report))
    print(json.dumps((loaded, peak_memory(), cpu)))


def peak_memory() -> int:
    """In bytes, of this program alone: what `resource` tells has that of the process that started it as well."""
    (peak,) = re.findall(r"VmHWM:\s+([0-9]+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    return int(peak) * 1024


def main() -> None:
    load = f"load {os.getloadavg()[2]:.0f} on {os.cpu_count()} CPUs"
    rows = Rows("bulk changes", f"{ROWS:,} rows for an account of Diga that has as many numbers, {load}")
    with tempfile.TemporaryDirectory() as folder:
        judge(rows, Path(folder))
        compare(rows, Path(folder))
    rows.write()


if __name__ == "__main__":
    if sys.argv[1:2] == ["apply"]:
        apply(Path(sys.argv[2]), sys.argv[3])
    else:
        main()
