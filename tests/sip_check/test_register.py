"""REGISTER: credentials are accepted only by a server that asked for them, and are never worn out."""

from __future__ import annotations

import pytest

from telephony_core.errors import InvalidInput
from telephony_core.sip_check import (
    CheckStep,
    CheckVerdict,
    StepReport,
    Timing,
    TrunkCredentials,
    TrunkReport,
    check_trunk,
)
from tests.sip_check.peer import HANG_UP, Answers, Drop, Heard, Registrar, SipPeer, always, silent, udp_and_tcp

GOOD = TrunkCredentials(username="vox", password="s3cret")
WRONG = TrunkCredentials(username="vox", password="not-it")
BOTH = (CheckStep.OPTIONS, CheckStep.REGISTER)
ONLY = (CheckStep.REGISTER,)


def registered(report: TrunkReport) -> StepReport:
    (entry,) = report.of(CheckStep.REGISTER)
    return entry


def answered(peer: SipPeer) -> int:
    """How many different answers to challenges the peer got; repetitions of lost datagrams are none."""
    return len({received.data for received in peer.received if received.authorization is not None})


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("status", [401, 407])
@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256", "SHA-512-256", ""])
def test_good_credentials_are_accepted_in_every_algorithm(
    algorithm: str, status: int, transport: str, quick: Timing
) -> None:
    with SipPeer(Registrar(challenges=[algorithm], status=status), transport) as peer:
        report = check_trunk(peer.uri, GOOD, steps=ONLY, timing=quick)
    assert report.verdict is CheckVerdict.PASS
    assert registered(report).observation.algorithms == (algorithm or "MD5",)
    assert registered(report).observation.realm == "lab, invalid"


@pytest.mark.parametrize("qop", ["auth", "auth-int", "auth-int,auth", None])
def test_every_protection_is_answered(qop: str | None, quick: Timing) -> None:
    with SipPeer(Registrar(qop=qop)) as peer:
        assert check_trunk(peer.uri, GOOD, steps=ONLY, timing=quick).verdict is CheckVerdict.PASS


def test_the_first_challenge_that_can_be_answered_is(quick: Timing) -> None:
    with SipPeer(Registrar(challenges=["AKAv1-MD5", "SHA-512-256", "MD5"])) as peer:
        report = check_trunk(peer.uri, GOOD, steps=ONLY, timing=quick)
    assert report.verdict is CheckVerdict.PASS
    assert (peer.received[-1].authorization or {})["algorithm"] == "SHA-512-256"
    assert registered(report).observation.algorithms == ("AKAv1-MD5", "SHA-512-256", "MD5")


def test_user_and_password_are_hashed_as_utf_8(quick: Timing) -> None:
    credentials = TrunkCredentials(username="전화", password="pässwört 비밀")
    registrar = Registrar(username="전화", password="pässwört 비밀", realm="서울")
    with SipPeer(registrar) as peer:
        report = check_trunk(peer.uri, credentials, steps=ONLY, timing=quick)
    assert report.verdict is CheckVerdict.PASS


def test_a_realm_that_is_not_utf_8_goes_back_as_it_came(quick: Timing) -> None:
    def behave(received: Heard) -> Answers:
        challenge = b'WWW-Authenticate: Digest realm="caf\xe9", nonce="n"\r\n'
        if b"Authorization" not in received.data:
            return [received.reply(401, "No").replace(b"Content-Length", challenge + b"Content-Length")]
        return [received.reply(200 if b'realm="caf\xe9"' in received.data else 400, "Seen")]

    with SipPeer(behave) as peer:
        report = check_trunk(peer.uri, GOOD, steps=ONLY, timing=quick)
    assert report.verdict is CheckVerdict.PASS
    assert registered(report).observation.realm == "caf?"
    report.model_dump_json()


