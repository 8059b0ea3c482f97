"""Emulators as real servers on loopback (extra ``emulator``: uvicorn).

Every emulator gets a port of its own, so that the vendor's paths stay as they are: ``http://127.0.0.1:49152/v3``.
Faults become real ones: a lost answer is a connection that breaks, and those that exist only on the wire come true.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from telephony_core.emulator.asgi import Receive, Scope, Send, asgi_app
from telephony_core.emulator.emulator import Emulator
from telephony_core.errors import ConfigurationError

if TYPE_CHECKING:
    from telephony_core.emulator.loopback import LoopbackServer


@contextmanager
def serve(emulators: Mapping[str, Emulator], *, host: str = "127.0.0.1", port: int = 0) -> Iterator[dict[str, str]]:
    """Serve emulators in a background thread; gives their base URLs by slug.

    They get the ports ``port``, ``port + 1`` and so on, in the order of the mapping; 0 takes free ones. Raises
    `ConfigurationError` when ``host`` is not a loopback address, a port is taken, or uvicorn is missing.
    """
    server_class = _server_class()
    with ExitStack() as stack:
        sockets = [
            # All of them before anything is served: a port that is taken frees the others.
            stack.enter_context(closing(_listen(host, port + index if port else 0)))
            for index in range(len(emulators))
        ]
        ports = [listening.getsockname()[1] for listening in sockets]
        apps = dict(zip(ports, map(asgi_app, emulators.values()), strict=True))

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            # One server for all, which tells the vendors apart by the port.
            await apps[scope["server"][1]](scope, receive, send)

        server = server_class(app)
        # A daemon: a test run that is killed does not wait for it.
        thread = threading.Thread(target=server.run, args=(sockets,), name="telephony-emulators", daemon=True)
        thread.start()
        # Called in the reverse order: asked to stop first, then waited for.
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
    """Serve emulators until Ctrl-C; ``ready`` gets the base URLs by slug. Raises what `serve` raises."""
    with suppress(KeyboardInterrupt), serve(emulators, host=host, port=port) as urls:
        ready(urls)
        # Not one endless wait: on Windows Ctrl-C would not get through it.
        while True:
            threading.Event().wait(1)


def _listen(host: str, port: int) -> socket.socket:
    try:
        # By its name too, without a look-up: a name server may answer anything.
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
        # Some systems give ::1 for localhost, and the socket is one of IPv4.
        listening.bind(("127.0.0.1" if host == "localhost" else host, port))
        listening.listen(128)
    # OverflowError: a port beyond 65535.
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
