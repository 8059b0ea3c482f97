"""A SIP server in this process that answers as a test tells it to, over UDP, TCP or TLS on loopback."""

from __future__ import annotations

import asyncio
import hashlib
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Self

HASHES = {"MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}


class HangUp:
    """What a behaviour gives to have the connection closed."""


HANG_UP = HangUp()
Answers = Iterable[bytes | HangUp]


@dataclass(frozen=True)
class Heard:
    """A request as it came in. Read apart from the code under test, on purpose."""

    data: bytes

    @property
    def method(self) -> str:
        return self.data.split(b" ", 1)[0].decode()

    @property
    def uri(self) -> str:
        return self.data.split(b" ", 2)[1].decode()

    def header(self, name: str) -> str | None:
        found = re.search(rf"^{name}: (.*?)\r$", self.data.decode("utf-8", "replace"), re.MULTILINE)
        return found[1] if found else None

    def reply(self, status: int, reason: str, *headers: tuple[str, str], **changes: str) -> bytes:
        """A correct reply, but for ``changes``: ``call_id="x"`` replaces that header."""
        mirrored = ("Via", "From", "To", "Call-ID", "CSeq")
        lines = [
            f"SIP/2.0 {status} {reason}",
            *(f"{name}: {changes.get(name.lower().replace('-', '_'), self.header(name))}" for name in mirrored),
            *(f"{name}: {value}" for name, value in headers),
        ]
        return ("\r\n".join([*lines, "Content-Length: 0", "", ""])).encode("utf-8", "surrogateescape")

    @property
    def authorization(self) -> dict[str, str] | None:
        text = self.header("Authorization") or self.header("Proxy-Authorization")
        if text is None:
            return None
        return {name: quoted or token for name, quoted, token in re.findall(r'(\w+)=(?:"([^"]*)"|([^\s,]+))', text)}


Behaviour = Callable[[Heard], Answers]


def always(status: int, reason: str = "Whatever", *headers: tuple[str, str]) -> Behaviour:
    return lambda received: [received.reply(status, reason, *headers)]


def silent(received: Heard) -> Answers:
    return ()


class Drop:
    """Loses the first ``count`` messages, then behaves."""

    def __init__(self, count: int, then: Behaviour) -> None:
        self._left = count
        self._then = then

    def __call__(self, received: Heard) -> Answers:
        if self._left:
            self._left -= 1
            return ()
        return self._then(received)


@dataclass
class Registrar:
    """Answers OPTIONS, and registers whoever knows the password.

    ``challenges`` are algorithms in the order they are offered; ``""`` is a challenge that names none. ``stale_times``
    correct answers are called stale first.
    """

    username: str = "vox"
    password: str = "s3cret"
    challenges: Sequence[str] = ("SHA-256", "MD5")
    qop: str | None = "auth,auth-int"
    realm: str = "lab, invalid"
    status: int = 401
    stale_times: int = 0
    nonces: int = 0

    def __call__(self, received: Heard) -> Answers:
        if received.method != "REGISTER":
            return [received.reply(200, "OK", ("Server", "peer"))]
        given = received.authorization
        if given is None:
            return [self._challenge(received)]
        if not self._is_right(received, given):
            return [self._challenge(received)]
        if self.stale_times:
            self.stale_times -= 1
            return [self._challenge(received, stale=True)]
        return [received.reply(200, "OK", ("Server", "peer"))]

    def _challenge(self, received: Heard, *, stale: bool = False) -> bytes:
        self.nonces += 1
        header = "WWW-Authenticate" if self.status == 401 else "Proxy-Authenticate"
        values = []
        for algorithm in self.challenges:
            parts = [f'realm="{self.realm}"', f'nonce="n{self.nonces}"']
            parts += [f"algorithm={algorithm}"] if algorithm else []
            parts += [f'qop="{self.qop}"'] if self.qop else []
            parts += ["stale=true"] if stale else []
            values.append((header, "Digest " + ", ".join(parts)))
        return received.reply(self.status, "Who are you", *values)

    def _is_right(self, received: Heard, given: dict[str, str]) -> bool:
        name = HASHES[given.get("algorithm", "MD5")]

        def digest(text: str) -> str:
            return hashlib.new(name, text.encode("utf-8", "surrogateescape")).hexdigest()

        first = digest(f"{self.username}:{self.realm}:{self.password}")
        asked = f"{received.method}:{given['uri']}"
        if given.get("qop") == "auth-int":
            asked += ":" + digest("")
        middle = f"{given['nc']}:{given['cnonce']}:{given['qop']}:" if "qop" in given else ""
        right = digest(f"{first}:{given['nonce']}:{middle}{digest(asked)}")
        # Any nonce that was issued: a repeated request is challenged again, and either answer may be used.
        return given["response"] == right and int(given["nonce"][1:]) <= self.nonces and given["uri"] == received.uri


class SipPeer:
    """The server, from ``with`` to the end of its block, in a thread of its own with its own event loop."""

    def __init__(
        self,
        behave: Behaviour,
        transport: str = "udp",
        *,
        host: str = "127.0.0.1",
        tls: ssl.SSLContext | None = None,
        greeting: bytes = b"",
        port: int = 0,
    ) -> None:
        self.received: list[Heard] = []
        self.connections = 0
        self.host = host
        self.port = port
        self._behave = behave
        self._transport = transport
        self._tls = tls
        self._greeting = greeting
        self._ready = threading.Event()
        self._stop: Callable[[], object] = lambda: None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    @property
    def place(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def uri(self) -> str:
        return f"sip:{self.place};transport={self._transport}"

    @property
    def methods(self) -> list[str]:
        return [received.method for received in self.received]

    def __enter__(self) -> Self:
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        kind = socket.SOCK_DGRAM if self._transport == "udp" else socket.SOCK_STREAM
        self._socket = socket.socket(family, kind)
        try:
            self._socket.bind((self.host, self.port))
        except OSError:
            self._socket.close()
            raise
        self.port = self._socket.getsockname()[1]
        self._thread.start()
        assert self._ready.wait(5), "the peer did not start"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()
        self._thread.join(5)
        assert not self._thread.is_alive(), "the peer did not stop"

    def answers(self, data: bytes) -> Answers:
        received = Heard(data)
        self.received.append(received)
        return self._behave(received)

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        over = asyncio.Event()
        self._stop = lambda: loop.call_soon_threadsafe(over.set)
        if self._transport == "udp":
            transport, protocol = await loop.create_datagram_endpoint(lambda: _Datagrams(self), sock=self._socket)
            protocol.transport = transport
            self._ready.set()
            await over.wait()
            transport.close()
            await _turns()
            return

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await self._converse(reader, writer)
            except (ConnectionError, ssl.SSLError):
                pass
            finally:
                writer.transport.abort()

        # A handshake that the other side breaks off is what some tests want.
        loop.set_exception_handler(lambda loop, context: None)
        server = await asyncio.start_server(serve, sock=self._socket, ssl=self._tls)
        self._ready.set()
        await over.wait()
        # What was just accepted needs some turns to become a connection, and asyncio cannot close its server before.
        loop.remove_reader(server.sockets[0].fileno())
        await _turns()
        server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await _turns()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        if self._greeting:
            writer.write(self._greeting)
            await writer.drain()
        while True:
            try:
                data = await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                return
            for answer in self.answers(data):
                if isinstance(answer, HangUp):
                    return
                writer.write(answer)
                await writer.drain()


@contextmanager
def udp_and_tcp(behave: Behaviour) -> Iterator[tuple[SipPeer, SipPeer]]:
    """Two peers on one port number."""
    with ExitStack() as stack:
        while True:
            udp = SipPeer(behave)
            tcp = SipPeer(behave, "tcp")
            with ExitStack() as trial:
                trial.enter_context(udp)
                tcp.port = udp.port
                try:
                    trial.enter_context(tcp)
                except OSError:  # somebody else has the number for TCP
                    continue
                stack.push(trial.pop_all())
                break
        yield udp, tcp


async def _turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, peer: SipPeer) -> None:
        self._peer = peer
        self.transport: asyncio.DatagramTransport | None = None

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        for answer in self._peer.answers(data):
            if isinstance(answer, bytes) and self.transport is not None:
                self.transport.sendto(answer, addr)
