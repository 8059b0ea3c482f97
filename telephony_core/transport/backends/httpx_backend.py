"""The default backend: httpx, or its continuation httpx2, sync and async, over what both of them document.

A client that was handed in sends with everything that was configured in it. Without one, httpx's transports are used
directly, each with one connection, in place of a client: httpx's pool does work that grows with the square of what is
in flight, and its client spends half of a request on what is not used here (cookies, redirects, authentication).
"""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, cast

from telephony_core.errors import TelephonyError
from telephony_core.provider.flow import Response
from telephony_core.transport.backend import HttpRequest
from telephony_core.transport.backends.deadlines import Watch, in_time, left_until
from telephony_core.transport.backends.environment import MOST_CONNECTIONS, origin_of, proxy_for, trust
from telephony_core.transport.backends.failures import closed, no_answer, no_connection, not_connected
from telephony_core.transport.backends.httpx_progress import (
    AsyncProgress,
    Late,
    RequestProgress,
    StartAgain,
    SyncProgress,
    Unasked,
    unasked,
)
from telephony_core.transport.backends.idle_connections import IDLE_FOR, IdleConnections
from telephony_core.transport.backends.response_body import ASKED, PACKINGS, answer, check_length
from telephony_core.transport.lifecycle import LoopAffinity

if TYPE_CHECKING:
    import httpx

_GRACE: Final = 0.1
"""Seconds by which a handed-in async client's own time-outs, which know what was being waited for, come first."""

ConnectionT = TypeVar("ConnectionT")


