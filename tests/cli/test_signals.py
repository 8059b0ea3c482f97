"""Ctrl-C, SIGTERM and SIGHUP while one command writes: what may have happened is said, and the next command."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from telephony_core.emulator import Fault, FaultKind
from telephony_core.emulator.server import serve

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of another process")

KEY = "emulator-key"
RECORD = "9d0e7b7c-c0df-46d7-89b1-29f0a7e66c04"
IMPORT = ("numbers", "import", "07099998888", "--address", "sip:trunk.example.com:5060")
RELEASE = ("numbers", "release", RECORD, "--yes", "--allow", "unpublishes")
ASSIGN = ("agents", "assign", RECORD, "--none-inbound", "--none-outbound")
SET = ("sip", "set", RECORD, "--address", "sip:other.example.com:5060", "--password", "env:TRUNK")
LABEL = ("numbers", "label", RECORD, "another")


@pytest.fixture
def place(vox, monkeypatch) -> Iterator[None]:
    """A connection ``kr-prod`` to an emulator on loopback, which any process finds."""
    with serve({"vox": vox}) as urls:
        monkeypatch.setenv("NO_PROXY", "*")
        monkeypatch.setenv("TELEPHONY_VOX_API_KEY", KEY)
        monkeypatch.setenv("TELEPHONY_VOX_BASE_URL", urls["vox"])
        yield


def interrupted(vox, arguments, number, *, method, more=()):
    """Run a command, send it a signal once its write has arrived and is not answered; gives exit code and stderr."""
    vox.faults.append(Fault(FaultKind.SILENT, method=method))
    command = [sys.executable, "-m", "telephony_core.cli", *arguments, "-p", "vox", *more]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            deadline = time.monotonic() + 20
            while not any(call.method == method for call in vox.requests):
                assert process.poll() is None, process.communicate()
                assert time.monotonic() < deadline
                time.sleep(0.01)
            process.send_signal(number)
            out, err = process.communicate(timeout=20)
        finally:
            process.kill()
    assert out == b""
    return process.returncode, err.decode()


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_every_signal_ends_an_import_with_130_and_names_the_number_and_the_next_command(vox, number):
    code, said = interrupted(vox, IMPORT, number, method="POST")
    assert code == 130
    assert "interrupted" in said
    assert "import of +827099998888 may have happened" in said
    assert "telephony numbers show +827099998888 -p vox`" in said
    assert "Traceback" not in said


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize(
    ("arguments", "method"),
    [(RELEASE, "DELETE"), (ASSIGN, "PATCH"), (SET, "PATCH"), (LABEL, "PATCH")],
    ids=["release", "assign", "set", "label"],
)
def test_every_interrupted_write_of_a_record_names_it_the_account_and_the_next_command(
    vox, monkeypatch, arguments, method
):
    monkeypatch.setenv("TRUNK", "secret-canary")
    code, said = interrupted(vox, arguments, signal.SIGTERM, method=method, more=("--json",))
    (line,) = said.splitlines()
    error = json.loads(line)["error"]
    assert (code, error["kind"], error["exit_code"]) == (130, "Interrupted", 130)
    assert f"(record {RECORD}) may have happened" in error["message"]
    assert (error["connection"], error["provider"]) == ("vox", "vox")
    assert error["host"].startswith("127.0.0.1:")
    assert f"`telephony numbers show {RECORD} -p vox`" in error["remedy"]
    assert "canary" not in said


TWICE = """
import atexit, os, signal, sys
def twice():
    for _ in range(2):
        os.kill(os.getpid(), signal.SIGTERM)
atexit.register(twice)  # registered first, and so called last
from telephony_core.cli import failures, main
report = failures.report
def report_and_be_ended(error, session):
    twice()
    return report(error, session)
failures.report = report_and_be_ended
main()
"""


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("numbers", "show", "07099999999", "-p", "vox"), 3, "no record of"),
        (("numbers", "list", "-p", "vox", "--limit", "0"), 64, "--help"),
        (("numbers", "list", "-p", "vox"), 0, ""),
    ],
)
def test_signals_that_come_while_the_end_is_told_change_neither_words_nor_code(arguments, code, said):
    done = subprocess.run([sys.executable, "-c", TWICE, *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == code, done.stderr
    assert said in done.stderr


def test_whoever_insists_while_nobody_reads_what_is_told_ends_the_process_with_130():
    code = """
import os, signal, time
from telephony_core.cli import signals
times = iter([10.0, 10.5, 11.5])
signals.time.monotonic = lambda: next(times)
signals.let_finish()
for told in ("first", "second", "third"):
    os.kill(os.getpid(), signal.SIGTERM)
    print(told, flush=True)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (130, "first\nsecond\n")


@pytest.mark.usefixtures("place")
def test_what_nohup_ignores_stays_ignored(vox):
    vox.faults.append(Fault(FaultKind.DRIP, pause=0.001))
    code = (
        "import signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN); from telephony_core.cli import main; main()"
    )
    command = [sys.executable, "-c", code, "numbers", "list", "-p", "vox", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            deadline = time.monotonic() + 20
            while not vox.requests:
                assert time.monotonic() < deadline
                time.sleep(0.01)
            process.send_signal(signal.SIGHUP)
            out, err = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == 0, err
    assert json.loads(out)
