"""Servers that mean no good, or are none of SIP: a clear verdict, in bounded time and memory, without a secret."""

from __future__ import annotations

import itertools
import traceback
import tracemalloc
from typing import Any

import pytest

from telephony_core.errors import InvalidInput
from telephony_core.sip_check import (
    CheckStep,
    CheckVerdict,
    Limits,
    Timing,
    TrunkCredentials,
    TrunkReport,
    check_trunk,
)
from tests.sip_check.peer import Answers, Heard, SipPeer, always

CANARY = "canary-7f3a9c-Passw0rd!"
CREDENTIALS = TrunkCredentials(username="vox", password=CANARY)
BOTH = (CheckStep.OPTIONS, CheckStep.REGISTER)
PATIENT = Timing(t1=0.01, answer=5.0, total=0.3)
"""For servers that never come to an end: the whole check must."""


def summary(report: TrunkReport) -> str:
    return report.of(CheckStep.OPTIONS)[0].summary


@pytest.mark.parametrize(
    "garbage",
    [
        b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n",
        b"\x00\xff" * 2000,
        b"SIP/2.0 nine hundred\r\n\r\n",
        b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n",
    ],
)
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_another_protocol_is_a_fail(transport: str, garbage: bytes, brief: Timing) -> None:
    with SipPeer(lambda received: [garbage], transport) as peer:
        report = check_trunk(peer.uri, timing=brief)
    assert report.verdict is CheckVerdict.FAIL
    assert summary(report) == "what answers is not SIP"


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_tls_alert_names_tls(transport: str, quick: Timing) -> None:
    with SipPeer(lambda received: [b"\x15\x03\x01\x00\x02\x02\x46"], transport) as peer:
        report = check_trunk(peer.uri, timing=quick)
    assert report.verdict is CheckVerdict.FAIL
    assert summary(report) == "this port speaks TLS"


def test_a_server_that_speaks_first_and_no_sip_is_a_fail(quick: Timing) -> None:
    with SipPeer(always(200), "tcp", greeting=b"220 mail.example.com ESMTP\r\n") as peer:
        assert check_trunk(peer.uri, timing=quick).verdict is CheckVerdict.FAIL


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_our_own_request_sent_back_is_no_answer(transport: str, brief: Timing) -> None:
    with SipPeer(lambda received: [received.data], transport) as peer:
        report = check_trunk(peer.uri, timing=brief)
    assert report.verdict is CheckVerdict.INCONCLUSIVE


def test_a_head_without_an_end_is_cut_at_the_limit() -> None:
    def behave(received: Heard) -> Answers:
        yield b"SIP/2.0 200 OK\r\n"
        yield from itertools.repeat(b"X: " + b"a" * 4000 + b"\r\n")

    tracemalloc.start()
    try:
        with SipPeer(behave, "tcp") as peer:
            report = check_trunk(peer.uri)
            _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert report.verdict is CheckVerdict.FAIL
    assert "does not end within the limit" in summary(report)
    assert peak < 5_000_000


def test_a_head_of_almost_64_kb_is_still_read(quick: Timing) -> None:
    with SipPeer(always(200, "OK", ("X", "a" * 64_000)), "tcp") as peer:
        assert check_trunk(peer.uri, timing=quick).verdict is CheckVerdict.PASS


@pytest.mark.parametrize(
    "endless",
    [b"\r\n\r\n" * 1000, b"SIP/2.0 100 Trying\r\nContent-Length: 9999999999\r\n\r\n" + b"x" * 4000],
    ids=["keep-alives", "a body"],
)
def test_a_stream_that_never_ends_ends_with_the_time(endless: bytes) -> None:
    def behave(received: Heard) -> Answers:
        return itertools.repeat(endless)

    with SipPeer(behave, "tcp") as peer:
        report = check_trunk(peer.uri, timing=PATIENT)
    assert report.verdict is CheckVerdict.INCONCLUSIVE
    assert report.elapsed_ms < 2000


def test_a_head_that_comes_byte_by_byte_ends_with_the_time() -> None:
    def behave(received: Heard) -> Answers:
        yield from (bytes([byte]) for byte in received.reply(200, "OK")[:-1])

    with SipPeer(behave, "tcp") as peer:
        report = check_trunk(peer.uri, timing=PATIENT)
    assert report.verdict is CheckVerdict.INCONCLUSIVE


def test_a_cseq_of_thousands_of_zeros_does_not_hold_the_check() -> None:
    with SipPeer(lambda received: [received.reply(200, "OK", cseq="0" * 20_000)]) as peer:
        report = check_trunk(peer.uri, timing=PATIENT)
    assert report.verdict is CheckVerdict.INCONCLUSIVE
    assert report.elapsed_ms < 2000


