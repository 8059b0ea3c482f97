"""From a name to servers, by RFC 3263: with NAPTR and SRV, without them, and when the name service fails."""

from __future__ import annotations

import asyncio
import errno
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import dns.asyncresolver
import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from telephony_core.domain.sip_address import SipAddress
from telephony_core.errors import InvalidInput
from telephony_core.sip_check import (
    CheckStep,
    CheckVerdict,
    Limits,
    NamesUnavailable,
    Naptr,
    NoSuchName,
    Srv,
    Timing,
    Transport,
    check_trunk,
)
from telephony_core.sip_check import probe as run_module
from telephony_core.sip_check.network import dns as names_module
from telephony_core.sip_check.network.dns import DnsNames, SystemNames, name_service
from telephony_core.sip_check.network.server_location import Resolution, SipServer, requested_transports, resolve
from tests.sip_check.peer import SipPeer, always, silent

T = TypeVar("T")

DOWN = NamesUnavailable("no answer from the name server")


@dataclass
class Names:
    """A name service out of a table. An exception as a value is raised."""

    hosts: Mapping[str, Sequence[str] | Exception] = field(default_factory=dict)
    services: Mapping[str, Sequence[Srv] | Exception] = field(default_factory=dict)
    pointers: Mapping[str, Sequence[Naptr] | Exception] = field(default_factory=dict)
    has_srv: bool = True
    asked: list[str] = field(default_factory=list)

    async def naptr(self, name: str) -> Sequence[Naptr]:
        self.asked.append(f"NAPTR {name}")
        return _value(self.pointers.get(name, ()))

    async def srv(self, name: str) -> Sequence[Srv]:
        self.asked.append(f"SRV {name}")
        return _value(self.services.get(name, ()))

    async def addresses(self, host: str) -> Sequence[str]:
        self.asked.append(f"A {host}")
        return _value(self.hosts.get(host, NoSuchName()))


def _value(found: Sequence[T] | Exception) -> Sequence[T]:
    if isinstance(found, Exception):
        raise found
    return found


def find(
    address: str, names: Names, transports: Sequence[Transport] | None = None, limits: Limits | None = None
) -> Resolution:
    read = SipAddress.parse(address)
    return asyncio.run(resolve(read, requested_transports(read, transports), names=names, limits=limits or Limits()))


def places(resolution: Resolution) -> list[str]:
    return [f"{target.transport} {target}" for route in resolution.routes for target in route.targets]


V6 = {"2001:db8::5": ["2001:db8::5"]}
HOST = {"pbx.example.com": ["192.0.2.1"]}


# --- which transports, which ports --------------------------------------------------------------------------------


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


# --- verdicts -----------------------------------------------------------------------------------------------------


def test_without_a_dns_library_the_report_says_that_srv_was_not_checked(quick: Timing) -> None:
    with SipPeer(always(200)) as peer:
        names = Names({"pbx.example.com": ["127.0.0.1"]}, has_srv=False)
        report = check_trunk("pbx.example.com", transports=("udp",), steps=["resolve"], names=names, timing=quick)
        with_port = check_trunk(f"pbx.example.com:{peer.port}", names=names, timing=quick)
    (entry,) = report.of(CheckStep.RESOLVE)
    assert entry.verdict is CheckVerdict.PASS
    assert any("SRV not checked" in note for note in entry.observation.notes)
    assert "SRV records" in entry.does_not_prove
    assert "SRV not checked" not in str(with_port)


@pytest.mark.parametrize(
    ("failure", "verdict"),
    [(NoSuchName(), CheckVerdict.FAIL), (DOWN, CheckVerdict.INCONCLUSIVE)],
    ids=["no name", "no service"],
)
@pytest.mark.parametrize("address", ["gone.example.com", "sip:gone.example.com:5060;transport=tcp"])
def test_a_name_that_leads_nowhere_ends_the_check(address: str, failure: Exception, verdict: CheckVerdict) -> None:
    report = check_trunk(address, names=Names({"gone.example.com": failure}))
    assert report.verdict is verdict
    assert [entry.step for entry in report.steps] == [CheckStep.RESOLVE]


def test_a_name_service_that_hangs_is_not_waited_for() -> None:
    class Hanging(Names):
        async def addresses(self, host: str) -> Sequence[str]:
            await asyncio.Event().wait()
            return ()

    report = check_trunk("pbx.example.com:5060", names=Hanging(), timing=Timing(resolve=0.02))
    assert report.verdict is CheckVerdict.INCONCLUSIVE


def test_service_records_that_could_not_be_asked_for_are_named_and_addresses_used() -> None:
    names = Names(HOST, {"_sip._udp.pbx.example.com": DOWN})
    resolution = find("pbx.example.com", names, ("udp",))
    assert places(resolution) == ["udp 192.0.2.1:5060"]
    assert not resolution.srv_checked
    assert any("SRV for udp: no answer" in note for note in resolution.notes)


