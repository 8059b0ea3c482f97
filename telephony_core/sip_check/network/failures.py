"""What can happen between us and a server, before anything is judged."""

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
    """The peer hung up without a word."""
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
    """An attempt ended before an answer. ``detail`` is our own wording or a library's token, never a foreign text."""

    def __init__(self, happened: FailureKind, detail: str = "") -> None:
        super().__init__(happened.name)
        self.happened = happened
        self.detail = detail


@dataclass(frozen=True, slots=True)
class NetworkOutcome:
    """How one request ended, and what came besides its answer."""

    happened: FailureKind
    response: SipResponse | None = None
    provisional: SipResponse | None = None
    sent: int = 1
    """How often it was sent, retransmissions included."""
    foreign: int = 0
    """SIP messages that were no reply to our request."""
    garbage: int = 0
    """Datagrams that were no SIP."""
    detail: str = ""


_REFUSED = {errno.ECONNREFUSED}
_UNREACHABLE = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN}
_CLOSED = {errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED, errno.ESHUTDOWN}

_NOT_TLS = {
    "HTTPS_PROXY_REQUEST",
    "HTTP_REQUEST",
    "PACKET_LENGTH_TOO_LONG",
    "RECORD_LAYER_FAILURE",
    "WRONG_VERSION_NUMBER",
}
_CLIENT_CERTIFICATE = {"TLSV13_ALERT_CERTIFICATE_REQUIRED"}


def network_trouble(error: OSError) -> ProbeError:
    """What the kernel's word means."""
    if isinstance(error, ssl.SSLError):
        return tls_trouble(error)
    if isinstance(error, TimeoutError):
        return ProbeError(FailureKind.SILENT)
    detail = errno.errorcode.get(error.errno or 0, "")
    for happened, numbers in (
        (FailureKind.REFUSED, _REFUSED),
        (FailureKind.UNREACHABLE, _UNREACHABLE),
        (FailureKind.CLOSED, _CLOSED),
    ):
        if error.errno in numbers:
            return ProbeError(happened, detail)
    return ProbeError(FailureKind.LOCAL, detail)


def tls_trouble(error: ssl.SSLError) -> ProbeError:
    """What OpenSSL's word means; its reasons are a closed list, so they can be shown."""
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
