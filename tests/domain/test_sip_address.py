"""What a SIP address may be, how it is printed, and that a refusal never repeats what it refuses."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
import traceback
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, ValidationError

from telephony_core.domain.sip_address import SipAddress
from telephony_core.errors import InvalidInput, UnsupportedField

CANARY = "zq9canary"

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


def names() -> st.SearchStrategy[str]:
    label = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
    top = st.from_regex(r"[a-z]([a-z0-9-]{0,6}[a-z0-9])?", fullmatch=True)
    return st.builds(lambda head, tail: ".".join([*head, tail]), st.lists(label, max_size=3), top)


def hosts() -> st.SearchStrategy[str]:
    return st.one_of(names(), st.ip_addresses().map(str))


def words(alphabet: str) -> st.SearchStrategy[str]:
    piece = st.one_of(st.sampled_from(alphabet), st.sampled_from(["%20", "%40", "%C3%bc", "%2F"]))
    return st.lists(piece, min_size=1, max_size=8).map("".join)


PORTS = st.none() | st.integers(1, 65535)
USERS = st.none() | words("aZ09-_.!~*()&=+$,;")
NAMES = words("aZ09-_.!~*()[]:&+$").filter(lambda name: name.lower() != "transport")
PARAMS = st.lists(
    st.tuples(NAMES, st.none() | words("aZ09-_.!~*()[]/:&+$").filter(lambda value: "//" not in value)),
    max_size=3,
    unique_by=lambda item: item[0].lower(),
).map(tuple)
BARE = st.builds(SipAddress, hosts(), PORTS)
URIS = st.builds(
    SipAddress, hosts(), PORTS, st.just("sip"), st.none() | st.sampled_from(["udp", "tcp", "tls"]), USERS, PARAMS
) | st.builds(SipAddress, hosts(), PORTS, st.just("sips"), st.none() | st.sampled_from(["tcp", "tls"]), USERS, PARAMS)
ADDRESSES = BARE | URIS
GARBAGE = st.text(max_size=40) | st.text("sipSIP:@;=%[]./?<>\"'-_019afx, \n*", max_size=40)


def everything_in(error: BaseException) -> str:
    """All that an error would tell whoever prints, logs or inspects it."""
    parts: list[str] = []
    links: list[BaseException | None] = [error]
    while links:
        link = links.pop()
        if link is not None:
            parts += [str(link), repr(link), repr(link.args), repr(link.__dict__)]
            parts += traceback.format_exception_only(link)
            links += [link.__cause__, link.__context__]
    return "\n".join(parts)


def outcome(text: str) -> SipAddress | InvalidInput:
    try:
        return SipAddress.parse(text)
    except InvalidInput as error:
        return error


def refusal(text: str) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        SipAddress.parse(text)
    return caught.value


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
        SipAddress.parse(value)  # type: ignore[arg-type]


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


# Secrets


@pytest.mark.parametrize(
    "template",
    [
        "{} ",
        "{}\n",
        "sip:user:{}@h",
        "sip:{}:{}@h",
        "sip:user:{}@h;transport=tcp",
        "sip:user:{}@h?x=y",
        "sip://user:{}@h",
        "user:{}@h",
        "{}@h",
        "<sip:user:{}@h>",
        "sip:user:{}@{}@h",
        "sip:user:12{}34@[::1",
        "user:{}",
        "h:{}",
        "sip:h:{}",
        "sip:h:{}:1",
        "[{}]",
        "[:{}]",
        "[::1]{}",
        "[fe80::1%{}]",
        "{}_x",
        "-{}",
        "{}.1",
        "1.2.3.4.{}:x",
        "{}ü",
        "http:{}",
        "tel:{}",
        "sip:h;{}=",
        "sip:h;{};{}",
        "sip:h;transport={}",
        "sip:h;x={}=1",
        "sip:%{}@h",
        "{}" * 200,
    ],
)
def test_a_refusal_holds_nothing_of_the_text(template: str) -> None:
    error = refusal(template.replace("{}", CANARY))
    assert CANARY not in everything_in(error).lower()
    assert error.__context__ is None
    assert error.__cause__ is None


@settings(deadline=None)
@given(st.text(min_size=5, max_size=20), GARBAGE)
def test_a_password_never_shows_in_the_refusal(password: str, rest: str) -> None:
    secret = f"{CANARY}{password}"
    assert CANARY not in everything_in(refusal(f"sip:user:{secret}@{rest}")).lower()


@pytest.mark.parametrize(
    "fields",
    [
        {"host": f"{CANARY}_"},
        {"host": f"[:{CANARY}"},
        {"host": f":{CANARY}"},
        {"host": "h", "port": CANARY},
        {"host": "h", "scheme": CANARY},
        {"host": "h", "scheme": "sip", "transport": CANARY},
        {"host": "h", "scheme": "sip", "user": f"user:{CANARY}"},
        {"host": "h", "scheme": "sip", "user": f"user@{CANARY}"},
        {"host": "h", "scheme": "sip", "params": ((f"{CANARY} ", None),)},
        {"host": "h", "scheme": "sip", "params": CANARY},
    ],
)
def test_a_refused_construction_holds_nothing_of_the_values(fields: dict[str, object]) -> None:
    with pytest.raises(InvalidInput) as caught:
        SipAddress(**fields)  # type: ignore[arg-type]
    assert CANARY not in everything_in(caught.value)
    assert caught.value.__context__ is None


# Constructing


def test_constructing_normalises() -> None:
    address = SipAddress(
        "PBX.Example.com.",
        scheme="SIP",  # type: ignore[arg-type]
        transport="TLS",  # type: ignore[arg-type]
        params=[["LR", None]],  # type: ignore[arg-type]
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
        SipAddress(**fields)  # type: ignore[arg-type]


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
        address.port = 5061  # type: ignore[misc]
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


# In pydantic models


class Trunk(BaseModel):
    address: SipAddress | None = None


def test_a_model_takes_text_or_an_address() -> None:
    address = SipAddress.parse("sip:h:5060")
    assert Trunk.model_validate({"address": "sip:h:5060"}).address == address
    assert Trunk.model_validate_json('{"address": "sip:h:5060"}').address == address
    assert Trunk(address=address).address is address
    assert Trunk(address=None).address is None


def test_a_model_keeps_the_text_as_given() -> None:
    read = Trunk.model_validate({"address": "SIP:h:5060"}).address
    assert read is not None
    assert read.raw == "SIP:h:5060"


@settings(deadline=None)
@given(ADDRESSES)
def test_a_dump_is_text_and_reads_back(address: SipAddress) -> None:
    trunk = Trunk(address=address)
    assert trunk.model_dump() == trunk.model_dump(mode="json") == {"address": str(address)}
    assert Trunk.model_validate_json(trunk.model_dump_json()) == trunk


@pytest.mark.parametrize("mode", ["validation", "serialization"])
def test_its_json_schema_is_a_string(mode: str) -> None:
    assert TypeAdapter(SipAddress).json_schema(mode=mode) == {"type": "string"}  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [5060, b"h", {"host": "h"}])
def test_a_model_refuses_other_types(value: object) -> None:
    with pytest.raises(ValidationError, match="a SIP address is text"):
        Trunk.model_validate({"address": value})


@pytest.mark.parametrize("validate", [Trunk.model_validate_json, lambda text: Trunk.model_validate(json.loads(text))])
def test_pydantics_error_holds_nothing_of_the_text(validate: Callable[[str], Trunk]) -> None:
    with pytest.raises(ValidationError, match="password") as caught:
        validate(f'{{"address": "sip:u:{CANARY}@h"}}')
    error = caught.value
    assert CANARY not in str(error) + repr(error) + error.json() + repr(error.errors())
    assert CANARY not in everything_in(error)


def test_a_model_made_now_reads_and_writes_it_as_text() -> None:
    adapter = TypeAdapter(SipAddress)
    address = adapter.validate_python("sip:front@pbx.example.com;transport=tls")
    assert (address.user, address.transport) == ("front", "tls")
    assert adapter.validate_python(address) is address
    assert adapter.dump_json(address) == b'"sip:front@pbx.example.com;transport=tls"'
    assert adapter.json_schema(mode="serialization") == {"type": "string"}
    for odd in (5, "sip:front:s3cret@pbx.example.com"):
        with pytest.raises(ValidationError) as caught:
            adapter.validate_python(odd)
        assert "s3cret" not in repr(caught.value.errors())
