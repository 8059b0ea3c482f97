"""A server on loopback that does what a fault needs: it resets, falls silent, drips, floods, redirects.

It serves many accounts at once, each under a path of its own, so that tests that have to wait can wait together.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

from telephony_core.emulator import Response

FLOOD = 100 * 2**20


@dataclass(frozen=True)
class Asked:
    """One request as it came over the wire."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass
class Connection:
    """The vendor's end of one connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def answer(self, response: Response) -> None:
        self.writer.write(_head(response.status, dict(response.headers), len(response.body)) + response.body)
        await self.writer.drain()

    async def half(self, response: Response) -> None:
        """Half of the body of an answer."""
        half = response.body[: len(response.body) // 2]
        self.writer.write(_head(response.status, dict(response.headers), len(response.body)) + half)
        await self.writer.drain()

    def reset(self) -> None:
        sock: socket.socket = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def drip(self, response: Response, pause: float) -> None:
        self.writer.write(_head(response.status, dict(response.headers), len(response.body)))
        for byte in response.body:
            self.writer.write(bytes((byte,)))
            await self.writer.drain()
            await asyncio.sleep(pause)

    async def flood(self) -> int:
        """A hundred megabytes; returns how many bytes were taken before the client hung up."""
        self.writer.write(_head(200, {"content-type": "application/json"}, FLOOD))
        piece, taken = b" " * 2**18, 0
        with contextlib.suppress(ConnectionError):
            while taken < FLOOD:
                self.writer.write(piece)
                await self.writer.drain()
                taken += len(piece)
        return taken

    async def gone(self) -> None:
        """Until the client hangs up."""
        with contextlib.suppress(ConnectionError):
            await self.reader.read()


Behave: TypeAlias = Callable[[Asked, Connection], Awaitable[None]]


def _head(status: int, headers: dict[str, str], length: int) -> bytes:
    named = {**headers} if status in (204, 304) else {**headers, "content-length": str(length)}
    lines = [f"HTTP/1.1 {status} Whatever", *(f"{name}: {value}" for name, value in named.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


@dataclass
class Server:
    """Where it listens, and what it counts."""

    url: str
    places: dict[str, Behave] = field(default_factory=dict)
    """What happens to requests below a path of one segment."""
    asked: list[Asked] = field(default_factory=list)
    most_open: int = 0
    now_open: int = 0
    opened: int = 0


@contextmanager
def server(behave: Behave | None = None) -> Iterator[Server]:
    """A server in a thread of its own. Without ``behave`` it looks up `Server.places`."""
    loop = asyncio.new_event_loop()
    listening = socket.create_server(("127.0.0.1", 0), backlog=2048)
    served = Server(f"http://127.0.0.1:{listening.getsockname()[1]}")

    transports: set[asyncio.WriteTransport] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        transports.add(writer.transport)
        served.opened += 1
        served.now_open += 1
        served.most_open = max(served.most_open, served.now_open)
        try:
            while (asked := await _read(reader)) is not None:
                served.asked.append(asked)
                place = behave or served.places[asked.target.split("/")[1]]
                await place(asked, Connection(reader, writer))
                if writer.transport.is_closing():
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            served.now_open -= 1
            transports.discard(writer.transport)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def serve() -> None:
        async with await asyncio.start_server(connected, sock=listening):
            await stopped.wait()
        for transport in list(transports):  # whoever waits for these connections gets to know
            transport.abort()
        await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}), return_exceptions=True)

    stopped = asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), name="reliability-server")
    thread.start()
    try:
        yield served
    finally:
        loop.call_soon_threadsafe(stopped.set)
        thread.join()
        loop.close()


async def _read(reader: asyncio.StreamReader) -> Asked | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.split("\r\n")[:-2]
    method, target, _ = first.split(" ")
    headers = tuple((name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines))
    length = int(dict(headers).get("content-length", "0"))
    return Asked(method, target, headers, await reader.readexactly(length))
