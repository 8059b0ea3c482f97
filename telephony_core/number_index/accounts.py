"""What both indexes share: the accounts, what is known of each, and what a question still needs. Nothing here waits."""

from __future__ import annotations

import copy
import os
import re
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, TypeVar

from telephony_core.accounts.connection import Connection
from telephony_core.client import AsyncTelephony, Telephony
from telephony_core.domain.number_identity import NumberIdentity
from telephony_core.domain.number_parsing import parse_number
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.errors import ConfigurationError, InvalidInput, TelephonyError
from telephony_core.number_index.directory import Directory, Served
from telephony_core.number_index.known_numbers import NEVER, KnownNumbers
from telephony_core.number_index.located import Located, comparable, read
from telephony_core.provider.registry import registry
from telephony_core.transport.clock import Clock
from telephony_core.transport.lifecycle import Lifecycle
from telephony_core.transport.pace import Pace, Pacer

if TYPE_CHECKING:
    from telephony_core.number_index.index_file import IndexFile

ClientT = TypeVar("ClientT", Telephony, AsyncTelephony)
LookedUp = tuple[tuple[PhoneNumber, ...] | TelephonyError, float]
"""What a provider that looks numbers up has answered, and when it was asked."""
MOST_AT_ONCE: Final = 32
"""Accounts that are listed at the same time."""
_LONGEST_ROUND: Final = 3600.0
"""Seconds. Where any age will do, an account that could not be read is tried again all the same."""
_REGION: Final = re.compile("[A-Za-z]{2}")


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
    in_file: str | None = None
    """Its name in the file; it says nothing about the key, and another key has another one."""
    is_refreshing: bool = False
    opening: threading.Lock = field(default_factory=threading.Lock)
    """Held by whoever makes the client, or closes it."""
    lookup: OfOneAccount | None = None
    """What the client asks, as long as it does."""


class Question(NamedTuple, Generic[ClientT]):
    """A number, and the one account that is asked about it, or all."""

    only: Account[ClientT] | None
    identity: NumberIdentity


@dataclass(frozen=True, slots=True)
class Summary:
    """What every answer says of all accounts; worked out again when it changed, and not for each answer."""

    version: object
    """That of the directory from before this was worked out."""
    began: dict[str, float]
    """When the listing of each account began, on the monotonic clock."""
    errors: dict[str, TelephonyError]
    oldest: float | None
    """When the first of them began; ``None`` where an account has to be opened or listed, whatever its age."""


