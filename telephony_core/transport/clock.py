"""Time, as something that can be handed in: nothing in this library waits or looks at a clock on its own."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from telephony_core.provider.vendor_errors import http_date


async def _asyncio_sleep(seconds: float) -> None:
    # Here, so that ordinary code does not pay for importing it.
    import asyncio

    await asyncio.sleep(seconds)


@dataclass(frozen=True, slots=True)
class Clock:
    """``monotonic`` in seconds, ``now`` in aware UTC, and two ways to wait (seconds)."""

    monotonic: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    sleep: Callable[[float], None] = time.sleep
    asleep: Callable[[float], Awaitable[None]] = _asyncio_sleep


class ProviderClock:
    """What a provider's own clock said, by the ``Date`` of its last answer (RFC 9110, section 6.6.1)."""

    __slots__ = ("_at", "_date")

    def __init__(self) -> None:
        self._date: str | None = None
        self._at = 0.0

    def note(self, date: str | None, monotonic: float) -> None:
        """Keep the header of an answer. It is only read when somebody asks, which few ever do."""
        self._date, self._at = date, monotonic

    def now(self, monotonic: float) -> datetime | None:
        """The provider's time now, aware UTC, to the second; ``None`` where it did not tell one that can be read."""
        told = http_date(self._date)
        try:
            return told and told.astimezone(UTC) + timedelta(seconds=monotonic - self._at)
        except OverflowError:  # it told the last moments of the year 9999
            return None
