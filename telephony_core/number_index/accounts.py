"""What both indexes share: the accounts, what is known of each, and what a question still needs. Nothing here waits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache, partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, overload

from telephony_core.accounts.connection import Connection
from telephony_core.client import AsyncTelephony, Telephony
from telephony_core.domain.number_identity import NumberIdentity
from telephony_core.domain.number_parsing import parse_number
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.errors import ConfigurationError, InvalidInput, TelephonyError
from telephony_core.number_index.known_numbers import NEVER, Draft, KnownNumbers
from telephony_core.number_index.located import Located, comparable
from telephony_core.provider.registry import registry
from telephony_core.transport.clock import Clock
from telephony_core.transport.pace import Pace

if TYPE_CHECKING:
    import os

    from telephony_core.number_index.index_file import IndexFile

ClientT = TypeVar("ClientT", Telephony, AsyncTelephony)
MOST_AT_ONCE: Final = 32
"""Accounts that are listed at the same time."""


class Need(Enum):
    """What an account still needs before it can answer."""

    NOTHING = auto()
    SOON = auto()
    """It can answer, and should be listed in the background."""
    LIST = auto()
    """It has to be listed first."""
    ASK = auto()
    """Its provider looks the number up by itself."""


@dataclass(frozen=True, slots=True)
class AccountState:
    """What an index knows of one account."""

    numbers: int
    """Records that are known."""
    age: float
    """Seconds since the listing began that they are from; ``inf`` where there was none."""
    error: TelephonyError | None
    """Why it could not be read when it was last tried."""


@dataclass(slots=True, eq=False)
class Account(Generic[ClientT]):
    """One account, and its client once there is one."""

    name: str
    open: Callable[[], ClientT]
    known: KnownNumbers
    lock: Any
    """Held by whoever lists it: a lock of threads or of tasks."""
    client: ClientT | None = None
    owned: bool = True
    """Whether the client was made here, and is closed here."""
    error: TelephonyError | None = None
    failed: int = 0
    """Which listing that error is of."""
    in_file: str | None = None
    """Its name in the file; it says nothing about the key, and another key has another one."""
    is_refreshing: bool = False

    def answered_since(self, asked: int) -> bool:
        """Whether a listing that was begun after so many others has been shown or has failed."""
        return self.known.listings.since(asked) or self.failed > asked


@dataclass(frozen=True, slots=True)
class Question(Generic[ClientT]):
    """A number, and the accounts that are asked about it."""

    accounts: tuple[Account[ClientT], ...]
    identity: NumberIdentity


class NumberIndexBase(Generic[ClientT]):
    """The part of an index that neither waits nor sends."""

    def __init__(
        self,
        source: ClientT | Iterable[ClientT] | Mapping[str, Connection],
        *,
        max_age: float,
        refresh_after: float | None,
        file: str | os.PathLike[str] | None,
        opener: Callable[[Connection], ClientT],
        new_lock: Callable[[], object],
        clock: Clock | None,
    ) -> None:
        self.max_age: float = _seconds("max_age", max_age)
        """Seconds after which an account is listed before it answers."""
        self.refresh_after: float = _seconds("refresh_after", max_age / 2 if refresh_after is None else refresh_after)
        """Seconds after which an account that answers is listed in the background."""
        self._clock = clock or Clock()
        self._file = None if file is None else _opened_file(file, self._clock)
        self._accounts: dict[str, Account[ClientT]] = {}
        for name, open, client in _accounts_of(source, opener):
            if name in self._accounts:
                raise InvalidInput(
                    f"two clients are of the connection {name!r}",
                    remedy="give each account once, or each Connection a name of its own",
                )
            account = Account(name, open, KnownNumbers(self._clock), new_lock(), owned=client is None)
            self._accounts[name] = account
            self._open(account)

    # -- accounts

    @property
    def accounts(self) -> Mapping[str, AccountState]:
        """What is known of each account, by the name of its connection."""
        return {
            name: AccountState(len(account.known), account.known.age, account.error)
            for name, account in self._accounts.items()
        }

    def client(self, connection: str) -> ClientT:
        """The client of one account, whose writes this index knows of at once.

        Raises what opening it raises, such as `ConfigurationError` for a key that is missing.
        """
        account = self._account(connection)
        self._open(account)
        if account.client is None:
            raise account.error or ConfigurationError(f"connection {connection!r} cannot be opened")
        return account.client

    def _account(self, connection: str) -> Account[ClientT]:
        if connection not in self._accounts:
            raise InvalidInput(
                f"there is no connection {connection[:60]!r} in this index",
                remedy=f"use one of: {', '.join(islice(self._accounts, 20)) or 'it has none'}",
            )
        return self._accounts[connection]

    def _open(self, account: Account[ClientT]) -> None:
        """Make the client of an account, where there is none yet. One that cannot be made is the account's error."""
        if account.client is not None:
            return
        try:
            client = account.open()
        except TelephonyError as error:
            account.error = error
            return
        account.client, account.error = client, None
        client.operations.listener = account.known
        self._attach(account, client)
        if self._file is not None:
            account.in_file = self._file.name_of(client.adapter.config)
            client.operations.listener = self._file.listener(account.in_file, account.known)
            self._read_file(account, NEVER)

    def _attach(self, account: Account[ClientT], client: ClientT) -> None:
        raise NotImplementedError

    # -- questions

    def peek(self, number: str, *, region: str | None = None, connection: str | None = None) -> Located:
        """Who serves a number, as far as is known now: without a request, and without waiting for anything.

        The answer says how old it is. Raises `InvalidInput`, as `find` does.
        """
        return self._answer(self._question(number, region, connection), {}, {})

    def _question(self, number: str, region: str | None, connection: str | None) -> Question[ClientT]:
        asked = self._accounts.values() if connection is None else [self._account(connection)]
        accounts = tuple(asked)
        if not isinstance(number, str):
            parse_number(number, region="ZZ")  # which says what is wrong with it
        if number[:1] == "+":  # mostly written as it is known, and then there is nothing to read
            for account in accounts:
                if (records := account.known.by_number.get(number)) is not None:
                    return Question(accounts, records[0].identity)
        if len(accounts) != 1:
            return Question(accounts, _comparable(number, region))
        # What is no E.164 number means something within one account.
        (only,) = accounts
        own = only.client.capabilities.region if only.client is not None else "ZZ"
        return Question(accounts, _parsed(number, region=region or own))

    def _needs(
        self, question: Question[ClientT], max_age: float | None, fresh: bool
    ) -> dict[str, tuple[Account[ClientT], NumberIdentity, Need]]:
        bound = 0.0 if fresh else self.max_age if max_age is None else _seconds("max_age", max_age)
        needs: dict[str, tuple[Account[ClientT], NumberIdentity, Need]] = {}
        for account in question.accounts:
            self._open(account)
            need = self._need(account, question.identity, bound, fresh)
            if need is not Need.NOTHING:
                needs[account.name] = account, question.identity, need
        return needs

    def _need(self, account: Account[ClientT], identity: NumberIdentity, bound: float, fresh: bool) -> Need:
        if account.client is None:  # and why is its error
            return Need.NOTHING
        need = self._need_of_list(account, bound, fresh=fresh)
        return Need.ASK if need is Need.LIST and account.client.operations.looks_up(identity) else need

    def _need_of_list(self, account: Account[ClientT], bound: float | None = None, *, fresh: bool) -> Need:
        if fresh or not account.known.is_within(self.max_age if bound is None else bound):
            return Need.LIST
        return Need.SOON if account.known.age > self.refresh_after else Need.NOTHING

    @property
    def _between_rounds(self) -> float:
        """Seconds between two rounds in the background: one that failed is tried again before it is much too old."""
        return max(1.0, self.refresh_after / 4)

    def _answer(
        self,
        question: Question[ClientT],
        looked_up: Mapping[str, tuple[tuple[PhoneNumber, ...], float]],
        failed: dict[str, TelephonyError],
    ) -> Located:
        # For each of hundreds of accounts a look into a dict, and nothing that could be said once for all of them.
        accounts, now, number = question.accounts, self._clock.monotonic(), question.identity.account_key
        ages = {account.name: now - account.known.listings.started_at for account in accounts}
        errors = {account.name: account.error for account in accounts if account.error is not None}
        served = [
            (account.name, record)
            for account in accounts
            if number in account.known.by_number and account.name not in looked_up
            for record in account.known.by_number.get(number, ())
        ]
        for name, (records, asked_at) in looked_up.items():
            served += [(name, record) for record in records]
            ages[name] = now - asked_at
            errors.pop(name, None)
        return Located(tuple(served), errors | failed, ages)

    # -- listing

    def _is_answered(self, account: Account[ClientT], asked: int, max_age: float | None) -> bool:
        """Whether an account needs no listing any more once it is one's turn to list it.

        ``max_age`` is in seconds; ``None`` wants a listing that was begun after ``asked`` others.
        """
        if account.answered_since(asked):
            return True
        return max_age is not None and (account.known.is_within(max_age) or self._read_file(account, max_age))

    def _show(self, account: Account[ClientT], draft: Draft) -> None:
        account.known.show(draft)
        account.error = None

    def _fail(self, account: Account[ClientT], error: TelephonyError) -> None:
        account.error, account.failed = error, account.known.listings.started

    # -- the file

    def _read_file(self, account: Account[ClientT], max_age: float) -> bool:
        """Take over what the file has of an account, where that is newer than what is known and at most so old."""
        if self._file is None or account.in_file is None or account.known.in_doubt:
            return False
        age = self._file.age(account.in_file)
        if age is None or age > max_age or age >= account.known.age:
            return False
        draft = account.known.start_restoring()
        records = self._file.records(account.in_file)
        if records is None:
            return False
        for record in records:
            draft.add(record)
        account.known.show(draft, age)
        account.error = None
        return True

    def _write_file(self, account: Account[ClientT]) -> None:
        if self._file is not None and account.in_file is not None and not account.known.in_doubt:
            self._file.store(account.in_file, account.known.age, account.known.all())
            if account.known.in_doubt:
                self._file.forget(account.in_file)


