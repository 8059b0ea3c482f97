"""One run of a command on a plan, as a journal keeps it."""

from __future__ import annotations

from datetime import datetime, timedelta

from pydantic import BaseModel

from telephony_core.domain.phone_number import UtcTime


class RunRecord(BaseModel, frozen=True):
    """One run of a command on a plan. ``ended_at`` is ``None`` while it lasts, or when it never said that it ended."""

    id: int
    command: str
    started_at: UtcTime
    ended_at: UtcTime | None
    how_it_ended: str | None
    process: int
    host: str

    def owner(self, now: datetime) -> str:
        """Who, where and since when, in words."""
        return f"`{self.command}` by process {self.process} on {self.host}, started {_age(now - self.started_at)}"


def _age(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    if seconds < 0:
        return "in the future, by this clock"
    for length, unit in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit} ago"
    return f"{seconds} seconds ago"
