"""A vendor's account behind httpx: both clients reach it through httpx's own code, and one request can go wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import httpx

from telephony_core import AsyncTelephony, Telephony
from telephony_core.emulator import HttpRequest, Response
from telephony_core.testing import virtual_clock
from telephony_core.testing.contract.driver import Driver
from tests.reliability.faults.cases import NOW, Account
from tests.reliability.faults.faults import Fault, Struck, given

Mode = Literal["sync", "async"]
MODES: tuple[Mode, ...] = ("sync", "async")
_NOTHING = Response(200, {}, b"")


@dataclass
class Strike:
    """A fault at the request number ``at``; ``always``: at every attempt of it; ``stays``: and at all that follow."""

    fault: Fault
    at: int
    acts: bool
    always: bool
    stays: bool
    applies: bool = True
    """Becomes false when there was nothing to spoil."""


class Stage(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """The network: brings requests to the account, and has them go wrong as planned."""

    def __init__(self, account: Account, strike: Strike | None = None) -> None:
        self.account = account
        self.strike = strike
        self.sent: list[tuple[str, str, bytes]] = []
        self.after_each: Callable[[], None] = lambda: None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        asked = (request.method, str(request.url), request.content)
        self.sent.append(asked)
        answer = self._answer(request, asked)
        self.after_each()
        return answer

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return self.handle_request(request)

    def _answer(self, request: httpx.Request, asked: tuple[str, str, bytes]) -> httpx.Response:
        strike, count = self.strike, len(self.sent)
        struck = (
            strike is not None
            and (count == strike.at + 1 or (strike.always and count > strike.at))
            and (strike.stays or asked == self.sent[strike.at])
        )
        if strike is None or not struck:
            return given(self._vendor(request))
        if not strike.acts:
            answer = strike.fault(Struck(_NOTHING, NOW))
            assert answer is not None
            return answer
        whole = self._vendor(request)
        answer = strike.fault(Struck(whole, NOW))
        if answer is None:
            strike.applies = False
            return given(whole)
        return answer

    def _vendor(self, request: httpx.Request) -> Response:
        headers = tuple(request.headers.items())
        return self.account.emulator.handle(
            HttpRequest(request.method, str(request.url), headers, request.content or None)
        )

    def client(self, mode: Mode, runner: asyncio.Runner) -> Driver:
        emulator = self.account.emulator
        clock = virtual_clock(NOW)
        if mode == "sync":
            http = httpx.Client(transport=self)
            return Driver(Telephony(emulator.slug, api_key=emulator.api_key, http_client=http, clock=clock), runner)
        ahttp = httpx.AsyncClient(transport=self)
        return Driver(AsyncTelephony(emulator.slug, api_key=emulator.api_key, http_client=ahttp, clock=clock), runner)