class NumberIndexBase(ABC, Generic[ClientT]):
    """The part of an index that neither waits nor sends."""

    def __init__(
        self,
        source: ClientT | Iterable[ClientT] | Mapping[str, Connection],
        *,
        max_age: float,
        refresh_after: float | None,
        file: str | os.PathLike[str] | None,
        opener: Callable[[Connection], ClientT],
        kind: type[ClientT],
        new_lock: Callable[[], object],
        clock: Clock | None,
    ) -> None:
        sources = _sources(source, opener, kind)  # before any client is told of this index, which may come to nothing
        self._lifecycle = Lifecycle("an index")
        self.max_age: float = _seconds("max_age", max_age)
        """Seconds after which an account is listed before it answers."""
        self.refresh_after: float = _seconds("refresh_after", max_age / 2 if refresh_after is None else refresh_after)
        """Seconds after which an account that answers is listed in the background."""
        self._clock = clock or Clock()
        self._file = None if file is None else _opened_file(file, self._clock)
        self._directory = Directory()
        self._accounts: dict[str, Account[ClientT]] = {}
        for name, (open, owned) in sources.items():
            known = KnownNumbers(self._clock, name, self._directory)
            self._accounts[name] = Account(name, open, known, new_lock(), owned=owned)
            self._open(self._accounts[name])
        self._single: Account[ClientT] | None = None
        if len(self._accounts) == 1:
            (self._single,) = self._accounts.values()
        self._summarised = self._summarise()

    # -- accounts

    @property
    def accounts(self) -> Mapping[str, AccountState]:
        """What is known of each account, by the name of its connection."""
        return {
            name: AccountState(len(account.known), account.known.age, account.known.error)
            for name, account in self._accounts.items()
        }

    def client(self, connection: str) -> ClientT:
        """The client of one account, whose writes this index knows of at once.

        Raises what opening it raises, such as `ConfigurationError` for a key that is missing.
        """
        account = self._account(connection)
        self._open(account)
        if account.client is None:
            self._lifecycle.check()
            raise account.known.error or ConfigurationError(f"connection {connection!r} cannot be opened")
        return account.client

    def _account(self, connection: str) -> Account[ClientT]:
        if not isinstance(connection, str) or connection not in self._accounts:
            raise InvalidInput(
                f"there is no connection {str(connection)[:60]!r} in this index",
                remedy=f"use one of: {', '.join(islice(self._accounts, 20)) or 'it has none'}",
            )
        return self._accounts[connection]

    def _open(self, account: Account[ClientT]) -> None:
        """Make the client of an account, where there is none yet. One that cannot be made is the account's error."""
        if account.client is not None:
            return
        with account.opening:  # threads that ask at the same time get one client
            if account.client is not None or not self._lifecycle.goes_on:
                return
            try:
                client = account.open()
            except TelephonyError as error:
                account.known.say(error)
                return
            account.known.say(None)
            account.lookup = OfOneAccount(self, account)
            if self._file is not None:
                account.in_file = self._file.name_of(client.adapter.config)
                account.known.noted = partial(self._file.note, account.in_file)
                account.known.doubted = partial(self._file.forget, account.in_file)
                self._read_file(account, NEVER)
            client.operations.listeners.append(account.known)
            client.number_index = account.lookup
            account.client = client

    def _let_go(self, account: Account[ClientT]) -> None:
        """The client was handed in and lives on: it asks this index nothing more, and tells it nothing."""
        client, lookup = account.client, account.lookup
        if client is None or lookup is None:
            return
        account.lookup = None
        client.operations.listeners.remove(account.known)
        if client.number_index is lookup:  # an index that was made over it later stays
            client.number_index = None

    # -- questions

    def peek(self, number: str, *, region: str | None = None, connection: str | None = None) -> Located:
        """Who serves a number, as far as is known now: without a request, and without waiting for anything.

        The answer says how old it is. Raises `InvalidInput`, as `find` does.
        """
        return self._answer(self._question(number, region, connection))

    def _question(
        self, number: str, region: str | None, connection: str | None, *, opens: bool = False
    ) -> Question[ClientT]:
        only = self._single if connection is None else self._account(connection)
        if not isinstance(number, str):
            parse_number(number, region="ZZ")  # which says what is wrong with it
        if region and not (isinstance(region, str) and _REGION.fullmatch(region)):
            raise InvalidInput(f"{region!r:.40} is no region", remedy="write it as two letters: KR, ES (ISO 3166)")
        if opens and only is not None:
            self._open(only)  # in which region its digits are read, its provider says
        if only is not None and only.client is not None:
            region = region or only.client.capabilities.region
        identity = self._directory.known_as(number, region)
        if identity is None:  # what is no E.164 number means something within one account
            identity = comparable(number, region) if only is None else read(number, region=region or "ZZ")
        return Question(only, identity)

    def _bound(self, max_age: float | None, fresh: bool) -> float | None:
        """How many seconds old an answer may be; ``None`` wants a listing that is yet to begin."""
        bound = self.max_age if max_age is None else _seconds("max_age", max_age)
        return None if fresh else bound

    def _work(
        self, question: Question[ClientT], bound: float | None, looked_up: dict[str, LookedUp]
    ) -> list[Callable[[], Any]]:
        """What has to be done, and waited for, before a question can be answered."""
        self._lifecycle.check()
        oldest = self._summary().oldest
        young = 0.0 if bound is None else min(bound, self.refresh_after)
        if bound is not None and oldest is not None and self._clock.monotonic() - oldest <= young:
            return []  # the oldest of all accounts is young enough
        work: list[Callable[[], Any]] = []
        for account in self._accounts.values() if question.only is None else (question.only,):
            self._open(account)
            need = self._need(account, bound, question.identity)
            if need is Need.SOON:
                self._refresh_soon(account)
            elif need is Need.ASK:
                work.append(partial(self._ask, account, question.identity, looked_up))
            elif need is Need.LIST:
                # Counted now: only a listing that is begun after the question answers it, whoever begins that one.
                work.append(partial(self._list, account, account.known.listings.started, bound))
        return work

    def _all_anew(self, accounts: list[Account[ClientT]]) -> list[Callable[[], Any]]:
        self._lifecycle.check()
        for account in accounts:
            self._open(account)
        return [partial(self._list, account, account.known.listings.started, None) for account in accounts]

    def _need(self, account: Account[ClientT], bound: float | None, identity: NumberIdentity | None = None) -> Need:
        if account.client is None:  # and why is its error
            return Need.NOTHING
        if bound is None or not account.known.is_within(bound):
            looks_up = identity is not None and account.client.operations.looks_up(identity)
            return Need.ASK if looks_up else Need.LIST
        return Need.SOON if account.known.age > self.refresh_after else Need.NOTHING

    # What both kinds of index do in their own way.

    @abstractmethod
    def _list(self, account: Account[ClientT], asked: int, bound: float | None) -> Any: ...

    @abstractmethod
    def _ask(self, account: Account[ClientT], identity: NumberIdentity, looked_up: dict[str, LookedUp]) -> Any: ...

    @abstractmethod
    def _records_of(self, account: Account[ClientT], identity: NumberIdentity, *, fresh: bool) -> Any: ...

    @abstractmethod
    def _refresh_soon(self, account: Account[ClientT]) -> None: ...

    @property
    def _between_rounds(self) -> float:
        """Seconds between two rounds in the background: one that failed is tried again before it is much too old."""
        return max(1.0, min(self.refresh_after / 4, _LONGEST_ROUND))

    def _summary(self) -> Summary:
        if self._summarised.version is not self._directory.version:
            self._summarised = self._summarise()
        return self._summarised

    def _summarise(self) -> Summary:
        # The version first: what changes while this is worked out makes it old at once.
        version, accounts = self._directory.version, self._accounts.values()
        began = {account.name: account.known.listings.started_at for account in accounts}
        errors = {each.name: error for each in accounts if (error := each.known.error) is not None}
        is_ready = all(each.client is not None and each.known.is_within(NEVER) for each in accounts)
        return Summary(version, began, errors, min(began.values(), default=None) if is_ready else None)

    def _answer(self, question: Question[ClientT], looked_up: Mapping[str, LookedUp] | None = None) -> Located:
        # Ages before records: a listing that is shown meanwhile is taken for older than it is, and not for younger.
        summary, now = self._summary(), self._clock.monotonic()
        began, errors, only = summary.began, summary.errors, question.only
        if only is not None:
            began = {only.name: began[only.name]}
            errors = {only.name: errors[only.name]} if only.name in errors else {}
        served: tuple[Served, ...] = self._directory.serving(question.identity, None if only is None else only.name)
        if not looked_up:
            return Located(served, dict(errors), began, now)
        began, errors = dict(began), dict(errors)
        for asked, (found, asked_at) in looked_up.items():
            if isinstance(found, TelephonyError):
                errors[asked] = found
                continue
            errors.pop(asked, None)
            began[asked] = asked_at
            others = [each for each in served if each[0] != asked]
            served = tuple(others + [(asked, record) for record in found])
        return Located(served, errors, began, now)

    # -- listing

    def _is_answered(self, account: Account[ClientT], asked: int, max_age: float | None) -> bool:
        """Whether an account needs no listing any more once it is one's turn to list it.

        ``max_age`` is in seconds; ``None`` wants a listing that was begun after ``asked`` others.
        """
        return account.known.answered_since(asked) or (max_age is not None and account.known.is_within(max_age))

    # -- the file

    def _read_file(self, account: Account[ClientT], max_age: float | None) -> bool:
        """Take over what the file has of an account, where that is newer than what is known and at most so old."""
        # Which of two states is true after a write in doubt, no older listing can tell.
        if self._file is None or account.in_file is None or account.known.in_doubt or max_age is None:
            return False
        age = self._file.age(account.in_file)
        if age is None or age > max_age or age >= account.known.age:
            return False
        # Before the records are read, so that what is written meanwhile goes into the draft as well.
        draft = account.known.start(age)
        records = self._file.records(account.in_file)
        if records is None:
            return False
        for record in records:
            draft.add(record)
        account.known.show(draft)
        return True

    def _write_file(self, account: Account[ClientT]) -> None:
        if self._file is not None and account.in_file is not None and not account.known.in_doubt:
            self._file.store(account.in_file, account.known.age, account.known.all())
            # A write came into doubt while the listing was put down.
            if account.known.in_doubt:
                self._file.forget(account.in_file)


