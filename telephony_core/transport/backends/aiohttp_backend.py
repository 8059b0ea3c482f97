"""aiohttp for async code (extra ``fast``): the same meaning as the default, at about a fifth of its cost."""

from __future__ import annotations

import asyncio
import ssl
import time
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

import aiohttp
from yarl import URL

from telephony_core.errors import TelephonyError
from telephony_core.provider.flow import Response
from telephony_core.transport.backend import HttpRequest
from telephony_core.transport.backends.environment import MOST_CONNECTIONS, origin_of, proxy_for, trust
from telephony_core.transport.backends.failures import closed, no_answer, no_connection, not_connected, too_late
from telephony_core.transport.backends.response_body import ASKED, answer, check_length
from telephony_core.transport.lifecycle import LoopAffinity

if TYPE_CHECKING:
    from aiohttp.connector import Connection
    from aiohttp.tracing import Trace

# Raised before a byte of the request was written. Everything else may have reached the provider.
_NEVER_SENT: Final = (
    aiohttp.ClientConnectorError,
    aiohttp.ClientConnectorCertificateError,
    aiohttp.ClientHttpProxyError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.InvalidURL,
)
_NO_TIMEOUTS: Final = aiohttp.ClientTimeout(total=None, sock_connect=None)
"""One deadline stands around everything; aiohttp's own ones are rounded up to whole seconds."""


class AiohttpBackend:
    """Sends on connections of its own, which belong to the event loop that first sends."""

    name = "aiohttp"

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None
        self._origins: dict[str, tuple[str | None, ssl.SSLContext | bool]] = {}
        self._loop = LoopAffinity()
        self._in_flight = 0
        self._closed = False

    async def asend(self, request: HttpRequest, timeout: float) -> Response:
        if self._closed:
            raise closed()
        self._loop.check()
        session = self._session or self._opened()
        origin = origin_of(request.url)
        proxy, trusted = self._origins.get(origin) or self._origins.setdefault(origin, _way_to(origin))
        progress = _Progress(time.monotonic() + timeout)
        _PROGRESS.set(progress)
        failure: TelephonyError
        self._in_flight += 1
        try:
            async with (
                asyncio.timeout(timeout) as patience,
                session.request(
                    request.method,
                    URL(request.url, encoded=True),
                    headers=(*request.headers, *ASKED),
                    data=request.body,
                    # The key would go along.
                    allow_redirects=False,
                    proxy=proxy,
                    ssl=trusted,
                ) as found,
            ):
                body, content = bytearray(), found.content
                while not content.at_eof():
                    body += await content.readany()
                    check_length(len(body))
                return answer(found.status, found.headers.items(), bytes(body))
        except TimeoutError as error:
            # Somebody else's time-out around this call is not ours to translate.
            if not (patience.expired() or isinstance(error, aiohttp.ClientError)):
                raise
            failure = too_late(timeout) if progress.may_have_left else not_connected(timeout)
        except aiohttp.ClientError as error:  # its traceback holds the headers: ours is raised outside
            failure = _translated(error, progress)
        # aiohttp says so of a session that was closed while the request waited.
        except RuntimeError:
            if not self._closed:
                raise
            failure = closed()
        finally:
            self._in_flight -= 1
            if self._closed:  # meanwhile
                await self.aclose()
        raise failure

    def _opened(self) -> aiohttp.ClientSession:
        self._session = aiohttp.ClientSession(
            connector=_Connector(limit=MOST_CONNECTIONS),
            # Unpacked by `answer`, whose limit counts what comes out: a small body may unpack to a huge one.
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=_NO_TIMEOUTS,
        )
        return self._session

    async def aclose(self) -> None:
        self._closed = True
        # What is in flight is answered, and the last answer closes; in another loop nobody could.
        if self._session is not None and not self._in_flight and self._loop.is_here:
            await self._session.close()


class _Progress:
    """How far the request has come that this task is sending."""

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.may_have_left = False


_PROGRESS: Final[ContextVar[_Progress]] = ContextVar("telephony_core.progress")


class _Connector(aiohttp.TCPConnector):
    """Knows when a request gets its connection. aiohttp's own tracing does too, at a tenth of a request's cost.

    A kept connection on which something came that nobody asked for is not used: it would be taken for the next answer.
    """

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> Connection:
        progress = _PROGRESS.get()
        # By itself aiohttp repeats a GET, PUT or DELETE when a kept connection breaks. What is repeated is decided
        # elsewhere, by what a request means: the DELETE may have been a release.
        if progress.may_have_left:
            raise aiohttp.ServerDisconnectedError
        connection = await super().connect(req, traces, timeout)
        while connection.protocol is not None and connection.protocol.should_close:
            connection.close()
            connection = await super().connect(req, traces, timeout)
        # The connection may have come in the very moment in which the time was over; nothing is sent after that.
        if time.monotonic() >= progress.deadline:
            connection.close()
            raise TimeoutError
        progress.may_have_left = True
        return connection


def _way_to(origin: str) -> tuple[str | None, ssl.SSLContext | bool]:
    """The proxy, and what to trust. Reading the certificates takes longer than hundreds of requests."""
    proxy = proxy_for(origin)
    secure = origin.startswith("https:") or (proxy is not None and proxy.startswith("https:"))
    return proxy, trust() if secure else True


def _translated(error: aiohttp.ClientError, progress: _Progress) -> TelephonyError:
    """aiohttp's failure as ours."""
    never_sent = isinstance(error, _NEVER_SENT) or not progress.may_have_left
    return no_connection(error) if never_sent else no_answer(error)
