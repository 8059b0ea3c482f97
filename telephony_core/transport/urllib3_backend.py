"""urllib3 for ordinary code (extra ``fast``): the same meaning as the default, at about a third of its cost.

urllib3 pools, connects, trusts and goes through proxies. Sending and receiving is left to `http.client`, on which its
connections are built, since what it adds there (redirects, retries, decoding) costs as much again and is not used.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
from contextlib import closing, suppress
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPSConnectionPool
from urllib3.exceptions import ClosedPoolError, HTTPError
from urllib3.util.connection import create_connection

from telephony_core.errors import ClientClosed, NoAnswer, NotSent
from telephony_core.flow import Response
from telephony_core.transport.addresses import connect_to_any
from telephony_core.transport.answers import ASKED, answer, check_length
from telephony_core.transport.backend import LONGEST_ANSWER, HttpRequest
from telephony_core.transport.environment import MOST_CONNECTIONS, origin_of, proxy_for, trust

if TYPE_CHECKING:
    from typing_extensions import Buffer


class Urllib3Backend:
    """Sends on connections of its own."""

    name = "urllib3"

    def __init__(self) -> None:
        self._roads: dict[str, _Road] = {}
        self._closed = False

    def send(self, request: HttpRequest, timeout: float) -> Response:
        if self._closed:
            raise _closed()
        deadline = time.monotonic() + timeout
        origin = origin_of(request.url)
        road = self._roads.get(origin) or self._roads.setdefault(origin, _Road(origin))
        connection = road.connection(timeout)
        failure, reusable = None, False
        try:
            found = road.exchange(connection, request, deadline)
            with closing(found):
                body = found.whole_body()
                reusable = found.isclosed()
            return answer(found.status, found.getheaders(), body)
        except (OSError, http.client.HTTPException) as error:
            failure = error
        finally:
            road.put_back(connection, reusable=reusable)
        raise NoAnswer(f"the provider did not answer ({_reason(failure)})")

    def close(self) -> None:
        self._closed = True
        for road in tuple(self._roads.values()):
            road.close()


class _Road:
    """The connections to one origin, by way of the proxy that the environment names for it."""

    def __init__(self, origin: str) -> None:
        proxy = proxy_for(origin)
        secure = origin.startswith("https:")
        made_with: dict[str, Any] = {"maxsize": MOST_CONNECTIONS, "block": True}
        # Reading the certificates takes longer than hundreds of requests.
        if secure or (proxy is not None and proxy.startswith("https:")):
            made_with["ssl_context"] = trust()
        manager = urllib3.PoolManager(**made_with)
        proxy_headers = {}
        if proxy is not None:
            proxy_headers = _proxy_headers(proxy)
            made_with["proxy_ssl_context"] = made_with.get("ssl_context")
            manager = urllib3.ProxyManager(proxy, proxy_headers=proxy_headers, **made_with)
        self._pool: Any = manager.connection_from_url(origin)
        self._pool.ConnectionCls = _SecureConnection if isinstance(self._pool, HTTPSConnectionPool) else _Connection
        # A proxy is asked for whole URLs, unless it only lets TLS through, as if it was not there.
        self._tunnelled = secure and proxy is not None
        self._skipped = 0 if proxy is not None and not secure else len(origin)
        self._headers = dict(ASKED) if self._tunnelled else {**dict(ASKED), **proxy_headers}

    def connection(self, timeout: float) -> HTTPConnection:
        """One that is open. Raises `NotSent`."""
        deadline = time.monotonic() + timeout
        failure: Exception
        connection: Any = None
        try:
            connection = self._pool._get_conn(timeout=timeout)
            connection.timeout = _left(deadline)
            if connection.is_closed and self._tunnelled:
                self._pool._prepare_proxy(connection)
            elif connection.is_closed:
                connection.connect()
            _left(deadline)  # what is too late by now was not sent
            opened: HTTPConnection = connection
            return opened
        except ClosedPoolError:
            raise _closed() from None
        except (OSError, http.client.HTTPException, HTTPError) as error:
            failure = error
        except BaseException:
            if connection is not None:
                self.put_back(connection, reusable=False)
            raise
        if connection is not None:
            self.put_back(connection, reusable=False)
        raise NotSent(f"no connection to the provider ({_reason(failure)})")

    def exchange(self, connection: HTTPConnection, request: HttpRequest, deadline: float) -> _Answer:
        connection.sock.settimeout(_left(deadline))
        headers = {**self._headers, **dict(request.headers)}
        target = request.url[self._skipped :] or "/"
        # A server may answer and hang up before it has read everything; its answer is worth reading.
        with suppress(BrokenPipeError, ConnectionResetError):
            http.client.HTTPConnection.request(connection, request.method, target, request.body, headers)
        connection.response_class = partial(_Answer, deadline=deadline)  # type: ignore[assignment]
        found: Any = http.client.HTTPConnection.getresponse(connection)
        made: _Answer = found
        return made

    def put_back(self, connection: HTTPConnection, *, reusable: bool) -> None:
        if not reusable:
            connection.close()
        self._pool._put_conn(connection)

    def close(self) -> None:
        self._pool.close()


class _Sharing:
    """Gives the addresses of a host one deadline together; urllib3 gives it to each, and then to the TLS handshake."""

    def _new_conn(self: Any) -> socket.socket:
        deadline = time.monotonic() + self.timeout

        def connect(address: str, seconds: float) -> socket.socket:
            return create_connection((address, self.port), seconds, socket_options=self.socket_options)

        connected = connect_to_any(self.host.strip("[]"), self.port, deadline, connect)
        connected.settimeout(max(deadline - time.monotonic(), 1e-6))
        return connected


class _Connection(_Sharing, HTTPConnection): ...


class _SecureConnection(_Sharing, HTTPSConnection): ...


class _Answer(http.client.HTTPResponse):
    """An answer that has to be read by a deadline, and to its end: the library takes one for whole that was cut off."""

    def __init__(self, connection: socket.socket, *args: Any, deadline: float, **options: Any) -> None:
        super().__init__(connection, *args, **options)
        self.fp.close()
        self._incoming = _Punctual(connection, deadline)
        self.fp = io.BufferedReader(self._incoming)

    def begin(self) -> None:
        super().begin()
        if self._incoming.ended:
            raise http.client.RemoteDisconnected("the answer was cut off in its head")

    def whole_body(self) -> bytes:
        body = self.read(LONGEST_ANSWER + 1)
        check_length(len(body))
        if self.length or (self.chunked and self._incoming.ended):
            raise http.client.IncompleteRead(b"", self.length)
        return body


class _Punctual(io.RawIOBase):
    """What a connection receives until a deadline; on its own it would give every single read all the time there is."""

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self._connection = connection
        self._stream = connection.makefile("rb", buffering=0)
        self._deadline = deadline
        self.ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int | None:
        self._connection.settimeout(_left(self._deadline))
        received = self._stream.readinto(buffer)
        self.ended = received == 0
        return received

    def close(self) -> None:
        self._stream.close()
        super().close()


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("the deadline has passed")
    return left


def _proxy_headers(proxy: str) -> dict[str, str]:
    parts = urlsplit(proxy)
    if parts.username is None:
        return {}
    return urllib3.make_headers(proxy_basic_auth=f"{unquote(parts.username)}:{unquote(parts.password or '')}")


def _reason(error: Exception) -> str:
    """A failure in words. They name hosts and reasons, never headers or bodies."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _closed() -> ClientClosed:
    return ClientClosed("the HTTP client is closed")
