"""Imports: what exactly is sent, in which form the number, and what is refused before anything is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from telephony_core.domain.lifecycle import NumberStatus
from telephony_core.domain.number_identity import NumberIdentity
from telephony_core.domain.sip import InboundUpdate, OutboundUpdate
from telephony_core.errors import (
    AnswerLost,
    InvalidInput,
    OutcomeUnknown,
    PartialOutcome,
    TelephonyError,
    UnsupportedField,
)
from telephony_core.operations.operations import Operations
from telephony_core.provider.changes import NumberImport
from telephony_diga import mapping
from telephony_diga.adapter import DigaProvider
from tests.adapters.diga.records import NOTHING, warned

Make = Callable[..., dict[str, Any]]


def refused(operations: Operations, change: Any) -> list[TelephonyError]:
    return [problem.error for problem in operations.check(change) if problem.error is not None]


def listed(*items: object) -> list[object]:
    return [{"data": list(items), "has_more": False}, *NOTHING[1:]]


def test_an_import_reveals_the_password_only_to_the_wire(diga: DigaProvider) -> None:
    outbound = OutboundUpdate(address="pbx.example.com", username="trunk", password="can4ry")
    change = NumberImport(number="+34911234567", inbound=InboundUpdate(allow_any=True), outbound=outbound)

    request = next(diga.import_number(change, NumberIdentity.parse("+34911234567", region="ES")))

    assert request.body is not None
    assert b'"password":"can4ry"' in request.body
    assert b"*" not in request.body
    assert "can4ry" not in repr(request) + repr(change)


def test_a_full_import_is_one_create_with_both_halves(wire: Any, operations: Operations, custom: Make) -> None:
    change = NumberImport(
        number="911 234 567",
        label="Head office",
        inbound=InboundUpdate(allowed_addresses=["192.0.2.0/24"], media_encryption="allow"),
        outbound=OutboundUpdate(
            address="trunk.example.com:5060", username="acme", password="s3cret", media_encryption="require"
        ),
    )

    number = wire.run(operations.import_number(change), *NOTHING, custom())

    assert wire.calls[-1] == ("POST", "/v1/phone/import", "once")
    assert wire.bodies[-1] == {
        "phone_number": "+34911234567",
        "nickname": "Head office",
        "inbound_config": {"media_encryption": "allow", "allowed_addresses": ["192.0.2.0/24"]},
        "outbound_config": {
            "termination_uri": "trunk.example.com:5060",
            "username": "acme",
            "password": "s3cret",
            "media_encryption": "require",
        },
    }
    assert number.status is NumberStatus.ACTIVE
    assert not refused(operations, change)
    assert not warned(operations, change)


def test_a_bare_import_sends_the_number_alone_and_warns_of_what_that_means(
    wire: Any, operations: Operations, custom: Make
) -> None:
    change = NumberImport(number="+34911234567", inbound=InboundUpdate(allow_any=True))

    wire.run(operations.import_number(change), *NOTHING, custom(sip_config=None, nickname=None))

    assert wire.bodies[-1] == {"phone_number": "+34911234567"}
    assert warned(operations, change) == ["outbound"]


def test_empty_halves_are_left_out_of_an_import(wire: Any, operations: Operations, custom: Make) -> None:
    change = NumberImport(number="+34911234567", inbound=InboundUpdate(allow_any=True), outbound=OutboundUpdate())

    wire.run(operations.import_number(change), *NOTHING, custom())

    assert wire.bodies[-1] == {"phone_number": "+34911234567"}


def test_outbound_settings_without_an_address_are_refused_on_an_import(wire: Any, operations: Operations) -> None:
    change = NumberImport(number="+34911234567", outbound=OutboundUpdate(media_encryption="require"))

    with pytest.raises(InvalidInput, match=r"outbound settings need the trunk's address"):
        wire.run(operations.import_number(change))

    assert wire.sent == []


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("+34911234567", "+34911234567"),
        ("34911234567", "+34911234567"),
        ("911-23-45-67", "+34911234567"),
        ("+82 70-1111-2222", "+827011112222"),
        ("tel:+14155552671", "+14155552671"),
        ("Front.Desk@pbx.example.com", "Front.Desk@pbx.example.com"),
        (" 2001@pbx.example.com ", "2001@pbx.example.com"),
        ("+34911234567@pbx.example.com", "+34911234567@pbx.example.com"),
        ("front@192.0.2.9", "front@192.0.2.9"),
    ],
)
def test_numbers_are_sent_in_e164_and_identifiers_as_they_are(
    given: str, sent: str, wire: Any, operations: Operations, custom: Make
) -> None:
    wire.run(
        operations.import_number(NumberImport(number=given, inbound=InboundUpdate(allow_any=True))),
        *NOTHING,
        custom(number=sent),
    )

    assert wire.bodies[-1] == {"phone_number": sent}


@pytest.mark.parametrize(
    "number",
    [
        "sip:can4ry@pbx.example.com",
        "SIPS:can4ry@pbx.example.com",
        "can4ry desk@pbx.example.com",
        "can4ry@",
        "@pbx.example.com",
        "a@b@pbx.example.com",
        "can4ry@pbx.example.com;transport=tls",
        "can4ry@pbx.example.com;lr",
        "can4ry@pbx.example.com\n",
        "can4ry-desk",
        "112",
    ],
)
def test_a_number_that_diga_has_no_form_for_is_refused_without_being_repeated(
    number: str, wire: Any, operations: Operations
) -> None:
    with pytest.raises(UnsupportedField) as refusal:
        wire.run(operations.import_number(NumberImport(number=number)))

    assert refusal.value.field == "number"
    assert "can4ry" not in repr(refusal.value)
    assert wire.sent == []


@pytest.mark.parametrize(
    "number", ["070-1111-2222", "2001", "+34123", "0082123", "tel:+34911234567;ext=can4ry", "+34911234567 ext. 5"]
)
def test_digits_that_are_no_number_in_spain_are_refused(number: str, wire: Any, operations: Operations) -> None:
    with pytest.raises(InvalidInput) as refusal:
        wire.run(operations.import_number(NumberImport(number=number)))

    assert "can4ry" not in repr(refusal.value)
    assert wire.sent == []


@pytest.mark.parametrize("shown", [None, {}])
def test_an_import_that_lost_its_outbound_settings_is_told(
    shown: object, wire: Any, operations: Operations, custom: Make
) -> None:
    outbound = OutboundUpdate(address="trunk.example.com", username="acme", password="s3cret")

    with pytest.raises(PartialOutcome) as partial:
        wire.run(
            operations.import_number(
                NumberImport(number="+34911234567", inbound=InboundUpdate(allow_any=True), outbound=outbound)
            ),
            *NOTHING,
            custom(sip_config=shown),
        )

    assert all(name in str(partial.value) for name in ("outbound.address", "outbound.username"))
    assert partial.value.number is not None
    assert partial.value.done == ("import",)


def test_a_lost_import_that_is_there_afterwards_gets_its_trunk_sent_again(
    wire: Any, operations: Operations, custom: Make
) -> None:
    outbound = OutboundUpdate(address="trunk.example.com:5060", username="acme", password="s3cret")
    change = NumberImport(number="+34911234567", inbound=InboundUpdate(allow_any=True), outbound=outbound)

    made = custom(nickname=None, inbound_agent_id=None, sip={"allowed_addresses": None})

    number = wire.run(operations.import_number(change), *NOTHING, AnswerLost("lost"), *listed(made), made)

    assert number.id == made["id"]
    assert wire.calls[-1] == ("PATCH", f"/v1/phone/{number.id}/sip-config", "idempotent")
    assert wire.bodies[-1] == {
        "outbound_config": {"termination_uri": "trunk.example.com:5060", "username": "acme", "password": "s3cret"}
    }
    assert [method for method, *_ in wire.calls].count("POST") == 1


def test_a_lost_import_without_a_trace_is_unknown_and_not_repeated(wire: Any, operations: Operations) -> None:
    change = NumberImport(number="+34911234567", inbound=InboundUpdate(allow_any=True))

    with pytest.raises(OutcomeUnknown) as unknown:
        wire.run(operations.import_number(change), *NOTHING, AnswerLost("lost"), *NOTHING)

    assert unknown.value.attempt is not None
    assert [method for method, *_ in wire.calls].count("POST") == 1


def test_an_identifier_as_a_uri_is_refused_for_its_scheme_and_not_for_a_password() -> None:
    with pytest.raises(UnsupportedField, match=r"nor written as user@domain; .* without sip:"):
        mapping.written_number(NumberIdentity.parse("sip:front@pbx.example.com", region="ES"))


def test_the_written_number_has_exactly_one_table_of_kinds() -> None:
    for raw, sent in [("+34911234567", "+34911234567"), ("a@b.example", "a@b.example")]:
        assert mapping.written_number(NumberIdentity.parse(raw, region="ES")) == sent
    for raw in ("112", "2001", ""):
        with pytest.raises(UnsupportedField):
            mapping.written_number(NumberIdentity.parse(raw, region="ES"))


# -- what has no place at Diga, said exactly


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("sips:front@pbx.example.com", "it is neither an E.164 number nor written as user@domain"),
        ("SIP:front@pbx.example.com", "it is neither an E.164 number nor written as user@domain"),
        ("front@pbx.example.com;lr", "it holds URI parameters"),
        ("front@bad host", "the SIP address holds a blank or a control character"),
    ],
)
def test_why_a_number_cannot_be_given_is_told(number: str, reason: str) -> None:
    with pytest.raises(UnsupportedField) as refusal:
        mapping.written_number(NumberIdentity.parse(number, region="ES"))
    assert refusal.value.message == f"diga cannot be given this number: {reason}"


def test_an_ipv6_trunk_is_warned_of_on_an_import_too(operations: Operations) -> None:
    trunk = OutboundUpdate(address="[2001:db8::5]:5060", username="trunk", password="s3cret")
    inbound = InboundUpdate(allowed_addresses=["192.0.2.1"])

    assert warned(operations, NumberImport(number="+34911234567", inbound=inbound, outbound=trunk)) == [
        "outbound.address"
    ]
