"""One run of a command on a plan, as a journal keeps it."""

from __future__ import annotations

import asyncio
import getpass
import os
import socket
from datetime import datetime, timedelta
from typing import Any, Final

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
    user: str | None = None
    """Who started it, by the name that the system has; ``None`` in journals of earlier versions."""

    @property
    def was_cut_short(self) -> bool:
        """Whether it ended in the middle of what it did: killed, or stopped by a second Ctrl-C."""
        return self.ended_at is None or self.how_it_ended == _STOPPED

    @property
    def whose(self) -> str:
        """Who started it and where: ``ana on ops-1``."""
        return self.host if self.user is None else f"{self.user} on {self.host}"

    def owner(self, now: datetime) -> str:
        """Who, where and since when, in words."""
        return f"`{self.command}` by {self.whose} (process {self.process}), started {_age(now - self.started_at)}"


_STOPPED: Final = "stopped at once, perhaps in the middle of a number"


def how_ended_by(error: type[BaseException]) -> str:
    """How a run ended that did not get to its own end."""
    stopped = issubclass(error, asyncio.CancelledError | KeyboardInterrupt)
    return _STOPPED if stopped else f"ended by {error.__name__}"


def this_process() -> dict[str, Any]:
    """What a `RunRecord` has of the process that begins it."""
    return {"process": os.getpid(), "host": socket.gethostname(), "user": _current_user()}


def _current_user() -> str | None:
    """Who runs this, by the name that the system has; ``None`` where it has none, as in some containers."""
    try:
        return getpass.getuser()
    # Before Python 3.13, `getpass` let through what `pwd` says of a user id without a name, and that Windows has no
    # `pwd`.
    except (OSError, KeyError, ImportError):
        return None


def _age(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    if seconds < 0:
        # Another host may have started it, or the clock was set back since.
        return "in the future, by this clock"
    for length, unit in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit} ago"
    return f"{seconds} seconds ago"
