"""ElevenLabs' phone-number operations as flows: which request, with what meaning, and what its answer comes to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, Final

from telephony_core.domain.agents import Agent, AgentRef
from telephony_core.domain.lifecycle import Origin, Release
from telephony_core.domain.number_identity import NumberIdentity
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.domain.sip import OutboundUpdate
from telephony_core.domain.sip_address import SipAddress
from telephony_core.errors import (
    AuthenticationFailed,
    Conflict,
    NotFound,
    PermissionDenied,
    ProviderError,
    RateLimited,
    TelephonyError,
    UnexpectedResponse,
    UnsupportedField,
    UnsupportedOperation,
)
from telephony_core.provider.capabilities import Capabilities, Field, Operation
from telephony_core.provider.changes import AgentAssignment, Change, NumberImport, NumberRelease, SipUpdate
from telephony_core.provider.flow import Flow, Json, Request, Response, Semantics, call, path
from telephony_core.provider.identity import require_about
from telephony_core.provider.port import ListQuery, Page, Problem, Provider
from telephony_core.provider.schema import Shape
from telephony_core.provider.vendor_errors import ErrorEnvelope, read_validation_list
from telephony_core.provider.wire import object_in, read_answer, read_list, read_object, read_page
from telephony_elevenlabs import mapping
from telephony_elevenlabs.capabilities import CAPABILITIES, SLUG
from telephony_elevenlabs.config import ElevenLabsConfig, Region
from telephony_elevenlabs.wire import AgentPage, ListedAgent, NumberRecord

PAGE_SIZE: Final = 100
"""The most agents that a page holds."""

# Vendor page "Errors" (docs, resources). Which codes phone numbers answer with is not documented.
ERROR_TYPES: Final[Mapping[str, type[ProviderError]]] = {
    "authentication_error": AuthenticationFailed,
    "authorization_error": PermissionDenied,
    "conflict": Conflict,
    "not_found": NotFound,
    "rate_limit_error": RateLimited,
}
"""The ``type`` of an error, where it says more than a 400 or 422 does."""
# The specification declares 200 and 422 only, so the usual meaning of the other statuses counts first.
_REFINED: Final = frozenset({400, 422})
"""Statuses that the type refines; every other one speaks for itself."""


class ElevenLabsProvider(Provider):
    """One ElevenLabs workspace."""

    slug: ClassVar[str] = SLUG
    capabilities: ClassVar[Capabilities] = CAPABILITIES

    def auth_headers(self) -> Mapping[str, str]:
        return {"xi-api-key": self.config.api_key.get_secret_value()}

    def read_error(self, response: Response) -> ErrorEnvelope:
        """Two envelopes, both under ``detail``: an object of the vendor's, or the list of its web framework."""
        # Both envelopes use the key `detail`; only its JSON type tells them apart.
        detail = object_in(response).get("detail")
        if isinstance(detail, list):
            return read_validation_list(detail)
        if not isinstance(detail, dict):
            return ErrorEnvelope(message=detail if isinstance(detail, str) else None)
        # `status` is the former name of `code` (page "Errors").
        said = {key: value for key, value in detail.items() if isinstance(value, str)}
        kind = ERROR_TYPES.get(said.get("type", "")) if response.status in _REFINED else None
        # The request's id comes in the body and in no header.
        return ErrorEnvelope(said.get("code") or said.get("status"), said.get("message"), kind, said.get("request_id"))

    # -- reading

    def list_page(self, query: ListQuery, cursor: str | None) -> Flow[Page[PhoneNumber]]:
        """The whole list: it comes in one answer."""
        # The paged list (v2) is in the SDK and not in the specification of 2026-08-22, and whether its filter by number
        # is exact is not said. So the list that both have is read.
        response = yield from call(Request.of("GET", path("v1", "convai", "phone-numbers")), self.read_error)
        return Page(read_list(response, NumberRecord, mapping.number_of, self.secret_keys), None)

    def get(self, id: str) -> Flow[PhoneNumber]:
        response = yield from call(Request.of("GET", _path_of(id)), self.read_error)
        return _number(response)

    def agents_page(self, cursor: str | None) -> Flow[Page[Agent]]:
        asked = [("page_size", str(PAGE_SIZE)), *([("cursor", cursor)] if cursor is not None else [])]
        response = yield from call(Request.of("GET", path("v1", "convai", "agents"), query=asked), self.read_error)
        page, agents = read_page(response, AgentPage, "agents", ListedAgent, mapping.agent_of, self.secret_keys)
        # To stop here would hide the agents that follow, and a plan would call them missing.
        if page["has_more"] and page["next_cursor"] is None:
            raise UnexpectedResponse("the page has has_more and no next_cursor", status=response.status)
        return Page(agents, page["next_cursor"] if page["has_more"] else None)

    # -- writing

    def import_number(self, change: NumberImport, identity: NumberIdentity) -> Flow[PhoneNumber]:
        """Import, which is answered with an id alone, and read what was made."""
        body = mapping.import_body(change, identity)
        # Whether the same number is refused the second time is not documented, and there is no idempotency key.
        request = Request.of("POST", path("v1", "convai", "phone-numbers"), Semantics.ONCE, json_body=body)
        response = yield from call(request, self.read_error)
        id = read_object(response).get("phone_number_id")
        if not isinstance(id, str) or not id:
            raise UnexpectedResponse("the answer to the import names no phone_number_id", status=response.status)
        try:
            return require_about((yield from self.get(id)), id=id, identity=identity)
        # The number exists already. Any other error would read as if nothing had been made; this one makes core look.
        except TelephonyError as error:
            raise UnexpectedResponse(
                f"the number was imported as {id}, and reading it back failed: {error.message}",
                remedy=error.remedy,
                status=response.status,
            ) from error

    def update_label(self, number: PhoneNumber, label: str | None) -> Flow[PhoneNumber]:
        return self._patch(number, {"label": label})

    def update_sip(self, number: PhoneNumber, change: SipUpdate) -> Flow[PhoneNumber]:
        """Read the number anew, change the half, and send it whole: then merging and replacing come to the same."""
        response = yield from call(Request.of("GET", _path_of(number.id)), self.read_error)
        # The record may be of another number by now, whose trunk must not be written over.
        require_about(_number(response), id=number.id, identity=number.identity, status=response.status)
        return (yield from self._patch(number, mapping.sip_body(change, read_object(response))))

    def assign_agents(self, number: PhoneNumber, assignment: AgentAssignment) -> Flow[PhoneNumber]:
        # There is no outbound agent: the caller of the outbound-call operation names agent and number (OpenAPI).
        agent = assignment.inbound if isinstance(assignment.inbound, AgentRef) else None
        return self._patch(number, mapping.agent_body(number, agent))

    def _patch(self, number: PhoneNumber, body: Json) -> Flow[PhoneNumber]:
        """The one request that changes a number: label, agent and trunk alike."""
        request = Request.of("PATCH", _path_of(number.id), Semantics.IDEMPOTENT, json_body=body)
        return _number((yield from call(request, self.read_error)))

    def release(self, number: PhoneNumber) -> Flow[Release]:
        """Delete the number. The answer says nothing, so core looks what became of it."""
        # OpenAPI: 200 with an empty schema.
        yield from call(Request.of("DELETE", _path_of(number.id), Semantics.ONCE), self.read_error)
        return self.release_ordered(number)

    # -- judging

    def check(self, change: Change) -> Sequence[Problem]:
        match change:
            case NumberImport():
                return (*_import_problems(change), *_address_warnings(change.outbound))
            case SipUpdate():
                return tuple(_update_problems(change))
            # What a deletion does to a number of a kind that is new is not documented, and it cannot be taken back.
            case NumberRelease(PhoneNumber() as number) if number.origin is Origin.UNKNOWN:
                return (_of_unknown_kind(number, Operation.RELEASE),)
        return ()

    def inbound_uri(self, number: PhoneNumber) -> SipAddress | None:
        """Where the carrier has to send calls to this number; ``None`` where ElevenLabs does not document it."""
        region = self.config.region if isinstance(self.config, ElevenLabsConfig) else Region.GLOBAL
        return mapping.inbound_uri(number, region)

    def agent_names(self, number: PhoneNumber) -> Mapping[str, str]:
        return mapping.agent_names(number)

    def documented_record(self) -> Shape:
        return Shape.documented("telephony_elevenlabs", "PhoneNumber")


