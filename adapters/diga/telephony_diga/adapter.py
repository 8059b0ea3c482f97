"""Diga's phone operations as flows: which request, with what meaning, and what its answer comes to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, Final

from telephony_core.domain.agents import Agent, AgentRef
from telephony_core.domain.input_model import Unset
from telephony_core.domain.lifecycle import NumberStatus, Origin, Release, SideEffect
from telephony_core.domain.number_identity import NumberIdentity, NumberKind
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.domain.sip import OutboundUpdate
from telephony_core.errors import (
    AnswerLost,
    AuthenticationFailed,
    Conflict,
    InvalidInput,
    InvalidRequest,
    NotAllowed,
    NotFound,
    OutcomeUnknown,
    PermissionDenied,
    ProviderError,
    Remedy,
    TelephonyError,
    UnexpectedResponse,
    UnsupportedField,
    WrongState,
)
from telephony_core.provider.capabilities import Capabilities, Field, Operation
from telephony_core.provider.changes import AgentAssignment, Change, NumberImport, NumberRelease, SipUpdate
from telephony_core.provider.flow import Flow, Request, Response, Semantics, call, parse_json, path
from telephony_core.provider.identity import require_about
from telephony_core.provider.port import ListQuery, Page, Problem, Provider
from telephony_core.provider.schema import Shape
from telephony_core.provider.vendor_errors import ErrorEnvelope, read_validation_list
from telephony_core.provider.wire import object_in, read_answer, read_list, read_page
from telephony_diga import mapping
from telephony_diga.capabilities import CAPABILITIES, SLUG
from telephony_diga.mapping import VersionChoice
from telephony_diga.wire import ListedAgent, PhonePage, PhoneRecord

PAGE_SIZE: Final = 100
"""The most that one page of the list holds."""

UNFILTERED: Final = "all"
"""The name, in a cursor, of the pass without a status."""

# From the error examples of the vendor OpenAPI of 2026-07-22, those of other operations included: its own text calls
# this envelope the standard of all API errors.
ERROR_CODES: Final[Mapping[str, type[ProviderError]]] = {
    "AGENT_NOT_FOUND": NotFound,
    "BAD_PARAMETER": InvalidRequest,
    "INVALID_API_KEY": AuthenticationFailed,
    "INVALID_PAGINATION_PARAMETERS": InvalidRequest,
    "MISSING_PERMISSIONS": PermissionDenied,
    "NON_SPANISH_PHONE_NUMBER": InvalidRequest,  # documented for calls only, as is SIP_CONFIG_NOT_SET
    "NOT_VALID_FIELD": InvalidRequest,
    "PHONE_NUMBER_NOT_FOUND": NotFound,
    "PUBLISHED_AGENT_VERSION_DELETION": Conflict,  # documented with 409
    "SIP_CONFIG_NOT_SET": WrongState,
    "UNATHORIZED_ROLE": PermissionDenied,  # the vendor's spelling
    "UNAUTHORIZED": AuthenticationFailed,
}
"""Every documented code that says more than its status. ``INTERNAL_SERVER_ERROR`` does not: it comes with 403 too."""
_REFINED: Final = frozenset({400, 422})
"""Statuses that a machine code refines; every other one speaks for itself."""

_AGENTS: Final = path("v1", "agent", "versions-dropdown", "dashboard")
"""Where all agents are listed with their versions."""
_MANY_NUMBERS: Final = "an agent has one published version, which all of its numbers use"


class DigaProvider(Provider):
    """One Diga project."""

    slug: ClassVar[str] = SLUG
    capabilities: ClassVar[Capabilities] = CAPABILITIES

    def auth_headers(self) -> Mapping[str, str]:
        return {"authorization": f"Bearer {self.config.api_key.get_secret_value()}"}

    def read_error(self, response: Response) -> ErrorEnvelope:
        """Two envelopes, told apart by shape: the vendor's own, and the validation list of its web framework."""
        payload = object_in(response)
        code, message, detail = payload.get("error_code"), payload.get("message"), payload.get("detail")
        if isinstance(code, str):
            kind = ERROR_CODES.get(code) if response.status in _REFINED else None
            return ErrorEnvelope(code, message if isinstance(message, str) else None, kind)
        # OpenAPI: the 422 of the list is in the vendor's own envelope, that of all other phone operations in FastAPI's.
        # Both may come anywhere, so the shape decides and not the path.
        if isinstance(detail, list):
            return read_validation_list(detail)
        # A path that is not there is answered by the web framework itself, with a text under `detail`.
        return ErrorEnvelope(message=next((text for text in (detail, message) if isinstance(text, str)), None))

    # -- reading

    def list_page(self, query: ListQuery, cursor: str | None) -> Flow[Page[PhoneNumber]]:
        """One page of one pass: without a status first, then one pass per status in the order of a number's life.

        Which statuses the unfiltered list holds is not documented. In this order a number that changes its status
        meanwhile comes twice rather than never. A wanted status needs only the passes that can hold it; the unknown
        one can only turn up unfiltered.
        """
        passes = _passes(query.status)
        name, _, after = (cursor or f"{passes[0]}:").partition(":")
        if name not in passes:
            raise InvalidInput("this cursor is not one of this listing", remedy="begin the listing again")
        # Oldest first: a number that is added meanwhile comes at the end and is met, where the default (newest first)
        # has passed its place already.
        parameters = [("limit", str(PAGE_SIZE)), ("order", "asc")]
        parameters += [("status", name)] if name != UNFILTERED else []
        parameters += [("after", after)] if after else []
        # The list's path ends in a slash; without it the vendor's server would redirect.
        request = Request.of("GET", path("v1", "phone") + "/", query=parameters)
        response = yield from call(request, self.read_error)
        page, numbers = read_page(response, PhonePage, "data", PhoneRecord, mapping.number_of, self.secret_keys)
        if page["has_more"]:
            # `last_id` is optional and nullable in the specification, while `has_more` is required.
            last = page["last_id"] or (numbers[-1].id if numbers else None)
            if last is None:
                told = "the page says that more follow and does not say after what"
                raise UnexpectedResponse(told, status=response.status)
            return Page(numbers, f"{name}:{last}")
        following = passes[passes.index(name) + 1 :]
        return Page(numbers, f"{following[0]}:" if following else None)

    def get(self, id: str) -> Flow[PhoneNumber]:
        response = yield from call(Request.of("GET", path("v1", "phone", id)), self.read_error)
        return _number(response)

    def agents_page(self, cursor: str | None) -> Flow[Page[Agent]]:
        """Every agent with its versions: the list comes in one answer."""
        response = yield from call(Request.of("GET", _AGENTS), self.read_error)
        return Page(read_list(response, ListedAgent, mapping.agent_of, self.secret_keys), None)

    # -- writing

    def import_number(self, change: NumberImport, identity: NumberIdentity) -> Flow[PhoneNumber]:
        body = mapping.import_body(change, identity)
        # No idempotency key is documented, so an import whose answer is lost may not be sent again by itself.
        request = Request.of("POST", path("v1", "phone", "import"), Semantics.ONCE, json_body=body)
        return _number((yield from call(request, self.read_error)))

    def update_label(self, number: PhoneNumber, label: str | None) -> Flow[PhoneNumber]:
        if label is None:
            # The schema lets `nickname` be null; what that does is said nowhere.
            raise mapping.not_clearable(Field.LABEL)
        body = {"nickname": label}
        request = Request.of("PATCH", path("v1", "phone", number.id), Semantics.IDEMPOTENT, json_body=body)
        return _number((yield from call(request, self.read_error)))

    def update_sip(self, number: PhoneNumber, change: SipUpdate) -> Flow[PhoneNumber]:
        where = path("v1", "phone", number.id, "sip-config")
        request = Request.of("PATCH", where, Semantics.IDEMPOTENT, json_body=mapping.sip_body(change))
        return _number((yield from call(request, self.read_error)))

    def check_agents(self, assignment: AgentAssignment) -> Flow[None]:
        yield from self._choose_versions(assignment)

    def assign_agents(self, number: PhoneNumber, assignment: AgentAssignment) -> Flow[PhoneNumber]:
        """Resolve agents to version ids and assign those. The answer shows agent ids again, which core compares."""
        choices = yield from self._choose_versions(assignment)
        publishes = any(choice.publishes for choice in choices.values())
        request = Request.of(
            "PATCH",
            path("v1", "phone", number.id),
            # Publishing switches the new calls of all numbers of the agent (guide "Version control"). Sent again later
            # it could take a version off the air that somebody else has published in between.
            Semantics.ONCE if publishes else Semantics.IDEMPOTENT,
            json_body={mapping.AGENT_KEYS[name]: choice.version_id for name, choice in choices.items()},
        )
        try:
            response = yield from call(request, self.read_error)
            return require_about(_number(response), id=number.id, identity=number.identity, status=response.status)
        # Since January 2026 the request fails where another version of the agent is published on another phone. With
        # which status is not documented, so every one that could be meant gets the remedy.
        except (InvalidRequest, Conflict, WrongState) as error:
            if publishes:
                published = f"{_MANY_NUMBERS}: if another version is published on another number, assign"
                dashboard = "or publish the wanted version in the dashboard first"
                error.remedy = Remedy(
                    f"{published} version=PUBLISHED, {dashboard}", cli=f"{published} the version published, {dashboard}"
                )
            raise
        except (AnswerLost, UnexpectedResponse) as error:
            # A success with an unusable body, or about another number, may have published as well as a lost answer.
            if publishes:
                yield from self._look_for_publication(assignment, error)
                # That the version is published says nothing about the phone: somebody else may have published it
                # elsewhere. Core asks whether the answer is about this phone.
                seen = yield from self.get(number.id)
                if all(_agent_of(seen, name) == reference.agent_id for name, reference in _references(assignment)):
                    return seen
            raise

    def _look_for_publication(self, assignment: AgentAssignment, lost: TelephonyError) -> Flow[None]:
        """Whether a publication without a usable answer happened; raises `OutcomeUnknown` unless it did.

        Core looks at the number, which tells its agent and not the version, and may have had that agent before.
        """
        try:
            choices = yield from self._choose_versions(assignment)
        except TelephonyError as error:
            seen = f"looking whether it happened failed too ({error.message})"
        else:
            # One look that does not find it proves nothing: the request may be executed after it.
            missing = ", ".join(choice.version_id for choice in choices.values() if choice.publishes)
            if not missing:
                return
            seen = f"a look right afterwards found {missing} not published, but that may still happen"
        raise OutcomeUnknown(
            f"{lost.message}; {seen}",
            remedy="look in the dashboard which version of the agent is published before repeating anything",
            status=lost.status,
        ) from lost

    def _choose_versions(self, assignment: AgentAssignment) -> Flow[dict[Field, VersionChoice]]:
        """The versions that an assignment means, from Diga's list of all agents.

        Raises why it cannot be: `NotFound`, `WrongState`, `NotAllowed`, `InvalidInput`.
        """
        wanted = dict(_references(assignment))
        response = yield from call(Request.of("GET", _AGENTS), self.read_error)
        agents = parse_json(response)
        choices = {
            name: mapping.choose_version(reference, mapping.read_versions(agents, reference.agent_id))
            for name, reference in wanted.items()
        }
        for choice in choices.values():
            # Only where it would really publish: to assign the version that is live already changes no other call.
            if choice.publishes and SideEffect.PUBLISHES not in assignment.allow:
                raise NotAllowed(
                    f"version {choice.version_id} of agent {choice.agent_id} is not published, and assigning it "
                    f"publishes it ({_MANY_NUMBERS})",
                    allowance=SideEffect.PUBLISHES,
                    remedy=Remedy(
                        "say allow={SideEffect.PUBLISHES} if that is meant, or assign version=PUBLISHED",
                        cli="say --allow publishes if that is meant, or assign the version published",
                    ),
                )
        # Both would have to be published, and an agent has at most one published version (OpenAPI, PATCH phone).
        if len({choice.agent_id for choice in choices.values()}) < len({c.version_id for c in choices.values()}):
            raise InvalidInput(
                "inbound and outbound name two versions of one agent, and an agent has one published version",
                remedy="assign the same version in both directions",
            )
        return choices

    def release(self, number: PhoneNumber) -> Flow[Release]:
        """Order the release. It is answered without a word (204), so core looks what it did."""
        # What a second DELETE does is not documented, so it is never sent by itself.
        request = Request.of("DELETE", path("v1", "phone", number.id), Semantics.ONCE)
        yield from call(request, self.read_error)
        return self.release_ordered(number)

    # -- judging

    def check(self, change: Change) -> Sequence[Problem]:
        match change:
            case NumberImport():
                return (*_import_problems(change), *_address_warnings(change.outbound))
            case SipUpdate():
                return tuple(_update_problems(change))
            case AgentAssignment():
                return tuple(_assignment_warnings(change))
            # The specification of 2026-07-22 refuses it for `reserved` and `pending_verification`, which read as
            # PENDING.
            case NumberRelease(PhoneNumber(status=NumberStatus.PENDING) as number):
                return (Problem.of("status", _not_releasable(number)),)
        return ()

    def side_effects(self, release: NumberRelease) -> frozenset[SideEffect]:
        """Releasing an imported number unpublishes its agents; a bought one only lets go of them.

        An agent that could not be read is one.
        """
        number = release.number
        if not isinstance(number, PhoneNumber):
            # Given by its id alone: nothing is known of its agents, so the worst is said.
            return self.capabilities.side_effects[Operation.RELEASE]
        unread = any(problem.startswith(("inbound_agent_id:", "outbound_agent_id:")) for problem in number.problems)
        linked = unread or number.inbound_agent is not None or number.outbound_agent is not None
        # Guides "SIP trunks" (imported: unpublished) and "Buy numbers" (bought: unassigned). An unknown origin counts
        # as imported, which is the worse of the two.
        return frozenset({SideEffect.UNPUBLISHES}) if linked and number.origin is not Origin.PURCHASED else frozenset()

    def documented_record(self) -> Shape:
        return Shape.documented("telephony_diga", "PhoneRegisterResponseSchema")


