"""The stores of journals that core has keep what the protocol promises."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import ClassVar

import pytest

from telephony_core.migration.journal.entries import Entry
from telephony_core.migration.journal.memory import MemoryJournals
from telephony_core.migration.journal.protocol import Journal, JournalStore
from telephony_core.migration.journal.sqlite_file import JournalError, Superseded
from telephony_core.migration.journal.sqlite_journals import SqliteJournals
from telephony_core.migration.plan.store import LoadedPlan
from tests.migration.journal.contract import ANNOUNCED, JournalStoreContract


class TestBesideThePlan(JournalStoreContract):
    several_runs = False

    @pytest.fixture
    def store(self) -> JournalStore:
        return SqliteJournals()

    def test_a_run_whose_place_was_taken_writes_nothing_more(self, store: JournalStore, loaded: LoadedPlan) -> None:
        async def work() -> int:
            async with store.begin(loaded, "apply") as journal:
                mine = await journal.claim(ANNOUNCED.number)
                other = sqlite3.connect(loaded.journal_path)  # as one on another host, whose locks are not seen here
                with other:
                    other.execute(
                        "INSERT INTO runs (command, started_at, process, host, version)"
                        " VALUES ('apply', '2026-11-27T00:00:00.000+00:00', 1, 'elsewhere', '0')"
                    )
                other.close()
                with pytest.raises(Superseded, match="a later run took the place"):
                    await mine.append(ANNOUNCED)
                return len(await mine.entries())

        assert asyncio.run(work()) == 0


class TestInMemory(JournalStoreContract):
    @pytest.fixture
    def store(self) -> JournalStore:
        return MemoryJournals()


def test_the_lines_of_a_claimed_number_are_read_once() -> None:
    """With a database far away every look costs."""
    looks: list[str] = []

    class Far:
        async def write(self, entry: Entry, epoch: int) -> Entry | None:
            return entry

        async def lines_of(self, number: str) -> list[Entry]:
            looks.append(number)
            return []

    async def work() -> list[Entry]:
        claim = Journal(Far(), ANNOUNCED.number, 1)
        assert await claim.entries() == []
        await claim.append(ANNOUNCED)
        return await claim.entries()

    assert asyncio.run(work()) == [ANNOUNCED]
    assert looks == [ANNOUNCED.number]


def test_after_a_line_whose_writing_failed_the_lines_are_read_anew() -> None:
    """It may have been written all the same, with only its answer lost."""

    class Failing:
        kept: ClassVar[list[Entry]] = []

        async def write(self, entry: Entry, epoch: int) -> Entry | None:
            self.kept.append(entry)
            raise JournalError("the way to the database is gone")

        async def lines_of(self, number: str) -> list[Entry]:
            return list(self.kept)

    async def work() -> list[Entry]:
        claim = Journal(Failing(), ANNOUNCED.number, 1, [])
        with pytest.raises(JournalError):
            await claim.append(ANNOUNCED)
        return await claim.entries()

    assert asyncio.run(work()) == [ANNOUNCED]