def test_bad_credentials_are_rejected_after_one_answer(quick: Timing) -> None:
    with SipPeer(Registrar()) as peer:
        report = check_trunk(peer.uri, WRONG, steps=ONLY, timing=quick)
    assert report.verdict is CheckVerdict.FAIL
    assert "rejected" in registered(report).summary
    assert answered(peer) == 1


def test_a_repetition_has_the_same_call_id_and_tag_a_new_branch_and_the_next_cseq(quick: Timing) -> None:
    with SipPeer(Registrar()) as peer:
        check_trunk(peer.uri, GOOD, steps=ONLY, timing=quick)
    first, second = peer.received
    assert first.header("Call-ID") == second.header("Call-ID")
    assert first.header("From") == second.header("From")
    assert first.header("Via") != second.header("Via")
    assert (first.header("CSeq"), second.header("CSeq")) == ("1 REGISTER", "2 REGISTER")


def test_a_stale_nonce_is_answered_once_more(quick: Timing) -> None:
    with SipPeer(Registrar(stale_times=1)) as peer:
        report = check_trunk(peer.uri, GOOD, steps=ONLY, timing=quick)
    assert report.verdict is CheckVerdict.PASS
    assert answered(peer) == 2


def test_a_nonce_that_is_stale_again_ends_it(quick: Timing) -> None:
    with SipPeer(Registrar(stale_times=9)) as peer:
        report = check_trunk(peer.uri, GOOD, steps=ONLY, timing=quick)
    assert report.verdict is CheckVerdict.FAIL
    assert answered(peer) == 2


def test_stale_with_the_same_nonce_is_a_refusal(quick: Timing) -> None:
    challenge = ("WWW-Authenticate", 'Digest realm="r", nonce="same", stale=true')
    with SipPeer(always(401, "No", challenge)) as peer:
        report = check_trunk(peer.uri, GOOD, steps=ONLY, timing=quick)
    assert report.verdict is CheckVerdict.FAIL
    assert answered(peer) == 1


def test_a_second_realm_on_the_way_is_not_called_a_rejection(quick: Timing) -> None:
    def behave(received: Heard) -> Answers:
        if received.authorization is None:
            return [received.reply(407, "Proxy", ("Proxy-Authenticate", 'Digest realm="proxy", nonce="1"'))]
        return [received.reply(401, "Registrar", ("WWW-Authenticate", 'Digest realm="registrar", nonce="2"'))]

    with SipPeer(behave) as peer:
        report = check_trunk(peer.uri, GOOD, steps=ONLY, timing=quick)
    assert report.verdict is CheckVerdict.INCONCLUSIVE
    assert answered(peer) == 1


def test_a_registrar_that_asks_behind_a_proxy_of_its_own_realm_is_not_called_a_rejection(quick: Timing) -> None:
    def behave(received: Heard) -> Answers:
        if received.header("Proxy-Authorization") is None:
            return [received.reply(407, "Proxy", ("Proxy-Authenticate", 'Digest realm="r", nonce="1"'))]
        return [received.reply(401, "Registrar", ("WWW-Authenticate", 'Digest realm="r", nonce="2", stale=true'))]

    with SipPeer(behave) as peer:
        report = check_trunk(peer.uri, GOOD, steps=ONLY, timing=quick)
    assert report.verdict is CheckVerdict.INCONCLUSIVE
    assert "a second one" in registered(report).summary
    assert answered(peer) == 1


@pytest.mark.parametrize("password", ["**********", "half a pair \ud800", "s3cret\n", "\ufeffs3cret"])
def test_a_password_that_cannot_be_meant_is_shown_to_no_server(password: str) -> None:
    with pytest.raises(InvalidInput, match="password") as refused:
        TrunkCredentials(username="vox", password=password)
    assert "s3cret" not in str(refused.value)


def test_a_refusal_without_a_challenge_is_a_refusal(quick: Timing) -> None:
    def behave(received: Heard) -> Answers:
        challenge = [("WWW-Authenticate", 'Digest realm="r", nonce="1"')] if received.authorization is None else []
        return [received.reply(401, "No", *challenge)]

    with SipPeer(behave) as peer:
        assert check_trunk(peer.uri, GOOD, steps=ONLY, timing=quick).verdict is CheckVerdict.FAIL


