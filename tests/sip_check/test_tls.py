"""TLS: the certificate is verified for the name of the address, and clear text is never the way out."""

from __future__ import annotations

import asyncio
import errno
import select
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

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
from telephony_core.sip_check.findings import tls_finding
from telephony_core.sip_check.network.certificate import read_certificate
from telephony_core.sip_check.report import Certificate
from tests.sip_check.conftest import Certificates, Pair
from tests.sip_check.peer import HANG_UP, Heard, Registrar, SipPeer, always, silent

GOOD = TrunkCredentials(username="vox", password="s3cret")


def serving(pair: Pair) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    return context


def trusting(certificates: Certificates) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(certificates.authority))
    context.verify_flags |= ssl.VERIFY_X509_STRICT  # the default from Python 3.13 on
    return context


def shaken(report: TrunkReport) -> StepReport:
    (entry,) = report.of(CheckStep.TLS)
    return entry


@contextmanager
def blocking_server(context: ssl.SSLContext) -> Iterator[int]:
    """A TLS server that says why it breaks off a handshake, as real ones do and asyncio does not."""

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False) as session:
                    try:
                        session.do_handshake()
                        session.sendall(Heard(session.recv(65536)).reply(200, "OK"))
                    except ssl.SSLError:
                        # Closing with something unread resets the connection, and the alert may be lost with it.
                        socket.socket.recv(session, 65536)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_certificate_that_holds_lets_the_credentials_through(
    host: str, certificates: Certificates, quick: Timing
) -> None:
    with SipPeer(Registrar(), "tls", tls=serving(certificates.good)) as peer:
        report = check_trunk(
            f"sips:{host}:{peer.port}",
            GOOD,
            steps=("options", "register"),
            tls=trusting(certificates),
            timing=quick,
        )
    assert report.verdict is CheckVerdict.PASS
    assert [entry.step for entry in report.steps] == [
        CheckStep.RESOLVE,
        CheckStep.CONNECT,
        CheckStep.TLS,
        CheckStep.OPTIONS,
        CheckStep.REGISTER,
    ]
    assert (peer.received[0].header("Via") or "").startswith("SIP/2.0/TLS ")


def test_names_issuer_expiry_and_session_are_shown(certificates: Certificates, quick: Timing) -> None:
    with SipPeer(always(200), "tls", tls=serving(certificates.good)) as peer:
        report = check_trunk(peer.uri, steps=[CheckStep.TLS], tls=trusting(certificates), timing=quick)
    observation = shaken(report).observation
    assert observation.certificate is not None
    assert observation.certificate.verified
    assert observation.certificate.names == ("localhost", "127.0.0.1")
    assert observation.certificate.issuer == "SIP check tests"
    assert observation.certificate.expires_at is not None
    assert timedelta(days=88) < observation.certificate.expires_at - datetime.now(UTC) < timedelta(days=91)
    assert (observation.tls or "").startswith("TLSv1.")


def test_an_issuer_is_named_by_its_organization_and_its_own_name() -> None:
    facts = {
        "subject": ((("commonName", "sip.example.com"),),),
        "issuer": ((("countryName", "US"),), (("organizationName", "Let's Encrypt"),), (("commonName", "R11"),)),
    }
    certificate = read_certificate(SimpleNamespace(getpeercert=lambda: facts), verified=True)
    assert certificate is not None
    assert (certificate.names, certificate.issuer) == (("sip.example.com",), "Let's Encrypt, R11")


def test_the_name_of_the_address_is_sent_to_the_server(certificates: Certificates, quick: Timing) -> None:
    asked: list[str | None] = []
    context = serving(certificates.good)
    context.sni_callback = lambda session, name, ctx: asked.append(name)
    with SipPeer(always(200), "tls", tls=context) as peer:
        check_trunk(f"sips:localhost:{peer.port}", tls=trusting(certificates), timing=quick)
    assert asked == ["localhost"]


@pytest.mark.parametrize(
    ("kind", "trusted", "word", "name"),
    [
        ("other_name", True, "mismatch", "pbx.example.com"),
        ("expired", True, "expired", "localhost"),
        ("stranger", True, "self-signed", "localhost"),
        ("good", False, "unable to get", "localhost"),
    ],
)
def test_a_certificate_that_does_not_hold_fails_and_is_shown(
    kind: str, trusted: bool, word: str, name: str, certificates: Certificates, quick: Timing
) -> None:
    context = trusting(certificates) if trusted else None
    with SipPeer(Registrar(), "tls", tls=serving(getattr(certificates, kind))) as peer:
        report = check_trunk(peer.uri, GOOD, steps=("options", "register"), tls=context, timing=quick)
    assert report.verdict is CheckVerdict.FAIL
    assert word in shaken(report).summary.lower().replace("self signed", "self-signed")
    certificate = shaken(report).observation.certificate
    assert certificate is not None
    assert not certificate.verified
    assert name in certificate.names
    assert peer.received == []


def test_a_certificate_about_to_end_is_named(certificates: Certificates, quick: Timing) -> None:
    soon = datetime.now(UTC) + timedelta(days=3)
    certificate = Certificate(names=("h",), issuer=None, expires_at=soon, verified=True)
    finding = tls_finding(None, certificate, is_verified=True)
    assert finding.verdict is CheckVerdict.PASS
    assert f"{soon:%Y-%m-%d}" in (finding.next_step or "")


