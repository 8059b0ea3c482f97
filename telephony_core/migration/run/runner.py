"""Performs what procedures ask for: over two clients, a journal and one clock. The only code here that sends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Self, TypeVar

from telephony_core.errors import NotAllowed, TelephonyError
from telephony_core.migration.journal.claim_rules import Claims
from telephony_core.migration.journal.entries import Entry, Phase
from telephony_core.migration.journal.protocol import CampaignJournal, Journal
from telephony_core.migration.journal.sqlite_file import JournalError
from telephony_core.migration.move.effects import (
    Announcement,
    Claim,
    Effect,
    Lookup,
    MigrationTask,
    Now,
    Procedure,
    ProviderNow,
    Record,
    ResolveSecrets,
    RunFlow,
    Wait,
)
from telephony_core.migration.plan.model import EndpointRole
from telephony_core.migration.run.account_index import AccountIndex
from telephony_core.migration.run.endpoints import Endpoints
from telephony_core.migration.run.secret_resolver import SecretResolver
from telephony_core.provider.flow import Flow, Request, Response, Semantics, relay
from telephony_core.secrets.redaction import scrubbed
from telephony_core.transport.clock import Clock

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Runner:
    """Everything that effects need. ``recorded`` and ``waiting`` are called with what happens, for progress."""

    endpoints: Endpoints
    indexes: Mapping[EndpointRole, AccountIndex]
    secret_resolver: SecretResolver
    clock: Clock
    claims: Claims
    recorded: Callable[[Entry], None] = lambda entry: None
    waiting: Callable[[Wait], None] = lambda wait: None
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the run is asked to stop: idle waits end then."""
    workers: asyncio.Semaphore | None = None
    """The place among the numbers in work that an idle wait leaves to another number."""
    as_planned: bool = False
    """Whether nothing can be allowed but by the plan."""
    _started: tuple[datetime, float] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_started", (self.clock.now(), self.clock.monotonic()))

    @classmethod
    def of(
        cls,
        tasks: Sequence[MigrationTask],
        endpoints: Endpoints,
        journal: CampaignJournal,
        secret_resolver: SecretResolver,
        clock: Clock,
        *,
        ids: Iterable[str] = (),
        recorded: Callable[[Entry], None],
        waiting: Callable[[Wait], None] = lambda wait: None,
        stopping: asyncio.Event,
    ) -> Self:
        """A runner for these tasks; ``ids`` are records at the target that its index is to keep."""
        claims = journal.claims({task.key: task.identity.account_key for task in tasks})
        indexes = endpoints.indexes(tasks, clock, ids)
        return cls(endpoints, indexes, secret_resolver, clock, claims, recorded, waiting, stopping)

    async def run(self, procedure: Procedure[T], journal: Journal) -> T:
        """Run a procedure to its end; ``journal`` is that of its number.

        Raises what it raises, and `JournalError` at once: nothing goes on unrecorded.
        """
        try:
            effect = next(procedure)
            while True:
                try:
                    answer = await self._do(effect, journal)
                # Not thrown into the procedure, which might catch it and go on.
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

    async def _do(self, effect: Effect[object], journal: Journal) -> object:
        match effect:
            case RunFlow():
                client = self.endpoints.client(effect.role)
                flow = effect.flow(client.operations)
                try:
                    if effect.announce is not None:
                        flow = self._announced(flow, effect.announce, journal)
                    return await client.run(flow)
                except TelephonyError as error:
                    # A flow that is run by hand does not know its name.
                    error.operation = effect.name
                    if isinstance(error, NotAllowed) and self.as_planned:
                        # What the adapter says is to be said to a command that changes one number.
                        again = f"make another plan, under another name, with --allow {error.allowance}"
                        error.remedy = f"if that is meant, {again}"
                    # The client hides what it was given as a secret; a provider may echo a user name too.
                    error.scrub(lambda text: scrubbed(text, self.secret_resolver.secrets))
                    raise
            case Lookup():
                return await self.indexes[effect.role].look(effect.identity, effect.id, fresh=effect.fresh)
            case Record():
                await self._record(effect.entry, journal)
            case Wait():
                self.waiting(effect)
                return await self._wait(effect)
            case Now():
                # The wall clock is read once and goes on by the monotonic one: a clock that is set during the run would
                # end a doubt too soon, or never.
                started, at = self._started
                return started + timedelta(seconds=self.clock.monotonic() - at)
            case ProviderNow():
                return self.endpoints.client(effect.role).provider_time
            case Claim():
                await self.claims.claim(effect.number, effect.identity, goes_on=effect.goes_on)
            case ResolveSecrets():
                return await self.secret_resolver.reveal(effect.trunk)
            case _:
                raise TypeError(f"{type(effect).__name__} is no effect of a move")
        return None

    async def _record(self, entry: Entry, journal: Journal) -> None:
        entry = self._timed(entry)
        await journal.append(entry)
        # Only for what is written down: a run whose place was taken must free no claim.
        await self.claims.follow(entry)
        self.recorded(entry)

    def _announced(self, flow: Flow[T], announcement: Announcement, journal: Journal) -> Flow[T]:
        """The flow itself, whose writes are in the journal right before they are sent, however long they waited."""

        async def announce(semantics: Semantics) -> None:
            await self.claims.renew(announcement.entry.number)
            # The strongest word counts: after a request that must not be repeated, one that may be says nothing new.
            if announcement.sent not in (semantics, Semantics.ONCE):
                entry = announcement.entry
                await self._record(replace(entry, data={**entry.data, "semantics": semantics.value}), journal)
                announcement.sent = semantics

        def send(request: Request) -> Flow[Response]:
            if request.semantics is not Semantics.READ:
                # The client calls it when the request has its turn. A line from before that wait would begin the window
                # of a doubt too early, and stay though another worker took the number over meanwhile.
                request = replace(request, announce=partial(announce, request.semantics))
            return (yield request)

        return relay(flow, send)

    def _timed(self, entry: Entry) -> Entry:
        """An announcement keeps both providers' times too: this machine's clock may be set meanwhile."""
        if entry.phase is not Phase.INTENT:
            return entry
        times = {f"time_at_{role}": self.endpoints.client(role).provider_time for role in self.endpoints.roles}
        known = {name: at.isoformat(timespec="seconds") for name, at in times.items() if at is not None}
        return replace(entry, data={**entry.data, **known})

    async def _wait(self, wait: Wait) -> bool:
        if not wait.idle:
            await self.clock.asleep(wait.seconds)
            return True
        if self.workers is not None:
            self.workers.release()
        try:
            return await self._sleep_unless_stopped(wait.seconds)
        finally:
            if self.workers is not None:
                await self.workers.acquire()

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
            # A task that was cancelled has ended only once it was awaited.
            await asyncio.gather(sleeping, stopping, return_exceptions=True)
