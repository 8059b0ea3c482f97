"""Applies a plan against slow emulators and tells every event as a JSON line, until somebody interrupts it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from telephony_core import AsyncTelephony
from telephony_core.emulator import Emulator
from telephony_core.migration.run.apply import ApplyOptions, apply_plan
from telephony_core.migration.run.stopping import Interrupted
from telephony_core.provider.flow import Response
from telephony_core.transport.backend import HttpRequest
from tests.migration.stage import Stage


class Slow:
    """An emulator that takes its time."""

    name = "slow"

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    async def asend(self, request: HttpRequest, timeout: float) -> Response:
        await asyncio.sleep(0.03)
        return self._emulator.handle(request)

    async def aclose(self) -> None:
        pass


def main(folder: str) -> None:
    stage = Stage(Path(folder), count=20)
    loaded = stage.plan()

    def client(emulator: Emulator) -> AsyncTelephony:
        return AsyncTelephony(emulator.slug, api_key=emulator.api_key, backend=Slow(emulator))

    options = ApplyOptions(on_event=lambda event: print(event.model_dump_json(), flush=True), concurrency=2)
    try:
        report = apply_plan(loaded, lambda: client(stage.source), lambda: client(stage.target), options)
    except Interrupted as interrupted:
        print(f"INTERRUPTED {interrupted}", flush=True)
    else:
        print(f"REPORT {report.model_dump_json()}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
