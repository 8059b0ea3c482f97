"""Every backend behind one face, so that a case is written once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import httpx
import httpx2
import pytest

from telephony_core.provider.flow import Response
from telephony_core.transport.backend import HttpRequest
from telephony_core.transport.backends import aiohttp_backend, httpx_backend, urllib3_backend
from tests.transport.loopback import Server

KEY = "k3y-c4nary"
SYNC: dict[str, Callable[..., Any]] = {
    "httpx": httpx_backend.HttpxBackend,
    "httpx2": partial(httpx_backend.HttpxBackend, library="httpx2"),
    "urllib3": urllib3_backend.Urllib3Backend,
}
ASYNC: dict[str, Callable[..., Any]] = {
    "httpx": httpx_backend.AsyncHttpxBackend,
    "httpx2": partial(httpx_backend.AsyncHttpxBackend, library="httpx2"),
    "aiohttp": aiohttp_backend.AiohttpBackend,
}
OWN = [*(f"sync {name}" for name in SYNC), *(f"async {name}" for name in ASYNC)]
HANDED_IN = ["sync handed-in", "async handed-in", "sync handed-in2", "async handed-in2"]
HTTPX = [kind for kind in OWN if "httpx" in kind]


class Sender:
    """A backend behind one face, so that a case is written once."""

    def __init__(self, kind: str, runner: asyncio.Runner) -> None:
        mode, name = kind.split()
        self.is_async = mode == "async"
        self._runner = runner
        self._client: Any = None
        if name.startswith("handed-in"):
            library: Any = httpx2 if name.endswith("2") else httpx
            self._client = library.AsyncClient() if self.is_async else library.Client()
            self.backend: Any = (ASYNC if self.is_async else SYNC)[library.__name__](self._client)
        else:
            self.backend = (ASYNC if self.is_async else SYNC)[name]()

    def send(
        self, server: Server | str, method: str = "GET", *, body: bytes | None = None, timeout: float = 5.0
    ) -> Response:
        url = server if isinstance(server, str) else f"{server.origin}/numbers?limit=1"
        request = HttpRequest(method, url, (("authorization", f"Bearer {KEY}"), ("accept", "application/json")), body)
        if self.is_async:
            return self._runner.run(self.backend.asend(request, timeout))
        return self.backend.send(request, timeout)

    def send_many(self, server: Server, count: int) -> list[Response]:
        """At once."""
        request = HttpRequest("GET", f"{server.origin}/")
        if self.is_async:

            async def all_of_them() -> list[Response]:
                return await asyncio.gather(*(self.backend.asend(request, 5.0) for _ in range(count)))

            return self._runner.run(all_of_them())
        found: list[Response] = []
        threads = [threading.Thread(target=lambda: found.append(self.backend.send(request, 5.0))) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return found

    def rest(self) -> None:
        """Let the event loop, where there is one, take in what has come."""
        for _ in range(10 if self.is_async else 0):
            self._runner.run(asyncio.sleep(0))

    def close(self) -> None:
        if self.is_async:
            self._runner.run(self.backend.aclose())
        else:
            self.backend.close()

    def close_client(self) -> None:
        if self._client is not None and self.is_async:
            self._runner.run(self._client.aclose())
        elif self._client is not None:
            self._client.close()


def failure(kind: type[Exception], call: Callable[[], object]) -> str:
    with pytest.raises(kind) as caught:
        call()
    assert type(caught.value) is kind
    return str(caught.value)