def test_a_datagram_of_the_largest_size_is_read(quick: Timing) -> None:
    with SipPeer(lambda received: [received.reply(200, "OK", ("X", "a" * 60_000))]) as peer:
        assert check_trunk(peer.uri, timing=quick).verdict is CheckVerdict.PASS


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_flood_is_cut_off(transport: str, quick: Timing) -> None:
    with SipPeer(lambda received: [received.reply(200, "OK", call_id="x")] * 200, transport) as peer:
        report = check_trunk(peer.uri, timing=quick, limits=Limits(replies=20))
    assert report.verdict is CheckVerdict.INCONCLUSIVE
    assert "too many messages" in summary(report)


@pytest.mark.parametrize("limit", [{"targets": 0}, {"records": -1}, {"head": "64"}, {"replies": None}])
def test_a_limit_that_leaves_nothing_to_check_is_refused_and_no_verdict(limit: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match=f"`{next(iter(limit))}` is not a positive whole number"):
        Limits(**limit)


def test_terminal_codes_of_a_server_do_not_reach_the_terminal(quick: Timing) -> None:
    header = ("Server", "\x1b[2J\x1b]0;owned\x07\u202eevil")
    with SipPeer(always(200, "O\x1bK", header)) as peer:
        report = check_trunk(peer.uri, timing=quick)
    assert all(line.isprintable() for line in report.lines())
    assert "\x1b" not in report.model_dump_json()


def test_what_a_server_says_is_cut_to_a_readable_length(quick: Timing) -> None:
    with SipPeer(always(200, "x" * 5000, ("Server", "y" * 5000)), "tcp") as peer:
        report = check_trunk(peer.uri, timing=quick)
    assert len(str(report)) < 3000


# --- secrets ------------------------------------------------------------------------------------------------------


def telltale(received: Heard) -> Answers:
    """Knows the password, and says it, and the digest, wherever a report might look."""
    given = received.authorization
    told = (given or {}).get("response", "")
    where = f"{CANARY} {told}"
    challenge = ("WWW-Authenticate", f'Digest realm="{where}", nonce="{len(told)}", algorithm=MD5')
    other = ("WWW-Authenticate", f"Digest algorithm={CANARY}")
    if received.method == "OPTIONS":
        return [received.reply(401, where, challenge, other, ("Server", where))]
    return [received.reply(403 if given else 401, where, challenge, other, ("Server", where))]


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_no_report_holds_the_password_or_its_digest(transport: str, quick: Timing) -> None:
    with SipPeer(telltale, transport) as peer:
        report = check_trunk(peer.uri, CREDENTIALS, steps=BOTH, timing=quick)
    digests = [(received.authorization or {})["response"] for received in peer.received if received.authorization]
    assert digests
    shown = f"{report}{report!r}{report.model_dump_json()}{report.model_dump()}{CREDENTIALS!r}{CREDENTIALS}"
    for secret in (CANARY, *digests):
        assert secret not in shown
    assert "[hidden]" in shown


def test_the_password_never_travels(quick: Timing) -> None:
    with SipPeer(telltale) as peer:
        check_trunk(peer.uri, CREDENTIALS, steps=BOTH, timing=quick)
    assert all(CANARY.encode() not in received.data for received in peer.received if received.method == "OPTIONS")
    assert all(b'response="' + CANARY.encode() not in received.data for received in peer.received)


@pytest.mark.parametrize(
    "address",
    [
        f"sip:vox:{CANARY}@pbx.example.com",
        f"sip:pbx.example.com?Authorization={CANARY}",
        f"{CANARY} pbx.example.com",
        f"https://{CANARY}@pbx.example.com",
    ],
)
def test_an_address_that_cannot_be_read_is_a_fail_that_does_not_repeat_it(address: str) -> None:
    report = check_trunk(address)
    assert report.verdict is CheckVerdict.FAIL
    assert [entry.step for entry in report.steps] == [CheckStep.RESOLVE]
    assert report.steps[0].next_step
    assert CANARY not in f"{report}{report.model_dump_json()}"


def test_user_and_parameters_of_an_address_are_not_reported(quick: Timing) -> None:
    with SipPeer(always(200)) as peer:
        report = check_trunk(f"sip:{CANARY}@{peer.place};transport=udp;token={CANARY}", timing=quick)
    assert report.verdict is CheckVerdict.PASS
    assert report.address == peer.uri
    assert CANARY not in f"{report}{report.model_dump_json()}"


def test_an_exception_in_the_middle_holds_no_secret(monkeypatch: pytest.MonkeyPatch, quick: Timing) -> None:
    """Not even one nobody foresaw, in its text; the caller's frames are the caller's."""
    from telephony_core.sip_check.protocol import registration

    def explode(*args: object, **kwargs: object) -> str:
        raise RuntimeError("unforeseen")

    monkeypatch.setattr(registration, "authorize", explode)
    with SipPeer(telltale) as peer, pytest.raises(RuntimeError) as caught:
        check_trunk(peer.uri, CREDENTIALS, steps=BOTH, timing=quick)
    assert CANARY not in "".join(traceback.format_exception(caught.value))
