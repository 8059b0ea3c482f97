"""Acme's operations as flows: which request, with what meaning, and what its answer comes to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from telephony_acme import mapping
from telephony_acme.capabilities import CAPABILITIES, SLUG
from telephony_core.domain.lifecycle import NumberStatus, Release
from telephony_core.domain.number_identity import NumberIdentity
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.errors import Conflict, ProviderError, WrongState
from telephony_core.provider.capabilities import Field
from telephony_core.provider.changes import AgentAssignment, Change, NumberImport, SipUpdate
from telephony_core.provider.flow import Flow, Json, Request, Response, Semantics, call, path
from telephony_core.provider.port import ListQuery, Page, Problem, Provider
from telephony_core.provider.vendor_errors import ErrorEnvelope
from telephony_core.provider.wire import object_in, read_cursor, read_items, read_object

ERROR_CODES: Final[Mapping[str, type[ProviderError]]] = {"number_in_use": Conflict, "number_ended": WrongState}
"""Machine codes that say more than their HTTP status."""


class AcmeProvider(Provider):
    """One account at Acme Voice."""

    slug = SLUG
    capabilities = CAPABILITIES

    def auth_headers(self) -> Mapping[str, str]:
        return {"x-acme-key": self.config.api_key.get_secret_value()}

    def read_error(self, response: Response) -> ErrorEnvelope:
        payload = object_in(response)
        code, detail = payload.get("code"), payload.get("detail")
        code = code if isinstance(code, str) else None
        return ErrorEnvelope(code, detail if isinstance(detail, str) else None, ERROR_CODES.get(code or ""))

    # -- reading

    def list_page(self, query: ListQuery, cursor: str | None) -> Flow[Page[PhoneNumber]]:
        # Without it, numbers that have ended are left out.
        return self._page([("include_ended", "true"), *([] if cursor is None else [("after", cursor)])])

    def get(self, id: str) -> Flow[PhoneNumber]:
        return self._number("GET", path("numbers", id), Semantics.READ)

    def find(self, identity: NumberIdentity) -> Flow[tuple[PhoneNumber, ...]]:
        records, cursor = list[PhoneNumber](), None
        while True:  # a number that came and went often has more records than a page holds
            after: list[tuple[str, str]] = [] if cursor is None else [("after", cursor)]
            page = yield from self._page([("include_ended", "true"), ("e164", str(identity.e164)), *after])
            records += page.items
            if page.cursor is None or page.cursor == cursor:
                return tuple(records)
            cursor = page.cursor

    # -- writing

    def import_number(self, change: NumberImport, identity: NumberIdentity) -> Flow[PhoneNumber]:
        body: Json = {"e164": identity.e164, "trunk": mapping.trunk_body(change)}
        return self._number("POST", path("numbers"), Semantics.ONCE, body)

    def update_sip(self, number: PhoneNumber, change: SipUpdate) -> Flow[PhoneNumber]:
        where = path("numbers", number.id, "trunk")
        return self._number("PATCH", where, Semantics.IDEMPOTENT, mapping.trunk_body(change))

    def assign_agents(self, number: PhoneNumber, assignment: AgentAssignment) -> Flow[PhoneNumber]:
        app = assignment.inbound.agent_id if assignment.inbound else None
        return self._number("PUT", path("numbers", number.id, "app"), Semantics.IDEMPOTENT, {"app": app})

    def release(self, number: PhoneNumber) -> Flow[Release]:
        request = Request.of("DELETE", path("numbers", number.id), Semantics.ONCE)
        yield from call(request, self.read_error)  # 204: core looks what became of it
        return self.release_ordered(number)

    # -- judging

    def check(self, change: Change) -> Sequence[Problem]:
        if isinstance(change, SipUpdate) and mapping.splits_credentials(change):
            half = "one of user name and password is set and the other one cleared"
            return [Problem.invalid(Field.USERNAME, half, remedy="set both, or clear both: Acme keeps them as one")]
        if isinstance(change, AgentAssignment) and isinstance(change.number, PhoneNumber):
            pending = change.number.status is NumberStatus.PENDING
            return [Problem("status", "calls reach the app once the number is live")] if pending else []
        return ()

    # -- requests

    def _page(self, query: Sequence[tuple[str, str]]) -> Flow[Page[PhoneNumber]]:
        response = yield from call(Request.of("GET", path("numbers"), query=query), self.read_error)
        page, status = read_object(response), response.status
        items = read_items(page, "numbers", status=status)
        numbers = [mapping.read_number(item, http_status=status) for item in items]
        return Page(numbers, read_cursor(page, "next", status=status))

    def _number(self, method: str, where: str, semantics: Semantics, body: Json = None) -> Flow[PhoneNumber]:
        response = yield from call(Request.of(method, where, semantics, json_body=body), self.read_error)
        return mapping.read_number(read_object(response), http_status=response.status)
