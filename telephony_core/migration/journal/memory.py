"""Journals in memory: for tests, and for workers of one process that share the numbers of a plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import islice

from telephony_core.migration.journal.claim_rules import ClaimRow, Claims, Decide
from telephony_core.migration.journal.entries import Action, Entry, Phase
from telephony_core.migration.journal.protocol import Journal, JournalStore
from telephony_core.migration.journal.runs import RunRecord, how_ended_by, this_process
from telephony_core.migration.journal.sqlite_file import JournalError
from telephony_core.migration.plan.store import LoadedPlan


@dataclass(slots=True)
class _Kept:
    """What is kept of one plan."""

    entries: list[Entry] = field(default_factory=list)
    runs: list[RunRecord] = field(default_factory=list)
    epochs: Counter[str] = field(default_factory=Counter)
    at_work: set[int] = field(default_factory=set)


class MemoryJournals(JournalStore):
    """A `JournalStore` that ends with its process. Any number of runs may work on a plan at once."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.now: Callable[[], datetime] = now
        self.claims: dict[tuple[str, str], ClaimRow] = {}
        self._kept: dict[str, _Kept] = {}

    @asynccontextmanager
    async def begin(self, loaded: LoadedPlan, command: str) -> AsyncIterator[_Campaign]:
        if command == "apply":
            self._kept.setdefault(loaded.checksum, _Kept())
        kept = self._of(loaded)
        campaign = _Campaign(self, loaded, kept, len(kept.runs) + 1)
        kept.runs.append(
            RunRecord(
                id=campaign.run,
                command=command,
                started_at=self.now(),
                ended_at=None,
                how_it_ended=None,
                **this_process(),
            )
        )
        kept.at_work.add(campaign.run)
        try:
            yield campaign
        except BaseException as error:
            await campaign.finish(how_ended_by(type(error)))
            raise
        finally:
            kept.at_work.discard(campaign.run)

    @asynccontextmanager
    async def reading(self, loaded: LoadedPlan) -> AsyncIterator[_Campaign]:
        yield _Campaign(self, loaded, self._of(loaded), 0)

    async def was_started(self, loaded: LoadedPlan) -> bool:
        return loaded.checksum in self._kept

    def _of(self, loaded: LoadedPlan) -> _Kept:
        if loaded.checksum not in self._kept:
            raise JournalError(f"{loaded.name} was not started", remedy="start it with `telephony apply`")
        return self._kept[loaded.checksum]


@dataclass(slots=True)
class _Campaign:
    store: MemoryJournals
    loaded: LoadedPlan
    kept: _Kept
    run: int
    taken_over: RunRecord | None = None

    async def claim(self, number: str) -> Journal:
        self.kept.epochs[number] += 1
        return Journal(self, number, self.kept.epochs[number])

    async def write(self, entry: Entry, epoch: int) -> Entry | None:
        if self.kept.epochs[entry.number] != epoch:
            return None
        written = replace(entry, seq=len(self.kept.entries) + 1, at=self.store.now(), run=self.run)
        self.kept.entries.append(written)
        return written

    async def lines_of(self, number: str) -> list[Entry]:
        return [entry for entry in self.kept.entries if entry.number == number]

    def claims(self, names: Mapping[str, str]) -> Claims:
        return Claims(self.loaded, names, self.store.now, self._change)

    async def _change(self, key: tuple[str, str], decide: Decide) -> None:
        decided = decide(self.store.claims.get(key))
        if decided is None:
            self.store.claims.pop(key, None)
        else:
            self.store.claims[key] = decided

    async def lines(self, numbers: Collection[str] | None = None) -> AsyncIterator[list[Entry]]:
        by_number: dict[str, list[Entry]] = {}
        for entry in self.kept.entries:
            if numbers is None or entry.number in numbers:
                by_number.setdefault(entry.number, []).append(entry)
        for lines in by_number.values():
            yield lines

    async def made(self, most: int) -> set[str]:
        by = {
            action: {e.number for e in self.kept.entries if e.action is action and e.phase is Phase.DONE}
            for action in (Action.IMPORT, Action.ROLL_BACK)
        }
        return set(islice(by[Action.IMPORT] - by[Action.ROLL_BACK], most))

    async def agents_unpublished(self, action: Action) -> frozenset[str]:
        announced = (e for e in self.kept.entries if e.action is action and e.phase is Phase.INTENT)
        agents = (entry.data.get("agents") for entry in announced)
        return frozenset(str(agent) for each in agents if isinstance(each, list) for agent in each)

    async def runs(self) -> list[RunRecord]:
        return list(self.kept.runs)

    async def at_work(self) -> frozenset[int]:
        return frozenset(run.id for run in self.kept.runs if run.ended_at is None) & self.kept.at_work

    async def finish(self, how: str) -> None:
        ended = {"ended_at": self.store.now(), "how_it_ended": how}
        self.kept.runs[self.run - 1] = self.kept.runs[self.run - 1].model_copy(update=ended)
