"""Connections to one origin that wait for their next request."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from typing import Final, Generic, TypeVar

ConnectionT = TypeVar("ConnectionT")

IDLE_FOR: Final = 5.0
"""Seconds after which an idle connection is not used again, as in httpx itself: servers hang up without a word."""


class IdleConnections(Generic[ConnectionT]):
    """The last one used comes first, so that those that are not needed grow old. One in use is not in here.

    Threads may share it: every step is one of `collections.deque`.
    """

    def __init__(self) -> None:
        self._idle: deque[tuple[float, ConnectionT]] = deque()

    def take(self) -> ConnectionT | None:
        """One that was used within `IDLE_FOR` seconds, if there is one."""
        try:
            since, connection = self._idle.pop()
        except IndexError:
            return None
        if time.monotonic() - since <= IDLE_FOR:
            return connection
        self._idle.append((since, connection))  # those below it are older still
        return None

    def put(self, connection: ConnectionT) -> None:
        self._idle.append((time.monotonic(), connection))

    def expired(self) -> Iterator[ConnectionT]:
        """Those that were idle for too long; they are the caller's to close."""
        while self._idle:
            try:
                since, oldest = self._idle.popleft()
            except IndexError:  # other threads were faster
                return
            if time.monotonic() - since <= IDLE_FOR:
                self._idle.appendleft((since, oldest))
                return
            yield oldest

    def take_all(self) -> Iterator[ConnectionT]:
        """Every one; they are the caller's to close."""
        while self._idle:
            try:
                yield self._idle.pop()[1]
            except IndexError:
                return
