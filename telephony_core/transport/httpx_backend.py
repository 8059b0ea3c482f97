"""The default backend: httpx, sync and async.

A client that was handed in sends with everything that was configured in it. Without one, httpx's transports are used
directly, each over one connection instead of a pool: httpx's pool does work that grows with the square of what is in
flight, and its client spends half of a request on what is not used here (cookies, redirects, authentication).
"""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from typing import Any, Final, Generic, TypeVar, cast

import httpcore
import httpx

from telephony_core.errors import ClientClosed, NoAnswer, NotSent, TelephonyError
from telephony_core.flow import Response
from telephony_core.transport.answers import ASKED, PACKINGS, answer, check_length, too_late
from telephony_core.transport.backend import HttpRequest
from telephony_core.transport.environment import MOST_CONNECTIONS, origin_of, proxy_for, trust
from telephony_core.transport.httpx_network import AsyncioNetwork, PunctualNetwork
from telephony_core.transport.life import OneLoop

_IDLE_FOR: Final = 5.0
"""Seconds after which an idle connection is not used again, as in httpx itself."""
_GRACE: Final = 0.1
"""Seconds by which a handed-in async client's own time-outs, which know what was being waited for, come first."""

# Raised before a byte of the request was written. Everything else may have reached the provider, `LocalProtocolError`
# too: over HTTP/2 that is also what a provider's breach of the protocol becomes.
_NEVER_SENT: Final = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
    httpx.ProxyError,
    httpx.InvalidURL,
)

_WITH_BODIES: Final = frozenset({"POST", "PUT", "PATCH"})
"""Methods whose requests say how long they are even when that is nothing."""

LaneT = TypeVar("LaneT", "_Lane", "_AsyncLane")


class HttpxBackend:
    """Sends on connections of its own, or with an `httpx.Client` that was handed in (and is never closed here)."""

    name = "httpx"

    def __init__(self, client: httpx.Client | None = None) -> None:
        self._client = client
        self._roads: dict[str, _Road[_Lane]] = {}
        self._places = threading.Semaphore(MOST_CONNECTIONS)
        self._closed = False

    def send(self, request: HttpRequest, timeout: float) -> Response:
        deadline = time.monotonic() + timeout
        failure: TelephonyError
        try:
            if self._closed:
                raise _closed()
            if self._client is not None:
                return _send_with(self._client, request, timeout, deadline)
            return self._send(request, timeout, deadline)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            failure = _translated(error)
        except RuntimeError:
            if self._client is None or not self._client.is_closed:
                raise
            failure = _closed()
        raise failure

    def _send(self, request: HttpRequest, timeout: float, deadline: float) -> Response:
        origin = origin_of(request.url)
        road = self._roads.get(origin) or self._roads.setdefault(origin, _Road(_sync_lanes(origin)))
        if not self._places.acquire(timeout=timeout):
            raise _not_connected(timeout)
        try:
            while (lane := road.take()).has_expired():
                lane.transport.close()
            try:
                lane.network.deadline = deadline
                found = lane.transport.handle_request(_request(request))
                try:
                    return _read(found, deadline, timeout)
                finally:
                    found.close()
            finally:
                if (unused := road.put_back(lane)) is not None:
                    unused.transport.close()
        finally:
            self._places.release()
            if self._closed:  # meanwhile
                self.close()

    def close(self) -> None:
        self._closed = True
        for road in tuple(self._roads.values()):
            for lane in road.clear():
                lane.transport.close()


