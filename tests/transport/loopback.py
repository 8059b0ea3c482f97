"""A server on loopback that does exactly what a test says, byte by byte, in a thread of its own."""

from __future__ import annotations

import atexit
import contextlib
import shutil
import socket
import ssl
import struct
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import trustme


@lru_cache(maxsize=1)
def certificate() -> Path:
    """Of ``localhost``, with its key and its authority in one file; made anew for every run of the tests."""
    authority = trustme.CA()
    mine = authority.issue_cert("localhost", "127.0.0.1")
    folder = Path(tempfile.mkdtemp(prefix="telephony-tests-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    both = folder / "both.pem"
    both.write_bytes(mine.private_key_and_cert_chain_pem.bytes() + authority.cert_pem.bytes())
    return both


@dataclass
class Asked:
    """One request as it arrived."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Visit:
    """One connection: what to read from it, and what to do to it."""

    connection: socket.socket
    stopping: threading.Event

    def read(self) -> Asked | None:
        """The next request; ``None`` when the other side hung up."""
        text = b""
        while b"\r\n\r\n" not in text:
            chunk = self.connection.recv(65536)
            if not chunk:
                return None
            text += chunk
        head, _, body = text.partition(b"\r\n\r\n")
        line, *fields = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}
        while len(body) < int(headers.get("content-length", 0)):
            chunk = self.connection.recv(65536)
            if not chunk:
                return None
            body += chunk
        method, target, _ = line.split(" ")
        return Asked(method, target, headers, body)

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)

    def drip(self, data: bytes, every: float = 0.02) -> None:
        for byte in data:
            if self.stopping.wait(every):
                return
            self.send(bytes((byte,)))

    def reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def hang(self) -> None:
        """Say nothing until the test is over."""
        self.stopping.wait()


Behaviour = Callable[[Visit, Asked], object]
"""What to do about a request. The connection lives on unless it was closed or a true value is returned."""


def reply(body: bytes = b"{}", *headers: str, status: str = "200 OK", length: int | None = None) -> bytes:
    """A whole answer."""
    fields = [*headers, f"Content-Length: {len(body) if length is None else length}"]
    return f"HTTP/1.1 {status}\r\n{''.join(f'{field}{chr(13)}{chr(10)}' for field in fields)}\r\n".encode() + body


def always(answer: bytes) -> Behaviour:
    return lambda visit, asked: visit.send(answer)


def cut(visit: Visit, _: object) -> bool:
    visit.send(reply(b'{"items": [', length=500))
    return True


@dataclass
class Server:
    """A listening server: where it is, what it was asked, how many connections there were."""

    port: int
    scheme: str
    asked: list[Asked] = field(default_factory=list)
    visits: int = 0

    @property
    def origin(self) -> str:
        return f"{self.scheme}://localhost:{self.port}"


@contextlib.contextmanager
def serving(
    behave: Behaviour, *, tls: bool = False, greeting: Callable[[Visit], object] | None = None
) -> Iterator[Server]:
    """Serve until the end of the block. ``greeting`` takes over a fresh connection before anything is read."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=128)
    server = Server(listening.getsockname()[1], "https" if tls else "http")
    stopping, open_now, threads = threading.Event(), set[socket.socket](), list[threading.Thread]()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if tls:
        context.load_cert_chain(certificate())

    def visit(connection: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError):
            if tls:
                connection = context.wrap_socket(connection, server_side=True)
                open_now.add(connection)
            here = Visit(connection, stopping)
            if greeting is not None:
                greeting(here)
            while connection.fileno() >= 0 and (asked := here.read()) is not None:
                server.asked.append(asked)
                if behave(here, asked):
                    break
        connection.close()

    def accept() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            server.visits += 1
            open_now.add(connection)
            thread = threading.Thread(target=visit, args=(connection,), daemon=True)
            threads.append(thread)
            thread.start()

    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    try:
        yield server
    finally:
        stopping.set()
        with contextlib.suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        accepting.join()
        for connection in open_now:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()
        for connection in open_now:
            connection.close()


@contextlib.contextmanager
def nobody_takes_the_call(*addresses: str, port: int = 0) -> Iterator[int]:
    """Listeners whose queues are full, on one port: connections are neither refused nor made."""
    with contextlib.ExitStack() as stack:
        for address in addresses or ("127.0.0.1",):
            full = stack.enter_context(socket.create_server((address, port), backlog=0))
            port = full.getsockname()[1]
            for _ in range(4):
                waiting = stack.enter_context(socket.socket())
                waiting.setblocking(False)
                waiting.connect_ex(full.getsockname())
        yield port
