"""What a table of many rows costs: ``python -m benchmarks.bulk_changes`` writes its part of docs/performance.md.

100,000 rows for an account of Diga that holds as many other numbers: judged, written and read as a plan, all in CPU
time of one process. Then two tables of different length are applied to an emulator in another process: what the peak of
memory grows by for each further row, and the CPU time of this side.
"""

from __future__ import annotations

import gc
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from benchmarks.measuring import HERE
from telephony_core import AsyncTelephony, Telephony
from telephony_core.emulator.server import serve
from telephony_core.migration import ApplyOptions, apply_plan, load_plan, plan_imports, read_table, save_plan, survey
from telephony_core.migration.assessment.target import TargetAccount
from telephony_core.migration.changeset.import_planner import check_table, plan_checked
from telephony_core.testing import new_emulator

T = TypeVar("T")
ROWS = 100_000
APPLIED = (200, 2_200)
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


def applied(figures: Figures, folder: Path) -> None:
    """What a further row of a run costs, in memory and in CPU time."""
    peaks, costs = zip(*(map(float, run_apart(folder, rows).split()) for rows in APPLIED), strict=True)
    further = APPLIED[1] - APPLIED[0]
    figures.add("memory of a run, bytes for each further row", f"{(peaks[1] - peaks[0]) / further:,.0f}")
    figures.add("CPU of a run, ms for each further row", f"{(costs[1] - costs[0]) / further * 1e3:,.1f}")


def run_apart(folder: Path, rows: int) -> str:
    """Peak of memory in bytes, and seconds of CPU, of a process that applies the plan of a table."""
    place = folder / f"applied-{rows}"
    place.mkdir()
    emulator = new_emulator("diga")
    with Telephony("diga", api_key=emulator.api_key, backend=emulator.backend()) as client:
        account = survey(client)
    plan = plan_imports(account, read_table(write_table(place / "numbers.csv", rows)))
    endpoint = plan.target.model_copy(update={"base_url": None})
    save_plan(plan.model_copy(update={"target": endpoint}), place / "plan.json")
    with serve({"diga": emulator}) as urls:
        command = [sys.executable, "-m", __spec__.name, "apply", str(place), urls["diga"]]
        environment = {**os.environ, "XDG_STATE_HOME": str(place / "state"), "TRUNK_PASSWORD": "made-up"}
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)  # noqa: S603
    return ended.stdout


def apply(folder: Path, url: str) -> None:
    """In a process of its own: apply, and print what it took."""
    key = new_emulator("diga").api_key

    def opened() -> AsyncTelephony:
        return AsyncTelephony("diga", api_key=key, base_url=url)

    loaded = load_plan(folder / "plan.json")
    before = time.process_time()
    report = apply_plan(loaded, None, opened, ApplyOptions())
    if not report.is_complete:
        raise SystemExit(str(report))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, time.process_time() - before)


def block(figures: Figures) -> str:
    head = f"| {ROWS:,} rows for an account of Diga that has as many numbers, {time.strftime('%Y-%m-%d')} | |"
    return "\n".join([head, "|---|--:|", *(f"| {name} | {value} |" for name, value in figures.rows)])


def main() -> None:
    figures = Figures()
    with tempfile.TemporaryDirectory() as folder:
        judged(figures, Path(folder))
        gc.collect()
        applied(figures, Path(folder))
    page = HERE.parent / "docs" / "performance.md"
    new = f"{BEGIN}\n\n{block(figures)}\n\n{END}"
    text = page.read_text(encoding="utf-8")
    page.write_text(re.sub(f"{re.escape(BEGIN)}.*{re.escape(END)}", lambda _: new, text, flags=re.DOTALL), "utf-8")


if __name__ == "__main__":
    if sys.argv[1:2] == ["apply"]:
        apply(Path(sys.argv[2]), sys.argv[3])
    else:
        main()
