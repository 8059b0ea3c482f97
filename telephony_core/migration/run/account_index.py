"""What an account lists of the numbers that matter: one listing answers everybody who asked before it started.

Few vendors can look a number up, so a look is a listing, and lists are as long as the account. Two rules keep a look
honest and bearable:

- A listing answers a look only if it was started after the look was asked for. Looks that wait together share one.
- Further looks are answered by the last one too while it is young (`good_for`), measured by what it cost. Otherwise an
  account of ten thousand numbers would be listed anew for every single import.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Final

from telephony_core.domain.number_identity import NumberIdentity
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.number_index.known_numbers import Listings
from telephony_core.provider.identity import id_key
from telephony_core.transport.clock import Clock

if TYPE_CHECKING:
    from telephony_core.client import AsyncTelephony

SHARED_FOR: Final = 24.0
"""A listing answers further looks for so many times as long as it took: looking costs a twenty-fifth of the time."""
OLDEST: Final = 120.0
"""Seconds since a listing started after which it answers no further look, unless it took most of them itself."""


def good_for(took: float) -> float:
    """Seconds since it started for which a listing that took so many seconds answers looks that were asked for later.

    Of an account whose listing takes longer than a minute, half of the time is left for the work itself.
    """
    return min(SHARED_FOR * took, max(OLDEST, 2 * took))


class AccountIndex:
    """One account's records of some numbers and ids, as its last listing shows them.

    Of a number that is settled only the ids of its live records are kept, so that what is held does not grow with what
    was done.
    """

    def __init__(
        self, client: AsyncTelephony, clock: Clock, numbers: Iterable[NumberIdentity] = (), ids: Iterable[str] = ()
    ) -> None:
        self._client = client
        self._numbers = {number.account_key: number for number in numbers}
        self._ids = {id_key(id) for id in ids}
        self._settled: set[str] = set()
        self._by_number: dict[str, list[PhoneNumber]] = {}
        self._by_id: dict[str, PhoneNumber] = {}
        self._live_of_settled: dict[str, list[str]] = {}
        self._unclear: list[PhoneNumber] = []
        """Live records whose numbers cannot be read, and may be some of these."""
        self._looked_for: frozenset[str] = frozenset()
        """Ids that the listing that is shown would have kept."""
        self._listings = Listings(clock)
        self._lock = asyncio.Lock()
        self.each: Callable[[PhoneNumber], object] = lambda record: None
        """Called with every record of every listing."""
        self.oldest: datetime | None = None
        """When the oldest record of the whole account was made, as far as the last listing shows."""

    # -- asking

    async def look(
        self, number: NumberIdentity, id: str | None = None, *, fresh: bool = False
    ) -> tuple[PhoneNumber, ...]:
        """Every record that is of this number, may be of it, or has this id, in any status. Raises what listing raises.

        A ``fresh`` look is never answered by a listing that was started before it, however long that took.
        """
        if id is not None:
            self._ids.add(id_key(id))
        # Where one request answers, nothing is shared and nothing is as old as a listing.
        if self._client.operations.looks_up(number):
            return await self._client.run(self._client.operations.records_of(number))
        await self._ask(id, shared=not fresh)
        return self.shown(number, id)

    async def refresh(self) -> None:
        """Make sure that what is shown was listed after this call."""
        await self._ask(None, shared=False)

    def live_of_settled(self, number: NumberIdentity) -> list[str]:
        """Ids of the live records of a settled number, as last listed."""
        return self._live_of_settled.get(number.account_key, [])

    # -- what the last listing shows, without asking

    def shown(self, number: NumberIdentity, id: str | None = None) -> tuple[PhoneNumber, ...]:
        """What the last listing showed of this number, and under this id."""
        found = [*self._by_number.get(number.account_key, ()), *self.unclear(number)]
        other = self.by_id(id) if id is not None else None
        if other is not None and all(record.id != other.id for record in found):
            found.append(other)
        return tuple(found)

    def unclear(self, number: NumberIdentity) -> tuple[PhoneNumber, ...]:
        """Live records that may be of this number, and are written in a way that is not read as one."""
        return tuple(record for record in self._unclear if record.identity.may_be(number))

    def by_id(self, id: str) -> PhoneNumber | None:
        """The record with this id, if it is among those that were to be kept and the last listing showed it."""
        return self._by_id.get(id_key(id))

    def settle(self, number: NumberIdentity) -> None:
        """Nobody will ask for the records of this number any more, only whether there are two."""
        key = number.account_key
        self._numbers.pop(key, None)
        for record in self._by_number.pop(key, ()):
            self._by_id.pop(id_key(record.id), None)
        self._settled.add(key)

    # -- listing

    async def _ask(self, id: str | None, *, shared: bool) -> None:
        asked = self._listings.started
        async with self._lock:
            # A listing that was under way when this was asked may have passed the record's page already: it answers
            # nobody who came later.
            if not self._listings.since(asked) and not (shared and self._may_be_shared(id)):
                await self._list()

    def _may_be_shared(self, id: str | None) -> bool:
        is_young = self._listings.age < good_for(self._listings.took)
        # Records of ids that it was not asked for were not kept, so it cannot tell that they are missing.
        return is_young and (id is None or id_key(id) in self._looked_for)

    async def _list(self) -> None:
        listing, ids = self._listings.start(), frozenset(self._ids)
        by_number: dict[str, list[PhoneNumber]] = {}
        by_id: dict[str, PhoneNumber] = {}
        live_of_settled: dict[str, list[str]] = {}
        unclear: list[PhoneNumber] = []
        oldest: datetime | None = None
        async for record in self._client.list_numbers():
            self.each(record)
            key = record.identity.account_key
            if key in self._numbers:
                by_number.setdefault(key, []).append(record)
            elif key in self._settled and record.is_live:
                live_of_settled.setdefault(key, []).append(record.id)
            # Not only of the numbers that are looked for: which of them it may be is asked when somebody looks.
            if record.is_live and record.identity.e164 is None:
                unclear.append(record)
            if (at := id_key(record.id)) in ids and key not in self._settled:
                by_id[at] = record
            made_at = record.created_at or record.starts_at
            if made_at is not None and (oldest is None or made_at < oldest):
                oldest = made_at
        # All at once, at the end: a listing that fails half-way must not show what is on its later pages as gone.
        self._by_number, self._by_id, self._live_of_settled = by_number, by_id, live_of_settled
        self._unclear = unclear
        self._looked_for, self.oldest = ids, oldest
        self._listings.show(listing)
