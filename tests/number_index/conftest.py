"""Indexes of both kinds over toy accounts: the same cases, ordinary and async, in time that only moves when told."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from telephony_core import AsyncNumberIndex, AsyncTelephony, Connection, Located, NumberIndex, Telephony
from telephony_core.provider.flow import Response
from telephony_core.transport.backend import HttpRequest
from telephony_core.transport.clock import Clock
from tests.provider.toy import SPEC, ToyServer
from tests.speaking import errors_speak
from tests.transport.driving import FakeTime

__all__ = ["errors_speak"]

MAX_AGE, REFRESH_AFTER = 300.0, 100.0
NUMBER, OTHER = "+827011112222", "+827033334444"


def names(located: Located) -> list[tuple[str, str]]:
    """Who serves a number: the connection, and the id of its record there."""
    return [(name, record.id) for name, record in located.served_by]


@dataclass
class Account(ToyServer):
    """A toy vendor whose answers may take time, and during whose answers something may happen."""

    time: FakeTime = field(default_factory=FakeTime)
    takes: float = 0.0
    during: dict[int, Callable[[], object]] = field(default_factory=dict)
    """What happens after the nth request was received, before it is answered."""
    after: dict[int, Callable[[], object]] = field(default_factory=dict)
    """What happens after the nth request's answer was made, before it is given."""
    down: bool = False

    def send(self, request: HttpRequest, timeout: float) -> Response:
        nth = len(self.requests) + 1
        self.time.advance(self.takes)
        self.during.pop(nth, lambda: None)()
        if self.down:
            self.requests.append(request)
            return Response(401, {}, b"{}")
        answer = super().send(request, timeout)
        self.after.pop(nth, lambda: None)()
        return answer

    async def asend(self, request: HttpRequest, timeout: float) -> Response:
        await asyncio.sleep(0)  # as any network lets others have their turn
        return self.send(request, timeout)

    @property
    def listings(self) -> int:
        return sum(r.method == "GET" and r.url.endswith("/numbers") for r in self.requests)


class Turnstile:
    """A lock that tells how many came to it, so that a test can wait until others wait."""

    def __init__(self) -> None:
        self._lock, self._came = threading.Lock(), threading.Semaphore(0)

    def __enter__(self) -> None:
        self._came.release()
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def wait_for(self, number: int) -> None:
        """Return when so many more have come, whether they got the lock or wait for it."""
        for _ in range(number):
            assert self._came.acquire(timeout=10)


class Plain:
    """An object whose coroutine methods are run to their end, and which is otherwise as it is."""

    def __init__(self, target: Any, run: Callable[[Any], Any]) -> None:
        self.target, self._run = target, run

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.target, name)
        if not inspect.iscoroutinefunction(found):
            return found
        return lambda *args, **kwargs: self._run(found(*args, **kwargs))


@dataclass
class World:
    """Accounts by name, and indexes over them."""

    mode: str
    runner: asyncio.Runner
    time: FakeTime = field(default_factory=FakeTime)
    accounts: dict[str, Account] = field(default_factory=dict)
    made: list[Plain] = field(default_factory=list)

    def account(self, name: str, *numbers: str, key: str = "k3y") -> Account:
        account = self.accounts[name] = Account(time=self.time)
        for at, number in enumerate(numbers):
            account.add(f"{name}-{at}", number)
        return account

    @property
    def clock(self) -> Clock:
        """Time that passes when somebody sleeps, who lets others have their turn meanwhile."""

        async def asleep(seconds: float) -> None:
            self.time.advance(seconds)
            await asyncio.sleep(0)

        return replace(self.time.clock, asleep=asleep)

    def connection(self, name: str, key: str = "k3y-c4nary") -> Connection:
        return Connection(provider="toy", name=name, api_key=key, base_url="https://toy.example", max_retries=0)

    def open(self, connection: Connection) -> Any:
        kind = Telephony if self.mode == "sync" else AsyncTelephony
        return kind(connection, backend=self.accounts[connection.name], clock=self.time.clock)

    def index(self, source: Any = None, key: str = "k3y-c4nary", **options: Any) -> Plain:
        """An index of all accounts, or of what is given."""
        if source is None:
            source = {name: self.connection(name, key) for name in self.accounts}
        kind = NumberIndex if self.mode == "sync" else AsyncNumberIndex
        options = {"max_age": MAX_AGE, "refresh_after": REFRESH_AFTER, "clock": self.clock, **options}
        index = Plain(self.run(self._make(kind, source, options)), self.run)
        self.made.append(index)
        return index

    async def _make(self, kind: Any, source: Any, options: dict[str, Any]) -> Any:
        return kind(source, opener=self.open, **options)

    def client(self, index: Plain, name: str) -> Plain:
        return Plain(index.client(name), self.run)

    def close(self, index: Plain) -> None:
        self.made.remove(index)
        if self.mode == "sync":
            index.target.close()
        else:
            index.aclose()

    def background(self) -> None:
        """Let tasks in the background have their turn; threads need none."""

        async def turns() -> None:
            for _ in range(50):
                await asyncio.sleep(0)

        self.run(turns())

    def settle(self, index: Plain) -> None:
        """Wait until an index of one account has done what it had to do in the background."""
        if self.mode == "sync":
            index.target._threads.submit(int).result(10)  # of one thread, which does one after the other
            return

        async def idle() -> None:
            while index.target._tasks:  # one of which may read the file in a thread, and begin another one
                await asyncio.wait(index.target._tasks, timeout=10)

        self.run(idle())

    def run(self, coroutine: Any) -> Any:
        return self.runner.run(coroutine)


@pytest.fixture(params=["sync", "async"])
def world(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr("telephony_core.client.base.registry.spec", {"toy": SPEC}.__getitem__)
    unhandled: list[dict[str, Any]] = []
    with asyncio.Runner() as runner:
        runner.get_loop().set_exception_handler(lambda loop, context: unhandled.append(context))
        world = World(request.param, runner)
        yield world
        for index in list(world.made):
            world.close(index)
    assert unhandled == []
