"""Every kind of client: sync or async, and the library that sends for it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from telephony_core import AsyncTelephony, Telephony
from telephony_core.testing.contract.driver import Driver
from telephony_core.transport.clock import Clock


@dataclass(frozen=True)
class ClientKind:
    """A kind of client and a backend by its name."""

    mode: str
    backend: str

    def __str__(self) -> str:
        return f"{self.mode}-{self.backend}"

    def client(self, provider: str, runner: asyncio.Runner, **given: Any) -> Driver:
        kind = Telephony if self.mode == "sync" else AsyncTelephony
        return Driver(kind(provider, backend=self.backend, **given), runner)


CLIENT_KINDS = [
    ClientKind("sync", "httpx"),
    ClientKind("sync", "urllib3"),
    ClientKind("async", "httpx"),
    ClientKind("async", "aiohttp"),
]


async def _at_once(_: float) -> None:
    await asyncio.sleep(0)


IMPATIENT = Clock(monotonic=time.monotonic, sleep=lambda _: None, asleep=_at_once)
"""Real time, but nobody pauses between two attempts."""
