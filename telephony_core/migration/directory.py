"""One listing of the target that answers for many numbers: few vendors can look a number up."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
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
    """The target's records of the numbers that matter, and how old that knowledge is.

    Of a number that is settled only the ids of its live records are kept, so that what is held does not grow with
    what was done.
    """

    def __init__(
        self,
        client: AsyncTelephony,
        numbers: Iterable[NumberIdentity],
        clock: Clock,
        made: Collection[str] = (),
    ) -> None:
        self._client = client
        self._clock = clock
        self._wanted = {number.account_key for number in numbers}
        self._settled: set[str] = set()
        self._made = made
        self._shows_made = False
        self._found: dict[str, list[PhoneNumber]] = {}
        self._live: dict[str, list[str]] = {}
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
        await self._look(fresh=fresh)
        return tuple(self._found.get(number.account_key, ()))

    async def shows_made(self, *, fresh: bool = False) -> bool:
        """Whether any of the records ``made`` is there, in whatever status; ``fresh`` as in `records_of`."""
        await self._look(fresh=fresh)
        return self._shows_made

    def settle(self, number: NumberIdentity) -> None:
        """Nobody will ask for the records of this number any more, only whether there are two."""
        key = number.account_key
        self._wanted.discard(key)
        self._found.pop(key, None)
        self._settled.add(key)

    async def live_of_settled(self, number: NumberIdentity, *, fresh: bool = False) -> list[str]:
        """Ids of the live records of a settled number; ``fresh`` as in `records_of`."""
        await self._look(fresh=fresh)
        return self._live.get(number.account_key, [])

    async def _look(self, *, fresh: bool) -> None:
        begun = self._begun
        async with self._lock:
            if (fresh and self._shown <= begun) or self._clock.monotonic() >= self._ages_at:
                await self._list()

    async def _list(self) -> None:
        self._begun += 1
        listing = self._begun
        started = self._clock.monotonic()
        found: dict[str, list[PhoneNumber]] = {}
        live: dict[str, list[str]] = {}
        async for record in self._client.list_numbers():
            key = record.identity.account_key
            self._shows_made = self._shows_made or record.id in self._made
            if key in self._wanted:
                found.setdefault(key, []).append(record)
            elif key in self._settled and record.is_live:
                live.setdefault(key, []).append(record.id)
        ended = self._clock.monotonic()
        self._found, self._live, self._shown = found, live, listing
        self._ages_at = ended + LIFE * (ended - started)
