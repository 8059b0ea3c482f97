"""A database as others have set it up: what is refused, what makes no difference, and what nobody waits for."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest

from telephony_core.fleet.database import Database, create_schema
from telephony_core.fleet.journals import PostgresJournals, PostgresPlans
from telephony_core.fleet.pace import SharedPace
from telephony_core.migration.journal.sqlite_file import JournalError
from telephony_core.migration.move.state import MigrationState
from telephony_core.migration.run.status import aread_run
from tests.fleet.postgresql import Server
from tests.migration.stage import Stage

pytestmark = pytest.mark.postgresql


@contextmanager
def role_with(server: Server, setting: str) -> Iterator[Database]:
    """The database for a worker whose role has a setting."""
    server.ask("CREATE ROLE set_up LOGIN IN ROLE telephony_worker")
    try:
        server.ask(f"ALTER ROLE set_up SET {setting}")
        yield Database(server.url("set_up"))
    finally:
        server.ask("DROP ROLE set_up")


@pytest.mark.parametrize("variable", ["PGCLIENTENCODING=LATIN1", "PGCLIENTENCODING=SQL_ASCII", "PGDATESTYLE=German"])
def test_what_the_environment_says_of_texts_and_times_makes_no_difference(
    server: Server, tenant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(*variable.split("="))
    stage = Stage(tmp_path)
    loaded = stage.plan()
    store = PostgresJournals(server.database, tenant)
    plans = PostgresPlans(server.database, tenant)
    asyncio.run(plans.put(loaded.plan))
    assert asyncio.run(plans.get(loaded.checksum)).plan == loaded.plan
    stage.apply(loaded, journals=store)
    assert asyncio.run(aread_run(loaded, store)).counts == {MigrationState.MOVED: 3}


def test_who_waits_for_a_row_goes_on_whatever_isolation_the_role_has(server: Server, tenant: str) -> None:
    async def work(database: Database) -> float:
        async with asyncio.timeout(20), SharedPace(database, tenant, per_second=1) as pace:
            with psycopg.connect(server.url(), options="-c search_path=telephony") as other:
                other.execute("INSERT INTO pace (account) VALUES (%s)", [tenant])
                other.commit()
                other.execute("UPDATE pace SET held_until = 0 WHERE account = %s", [tenant])
                asking = asyncio.ensure_future(pace.reserve(time.monotonic()))
                while not server.ask(
                    "SELECT 1 FROM pg_stat_activity WHERE usename = 'set_up' AND wait_event_type = 'Lock'"
                ):
                    await asyncio.sleep(0.01)
                other.commit()
            return await asking

    with role_with(server, "default_transaction_isolation = 'repeatable read'") as database:
        assert asyncio.run(work(database)) == 0.0


def test_an_answer_frees_its_place_however_many_digits_the_role_is_shown(server: Server, tenant: str) -> None:
    async def work(database: Database) -> None:
        async with SharedPace(database, tenant, per_second=1) as pace:
            now = time.monotonic()
            assert await pace.reserve(now) == 0.0
            pace.answered(now, now + 0.02)
            assert await pace.reserve(time.monotonic()) > 0
        [(late,)] = server.ask(
            "SELECT started[1] - extract(epoch FROM clock_timestamp()) FROM pace WHERE account = %s", tenant
        )
        assert late < 1.0  # without an answer it counts as two seconds late

    with role_with(server, "extra_float_digits = 0") as database:
        asyncio.run(work(database))


def test_a_pace_that_was_led_to_a_standby_goes_on_as_soon_as_that_is_over(server: Server, tenant: str) -> None:
    async def work(database: Database) -> None:
        async with SharedPace(database, tenant, per_second=5) as pace:
            with pytest.raises(JournalError, match="read-only transaction"):
                await pace.reserve(time.monotonic())
            server.ask("ALTER ROLE set_up RESET default_transaction_read_only")
            assert await pace.reserve(time.monotonic()) == 0.0

    with role_with(server, "default_transaction_read_only = on") as database:
        asyncio.run(work(database))


def test_neither_side_waits_for_hours_for_a_machine_that_is_gone(server: Server) -> None:
    async def connected() -> list[tuple[str, str]]:
        async with await server.database.connect() as session:
            assert patience_of_connections(server) == [25_000]
            asked = "SELECT name, setting FROM pg_settings WHERE name IN ('tcp_keepalives_idle', 'tcp_user_timeout')"
            return await session.rows(asked)

    assert sorted(asyncio.run(connected())) == [("tcp_keepalives_idle", "10"), ("tcp_user_timeout", "25000")]


def patience_of_connections(server: Server) -> list[int]:
    """For how many milliseconds each connection of this process waits for the server's machine."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError), socket.socket(fileno=os.dup(int(name))) as each:
            if each.family == socket.AF_INET and each.getpeername()[1] == server.port:
                found.append(each.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT))
    return found


def test_tables_of_a_newer_version_are_not_made_old_ones_again(server: Server) -> None:
    server.ask("COMMENT ON SCHEMA telephony IS 'telephony-core 2'")
    try:
        with pytest.raises(JournalError, match="'telephony-core 2', which this version does not make"):
            asyncio.run(create_schema(Database(server.url("postgres"))))
    finally:
        server.ask("COMMENT ON SCHEMA telephony IS 'telephony-core 1'")


def test_a_database_that_cannot_keep_every_label_gets_no_tables(server: Server) -> None:
    server.ask("DROP DATABASE IF EXISTS latin")
    server.ask("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
    with pytest.raises(JournalError, match="the encoding of this database is LATIN1"):
        asyncio.run(create_schema(Database(f"{server.url('postgres').removesuffix('postgres')}latin")))


def test_making_the_tables_anew_gives_way_to_who_reads_them(server: Server) -> None:
    """A dump reads for hours, and every statement of a worker would wait behind whoever waits for the dump."""
    with psycopg.connect(server.url("operator")) as dump:
        dump.execute("SELECT count(*) FROM telephony.entries")
        with pytest.raises(JournalError, match="lock timeout"):
            asyncio.run(create_schema(Database(server.url("postgres"))))
