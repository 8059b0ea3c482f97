"""Runs migrations in processes that kill themselves (SIGKILL) at a boundary that they are told, for JSON lines on
standard input. Each run is a fork of this process, which spares them the imports: what one run imported besides, this
process imports for the next ones."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import Any

from telephony_core import AsyncTelephony
from telephony_core.migration.deprovision.deprovision import DeprovisionOptions
from telephony_core.migration.deprovision.release import preview_release, release_plan
from telephony_core.migration.deprovision.rollback import preview_rollback, rollback_plan
from telephony_core.migration.journal.store import SqliteJournal
from telephony_core.migration.plan.model import PlanKind
from telephony_core.migration.plan.store import load_plan
from telephony_core.migration.run.apply import ApplyOptions, apply_plan
from telephony_core.migration.run.verify import VerifyOptions, verify_plan
from telephony_core.provider.flow import Response
from telephony_core.transport.backend import HttpRequest
from telephony_core.transport.backends.httpx_backend import AsyncHttpxBackend
from telephony_core.transport.clock import Clock
from tests.migration.run.kill_server import PROCESS

WRITES = ("_make", "_register", "append", "finish")


class Boundaries:
    """Counts what happens in this process, and ends it where it is told to."""

    def __init__(self, kill: list[Any] | None) -> None:
        self._kill = tuple(kill or ())
        self.counts = {"journal": 0, "request": 0}

    def next(self, what: str) -> int:
        self.counts[what] += 1
        return self.counts[what]

    def reached(self, what: str, count: int, moment: str) -> None:
        if self._kill == (what, count, moment):
            os.kill(os.getpid(), signal.SIGKILL)


class Backend:
    """Sends by httpx, and may be the last thing that this process does."""

    name = "killing"

    def __init__(self, boundaries: Boundaries) -> None:
        self._boundaries = boundaries
        self._httpx = AsyncHttpxBackend()

    async def asend(self, request: HttpRequest, timeout: float) -> Response:
        count = self._boundaries.next("request")
        self._boundaries.reached("request", count, "before")
        marked = HttpRequest(request.method, request.url, (*request.headers, (PROCESS, str(os.getpid()))), request.body)
        response = await self._httpx.asend(marked, timeout)
        self._boundaries.reached("request", count, "after")
        return response

    async def aclose(self) -> None:
        await self._httpx.aclose()


def watch_journal(boundaries: Boundaries) -> None:
    for name in WRITES:
        setattr(SqliteJournal, name, _watched(getattr(SqliteJournal, name), boundaries))


def _watched(write: Callable[..., Any], boundaries: Boundaries) -> Callable[..., Any]:
    def watched(*given: Any, **named: Any) -> Any:
        count = boundaries.next("journal")
        boundaries.reached("journal", count, "before")
        result = write(*given, **named)
        boundaries.reached("journal", count, "after")
        return result

    return watched


class QuickTime:
    """Time that passes by being asked for and by waiting, so that every run sends the same requests in the same order
    and nobody waits for a settling window to pass."""

    def __init__(self) -> None:
        self._passed = 0.0

    def _monotonic(self) -> float:
        self._passed += 0.001
        return self._passed

    async def _asleep(self, seconds: float) -> None:
        self._passed += seconds
        await asyncio.sleep(0)

    @property
    def clock(self) -> Clock:
        return Clock(monotonic=self._monotonic, asleep=self._asleep)


def work(asked: dict[str, Any]) -> str:
    os.environ["XDG_STATE_HOME"] = asked["machine"]
    boundaries = Boundaries(asked.get("kill"))
    watch_journal(boundaries)
    loaded = load_plan(asked["plan"])
    clock = QuickTime().clock

    def opener(provider: str, key: str) -> Callable[[], AsyncTelephony]:
        return lambda: AsyncTelephony(
            provider,
            api_key=key,
            base_url=asked["urls"][provider],
            backend=Backend(boundaries),
            clock=clock,
        )

    source, target = loaded.plan.source, loaded.plan.target
    ends = (
        loaded,
        None if source is None else opener(source.provider, "emulator-key"),
        opener(target.provider, "emulator-key" if loaded.plan.kind is PlanKind.SET else "emulator-key-of-the-target"),
    )
    confirmed = frozenset((number, record) for number, record in asked.get("confirmed", ()))
    options = DeprovisionOptions(allow=["unpublishes"], clock=clock, confirmed=confirmed)
    answer: dict[str, Any] = {}
    match asked["command"]:
        case "apply":
            answer["said"] = apply_plan(*ends, ApplyOptions(clock=clock, concurrency=1)).summary
        case "verify":
            answer["said"] = verify_plan(*ends, VerifyOptions(clock=clock)).summary
        case "preview rollback":
            answer["shown"] = sorted(preview_rollback(*ends, options).shown)
        case "preview release":
            answer["shown"] = sorted(preview_release(*ends, options).shown)
        case "rollback":
            answer["said"] = rollback_plan(*ends, options).summary
        case "release":
            answer["said"] = release_plan(*ends, options).summary
    return json.dumps({**answer, **boundaries.counts, "imported": sorted(sys.modules)})


def main() -> None:
    for line in sys.stdin:
        reader, writer = os.pipe()
        process = os.fork()
        if process == 0:
            try:
                told = work(json.loads(line))
            except BaseException as error:
                told = json.dumps({"said": f"{type(error).__name__}: {error}"})
            with os.fdopen(writer, "w") as stream:
                stream.write(told)
            os._exit(0)
        os.close(writer)
        with os.fdopen(reader) as stream:
            said = stream.read()
        _, status = os.waitpid(process, 0)
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        answer = json.loads(said) if said else {}
        for name in answer.pop("imported", ()):
            with suppress(ImportError):  # some modules only another module can make
                import_module(name)
        print(json.dumps({"killed": killed, **answer}), flush=True)


if __name__ == "__main__":
    main()
