"""What is said of a number, an address or an allow-list that is refused, word by word: people act on it."""

from __future__ import annotations

import pytest

from telephony_core import InvalidInput, NumberIdentity, SipAddress
from telephony_core.domain.allow_list import parse_allowed_addresses, readable_allowed_address
from telephony_core.domain.number_identity import NumberKind
from telephony_core.domain.sip_grammar import MAX_LENGTH

TOO_LONG = "the SIP address has more than 1024 characters"


def said(call) -> tuple[str, str]:
    with pytest.raises(InvalidInput) as caught:
        call()
    assert caught.value.remedy is not None
    return caught.value.message, caught.value.remedy


def test_a_tel_address_keeps_its_plus():
    assert NumberIdentity.parse("tel:+34612345678", region="KR").e164 == "+34612345678"


@pytest.mark.parametrize(
    ("digits", "region", "kind"),
    [
        ("016", "ES", NumberKind.SERVICE),
        ("0016", "ES", NumberKind.LOCAL),
        ("00016", "ES", NumberKind.LOCAL),
        ("000", "AU", NumberKind.SERVICE),
        ("0000", "AU", NumberKind.LOCAL),
    ],
)
def test_every_leading_zero_of_a_short_code_counts(digits: str, region: str, kind: NumberKind):
    assert NumberIdentity.parse(digits, region=region).kind is kind


# -- SIP addresses


@pytest.mark.parametrize("text", ["front@pbx.example.com", "pbx.example.com;lr", "front@pbx.example.com;lr"])
def test_what_needs_a_scheme_is_told_so(text: str):
    message, remedy = said(lambda: SipAddress.parse(text))
    assert message == "a SIP address without a scheme holds a user part or parameters"
    assert "`sip:user@host;name=value`" in remedy


def test_a_second_colon_is_told_as_one():
    message, remedy = said(lambda: SipAddress.parse("pbx.example.com:5060:1"))
    assert message == "the host and port of the SIP address hold more than one colon"
    assert "brackets" in remedy


@pytest.mark.parametrize("host", ["pbx]", "[pbx"])
def test_one_bracket_makes_no_ipv6_address(host: str):
    assert said(lambda: SipAddress(host))[0] == "the host is not a host name"


def test_a_host_name_may_end_in_a_letter_and_a_digit():
    assert SipAddress.parse("X1").host == "x1"


@pytest.mark.parametrize("field", ["scheme", "transport"])
def test_what_is_no_text_is_no_scheme_and_no_transport(field: str):
    message, _ = said(lambda: SipAddress("h", **{"scheme": "sip", field: 5}))
    assert message.startswith(f"the {field} is n")


def test_the_longest_address_is_taken_and_one_character_more_is_not():
    longest = f"sip:{'u' * (MAX_LENGTH - len('sip:@h'))}@h"
    assert len(str(SipAddress.parse(longest))) == MAX_LENGTH
    assert said(lambda: SipAddress.parse(longest.replace("@", "u@")))[0] == TOO_LONG
    longer = "u" * (MAX_LENGTH - len("sip:@h") + 1)
    assert said(lambda: SipAddress("h", scheme="sip", user=longer))[0] == TOO_LONG


# -- allow-lists


def test_an_entry_is_told_by_its_position():
    assert said(lambda: parse_allowed_addresses(["192.0.2.1", "300.1.1.1"], allow_any=False))[0].startswith(
        "entry 2 of"
    )
    message, remedy = said(lambda: parse_allowed_addresses(["192.0.2.1", 5], allow_any=False))
    assert message == "entry 2 of the allowed addresses is not text"
    assert remedy == "write each address as a text"


def test_an_address_with_the_length_of_everybody_is_offered_alone():
    assert said(lambda: parse_allowed_addresses(["203.0.113.7/0"], allow_any=False)) == (
        "entry 1 of the allowed addresses has bits set beyond its prefix length 0",
        "write `203.0.113.7` for the host alone",
    )


@pytest.mark.parametrize(
    ("entry", "readable"), [("203.0.113.7", True), ("0.0.0.0/0", True), ("::/0", True), ("pbx", False), ("", False)]
)
def test_whether_a_vendor_s_entry_can_be_written_back_does_not_depend_on_whom_it_lets_in(entry: str, readable: bool):
    assert readable_allowed_address(entry) is readable
