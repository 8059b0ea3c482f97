"""What observers are told: every request and every operation, by names that hold no personal data."""

from __future__ import annotations

import asyncio
import json
import re
from importlib.resources import files

import pytest

import telephony_core
from telephony_core import (
    PUBLISHED,
    AgentRef,
    AsyncTelephony,
    NotFound,
    NumberImport,
    OperationEvent,
    OperationObserver,
    OperationStart,
    OutboundUpdate,
    Outcome,
    OutcomeUnknown,
    PartialOutcome,
    RequestEvent,
    Telephony,
    TelephonyError,
)
from telephony_core.domain.number_identity import NumberIdentity
from telephony_core.observation.events import masked, route_of, shown_id
from telephony_core.provider.flow import Flow
from telephony_core.testing import EmulatedAccount, virtual_clock

SLUGS = ("diga", "elevenlabs", "retell", "vox")
TRUNK = OutboundUpdate(address="pbx.example.com", username="pbx", password="s3cret-canary")
NEW = NumberImport(number="+827099996666", label="Canary", outbound=TRUNK)


class Diary(OperationObserver):
    """Keeps everything it is told."""

    def __init__(self) -> None:
        self.requests: list[RequestEvent] = []
        self.begins: list[OperationStart] = []
        self.ends: list[OperationEvent] = []

    def __call__(self, event: RequestEvent) -> None:
        self.requests.append(event)

    def begun(self, operation: OperationStart):
        self.begins.append(operation)
        return self.ends.append


def watched(account: EmulatedAccount, *observers, kind=Telephony):
    emulator = account.emulator
    return kind(
        account.provider,
        api_key=emulator.api_key,
        base_url=emulator.base_url,
        backend=emulator.backend(),
        clock=virtual_clock(),
        observers=observers,
    )


# -- what is shown of a path, a number, an id


@pytest.mark.parametrize("slug", SLUGS)
@pytest.mark.parametrize(
    "id", ["+34612345678", "%2B34612345678", "6f1c0a52-0d2e-4c1b", "phnum_01jz", "07011112222", "A"]
)
def test_the_route_of_every_documented_path_is_its_template(slug, id):
    document = json.loads((files(f"telephony_{slug}") / "openapi.json").read_text())
    assert document["paths"]
    for template in document["paths"]:
        filled = re.sub(r"\{\w+\}", lambda _: id, template)
        assert route_of(filled) == re.sub(r"\{\w+\}", "{id}", template)


@pytest.mark.parametrize(
    ("raw", "region", "shown"),
    [
        ("07011112222", "KR", "…2222"),
        ("+34612345678", "ES", "…5678"),
        ("140001", "KR", "…"),
        ("15881234", "KR", "…1234"),
        ("frontdesk@pbx.example.com", "ES", "…"),
    ],
)
def test_of_a_number_the_last_digits_are_shown_and_of_a_short_one_nothing(raw, region, shown):
    identity = NumberIdentity.parse(raw, region=region)
    assert masked(identity) == shown
    assert shown_id(raw, identity) == shown
    assert shown_id("6f1c0a52-0d2e-4c1b-9999-123456789012", identity) == "6f1c0a52-0d2e-4c1b-9999-123456789012"


def test_an_id_that_is_another_number_is_no_exception():
    assert shown_id("+13055000001", NumberIdentity.parse("+13055000002", region="US")) == "…0001"
    assert shown_id("+13055000001", None) == "…0001"


# -- what is told