def _path_of(id: str) -> str:
    return path("v1", "convai", "phone-numbers", id)


def _number(response: Response) -> PhoneNumber:
    return mapping.number_of(*read_answer(response, NumberRecord, ElevenLabsProvider.secret_keys))


# -- problems


def _import_problems(change: NumberImport) -> Iterator[Problem]:
    # OpenAPI, import: both halves are optional. Only of the outbound one is it clear what its absence means.
    if change.inbound is None or not change.inbound.changes:
        yield Problem(
            "inbound",
            "whether a number without inbound settings receives calls is not documented",
            remedy="give inbound.allowed_addresses if it is to receive calls",
        )
    if change.outbound is None or not change.outbound.changes:
        yield Problem(
            "outbound",
            "without outbound settings the number only receives calls",
            remedy="give at least outbound.address if it is to place calls",
        )
    # OpenAPI: `address` is required in `outbound_trunk_config`.
    elif change.outbound.address is None:
        needed = "outbound settings need the trunk's address on an import"
        yield Problem.invalid(Field.ADDRESS, needed, remedy="give outbound.address, or leave the outbound half out")


def _update_problems(change: SipUpdate) -> Iterator[Problem]:
    number = change.number
    if isinstance(number, PhoneNumber):
        if number.origin is Origin.UNKNOWN and number.provider_origin is not None:
            # Core refuses linked numbers by their origin. A kind that is new has none, and may have no trunk of the
            # customer.
            yield _of_unknown_kind(number, Operation.UPDATE_SIP)
            return
        # A number that comes out of a file has no payload; the one that is read before the write has.
        if number.raw:
            yield from _trunk_problems(change, number)
    if isinstance(change.outbound, OutboundUpdate):
        yield from _address_warnings(change.outbound)


