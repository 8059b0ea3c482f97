"""What both clients share: the account, its operations as flows, and what is refused before any of them runs."""

from __future__ import annotations

import copy
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Protocol, Self, TypeVar

from telephony_core.accounts.connection import Connection
from telephony_core.domain.lifecycle import NumberStatus, Origin
from telephony_core.domain.number_identity import NumberIdentity
from telephony_core.domain.number_parsing import parse_number
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.errors import ClientClosed, InvalidInput, OutcomeUnknown, TelephonyError, instead_of
from telephony_core.observation.events import RequestEvent
from telephony_core.operations.operations import Operations
from telephony_core.provider.capabilities import Capabilities
from telephony_core.provider.changes import Change
from telephony_core.provider.flow import Flow
from telephony_core.provider.port import AvailableQuery, ListQuery, Problem, Provider, ProviderSpec
from telephony_core.provider.registry import provider_of, registry
from telephony_core.transport.backends.deadlines import LONGEST_WAIT
from telephony_core.transport.clock import Clock
from telephony_core.transport.drivers import Actions
from telephony_core.transport.lifecycle import Lifecycle
from telephony_core.transport.pace import Pace, Pacer
from telephony_core.transport.pipeline import RequestPipeline, execute

if TYPE_CHECKING:
    from pydantic import SecretStr

T = TypeVar("T")


class NumberLookup(Protocol):
    """What a client has learned of its account's numbers: its part of a `NumberIndex`."""

    def records_of(self, identity: NumberIdentity, *, fresh: bool = False) -> tuple[PhoneNumber, ...] | None:
        """Every record of a number, and those that may be of it, listing the account where too little is known.

        A ``fresh`` look is answered by a listing that was begun after it. ``None`` says that this index is closed, and
        knows nothing any more: a copy of a client (`with_options`) may have it still. Raises what listing raises.
        """
        ...


class AsyncNumberLookup(Protocol):
    """`NumberLookup` for async code."""

    async def records_of(self, identity: NumberIdentity, *, fresh: bool = False) -> tuple[PhoneNumber, ...] | None: ...


class ClientBase:
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
        pace: Pacer | None,
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
        self._adapter: Provider = provider_of(spec, config)
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
        """What the provider declares that it takes and returns."""
        return self._adapter.capabilities

    @property
    def operations(self) -> Operations:
        """Every operation of the port as a flow, for composing and for `run`."""
        return self._operations

    @property
    def provider_time(self) -> datetime | None:
        """The provider's clock, from the ``Date`` of its last answer and the time since; ``None`` if it sent none."""
        return self._pipeline.provider_clock.now(self._clock.monotonic())

    def check(self, change: Change) -> list[Problem]:
        """All problems of a change at once, without any request. An empty list promises nothing about the vendor."""
        return self._operations.check(change)

    def with_options(
        self,
        *,
        timeout: float | None = None,
        max_retries: int | None = None,
        read_only: bool | None = None,
        patient: bool | None = None,
    ) -> Self:
        """The same client with another time-out (seconds for a whole operation) or number of retries.

        With ``read_only=True`` every request that is not a read by GET raises `WriteRefused` before it is sent. With
        ``patient=True`` the time for which the pace holds a request back does not count: for work on many numbers, of
        which a pace of so many a minute keeps some waiting for most of that minute.

        It shares connections, pace and life with this one: closing either closes both.
        """
        other = copy.copy(self)
        other._pipeline = replace(
            self._pipeline,
            timeout=self._pipeline.timeout if timeout is None else _seconds(timeout),
            max_retries=self._pipeline.max_retries if max_retries is None else _count(max_retries),
            read_only=self._pipeline.read_only if read_only is None else read_only,
            patient=self._pipeline.patient if patient is None else patient,
        )
        return other

    def _actions(self, flow: Flow[T], operation: str) -> Actions[T]:
        with self._named(operation):
            # `run` takes flows of the caller's own; a function that was not called is the usual slip.
            if not isinstance(flow, Generator):
                raise InvalidInput(
                    f"a flow is a generator, not {type(flow).__name__}", remedy="call the function that is one"
                )
            # One that ran already would send nothing, and return None as if it had.
            if getattr(flow, "gi_frame", flow) is None:
                raise InvalidInput("this flow has run already", remedy="call its function anew for each run")
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
        # One that could not be made is shown too, by whoever records tracebacks.
        pipeline = getattr(self, "_pipeline", None)
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


def list_query(status: NumberStatus | None, origin: Origin | None) -> ListQuery:
    words = ", ".join([*NumberStatus, *Origin])
    with instead_of(ValueError, lambda e: InvalidInput(f"cannot list by this: {e}", remedy=f"the words are: {words}")):
        return ListQuery(None if status is None else NumberStatus(status), None if origin is None else Origin(origin))


def available_query(line_type: object, sort_by: object, descending: bool) -> AvailableQuery:
    if line_type is not None and not isinstance(line_type, str):
        raise InvalidInput(
            f"line_type has to be text, not {type(line_type).__name__}", remedy="give the provider's own word for one"
        )
    if sort_by == "number" or sort_by == "monthly_fee":
        return AvailableQuery(line_type, sort_by, bool(descending))
    raise InvalidInput(f"cannot sort by {sort_by!r}", remedy="sort by number or monthly_fee")


def attempt_of(error: OutcomeUnknown) -> Any:
    if not isinstance(error, OutcomeUnknown):
        raise InvalidInput(f"this is a {type(error).__name__}", remedy="give the OutcomeUnknown that was raised")
    if error.attempt is None:
        raise InvalidInput("this error does not say what was attempted", remedy="read the number and compare")
    return error.attempt
