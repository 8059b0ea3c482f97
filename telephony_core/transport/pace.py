"""How fast a client may send: at most so many requests in any second and minute, and slowly after a 429.

What becomes of a request at a `Pacer`::

    reserve ──> [waiting for its place] ──confirm──> [started] ──answered──> [started, at the time when it arrived]
       |            ^      |       |                     ^
       |            └──────┘       └──> give_back        |
       |      confirm, too early:        (not sent)      |
       |      the place has moved                        |
       └── nothing to wait for ──────────────────────────┘

`hold` (a 429) moves the earliest start of all that have not started.
"""

from __future__ import annotations

import threading
from bisect import bisect_left, insort
from collections.abc import Awaitable
from typing import Final, Protocol, runtime_checkable

from telephony_core.errors import InvalidInput
from telephony_core.provider.capabilities import RateLimit

_MARGIN: Final = 0.01
"""Seconds by which a window is kept longer than it is, because clocks are not quite the same."""
_MOST_LATE: Final = 0.25
"""Seconds after its start by which a request has arrived, however long its answer takes."""
_HARDLY_LATE: Final = 0.015
"""The same where every second counts, because nothing but ``per_second`` limits the rate."""
_ROUNDING: Final = 1e-6
"""Seconds. A place is told as a delay and named by a sum, and the two may round differently."""
_LEAST, _MOST = 1e-5, 1e6
"""Limits beyond which nobody means a rate: one request a day, and more than any vendor takes."""
AFTER_429: Final = (5, 1.0 + _MARGIN)
"""Requests, and in how many seconds: what every vendor we know of takes, for a client that knows no better."""
SLOW_FOR: Final = 60.0
"""Seconds after a 429 for which that holds: most vendors count per minute."""


@runtime_checkable
class Pacer(Protocol):
    """What a client asks when it may send: a `Pace` in this process, or one that several machines share.

    Times are this client's, in seconds on a monotonic clock that no other machine knows. The three that may have to
    ask somebody may be async, for async clients; the others answer from what is known here, at once.
    """

    @property
    def per_second(self) -> float | None:
        """Requests in any second; ``None`` without such a limit."""

    @property
    def per_minute(self) -> float | None:
        """Requests in any minute."""

    def reserve(self, now: float, latest: float = ...) -> float | Awaitable[float]:
        """Take the next free place and return the seconds to wait for it.

        A place that would come after ``latest`` is not taken: nobody would wait for it.
        """

    def confirm(self, reserved: float, now: float) -> float | Awaitable[float]:
        """Start now in place of ``reserved``, or return the seconds to wait on: then the place has moved there."""

    def hold(self, until: float) -> Awaitable[None] | None:
        """Let nothing start before ``until``, at any client that shares it: the provider answered 429."""

    def give_back(self, reserved: float) -> None:
        """Leave a place that was reserved to others. Called while a caller goes away, so it must not wait."""

    def answered(self, started: float, now: float) -> None:
        """Take in that the request that started at ``started`` had arrived by now."""

    def hold_left(self, now: float) -> float:
        """Seconds for which nothing may start, because of a `hold`, as far as it is known here; 0 without one."""


