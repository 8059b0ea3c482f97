"""Read what a TLS certificate says: its names, its issuer and its end."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from telephony_core.sip_check.network.connection import TlsStream, connect_tcp
from telephony_core.sip_check.network.failures import ProbeError
from telephony_core.sip_check.network.server_location import SipServer
from telephony_core.sip_check.protocol.message import clean
from telephony_core.sip_check.report import Certificate

_MAX_NAMES = 20
# X509_V_FLAG_NO_CHECK_TIME of OpenSSL; Python has no name for it.
_NO_CHECK_TIME = 0x200000


def tls_context() -> ssl.SSLContext:
    """What a check verifies with: this host's trust store, host name checked, TLS 1.2 or newer."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def read_certificate(session: ssl.SSLObject, *, verified: bool) -> Certificate | None:
    """The peer's certificate of a finished handshake; ``None`` if it was not verified at all and so not kept."""
    facts: dict[str, Any] = dict(session.getpeercert() or {})
    if not facts:
        return None
    subject, issuer_names = ([pair for part in facts.get(key, ()) for pair in part] for key in ("subject", "issuer"))
    names = [value for kind, value in facts.get("subjectAltName", ()) if kind in ("DNS", "IP Address", "URI")]
    common = [value for kind, value in subject if kind == "commonName"]
    issuer = ", ".join(value for kind, value in issuer_names if kind in ("organizationName", "commonName"))
    end = facts.get("notAfter")
    return Certificate(
        names=tuple(clean(name) for name in (names or common)[:_MAX_NAMES]),
        issuer=clean(issuer) or None,
        expires_at=datetime.fromtimestamp(ssl.cert_time_to_seconds(end), UTC) if end else None,
        verified=verified,
    )


async def fetch_certificate(target: SipServer, server_name: str, timeout: float) -> tuple[bool, Certificate | None]:
    """Whether the port speaks TLS, and the certificate it shows, trusted or not. No SIP is sent on these connections.

    Python decodes only certificates that were verified. So it is fetched first, and then verified against itself.
    """
    fetching = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # In this order: Python refuses to switch verification off while names are checked.
    fetching.check_hostname = False
    fetching.verify_mode = ssl.CERT_NONE
    session = await _handshake(target, fetching, server_name, timeout)
    encoded = session.getpeercert(binary_form=True) if session is not None else None
    if encoded is None:
        return session is not None, None
    decoding = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    decoding.check_hostname = False
    with suppress(ssl.SSLError):
        decoding.load_verify_locations(cadata=encoded)
        # It is mostly no authority's certificate, so its chain has to be allowed to end with it; and an expired one is
        # to be shown, too.
        decoding.verify_flags |= ssl.VerifyFlags(_NO_CHECK_TIME) | ssl.VERIFY_X509_PARTIAL_CHAIN
        session = await _handshake(target, decoding, server_name, timeout)
        if session is not None:
            return True, read_certificate(session, verified=False)
    return True, None


async def _handshake(
    target: SipServer, context: ssl.SSLContext, server_name: str, timeout: float
) -> ssl.SSLObject | None:
    """The session of a finished handshake, closed again."""
    with suppress(ProbeError, TimeoutError, ssl.SSLError):
        async with asyncio.timeout(timeout), connect_tcp(target, timeout) as sock:
            stream = TlsStream(sock, context, server_name)
            await stream.handshake(timeout)
            return stream.session
    return None
