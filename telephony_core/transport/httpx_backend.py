"""The default backend: httpx, sync and async."""

from __future__ import annotations

import time
from typing import Final

import httpx

from telephony_core.errors import ClientClosed, NoAnswer, NotSent, TelephonyError, UnexpectedResponse
from telephony_core.flow import Response
from telephony_core.transport.backend import LONGEST_ANSWER, HttpRequest

# Raised before a byte of the request was written. Everything else may have reached the provider.
_NEVER_SENT: Final = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
    httpx.ProxyError,
    httpx.InvalidURL,
)


class HttpxBackend:
    """Sends with an `httpx.Client`: its own, or one that was handed in (which is never closed here)."""

    name = "httpx"

    def __init__(self, client: httpx.Client | None = None) -> None:
        self._owned = client is None
        self._client = httpx.Client(timeout=None) if client is None else client

    def send(self, request: HttpRequest, timeout: float) -> Response:
        deadline = time.monotonic() + timeout
        failure: TelephonyError
        try:
            answer = self._client.send(
                _build(self._client, request, timeout), stream=True, auth=None, follow_redirects=False
            )
            try:
                body = bytearray()
                for chunk in answer.iter_bytes():
                    body += chunk
                    _check(body, deadline, timeout)
                return Response(answer.status_code, _headers(answer), bytes(body))
            finally:
                answer.close()
        except httpx.HTTPError as error:
            failure = _translated(error)
        except httpx.InvalidURL as error:
            failure = _translated(error)
        except RuntimeError:
            if not self._client.is_closed:
                raise
            failure = ClientClosed("the HTTP client is closed")
        raise failure

    def close(self) -> None:
        if self._owned:
            self._client.close()


class AsyncHttpxBackend:
    """Sends with an `httpx.AsyncClient`: its own, or one that was handed in (which is never closed here)."""

    name = "httpx"

    def __init__(self, client: httpx.AsyncClient | None = None) -> None:
        self._owned = client is None
        self._client = httpx.AsyncClient(timeout=None) if client is None else client

    async def asend(self, request: HttpRequest, timeout: float) -> Response:
        deadline = time.monotonic() + timeout
        failure: TelephonyError
        try:
            answer = await self._client.send(
                _build(self._client, request, timeout), stream=True, auth=None, follow_redirects=False
            )
            try:
                body = bytearray()
                async for chunk in answer.aiter_bytes():
                    body += chunk
                    _check(body, deadline, timeout)
                return Response(answer.status_code, _headers(answer), bytes(body))
            finally:
                await answer.aclose()
        except httpx.HTTPError as error:
            failure = _translated(error)
        except httpx.InvalidURL as error:
            failure = _translated(error)
        except RuntimeError:
            if not self._client.is_closed:
                raise
            failure = ClientClosed("the HTTP client is closed")
        raise failure

    async def aclose(self) -> None:
        if self._owned:
            await self._client.aclose()


def _build(client: httpx.Client | httpx.AsyncClient, request: HttpRequest, timeout: float) -> httpx.Request:
    return client.build_request(
        request.method, request.url, headers=list(request.headers), content=request.body, timeout=timeout
    )


def _headers(answer: httpx.Response) -> dict[str, str]:
    return {name.lower(): value for name, value in answer.headers.items()}


def _check(body: bytearray, deadline: float, timeout: float) -> None:
    """Bound what is read: httpx's own time-out counts each chunk anew, so a slow drip would never end."""
    if len(body) > LONGEST_ANSWER:
        raise UnexpectedResponse(f"the answer is longer than {LONGEST_ANSWER // 2**20} MiB and was not read")
    if time.monotonic() > deadline:
        raise NoAnswer(f"no whole answer within {timeout:.1f} s")


def _translated(error: Exception) -> TelephonyError:
    """httpx's failure as ours. Its text names hosts and reasons, never headers or bodies."""
    reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    if isinstance(error, _NEVER_SENT):
        return NotSent(f"no connection to the provider ({reason})")
    if isinstance(error, httpx.DecodingError):
        return NoAnswer(f"the answer could not be decoded ({reason})")
    return NoAnswer(f"the provider did not answer ({reason})")
