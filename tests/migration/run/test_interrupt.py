"""Ctrl-C: the first one finishes what is in hand, the second one stops at once. Real signals to a real process."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from telephony_core.migration.move.state import MigrationState
from telephony_core.migration.plan.store import load_plan
from telephony_core.migration.run.status import read_run
from tests.migration.run.test_kill import ROOT

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are not sent like this on Windows")


def interrupted(folder: Path, number: signal.Signals, *, twice: bool) -> tuple[list[dict[str, object]], str]:
    """The events up to the end, and the last line, of a run that got signals while its third number was in hand."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.migration.run.slow_runner", str(folder)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    events: list[dict[str, object]] = []
    last = ""
    with process.stdout as lines:
        for line in lines:
            if not line.startswith("{"):
                last = line
                break
            events.append(json.loads(line))
            if len([event for event in events if event["kind"] == "number_started"]) == 3 and not last:
                last = "signalled"
                process.send_signal(number)
                if twice:
                    time.sleep(0.01)  # two signals at once would be one
                    process.send_signal(number)
    assert process.wait(timeout=20) == 0
    return events, last


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_one_finishes_the_numbers_in_hand_and_says_how_to_go_on(
    number: signal.Signals, tmp_path: Path
) -> None:
    events, last = interrupted(tmp_path, number, twice=False)
    report = json.loads(last.removeprefix("REPORT "))
    assert report["stopped"] == "asked"
    assert 3 <= report["done"] < 20
    begun = {event["number"] for event in events if event["kind"] == "number_started"}
    done = {event["number"] for event in events if event["kind"] == "number_done"}
    assert begun == done
    assert [event for event in events if event["kind"] == "notice" and "once more stops" in str(event["message"])]
    run = read_run(load_plan(tmp_path / "plan.json"))
    assert run.counts[MigrationState.MOVED] == report["done"]
    assert MigrationState.STARTED not in run.counts
    assert "migrate apply" in run.next_commands[0]


def test_the_second_one_stops_at_once_and_the_journal_knows_what_was_in_hand(tmp_path: Path) -> None:
    _, last = interrupted(tmp_path, signal.SIGINT, twice=True)
    assert last.startswith("INTERRUPTED")
    assert "telephony migrate apply" in last
    run = read_run(load_plan(tmp_path / "plan.json"))
    assert run.counts[MigrationState.MOVED] < 3
    assert run.runs[-1].how_it_ended == "stopped at once, perhaps in the middle of a number"
    assert not run.is_running
