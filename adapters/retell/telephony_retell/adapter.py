"""Retell's phone-number operations as flows: which request, with what meaning, and what its answer comes to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, Final

from telephony_core.domain.agents import Agent
from telephony_core.domain.lifecycle import Release, SideEffect
from telephony_core.domain.number_identity import NumberIdentity
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.domain.sip import OutboundUpdate
from telephony_core.errors import NotAllowed, NotFound, Remedy, UnexpectedResponse, WrongState
from telephony_core.provider.capabilities import Capabilities, Field
from telephony_core.provider.changes import AgentAssignment, Change, NumberImport, SipUpdate
from telephony_core.provider.flow import Flow, Json, Request, Response, Semantics, call, path
from telephony_core.provider.port import ListQuery, Page, Problem, Provider
from telephony_core.provider.schema import Shape
from telephony_core.provider.vendor_errors import ErrorEnvelope
from telephony_core.provider.wire import object_in, read_answer, read_page
from telephony_retell import mapping
from telephony_retell.capabilities import CAPABILITIES, SLUG
from telephony_retell.wire import AgentPage, ListedAgent, NumberPage, NumberRecord

PAGE_SIZE: Final = 100
"""Records of one page. Retell gives up to 1000; a small page is answered sooner and takes less memory."""


class RetellProvider(Provider):
    """One Retell workspace."""

    slug: ClassVar[str] = SLUG
    capabilities: ClassVar[Capabilities] = CAPABILITIES
    ids_look_like_numbers: ClassVar[bool] = True  # a record has no other id than its `phone_number`

    def auth_headers(self) -> Mapping[str, str]:
        return {"authorization": f"Bearer {self.config.api_key.get_secret_value()}"}

    def read_error(self, response: Response) -> ErrorEnvelope:
        """The vendor's envelope. It has no machine code, so the status decides."""
        _, message = _envelope(response)
        return ErrorEnvelope(message=message)

    def _read_error_of_one(self, response: Response) -> ErrorEnvelope:
        """The same for a request about one number, where 422 is documented as the answer for one that is not there.

        Only in the vendor's own envelope: a 422 of anybody else on the way says nothing about the number.
        """
        vendors_own, message = _envelope(response)
        # OpenAPI, get, update and delete: 422 "Cannot find requested asset under given api key". 404 is declared on
        # none of them.
        missing = vendors_own and response.status == 422
        return ErrorEnvelope(message=message, kind=NotFound if missing else None)

    # -- reading

    def list_page(self, query: ListQuery, cursor: str | None) -> Flow[Page[PhoneNumber]]:
        """One page, oldest first: a number that is changed meanwhile comes twice rather than never."""
        # The one path with a version: all others are verbs without a common prefix (OpenAPI).
        response = yield from call(
            Request.of("GET", path("v2", "list-phone-numbers"), query=_paging(cursor)), self.read_error
        )
        page, numbers = read_page(response, NumberPage, "items", NumberRecord, mapping.number_of, self.secret_keys)
        return Page(numbers, _following(page["has_more"], page["pagination_key"], response))

    def get(self, id: str) -> Flow[PhoneNumber]:
        return self._of_one("GET", path("get-phone-number", id), Semantics.READ)

    def agents_page(self, cursor: str | None) -> Flow[Page[Agent]]:
        """One page of the agents that speak; chats serve no calls. A POST that changes nothing."""
        # The SDK names the channels `voice` and `chat`; an agent that chats cannot serve a number.
        wanted = {"filter_criteria": {"channel": {"type": "string", "op": "eq", "value": "voice"}}}
        where = path("v2", "list-agents")
        response = yield from call(
            Request.of("POST", where, Semantics.READ, query=_paging(cursor), json_body=wanted), self.read_error
        )
        page, agents = read_page(response, AgentPage, "items", ListedAgent, mapping.agent_of, self.secret_keys)
        return Page(agents, _following(page["has_more"], page["pagination_key"], response))

    # `find` is left to core, which reads the list. The look-up by number knows only the exact spelling under which a
    # number was imported, and by default an import takes any spelling (`14155550123`, `(415) 555-0123`). A
    # number that the look-up does not find may be there all the same, and would be imported a second time.

    # -- writing

    def import_number(self, change: NumberImport, identity: NumberIdentity) -> Flow[PhoneNumber]:
        body = mapping.import_body(change, identity)
        # Whether a second import of a number is refused is not documented. The SDK repeats it by itself after a lost
        # answer; here core looks first.
        request = Request.of("POST", path("import-phone-number"), Semantics.ONCE, json_body=body)
        return _number((yield from call(request, self.read_error)))

    def update_label(self, number: PhoneNumber, label: str | None) -> Flow[PhoneNumber]:
        return self._update(number, {"nickname": label})

    def update_sip(self, number: PhoneNumber, change: SipUpdate) -> Flow[PhoneNumber]:
        return self._update(number, mapping.sip_body(_outbound(change) or OutboundUpdate()))

    def assign_agents(self, number: PhoneNumber, assignment: AgentAssignment) -> Flow[PhoneNumber]:
        try:
            return (yield from self._update(number, mapping.agents_body(assignment)))
        except NotFound as error:
            # The number was read right before. The answer does not say what it is that cannot be found.
            error.remedy = "check the agent's id and its version in the dashboard; the number was there right before"
            raise

    def release(self, number: PhoneNumber) -> Flow[Release]:
        """Order the release. It is answered without a word (204), so core looks what it did."""
        # The id is the number: a second DELETE could strike the record of one that was imported again meanwhile.
        request = Request.of("DELETE", path("delete-phone-number", number.id), Semantics.ONCE)
        yield from call(request, self._read_error_of_one)
        return self.release_ordered(number)

    # -- judging

    def check(self, change: Change) -> Sequence[Problem]:
        match change:
            case NumberImport() | SipUpdate():
                return tuple(_trunk_problems(change))
            case AgentAssignment():
                return tuple(_split_problems(change))
        return ()

    def documented_record(self) -> Shape:
        return Shape.documented("telephony_retell", "PhoneNumber")

    # -- requests

    def _update(self, number: PhoneNumber, body: Json) -> Flow[PhoneNumber]:
        """One operation changes everything; what is not in its body stays."""
        return self._of_one("PATCH", path("update-phone-number", number.id), Semantics.IDEMPOTENT, body)

    def _of_one(self, method: str, where: str, semantics: Semantics, body: Json = None) -> Flow[PhoneNumber]:
        request = Request.of(method, where, semantics, json_body=body)
        return _number((yield from call(request, self._read_error_of_one)))


