"""`telephony fleet …` and `status --fleet`, as a person types them: submission to release, and what goes wrong."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from telephony_core.cli.app import app
from telephony_core.migration.plan.model import Settings, Trunk
from tests.fleet.fleet_at_work import Tenant, fleet_at_work, open_for_business
from tests.fleet.postgresql import Server
from tests.fleet.temporal import engine, free_port
from tests.migration.stage import Stage

pytestmark = [pytest.mark.postgresql, pytest.mark.temporal]
CERTIFICATE = {"TEMPORAL_TLS_CLIENT_CERT_PATH": "/no/certificate", "TEMPORAL_TLS_CLIENT_KEY_PATH": "/no/key"}


def test_plans_are_submitted_stopped_approved_and_shown(server: Server, tenant: str, tmp_path: Path) -> None:
    one = Tenant(tenant, tmp_path / "tenant", 3, Settings(timeout=20.0, soak_hours=1.0))
    loaded = one.planned_for_a_fleet()
    with engine(tmp_path) as started, fleet_at_work(tmp_path, server, started, 1) as fleet:

        def ask(*words: str) -> tuple[int, str, str]:
            done = fleet.telephony(*words, tenant=tenant)
            return done.returncode, done.stdout, done.stderr

        with open_for_business(fleet, one):
            code, _, said = ask("fleet", "stop", loaded.name)
            assert (code, "was submitted" in said or "under way for this tenant" in said) == (3, True)
            code, _, said = ask("fleet", "submit", loaded.name)
            assert (code, "no terminal to ask at" in said) == (8, True)
            code, out, said = ask("fleet", "submit", "--yes", "--json", loaded.name)
            assert (code, json.loads(out)["plans"][0]["at_work"]) == (0, True), said
            asyncio.run(fleet.until(tenant, loaded, lambda now: now.stage == "soak", 60))
            code, _, said = ask("fleet", "approve", loaded.name, "--yes-count", "3")
            assert (code, "waits for nothing: it is in soak" in said) == (1, True), said
            code, out, _ = ask("status", "--fleet", "--json")
            (shown,) = json.loads(out)["plans"]
            assert (shown["tenant"], shown["plan"], shown["numbers"], shown["done"]) == (tenant, loaded.checksum, 3, 3)
            code, out, _ = ask("status", loaded.name, "--json")
            assert (code, json.loads(out)["counts"]) == (0, {"moved": 3})
            assert ask("fleet", "stop", loaded.name)[0] == 0
            code, _, said = ask("fleet", "approve", loaded.name, "--yes-count", "3")
            assert (code, "is stopped (asked)" in said) == (1, True)
    assert (
        "3" in CliRunner().invoke(app, ["status", "--fleet"], env={"TELEPHONY_DATABASE": server.url("operator")}).output
    )


@pytest.mark.parametrize(
    ("words", "settings", "code", "says"),
    [
        (("fleet", "submit", "--yes"), {"TELEPHONY_DATABASE": ""}, 78, "the database of the fleet is not named"),
        (("fleet", "submit", "--yes"), {"TELEPHONY_TENANT": ""}, 78, "TELEPHONY_TENANT is not set"),
        (("fleet", "submit", "--yes"), {}, 69, "does not answer"),
        (("fleet", "stop"), {}, 69, "does not answer"),
        (("fleet", "approve", "--yes"), {}, 69, "does not answer"),
        (("fleet", "stop"), CERTIFICATE, 78, "cannot be used (FileNotFoundError)"),
        (("status", "--fleet"), {}, 64, "name a plan, or say --fleet"),
    ],
)
def test_what_is_missing_is_said(
    tmp_path: Path, words: tuple[str, ...], settings: dict[str, str], code: int, says: str
) -> None:
    trunk = Trunk(name="carrier", auth="digest", username="acme", password="file:trunk")
    loaded = Stage(tmp_path, count=1).plan(trunks=(trunk,))
    given = {
        "TELEPHONY_DATABASE": "postgresql://worker@127.0.0.1:1/x", "TELEPHONY_TENANT": "acme",
        "TEMPORAL_ADDRESS": f"127.0.0.1:{free_port()}", **settings,
    }  # fmt: skip
    done = CliRunner().invoke(app, [*words, loaded.name], env=given)
    assert done.exit_code == code, done.output
    assert says in " ".join(done.output.split())


def test_a_database_that_does_not_answer_and_a_folder_that_is_not_there(tmp_path: Path) -> None:
    given = {"TELEPHONY_DATABASE": "postgresql://worker:canary@127.0.0.1:1/x", "TELEPHONY_TENANT": "acme"}
    done = CliRunner().invoke(app, ["status", "--fleet"], env=given)
    assert (done.exit_code, "does not answer" in done.output, "canary" in done.output) == (69, True, False)
    done = CliRunner().invoke(app, ["fleet", "work", "there", "--tenants", str(tmp_path / "none")], env=given)
    assert (done.exit_code, "there is no folder" in done.output) == (78, True)


@pytest.mark.parametrize("reference", ["prompt:", "env:TRUNK"])
def test_a_plan_with_secrets_that_nobody_can_read_there_is_refused(tmp_path: Path, reference: str) -> None:
    trunk = Trunk(name="carrier", auth="digest", username="acme", password=reference)
    loaded = Stage(tmp_path, count=1).plan(trunks=(trunk,))
    done = CliRunner().invoke(app, ["fleet", "submit", "--yes", loaded.name])
    assert done.exit_code == 78
    assert "cannot read the secrets of carrier" in " ".join(done.output.split())
