"""How fast a client may send: windows that are kept exactly, and a pause that a 429 asks for."""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right, insort

from telephony_core.capabilities import RateLimit
from telephony_core.errors import InvalidInput

# A window is kept a little longer than it is, because requests spaced exactly may arrive bunched.
_MARGIN = 1.01
# Seconds; a place is told as a delay and named by a sum, and the two may round differently.
_ROUNDING = 1e-6


class Pace:
    """At most ``per_second`` requests in any second and ``per_minute`` in any minute.

    One object may be shared by any number of clients, threads and tasks that use one account. Without limits it only
    pauses when the provider answers 429. Raises `InvalidInput` for limits that allow nothing.

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
        self._windows = tuple(_window(limit, span) for limit, span, _ in limits if limit is not None)
        self._memory = max((span for _, span in self._windows), default=0.0)
        self._places: list[float] = []  # starts, past and to come, in order
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

    def reserve(self, now: float, latest: float = float("inf")) -> float:
        """Take the next free place and return the seconds to wait for it (``now`` on a monotonic clock).

        A place that would come after ``latest`` is not taken: nobody would wait for it.
        """
        if not self._windows:
            return self.held(now)
        with self._lock:
            del self._places[: bisect_left(self._places, now - self._memory)]
            last = self._places[-1] if self._places else now
            start = self._free_from(max(now, self._not_before, last))
            if start <= latest:
                self._places.append(start)
            return start - now

    def confirm(self, reserved: float, now: float) -> float:
        """Start now in place of ``reserved``, or return the seconds to wait on: then the place has moved there."""
        if not self._windows:
            return self.held(now)
        with self._lock:
            self._forget(reserved)
            start = self._free_from(max(now, self._not_before))
            insort(self._places, start)
            return start - now if start - now > _ROUNDING else 0.0

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

    def __repr__(self) -> str:
        if not self._windows:
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

    def _forget(self, place: float) -> None:
        at = bisect_left(self._places, place - _ROUNDING)
        if at < len(self._places) and self._places[at] <= place + _ROUNDING:
            del self._places[at]


def _window(limit: float, span: float) -> tuple[int, float]:
    """How many, in how many seconds. A limit below one per window is one per a longer window."""
    return max(1, int(limit)), (span if limit >= 1 else span / limit) * _MARGIN
