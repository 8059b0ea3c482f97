"""Where journals are kept: what runs need of such a place, whatever it is.

    JournalStore ──begin──> CampaignJournal ──claim──> Journal, of one number
                 └─reading─> CampaignJournal, to look at

A file beside each plan is one (`telephony_core.migration.journal.sqlite_journals`). Where several workers share the
numbers of one plan, the claim keeps them apart: whoever claims a number last may write its lines, and nobody else.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from telephony_core.migration.journal.claim_rules import Claims
from telephony_core.migration.journal.entries import Action, Entry
from telephony_core.migration.journal.runs import RunRecord
from telephony_core.migration.journal.sqlite_file import Superseded
from telephony_core.migration.move.state import NumberState, state_of
from telephony_core.migration.plan.store import LoadedPlan


class Lines(Protocol):
    """What a store does with the lines of its numbers."""

    async def write(self, entry: Entry, epoch: int) -> Entry | None:
        """Write a line and give it as it was written; ``None`` once its number was claimed again since this claim."""

    async def lines_of(self, number: str) -> list[Entry]:
        """Every line of a number, oldest first."""


@dataclass(slots=True)
class Journal:
    """The lines of one number, for the one who has claimed it. ``epoch`` counts the claims of it."""

    store: Lines
    number: str
    epoch: int
    lines: list[Entry] | None = None
    """All lines, once they are known: nobody else can add one to a number that is claimed, so they are read once."""

    async def append(self, entry: Entry) -> None:
        """Write one line. It is durable when this returns.

        Raises `Superseded` once somebody else has claimed the number, and `JournalError`.
        """
        lines, self.lines = self.lines, None  # until it is known whether this one was written
        written = await self.store.write(entry, self.epoch)
        if written is None:
            raise Superseded(f"{self.number} was claimed by another run")
        if lines is not None:
            self.lines = [*lines, written]

    async def entries(self) -> list[Entry]:
        """Every line of the number, oldest first."""
        if self.lines is None:
            self.lines = await self.store.lines_of(self.number)
        return list(self.lines)


class CampaignJournal(Lines, Protocol):
    """The journal of one plan, for one run of a command or to be read."""

    @property
    def taken_over(self) -> RunRecord | None:
        """The run that died and whose place this one took."""

    async def claim(self, number: str) -> Journal:
        """Become the only one who may write lines of this number, of all that work on the plan anywhere."""

    def claims(self, names: Mapping[str, str]) -> Claims:
        """The claims against other plans; ``names`` gives the `NumberIdentity.account_key` of each planned key."""

    def lines(self, numbers: Collection[str] | None = None) -> AsyncIterator[list[Entry]]:
        """The lines of every number that has some, or of these alone: number by number, oldest first, in one go."""

    async def made(self, most: int) -> set[str]:
        """Some of the numbers that imports made and no rollback took back, so many at most."""

    async def agents_unpublished(self, action: Action) -> frozenset[str]:
        """Agents that releasing numbers may have unpublished, also for numbers that are still there."""

    async def runs(self) -> list[RunRecord]:
        """Every run, oldest first."""

    async def at_work(self) -> frozenset[int]:
        """Ids of the runs that are at work now, as far as can be seen from here."""

    async def finish(self, how: str) -> None:
        """Write down that this run has ended, and how."""


class JournalStore(Protocol):
    """A place where the journals of plans are kept."""

    def begin(self, loaded: LoadedPlan, command: str) -> AbstractAsyncContextManager[CampaignJournal]:
        """The journal of a plan, for a run of this command; only ``apply`` starts one.

        Leaving it by an error writes that down as the end of the run. Raises `JournalError`, also where there is no
        journal to go on with, and `JournalLocked` where a store lets one run at a time work on a plan.
        """

    def reading(self, loaded: LoadedPlan) -> AbstractAsyncContextManager[CampaignJournal]:
        """The journal of a plan, to look at while runs are at work. Raises `JournalError` where there is none."""

    async def was_started(self, loaded: LoadedPlan) -> bool:
        """Whether the plan has a journal. Raises `JournalError` when that cannot be seen, or when it was lost."""


async def states_of(journal: CampaignJournal, numbers: Collection[str] | None = None) -> dict[str, NumberState]:
    """What the journal knows of every number that it has lines of, or of these alone."""
    return {lines[0].number: state_of(lines) async for lines in journal.lines(numbers)}
