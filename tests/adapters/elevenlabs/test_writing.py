"""What is sent: imports, one PATCH for three wishes, and halves that are whole whatever the vendor does with them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from telephony_core import (
    PUBLISHED,
    AgentRef,
    InboundUpdate,
    NumberImport,
    NumberStatus,
    OutboundUpdate,
    PhoneNumber,
)
from telephony_core.domain.number_identity import NumberIdentity
from telephony_core.errors import (
    InvalidInput,
    NotAllowed,
    NotFound,
    TelephonyError,
    UnexpectedResponse,
    UnsupportedField,
    UnsupportedOperation,
)
from telephony_core.operations.operations import Operations
from telephony_core.provider.changes import AgentAssignment, NumberRelease, SipUpdate
from telephony_elevenlabs.adapter import ElevenLabsProvider
from tests.adapters.elevenlabs.conftest import AGENT, BRANCH, ID, respond
from tests.adapters.elevenlabs.records import read_number

Make = Callable[..., dict[str, Any]]
WHERE = f"/v1/convai/phone-numbers/{ID}"
E164 = NumberIdentity.parse("+12025550101", region="US")


@pytest.fixture
def update(wire: Any, elevenlabs: ElevenLabsProvider) -> Callable[..., Any]:
    """Change the trunk of a record, and give the body that was sent."""

    def sent(record: dict[str, Any], **halves: Any) -> Any:
        wire.run(elevenlabs.update_sip(read_number(record), SipUpdate(ID, **halves)), record, record)
        assert wire.calls == [("GET", WHERE, "read"), ("PATCH", WHERE, "idempotent")]
        return wire.bodies[-1]

    return sent


# -- import


def test_an_import_sends_everything_and_reads_what_was_made(
    wire: Any, elevenlabs: ElevenLabsProvider, trunked: Make
) -> None:
    change = NumberImport(
        number="+12025550101",
        label="Front desk",
        inbound=InboundUpdate(allowed_addresses=["192.0.2.0/24"], media_encryption="require"),
        outbound=OutboundUpdate(address="sip:trunk.example.com;transport=tls", username="acme", password="p4 ß"),
    )
    number = wire.run(elevenlabs.import_number(change, E164), {"phone_number_id": ID}, trunked())

    assert number.id == ID
    assert wire.calls == [("POST", "/v1/convai/phone-numbers", "once"), ("GET", WHERE, "read")]
    assert wire.bodies == [
        {
            "provider": "sip_trunk",
            "phone_number": "+12025550101",
            "label": "Front desk",
            "inbound_trunk_config": {"allowed_addresses": ["192.0.2.0/24"], "media_encryption": "required"},
            "outbound_trunk_config": {
                "address": "trunk.example.com",
                "transport": "tls",
                "credentials": {"username": "acme", "password": "p4 ß"},
            },
        }
    ]


def test_an_import_of_little_sends_little(wire: Any, elevenlabs: ElevenLabsProvider, trunked: Make) -> None:
    extension = NumberIdentity.parse("1000", region="US")
    change = NumberImport(number="1000", label="Ten", send_as_is=True)
    wire.run(elevenlabs.import_number(change, extension), {"phone_number_id": ID}, trunked(phone_number="1000"))

    assert wire.bodies == [{"provider": "sip_trunk", "phone_number": "1000", "label": "Ten"}]


@pytest.mark.parametrize("answer", [{}, {"phone_number_id": ""}, {"phone_number_id": 7}, [], None])
def test_an_import_that_is_answered_without_an_id_is_unexpected(
    answer: object, wire: Any, elevenlabs: ElevenLabsProvider
) -> None:
    with pytest.raises(UnexpectedResponse):
        wire.run(elevenlabs.import_number(NumberImport(number="+12025550101", label="a"), E164), answer)


@pytest.mark.parametrize("seen", ["another number", "another id", "nothing"])
def test_an_import_that_cannot_be_read_back_names_its_id(
    seen: str, wire: Any, elevenlabs: ElevenLabsProvider, trunked: Make
) -> None:
    answers = {
        "another number": trunked(phone_number="+12025550102"),
        "another id": trunked(phone_number_id="phnum_other"),
        "nothing": respond({"detail": {"message": "no"}}, 404),
    }
    flow = elevenlabs.import_number(NumberImport(number="+12025550101", label="a"), E164)
    with pytest.raises(UnexpectedResponse, match=f"imported as {ID}"):
        wire.run(flow, {"phone_number_id": ID}, answers[seen])


# -- one PATCH for three wishes


def test_a_label_is_patched(wire: Any, elevenlabs: ElevenLabsProvider, trunked: Make) -> None:
    number = wire.run(elevenlabs.update_label(read_number(trunked()), "Other"), trunked(label="Other"))

    assert number.label == "Other"
    assert wire.calls == [("PATCH", WHERE, "idempotent")]
    assert wire.bodies == [{"label": "Other"}]


@pytest.mark.parametrize(
    ("branch", "wanted", "body"),
    [
        (None, AgentRef(AGENT, version=PUBLISHED), {"agent_id": AGENT}),
        (BRANCH, AgentRef(AGENT, version=PUBLISHED), {"agent_id": AGENT, "branch_id": None}),
        (None, AgentRef(AGENT, version=BRANCH), {"agent_id": AGENT, "branch_id": BRANCH}),
        (BRANCH, None, {"agent_id": None}),
    ],
)
def test_an_agent_is_patched_with_its_branch(
    branch: str | None, wanted: AgentRef | None, body: Any, wire: Any, elevenlabs: ElevenLabsProvider, trunked: Make
) -> None:
    now = trunked(assigned_agent={"agent_id": AGENT, "agent_name": "a", "branch_id": branch})
    wire.run(elevenlabs.assign_agents(read_number(now), AgentAssignment(ID, wanted)), trunked())

    assert wire.calls == [("PATCH", WHERE, "idempotent")]
    assert wire.bodies == [body]


# -- halves


def test_a_half_is_sent_whole_and_the_other_one_not_at_all(update: Any, trunked: Make) -> None:
    inbound = {
        "allowed_numbers": ["+12025550199"],
        "remote_domains": ["sip.example"],
        "attributes_to_headers": {"a": "X-A"},
        "has_auth_credentials": True,
        "username": "in",
    }
    body = update(trunked(inbound=inbound), inbound=InboundUpdate(media_encryption="require"))

    assert body == {
        "inbound_trunk_config": {
            "allowed_addresses": ["192.0.2.0/24"],
            "allowed_numbers": ["+12025550199"],
            "media_encryption": "required",
            "remote_domains": ["sip.example"],
            "attributes_to_headers": {"a": "X-A"},
            "credentials": {"username": "in"},
        }
    }


def test_the_outbound_half_keeps_headers_codecs_and_the_password(update: Any, trunked: Make) -> None:
    outbound = {"headers": {"X-Api-Key": "s3cret", "X-Customer": "7"}, "enabled_codecs": ["PCMU/8000"]}
    body = update(trunked(outbound=outbound), outbound=OutboundUpdate(media_encryption="disable"))

    assert body == {
        "outbound_trunk_config": {
            "address": "trunk.example.com:5060",
            "transport": "tcp",
            "media_encryption": "disabled",
            "headers": {"X-Api-Key": "s3cret", "X-Customer": "7"},
            "attributes_to_headers": {},
            "enabled_codecs": ["PCMU/8000"],
            "credentials": {"username": "acme"},
        }
    }


def test_a_hidden_header_is_never_written_back(update: Any, trunked: Make) -> None:
    record = trunked(outbound={"headers": {"X-Api-Key": "s3cret"}})
    assert "s3cret" not in repr(read_number(record).raw)

    body = update(record, outbound=OutboundUpdate(username="other"))

    assert body["outbound_trunk_config"]["headers"] == {"X-Api-Key": "s3cret"}


def test_the_values_of_headers_are_secrets_of_the_request(
    wire: Any, elevenlabs: ElevenLabsProvider, trunked: Make
) -> None:
    record = trunked(outbound={"headers": {"X-Tenant": "t0k3n-of-acme"}})
    change = SipUpdate(ID, outbound=OutboundUpdate(password="p4ss"))
    refusal = respond({"detail": [{"loc": ["body"], "msg": "t0k3n-of-acme or p4ss", "input": "t0k3n-of-acme"}]}, 422)
    with pytest.raises(TelephonyError) as caught:
        wire.run(elevenlabs.update_sip(read_number(record), change), record, refusal)

    assert "t0k3n" not in f"{caught.value} {caught.value.body}"
    assert "p4ss" not in f"{caught.value} {caught.value.body}"


@pytest.mark.parametrize(
    ("address", "sent"),
    [
        ("b.example", {"address": "b.example", "transport": "auto"}),
        ("b.example:5061", {"address": "b.example:5061", "transport": "auto"}),
        ("sip:b.example;transport=udp", {"address": "b.example", "transport": "udp"}),
        ("sip:[2001:db8::7]:5060;transport=tls", {"address": "[2001:db8::7]:5060", "transport": "tls"}),
    ],
)
def test_an_address_takes_its_transport_along(address: str, sent: Any, update: Any, trunked: Make) -> None:
    body = update(trunked(), outbound=OutboundUpdate(address=address))

    assert {name: body["outbound_trunk_config"][name] for name in ("address", "transport")} == sent


@pytest.mark.parametrize(
    ("change", "credentials"),
    [
        (OutboundUpdate(username="other"), {"username": "other"}),
        (OutboundUpdate(password="new"), {"username": "acme", "password": "new"}),
        (OutboundUpdate(username="other", password="new"), {"username": "other", "password": "new"}),
    ],
)
def test_user_name_and_password_can_change_alone(
    change: OutboundUpdate, credentials: Any, update: Any, trunked: Make
) -> None:
    assert update(trunked(), outbound=change)["outbound_trunk_config"]["credentials"] == credentials


def test_a_trunk_without_credentials_is_sent_without_any(update: Any, trunked: Make) -> None:
    record = trunked(outbound={"has_auth_credentials": False, "username": None})

    assert "credentials" not in update(record, outbound=OutboundUpdate(address="b"))["outbound_trunk_config"]


def test_a_half_that_is_not_there_is_made(update: Any, trunked: Make) -> None:
    record = trunked(inbound_trunk=None, outbound_trunk=None, provider_config=None)
    body = update(
        record,
        inbound=InboundUpdate(allowed_addresses=["192.0.2.1"]),
        outbound=OutboundUpdate(address="b.example"),
    )

    assert body == {
        "inbound_trunk_config": {"allowed_addresses": ["192.0.2.1"]},
        "outbound_trunk_config": {"address": "b.example", "transport": "auto"},
    }


def test_what_is_sent_is_what_the_number_has_now_and_not_what_the_caller_holds(
    wire: Any, elevenlabs: ElevenLabsProvider, trunked: Make
) -> None:
    old, now = trunked(), trunked(inbound={"allowed_numbers": ["+12025550199"]})
    flow = elevenlabs.update_sip(read_number(old), SipUpdate(ID, inbound=InboundUpdate(media_encryption="disable")))
    wire.run(flow, now, now)

    assert wire.bodies[-1]["inbound_trunk_config"]["allowed_numbers"] == ["+12025550199"]


def test_nothing_is_written_to_a_number_that_is_another_one_now(
    wire: Any, elevenlabs: ElevenLabsProvider, trunked: Make
) -> None:
    change = SipUpdate(ID, inbound=InboundUpdate(media_encryption="disable"))
    with pytest.raises(UnexpectedResponse):
        wire.run(elevenlabs.update_sip(read_number(trunked()), change), trunked(phone_number="+12025550102"))

    assert [method for method, *_ in wire.calls] == ["GET"]


# -- what stands against a change, before anything is written


@pytest.mark.parametrize(
    ("record", "half", "kind", "says"),
    [
        ({"outbound_trunk": None, "provider_config": None}, OutboundUpdate(username="u"), InvalidInput, "address"),
        # An object without settings is the trunk: what its older name shows must not be written over it unseen.
        ({"outbound_trunk": {}}, OutboundUpdate(media_encryption="require"), InvalidInput, "address"),
        ({"outbound_trunk": []}, OutboundUpdate(address="b"), UnexpectedResponse, "not an object"),
        ({"inbound_trunk": None}, InboundUpdate(media_encryption="allow"), NotAllowed, "everybody"),
        ({"inbound": {"of_tomorrow": 1}}, InboundUpdate(media_encryption="allow"), UnsupportedField, "of_tomorrow"),
        ({"outbound": {"of_tomorrow": 1}}, OutboundUpdate(address="b"), UnsupportedField, "of_tomorrow"),
        ({"outbound": {"of_tomorrow": False}}, OutboundUpdate(address="b"), UnsupportedField, "of_tomorrow"),
        (
            {"outbound": {"username": None, "has_auth_credentials": None}},
            OutboundUpdate(address="b"),
            InvalidInput,
            "shows no user name",
        ),
        ({"outbound": {"username": None}}, OutboundUpdate(address="b"), InvalidInput, "user name"),
        ({"outbound": {"username": None}}, OutboundUpdate(password="p"), InvalidInput, "user name"),
        (
            {"outbound": {"username": None, "has_auth_credentials": False}},
            OutboundUpdate(username="u"),
            InvalidInput,
            "no password",
        ),
        (
            {"inbound": {"username": None, "has_auth_credentials": True}},
            InboundUpdate(media_encryption="allow"),
            InvalidInput,
            "user name",
        ),
    ],
)
def test_a_half_that_cannot_be_said_whole_is_refused(
    record: Any, half: Any, kind: type[TelephonyError], says: str, operations: Operations, wire: Any, trunked: Make
) -> None:
    name = "inbound" if isinstance(half, InboundUpdate) else "outbound"
    number = read_number(trunked(**record))

    (problem,) = [p for p in operations.check(SipUpdate(number, **{name: half})) if p.error is not None]
    assert type(problem.error) is kind
    assert says in problem.message
    with pytest.raises(kind, match=says):
        wire.run(operations.update_sip(SipUpdate(ID, **{name: half})), trunked(**record))
    assert [method for method, *_ in wire.calls] == ["GET"]


@pytest.mark.parametrize("half", [InboundUpdate(allowed_addresses=None), OutboundUpdate(username=None)])
def test_null_is_never_sent(half: Any, wire: Any, elevenlabs: ElevenLabsProvider, trunked: Make) -> None:
    name = "inbound" if isinstance(half, InboundUpdate) else "outbound"
    with pytest.raises(UnsupportedField):
        wire.run(elevenlabs.update_sip(read_number(trunked()), SipUpdate(ID, **{name: half})), trunked())


def test_an_open_trunk_can_be_consented_to(update: Any, trunked: Make) -> None:
    half = InboundUpdate(media_encryption="allow", allow_any=True)

    assert update(trunked(inbound_trunk=None), inbound=half) == {
        "inbound_trunk_config": {"media_encryption": "allowed"}
    }


def test_a_number_out_of_a_file_is_judged_by_what_is_read_before_the_write(
    operations: Operations, trunked: Make
) -> None:
    number = PhoneNumber.model_validate(json.loads(read_number(trunked()).model_dump_json()))
    problems = operations.check(SipUpdate(number, outbound=OutboundUpdate(username="other")))

    assert not number.raw
    assert [problem for problem in problems if problem.error is not None] == []


@pytest.mark.parametrize("half", ["inbound", "outbound"])
def test_a_trunk_of_another_shape_is_not_written_over(
    half: str, wire: Any, elevenlabs: ElevenLabsProvider, trunked: Make
) -> None:
    odd = trunked(**{f"{half}_trunk": ["odd"]})
    updates = {"inbound": InboundUpdate(media_encryption="allow"), "outbound": OutboundUpdate(address="b")}
    with pytest.raises(UnexpectedResponse):
        wire.run(elevenlabs.update_sip(read_number(odd), SipUpdate(ID, **{half: updates[half]})), odd)


def test_linked_numbers_have_no_trunk_to_change(operations: Operations, wire: Any, linked: Make) -> None:
    number = read_number(linked())
    (problem,) = operations.check(SipUpdate(number, outbound=OutboundUpdate(address="b")))
    assert isinstance(problem.error, UnsupportedOperation)
    assert "linked, only one that was imported" in problem.message
    assert operations.check(NumberRelease(number)) == []
    with pytest.raises(UnsupportedOperation):
        wire.run(operations.update_sip(SipUpdate(number.id, outbound=OutboundUpdate(address="b"))), linked())


def test_a_number_of_a_kind_that_is_new_gets_no_trunk_and_is_not_released(
    operations: Operations, wire: Any, linked: Make
) -> None:
    number = read_number(linked(provider="telnyx"))
    for change in (SipUpdate(number, outbound=OutboundUpdate(address="b")), NumberRelease(number)):
        (problem,) = [p for p in operations.check(change) if p.error is not None]
        assert isinstance(problem.error, UnsupportedOperation)
        assert "telnyx" in problem.message
    with pytest.raises(UnsupportedOperation):
        wire.run(operations.release(NumberRelease(number.id)), linked(provider="telnyx"))


def test_an_import_needs_a_label_and_the_address_of_an_outbound_half(operations: Operations) -> None:
    open_to_all = InboundUpdate(allow_any=True)
    change = NumberImport(
        number="+12025550101", inbound=open_to_all, outbound=OutboundUpdate(username="u", password="p")
    )

    assert {p.field for p in operations.check(change) if p.error is not None} == {"label", "outbound.address"}


def test_an_import_is_told_what_is_not_documented(operations: Operations) -> None:
    change = NumberImport(number="+12025550101", label="a", inbound=InboundUpdate(allow_any=True))
    assert [(p.field, p.severity) for p in operations.check(change)] == [
        ("inbound", "warning"),
        ("outbound", "warning"),
    ]

    v6 = NumberImport(
        number="+12025550101",
        label="a",
        inbound=InboundUpdate(allowed_addresses=["192.0.2.1"]),
        outbound=OutboundUpdate(address="[2001:db8::7]"),
    )
    assert [(p.field, p.severity) for p in operations.check(v6)] == [("outbound.address", "warning")]


def test_sips_is_not_said_as_a_transport(operations: Operations, trunked: Make) -> None:
    change = SipUpdate(read_number(trunked()), outbound=OutboundUpdate(address="sips:b.example"))

    (problem,) = [p for p in operations.check(change) if p.error is not None]
    assert isinstance(problem.error, UnsupportedField)


# -- release


def test_a_release_is_a_delete_whose_answer_says_nothing(
    wire: Any, elevenlabs: ElevenLabsProvider, trunked: Make
) -> None:
    release = wire.run(elevenlabs.release(read_number(trunked())), None)

    assert (release.id, release.status, release.revocable) == (ID, NumberStatus.UNKNOWN, False)
    assert wire.calls == [("DELETE", WHERE, "once")]


def test_a_number_that_is_not_there_is_not_found(wire: Any, elevenlabs: ElevenLabsProvider) -> None:
    with pytest.raises(NotFound):
        wire.run(elevenlabs.get(ID), respond({"detail": {"code": "x", "message": "gone"}}, 404))
