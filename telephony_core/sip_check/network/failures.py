"""What can happen between us and a server, before anything is judged."""

from __future__ import annotations

import errno
import ssl
from dataclasses import dataclass
from enum import Enum, auto

from telephony_core.sip_check.protocol.message import Response


class Happened(Enum):
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


class Trouble(Exception):
    """An attempt ended before an answer. ``detail`` is our own wording or a library's token, never a foreign text."""

    def __init__(self, happened: Happened, detail: str = "") -> None:
        super().__init__(happened.name)
        self.happened = happened
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one request ended, and what came besides its answer."""

    happened: Happened
    response: Response | None = None
    provisional: Response | None = None
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


def network_trouble(error: OSError) -> Trouble:
    """What the kernel's word means."""
    if isinstance(error, ssl.SSLError):
        return tls_trouble(error)
    if isinstance(error, TimeoutError):
        return Trouble(Happened.SILENT)
    detail = errno.errorcode.get(error.errno or 0, "")
    for happened, numbers in (
        (Happened.REFUSED, _REFUSED),
        (Happened.UNREACHABLE, _UNREACHABLE),
        (Happened.CLOSED, _CLOSED),
    ):
        if error.errno in numbers:
            return Trouble(happened, detail)
    return Trouble(Happened.LOCAL, detail)


def tls_trouble(error: ssl.SSLError) -> Trouble:
    """What OpenSSL's word means; its reasons are a closed list, so they can be shown."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return Trouble(Happened.BAD_CERTIFICATE, error.verify_message)
    if isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        return Trouble(Happened.CLOSED)
    reason = error.reason or ""
    if reason in _NOT_TLS:
        return Trouble(Happened.NOT_TLS, reason)
    if reason in _CLIENT_CERTIFICATE:
        return Trouble(Happened.CLIENT_CERTIFICATE, reason)
    return Trouble(Happened.TLS_FAILED, reason)
