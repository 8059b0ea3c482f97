"""Diga's phones, and what assigning an agent needs, as a stateful emulator written from the vendor's contract alone.

It is strict: keys and query parameters that the contract does not know are refused, and so are a null whose effect is
not documented, a number that is neither E.164 nor ``user@domain``, a termination address that is more than a host and a
port, allowed addresses that are no IP or CIDR block, and a body where none belongs.

Where the contract is silent, this emulator decides (an adapter must not rely on it):

- 401 ``UNAUTHORIZED`` without a key, 401 ``INVALID_API_KEY`` with a wrong one, 404 ``PHONE_NUMBER_NOT_FOUND``, 409
  ``PHONE_NUMBER_ALREADY_EXISTS`` for an import of a live number (unless ``allow_duplicates``) or of one that another
  project holds (``taken_elsewhere``), 400 ``BAD_PARAMETER`` for what the state of a phone or an agent forbids;
- a path that is not there gives FastAPI's own 404 and 405; a slash too many or too few redirects with 307;
- an unusable or unknown query parameter of the list of phones gives 400 ``NOT_VALID_FIELD``, elsewhere 422;
- phones are listed in the order in which they came, newest first; without ``status`` the released and the finished
  ones are left out; a cursor may name a phone that is gone, but not one that never was; ``page`` goes with no cursor;
- a draft version cannot be assigned, and agents only to phones that are ``assigned``;
- unpublishing an agent takes it off *all* its phones, and so does the release of an imported phone it serves;
- a released imported phone is gone (404) unless ``forgets_released=False``; a bought one stays readable as ``released``
  when its cycle (a month from ``assigned_at``) ends, and is ``finished`` 30 days later;
- trunk settings of a released or finished phone, and outbound ones without any ``termination_uri``, are refused.

Not emulated: submitting a verification (405), and the paged agent lists (404).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Final, TypeAlias
from uuid import UUID

from telephony_core.emulator import (
    EmulatedRefusal,
    Emulator,
    Entry,
    ReceivedRequest,
    Record,
    RequestReader,
    Response,
    StoredCredentials,
    json_response,
    period_end,
    utc_now,
)
from telephony_diga import emulator_contract as contract
from telephony_diga import emulator_seed
from telephony_diga.emulator_contract import bad_parameter, failed, instant, written
from telephony_diga.emulator_seed import Agent, PublishedVersion

Handlers: TypeAlias = Mapping[str, Callable[[ReceivedRequest], Response]]

# The changelog of 2026-07-07: released numbers disappear from lists.
_OVER: Final = ("released", "finished")
_DIRECTIONS: Final = ("inbound", "outbound")
_AGENT_FIELDS: Final = tuple(f"{way}_agent_id" for way in _DIRECTIONS)


class DigaEmulator(Emulator):
    """One project at Diga. ``seed=False`` gives one without phones; its agents are there in any case."""

    slug = "diga"
    base_url = "https://api.diga.io"

    def __init__(
        self,
        *,
        api_key: str = "emulator-key",
        now: Callable[[], datetime] = utc_now,
        seed: bool = True,
        allow_duplicates: bool = False,
        forgets_released: bool = True,
    ) -> None:
        super().__init__(api_key=api_key, now=now)
        self.allow_duplicates = allow_duplicates
        self.forgets_released = forgets_released
        self.taken_elsewhere: set[str] = set()
        """Numbers that another project has imported."""
        self.verifications: list[Record] = []
        self._reader = RequestReader()
        # The list of phones documents the vendor's own envelope for a bad query.
        self._list_reader = RequestReader(contract.not_valid_field)
        self._agents: dict[str, Agent] = {}
        for name, (versions, published) in emulator_seed.AGENTS.items():
            self.add_agent(name, versions=versions, published=published)
        if seed:
            for number, verification in enumerate(emulator_seed.verifications()):
                self.verifications.append({"id": self.new_id(f"verification {number}"), **verification})
            for fields, credentials in emulator_seed.phones(now(), self.agents):
                self.add(credentials=credentials, **fields)

    # -- for tests

    def add_agent(self, name: str, *, versions: int = 1, published: int | None = 1, draft: bool = True) -> str:
        """Give the project an agent with ``versions`` frozen versions, one of them published, and a draft on top."""
        agent = Agent(self.new_id(f"agent {name}"), name)
        for number in range(1, versions + 1 + draft):
            id = self.new_id(f"version {name} {number}")
            agent.versions.append(
                PublishedVersion(id, number, is_published=number == published, is_draft=number > versions)
            )
        self._agents[agent.agent_id] = agent
        self.agents[name] = agent.agent_id
        return agent.agent_id

    def versions(self, agent_id: str) -> list[PublishedVersion]:
        """Copies of an agent's versions, oldest first; none for an unknown agent."""
        with self._lock:
            agent = self._agents.get(agent_id)
            return [] if agent is None else [replace(version) for version in agent.versions]

    def populate(self, count: int) -> None:
        """Add ``count`` assigned phones from +34610000000 on, every other one imported."""
        born = self.now() - timedelta(seconds=count)
        for index in range(count):
            self.add(
                number=f"+34{610_000_000 + index}",
                telephony_provider="custom" if index % 2 else "netelip",
                nickname=f"Número {index}",
                assigned_at=written(born + timedelta(seconds=index)),
            )

    def complete(self, fields: Mapping[str, object]) -> Record:
        """A whole record: an imported, assigned, inbound-only phone, unless the fields say otherwise."""
        custom = fields.get("telephony_provider", "custom") == "custom"
        number = str(fields.get("number", "+34600000000"))
        regions = next((codes for prefix, codes in emulator_seed.REGIONS.items() if number.startswith(prefix)), ())
        sip: Record = {
            "termination_uri": None,
            "username": None,
            "inbound_media_encryption": "allow",
            "outbound_media_encryption": "allow",
            "allowed_addresses": None,
        }
        return {
            "id": self.new_id(),
            "nickname": None,
            "number": number,
            "telephony_provider": "custom",
            "status": "assigned",
            "released_at": None,
            "scheduled_release_at": None,
            "assigned_at": written(self.now()),
            "inbound_agent_id": None,
            "outbound_agent_id": None,
            "sip_config": sip if custom else None,  # documented for imported phones only
            "checkout_url": None,
            "reservation_expires_at": None,
            "region_codes": list(regions),
            **fields,
        }

    # -- the API

    def answer(self, call: ReceivedRequest) -> Response:
        self._pass_time()
        handlers, slash = self._resource(call.segments)
        if not handlers:
            raise EmulatedRefusal(json_response(404, {"detail": "Not Found"}))
        # FastAPI redirects where the slash is not as the route has it, before it looks at the key.
        if call.trailing_slash is not slash:
            raise EmulatedRefusal(Response(307, {"location": contract.with_slash(call.url, slash)}, b""))
        handler = handlers.get(call.method)
        if handler is None:
            allowed = ", ".join(handlers)
            raise EmulatedRefusal(json_response(405, {"detail": "Method Not Allowed"}, [("allow", allowed)]))
        if not (bears := call.bears(self.api_key)):
            code = "UNAUTHORIZED" if bears is None else "INVALID_API_KEY"
            raise failed(401, code, "Could not validate credentials")
        return handler(call)

    def _resource(self, segments: tuple[str, ...]) -> tuple[Handlers, bool]:
        """The methods of a path, and whether it ends in a slash."""
        match segments:
            case ("v1", "phone"):
                return {"GET": self._list}, True
            case ("v1", "verification"):
                return {"GET": self._list_verifications}, True
            case ("v1", "phone", "import"):
                return {"POST": self._import}, False
            case ("v1", "phone", _):
                return {"GET": self._get, "PATCH": self._update, "DELETE": self._release}, False
            case ("v1", "phone", _, "sip-config"):
                return {"PATCH": self._update_sip}, False
            case ("v1", "agent", "versions-dropdown", "dashboard"):
                return {"GET": self._dropdown}, False
            case ("v1", "agent", _, "published_version"):
                return {"PATCH": self._publish}, False
        return {}, False

    def _list(self, call: ReceivedRequest) -> Response:
        query = self._list_reader.query(call, contract.PhoneQuery)
        since, until = instant(query.start_assigned_at), instant(query.end_assigned_at)
        served = {field: getattr(query, field) for field in _AGENT_FIELDS}

        def wanted(id: str, record: Record) -> bool:
            status, assigned = record.get("status"), instant(record.get("assigned_at"))
            return (
                self.is_visible(id)
                and (status not in _OVER if query.status is None else status == query.status)
                and all(agent is None or record.get(field) == str(agent) for field, agent in served.items())
                and (since is None or (assigned is not None and assigned >= since))
                and (until is None or (assigned is not None and assigned <= until))
            )

        name = ("phones", query.status, since, until, *served.values())
        entries = self.store.listing(name, wanted, lambda id, _: float(self.store.position(id) or 0))
        return contract.page(entries, self.store.__getitem__, self.store.position, query)

    def _list_verifications(self, call: ReceivedRequest) -> Response:
        query = self._reader.query(call, contract.Paging)
        known = {str(record["id"]): (index, record) for index, record in enumerate(self.verifications)}
        entries: list[Entry] = [(index, id) for id, (index, _) in known.items()]
        return contract.page(entries, lambda id: known[id][1], lambda id: known[id][0] if id in known else None, query)

    def _get(self, call: ReceivedRequest) -> Response:
        self._reader.nothing(call)
        id = self._addressed(call, "phone_id")
        if not self.is_visible(id):
            raise _not_found()
        return json_response(200, self.store[id])

    def _import(self, call: ReceivedRequest) -> Response:
        body = self._reader.body(call, contract.ImportBody)
        number = body.phone_number
        live = (record.get("number") for record in map(self.store.__getitem__, self.store) if not _is_over(record))
        # Guide "SIP trunks": a number of another project is refused. The status and the code are a choice of this
        # emulator.
        if number in self.taken_elsewhere or (not self.allow_duplicates and number in live):
            raise failed(409, "PHONE_NUMBER_ALREADY_EXISTS", "The phone number is already imported")
        inbound, outbound = body.inbound_config or contract.InboundConfig(), body.outbound_config
        sip: Record = {
            "termination_uri": outbound and outbound.termination_uri,
            "username": outbound and outbound.username,
            "inbound_media_encryption": inbound.media_encryption,
            "outbound_media_encryption": "allow" if outbound is None else outbound.media_encryption,
            "allowed_addresses": inbound.allowed_addresses,
        }
        stored = None if outbound is None else StoredCredentials(outbound.username, outbound.password)
        id = self.add(number=number, nickname=body.nickname, sip_config=sip, credentials=stored)
        self.appeared(id)
        return json_response(200, self.store[id])

    def _update(self, call: ReceivedRequest) -> Response:
        id = self._addressed(call, "phone_id")
        body = self._reader.body(call, contract.PhoneBody)
        chosen = {"inbound": body.inbound_version_id, "outbound": body.outbound_version_id}
        found = {way: self._assignable(id, version) for way, version in chosen.items() if version is not None}
        # Two versions of one agent: the second would unpublish the first within one request.
        if len({agent.agent_id for agent, _ in found.values()}) < len({v.version_id for _, v in found.values()}):
            raise bad_parameter("An agent has at most one published version")
        changes: Record = {} if body.nickname is None else {"nickname": body.nickname}
        for way, (agent, version) in found.items():
            agent.publish(version)
            changes[f"{way}_agent_id"] = agent.agent_id
        return json_response(200, self.store.edit(id, changes))

    def _assignable(self, id: str, version_id: UUID) -> tuple[Agent, PublishedVersion]:
        """The version and its agent, if this phone may get it."""
        versions = ((agent, version) for agent in self._agents.values() for version in agent.versions)
        found = next((each for each in versions if each[1].version_id == str(version_id)), None)
        if found is None or found[1].is_draft:
            raise bad_parameter("The version cannot be published")
        agent, version = found
        self._refuse_unassigned(id)
        # OpenAPI, PATCH phone: it fails while another version is published on *another* phone. On its only phone an
        # agent changes its version freely.
        elsewhere = any(phone != id for phone in self._phones_of(agent))
        if elsewhere and agent.published not in (None, version):
            raise bad_parameter("Another version of this agent is published on another phone")
        return found

    def _update_sip(self, call: ReceivedRequest) -> Response:
        id = self._addressed(call, "phone_id")
        body = self._reader.body(call, contract.SipBody)
        record = self.store[id]
        if record.get("telephony_provider") != "custom" or _is_over(record):
            raise bad_parameter("Only imported phones have a SIP configuration")
        known = record.get("sip_config")
        sip: Record = dict(known) if isinstance(known, dict) else {}
        if body.inbound_config is not None:
            given = body.inbound_config.model_dump(exclude_none=True)
            sip |= contract.read_names("inbound", given)
        if body.outbound_config is not None:
            given = body.outbound_config.model_dump(exclude_none=True)
            if given and not (given.get("termination_uri") or sip.get("termination_uri")):
                raise bad_parameter("Outbound settings need a termination_uri")
            stored = self.store.credentials(id) or StoredCredentials()
            # A password that is left out stays, also beside a new user name: "fields to update".
            password = given.pop("password", stored.password)
            self.store.set_credentials(id, StoredCredentials(given.get("username", stored.username), password))
            sip |= contract.read_names("outbound", given)
        return json_response(200, self.store.edit(id, {"sip_config": sip}))

    def _release(self, call: ReceivedRequest) -> Response:
        self._reader.nothing(call)
        id = self._addressed(call, "id")
        record = self.store[id]
        # The first two are refused by the specification; releasing a second time is a choice of this emulator.
        if record.get("status") in ("reserved", "pending_verification", *_OVER):
            raise bad_parameter("The phone cannot be released in its status")
        if record.get("telephony_provider") != "custom":
            if record.get("scheduled_release_at") is not None:
                raise bad_parameter("The release is already scheduled")
            start = instant(record.get("assigned_at")) or self.now()
            # A bought phone stays assigned until its cycle ends (OpenAPI, release).
            self.store.edit(id, {"scheduled_release_at": written(period_end(start, self.now()))})
            return Response(204, {}, b"")
        for agent_id in {record.get(field) for field in _AGENT_FIELDS}:
            if isinstance(agent_id, str) and (agent := self._agents.get(agent_id)):
                self._unpublish(agent)
        if self.forgets_released:
            self.store.remove(id)
        else:
            self.store.edit(id, {"status": "released", "released_at": written(self.now())})
        return Response(204, {}, b"")

    def _dropdown(self, call: ReceivedRequest) -> Response:
        self._reader.nothing(call)
        return json_response(200, [asdict(agent) for agent in self._agents.values()])

    def _publish(self, call: ReceivedRequest) -> Response:
        agent = self._agents.get(contract.uuid_in(call.segments[2], "agent_id"))
        body = self._reader.body(call, contract.PublishBody)
        if agent is None:
            raise failed(404, "AGENT_NOT_FOUND", "Agent not found")
        phones = {way: getattr(body, f"{way}_phone_number_id") for way in _DIRECTIONS}
        # OpenAPI, published_version: without a version the current one is unpublished.
        if body.version_id is None:
            self._unpublish(agent)
            phones = dict.fromkeys(_DIRECTIONS)
        else:
            version = next((v for v in agent.versions if v.version_id == str(body.version_id) and not v.is_draft), None)
            if version is None:
                raise bad_parameter("The version cannot be published")
            tied = {way: str(phone) for way, phone in phones.items() if phone is not None}
            for id in tied.values():
                self._refuse_unassigned(id)
            agent.publish(version)
            for way, id in tied.items():
                self.store.edit(id, {f"{way}_agent_id": agent.agent_id})
        answer = {f"{way}_phone_number_id": phone and str(phone) for way, phone in phones.items()}
        published = agent.published and agent.published.version_id
        return json_response(200, {"agent_id": agent.agent_id, "published_version_id": published, **answer})

    # -- state

    def _addressed(self, call: ReceivedRequest, parameter: str) -> str:
        """The id in the path, of a phone that is there."""
        id = call.segments[2]
        if id not in self.store:
            # A UUID may come in capitals or without hyphens; records that a test put there may have any id.
            id = contract.uuid_in(id, parameter)
        if id not in self.store:
            raise _not_found()
        return id

    def _refuse_unassigned(self, id: str) -> None:
        if id not in self.store or self.store[id].get("status") != "assigned":
            raise bad_parameter("The phone is not assigned")

    def _phones_of(self, agent: Agent) -> list[str]:
        return [id for id in self.store if any(self.store[id].get(field) == agent.agent_id for field in _AGENT_FIELDS)]

    def _unpublish(self, agent: Agent) -> None:
        agent.publish(None)
        for id in self._phones_of(agent):
            self._unassign(id, agent.agent_id)

    def _unassign(self, id: str, agent_id: str | None = None) -> None:
        """Take one agent, or every agent, off a phone."""
        record = self.store[id]
        self.store.edit(id, {field: None for field in _AGENT_FIELDS if agent_id in (None, record.get(field))})

    def _pass_time(self) -> None:
        """Let everything happen that was due by now."""
        now = self.now()
        for due, id in self._waiting("assigned", "scheduled_release_at", 0):
            if due <= now.timestamp():
                released_at = self.store[id].get("scheduled_release_at")
                self._unassign(id)
                self.store.edit(id, {"status": "released", "released_at": released_at, "scheduled_release_at": None})
        for due, id in self._waiting("released", "released_at", contract.QUARANTINE_DAYS):
            if due <= now.timestamp():
                self.store.edit(id, {"status": "finished"})

    def _waiting(self, status: str, field: str, days: int) -> list[Entry]:
        """Bought phones that leave a status some days after the time in a field, with that moment."""

        def wanted(_: str, record: Record) -> bool:
            bought = record.get("telephony_provider") == "netelip"
            return bought and record.get("status") == status and instant(record.get(field)) is not None

        def due(_: str, record: Record) -> float:
            moment = instant(record.get(field)) or self.now()
            return (moment + timedelta(days=days)).timestamp()

        return self.store.listing(("due", status), wanted, due)


def _not_found() -> EmulatedRefusal:
    return failed(404, "PHONE_NUMBER_NOT_FOUND", "Phone number not found")


def _is_over(record: Record) -> bool:
    return record.get("status") in _OVER
