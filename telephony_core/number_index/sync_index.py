"""The index for ordinary code: threads list the accounts, at most so many at a time, one for each account."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from telephony_core.accounts.connection import Connection
from telephony_core.client import Telephony
from telephony_core.domain.number_identity import NumberIdentity
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.errors import TelephonyError
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
from telephony_core.transport.lifecycle import Closing

if TYPE_CHECKING:
    import os

log: Final = logging.getLogger("telephony_core")


def _open(connection: Connection) -> Telephony:
    return Telephony(connection, pace=with_declared_pace(connection))


class NumberIndex(Closing, NumberIndexBase[Telephony]):
    """Which account serves a number, answered from memory, with the age of the answer.

    ``source`` is a client, several of them, or `Connections`. An account is listed when it is first asked about, and
    again when what is known of it is older than ``max_age`` seconds: then whoever asks waits. Older than
    ``refresh_after`` seconds (half of it) it answers, and is listed in the background. Each account is listed once at
    a time, however many ask, and different ones at the same time. Where a provider looks a number up by itself, that is
    asked instead.

    The clients of the index tell it of their writes at once: those that it was made over, and those of `client`. Their
    ``find_number`` and the look before an import use it, too. What is changed elsewhere shows at the next listing.

    ``file`` keeps what is known for the next process: it is of its owner alone and holds no secret. ``opener`` makes
    the client of a connection; without one it has the connection's pace, or the one that its provider declares.
    Clients that were handed in stay open when the index is closed. Thread-safe.

    Raises `InvalidInput` for two clients of one connection, `ConfigurationError` for a file that cannot be trusted.
    """

    def __init__(
        self,
        source: Telephony | Iterable[Telephony] | Mapping[str, Connection],
        *,
        max_age: float = 300.0,
        refresh_after: float | None = None,
        file: str | os.PathLike[str] | None = None,
        opener: Callable[[Connection], Telephony] = _open,
        clock: Clock | None = None,
    ) -> None:
        self._end = threading.Event()
        self._keeper: threading.Thread | None = None
        super().__init__(
            source,
            max_age=max_age,
            refresh_after=refresh_after,
            file=file,
            opener=opener,
            kind=Telephony,
            new_lock=threading.Lock,
            clock=clock,
        )
        # It starts a thread only when there is work for one.
        most = min(MOST_AT_ONCE, len(self._accounts)) or 1
        self._threads = ThreadPoolExecutor(most, thread_name_prefix="telephony-number-index")

    def find(
        self,
        number: str,
        *,
        region: str | None = None,
        connection: str | None = None,
        max_age: float | None = None,
        fresh: bool = False,
    ) -> Located:
        """Who serves a number, in any spelling, by what is at most ``max_age`` seconds old (by default the index's).

        Over several accounts it has to be E.164, or national digits with their ``region`` (ISO 3166); in the account of
        one ``connection`` it may be anything. ``fresh`` asks every account anew. An account that cannot be read is in
        ``failed`` and hides nothing of the others. Raises `InvalidInput` for what cannot be meant.
        """
        question = self._question(number, region, connection, opens=True)
        looked_up: dict[str, LookedUp] = {}
        self._all(self._work(question, self._bound(max_age, fresh), looked_up))
        return self._answer(question, looked_up)

    def refresh(self, *connections: str) -> Mapping[str, TelephonyError]:
        """List these accounts anew, or all of them; those that could not be read, with the reason."""
        accounts = [self._account(name) for name in connections] or list(self._accounts.values())
        self._all(self._all_anew(accounts))
        return {each.name: each.known.error for each in accounts if each.known.error is not None}

    def keep_fresh(self) -> None:
        """From now on, list each account in the background as often as ``refresh_after`` says, until the index closes.

        For who only asks `peek`, which never lists.
        """
        if self._keeper is None:
            self._keeper = threading.Thread(target=self._keep, name="telephony-number-index", daemon=True)
            self._keeper.start()

    def close(self) -> None:
        """Close the clients that the index made, and end what it does in the background."""
        self._lifecycle.end()
        if not self._lifecycle.is_here:  # its threads, and its file, are of the process that this one was forked from
            return
        # Then the clients, and only then the threads: what they are listing ends by `ClientClosed` at its next record.
        self._end.set()
        for account in self._accounts.values():
            with account.opening:
                if account.client is not None and account.owned:
                    account.client.close()
                else:
                    self._let_go(account)
        self._threads.shutdown(cancel_futures=True)
        if self._keeper is not None:
            self._keeper.join()
        if self._file is not None:
            self._file.close()

    # -- listing

    def _list(self, account: Account[Telephony], asked: int, bound: float | None) -> None:
        """List an account, unless somebody did since. What goes wrong is the account's error."""
        with account.lock:
            if account.client is None or self._is_answered(account, asked, bound) or self._read_file(account, bound):
                return
            draft = account.known.start()
            try:
                for record in account.client.list_numbers():
                    self._lifecycle.check()
                    draft.add(record)
            except TelephonyError as error:
                account.known.fail(error)
                return
            account.known.show(draft)
            self._write_file(account)

    def _ask(self, account: Account[Telephony], identity: NumberIdentity, looked_up: dict[str, LookedUp]) -> None:
        """Let the provider look a number up."""
        if account.client is None:  # and its error says why
            return
        asked_at = self._clock.monotonic()
        answer: tuple[PhoneNumber, ...] | TelephonyError
        try:
            answer = account.client.run(account.client.operations.records_of(identity))
        except TelephonyError as error:
            answer = error
        looked_up[account.name] = answer, asked_at

    def _records_of(
        self, account: Account[Telephony], identity: NumberIdentity, *, fresh: bool
    ) -> tuple[PhoneNumber, ...] | None:
        """What a client asks before it lists by itself; ``None`` where this index is closed."""
        if not self._lifecycle.goes_on:
            return None
        asked, bound = account.known.listings.started, self._bound(None, fresh)
        need = self._need(account, bound)
        if need is Need.SOON:
            self._refresh_soon(account)
        elif need is Need.LIST:
            self._list(account, asked, bound)
            if not self._lifecycle.goes_on:
                return None
            if (error := account.known.error) is not None:  # read once: another thread may list meanwhile
                raise for_one_of_many(error)
        return account.known.that_may_be(identity)

    def _all(self, work: list[Callable[[], None]]) -> None:
        """Do all of it, at the same time, and wait for it."""
        # Without a thread: most questions are about one account.
        if len(work) == 1:
            work[0]()
        else:
            futures = [self._in_thread(each) for each in work]
            try:
                for future in futures:
                    future.result()
            except CancelledError:  # somebody closed the index while this waited for its turn
                self._lifecycle.check()
                raise

    def _in_thread(self, work: Callable[[], None]) -> Future[None]:
        try:
            return self._threads.submit(work)
        except RuntimeError:  # after its end, which may come at any moment
            self._lifecycle.check()
            raise

    def _refresh_soon(self, account: Account[Telephony]) -> None:
        if account.is_refreshing or not self._lifecycle.goes_on:
            return
        account.is_refreshing = True
        asked = account.known.listings.started

        def refresh() -> None:
            try:
                self._list(account, asked, self.refresh_after)
            except Exception:  # an adapter's fault; nobody waits here to whom it could be raised
                log.exception("%s could not be listed in the background", account.name)
            finally:
                account.is_refreshing = False

        try:
            self._in_thread(refresh)
        except BaseException:
            account.is_refreshing = False
            raise

    def _keep(self) -> None:
        while not self._end.is_set():
            for account in self._accounts.values():
                try:
                    self._open(account)
                    if not account.known.is_within(self.refresh_after):
                        self._refresh_soon(account)
                except Exception:  # an opener's fault, or no thread is to be had; it is tried again in the next round
                    if self._lifecycle.goes_on:
                        log.exception("%s could not be opened in the background", account.name)
            self._end.wait(self._between_rounds)
