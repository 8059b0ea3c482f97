"""The two clients. They differ in how they send and in nothing else: every operation is a flow of `Operations`."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, Self, TypeVar

from telephony_core.accounts.connection import Connection, hidden_key, hidden_settings, hidden_url
from telephony_core.domain.agents import AgentRef
from telephony_core.domain.input_model import UNSET, Unset
from telephony_core.domain.lifecycle import NumberStatus, Origin, Release, SideEffect
from telephony_core.domain.number_identity import NumberIdentity
from telephony_core.domain.number_parsing import parse_number
from telephony_core.domain.phone_number import AvailableNumber, PhoneNumber
from telephony_core.domain.sip import InboundUpdate, OutboundUpdate
from telephony_core.errors import ClientClosed, InvalidInput, OutcomeUnknown, TelephonyError, instead_of
from telephony_core.operations.operations import Listing, Operations
from telephony_core.operations.reconciliation import Reconciliation
from telephony_core.provider.capabilities import Capabilities
from telephony_core.provider.changes import (
    AgentAssignment,
    Change,
    LabelUpdate,
    NumberImport,
    NumberRelease,
    Options,
    ReleaseRevocation,
    SipUpdate,
)
from telephony_core.provider.flow import Flow
from telephony_core.provider.port import AvailableQuery, ListQuery, Page, Problem, Provider, ProviderSpec
from telephony_core.provider.registry import registry
from telephony_core.transport.backend import AsyncBackend, Backend
from telephony_core.transport.backends.deadlines import LONGEST_WAIT
from telephony_core.transport.backends.selection import async_backend, sync_backend
from telephony_core.transport.clock import Clock
from telephony_core.transport.drivers import Actions, adrive, drive
from telephony_core.transport.lifecycle import Lifecycle, require_asyncio
from telephony_core.transport.pace import Pace
from telephony_core.transport.pipeline import RequestEvent, RequestPipeline, execute

if TYPE_CHECKING:
    import httpx
    from pydantic import SecretStr

T = TypeVar("T")
ItemT = TypeVar("ItemT", PhoneNumber, AvailableNumber)


class NumberLookup(Protocol):
    """What a client has learned of its account's numbers: its part of a `NumberIndex`."""

    def records_of(self, identity: NumberIdentity, *, fresh: bool = False) -> tuple[PhoneNumber, ...]:
        """Every record of a number, and those that may be of it, listing the account where too little is known.

        A ``fresh`` look is answered by a listing that was begun after it. Raises what listing raises.
        """
        ...


class AsyncNumberLookup(Protocol):
    """`NumberLookup` for async code."""

    async def records_of(self, identity: NumberIdentity, *, fresh: bool = False) -> tuple[PhoneNumber, ...]: ...