class AsyncHttpxBackend:
    """The same from async code, with `httpx.AsyncClient`."""

    name = "httpx"

    def __init__(self, client: httpx.AsyncClient | None = None) -> None:
        self._client = client
        self._roads: dict[str, _Road[_AsyncLane]] = {}
        self._places = asyncio.Semaphore(MOST_CONNECTIONS)
        self._loop = OneLoop()
        self._closed = False

    async def asend(self, request: HttpRequest, timeout: float) -> Response:
        failure: TelephonyError
        try:
            if self._closed:
                raise _closed()
            self._loop.check()
            if self._client is not None:
                return await _asend_with(self._client, request, timeout)
            return await self._asend(request, timeout)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            failure = _translated(error)
        except RuntimeError:
            if self._client is None or not self._client.is_closed:
                raise
            failure = _closed()
        raise failure

    async def _asend(self, request: HttpRequest, timeout: float) -> Response:
        origin = origin_of(request.url)
        road = self._roads.get(origin) or self._roads.setdefault(origin, _Road(_async_lanes(origin)))
        network = None
        try:
            async with asyncio.timeout(timeout) as patience:
                await self._places.acquire()
                try:
                    while (lane := road.take()).has_expired():
                        await lane.transport.aclose()
                    network = lane.network
                    try:
                        network.may_hold_bytes = True
                        found = await lane.transport.handle_async_request(_request(request))
                        try:
                            return await _aread(found)
                        finally:
                            await found.aclose()
                    finally:
                        if (unused := road.put_back(lane)) is not None:
                            await unused.transport.aclose()
                finally:
                    self._places.release()
                    if self._closed:  # meanwhile
                        await self.aclose()
        except TimeoutError:
            if not patience.expired():
                raise
        raise too_late(timeout) if network is not None and network.may_hold_bytes else _not_connected(timeout)

    async def aclose(self) -> None:
        self._closed = True
        if not self._loop.is_here:  # there is nobody left who could close them
            return
        for road in tuple(self._roads.values()):
            for lane in road.clear():
                await lane.transport.aclose()


# -- connections of our own


class _Road(Generic[LaneT]):
    """The connections to one origin, the last one used on top. One that carries a request is not in here."""

    def __init__(self, make: Callable[[], LaneT]) -> None:
        self._make: Callable[[], LaneT] = make
        self._idle: deque[tuple[float, LaneT]] = deque()

    def take(self) -> LaneT:
        """One that may have expired, or a new one."""
        try:
            return self._idle.pop()[1]
        except IndexError:
            return self._make()

    def put_back(self, lane: LaneT) -> LaneT | None:
        """Returns one that has to be closed, if there is one: this, or another that was idle for too long."""
        if not lane.is_idle():
            return lane
        now = time.monotonic()
        self._idle.append((now, lane))
        try:
            since, oldest = self._idle.popleft()
        except IndexError:  # other threads were faster
            return None
        if now - since > _IDLE_FOR:
            return oldest
        self._idle.appendleft((since, oldest))
        return None

    def clear(self) -> Iterable[LaneT]:
        while self._idle:
            yield self._idle.pop()[1]


def _road_to(origin: str) -> dict[str, Any]:
    """What the transports to an origin are made with."""
    proxy = proxy_for(origin, socks=find_spec("socksio") is not None)
    proxy_is_secure = proxy is not None and proxy.startswith("https:")
    # Reading the certificates takes longer than hundreds of requests: once for all connections, and only where needed.
    secure = proxy_is_secure or origin.startswith("https:")
    verify = trust() if secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return {
        "verify": verify,
        "proxy": proxy and httpx.Proxy(proxy, ssl_context=verify if proxy_is_secure else None),
        "limits": httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=_IDLE_FOR),
    }


def _sync_lanes(origin: str) -> Callable[[], _Lane]:
    made_with, over = _road_to(origin), _as_httpcore(origin)
    return lambda: _Lane(httpx.HTTPTransport(**made_with), over)


def _async_lanes(origin: str) -> Callable[[], _AsyncLane]:
    made_with, over = _road_to(origin), _as_httpcore(origin)
    return lambda: _AsyncLane(httpx.AsyncHTTPTransport(**made_with), over)


def _as_httpcore(origin: str) -> httpcore.Origin:
    url = httpx.URL(origin)
    return httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=b"/").origin


class _Lane:
    """A transport over one connection of its own, and the network that this goes over."""

    def __init__(self, transport: httpx.HTTPTransport, origin: httpcore.Origin) -> None:
        pool = transport._pool
        pool._network_backend = self.network = PunctualNetwork(pool._network_backend)
        self._connection = pool.create_connection(origin)
        transport._pool = self._connection  # type: ignore[assignment]  # has all that the transport asks of its pool
        self.transport = transport

    def is_idle(self) -> bool:
        """Whether the last answer was read to its end and nothing came after it, so that another one can follow."""
        return self._connection.is_idle() and not _has_more(self._connection)

    def has_expired(self) -> bool:
        """Whether it was idle for too long, the other side has hung up, or it says what nobody asked for."""
        return self._connection.has_expired()


