"""Tenants apart: what a worker of one may do in the database, though its code were wrong."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
from pathlib import Path

import psycopg
import pytest

from telephony_core.errors import ConfigurationError, InvalidInput, MigrationError
from telephony_core.fleet.database import Database, create_schema
from telephony_core.fleet.journals import PostgresJournals, PostgresPlans
from telephony_core.migration.journal.sqlite_file import JournalError
from telephony_core.migration.plan.store import LoadedPlan, parse_plan
from telephony_core.migration.run.status import aread_run, read_run
from telephony_core.migration.run.verify import VerifyOptions, verify_plan
from tests.fleet.postgresql import Server
from tests.migration.stage import PASSWORD, Stage

pytestmark = pytest.mark.postgresql
TABLES = ("plans", "runs", "numbers", "entries", "claims")


def moved(server: Server, tenant: str, folder: Path) -> tuple[Stage, LoadedPlan]:
    """A plan that a tenant has kept and applied, with a line in every table."""
    folder.mkdir()
    stage = Stage(folder)
    loaded = stage.plan()
    asyncio.run(PostgresPlans(server.database, tenant).put(loaded.plan))
    report = stage.apply(loaded, journals=PostgresJournals(server.database, tenant))
    assert report.done == stage.count, report.summary
    return stage, loaded


def counts(server: Server, tenant: str) -> dict[str, int]:
    return {name: server.ask(f"SELECT count(*) FROM {name} WHERE tenant = %s", tenant)[0][0] for name in TABLES}


def test_a_tenant_neither_reads_nor_writes_rows_of_another(server: Server, tenant: str, tmp_path: Path) -> None:
    other = f"{tenant}-other"
    moved(server, tenant, tmp_path / "one")
    before = counts(server, tenant)
    assert all(before.values()), before

    async def wrong() -> None:
        """Statements that name no tenant, or the wrong one."""
        async with server.database.of(other) as connection:

            async def touched(statement: str) -> int:
                return len(await connection.rows(statement))

            for table in TABLES:
                assert await touched(f"SELECT * FROM {table}") == 0
            assert await touched(f"SELECT * FROM entries WHERE tenant = '{tenant}'") == 0
            assert await touched("UPDATE numbers SET epoch = 99 RETURNING 1") == 0
            assert await touched(f"UPDATE runs SET how_it_ended = 'x' WHERE tenant = '{tenant}' RETURNING 1") == 0
            assert await touched("DELETE FROM claims RETURNING 1") == 0
            for forbidden in (
                f"INSERT INTO plans (tenant, checksum, document) VALUES ('{tenant}', 'x', 'x')",
                f"INSERT INTO numbers (tenant, plan, number) VALUES ('{tenant}', 'x', 'x')",
                "UPDATE entries SET message = 'x'",
                "DELETE FROM entries",
                "DELETE FROM plans",
                "TRUNCATE runs",
                "ALTER TABLE entries DISABLE ROW LEVEL SECURITY",
                "SELECT pg_read_file('/etc/passwd')",
            ):
                with pytest.raises(JournalError, match=r"refused: (permission denied|must be owner|new row violates)"):
                    await connection.rows(forbidden)
            await connection.rows("INSERT INTO numbers (plan, number) VALUES ('x', 'x')")
            with pytest.raises(JournalError, match="refused: new row violates"):  # its own row, given away
                await connection.rows(f"UPDATE numbers SET tenant = '{tenant}'")

    asyncio.run(wrong())
    assert counts(server, tenant) == before


def test_who_names_no_tenant_sees_and_writes_nothing(server: Server, tenant: str, tmp_path: Path) -> None:
    moved(server, tenant, tmp_path / "one")
    assert server.ask("SELECT * FROM entries", role="worker") == []
    with pytest.raises(psycopg.errors.UndefinedObject):
        server.ask("INSERT INTO plans (checksum, document) VALUES ('x', 'x')", role="worker")


def test_the_owner_is_held_too_and_the_operator_reads_all_and_writes_nothing(
    server: Server, tenant: str, tmp_path: Path
) -> None:
    moved(server, tenant, tmp_path / "one")
    held = server.ask("SELECT bool_and(relrowsecurity AND relforcerowsecurity) FROM pg_class WHERE relname = ANY (%s)",
                      list(TABLES))  # fmt: skip
    assert held == [(True,)]
    rows = server.ask("SELECT phase, count(*) FROM numbers WHERE tenant = %s GROUP BY phase", tenant, role="operator")
    assert rows == [("done", 3)]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        server.ask("UPDATE numbers SET epoch = 1", role="operator")


@pytest.mark.parametrize("roles", ["telephony_operator", "telephony_worker, telephony_operator"])
def test_an_operator_who_names_a_tenant_takes_nothing_of_another_one_for_it(
    server: Server, tenant: str, tmp_path: Path, roles: str
) -> None:
    _, loaded = moved(server, tenant, tmp_path / "one")
    server.ask(f"CREATE ROLE above LOGIN IN ROLE {roles}")
    try:
        store = PostgresJournals(Database(server.url("above")), f"{tenant}-other")
        assert not asyncio.run(store.was_started(loaded))
        of_tenant = dataclasses.replace(store, tenant=tenant)
        assert len(asyncio.run(aread_run(loaded, of_tenant)).remainder) == 0
    finally:
        server.ask("DROP ROLE above")


def test_a_plan_of_another_tenant_was_neither_kept_nor_started(server: Server, tenant: str, tmp_path: Path) -> None:
    stage, loaded = moved(server, tenant, tmp_path / "one")
    other = f"{tenant}-other"
    kept = asyncio.run(PostgresPlans(server.database, tenant).get(loaded.checksum))
    assert (kept.plan, kept.checksum, kept.path) == (loaded.plan, loaded.checksum, None)
    assert asyncio.run(PostgresPlans(server.database, tenant).put(loaded.plan)) == loaded.checksum
    with pytest.raises(MigrationError, match=f"no plan .*{loaded.checksum[7:20]}.* of the tenant {other}"):
        asyncio.run(PostgresPlans(server.database, other).get(loaded.checksum))
    with pytest.raises(JournalError, match="was not started by this tenant"):
        verify_plan(
            kept, stage.open_source, stage.open_target, VerifyOptions(journals=PostgresJournals(server.database, other))
        )


def test_a_plan_that_was_edited_in_its_row_is_refused(server: Server, tenant: str, tmp_path: Path) -> None:
    _, loaded = moved(server, tenant, tmp_path / "one")
    server.ask("UPDATE plans SET document = replace(document, '번호 1', '번호 9') WHERE tenant = %s", tenant)
    with pytest.raises(MigrationError, match=r"in the database of the fleet was changed after it was written"):
        asyncio.run(PostgresPlans(server.database, tenant).get(loaded.checksum))


def test_while_a_plan_is_read_others_work_and_it_is_read_once_for_all_who_ask(
    server: Server, tenant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten thousand numbers take seconds, after five of which a silent worker has lost all of its lots."""
    loaded, worked, read = Stage(tmp_path, count=1).plan(), threading.Event(), []

    def slow(document: bytes, where: str) -> LoadedPlan:
        read.append(where)
        assert worked.wait(20)
        return parse_plan(document, where)

    async def scene() -> None:
        plans = PostgresPlans(server.database, tenant)
        await plans.put(loaded.plan)
        asking = [asyncio.ensure_future(plans.get(loaded.checksum)) for _ in range(2)]
        while not read:
            await asyncio.sleep(0.01)
        worked.set()
        assert [(await each).plan for each in asking] == [loaded.plan] * 2

    monkeypatch.setattr("telephony_core.fleet.journals.parse_plan", slow)
    asyncio.run(scene())
    assert len(read) == 1