@pytest.mark.parametrize("slug", SLUGS)
def test_every_request_is_told_with_its_connection_and_a_documented_route(slug):
    diary = Diary()
    with EmulatedAccount(slug) as account, watched(account, diary) as client:
        for number in list(client.list_numbers()):
            client.get_number(number.id)
            with_agent = AgentRef(next(iter(account.emulator.agents.values())), version=PUBLISHED)
            try:
                client.assign_agents(number, inbound=with_agent, allow=list(telephony_core.SideEffect))
                client.release(number)
            except TelephonyError:
                continue
        document = json.loads((files(f"telephony_{slug}") / "openapi.json").read_text())
        documented = {re.sub(r"\{\w+\}", "{id}", template) for template in document["paths"]}
        assert {event.route for event in diary.requests} <= documented
        assert {event.connection for event in diary.requests} == {slug}
        assert {event.host for event in diary.requests} == {client.host}
        assert {event.method for event in diary.requests if event.changes} >= {"PATCH"}
        assert not any(event.changes for event in diary.requests if event.method == "GET")
        told = repr(diary.requests + diary.ends)
        for record in client.list_numbers():
            assert record.identity.raw not in told


def test_an_operation_begins_once_and_ends_once():
    diary = Diary()
    with EmulatedAccount("vox") as account, watched(account, diary) as client:
        number = client.import_number(NEW)
    begin = OperationStart(provider="vox", connection="vox", host="client-api.tryvox.co", operation="import_number")
    assert diary.begins == [begin]
    (end,) = diary.ends
    assert (end.outcome, end.error, end.changes) == (Outcome.DONE, None, True)
    assert (end.number, end.record) == ("…6666", number.id)
    assert (end.method, end.status, end.resends) == ("POST", 201, 0)
    assert end.requests == len(account.emulator.requests) == len(diary.requests)


def test_async_code_is_told_the_same():
    async def main(account, diary):
        async with watched(account, diary, kind=AsyncTelephony) as client:
            await client.import_number(NEW)

    one, other = Diary(), Diary()
    with EmulatedAccount("vox") as account:
        asyncio.run(main(account, one))
    with EmulatedAccount("vox") as account, watched(account, other) as client:
        client.import_number(NEW)
    still = [[(event.route, event.method, event.status) for event in diary.requests] for diary in (one, other)]
    assert still[0] == still[1]
    assert one.begins == other.begins
    assert [event.outcome for event in one.ends] == [event.outcome for event in other.ends]


@pytest.mark.parametrize(
    ("faults", "raised", "outcome"),
    [
        ([], None, Outcome.DONE),
        (["lost_after,method=POST"], None, Outcome.ADOPTED),
        (["lost_before,method=POST"], OutcomeUnknown, Outcome.UNKNOWN),
        (["answer,method=POST,status=422"], TelephonyError, Outcome.FAILED),
        (["another_record,method=POST"], None, Outcome.ADOPTED),
    ],
)
def test_how_a_change_ended(faults, raised, outcome):
    diary = Diary()
    with EmulatedAccount("vox", faults=faults) as account, watched(account, diary) as client:
        if raised is None:
            client.import_number(NEW)
        else:
            with pytest.raises(raised):
                client.import_number(NEW)
    assert [end.outcome for end in diary.ends] == [outcome]
    assert (diary.ends[0].error is None) is (raised is None)
    assert diary.ends[0].changes


def test_a_change_of_which_a_part_went_through():
    diary = Diary()
    with (
        EmulatedAccount("vox", faults=["answer,method=PATCH,status=422"]) as account,
        watched(account, diary) as client,
    ):
        agent = AgentRef(account.emulator.agents["reception"], version=PUBLISHED)
        with pytest.raises(PartialOutcome):
            client.import_number(NEW.model_copy(update={"inbound_agent": agent}))
    (end,) = diary.ends
    assert (end.outcome, end.error, end.method, end.status) == (Outcome.PARTIAL, "PartialOutcome", "PATCH", 422)


def test_a_flow_of_ones_own_that_fails_behind_a_write_that_went_through_is_no_failure_without_a_trace():
    def flow() -> Flow[None]:
        yield from client.operations.import_number(NEW)
        raise NotFound("what comes behind it")

    diary = Diary()
    with (
        EmulatedAccount("vox") as account,
        watched(account, diary) as client,
        pytest.raises(NotFound, match="behind it") as caught,
    ):
        client.run(flow())
    assert diary.ends[0].outcome is Outcome.UNKNOWN
    assert any("was answered (HTTP 201)" in note for note in caught.value.__notes__)


