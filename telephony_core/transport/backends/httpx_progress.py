"""How far one request of httpx has come, as its documented ``trace`` extension tells it.

Without it nobody could say whether a byte has left, and with it a request is stopped before it is sent where it must
not be: after its deadline, or over a connection that others have used. What it names is a part of httpx's interface
(https://www.python-httpx.org/advanced/extensions/#trace): events such as ``connection.connect_tcp.complete`` with the
stream that came of it, and ``http11.send_request_headers.started``, after which bytes are on their way.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from telephony_core.errors import NoAnswer, TelephonyError
from telephony_core.transport.backends.deadlines import Watched, left_until
from telephony_core.transport.backends.failures import not_connected, too_late
from telephony_core.transport.backends.name_resolution import addresses_of

_OPENING: Final = frozenset({"connect_tcp.started", "connect_unix_socket.started"})
_OPENED: Final = frozenset({"connect_tcp.complete", "connect_unix_socket.complete", "start_tls.complete"})
_HEAD: Final = 64
"""Bytes of an answer that tell whether it is still waiting to be read."""


class StartAgain(Exception):  # nothing went wrong, and nothing was sent
    """This request cannot go like this, and has to be handed over once more."""


class Late(Exception):
    """The deadline passed."""


class Unasked(Exception):
    """An answer was there before the request was: it belongs to nobody, or to another request."""


class RequestProgress(Watched):
    """One request and how far it has come. Handed to httpx as the extension ``trace``."""

    may_open = True
    """Whether it may wait for a connection to be opened; otherwise `StartAgain`."""
    may_reuse = True
    """Whether it may go over a connection that carried another request; otherwise `StartAgain`."""

    def __init__(self, deadline: float) -> None:
        super().__init__(deadline)
        self.may_have_left: bool = True
        """Whether bytes of the request may be on their way. A transport that tells nothing is believed nothing."""
        self.abandoned: bool = False
        """Set when nobody waits for it any more: nothing is sent from then on."""
        self.stream: Any = None
        """The connection that was opened for it."""
        self._over_http11 = False

    def failure(self, timeout: float) -> TelephonyError:
        """What it means that the deadline has passed."""
        return too_late(timeout) if self.may_have_left else not_connected(timeout)

    @property
    def is_late(self) -> bool:
        return self.was_ended or time.monotonic() >= self.deadline

    def abandon(self) -> None:
        """Nobody waits for it any more: nothing is to be sent, and what was opened is to be closed."""
        self.abandoned = True
        self.hang_up()

    def _opening(self) -> None:
        if not self.may_open:
            raise StartAgain
        self.may_have_left = False

    def _opened(self, stream: Any) -> None:
        self.stream = stream

    def _sending(self, layer: str) -> None:
        """The last moment at which nothing has left yet."""
        if self.is_late:
            self.may_have_left = False
            raise Late
        if layer == "http11" and self.stream is None and not self.may_reuse:
            raise StartAgain  # and httpx closes that connection
        self._over_http11 = layer == "http11"
        self.may_have_left = True
        if self.abandoned:  # looked at after the line above, as whoever abandons it looks at that line after this one
            raise Late


class SyncProgress(RequestProgress):
    """In ordinary code it also has the socket, which can be looked into and ended from another thread."""

    addresses: int | None = None
    """How many the host has, which have to share the time; unknown before the first connection."""

    def __call__(self, event: str, info: Mapping[str, Any]) -> None:
        layer, _, step = event.partition(".")
        if step == "send_request_headers.started":
            if info["request"].method != b"CONNECT":  # that one is for a proxy
                self._sending(layer)
        elif step == "receive_response_headers.started":
            if self._over_http11 and self.socket is not None:
                self._wait()
        elif step == "receive_response_headers.complete":
            if self._over_http11 and self.socket is not None:
                self._compare()
        elif step in _OPENING:
            self._opening()
            if "host" in info:
                self._share_time(info["host"], info["port"])
        elif step in _OPENED:
            self._opened(info["return_value"])

    def _share_time(self, host: str, port: int) -> None:
        """httpx gives every address of a host all the time there is: it has to be told less if there are several."""
        if self.addresses is None:
            try:
                self.addresses = len(addresses_of(host, port, self.deadline))
            except TimeoutError:
                raise Late from None
            except (OSError, UnicodeError):  # httpx will say so
                self.addresses = 1
            if self.addresses > 1:
                raise StartAgain

    def _opened(self, stream: Any) -> None:
        super()._opened(stream)
        self.socket: Any = stream.get_extra_info("socket")
        # Nobody else closes it: whoever waited for it has gone.
        if self.is_late or self.abandoned:
            stream.close()

    def _wait(self) -> None:
        """Wait for the answer, and remember how it begins.

        httpx keeps what it read behind an answer, and takes it for the next one without reading anything. Then the
        true answer is still waiting when the head of an answer is there.
        """
        self._beginning = self._first_bytes(left_until(self.deadline))
        if self.is_late:
            raise Late

    def _compare(self) -> None:
        if self._beginning is not None and self._first_bytes(0.0) == self._beginning:
            raise Unasked

    def _first_bytes(self, seconds: float) -> bytes | None:
        """What could be read next; ``None`` when nothing came in time."""
        with suppress(OSError):
            self.socket.settimeout(seconds)
            # Of the socket itself: with TLS, that is what came over the wire.
            found: bytes = socket.socket.recv(self.socket, _HEAD, socket.MSG_PEEK)
            return found
        return None


class AsyncProgress(RequestProgress):
    """In async code every wait lets others have their turn, which shows whether there was one."""

    async def __call__(self, event: str, info: Mapping[str, Any]) -> None:
        layer, _, step = event.partition(".")
        if step == "send_request_headers.started":
            if info["request"].method != b"CONNECT":
                self._sending(layer)
        elif step == "receive_response_headers.started":
            self._waited = False
            asyncio.get_running_loop().call_soon(self._wait)
        elif step == "receive_response_headers.complete":
            # Nothing was read: it had come behind an earlier answer.
            if self._over_http11 and not self._waited:
                raise Unasked
        elif step in _OPENING:
            self._opening()
        elif step in _OPENED:
            self._opened(info["return_value"])

    def _wait(self) -> None:
        self._waited = True

    async def close_unused(self) -> None:
        """Close a connection that never carried the request: httpx forgets one whose handshake is cancelled."""
        if self.stream is not None and not self.may_have_left:
            await self.stream.aclose()


def unasked() -> NoAnswer:
    return NoAnswer("the provider answered before it was asked; that answer is not believed")