class _Client:
    """What both clients share: configuration, the operations as flows, the pipeline they run through."""

    def __init__(
        self,
        provider: str | Connection | ProviderSpec,
        *,
        api_key: SecretStr | str | None,
        base_url: str | None,
        settings: Mapping[str, Any] | None,
        timeout: float | None,
        max_retries: int | None,
        pace: Pace | None,
        observers: Iterable[Callable[[RequestEvent], None]],
        on_unknown: Callable[[OutcomeUnknown], None] | None,
        clock: Clock | None,
    ) -> None:
        if clock is not None and not isinstance(clock, Clock):
            raise InvalidInput(f"clock cannot be a {type(clock).__name__}", remedy="give a Clock, or leave it out")
        if on_unknown is not None and not callable(on_unknown):
            raise InvalidInput(
                f"on_unknown cannot be a {type(on_unknown).__name__}", remedy="give a function, or leave it out"
            )
        observers = _observers(observers)
        connection = provider if isinstance(provider, Connection) else Connection(provider=_slug(provider))
        connection = replace(
            connection,
            api_key=connection.api_key if api_key is None else api_key,
            base_url=connection.base_url if base_url is None else base_url,
            settings=connection.settings if settings is None else settings,
            timeout=connection.timeout if timeout is None else timeout,
            max_retries=connection.max_retries if max_retries is None else max_retries,
            pace=connection.pace if pace is None else pace,
        )
        spec = provider if isinstance(provider, ProviderSpec) else registry.spec(connection.provider)
        config = connection.config(spec)
        self._adapter: Provider = spec.factory(config)
        self._clock = clock or Clock()
        self._operations = Operations(self._adapter, self._clock.now)
        self._lifecycle = Lifecycle()
        self._pipeline = RequestPipeline(
            provider=self._adapter.slug,
            connection=connection.label,
            base_url=config.base_url,
            auth=self._adapter.auth_headers(),
            secrets=(config.api_key.get_secret_value(),),
            pace=connection.pace or Pace.unlimited(),
            timeout=_seconds(connection.timeout),
            max_retries=_count(connection.max_retries),
            clock=self._clock,
            observers=observers,
            on_unknown=on_unknown,
            lifecycle=self._lifecycle,
            key_source=connection.key_source,
        )

    @property
    def provider(self) -> str:
        """The provider's slug."""
        return self._adapter.slug

    @property
    def connection_name(self) -> str:
        """Name of the connection, as in the configuration file; the slug where it has none of its own."""
        return self._pipeline.connection

    @property
    def host(self) -> str:
        """Host, and port where one is given, that this client talks to."""
        return self._pipeline.host

    @property
    def adapter(self) -> Provider:
        """The adapter itself, for flows of one's own that `run` can drive."""
        return self._adapter

    @property
    def capabilities(self) -> Capabilities:
        """What the provider declares it can be told, and tells."""
        return self._adapter.capabilities

    @property
    def operations(self) -> Operations:
        """Every operation of the port as a flow, for composing and for `run`."""
        return self._operations

    @property
    def provider_time(self) -> datetime | None:
        """The provider's clock, from the ``Date`` of its last answer and the time since; ``None`` if it told none."""
        return self._pipeline.provider_clock.now(self._clock.monotonic())

    def check(self, change: Change) -> list[Problem]:
        """All problems of a change at once, without any request. An empty list promises nothing about the vendor."""
        return self._operations.check(change)

    def with_options(
        self, *, timeout: float | None = None, max_retries: int | None = None, read_only: bool | None = None
    ) -> Self:
        """The same client with another time-out (seconds for a whole operation) or number of retries.

        With ``read_only=True`` every request that is not a read raises `WriteRefused` before it is sent.

        It shares connections, pace and life with this one: closing either closes both.
        """
        other = copy.copy(self)
        other._pipeline = replace(
            self._pipeline,
            timeout=self._pipeline.timeout if timeout is None else _seconds(timeout),
            max_retries=self._pipeline.max_retries if max_retries is None else _count(max_retries),
            read_only=self._pipeline.read_only if read_only is None else read_only,
        )
        return other

    def _actions(self, flow: Flow[T], operation: str) -> Actions[T]:
        with self._named(operation):
            if not isinstance(flow, Generator):
                raise InvalidInput(
                    f"a flow is a generator, not {type(flow).__name__}", remedy="call the function that is one"
                )
            try:
                self._lifecycle.check()
            except ClientClosed:
                flow.close()
                raise
        return execute(flow, self._pipeline, operation)

    def _identity(self, number: str | NumberIdentity, operation: str) -> NumberIdentity:
        with self._named(operation):
            return parse_number(number, region=self.capabilities.region)

    @contextmanager
    def _named(self, operation: str) -> Iterator[None]:
        """Say of an error before any request which account and which operation it is about, as requests do."""
        try:
            yield
        except TelephonyError as error:
            error.provider, error.operation = self.provider, operation
            error.connection, error.host = self.connection_name, self.host
            raise

    def __repr__(self) -> str:
        pipeline = getattr(
            self, "_pipeline", None
        )  # one that could not be made is shown too, by whoever records tracebacks
        if pipeline is None:
            return f"<{type(self).__name__}>"
        named = f" ({pipeline.connection})" if pipeline.connection != pipeline.provider else ""
        return f"<{type(self).__name__} {pipeline.provider}{named} {pipeline.base_url}>"


def _slug(provider: object) -> str:
    if isinstance(provider, str | ProviderSpec):
        return provider if isinstance(provider, str) else provider.slug
    raise InvalidInput(
        f"a provider is named by its slug, such as 'vox', or by a Connection, not by {type(provider).__name__}",
        remedy="take a slug, or a connection of the configuration file",
    )


def _observers(given: object) -> tuple[Callable[[RequestEvent], None], ...]:
    observers = tuple(given) if isinstance(given, Iterable) else (None,)
    if not all(map(callable, observers)):
        raise InvalidInput("observers are functions in a list", remedy="give observers=[function]")
    return observers


