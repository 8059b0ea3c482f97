"""`telephony demo`, and the longer play of `examples/demo`."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from telephony_core.cli.app import app
from telephony_core.cli.commands import demo

PLAY = Path(__file__).parents[3] / "examples" / "demo" / "play.py"


@pytest.fixture(autouse=True)
def left_behind(monkeypatch, tmp_path):
    """Where a demo puts its files."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def test_the_demo_shows_the_main_job_and_leaves_nothing(left_behind):
    result = CliRunner().invoke(app, ["demo"])
    assert result.exit_code == 0, result.output
    out = result.stdout
    rows = [line.split() for line in out.splitlines() if re.match(r"(vox|diga) +\S+ +(active|pending|release)", line)]
    assert {row[0] for row in rows} == {"vox", "diga"}  # one table
    assert "vox: nothing was sent: inbound.allowed_addresses" in out  # the refused write
    assert "diga: +34612345678 takes calls from 203.0.113.7 only" in out
    steps = ("inventory -p vox", "migrate assess", "migrate plan", "migrate apply", "migrate verify")
    assert [step for step in steps if f"$ telephony {step}" in out] == list(steps)
    assert "3 of 3 moved" in out
    assert "3 of 3 moved numbers are as planned" in out
    assert "telephony emulate" in out
    assert list(left_behind.iterdir()) == []


def test_the_demo_with_json_prints_facts_on_stdout_and_the_rest_on_stderr():
    result = CliRunner().invoke(app, ["demo", "--json"])
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    assert facts["refused"] == {"diga": None, "vox": "inbound.allowed_addresses"}
    assert facts["moved"] == 3
    assert min(facts["numbers"].values()) > 10
    assert "3 of 3 moved" in result.stderr


def test_the_demo_ends_where_a_command_of_it_fails(monkeypatch):
    monkeypatch.setattr(demo, "MAP", demo.MAP.replace('name = "carrier"', "name = 1"))
    result = CliRunner().invoke(app, ["demo"])
    assert result.exit_code == 1
    assert "`telephony migrate` ended with" in result.stderr


@pytest.mark.skipif(os.name != "posix", reason="kills a process")
@pytest.mark.usefixtures("unmeasured")  # two dozen processes
def test_the_play_kills_a_migration_goes_on_with_it_and_leaves_its_report(left_behind):
    done = subprocess.run([sys.executable, PLAY], capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "with Telephony(provider) as telephony:" in done.stdout  # the program itself
    assert "200 OK" in done.stdout  # the trunk
    assert "3 of 5 are at diga, and it knows of 2" in done.stdout
    assert "5 of 5 moved" in done.stdout
    assert "if they are meant, add --allow unpublishes" in done.stdout
    (folder,) = left_behind.iterdir()
    assert "rolled back" in (folder / "report.html").read_text(encoding="utf-8")
