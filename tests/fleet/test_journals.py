"""Journals in PostgreSQL: all that a store promises, and what several machines need."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from telephony_core.domain.number_identity import NumberIdentity
from telephony_core.errors import TelephonyError
from telephony_core.fleet.database import Database
from telephony_core.fleet.journals import PostgresJournals
from telephony_core.migration.journal.claim_rules import NumberClaimed
from telephony_core.migration.journal.entries import Action, Entry, Phase
from telephony_core.migration.journal.protocol import JournalStore, states_of
from telephony_core.migration.journal.sqlite_file import JournalError, Superseded
from tests.fleet.postgresql import Server
from tests.migration.journal.contract import ANNOUNCED, KEY, MADE, JournalStoreContract, write
from tests.migration.stage import Stage

pytestmark = pytest.mark.postgresql


class TestInPostgresql(JournalStoreContract):
    @pytest.fixture
    def store(self, server: Server, tenant: str) -> JournalStore:
        return PostgresJournals(server.database, tenant)


def test_of_two_machines_that_want_one_number_only_the_last_writes(server: Server, tenant: str, tmp_path: Path) -> None:
    """What one wrote before the other claimed is read by the other; afterwards it writes nothing, however they race."""
    loaded, store = Stage(tmp_path, count=1).plan(), PostgresJournals(server.database, tenant)

    async def machine(written: list[int], passed: asyncio.Barrier) -> None:
        async with store.begin(loaded, "apply") as journal:
            await passed.wait()
            for _ in range(10):
                mine = await journal.claim(KEY)
                known = len(await mine.entries())
                with suppress(Superseded):
                    for more in range(5):
                        await mine.append(ANNOUNCED)
                        written.append(known + more)

    async def work() -> None:
        written, passed = list[int](), asyncio.Barrier(3)
        await asyncio.gather(*(machine(written, passed) for _ in range(3)))
        async with store.reading(loaded) as journal:
            lines = [line async for lines in journal.lines() for line in lines]
        assert len(lines) == len(written)
        assert sorted(written) == list(range(len(lines)))  # each line was written by one who knew all before it

    asyncio.run(work())


def test_runs_that_begin_at_once_are_all_kept(server: Server, tenant: str, tmp_path: Path) -> None:
    loaded, store = Stage(tmp_path, count=1).plan(), PostgresJournals(server.database, tenant)

    async def begin() -> int:
        async with store.begin(loaded, "apply") as journal:
            return len(await journal.at_work())

    async def work() -> list[int]:
        assert all(await asyncio.gather(*(begin() for _ in range(12))))
        async with store.reading(loaded) as journal:
            return [run.id for run in await journal.runs()]

    assert asyncio.run(work()) == list(range(1, 13))


def test_what_the_database_does_not_keep_is_marked(server: Server, tenant: str, tmp_path: Path) -> None:
    loaded, store = Stage(tmp_path, count=1).plan(), PostgresJournals(server.database, tenant)
    odd = Entry(KEY, Action.IMPORT, Phase.DONE, "r\0", "a\0b\ud800c", {"x": "\0\ud800", "n": [1, None]})

    async def work() -> Entry:
        async with store.begin(loaded, "apply") as journal:
            await write(journal, odd)
            return (await (await journal.claim(KEY)).entries())[0]

    line = asyncio.run(work())
    assert (line.record, line.message, line.data) == ("r\ufffd", "a\ufffdb?c", odd.data)


def test_a_page_of_numbers_after_the_other(
    server: Server, tenant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("telephony_core.fleet.journals._PAGE", 2)
    loaded, store = Stage(tmp_path, count=1).plan(), PostgresJournals(server.database, tenant)
    keys = [f"+8270111100{index:02d}" for index in range(5)]

    async def work() -> list[list[str]]:
        async with store.begin(loaded, "apply") as journal:
            await journal.claim("+827011110002a")  # claimed, and nothing was written of it
            for key in reversed(keys):
                await write(journal, Entry(key, Action.CHECK, Phase.FAILED), Entry(key, Action.CHECK, Phase.FAILED))
            return [[line.number for line in lines] async for lines in journal.lines()]

    assert asyncio.run(work()) == [[key, key] for key in keys]


def test_a_run_does_not_write_over_a_claim_that_ended_while_it_was_frozen(
    server: Server, tenant: str, tmp_path: Path
) -> None:
    """It remembers the row as it wrote it; by then another plan has the number."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    slow, quick = (Stage(tmp_path / name, count=1).plan(f"{name}.json") for name in ("one", "two"))
    late = timedelta(0)
    store = PostgresJournals(server.database, tenant, now=lambda: datetime.now(UTC) + late)
    identity = NumberIdentity.parse(KEY, region="KR")
    names = {KEY: identity.account_key}

    async def work() -> None:
        nonlocal late
        async with store.begin(slow, "apply") as one, store.begin(quick, "apply") as two:
            frozen, other = one.claims(names), two.claims(names)
            await frozen.claim(KEY, identity)
            late = timedelta(days=1)
            await frozen.renew(KEY)  # nobody has it yet
            late = timedelta(days=2)
            await other.claim(KEY, identity)
            await other.follow(ANNOUNCED)
            with pytest.raises(NumberClaimed, match="so nothing was sent"):
                await frozen.renew(KEY)
            for line in (ANNOUNCED, Entry(KEY, Action.CHECK, Phase.FAILED)):
                await frozen.follow(line)
            with pytest.raises(NumberClaimed, match=r"two\.json is importing or changing"):
                await frozen.claim(KEY, identity)

    asyncio.run(work())


def test_a_server_that_dies_ends_the_run_and_loses_nothing(server: Server, tenant: str, tmp_path: Path) -> None:
    loaded, store = Stage(tmp_path, count=1).plan(), PostgresJournals(server.database, tenant)

    async def interrupted() -> None:
        async with store.begin(loaded, "apply") as journal:
            await write(journal, ANNOUNCED)
            server.kill()
            await write(journal, *MADE)

    async def work() -> None:
        with pytest.raises(JournalError, match="does not answer") as error:
            await interrupted()
        assert "goes on from where it stopped" in str(error.value.remedy)
        with pytest.raises(JournalError, match="does not answer"):
            await store.was_started(loaded)
        server.start()
        async with store.reading(loaded) as journal:
            assert await journal.at_work() == frozenset()  # it never said that it ended, and its session is gone
            assert [run.ended_at for run in await journal.runs()] == [None]
            assert [state.state.value for state in (await states_of(journal)).values()] == ["in_doubt"]
        async with store.begin(loaded, "apply") as journal:
            await write(journal, *MADE)
            assert await journal.at_work() == {2}

    asyncio.run(work())


def test_who_has_lost_the_way_to_it_is_told_before_anything_is_sent(tmp_path: Path, server: Server) -> None:
    stage = Stage(tmp_path, count=1)
    loaded = stage.plan()
    nowhere = Database("postgresql://worker:pa55word-canary@127.0.0.1:1/nothing")
    with pytest.raises(TelephonyError, match="does not answer") as error:
        stage.apply(loaded, journals=PostgresJournals(nowhere, "acme"))
    assert "canary" not in f"{error.value} {error.value.__cause__} {error.value.__context__}"
    assert not stage.writes(stage.target)
