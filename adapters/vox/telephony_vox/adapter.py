"""The operations of vox as flows: which requests, in which order, and what their answers mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Final

from telephony_core.domain.agents import Agent
from telephony_core.domain.lifecycle import Origin, Release
from telephony_core.domain.number_identity import NumberIdentity
from telephony_core.domain.phone_number import AvailableNumber, PhoneNumber
from telephony_core.domain.sip import OutboundUpdate
from telephony_core.domain.sip_address import SipAddress
from telephony_core.errors import Conflict, InvalidInput, InvalidRequest, ProviderError
from telephony_core.provider.capabilities import Field
from telephony_core.provider.changes import AgentAssignment, Change, NumberImport, SipUpdate
from telephony_core.provider.flow import Flow, Json, Request, Response, Semantics, call, path
from telephony_core.provider.port import AvailableQuery, ListQuery, Page, Problem, Provider
from telephony_core.provider.schema import Shape
from telephony_core.provider.vendor_errors import ErrorEnvelope
from telephony_core.provider.wire import object_in, read_answer, read_object, read_page
from telephony_vox import mapping
from telephony_vox.capabilities import AS_IS, CAPABILITIES, SLUG
from telephony_vox.config import VoxOptions
from telephony_vox.wire import AgentPage, LinePage, LineRecord, ListedAgent, NumberPage, NumberRecord

PAGE_SIZE: Final = 100
"""The most that vox gives at once."""

_OWNED: Final = "organization-telephone-numbers"

ERROR_CODES: Final[Mapping[str, type[ProviderError]]] = {
    "VALIDATION_ERROR": InvalidRequest,  # with 400: a third party's calls
    "REVISION_CONFLICT": Conflict,  # the vendor's instructions for coding assistants, about agents
}
"""Machine codes seen so far; vox publishes no list. They refine 400 and 422, other statuses speak for themselves."""
_REFINED: Final = frozenset({400, 422})


class VoxProvider(Provider):
    """An organization's numbers at vox.ai."""

    slug = SLUG
    capabilities = CAPABILITIES
    options_model = VoxOptions

    def auth_headers(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self.config.api_key.get_secret_value()}"}

    def read_error(self, response: Response) -> ErrorEnvelope:
        # The page on voice models states this envelope for all of v3. A gateway may answer with anything else.
        error = object_in(response).get("error")
        if not isinstance(error, dict):
            return ErrorEnvelope()
        code, message = _text(error.get("code")), _text(error.get("message"))
        said = [part for part in (message, *_details(error.get("details"))) if part]
        kind = ERROR_CODES.get(code or "") if response.status in _REFINED else None
        return ErrorEnvelope(code=code, message="; ".join(said) or None, kind=kind)

    # -- reading

    def list_page(self, query: ListQuery, cursor: str | None) -> Flow[Page[PhoneNumber]]:
        # Without a status vox lists active numbers only, and whether one request may name several is not certain.
        statuses = mapping.LISTED[query.status]
        status, resumed = _resume(cursor, statuses)
        # The default of `sort_order` is not shown on the page of this list, so it is always said.
        asked = [("status", status), ("limit", str(PAGE_SIZE)), ("sort_by", "created_at"), ("sort_order", "asc")]
        if (word := mapping.PROVIDER_WORDS.get(query.origin or Origin.UNKNOWN)) is not None:
            asked.append(("provider", word))
        # Whether filters have to come with the cursor is not documented, so they do.
        if resumed is not None:
            asked.append(("cursor", resumed))
        response = yield from self._call("GET", path(_OWNED), Semantics.READ, query=asked)
        page, numbers = read_page(response, NumberPage, "items", NumberRecord, mapping.number_of, self.secret_keys)
        return Page(numbers, _onward(status, page["next_cursor"], statuses))

    def get(self, id: str) -> Flow[PhoneNumber]:
        return self._number("GET", path(_OWNED, id), Semantics.READ)

    def available_page(self, query: AvailableQuery, cursor: str | None) -> Flow[Page[AvailableNumber]]:
        asked = [
            ("limit", str(PAGE_SIZE)),
            ("sort_by", query.sort_by),
            ("sort_order", "desc" if query.descending else "asc"),
        ]
        if query.line_type is not None:
            asked.append(("line_type", mapping.line_type_word(query.line_type)))
        if cursor is not None:
            asked.append(("cursor", cursor))
        response = yield from self._call("GET", path("telephone-numbers", "available"), Semantics.READ, query=asked)
        page, lines = read_page(response, LinePage, "items", LineRecord, mapping.line_of, self.secret_keys)
        return Page(lines, page["next_cursor"])

    def agents_page(self, cursor: str | None) -> Flow[Page[Agent]]:
        asked = [("limit", str(PAGE_SIZE)), *([("cursor", cursor)] if cursor is not None else [])]
        # A third party's script names this operation; no page of it could be read.
        response = yield from self._call("GET", path("agents"), Semantics.READ, query=asked)
        page, agents = read_page(response, AgentPage, "items", ListedAgent, mapping.agent_of, self.secret_keys)
        return Page(agents, page["next_cursor"])

    # -- writing

    def import_number(self, change: NumberImport, identity: NumberIdentity) -> Flow[PhoneNumber]:
        body = mapping.register_body(change, identity)
        # No page about numbers lists an idempotency key, and what a second registration does is not documented.
        return self._number("POST", path("telephone-numbers", "register"), Semantics.ONCE, body)

    def update_label(self, number: PhoneNumber, label: str | None) -> Flow[PhoneNumber]:
        # The memo of an imported number is documented only as a part of its trunk settings.
        return self._number("PATCH", path(_OWNED, number.id, "sip"), Semantics.IDEMPOTENT, {"memo": label})

    def update_sip(self, number: PhoneNumber, change: SipUpdate) -> Flow[PhoneNumber]:
        # So that an address that stays goes back in the spelling in which vox holds it: which forms it takes is not
        # documented.
        current = number.sip.outbound.address if number.sip is not None else None
        body = mapping.sip_body(_outbound(change) or OutboundUpdate(), current)
        return self._number("PATCH", path(_OWNED, number.id, "sip"), Semantics.IDEMPOTENT, body)

    def assign_agents(self, number: PhoneNumber, assignment: AgentAssignment) -> Flow[PhoneNumber]:
        body = mapping.agents_body(assignment)
        return self._number("PATCH", path(_OWNED, number.id, "agent"), Semantics.IDEMPOTENT, body)

    def release(self, number: PhoneNumber) -> Flow[Release]:
        # What a second DELETE of a cancelled number does is not documented.
        response = yield from self._call("DELETE", path(_OWNED, number.id), Semantics.ONCE)
        return mapping.release(read_object(response), number, http_status=response.status)

    def revoke_release(self, number: PhoneNumber) -> Flow[PhoneNumber]:
        # Nor is what a second revocation does.
        return self._number("POST", path(_OWNED, number.id, "revoke-cancel"), Semantics.ONCE)

    # -- judging

    def waives(self, change: SipUpdate) -> frozenset[Field]:
        # docs.tryvox.co, PATCH sip: a new address needs `auth_password`. What a trunk without credentials has to send
        # is said nowhere.
        return frozenset({Field.ADDRESS}) if self._no_authentication(change) else frozenset()

    def check(self, change: Change) -> Sequence[Problem]:
        match change:
            case NumberImport():
                return [*_number_problems(change), *self._trunk_problems(change)]
            case SipUpdate():
                return list(self._trunk_problems(change))
            case _:
                return ()

    def _trunk_problems(self, change: NumberImport | SipUpdate) -> Iterator[Problem]:
        outbound = _outbound(change)
        given = frozenset() if outbound is None else outbound.changes
        if self._no_authentication(change):
            yield from _no_authentication_problems(given, importing=isinstance(change, NumberImport))
        if outbound is not None and outbound.address is not None:
            yield from _address_problems(outbound.address)

    def _no_authentication(self, change: NumberImport | SipUpdate) -> bool:
        try:
            options = self.options(change)
        except InvalidInput:  # told by core, which reads the options as well
            return False
        return isinstance(options, VoxOptions) and options.no_authentication

    def documented_record(self) -> Shape:
        return Shape.documented("telephony_vox", "OrganizationTelephoneNumber")

    # -- requests

    def _call(
        self,
        method: str,
        where: str,
        semantics: Semantics,
        body: Json = None,
        *,
        query: Sequence[tuple[str, str]] = (),
    ) -> Flow[Response]:
        return call(Request.of(method, where, semantics, query=query, json_body=body), self.read_error)

    def _number(self, method: str, where: str, semantics: Semantics, body: Json = None) -> Flow[PhoneNumber]:
        """A request that is answered with one owned number."""
        response = yield from self._call(method, where, semantics, body)
        return mapping.number_of(*read_answer(response, NumberRecord, self.secret_keys))