def _seconds(timeout: float) -> float:
    # What is compared is what was given: an int may be too large for a float.
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not 0 < timeout <= LONGEST_WAIT:
        raise InvalidInput(
            f"timeout has to be more than 0 seconds, and at most {LONGEST_WAIT:.0f} (115 days), not {timeout!r:.40}"
        )
    return float(timeout)


def _count(retries: int) -> int:
    if isinstance(retries, bool) or not isinstance(retries, int) or not 0 <= retries <= _MOST_RETRIES:
        raise InvalidInput(f"max_retries has to be a whole number from 0 to {_MOST_RETRIES}, not {retries!r:.40}")
    return retries


_MOST_RETRIES: Final = 1000


def _query(status: NumberStatus | None, origin: Origin | None) -> ListQuery:
    words = ", ".join([*NumberStatus, *Origin])
    with instead_of(ValueError, lambda e: InvalidInput(f"cannot list by this: {e}", remedy=f"the words are: {words}")):
        return ListQuery(None if status is None else NumberStatus(status), None if origin is None else Origin(origin))


def _available_query(line_type: object, sort_by: object, descending: bool) -> AvailableQuery:
    if line_type is not None and not isinstance(line_type, str):
        raise InvalidInput(
            f"line_type has to be text, not {type(line_type).__name__}", remedy="give the provider's own word for one"
        )
    if sort_by == "number" or sort_by == "monthly_fee":
        return AvailableQuery(line_type, sort_by, bool(descending))
    raise InvalidInput(f"cannot sort by {sort_by!r}", remedy="sort by number or monthly_fee")


def _attempt_of(error: OutcomeUnknown) -> Any:
    if not isinstance(error, OutcomeUnknown):
        raise InvalidInput(f"this is a {type(error).__name__}", remedy="give the OutcomeUnknown that was raised")
    if error.attempt is None:
        raise InvalidInput("this error does not say what was attempted", remedy="read the number and compare")
    return error.attempt


