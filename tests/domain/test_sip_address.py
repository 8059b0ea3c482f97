"""What a SIP address may be, how it is printed, and what is refused."""

from __future__ import annotations

import copy
import dataclasses
import pickle

import pytest
from hypothesis import example, given, settings

from telephony_core.domain.sip_address import SipAddress
from telephony_core.errors import InvalidInput, UnsupportedField
from tests.domain.sip_addresses import ADDRESSES, BARE, CANARY, GARBAGE, refusal

# (text, what it is, how it is printed)
ACCEPTED = [
    ("pbx.example.com", SipAddress("pbx.example.com"), "pbx.example.com"),
    ("PBX.Example.COM", SipAddress("pbx.example.com"), "pbx.example.com"),
    ("pbx.example.com.", SipAddress("pbx.example.com"), "pbx.example.com"),
    ("pbx.example.com.:5060", SipAddress("pbx.example.com", 5060), "pbx.example.com:5060"),
    ("pbx2", SipAddress("pbx2"), "pbx2"),
    ("sip", SipAddress("sip"), "sip"),
    ("3com.example", SipAddress("3com.example"), "3com.example"),
    ("xn--bcher-kva.example", SipAddress("xn--bcher-kva.example"), "xn--bcher-kva.example"),
    ("trunk.example.com:5060", SipAddress("trunk.example.com", 5060), "trunk.example.com:5060"),
    ("198.51.100.9:1", SipAddress("198.51.100.9", 1), "198.51.100.9:1"),
    ("198.51.100.9:65535", SipAddress("198.51.100.9", 65535), "198.51.100.9:65535"),
    ("[2001:DB8:0::5]", SipAddress("2001:db8::5"), "[2001:db8::5]"),
    ("[2001:db8::5]:5060", SipAddress("2001:db8::5", 5060), "[2001:db8::5]:5060"),
    ("sip:h", SipAddress("h", scheme="sip"), "sip:h"),
    ("SIP:H:5060", SipAddress("h", 5060, "sip"), "sip:h:5060"),
    ("sip:sip:5060", SipAddress("sip", 5060, "sip"), "sip:sip:5060"),
    ("SiPs:h", SipAddress("h", scheme="sips"), "sips:h"),
    ("sips:h;transport=tcp", SipAddress("h", None, "sips", "tcp"), "sips:h;transport=tcp"),
    ("sip:[2001:db8::5]:5060", SipAddress("2001:db8::5", 5060, "sip"), "sip:[2001:db8::5]:5060"),
    ("sip:Alice@h", SipAddress("h", scheme="sip", user="Alice"), "sip:Alice@h"),
    ("sip:+827011112222@h", SipAddress("h", scheme="sip", user="+827011112222"), "sip:+827011112222@h"),
    ("sip:a%40B%3a@h", SipAddress("h", scheme="sip", user="a%40B%3a"), "sip:a%40B%3a@h"),
    ("sip:a;day=tue@h", SipAddress("h", scheme="sip", user="a;day=tue"), "sip:a;day=tue@h"),
    ("sip:h;TRANSPORT=TLS", SipAddress("h", None, "sip", "tls"), "sip:h;transport=tls"),
    ("sip:h;transport=udp", SipAddress("h", None, "sip", "udp"), "sip:h;transport=udp"),
    ("sip:h;LR", SipAddress("h", scheme="sip", params=(("lr", None),)), "sip:h;lr"),
    (
        "sip:h:5060;User=Phone;transport=tcp;lr",
        SipAddress("h", 5060, "sip", "tcp", params=(("user", "Phone"), ("lr", None))),
        "sip:h:5060;transport=tcp;user=Phone;lr",
    ),
    ("sip:h;maddr=[2001:db8::1]", SipAddress("h", scheme="sip", params=(("maddr", "[2001:db8::1]"),)), None),
]

