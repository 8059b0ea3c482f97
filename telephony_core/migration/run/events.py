"""What a run tells while it is at work: for a progress bar, or as JSON lines. Holds no secret."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TypeAlias

from pydantic import BaseModel

from telephony_core.domain.phone_number import UtcTime
from telephony_core.migration.journal.entries import Action, Phase


class EventKind(StrEnum):
    """What happened."""

    BEGUN = "begun"
    SAID = "said"
    """Something a person should know: a lock that was taken over, a stop that was asked for."""
    NUMBER_BEGUN = "number_begun"
    STEP = "step"
    """A line was written into the journal."""
    WAITING = "waiting"
    NUMBER_DONE = "number_done"
    NUMBER_FAILED = "number_failed"
    ENDED = "ended"


class Event(BaseModel, frozen=True):
    """One thing that happened. ``model_dump_json()`` is its line."""

    kind: EventKind
    at: UtcTime
    number: str | None = None
    action: Action | None = None
    phase: Phase | None = None
    message: str = ""
    done: int = 0
    """Numbers that are finished, those of earlier runs included."""
    failed: int = 0
    """Numbers that failed in this run."""
    total: int = 0

    def __str__(self) -> str:
        what = " ".join(word for word in (self.action, self.phase) if word)
        return ": ".join(part for part in (self.number, what or self.kind, self.message) if part)


OnEvent: TypeAlias = Callable[[Event], None]
