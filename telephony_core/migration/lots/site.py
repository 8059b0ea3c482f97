"""What a worker brings to its lots."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from telephony_core.accounts.connection import Connection
from telephony_core.errors import ConfigurationError
from telephony_core.migration.journal.protocol import JournalStore
from telephony_core.migration.plan.model import Endpoint
from telephony_core.migration.plan.store import PlanStore
from telephony_core.migration.run.endpoints import Opener
from telephony_core.migration.run.secret_resolver import SecretsOfThisProcess, SecretSource
from telephony_core.provider.registry import registry
from telephony_core.secrets.references import is_reference
from telephony_core.transport.clock import Clock
from telephony_core.transport.pace import Pace, Pacer

if TYPE_CHECKING:
    from telephony_core.client import AsyncTelephony


def _open(connection: Connection, clock: Clock) -> AsyncTelephony:
    from telephony_core.client import AsyncTelephony

    return AsyncTelephony(connection, clock=clock)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What a worker brings to its lots: where things are kept, and how its tenants' accounts are reached."""

    plans: PlanStore
    journals: JournalStore
    connections_of: Callable[[str], Mapping[str, Connection]]
    """A tenant's connections, by the names that its plans have for them."""
    secrets: SecretSource = field(default_factory=SecretsOfThisProcess, repr=False)
    pacer_of: Callable[[str, Connection], Pacer] | None = None
    """The pace of a tenant's connection, whose key is read by then, shared by all who use that account; without it,
    each connection's own, or the one that its provider declares."""
    open: Callable[[Connection, Clock], AsyncTelephony] = field(default=_open, repr=False)
    clock: Clock = field(default_factory=Clock)

    async def opener(self, tenant: str, end: Endpoint) -> Opener:
        """What opens a client of one end of a plan, with its key read once. Raises `ConfigurationError`."""
        connections = self.connections_of(tenant)
        if end.connection not in connections:
            raise ConfigurationError(
                f"the tenant {tenant!r} has no connection {end.connection!r}",
                remedy="give this worker that connection, or make the plan with one that it has",
            )
        connection = connections[end.connection]
        key = connection.api_key
        if key is None and connection.is_the_slugs_own:  # which a client would read from this process
            # A plan may name the vendor itself as its connection. The variable of this process is the worker's, and not
            # this tenant's, so its name is given to the tenant's secrets, which decide.
            key = f"env:{connection.key_source}"
        if isinstance(key, str) and is_reference(key):
            key = await self.secrets.read(tenant, key, what=f"API key of {connection.label}")
        ready = replace(connection, api_key=key)
        if self.pacer_of is not None:
            pace = self.pacer_of(tenant, ready)
        else:
            pace = connection.pace or Pace.declared(registry.spec(connection.provider).capabilities.rate_limit)
        ready = replace(ready, pace=pace)
        return lambda: self.open(ready, self.clock)