# -- paging: one series of requests per status, so the cursor says which status it is in

_BETWEEN: Final = ":"


def _resume(cursor: str | None, statuses: Sequence[str]) -> tuple[str, str | None]:
    """The status to ask for, and vox's own cursor in it."""
    if cursor is None:
        return statuses[0], None
    # At the first colon only: vox's own cursor is opaque and may hold more of them.
    status, between, resumed = cursor.partition(_BETWEEN)
    if not between or status not in statuses:
        raise InvalidInput("the cursor is not of this listing", remedy="begin again without a cursor")
    return status, resumed or None


def _onward(status: str, more: str | None, statuses: Sequence[str]) -> str | None:
    if more is not None:
        return f"{status}{_BETWEEN}{more}"
    following = statuses[statuses.index(status) + 1 :]
    return f"{following[0]}{_BETWEEN}" if following else None


# -- errors


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _details(details: object) -> Iterator[str]:
    """What the envelope adds for people: which field, why, and what would be allowed."""
    if not isinstance(details, dict):
        return
    field, reason = _text(details.get("field")), _text(details.get("reason"))
    if field or reason:
        yield ": ".join(part for part in (field, reason) if part)
    # The first is on the page of voice models; the second came with a 400 to a third party.
    for key in ("allowed_values", "allowed_query_parameters"):
        values = details.get(key)
        words = [str(value) for value in values if isinstance(value, str | int)] if isinstance(values, list) else []
        if words:
            yield f"{key.replace('_', ' ')}: {', '.join(words)}"


