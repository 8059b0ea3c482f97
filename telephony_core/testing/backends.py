"""Two backends for tests: one that serves canned answers, one that remembers what another was asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeAlias

from telephony_core.errors import TransportError
from telephony_core.provider.flow import Response
from telephony_core.transport.backend import AsyncBackend, Backend, HttpRequest

Answer: TypeAlias = Response | TransportError
"""What becomes of one request: an answer, or the failure that is raised in its place."""


class BothBackends(Backend, AsyncBackend, Protocol):
    """A backend that serves either client."""


class ScriptedBackend:
    """Serves canned answers to either client and keeps the requests in ``sent``.

    ``answers`` come in order, a `TransportError` among them is raised; or they are worked out by a function of the
    request. One request more than there are answers is an `AssertionError`.

        backend = ScriptedBackend([json_response(200, {"items": [], "next_cursor": None})])
        Telephony("vox", api_key="key", backend=backend)
    """

    name: str = "scripted"

    def __init__(self, answers: Iterable[Answer] | Callable[[HttpRequest], Answer]) -> None:
        self.sent: list[HttpRequest] = []
        self._answer = answers if callable(answers) else _in_order(iter(answers))

    def send(self, request: HttpRequest, timeout: float) -> Response:
        """Answers a request, and keeps it in `sent`."""
        self.sent.append(request)
        answer = self._answer(request)
        if isinstance(answer, TransportError):
            raise answer
        return answer

    async def asend(self, request: HttpRequest, timeout: float) -> Response:
        """`send` for the async client."""
        return self.send(request, timeout)

    def close(self) -> None:
        """Nothing to close."""

    async def aclose(self) -> None:
        """Nothing to close."""


def _in_order(answers: Iterator[Answer]) -> Callable[[HttpRequest], Answer]:
    def next_answer(request: HttpRequest) -> Answer:
        answer = next(answers, None)
        if answer is None:
            # Not an error of the library, which a test of error handling would catch.
            raise AssertionError(f"the script has no answer left for {request.method} {request.url}")
        return answer

    return next_answer


class RecordingBackend:
    """Hands every request on to another backend, after it was kept in ``sent``."""

    def __init__(self, backend: BothBackends) -> None:
        self.name: str = backend.name
        self.sent: list[HttpRequest] = []
        self._backend = backend

    def send(self, request: HttpRequest, timeout: float) -> Response:
        """Answers a request, and keeps it in `sent`."""
        self.sent.append(request)
        return self._backend.send(request, timeout)

    async def asend(self, request: HttpRequest, timeout: float) -> Response:
        """`send` for the async client."""
        self.sent.append(request)
        return await self._backend.asend(request, timeout)

    def close(self) -> None:
        """Close what sends."""
        self._backend.close()

    async def aclose(self) -> None:
        """Close what sends."""
        await self._backend.aclose()
