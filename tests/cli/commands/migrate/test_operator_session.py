"""Three in the morning: a migration of 40 numbers that was killed half-way, in a terminal of 80 columns.

What the operator reads is `operator_session.txt`, word for word. When words change on purpose, read all of it again.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rich.cells import cell_len

from telephony_core.emulator import Fault, FaultKind
from tests.cli.commands.migrate.test_interrupted import APPLY, Running, is_step, planned_on_loopback

termios = pytest.importorskip("termios", reason="a terminal of its own")

pytestmark = pytest.mark.usefixtures("unmeasured")
SESSION = Path(__file__).with_name("operator_session.txt")
NUMBERS, MOVED, COLUMNS = 40, 20, 80
PROGRESS = re.compile(r"^(?:moved|compared|rolled back) \d+ of \d+$|^reading .* s$")
PROGRAM = """\
import os, socket, sys
from telephony_core.cli import main
socket.gethostname, os.getpid = lambda: "ops-1", lambda: 4711
sys.argv[0] = "telephony"
main()
"""
"""The command on a machine and in a process whose names are equally long everywhere."""
CHANGING = (
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"), "YYYY-MM-DD HH:MM:SS UTC"),
    (re.compile(r"\+827011110\d\d\d"), "+827011110NNN"),  # what was in doubt is done when its look-up is
    (re.compile(r"started \d+ seconds ago"), "started 9 seconds ago"),
    (re.compile(r"127\.0\.0\.1:\d+"), "127.0.0.1:8640"),
)


def in_terminal(columns: int, *words: str) -> str:
    """What the command shows in a terminal of its own, whose lines it may not rewrite."""
    here, there = os.openpty()
    termios.tcsetwinsize(there, (50, columns))
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    command = [sys.executable, "-c", PROGRAM, *words]
    with subprocess.Popen(command, stdin=there, stdout=there, stderr=there, env={**environment, "TERM": "dumb"}):
        os.close(there)
        shown = b""
        try:
            while piece := os.read(here, 65536):
                shown += piece
        except OSError:  # how Linux says that the other side was closed
            pass
        os.close(here)
    lines = shown.decode().replace("\r\n", "\n").splitlines()
    return "\n".join(line for line in lines if not PROGRESS.match(line))


@pytest.fixture
def half_moved(moving, monkeypatch):
    """40 numbers, of which 20 are moved: the process was killed while it waited for the import of the next one."""
    monkeypatch.setenv("LOGNAME", "ana")
    for index in range(3, NUMBERS):
        agent = {"agent_id": moving.vox.agents["sales"], "agent_version": "production"} if index % 2 else None
        number = {"number": f"070{11110000 + index}", "memo": f"line {index}", "address": "sip:trunk.example.com:5060"}
        moving.vox.add(**number, inbound_agent=agent)
    with planned_on_loopback(moving, monkeypatch, "--settling-window", "0.3") as planned:
        planned.diga.faults.append(Fault(FaultKind.SILENT, method="POST", skip=MOVED))
        with Running(*APPLY, "--json", program=("-c", PROGRAM)) as run:
            run.until(is_step("import", "intent", done=MOVED))
            run.process.kill()
            run.end()
        yield planned


def test_the_session_of_an_operator_at_80_columns(half_moved):
    shown = []
    for words in ("status plan.json", "apply plan.json --yes", "verify plan.json", "rollback plan.json"):
        text = in_terminal(COLUMNS, *words.split())
        for line in text.splitlines():
            assert cell_len(line) <= COLUMNS or "next: " in line, line
        for changing, mask in CHANGING:
            text = changing.sub(mask, text)
        shown.append(f"$ telephony {words}\n{text}\n")
    assert "\n".join(shown) == SESSION.read_text(encoding="utf-8")
