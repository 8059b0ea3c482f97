"""Time that passes only when somebody waits, so that retries and pauses cost a test nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from telephony_core.transport.clock import Clock


def virtual_clock(start: datetime | None = None) -> Clock:
    """A clock that moves on by exactly the seconds it is asked to wait.

    ``start`` is what ``now()`` says first (aware); without one it is the present. Give each client its own:
    ``Telephony("vox", …, clock=virtual_clock())``.
    """
    begun = (start or datetime.now(UTC)).astimezone(UTC)
    passed = 0.0

    def sleep(seconds: float) -> None:
        nonlocal passed
        passed += seconds

    async def asleep(seconds: float) -> None:
        sleep(seconds)

    return Clock(lambda: passed, lambda: begun + timedelta(seconds=passed), sleep, asleep)
