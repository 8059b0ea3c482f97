"""Labels and trunks: what exactly is sent, what is never sent, and what is refused before anything is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import SecretStr

from telephony_core.domain.sip import InboundUpdate, MediaEncryption, OutboundUpdate
from telephony_core.domain.sip_address import SipAddress
from telephony_core.errors import (
    InvalidInput,
    NotAllowed,
    PartialOutcome,
    UnsupportedField,
    UnsupportedOperation,
    WrongState,
)
from telephony_core.operations.operations import Operations
from telephony_core.provider.changes import LabelUpdate, SipUpdate
from telephony_diga import mapping
from telephony_diga.adapter import DigaProvider
from tests.adapters.diga.records import read, warned

Make = Callable[..., dict[str, Any]]
"""A listing without any number, in all its passes."""


# -- labels


@pytest.mark.parametrize("origin", ["custom", "netelip"])
def test_a_label_is_sent_as_the_nickname_and_nothing_else(
    origin: str, wire: Any, operations: Operations, custom: Make
) -> None:
    number = read(custom(telephony_provider=origin))

    updated = wire.run(
        operations.update_label(LabelUpdate(number, "Recepción")),
        custom(nickname="Recepción"),
        now=custom(telephony_provider=origin),
    )

    assert wire.calls == [("PATCH", f"/v1/phone/{number.id}", "idempotent")]
    assert wire.bodies == [{"nickname": "Recepción"}]
    assert updated.label == "Recepción"


def test_a_label_cannot_be_taken_away(wire: Any, operations: Operations, diga: DigaProvider, custom: Make) -> None:
    number = read(custom())

    for flow in (operations.update_label(LabelUpdate(number, None)), diga.update_label(number, None)):
        with pytest.raises(UnsupportedField) as refusal:
            wire.run(flow)
        assert refusal.value.field == "label"

    assert wire.sent == []


def test_a_label_that_comes_back_otherwise_is_told(wire: Any, operations: Operations, custom: Make) -> None:
    with pytest.raises(PartialOutcome, match="label"):
        wire.run(operations.update_label(LabelUpdate(read(custom()), "Recepción")), custom(), now=custom())


# -- trunks


def test_both_halves_are_sent_nested(wire: Any, operations: Operations, custom: Make) -> None:
    change = SipUpdate(
        read(custom()),
        inbound=InboundUpdate(allowed_addresses=["198.51.100.0/24", "203.0.113.7"], media_encryption="require"),
        outbound=OutboundUpdate(
            address="pbx.example.com:5061", username="trunk", password="s3cret", media_encryption="disable"
        ),
    )
    answer = custom(
        sip={
            "termination_uri": "pbx.example.com:5061",
            "username": "trunk",
            "inbound_media_encryption": "require",
            "outbound_media_encryption": "disable",
            "allowed_addresses": ["198.51.100.0/24", "203.0.113.7"],
        }
    )

    wire.run(operations.update_sip(change), answer, now=custom())

    assert wire.calls == [("PATCH", f"/v1/phone/{custom()['id']}/sip-config", "idempotent")]
    assert wire.bodies == [
        {
            "inbound_config": {
                "media_encryption": "require",
                "allowed_addresses": ["198.51.100.0/24", "203.0.113.7"],
            },
            "outbound_config": {
                "termination_uri": "pbx.example.com:5061",
                "username": "trunk",
                "password": "s3cret",
                "media_encryption": "disable",
            },
        }
    ]


@pytest.mark.parametrize(
    ("half", "body", "shown"),
    [
        (
            {"outbound": OutboundUpdate(address="pbx.example.com")},
            {"outbound_config": {"termination_uri": "pbx.example.com"}},
            {"termination_uri": "pbx.example.com"},
        ),
        (
            {"outbound": OutboundUpdate(username="trunk")},
            {"outbound_config": {"username": "trunk"}},
            {"username": "trunk"},
        ),
        ({"outbound": OutboundUpdate(password="s3cret")}, {"outbound_config": {"password": "s3cret"}}, {}),
        (
            {"outbound": OutboundUpdate(media_encryption=MediaEncryption.ALLOW)},
            {"outbound_config": {"media_encryption": "allow"}},
            {"outbound_media_encryption": "allow"},
        ),
        (
            {"inbound": InboundUpdate(allowed_addresses=["203.0.113.7"])},
            {"inbound_config": {"allowed_addresses": ["203.0.113.7"]}},
            {"allowed_addresses": ["203.0.113.7"]},
        ),
        (
            {"inbound": InboundUpdate(media_encryption="disable")},
            {"inbound_config": {"media_encryption": "disable"}},
            {"inbound_media_encryption": "disable"},
        ),
        (
            {"inbound": InboundUpdate(media_encryption="disable"), "outbound": OutboundUpdate()},
            {"inbound_config": {"media_encryption": "disable"}},
            {"inbound_media_encryption": "disable"},
        ),
    ],
)
def test_only_what_was_set_is_sent(
    half: dict[str, Any], body: object, shown: dict[str, Any], wire: Any, operations: Operations, custom: Make
) -> None:
    wire.run(operations.update_sip(SipUpdate(read(custom()), **half)), custom(sip=shown), now=custom())

    assert wire.bodies == [body]


@pytest.mark.parametrize("leaf", ["address", "username", "password", "media_encryption"])
def test_no_outbound_setting_can_be_cleared(
    leaf: str, wire: Any, operations: Operations, diga: DigaProvider, custom: Make
) -> None:
    number = read(custom())
    change = SipUpdate(number, outbound=OutboundUpdate(**{leaf: None}))

    for start in (operations.update_sip, lambda change: diga.update_sip(number, change)):
        with pytest.raises(UnsupportedField) as refusal:
            wire.run(start(change))
        assert refusal.value.field == f"outbound.{leaf}"

    assert wire.sent == []


@pytest.mark.parametrize("leaf", ["allowed_addresses", "media_encryption"])
def test_no_inbound_setting_can_be_cleared(leaf: str, wire: Any, operations: Operations, custom: Make) -> None:
    change = SipUpdate(read(custom()), inbound=InboundUpdate(**{leaf: None}))

    with pytest.raises(UnsupportedField, match="clear"):
        wire.run(operations.update_sip(change))

    assert wire.sent == []


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("pbx.example.com", "pbx.example.com"),
        ("sip:pbx.example.com", "pbx.example.com"),
        ("SIP:PBX.example.com:5060", "pbx.example.com:5060"),
        ("192.0.2.9:5070", "192.0.2.9:5070"),
        ("[2001:db8::5]:5060", "[2001:db8::5]:5060"),
    ],
)
def test_an_address_is_sent_as_host_and_port_without_a_scheme(
    given: str, sent: str, wire: Any, operations: Operations, custom: Make
) -> None:
    change = SipUpdate(read(custom()), outbound=OutboundUpdate(address=given))

    wire.run(operations.update_sip(change), custom(sip={"termination_uri": sent}), now=custom())

    assert wire.bodies == [{"outbound_config": {"termination_uri": sent}}]


@pytest.mark.parametrize(
    "address",
    [
        "sips:pbx.example.com",
        "sip:pbx.example.com;transport=tls",
        "sip:trunk@pbx.example.com",
        "sip:pbx.example.com;lr",
    ],
)
def test_what_has_no_place_in_the_address_is_refused_before_any_request(
    address: str, wire: Any, operations: Operations, diga: DigaProvider, custom: Make
) -> None:
    number = read(custom())
    change = SipUpdate(number, outbound=OutboundUpdate(address=address))

    for start in (operations.update_sip, lambda change: diga.update_sip(number, change)):
        with pytest.raises(UnsupportedField) as refusal:
            wire.run(start(change))
        assert refusal.value.field == "outbound.address"

    assert wire.sent == []


def test_a_bought_number_has_no_trunk_to_change(wire: Any, operations: Operations, bought: Make) -> None:
    with pytest.raises(UnsupportedOperation):
        wire.run(operations.update_sip(SipUpdate(read(bought()), outbound=OutboundUpdate(address="pbx.example.com"))))

    assert wire.sent == []


def test_a_bought_number_given_by_id_is_looked_at_and_left_alone(
    wire: Any, operations: Operations, bought: Make
) -> None:
    change = SipUpdate(bought()["id"], outbound=OutboundUpdate(address="pbx.example.com"))

    with pytest.raises(UnsupportedOperation):
        wire.run(operations.update_sip(change), bought())

    assert wire.calls == [("GET", f"/v1/phone/{bought()['id']}", "read")]


def test_an_empty_update_is_refused(wire: Any, operations: Operations, custom: Make) -> None:
    with pytest.raises(InvalidInput, match="changes nothing"):
        wire.run(operations.update_sip(SipUpdate(read(custom()), outbound=OutboundUpdate())))

    assert wire.sent == []


def test_opening_the_trunk_needs_allow_and_says_that_it_is_not_documented(operations: Operations, custom: Make) -> None:
    with pytest.raises(NotAllowed):
        InboundUpdate(allowed_addresses=[])

    change = SipUpdate(read(custom()), inbound=InboundUpdate(allowed_addresses=[], allow_any=True))

    assert warned(operations, change) == ["inbound.allowed_addresses"]


@pytest.mark.parametrize("shown", [["192.0.2.0/24"], None])
def test_an_allow_list_that_did_not_become_empty_is_told(
    shown: list[str] | None, wire: Any, operations: Operations, custom: Make
) -> None:
    change = SipUpdate(read(custom()), inbound=InboundUpdate(allowed_addresses=[], allow_any=True))

    with pytest.raises(PartialOutcome, match=r"inbound\.allowed_addresses"):
        wire.run(operations.update_sip(change), custom(sip={"allowed_addresses": shown}), now=custom())

    assert wire.bodies == [{"inbound_config": {"allowed_addresses": []}}]


def test_an_allow_list_in_another_spelling_is_the_same(wire: Any, operations: Operations, custom: Make) -> None:
    change = SipUpdate(read(custom()), inbound=InboundUpdate(allowed_addresses=["203.0.113.7", "2001:db8::/32"]))
    answer = custom(sip={"allowed_addresses": ["2001:0db8::/32", "203.0.113.7/32"]})

    assert wire.run(operations.update_sip(change), answer, now=custom()).sip is not None


def test_settings_for_an_outbound_trunk_that_is_not_there_are_warned_of(operations: Operations, custom: Make) -> None:
    inbound_only = read(custom(sip={"termination_uri": None}))

    assert warned(operations, SipUpdate(inbound_only, outbound=OutboundUpdate(username="trunk"))) == [
        "outbound.address"
    ]
    assert warned(operations, SipUpdate(read(custom()), outbound=OutboundUpdate(username="trunk"))) == []
    assert warned(operations, SipUpdate(custom()["id"], outbound=OutboundUpdate(username="trunk"))) == []


def test_an_ipv6_address_is_warned_of(operations: Operations, custom: Make) -> None:
    change = SipUpdate(read(custom()), outbound=OutboundUpdate(address="[2001:db8::5]"))

    assert warned(operations, change) == ["outbound.address"]


def test_a_released_number_cannot_be_changed(wire: Any, operations: Operations, custom: Make) -> None:
    number = read(custom(status="released"))

    with pytest.raises(WrongState):
        wire.run(operations.update_sip(SipUpdate(number, outbound=OutboundUpdate(username="trunk"))))

    assert wire.sent == []


# -- secrets


def test_the_password_reaches_the_wire_and_stars_never_do(diga: DigaProvider, custom: Make) -> None:
    change = SipUpdate("x", outbound=OutboundUpdate(password=SecretStr("can4ry")))

    request = next(diga.update_sip(read(custom()), change))

    assert request.body == b'{"outbound_config":{"password":"can4ry"}}'
    assert request.secrets == ("can4ry",)
    assert "can4ry" not in repr(request) + repr(change)


def test_writing_an_address_another_field_is_about_never_happens(
    wire: Any, operations: Operations, custom: Make
) -> None:
    """A change of the password leaves the vendor's own spelling of the address alone."""
    number = read(custom(sip={"termination_uri": "TRUNK.example.com:5060"}))
    assert number.sip is not None
    assert number.sip.outbound.address == SipAddress("trunk.example.com", 5060)

    wire.run(
        operations.update_sip(SipUpdate(number, outbound=OutboundUpdate(password="s3cret"))),
        custom(),
        now=custom(sip={"termination_uri": "TRUNK.example.com:5060"}),
    )

    assert wire.bodies == [{"outbound_config": {"password": "s3cret"}}]


@pytest.mark.parametrize(
    ("halves", "field"),
    [
        ({"inbound": InboundUpdate(media_encryption=None)}, "inbound.media_encryption"),
        ({"outbound": OutboundUpdate(username=None)}, "outbound.username"),
    ],
)
def test_what_cannot_be_cleared_is_named_by_its_half(halves: dict[str, Any], field: str) -> None:
    with pytest.raises(UnsupportedField) as refusal:
        mapping.sip_body(SipUpdate("an-id", **halves))
    assert refusal.value.field == field
