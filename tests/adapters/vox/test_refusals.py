"""What cannot be done at vox is refused at once, with no request, by the error that says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from telephony_core.domain.agents import PUBLISHED, AgentRef
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.domain.sip import InboundUpdate, OutboundUpdate
from telephony_core.errors import (
    Conflict,
    InvalidInput,
    TelephonyError,
    UnsupportedField,
    UnsupportedOperation,
    WrongState,
)
from telephony_core.operations.operations import Operations
from telephony_core.provider.changes import (
    AgentAssignment,
    LabelUpdate,
    NumberImport,
    NumberRelease,
    ReleaseRevocation,
    SipUpdate,
)
from tests.adapters.vox.records import phone_number
from tests.adapters.wire import Wire

Make = Callable[..., dict[str, Any]]

PASSWORD_RULE = "has to carry outbound.password as well"


def an_import(**changes: Any) -> NumberImport:
    return NumberImport(**{"number": "+827011112222", "outbound": OutboundUpdate(address="t.example.com")} | changes)


@pytest.mark.parametrize(
    ("change", "kind", "field"),
    [
        (an_import(number="+34911234567"), UnsupportedField, "number"),
        (an_import(number="desk@pbx.example.com"), UnsupportedField, "number"),
        (an_import(number="140001"), UnsupportedField, "number"),
        (an_import(number="212345678"), UnsupportedField, "number"),
        (an_import(number="1811-0000", send_as_is=True), InvalidInput, "number"),
        (an_import(number="+34911234567", send_as_is=True), UnsupportedField, "number"),
        (an_import(outbound=None), InvalidInput, "outbound.address"),
        (an_import(outbound=OutboundUpdate(username="u", password="p")), InvalidInput, "outbound.address"),
        (an_import(label="x" * 201), InvalidInput, "label"),
        (
            an_import(inbound=InboundUpdate(allowed_addresses=["203.0.113.7"])),
            UnsupportedField,
            "inbound.allowed_addresses",
        ),
        (an_import(inbound=InboundUpdate(media_encryption="require")), UnsupportedField, "inbound.media_encryption"),
        (
            an_import(outbound=OutboundUpdate(address="t.example.com", media_encryption="require")),
            UnsupportedField,
            "outbound.media_encryption",
        ),
        (an_import(inbound_agent=AgentRef("a")), InvalidInput, "inbound_agent"),
        (an_import(inbound_agent=AgentRef("a", version="7")), UnsupportedField, "inbound_agent"),
        (an_import(options={"vox": {"no_auth": True}}), InvalidInput, "options"),
        (
            an_import(
                outbound=OutboundUpdate(address="t.example.com", username="u", password="p"),
                options={"vox": {"no_authentication": True}},
            ),
            InvalidInput,
            "options.vox.no_authentication",
        ),
    ],
)
def test_imports(
    change: NumberImport, kind: type[TelephonyError], field: str, operations: Operations, wire: Wire
) -> None:
    (problem,) = operations.check(change)
    with pytest.raises(kind):
        wire.run(operations.import_number(change))

    assert (problem.field, type(problem.error)) == (field, kind)
    assert wire.sent == []


@pytest.mark.parametrize("text", ["140001", "18110000"])
def test_a_korean_code_is_imported_when_it_is_said_to_go_as_it_is(text: str, operations: Operations) -> None:
    assert operations.check(an_import(number=text, send_as_is=True)) == []


def test_an_import_without_credentials_needs_no_option(operations: Operations) -> None:
    assert operations.check(an_import()) == []
    assert operations.check(an_import(options={"vox": {"no_authentication": True}})) == []


def test_a_number_that_is_there_already_is_not_registered(operations: Operations, wire: Wire, custom: Make) -> None:
    empty = {"items": [], "total_count": 0}

    with pytest.raises(Conflict, match=custom()["id"]):
        wire.run(operations.import_number(an_import()), empty, {"items": [custom()]}, empty, empty)

    assert {request.method for request in wire.sent} == {"GET"}


@pytest.mark.parametrize(
    ("inbound", "outbound", "kind", "field"),
    [
        (None, OutboundUpdate(), InvalidInput, "sip"),
        (None, OutboundUpdate(address="t.example.com"), InvalidInput, "outbound.address"),
        (None, OutboundUpdate(username="u"), InvalidInput, "outbound.username"),
        (None, OutboundUpdate(address=None), InvalidInput, "outbound.address"),
        (None, OutboundUpdate(username=None), InvalidInput, "outbound.username"),
        (None, OutboundUpdate(password=None), UnsupportedField, "outbound.password"),
        (None, OutboundUpdate(media_encryption="disable"), UnsupportedField, "outbound.media_encryption"),
        (InboundUpdate(allowed_addresses=["203.0.113.7"]), None, UnsupportedField, "inbound.allowed_addresses"),
        (InboundUpdate(media_encryption="allow"), None, UnsupportedField, "inbound.media_encryption"),
    ],
)
def test_trunk_settings(
    inbound: InboundUpdate | None,
    outbound: OutboundUpdate | None,
    kind: type[TelephonyError],
    field: str,
    operations: Operations,
    wire: Wire,
    number: PhoneNumber,
) -> None:
    halves = {name: half for name, half in (("inbound", inbound), ("outbound", outbound)) if half is not None}
    change = SipUpdate(number, **halves)

    (problem,) = operations.check(change)
    with pytest.raises(kind):
        wire.run(operations.update_sip(change))

    assert (problem.field, type(problem.error)) == (field, kind)
    assert wire.sent == []


@pytest.mark.parametrize(
    "outbound",
    [
        OutboundUpdate(address="t.example.com", password="p"),
        OutboundUpdate(username="u", password="p"),
        OutboundUpdate(address=None, username=None, password="p"),
        OutboundUpdate(password="p"),
    ],
)
def test_trunk_settings_with_the_password_are_fine(
    outbound: OutboundUpdate, operations: Operations, number: PhoneNumber
) -> None:
    assert operations.check(SipUpdate(number, outbound=outbound)) == []


def test_all_problems_of_a_change_are_told_at_once(operations: Operations, number: PhoneNumber) -> None:
    change = SipUpdate(
        number,
        inbound=InboundUpdate(allowed_addresses=["203.0.113.7"]),
        outbound=OutboundUpdate(address="sip:t.example.com;transport=tls"),
    )

    problems = operations.check(change)

    assert {(problem.field, problem.severity) for problem in problems} == {
        ("inbound.allowed_addresses", "error"),
        ("outbound.address", "error"),
        ("outbound.address", "warning"),
    }
    assert any(PASSWORD_RULE in problem.message for problem in problems)


# -- the option for trunks without credentials


def without_authentication(number: PhoneNumber, outbound: OutboundUpdate, value: object = True) -> SipUpdate:
    return SipUpdate(number, outbound=outbound, options={"vox": {"no_authentication": value}})


@pytest.mark.parametrize("address", ["t.example.com", None])
def test_no_authentication_waives_the_password_and_warns(
    address: str | None, operations: Operations, number: PhoneNumber
) -> None:
    (problem,) = operations.check(without_authentication(number, OutboundUpdate(address=address)))

    assert (problem.field, problem.severity) == ("options.vox.no_authentication", "warning")
    assert "never tried" in problem.message


@pytest.mark.parametrize(
    "outbound",
    [
        OutboundUpdate(address="t.example.com", username="u", password="p"),
        OutboundUpdate(address="t.example.com", password="p"),
        OutboundUpdate(address="t.example.com", username=None),
    ],
)
def test_no_authentication_cannot_go_with_credentials(
    outbound: OutboundUpdate, operations: Operations, wire: Wire, number: PhoneNumber
) -> None:
    change = without_authentication(number, outbound)

    problems = operations.check(change)
    with pytest.raises(InvalidInput):
        wire.run(operations.update_sip(change))

    assert "options.vox.no_authentication" in {problem.field for problem in problems if problem.error}
    assert wire.sent == []


def test_no_authentication_does_not_waive_the_password_for_a_username(
    operations: Operations, number: PhoneNumber
) -> None:
    problems = operations.check(without_authentication(number, OutboundUpdate(username="u")))

    assert any(PASSWORD_RULE in problem.message for problem in problems)


def test_no_authentication_set_to_false_waives_nothing(operations: Operations, number: PhoneNumber) -> None:
    (problem,) = operations.check(without_authentication(number, OutboundUpdate(address="t.example.com"), False))

    assert PASSWORD_RULE in problem.message


@pytest.mark.parametrize("value", ["yes", 1, None])
def test_no_authentication_is_true_or_false(value: object, operations: Operations, number: PhoneNumber) -> None:
    problems = operations.check(without_authentication(number, OutboundUpdate(address=None, password="p"), value))

    assert [(problem.field, problem.severity) for problem in problems] == [("options", "error")]


def test_no_authentication_of_another_provider_means_nothing_here(operations: Operations, number: PhoneNumber) -> None:
    change = SipUpdate(
        number, outbound=OutboundUpdate(address="t.example.com"), options={"other": {"no_authentication": True}}
    )

    assert [problem.severity for problem in operations.check(change)] == ["error"]


def test_no_authentication_without_an_address_is_told_to_have_no_effect(operations: Operations, custom: Make) -> None:
    number = phone_number(custom())

    problems = operations.check(without_authentication(number, OutboundUpdate()))

    assert any(problem.severity == "warning" and "no effect" in problem.message for problem in problems)


# -- addresses that vox may refuse


@pytest.mark.parametrize(
    ("address", "part"),
    [
        ("sips:t.example.com", "the scheme `sips`"),
        ("sip:t.example.com;transport=tcp", "a transport"),
        ("sip:desk@t.example.com", "a user part"),
        ("sip:t.example.com;lr", "URI parameters"),
        ("[2001:db8::5]:5060", "an IPv6 host"),
    ],
)
def test_an_address_that_vox_may_refuse_is_sent_with_a_warning(
    address: str, part: str, operations: Operations, number: PhoneNumber
) -> None:
    outbound = OutboundUpdate(address=address, password="p")

    for change in (SipUpdate(number, outbound=outbound), an_import(outbound=OutboundUpdate(address=address))):
        (problem,) = operations.check(change)
        assert (problem.field, problem.severity) == ("outbound.address", "warning")
        assert part in problem.message


@pytest.mark.parametrize("address", ["t.example.com", "sip:t.example.com:5060", "203.0.113.7"])
def test_a_plain_address_draws_no_warning(address: str, operations: Operations) -> None:
    assert operations.check(an_import(outbound=OutboundUpdate(address=address))) == []


# -- purchased numbers, and states


def test_a_purchased_number_has_no_trunk_to_change(
    operations: Operations, wire: Wire, bought_number: PhoneNumber
) -> None:
    change = SipUpdate(bought_number, outbound=OutboundUpdate(address="t.example.com", password="p"))

    with pytest.raises(UnsupportedOperation):
        wire.run(operations.update_sip(change))

    assert wire.sent == []


def test_a_purchased_number_given_by_its_id_is_read_and_not_written(
    operations: Operations, wire: Wire, bought: Make
) -> None:
    change = SipUpdate(bought()["id"], outbound=OutboundUpdate(address="t.example.com", password="p"))

    with pytest.raises(UnsupportedOperation):
        wire.run(operations.update_sip(change), bought())

    assert [request.method for request in wire.sent] == ["GET"]


def test_a_purchased_number_cannot_be_renamed(operations: Operations, wire: Wire, bought_number: PhoneNumber) -> None:
    with pytest.raises(UnsupportedOperation):
        wire.run(operations.update_label(LabelUpdate(bought_number, "x")))

    assert wire.sent == []


def test_a_release_of_an_imported_number_cannot_be_revoked(
    operations: Operations, wire: Wire, number: PhoneNumber
) -> None:
    with pytest.raises(UnsupportedOperation):
        wire.run(operations.revoke_release(ReleaseRevocation(number)))

    assert wire.sent == []


@pytest.mark.parametrize("label", ["x" * 201, "", "  "])
def test_labels(label: str, operations: Operations, wire: Wire, number: PhoneNumber) -> None:
    with pytest.raises(InvalidInput):
        wire.run(operations.update_label(LabelUpdate(number, label)))

    assert wire.sent == []


@pytest.mark.parametrize("label", ["x" * 200, None])
def test_a_label_of_200_characters_or_none_is_fine(
    label: str | None, operations: Operations, number: PhoneNumber
) -> None:
    assert operations.check(LabelUpdate(number, label)) == []


def test_an_expired_number_is_not_released_again(operations: Operations, wire: Wire, custom: Make) -> None:
    with pytest.raises(WrongState):
        wire.run(operations.release(NumberRelease(phone_number(custom(status="expired")))))

    assert wire.sent == []


def test_a_release_that_is_booked_is_not_booked_again(operations: Operations, wire: Wire, bought: Make) -> None:
    with pytest.raises(WrongState):
        wire.run(operations.release(NumberRelease(phone_number(bought(status="cancel_requested")))))

    assert wire.sent == []


@pytest.mark.parametrize("make", ["custom", "bought"])
def test_agents_serve_numbers_of_both_origins(
    make: str, operations: Operations, request: pytest.FixtureRequest
) -> None:
    number = phone_number(request.getfixturevalue(make)())

    assert operations.check(AgentAssignment(number, inbound=None, outbound=AgentRef("a", version=PUBLISHED))) == []


def test_an_assignment_of_nothing_is_refused(operations: Operations, wire: Wire, number: PhoneNumber) -> None:
    with pytest.raises(InvalidInput):
        wire.run(operations.assign_agents(AgentAssignment(number)))

    assert wire.sent == []
