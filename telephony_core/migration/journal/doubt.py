"""Until when a request may still take effect that a line of the journal announced and nobody answered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from telephony_core.errors.migration import InDoubt
from telephony_core.migration.inventory.fields import clock_text
from telephony_core.migration.journal.entries import Entry


@dataclass(frozen=True, slots=True)
class Doubt:
    """How long a write whose answer was lost may still take effect."""

    since: datetime
    until: datetime

    def __str__(self) -> str:
        return f"since {clock_text(self.since)}, until {clock_text(self.until)}"

    def error(self, number: str, what: str) -> InDoubt:
        """It as an error of a number. ``what`` is the request: an import, a change, a release or a rollback."""
        return InDoubt(
            f"the {what.replace('_', ' ')} of {number} was not answered, and may still take effect ({self})",
            since=self.since,
            until=self.until,
            remedy="run the same command again: it goes on looking, and sends nothing a second time before that",
        )


def doubt_since(announced: Entry | None, now: datetime, key: str, there: datetime | None, window: timedelta) -> Doubt:
    """How long a write may still take effect that this line announced (``None``: just now), for ``window`` at most.

    Time counts only as far as both clocks saw it pass, this machine's and that of the endpoint that it was sent to
    (``there`` is its time now, and what the line has under ``key`` its time then): a clock that was set ahead since
    must not end the doubt. A line from later than now comes from a clock that was set back; then the whole window
    starts again.
    """
    since = now if announced is None or announced.at is None or announced.at > now else announced.at
    passed = now - since
    journaled = None if announced is None else announced.data.get(key)
    if isinstance(journaled, str) and there is not None:
        # A provider's clock may step back, too. Negative time would make the doubt longer than its window.
        passed = min(passed, max(timedelta(0), there - datetime.fromisoformat(journaled)))
    return Doubt(since, now - passed + window)
