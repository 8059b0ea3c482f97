"""The network under httpx: one that keeps a deadline, and one that knows what may have been sent.

httpcore, on which httpx is built, gives every single read all the time there is, forgets a connection whose TLS
handshake is cancelled, and reaches asyncio by way of anyio, at the price of half a request.
"""

from __future__ import annotations

import asyncio
import select
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import httpcore

from telephony_core.transport.addresses import connect_to_any

_LONGEST_POLL: Final = 2**31 - 1
"""Milliseconds, which are 24 days. `select.poll` takes no more."""

Given = TypeVar("Given")
Taken = TypeVar("Taken")


class PunctualNetwork(httpcore.NetworkBackend):
    """Connections that keep one deadline, a moment of the monotonic clock."""

    def __init__(self, network: httpcore.NetworkBackend) -> None:
        self._network = network
        self.deadline: float = 0.0

    def left(self) -> float:
        return max(self.deadline - time.monotonic(), 1e-6)  # 0 would mean not to wait at all

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        def connect(address: str, seconds: float) -> httpcore.NetworkStream:
            return self._network.connect_tcp(address, port, seconds, local_address, socket_options)

        with _translated(httpcore.ConnectError):
            return _SocketStream(connect_to_any(host, port, self.deadline, connect), self)


class _PunctualStream(httpcore.NetworkStream):
    """Gives each step of another stream what is left of the time."""

    def __init__(self, stream: httpcore.NetworkStream, network: PunctualNetwork) -> None:
        self._stream = stream
        self._network = network

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self._check()
        return self._stream.read(max_bytes, self._network.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._network.left())

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _PunctualStream(self._start_tls(ssl_context, server_hostname), self._network)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)

    def close(self) -> None:
        self._stream.close()

    def _start_tls(self, ssl_context: ssl.SSLContext, server_hostname: str | None) -> httpcore.NetworkStream:
        return self._stream.start_tls(ssl_context, server_hostname, self._network.left())

    def _check(self) -> None:
        if time.monotonic() > self._network.deadline:  # also when bytes keep coming
            raise httpcore.ReadTimeout("the deadline has passed")


class _SocketStream(_PunctualStream):
    """A socket, plain or with TLS, that is waited for here and nowhere else.

    httpcore's stream sets a time-out before each step, and Python's socket then waits before it acts. Each of these
    calls lets another thread go first: among a hundred, half of the time goes into changing turns.
    """

    def __init__(self, stream: httpcore.NetworkStream, network: PunctualNetwork) -> None:
        super().__init__(stream, network)
        self._socket: socket.socket = stream.get_extra_info("socket")
        self._socket.setblocking(False)
        self._secure = isinstance(self._socket, ssl.SSLSocket)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self._check()
        with _translated(httpcore.ReadError):
            if not self._secure:  # nothing came yet; TLS may have kept something back
                self._wait(httpcore.ReadTimeout, writing=False)
            return self._when_ready(self._socket.recv, max_bytes, httpcore.ReadTimeout, writing=False)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        with _translated(httpcore.WriteError):
            while buffer:
                buffer = buffer[self._when_ready(self._socket.send, buffer, httpcore.WriteTimeout, writing=True) :]

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        inside = self._secure  # TLS in the TLS of a proxy, which is no socket of the system's
        stream = self._start_tls(ssl_context, server_hostname)
        return _PunctualStream(stream, self._network) if inside else _SocketStream(stream, self._network)

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":  # asked of an idle connection: there is nothing to read but its end
            return _ready(self._socket, 0.0, writing=False)
        return super().get_extra_info(info)

    def _when_ready(
        self, step: Callable[[Given], Taken], given: Given, late: type[Exception], *, writing: bool
    ) -> Taken:
        while True:
            try:
                return step(given)
            except BlockingIOError:
                self._wait(late, writing=writing)
            except ssl.SSLWantReadError:  # TLS has business of its own in either direction
                self._wait(late, writing=False)
            except ssl.SSLWantWriteError:
                self._wait(late, writing=True)

    def _wait(self, late: type[Exception], *, writing: bool) -> None:
        left = self._network.deadline - time.monotonic()
        if left <= 0 or not _ready(self._socket, left, writing=writing):
            raise late("the deadline has passed")


class AsyncioNetwork(httpcore.AsyncNetworkBackend):
    """Connections straight over asyncio. Time-outs are the business of whoever awaits them."""

    def __init__(self) -> None:
        self.may_hold_bytes: bool = True
        """Whether bytes of a request may be on their way. While a connection is being opened, none are."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        self.may_hold_bytes = False
        with _translated(httpcore.ConnectError):
            reader, writer = await asyncio.open_connection(host, port, **_eyeballs())
        return _AsyncioStream(reader, writer, self)


def _eyeballs() -> dict[str, Any]:
    """Try the next address of a host before the first has failed, where the loop can: uvloop cannot."""
    return {"happy_eyeballs_delay": 0.25} if isinstance(asyncio.get_running_loop(), asyncio.BaseEventLoop) else {}


class _AsyncioStream(httpcore.AsyncNetworkStream):
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, network: AsyncioNetwork) -> None:
        self._reader = reader
        self._writer = writer
        self._network = network

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        with _translated(httpcore.ReadError):
            return await self._reader.read(max_bytes)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._network.may_hold_bytes = True
        with _translated(httpcore.WriteError):
            self._writer.write(buffer)
            await self._writer.drain()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        self._network.may_hold_bytes = False  # what may have been written was meant for a proxy
        try:
            with _translated(httpcore.ConnectError):
                await self._writer.start_tls(ssl_context, server_hostname=server_hostname)
        except BaseException:
            await self.aclose()
            raise
        return self

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":  # asked of an idle connection: there is nothing to read but its end
            ended = self._reader.at_eof() or self._writer.transport.is_closing()
            unasked: Any = self._reader._buffer  # type: ignore[attr-defined]  # the loop has read it from the socket
            return ended or bool(unasked) or _ready(self._writer.get_extra_info("socket"), 0.0, writing=False)
        return self._writer.get_extra_info(info)

    async def aclose(self) -> None:
        # Everything was flushed, and a server that says no goodbye would be waited for. One turn of the loop closes.
        self._writer.transport.abort()
        await asyncio.sleep(0)


@contextmanager
def _translated(kind: type[Exception]) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise kind(str(error) or type(error).__name__) from error


def _ready(sock: socket.socket, seconds: float, *, writing: bool) -> bool:
    """Whether something can be read, or written, within this time. A closed socket is ready: it says so when used."""
    descriptor = sock.fileno()
    if descriptor < 0:
        return True
    if not hasattr(select, "poll"):  # Windows
        mine, nothing = [descriptor], list[int]()
        return any(select.select(nothing if writing else mine, mine if writing else nothing, nothing, seconds))
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT if writing else select.POLLIN)
    return bool(poll.poll(min(seconds * 1000, _LONGEST_POLL)))