class Pace:
    """At most ``per_second`` requests in any second and ``per_minute`` in any minute.

    One object may be shared by any number of clients, threads and tasks that use one account. With limits or without,
    a 429 holds all of them for as long as the provider asks, and for a minute after that no more than five start in any
    second. Raises `InvalidInput` for limits that allow nothing.

    A request first reserves its place in the queue, waits for it, and then confirms that it starts now: who overslept,
    or was held up by a 429 meanwhile, waits until the windows have room again. A place that is not used is given back.
    What counts for the provider is when a request arrives, which is known for sure once it is answered: that is the
    time that counts here, or else requests that start spaced exactly could arrive bunched.
    """

    def __init__(self, *, per_second: float | None = None, per_minute: float | None = None) -> None:
        limits = ((per_second, 1.0, "per_second"), (per_minute, 60.0, "per_minute"))
        for limit, _, name in limits:
            if limit is None:
                continue
            if isinstance(limit, bool) or not isinstance(limit, int | float) or not _LEAST <= limit <= _MOST:
                raise InvalidInput(f"{name} has to be a number from {_LEAST} to {_MOST:.0f}")
        self.per_second = per_second
        self.per_minute = per_minute
        self.windows: tuple[tuple[int, float], ...] = tuple(
            _window(limit, span) for limit, span, _ in limits if limit is not None
        )
        """How many requests, in how many seconds."""
        self._memory = max(span for _, span in (*self.windows, AFTER_429))
        self._started: list[float] = []  # in order, each as late as it may have arrived
        self._waiting: list[float] = []  # places to come, in order
        seconds_count = per_second is not None and (per_minute is None or per_minute >= 60 * per_second)
        self._most_late = _HARDLY_LATE if seconds_count else _MOST_LATE
        self._not_before = float("-inf")
        self._lock = threading.Lock()

    @classmethod
    def unlimited(cls) -> Pace:
        """No limit of its own; it still holds and slows down when the provider answers 429."""
        return cls()

    @classmethod
    def declared(cls, limit: RateLimit | None) -> Pace:
        """What a provider declares it takes; unlimited where nobody says."""
        return cls() if limit is None else cls(per_second=limit.per_second, per_minute=limit.per_minute)

    def reserve(self, now: float, latest: float = float("inf")) -> float:
        """Take the next free place and return the seconds to wait for it (``now`` on a monotonic clock).

        A place that would come after ``latest`` is not taken: nobody would wait for it.
        """
        # Nothing is counted without limits, so a 429 can only slow down what starts after it.
        if not self._windows(now):
            return 0.0
        with self._lock:
            for times in (self._started, self._waiting):
                del times[: bisect_left(times, now - self._memory)]
            # Behind all who wait already: places are given in the order in which they were asked for.
            start = max(now, self._not_before, *self._waiting[-1:])
            for limit, span in self._windows(start):
                queue = sorted(self._started[-limit:] + self._waiting[-limit:])
                if len(queue) >= limit:
                    start = max(start, queue[-limit] + span)
            return self._begin(start, now, latest)

    def confirm(self, reserved: float, now: float) -> float:
        """Start now in place of ``reserved``, or return the seconds to wait on: then the place has moved there."""
        with self._lock:
            _remove(self._waiting, reserved)
            # Not behind those who wait: this is the place that came before theirs.
            start = max(now, self._not_before)
            for limit, span in self._windows(start):
                if len(self._started) >= limit:
                    start = max(start, self._started[-limit] + span)
            return self._begin(start, now)

    def give_back(self, reserved: float) -> None:
        """Leave a place that was reserved to others."""
        with self._lock:
            _remove(self._waiting, reserved)

    def answered(self, started: float, now: float) -> None:
        """Take in that the request that started at ``started`` had arrived by now."""
        # Without limits there is none, and no request has to queue for the lock.
        if self._started:
            with self._lock:
                if _remove(self._started, started):
                    insort(self._started, min(now, started + self._most_late))

    def hold(self, until: float) -> None:
        """Let nothing start before ``until``, and few for a minute after it: the provider answered 429."""
        with self._lock:
            self._not_before = max(self._not_before, until)

    def hold_left(self, now: float) -> float:
        """Seconds for which nothing may start, because of a `hold`; 0 without one."""
        return max(0.0, self._not_before - now)

    def __repr__(self) -> str:
        if not self.windows:
            return "Pace.unlimited()"
        return f"Pace(per_second={self.per_second}, per_minute={self.per_minute})"

    def _windows(self, now: float) -> tuple[tuple[int, float], ...]:
        """How many requests may start in how many seconds, at this time."""
        return (*self.windows, AFTER_429) if now < self._not_before + SLOW_FOR else self.windows

    def _begin(self, start: float, now: float, latest: float = float("inf")) -> float:
        """Start, or wait for it; returns the seconds to wait."""
        if start - now > _ROUNDING:
            if start <= latest:
                insort(self._waiting, start)
            return start - now
        insort(self._started, now)
        return 0.0


def _remove(times: list[float], time: float) -> bool:
    at = bisect_left(times, time - _ROUNDING)
    if at == len(times) or times[at] > time + _ROUNDING:
        return False
    del times[at]
    return True


def _window(limit: float, span: float) -> tuple[int, float]:
    """How many, in how many seconds. A limit below one per window is one per a longer window."""
    return max(1, int(limit)), (span if limit >= 1 else span / limit) + _MARGIN
