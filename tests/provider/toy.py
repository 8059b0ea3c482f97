"""A toy vendor: the smallest provider that serves every operation of the port, and its server as a backend."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from telephony_core import AsyncTelephony, Telephony
from telephony_core.domain.agents import AgentRef, AgentVersion
from telephony_core.domain.input_model import Unset
from telephony_core.domain.lifecycle import NumberStatus, Origin, Release, SideEffect
from telephony_core.domain.number_identity import NumberIdentity, NumberKind
from telephony_core.domain.phone_number import AvailableNumber, PhoneNumber
from telephony_core.domain.sip import CredentialState, InboundSip, OutboundSip, SipConfig
from telephony_core.domain.sip_address import SipAddress
from telephony_core.errors import NotAllowed, UnexpectedResponse
from telephony_core.provider.capabilities import (
    AddressForms,
    Admits,
    AgentVersions,
    AllowListMeaning,
    Capabilities,
    Field,
    FieldSupport,
    ImportableNumbers,
    Operation,
    OperationSupport,
    ReleaseEffect,
    ReleaseTerms,
)
from telephony_core.provider.changes import AgentAssignment, Change, NumberImport, NumberRelease, SipUpdate
from telephony_core.provider.flow import Flow, Request, Response, Semantics, call, path
from telephony_core.provider.port import (
    AvailableQuery,
    ListQuery,
    NoOptions,
    Page,
    Problem,
    Provider,
    ProviderConfig,
    ProviderSpec,
)
from telephony_core.provider.vendor_errors import ErrorEnvelope
from telephony_core.provider.wire import read_object
from telephony_core.transport.backend import HttpRequest
from tests.transport.driving import FakeTime, json_answer

TOLD = {"source": "made up"}
CAPABILITIES = Capabilities(
    region="KR",
    operations={op: OperationSupport(**TOLD) for op in Operation if op is not Operation.PURCHASE}
    | {Operation.UPDATE_SIP: OperationSupport(origins=frozenset({Origin.IMPORTED}), **TOLD)},
    fields={
        Field.LABEL: FieldSupport(max_length=20, clearable=True, **TOLD),
        Field.ADDRESS: FieldSupport(required_on_import=True, requires=frozenset({Field.PASSWORD}), **TOLD),
        Field.USERNAME: FieldSupport(clearable=True, **TOLD),
        Field.PASSWORD: FieldSupport(readable=False, **TOLD),
        Field.ALLOWED_ADDRESSES: FieldSupport(**TOLD),
        Field.INBOUND_AGENT: FieldSupport(clearable=True, **TOLD),
        Field.OUTBOUND_AGENT: FieldSupport(**TOLD),
    },
    importable=ImportableNumbers(
        kinds=frozenset({NumberKind.E164}), countries=frozenset({"KR"}), as_is=frozenset({NumberKind.SERVICE}), **TOLD
    ),
    address_forms=AddressForms(**TOLD),
    allow_list=AllowListMeaning(when_missing=Admits.NOBODY, when_empty=Admits.NOBODY, **TOLD),
    agent_versions=AgentVersions(kinds=frozenset({AgentVersion.PUBLISHED}), literals="v[0-9]+", readable=True, **TOLD),
    side_effects={Operation.RELEASE: frozenset({SideEffect.UNPUBLISHES})},
    release={Origin.IMPORTED: ReleaseTerms(effect=ReleaseEffect.END_OF_PERIOD, revocable=True, **TOLD)},
)


class ToyOptions(NoOptions):
    quickly: bool = False


class ToyProvider(Provider):
    slug: ClassVar[str] = "toy"
    capabilities: ClassVar[Capabilities] = CAPABILITIES
    options_model = ToyOptions

    def auth_headers(self) -> Mapping[str, str]:
        return {"authorization": f"Bearer {self.config.api_key.get_secret_value()}"}

    def read_error(self, response: Response) -> ErrorEnvelope:
        return ErrorEnvelope()

    def _record(self, request: Request) -> Flow[PhoneNumber]:
        response = yield from call(request, self.read_error)
        return read_toy(dict(read_object(response)))

    def list_page(self, query: ListQuery, cursor: str | None) -> Flow[Page[PhoneNumber]]:
        asked = [("cursor", cursor)] if cursor else []
        response = yield from call(Request.of("GET", "/numbers", query=asked), self.read_error)
        page = read_object(response)
        return Page([read_toy(item) for item in page["items"]], page["next"])

    def get(self, id: str) -> Flow[PhoneNumber]:
        return (yield from self._record(Request.of("GET", path("numbers", id))))

    def available_page(self, query: AvailableQuery, cursor: str | None) -> Flow[Page[AvailableNumber]]:
        response = yield from call(Request.of("GET", "/available"), self.read_error)
        items = [
            AvailableNumber(
                provider="toy", id=n, identity=NumberIdentity.parse(n, region="KR"), line_type=query.line_type
            )
            for n in read_object(response)["items"]
        ]
        return Page(items, None)

    def import_number(self, change: NumberImport, identity: NumberIdentity) -> Flow[PhoneNumber]:
        body = {
            "number": identity.e164 or identity.raw,
            "label": change.label,
            **_sip_body(change.inbound, change.outbound),
        }
        return (yield from self._record(Request.of("POST", "/numbers", Semantics.ONCE, json_body=body)))

    def update_label(self, number: PhoneNumber, label: str | None) -> Flow[PhoneNumber]:
        return (yield from self._patch(number, {"label": label}))

    def update_sip(self, number: PhoneNumber, change: SipUpdate) -> Flow[PhoneNumber]:
        return (yield from self._patch(number, _sip_body(change.inbound, change.outbound)))

    def check_agents(self, assignment: AgentAssignment) -> Flow[None] | None:
        agents = (assignment.inbound, assignment.outbound)
        if any(isinstance(agent, AgentRef) and agent.agent_id == "shy" for agent in agents):
            return self._ask_consent(assignment)
        return None

    def _ask_consent(self, assignment: AgentAssignment) -> Flow[None]:
        yield from call(Request.of("GET", "/agents"), self.read_error)
        if SideEffect.PUBLISHES not in assignment.allow:
            raise NotAllowed("it would be published", allowance="publishes")

    def assign_agents(self, number: PhoneNumber, assignment: AgentAssignment) -> Flow[PhoneNumber]:
        pairs = {"inbound_agent": assignment.inbound, "outbound_agent": assignment.outbound}
        body = {k: _agent_body(v) for k, v in pairs.items() if not isinstance(v, Unset)}
        return (yield from self._patch(number, body, Semantics.ONCE))

    def _patch(self, number: PhoneNumber, body: dict, semantics: Semantics = Semantics.IDEMPOTENT) -> Flow[PhoneNumber]:
        return (yield from self._record(Request.of("PATCH", path("numbers", number.id), semantics, json_body=body)))

    def release(self, number: PhoneNumber) -> Flow[Release]:
        gone = yield from self._record(Request.of("DELETE", path("numbers", number.id), Semantics.ONCE))
        return Release(provider="toy", id=gone.id, identity=gone.identity, status=gone.status, revocable=True)

    def revoke_release(self, number: PhoneNumber) -> Flow[PhoneNumber]:
        return (yield from self._record(Request.of("POST", path("numbers", number.id, "revoke"), Semantics.ONCE)))

    def check(self, change: Change) -> Sequence[Problem]:
        if isinstance(change, NumberImport) and change.outbound is not None and change.outbound.username is None:
            return [Problem("outbound.username", "the trunk will be used without credentials", remedy="give some")]
        return ()

    def waives(self, change: SipUpdate) -> frozenset[Field]:
        options = self.options(change)
        return frozenset({Field.ADDRESS}) if isinstance(options, ToyOptions) and options.quickly else frozenset()

    def side_effects(self, release: NumberRelease) -> frozenset[SideEffect]:
        number = release.number
        return (
            super().side_effects(release) if isinstance(number, PhoneNumber) and number.inbound_agent else frozenset()
        )


def _sip_body(inbound: object, outbound: object) -> dict:
    body: dict = {}
    for half in (inbound, outbound):
        for leaf in getattr(half, "changes", ()):
            value = getattr(half, leaf)
            body[leaf] = str(value) if isinstance(value, SipAddress) else value
    return body


def _agent_body(agent: AgentRef | None) -> dict | None:
    return None if agent is None else {"agent_id": agent.agent_id, "version": str(agent.version)}


def read_toy(record: dict) -> PhoneNumber:
    if "id" not in record or "number" not in record:
        raise UnexpectedResponse("a record lacks id or number", status=200)
    address = record.get("address")
    return PhoneNumber(
        provider="toy",
        id=record["id"],
        identity=NumberIdentity.parse(record["number"], region="KR"),
        origin=Origin(record.get("origin", "imported")),
        status=NumberStatus(record.get("status", "active")),
        label=record.get("label"),
        sip=SipConfig(
            inbound=InboundSip(allowed_addresses=record.get("allowed_addresses")),
            outbound=OutboundSip(
                address=SipAddress.parse(address) if address else None,
                username=record.get("username"),
                credentials=CredentialState.UNKNOWN,
            ),
        ),
        inbound_agent=AgentRef(**record["inbound_agent"]) if record.get("inbound_agent") else None,
        outbound_agent=AgentRef(**record["outbound_agent"]) if record.get("outbound_agent") else None,
        raw=record,
    )


SPEC = ProviderSpec(
    slug="toy", title="Toy", capabilities=CAPABILITIES, config=lambda: ProviderConfig, factory=ToyProvider
)


@dataclass
class ToyServer:
    """Backend and vendor in one. ``faults`` maps (method, nth request of that method) to what goes wrong."""

    records: dict[str, dict] = field(default_factory=dict)
    faults: dict[tuple[str, int], Callable[[Callable[[], Response]], Response]] = field(default_factory=dict)
    requests: list[HttpRequest] = field(default_factory=list)
    page_size: int = 100
    rewrite: Callable[[dict], dict] = lambda body: body
    name: str = "toy"

    def add(self, id: str, number: str, **fields: object) -> dict:
        self.records[id] = {"id": id, "number": number, **fields}
        return self.records[id]

    def writes(self) -> list[tuple[str, str]]:
        return [(r.method, r.url.removeprefix("https://toy.example")) for r in self.requests if r.method != "GET"]

    def send(self, request: HttpRequest, timeout: float) -> Response:
        self.requests.append(request)
        nth = sum(1 for r in self.requests if r.method == request.method)
        fault = self.faults.get((request.method, nth))
        return fault(lambda: self._answer(request)) if fault else self._answer(request)

    async def asend(self, request: HttpRequest, timeout: float) -> Response:
        return self.send(request, timeout)

    def close(self) -> None: ...

    async def aclose(self) -> None: ...

    def _answer(self, request: HttpRequest) -> Response:
        where = request.url.removeprefix("https://toy.example").split("?")[0].strip("/").split("/")
        body = self.rewrite(json.loads(request.body)) if request.body else {}
        match request.method, where:
            case "GET", ["numbers"]:
                start = int(request.url.partition("cursor=")[2] or 0)
                items = list(self.records.values())[start : start + self.page_size]
                more = start + self.page_size
                return _json({"items": items, "next": str(more) if more < len(self.records) else None})
            case "GET", ["available"]:
                return _json({"items": ["07011112222"]})
            case "GET", ["agents"]:
                return _json({})
            case "POST", ["numbers"]:
                return _json(self.add(f"new-{len(self.records)}", body.pop("number"), **_stored(body)))
            case _, ["numbers", id, *_] if id not in self.records:
                return json_answer(404)
            case "PATCH", ["numbers", id]:
                self.records[id].update(_stored(body))
            case "DELETE", ["numbers", id]:
                self.records[id]["status"] = "release_scheduled"
            case "POST", ["numbers", id, "revoke"]:
                self.records[id]["status"] = "active"
            case "GET", ["numbers", id]:
                pass
            case _:
                return json_answer(405)
        return _json(self.records[where[1]])


class Both:
    """Calls a method on the sync or the async client, and collects what is iterated."""

    def __init__(self, mode: str, server: ToyServer, **more: object) -> None:
        given = {
            "api_key": "k3y",
            "base_url": "https://toy.example",
            "backend": server,
            "clock": FakeTime().clock,
            **more,
        }
        self.client = Telephony(SPEC, **given) if mode == "sync" else AsyncTelephony(SPEC, **given)
        self.server = server

    def __getattr__(self, name: str) -> Callable:
        method = getattr(self.client, name)

        def call(*args: object, **kwargs: object) -> object:
            async def collect(items: object) -> list:
                return [item async for item in items]

            async def settled(awaitable: object) -> object:
                return await awaitable

            result = method(*args, **kwargs)
            if hasattr(result, "__anext__"):
                return asyncio.run(collect(result))
            if hasattr(result, "__await__"):
                return asyncio.run(settled(result))
            return list(result) if hasattr(result, "__next__") else result

        return call


def _stored(body: dict) -> dict:
    return {key: value for key, value in body.items() if key != "password"}


def _json(payload: object) -> Response:
    return json_answer(200, json.dumps(payload).encode())
