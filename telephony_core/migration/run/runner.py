"""Carries out what units ask for: over two clients, one journal and one clock. The only code here that sends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from telephony_core.errors import TelephonyError
from telephony_core.migration.journal.claims import Claims
from telephony_core.migration.journal.entries import Entry, Phase
from telephony_core.migration.journal.store import Journal, JournalError
from telephony_core.migration.move.effects import (
    Claim,
    Effect,
    EndpointRole,
    Lookup,
    Now,
    Procedure,
    ProviderNow,
    Record,
    ResolveSecrets,
    RunFlow,
    Wait,
)
from telephony_core.migration.run.secret_resolver import SecretResolver
from telephony_core.migration.run.target_index import TargetIndex
from telephony_core.secrets.redaction import scrubbed
from telephony_core.transport.clock import Clock

if TYPE_CHECKING:
    from telephony_core.client import AsyncTelephony

T = TypeVar("T")

Opener: TypeAlias = "Callable[[], AsyncTelephony]"
"""Makes the client of one end, such as ``lambda: AsyncTelephony(connections["kr-prod"])``; the run closes it."""


@dataclass(frozen=True, slots=True)
class Runner:
    """Everything that a unit's effects need. ``recorded`` and ``waiting`` are told of what happens, for progress."""

    source: AsyncTelephony
    target: AsyncTelephony
    journal: Journal
    source_index: TargetIndex
    target_index: TargetIndex
    secret_resolver: SecretResolver
    clock: Clock
    claims: Claims
    recorded: Callable[[Entry], None] = lambda entry: None
    waiting: Callable[[Wait], None] = lambda wait: None
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when somebody asks the run to stop: idle waits end then."""
    turn: asyncio.Semaphore | None = None
    """The place among the numbers in work that an idle wait leaves to another number."""
    _began: tuple[datetime, float] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_began", (self.clock.now(), self.clock.monotonic()))

    def client(self, end: EndpointRole) -> AsyncTelephony:
        return self.source if end is EndpointRole.SOURCE else self.target

    def index(self, end: EndpointRole) -> TargetIndex:
        return self.source_index if end is EndpointRole.SOURCE else self.target_index

    async def run(self, procedure: Procedure[T]) -> T:
        """Run a unit to its end. Raises what it raises, and `JournalError` at once: nothing goes on unrecorded."""
        try:
            effect = next(procedure)
            while True:
                try:
                    answer = await self._do(effect)
                except JournalError:
                    raise
                except TelephonyError as error:
                    effect = procedure.throw(error)
                else:
                    effect = procedure.send(answer)
        except StopIteration as stop:
            result: T = stop.value
            return result
        finally:
            procedure.close()

    async def _do(self, effect: Effect[object]) -> object:
        match effect:
            case RunFlow():
                client = self.client(effect.end)
                try:
                    return await client.run(effect.flow(client.operations))
                except TelephonyError as error:
                    error.operation = effect.name
                    # The client hides what it was given as a secret; a provider may echo a user name too.
                    error.scrub(lambda text: scrubbed(text, self.secret_resolver.secrets))
                    raise
            case Lookup():
                return await self.index(effect.end).look(effect.identity, effect.id, fresh=effect.fresh)
            case Record():
                entry = self._timed(effect.entry)
                self.journal.append(entry)
                self.claims.told(entry)
                self.recorded(entry)
            case Wait():
                self.waiting(effect)
                return await self._wait(effect)
            case Now():
                began, at = self._began
                return began + timedelta(seconds=self.clock.monotonic() - at)
            case ProviderNow():
                return self.client(effect.end).provider_time
            case Claim():
                self.claims.claim(effect.number, effect.identity, goes_on=effect.goes_on)
            case ResolveSecrets():
                return self.secret_resolver.reveal(effect.trunk)
            case _:
                raise NotImplementedError(f"no runner knows how to do {type(effect).__name__}")
        return None

    def _timed(self, entry: Entry) -> Entry:
        """An announcement keeps both providers' times too: this machine's clock may be set before it is settled."""
        if entry.phase is not Phase.INTENT:
            return entry
        times = {f"time_at_{end}": self.client(end).provider_time for end in EndpointRole}
        told = {name: at.isoformat(timespec="seconds") for name, at in times.items() if at is not None}
        return replace(entry, data={**entry.data, **told})

    async def _wait(self, wait: Wait) -> bool:
        if not wait.idle:
            await self.clock.asleep(wait.seconds)
            return True
        if self.turn is not None:
            self.turn.release()
        try:
            return await self._sleep_unless_stopped(wait.seconds)
        finally:
            if self.turn is not None:
                await self.turn.acquire()

    async def _sleep_unless_stopped(self, seconds: float) -> bool:
        if self.stopping.is_set():
            return False
        sleeping = asyncio.ensure_future(self.clock.asleep(seconds))
        stopping = asyncio.ensure_future(self.stopping.wait())
        try:
            await asyncio.wait({sleeping, stopping}, return_when=asyncio.FIRST_COMPLETED)
            return sleeping.done()
        finally:
            for task in (sleeping, stopping):
                task.cancel()
            await asyncio.gather(sleeping, stopping, return_exceptions=True)
