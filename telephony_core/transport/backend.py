"""What a backend is: something that sends one HTTP request and returns the answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Protocol, runtime_checkable

from telephony_core.provider.flow import Response

LONGEST_ANSWER: Final = 32 * 1024 * 1024
"""Bytes of an answer that a backend reads before it raises `UnexpectedResponse`."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request ready to be sent: absolute URL with its query, headers with the key."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: bytes | None = field(default=None, repr=False)


@runtime_checkable
class Backend(Protocol):
    """Sends from ordinary code. Thread-safe.

    ``send`` raises `NotSent` when nothing left this machine, `NoAnswer` when something did and no whole answer came
    within ``timeout`` seconds, `UnexpectedResponse` when the answer exceeds `LONGEST_ANSWER`. It follows no redirect,
    and catches only its own library's errors.
    """

    name: str

    def send(self, request: HttpRequest, timeout: float) -> Response: ...

    def close(self) -> None: ...


@runtime_checkable
class AsyncBackend(Protocol):
    """Sends from async code; otherwise the same."""

    name: str

    async def asend(self, request: HttpRequest, timeout: float) -> Response: ...

    async def aclose(self) -> None: ...
