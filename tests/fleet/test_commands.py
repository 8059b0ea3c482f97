"""The commands of plans, on a journal in the database; an emulator's ends are those of the other tests of commands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from telephony_core.cli.app import app
from telephony_core.fleet.journals import PostgresJournals
from tests.fleet.postgresql import Server
from tests.migration.stage import Stage

pytestmark = pytest.mark.postgresql


def ask(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, arguments)
    return done.exit_code, done.output


def test_status_and_report_read_the_database_unless_a_journal_lies_beside_the_plan(
    server: Server, tenant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage(tmp_path)
    loaded = stage.plan()
    stage.apply(loaded, journals=PostgresJournals(server.database, tenant))
    assert not loaded.journal_path.exists()
    code, said = ask("--json", "status", loaded.name)
    assert (code, f"by a fleet, for the tenant {tenant}" in said) == (5, True)
    monkeypatch.setenv("TELEPHONY_DATABASE", server.url())
    monkeypatch.setenv("TELEPHONY_TENANT", tenant)
    for command in ("status", "report"):
        code, said = ask("--json", command, loaded.name)
        assert (code, json.loads(said)["counts"]) == (0, {"moved": 3})
    monkeypatch.setenv("TELEPHONY_TENANT", f"{tenant}-other")
    assert json.loads(ask("--json", "status", loaded.name)[1])["counts"] == {"not_started": 3}

    (tmp_path / "beside").mkdir()
    beside = Stage(tmp_path / "beside", count=2)
    here = beside.plan()
    beside.apply(here)
    assert json.loads(ask("--json", "status", here.name)[1])["counts"] == {"moved": 2}


@pytest.mark.parametrize(
    ("database", "tenant", "says"),
    [
        ("{}", "", "TELEPHONY_TENANT is not"),
        ("{}", "../x", "cannot name a tenant"),
        ("postgresql//worker:pa55word-canary@db/x", "acme", "is not understood"),
        ("postgresql://worker:pa55word-canary@127.0.0.1:1/x", "acme", "does not answer"),
    ],
)
def test_half_a_database_is_an_error_that_says_what_to_do(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: str, tenant: str, says: str
) -> None:
    loaded = Stage(tmp_path, count=1).plan()
    monkeypatch.setenv("TELEPHONY_DATABASE", database.format(server.url()))
    monkeypatch.setenv("TELEPHONY_TENANT", tenant)
    code, said = ask("status", loaded.name)
    assert code
    assert says in " ".join(said.split())
    assert "canary" not in said
