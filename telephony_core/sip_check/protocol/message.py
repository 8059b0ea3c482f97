"""SIP messages: the two requests a check may send, and a bounded reading of whatever comes back (RFC 3261 §7)."""

from __future__ import annotations

import re
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote

from telephony_core.domain.sip_address import SipAddress
from telephony_core.errors import InvalidInput
from telephony_core.sip_check.report import Transport
from telephony_core.text.visible import is_visible

Method = Literal["OPTIONS", "REGISTER"]
"""All that is ever sent. An INVITE can ring a phone."""

USER_AGENT = "telephony-core sip-check"
FINAL = 200
MAX_TEXT = 200
"""Characters of a foreign text that are shown."""

# The compact forms of RFC 3261 §7.3.3 that a reply to our requests can hold and that are read here.
_COMPACT = {"i": "call-id", "v": "via", "f": "from", "t": "to", "l": "content-length", "m": "contact"}
_STATUS_LINE = re.compile(r"SIP/2\.0[ \t]+([1-6][0-9]{2})(?:[ \t]+(.*))?", re.IGNORECASE)
_REQUEST_LINE = re.compile(r"[A-Za-z0-9.!%*_+`'~-]+[ \t]+\S+[ \t]+SIP/2\.0", re.IGNORECASE)
_CSEQ = re.compile(r"([0-9]+)\s+(\S+)")
# A line ends with CRLF (RFC 3261 §7); scripts and some servers send a bare LF, which means nothing else here.
_LINE_END = re.compile(r"\r?\n")
_HEAD_END = re.compile(rb"\r?\n\r?\n")
# Between messages: pings and pongs (RFC 5626 §4.4.1), in either line end, and the zero bytes of some phones.
_KEEP_ALIVE = b"\r\n\0"
_BRANCH = re.compile(r';[ \t]*branch[ \t]*=[ \t]*"?([^;,"\s]+)', re.IGNORECASE)
_LENGTH = re.compile(r"[0-9]{1,10}")
_FIRST_LINE = 2048
# Type "alert", then the major version of every TLS: what a TLS server says to a client that speaks in the clear.
_TLS_ALERT = b"\x15\x03"


class NotSip(Exception):
    """What was read is not a SIP message."""


class TlsInstead(NotSip):
    """What was read is a TLS record."""


class HeadTooLarge(NotSip):
    """The head of a message has no end within the limit."""


@dataclass(frozen=True, slots=True)
class Dialog:
    """Who we are in one exchange: kept over an authenticated repetition, with a new branch and the next CSeq."""

    call_id: str = field(default_factory=lambda: secrets.token_hex(16))
    tag: str = field(default_factory=lambda: secrets.token_hex(8))
    contact: str = field(default_factory=lambda: f"sip-check-{secrets.token_hex(8)}")
    """A user part nobody else has, so that ending its registration ends no phone's."""


