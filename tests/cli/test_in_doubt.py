"""An import that was not answered: the run looks on, ending it gives exit code 7, and status says until when."""

from __future__ import annotations

import json
import os
import re
import signal

import pytest

from telephony_core.emulator import Fault, FaultKind
from tests.cli.commands.migrate.test_interrupted import APPLY, Running, is_said, is_step, on_loopback

__all__ = ["on_loopback"]
pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of another process")


def test_a_run_that_is_ended_while_an_import_is_in_doubt_exits_7_and_status_says_until_when(on_loopback):
    on_loopback.diga.faults.append(Fault(FaultKind.LOST_BEFORE, method="POST"))
    with Running(*APPLY, "--json") as run:
        run.until(is_step("import", "look"))
        run.process.send_signal(signal.SIGINT)
        code, out, err = run.end()
    assert code == 7, err
    assert "may still take effect" in out
    status = on_loopback.telephony("migrate", "status", "plan.json").stdout
    assert re.search(
        r"in doubt: its import of 20\d\d-\S+ \S+ UTC was not answered, and may take effect until 20\d\d-\S+ \S+ UTC",
        status,
    )
    told = on_loopback.telephony.json("migrate", "status", "plan.json")
    assert [number["state"] for number in told["numbers"]].count("in_doubt") == 1
    posts = [call for call in on_loopback.diga.requests if call.method == "POST"]
    assert len([call for call in posts if b"11110000" in (call.body or b"")]) <= 1


def test_one_that_is_stopped_at_once_in_the_middle_of_an_import_exits_7_too(on_loopback):
    on_loopback.diga.faults.append(Fault(FaultKind.SILENT, method="POST"))
    with Running(*APPLY, "--json") as run:
        run.until(is_step("import", "intent"))
        run.process.send_signal(signal.SIGINT)
        run.until(is_said)
        run.process.send_signal(signal.SIGINT)
        code, out, err = run.end()
    assert code == 7, err
    assert out == ""
    assert re.search(r"in doubt: \+827011110000 \(until 20\d\d-\S+ \S+ UTC\)", err)


def test_a_plan_keeps_the_settling_window_that_it_was_made_with(moving):
    moving.plan("--settling-window", "60")
    assert json.loads((moving.folder / "plan.json").read_text())["settings"]["settling_window"] == 60
