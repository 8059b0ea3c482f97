"""The uvicorn server under `telephony_core.emulator.server`: its connections can be broken on request.

Imported only when something is served; uvicorn comes with the extra ``emulator``.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from telephony_core.emulator.asgi import BREAK, AsgiApp, Receive, Scope, Send


class BreakableProtocol(H11Protocol):
    """One connection, which the application may end at any moment: by a reset, or as if the peer had crashed."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        # Every request would be a line on the terminal of whoever runs tests.
        self.access_log = False
        app: AsgiApp = self.app

        async def breakable(scope: Scope, receive: Receive, send: Send) -> None:
            await app({**scope, "extensions": {BREAK: self._break}}, receive, send)

        self.app = breakable

    def _break(self, reset: bool) -> None:
        if reset:
            # Lingering for zero seconds turns the close into a TCP reset.
            connection: socket.socket = self.transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # Not `close`, which would send what is still buffered.
        self.transport.abort()


class LoopbackServer(uvicorn.Server):
    """Serves one application on sockets that listen already, in a thread that is not the main one."""

    def __init__(self, app: AsgiApp) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=BreakableProtocol,
                ws="none",
                loop="asyncio",
                lifespan="off",  # an emulator has nothing to start
                log_config=None,
                server_header=False,
            )
        )

    def stop(self) -> None:
        """Ask it to end; from any thread."""
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End at once: a request that is kept waiting on purpose would keep the server waiting too."""
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        # Lets the protocols hear that their connections are gone; uvicorn would wait for them otherwise.
        await asyncio.sleep(0)
        await super().shutdown(sockets)