@dataclass(frozen=True, slots=True)
class SipRequest:
    """A request, and what a reply to it must carry."""

    method: Method
    uri: str
    call_id: str
    cseq: str
    branch: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class SipResponse:
    """A reply. Header names are in lower case and in their long form."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]

    def all(self, name: str) -> tuple[str, ...]:
        return tuple(value for header, value in self.headers if header == name)

    def first(self, name: str) -> str | None:
        return next(iter(self.all(name)), None)

    @property
    def is_final(self) -> bool:
        return self.status >= FINAL

    @property
    def status_line(self) -> str:
        """As it came: `clean` it before it is shown."""
        return f"{self.status} {self.reason}".rstrip()

    def answers(self, request: SipRequest) -> bool:
        """Whether it has our Call-ID, our CSeq and our branch (RFC 3261 §17.1.3).

        A number is the same with zeros before it, and a token in either case (§7.3.1).
        """
        # The topmost Via is ours: servers on the way take theirs off.
        branch = _BRANCH.search(self.first("via") or "")
        return (
            self.first("call-id") == request.call_id
            and _cseq(self.first("cseq")) == _cseq(request.cseq)
            and branch is not None
            and branch[1].lower() == request.branch.lower()
        )


def _cseq(text: str | None) -> tuple[str, str] | None:
    """Number and method. The number stays text: a hostile server may send one that is too long to convert."""
    match = _CSEQ.fullmatch(text or "")
    return None if match is None else (match[1].lstrip("0"), match[2].upper())


def address_of_record(address: SipAddress, username: str | None) -> str:
    """Whom a REGISTER is for, as a URI (RFC 3261 §10.2).

    The user of the address; else the user name at the host of the address. A user name that is itself ``user@domain``
    names its domain, as many carriers give it out: escaped into one user part it would be nobody.
    """
    scheme: Literal["sip", "sips"] = address.scheme or "sip"
    registrar = SipAddress(address.host, address.port, scheme).uri()
    host = registrar.removeprefix(f"{scheme}:")
    if address.user:
        return f"{scheme}:{address.user}@{host}"
    name, at, domain = (username or "").rpartition("@")
    if at and name:
        with suppress(InvalidInput):
            host = SipAddress.parse(f"{scheme}:{domain}").uri().removeprefix(f"{scheme}:")
            return f"{scheme}:{_user_part(name)}@{host}"
    return f"{scheme}:{_user_part(username or '')}@{host}"


def _user_part(text: str) -> str:
    # What a user part may hold without an escape (RFC 3261 §25.1, user-unreserved and mark).
    return quote(text, safe="-_.!~*'()&=+$,;?/", encoding="utf-8")


def request_uri(address: SipAddress, method: Method) -> str:
    """The address as it was given; a registration names only the domain (RFC 3261 §10.2)."""
    if method == "REGISTER":
        return SipAddress(address.host, address.port, address.scheme or "sip", address.transport).uri()
    return address.uri()


def build_request(
    method: Method,
    address: SipAddress,
    *,
    dialog: Dialog,
    transport: Transport,
    local: tuple[str, int],
    cseq: int,
    username: str | None = None,
    authorization: tuple[str, str] | None = None,
) -> SipRequest:
    """One OPTIONS or REGISTER from ``local`` (IP and port). ``authorization`` is a header, name and value.

    A REGISTER is for the `address_of_record`, and its only contact expires at once: nothing is registered, and nobody
    else's registration is touched.
    """
    uri = request_uri(address, method)
    # The cookie tells servers that the branch is unique (RFC 3261 §8.1.1.7).
    branch = f"z9hG4bK{secrets.token_hex(12)}"
    # A zone means something on this machine only (RFC 4007 §6).
    host = f"[{local[0].partition('%')[0]}]" if ":" in local[0] else local[0]
    here = f"{host}:{local[1]}"
    scheme: Literal["sip", "sips"] = address.scheme or "sip"
    # `sips` says TLS by itself, and UDP is what a URI without a parameter means (RFC 3261 §19.1.1).
    parameter = "" if transport == "udp" or scheme == "sips" else f";transport={transport}"
    contact = f"<{scheme}:{dialog.contact}@{here}{parameter}>"
    if method == "REGISTER":
        party = sender = f"<{address_of_record(address, username)}>"
    else:
        party, sender = f"<{uri}>", f"<{scheme}:sip-check@{here}>"
    headers = [
        # `rport`: answered to the port that it came from, also through NAT (RFC 3581).
        ("Via", f"SIP/2.0/{transport.upper()} {here};branch={branch};rport"),
        ("Max-Forwards", "70"),
        ("From", f"{sender};tag={dialog.tag}"),
        ("To", party),
        ("Call-ID", dialog.call_id),
        ("CSeq", f"{cseq} {method}"),
        ("Contact", contact),
        # RFC 3261 §10.2.2 and §11.1.
        *([("Expires", "0")] if method == "REGISTER" else [("Accept", "application/sdp")]),
        *([authorization] if authorization else []),
        ("User-Agent", USER_AGENT),
        ("Content-Length", "0"),
    ]
    head = "\r\n".join([f"{method} {uri} SIP/2.0", *(f"{name}: {value}" for name, value in headers), "", ""])
    # A realm that is not UTF-8 has to go back as the bytes it came in.
    data = head.encode("utf-8", "surrogateescape")
    return SipRequest(method, uri, dialog.call_id, f"{cseq} {method}", branch, data)


def read_message(data: bytes) -> SipResponse | None:
    """Read the head of a message: a reply, or ``None`` for a request of the peer's own. Raises `NotSip`."""
    lines = _lines(data)
    match = _STATUS_LINE.fullmatch(lines[0].rstrip())
    if match is None:
        if data.startswith(_TLS_ALERT):
            raise TlsInstead
        if not _REQUEST_LINE.fullmatch(lines[0].rstrip()):
            raise NotSip
        return None
    return SipResponse(int(match[1]), match[2] or "", tuple(_headers(lines[1:])))


