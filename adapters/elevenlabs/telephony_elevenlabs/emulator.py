"""ElevenLabs' phone numbers as a stateful emulator, written from the vendor's contract alone.

It is strict: keys and query parameters that the contract does not know are refused, and so are a null whose effect is
not documented, a trunk's address that is more than a host and a port, allowed addresses that are no IP or CIDR block,
and a body where none belongs.

Where the contract is silent, this emulator decides (an adapter must not rely on it):

- 401 without a key or with a wrong one; 404 for an unknown number, agent or branch; 409 for an import of a number that
  is here (unless ``allow_duplicates``); 400 for trunk settings of a linked number, and for credentials that would have
  no password;
- a half of the trunk that is sent **replaces** what was there, all but a password that is left out beside its user
  name; with ``merges_halves`` only the keys that were sent change;
- ``agent_id: null`` takes the agent off; another agent comes without the branch and environment of the one before, and
  ``branch_id: null`` is the main branch; a null label, half, stack or switch is refused;
- an import without an inbound half makes a number without an inbound trunk; numbers are listed oldest first;
- a deleted number is gone at once (404) and leaves the list; its answer is ``null``.

Not emulated: imports from Twilio and Exotel (422), the paged list ``/v1/convai/v2/phone-numbers`` and the SIP log, both
404.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeAlias

from telephony_core.emulator import (
    EmulatedRefusal,
    Emulator,
    ReceivedRequest,
    Record,
    RequestReader,
    Response,
    StoredCredentials,
    json_response,
    utc_now,
)
from telephony_elevenlabs import emulator_contract as contract
from telephony_elevenlabs import emulator_seed

Handlers: TypeAlias = Mapping[str, Callable[[ReceivedRequest], Response]]
Config: TypeAlias = contract.InboundConfig | contract.OutboundConfig


class ElevenLabsEmulator(Emulator):
    """One workspace. ``seed=False`` gives one without numbers; its agents are there in any case."""

    slug = "elevenlabs"
    base_url = "https://api.elevenlabs.io"
    id_key = "phone_number_id"

    def __init__(
        self,
        *,
        api_key: str = "emulator-key",
        now: Callable[[], datetime] = utc_now,
        seed: bool = True,
        merges_halves: bool = False,
        allow_duplicates: bool = False,
    ) -> None:
        super().__init__(api_key=api_key, now=now)
        self.merges_halves = merges_halves
        self.allow_duplicates = allow_duplicates
        self._reader = RequestReader()
        self._branches: dict[str, dict[str, str]] = {}
        self._inbound_passwords: dict[str, str] = {}
        for name, branches in emulator_seed.AGENTS.items():
            self.add_agent(name, branches=branches)
        if seed:
            branch = self.branches(self.agents["reception"])["winter-opening-hours"]
            for fields, credentials in emulator_seed.numbers(self.agents, branch):
                self.add(credentials=credentials, **fields)

    # -- for tests

    def add_agent(self, name: str, *, branches: tuple[str, ...] = ("main",)) -> str:
        """Give the workspace an agent with these branches."""
        id = self._named(f"agent {name}", "agent")
        self.agents[name] = id
        self._branches[id] = {branch: self._named(f"branch {name} {branch}", "agtbrch") for branch in branches}
        return id

    def branches(self, agent_id: str) -> dict[str, str]:
        """Ids of an agent's branches by name; none for an unknown agent."""
        return dict(self._branches.get(agent_id, {}))

    def inbound_password(self, id: str) -> str | None:
        """The password that callers of a number have to know."""
        return self._inbound_passwords.get(id)

    def populate(self, count: int) -> None:
        """Add ``count`` numbers from +13035550000 on, every other one linked."""
        for index in range(count):
            trunk: Record = {
                "inbound_trunk": emulator_seed.inbound_trunk(allowed_addresses=["192.0.2.0/24"]),
                "outbound_trunk": emulator_seed.outbound_trunk("trunk.example.com", f"user-{index}"),
            }
            kind: Record = {"provider": "twilio"} if index % 2 else trunk
            number = f"+1{3_035_550_000 + index}"
            self.add(credentials=None, phone_number=number, label=f"Number {index}", **kind)

    def complete(self, fields: Mapping[str, object]) -> Record:
        """A whole record: a number over a SIP trunk without trunks, unless the fields say otherwise."""
        record: Record = {
            "phone_number": "+12025550100",
            "label": "",
            "supports_inbound": True,
            "supports_outbound": True,
            "phone_number_id": self._named(None, "phnum"),
            "assigned_agent": None,
            "provider": "sip_trunk",
        }
        if fields.get("provider", "sip_trunk") == "sip_trunk":
            record |= {
                "provider_config": fields.get("outbound_trunk"),
                "outbound_trunk": None,
                "inbound_trunk": None,
                "livekit_stack": "standard",
                "store_sip_messages": True,
            }
        return {**record, **fields}

    def _named(self, name: str | None, prefix: str) -> str:
        return f"{prefix}_{self.new_id(name).replace('-', '')}"

    # -- the API

    def answer(self, call: ReceivedRequest) -> Response:
        handlers = self._resource(call.segments)
        # FastAPI looks for the path and the method before it looks at the key.
        if not handlers or call.trailing_slash:
            raise EmulatedRefusal(json_response(404, {"detail": "Not Found"}))
        handler = handlers.get(call.method)
        if handler is None:
            allowed = ", ".join(handlers)
            raise EmulatedRefusal(json_response(405, {"detail": "Method Not Allowed"}, [("allow", allowed)]))
        key = call.headers.get("xi-api-key", "")
        if not hmac.compare_digest(key.encode(), self.api_key.encode()):
            code = "invalid_api_key" if key else "needs_authorization"
            raise self._failed("authentication_error", code, "The API key is missing or wrong")
        return handler(call)

    def _resource(self, segments: tuple[str, ...]) -> Handlers:
        match segments:
            case ("v1", "convai", "agents"):
                return {"GET": self._list_agents}
            case ("v1", "convai", "phone-numbers"):
                return {"GET": self._list, "POST": self._import}
            case ("v1", "convai", "phone-numbers", _):
                return {"GET": self._get, "PATCH": self._update, "DELETE": self._delete}
        return {}

    def _list(self, call: ReceivedRequest) -> Response:
        query = self._reader.query(call, contract.ListQuery)
        shown = []
        for id in self.store:
            record = self.store[id]
            agent = record.get("assigned_agent")
            serves = agent if isinstance(agent, dict) else {}
            if (
                self.is_visible(id)
                and query.provider in (None, record.get("provider"))
                and query.agent_id in (None, serves.get("agent_id"))
                and query.branch_id in (None, serves.get("branch_id"))
            ):
                shown.append(record)
        return json_response(200, shown)

    def _list_agents(self, call: ReceivedRequest) -> Response:
        query = self._reader.query(call, contract.AgentsQuery)
        wanted = [name for name in sorted(self.agents) if (query.search or "").casefold() in name.casefold()]
        if query.cursor is not None and query.cursor not in wanted:
            raise self._failed("validation_error", "invalid_cursor", "The cursor is not of this list")
        start = 0 if query.cursor is None else wanted.index(query.cursor)
        shown, rest = wanted[start : start + query.page_size], wanted[start + query.page_size :]
        agents = [self._listed(name) for name in shown]
        return json_response(200, {"agents": agents, "has_more": bool(rest), "next_cursor": rest[0] if rest else None})

    def _listed(self, name: str) -> Record:
        # Required in an answer by the SDK's own model.
        access = {"is_creator": True, "creator_name": "Acme", "creator_email": "ops@acme.example", "role": "admin"}
        return {
            "agent_id": self.agents[name],
            "name": name,
            "tags": [],
            "created_at_unix_secs": int(self.now().timestamp()),  # seconds here, where other vendors send milliseconds
            "access_info": access,
            "last_call_time_unix_secs": None,
            "archived": False,
        }

    def _get(self, call: ReceivedRequest) -> Response:
        self._reader.nothing(call)
        id = self._addressed(call)
        if not self.is_visible(id):
            raise self._no_such_number()
        return json_response(200, self.store[id])

    def _import(self, call: ReceivedRequest) -> Response:
        body = self._reader.body(call, contract.ImportBody)
        if not self.allow_duplicates and any(
            self.store[id].get("phone_number") == body.phone_number for id in self.store
        ):
            raise self._failed("conflict", "phone_number_already_exists", "The phone number is here already")
        fields: Record = {
            "phone_number": body.phone_number,
            "label": body.label,
            "supports_inbound": body.supports_inbound,
            "supports_outbound": body.supports_outbound,
            "assigned_agent": None if body.agent_id is None else self._agent(body.agent_id),
        }
        inbound, outbound = body.inbound_trunk_config, body.outbound_trunk_config
        # Before anything is stored: a refusal leaves no number behind.
        passwords = self._password(inbound, None), self._password(outbound, None)
        if inbound is not None:
            fields["inbound_trunk"] = _shown_inbound(inbound)
        if outbound is not None:
            fields["outbound_trunk"] = _shown_outbound(outbound)
        id = self.add(credentials=None, **fields)
        self._keep(id, *passwords, outbound)
        self.appeared(id)
        return json_response(200, {"phone_number_id": id})

    def _update(self, call: ReceivedRequest) -> Response:
        id = self._addressed(call)
        body = self._reader.body(call, contract.UpdateBody)
        record, given = self.store[id], body.model_fields_set
        inbound, outbound = body.inbound_trunk_config, body.outbound_trunk_config
        linked = record.get("provider") != "sip_trunk"
        if linked and (
            given & {"inbound_trunk_config", "outbound_trunk_config", "livekit_stack", "store_sip_messages"}
        ):
            raise self._failed(
                "validation_error", "not_a_sip_trunk", "Only a number over a SIP trunk has these settings"
            )
        changes: Record = {}
        for name in ("label", "livekit_stack", "store_sip_messages"):
            if getattr(body, name) is not None:
                changes[name] = getattr(body, name)
        if given & {"agent_id", "branch_id", "environment"}:
            changes["assigned_agent"] = self._assigned(record.get("assigned_agent"), body)
        stored = self.store.credentials(id)
        passwords = (
            self._password(inbound, self._inbound_passwords.get(id)),
            self._password(outbound, None if stored is None else stored.password),
        )
        if inbound is not None:
            changes["inbound_trunk"] = self._half(record.get("inbound_trunk"), _shown_inbound(inbound), inbound)
        if outbound is not None:
            changed = self._half(record.get("outbound_trunk"), _shown_outbound(outbound), outbound)
            # The deprecated name shows the same object.
            changes |= {"outbound_trunk": changed, "provider_config": changed}
        self._keep(id, *passwords, outbound)
        return json_response(200, self.store.edit(id, changes))

    def _delete(self, call: ReceivedRequest) -> Response:
        self._reader.nothing(call)
        id = self._addressed(call)
        self.store.remove(id)
        self._inbound_passwords.pop(id, None)
        return json_response(200, None)

    # -- agents

    def _agent(self, agent_id: str, **more: object) -> Record:
        name = next((name for name, id in self.agents.items() if id == agent_id), None)
        if name is None:
            raise self._failed("not_found", "agent_not_found", "There is no such agent")
        return {"agent_id": agent_id, "agent_name": name, "environment": None, "branch_id": None, **more}

    def _assigned(self, before: object, body: contract.UpdateBody) -> Record | None:
        """The agent of a number after a change of it, of its branch or of its environment."""
        had = before if isinstance(before, dict) else {}
        given = body.model_fields_set
        agent_id = body.agent_id if "agent_id" in given else had.get("agent_id")
        if agent_id is None:
            if body.branch_id is not None:
                raise self._failed("validation_error", "no_agent", "A branch needs its agent")
            return None
        # Branch and environment belong to an agent: another one comes without those of the first.
        kept = had if had.get("agent_id") == agent_id else {}
        chosen = {
            name: getattr(body, name) if name in given else kept.get(name) for name in ("environment", "branch_id")
        }
        if chosen["branch_id"] is not None and chosen["branch_id"] not in self.branches(agent_id).values():
            raise self._failed("not_found", "branch_not_found", "The agent has no such branch")
        return self._agent(agent_id, **chosen)

    # -- trunks

    def _half(self, before: object, shown: Record, config: Config) -> Record:
        """A trunk after its half was sent."""
        # Nobody documents which of the two the vendor does, so an adapter has to be right under both.
        if not self.merges_halves or not isinstance(before, dict):
            return shown
        sent = set(config.model_fields_set)
        if "credentials" in sent:
            # Credentials are written under one name and shown under two others.
            sent |= {"has_auth_credentials", "username"}
        return {**before, **{name: value for name, value in shown.items() if name in sent}}

    def _leaves_credentials(self, config: Config) -> bool:
        return self.merges_halves and "credentials" not in config.model_fields_set

    def _password(self, config: Config | None, stored: str | None) -> str | None:
        """The password of a half after it was sent. Raises `EmulatedRefusal` for a user name that has none."""
        if config is None or self._leaves_credentials(config):
            return stored
        if config.credentials is None:
            return None
        password = config.credentials.password or stored
        if password is None:
            raise self._failed("validation_error", "password_missing", "Credentials need a password")
        return password

    def _keep(self, id: str, inbound: str | None, outbound: str | None, config: contract.OutboundConfig | None) -> None:
        """Store the passwords of both halves, and the user name of the outbound one."""
        self._inbound_passwords.pop(id, None)
        if inbound is not None:
            self._inbound_passwords[id] = inbound
        if config is not None and not self._leaves_credentials(config):
            self.store.set_credentials(id, StoredCredentials(_user(config), outbound))

    # -- state

    def _addressed(self, call: ReceivedRequest) -> str:
        """The id in the path, of a number that is there."""
        id = call.segments[3]
        if id not in self.store:
            raise self._no_such_number()
        return id

    def _no_such_number(self) -> EmulatedRefusal:
        return self._failed("not_found", "phone_number_not_found", "There is no such phone number")

    def _failed(self, kind: str, code: str, message: str) -> EmulatedRefusal:
        return contract.failed(kind, code, message, f"{len(self.requests):032x}")


def _user(config: Config) -> str | None:
    return None if config.credentials is None else config.credentials.username


def _shown_inbound(config: contract.InboundConfig) -> Record:
    user, shown = _user(config), config.model_dump(exclude={"credentials"})
    shown["allowed_addresses"] = config.allowed_addresses or []
    return emulator_seed.inbound_trunk(**shown, has_auth_credentials=user is not None, username=user)


def _shown_outbound(config: contract.OutboundConfig) -> Record:
    shown = config.model_dump(exclude={"credentials", "address"})
    return emulator_seed.outbound_trunk(config.address, _user(config), **shown)
