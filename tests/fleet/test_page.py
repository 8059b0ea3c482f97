"""The blocks of docs/fleets.md run, from top to bottom, on a database of their own."""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.blocks import BLOCK
from tests.docs.matrix import README
from tests.fleet.postgresql import Server

pytestmark = pytest.mark.postgresql
PAGE = README.parent / "docs" / "fleets.md"


def test_the_page_on_fleets_runs(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.ask("CREATE DATABASE telephony")
    place = f"@127.0.0.1:{server.port}/telephony"
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:/usr/bin:/bin")
    kinds = []
    for kind, code in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        kinds.append(kind)
        if kind == "sh":
            code = code.replace("owner@db.example:5432/telephony", f"postgres{place}")
            done = subprocess.run(["sh", "-ec", code], capture_output=True, text=True, check=False)
            assert (done.returncode, done.stderr) == (0, "")
        elif kind == "sql":
            server.ask("DROP ROLE worker; DROP ROLE operator")
            server.ask(code)
        else:
            monkeypatch.setenv("TELEPHONY_DATABASE", f"postgresql://worker{place}")
            with contextlib.redirect_stdout(io.StringIO()) as out:
                exec(compile(code, PAGE.name, "exec", dont_inherit=True), {"__name__": "program"})
            assert out.getvalue() == "True\n"
    assert kinds == ["sh", "sql", "python"]


@pytest.mark.parametrize("url", ["", "postgresql://nobody@127.0.0.1:1/x"])
def test_making_the_tables_without_a_database_says_what_is_wrong(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELEPHONY_DATABASE", url)
    command = [sys.executable, "-m", "telephony_core.fleet"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "the fleet" in done.stderr
