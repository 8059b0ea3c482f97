"""What every backend makes of an answer: headers by lower-case name, a body that is bounded also when unpacked."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Final

from telephony_core._version import __version__
from telephony_core.errors import NoAnswer, UnexpectedResponse
from telephony_core.provider.flow import Response
from telephony_core.transport.backend import LONGEST_ANSWER

PACKINGS: Final = ("accept-encoding", "gzip, deflate")
"""What `unpacked` can read."""
ASKED: Final = (PACKINGS, ("user-agent", f"telephony-core/{__version__}"))
"""Headers that backends add to those of a request."""

_ZLIB_OR_GZIP: Final = zlib.MAX_WBITS | 32
_BARE_DEFLATE: Final = -zlib.MAX_WBITS
_MOST_CODINGS: Final = 3
"""Codings one over the other. Nobody who means well packs a body more often."""
_MOST_MEMBERS: Final = 100
"""Members of one gzip. Each is unpacked out of a copy of what is left, so a million empty ones would take hours."""


def answer(status: int, headers: Iterable[tuple[str, str]], body: bytes, *, packed: bool = True) -> Response:
    """The answer as a `Response`, unpacked. A header that came more than once is joined by commas (RFC 9110, 5.3).

    Raises `NoAnswer` for an interim status (1xx): those are read past, and 101 leaves HTTP. Raises what `unpacked`
    raises; an error whose body cannot be read is still the error that its status says.
    """
    if status < 200:
        raise NoAnswer(f"the provider ended its answer with the interim status {status}")
    joined: dict[str, str] = {}
    for name, value in headers:
        name = name.lower()
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    if packed and body and "content-encoding" in joined:
        body = unpacked(body, joined["content-encoding"], strictly=status < 300)
    check_length(len(body))
    return Response(status, joined, body)


def unpacked(body: bytes, encoding: str, *, strictly: bool = True) -> bytes:
    """A body as it was before it was packed: ``gzip``, ``deflate``, ``identity``, or a list of them as applied.

    Raises `NoAnswer` for one that is cut off or damaged, `UnexpectedResponse` beyond `LONGEST_ANSWER`, for more pieces
    than anybody packs, and for any other coding, which was not asked for; unless ``strictly``, a body in such a coding
    is left as it is.
    """
    codings = [name for each in encoding.split(",") if (name := each.strip().lower()) not in ("", "identity")]
    if len(codings) > _MOST_CODINGS or not _KNOWN.issuperset(codings):
        if strictly:
            raise UnexpectedResponse("the answer is packed in a way that was not asked for (content-encoding)")
        return body
    for coding in reversed(codings):
        body = _without(coding, body)
    return body


_KNOWN: Final = frozenset({"gzip", "x-gzip", "deflate"})


def _without(coding: str, body: bytes) -> bytes:
    # What servers call deflate comes with a header (RFC 9110, section 8.4.1.2) and without.
    for form in (_ZLIB_OR_GZIP, _BARE_DEFLATE) if coding == "deflate" else (_ZLIB_OR_GZIP,):
        whole, rest, failed, members = bytearray(), body, False, 0
        while rest and not failed:
            members += 1
            if members > _MOST_MEMBERS:
                raise UnexpectedResponse(f"the answer is packed in more than {_MOST_MEMBERS} pieces and was not read")
            unpacker = zlib.decompressobj(form)
            try:
                # One byte more than is allowed shows that there is more, without unpacking all of it.
                whole += unpacker.decompress(rest, LONGEST_ANSWER + 1 - len(whole))
            except zlib.error:
                failed = True
            else:
                check_length(len(whole))
                failed = not unpacker.eof
                # A gzip file may consist of several members (RFC 1952, section 2.2), and be padded with zeros.
                rest = unpacker.unused_data.lstrip(b"\0") if coding != "deflate" else unpacker.unused_data
                failed = failed or (coding == "deflate" and bool(rest))
        if not failed:
            return bytes(whole)
    raise NoAnswer(f"the answer could not be decoded: it is not whole {coding}")


def check_length(length: int) -> None:
    """Raises `UnexpectedResponse` for more than anybody should read."""
    if length > LONGEST_ANSWER:
        raise UnexpectedResponse(f"the answer is longer than {LONGEST_ANSWER // 2**20} MiB and was not read")
