"""The pace of one account of a provider, shared by all workers of a fleet: never more than allowed in any window."""

from __future__ import annotations

import asyncio
from typing import Any, Final, LiteralString, Self

from telephony_core.fleet.database import Database, DatabaseSession
from telephony_core.migration.journal.sqlite_file import JournalError
from telephony_core.provider.capabilities import RateLimit
from telephony_core.transport.clock import Clock
from telephony_core.transport.pace import AFTER_429, SLOW_FOR, Pace, Pacer

_LATE: Final = 2.0
"""Seconds after its start by which a request has arrived, unless its answer says sooner: a cold process that opens a
connection first takes its time. Places of a process that died are free that much later."""
_UNASKED: Final = 0.05
"""Seconds for which nobody asks again where nothing limits an account: so late may a hold be known elsewhere."""
_FRESH: Final = 0.25
"""Seconds after which a start that was allowed is not used any more: the rest of `_LATE` is for the way."""

_TAKE: Final = (
    "SELECT place, delay, held FROM pace_take"
    "(%s, %s::integer[], %s::float8[], %s, %s, %s, %s, %s, %s, %s::float8[], %s::float8[], %s::float8[])"
)


class SharedPace:
    """A `Pacer` for async clients, kept as one row that names the account; all times in it are the database's.

    A request asks right before it starts, so nothing starts after a 429 that any worker was answered. What counts is
    when requests arrive at the provider, as with `Pace`: one without an answer yet counts as late as it may arrive.
    A start that the database allowed but that this process learned of too late (it was stopped, or busy) is given back
    and asked for anew. ``account`` is any name, the same for all who use the account.

    Belongs to one event loop; as a context manager it closes its connection.

    Raises `JournalError` where the database does not answer: nothing is sent without it.
    """

    def __init__(
        self,
        database: Database,
        account: str,
        *,
        per_second: float | None = None,
        per_minute: float | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.account = account
        self.per_second: float | None = per_second
        self.per_minute: float | None = per_minute
        self._database = database
        self._clock = clock or Clock()
        self._here = Pace(per_second=per_second, per_minute=per_minute)
        windows = self._here.windows
        self._limits = ([count for count, _ in windows], [span for _, span in windows], *AFTER_429, SLOW_FOR, _LATE)
        self._connection: DatabaseSession | None = None
        self._connecting = asyncio.Lock()  # a 429 is told while others ask, and both may find no connection
        self._asking = asyncio.Lock()
        self._waiting: dict[float, float] = {}  # places by when they come, in the times of here and of the database
        self._started: dict[float, float] = {}
        self._gone: list[float] = []
        self._answered: dict[float, float] = {}  # starts whose request has arrived, and by when
        self._free_until = float("-inf")

    @classmethod
    def declared(cls, database: Database, account: str, limit: RateLimit | Pacer | None) -> Self:
        """What a provider declares it takes, or the pace of a connection; unlimited but for a 429 where nobody says."""
        if limit is None:
            return cls(database, account)
        return cls(database, account, per_second=limit.per_second, per_minute=limit.per_minute)

    async def reserve(self, now: float, latest: float = float("inf")) -> float:
        return await self._take(now, min(latest - now, 1e9), queued=True)

    async def confirm(self, reserved: float, now: float) -> float:
        self.give_back(reserved)
        return await self._take(now, 1e9, queued=False)

    async def hold(self, until: float) -> None:
        self._here.hold(until)
        self._free_until = float("-inf")
        await self._call("SELECT pace_hold(%s, %s)", self.account, max(0.0, until - self._clock.monotonic()))

    def give_back(self, reserved: float) -> None:
        if (place := self._waiting.pop(reserved, None)) is not None:
            self._gone.append(place)

    def answered(self, started: float, now: float) -> None:
        place = self._started.pop(started, None)
        if place is not None and now - started < _LATE:
            self._answered[place] = place - _LATE + (now - started)

    def hold_left(self, now: float) -> float:
        return self._here.hold_left(now)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._connection is not None:
            await self._connection.__aexit__()

    async def _take(self, now: float, patience: float, *, queued: bool) -> float:
        """Start now (0), or wait so many seconds for a place. ``now`` is when this client asked, at the latest."""
        async with self._asking:
            if now < self._free_until:  # one answer serves all who ask meanwhile, where nothing limits the account
                return 0.0
            gone, self._gone, told, self._answered = self._gone, [], self._answered, {}
            place, delay, held = await self._call(
                _TAKE, self.account, *self._limits, patience, queued, gone, [*told], [*told.values()]
            )
        if place is None:
            self._free_until = self._clock.monotonic() + _UNASKED
            return 0.0
        if held > 0:
            self._here.hold(now + held)
        if delay > 0:
            self._waiting[now + delay] = place
            return float(delay)
        if self._clock.monotonic() - now > _FRESH:
            # Not among those gone from the queue: times are a quarter of a microsecond apart, so a place in the queue
            # may be the very moment in which another request arrived.
            self._answered[place] = float("-inf")
            return 0.001  # and asked for anew by then, unless time has run out
        while self._started and now - next(iter(self._started)) > _LATE:
            del self._started[next(iter(self._started))]  # what a later answer would say is taken as given by now
        self._started[now] = place
        return 0.0

    async def _call(self, statement: LiteralString, *values: object) -> tuple[Any, ...]:
        async with self._connecting:
            if self._connection is None or self._connection.is_closed:
                self._connection = await self._database.connect()
            connection = self._connection
        try:
            return (await connection.rows(statement, values))[0]
        except JournalError:
            await connection.__aexit__()  # it may lead to a standby, and would for as long as that one is there
            raise
