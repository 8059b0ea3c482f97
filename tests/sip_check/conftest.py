"""What the checks of this folder share: waits cut to milliseconds, and certificates made for the occasion."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

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
    """Issued by one authority, but for ``stranger``, which another one issued."""

    authority: Path
    good: Pair
    other_name: Pair
    expired: Pair
    stranger: Pair
    client: Pair


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    folder = tmp_path_factory.mktemp("certificates")
    ours, foreign = trustme.CA(organization_name="SIP check tests"), trustme.CA()

    def issued(name: str, *names: str, days: int = 90, by: trustme.CA = ours) -> Pair:
        made = by.issue_cert(*names, not_after=datetime.now(UTC) + timedelta(days=days))
        pair = Pair(folder / f"{name}.pem", folder / f"{name}.key")
        made.cert_chain_pems[0].write_to_path(pair.certificate)
        made.private_key_pem.write_to_path(pair.key)
        return pair

    authority = folder / "authority.pem"
    ours.cert_pem.write_to_path(authority)
    stranger = issued("stranger", "localhost", "127.0.0.1", by=foreign)
    foreign.cert_pem.write_to_path(stranger.certificate, append=True)  # as a server that sends its authority along
    return Certificates(
        authority=authority,
        good=issued("good", "localhost", "127.0.0.1"),
        other_name=issued("other", "pbx.example.com"),
        expired=issued("expired", "localhost", "127.0.0.1", days=-1),
        stranger=stranger,
        client=issued("client", "client.example.com"),
    )
