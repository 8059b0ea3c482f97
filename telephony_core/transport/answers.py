"""What every backend makes of an answer: headers by lower-case name, a body that is bounded also when unpacked."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Final

from telephony_core._version import __version__
from telephony_core.errors import NoAnswer, UnexpectedResponse
from telephony_core.flow import Response
from telephony_core.transport.backend import LONGEST_ANSWER

PACKINGS: Final = ("accept-encoding", "gzip, deflate")
"""What `unpacked` can read."""
ASKED: Final = (PACKINGS, ("user-agent", f"telephony-core/{__version__}"))
"""Headers that backends add to those of a request."""

_ZLIB_OR_GZIP: Final = zlib.MAX_WBITS | 32
_BARE_DEFLATE: Final = -zlib.MAX_WBITS


def answer(status: int, headers: Iterable[tuple[str, str]], body: bytes, *, packed: bool = True) -> Response:
    """The answer as a `Response`, unpacked. A header that came more than once is joined by commas (RFC 9110, 5.3)."""
    joined: dict[str, str] = {}
    for name, value in headers:
        name = name.lower()
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    if packed and "content-encoding" in joined:
        body = unpacked(body, joined["content-encoding"])
    check_length(len(body))
    return Response(status, joined, body)


def unpacked(body: bytes, encoding: str) -> bytes:
    """A body as it was before it was packed (gzip, deflate); any other encoding was not asked for and is left alone.

    Raises `NoAnswer` for one that is cut off or damaged, `UnexpectedResponse` beyond `LONGEST_ANSWER`.
    """
    encoding = encoding.strip().lower()
    if not body or encoding not in ("gzip", "x-gzip", "deflate"):
        return body
    # What servers call deflate comes with a header (RFC 9110, section 8.4.1.2) and without.
    for form in (_ZLIB_OR_GZIP, _BARE_DEFLATE) if encoding == "deflate" else (_ZLIB_OR_GZIP,):
        unpacker = zlib.decompressobj(form)
        try:
            whole = unpacker.decompress(body, LONGEST_ANSWER + 1)
        except zlib.error:
            continue
        check_length(len(whole))
        if unpacker.eof:
            return whole
    raise NoAnswer(f"the answer could not be decoded: it is not whole {encoding}")


def check_length(length: int) -> None:
    """Raises `UnexpectedResponse` for more than anybody should read."""
    if length > LONGEST_ANSWER:
        raise UnexpectedResponse(f"the answer is longer than {LONGEST_ANSWER // 2**20} MiB and was not read")


def too_late(timeout: float) -> NoAnswer:
    """What to raise when the whole answer did not come in time."""
    return NoAnswer(f"no whole answer within {timeout:.1f} s")