# To read a number takes longer than to find it, and the same ones are called again and again.
_comparable: Final = lru_cache(maxsize=65_536)(comparable)
_parsed: Final = lru_cache(maxsize=65_536)(parse_number)


@overload
def _accounts_of(
    source: Telephony | Iterable[Telephony] | Mapping[str, Connection], opener: Callable[[Connection], Telephony]
) -> Iterable[tuple[str, Callable[[], Telephony], Telephony | None]]: ...
@overload
def _accounts_of(
    source: AsyncTelephony | Iterable[AsyncTelephony] | Mapping[str, Connection],
    opener: Callable[[Connection], AsyncTelephony],
) -> Iterable[tuple[str, Callable[[], AsyncTelephony], AsyncTelephony | None]]: ...
def _accounts_of(source: Any, opener: Callable[[Connection], Any]) -> Iterable[tuple[str, Callable[[], Any], Any]]:
    """Name, opener and, where there is one already, client of each account."""
    if isinstance(source, Mapping):
        for name in source:
            yield name, partial(_opened, source, name, opener), None
        return
    for client in [source] if isinstance(source, Telephony | AsyncTelephony) else source:
        yield client.connection_name, partial(_itself, client), client


def _opened_file(path: str | os.PathLike[str], clock: Clock) -> IndexFile:
    from telephony_core.number_index.index_file import IndexFile

    return IndexFile(path, clock)


def _opened(connections: Mapping[str, Connection], name: str, opener: Callable[[Connection], Any]) -> Any:
    return opener(connections[name])


def _itself(client: Any) -> Any:
    return client


def with_declared_pace(connection: Connection) -> Pace:
    """The pace of a connection, or else what its provider declares: an index lists in the background, for nobody."""
    return connection.pace or Pace.declared(registry.spec(connection.provider).capabilities.rate_limit)


def _seconds(name: str, value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        raise InvalidInput(f"{name} has to be a number of seconds, 0 or more", remedy="300 is five minutes")
    return float(value)
