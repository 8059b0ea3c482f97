"""urllib3 for ordinary code (extra ``fast``): the same meaning as the default, at about half of its cost."""

from __future__ import annotations

import http.client
import io
import socket
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import (
    ClosedPoolError,
    ConnectTimeoutError,
    EmptyPoolError,
    HTTPError,
    LocationValueError,
    NewConnectionError,
    ProxyError,
)

from telephony_core.errors import ClientClosed, NoAnswer, NotSent, TelephonyError
from telephony_core.flow import Response
from telephony_core.transport.answers import ASKED, answer, check_length
from telephony_core.transport.backend import LONGEST_ANSWER, HttpRequest
from telephony_core.transport.environment import MOST_CONNECTIONS, origin_of, proxy_for, trust

if TYPE_CHECKING:
    from typing_extensions import Buffer

# Raised before a byte of the request was written. Everything else may have reached the provider.
_NEVER_SENT: Final = (ConnectTimeoutError, EmptyPoolError, LocationValueError, NewConnectionError, ProxyError)


class Urllib3Backend:
    """Sends on connections of its own."""

    name = "urllib3"

    def __init__(self) -> None:
        self._roads: dict[str, _Road] = {}
        self._closed = False

    def send(self, request: HttpRequest, timeout: float) -> Response:
        failure: TelephonyError
        try:
            if self._closed:
                raise _closed()
            origin = origin_of(request.url)
            road = self._roads.get(origin) or self._roads.setdefault(origin, _Road(origin))
            found = road.send(request, timeout)
            try:
                body = found.read(LONGEST_ANSWER + 1)
                check_length(len(body))
            except BaseException:
                found.close()
                raise
            finally:
                found.release_conn()
            return answer(found.status, found.headers.items(), body)
        except ClosedPoolError:
            failure = _closed()
        except HTTPError as error:
            failure = _translated(error)
        raise failure

    def close(self) -> None:
        self._closed = True
        for road in tuple(self._roads.values()):
            road.close()


class _Road:
    """The connections to one origin, by way of the proxy that the environment names for it."""

    def __init__(self, origin: str) -> None:
        proxy = proxy_for(origin)
        made_with: dict[str, Any] = {"maxsize": MOST_CONNECTIONS, "block": True}
        # Reading the certificates takes longer than hundreds of requests.
        if origin.startswith("https:") or (proxy is not None and proxy.startswith("https:")):
            made_with["ssl_context"] = trust()
        self._manager: urllib3.PoolManager
        if proxy is None:
            self._manager = urllib3.PoolManager(**made_with)
        else:
            self._manager = urllib3.ProxyManager(
                proxy,
                proxy_headers=_proxy_headers(proxy),
                proxy_ssl_context=made_with.get("ssl_context"),
                **made_with,
            )
        self._manager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
        # Without a proxy the pool can be asked itself, which saves the search for it.
        self._open: Callable[..., urllib3.BaseHTTPResponse] = (
            self._manager.urlopen if proxy else self._manager.connection_from_url(origin).urlopen
        )
        self._skipped = 0 if proxy else len(origin)

    def send(self, request: HttpRequest, timeout: float) -> urllib3.BaseHTTPResponse:
        return self._open(
            request.method,
            request.url[self._skipped :] or "/",
            body=request.body,
            headers=dict((*request.headers, *ASKED)),
            retries=False,
            redirect=False,
            timeout=urllib3.Timeout(total=timeout),
            pool_timeout=timeout,
            preload_content=False,
            decode_content=False,
        )

    def close(self) -> None:
        self._manager.clear()


def _proxy_headers(proxy: str) -> dict[str, str]:
    parts = urlsplit(proxy)
    if parts.username is None:
        return {}
    return urllib3.make_headers(proxy_basic_auth=f"{unquote(parts.username)}:{unquote(parts.password or '')}")


class _Connection(HTTPConnection):
    """Tells failing to connect from everything later, and keeps one deadline for an answer."""

    def connect(self) -> None:
        try:
            super().connect()
        except OSError as error:  # of the TLS handshake, or of the proxy's tunnel
            self.close()
            raise NewConnectionError(self, f"{type(error).__name__}: {error}") from error

    def getresponse(self) -> Any:
        # By now the time-out is what is left of the whole. The library would give all of it to every single read.
        deadline = time.monotonic() + (self.timeout or 0.0)
        self.response_class = partial(_Answer, deadline=deadline)  # type: ignore[assignment]
        return super().getresponse()


class _SecureConnection(_Connection, HTTPSConnection):
    """The same over TLS."""


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class _Answer(http.client.HTTPResponse):
    """An answer that has to be read by a deadline."""

    def __init__(self, connection: socket.socket, *args: Any, deadline: float, **options: Any) -> None:
        super().__init__(connection, *args, **options)
        self.fp.close()
        self.fp = io.BufferedReader(_Punctual(connection, deadline))


class _Punctual(io.RawIOBase):
    """What a connection receives until a deadline."""

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self._connection = connection
        self._stream = connection.makefile("rb", buffering=0)
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int | None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the deadline has passed")
        self._connection.settimeout(left)
        return self._stream.readinto(buffer)

    def close(self) -> None:
        self._stream.close()
        super().close()


def _translated(error: HTTPError) -> TelephonyError:
    """urllib3's failure as ours. Its text names hosts and reasons, never headers or bodies."""
    reason = f"{type(error).__name__}: {error}"
    if isinstance(error, _NEVER_SENT):
        return NotSent(f"no connection to the provider ({reason})")
    return NoAnswer(f"the provider did not answer ({reason})")


def _closed() -> ClientClosed:
    return ClientClosed("the HTTP client is closed")
