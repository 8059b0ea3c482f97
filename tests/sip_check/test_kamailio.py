"""The check against servers nobody here wrote: kamailio as registrar, sipp as OPTIONS server, on loopback.

`kamailio.sh install` brings both. Where they are missing these tests are skipped and say so, unless
``TELEPHONY_REQUIRE_KAMAILIO`` is set, as it is in CI: then they fail.
"""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from telephony_core.sip_check import (
    CheckStep,
    CheckVerdict,
    Timing,
    Transport,
    TrunkCredentials,
    TrunkReport,
    check_trunk,
)

# Unmeasured: what is covered must not depend on what is installed.
pytestmark = [pytest.mark.kamailio, pytest.mark.usefixtures("unmeasured")]

HERE = Path(__file__).parent
SCRIPT = HERE / "kamailio.sh"
START_SECONDS = 10.0
TIMING = Timing(answer=5.0)

GOOD = TrunkCredentials(username="vox", password="s3cret")
BAD_PASSWORD = TrunkCredentials(username="vox", password="wr0ng-canary")
BAD_USER = TrunkCredentials(username="nobody", password="s3cret")
BOTH = (CheckStep.OPTIONS, CheckStep.REGISTER)


def require(*programs: str) -> None:
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        reason = f"{' and '.join(missing)} not installed: run `tests/sip_check/kamailio.sh install`"
        if os.environ.get("TELEPHONY_REQUIRE_KAMAILIO"):
            pytest.fail(reason)
        pytest.skip(reason)


def free_port() -> int:
    """Free for TCP and UDP a moment ago."""
    while True:
        with socket.socket() as stream, socket.socket(type=socket.SOCK_DGRAM) as datagrams:
            stream.bind(("127.0.0.1", 0))
            port = int(stream.getsockname()[1])
            try:
                datagrams.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def wait_for(address: str, log: Path) -> None:
    """Until OPTIONS is answered."""
    end = time.monotonic() + START_SECONDS
    while check_trunk(address, timing=Timing(t1=0.05, answer=0.5)).verdict is not CheckVerdict.PASS:
        if time.monotonic() > end:
            pytest.fail(f"the server did not start:\n{log.read_text()}")
        time.sleep(0.05)


@dataclass(frozen=True)
class Server:
    """A running kamailio."""

    folder: Path
    port: int
    tls_port: int
    algorithm: str

    def address(self, transport: Transport, host: str = "127.0.0.1") -> str:
        port = self.tls_port if transport == "tls" else self.port
        return f"sip:{host}:{port};transport={transport}"

    def trust(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.folder / "cert.pem"))
        context.verify_flags |= ssl.VERIFY_X509_STRICT  # the default from Python 3.13 on
        return context

    def check(self, transport: Transport, credentials: TrunkCredentials, host: str = "127.0.0.1") -> TrunkReport:
        return check_trunk(
            self.address(transport, host),
            credentials,
            steps=BOTH,
            tls=self.trust() if transport == "tls" else None,
            timing=TIMING,
        )

    def received(self) -> set[str]:
        """The methods in its log."""
        lines = (self.folder / "kamailio.log").read_text().splitlines()
        return {line.rpartition("HEARD ")[2] for line in lines if "HEARD " in line}


@contextmanager
def running(folder: Path, algorithm: str) -> Iterator[Server]:
    require("kamailio", "openssl")
    server = Server(folder, free_port(), free_port(), algorithm)
    subprocess.run([SCRIPT, "start", folder, str(server.port), str(server.tls_port), algorithm], check=True, timeout=30)
    try:
        wait_for(server.address("tcp"), folder / "kamailio.log")
        yield server
    finally:
        subprocess.run([SCRIPT, "stop", folder], check=True, timeout=30)


@pytest.fixture(scope="module", params=["MD5", "SHA-256"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("kamailio"), request.param) as server:
        yield server


every_transport = pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])


