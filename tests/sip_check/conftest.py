"""What the checks of this folder share: waits cut to milliseconds, and certificates made for the occasion."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from telephony_core.sip_check import Timing

QUICK = Timing(t1=0.02, t2=0.04, answer=2.0, resolve=2.0, connect=1.0, handshake=2.0, total=10.0)
"""For peers that answer: nothing here is waited for."""
BRIEF = Timing(t1=0.005, t2=0.02, answer=0.04, resolve=2.0, connect=2.0, handshake=2.0, total=10.0)
"""For peers that do not."""


@pytest.fixture
def quick() -> Timing:
    return QUICK


@pytest.fixture
def brief() -> Timing:
    return BRIEF


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, as files."""

    certificate: Path
    key: Path


@dataclass(frozen=True)
class Certificates:
    """Issued by one authority, but for ``stranger``, which signed itself."""

    authority: Path
    good: Pair
    other_name: Pair
    expired: Pair
    stranger: Pair
    client: Pair


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    if shutil.which("openssl") is None:
        pytest.skip("the `openssl` command is not on this machine: the TLS tests make their certificates with it")
    folder = tmp_path_factory.mktemp("certificates")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    def key(name: str) -> None:
        openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", f"{name}.key")

    def self_signed(name: str, *extensions: str) -> Pair:
        key(name)
        added = [part for extension in extensions for part in ("-addext", extension)]
        openssl("req", "-x509", "-new", "-key", f"{name}.key", "-out", f"{name}.pem", "-days", "90",
                "-subj", f"/O=SIP check tests/CN={name}", *added)  # fmt: skip
        return Pair(folder / f"{name}.pem", folder / f"{name}.key")

    def issued(name: str, alternatives: str, days: int = 90) -> Pair:
        key(name)
        openssl("req", "-new", "-key", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        extensions = ["subjectKeyIdentifier=hash", "authorityKeyIdentifier=keyid", f"subjectAltName={alternatives}"]
        (folder / f"{name}.ext").write_text("\n".join(extensions) + "\n")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "authority.pem", "-CAkey", "authority.key",
                "-CAcreateserial", "-out", f"{name}.pem", "-days", str(days), "-extfile", f"{name}.ext")  # fmt: skip
        return Pair(folder / f"{name}.pem", folder / f"{name}.key")

    authority = self_signed("authority", "keyUsage=critical,keyCertSign,cRLSign")
    return Certificates(
        authority=authority.certificate,
        good=issued("good", "DNS:localhost,IP:127.0.0.1"),
        other_name=issued("other", "DNS:pbx.example.com"),
        expired=issued("expired", "DNS:localhost,IP:127.0.0.1", days=-1),
        stranger=self_signed("stranger", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
        client=issued("client", "DNS:client.example.com"),
    )