def _lines(data: bytes) -> list[str]:
    """The lines of the head of a message, without what may stand before it."""
    head = _HEAD_END.split(data.lstrip(_KEEP_ALIVE), 1)[0]
    return _LINE_END.split(head.decode("utf-8", "surrogateescape"))


def _headers(lines: list[str]) -> list[tuple[str, str]]:
    found: list[tuple[str, list[str]]] = []
    for line in lines:
        # A folded line goes on with the one before (RFC 3261 §7.3.1).
        if line[:1] in (" ", "\t") and found:
            found[-1][1].append(line.strip())
            continue
        name, colon, value = line.partition(":")
        if colon:
            name = name.strip().lower()
            found.append((_COMPACT.get(name, name), [value.strip()]))
    return [(name, " ".join(parts)) for name, parts in found]


def _check_start(data: bytes | bytearray) -> None:
    """Refuse what cannot become a SIP message, as early as its first line shows it."""
    if data.startswith(_TLS_ALERT):
        raise TlsInstead
    line, end, _ = bytes(data[:_FIRST_LINE]).partition(b"\n")
    text = line.decode("utf-8", "surrogateescape").rstrip()
    # A first line that long is none, so there is no need to wait for its end.
    is_whole = bool(end) or len(data) > _FIRST_LINE
    if is_whole and not (_STATUS_LINE.fullmatch(text) or _REQUEST_LINE.fullmatch(text)):
        raise NotSip


class HeadReader:
    """Cuts a byte stream into the heads of messages; bodies and keep-alive line ends are thrown away."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._buffer = bytearray()
        self._body = 0

    @property
    def in_message(self) -> bool:
        """Whether a message has begun and not ended."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> None:
        dropped = min(self._body, len(data))
        self._body -= dropped
        self._buffer += memoryview(data)[dropped:]

    def next(self) -> bytes | None:
        """The next head, or ``None`` if more bytes are needed. Raises `NotSip`."""
        kept = self._buffer.lstrip(_KEEP_ALIVE)
        del self._buffer[: len(self._buffer) - len(kept)]
        if not self._buffer:
            return None
        _check_start(self._buffer)
        end = _HEAD_END.search(self._buffer, 0, self._limit)
        if end is None:
            if len(self._buffer) >= self._limit:
                raise HeadTooLarge
            return None
        head = bytes(self._buffer[: end.end()])
        del self._buffer[: end.end()]
        self._body = _content_length(head)
        rest = bytes(self._buffer)
        self._buffer.clear()
        self.feed(rest)
        return head


def _content_length(head: bytes) -> int:
    values = [value for name, value in _headers(_lines(head)[1:]) if name == "content-length"]
    # A stream's message has to say its length (RFC 3261 §18.3); of one that does not, a body shows as what is no SIP.
    return int(values[0]) if values and _LENGTH.fullmatch(values[0]) else 0


def clean(text: str) -> str:
    """A foreign text made fit to be shown: printable, on one line, and not long."""
    shown = "".join(character if is_visible(character) else "?" for character in text[:MAX_TEXT])
    return shown + "…" if len(text) > MAX_TEXT else shown