def test_an_import_that_was_adopted_stays_so_when_agents_follow():
    diary = Diary()
    with EmulatedAccount("vox", faults=["lost_after,method=POST"]) as account, watched(account, diary) as client:
        agent = AgentRef(account.emulator.agents["reception"], version=PUBLISHED)
        client.import_number(NEW.model_copy(update={"inbound_agent": agent}))
    assert diary.ends[0].outcome is Outcome.ADOPTED


def test_what_was_refused_before_anything_was_sent_changed_nothing():
    diary = Diary()
    with EmulatedAccount("vox") as account, watched(account, diary) as client, pytest.raises(TelephonyError):
        client.import_number(NumberImport(number="+12125550100", outbound=TRUNK))
    (end,) = diary.ends
    assert (end.outcome, end.changes, end.method, end.requests) == (Outcome.FAILED, False, None, 0)


def test_a_read_that_was_sent_again_is_counted():
    diary = Diary()
    account = EmulatedAccount("vox", faults=["lost_before,times=2"])
    with account, watched(account, diary) as client, pytest.raises(NotFound):
        client.get_number("6f1c0a52-0d2e-4c1b-9999-123456789012")
    (end,) = diary.ends
    assert (end.requests, end.resends, end.status, end.changes, end.error) == (3, 2, 404, False, "NotFound")
    assert [(event.attempt, event.error) for event in diary.requests] == [(1, "NoAnswer"), (2, "NoAnswer"), (3, None)]
    assert end.seconds >= 0


def test_an_interrupted_change_is_told_to_be_one():
    class Interrupting:
        name = "interrupting"

        def __init__(self, backend) -> None:
            self.backend = backend

        def send(self, request, timeout):
            if request.method == "POST":
                raise KeyboardInterrupt
            return self.backend.send(request, timeout)

        def close(self) -> None: ...

    diary = Diary()
    with EmulatedAccount("vox") as account:
        backend = Interrupting(account.emulator.backend())
        client = Telephony("vox", api_key=account.api_key, backend=backend, observers=[diary])
        with pytest.raises(KeyboardInterrupt):
            client.import_number(NEW)
    (end,) = diary.ends
    assert (end.outcome, end.changes, end.method, end.status) == (Outcome.INTERRUPTED, True, "POST", None)


@pytest.mark.parametrize("where", ["begun", "__call__", "ended"])
def test_an_observer_that_fails_harms_nobody(where, caplog):
    class Failing(Diary):
        def begun(self, operation):
            if where == "begun":
                raise ZeroDivisionError
            return self.ended

        def ended(self, event):
            if where == "ended":
                raise ZeroDivisionError

        def __call__(self, event):
            if where == "__call__":
                raise ZeroDivisionError

    diary = Diary()
    with EmulatedAccount("vox", size=1) as account, watched(account, Failing(), diary) as client:
        assert client.get_number(account.emulator.records()[0]["id"]).is_live
    assert len(diary.ends) == 1
    assert caplog.messages == ["vox get_number: an observer failed"]


def test_nothing_secret_and_nothing_personal_is_told():
    diary = Diary()
    with EmulatedAccount("retell") as account, watched(account, diary) as client:
        number = next(number for number in client.list_numbers() if number.origin == "imported")
        client.update_label(number, "Jane Canary")
        client.update_sip(number, outbound=TRUNK)
    told = repr((diary.begins, diary.requests, diary.ends))
    for what in ("canary", "Canary", "emulator-key", number.id, number.identity.raw, number.id.lstrip("+")):
        assert what not in told
    assert diary.ends[-1].record == diary.ends[-1].number == f"…{number.id[-4:]}"
