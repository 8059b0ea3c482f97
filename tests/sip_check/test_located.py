"""What a check says of the servers that a name leads to, and of a name that leads nowhere."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Sequence
from typing import Any

import pytest

from telephony_core.sip_check import (
    CheckStep,
    CheckVerdict,
    Naptr,
    NoAddress,
    NoSuchName,
    Srv,
    Timing,
    check_trunk,
)
from telephony_core.sip_check import probe as run_module
from telephony_core.sip_check.network.server_location import SipServer
from tests.sip_check.names import DOWN, Names
from tests.sip_check.peer import SipPeer, always, silent

V6 = {"2001:db8::5": ["2001:db8::5"]}


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


@pytest.mark.parametrize("unread", [{"has_srv": False}, {"services": {"_sip._udp.example.com": DOWN}}])
def test_a_name_without_an_address_may_have_service_records_that_could_not_be_read(unread: dict[str, Any]) -> None:
    nothing_but_services = Names({"example.com": NoAddress()}, **unread)
    report = check_trunk("example.com", transports=("udp",), names=nothing_but_services)
    assert report.verdict is CheckVerdict.INCONCLUSIVE
    assert "service records could not be looked up" in report.summary
    assert check_trunk("example.com", names=Names({"example.com": NoAddress()})).verdict is CheckVerdict.FAIL
    assert check_trunk("example.com:5060", names=nothing_but_services).verdict is CheckVerdict.FAIL


def test_a_name_service_that_hangs_is_not_waited_for() -> None:
    class Hanging(Names):
        async def addresses(self, host: str) -> Sequence[str]:
            await asyncio.Event().wait()
            return ()

    report = check_trunk("pbx.example.com:5060", names=Hanging(), timing=Timing(resolve=0.02))
    assert report.verdict is CheckVerdict.INCONCLUSIVE


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
