"""The real name services: the system's, and dnspython against a name server on loopback."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import dns.asyncresolver
import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from telephony_core.sip_check import (
    CheckStep,
    CheckVerdict,
    NamesUnavailable,
    Naptr,
    NoAddress,
    NoSuchName,
    Srv,
    Timing,
    check_trunk,
)
from telephony_core.sip_check.network import dns as names_module
from telephony_core.sip_check.network.dns import DnsNames, SystemNames, name_service
from tests.sip_check.peer import SipPeer, always


def test_the_system_knows_localhost() -> None:
    assert "127.0.0.1" in asyncio.run(SystemNames().addresses("localhost"))


def test_an_ip_address_is_asked_of_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "getaddrinfo")
    assert asyncio.run(SystemNames().addresses("2001:db8::5")) == ("2001:db8::5",)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (socket.gaierror(socket.EAI_NONAME, "?"), NoSuchName),
        pytest.param(
            socket.gaierror(getattr(socket, "EAI_NODATA", 0), "?"),
            NoAddress,
            marks=pytest.mark.skipif(not hasattr(socket, "EAI_NODATA"), reason="this system does not tell it apart"),
        ),
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