def _number(response: Response) -> PhoneNumber:
    return mapping.number_of(*read_answer(response, PhoneRecord, DigaProvider.secret_keys))


def _passes(status: NumberStatus | None) -> tuple[str, ...]:
    if status is None:
        return (UNFILTERED, *mapping.STATUSES)
    # A word that is new has no pass of its own: the status filter takes documented words only.
    return mapping.words_of(status) or (UNFILTERED,)


def _agent_of(number: PhoneNumber, name: Field) -> str | None:
    agent = number.inbound_agent if name is Field.INBOUND_AGENT else number.outbound_agent
    return agent.agent_id if agent is not None else None


def _references(assignment: AgentAssignment) -> Iterator[tuple[Field, AgentRef]]:
    for name, reference in ((Field.INBOUND_AGENT, assignment.inbound), (Field.OUTBOUND_AGENT, assignment.outbound)):
        if reference is None:
            raise mapping.not_clearable(name)
        if not isinstance(reference, Unset):
            yield name, reference


def _import_problems(change: NumberImport) -> Iterator[Problem]:
    identity = NumberIdentity.parse(change.number, region=CAPABILITIES.region)
    # Core judges the kinds of numbers. How an identifier is spelled is Diga's own rule.
    if identity.kind is NumberKind.SIP_ID:
        try:
            mapping.written_number(identity)
        except UnsupportedField as error:
            yield Problem.of("number", error)
    # OpenAPI, import: `outbound_config` left out makes an inbound-only phone. Guide "SIP trunks": calls are transferred
    # over the outbound settings too.
    if change.outbound is None or not change.outbound.changes:
        yield Problem(
            "outbound",
            "without outbound settings the number only receives calls, and calls cannot be transferred from it",
            remedy="give at least outbound.address if it is to place calls",
        )
    elif change.outbound.address is None:
        missing = InvalidInput(
            "outbound settings need the trunk's address on an import",
            remedy="give outbound.address, or leave the outbound half out",
        )
        yield Problem.of(Field.ADDRESS, missing)