class _Library:
    """httpx or httpx2: two modules with one interface, whose classes are strangers to each other."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.httpx: Any = import_module(name)
        # Parsed once for the reads before and behind a write, and for whoever reads a record again and again.
        self._url = lru_cache(maxsize=256)(self.httpx.URL)
        self.errors = (self.httpx.HTTPError, self.httpx.InvalidURL)
        # Raised before a byte of the request was written, also by a transport that tells of no progress. Everything
        # else may have reached the provider, `LocalProtocolError` too: over HTTP/2 that is also what a provider's
        # breach of the protocol becomes.
        self._never_sent = (
            self.httpx.ConnectError,
            self.httpx.ConnectTimeout,
            self.httpx.PoolTimeout,
            self.httpx.UnsupportedProtocol,
            self.httpx.ProxyError,
            self.httpx.InvalidURL,
        )

    def translated(self, error: Exception, progress: RequestProgress, timeout: float) -> TelephonyError:
        """Its failure as ours."""
        if isinstance(error, self._never_sent) or not progress.may_have_left:
            return no_connection(error)
        return progress.failure(timeout) if progress.was_ended else no_answer(error)

    def request(self, request: HttpRequest, progress: RequestProgress, shares: int = 1) -> httpx.Request:
        """Made complete here, since httpx would look through the headers several times for what is missing."""
        url = self._url(request.url)
        left = left_until(progress.deadline)
        made: httpx.Request = self.httpx.Request(
            request.method,
            url,
            headers=[
                ("host", url.netloc.decode()),
                *request.headers,
                *ASKED,
                *_length(request),
            ],
            stream=self.httpx.ByteStream(request.body or b""),
            extensions={
                "trace": progress,
                "timeout": {"connect": left / shares, "read": left, "write": left, "pool": left},
            },
        )
        return made

    def build(self, client: Any, request: HttpRequest, progress: RequestProgress, shares: int = 1) -> httpx.Request:
        """A request for a client that was handed in, over a connection that nobody else has used or will use.

        Behind an answer of another request more may have come, which would be taken for the answer of this one, and
        nothing in httpx's interface shows it. A new connection is the price of a client of one's own.
        """
        left = left_until(progress.deadline)
        made: httpx.Request = client.build_request(
            request.method,
            request.url,
            # PACKINGS, not those that the client would ask for: nothing here unpacks brotli.
            headers=[*request.headers, PACKINGS, ("connection", "close")],
            content=request.body,
            timeout=self.httpx.Timeout(left, connect=left / shares),
            extensions={"trace": progress},
        )
        return made


class HttpxBackend:
    """Sends on connections of its own, or with an `httpx.Client` that was handed in (and is never closed here)."""

    def __init__(self, client: httpx.Client | None = None, *, library: str = "httpx") -> None:
        self.name = library
        self._library = _Library(library)
        self._client = client
        self._origins: dict[str, _Origin[_Connection]] = {}
        self._places = threading.Semaphore(MOST_CONNECTIONS)
        self._watch = Watch()
        self._closed = False

    def send(self, request: HttpRequest, timeout: float) -> Response:
        progress = SyncProgress(time.monotonic() + timeout)
        failure: TelephonyError
        try:
            if self._closed:
                raise closed()
            self._watch.add(progress)
            if self._client is not None:
                return self._send_with(self._client, request, progress)
            return self._send(request, progress, timeout)
        except self._library.errors as error:
            failure = self._library.translated(error, progress, timeout)
        except Late:
            failure = progress.failure(timeout)
        except Unasked:
            failure = unasked()
        # httpx raises it, without a class of its own, for a client that its owner has closed.
        except RuntimeError:
            if self._client is None or not self._client.is_closed:
                raise
            failure = closed()
        finally:
            self._watch.remove(progress)
        raise failure  # outside of the handlers: httpx's errors hold the request with its key

    def _send(self, request: HttpRequest, progress: SyncProgress, timeout: float) -> Response:
        name = origin_of(request.url)
        origin = self._origins.get(name) or self._origins.setdefault(name, _Origin(name, self._library))
        if not self._places.acquire(timeout=left_until(progress.deadline)):
            raise not_connected(timeout)
        try:
            for old in origin.idle.expired():
                old.transport.close()
            connection = origin.idle.take() or _Connection(self._library.httpx.HTTPTransport(**origin.made_with))
            reusable = False
            try:
                response = self._over(connection, origin, request, progress)
                reusable = True
                return response
            finally:
                self._watch.remove(progress)  # before anybody else may use the connection
                if reusable and not progress.was_ended:
                    origin.idle.put(connection)
                else:
                    connection.transport.close()
        finally:
            self._places.release()
            if self._closed:  # meanwhile
                self.close()

    def _over(
        self, connection: _Connection, origin: _Origin[Any], request: HttpRequest, progress: SyncProgress
    ) -> Response:
        found: httpx.Response | None = None
        progress.addresses = origin.addresses
        progress.socket = connection.socket
        if connection.socket is not None:
            progress.may_open = False
            try:
                found = connection.transport.handle_request(self._library.request(request, progress))
            except StartAgain:  # the server closed it while it was idle, as all do after some seconds
                progress.may_open, progress.socket = True, None
        if found is None:
            found = self._open(connection, request, progress)
            origin.addresses, connection.socket = progress.addresses, progress.socket
        try:
            return _read(found, progress)
        finally:
            found.close()

    def _open(self, connection: _Connection, request: HttpRequest, progress: SyncProgress) -> httpx.Response:
        """Send over a connection that has to be opened first.

        That takes a thread of its own: name services, several addresses, handshakes and proxies would each take as
        long as they like.
        """

        def send() -> httpx.Response:
            while True:
                try:
                    return connection.transport.handle_request(
                        self._library.request(request, progress, progress.addresses or 1)
                    )
                except StartAgain:  # the host has several addresses
                    continue

        def discard(found: httpx.Response) -> None:
            found.close()
            connection.transport.close()

        try:
            return in_time(send, progress.deadline, discard)
        except BaseException as error:
            progress.abandon()
            if not isinstance(error, TimeoutError):
                raise
        raise Late

    def _send_with(self, client: httpx.Client, request: HttpRequest, progress: SyncProgress) -> Response:
        progress.may_reuse = False
        while True:
            sending = self._library.build(client, request, progress, progress.addresses or 1)
            try:
                # Whatever the client is set to: its own authentication could take the place of the key, and a redirect
                # would take the key along.
                found = client.send(sending, stream=True, auth=None, follow_redirects=False)
            except StartAgain:
                continue
            try:
                return _read(found, progress)
            finally:
                found.close()

    def close(self) -> None:
        self._closed = True
        for origin in tuple(self._origins.values()):
            for connection in origin.idle.take_all():
                connection.transport.close()
        self._watch.close()


class AsyncHttpxBackend:
    """The same from async code, with `httpx.AsyncClient`."""

    def __init__(self, client: httpx.AsyncClient | None = None, *, library: str = "httpx") -> None:
        self.name = library
        self._library = _Library(library)
        self._client = client
        self._origins: dict[str, _Origin[httpx.AsyncHTTPTransport]] = {}
        self._places = asyncio.Semaphore(MOST_CONNECTIONS)
        self._loop = LoopAffinity()
        self._closed = False

    async def asend(self, request: HttpRequest, timeout: float) -> Response:
        progress = AsyncProgress(time.monotonic() + timeout)
        patience = asyncio.timeout(timeout if self._client is None else timeout + _GRACE)
        failure: TelephonyError
        try:
            if self._closed:
                raise closed()
            self._loop.check()
            async with patience:
                if self._client is not None:
                    return await self._send_with(self._client, request, progress)
                return await self._send(request, progress)
        except TimeoutError:
            if not patience.expired():
                raise
            failure = progress.failure(timeout)
        except self._library.errors as error:
            failure = self._library.translated(error, progress, timeout)
        except Late:
            failure = progress.failure(timeout)
        except Unasked:
            failure = unasked()
        except RuntimeError:
            if self._client is None or not self._client.is_closed:
                raise
            failure = closed()
        finally:
            await progress.close_unused()
        raise failure

    async def _send(self, request: HttpRequest, progress: AsyncProgress) -> Response:
        name = origin_of(request.url)
        origin = self._origins.get(name) or self._origins.setdefault(name, _Origin(name, self._library))
        # While it waits for a place, nothing can have left; after that, httpx's events say so.
        progress.may_have_left = False
        await self._places.acquire()
        progress.may_have_left = True
        try:
            for old in origin.idle.expired():
                await old.aclose()
            transport = origin.idle.take() or self._library.httpx.AsyncHTTPTransport(**origin.made_with)
            reusable = False
            try:
                found = await transport.handle_async_request(self._library.request(request, progress))
                try:
                    response = await _aread(found)
                finally:
                    await found.aclose()
                reusable = True
                return response
            finally:
                if reusable:
                    origin.idle.put(transport)
                else:
                    await transport.aclose()
        finally:
            self._places.release()
            if self._closed:  # meanwhile
                await self.aclose()

    async def _send_with(self, client: httpx.AsyncClient, request: HttpRequest, progress: AsyncProgress) -> Response:
        progress.may_reuse = False
        while True:
            sending = self._library.build(client, request, progress)
            try:
                # Whatever the client is set to: its own authentication could take the place of the key, and a redirect
                # would take the key along.
                found = await client.send(sending, stream=True, auth=None, follow_redirects=False)
            except StartAgain:
                continue
            try:
                return await _aread(found)
            finally:
                await found.aclose()

    async def aclose(self) -> None:
        self._closed = True
        if not self._loop.is_here:  # there is nobody left who could close them
            return
        for origin in tuple(self._origins.values()):
            for transport in origin.idle.take_all():
                await transport.aclose()


# -- connections of our own


class _Connection:
    """A transport with one connection."""

    def __init__(self, transport: httpx.HTTPTransport) -> None:
        self.transport = transport
        self.socket: Any = None
        """That of the connection, once it was opened."""


class _Origin(Generic[ConnectionT]):
    """The connections to one origin, and what new ones are made with."""

    def __init__(self, origin: str, library: _Library) -> None:
        self.idle = IdleConnections[ConnectionT]()
        self.addresses: int | None = None
        """How many the host has; unknown before the first connection."""
        httpx = library.httpx
        proxy = proxy_for(origin, socks=find_spec("socksio") is not None)
        proxy_is_secure = proxy is not None and proxy.startswith("https:")
        # Reading the certificates takes longer than hundreds of requests: once for all, and only where needed.
        secure = proxy_is_secure or origin.startswith("https:")
        # Over plain http nothing is verified, and the default would read the certificates all the same.
        verify = trust() if secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.made_with: dict[str, Any] = {
            "verify": verify,
            "proxy": proxy and httpx.Proxy(proxy, ssl_context=verify if proxy_is_secure else None),
            "limits": httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=IDLE_FOR),
        }


# -- requests and answers


_WITH_BODIES: Final = frozenset({"POST", "PUT", "PATCH"})
"""Methods whose requests say how long they are even when that is nothing."""


def _length(request: HttpRequest) -> list[tuple[str, str]]:
    return [("content-length", str(len(request.body or b"")))] if request.body or request.method in _WITH_BODIES else []


def _read(found: httpx.Response, progress: SyncProgress) -> Response:
    if found.is_stream_consumed:  # as from a transport in memory: read already, and unpacked
        return answer(found.status_code, found.headers.items(), found.content, packed=False)
    body = bytearray()
    for chunk in cast("httpx.SyncByteStream", found.stream):
        body += chunk
        check_length(len(body))
        if progress.is_late:
            raise Late
    if progress.is_late:  # a body that ends with its connection looks whole when that was ended here
        raise Late
    return answer(found.status_code, found.headers.items(), bytes(body))


async def _aread(found: httpx.Response) -> Response:
    if found.is_stream_consumed:
        return answer(found.status_code, found.headers.items(), found.content, packed=False)
    body = bytearray()
    async for chunk in cast("httpx.AsyncByteStream", found.stream):
        body += chunk
        check_length(len(body))
    return answer(found.status_code, found.headers.items(), bytes(body))