# (text, a word of the reason)
REFUSED = [
    ("", "empty"),
    (" pbx.example.com", "blank"),
    ("pbx.example.com ", "blank"),
    ("pbx.example.com\n", "control"),
    ("pbx.example.com\x00", "control"),
    ("sip:a\tb@h", "control"),
    ("sip:h\x7f", "control"),
    ("<sip:h>", "angle"),
    ('"Bob"sip:h', "quotes"),
    ("'sip:h'", "quotes"),
    ("sip://h", "`//`"),
    ("https://h", "`//`"),
    ("sip:a//b@h", "`//`"),
    ("sip:user:secret@h", "password"),
    ("sip:user:@h", "password"),
    ("sip::secret@h", "password"),
    ("user:secret@h", "user part"),
    ("user@h", "user part"),
    ("h;transport=tcp", "parameters"),
    ("h;lr", "parameters"),
    ("sip:h?subject=x", "headers"),
    ("sip:h?to=a@b", "headers"),
    ("sip:@h", "user part is empty"),
    ("sip:a@b@h", "user part"),
    ("sip:a%4@h", "user part"),
    ("sip:a%zz@h", "user part"),
    ("sip:a%0d%0aVia@h", "user part"),
    ("sip:a%7F@h", "user part"),
    ("sip:a#b@h", "user part"),
    ("sip:", "no host"),
    ("sip:5060", "no host"),
    ("sip:a@", "no host"),
    (":5060", "no host"),
    ("sip:;lr", "no host"),
    ("h:", "port"),
    ("h:0", "port"),
    ("h:65536", "port"),
    ("h:-1", "port"),
    ("h:05060", "port"),
    ("h:5060x", "port"),
    ("h:" + "9" * 900, "port"),
    ("[2001:db8::5]:", "port"),
    ("[2001:db8::5]5060", "brackets"),
    ("[2001:db8::5", "brackets"),
    ("[]", "brackets"),
    ("[198.51.100.9]", "brackets"),
    ("[pbx.example.com]", "brackets"),
    ("[2001:db8::zz]", "IPv6"),
    ("[[2001:db8::5]]", "brackets"),
    ("2001:db8::5", "colon"),
    ("2001:db8::5:5060", "colon"),
    ("sip:2001:db8::5", "colon"),
    ("[fe80::1%eth0]", "zone"),
    ("[fe80::1%25eth0]:5060", "zone"),
    ("198.51.100.300", "IPv4"),
    ("198.51.100", "IPv4"),
    ("198.51.100.09", "IPv4"),
    ("198.51.100.9.", "IPv4"),
    ("5060", "IPv4"),
    ("a.1", "last part"),
    ("0x7f.0x1", "last part"),
    ("pbx_1.example.com", "underscore"),
    ("pbx..example.com", "host name"),
    ("pbx.example.com..", "host name"),
    (".example.com", "host name"),
    ("-pbx.example.com", "host name"),
    ("pbx-.example.com", "host name"),
    ("a.example,b.example", "host name"),
    ("pbx.example.com/x", "host name"),
    ("*.example.com", "host name"),
    ("a" * 64 + ".example", "host name"),
    (".".join(["a" * 63] * 4), "253"),
    ("sip:h;x=" + "a" * 1024, "1024"),
    ("bücher.example", "xn--"),
    ("０.example", "xn--"),
    ("sip:ü@h", "escape"),
    ("sip:h;", "parameter"),
    ("sip:h;;lr", "parameter"),
    ("sip:h;x=", "parameter"),
    ("sip:h;=x", "parameter"),
    ("sip:h;x=a=b", "parameter"),
    ("sip:h;x=%0a", "parameter"),
    ("sip:h;lr;LR", "twice"),
    ("sip:h;lr;lr=on", "twice"),
    ("sip:h;transport=tcp;Transport=tcp", "twice"),
    ("sip:h;transport", "transport"),
    ("sip:h;transport=", "transport"),
    ("sip:h;transport=sctp", "transport"),
    ("sip:h;transport=ws", "transport"),
    ("sips:h;transport=udp", "udp"),
    ("tel:+827011112222", "scheme"),
    ("tel:112", "scheme"),
    ("http:80", "scheme"),
    ("sip:sip:h", "port"),
]


def outcome(text: str) -> SipAddress | InvalidInput:
    try:
        return SipAddress.parse(text)
    except InvalidInput as error:
        return error


# Reading and printing


@pytest.mark.parametrize(("text", "address", "printed"), ACCEPTED)
def test_reads_and_prints(text: str, address: SipAddress, printed: str | None) -> None:
    assert SipAddress.parse(text) == address
    assert str(SipAddress.parse(text)) == (printed or text)


@pytest.mark.parametrize(("text", "reason"), REFUSED)
def test_refuses_with_the_reason_and_what_to_write_instead(text: str, reason: str) -> None:
    error = refusal(text)
    assert reason in str(error)
    assert error.remedy


@pytest.mark.parametrize("value", [None, 5060, b"pbx.example.com", ["pbx.example.com"]])
def test_refuses_what_is_not_text(value: object) -> None:
    with pytest.raises(InvalidInput, match="text"):
        SipAddress.parse(value)


def test_the_longest_host_name_is_accepted() -> None:
    host = ".".join(["a" * 63, "b" * 63, "c" * 63, "d" * 61])
    assert len(host) == 253
    assert SipAddress.parse(host + ".").host == host