def _update_problems(change: SipUpdate) -> Iterator[Problem]:
    inbound = None if isinstance(change.inbound, Unset) else change.inbound
    outbound = None if isinstance(change.outbound, Unset) else change.outbound
    # The import says that an empty list accepts everybody, the PATCH says nothing. A list that gets lost on the way
    # would look the same, so the answer is compared.
    if inbound is not None and inbound.allowed_addresses == ():
        yield Problem(
            Field.ALLOWED_ADDRESSES,
            "what an empty list does in an update is not documented; the answer is compared with it",
            remedy="name the addresses of the carrier, unless everybody may call in",
        )
    # Unlike in an import, the schema of the PATCH does not require `termination_uri`.
    if outbound is not None and outbound.changes and outbound.address is None and _has_no_address(change.number):
        yield Problem(
            Field.ADDRESS,
            "the number has no outbound trunk to change, and whether one is made without an address is not documented",
            remedy="give outbound.address along",
        )
    yield from _address_warnings(outbound)


def _has_no_address(number: PhoneNumber | str) -> bool:
    return isinstance(number, PhoneNumber) and (number.sip is None or number.sip.outbound.address is None)


def _address_warnings(outbound: OutboundUpdate | None) -> Iterator[Problem]:
    if outbound is not None and outbound.address is not None and outbound.address.is_ipv6:
        yield Problem(
            Field.ADDRESS,
            "whether an IPv6 address is understood is not documented",
            remedy="give a host name, if the trunk has one",
        )


def _assignment_warnings(change: AgentAssignment) -> Iterator[Problem]:
    number = change.number
    if not isinstance(number, PhoneNumber):
        return
    if number.status is NumberStatus.PENDING:
        yield Problem(
            "status",
            # Guide "Buy numbers". Which status the API itself refuses is not documented, so this is a warning.
            f"agents are assigned once the number is in use, and it is {number.provider_status}",
            remedy="finish the payment or wait for the verification",
        )
    # Calls of a phone without outbound settings are refused: 412 `SIP_CONFIG_NOT_SET` (OpenAPI, make call).
    if isinstance(change.outbound, AgentRef) and number.origin is Origin.IMPORTED and _has_no_address(number):
        yield Problem(
            Field.OUTBOUND_AGENT,
            "the number has no outbound trunk that Diga shows, so calls by this agent would fail",
            remedy=Remedy("set outbound.address with `update_sip()`", cli="set it with `telephony sip set --address`"),
        )


def _not_releasable(number: PhoneNumber) -> WrongState:
    return WrongState(
        f"cannot release {number.identity}: it is {number.provider_status}, and Diga releases only numbers in use",
        remedy="let the reservation run out, or wait for the verification",
    )
