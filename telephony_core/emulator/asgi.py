"""An emulator as an ASGI application. Faults that exist only on the wire come true where the server can break one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, TypeAlias
from urllib.parse import quote

from telephony_core.emulator.emulator import Emulator, NotEmulated
from telephony_core.emulator.faults import Fault, FaultKind
from telephony_core.provider.flow import Response
from telephony_core.transport.backend import HttpRequest

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
AsgiApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

BREAK: Final = "telephony.break"
"""The scope extension by which an application breaks its connection: ``(reset: bool) -> None``."""


def asgi_app(emulator: Emulator) -> AsgiApp:
    """An emulator as a plain ASGI application under the vendor's own paths.

    On a server that cannot break connections on request (any other than `serve`), a fault without an answer is raised
    as `NotSent` or `NoAnswer`.
    """

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        # A server may ask for "lifespan" or a websocket; an emulator has neither.
        if scope["type"] != "http":
            return
        body = b""
        more = True
        while more:
            message = await receive()
            # A request that never came whole reached nobody.
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            more = message.get("more_body", False)
        try:
            outcome = emulator.outcome(_request(scope, body))
        except NotEmulated:
            await _answer(send, Response(404, {"content-type": "text/plain"}, b"no API lives at this path\n"))
            return
        if (response := outcome.arrives) is not None:
            await _answer(send, response)
            return
        break_connection = scope.get("extensions", {}).get(BREAK)
        if outcome.fault is None or break_connection is None:
            # A server without that extension can only fail: it ends the connection, or answers 500.
            raise outcome.error()
        await _fail(outcome.fault, outcome.response, break_connection, receive, send)

    return app


def _request(scope: Scope, body: bytes) -> HttpRequest:
    # Header fields are bytes, of which ISO 8859-1 loses none (RFC 9110, section 5.5).
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])
    host = dict(headers).get("host", "localhost")
    # ASGI unescapes `path`, and with it an escaped slash would become a separator.
    path = scope.get("raw_path") or quote(scope["path"]).encode()
    query = scope.get("query_string", b"")
    url = f"{scope.get('scheme', 'http')}://{host}{path.decode('latin-1')}"
    if query:
        url += "?" + query.decode("latin-1")
    return HttpRequest(scope["method"], url, headers, body or None)


async def _answer(send: Send, response: Response) -> None:
    await _start(send, response)
    await send({"type": "http.response.body", "body": response.body})


async def _start(send: Send, response: Response) -> None:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers.items()]
    # Neither has a body (RFC 9110, sections 15.3.5 and 15.4.5); without a length the others would be sent in chunks.
    if response.status not in (204, 304) and "content-length" not in response.headers:
        headers.append((b"content-length", str(len(response.body)).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})


async def _fail(
    fault: Fault, response: Response | None, break_connection: Callable[[bool], None], receive: Receive, send: Send
) -> None:
    """Apply a fault to the connection."""
    # The connection is over when the client is gone, whoever of the two ended it.
    gone = asyncio.ensure_future(_disconnected(receive))
    match fault.kind:
        case FaultKind.SILENT:
            pass
        case FaultKind.CUT_IN_BODY if response is not None:
            await _start(send, response)
            half = response.body[: len(response.body) // 2]
            await send({"type": "http.response.body", "body": half, "more_body": True})
            # No reset: what was sent already has to arrive, or there would be no half of a body.
            break_connection(False)
        case FaultKind.DRIP if response is not None:
            await _drip(fault.pause, response, gone, send)
        case _:
            break_connection(True)
    await gone


async def _drip(pause: float, response: Response, gone: asyncio.Future[None], send: Send) -> None:
    await _start(send, response)
    for byte in response.body:
        # The pause ends when the client gives up, so that no test waits for a drip that nobody reads.
        await asyncio.wait({gone}, timeout=pause)
        if gone.done():
            return
        await send({"type": "http.response.body", "body": bytes((byte,)), "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
