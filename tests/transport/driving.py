"""Runs one case through both drivers: a clock that never waits, a backend that answers from a list."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from telephony_core.errors import TelephonyError
from telephony_core.provider.flow import Flow, Response
from telephony_core.transport.backend import HttpRequest
from telephony_core.transport.clock import Clock
from telephony_core.transport.drivers import adrive, drive
from telephony_core.transport.pace import Pace
from telephony_core.transport.pipeline import RequestPipeline, execute

T = TypeVar("T")
START = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@dataclass
class FakeTime:
    """Time that passes only when somebody sleeps, or a backend says that an answer took some."""

    passed: float = 0.0
    slept: list[float] = field(default_factory=list)

    def advance(self, seconds: float) -> None:
        self.passed += seconds

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.passed += seconds

    async def _asleep(self, seconds: float) -> None:
        self._sleep(seconds)

    @property
    def clock(self) -> Clock:
        return Clock(
            monotonic=lambda: 1000.0 + self.passed,
            now=lambda: START + timedelta(seconds=self.passed),
            sleep=self._sleep,
            asleep=self._asleep,
        )


Answer = Response | Exception | Callable[[HttpRequest], Response]


@dataclass
class Script:
    """A backend, sync and async, that gives the listed answers in order and keeps what it was sent."""

    answers: Iterable[Answer]
    time: FakeTime = field(default_factory=FakeTime)
    takes: float = 0.0
    sent: list[HttpRequest] = field(default_factory=list)
    timeouts: list[float] = field(default_factory=list)
    closed: int = 0
    name: str = "script"

    def __post_init__(self) -> None:
        self._answers = iter(self.answers)

    def send(self, request: HttpRequest, timeout: float) -> Response:
        self.sent.append(request)
        self.timeouts.append(timeout)
        self.time.advance(self.takes)
        answer = next(self._answers, None)
        assert answer is not None, f"one request too many: {request}"
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, Response) else answer(request)

    async def asend(self, request: HttpRequest, timeout: float) -> Response:
        return self.send(request, timeout)

    def close(self) -> None:
        self.closed += 1

    async def aclose(self) -> None:
        self.closed += 1


def pipeline(time: FakeTime, **changes: object) -> RequestPipeline:
    given = {
        "provider": "acme",
        "base_url": "https://api.example.com/base",
        "auth": {"authorization": "Bearer k3y-canary"},
        "secrets": ("k3y-canary",),
        "pace": Pace.unlimited(),
        "timeout": 30.0,
        "max_retries": 2,
        "clock": time.clock,
        "jitter": lambda: 1.0,
    }
    return RequestPipeline(**{**given, **changes})


def run(flow: Flow[T], script: Script, the_pipeline: RequestPipeline, *, mode: str, operation: str = "test") -> T:
    """Run a flow to its end through the sync or the async driver."""
    actions = execute(flow, the_pipeline, operation)
    if mode == "sync":
        return drive(actions, script, the_pipeline.clock)

    async def main() -> T:
        return await adrive(actions, script, the_pipeline.clock)

    return asyncio.run(main())


def json_answer(status: int = 200, body: bytes = b"{}", **headers: str) -> Response:
    return Response(
        status, {"content-type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}}, body
    )


def raised(call: Callable[[], object]) -> TelephonyError:
    try:
        call()
    except TelephonyError as error:
        return error
    raise AssertionError("nothing was raised")
