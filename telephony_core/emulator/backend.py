"""An emulator in process, as the backend of either client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telephony_core.provider.flow import Response
from telephony_core.transport.backend import HttpRequest

if TYPE_CHECKING:
    from telephony_core.emulator.emulator import Emulator


class EmulatorBackend:
    """Hands requests to an emulator; no network is involved."""

    name = "emulator"

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator

    def send(self, request: HttpRequest, timeout: float) -> Response:
        return self.emulator.handle(request)

    async def asend(self, request: HttpRequest, timeout: float) -> Response:
        return self.emulator.handle(request)

    def close(self) -> None:
        """Nothing to close: the emulator outlives its clients."""

    async def aclose(self) -> None:
        """Nothing to close."""