class Telephony(_Client):
    """A provider's account, for ordinary code. Thread-safe; close it, or use it as a context manager.

    ``provider`` is a slug (``"vox"``) or a `Connection`. ``api_key`` and ``base_url`` default to
    ``TELEPHONY_<SLUG>_API_KEY`` and ``TELEPHONY_<SLUG>_BASE_URL``. ``timeout`` is one deadline in seconds for a whole
    operation (for a listing: for each page), retries and pauses included. ``max_retries`` counts per request. ``pace``
    limits how fast it sends; without one it only slows down when the provider says so. ``backend`` is ``"httpx"``,
    ``"httpx2"``, ``"urllib3"`` or ``"fast"``, and defaults to ``TELEPHONY_BACKEND``; ``http_client`` is a client of
    yours (of httpx or httpx2), never closed here, and wins over it. ``observers`` are told of every request.

    Raises `ProviderNotFound` and its siblings, and `ConfigurationError` for a key or URL that cannot be used.
    """

    def __init__(
        self,
        provider: str | Connection | ProviderSpec,
        *,
        api_key: SecretStr | str | None = None,
        base_url: str | None = None,
        settings: Mapping[str, Any] | None = None,
        timeout: float | None = None,
        max_retries: int | None = None,
        pace: Pace | None = None,
        backend: Backend | str | None = None,
        http_client: httpx.Client | None = None,
        observers: Iterable[Callable[[RequestEvent], None]] = (),
        on_unknown: Callable[[OutcomeUnknown], None] | None = None,
        clock: Clock | None = None,
    ) -> None:
        api_key, base_url = hidden_key(api_key), hidden_url(base_url)
        settings = hidden_settings(settings)
        super().__init__(
            provider,
            api_key=api_key,
            base_url=base_url,
            settings=settings,
            timeout=timeout,
            max_retries=max_retries,
            pace=pace,
            observers=observers,
            on_unknown=on_unknown,
            clock=clock,
        )
        self.number_index: NumberLookup | None = None
        """What knows this account's numbers; a `NumberIndex` that is made over this client puts itself here."""
        self._backend = sync_backend(backend, http_client)
        self._owns_backend = backend is None or isinstance(backend, str)

    @property
    def backend_name(self) -> str:
        """Which library sends."""
        return self._backend.name

    # -- reading

    def list_numbers(
        self, *, status: NumberStatus | None = None, origin: Origin | None = None
    ) -> Iterator[PhoneNumber]:
        """Every number, in every status unless one is asked for. Lazy: a page is asked for when it is needed."""
        with self._named("list_numbers"):
            query = _query(status, origin)
        return self._pages(lambda cursor: self._operations.list_page(query, cursor), "list_numbers")

    def get_number(self, id: str) -> PhoneNumber:
        """The record with this id. Raises `NotFound`."""
        return self._drive(self._operations.get(id), "get_number")

    def find_number(self, number: str | NumberIdentity, *, fresh: bool = False) -> PhoneNumber:
        """The record of a number in any spelling: the live one, or else the only one. Raises `NotFound` or
        `AmbiguousNumber`, and `InvalidInput` for what cannot be meant as a number.

        The account is listed for that, where the provider cannot look a number up. With a `number_index` that knows
        enough, the record is read by its id instead, and what is not in there is not found; ``fresh`` lists anyway.
        """
        number, known = self._identity(number, "find_number"), None
        if self.number_index is not None and not self._operations.looks_up(number):
            known = self.number_index.records_of(number, fresh=fresh)
        return self._drive(self._operations.find(number, known, listed_now=fresh), "find_number")

    def search_available(
        self,
        *,
        line_type: str | None = None,
        sort_by: Literal["number", "monthly_fee"] = "number",
        descending: bool = False,
    ) -> Iterator[AvailableNumber]:
        """Numbers the provider has for sale. Raises `UnsupportedOperation` where it does not offer that."""
        with self._named("search_available"):
            query = _available_query(line_type, sort_by, descending)
        return self._pages(lambda cursor: self._operations.available_page(query, cursor), "search_available")

    # -- writing

    def import_number(self, number: NumberImport) -> PhoneNumber:
        """Bring your own number. Raises `Conflict` when it is already here, `PartialOutcome` when it was created and a
        later step failed, `OutcomeUnknown` when nobody can tell whether it was."""
        known = None
        if self.number_index is not None:
            identity = self._drive(self._operations.listed_before(number), "import_number")
            if identity is not None:
                known = self.number_index.records_of(identity, fresh=True)
        return self._drive(self._operations.import_number(number, known), "import_number")

    def update_label(self, number: PhoneNumber | str, label: str | None) -> PhoneNumber:
        """Rename a number (a record or its id); ``None`` takes the name away."""
        with self._named("update_label"):
            change = LabelUpdate(number, label)
        return self._drive(self._operations.update_label(change), "update_label")

    def update_sip(
        self,
        number: PhoneNumber | str,
        *,
        inbound: InboundUpdate | Unset = UNSET,
        outbound: OutboundUpdate | Unset = UNSET,
        options: Options | None = None,
    ) -> PhoneNumber:
        """Change trunk settings: a field left out stays, ``None`` clears, a value sets."""
        with self._named("update_sip"):
            change = SipUpdate(number, inbound, outbound, {} if options is None else options)
        return self._drive(self._operations.update_sip(change), "update_sip")

    def assign_agents(
        self,
        number: PhoneNumber | str,
        *,
        inbound: AgentRef | None | Unset = UNSET,
        outbound: AgentRef | None | Unset = UNSET,
        allow: Iterable[SideEffect] = (),
    ) -> PhoneNumber:
        """Say which agents serve a number; ``None`` takes one off. Raises `NotAllowed` for a side effect that
        would really happen and is not in ``allow``."""
        with self._named("assign_agents"):
            change = AgentAssignment(number, inbound, outbound, allow)
        return self._drive(self._operations.assign_agents(change), "assign_agents")

    def release(self, number: PhoneNumber | str, *, allow: Iterable[SideEffect] = ()) -> Release:
        """Release a number. The answer says when that takes effect and whether it can be revoked."""
        with self._named("release"):
            change = NumberRelease(number, allow)
        return self._drive(self._operations.release(change), "release")

    def revoke_release(self, number: PhoneNumber | str) -> PhoneNumber:
        """Take a scheduled release back."""
        with self._named("revoke_release"):
            change = ReleaseRevocation(number)
        return self._drive(self._operations.revoke_release(change), "revoke_release")

    # -- the rest

    def reconcile(self, error: OutcomeUnknown) -> Reconciliation:
        """Look whether a write happened whose answer was lost. Writes nothing; one empty look proves nothing."""
        with self._named("reconcile"):
            attempt = _attempt_of(error)
        return self._drive(self._operations.reconcile(attempt), "reconcile")

    def run(self, flow: Flow[T]) -> T:
        """Run a flow of your own over this client: its key, retries and pace (see `adapter`)."""
        return self._drive(flow, "run")

    def close(self) -> None:
        """Close the connections. A handed-in ``http_client`` or ``backend`` object stays open.

        What is in flight elsewhere is still answered; an operation that would have to send more ends with
        `ClientClosed`, or with what its write came to.
        """
        self._lifecycle.end()
        if self._owns_backend and self._lifecycle.is_here:
            self._backend.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _drive(self, flow: Flow[T], operation: str) -> T:
        return drive(self._actions(flow, operation), self._backend, self._clock)

    def _pages(self, ask: Callable[[str | None], Flow[Page[ItemT]]], operation: str) -> Iterator[ItemT]:
        listing, cursor = Listing(), None
        while True:
            page = self._drive(ask(cursor), operation)
            yield from listing.accept(page)
            cursor = page.cursor
            if cursor is None:
                return


