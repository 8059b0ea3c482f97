"""Talk to one target over UDP, TCP or TLS: bytes out, message heads in, never more buffered than the limits say."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Protocol, TypeVar

from telephony_core.sip_check.limits import Limits
from telephony_core.sip_check.network.failures import FailureKind, ProbeError, network_error
from telephony_core.sip_check.network.server_location import SipServer
from telephony_core.sip_check.protocol.message import HeadReader, HeadTooLarge, NotSip, TlsInstead

_CHUNK = 4096
_DATAGRAM = 65535

T = TypeVar("T")


class SipConnection(Protocol):
    """One way to a server. Everything it does raises `ProbeError` and nothing else."""

    is_reliable: bool
    """Whether the transport repeats lost data itself (RFC 3261 §17.1.2: no timer E then)."""
    local: tuple[str, int]
    """Our IP and port, for the Via header."""

    async def send(self, data: bytes) -> None: ...

    async def receive(self, timeout: float) -> bytes | None:
        """The next message, its head at least; ``None`` after ``timeout`` seconds without one."""


@contextmanager
def _as_probe_error(convert: Callable[[OSError], ProbeError] = network_error) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise convert(error) from None


def has_route(target: SipServer) -> bool:
    """Whether this host knows any way to the target's address. Nothing is sent."""
    try:
        with socket.socket(_family(target), socket.SOCK_DGRAM) as probe:
            probe.connect((target.ip, target.port))
    except OSError:
        return False
    return True


@asynccontextmanager
async def open_udp(target: SipServer) -> AsyncGenerator[SipConnection]:
    """A *connected* datagram socket: only such a one gets the ICMP error of a closed port, and no other peer's data."""
    with _socket(target, socket.SOCK_DGRAM) as sock:
        with _as_probe_error(_before_sending):
            sock.connect((target.ip, target.port))
        yield _Datagrams(sock)


@asynccontextmanager
async def connect_tcp(target: SipServer, timeout: float) -> AsyncGenerator[socket.socket]:
    """A connected TCP socket. Raises `ProbeError`."""
    if not has_route(target):  # else a local error could not be distinguished from the network's
        raise ProbeError(FailureKind.NO_ROUTE)
    with _socket(target, socket.SOCK_STREAM) as sock:
        with _as_probe_error():
            async with asyncio.timeout(timeout):
                await asyncio.get_running_loop().sock_connect(sock, (target.ip, target.port))
        yield sock


def plain_stream(sock: socket.socket, limits: Limits) -> SipConnection:
    """SIP over TCP on a connected socket."""
    loop = asyncio.get_running_loop()
    return _Stream(sock, lambda data: loop.sock_sendall(sock, data), lambda: _receive(sock, _CHUNK), limits)


class TlsStream:
    """SIP over TLS on a connected socket, in memory: no transport of the event loop, so no shutdown to wait for."""

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, server_name: str) -> None:
        self._sock = sock
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.session: ssl.SSLObject = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_name)

    async def handshake(self, timeout: float) -> None:
        """Raises `ProbeError`; nothing of ours was sent then but the handshake."""
        with _as_probe_error():
            async with asyncio.timeout(timeout):
                await self._run(self.session.do_handshake)

    def messages(self, limits: Limits) -> SipConnection:
        return _Stream(self._sock, self._send, self._read, limits)

    async def _send(self, data: bytes) -> None:
        try:
            await self._run(lambda: self.session.write(data))
        except ConnectionError:
            # In TLS 1.3 the server verifies our certificate after the handshake; its alert may be here already.
            await self._read()
            raise

    async def _read(self) -> bytes:
        return await self._run(lambda: self.session.read(_CHUNK))

    async def _run(self, action: Callable[[], T]) -> T:
        while True:
            try:
                result = action()
            except ssl.SSLWantReadError:
                await self._flush()
                data = await _receive(self._sock, _CHUNK)
                if data:
                    self._incoming.write(data)
                else:
                    self._incoming.write_eof()
            except ssl.SSLError:
                # The alert tells the server's log why; it is lost if the server is gone.
                with suppress(OSError):
                    await self._flush()
                raise
            else:
                await self._flush()
                return result

    async def _flush(self) -> None:
        data = self._outgoing.read()
        if data:
            await asyncio.get_running_loop().sock_sendall(self._sock, data)


class _Datagrams:
    is_reliable = False

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.local = _local(sock)

    async def send(self, data: bytes) -> None:
        with _as_probe_error():
            await asyncio.get_running_loop().sock_sendall(self._sock, data)

    async def receive(self, timeout: float) -> bytes | None:
        return await _within(timeout, _receive(self._sock, _DATAGRAM))


class _Stream:
    is_reliable = True

    def __init__(
        self,
        sock: socket.socket,
        send: Callable[[bytes], Awaitable[None]],
        read: Callable[[], Awaitable[bytes]],
        limits: Limits,
    ) -> None:
        self._send = send
        self._read = read
        self._heads = HeadReader(limits.head)
        self.local = _local(sock)

    async def send(self, data: bytes) -> None:
        with _as_probe_error():
            await self._send(data)

    async def receive(self, timeout: float) -> bytes | None:
        return await _within(timeout, self._next())

    async def _next(self) -> bytes:
        try:
            while (head := self._heads.next()) is None:
                data = await self._read()
                if not data:
                    raise ProbeError(FailureKind.CLOSED, "in the middle of a message" if self._heads.in_message else "")
                self._heads.feed(data)
        except TlsInstead:
            raise ProbeError(FailureKind.TLS_INSTEAD) from None
        except HeadTooLarge:
            raise ProbeError(FailureKind.TOO_LARGE) from None
        except NotSip:
            raise ProbeError(FailureKind.NOT_SIP) from None
        return head


async def _within(timeout: float, reading: Coroutine[None, None, T]) -> T | None:
    bound = asyncio.timeout(timeout)
    try:
        async with bound:
            return await reading
    except OSError as error:
        # The time-out of the socket (ETIMEDOUT) is the same class as ours.
        if bound.expired():
            return None
        raise network_error(error) from None


async def _receive(sock: socket.socket, size: int) -> bytes:
    # A socket that always has data returns without a pause; without one here, no time-out would ever come.
    await asyncio.sleep(0)
    return await asyncio.get_running_loop().sock_recv(sock, size)


def _socket(target: SipServer, kind: socket.SocketKind) -> socket.socket:
    with _as_probe_error(_before_sending):
        sock = socket.socket(_family(target), kind)
    # The event loop's functions for sockets take no others.
    sock.setblocking(False)
    return sock


def _before_sending(error: OSError) -> ProbeError:
    """Nothing left this host yet, so the error cannot come from the network."""
    failure = network_error(error)
    return ProbeError(
        FailureKind.NO_ROUTE if failure.kind is FailureKind.UNREACHABLE else FailureKind.LOCAL, failure.detail
    )


def _family(target: SipServer) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in target.ip else socket.AF_INET


def _local(sock: socket.socket) -> tuple[str, int]:
    name = sock.getsockname()
    return str(name[0]), int(name[1])