def _trunk_problems(change: SipUpdate, number: PhoneNumber) -> Iterator[Problem]:
    """What stands against building the halves. What is built here is thrown away: secrets in ``raw`` are hidden."""
    for name in ("inbound", "outbound"):
        half = SipUpdate(number, **{name: getattr(change, name)})
        try:
            mapping.sip_body(half, number.raw)
        except UnsupportedField as error:
            if error.field == name:  # of a field that cannot be cleared, or a form of an address, core has told already
                yield Problem.of(name, error)
        except TelephonyError as error:
            yield Problem.of(name, error)


def _of_unknown_kind(number: PhoneNumber, operation: Operation) -> Problem:
    """A number that came in a way that is not documented may live anywhere, and may have no trunk of the customer's."""
    how = number.provider_origin or "a way that ElevenLabs does not say"
    return Problem.of(
        operation,
        UnsupportedOperation(
            f"{SLUG} does not document what this does to a number that came by {how}",
            remedy="make this change in the provider's dashboard",
        ),
    )


def _address_warnings(outbound: OutboundUpdate | None) -> Iterator[Problem]:
    if outbound is not None and outbound.address is not None and outbound.address.is_ipv6:
        yield Problem(
            Field.ADDRESS,
            "whether an IPv6 address is understood is not documented",
            remedy="give a host name, if the trunk has one",
        )
