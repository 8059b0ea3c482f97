"""Interrupted after a request that must not be repeated: whatever ends the operation says what may have happened."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Callable, Generator

import pytest

from telephony_core import (
    AgentRef,
    AsyncTelephony,
    NumberImport,
    OutboundUpdate,
    OutcomeUnknown,
    ReconciliationOutcome,
    Telephony,
)
from telephony_core.errors import PartialOutcome
from telephony_core.provider.capabilities import Operation
from telephony_core.provider.flow import Flow, Request, Response, Semantics, call
from telephony_core.provider.vendor_errors import ErrorEnvelope
from telephony_core.transport.drivers import drive
from telephony_core.transport.pipeline import execute
from tests.operations.losing import NUMBER, lost_after
from tests.provider.toy import SPEC, Both, ToyServer
from tests.transport.driving import FakeTime, Script, json_answer, pipeline

TRUNK = OutboundUpdate(address="pbx.example.com:5060", username="u", password="p4ss-canary")
AN_IMPORT = NumberImport(number=NUMBER, outbound=TRUNK, inbound_agent=AgentRef("bot", version="v1"))
WITHOUT_AGENT = NumberImport(number=NUMBER, outbound=TRUNK)
ENDINGS = (KeyboardInterrupt, SystemExit, asyncio.CancelledError, MemoryError, TypeError, RecursionError)
ending = pytest.mark.parametrize("kind", ENDINGS, ids=lambda kind: kind.__name__)


class Scene(Both):
    """A client whose ``on_unknown`` is heard."""

    def __init__(self, mode: str) -> None:
        self.heard: list[OutcomeUnknown] = []
        super().__init__(mode, ToyServer(), on_unknown=self.heard.append)

    def ended(self, kind: type[BaseException], call: Callable[[], object]) -> BaseException:
        """What the operation ends with, after which nothing more was sent."""
        with pytest.raises(kind) as caught:
            call()
        assert caught.type is kind
        assert [str(error) for error in self.heard] == getattr(caught.value, "__notes__", [])
        assert "canary" not in str(getattr(caught.value, "__notes__", []))
        return caught.value


@pytest.fixture(params=["sync", "async"])
def toy(request: pytest.FixtureRequest) -> Scene:
    return Scene(request.param)


def ends_with(kind: type[BaseException], *, acts: bool = False) -> Callable[[Callable[[], Response]], Response]:
    def answer(act: Callable[[], Response]) -> Response:
        if acts:
            act()
        raise kind

    return answer


# -- one write


@ending
def test_an_import_in_flight_is_told_with_its_number(toy, kind):
    toy.server.faults[("POST", 1)] = ends_with(kind, acts=True)
    toy.ended(kind, lambda: toy.import_number(WITHOUT_AGENT))
    (error,) = toy.heard
    assert (error.attempt.operation, error.attempt.identity.e164, error.attempt.id) == (Operation.IMPORT, NUMBER, None)
    assert (error.provider, error.operation, error.number) == ("toy", "import_number", None)
    assert f"POST /numbers was in flight when the operation ended with {kind.__name__} (import of {NUMBER})" in str(
        error
    )
    assert toy.reconcile(error).number.id == "new-0"
    assert len(toy.server.writes()) == 1


@ending
def test_an_import_whose_answer_cannot_be_parsed_for_a_fault_of_the_adapter_is_told(toy, kind):
    adapter = toy.client.adapter

    def faulty(change, identity):
        yield from type(adapter).import_number(adapter, change, identity)
        raise kind

    adapter.import_number = faulty
    toy.ended(kind, lambda: toy.import_number(WITHOUT_AGENT))
    (error,) = toy.heard
    assert "POST /numbers was answered (HTTP 200)" in str(error)
    assert error.attempt.identity.e164 == NUMBER


@ending
def test_the_look_after_a_lost_import_is_told(toy, kind):
    toy.server.faults |= {("POST", 1): lost_after, ("GET", 2): ends_with(kind)}
    toy.ended(kind, lambda: toy.import_number(WITHOUT_AGENT))
    (error,) = toy.heard
    assert "POST /numbers was sent and its answer was lost" in str(error)
    assert len(toy.server.writes()) == 1


@ending
def test_the_record_that_a_look_found_is_told_while_its_settings_are_sent_again(toy, kind):
    toy.server.faults |= {("POST", 1): lost_after, ("PATCH", 1): ends_with(kind)}
    toy.ended(kind, lambda: toy.import_number(WITHOUT_AGENT))
    (error,) = toy.heard
    assert error.number.id == "new-0"


@ending
@pytest.mark.parametrize(("operation", "method"), [("release", "DELETE"), ("revoke_release", "POST")])
def test_a_release_and_its_revocation_are_told_with_the_record(toy, kind, operation, method):
    toy.server.add("a", "07011112222", status="active" if operation == "release" else "release_scheduled")
    toy.server.faults[(method, 1)] = ends_with(kind, acts=True)
    toy.ended(kind, lambda: getattr(toy, operation)("a"))
    (error,) = toy.heard
    assert (error.attempt.operation, error.attempt.id, error.attempt.identity.e164) == (operation, "a", NUMBER)


# -- an import, and its agents


@ending
def test_the_record_that_was_made_is_told_while_its_agents_are_assigned(toy, kind):
    """The assignment of the toy is `ONCE` as well, so both may have happened."""
    toy.server.faults[("PATCH", 1)] = ends_with(kind)
    toy.ended(kind, lambda: toy.import_number(AN_IMPORT))
    made, assigned = toy.heard
    assert (made.number.id, made.number.identity.e164) == ("new-0", NUMBER)
    assert f"POST /numbers was answered (HTTP 200), and new-0 of {NUMBER} is there by it" in str(made)
    assert made.remedy == "read the record new-0 before anything is repeated"
    assert (assigned.attempt.operation, assigned.attempt.id) == (Operation.ASSIGN_AGENTS, "new-0")
    again = pickle.loads(pickle.dumps(made))
    assert (again.number, again.attempt) == (made.number, made.attempt)
    assert made.attempt.id == "new-0"
    toy.server.records["new-0"]["inbound_agent"] = {"agent_id": "bot", "version": "v1"}
    assert toy.reconcile(again).number.id == "new-0"
    toy.server.records["new-0"]["number"] = "07055556666"
    assert toy.reconcile(again).outcome is ReconciliationOutcome.AMBIGUOUS
    del toy.server.records["new-0"]
    assert toy.reconcile(again).outcome is ReconciliationOutcome.AMBIGUOUS


@ending
def test_the_record_that_was_made_is_told_when_the_adapter_fails_before_it_assigns(toy, kind):
    def fails(number, assignment):
        raise kind
        yield

    toy.client.adapter.assign_agents = fails
    toy.ended(kind, lambda: toy.import_number(AN_IMPORT))
    (made,) = toy.heard
    assert made.number.id == "new-0"


def test_an_assignment_that_is_refused_is_a_partial_outcome_and_told_as_that_alone(toy):
    toy.server.faults[("PATCH", 1)] = lambda _: json_answer(422)
    with pytest.raises(PartialOutcome) as caught:
        toy.import_number(AN_IMPORT)
    assert caught.value.number.id == "new-0"
    assert toy.heard == []


# -- nothing to tell


@ending
def test_what_was_refused_or_never_left_is_not_told(toy, kind):
    toy.server.faults |= {("POST", 1): lambda _: json_answer(429), ("POST", 2): lambda _: json_answer(422)}
    with pytest.raises(Exception, match="422"):
        toy.import_number(WITHOUT_AGENT)
    toy.server.faults = {("GET", 2): ends_with(kind)}
    toy.ended(kind, lambda: toy.import_number(WITHOUT_AGENT))
    assert toy.heard == []


@ending
def test_reads_are_not_told(toy, kind):
    toy.server.add("a", "07011112222")
    toy.server.faults[("GET", 1)] = ends_with(kind)
    toy.ended(kind, lambda: toy.get_number("a"))
    assert toy.heard == []


# -- tasks


class Hanging(ToyServer):
    """Carries a request out and does not answer: the request by a method named in ``hangs``."""

    hangs: tuple[str, ...] = ("POST",)
    waiting: asyncio.Event

    async def asend(self, request, timeout):
        answer = self.send(request, timeout)
        if request.method in self.hangs:
            self.waiting.set()
            await asyncio.Event().wait()
        return answer


def client_on(server: Hanging, heard: list[OutcomeUnknown]) -> AsyncTelephony:
    server.waiting = asyncio.Event()
    given = {"api_key": "k3y", "base_url": "https://toy.example", "backend": server}
    return AsyncTelephony(SPEC, **given, on_unknown=heard.append)


@pytest.mark.parametrize(("hangs", "id"), [("POST", None), ("PATCH", "new-0")])
def test_a_cancelled_task_is_told(hangs, id):
    async def main() -> list[OutcomeUnknown]:
        server, heard = Hanging(), list[OutcomeUnknown]()
        server.hangs = (hangs,)
        task = asyncio.create_task(client_on(server, heard).import_number(AN_IMPORT))
        await server.waiting.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        assert caught.value.__notes__ == [str(error) for error in heard]
        return heard

    told = asyncio.run(main())
    assert told[0].attempt.identity.e164 == NUMBER
    assert (told[0].number and told[0].number.id) == id


def test_a_time_out_around_an_operation_is_told():
    async def main() -> None:
        server, heard = Hanging(), list[OutcomeUnknown]()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client_on(server, heard).import_number(WITHOUT_AGENT), 0.01)
        assert heard[0].attempt.identity.e164 == NUMBER
        heard.clear()
        with pytest.raises(TimeoutError) as caught:
            async with asyncio.timeout(0.01):
                await client_on(server, heard).import_number(NumberImport(number="+827033334444", outbound=TRUNK))
        assert "POST /numbers was in flight" in caught.value.__context__.__notes__[0]
        assert heard[0].attempt.identity.e164 == "+827033334444"

    asyncio.run(main())


def test_an_operation_that_is_thrown_away_is_told():
    """A coroutine is closed, not cancelled, when its loop goes away."""

    async def main() -> None:
        server, heard = Hanging(), list[OutcomeUnknown]()
        operation = client_on(server, heard).import_number(WITHOUT_AGENT)
        operation.send(None)
        assert server.writes() == [("POST", "/numbers")]
        operation.close()
        assert heard[0].attempt.identity.e164 == NUMBER

    asyncio.run(main())


# -- by hand


def once() -> Flow[int]:
    return (yield from call(Request.of("POST", "/things", Semantics.ONCE), lambda _: ErrorEnvelope())).status


class Between:
    """Actions that are interrupted after the answer arrived, and before anybody has seen it."""

    def __init__(self, actions: Generator) -> None:
        self._actions = actions

    def __next__(self) -> object:
        return next(self._actions)

    def send(self, response: object) -> object:
        if isinstance(response, Response):
            raise KeyboardInterrupt
        return self._actions.send(response)

    def throw(self, error: BaseException) -> object:
        return self._actions.throw(error)

    def close(self) -> None:
        self._actions.close()


def test_ctrl_c_between_two_lines_of_the_driver_is_told():
    time, heard = FakeTime(), list[OutcomeUnknown]()
    the_pipeline = pipeline(time, on_unknown=heard.append)
    with pytest.raises(KeyboardInterrupt) as caught:
        drive(Between(execute(once(), the_pipeline, "x")), Script([json_answer()], time), the_pipeline.clock)
    assert caught.value.__notes__ == [str(error) for error in heard]
    assert "POST /things was in flight" in str(heard[0])


def test_a_flow_that_will_not_be_closed_does_not_hide_what_ended_the_operation(caplog):
    def stubborn() -> Flow[None]:
        try:
            yield Request.of("POST", "/things", Semantics.ONCE)
        finally:
            yield Request.of("DELETE", "/things", Semantics.ONCE)

    def interrupted(_: object) -> Response:
        raise KeyboardInterrupt

    time, heard = FakeTime(), list[OutcomeUnknown]()
    the_pipeline, script = pipeline(time, on_unknown=heard.append), Script([interrupted], time)
    with pytest.raises(KeyboardInterrupt):
        drive(execute(stubborn(), the_pipeline, "x"), script, the_pipeline.clock)
    assert [request.method for request in script.sent] == ["POST"]
    assert len(heard) == 1
    message, outcome = caplog.messages
    assert "stubborn" in message
    assert message.endswith("could not be closed")
    assert outcome == "acme x: interrupted (KeyboardInterrupt)"


def test_a_flow_of_ones_own_that_fails_after_its_write_says_so():
    def own() -> Flow[None]:
        yield from once()
        yield from call(Request.of("GET", "/things"), lambda _: ErrorEnvelope())

    heard: list[OutcomeUnknown] = []
    script = Script([json_answer(), json_answer(404)])
    client = Telephony(
        SPEC, api_key="k3y", base_url="https://toy.example", backend=script, clock=FakeTime().clock,
        on_unknown=heard.append,
    )  # fmt: skip
    with pytest.raises(Exception, match="404") as caught:
        client.run(own())
    assert caught.value.__notes__[-1] == str(heard[0])
    assert "POST /things was answered (HTTP 200) when the operation ended with NotFound" in str(heard[0])
