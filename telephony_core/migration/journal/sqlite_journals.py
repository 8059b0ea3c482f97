"""Journals as files, each beside its plan: the store of one machine. One run at a time works on a plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from telephony_core.migration.journal.claim_rules import Claims
from telephony_core.migration.journal.claims import (
    missing,
    row_changer,
    started_elsewhere,
    was_started_here,
)
from telephony_core.migration.journal.entries import Action, Entry
from telephony_core.migration.journal.protocol import Journal, JournalStore
from telephony_core.migration.journal.runs import RunRecord
from telephony_core.migration.journal.store import SqliteJournal, was_started
from telephony_core.migration.plan.store import LoadedPlan


@dataclass(frozen=True, slots=True)
class SqliteJournals(JournalStore):
    """`telephony_core.migration.journal.store` as a `JournalStore`. Nothing in here waits: a line takes a disk's time.

    With ``take_over`` a run takes the place of one on another host that never said it ended, and starts anew where the
    journal was lost.
    """

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    take_over: bool = False

    @asynccontextmanager
    async def begin(self, loaded: LoadedPlan, command: str) -> AsyncIterator[_Campaign]:
        create = command == "apply"
        with SqliteJournal.writing(loaded, command, create=create, take_over=self.take_over, now=self.now) as journal:
            yield _Campaign(journal, loaded, self.now)

    @asynccontextmanager
    async def reading(self, loaded: LoadedPlan) -> AsyncIterator[_Campaign]:
        with SqliteJournal.reading(loaded, now=self.now) as journal:
            yield _Campaign(journal, loaded, self.now)

    async def was_started(self, loaded: LoadedPlan) -> bool:
        if was_started(loaded):
            return True
        if not self.take_over:
            if (elsewhere := started_elsewhere(loaded)) is not None:
                raise elsewhere.error()
            if was_started_here(loaded):
                raise missing(loaded)
        return False


class _Campaign:
    """One file. A run that is over writes nothing more there, so within one only its own claims are counted."""

    def __init__(self, journal: SqliteJournal, loaded: LoadedPlan, now: Callable[[], datetime]) -> None:
        self.journal = journal
        self.epochs = Counter[str]()
        self._loaded = loaded
        self._now = now

    @property
    def taken_over(self) -> RunRecord | None:
        return self.journal.taken_over

    async def claim(self, number: str) -> Journal:
        self.epochs[number] += 1
        return Journal(self, number, self.epochs[number])

    async def write(self, entry: Entry, epoch: int) -> Entry | None:
        return self.journal.append(entry) if self.epochs[entry.number] == epoch else None

    async def lines_of(self, number: str) -> list[Entry]:
        return self.journal.entries_of(number)

    def claims(self, names: Mapping[str, str]) -> Claims:
        return Claims(self._loaded, names, self._now, row_changer(self._now))

    async def lines(self, numbers: Collection[str] | None = None) -> AsyncIterator[list[Entry]]:
        for lines in self.journal.lines(numbers):
            yield lines

    async def made(self, most: int) -> set[str]:
        return self.journal.made(most)

    async def agents_unpublished(self, action: Action) -> frozenset[str]:
        return self.journal.agents_unpublished(action)

    async def runs(self) -> list[RunRecord]:
        return self.journal.runs()

    async def at_work(self) -> frozenset[int]:
        locked = self.journal.is_running()  # before the runs are read: one that ends meanwhile has said so by then
        last = self.journal.last_run()
        return frozenset() if not locked or last is None or last.ended_at is not None else frozenset({last.id})

    async def finish(self, how: str) -> None:
        self.journal.finish(how)
