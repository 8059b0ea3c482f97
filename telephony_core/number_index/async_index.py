"""The index for async code: the same as `NumberIndex` with ``await``; tasks list the accounts."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from telephony_core.accounts.connection import Connection
from telephony_core.client import AsyncTelephony
from telephony_core.domain.number_identity import NumberIdentity
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.errors import ClientClosed, TelephonyError
from telephony_core.number_index.accounts import (
    MOST_AT_ONCE,
    Account,
    LookedUp,
    Need,
    NumberIndexBase,
    for_one_of_many,
    with_declared_pace,
)
from telephony_core.number_index.located import Located
from telephony_core.transport.clock import Clock
from telephony_core.transport.lifecycle import AsyncClosing, require_asyncio

if TYPE_CHECKING:
    import asyncio
    import os

log: Final = logging.getLogger("telephony_core")


def _open(connection: Connection) -> AsyncTelephony:
    return AsyncTelephony(connection, pace=with_declared_pace(connection))


class AsyncNumberIndex(AsyncClosing, NumberIndexBase[AsyncTelephony]):
    """`NumberIndex` for async code: which account serves a number, answered from memory, with the age of the answer.

    Everything said there holds here; `peek`, which never waits, is an ordinary method. It belongs to one event loop.
    """

    def __init__(
        self,
        source: AsyncTelephony | Iterable[AsyncTelephony] | Mapping[str, Connection],
        *,
        max_age: float = 300.0,
        refresh_after: float | None = None,
        file: str | os.PathLike[str] | None = None,
        opener: Callable[[Connection], AsyncTelephony] = _open,
        clock: Clock | None = None,
    ) -> None:
        import asyncio

        self._tasks: set[asyncio.Task[None]] = set()
        self._is_kept_fresh = False
        self._turns = asyncio.Semaphore(MOST_AT_ONCE)
        super().__init__(
            source,
            max_age=max_age,
            refresh_after=refresh_after,
            file=file,
            opener=opener,
            kind=AsyncTelephony,
            new_lock=asyncio.Lock,
            clock=clock,
        )

    async def find(
        self,
        number: str,
        *,
        region: str | None = None,
        connection: str | None = None,
        max_age: float | None = None,
        fresh: bool = False,
    ) -> Located:
        """`NumberIndex.find` for async code: who serves a number, by what is at most ``max_age`` seconds old."""
        question = self._question(number, region, connection, opens=True)
        looked_up: dict[str, LookedUp] = {}
        await self._all(self._work(question, self._bound(max_age, fresh), looked_up))
        return self._answer(question, looked_up)

    async def refresh(self, *connections: str) -> Mapping[str, TelephonyError]:
        """List these accounts anew, or all of them; those that could not be read, with the reason."""
        accounts = [self._account(name) for name in connections] or list(self._accounts.values())
        await self._all(self._all_anew(accounts))
        return {each.name: each.known.error for each in accounts if each.known.error is not None}

    def keep_fresh(self) -> None:
        """From now on, list each account in the background as often as ``refresh_after`` says, until the index closes.

        For who only asks `peek`, which never lists. Call it in the event loop.
        """
        require_asyncio()
        if not self._is_kept_fresh:
            self._is_kept_fresh = True
            self._in_background(self._keep())

    async def aclose(self) -> None:
        """Close the clients that the index made, and end what it does in the background."""
        import asyncio

        self._lifecycle.end()
        # Its event loop, and its file, are of the process that this one was forked from.
        if not self._lifecycle.is_here:
            return
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for account in self._accounts.values():
            if account.client is not None and account.owned:
                await account.client.aclose()
            else:
                self._let_go(account)
        if self._file is not None:
            self._file.close()

    # -- listing

    async def _list(self, account: Account[AsyncTelephony], asked: int, bound: float | None) -> None:
        """List an account, unless somebody did since. What goes wrong is the account's error.

        Who goes away meanwhile leaves the listing to those who come next. Where nobody waits for as long as it takes,
        there would never be one, and requests without end.
        """
        import asyncio

        await account.lock.acquire()
        listing = None
        try:
            self._lifecycle.check()
            if account.client is None or self._is_answered(account, asked, bound):
                return
            listing = self._in_background(self._listed(account, account.client, bound))
            listing.add_done_callback(lambda _: account.lock.release())
        finally:
            if listing is None:
                account.lock.release()
        await asyncio.wait([listing])
        if listing.cancelled():  # by whoever closed the index meanwhile, or by the end of the event loop
            self._lifecycle.check()
        listing.result()

    async def _listed(self, account: Account[AsyncTelephony], client: AsyncTelephony, bound: float | None) -> None:
        import asyncio

        # SQLite waits for the disk, and for other processes.
        if self._file is not None and await asyncio.to_thread(self._read_file, account, bound):
            return
        # Inside of the lock: who waits for somebody else's listing takes no turn from those who list.
        async with self._turns:
            draft = account.known.start()
            try:
                async for record in client.list_numbers():
                    draft.add(record)
            except TelephonyError as error:
                account.known.fail(error)
                return
        account.known.show(draft)
        if self._file is not None:
            await asyncio.to_thread(self._write_file, account)

    async def _ask(
        self, account: Account[AsyncTelephony], identity: NumberIdentity, looked_up: dict[str, LookedUp]
    ) -> None:
        """Let the provider look a number up."""
        if account.client is None:  # and its error says why
            return
        asked_at = self._clock.monotonic()
        answer: tuple[PhoneNumber, ...] | TelephonyError
        try:
            async with self._turns:
                answer = await account.client.run(account.client.operations.records_of(identity))
        except TelephonyError as error:
            answer = error
        looked_up[account.name] = answer, asked_at

    async def _records_of(
        self, account: Account[AsyncTelephony], identity: NumberIdentity, *, fresh: bool
    ) -> tuple[PhoneNumber, ...] | None:
        """What a client asks before it lists by itself; ``None`` where this index is closed."""
        if not self._lifecycle.goes_on:
            return None
        asked, bound = account.known.listings.started, self._bound(None, fresh)
        need = self._need(account, bound)
        if need is Need.SOON:
            self._refresh_soon(account)
        elif need is Need.LIST:
            try:
                await self._list(account, asked, bound)
            except ClientClosed:  # the index, meanwhile
                return None
            if (error := account.known.error) is not None:
                raise for_one_of_many(error)
        return account.known.that_may_be(identity)

    async def _all(self, work: list[Callable[[], Coroutine[Any, Any, None]]]) -> None:
        """Do all of it, at the same time, and wait for it."""
        import asyncio

        require_asyncio()
        if len(work) == 1:  # without a task: most questions are about one account
            await work[0]()
        else:
            await asyncio.gather(*(each() for each in work))

    def _in_background(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        import asyncio

        task = asyncio.get_running_loop().create_task(work)
        # The event loop itself holds tasks weakly, and one that nobody holds may vanish while it runs.
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # otherwise asyncio tells of it where whoever waited has gone

    def _refresh_soon(self, account: Account[AsyncTelephony]) -> None:
        if not account.is_refreshing and self._lifecycle.goes_on:
            account.is_refreshing = True
            self._in_background(self._refresh(account, account.known.listings.started))

    async def _refresh(self, account: Account[AsyncTelephony], asked: int) -> None:
        try:
            await self._list(account, asked, self.refresh_after)
        except Exception:  # an adapter's fault; nobody waits here to whom it could be raised
            log.exception("%s could not be listed in the background", account.name)
        finally:
            account.is_refreshing = False

    async def _keep(self) -> None:
        import asyncio

        while True:
            for account in self._accounts.values():
                try:
                    self._open(account)
                except Exception:  # an opener's fault; it is tried again in the next round
                    log.exception("%s could not be opened in the background", account.name)
                    continue
                if not account.known.is_within(self.refresh_after):
                    self._refresh_soon(account)
            await self._clock.asleep(self._between_rounds)
            await asyncio.sleep(0)  # virtual time may let nobody else have a turn
