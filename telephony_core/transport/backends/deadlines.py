"""One deadline over calls that know no such thing: name services, handshakes, servers that send byte by byte.

A deadline is a moment of the monotonic clock, in seconds.
"""

from __future__ import annotations

import contextvars
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextlib import suppress
from math import inf
from typing import Any, Final, TypeVar

T = TypeVar("T")

LONGEST_WAIT: Final = 1e7
"""Seconds, which are 115 days. Some of the system's calls take no more (24 days in milliseconds, on others)."""


def left_until(deadline: float) -> float:
    """Seconds until a deadline, as a socket takes them: never 0, which would mean not to wait at all."""
    return min(max(deadline - time.monotonic(), 1e-6), LONGEST_WAIT)


def in_time(work: Callable[[], T], deadline: float, discard: Callable[[T], None] = lambda made: None) -> T:
    """What ``work()`` returns or raises, unless the deadline passes first: then `TimeoutError`.

    It runs in a thread of its own, in the context of the caller. A name service that does not answer cannot be
    interrupted, so the thread is left alone when the time is over (or the caller was interrupted); what it makes
    afterwards goes to ``discard``, and what it raises afterwards goes nowhere.
    """
    made: Future[T] = Future()
    thread = threading.Thread(
        target=contextvars.copy_context().run,
        args=(_hand_over, work, made, discard),
        name="telephony-core opening",
        daemon=True,
    )
    thread.start()
    try:
        wait([made], left_until(deadline))
        # Only one of the two succeeds: to cancel here, or to begin handing the result over there.
        if made.cancel():
            raise TimeoutError("the deadline has passed")
        thread.join()
        return made.result()
    except BaseException:
        # The caller was interrupted, perhaps with the result at hand.
        if not made.cancel() and not made.exception():
            discard(made.result())
        raise
    finally:
        del made  # its error has this frame in its traceback, and would hold itself


def _hand_over(work: Callable[[], T], made: Future[T], discard: Callable[[T], None]) -> None:
    try:
        result = work()
    except BaseException as error:
        if made.set_running_or_notify_cancel():
            made.set_exception(error)
    else:
        if made.set_running_or_notify_cancel():
            made.set_result(result)
        else:
            discard(result)
    finally:
        del made  # as above


class Watch:
    """Ends connections that are still waited for when their deadline passes.

    A socket's own time-out begins anew with every byte, so a server that sends one now and then could be waited for
    without end. One thread serves all connections of a backend; it ends when that is closed, and when it wakes up and
    there is nothing to watch.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._watched: set[Watched] = set()
        """Added to and taken from without the lock, each in one step: threads would queue for it in every request."""
        self._closed = False
        self._thread: threading.Thread | None = None
        self._next: float | None = None
        """When the thread looks again; ``None`` while there is none."""

    def add(self, watched: Watched) -> None:
        self._watched.add(watched)  # before the next line: the thread looks at them after it has said that it ends
        looks_again = self._next
        if looks_again is None or watched.deadline < looks_again:
            with self._changed:
                if self._next is None:
                    self._next = watched.deadline
                    self._thread = threading.Thread(target=self._run, name="telephony-core deadlines", daemon=True)
                    self._thread.start()
                else:
                    self._changed.notify()

    def remove(self, watched: Watched) -> None:
        """After this, the connection is not ended any more: it may carry somebody else's request."""
        watched.let_go()
        self._watched.discard(watched)
        if self._closed and not self._watched:
            with self._changed:
                self._changed.notify()

    def close(self) -> None:
        """End the thread, unless something is still to be watched: then it ends after that."""
        with self._changed:
            self._closed = True
            self._changed.notify()
            ends = self._thread is not None and not self._watched
        if ends and self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        with self._changed:
            while True:
                if not self._watched:
                    self._next = None
                    if not self._watched:
                        return
                self._next = inf  # so that whoever is added behind the next line comes and says so
                watched, now = self._watched.copy(), time.monotonic()
                for late in watched:
                    if late.deadline <= now:
                        late.end()
                        self._watched.discard(late)
                self._next = min((each.deadline for each in watched if each.deadline > now), default=now)
                self._changed.wait(min(self._next - now, LONGEST_WAIT))


class Watched:
    """A connection in use, and until when it may be."""

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.socket: Any = None
        """What to end: a socket, plain or with TLS."""
        self.was_ended: bool = False
        self._is_in_use = True
        self._ending = threading.Lock()

    def let_go(self) -> None:
        """From now on it is not ended any more."""
        with self._ending:
            self._is_in_use = False

    def end(self) -> None:
        with self._ending:
            if self._is_in_use:
                self.was_ended = True
                self.hang_up()

    def hang_up(self) -> None:
        """Make whoever reads from the connection, or writes to it, return at once."""
        if self.socket is not None:
            with suppress(OSError):
                # Not SSLSocket's own method, which also drops its TLS: another thread is using it.
                socket.socket.shutdown(self.socket, socket.SHUT_RDWR)
