"""What core does not leave to an adapter: a stranger's one that looks after a lost answer, and fails at it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields

import pytest

from telephony_core import (
    PUBLISHED,
    AgentRef,
    InboundUpdate,
    NumberImport,
    OutboundUpdate,
    OutcomeUnknown,
    ReconciliationOutcome,
    SideEffect,
    Telephony,
)
from telephony_core.errors import AnswerLost, NoAnswer
from telephony_core.provider.flow import Flow, Request, Response, Semantics, call
from telephony_core.testing import virtual_clock
from tests.provider import toy


def looking(flow: Flow[object], read_error: Callable[[Response], object]) -> Flow[object]:
    """What a flow gives; after a lost answer it looks somewhere, which fails."""
    try:
        return (yield from flow)
    except AnswerLost:
        yield from call(Request.of("GET", "/broken"), read_error)
        raise AssertionError("the look fails") from None


class Curious(toy.ToyProvider):
    """Looks for itself after every lost answer, as no adapter has to."""

    def import_number(self, change, identity):
        return looking(super().import_number(change, identity), self.read_error)

    def assign_agents(self, number, assignment):
        body = {"inbound_agent": {"agent_id": "b", "version": "published"}}
        return looking(super()._patch(number, body, Semantics.ONCE), self.read_error)

    def release(self, number):
        return looking(super().release(number), self.read_error)

    def revoke_release(self, number):
        return looking(super().revoke_release(number), self.read_error)


SPEC = toy.ProviderSpec(**{each.name: getattr(toy.SPEC, each.name) for each in fields(toy.SPEC)} | {"factory": Curious})


class Server(toy.ToyServer):
    """Acts on writes and never answers them; the path that the adapter looks at is out of order."""

    acts = True

    def send(self, request, timeout):
        if request.url.endswith("/broken"):
            self.requests.append(request)
            return Response(503, {}, b"")
        if request.method != "GET":
            if self.acts:
                super().send(request, timeout)
            raise NoAnswer("lost")
        return super().send(request, timeout)


ASKS: dict[str, Callable[[Telephony], object]] = {
    "import": lambda t: t.import_number(
        NumberImport(
            number="070-1111-9999", inbound=InboundUpdate(allow_any=True), outbound=OutboundUpdate(address="h")
        )
    ),
    "assign": lambda t: t.assign_agents("a", inbound=AgentRef("b", version=PUBLISHED)),
    "release": lambda t: t.release("a", allow={SideEffect.UNPUBLISHES}),
    "revoke": lambda t: t.revoke_release("given-up"),
}


@pytest.fixture
def server() -> Server:
    made = Server()
    made.add("a", "07011112222", address="h")
    made.add("given-up", "07011113333", status="release_scheduled")
    return made


@pytest.mark.parametrize("operation", ASKS)
def test_core_looks_itself_when_the_look_of_an_adapter_fails_and_sees_what_happened(server, operation):
    before = {id: dict(record) for id, record in server.records.items()}
    with opened(server) as client:
        ASKS[operation](client)
    assert server.records != before


@pytest.mark.parametrize("operation", ASKS)
def test_a_failed_look_of_an_adapter_is_not_told_as_the_failure_of_its_write(server, operation):
    server.acts = False
    before = {id: dict(record) for id, record in server.records.items()}
    with opened(server) as client:
        with pytest.raises(OutcomeUnknown, match="lost") as caught:
            ASKS[operation](client)
        assert client.reconcile(caught.value).outcome is ReconciliationOutcome.NOT_SEEN
    assert server.records == before


def opened(server: Server) -> Telephony:
    clock = virtual_clock()
    return Telephony(SPEC, api_key="key", base_url="https://toy.example", backend=server, clock=clock, max_retries=0)