def test_a_transport_that_was_asked_for_and_leads_nowhere_fails_beside_one_that_answers(quick: Timing) -> None:
    with SipPeer(always(200)) as peer:
        names = Names(
            {"pbx.example.com": ["127.0.0.1"]},
            {
                "_sip._udp.example.com": [Srv(1, 1, peer.port, "pbx.example.com")],
                "_sip._tcp.example.com": [Srv(0, 0, 0, "")],
            },
        )
        report = check_trunk("example.com", transports=("udp", "tcp"), names=names, timing=quick)
    assert [(entry.transport, entry.verdict) for entry in report.of(CheckStep.RESOLVE)] == [
        (None, CheckVerdict.PASS),
        ("tcp", CheckVerdict.FAIL),
    ]
    assert report.of(CheckStep.OPTIONS)[0].verdict is CheckVerdict.PASS
    assert report.verdict is CheckVerdict.FAIL


def test_one_server_down_and_one_up_is_inconclusive(quick: Timing) -> None:
    with SipPeer(always(200)) as up, SipPeer(silent, "tcp") as down:
        records = [Srv(1, 1, up.port, "pbx.example.com"), Srv(2, 1, down.port, "pbx.example.com")]
        names = Names({"pbx.example.com": ["127.0.0.1"]}, {"_sip._udp.example.com": records})
        report = check_trunk("example.com", transports=("udp",), names=names, timing=quick)
    assert [entry.verdict for entry in report.of(CheckStep.OPTIONS)] == [CheckVerdict.PASS, CheckVerdict.FAIL]
    assert report.verdict is CheckVerdict.INCONCLUSIVE
    assert "others do not" in report.summary


def test_a_broken_tls_service_is_not_followed_by_one_in_clear_text(quick: Timing) -> None:
    with SipPeer(always(200)) as clear, SipPeer(silent, "tcp", greeting=b"not TLS\r\n") as broken:
        names = Names(
            {"pbx.example.com": ["127.0.0.1"]},
            {
                "_sips._tcp.example.com": [Srv(1, 1, broken.port, "pbx.example.com")],
                "_sip._udp.example.com": [Srv(1, 1, clear.port, "pbx.example.com")],
            },
            {
                "example.com": [
                    Naptr(1, 1, "s", "SIPS+D2T", "_sips._tcp.example.com"),
                    Naptr(2, 1, "s", "SIP+D2U", "_sip._udp.example.com"),
                ]
            },
        )
        report = check_trunk("example.com", names=names, timing=quick)
    assert report.verdict is CheckVerdict.FAIL
    assert clear.received == []


def test_an_address_family_this_host_lacks_is_left_out_and_named(
    monkeypatch: pytest.MonkeyPatch, quick: Timing
) -> None:
    def only_ipv4(target: SipServer) -> bool:
        return ":" not in target.ip

    monkeypatch.setattr(run_module, "has_route", only_ipv4)
    with SipPeer(always(200)) as peer:
        names = Names({"pbx.example.com": ["2001:db8::5", "127.0.0.1"]})
        report = check_trunk(f"sip:pbx.example.com:{peer.port};transport=udp", names=names, timing=quick)
    assert report.verdict is CheckVerdict.PASS
    assert any("no route" in note for note in report.of(CheckStep.RESOLVE)[0].observation.notes)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("number", [errno.ENETUNREACH, errno.EHOSTUNREACH])
def test_an_address_this_host_has_no_way_to_is_inconclusive(
    number: int, transport: str, monkeypatch: pytest.MonkeyPatch, quick: Timing
) -> None:
    class Stranded(socket.socket):
        def connect(self, address: object) -> None:
            raise OSError(number, "no way")

    monkeypatch.setattr(socket, "socket", Stranded)
    report = check_trunk(f"sip:[2001:db8::5]:5060;transport={transport}", timing=quick, names=Names(V6))
    assert report.verdict is CheckVerdict.INCONCLUSIVE
    assert "no route" in report.summary


# --- the real name services ---------------------------------------------------------------------------------------


def test_the_system_knows_localhost() -> None:
    assert "127.0.0.1" in asyncio.run(SystemNames().addresses("localhost"))


