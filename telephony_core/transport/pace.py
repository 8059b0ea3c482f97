"""How fast a client may send: windows that are kept exactly, and a pause that a 429 asks for."""

from __future__ import annotations

import threading
from collections import deque

from telephony_core.capabilities import RateLimit
from telephony_core.errors import InvalidInput

# A window is kept a little longer than it is, because requests spaced exactly may arrive bunched.
_MARGIN = 1.01


class Pace:
    """At most ``per_second`` requests in any second and ``per_minute`` in any minute.

    One object may be shared by any number of clients, threads and tasks that use one account. Without limits it only
    pauses when the provider answers 429. Raises `InvalidInput` for limits that allow nothing.
    """

    def __init__(self, *, per_second: float | None = None, per_minute: float | None = None) -> None:
        limits = ((per_second, 1.0, "per_second"), (per_minute, 60.0, "per_minute"))
        for limit, _, name in limits:
            if limit is not None and not limit > 0:
                raise InvalidInput(f"{name} has to be more than 0")
        self.per_second = per_second
        self.per_minute = per_minute
        self._windows = tuple(_Window(limit, span) for limit, span, _ in limits if limit is not None)
        self._not_before = float("-inf")
        self._lock = threading.Lock()

    @classmethod
    def unlimited(cls) -> Pace:
        """No limit of its own; it still pauses when the provider answers 429."""
        return cls()

    @classmethod
    def declared(cls, limit: RateLimit | None) -> Pace:
        """What a provider declares it takes; unlimited where nobody says."""
        return cls() if limit is None else cls(per_second=limit.per_second, per_minute=limit.per_minute)

    def reserve(self, now: float) -> float:
        """Take the next free place and return the seconds to wait for it (``now`` on a monotonic clock)."""
        if not self._windows and now >= self._not_before:
            return 0.0
        with self._lock:
            start = max(now, self._not_before, *(window.free_at() for window in self._windows))
            for window in self._windows:
                window.take(start)
            return start - now

    def hold(self, until: float) -> None:
        """Let nothing start before ``until``, because the provider asked for it."""
        with self._lock:
            self._not_before = max(self._not_before, until)

    def __repr__(self) -> str:
        if not self._windows:
            return "Pace.unlimited()"
        return f"Pace(per_second={self.per_second}, per_minute={self.per_minute})"


class _Window:
    """The start times of the last requests that one window still counts."""

    def __init__(self, limit: float, span: float) -> None:
        # A limit below one per window is one per a longer window.
        self.span = (span if limit >= 1 else span / limit) * _MARGIN
        self.starts: deque[float] = deque(maxlen=max(1, int(limit)))

    def free_at(self) -> float:
        full = len(self.starts) == self.starts.maxlen
        return self.starts[0] + self.span if full else float("-inf")

    def take(self, start: float) -> None:
        self.starts.append(start)
