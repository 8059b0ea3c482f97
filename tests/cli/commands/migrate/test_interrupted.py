"""`telephony migrate` in a process of its own, interrupted: Ctrl-C once, twice, and a kill. Then it is run again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest

from telephony_core.emulator import Fault, FaultKind
from telephony_core.emulator.server import serve

pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="signals of another process"),
    pytest.mark.usefixtures("unmeasured"),  # `tests/cli/test_signals.py` and `tests/migration/run` run the same lines
]
APPLY = ("migrate", "apply", "plan.json", "--yes")


@contextmanager
def planned_on_loopback(moving, monkeypatch, *options):
    with serve({"vox": moving.vox, "diga": moving.diga}) as urls:
        tables = [
            f'[connections.{slug}]\nprovider = "{slug}"\nbase_url = "{url}"\npace = {{}}' for slug, url in urls.items()
        ]
        (moving.folder / "config.toml").write_text("\n".join(tables))
        monkeypatch.setenv("TELEPHONY_CONFIG", str(moving.folder / "config.toml"))
        monkeypatch.setenv("NO_PROXY", "*")
        moving.plan("--concurrency", "1", "--canary", "0", "--timeout", "1", *options)
        yield moving


@pytest.fixture
def on_loopback(moving, monkeypatch):
    """A plan between two emulators on loopback, which any process finds."""
    with planned_on_loopback(moving, monkeypatch) as planned:
        yield planned


@pytest.fixture
def soon_settled(moving, monkeypatch):
    """Likewise, where a lost import is sent once more after little more than a second."""
    with planned_on_loopback(moving, monkeypatch, "--settling-window", "0.3") as planned:
        yield planned


class Running:
    """The command in a process of its own, and what it tells."""

    def __init__(self, *words, program=("-m", "telephony_core.cli")):
        command = [sys.executable, *program, *words]
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def until(self, what):
        """Read on until a line of stderr is what is looked for; gives that line."""
        for line in self.process.stderr:
            told = json.loads(line)
            if what(told):
                return told
        raise AssertionError("the process ended before")

    def end(self):
        out, err = self.process.communicate(timeout=30)
        return self.process.returncode, out, err

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.process.kill()
        self.process.communicate()


def is_step(action, phase, done=0):
    def matches(told):
        event = told.get("event", {})
        return (event.get("action"), event.get("phase"), event.get("done")) == (action, phase, done)

    return matches


def is_said(line):
    """The run says that it is going to stop."""
    return line.get("event", {}).get("kind") == "notice"


def again(moving):
    """Run it once more: then everything is there, once."""
    with Running(*APPLY) as run:
        code, out, err = run.end()
    assert code == 0, err
    assert out.startswith("3 of 3 moved")
    assert sorted(moving.live()) == ["+827011110000", "+827011110001", "+827011110002"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_the_first_signal_finishes_the_number_in_hand_and_says_how_to_go_on(on_loopback, number):
    # The answer drips in, so that the signal comes while the number is in hand.
    on_loopback.diga.faults.append(Fault(FaultKind.DRIP, method="POST", pause=0.0005))
    with Running(*APPLY, "--json") as run:
        run.until(is_step("import", "intent"))
        run.process.send_signal(number)
        stopping = run.until(is_said)
        code, out, _ = run.end()
    assert "Ctrl-C once more stops at once" in stopping["event"]["message"]
    assert code == 130
    report = json.loads(out)
    assert (report["done"], report["total"], report["stopped"]) == (1, 3, "asked")
    assert report["next"][0].startswith("telephony migrate apply plan.json")
    assert on_loopback.live() == ["+827011110000"]
    again(on_loopback)


def test_the_second_ctrl_c_stops_at_once_and_the_next_run_finds_out_what_happened(soon_settled):
    soon_settled.diga.faults.append(Fault(FaultKind.SILENT, method="POST"))
    with Running(*APPLY, "--json") as run:
        run.until(is_step("import", "intent"))
        run.process.send_signal(signal.SIGINT)
        run.until(is_said)
        run.process.send_signal(signal.SIGINT)
        code, out, err = run.end()
    assert code == 7  # whether the number was made is not known, and that comes first
    assert out == ""
    assert "stopped at once" in err
    assert "in doubt: +827011110000 (until 20" in err
    assert '"remedy": ' in err
    again(soon_settled)


def test_the_second_ctrl_c_while_nothing_is_sent_is_told_as_what_it_is(on_loopback):
    on_loopback.vox.faults.append(Fault(FaultKind.SILENT, method="GET", path="/organization-telephone-numbers/"))
    with Running(*APPLY, "--json") as run:
        run.until(lambda told: told.get("event", {}).get("kind") == "number_started")
        run.process.send_signal(signal.SIGINT)
        run.until(is_said)
        run.process.send_signal(signal.SIGINT)
        code, out, err = run.end()
    assert code == 130
    assert out == ""
    assert "stopped at once" in err
    again(on_loopback)


def test_a_killed_run_is_told_by_status_and_gone_on_with(soon_settled):
    soon_settled.diga.faults.append(Fault(FaultKind.SILENT, method="POST", skip=1))
    with Running(*APPLY, "--json") as run:
        run.until(is_step("import", "intent", done=1))
        run.process.kill()
        run.end()
    told = soon_settled.telephony("migrate", "status", "plan.json").stdout
    assert "no end is recorded" in told
    assert "1 in doubt" in told
    assert "+827011110001: in doubt: its import of 20" in told
    assert "next: telephony migrate apply plan.json" in told
    again(soon_settled)
