"""A provider's account for ordinary code: threads may share it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from telephony_core.accounts.connection import Connection, hidden_key, hidden_settings, hidden_url
from telephony_core.client.base import ClientBase, NumberLookup, attempt_of, available_query, list_query
from telephony_core.domain.agents import Agent, AgentRef
from telephony_core.domain.input_model import UNSET, Unset
from telephony_core.domain.lifecycle import NumberStatus, Origin, Release, SideEffect
from telephony_core.domain.number_identity import NumberIdentity
from telephony_core.domain.phone_number import AvailableNumber, PhoneNumber
from telephony_core.domain.sip import InboundUpdate, OutboundUpdate
from telephony_core.errors import OutcomeUnknown
from telephony_core.observation.events import RequestEvent
from telephony_core.operations.listing import Listing
from telephony_core.operations.reconciliation import Reconciliation
from telephony_core.provider.changes import (
    AgentAssignment,
    LabelUpdate,
    NumberImport,
    NumberRelease,
    Options,
    ReleaseRevocation,
    SipUpdate,
)
from telephony_core.provider.flow import Flow
from telephony_core.provider.port import Page, ProviderSpec
from telephony_core.transport.backend import Backend
from telephony_core.transport.backends.selection import sync_backend
from telephony_core.transport.clock import Clock
from telephony_core.transport.drivers import drive
from telephony_core.transport.lifecycle import Closing
from telephony_core.transport.pace import Pacer

if TYPE_CHECKING:
    import httpx
    from pydantic import SecretStr

T = TypeVar("T")
ItemT = TypeVar("ItemT", PhoneNumber, AvailableNumber, Agent)


class Telephony(Closing, ClientBase):
    """A provider's account, for ordinary code. Thread-safe; close it, or use it as a context manager.

    ``provider`` is a slug (``"vox"``) or a `Connection`. ``api_key`` and ``base_url`` default to
    ``TELEPHONY_<SLUG>_API_KEY`` and ``TELEPHONY_<SLUG>_BASE_URL``. ``timeout`` is one deadline in seconds for a whole
    operation (for a listing: for each page), retries and pauses included. ``max_retries`` counts per request. ``pace``
    limits how fast it sends; without one it only slows down when the provider says so. ``backend`` is ``"httpx"``,
    ``"httpx2"``, ``"urllib3"`` or ``"fast"``, and defaults to ``TELEPHONY_BACKEND``; ``http_client`` is a client of
    yours (of httpx or httpx2), never closed here, and wins over it. ``observers`` hear of every
    request, and an `OperationObserver` of every operation; the logger ``telephony_core`` says what changes.

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
        pace: Pacer | None = None,
        backend: Backend | str | None = None,
        http_client: httpx.Client | None = None,
        observers: Iterable[Callable[[RequestEvent], None]] = (),
        on_unknown: Callable[[OutcomeUnknown], None] | None = None,
        clock: Clock | None = None,
    ) -> None:
        # First of all: whatever is raised below carries this frame, and crash reporters record its variables.
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
            query = list_query(status, origin)
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
        # A provider that looks numbers up answers in one request, and no index knows better.
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
            query = available_query(line_type, sort_by, descending)
        return self._pages(lambda cursor: self._operations.available_page(query, cursor), "search_available")

    def list_agents(self) -> Iterator[Agent]:
        """The agents that can be assigned to numbers. Raises `UnsupportedOperation` where it does not offer that."""
        return self._pages(self._operations.agents_page, "list_agents")

    # -- writing

    def import_number(self, number: NumberImport) -> PhoneNumber:
        """Bring your own number. Raises `Conflict` when it is already here, `PartialOutcome` when it was created and a
        later step failed, `OutcomeUnknown` when nobody can tell whether it was."""
        known = None
        if self.number_index is not None:
            identity = self._drive(self._operations.listed_before(number), "import_number")
            if identity is not None:
                # Imports that wait together share this listing; an older one would not show what was imported since.
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
            attempt = attempt_of(error)
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
        # In a process that was forked off, the sockets are the parent's as well: to close TLS on them would end its
        # connections.
        if self._owns_backend and self._lifecycle.is_here:
            self._backend.close()

    def _drive(self, flow: Flow[T], operation: str) -> T:
        return drive(self._actions(flow, operation), self._backend, self._clock)

    def _pages(self, ask: Callable[[str | None], Flow[Page[ItemT]]], operation: str) -> Iterator[ItemT]:
        listing, cursor = Listing(), None
        while True:
            page = self._drive(ask(cursor), operation)
            with self._named(operation):
                new = listing.accept(page)
            yield from new
            cursor = page.cursor
            if cursor is None:
                return
