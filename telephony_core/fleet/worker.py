"""A worker of a fleet: takes lots of the accounts that it is given, until it is told to end."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

from pydantic import SecretStr
from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

from telephony_core.accounts.connection import Connection
from telephony_core.accounts.connections import Connections
from telephony_core.client import AsyncTelephony
from telephony_core.errors import ProviderUnavailable, RateLimited, TelephonyError, TransportError, UnexpectedResponse
from telephony_core.fleet.campaign import CampaignWorkflow
from telephony_core.fleet.database import Database, tenant_name
from telephony_core.fleet.journals import KeptPlans, PostgresJournals, PostgresPlans
from telephony_core.fleet.pace import SharedPace
from telephony_core.fleet.secrets import TenantSecrets
from telephony_core.migration.journal.sqlite_file import JournalError
from telephony_core.migration.lots.lot import Lot, LotDone
from telephony_core.migration.lots.run import run_lot
from telephony_core.migration.lots.site import Site
from telephony_core.provider.registry import registry
from telephony_core.transport.clock import Clock

logger: logging.Logger = logging.getLogger(__name__)

CONNECTIONS: Final = "connections.toml"
"""The connections of a tenant, in the folder of its secrets."""
_PASSES: Final = (JournalError, TransportError, ProviderUnavailable, RateLimited, UnexpectedResponse)
"""Errors of a whole lot after which the engine tries it again, for as long as it takes."""
_BEAT: Final = 1.0
_LAST_LOTS: Final = timedelta(minutes=2)
"""How long a worker that is to end finishes the numbers in hand."""


def new_event_loop() -> asyncio.AbstractEventLoop:
    """The loop for a worker, which it keeps busy: uvloop's, where there is one (not for Windows)."""
    try:
        from uvloop import new_event_loop as quick_loop
    except ImportError:
        return asyncio.new_event_loop()
    return quick_loop()


def _open(connection: Connection, clock: Clock) -> AsyncTelephony:
    # A worker spends most of its time on HTTP, so it takes the backend that needs the least of it.
    return AsyncTelephony(connection, clock=clock, backend="fast")


@dataclass
class Tenants:
    """What the tenants of a fleet have: a folder each, with their connections and secrets, and rows in a database."""

    database: Database
    folder: Path
    _paces: dict[str, SharedPace] = field(default_factory=dict)
    _plans: KeptPlans = field(default_factory=KeptPlans)

    def site(self, tenant: str) -> Site:
        """What a lot of this tenant needs."""
        return Site(
            plans=PostgresPlans(self.database, tenant, self._plans),
            journals=PostgresJournals(self.database, tenant),
            connections_of=self.connections,
            secrets=TenantSecrets(self.folder),
            pacer_of=self._pace,
            open=_open,
        )

    def connections(self, tenant: str) -> Connections:
        """Those of the tenant's file. Raises `ConfigurationError`."""
        return Connections.load(self.folder / tenant_name(tenant) / CONNECTIONS)

    def _pace(self, tenant: str, connection: Connection) -> SharedPace:
        key = connection.api_key.get_secret_value() if isinstance(connection.api_key, SecretStr) else ""
        # Who has the same key shares its rate, whatever they call it, and however they write the vendor's address. The
        # name says nothing of the key.
        told = f"{connection.provider} {key}".encode()
        account = f"{connection.provider} {hashlib.sha256(told).hexdigest()[:24]}"
        if account not in self._paces:
            limit = connection.pace or registry.spec(connection.provider).capabilities.rate_limit
            self._paces[account] = SharedPace.declared(self.database, account, limit)
        return self._paces[account]

    async def __aenter__(self) -> Tenants:
        return self

    async def __aexit__(self, *_: object) -> None:
        for pace in self._paces.values():
            await pace.__aexit__()


@dataclass(frozen=True)
class Lots:
    """The one activity of a fleet."""

    site: Callable[[str], Site]

    @activity.defn(name="run_lot")
    async def run_lot(self, lot: Lot) -> LotDone:
        """Run a lot to its end, or to that of the numbers in hand where it is cancelled or this worker is to end."""
        stop, done = asyncio.Event(), deque([0], maxlen=1)

        async def beat() -> None:
            # Not only when something happens: a lost answer is waited for in silence, and no sign of a dead worker.
            while True:
                activity.heartbeat(done[-1])
                if activity.is_worker_shutdown():
                    stop.set()
                await asyncio.sleep(_BEAT)

        running, beating = asyncio.create_task(self._run(lot, done.append, stop)), asyncio.create_task(beat())
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            if stop.is_set():  # and the worker has waited long enough for the numbers in hand
                raise
            stop.set()
            return await running
        finally:
            running.cancel()
            beating.cancel()

    async def _run(self, lot: Lot, beat: Callable[[int], None], stop: asyncio.Event) -> LotDone:
        try:
            return await run_lot(lot, self.site(lot.tenant), beat, stop)
        except Exception as error:
            what, again = type(error).__name__, isinstance(error, _PASSES)
            text = error.cli_text if isinstance(error, TelephonyError) else what
            logger.log(
                logging.WARNING if again else logging.ERROR,
                "tenant %s, %s of plan %s, numbers %d to %d: %s: %s",
                lot.tenant, lot.command, lot.plan, lot.first, lot.last, what, text,
                exc_info=None if isinstance(error, TelephonyError) else error,
            )  # fmt: skip
        # Outside of the handler: the engine keeps what it is told, and an error's text may name numbers.
        raise ApplicationError(what, type=what, non_retryable=not again)


async def work(
    client: Client, accounts: Iterable[str], site: Callable[[str], Site], ended: asyncio.Event, *, lots: int = 10
) -> None:
    """Work on the lots of these accounts until ``ended`` is set; then finish the numbers in hand.

    An account is the name of the connection that plans have for their target. At most ``lots`` of each are in work here
    at once.
    """
    async with AsyncExitStack() as running:
        for account in accounts:
            worker = Worker(
                client,
                task_queue=account,
                workflows=[CampaignWorkflow],
                activities=[Lots(site).run_lot],
                max_concurrent_activities=lots,
                # Else heartbeats are held back for most of the time after which a silent worker has lost its lots.
                max_heartbeat_throttle_interval=timedelta(seconds=_BEAT),
                default_heartbeat_throttle_interval=timedelta(seconds=_BEAT),
                # So long a campaign waits for the worker that remembers it, before another one plays its history.
                sticky_queue_schedule_to_start_timeout=timedelta(seconds=2),
                graceful_shutdown_timeout=_LAST_LOTS,
            )
            await running.enter_async_context(worker)
        await ended.wait()