def test_the_status_is_the_same_from_either_store(server: Server, tenant: str, tmp_path: Path) -> None:
    def without_times(data: object) -> object:
        chance = {"at", "started_at", "ended_at", "host", "process", "since", "read_at", "plan", "next_commands"}
        if isinstance(data, dict):
            return {key: without_times(value) for key, value in data.items() if key not in chance}
        return [without_times(each) for each in data] if isinstance(data, list | tuple) else data

    stage, loaded = moved(server, tenant, tmp_path / "one")
    (tmp_path / "two").mkdir()
    beside = Stage(tmp_path / "two")
    beside_loaded = beside.plan()
    beside.apply(beside_loaded)
    both = [
        asyncio.run(aread_run(loaded, PostgresJournals(server.database, tenant), now=stage.time.clock.now)),
        read_run(beside_loaded, now=beside.time.clock.now),
    ]
    one, two = (without_times(run.model_dump(mode="json", exclude={"checksum"})) for run in both)
    assert one == two
    assert [run.next_commands[0].split()[2] for run in both] == ["verify", "verify"]


def test_no_secret_is_in_any_row_dump_or_log(server: Server, tenant: str, tmp_path: Path) -> None:
    """The password of the trunks was sent to the target, and stands nowhere here, not even in the server's log."""
    server.ask("ALTER ROLE worker SET log_statement = 'all'")
    try:
        stage, _ = moved(server, tenant, tmp_path / "one")
    finally:  # other tests need no log, and have the same server
        server.ask("ALTER ROLE worker RESET log_statement")
    assert any(stage.target.credentials(str(record[stage.target.id_key])) for record in stage.target.records())
    dump, log = server.dump(), server.log
    assert stage.ids[0] in dump
    assert "INSERT INTO entries" in log
    for secret in (PASSWORD, stage.source.api_key, stage.target.api_key):
        assert secret not in dump
        assert secret not in log
    for file in (server.folder / "data").rglob("*"):
        assert not file.is_file() or PASSWORD.encode() not in file.read_bytes(), file


