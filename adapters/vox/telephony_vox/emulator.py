"""vox.ai v3's telephone numbers as a stateful emulator, written from the vendor's contract alone.

It is strict: an unknown query parameter or body key, a wrong type, a body where none belongs, JSON without its media
type, a foreign cursor and a trailing slash are all refused.

Where the contract is silent, this emulator decides (an adapter must not rely on it):

- register answers 201, everything else 200;
- errors: 400 ``VALIDATION_ERROR`` (the one code that is known), 401 ``UNAUTHORIZED``, 404 ``NOT_FOUND``, 405
  ``METHOD_NOT_ALLOWED``, 409 ``CONFLICT`` and ``INVALID_STATE``, 415 ``UNSUPPORTED_MEDIA_TYPE``;
- a path id that is no UUID gets 400, one that is not there 404;
- registering a number that has a live record gets 409, unless ``allow_duplicates``;
- ``/sip`` on a bought number, any write to an expired one, a second DELETE, and revoking where no cancellation is
  booked get 409;
- address and user name need the password in every case, clearing included; ``auth_password: null`` gets 400;
- trunk ids are made here while there is an address, and an address set to null takes both away (no body of the
  contract has a place for one); an empty address is refused;
- agents are listed by name, each with its newest frozen version as the production one;
- an agent has to be one of ``agents``, a version ``v<n>`` has to exist, else 400;
- the owned list is sorted newest first when nothing else is asked; a cursor belongs to its filters and its order;
- a usage period is a month from ``start_at``;
- a record whose status is none of the four (put there with `add`) is listed among the active ones.

Not emulated, because their bodies are not known: ``POST /telephone-numbers/purchase`` answers 404, and
``PATCH /organization-telephone-numbers/{id}`` answers 405.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from telephony_core.emulator import (
    EmulatedRefusal,
    Emulator,
    Entry,
    NoQuery,
    ReceivedRequest,
    Record,
    Response,
    StoredCredentials,
    json_response,
    period_end,
    utc_now,
)
from telephony_vox import emulator_contract as contract
from telephony_vox import emulator_seed
from telephony_vox.emulator_contract import invalid, refused

Handlers: TypeAlias = Mapping[str, Callable[[ReceivedRequest], Response]]


class VoxEmulator(Emulator):
    """One organization at vox.ai.

    ``seed=False`` gives one without numbers and without lines for sale; its agents are there in any case.
    ``allow_duplicates`` lets a number be registered that is already live: what the vendor does is not documented, and
    this shows whether a client ever registers twice.
    """

    slug = "vox"
    base_url = "https://client-api.tryvox.co/v3"

    def __init__(
        self,
        *,
        api_key: str = "emulator-key",
        now: Callable[[], datetime] = utc_now,
        seed: bool = True,
        allow_duplicates: bool = False,
    ) -> None:
        super().__init__(api_key=api_key, now=now)
        self.allow_duplicates = allow_duplicates
        self.lines: list[Record] = []
        """Lines for sale, as the vendor would send them."""
        self._agent_versions: dict[str, int] = {}
        for name, newest in emulator_seed.AGENTS.items():
            self.add_agent(name, versions=newest)
        if seed:
            self.lines = [{"id": self.new_id(f"line {line['number']}"), **line} for line in emulator_seed.lines()]
            for fields, credentials in emulator_seed.numbers(now(), self.agents):
                self.add(credentials=credentials, **fields)

    # -- for tests

    def add_agent(self, name: str, *, versions: int = 1) -> str:
        """Give the organization an agent with the frozen versions ``v1`` to ``v<versions>``; returns its id."""
        id = self.new_id(f"agent {name}")
        self.agents[name] = id
        self._agent_versions[id] = versions
        return id

    def populate(self, count: int) -> None:
        """Add ``count`` active numbers from 07020000000 on, every other one customer-owned."""
        now = self._now_ms()
        for index in range(count):
            born = now - (count - index) * 1000
            custom = index % 2 == 1
            self.add(
                number=f"070{20_000_000 + index:08d}",
                provider="custom" if custom else "vox",
                memo=f"번호 {index}",
                start_at=born,
                created_at=born,
                updated_at=born,
            )

    def complete(self, fields: Mapping[str, object]) -> Record:
        """A whole record: an active customer-owned number on a trunk, unless the fields say otherwise."""
        now = self._now_ms()
        custom = fields.get("provider", "custom") == "custom"
        record: Record = {
            "id": self.new_id(),
            "number": "07000000000",
            "provider": "custom",
            "status": "active",
            "start_at": now,
            "created_at": now,
            "updated_at": now,
            "monthly_fee": None if custom else 3300,
            "address": "sip:trunk.example.com:5060" if custom else None,
            "inbound_trunk_id": None,
            "outbound_trunk_id": None,
            "inbound_agent": None,
            "outbound_agent": None,
            "memo": None,
            "end_at": None,
            "cancel_requested_at": None,
        }
        record.update(fields)
        return self._with_trunks(record)

    # -- the API

    def answer(self, call: ReceivedRequest) -> Response:
        # The key before the path: what the vendor checks first is not documented.
        if not (bears := call.bears(self.api_key)):
            reason = "required" if bears is None else "unknown"
            raise refused(401, "UNAUTHORIZED", "API 키가 올바르지 않습니다.", field="Authorization", reason=reason)
        self._pass_time()
        handlers = None if call.trailing_slash else self._resource(call.segments)
        if handlers is None:
            raise refused(404, "NOT_FOUND", "존재하지 않는 경로입니다.")
        handler = handlers.get(call.method)
        if handler is None:
            raise contract.wrong_method(list(handlers))
        return handler(call)

    def _resource(self, segments: tuple[str, ...]) -> Handlers | None:
        match segments:
            case ("agents",):
                return {"GET": self._list_agents}
            case ("telephone-numbers", "available"):
                return {"GET": self._available}
            case ("telephone-numbers", "register"):
                return {"POST": self._register}
            case ("organization-telephone-numbers",):
                return {"GET": self._list}
            case ("organization-telephone-numbers", _):
                return {"GET": self._get, "DELETE": self._cancel}
            case ("organization-telephone-numbers", _, "sip"):
                return {"PATCH": self._update_sip}
            case ("organization-telephone-numbers", _, "agent"):
                return {"PATCH": self._map_agents}
            case ("organization-telephone-numbers", _, "revoke-cancel"):
                return {"POST": self._revoke_cancel}
        return None

    def _available(self, call: ReceivedRequest) -> Response:
        query = contract.read_query(call, contract.AvailableNumbersQuery)
        lines = {str(line["id"]): line for line in self.lines if query.line_type in (None, line["line_type"])}
        by_number = query.sort_by == "number"
        entries: list[contract.Place] = sorted(
            (str(line["number"]) if by_number else _number(line["monthly_fee"]), id) for id, line in lines.items()
        )
        filters = ("available", query.line_type, query.sort_by, query.sort_order)
        return _page(entries, lines.__getitem__, filters, query, descending=query.sort_order == "desc")

    def _list_agents(self, call: ReceivedRequest) -> Response:
        query = contract.read_query(call, contract.AgentsQuery)
        listed: dict[str, Record] = {
            id: {"agent_id": id, "name": name, "production_version": f"v{self._agent_versions[id]}"}
            for name, id in self.agents.items()
            if query.q is None or query.q.casefold() in name.casefold()
        }
        entries: list[contract.Place] = sorted((str(record["name"]), id) for id, record in listed.items())
        return _page(entries, listed.__getitem__, ("agents", query.q), query, descending=False)

    def _list(self, call: ReceivedRequest) -> Response:
        query = contract.read_query(call, contract.OwnedQuery)
        statuses = frozenset(query.status)

        def wanted(id: str, record: Record) -> bool:
            status = record.get("status")
            # Where a list shows a status that is new is not known; in the default list it meets every client.
            listed_as = status if status in contract.STATUSES else "active"
            return listed_as in statuses and query.provider in (None, record.get("provider")) and self.is_visible(id)

        entries = self.store.listing(
            ("owned", statuses, query.provider), wanted, lambda _, record: _number(record.get("created_at"))
        )
        filters = ("owned", *sorted(statuses), query.provider, query.sort_order)
        return _page(entries, self.store.__getitem__, filters, query, descending=query.sort_order == "desc")

    def _register(self, call: ReceivedRequest) -> Response:
        body = contract.read_body(call, contract.Register)
        if not self.allow_duplicates and any(
            record.get("number") == body.number and record.get("status") != "expired"
            for record in map(self.store.__getitem__, self.store)
        ):
            raise refused(409, "CONFLICT", "이미 등록된 번호입니다.", field="number", reason="already_registered")
        id = self.add(
            number=body.number,
            address=body.address,
            memo=body.memo,
            credentials=StoredCredentials(body.auth_username, body.auth_password),
        )
        self.appeared(id)
        return json_response(201, self.store[id])

    def _get(self, call: ReceivedRequest) -> Response:
        id = self._addressed(call)
        if not self.is_visible(id):
            raise _not_found()
        return json_response(200, self.store[id])

    def _update_sip(self, call: ReceivedRequest) -> Response:
        id = self._addressed(call, takes_body=True)
        body = contract.read_body(call, contract.TrunkBody)
        given = body.model_fields_set
        # docs.tryvox.co, PATCH sip.
        if given & {"address", "auth_username"} and "auth_password" not in given:
            raise invalid("auth_password", "required")
        record = self.store[id]
        if record.get("provider") == "vox":
            raise refused(409, "INVALID_STATE", "SIP 설정이 없는 번호입니다.", field="provider", reason="vox")
        _refuse_expired(record)
        stored = self.store.credentials(id) or StoredCredentials()
        credentials = StoredCredentials(
            body.auth_username if "auth_username" in given else stored.username,
            body.auth_password if "auth_password" in given else stored.password,
        )
        # The ids of trunks are opaque, and no page says that they differ from number to number.
        for other in self._over_the_trunk_of(id):
            self.store.set_credentials(other, credentials)
            if "address" in given:
                self._with_trunks(self.store.edit(other, {"address": body.address}))
        changes: Record = {name: getattr(body, name) for name in ("address", "memo") if name in given}
        return self._changed(id, changes)

    def _over_the_trunk_of(self, id: str) -> list[str]:
        """The record itself and all that were added with the same trunk: they have its address and credentials."""
        trunk = self.store[id].get("outbound_trunk_id")
        shared = (other for other in self.store if trunk and self.store[other].get("outbound_trunk_id") == trunk)
        return list(dict.fromkeys((id, *shared)))

    def _map_agents(self, call: ReceivedRequest) -> Response:
        id = self._addressed(call, takes_body=True)
        body = contract.read_body(call, contract.AgentUpdate)
        _refuse_expired(self.store[id])
        changes: Record = {}
        for name in ("inbound_agent", "outbound_agent"):
            if name in body.model_fields_set:
                mapping: contract.AgentMapping | None = getattr(body, name)
                changes[name] = None if mapping is None else self._mapping(name, mapping)
        return self._changed(id, changes)

    def _mapping(self, field: str, mapping: contract.AgentMapping) -> Record:
        id = mapping.agent_id.lower()
        newest = self._agent_versions.get(id)
        if newest is None:
            raise invalid(f"{field}.agent_id", "not_found")
        version = mapping.agent_version
        # The length first: Python refuses to read a number of thousands of digits.
        if version.startswith("v") and (len(version) > 10 or int(version[1:]) > newest):
            raise invalid(f"{field}.agent_version", "not_found")
        return {"agent_id": id, "agent_version": version}

    def _cancel(self, call: ReceivedRequest) -> Response:
        id = self._addressed(call)
        record = self.store[id]
        _refuse_expired(record)
        if record.get("status") == "cancel_requested":
            raise refused(
                409, "INVALID_STATE", "이미 해지가 예약된 번호입니다.", field="status", reason="cancel_requested"
            )
        now = self._now_ms()
        if record.get("provider") == "vox":
            start = _moment(record.get("start_at"))
            # A number that starts later is cancelled to the end of its first period.
            effective = int(period_end(start, max(start, self.now())).timestamp() * 1000)
            self._changed(id, {"status": "cancel_requested", "cancel_requested_at": now, "end_at": effective})
        else:
            effective = now
            self._changed(id, {"status": "expired", "cancel_requested_at": now, "end_at": now})
        # A shape of its own, without a status (docs.tryvox.co, cancel a number).
        cancelled = {name: record.get(name) for name in ("id", "number", "provider")}
        return json_response(200, {**cancelled, "effective_at": effective})

    def _revoke_cancel(self, call: ReceivedRequest) -> Response:
        id = self._addressed(call)
        record = self.store[id]
        if record.get("status") != "cancel_requested" or record.get("provider") != "vox":
            raise refused(
                409, "INVALID_STATE", "예약된 해지가 없습니다.", field="status", reason="no_cancellation_booked"
            )
        status = "scheduled" if _moment(record.get("start_at")) > self.now() else "active"  # back to where it was
        return self._changed(id, {"status": status, "cancel_requested_at": None, "end_at": None})

    # -- state

    def _addressed(self, call: ReceivedRequest, *, takes_body: bool = False) -> str:
        """The id in the path, of a record that is there."""
        if not takes_body:
            contract.read_query(call, NoQuery)
        id = call.segments[1]
        if id in self.store:
            return id
        # docs.tryvox.co, get an owned number: a UUID, and never the phone number.
        if not contract.UUID.fullmatch(id):
            raise invalid("organization_telephone_number_id", "invalid_format")
        if id.lower() not in self.store:
            raise _not_found()
        return id.lower()

    def _changed(self, id: str, changes: Mapping[str, object]) -> Response:
        record = self.store.edit(id, {**changes, "updated_at": self._now_ms()})
        return json_response(200, self._with_trunks(record))

    def _with_trunks(self, record: Record) -> Record:
        """Trunk ids are there exactly while there is an address."""
        for name in ("inbound_trunk_id", "outbound_trunk_id"):
            # docs.tryvox.co: null without trunk settings.
            if record.get("address") is None:
                record[name] = None
            elif record.get(name) is None:
                record[name] = "ST_" + self.new_id(f"{name} {record.get('id')}").replace("-", "")[:12]
        return record

    def _pass_time(self) -> None:
        """Let everything happen that was due by now."""
        now = self._now_ms()
        for status, due, after in (("scheduled", "start_at", "active"), ("cancel_requested", "end_at", "expired")):
            for moment, id in self._waiting(status, due):
                if moment <= now:
                    self.store.edit(id, {"status": after, "updated_at": now})

    def _waiting(self, status: str, due: str) -> list[Entry]:
        def wanted(_: str, record: Record) -> bool:
            return record.get("status") == status and isinstance(record.get(due), int)

        return self.store.listing(("due", status), wanted, lambda _, record: _number(record[due]))

    def _now_ms(self) -> int:
        return int(self.now().timestamp() * 1000)


def _not_found() -> EmulatedRefusal:
    return refused(404, "NOT_FOUND", "전화번호를 찾을 수 없습니다.")


def _refuse_expired(record: Record) -> None:
    if record.get("status") == "expired":
        raise refused(409, "INVALID_STATE", "만료된 번호입니다.", field="status", reason="expired")


def _number(value: object) -> float:
    return value if isinstance(value, (int, float)) else 0


def _moment(milliseconds: object) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=_number(milliseconds))


def _page(
    entries: Sequence[contract.Place],
    read: Callable[[str], Record],
    filters: tuple[object, ...],
    query: contract.Paging,
    *,
    descending: bool,
) -> Response:
    last = contract.read_cursor(filters, query.cursor)
    if descending:
        # The list is remembered in ascending order only, and a page of the other order is a slice of it, turned.
        stop = len(entries) if last is None else bisect_left(entries, last)
        start = max(0, stop - query.limit)
        chosen, more = entries[start:stop][::-1], start > 0
    else:
        start = 0 if last is None else bisect_right(entries, last)
        chosen, more = entries[start : start + query.limit], start + query.limit < len(entries)
    cursor = contract.write_cursor(filters, chosen[-1]) if more else None
    items = [read(id) for _, id in chosen]
    return json_response(200, {"items": items, "total_count": len(entries), "next_cursor": cursor})
