"""How long a check may wait and how much it may read, so that no server can hold it or fill it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields

from telephony_core.errors import InvalidInput

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Timing:
    """Every wait of a check, in seconds.

    ``t1`` and ``t2`` are the timers of RFC 3261 §17.1.2.2: over UDP a request is sent again after 0.5, 1, 2, 4, 4 … s.
    ``answer`` ends the wait for a final answer. The RFC waits 64·T1 = 32 s; a trunk that slow is of no use, so the
    default stops where the sixth datagram would leave. ``total`` bounds the whole check, whatever else is set.
    """

    t1: float = 0.5
    t2: float = 4.0
    answer: float = 11.5
    resolve: float = 5.0
    connect: float = 5.0
    handshake: float = 5.0
    total: float = 45.0

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if not (isinstance(value, (int, float)) and 0 < value < float("inf")):
                raise InvalidInput(f"the timing `{item.name}` is not a positive number of seconds")

    def retransmissions(self) -> Iterator[float]:
        """Timer E: how long to wait before each further datagram."""
        wait = self.t1
        while True:
            yield wait
            wait = min(2 * wait, self.t2)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a check takes from a server at most.

    ``head`` is in bytes, ``replies`` counts the messages of one request that are not its final answer, ``targets`` the
    addresses tried for one transport, ``records`` the NAPTR or SRV records used of one DNS answer.
    """

    head: int = 64 * 1024
    replies: int = 64
    # Whoever runs the zone writes it: a name with a thousand addresses must not become a thousand probes.
    targets: int = 4
    records: int = 8

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if not (isinstance(value, int) and value > 0):
                raise InvalidInput(f"the limit `{item.name}` is not a positive whole number")


class Bounds:
    """Timing and limits of one check, and its end, against which each wait is cut."""

    def __init__(self, timing: Timing, limits: Limits, clock: Clock = time.monotonic) -> None:
        self.timing = timing
        self.limits = limits
        self.clock = clock
        self._end = clock() + timing.total

    @property
    def passed(self) -> bool:
        return self.clock() >= self._end

    def cap(self, wait: float) -> float:
        """``wait``, or what is left of the check if that is less."""
        return max(0.0, min(wait, self._end - self.clock()))