# -- judging


def _outbound(change: NumberImport | SipUpdate) -> OutboundUpdate | None:
    return change.outbound if isinstance(change.outbound, OutboundUpdate) else None


def _number_problems(change: NumberImport) -> Iterator[Problem]:
    identity = NumberIdentity.parse(change.number, region=CAPABILITIES.region)
    if change.send_as_is and identity.kind in AS_IS:
        try:
            mapping.number_digits(identity, as_is=True)
        except InvalidInput as error:
            yield Problem.of("number", error)


def _no_authentication_problems(given: Set[str], *, importing: bool) -> Iterator[Problem]:
    name = f"options.{SLUG}.no_authentication"
    if credentials := sorted(given & {"username", "password"}):
        yield Problem.invalid(
            name,
            f"no_authentication says that the trunk has no credentials, and {' and '.join(credentials)} is given",
            remedy="leave one of the two out",
        )
    # docs.tryvox.co, register: credentials are optional, so an import needs no option for leaving them out.
    elif importing:
        return
    elif "address" in given:
        yield Problem(
            name,
            "vox documents that a new address has to carry the password; whether it takes one without was never tried",
            remedy="if it is refused, give the trunk credentials, and send address, username and password together",
        )
    else:
        yield Problem(name, "has no effect without a change of the address", remedy="leave it out, or give the address")


def _address_problems(address: SipAddress) -> Iterator[Problem]:
    if parts := [*address.uri_parts.values(), *(["an IPv6 host"] if address.is_ipv6 else [])]:
        yield Problem(
            Field.ADDRESS,
            f"has {', '.join(parts)}: vox documents only sip:host:port, so it may refuse this or ignore it",
            remedy="place a test call afterwards, or give host[:port] if the trunk can be reached that way",
        )
