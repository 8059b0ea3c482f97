"""The lines of one number, for as long as nobody else has claimed it: the same over every store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from telephony_core.migration.journal.entries import Entry
from telephony_core.migration.journal.protocol import Journal
from telephony_core.migration.journal.sqlite_file import Superseded


class Numbers(Protocol):
    """What a store does with the lines of its numbers."""

    async def write(self, entry: Entry, epoch: int) -> bool:
        """Write a line, and say so, unless its number was claimed again since this claim of it."""

    async def lines_of(self, number: str) -> list[Entry]:
        """Every line of a number, oldest first."""


@dataclass(frozen=True, slots=True)
class Claimed(Journal):
    """A claim of a number. ``epoch`` counts the claims of it."""

    numbers: Numbers
    number: str
    epoch: int

    async def append(self, entry: Entry) -> None:
        if not await self.numbers.write(entry, self.epoch):
            raise Superseded(f"{self.number} was claimed by another run")

    async def entries(self) -> list[Entry]:
        return await self.numbers.lines_of(self.number)
