"""OPTIONS against a server in this process: any final answer shows a server, and nothing more."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from telephony_core.domain.sip_address import SipAddress
from telephony_core.sip_check import (
    CheckStep,
    CheckVerdict,
    Limits,
    StepReport,
    Timing,
    TrunkCredentials,
    TrunkReport,
    acheck_trunk,
    check_trunk,
)
from tests.sip_check.peer import HANG_UP, Answers, Drop, Heard, SipPeer, always, silent

SOMEBODY = TrunkCredentials(username="vox", password="s3cret")


def options(report: TrunkReport) -> StepReport:
    (entry,) = report.of(CheckStep.OPTIONS)
    return entry


@contextmanager
def a_port_nobody_listens_on() -> Iterator[int]:
    """Held by a socket that takes neither datagrams nor connections of others."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("status", [200, 302, 401, 403, 404, 405, 407, 486, 500, 503, 603])
def test_any_final_answer_passes(transport: str, status: int, quick: Timing) -> None:
    with SipPeer(always(status, "Some Reason", ("Server", "Peer/1")), transport) as peer:
        report = check_trunk(peer.uri, timing=quick)
    assert report.verdict is CheckVerdict.PASS
    assert options(report).observation.status == status
    assert options(report).observation.status_line == f"{status} Some Reason"
    assert options(report).observation.server == "Peer/1"
    assert "routes calls" in options(report).does_not_prove


def test_the_async_check_finds_the_same(quick: Timing) -> None:
    with SipPeer(always(200)) as peer:
        report = asyncio.run(acheck_trunk(SipAddress.parse(peer.uri), timing=quick))
    assert report.verdict is CheckVerdict.PASS


def test_in_a_running_loop_the_sync_check_says_what_to_call_instead() -> None:
    async def inside() -> None:
        check_trunk("192.0.2.1")

    with pytest.raises(RuntimeError, match="await acheck_trunk"):
        asyncio.run(inside())


@pytest.mark.parametrize("lost", [1, 2, 4])
def test_lost_datagrams_are_sent_again(lost: int, quick: Timing) -> None:
    with SipPeer(Drop(lost, always(200))) as peer:
        report = check_trunk(peer.uri, timing=quick)
    assert report.verdict is CheckVerdict.PASS
    assert len(peer.received) > lost
    assert len({received.data for received in peer.received}) == 1  # a repetition is the same bytes (RFC 3261 §17.1.2)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_silence_is_inconclusive(transport: str, brief: Timing) -> None:
    with SipPeer(silent, transport) as peer:
        report = check_trunk(peer.uri, timing=brief)
    assert report.verdict is CheckVerdict.INCONCLUSIVE
    assert options(report).proves == "nothing"
    assert "firewall" in options(report).does_not_prove
    assert len(peer.received) == 1 if transport == "tcp" else len(peer.received) > 1


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_closed_port_is_a_fail(transport: str, quick: Timing) -> None:
    with a_port_nobody_listens_on() as port:
        report = check_trunk(f"sip:127.0.0.1:{port};transport={transport}", timing=quick)
    assert report.verdict is CheckVerdict.FAIL
    assert "closed" in report.summary


def test_a_connection_that_is_closed_without_an_answer_is_inconclusive() -> None:
    # The hand-shake is the look whether the port speaks TLS; this peer waits for the end of a SIP head instead.
    with SipPeer(lambda received: [HANG_UP], "tcp") as peer:
        report = check_trunk(peer.uri, timing=Timing(handshake=0.04))
    assert options(report).verdict is CheckVerdict.INCONCLUSIVE
    assert "closed the connection" in options(report).summary


def test_ipv6_is_checked_like_ipv4(quick: Timing, ipv6_loopback: str) -> None:
    for transport in ("udp", "tcp"):
        with SipPeer(always(200), transport, host=ipv6_loopback) as peer:
            report = check_trunk(peer.uri, timing=quick)
        assert report.verdict is CheckVerdict.PASS
        assert options(report).target == peer.place
        assert "[::1]:" in (peer.received[0].header("Via") or "")


