"""urllib3 for ordinary code (extra ``fast``): the same meaning as the default, at about a third of its cost.

urllib3's own tools connect, go through proxies and speak TLS, within TLS too. Sending and receiving is left to
`http.client`, on which urllib3 is built as well: what it adds there (pools, redirects, retries, decoding) costs as much
again and is not used.
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from urllib3.exceptions import HTTPError
from urllib3.util import make_headers, ssl_wrap_socket
from urllib3.util.connection import create_connection
from urllib3.util.wait import wait_for_read

from telephony_core.errors import instead_of
from telephony_core.provider.flow import Response
from telephony_core.transport.backend import LONGEST_ANSWER, HttpRequest
from telephony_core.transport.backends.deadlines import in_time, left_until
from telephony_core.transport.backends.environment import MOST_CONNECTIONS, origin_of, proxy_for, trust
from telephony_core.transport.backends.failures import closed, no_answer, no_connection, not_connected
from telephony_core.transport.backends.idle_connections import IdleConnections
from telephony_core.transport.backends.name_resolution import connect_to_any
from telephony_core.transport.backends.response_body import ASKED, answer, check_length

if TYPE_CHECKING:
    from typing_extensions import Buffer

_MOST_INTERIM: Final = 16
"""Interim answers (1xx, RFC 9110, section 15.2) that are read past before the one that counts."""
_LONGEST_HEADS: Final = 2**20
"""Bytes of all heads of an answer; `http.client` reads past any number of ``100 Continue`` by itself."""


class Urllib3Backend:
    """Sends on connections of its own."""

    name = "urllib3"

    def __init__(self) -> None:
        self._origins: dict[str, _Origin] = {}
        self._places = threading.Semaphore(MOST_CONNECTIONS)
        self._closed = False

    def send(self, request: HttpRequest, timeout: float) -> Response:
        if self._closed:
            raise closed()
        deadline = time.monotonic() + timeout
        name = origin_of(request.url)
        origin = self._origins.get(name) or self._origins.setdefault(name, _Origin(name))
        if not self._places.acquire(timeout=left_until(deadline)):
            raise not_connected(timeout)
        try:
            connection = origin.connection(deadline)
            with instead_of((OSError, http.client.HTTPException), no_answer):
                return self._over(connection, origin, request, deadline)
        finally:
            self._places.release()
            if self._closed:  # meanwhile
                self.close()

    def _over(self, connection: Any, origin: _Origin, request: HttpRequest, deadline: float) -> Response:
        reusable = False
        try:
            found = origin.send(connection, request, deadline)
            try:
                body = found.whole_body()
            finally:
                found.close()
            reusable = found.leaves_nothing_behind
            return answer(found.status, found.getheaders(), body)
        finally:
            if reusable:
                origin.idle.put(connection)
            else:
                connection.close()

    def close(self) -> None:
        self._closed = True
        for origin in tuple(self._origins.values()):
            for connection in origin.idle.take_all():
                connection.close()


class _Origin:
    """The connections to one origin, by way of the proxy that the environment names for it.

    A connection is a socket: a plain one, one with TLS, or urllib3's for TLS within TLS.
    """

    def __init__(self, origin: str) -> None:
        self.idle = IdleConnections[Any]()
        parts, proxy = urlsplit(origin), proxy_for(origin)
        self._host, self._port = _place(origin)
        self._secure = parts.scheme == "https"
        self._proxy = None if proxy is None else _place(proxy)
        self._proxy_is_secure = proxy is not None and proxy.startswith("https:")
        self._proxy_headers = {} if proxy is None else _proxy_headers(proxy)
        # Reading the certificates takes longer than hundreds of requests.
        self._trusted = trust() if self._secure or self._proxy_is_secure else None
        # A proxy is asked for whole URLs, unless it only lets TLS through, as if it was not there.
        self._tunnelled = self._secure and proxy is not None
        asked_whole = proxy is not None and not self._secure
        self._skipped = 0 if asked_whole else len(origin)
        self._headers = {"host": _netloc(origin), **dict(ASKED), **(self._proxy_headers if asked_whole else {})}

    def connection(self, deadline: float) -> Any:
        """One that is open, and on which nothing came that nobody asked for. Raises `NotSent`."""
        for old in self.idle.expired():
            old.close()
        while (kept := self.idle.take()) is not None:
            # What can be read now was sent without being asked for, or is the end of the connection. TLS may have
            # decrypted it already.
            if not (wait_for_read(kept, 0.0) or (isinstance(kept, ssl.SSLSocket) and kept.pending())):
                return kept
            kept.close()
        with instead_of((OSError, UnicodeError, http.client.HTTPException, HTTPError), no_connection):
            return in_time(lambda: self._opened(deadline), deadline, lambda made: made.close())

    def _opened(self, deadline: float) -> Any:
        def connect(address: str, seconds: float) -> socket.socket:
            return create_connection((address, port), seconds, socket_options=[_NO_DELAY])

        # RFC 9110, section 9.3.6: through a proxy, TLS goes inside of a CONNECT tunnel.
        host, port = self._proxy or (self._host, self._port)
        connection: Any = connect_to_any(host, port, deadline, connect)
        try:
            if self._proxy_is_secure:
                connection = self._with_tls(connection, host, deadline)
            if self._tunnelled:
                self._ask_proxy(connection, deadline)
            if self._secure:
                connection = self._with_tls(connection, self._host, deadline, inner=self._proxy_is_secure)
            left(deadline)  # what is too late by now is not sent
        except BaseException:
            connection.close()
            raise
        return connection

    def _with_tls(self, connection: Any, host: str, deadline: float, *, inner: bool = False) -> Any:
        connection.settimeout(left(deadline))
        wrap: Any = ssl_wrap_socket
        return wrap(connection, ssl_context=self._trusted, server_hostname=host, tls_in_tls=inner)

    def _ask_proxy(self, connection: Any, deadline: float) -> None:
        there = f"[{self._host}]:{self._port}" if ":" in self._host else f"{self._host}:{self._port}"
        _send(connection, "CONNECT", there, None, {"host": there, **self._proxy_headers}, deadline)
        found = _Answer(connection, deadline=deadline, method="CONNECT")
        try:
            found.begin()
            if not 200 <= found.status < 300:
                raise http.client.HTTPException(f"the proxy says {found.status} {found.reason}")
        finally:
            found.close()

    def send(self, connection: Any, request: HttpRequest, deadline: float) -> _Answer:
        target = request.url[self._skipped :] or "/"
        # A server may answer and hang up before it has read everything; its answer is worth reading.
        with suppress(BrokenPipeError, ConnectionResetError):
            _send(
                connection, request.method, target, request.body, {**self._headers, **dict(request.headers)}, deadline
            )
        found = _Answer(connection, deadline=deadline, method=request.method)
        try:
            found.begin()
        except BaseException:
            found.close()
            raise
        return found


# A request goes out as head and body: without this, Nagle's algorithm lets the body wait for the head's
# acknowledgement.
_NO_DELAY: Final = (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _send(
    connection: Any, method: str, target: str, body: bytes | None, headers: dict[str, str], deadline: float
) -> None:
    connection.settimeout(left(deadline))
    sender = http.client.HTTPConnection("")
    # It must not connect by itself, past proxies, deadlines and certificates.
    sender.auto_open = 0
    sender.sock = connection
    sender.request(method, target, body, headers)


class _Answer(http.client.HTTPResponse):
    """An answer that has to be read by a deadline, and to its end: the library takes one for whole that was cut off."""

    leaves_nothing_behind = False
    """Whether the connection can carry another request: this answer has come to its end, and nothing came behind it."""

    def __init__(self, connection: Any, *, deadline: float, method: str) -> None:
        super().__init__(connection, method=method)
        # In place of the reader that `http.client` made, which knows no deadline.
        self.fp.close()
        self._incoming = _Punctual(connection, deadline)
        self._buffered = _Buffered(self._incoming)
        self.fp = self._buffered

    def begin(self) -> None:
        """Read the head, past those of interim answers."""
        for _ in range(_MOST_INTERIM + 1):
            super().begin()
            # http.client takes a head that ends with the connection for whole, and its body for empty.
            if self._incoming.ended:
                raise http.client.RemoteDisconnected("the answer was cut off in its head")
            if self.status >= 200:
                self._incoming.most = None
                return
            if self.status == http.client.SWITCHING_PROTOCOLS:
                raise http.client.HTTPException("the provider speaks another protocol from here on (101)")
            # As http.client makes them, which its types do not say; with anything else it would not read another head.
            self.headers = self.msg = None  # type: ignore[assignment]
        raise http.client.HTTPException(f"more than {_MOST_INTERIM} interim answers")

    def whole_body(self) -> bytes:
        # http.client asks for a chunk of -5 bytes where a vendor says so.
        with instead_of(ValueError, lambda error: http.client.HTTPException(f"a chunk that is none: {error}")):
            body = self.read(LONGEST_ANSWER + 1)
        check_length(len(body))
        # `read` with a limit returns what there is of a body that was cut off, without an error.
        if self.length or (self.chunked and self._incoming.ended):
            raise http.client.IncompleteRead(b"", self.length)
        self.leaves_nothing_behind = not self.will_close and self._buffered.was_emptied
        return body


class _Punctual(io.RawIOBase):
    """What a connection receives until a deadline; on its own it would give every single read all the time there is."""

    def __init__(self, connection: Any, deadline: float) -> None:
        self._connection = connection
        self.stream = connection.makefile("rb", buffering=0)
        self._deadline = deadline
        self.ended = False
        self.most: int | None = _LONGEST_HEADS
        """Bytes that may still come; ``None`` without a limit."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int | None:
        if self.stream.closed:
            return 0
        self._connection.settimeout(left(self._deadline))
        received: int = self.stream.readinto(buffer)
        self.ended = received == 0
        if self.most is not None:
            self.most -= received
            if self.most < 0:
                raise http.client.HTTPException("the head of the answer has no end")
        return received

    def close(self) -> None:
        self.stream.close()
        super().close()


