"""How an attempt can fail on the network, before that is interpreted."""

from __future__ import annotations

import errno
import ssl
from dataclasses import dataclass
from enum import Enum, auto

from telephony_core.sip_check.protocol.message import SipResponse


class FailureKind(Enum):
    """How an attempt ended."""

    ANSWERED = auto()
    """A final SIP answer to our request."""
    SILENT = auto()
    """Nothing final came in time."""
    REFUSED = auto()
    """The port is closed: a reset on connecting, or ICMP."""
    UNREACHABLE = auto()
    """ICMP says that the host or network cannot be reached."""
    NO_ROUTE = auto()
    """This host itself has no way there; nothing was sent."""
    LOCAL = auto()
    """This host did not let the packet out, or ran out of something."""
    CLOSED = auto()
    """The server closed the connection without an answer."""
    NOT_SIP = auto()
    TLS_INSTEAD = auto()
    """The port speaks TLS, and we spoke in the clear."""
    TOO_LARGE = auto()
    """The head of a message did not end within the limit."""
    FLOODED = auto()
    """Too many messages, none of them our answer."""
    NOT_TLS = auto()
    """The port does not speak TLS."""
    BAD_CERTIFICATE = auto()
    CLIENT_CERTIFICATE = auto()
    """The server wants a client certificate and got none it accepts."""
    TLS_FAILED = auto()
    """The two sides found no common TLS."""


class ProbeError(Exception):
    """An attempt ended before an answer. ``detail`` is our wording or an error code, never text from the server."""

    def __init__(self, kind: FailureKind, detail: str = "") -> None:
        super().__init__(kind.name)
        self.kind = kind
        self.detail = detail


@dataclass(frozen=True, slots=True)
class NetworkOutcome:
    """How one request ended, and what came besides its answer."""

    kind: FailureKind
    response: SipResponse | None = None
    provisional: SipResponse | None = None
    sent: int = 1
    """How often it was sent, retransmissions included."""
    foreign: int = 0
    """SIP messages that were no reply to our request."""
    garbage: int = 0
    """Datagrams that were no SIP."""
    detail: str = ""


_BY_ERRNO = {
    errno.ECONNREFUSED: FailureKind.REFUSED,
    errno.EHOSTUNREACH: FailureKind.UNREACHABLE,
    errno.ENETUNREACH: FailureKind.UNREACHABLE,
    errno.EHOSTDOWN: FailureKind.UNREACHABLE,
    errno.ECONNRESET: FailureKind.CLOSED,
    errno.EPIPE: FailureKind.CLOSED,
    errno.ECONNABORTED: FailureKind.CLOSED,
    errno.ESHUTDOWN: FailureKind.CLOSED,
}
# What OpenSSL makes of an answer in another protocol.
_NOT_TLS = {
    "HTTPS_PROXY_REQUEST",
    "HTTP_REQUEST",
    "PACKET_LENGTH_TOO_LONG",
    "RECORD_LAYER_FAILURE",
    "WRONG_VERSION_NUMBER",
}
# TLS 1.3 has an alert for it (RFC 8446 §6.2); before, it looks like any failed handshake.
_CLIENT_CERTIFICATE = {"TLSV13_ALERT_CERTIFICATE_REQUIRED"}


def network_error(error: OSError) -> ProbeError:
    """A kernel error, classified."""
    if isinstance(error, ssl.SSLError):
        return tls_error(error)
    # Ours, or the kernel's own (ETIMEDOUT), which are one class.
    if isinstance(error, TimeoutError):
        return ProbeError(FailureKind.SILENT)
    number = error.errno or 0
    # Whatever else the kernel says is about this host, and no fault of the trunk's.
    return ProbeError(_BY_ERRNO.get(number, FailureKind.LOCAL), errno.errorcode.get(number, ""))


def tls_error(error: ssl.SSLError) -> ProbeError:
    """An OpenSSL error, classified; its reasons are a closed list, so they can be shown."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return ProbeError(FailureKind.BAD_CERTIFICATE, error.verify_message)
    if isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        return ProbeError(FailureKind.CLOSED)
    reason = error.reason or ""
    if reason in _NOT_TLS:
        return ProbeError(FailureKind.NOT_TLS, reason)
    if reason in _CLIENT_CERTIFICATE:
        return ProbeError(FailureKind.CLIENT_CERTIFICATE, reason)
    return ProbeError(FailureKind.TLS_FAILED, reason)