@pytest.mark.parametrize("status", [405, 501])
def test_a_server_that_takes_no_registrations_says_nothing_of_the_credentials(status: int, quick: Timing) -> None:
    with SipPeer(always(status)) as peer:
        report = check_trunk(peer.uri, GOOD, steps=ONLY, timing=quick)
    assert report.verdict is CheckVerdict.INCONCLUSIVE
    assert "static trunk" in registered(report).does_not_prove


def test_agreement_without_a_question_is_inconclusive(quick: Timing) -> None:
    with SipPeer(always(200)) as peer:
        report = check_trunk(peer.uri, WRONG, steps=ONLY, timing=quick)
    assert report.verdict is CheckVerdict.INCONCLUSIVE
    assert "not asked for" in registered(report).does_not_prove


@pytest.mark.parametrize("status", [302, 403, 404, 423, 503, 603])
def test_a_refusal_before_any_question_is_inconclusive(status: int, quick: Timing) -> None:
    with SipPeer(always(status)) as peer:
        report = check_trunk(peer.uri, GOOD, steps=ONLY, timing=quick)
    assert report.verdict is CheckVerdict.INCONCLUSIVE


def after_credentials(status: int) -> Registrar:
    class Other(Registrar):
        def __call__(self, received: Heard) -> Answers:
            return (
                [received.reply(status, "Other")] if received.authorization is not None else super().__call__(received)
            )

    return Other()


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (202, CheckVerdict.PASS),
        (403, CheckVerdict.FAIL),
        (404, CheckVerdict.FAIL),
        (405, CheckVerdict.INCONCLUSIVE),
        (423, CheckVerdict.INCONCLUSIVE),
        (503, CheckVerdict.INCONCLUSIVE),
    ],
)
def test_what_the_server_says_to_the_credentials_decides(status: int, verdict: CheckVerdict, quick: Timing) -> None:
    with SipPeer(after_credentials(status)) as peer:
        assert check_trunk(peer.uri, GOOD, steps=ONLY, timing=quick).verdict is verdict


def test_only_algorithms_nobody_has_here_are_inconclusive_and_nothing_is_sent(quick: Timing) -> None:
    with SipPeer(Registrar(challenges=["AKAv2-SHA-256", "SHA3-512"])) as peer:
        report = check_trunk(peer.uri, GOOD, steps=ONLY, timing=quick)
    assert report.verdict is CheckVerdict.INCONCLUSIVE
    assert registered(report).observation.algorithms == ("AKAv2-SHA-256", "SHA3-512")
    assert answered(peer) == 0


def test_a_401_without_a_challenge_cannot_be_answered(quick: Timing) -> None:
    with SipPeer(always(401)) as peer:
        report = check_trunk(peer.uri, GOOD, steps=ONLY, timing=quick)
    assert report.verdict is CheckVerdict.INCONCLUSIVE


def test_lost_datagrams_do_not_count_as_attempts(quick: Timing) -> None:
    with SipPeer(Drop(2, Registrar())) as peer:
        report = check_trunk(peer.uri, GOOD, steps=ONLY, timing=quick)
    assert report.verdict is CheckVerdict.PASS
    assert answered(peer) == 1


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_silence_is_inconclusive(transport: str, brief: Timing) -> None:
    with SipPeer(silent, transport) as peer:
        report = check_trunk(peer.uri, GOOD, steps=ONLY, timing=brief)
    assert report.verdict is CheckVerdict.INCONCLUSIVE
    assert registered(report).summary == "no answer in time"


def test_silence_after_the_credentials_says_so(brief: Timing) -> None:
    def behave(received: Heard) -> Answers:
        return Registrar()(received) if received.authorization is None else ()

    with SipPeer(behave) as peer:
        report = check_trunk(peer.uri, GOOD, steps=ONLY, timing=brief)
    assert report.verdict is CheckVerdict.INCONCLUSIVE
    assert "after the credentials were sent" in registered(report).summary
    assert registered(report).observation.realm == "lab, invalid"


