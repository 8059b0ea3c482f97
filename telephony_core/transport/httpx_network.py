"""The network under httpx: one that keeps a deadline, and one that knows what may have been sent.

httpcore, on which httpx is built, gives every single read all the time there is, forgets a connection whose TLS
handshake is cancelled, and reaches asyncio by way of anyio, at the price of half a request.
"""

from __future__ import annotations

import asyncio
import select
import ssl
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import httpcore


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
        return _PunctualStream(self._network.connect_tcp(host, port, self.left(), local_address, socket_options), self)


class _PunctualStream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, network: PunctualNetwork) -> None:
        self._stream = stream
        self._network = network

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if time.monotonic() > self._network.deadline:  # also when bytes keep coming
            raise httpcore.ReadTimeout("the deadline has passed")
        return self._stream.read(max_bytes, self._network.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._network.left())

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        stream = self._stream.start_tls(ssl_context, server_hostname, self._network.left())
        return _PunctualStream(stream, self._network)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)

    def close(self) -> None:
        self._stream.close()


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
            reader, writer = await asyncio.open_connection(host, port, happy_eyeballs_delay=0.25)
        return _AsyncioStream(reader, writer, self)


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
            return ended or _is_readable(self._writer.get_extra_info("socket").fileno())
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


def _is_readable(descriptor: int) -> bool:
    if descriptor < 0:
        return True
    if not hasattr(select, "poll"):  # Windows
        return bool(select.select([descriptor], [], [], 0)[0])
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))