def test_an_ip_address_is_asked_of_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "getaddrinfo")
    assert asyncio.run(SystemNames().addresses("2001:db8::5")) == ("2001:db8::5",)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (socket.gaierror(socket.EAI_NONAME, "?"), NoSuchName),
        (socket.gaierror(socket.EAI_AGAIN, "?"), NamesUnavailable),
        (UnicodeError("label too long"), NoSuchName),
        (OSError("?"), NamesUnavailable),
    ],
)
def test_what_the_system_says_of_a_name_is_told_apart(
    error: Exception, expected: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise error

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(expected):
        asyncio.run(SystemNames().addresses("pbx.example.com"))


def test_a_resolver_of_the_system_that_hangs_does_not_hold_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    def hang(*args: object, **kwargs: object) -> list[object]:
        release.wait(20)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    try:
        report = check_trunk("pbx.example.com:5060", names=SystemNames(), timing=Timing(resolve=0.02))
    finally:
        release.set()
    assert report.verdict is CheckVerdict.INCONCLUSIVE
    assert report.elapsed_ms < 5000


def test_without_dnspython_the_system_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "dns"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "dns", None)
    assert not name_service(1.0).has_srv


def test_without_a_name_server_the_system_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise dns.resolver.NoResolverConfiguration

    monkeypatch.setattr(dns.asyncresolver, "Resolver", refuse)
    assert type(names_module.name_service(1.0)) is SystemNames


ZONE = {
    ("example.com.", "NAPTR"): ['10 1 "s" "SIP+D2U" "" _sip._udp.example.com.'],
    ("_sip._udp.example.com.", "SRV"): ["10 5 5070 a.example.com."],
    ("nodata.example.com.", "A"): ["192.0.2.1"],
}


@contextmanager
def name_server(behave: Callable[[dns.message.Message], dns.message.Message | None]) -> Iterator[DnsNames]:
    """A name server on loopback, and a `DnsNames` that asks it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        over = threading.Event()

        def serve() -> None:
            while True:
                data, sender = sock.recvfrom(4096)
                if over.is_set():
                    return
                answer = behave(dns.message.from_wire(data))
                if answer is not None:
                    sock.sendto(answer.to_wire(), sender)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        resolver = dns.asyncresolver.Resolver(configure=False)
        resolver.nameservers = ["127.0.0.1"]
        resolver.port = sock.getsockname()[1]
        resolver.timeout = 0.05
        try:
            yield DnsNames(resolver, 0.1)
        finally:
            over.set()
            sock.sendto(b"", sock.getsockname())
            thread.join(5)


def from_zone(query: dns.message.Message) -> dns.message.Message:
    question = query.question[0]
    answer = dns.message.make_response(query)
    name, kind = question.name.to_text(), dns.rdatatype.to_text(question.rdtype)
    if records := ZONE.get((name, kind)):
        answer.answer.append(dns.rrset.from_text(name, 60, "IN", kind, *records))
    elif not any(known == name for known, _ in ZONE):
        answer.set_rcode(dns.rcode.NXDOMAIN)
    return answer


def servfail(query: dns.message.Message) -> dns.message.Message:
    answer = dns.message.make_response(query)
    answer.set_rcode(dns.rcode.SERVFAIL)
    return answer


def test_dnspython_reads_naptr_and_srv() -> None:
    async def ask(names: DnsNames) -> tuple[Sequence[Naptr], Sequence[Srv]]:
        return await names.naptr("example.com"), await names.srv("_sip._udp.example.com")

    with name_server(from_zone) as names:
        pointers, services = asyncio.run(ask(names))
    assert list(pointers) == [Naptr(10, 1, "s", "SIP+D2U", "_sip._udp.example.com.")]
    assert list(services) == [Srv(10, 5, 5070, "a.example.com")]


@pytest.mark.parametrize("name", ["nodata.example.com", "nowhere.example.com"])
def test_no_records_and_no_name_are_both_nothing(name: str) -> None:
    with name_server(from_zone) as names:
        assert list(asyncio.run(names.srv(name))) == []


@pytest.mark.parametrize("behave", [servfail, lambda query: None], ids=["it fails", "it is silent"])
def test_a_name_server_that_fails_is_not_taken_for_no_records(
    behave: Callable[[dns.message.Message], dns.message.Message | None],
) -> None:
    with name_server(behave) as names, pytest.raises(NamesUnavailable):
        asyncio.run(names.srv("_sip._udp.example.com"))


def test_a_whole_check_goes_from_naptr_to_the_server(quick: Timing) -> None:
    with SipPeer(always(200)) as peer:

        def behave(query: dns.message.Message) -> dns.message.Message:
            answer = from_zone(query)
            if query.question[0].rdtype == dns.rdatatype.SRV:
                answer.answer = [
                    dns.rrset.from_text(query.question[0].name, 60, "IN", "SRV", f"1 1 {peer.port} localhost.")
                ]
            return answer

        with name_server(behave) as names:
            report = check_trunk("example.com", names=names, timing=quick)
    assert report.verdict in (CheckVerdict.PASS, CheckVerdict.INCONCLUSIVE)  # localhost may be ::1 as well
    assert any(
        entry.verdict is CheckVerdict.PASS and entry.target == peer.place and entry.transport == "udp"
        for entry in report.of(CheckStep.OPTIONS)
    )
