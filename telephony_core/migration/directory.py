"""One listing of the target that answers for many numbers: few vendors can look a number up."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from telephony_core.domain.numbers import NumberIdentity
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.transport.clock import Clock

if TYPE_CHECKING:
    from telephony_core.client import AsyncTelephony

LIFE: Final = 4.0
"""A listing answers ordinary looks for so many times as long as it took, so that listing takes a fifth of the time at
most, and a short list is as good as fresh."""


class Directory:
    """The target's records of the numbers that matter, and how old that knowledge is."""

    def __init__(self, client: AsyncTelephony, numbers: Iterable[NumberIdentity], clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._wanted = {_key(number) for number in numbers}
        self._found: dict[str, list[PhoneNumber]] = {}
        self._begun = 0
        """Listings that were begun."""
        self._shown = 0
        """Which of them is shown."""
        self._ages_at = float("-inf")
        self._lock = asyncio.Lock()

    async def records_of(self, number: NumberIdentity, *, fresh: bool = False) -> tuple[PhoneNumber, ...]:
        """Every record of a number. ``fresh`` demands a listing that is begun after this call."""
        if fresh and (look_up := self._client.adapter.find(number)) is not None:
            look_up.close()
            return await self._client.run(self._client.operations.records_of(number))
        begun = self._begun
        async with self._lock:
            if (fresh and self._shown <= begun) or self._clock.monotonic() >= self._ages_at:
                await self._list()
        return tuple(self._found.get(_key(number), ()))

    async def _list(self) -> None:
        self._begun += 1
        listing = self._begun
        started = self._clock.monotonic()
        found: dict[str, list[PhoneNumber]] = {}
        async for record in self._client.list_numbers():
            key = _key(record.identity)
            if key in self._wanted:
                found.setdefault(key, []).append(record)
        ended = self._clock.monotonic()
        self._found, self._shown = found, listing
        self._ages_at = ended + LIFE * (ended - started)


def _key(number: NumberIdentity) -> str:
    # E.164 begins with its +, so it cannot be taken for the raw string of a number without it.
    return number.e164 or f"raw {number.raw}"
