"""A loopback server that costs less than any client: each answer is made once, and of a request one line is read.

``python -m benchmarks.server`` prints its port and serves until its standard input ends. A vendor that holds 1,000
records lives below ``/vox/1000``; below ``/slow`` every answer takes 50 ms. What a vendor sends is in ``vendors.json``;
its emulator would take longer to send it than a client to read it.
"""

from __future__ import annotations

import asyncio
import json
import sys
from functools import cache
from pathlib import Path
from string import Template
from typing import Any, cast
from urllib.parse import parse_qsl

VENDORS: dict[str, Any] = json.loads(Path(__file__).with_name("vendors.json").read_text(encoding="utf-8"))
LATENCY = 0.05
RECORD_BYTES = 586


@cache
def record(vendor: str, place: int) -> str:
    """One text field is filled up, so that every vendor's record has the same length."""
    kinds = VENDORS[vendor]["records"]
    text = json.dumps(kinds[place % len(kinds)], separators=(",", ":")).replace("$SERIAL", str(20_000_000 + place))
    return text.replace("$PAD", "x" * (RECORD_BYTES - len(text) + len("$PAD")))


def page(vendor: str, total: int, place: int) -> str:
    """``place`` counts from 1, and page 0 is empty. On the last one vox's cursor is ``null``."""
    shape = VENDORS[vendor]
    limit = shape["limit"] or total
    more, records = 0 < place * limit < total, range(max(0, place - 1) * limit, place * limit)
    values = {
        "RECORDS": ",".join(record(vendor, each) for each in records),
        "CURSOR": f'"{place}"' if more else "null",
        "MORE": json.dumps(more),
    }
    return Template(shape["page"]).substitute(values, PLACE=place)


@cache
def answer(target: str) -> bytes:
    path, _, query = target.partition("?")
    _, vendor, total, below = path.split("/", 3)
    shape, fields = VENDORS[vendor], dict(parse_qsl(query))
    if below == shape["path"]:
        place = 1 + int(fields.get(shape["parameter"], shape["first"])) - shape["first"]
        body = page(vendor, int(total), place if fields.get("status", "active") in ("active", "assigned") else 0)
    else:
        body = record(vendor, 1)
    return f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


class Connection(asyncio.Protocol):
    """One connection. Requests have no bodies."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.write = cast("asyncio.WriteTransport", transport).write  # of a server, it is one
        self.received = b""

    def data_received(self, data: bytes) -> None:
        *requests, self.received = (self.received + data).split(b"\r\n\r\n")
        for request in requests:
            target = request.split(b" ", 2)[1].decode()
            delay = LATENCY if target.startswith("/slow") else 0
            asyncio.get_running_loop().call_later(delay, self.write, answer(target.removeprefix("/slow")))


async def serve() -> None:
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve())
