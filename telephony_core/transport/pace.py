"""How fast a client may send: windows that are kept exactly, and what a 429 teaches."""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right, insort
from collections import deque
from typing import Final

from telephony_core.capabilities import RateLimit
from telephony_core.errors import InvalidInput

_MARGIN: Final = 0.025
"""Seconds by which a window is kept longer than it is: requests that start spaced exactly may arrive bunched."""
_ROUNDING: Final = 1e-6
"""Seconds. A place is told as a delay and named by a sum, and the two may round differently."""
_LEARNT_FOR: Final = 60.0
"""Seconds for which a limit that a 429 taught is kept."""


class Pace:
    """At most ``per_second`` requests in any second and ``per_minute`` in any minute.

    One object may be shared by any number of clients, threads and tasks that use one account. With limits or without,
    it adapts to a 429: all pause for as long as the provider asks, and for a minute no second gets more requests than
    the provider took in the one before it refused. Raises `InvalidInput` for limits that allow nothing.

    A request first reserves its place in the queue, waits for it, and then confirms that it starts now: who overslept,
    or was held up by a 429 meanwhile, waits until the windows have room again. A place that is not used is given back.
    """

    def __init__(self, *, per_second: float | None = None, per_minute: float | None = None) -> None:
        limits = ((per_second, 1.0, "per_second"), (per_minute, 60.0, "per_minute"))
        for limit, _, name in limits:
            if limit is not None and not limit > 0:
                raise InvalidInput(f"{name} has to be more than 0")
        self.per_second = per_second
        self.per_minute = per_minute
        self._limits = tuple(_window(limit, span) for limit, span, _ in limits if limit is not None)
        self._windows = self._limits
        self._memory = max((span for _, span in self._limits), default=1.0 + _MARGIN)
        self._places: list[float] = []  # starts, past and to come, in order
        self._taken: deque[float] = deque(maxlen=1000)  # starts that were not refused as far as is known
        self._not_before = float("-inf")
        self._resumed = float("-inf")
        self._learnt_until = float("-inf")
        self._lock = threading.Lock()

    @classmethod
    def unlimited(cls) -> Pace:
        """No limit of its own; it still adapts when the provider answers 429."""
        return cls()

    @classmethod
    def declared(cls, limit: RateLimit | None) -> Pace:
        """What a provider declares it takes; unlimited where nobody says."""
        return cls() if limit is None else cls(per_second=limit.per_second, per_minute=limit.per_minute)

    def reserve(self, now: float, latest: float = float("inf")) -> float:
        """Take the next free place and return the seconds to wait for it (``now`` on a monotonic clock).

        A place that would come after ``latest`` is not taken: nobody would wait for it.
        """
        if not self._windows and now >= self._not_before:
            self._taken.append(now)
            return 0.0
        with self._lock:
            self._forget_what_was_learnt(now)
            del self._places[: bisect_left(self._places, now - self._memory)]
            last = self._places[-1] if self._places else now
            start = self._free_from(max(now, self._not_before, last))
            if start <= latest:
                self._places.append(start)
            return self._delay(start, now)

    def confirm(self, reserved: float, now: float) -> float:
        """Start now in place of ``reserved``, or return the seconds to wait on: then the place has moved there."""
        with self._lock:
            self._forget(reserved)
            start = self._free_from(max(now, self._not_before))
            insort(self._places, start)
            return self._delay(start, now)

    def give_back(self, reserved: float) -> None:
        """Leave a place that was reserved to others."""
        with self._lock:
            self._forget(reserved)

    def held(self, now: float) -> float:
        """Seconds for which nothing may start, because the provider asked for it; 0 when it did not."""
        return max(0.0, self._not_before - now)

    def hold(self, until: float) -> None:
        """Let nothing start before ``until``, because the provider asked for it."""
        with self._lock:
            self._not_before = max(self._not_before, until)

    def refused(self, started: float, until: float) -> None:
        """Take in that the request that started at ``started`` was answered 429; nothing starts before ``until``."""
        with self._lock:
            if started in self._taken:
                self._taken.remove(started)
            if self._learns_from(started):
                # Of a burst some were taken and the rest refused; each refusal that comes in makes the count truer.
                taken = sum(started - 1.0 < start <= started for start in list(self._taken))
                self._windows = (*self._limits, _window(max(1, taken), 1.0))
                self._learnt_until = until + _LEARNT_FOR
            self._not_before = max(self._not_before, until)

    def __repr__(self) -> str:
        if not self._limits:
            return "Pace.unlimited()"
        return f"Pace(per_second={self.per_second}, per_minute={self.per_minute})"

    def _free_from(self, start: float) -> float:
        """The first moment from ``start`` on at which every window has room, places yet to come left aside."""
        moved = True
        while moved:
            moved = False
            for limit, span in self._windows:
                before = bisect_right(self._places, start)
                if before >= limit and (free := self._places[before - limit] + span) > start:
                    start, moved = free, True
        return start

    def _delay(self, start: float, now: float) -> float:
        if start - now > _ROUNDING:
            return start - now
        self._taken.append(now)
        return 0.0

    def _learns_from(self, started: float) -> bool:
        """Whether the second before this start was a free one: what was taken during a pause teaches nothing."""
        if self._not_before <= started:
            self._resumed = self._not_before
        return started - self._resumed >= 1.0

    def _forget_what_was_learnt(self, now: float) -> None:
        if now > self._learnt_until:
            self._windows = self._limits

    def _forget(self, place: float) -> None:
        at = bisect_left(self._places, place - _ROUNDING)
        if at < len(self._places) and self._places[at] <= place + _ROUNDING:
            del self._places[at]


def _window(limit: float, span: float) -> tuple[int, float]:
    """How many, in how many seconds. A limit below one per window is one per a longer window."""
    return max(1, int(limit)), (span if limit >= 1 else span / limit) + _MARGIN