def test_an_absent_port_stays_absent() -> None:
    address = SipAddress.parse("sip:h")
    assert address.port is None
    assert "5060" not in address.uri() + str(address) + address.host_port()


@settings(deadline=None)
@given(ADDRESSES)
def test_what_is_printed_reads_back_as_the_same(address: SipAddress) -> None:
    assert SipAddress.parse(str(address)) == address
    assert hash(SipAddress.parse(str(address))) == hash(address)


@settings(deadline=None)
@given(ADDRESSES)
def test_the_uri_leads_to_the_same_endpoint(address: SipAddress) -> None:
    read = SipAddress.parse(address.uri())
    assert read.same_endpoint(address)
    assert read.scheme == (address.scheme or "sip")
    assert read.uri() == address.uri()


@settings(deadline=None)
@given(BARE)
def test_a_bare_address_survives_the_way_through_a_uri_and_back(address: SipAddress) -> None:
    assert SipAddress.parse(SipAddress.parse(address.uri()).host_port()) == address


@settings(deadline=None)
@given(ADDRESSES)
def test_upper_case_changes_nothing_but_user_and_parameter_values(address: SipAddress) -> None:
    plain = dataclasses.replace(address, user=None, params=())
    assert SipAddress.parse(str(plain).upper()) == plain


@settings(deadline=None, max_examples=400)
@given(GARBAGE | GARBAGE.map("sip:{}".format))
@example("[")
@example("sip:[")
@example("@")
@example("sip:@")
@example("[:]")
@example("sip:h;%")
@example("\ud800")
def test_garbage_is_read_or_refused_and_never_anything_else(text: str) -> None:
    result = outcome(text)
    if isinstance(result, InvalidInput):
        assert result.__context__ is None
        assert result.__cause__ is None
    else:
        assert SipAddress.parse(str(result)) == result
        assert result.raw == text


# Constructing


def test_constructing_normalises() -> None:
    address = SipAddress(
        "PBX.Example.com.",
        scheme="SIP",
        transport="TLS",
        params=[["LR", None]],
    )
    assert address == SipAddress("pbx.example.com", None, "sip", "tls", None, (("lr", None),))


@pytest.mark.parametrize("host", ["2001:db8::5", "[2001:db8::5]", "2001:0DB8:0:0::5"])
def test_ipv6_is_stored_without_brackets(host: str) -> None:
    assert SipAddress(host).host == "2001:db8::5"


@pytest.mark.parametrize(
    "fields",
    [
        {"host": ""},
        {"host": None},
        {"host": "ü"},
        {"host": "h\n"},
        {"host": "h:5060"},
        {"host": "sip:h"},
        {"host": "u@h"},
        {"host": "h;lr"},
        {"host": "fe80::1%eth0"},
        {"host": "[198.51.100.9]"},
        {"host": "h", "port": 0},
        {"host": "h", "port": 65536},
        {"host": "h", "port": True},
        {"host": "h", "port": "5060"},
        {"host": "h", "port": 5060.0},
        {"host": "h", "scheme": "tel"},
        {"host": "h", "scheme": 1},
        {"host": "h", "user": "a"},
        {"host": "h", "transport": "tcp"},
        {"host": "h", "params": (("lr", None),)},
        {"host": "h", "scheme": "sip", "transport": "ws"},
        {"host": "h", "scheme": "sips", "transport": "udp"},
        {"host": "h", "scheme": "sip", "user": ""},
        {"host": "h", "scheme": "sip", "user": "a:b"},
        {"host": "h", "scheme": "sip", "user": "a?b"},
        {"host": "h", "scheme": "sip", "user": "a//b"},
        {"host": "h", "scheme": "sip", "user": "a'b"},
        {"host": "h", "scheme": "sip", "user": 1},
        {"host": "h", "scheme": "sip", "user": "a" * 1100},
        {"host": "h", "scheme": "sip", "params": None},
        {"host": "h", "scheme": "sip", "params": ("lr",)},
        {"host": "h", "scheme": "sip", "params": (("lr", ""),)},
        {"host": "h", "scheme": "sip", "params": (("lr", 1),)},
        {"host": "h", "scheme": "sip", "params": (("lr", None, None),)},
        {"host": "h", "scheme": "sip", "params": (("x", "a;b"),)},
        {"host": "h", "scheme": "sip", "params": (("x", None), ("X", None))},
        {"host": "h", "scheme": "sip", "params": (("Transport", "tcp"),)},
        {"host": "sip", "port": 5060},
        {"host": "tel", "port": 112},
    ],
)
def test_constructing_refuses_what_reading_would(fields: dict[str, object]) -> None:
    with pytest.raises(InvalidInput):
        SipAddress(**fields)