def _paging(cursor: str | None) -> list[tuple[str, str]]:
    """Which page of a list is asked for; both lists take the same."""
    asked = [("limit", str(PAGE_SIZE)), ("sort_order", "ascending")]
    return asked if cursor is None else [*asked, ("pagination_key", cursor)]


def _following(has_more: bool | None, key: str | None, response: Response) -> str | None:
    """What leads to the next page; ``None`` after the last one."""
    # Neither is required in the specification (`has_more` is in the SDK). To stop at a contradiction would hide the
    # rest of the list.
    if has_more and key is None:
        raise UnexpectedResponse("the page has has_more and no pagination_key", status=response.status)
    return None if has_more is False else key


def _number(response: Response) -> PhoneNumber:
    return mapping.number_of(*read_answer(response, NumberRecord, RetellProvider.secret_keys))


def _envelope(response: Response) -> tuple[bool, str | None]:
    """Whether the body is the vendor's error envelope, and the message in it."""
    payload = object_in(response)
    message = payload.get("message")
    return payload.get("status") == "error", message if isinstance(message, str) else None


# -- judging


def _outbound(change: NumberImport | SipUpdate) -> OutboundUpdate | None:
    return change.outbound if isinstance(change.outbound, OutboundUpdate) else None


def _trunk_problems(change: NumberImport | SipUpdate) -> Iterator[Problem]:
    outbound = _outbound(change)
    if outbound is None:
        return
    address = outbound.address
    # `termination_uri` has no pattern in the specification, and its examples are `x.pstn.twilio.com` alone.
    if address is not None and (address.port is not None or address.is_ipv6):
        part = "an IPv6 address" if address.is_ipv6 else "a port"
        yield Problem(
            Field.ADDRESS,
            f"whether termination_uri takes {part} is not documented; every example is a host name alone",
            remedy="place a test call afterwards",
        )
    # The schema of an update lets either go alone.
    if isinstance(change, SipUpdate) and len(outbound.changes & {"username", "password"}) == 1:
        (half,) = outbound.changes & {"username", "password"}
        other = "password" if half == "username" else "username"
        yield Problem(
            f"outbound.{half}",
            f"whether the {other} that is there stays beside a new {half} is not documented",
            remedy=f"give the {other} along",
        )


_BY_HAND: Final = "change the shares in Retell's dashboard"


def _split_problems(change: AgentAssignment) -> Iterator[Problem]:
    """An assignment replaces the whole list. One that splits calls needs consent; one that could not be read stays."""
    number = change.number
    if not isinstance(number, PhoneNumber):
        return  # judged once the record has been read
    unread = {problem.partition(":")[0]: problem for problem in number.problems}
    for name, _ in mapping.references(change):
        problem = unread.get(mapping.AGENT_LISTS[name])
        if problem is None:
            continue
        # Consent is for losing shares that somebody has seen. Of a list that could not be read nobody knows what is
        # lost.
        if not problem.endswith(mapping.SPLIT):
            unreadable = WrongState(
                f"the agents that {number.identity} has would be replaced, and they cannot be read ({problem})",
                remedy="leave one agent with weight 1 in Retell's dashboard first, or none",
            )
            yield Problem.of(name, unreadable)
        # OpenAPI, update: a list is replaced whole, so the shares of all agents would be gone.
        elif SideEffect.REPLACES_SPLIT not in change.allow:
            split = NotAllowed(
                f"the agents that {number.identity} has would all be replaced ({problem})",
                allowance=SideEffect.REPLACES_SPLIT,
                remedy=Remedy(
                    f"say allow={{SideEffect.REPLACES_SPLIT}} if that is meant, or {_BY_HAND}",
                    cli=f"say --allow replaces_split if that is meant, or {_BY_HAND}",
                ),
            )
            yield Problem.of(name, split)