def test_verification_that_was_switched_off_is_not_a_pass(certificates: Certificates, quick: Timing) -> None:
    careless = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    careless.check_hostname = False
    careless.verify_mode = ssl.CERT_NONE
    with SipPeer(always(200), "tls", tls=serving(certificates.stranger)) as peer:
        report = check_trunk(peer.uri, tls=careless, timing=quick)
    assert shaken(report).verdict is CheckVerdict.INCONCLUSIVE
    assert report.verdict is CheckVerdict.INCONCLUSIVE


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_client_certificate_that_is_missing_is_asked_for(
    newest: ssl.TLSVersion, certificates: Certificates, quick: Timing
) -> None:
    context = serving(certificates.good)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(certificates.authority)
    context.maximum_version = newest
    ours = trusting(certificates)
    ours.load_cert_chain(certificates.client.certificate, certificates.client.key)
    with blocking_server(context) as port:
        without = check_trunk(f"sips:127.0.0.1:{port}", tls=trusting(certificates), timing=quick)
        with_one = check_trunk(f"sips:127.0.0.1:{port}", tls=ours, timing=quick)
    assert without.verdict is not CheckVerdict.PASS
    assert "client certificate" in str(without)
    assert with_one.verdict is CheckVerdict.PASS


def test_an_alert_that_came_before_the_connection_broke_is_read(
    certificates: Certificates, monkeypatch: pytest.MonkeyPatch, quick: Timing
) -> None:
    context = serving(certificates.good)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(certificates.authority)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    send = asyncio.SelectorEventLoop.sock_sendall
    sent: list[int] = []

    async def break_at_the_request(loop: asyncio.SelectorEventLoop, sock: socket.socket, data: bytes) -> None:
        sent.append(len(data))
        if len(sent) < 3:  # the two flights of the handshake
            await send(loop, sock, data)
            return
        while not select.select([sock], [], [], 0)[0]:
            await asyncio.sleep(0.001)
        raise ConnectionResetError(errno.ECONNRESET, "reset")

    with blocking_server(context) as port:
        monkeypatch.setattr(asyncio.SelectorEventLoop, "sock_sendall", break_at_the_request)
        report = check_trunk(f"sips:127.0.0.1:{port}", tls=trusting(certificates), timing=quick)
        monkeypatch.undo()
    assert report.verdict is CheckVerdict.INCONCLUSIVE
    assert "asks for a client certificate" in report.summary


def test_a_tls_server_that_hangs_up_may_want_a_client_certificate(certificates: Certificates, quick: Timing) -> None:
    with SipPeer(lambda received: [HANG_UP], "tls", tls=serving(certificates.good)) as peer:
        report = check_trunk(peer.uri, tls=trusting(certificates), timing=quick)
    assert report.verdict is CheckVerdict.INCONCLUSIVE
    assert "client certificate" in (report.of(CheckStep.OPTIONS)[0].next_step or "")


def test_a_tls_server_on_a_tcp_port_is_told(certificates: Certificates, quick: Timing) -> None:
    with SipPeer(always(200), "tls", tls=serving(certificates.good)) as peer:
        report = check_trunk(f"sip:{peer.place};transport=tcp", timing=quick)
    assert report.verdict is CheckVerdict.FAIL
    assert report.of(CheckStep.OPTIONS)[0].summary == "this port speaks TLS"
    assert "transport tls" in (report.of(CheckStep.OPTIONS)[0].next_step or "")


def test_a_silent_tcp_server_on_a_tls_port_is_inconclusive_and_hears_no_clear_text(quick: Timing) -> None:
    timing = Timing(connect=2.0, handshake=0.04, total=10.0)
    with SipPeer(silent, "tcp") as peer:
        report = check_trunk(f"sips:{peer.place}", GOOD, steps=("options", "register"), timing=timing)
    assert shaken(report).verdict is CheckVerdict.INCONCLUSIVE
    assert "without credentials" in (shaken(report).next_step or "")
    assert peer.received == []
    assert peer.connections == 1


def test_a_talking_tcp_server_on_a_tls_port_is_a_fail(quick: Timing) -> None:
    with SipPeer(silent, "tcp", greeting=b"220 mail.example.com ESMTP\r\n") as peer:
        report = check_trunk(f"sips:{peer.place}", timing=quick)
    assert shaken(report).verdict is CheckVerdict.FAIL
    assert "does not speak TLS" in report.summary


def test_being_hung_up_on_in_the_handshake_is_inconclusive(quick: Timing) -> None:
    class Rude(SipPeer):
        async def _converse(self, reader, writer):
            self.connections += 1

    with Rude(lambda received: [HANG_UP], "tcp") as peer:
        report = check_trunk(f"sips:{peer.place}", timing=quick)
    assert shaken(report).verdict is CheckVerdict.INCONCLUSIVE


def test_an_old_tls_version_is_no_common_ground(certificates: Certificates, quick: Timing) -> None:
    context = serving(certificates.good)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    ours = trusting(certificates)
    ours.minimum_version = ssl.TLSVersion.TLSv1_3
    with blocking_server(context) as port:
        report = check_trunk(f"sips:127.0.0.1:{port}", tls=ours, timing=quick)
    assert shaken(report).verdict is CheckVerdict.FAIL
    assert "no common TLS" in report.summary


@pytest.mark.parametrize("address", ["sips:192.0.2.1", "sip:192.0.2.1;transport=tls"])
@pytest.mark.parametrize("transports", [("udp",), ("tls", "tcp")])
def test_an_address_that_demands_tls_is_not_checked_in_the_clear(address: str, transports: tuple[str, ...]) -> None:
    with pytest.raises(InvalidInput, match="demands TLS"):
        check_trunk(address, transports=transports)
