"""`telephony fleet …` and `status --fleet`, as a person types them: submission to release, and what goes wrong."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from telephony_core.cli.app import app
from telephony_core.errors.migration import StalePlan
from telephony_core.fleet.campaign import Campaign, CampaignWorkflow
from telephony_core.fleet.journals import PostgresJournals
from telephony_core.migration.journal.claims import PlanElsewhere
from telephony_core.migration.plan.model import Settings, Trunk
from telephony_core.migration.run.verify import VerifyOptions, averify_plan
from tests.fleet.fleet_at_work import Tenant, fleet_at_work, open_for_business
from tests.fleet.postgresql import Server
from tests.fleet.temporal import engine, free_port
from tests.fleet.test_campaign import Theatre, play
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


def test_what_is_to_be_released_is_counted_in_the_journal_of_the_fleet(
    server: Server, tenant: str, tmp_path: Path
) -> None:
    """And not in one beside the plan, by which nothing would be: what is approved is what the workers release."""
    stage = Stage(tmp_path, settings=Settings(timeout=20.0, soak_hours=0.0))
    loaded = stage.plan()
    store = PostgresJournals(server.database, tenant)

    async def scene(theatre: Theatre) -> None:
        campaign = Campaign.of(loaded, tenant).model_copy(update={"stages": ("release",)})
        handle = await theatre.env.client.start_workflow(
            CampaignWorkflow.run, args=[campaign, None], id=f"{tenant}/{loaded.checksum}/apply", task_queue="there"
        )
        await theatre.until(handle, lambda now: now.waits_for_approval)
        address = theatre.env.client.service_client.config.target_host

        async def approve(count: int, database: str = server.url()) -> tuple[int, str]:
            given = {"TELEPHONY_DATABASE": database, "TELEPHONY_TENANT": tenant, "TEMPORAL_ADDRESS": address}
            words = ("fleet", "approve", loaded.name, "--yes-count", str(count))
            done = await asyncio.to_thread(CliRunner().invoke, app, words, env=given)
            return done.exit_code, " ".join(done.output.split())

        code, said = await approve(0)
        assert (code, "was not started by this tenant in the database of the fleet" in said) == (1, True), said
        await asyncio.to_thread(stage.apply, loaded, journals=store)
        await averify_plan(
            loaded, stage.open_source, stage.open_target, VerifyOptions(journals=store, clock=stage.time.clock)
        )
        with pytest.raises(PlanElsewhere, match=f"by a fleet, for the tenant {tenant}"):
            await asyncio.to_thread(stage.apply, loaded)
        assert not loaded.journal_path.exists()
        with pytest.raises(StalePlan):  # the numbers are there already, but the journal is begun
            await asyncio.to_thread(stage.apply, loaded, take_over=True)
        assert loaded.journal_path.exists()
        code, said = await approve(0, "")
        assert (code, "the database of the fleet is not named" in said) == (78, True), said
        code, said = await approve(0)
        assert (code, "3 numbers would be released, and 0 were confirmed" in said) == (8, True), said
        assert (await handle.query(CampaignWorkflow.progress)).waits_for_approval
        code, said = await approve(3)
        assert (code, "release is approved" in said) == (0, True), said
        assert (await handle.result()).stage == "ended"

    play(scene)


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


def test_a_worker_with_a_role_for_no_lot_does_not_begin(server: Server, tmp_path: Path) -> None:
    words = ["fleet", "work", "there", "--tenants", str(tmp_path)]
    done = CliRunner().invoke(app, words, env={"TELEPHONY_DATABASE": server.url("postgres")})
    assert (done.exit_code, "sees every tenant's rows" in " ".join(done.output.split())) == (1, True), done.output


@pytest.mark.parametrize(
    ("command", "missing", "code"),
    [("telephony_core.cli fleet work there --tenants .", "aiohttp", 78), ("telephony_core.fleet", "psycopg", 1)],
)
def test_without_a_part_of_the_extra_nothing_begins(tmp_path: Path, command: str, missing: str, code: int) -> None:
    (tmp_path / f"{missing}.py").write_text(f"raise ModuleNotFoundError(name={missing!r})")
    given = {**os.environ, "PYTHONPATH": str(tmp_path)}
    words = [sys.executable, "-m", *command.split()]
    done = subprocess.run(words, env=given, capture_output=True, text=True, check=False)
    assert (done.returncode, f"a fleet needs {missing}, which is not installed" in done.stderr) == (code, True), done


@pytest.mark.parametrize("reference", ["prompt:", "env:TRUNK"])
def test_a_plan_with_secrets_that_nobody_can_read_there_is_refused(tmp_path: Path, reference: str) -> None:
    trunk = Trunk(name="carrier", auth="digest", username="acme", password=reference)
    loaded = Stage(tmp_path, count=1).plan(trunks=(trunk,))
    done = CliRunner().invoke(app, ["fleet", "submit", "--yes", loaded.name])
    assert done.exit_code == 78
    assert "cannot read the secrets of carrier" in " ".join(done.output.split())
