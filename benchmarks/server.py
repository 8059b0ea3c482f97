"""A loopback server that costs less than any client: answers are made beforehand, and it reads one line of a request.

Run by `benchmarks.measuring` in a process of its own: ``python server.py SIZE...`` prints its port and serves until its
standard input ends. Below ``/slow`` every answer takes 50 ms. What each vendor sends is in ``records.json``.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs

from contenders import identifier  # run as a script, beside it

LATENCY = 0.05
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
RECORD_BYTES = 586
PAGE = 100
OURS = ("vox", "diga", "elevenlabs", "retell")
VENDORS: dict[str, Any] = json.loads(Path(__file__).with_name("records.json").read_text(encoding="utf-8"))


def filled(template: str, **values: object) -> str:
    for name, value in values.items():
        template = template.replace(name, str(value))
    return template


def record(vendor: str, place: int) -> str:
    """One text field is filled up, so that every vendor's record has the same length."""
    shape = VENDORS[vendor]
    fields = {**shape["records"][place % len(shape["records"])], shape["pad"]: "PAD"}
    text = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
    text = filled(text, UUID=identifier(place), HEX=f"{place:028x}", NUMBER=f"{20_000_000 + place}")
    return filled(text, PAD="x" * (RECORD_BYTES - len(text) + 3))


class Account:
    """All answers of one vendor that holds ``count`` numbers, all of them active."""

    def __init__(self, vendor: str, count: int) -> None:
        self._shape = VENDORS[vendor]
        records = [record(vendor, place) for place in range(count)]
        self._one = filled(self._shape["one"], RECORD=records[min(1, count - 1)]).encode()
        size = PAGE if self._shape["page"] != "[RECORDS]" or vendor == "vapi" else count
        parts = [",".join(records[start : start + size]) for start in range(0, count, size)]
        self._pages = [self._page(part, place + 1, len(parts)) for place, part in enumerate(parts)]
        self._empty = self._page("", 1, 1)

    def _page(self, records: str, place: int, pages: int) -> bytes:
        """``place`` counts from 1. A vendor that names the next page says ``null`` on the last one."""
        path, more = self._shape["path"], place < pages
        onward = (
            {"URI": f'"/{path}?Page={place}"', "CURSOR": f'"{place}"'} if more else {"URI": "null", "CURSOR": "null"}
        )
        values = {**onward, "TOTAL": pages, "PLACE": place, "MORE": json.dumps(more), "RECORDS": records}
        return filled(self._shape["page"], **values).encode()

    def answer(self, path: str, query: str) -> bytes:
        """The body for a path below the vendor's base URL."""
        if path != self._shape["path"]:
            return self._one
        fields = parse_qs(query)
        if fields.get("status", ["active"])[0] not in ("active", "assigned"):
            return self._empty
        first: int = self._shape["first"]
        return self._pages[int(fields.get(self._shape["parameter"], [str(first)])[0]) - first]


class Connection(asyncio.Protocol):
    """One connection. Requests have no bodies."""

    accounts: dict[str, Account]

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
        body = self.accounts[f"{vendor}/{size}"].answer(below, query)
        answer = HEAD % len(body) + body
        if slow:
            asyncio.get_running_loop().call_later(LATENCY, self.transport.write, answer)
        else:
            self.transport.write(answer)


async def serve(sizes: list[int]) -> None:
    ours = {f"{vendor}/{size}": Account(vendor, size) for vendor in OURS for size in sizes}
    others = {f"{vendor}/{max(sizes)}": Account(vendor, max(sizes)) for vendor in VENDORS}
    Connection.accounts = {**others, **ours}
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Connection, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve([int(size) for size in sys.argv[1:]]))
