"""The lines of one number, for as long as nobody else has claimed it: the same over every store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from telephony_core.migration.journal.entries import Entry
from telephony_core.migration.journal.protocol import Journal
from telephony_core.migration.journal.sqlite_file import Superseded


class Numbers(Protocol):
    """What a store does with the lines of its numbers."""

    async def write(self, entry: Entry, epoch: int) -> Entry | None:
        """Write a line and give it as it was written; ``None`` once its number was claimed again since this claim."""

    async def lines_of(self, number: str) -> list[Entry]:
        """Every line of a number, oldest first."""


@dataclass(slots=True)
class Claimed(Journal):
    """A claim of a number. ``epoch`` counts the claims of it."""

    numbers: Numbers
    number: str
    epoch: int
    lines: list[Entry] | None = None
    """All lines, once they are known: nobody else can add one to a number that is claimed, so they are read once."""

    async def append(self, entry: Entry) -> None:
        lines, self.lines = self.lines, None  # until it is known whether this one was written
        written = await self.numbers.write(entry, self.epoch)
        if written is None:
            raise Superseded(f"{self.number} was claimed by another run")
        if lines is not None:
            self.lines = [*lines, written]

    async def entries(self) -> list[Entry]:
        if self.lines is None:
            self.lines = await self.numbers.lines_of(self.number)
        return list(self.lines)