class OfOneAccount:
    """An index as the client of one account sees it: of either kind, so what it returns may have to be awaited."""

    def __init__(self, index: NumberIndexBase[Any], account: Account[Any]) -> None:
        self._index, self._account = index, account

    def records_of(self, identity: NumberIdentity, *, fresh: bool = False) -> Any:
        """As `NumberLookup` and `AsyncNumberLookup` say."""
        return self._index._records_of(self._account, identity, fresh=fresh)


def _opened_file(path: str | os.PathLike[str], clock: Clock) -> IndexFile:
    from telephony_core.number_index.index_file import IndexFile

    if not isinstance(path, str | os.PathLike) or "\0" in str(path):
        raise InvalidInput("the file of a number index is named by its path", remedy="give one, or leave it out")
    return IndexFile(path, clock)


def _sources(
    source: Any, opener: Callable[[Connection], ClientT], kind: type[ClientT]
) -> dict[str, tuple[Callable[[], ClientT], bool]]:
    """How the client of each account is come by, and whether it is the index's own, by the name of its connection."""
    if isinstance(source, Mapping) and all(isinstance(each, Connection) for each in source.values()):
        return {name: (partial(opener, connection), True) for name, connection in source.items()}
    clients = [*source] if isinstance(source, Iterable) and not isinstance(source, str | Mapping) else [source]
    sources: dict[str, tuple[Callable[[], ClientT], bool]] = {}
    for client in clients:
        if not isinstance(client, kind):
            raise InvalidInput(
                f"this index is made over clients of the class {kind.__name__}, not over {type(client).__name__}",
                remedy="give one client, several in a list, or `Connections`",
            )
        name = client.connection_name
        if name in sources:
            raise InvalidInput(
                f"two clients are of the connection {name!r}",
                remedy="give each account once, or each Connection a name of its own",
            )
        sources[name] = partial(_itself, client), False
    return sources


def _itself(client: ClientT) -> ClientT:
    return client


def for_one_of_many(error: TelephonyError) -> TelephonyError:
    """An error that several callers wait for, for one of them: raised by all, one object would gather up the frames and
    contexts of all."""
    own = copy.deepcopy(error)
    if error.__cause__ is not None:
        own.__cause__ = error.__cause__
    return own


def with_declared_pace(connection: Connection) -> Pacer:
    """The pace of a connection, or else what its provider declares: an index lists in the background, for nobody."""
    return connection.pace or Pace.declared(registry.spec(connection.provider).capabilities.rate_limit)


def _seconds(name: str, value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        raise InvalidInput(f"{name} has to be a number of seconds, 0 or more", remedy="300 is five minutes")
    return float(value)