def test_without_a_transport_udp_is_enough_if_it_answers(quick: Timing) -> None:
    with SipPeer(always(200)) as peer:
        report = check_trunk(peer.place, timing=quick)
    assert [entry.transport for entry in report.of(CheckStep.OPTIONS)] == ["udp"]
    assert report.verdict is CheckVerdict.PASS


def test_without_a_transport_tcp_is_tried_where_udp_is_not_answered(quick: Timing) -> None:
    with SipPeer(always(200), "tcp") as peer:
        report = check_trunk(peer.place, timing=quick)
    assert [(e.transport, e.verdict) for e in report.of(CheckStep.OPTIONS)] == [
        ("udp", CheckVerdict.FAIL),
        ("tcp", CheckVerdict.PASS),
    ]
    assert report.verdict is CheckVerdict.PASS


def test_of_transports_nobody_asked_for_silence_leaves_hope(brief: Timing) -> None:
    with SipPeer(silent) as peer:
        report = check_trunk(peer.place, timing=brief)
    assert {entry.verdict for entry in report.steps if entry.step is not CheckStep.RESOLVE} == {
        CheckVerdict.INCONCLUSIVE,
        CheckVerdict.FAIL,
    }
    assert report.verdict is CheckVerdict.INCONCLUSIVE


def test_transports_that_were_asked_for_all_count(quick: Timing) -> None:
    with SipPeer(always(200)) as peer:
        report = check_trunk(peer.place, transports=("udp", "tcp"), timing=quick)
    assert report.verdict is CheckVerdict.FAIL
    assert options(report).verdict is CheckVerdict.PASS


def test_only_a_provisional_answer_is_inconclusive_and_proves_a_server(brief: Timing) -> None:
    with SipPeer(always(100, "Trying")) as peer:
        report = check_trunk(peer.uri, timing=brief)
    assert options(report).verdict is CheckVerdict.INCONCLUSIVE
    assert options(report).observation.status == 100
    assert options(report).proves == "a SIP server answers here"


def test_replies_with_a_foreign_call_id_are_no_answer(brief: Timing) -> None:
    with SipPeer(lambda received: [received.reply(200, "OK", call_id="foreign")]) as peer:
        report = check_trunk(peer.uri, timing=brief)
    assert options(report).verdict is CheckVerdict.INCONCLUSIVE
    assert any("not replies to this request" in note for note in options(report).observation.notes)


def test_an_answer_behind_a_foreign_one_is_found(quick: Timing) -> None:
    def behave(received: Heard) -> Answers:
        return [received.reply(200, "OK", call_id="foreign"), received.reply(404, "Not Found")]

    with SipPeer(behave, "tcp") as peer:
        report = check_trunk(peer.uri, timing=quick)
    assert options(report).observation.status == 404


def test_a_challenge_to_options_shows_realm_and_algorithms_and_is_not_answered(quick: Timing) -> None:
    challenges = [
        ("Proxy-Authenticate", 'Digest realm="lab, one", nonce="n", algorithm=SHA-512-256, qop="auth,auth-int"'),
        ("Proxy-Authenticate", 'Digest realm="lab, one", nonce="n"'),
    ]
    with SipPeer(always(407, "Proxy Authentication Required", *challenges)) as peer:
        report = check_trunk(peer.uri, SOMEBODY, timing=quick)
    assert options(report).observation.realm == "lab, one"
    assert options(report).observation.algorithms == ("SHA-512-256", "MD5")
    assert "register" in (options(report).next_step or "")
    assert [received.authorization for received in peer.received] == [None]


def test_credentials_that_were_given_and_not_tried_are_called_untried(quick: Timing) -> None:
    with SipPeer(always(200)) as peer:
        report = check_trunk(peer.uri, SOMEBODY, timing=quick)
    assert "not tried" in (options(report).next_step or "")
    assert peer.methods == ["OPTIONS"]


def test_connect_alone_sends_nothing(quick: Timing) -> None:
    with SipPeer(always(200), "tcp") as peer:
        report = check_trunk(peer.uri, steps=[CheckStep.CONNECT], timing=quick)
    assert [(e.step, e.verdict) for e in report.steps] == [
        (CheckStep.RESOLVE, CheckVerdict.PASS),
        (CheckStep.CONNECT, CheckVerdict.PASS),
    ]
    assert peer.received == []


