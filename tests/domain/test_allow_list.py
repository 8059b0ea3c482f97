"""Which allow-lists are taken, how they are printed, and that none opens a trunk unless somebody said so."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telephony_core.domain.allow_list import is_open, parse_allowed_addresses, readable_allowed_address
from telephony_core.errors import InvalidInput, NotAllowed

CANARY = "zq9canary"

ACCEPTED = [
    ("203.0.113.7", "203.0.113.7"),
    ("203.0.113.7/32", "203.0.113.7"),
    ("198.51.100.0/24", "198.51.100.0/24"),
    ("10.0.0.0/255.0.0.0", "10.0.0.0/8"),
    ("2001:DB8:0::1", "2001:db8::1"),
    ("2001:db8::1/128", "2001:db8::1"),
    ("2001:0db8::/32", "2001:db8::/32"),
    ("::1", "::1"),
    ("0.0.0.0", "0.0.0.0"),
]

# (entry, a word of the reason)
REFUSED = [
    ("", "empty"),
    (" 203.0.113.7", "blank"),
    ("203.0.113.7\n", "blank"),
    ("203.0.113.7, 198.51.100.9", "comma"),
    ("203.0.113.7,198.51.100.9", "comma"),
    ("203.0.113.7;198.51.100.9", "semicolon"),
    ("203.0.113.*", "wildcard"),
    ("*", "wildcard"),
    ("*.example.es", "wildcard"),
    ("203.0.113.7:5060", "port"),
    ("[2001:db8::1]", "brackets"),
    ("[2001:db8::1]:5060", "brackets"),
    ("fe80::1%eth0", "zone"),
    ("fe80::1%1/64", "zone"),
    ("pbx.example.com", "name"),
    ("localhost", "name"),
    ("sip:203.0.113.7", "URI"),
    ("https://203.0.113.7", "URI"),
    ("203.0.113.07", "leading zeros"),
    ("203.0.113.7/032", "leading zeros"),
    ("2001:db8::/032", "leading zeros"),
    ("203.0.113.300", "not an IP"),
    ("203.0.113", "not an IP"),
    ("3405803783", "not an IP"),
    ("203.0.113.7/33", "not an IP"),
    ("203.0.113.7/", "not an IP"),
    ("203.0.113.7/-1", "not an IP"),
    ("203.0.113.7/24/24", "not an IP"),
    ("2001:db8::/129", "not an IP"),
    ("2001:db8::5:::1", "not an IP"),
    ("２０３.0.113.7", "not an IP"),
    ("203.0.113.0/２４", "not an IP"),
    ("203.0.113.7-9", "not an IP"),
    ("\ud800", "not an IP"),
]

HALVES_V4 = ["0.0.0.0/1", "128.0.0.0/1"]
HALVES_V6 = ["::/1", "8000::/1"]
NETWORKS = st.one_of(
    st.builds(
        lambda address, length: IPv4Network((int(address), length), strict=False),
        st.ip_addresses(v=4),
        st.integers(8, 32),
    ),
    st.builds(
        lambda address, length: IPv6Network((int(address), length), strict=False),
        st.ip_addresses(v=6),
        st.integers(97, 128),
    ),
)


def outcome(entries: list[str], allow_any: bool) -> tuple[str, ...] | InvalidInput | NotAllowed:
    try:
        return parse_allowed_addresses(entries, allow_any=allow_any)
    except (InvalidInput, NotAllowed) as error:
        return error


def refusal(entries: object) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        parse_allowed_addresses(entries, allow_any=True)
    return caught.value


@pytest.mark.parametrize(("entry", "printed"), ACCEPTED)
def test_takes_addresses_and_networks(entry: str, printed: str) -> None:
    assert parse_allowed_addresses([entry], allow_any=False) == (printed,)
    assert readable_allowed_address(entry)


@pytest.mark.parametrize(("entry", "reason"), REFUSED)
def test_refuses_with_the_reason_and_what_to_write_instead(entry: str, reason: str) -> None:
    error = refusal([entry])
    assert reason in str(error)
    assert error.remedy
    assert not readable_allowed_address(entry)


def test_names_the_position_counted_from_one() -> None:
    assert "entry 3" in str(refusal(["203.0.113.7", "198.51.100.0/24", "pbx.example.com"]))


@pytest.mark.parametrize(
    ("entry", "network", "host"),
    [("10.1.2.3/8", "10.0.0.0/8", "10.1.2.3"), ("2001:db8::1/32", "2001:db8::/32", "2001:db8::1")],
)
def test_offers_the_network_where_host_bits_are_set(entry: str, network: str, host: str) -> None:
    remedy = refusal([entry]).remedy or ""
    assert f"`{network}`" in remedy
    assert f"`{host}`" in remedy


def test_never_offers_a_network_that_is_everybody() -> None:
    remedy = refusal(["203.0.113.7/0"]).remedy or ""
    assert "0.0.0.0/0" not in remedy
    assert "`203.0.113.7`" in remedy


@pytest.mark.parametrize("entries", ["203.0.113.7", b"203.0.113.7", None, 7])
def test_refuses_what_is_not_a_list(entries: object) -> None:
    assert "not a list" in str(refusal(entries))


@pytest.mark.parametrize("entry", [None, 7, 3405803783, b"203.0.113.7", ip_network("203.0.113.0/24")])
def test_refuses_entries_that_are_not_text(entry: object) -> None:
    assert "entry 2" in str(refusal(["203.0.113.7", entry]))
    assert not readable_allowed_address(entry)


def test_keeps_the_order_and_collapses_duplicates() -> None:
    entries = ["203.0.113.7", "2001:db8::1", "203.0.113.7/32", "198.51.100.0/24", "2001:DB8::1/128"]
    assert parse_allowed_addresses(entries, allow_any=False) == ("203.0.113.7", "2001:db8::1", "198.51.100.0/24")


def test_does_not_merge_networks() -> None:
    entries = ["10.0.0.0/9", "10.128.0.0/9", "10.1.2.3"]
    assert parse_allowed_addresses(entries, allow_any=False) == tuple(entries)


def test_takes_an_iterator_once() -> None:
    def entries() -> Iterator[str]:
        yield "203.0.113.7"

    assert parse_allowed_addresses(entries(), allow_any=False) == ("203.0.113.7",)


# Everybody

OPEN = [
    [],
    ["0.0.0.0/0"],
    ["::/0"],
    ["0.0.0.0/0.0.0.0"],
    ["203.0.113.7", "::/0"],
    HALVES_V4,
    [*HALVES_V6, "203.0.113.7"],
    ["0.0.0.0/1", "128.0.0.0/2", "192.0.0.0/2"],
    ["::ffff:0:0/96"],
    ["0.0.0.0/1", "::ffff:128.0.0.0/97"],
    ["0.0.0.0/1", "::/1"],
    ["0.0.0.0/1", "128.0.0.0/2", "192.0.0.0/3"],
    ["::/64"],
    ["::fffe:0:0/95"],
    ["2000::/3"],
    ["2000::/4", "3000::/4"],
    # a part of the world, and still strangers
    ["0.0.0.0/1"],
    ["128.0.0.0/1"],
    ["::/1"],
    ["8000::/1"],
    ["2000::/4"],
    ["8.0.0.0/8"],
    ["8.0.0.0/10"],
    [f"{first}.0.0.0/12" for first in (20, 34, 52, 91)],
    [f"{first}.0.0.0/8" for first in range(1, 224) if first not in (10, 127)],
    # everything but what is no source anyway, and everything but somebody
    [str(network) for network in IPv4Network("0.0.0.0/0").address_exclude(IPv4Network("10.0.0.0/8"))],
    [str(network) for network in IPv4Network("0.0.0.0/0").address_exclude(IPv4Network("8.8.8.8/32"))],
    [str(network) for network in IPv6Network("::/0").address_exclude(IPv6Network("2606:4700::1111/128"))],
    # a registry's block
    ["2a00::/12"],
    ["2001::/16"],
    [f"2a0{digit}::/20" for digit in range(4)],
    # every IPv4 address in IPv6 dress: NAT64, 6to4, Teredo, translated, compatible
    ["64:ff9b::/96"],
    ["64:ff9b:1::/48"],
    ["64:ff9b:1:fffe::/96"],
    ["2002::/16"],
    ["2002:800::/24"],
    ["2001::/32"],
    ["2001:0:4136:e378::/64"],
    ["2001:0:4136:e378:8000:63bf:f700::/104"],
    ["::ffff:0:0:0/96"],
    ["::/96"],
    ["::/97"],
    ["::ffff:8.0.0.0/104"],
    # halves of a /10, in two dresses
    ["8.0.0.0/11", "::ffff:8.32.0.0/107"],
]
NOT_OPEN = [
    ["224.0.0.0/3"],
    ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7", "fe80::/10"],
    ["0.0.0.0"],
    ["::"],
    ["::ffff:203.0.113.7"],
    ["::ffff:10.0.0.0/104"],
    ["8.0.0.0/11"],
    ["2002:cb00:7107::/48"],
    ["2002:cb00:7107:1::/64"],
    ["2002:cb00:7107::1"],
    ["64:ff9b::203.0.113.7"],
    ["64:ff9b::198.51.100.0/120"],
    ["2001:0:4136:e378:8000:63bf:3fff:fdd2"],
    ["ff00::/8"],
    ["2003::/19"],
    # what carriers publish for their signalling
    ["54.172.60.0/30", "54.244.51.0/30", "177.71.206.192/30", "168.86.128.0/18", "2600:1f18::/36"],
    ["192.76.120.10", "64.16.250.10", "36.255.198.128/25", "50.114.136.128/25", "103.115.244.128/25"],
    [f"{first}.7.0.0/16" for first in range(20, 36)],
    [f"2a0a:{part:x}::/29" for part in range(0x1000, 0x1080, 8)],
]


@pytest.mark.parametrize("entries", OPEN)
def test_letting_strangers_in_needs_allow(entries: list[str]) -> None:
    with pytest.raises(NotAllowed) as caught:
        parse_allowed_addresses(entries, allow_any=False)
    assert caught.value.allowance == "allow_any"
    assert "allow_any=True" in str(caught.value)
    assert is_open(entries)


@pytest.mark.parametrize("entries", OPEN)
def test_with_consent_strangers_may_be_let_in(entries: list[str]) -> None:
    assert len(parse_allowed_addresses(entries, allow_any=True)) == len(entries)


@pytest.mark.parametrize("entries", NOT_OPEN)
def test_carriers_and_private_networks_need_no_consent(entries: list[str]) -> None:
    assert parse_allowed_addresses(entries, allow_any=False)
    assert not is_open(entries)


def test_the_entry_that_lets_everybody_in_is_named() -> None:
    with pytest.raises(NotAllowed, match="entry 2"):
        parse_allowed_addresses(["203.0.113.7", "0.0.0.0/0"], allow_any=False)


def test_a_bad_entry_is_told_before_consent_is_asked() -> None:
    with pytest.raises(InvalidInput, match="entry 2"):
        parse_allowed_addresses(["0.0.0.0/0", "pbx.example.com"], allow_any=False)


# Lists that a vendor returned


@pytest.mark.parametrize(
    "entries",
    [
        ["203.0.113.7, 198.51.100.9"],
        ["*.example.es"],
        ["sip://203.0.113.7", "(203.0.113.7)", ""],
        ["203.0.113.7/0"],
        ["203.0.113.7/00"],
        ["pbx.example.com", "0.0.0.0/0"],
        ["0/0"],
        ["128/1", "pbx.example.com"],
        ["000.000.000.000/0"],
        ["8.1.2.3/8"],
        ["8/8"],
        ["0.0.0.0-255.255.255.255"],
        ["1.0.0.0-223.255.255.255", "203.0.113.7"],
        ["[::]/0"],
        ["[::/0]"],
        ["::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
        ["[::]-[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]"],
        ["2002:1234::1/16"],
    ],
)
def test_a_returned_list_that_servers_take_for_open_is_open(entries: list[str]) -> None:
    assert is_open(entries)


@pytest.mark.parametrize(
    "entries",
    [
        ["pbx.example.com"],
        ["[2001:db8::1]"],
        ["203.0.113.7, 198.51.100.9", "203.0.113.7"],
        ["10.1.2.3/8"],
        ["10/8"],
        ["203.0.113.7-203.0.113.9"],
        ["203.0.113.9-203.0.113.7"],
        ["[2001:db8::1]-[2001:db8::9]"],
        ["203.0.113.7-::1"],
        ["7-"],
        ["999.0.0.0/0"],
    ],
)
def test_a_returned_list_with_any_restriction_is_not_open(entries: list[str]) -> None:
    assert not is_open(entries)


def test_a_text_is_not_taken_for_a_returned_list() -> None:
    with pytest.raises(InvalidInput, match="not a list"):
        is_open("0.0.0.0/0")


# Properties


@settings(deadline=None)
@given(st.lists(NETWORKS, min_size=1, max_size=5))
def test_the_printed_form_means_the_same_and_is_stable(networks: list[IPv4Network | IPv6Network]) -> None:
    printed = parse_allowed_addresses([str(network) for network in networks], allow_any=True)
    assert [ip_network(entry) for entry in printed] == list(dict.fromkeys(networks))
    assert parse_allowed_addresses(printed, allow_any=True) == printed
    assert all("/" not in entry for entry in printed if ip_network(entry).num_addresses == 1)


@settings(deadline=None)
@given(st.lists(st.booleans(), max_size=20), st.sampled_from([IPv4Network("0.0.0.0/0"), IPv6Network("2000::/3")]))
def test_any_partition_of_the_whole_needs_allow_however_many_parts_it_has(
    turns: list[bool], whole: IPv4Network | IPv6Network
) -> None:
    parts: list[str] = []
    rest: IPv4Network | IPv6Network = whole
    for left in turns:
        low, high = rest.subnets()
        parts.append(str(high if left else low))
        rest = low if left else high
    assert is_open([*parts, str(rest)])
    if len(turns) > 4:  # what is left out is hardly anything
        assert is_open(parts)


@settings(deadline=None)
@given(st.lists(NETWORKS, max_size=6), NETWORKS)
def test_one_more_network_never_closes_an_open_list(networks: list[IPv4Network | IPv6Network], more: object) -> None:
    entries = [str(network) for network in networks]
    assert is_open([*entries, str(more)]) or not entries or not is_open(entries)


@settings(deadline=None)
@given(st.builds(IPv4Network, st.integers(0, 2**9 - 1).map(lambda bits: (bits << 23, 9))))
def test_an_ipv4_network_is_judged_alike_in_every_dress(network: IPv4Network) -> None:
    start, length = int(network.network_address), network.prefixlen
    dresses = {
        str(network),
        str(IPv6Network((0xFFFF << 32 | start, 96 + length))),
        str(IPv6Network((0x0064_FF9B << 96 | start, 96 + length))),
        str(IPv6Network((0x2002 << 112 | start << 80, 16 + length))),
        str(IPv6Network((0x2001 << 112 | (start ^ (2**32 - 2 ** (32 - length))), 96 + length))),
    }
    assert len({is_open([dress]) for dress in dresses}) == 1, dresses


@settings(deadline=None, max_examples=300)
@given(st.lists(st.text(max_size=30) | st.text("0123456789abcdf.:/[]%*, ", max_size=30), max_size=3), st.booleans())
def test_garbage_is_taken_or_refused_and_never_anything_else(entries: list[str], allow_any: bool) -> None:
    opens = is_open(entries)
    result = outcome(entries, allow_any)
    if isinstance(result, InvalidInput):
        assert result.__context__ is None
        assert result.__cause__ is None
        assert not all(readable_allowed_address(entry) for entry in entries)
    elif isinstance(result, NotAllowed):
        assert opens
        assert not allow_any
    else:
        assert all(readable_allowed_address(entry) for entry in (*entries, *result))
        assert is_open(result) == opens
        assert allow_any or not opens


@pytest.mark.parametrize(
    "template",
    [
        "{}",
        "{} ",
        "{}/24",
        "203.0.113.7/{}",
        "203.0.113.7:{}",
        "sip:u:{}@h",
        "[{}]",
        "fe80::1%{}",
        "*{}",
        "{}ü",
        "_{}_",
    ],
)
def test_a_refusal_holds_nothing_of_the_entry(template: str) -> None:
    error = refusal([template.format(CANARY)])
    shown = str(error) + repr(error) + repr(error.args) + repr(error.__dict__)
    assert CANARY not in shown.lower()
    assert error.__context__ is None
    assert error.__cause__ is None