@every_transport
def test_good_credentials_pass(server: Server, transport: Transport) -> None:
    report = server.check(transport, GOOD)
    assert report.verdict is CheckVerdict.PASS, str(report)
    observation = report.of(CheckStep.REGISTER)[0].observation
    assert observation.realm == "lab.invalid"
    assert observation.algorithms == (server.algorithm,)
    assert (observation.server or "").startswith("kamailio")


@every_transport
def test_a_bad_password_is_rejected(server: Server, transport: Transport) -> None:
    report = server.check(transport, BAD_PASSWORD)
    assert report.of(CheckStep.OPTIONS)[0].verdict is CheckVerdict.PASS
    assert report.of(CheckStep.REGISTER)[0].observation.status == 401
    assert report.verdict is CheckVerdict.FAIL
    assert "wr0ng-canary" not in str(report)


@every_transport
def test_a_bad_user_is_refused(server: Server, transport: Transport) -> None:
    report = server.check(transport, BAD_USER)
    assert report.of(CheckStep.REGISTER)[0].observation.status == 403
    assert report.verdict is CheckVerdict.FAIL


@every_transport
def test_ipv6_passes_as_well(server: Server, transport: Transport, ipv6_loopback: str) -> None:
    report = server.check(transport, GOOD, host=f"[{ipv6_loopback}]")
    assert report.verdict is CheckVerdict.PASS, str(report)


def test_without_a_transport_udp_is_found(server: Server) -> None:
    report = check_trunk(f"127.0.0.1:{server.port}", GOOD, steps=BOTH, timing=TIMING)
    assert report.verdict is CheckVerdict.PASS
    assert {entry.transport for entry in report.of(CheckStep.OPTIONS)} == {"udp"}


def test_the_certificate_is_read(server: Server) -> None:
    report = check_trunk(f"sips:localhost:{server.tls_port}", tls=server.trust(), timing=TIMING)
    (entry,) = report.of(CheckStep.TLS)
    assert entry.observation.certificate is not None
    assert "localhost" in entry.observation.certificate.names
    assert report.verdict is CheckVerdict.PASS


def test_an_authority_this_host_does_not_trust_fails_and_nothing_is_sent(server: Server) -> None:
    report = check_trunk(server.address("tls"), GOOD, steps=BOTH, timing=TIMING)
    assert report.verdict is CheckVerdict.FAIL
    assert [entry.step for entry in report.steps][-1] is CheckStep.TLS


def test_tcp_on_the_tls_port_is_told(server: Server) -> None:
    report = check_trunk(f"sip:127.0.0.1:{server.tls_port};transport=tcp", timing=TIMING)
    assert report.verdict is CheckVerdict.FAIL
    assert "speaks TLS" in report.summary


def test_tls_on_the_tcp_port_is_no_pass(server: Server) -> None:
    timing = Timing(handshake=0.3)
    report = check_trunk(f"sips:127.0.0.1:{server.port}", tls=server.trust(), timing=timing)
    assert report.verdict is not CheckVerdict.PASS
    assert [entry.step for entry in report.steps][-1] is CheckStep.TLS


def test_kamailio_heard_options_and_register_and_nothing_else(server: Server) -> None:
    server.check("udp", GOOD)
    assert server.received() == {"OPTIONS", "REGISTER"}


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_sipp_is_found(transport: Transport, tmp_path: Path) -> None:
    require("sipp")
    port = free_port()
    log = tmp_path / "sipp.log"
    command = ["sipp", "-sf", str(HERE / "sipp_options.xml"), "-i", "127.0.0.1", "-p", str(port), "-nostdin"]
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [*command, "-t", "u1" if transport == "udp" else "t1"],
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as sipp,
    ):
        try:
            address = f"sip:127.0.0.1:{port};transport={transport}"
            wait_for(address, log)
            report = check_trunk(address, GOOD, steps=[CheckStep.OPTIONS], timing=TIMING)
        finally:
            sipp.kill()
    assert report.verdict is CheckVerdict.PASS
    assert report.of(CheckStep.OPTIONS)[0].observation.server == "sipp"