def test_connect_over_udp_can_show_nothing(quick: Timing) -> None:
    report = check_trunk("sip:127.0.0.1:9;transport=udp", steps=["connect"], timing=quick)
    assert report.verdict is CheckVerdict.INCONCLUSIVE


def test_the_time_of_the_whole_check_bounds_every_step(brief: Timing) -> None:
    with SipPeer(silent, "tcp") as peer:
        timing = Timing(t1=0.01, answer=5.0, total=0.05)
        report = check_trunk(peer.uri, SOMEBODY, steps=("options", "register"), timing=timing)
    assert report.elapsed_ms < 1000
    assert "used up" in report.of(CheckStep.REGISTER)[0].summary
    assert report.verdict is CheckVerdict.INCONCLUSIVE


def test_a_flood_of_replies_ends_at_the_limit(quick: Timing) -> None:
    with SipPeer(lambda received: [received.reply(200, "OK", call_id=f"f{n}") for n in range(500)], "tcp") as peer:
        report = check_trunk(peer.uri, timing=quick, limits=Limits(replies=10))
    assert options(report).verdict is CheckVerdict.INCONCLUSIVE
    assert "too many messages" in options(report).summary


@pytest.mark.parametrize(
    ("number", "verdict", "word"),
    [
        (errno.ECONNREFUSED, CheckVerdict.FAIL, "closed"),
        (errno.EHOSTUNREACH, CheckVerdict.FAIL, "cannot be reached"),
        (errno.ENETUNREACH, CheckVerdict.FAIL, "cannot be reached"),
        (errno.ETIMEDOUT, CheckVerdict.INCONCLUSIVE, "no answer in time"),
        (errno.ECONNRESET, CheckVerdict.INCONCLUSIVE, "closed the connection"),
        (errno.EPERM, CheckVerdict.INCONCLUSIVE, "this host"),
        (errno.ENOBUFS, CheckVerdict.INCONCLUSIVE, "this host"),
    ],
)
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_what_the_kernel_reports_is_told_apart(
    transport: str, number: int, verdict: CheckVerdict, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*args: object) -> None:
        raise OSError(number, "from the kernel")

    with SipPeer(silent, transport) as peer:
        monkeypatch.setattr(asyncio.SelectorEventLoop, "sock_sendall", fail)
        report = check_trunk(peer.uri, timing=Timing(handshake=0.02))
        monkeypatch.undo()
    assert options(report).verdict is verdict
    assert word in options(report).summary


def test_a_check_that_is_cancelled_leaves_nothing_open(brief: Timing) -> None:
    async def cancel(uri: str) -> None:
        check = asyncio.create_task(acheck_trunk(uri, timing=Timing(answer=5.0)))
        while not peer.received:
            await asyncio.sleep(0.001)
        check.cancel()
        with pytest.raises(asyncio.CancelledError):
            await check
        assert asyncio.all_tasks() == {asyncio.current_task()}

    for transport in ("udp", "tcp"):
        with SipPeer(silent, transport) as peer:
            asyncio.run(cancel(peer.uri))


def test_several_checks_run_side_by_side(quick: Timing) -> None:
    async def both(first: str, second: str) -> list[TrunkReport]:
        return list(await asyncio.gather(acheck_trunk(first, timing=quick), acheck_trunk(second, timing=quick)))

    with SipPeer(always(200)) as one, SipPeer(always(404), "tcp") as two:
        reports = asyncio.run(both(one.uri, two.uri))
    assert [options(report).observation.status for report in reports] == [200, 404]


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_bare_line_feeds_and_keep_alives_hide_no_server(transport: str, quick: Timing) -> None:
    def odd(received: Heard) -> Answers:
        return [b"\r\n\r\n", b"\r\n", b"\n", received.reply(200, "OK", cseq="0001 OPTIONS").replace(b"\r\n", b"\n")]

    with SipPeer(odd, transport) as peer:
        report = check_trunk(peer.uri, timing=quick)
    assert report.verdict is CheckVerdict.PASS