def test_register_is_tried_where_options_is_not_answered(brief: Timing) -> None:
    registrar = Registrar()
    with SipPeer(lambda received: () if received.method == "OPTIONS" else registrar(received)) as peer:
        report = check_trunk(peer.uri, GOOD, steps=BOTH, timing=brief)
    assert registered(report).verdict is CheckVerdict.PASS
    assert report.verdict is CheckVerdict.INCONCLUSIVE


def test_register_is_not_tried_where_options_showed_no_sip(quick: Timing) -> None:
    with SipPeer(lambda received: [b"HTTP/1.0 400 Bad Request\r\n\r\n"], "tcp") as peer:
        report = check_trunk(peer.uri, GOOD, steps=BOTH, timing=quick)
    assert peer.methods == ["OPTIONS"]
    assert report.of(CheckStep.REGISTER) == ()
    assert report.verdict is CheckVerdict.FAIL


def test_a_server_that_closes_after_each_answer_is_checked_to_the_end(quick: Timing) -> None:
    registrar = Registrar()

    def behave(received: Heard) -> Answers:
        return [received.reply(200, "OK"), HANG_UP] if received.method == "OPTIONS" else registrar(received)

    with SipPeer(behave, "tcp") as peer:
        report = check_trunk(peer.uri, GOOD, steps=BOTH, timing=quick)
    assert report.verdict is CheckVerdict.PASS
    assert len(report.of(CheckStep.CONNECT)) == 1


def test_refused_credentials_are_not_shown_to_another_transport(quick: Timing) -> None:
    with udp_and_tcp(Registrar()) as (udp, tcp):
        report = check_trunk(udp.place, WRONG, transports=("udp", "tcp"), steps=BOTH, timing=quick)
    assert (answered(udp), answered(tcp)) == (1, 0)
    assert [entry.verdict for entry in report.of(CheckStep.REGISTER)] == [CheckVerdict.FAIL, CheckVerdict.INCONCLUSIVE]
    assert "may lock the account" in report.of(CheckStep.REGISTER)[1].summary
    assert report.verdict is CheckVerdict.FAIL


def test_only_options_and_register_are_ever_sent(quick: Timing) -> None:
    with udp_and_tcp(Registrar()) as (udp, tcp):
        check_trunk(udp.place, GOOD, transports=("udp", "tcp"), steps=list(CheckStep), timing=quick)
    assert set(udp.methods + tcp.methods) == {"OPTIONS", "REGISTER"}


def test_register_without_credentials_is_refused_before_anything_is_sent() -> None:
    with SipPeer(silent) as peer, pytest.raises(InvalidInput, match="needs credentials"):
        check_trunk(peer.uri, steps=ONLY)
    assert peer.received == []


@pytest.mark.parametrize("steps", [(), ("invite",), "options"])
def test_steps_that_do_not_exist_are_refused(steps: tuple[str, ...]) -> None:
    with pytest.raises(InvalidInput, match="steps"):
        check_trunk("192.0.2.1", steps=steps)


@pytest.mark.parametrize("username", ["vox", "vox@carrier.example"])
def test_the_address_of_record_that_was_used_is_said(username: str, quick: Timing) -> None:
    credentials = TrunkCredentials(username=username, password="s3cret")
    with SipPeer(Registrar(username=username)) as peer:
        report = check_trunk(peer.uri, credentials, steps=ONLY, timing=quick)
    assert report.verdict is CheckVerdict.PASS
    record = f"sip:{username}" if "@" in username else f"sip:{username}@{peer.place}"
    assert f"address of record: {record}" in registered(report).observation.notes
    assert peer.received[-1].header("To") == f"<{record}>"
    assert (peer.received[-1].authorization or {})["username"] == username
