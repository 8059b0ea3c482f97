"""From a name to servers, by RFC 3263: with NAPTR and SRV, without them, and when the name service fails."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from telephony_core.domain.sip_address import SipAddress
from telephony_core.errors import InvalidInput
from telephony_core.sip_check import (
    Limits,
    Naptr,
    NoSuchName,
    Srv,
    Transport,
)
from telephony_core.sip_check.network.server_location import Resolution, requested_transports, resolve
from tests.sip_check.names import DOWN, Names

HOST = {"pbx.example.com": ["192.0.2.1"]}


def find(
    address: str, names: Names, transports: Sequence[Transport] | None = None, limits: Limits | None = None
) -> Resolution:
    read = SipAddress.parse(address)
    return asyncio.run(resolve(read, requested_transports(read, transports), names=names, limits=limits or Limits()))


def places(resolution: Resolution) -> list[str]:
    return [f"{target.transport} {target}" for route in resolution.routes for target in route.targets]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.9", ["udp 192.0.2.9:5060", "tcp 192.0.2.9:5060"]),
        ("192.0.2.9:5080", ["udp 192.0.2.9:5080", "tcp 192.0.2.9:5080"]),
        ("sip:192.0.2.9;transport=tcp", ["tcp 192.0.2.9:5060"]),
        ("sip:192.0.2.9;transport=tls", ["tls 192.0.2.9:5061"]),
        ("sips:192.0.2.9", ["tls 192.0.2.9:5061"]),
        ("sips:192.0.2.9;transport=tcp", ["tls 192.0.2.9:5061"]),
        ("[2001:db8::5]:5070", ["udp [2001:db8::5]:5070", "tcp [2001:db8::5]:5070"]),
        ("pbx.example.com:5070", ["udp 192.0.2.1:5070", "tcp 192.0.2.1:5070"]),
    ],
)
def test_with_a_port_or_an_ip_address_no_service_records_are_asked_for(address: str, expected: list[str]) -> None:
    names = Names({"192.0.2.9": ["192.0.2.9"], "2001:db8::5": ["2001:db8::5"], **HOST})
    resolution = find(address, names)
    assert places(resolution) == expected
    assert all(question.startswith("A ") for question in names.asked)
    assert resolution.srv_checked


def test_a_host_is_asked_for_once_whatever_the_transports() -> None:
    names = Names(HOST)
    find("pbx.example.com:5060", names, ("udp", "tcp", "tls"))
    assert names.asked == ["A pbx.example.com"]


def test_maddr_says_where_to_send() -> None:
    names = Names({"192.0.2.77": ["192.0.2.77"]})
    assert places(find("sip:pbx.example.com:5060;transport=udp;maddr=192.0.2.77", names)) == ["udp 192.0.2.77:5060"]


@pytest.mark.parametrize(
    ("where", "place"), [("192.0.2.77", "udp 192.0.2.77:5060"), ("[2001:db8::7]", "udp [2001:db8::7]:5060")]
)
def test_an_ip_address_in_maddr_is_looked_up_nowhere(where: str, place: str) -> None:
    names = Names({"192.0.2.77": ["192.0.2.77"], "2001:db8::7": ["2001:db8::7"]})
    assert places(find(f"sip:pbx.example.com;transport=udp;maddr={where}", names)) == [place]
    assert all(question.startswith("A ") for question in names.asked)


def test_naptr_names_the_transports_in_its_order() -> None:
    names = Names(
        {"a.example.com": ["192.0.2.1"], "b.example.com": ["192.0.2.2"]},
        {
            "_sip._tcp.x.example": [Srv(1, 1, 5070, "b.example.com")],
            "_sip._udp.x.example": [Srv(1, 1, 5080, "a.example.com")],
        },
        {
            "example.com": [
                Naptr(20, 1, "s", "SIP+D2U", "_sip._udp.x.example"),
                Naptr(10, 2, "S", "sip+d2t", "_sip._tcp.x.example"),
                Naptr(10, 1, "s", "SIP+D2S", "_sip._sctp.x.example"),
                Naptr(5, 1, "u", "E2U+sip", ""),
            ]
        },
    )
    resolution = find("example.com", names)
    assert places(resolution) == ["tcp 192.0.2.2:5070", "udp 192.0.2.1:5080"]
    assert resolution.are_alternatives


def test_without_naptr_the_service_records_that_exist_name_the_transports() -> None:
    names = Names(
        {"a.example.com": ["192.0.2.1"]},
        {"_sips._tcp.example.com": [Srv(1, 1, 5061, "a.example.com")]},
    )
    assert places(find("sip:example.com", names)) == ["tls 192.0.2.1:5061"]


def test_without_any_service_records_addresses_and_the_default_port_are_used() -> None:
    resolution = find("pbx.example.com", Names(HOST))
    assert places(resolution) == ["udp 192.0.2.1:5060", "tcp 192.0.2.1:5060"]
    assert resolution.notes == ("no SRV records; A/AAAA and the default port are used",)


def test_a_transport_that_is_given_asks_only_for_its_own_service() -> None:
    names = Names({"a.example.com": ["192.0.2.1"]}, {"_sips._tcp.example.com": [Srv(1, 1, 5061, "a.example.com")]})
    assert places(find("sips:example.com", names)) == ["tls 192.0.2.1:5061"]
    assert names.asked == ["SRV _sips._tcp.example.com", "A a.example.com"]


def test_servers_are_tried_by_priority_and_then_by_weight() -> None:
    hosts = {f"{name}.example.com": [f"192.0.2.{index}"] for index, name in enumerate("abc")}
    records = [Srv(20, 1, 5060, "a.example.com"), Srv(10, 1, 5060, "b.example.com"), Srv(10, 9, 5060, "c.example.com")]
    names = Names(hosts, {"_sip._udp.example.com": records})
    assert places(find("example.com", names, ("udp",))) == [
        "udp 192.0.2.2:5060",
        "udp 192.0.2.1:5060",
        "udp 192.0.2.0:5060",
    ]


def test_a_service_that_dns_denies_is_a_fact() -> None:
    names = Names(HOST, {"_sip._tcp.pbx.example.com": [Srv(0, 0, 0, ".")]})
    (route,) = find("pbx.example.com", names, ("tcp",)).routes
    assert not route.targets
    assert route.is_certain
    assert "no service over tcp" in route.missing


def test_a_service_that_dns_denies_takes_nothing_from_the_others() -> None:
    names = Names(
        HOST,
        {
            "_sip._tcp.pbx.example.com": [Srv(0, 0, 0, "")],
            "_sip._udp.pbx.example.com": [Srv(1, 1, 5060, "pbx.example.com")],
        },
    )
    resolution = find("pbx.example.com", names)
    assert places(resolution) == ["udp 192.0.2.1:5060"]
    assert any("not over tcp" in note for note in resolution.notes)


def test_one_dead_host_among_service_records_does_not_hide_the_others() -> None:
    records = [Srv(1, 1, 5060, "gone.example.com"), Srv(2, 1, 5060, "pbx.example.com")]
    names = Names(HOST, {"_sip._udp.example.com": records})
    assert places(find("example.com", names, ("udp",))) == ["udp 192.0.2.1:5060"]


def test_dns_cannot_make_a_check_endless() -> None:
    many = [f"192.0.2.{index}" for index in range(200)]
    names = Names(
        {"a.example.com": many}, {"_sip._udp.example.com": [Srv(1, 1, p, "a.example.com") for p in range(1, 99)]}
    )
    resolution = find("example.com", names, ("udp",), Limits(targets=3, records=5))
    assert len(places(resolution)) == 3
    assert any("not tried" in note for note in resolution.notes)
    assert names.asked.count("A a.example.com") == 1


def test_a_service_over_tls_alone_is_not_looked_for_in_clear_text() -> None:
    pointers = {"pbx.example.com": [Naptr(1, 1, "s", "SIPS+D2T", "_sips._tcp.pbx.example.com")]}
    for answer in ((), DOWN):
        names = Names(HOST, {"_sips._tcp.pbx.example.com": answer}, pointers)
        assert places(find("pbx.example.com", names)) == ["tls 192.0.2.1:5061"]


def test_a_failed_lookup_is_never_reported_as_no_records() -> None:
    names = Names(HOST, {"_sip._udp.pbx.example.com": DOWN}, {"pbx.example.com": DOWN})
    for transports in (None, ("udp",)):
        resolution = find("pbx.example.com", names, transports)
        assert not resolution.srv_checked
        assert not any("no SRV records" in note for note in resolution.notes)


@pytest.mark.parametrize(("failure", "is_certain"), [(NoSuchName(), True), (DOWN, False), ((), True)])
@pytest.mark.parametrize("transports", [None, ("udp",)])
def test_service_records_whose_hosts_have_no_address_lead_nowhere(
    transports: Sequence[Transport] | None, failure: Sequence[str] | Exception, is_certain: bool
) -> None:
    names = Names({"a.example.com": failure}, {"_sip._udp.example.com": [Srv(1, 1, 5060, "a.example.com")]})
    (route,) = find("example.com", names, transports).routes
    assert not route.targets
    assert "SRV records have no address" in route.missing
    assert route.is_certain is is_certain


@pytest.mark.parametrize("transports", [(), ("sctp",), "udp"])
def test_transports_that_do_not_exist_are_refused(transports: tuple[Transport, ...]) -> None:
    with pytest.raises(InvalidInput, match="among udp, tcp and tls"):
        find("192.0.2.1", Names(), transports)


def test_service_records_that_could_not_be_asked_for_are_named_and_addresses_used() -> None:
    names = Names(HOST, {"_sip._udp.pbx.example.com": DOWN})
    resolution = find("pbx.example.com", names, ("udp",))
    assert places(resolution) == ["udp 192.0.2.1:5060"]
    assert not resolution.srv_checked
    assert any("SRV for udp: no answer" in note for note in resolution.notes)