class _Buffered(io.BufferedReader):
    """Knows whether something was left in it when it was closed, which `http.client` does where an answer ends."""

    was_emptied = False

    def __init__(self, raw: _Punctual) -> None:
        super().__init__(raw)
        self._raw = raw

    def close(self) -> None:
        if not self.closed:
            self._raw.stream.close()  # nothing more is read to find that out
            self.was_emptied = not self.peek(1)
        super().close()


def left(deadline: float) -> float:
    """Seconds until the deadline. Raises `TimeoutError` after it."""
    if time.monotonic() >= deadline:
        raise TimeoutError("the deadline has passed")
    return left_until(deadline)


def _place(url: str) -> tuple[str, int]:
    """Host and port, the host as it is looked up."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return host if host.isascii() else host.encode("idna").decode(), parts.port or _PORTS[parts.scheme]


def _netloc(origin: str) -> str:
    """What the header ``Host`` says: no port where it is the usual one."""
    host, port = _place(origin)
    host = f"[{host}]" if ":" in host else host
    return host if port == _PORTS[urlsplit(origin).scheme] else f"{host}:{port}"


_PORTS: Final = {"http": 80, "https": 443}


def _proxy_headers(proxy: str) -> dict[str, str]:
    parts = urlsplit(proxy)
    if parts.username is None:
        return {}
    return make_headers(proxy_basic_auth=f"{unquote(parts.username)}:{unquote(parts.password or '')}")