class AsyncTelephony(_Client):
    """A provider's account, for async code. The same as `Telephony` with ``await``; ``backend`` is ``"httpx"``,
    ``"httpx2"``, ``"aiohttp"`` or ``"fast"``, ``http_client`` an `httpx.AsyncClient`.

    Cancelling a call never repeats or undoes it: ``on_unknown`` is told of a write that may have happened.
    """

    def __init__(
        self,
        provider: str | Connection | ProviderSpec,
        *,
        api_key: SecretStr | str | None = None,
        base_url: str | None = None,
        settings: Mapping[str, Any] | None = None,
        timeout: float | None = None,
        max_retries: int | None = None,
        pace: Pace | None = None,
        backend: AsyncBackend | str | None = None,
        http_client: httpx.AsyncClient | None = None,
        observers: Iterable[Callable[[RequestEvent], None]] = (),
        on_unknown: Callable[[OutcomeUnknown], None] | None = None,
        clock: Clock | None = None,
    ) -> None:
        api_key, base_url = hidden_key(api_key), hidden_url(base_url)
        settings = hidden_settings(settings)
        super().__init__(
            provider,
            api_key=api_key,
            base_url=base_url,
            settings=settings,
            timeout=timeout,
            max_retries=max_retries,
            pace=pace,
            observers=observers,
            on_unknown=on_unknown,
            clock=clock,
        )
        self.number_index: AsyncNumberLookup | None = None
        """What knows this account's numbers; a `AsyncNumberIndex` that is made over this client puts itself here."""
        self._backend = async_backend(backend, http_client)
        self._owns_backend = backend is None or isinstance(backend, str)

    @property
    def backend_name(self) -> str:
        """Which library sends."""
        return self._backend.name

    # -- reading

    def list_numbers(
        self, *, status: NumberStatus | None = None, origin: Origin | None = None
    ) -> AsyncIterator[PhoneNumber]:
        """Every number, in every status unless one is asked for. The next page comes while this one is worked on."""
        with self._named("list_numbers"):
            query = _query(status, origin)
        return self._pages(lambda cursor: self._operations.list_page(query, cursor), "list_numbers")

    async def get_number(self, id: str) -> PhoneNumber:
        """The record with this id. Raises `NotFound`."""
        return await self._drive(self._operations.get(id), "get_number")

    async def find_number(self, number: str | NumberIdentity, *, fresh: bool = False) -> PhoneNumber:
        """The record of a number in any spelling: the live one, or else the only one. Raises `NotFound` or
        `AmbiguousNumber`, and `InvalidInput` for what cannot be meant as a number.

        The account is listed for that, where the provider cannot look a number up. With a `number_index` that knows
        enough, the record is read by its id instead, and what is not in there is not found; ``fresh`` lists anyway.
        """
        number, known = self._identity(number, "find_number"), None
        if self.number_index is not None and not self._operations.looks_up(number):
            known = await self.number_index.records_of(number, fresh=fresh)
        return await self._drive(self._operations.find(number, known, listed_now=fresh), "find_number")

    def search_available(
        self,
        *,
        line_type: str | None = None,
        sort_by: Literal["number", "monthly_fee"] = "number",
        descending: bool = False,
    ) -> AsyncIterator[AvailableNumber]:
        """Numbers the provider has for sale. Raises `UnsupportedOperation` where it does not offer that."""
        with self._named("search_available"):
            query = _available_query(line_type, sort_by, descending)
        return self._pages(lambda cursor: self._operations.available_page(query, cursor), "search_available")

    # -- writing

    async def import_number(self, number: NumberImport) -> PhoneNumber:
        """Bring your own number. Raises `Conflict` when it is already here, `PartialOutcome` when it was created and a
        later step failed, `OutcomeUnknown` when nobody can tell whether it was."""
        known = None
        if self.number_index is not None:
            identity = await self._drive(self._operations.listed_before(number), "import_number")
            if identity is not None:
                known = await self.number_index.records_of(identity, fresh=True)
        return await self._drive(self._operations.import_number(number, known), "import_number")

    async def update_label(self, number: PhoneNumber | str, label: str | None) -> PhoneNumber:
        """Rename a number (a record or its id); ``None`` takes the name away."""
        with self._named("update_label"):
            change = LabelUpdate(number, label)
        return await self._drive(self._operations.update_label(change), "update_label")

    async def update_sip(
        self,
        number: PhoneNumber | str,
        *,
        inbound: InboundUpdate | Unset = UNSET,
        outbound: OutboundUpdate | Unset = UNSET,
        options: Options | None = None,
    ) -> PhoneNumber:
        """Change trunk settings: a field left out stays, ``None`` clears, a value sets."""
        with self._named("update_sip"):
            change = SipUpdate(number, inbound, outbound, {} if options is None else options)
        return await self._drive(self._operations.update_sip(change), "update_sip")

    async def assign_agents(
        self,
        number: PhoneNumber | str,
        *,
        inbound: AgentRef | None | Unset = UNSET,
        outbound: AgentRef | None | Unset = UNSET,
        allow: Iterable[SideEffect] = (),
    ) -> PhoneNumber:
        """Say which agents serve a number; ``None`` takes one off. Raises `NotAllowed` for a side effect that
        would really happen and is not in ``allow``."""
        with self._named("assign_agents"):
            change = AgentAssignment(number, inbound, outbound, allow)
        return await self._drive(self._operations.assign_agents(change), "assign_agents")

    async def release(self, number: PhoneNumber | str, *, allow: Iterable[SideEffect] = ()) -> Release:
        """Release a number. The answer says when that takes effect and whether it can be revoked."""
        with self._named("release"):
            change = NumberRelease(number, allow)
        return await self._drive(self._operations.release(change), "release")

    async def revoke_release(self, number: PhoneNumber | str) -> PhoneNumber:
        """Take a scheduled release back."""
        with self._named("revoke_release"):
            change = ReleaseRevocation(number)
        return await self._drive(self._operations.revoke_release(change), "revoke_release")

    # -- the rest

    async def reconcile(self, error: OutcomeUnknown) -> Reconciliation:
        """Look whether a write happened whose answer was lost. Writes nothing; one empty look proves nothing."""
        with self._named("reconcile"):
            attempt = _attempt_of(error)
        return await self._drive(self._operations.reconcile(attempt), "reconcile")

    async def run(self, flow: Flow[T]) -> T:
        """Run a flow of your own over this client: its key, retries and pace (see `adapter`)."""
        return await self._drive(flow, "run")

    async def aclose(self) -> None:
        """Close the connections. A handed-in ``http_client`` or ``backend`` object stays open.

        What is in flight elsewhere is still answered; an operation that would have to send more ends with
        `ClientClosed`, or with what its write came to.
        """
        self._lifecycle.end()
        if self._owns_backend and self._lifecycle.is_here:
            await self._backend.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _drive(self, flow: Flow[T], operation: str) -> T:
        with self._named(operation):
            require_asyncio()
        return await adrive(self._actions(flow, operation), self._backend, self._clock)

    async def _pages(self, ask: Callable[[str | None], Flow[Page[ItemT]]], operation: str) -> AsyncIterator[ItemT]:
        import asyncio

        listing, cursor = Listing(), None
        ahead: asyncio.Task[Page[ItemT]] | None = None
        try:
            while True:
                page = await (self._drive(ask(cursor), operation) if ahead is None else ahead)
                ahead, cursor = None, page.cursor
                for place, item in enumerate(listing.accept(page)):
                    # Whoever comes back for a second one may want them all: the next page comes while they work.
                    if place == 1 and cursor is not None:
                        ahead = asyncio.create_task(self._drive(ask(cursor), operation))
                    yield item
                if cursor is None:
                    return
        finally:
            if ahead is not None and not ahead.done():
                ahead.cancel()
                await asyncio.wait({ahead})
            if ahead is not None and not ahead.cancelled():
                ahead.exception()  # nobody will ask for it any more
