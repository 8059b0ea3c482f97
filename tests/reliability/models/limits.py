"""A vendor that enforces its rate: in process, and as a server of its own (``python limits.py 5 120``).

The server imports nothing of this library, so that it starts at once and measures undisturbed by it.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import deque

NUMBER = {"id": "8f14e45f-ceea-467f-a8d1-5b9e4c3d2a10", "number": "+34911234567", "status": "assigned"}


class Limits:
    """At most so many requests in any second and any minute; what is refused does not count."""

    def __init__(self, per_second: int | None, per_minute: int | None) -> None:
        self._windows = [
            (span, deque[float](maxlen=limit)) for span, limit in ((1.0, per_second), (60.0, per_minute)) if limit
        ]
        self.taken: list[float] = []
        self.refused: list[float] = []

    def ask(self, now: float) -> float:
        """0 when the request is taken, or else the seconds after which it would be."""
        wait = max(
            (span - (now - starts[0]) for span, starts in self._windows if len(starts) == starts.maxlen), default=0
        )
        if wait > 0:
            self.refused.append(now)
            return wait
        for _, starts in self._windows:
            starts.append(now)
        self.taken.append(now)
        return 0.0


def _answer(status: str, payload: object, *headers: str) -> bytes:
    body = json.dumps(payload).encode()
    lines = [f"HTTP/1.1 {status}", "content-type: application/json", f"content-length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def _serve(limits: Limits) -> None:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                now = time.monotonic()
                if head.startswith(b"GET /figures"):
                    writer.write(_answer("200 OK", {"taken": limits.taken, "refused": limits.refused}))
                elif wait := limits.ask(now):
                    writer.write(_answer("429 Too Many Requests", {}, f"retry-after: {int(wait) + 1}"))
                else:
                    writer.write(_answer("200 OK", NUMBER))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await asyncio.to_thread(sys.stdin.read)  # until whoever started it hangs up


if __name__ == "__main__":
    asyncio.run(_serve(Limits(*(int(word) or None for word in sys.argv[1:3]))))
