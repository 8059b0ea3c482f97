"""Emulators as real servers on loopback (extra ``emulator``: uvicorn).

Every emulator gets a port of its own, so that the vendor's paths stay as they are: ``http://127.0.0.1:49152/v3``.
Faults become real ones: a lost answer is a connection that breaks, and those that exist only on the wire come true.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from contextlib import ExitStack, closing, contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import quote, urlsplit

from telephony_core.emulator.emulator import Emulator, NotEmulated
from telephony_core.emulator.faults import Fault, FaultKind
from telephony_core.errors import ConfigurationError
from telephony_core.flow import Response
from telephony_core.transport.backend import HttpRequest

if TYPE_CHECKING:
    from telephony_core.emulator.loopback import LoopbackServer

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
        if scope["type"] != "http":
            return
        body = b""
        more = True
        while more:
            message = await receive()
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
            raise outcome.error()
        await _fail(outcome.fault, outcome.response, break_connection, receive, send)

    return app


@contextmanager
def serve(emulators: Mapping[str, Emulator], *, host: str = "127.0.0.1", port: int = 0) -> Iterator[dict[str, str]]:
    """Serve emulators in a background thread; gives their base URLs by slug.

    They get the ports ``port``, ``port + 1`` and so on, in the order of the mapping; 0 takes free ones. Raises
    `ConfigurationError` when ``host`` is not a loopback address, a port is taken, or uvicorn is missing.
    """
    server_class = _server_class()
    with ExitStack() as stack:
        sockets = [
            stack.enter_context(closing(_listen(host, port + index if port else 0))) for index in range(len(emulators))
        ]
        ports = [listening.getsockname()[1] for listening in sockets]
        apps = dict(zip(ports, map(asgi_app, emulators.values()), strict=True))

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await apps[scope["server"][1]](scope, receive, send)

        server = server_class(app)
        thread = threading.Thread(target=server.run, args=(sockets,), name="telephony-emulators", daemon=True)
        thread.start()
        stack.callback(thread.join)
        stack.callback(server.stop)
        # The sockets listen already: a request that comes before the server runs waits in their queue.
        shown = f"[{host}]" if ":" in host else host
        yield {
            slug: f"http://{shown}:{listening}{urlsplit(emulator.base_url).path}"
            for (slug, emulator), listening in zip(emulators.items(), ports, strict=True)
        }


def run(
    emulators: Mapping[str, Emulator],
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    ready: Callable[[Mapping[str, str]], None] = lambda _: None,
) -> None:
    """Serve emulators until Ctrl-C; ``ready`` is told the base URLs by slug. Raises what `serve` raises."""
    with suppress(KeyboardInterrupt), serve(emulators, host=host, port=port) as urls:
        ready(urls)
        # Not one endless wait: on Windows Ctrl-C would not get through it.
        while True:
            threading.Event().wait(1)


def _request(scope: Scope, body: bytes) -> HttpRequest:
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])
    host = dict(headers).get("host", "localhost")
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
    if response.status not in (204, 304) and "content-length" not in response.headers:
        headers.append((b"content-length", str(len(response.body)).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})


async def _fail(
    fault: Fault, response: Response | None, break_connection: Callable[[bool], None], receive: Receive, send: Send
) -> None:
    """Let a connection go wrong as the fault says."""
    gone = asyncio.ensure_future(_disconnected(receive))
    match fault.kind:
        case FaultKind.SILENT:
            pass
        case FaultKind.CUT_IN_BODY if response is not None:
            await _start(send, response)
            half = response.body[: len(response.body) // 2]
            await send({"type": "http.response.body", "body": half, "more_body": True})
            break_connection(False)
        case FaultKind.DRIP if response is not None:
            await _drip(fault.pause, response, gone, send)
        case _:
            break_connection(True)
    await gone


async def _drip(pause: float, response: Response, gone: asyncio.Future[None], send: Send) -> None:
    await _start(send, response)
    for byte in response.body:
        await asyncio.wait({gone}, timeout=pause)
        if gone.done():
            return
        await send({"type": "http.response.body", "body": bytes((byte,)), "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _listen(host: str, port: int) -> socket.socket:
    try:
        is_loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        raise ConfigurationError(
            "an emulator listens on loopback only: it is a test double with a well-known key",
            remedy="give the host 127.0.0.1 or ::1",
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's algorithm off only where the protocol is named; with it on, every answer waits 40 ms.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":  # elsewhere it would let two servers share a port
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1" if host == "localhost" else host, port))
        listening.listen(128)
    except (OSError, OverflowError) as error:
        listening.close()
        raise ConfigurationError(
            f"port {port} on {host} cannot be used: {error}", remedy="choose another port, or 0 for a free one"
        ) from error
    return listening


def _server_class() -> type[LoopbackServer]:
    try:
        from telephony_core.emulator.loopback import LoopbackServer
    except ImportError as error:
        raise ConfigurationError(
            f"serving an emulator needs uvicorn, which cannot be imported ({error})",
            remedy="install telephony-core[emulator]; in process, `emulator.backend()` needs no server",
        ) from error
    return LoopbackServer