# The text it was read from


def test_raw_keeps_the_text_and_counts_for_nothing() -> None:
    address = SipAddress.parse("SIP:H;LR;Transport=TCP")
    assert address.raw == "SIP:H;LR;Transport=TCP"
    assert address == SipAddress("h", None, "sip", "tcp", params=(("lr", None),))
    assert "SIP:H" not in repr(address)


def test_a_changed_copy_has_no_stale_raw() -> None:
    address = SipAddress.parse("sip:h:5060")
    assert dataclasses.replace(address, port=5061).raw is None
    assert dataclasses.replace(address, port=5060).raw == "sip:h:5060"


@pytest.mark.parametrize("raw", ["sip:u:secret@h", "other.example", "", 1])
def test_raw_cannot_be_smuggled_in(raw: str) -> None:
    assert SipAddress("h", raw=raw).raw is None


def test_it_is_frozen_and_copies_whole() -> None:
    address = SipAddress.parse("SIP:a@H;lr")
    with pytest.raises(dataclasses.FrozenInstanceError):
        address.port = 5061
    for twin in (copy.deepcopy(address), pickle.loads(pickle.dumps(address))):
        assert twin == address
        assert twin.raw == address.raw


# What it says of itself


@pytest.mark.parametrize(
    ("text", "is_ip", "is_ipv6"),
    [("h", False, False), ("pbx2", False, False), ("198.51.100.9", True, False), ("sip:[2001:db8::5]:1", True, True)],
)
def test_knows_ip_literals(text: str, is_ip: bool, is_ipv6: bool) -> None:
    address = SipAddress.parse(text)
    assert (address.is_ip, address.is_ipv6) == (is_ip, is_ipv6)


@pytest.mark.parametrize(
    ("text", "security"),
    [
        ("h", None),
        ("h:5061", None),
        ("sip:h", None),
        ("sip:h;transport=tcp", None),
        ("sip:h;transport=tls", "tls"),
        ("sips:h", "tls"),
        ("sips:h;transport=tcp", "tls"),
    ],
)
def test_security_is_what_the_address_demands(text: str, security: str | None) -> None:
    assert SipAddress.parse(text).security == security


@pytest.mark.parametrize(
    ("text", "host_port"),
    [
        ("h", "h"),
        ("h:5060", "h:5060"),
        ("sip:h", "h"),
        ("sip:h:5060", "h:5060"),
        ("sip:[2001:db8::5]:5060", "[2001:db8::5]:5060"),
        ("[2001:db8::5]", "[2001:db8::5]"),
    ],
)
def test_host_port_for_fields_that_hold_no_uri(text: str, host_port: str) -> None:
    address = SipAddress.parse(text)
    assert not address.uri_parts
    assert address.host_port() == host_port


@pytest.mark.parametrize(
    "text", ["sips:h", "sip:h;transport=udp", "sip:h;transport=tls", f"sip:{CANARY}@h", "sip:h;lr", "sips:h:5061"]
)
def test_host_port_leaves_nothing_out(text: str) -> None:
    address = SipAddress.parse(text)
    assert address.uri_parts
    with pytest.raises(UnsupportedField) as caught:
        address.host_port()
    assert caught.value.field == "outbound.address"
    assert caught.value.remedy
    assert CANARY not in str(caught.value)


def test_host_port_refuses_what_would_be_read_as_a_scheme() -> None:
    with pytest.raises(UnsupportedField):
        SipAddress.parse("sip:sip:5060").host_port()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("h", "sip:h"),
        ("h:5060", "SIP:H:5060"),
        ("sip:h;lr", "sip:h"),
        ("sip:h;transport=tcp", "sip:h;x=y;transport=TCP"),
    ],
)
def test_same_endpoint(one: str, other: str) -> None:
    assert SipAddress.parse(one).same_endpoint(SipAddress.parse(other))
    assert SipAddress.parse(other).same_endpoint(SipAddress.parse(one))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("h", "i"),
        ("h", "h:5060"),
        ("sip:h", "sips:h"),
        ("sip:h", "sip:h;transport=udp"),
        ("sip:h;transport=tcp", "sip:h;transport=tls"),
        ("sip:h", "sip:a@h"),
        ("sip:a@h", "sip:A@h"),
        ("sip:h;transport=tcp", "sips:h;transport=tcp"),
        ("sips:h", "sip:h;transport=tls"),
    ],
)
def test_not_the_same_endpoint(one: str, other: str) -> None:
    assert not SipAddress.parse(one).same_endpoint(SipAddress.parse(other))
