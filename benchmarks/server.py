"""A loopback server that costs less than any client: answers are made beforehand, and it reads one line of a request.

Run by `benchmarks.measuring` in a process of its own: ``python server.py SIZE...`` prints its port and serves until its
standard input ends. Below ``/slow`` every answer takes 50 ms.
"""

from __future__ import annotations

import asyncio
import sys
from typing import cast

from shapes import Shop, shops  # run as a script, beside it

LATENCY = 0.05
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


class Connection(asyncio.Protocol):
    """One connection. Requests have no bodies."""

    shops: dict[str, Shop]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.WriteTransport", transport)  # of a server, it is one
        self.received = b""

    def data_received(self, data: bytes) -> None:
        self.received += data
        while (end := self.received.find(b"\r\n\r\n")) >= 0:
            target = self.received[: self.received.index(b"\r\n")].split(b" ")[1].decode()
            self.received = self.received[end + 4 :]
            self.answer(target.removeprefix("/slow"), slow=target.startswith("/slow"))

    def answer(self, target: str, *, slow: bool) -> None:
        path, _, query = target.partition("?")
        _, vendor, size, below = path.split("/", 3)
        body = self.shops[f"{vendor}/{size}"].answer(below, query)
        answer = HEAD % len(body) + body
        if slow:
            asyncio.get_running_loop().call_later(LATENCY, self.transport.write, answer)
        else:
            self.transport.write(answer)


async def serve(sizes: list[int]) -> None:
    Connection.shops = dict(shops(sizes))
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Connection, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve([int(size) for size in sys.argv[1:]]))