def test_the_schema_may_be_made_again_and_keeps_every_row(server: Server, tenant: str, tmp_path: Path) -> None:
    moved(server, tenant, tmp_path / "one")
    before = counts(server, tenant)

    async def twice() -> None:
        owner = Database(server.url("postgres"))
        await asyncio.gather(create_schema(owner), create_schema(owner))

    asyncio.run(twice())
    assert counts(server, tenant) == before


@pytest.mark.parametrize("wrong", ["", "../x", "a b", "한국", "x" * 101, "-x"])
def test_a_name_that_no_tenant_has_is_refused_before_the_database_is_asked(wrong: str, tmp_path: Path) -> None:
    loaded = Stage(tmp_path, count=1).plan()
    store = PostgresJournals(Database("postgresql://worker@127.0.0.1:1/x"), wrong)
    with pytest.raises(InvalidInput, match="cannot name a tenant"):
        asyncio.run(store.was_started(loaded))


def test_a_role_above_the_tenants_is_refused(server: Server, tenant: str, tmp_path: Path) -> None:
    loaded = Stage(tmp_path, count=1).plan()
    store = PostgresJournals(Database(server.url("postgres")), tenant)
    with pytest.raises(JournalError, match="sees every tenant's rows"):
        asyncio.run(store.was_started(loaded))


def test_a_database_without_tables_or_rights_says_what_to_do(server: Server, tenant: str, tmp_path: Path) -> None:
    loaded = Stage(tmp_path, count=1).plan()
    server.ask("DROP DATABASE IF EXISTS empty")
    server.ask("CREATE DATABASE empty")
    empty = dataclasses.replace(PostgresJournals(server.database, tenant), database=Database(
        server.url().replace("/postgres", "/empty")))  # fmt: skip
    with pytest.raises(JournalError, match="no tables of telephony-core") as error:
        asyncio.run(empty.was_started(loaded))
    assert "python -m telephony_core.fleet" in str(error.value.remedy)
    server.ask("DROP ROLE IF EXISTS nobody_yet")
    server.ask("CREATE ROLE nobody_yet LOGIN")
    stranger = PostgresJournals(Database(server.url("nobody_yet")), tenant)
    with pytest.raises(JournalError, match="the database of the fleet refused") as error:
        asyncio.run(stranger.was_started(loaded))
    assert "telephony_worker" in str(error.value.remedy)


@pytest.mark.parametrize("url", ["", "postgresql//worker:pa55word-canary@db/x", "host=db password='pa55word-canary"])
def test_an_address_that_is_not_understood_is_never_repeated(url: str) -> None:
    with pytest.raises(ConfigurationError, match="is not understood") as error:
        Database(url)
    assert "canary" not in f"{error.value!r} {error.value.__context__} {error.value.__cause__}"
    assert "canary" not in repr(Database("postgresql://worker:pa55word-canary@db/x"))