class _AsyncLane:
    def __init__(self, transport: httpx.AsyncHTTPTransport, origin: httpcore.Origin) -> None:
        pool = transport._pool
        pool._network_backend = self.network = AsyncioNetwork()
        self._connection = pool.create_connection(origin)
        transport._pool = self._connection  # type: ignore[assignment]
        self.transport = transport

    def is_idle(self) -> bool:
        return self._connection.is_idle() and not _has_more(self._connection)

    def has_expired(self) -> bool:
        return self._connection.has_expired()


def _has_more(connection: Any) -> bool:
    """Whether bytes came behind the last answer. The next request would take them for its own answer."""
    while (inner := getattr(connection, "_connection", None)) is not None:  # a proxy's holds the one that speaks HTTP
        connection = inner
    spoken = getattr(connection, "_h11_state", None)
    return spoken is not None and bool(spoken.trailing_data[0])


def _request(request: HttpRequest) -> httpx.Request:
    """Made complete here, since httpx would look through the headers several times for what is missing."""
    url = httpx.URL(request.url)
    headers = [("host", url.netloc.decode()), *request.headers, *ASKED]
    body = request.body or b""
    if body or request.method in _WITH_BODIES:
        headers.append(("content-length", str(len(body))))
    return httpx.Request(request.method, url, headers=headers, stream=httpx.ByteStream(body))


# -- a client that was handed in


def _send_with(client: httpx.Client, request: HttpRequest, timeout: float, deadline: float) -> Response:
    found = client.send(_build(client, request, timeout), stream=True, auth=None, follow_redirects=False)
    try:
        return _read(found, deadline, timeout)
    finally:
        found.close()


async def _asend_with(client: httpx.AsyncClient, request: HttpRequest, timeout: float) -> Response:
    try:
        async with asyncio.timeout(timeout + _GRACE) as patience:
            sending = _build(client, request, timeout)
            found = await client.send(sending, stream=True, auth=None, follow_redirects=False)
            try:
                return await _aread(found)
            finally:
                await found.aclose()
    except TimeoutError:
        if not patience.expired():
            raise
    raise too_late(timeout)


def _build(client: httpx.Client | httpx.AsyncClient, request: HttpRequest, timeout: float) -> httpx.Request:
    headers = [*request.headers, PACKINGS]  # not those that the client would ask for: nothing here unpacks brotli
    return client.build_request(request.method, request.url, headers=headers, content=request.body, timeout=timeout)


# -- answers


def _read(found: httpx.Response, deadline: float, timeout: float) -> Response:
    if found.is_stream_consumed:  # as from a transport in memory: read already, and unpacked
        return answer(found.status_code, found.headers.items(), found.content, packed=False)
    body = bytearray()
    for chunk in cast(httpx.SyncByteStream, found.stream):
        body += chunk
        check_length(len(body))
        if time.monotonic() > deadline:
            raise too_late(timeout)
    return answer(found.status_code, found.headers.items(), bytes(body))


async def _aread(found: httpx.Response) -> Response:
    if found.is_stream_consumed:
        return answer(found.status_code, found.headers.items(), found.content, packed=False)
    body = bytearray()
    async for chunk in cast(httpx.AsyncByteStream, found.stream):
        body += chunk
        check_length(len(body))
    return answer(found.status_code, found.headers.items(), bytes(body))


# -- failures


def _translated(error: Exception) -> TelephonyError:
    """httpx's failure as ours. Its text names hosts and reasons, never headers or bodies."""
    reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    if isinstance(error, _NEVER_SENT):
        return NotSent(f"no connection to the provider ({reason})")
    return NoAnswer(f"the provider did not answer ({reason})")


def _not_connected(timeout: float) -> NotSent:
    return NotSent(f"no connection to the provider within {timeout:.1f} s")


def _closed() -> ClientClosed:
    return ClientClosed("the HTTP client is closed")
