"""stdout and stderr as they may be: full, closed, or read by nobody any more.

What a command did does not depend on whether its words arrive. So nothing that is printed raises: the first failure is
kept, the rest goes nowhere, and the end of the command decides what that means (`telephony_core.cli.app`).
"""

from __future__ import annotations

import errno
import io
import os
import select
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO, Final, TextIO, cast

if TYPE_CHECKING:
    from typing_extensions import Buffer

_STANDARD: Final = range(3)


def reserve_descriptors() -> None:
    """Open what was closed (``>&-``) on nothing: else the next file or socket would get its number, and be written to
    by whoever thinks that it is stderr."""
    for descriptor in _STANDARD:
        try:
            os.fstat(descriptor)
        except OSError:
            with suppress(OSError):
                os.open(os.devnull, os.O_RDWR)  # takes the lowest free number


class Unfailing(io.BufferedIOBase):
    """The bytes of a standard stream; the first error is kept in ``failure`` and everything after it is dropped."""

    def __init__(self, stream: TextIO | None) -> None:
        # None where Python found the stream closed when it began.
        self._bytes: BinaryIO | None = getattr(stream, "buffer", None)
        self._isatty = stream is not None and stream.isatty()
        self.failure: OSError | None = None
        self._number: int | None = None
        # Of a stream in memory, or one that is closed: no descriptor, and none is needed.
        with suppress(OSError, AttributeError, ValueError):
            self._number = self._bytes.fileno() if self._bytes is not None else None

    def write(self, data: Buffer) -> int:
        whole = bytes(data)
        if self._bytes is None:
            # The first failure is the reason; the others only follow from it.
            self.failure = self.failure or OSError(errno.EBADF, "it is closed")
        elif self.failure is None:
            self._attempt(self._bytes, whole)
        return len(whole)

    def _attempt(self, stream: BinaryIO, data: bytes) -> None:
        try:
            while True:
                try:
                    stream.write(data)
                    stream.flush()
                except BlockingIOError as full:  # somebody who shares the pipe made it non-blocking
                    data = data[full.characters_written :]
                    if self._number is not None:
                        # Until the reader has taken something. To try again at once would burn a processor.
                        select.select([], [self._number], [])
                else:
                    return
        except OSError as error:
            self.failure = error
            self._leave()

    def _leave(self) -> None:
        """Let what is still buffered go nowhere: Python would flush it at the end, and complain."""
        if self._number is not None:
            with suppress(OSError):
                nothing = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nothing, self._number)
                os.close(nothing)

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return self._isatty

    def fileno(self) -> int:
        if self._number is None:
            raise io.UnsupportedOperation("fileno")
        return self._number


@contextmanager
def unfailing() -> Iterator[Callable[[], OSError | None]]:
    """Printing to stdout or stderr raises nothing; gives a function that returns why stdout took no more.

    What a stream's encoding lacks is shown as its escape.
    """
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = out, _ = _wrapped(before[0]), _wrapped(before[1])
    try:
        yield lambda: failure_of(out)
    finally:
        sys.stdout, sys.stderr = before


def failure_of(stream: TextIO) -> OSError | None:
    """Why a stream of `unfailing` takes no more; ``None`` as long as it does."""
    raw = getattr(stream, "buffer", None)
    return raw.failure if isinstance(raw, Unfailing) else None


def _wrapped(stream: TextIO | None) -> TextIO:
    if stream is not None and not isinstance(stream, io.TextIOWrapper):
        return stream  # in memory, where nothing fails
    # Nothing of it is written anyway; it only has to encode every text.
    encoding = "utf-8" if stream is None else stream.encoding
    raw = cast("BinaryIO", Unfailing(stream))  # all of one that a text stream asks for
    # "backslashreplace": a terminal in ISO 8859-1 must not end a command at a Korean label. "write_through": a failure
    # is known when a line is printed, and not at the end.
    return io.TextIOWrapper(raw, encoding, errors="backslashreplace", write_through=True)
