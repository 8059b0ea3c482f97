"""One account on a fresh emulator: the state, a client of either kind, and every request that was sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Literal

from telephony_core.client import AsyncTelephony, Telephony
from telephony_core.emulator import Emulator, Fault, FaultKind, HttpRequest, Response
from telephony_core.provider.capabilities import Capabilities
from telephony_core.provider.port import ProviderSpec
from telephony_core.testing.backends import Answer, BothBackends, RecordingBackend, ScriptedBackend
from telephony_core.testing.contract.driver import Driver
from telephony_core.testing.virtual_time import virtual_clock

WRITES = ("POST", "PUT", "PATCH", "DELETE")


class ContractAccount:
    """What a case works on. ``client`` talks to ``emulator``; ``sent`` holds what it sent."""

    def __init__(self, spec: ProviderSpec, emulator: Emulator, kind: Literal["sync", "async"]) -> None:
        self.spec = spec
        self.emulator = emulator
        self._kind = kind
        # One loop for all calls of a case: an async client belongs to the loop in which it began.
        self._runner = asyncio.Runner()
        self._open: list[Driver] = []
        self._recorder = RecordingBackend(emulator.backend())
        self.client: Driver = self.connect(self._recorder)

    @property
    def capabilities(self) -> Capabilities:
        return self.spec.capabilities

    @property
    def sent(self) -> list[HttpRequest]:
        """Every request of ``client``, in order."""
        return self._recorder.sent

    @property
    def writes(self) -> list[HttpRequest]:
        """Those of them that are no GET."""
        return [request for request in self.sent if request.method != "GET"]

    # -- clients

    def connect(
        self,
        backend: BothBackends,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        max_retries: int | None = None,
    ) -> Driver:
        """A client of this account's kind on any backend."""
        kind = Telephony if self._kind == "sync" else AsyncTelephony
        client = kind(
            self.spec,
            api_key=api_key or self.emulator.api_key,
            base_url=base_url,
            backend=backend,
            max_retries=max_retries,
            clock=virtual_clock(),  # a case that retries costs no time
        )
        driver = Driver(client, self._runner)
        self._open.append(driver)
        return driver

    def scripted(
        self,
        answers: Iterable[Answer] | Callable[[HttpRequest], Answer],
        *,
        base_url: str | None = None,
        max_retries: int | None = None,
    ) -> tuple[Driver, ScriptedBackend]:
        """A client that gets canned answers, and their script."""
        backend = ScriptedBackend(answers)
        return self.connect(backend, base_url=base_url, max_retries=max_retries), backend

    def close(self) -> None:
        for driver in self._open:
            driver.close()
        self._runner.close()

    # -- the vendor's side

    def fail(
        self,
        kind: FaultKind,
        *,
        methods: Iterable[str] = WRITES,
        times: int = 1,
        response: Response = Response(503, {}, b""),  # noqa: B008 - frozen
    ) -> None:
        """Let the next requests of each of these methods go wrong; earlier faults are removed."""
        # One for each method: adapters write by whichever their vendor takes.
        self.emulator.faults[:] = [Fault(kind, method=method, times=times, response=response) for method in methods]

    def clear(self) -> None:
        """Take every record away."""
        self.emulator.clear()

    # -- counting

    @contextmanager
    def no_request(self) -> Iterator[None]:
        """Nothing at all is sent inside."""
        before = len(self.sent)
        yield
        assert not (sent := self.sent[before:]), f"sent {[f'{request.method} {request.url}' for request in sent]}"

    @contextmanager
    def no_write(self) -> Iterator[None]:
        """At most GET requests are sent inside, and no record changes."""
        before, records = len(self.writes), self.emulator.records()
        yield
        assert not (sent := self.writes[before:]), f"sent {[f'{request.method} {request.url}' for request in sent]}"
        assert self.emulator.records() == records
