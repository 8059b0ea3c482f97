"""Acme Voice as a stateful emulator, written from the vendor's reference and not from the adapter.

Strict: unknown keys and query parameters, wrong types and a body where none belongs are refused with 422.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, Literal

from pydantic import ConfigDict, Field

from telephony_core.emulator import (
    EmulatedRefusal,
    Emulator,
    ReceivedRequest,
    Record,
    RequestModel,
    RequestReader,
    Response,
    StoredCredentials,
    Unfit,
    json_response,
    utc_now,
)

PAGE_SIZE: Final = 25
APPS: Final = ("reception", "opening-hours")


class _Body(RequestModel):
    model_config = ConfigDict(strict=True)


class Address(_Body):
    host: str
    port: int = 0
    transport: Literal["udp", "tcp", "tls"] = "udp"


class Digest(_Body):
    """User name and password, which Acme keeps as one thing."""

    username: str
    password: str = Field(repr=False)


class TrunkBody(_Body):
    """Trunk settings: what is unset stays, null clears."""

    address: Address = Address(host="")
    allowed: list[str] | None = None
    digest: Digest | None = None


class NewTrunk(TrunkBody):
    address: Address


class ImportBody(_Body):
    e164: str
    trunk: NewTrunk


class AppBody(_Body):
    app: str | None


class ListQuery(RequestModel):
    after: str | None = None
    e164: str | None = None
    include_ended: str | None = None


class AcmeEmulator(Emulator):
    """One account, with numbers of every state and both kinds."""

    slug = "acme"
    base_url = "https://api.acme-voice.example/v1"

    def __init__(self, *, api_key: str = "emulator-key", now: Callable[[], datetime] = utc_now) -> None:
        super().__init__(api_key=api_key, now=now)
        self.agents = {name: self.new_id(f"app {name}") for name in APPS}
        for fields, credentials in self._seed():
            self.add(credentials=credentials, **fields)

    def _seed(self) -> Iterator[tuple[Record, StoredCredentials | None]]:
        address = {"host": "pbx.example.com", "port": 5060}
        ends = (self.now() + timedelta(days=9)).isoformat()
        yield {"e164": "+442079460001", "kind": "hosted", "app": self.agents["reception"]}, None
        yield {"e164": "+442079460002", "kind": "hosted", "state": "provisioning"}, None
        yield {"e164": "+442079460003", "kind": "hosted", "state": "ending", "ends": ends}, None
        yield (
            {"e164": "+441174960004", "trunk": {"address": address, "username": None, "allowed": ["192.0.2.0/24"]}},
            None,
        )
        trunk = {"address": {**address, "transport": "tls"}, "username": "bristol", "allowed": None}
        yield {"e164": "+441174960005", "trunk": trunk}, StoredCredentials("bristol", "password-of-bristol")
        yield {"e164": "+442890180006", "state": "ended", "trunk": None}, None
        yield (
            {"e164": "+353861234567", "trunk": {"address": {"host": "203.0.113.9"}, "username": None, "allowed": []}},
            None,
        )

    def populate(self, count: int) -> None:
        for index in range(count):
            self.add(e164=f"+4420{79_461_000 + index}", kind="sip" if index % 2 else "hosted")

    def complete(self, fields: Mapping[str, object]) -> Record:
        record: Record = {
            "id": self.new_id(),
            "e164": "+442079460000",
            "kind": "sip",
            "state": "live",
            "app": None,
            "trunk": None,
            "ends": None,
        }
        return {**record, **fields}

    # -- the API

    def answer(self, call: ReceivedRequest) -> Response:
        if call.headers.get("x-acme-key") != self.api_key:
            raise refused(401, "bad_key", "The key is missing or wrong")
        match call.method, call.segments:
            case "GET", ("numbers",):
                return self._list(call)
            case "POST", ("numbers",):
                return self._import(call)
            case "GET", ("numbers", id):
                READER.nothing(call)
                return json_response(200, self._visible(id))
            case "PATCH", ("numbers", id, "trunk"):
                return self._change_trunk(call, id)
            case "PUT", ("numbers", id, "app"):
                return self._change_app(call, id)
            case "DELETE", ("numbers", id):
                READER.nothing(call)
                return self._end(id)
        raise refused(404, "no_such_path", "There is no such path")

    def _list(self, call: ReceivedRequest) -> Response:
        query = READER.query(call, ListQuery)
        shown = [
            id
            for id in self.store
            if self.is_visible(id)
            and query.e164 in (None, self.store[id].get("e164"))
            and (query.include_ended == "true" or self.store[id].get("state") != "ended")
        ]
        if query.after is not None and query.after not in shown:
            raise refused(422, "bad_request", "Unknown cursor")
        start = 0 if query.after is None else shown.index(query.after) + 1
        page, more = shown[start : start + PAGE_SIZE], len(shown) > start + PAGE_SIZE
        return json_response(200, {"numbers": [self.store[id] for id in page], "next": page[-1] if more else None})

    def _import(self, call: ReceivedRequest) -> Response:
        body = READER.body(call, ImportBody)
        if not body.e164.startswith(("+44", "+353")):
            raise refused(422, "bad_number", "Only numbers of GB and IE in E.164")
        live = (self.store[id] for id in self.store if self.store[id].get("state") != "ended")
        if any(record.get("e164") == body.e164 for record in live):
            raise refused(409, "number_in_use", "The number is already here")
        id = self.add(e164=body.e164, trunk={"address": None, "username": None, "allowed": None})
        self._write_trunk(id, body.trunk)
        self.appeared(id)
        return json_response(201, self.store[id])

    def _change_trunk(self, call: ReceivedRequest, id: str) -> Response:
        record = self._changeable(id)
        if record.get("kind") != "sip":
            raise refused(409, "hosted_number", "A hosted number has no trunk")
        self._write_trunk(id, READER.body(call, TrunkBody))
        return json_response(200, self.store[id])

    def _write_trunk(self, id: str, body: TrunkBody) -> None:
        stored = self.store[id].get("trunk")
        trunk: Record = dict(stored) if isinstance(stored, dict) else {}
        trunk |= body.model_dump(exclude_unset=True, exclude={"digest"})
        if "address" in body.model_fields_set:
            trunk["address"] = body.address.model_dump(exclude_unset=True) | {"transport": body.address.transport}
        if "digest" in body.model_fields_set:
            digest = StoredCredentials() if body.digest is None else StoredCredentials(**body.digest.model_dump())
            trunk["username"] = digest.username
            self.store.set_credentials(id, digest)
        self.store.edit(id, {"trunk": trunk})

    def _change_app(self, call: ReceivedRequest, id: str) -> Response:
        self._changeable(id)
        app = READER.body(call, AppBody).app
        if app is not None and app not in self.agents.values():
            raise refused(422, "no_such_app", "There is no such app")
        return json_response(200, self.store.edit(id, {"app": app}))

    def _end(self, id: str) -> Response:
        record = self._changeable(id)
        if record.get("kind") != "sip":
            raise refused(409, "hosted_number", "A hosted number is ended by letter")
        self.store.edit(id, {"state": "ended", "ends": self.now().isoformat(), "app": None})
        return Response(204, {}, b"")

    # -- state

    def _visible(self, id: str) -> Record:
        if id not in self.store or not self.is_visible(id):
            raise refused(404, "no_such_number", "There is no such number")
        return self.store[id]

    def _changeable(self, id: str) -> Record:
        if id not in self.store:
            raise refused(404, "no_such_number", "There is no such number")
        if self.store[id].get("state") == "ended":
            raise refused(409, "number_ended", "The number has ended")
        return self.store[id]


def refused(status: int, code: str, detail: str) -> EmulatedRefusal:
    return EmulatedRefusal(json_response(status, {"code": code, "detail": detail}))


def _unfit(found: Sequence[Unfit]) -> EmulatedRefusal:
    return refused(422, "bad_request", f"{'.'.join(map(str, found[0].loc))}: {found[0].message}")


READER: Final = RequestReader(_unfit)
