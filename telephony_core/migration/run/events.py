"""What a run reports while it is at work: for a progress bar, or as JSON lines. Holds no secret."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from pydantic import BaseModel

from telephony_core.domain.phone_number import UtcTime
from telephony_core.migration.journal.entries import Action, Entry, Phase
from telephony_core.transport.clock import Clock


class EventKind(StrEnum):
    """What happened."""

    STARTED = "started"
    NOTICE = "notice"
    """Something a person should know: a lock that was taken over, a stop that was asked for."""
    NUMBER_STARTED = "number_started"
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


@dataclass(slots=True)
class RunProgress:
    """Counts what a run has done, and reports everything that happens as an `Event`."""

    on_event: OnEvent
    clock: Clock
    total: int = 0
    done: int = 0
    failed: int = 0

    def report(
        self,
        kind: EventKind,
        number: str | None = None,
        message: str = "",
        *,
        action: Action | None = None,
        phase: Phase | None = None,
    ) -> None:
        self.on_event(
            Event(
                kind=kind,
                at=self.clock.now(),
                number=number,
                action=action,
                phase=phase,
                message=message,
                done=self.done,
                failed=self.failed,
                total=self.total,
            )
        )

    def notice(self, message: str) -> None:
        self.report(EventKind.NOTICE, message=message)

    def step(self, entry: Entry) -> None:
        self.report(EventKind.STEP, entry.number, entry.message, action=entry.action, phase=entry.phase)
