"""Retell's phone numbers as a stateful emulator, written from the vendor's contract alone.

It is strict: keys and query parameters that the contract does not know are refused, although the vendor's schemas do
not close them; so are a null where the schema takes none, weights that do not add up to 1, transports other than the
three that the prose names, and a body where none belongs. Optional fields without a value are left out of answers.

Where the contract is silent, this emulator decides (an adapter must not rely on it):

- 400 for whatever is wrong with a request, an import of a number that is there among it; 401 for a missing and for a
  wrong key; 404 for a path and 405 for a method that is not there, each in the vendor's envelope;
- 422 also for an agent, a version or a tag that is not there;
- numbers are listed in the order in which they came; a pagination key goes with both orders and may outlive its number;
- trunk settings of a bought number are refused; a null transport is the default again, which is shown as ``TCP``;
- a new user name leaves the password that is there, and the reverse;
- a country is two capitals; a fallback number may be any text but the number itself and one with a fallback of its own;
- an empty list is stored as it is; ``agent_version`` is ``latest`` where an entry names none;
- every update counts as one, an empty one too; deleting a number of either origin makes it unknown at once.

Not emulated: buying a number (``/create-phone-number``), and every other resource.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, TypeAlias, TypeVar

from telephony_core.emulator import (
    Emulator,
    ReceivedRequest,
    Record,
    Response,
    StoredCredentials,
    json_response,
    utc_now,
)
from telephony_retell import emulator_contract as contract
from telephony_retell import emulator_seed
from telephony_retell.emulator_contract import READER, invalid, not_found
from telephony_retell.emulator_seed import Agent

PlaceT = TypeVar("PlaceT", bound=tuple[float, str])
Handler: TypeAlias = Callable[[ReceivedRequest], Response]

_CONFIG: Final = "sip_outbound_trunk_config"
_LISTS: Final = ("inbound_agents", "outbound_agents", "inbound_sms_agents", "outbound_sms_agents")
_TRUNK: Final = ("termination_uri", "transport", "codecs")
_PLAIN: Final = (
    *("nickname", "inbound_webhook_url", "inbound_sms_webhook_url"),
    *("allowed_inbound_country_list", "allowed_outbound_country_list", "fallback_number"),
)
"""Settings that a record shows under the name under which they are written."""


class RetellEmulator(Emulator):
    """One workspace at Retell. ``seed=False`` gives one without numbers; its agents are there in any case."""

    slug = "retell"
    base_url = "https://api.retellai.com"
    id_key = "phone_number"

    def __init__(
        self, *, api_key: str = "emulator-key", now: Callable[[], datetime] = utc_now, seed: bool = True
    ) -> None:
        super().__init__(api_key=api_key, now=now)
        self._agents: dict[str, Agent] = {}
        for name, agent in emulator_seed.AGENTS.items():
            self.add_agent(name, newest=agent.newest, published=agent.published, tags=agent.tags)
        if seed:
            for fields, credentials in emulator_seed.numbers(now(), self.agents):
                self.add(credentials=credentials, **fields)

    # -- for tests

    def add_agent(
        self, name: str, *, newest: int = 0, published: int | None = None, tags: Mapping[str, int | None] | None = None
    ) -> str:
        """Give the workspace an agent with versions 0 to ``newest``. A tag may be known and point to no version."""
        id = "agent_" + self.new_id(f"agent {name}").replace("-", "")[:26]
        self._agents[id] = Agent(newest, published, dict(tags or {}))
        self.agents[name] = id
        return id

    def populate(self, count: int) -> None:
        """Add ``count`` numbers from +13055000000 on, every other one imported."""
        born = self.now() - timedelta(seconds=count)
        for index in range(count):
            self.add(
                phone_number=f"+1305{5_000_000 + index}",
                phone_number_type="retell-twilio" if index % 2 else "custom",
                nickname=f"Line {index}",
                last_modification_timestamp=contract.millis(born + timedelta(seconds=index)),
            )

    def complete(self, fields: Mapping[str, object]) -> Record:
        """A whole record: a number that was imported, with a trunk over TCP, unless the fields say otherwise."""
        number = str(fields.get("phone_number", "+13055009999"))
        whole: Record = {
            "phone_number": number,
            "phone_number_type": "custom",
            "phone_number_pretty": contract.pretty(number),
            "last_modification_timestamp": contract.millis(self.now()),
            **fields,
        }
        if whole["phone_number_type"] == "custom":
            whole.setdefault(_CONFIG, {"termination_uri": "trunk.example.com", "transport": "TCP"})
        return whole

    # -- the API

    def answer(self, call: ReceivedRequest) -> Response:
        methods = self._resource(call.segments)
        # Which of path, method and key the vendor looks at first is not documented.
        if not methods or call.trailing_slash:
            raise contract.failed(404, "Not found.")
        if call.method not in methods:
            raise contract.failed(405, "Method not allowed.", [("allow", ", ".join(methods))])
        if not call.bears(self.api_key):
            raise contract.failed(401, "API key is missing or invalid.")
        return methods[call.method](call)

    def _resource(self, segments: tuple[str, ...]) -> Mapping[str, Handler]:
        """The methods of a path. Each operation has a path of its own, and none has a prefix but the list."""
        match segments:
            case ("v2", "list-phone-numbers"):
                return {"GET": self._list}
            case ("v2", "list-agents"):
                return {"POST": self._list_agents}
            case ("import-phone-number",):
                return {"POST": self._import}
            case ("get-phone-number", _):
                return {"GET": self._get}
            case ("update-phone-number", _):
                return {"PATCH": self._update}
            case ("delete-phone-number", _):
                return {"DELETE": self._delete}
        return {}

    def _list(self, call: ReceivedRequest) -> Response:
        query = READER.query(call, contract.ListQuery)
        entries = self.store.listing(
            "numbers", lambda id, _: self.is_visible(id), lambda id, _: float(self.store.position(id) or 0)
        )
        chosen, more = _cut(entries, query)
        # The SDK requires `has_more`, the specification does not; a key comes only where it leads on.
        page: Record = {"items": [self.store[id] for _, id in chosen], "has_more": more}
        if more:
            page["pagination_key"] = contract.write_key(int(chosen[-1][0]))
        return json_response(200, page)

    def _list_agents(self, call: ReceivedRequest) -> Response:
        query, body = READER.both(call, contract.ListQuery, contract.AgentsBody)
        criteria = body.filter_criteria
        listed = [name for name in self.agents if criteria.query.casefold() in name.casefold()]
        if (criteria.channel.value == "voice") is (criteria.channel.op == "ne"):
            listed = []  # every agent here has a voice
        entries = list(enumerate(listed))
        page, more = _cut(entries, query)
        shown: Record = {"items": [self._listed(name) for _, name in page], "has_more": more}
        if more:
            shown["pagination_key"] = contract.write_key(page[-1][0])
        return json_response(200, shown)

    def _listed(self, name: str) -> Record:
        id = self.agents[name]
        tags = {tag: {"version": version} for tag, version in self._agents[id].tags.items() if version is not None}
        return {
            "agent_id": id,
            "agent_name": name,
            "channel": "voice",
            "is_suspended": False,
            "tags": tags,
            "user_modified_timestamp": contract.millis(self.now()),
        }

    def _get(self, call: ReceivedRequest) -> Response:
        READER.nothing(call)
        number = self._addressed(call)
        if not self.is_visible(number):
            raise not_found()
        return json_response(200, self.store[number])

    def _import(self, call: ReceivedRequest) -> Response:
        body = READER.body(call, contract.ImportBody)
        number = body.phone_number
        # OpenAPI: checked only where a client asks for it.
        if not body.ignore_e164_validation and not contract.E164.fullmatch(number):
            raise invalid("body/phone_number is not in E.164 format")
        if number in self.store:
            raise invalid("The phone number is imported already.")
        given = body.model_dump(exclude_unset=True)
        self._refuse_unknown_agents(given)
        trunk: Record = {"termination_uri": body.termination_uri, "transport": body.transport or "TCP"}
        # OpenAPI, SDK: an empty list means the default.
        trunk |= {"codecs": body.codecs} if body.codecs else {}
        username = body.sip_trunk_auth_username or None
        trunk |= {} if username is None else {"auth_username": username}
        record = self.complete({"phone_number": number, **self._settings(given), _CONFIG: trunk})
        self.store.put(number, record, StoredCredentials(username, body.sip_trunk_auth_password or None))
        self.appeared(number)
        return json_response(201, self.store[number])  # 201 by the specification; an update answers 200

    def _update(self, call: ReceivedRequest) -> Response:
        number = self._addressed(call)
        body = READER.body(call, contract.UpdateBody)
        given = body.model_dump(exclude_unset=True)
        self._refuse_unknown_agents(given)
        self._refuse_fallback(number, body.fallback_number)
        record = self.store[number]
        changes = self._settings(given) | self._trunk(number, given)
        changes["last_modification_timestamp"] = contract.millis(self.now())
        self.store.edit(number, changes)
        # What is null is not shown.
        for name in [name for name, value in record.items() if value is None]:
            del record[name]
        return json_response(200, record)

    def _delete(self, call: ReceivedRequest) -> Response:
        READER.nothing(call)
        self.store.remove(self._addressed(call))
        return Response(204, {}, b"")

    # -- state

    def _addressed(self, call: ReceivedRequest) -> str:
        """The number in the path, if it is there: letter by letter as it was imported."""
        number = call.segments[1]
        # No other spelling is found: the look-up knows the one of the import.
        if number not in self.store:
            raise not_found()
        return number

    def _settings(self, given: Mapping[str, object]) -> Record:
        return {name: given[name] for name in (*_PLAIN, *_LISTS) if name in given}

    def _trunk(self, number: str, given: Mapping[str, object]) -> Record:
        """The trunk with its changes; nothing where none was asked for."""
        if not given.keys() & {*_TRUNK, "auth_username", "auth_password"}:
            return {}
        record = self.store[number]
        if record.get("phone_number_type") != "custom":
            raise invalid("Only an imported number has a SIP trunk.")
        known = record.get(_CONFIG)
        trunk: Record = dict(known) if isinstance(known, dict) else {}
        trunk |= {name: given[name] for name in (*_TRUNK, "auth_username") if name in given}
        if trunk.get("transport") is None:
            trunk["transport"] = "TCP"
        stored = self.store.credentials(number) or StoredCredentials()
        # Whether the old half of the credentials stays is not documented; here it does.
        username, password = given.get("auth_username", stored.username), given.get("auth_password", stored.password)
        self.store.set_credentials(
            number,
            StoredCredentials(None if username is None else str(username), None if password is None else str(password)),
        )
        return {_CONFIG: trunk}

    def _refuse_unknown_agents(self, given: Mapping[str, object]) -> None:
        for name in _LISTS:
            shares = given.get(name)
            for share in shares if isinstance(shares, Sequence) else ():  # null clears the list
                agent = self._agents.get(share["agent_id"])
                if agent is None or not _has(agent, share.get("agent_version", "latest")):
                    raise not_found()

    def _refuse_fallback(self, number: str, fallback: str | None) -> None:
        if fallback is None:
            return
        if fallback == number:
            raise invalid("body/fallback_number cannot be the number itself.")
        # OpenAPI, `fallback_number`: not the number itself, and no chains.
        if fallback in self.store and self.store[fallback].get("fallback_number"):
            raise invalid("body/fallback_number has a fallback number of its own.")


def _cut(entries: Sequence[PlaceT], query: contract.ListQuery) -> tuple[Sequence[PlaceT], bool]:
    """The entries of one page, and whether more follow; the first part of an entry is its place."""
    ascending = query.sort_order == "ascending"
    ordered = entries if ascending else entries[::-1]
    if query.pagination_key is not None:
        last = contract.read_key(query.pagination_key)
        ordered = [entry for entry in ordered if (entry[0] > last if ascending else entry[0] < last)]
    return ordered[: query.limit], len(ordered) > query.limit


def _has(agent: Agent, version: int | str) -> bool:
    """Whether an agent has the version that a number, ``latest``, ``latest_published`` or a tag stands for."""
    if isinstance(version, int):
        return version <= agent.newest
    if version == "latest_published":
        return agent.published is not None
    # OpenAPI: a tag without a version resolves to the latest one, so it is one too.
    return version == "latest" or version in agent.tags
