"""The clients of both endpoints, and whether they lead to the accounts that a plan is about.

Another address shows by itself. Keys of several accounts share one, so there the records decide: those that the plan
saw, and those that were made since.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Self, TypeAlias
from urllib.parse import urlsplit

from telephony_core.errors import MigrationError
from telephony_core.errors.migration import StalePlan
from telephony_core.migration.inventory.inventory import number_text
from telephony_core.migration.journal.claim_rules import same_url
from telephony_core.migration.move.effects import MigrationTask
from telephony_core.migration.move.state import NumberState
from telephony_core.migration.plan.model import EndpointRole, Plan, PlanKind
from telephony_core.migration.run.account_index import AccountIndex
from telephony_core.provider.capabilities import Capabilities
from telephony_core.provider.port import is_loopback
from telephony_core.transport.clock import Clock

if TYPE_CHECKING:
    from telephony_core.client import AsyncTelephony

Opener: TypeAlias = "Callable[[], AsyncTelephony]"
"""Makes the client of one endpoint, such as ``lambda: AsyncTelephony(connections["kr-prod"])``; the run closes it."""

CLOCKS_DIFFER: Final = timedelta(hours=1)
"""So far may the clocks of this machine and of a provider be apart before anything is concluded from a time."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """A client of each endpoint; of the target alone where a plan has no source."""

    source: AsyncTelephony | None
    target: AsyncTelephony

    def client(self, role: EndpointRole) -> AsyncTelephony:
        client = self.source if role is EndpointRole.SOURCE else self.target
        if client is None:
            raise LookupError("this plan has no source")
        return client

    @property
    def at_source(self) -> Capabilities | None:
        """What the source declares, where there is one."""
        return None if self.source is None else self.source.capabilities

    @property
    def roles(self) -> tuple[EndpointRole, ...]:
        """The endpoints that there are."""
        return (EndpointRole.TARGET,) if self.source is None else tuple(EndpointRole)

    def writing(self, role: EndpointRole | None, timeout: float) -> Self:
        """The same clients with this time-out in seconds, of which only this one may write, or none."""
        clients = {
            each: self.client(each).with_options(
                # `None` leaves a client that its caller made read-only as it is. A plan's many requests wait for their
                # turn in the pace however long that takes, which is no time-out of theirs.
                timeout=timeout,
                read_only=None if each is role else True,
                patient=True,
            )
            for each in self.roles
        }
        return type(self)(clients.get(EndpointRole.SOURCE), clients[EndpointRole.TARGET])

    def indexes(
        self, tasks: Sequence[MigrationTask], clock: Clock, ids: Iterable[str] = ()
    ) -> dict[EndpointRole, AccountIndex]:
        """What either account lists of these numbers, and of records with these ids at the target."""
        records = [task.number.source for task in tasks if task.number.source is not None]
        known = [record.id for record in records]
        # A plan that changes settings has its records at the target, so these are kept there.
        if self.source is None:
            return {EndpointRole.TARGET: AccountIndex(self.target, clock, (t.identity for t in tasks), (*known, *ids))}
        return {
            EndpointRole.SOURCE: AccountIndex(self.source, clock, (record.identity for record in records), known),
            EndpointRole.TARGET: AccountIndex(self.target, clock, (task.identity for task in tasks), ids),
        }


@asynccontextmanager
async def open_endpoints(
    plan: Plan,
    source: Opener | None,
    target: Opener,
    *,
    timeout: float | None = None,
    writing: EndpointRole | None = None,
) -> AsyncIterator[Endpoints]:
    """Clients of both endpoints with the plan's ``timeout`` (or this one, in seconds), of which one may write, or none.

    Only a migration has a ``source``. Raises `MigrationError` unless they are of the providers, and at the addresses,
    that the plan is about.
    """
    if (source is None) is not (plan.source is None):
        raise MigrationError(
            "only the plan of a migration has a source: give an opener of it there, and None anywhere else",
            remedy="give the connections that the plan names",
        )
    async with AsyncExitStack() as stack:
        source_client = None if source is None else await stack.enter_async_context(source())
        target_client = await stack.enter_async_context(target())
        check_endpoints(plan, source_client, target_client)
        yield Endpoints(source_client, target_client).writing(writing, timeout or plan.settings.timeout)


def check_endpoints(plan: Plan, source: AsyncTelephony | None, target: AsyncTelephony) -> None:
    """Raise `MigrationError` unless the clients are of the providers, and at the addresses, that the plan is about."""
    what = {PlanKind.MIGRATE: "moves to", PlanKind.IMPORT: "imports to", PlanKind.SET: "is for"}[plan.kind]
    for name, side, client in (("moves from", plan.source, source), (what, plan.target, target)):
        if side is None or client is None:
            continue
        if client.provider != side.provider:
            raise MigrationError(
                f"the plan {name} {side.provider} (connection {side.connection!r}), and the client given is of "
                f"{client.provider}",
                remedy="give the connections that the plan names",
            )
        now = client.adapter.config.base_url
        # Where the plan does not say its address, only the provider can be compared.
        if side.base_url is not None and not _same_place(side.base_url, now):
            raise MigrationError(
                f"the plan {name} {side.connection} at {side.base_url}, and the client given is for {now}",
                remedy="give that connection the base_url that the plan was made with, or make a new plan",
            )


def _same_place(one: str, other: str) -> bool:
    """Whether two base URLs lead to the same place. An emulator on this machine may come back on another port."""
    if all(is_loopback(urlsplit(url).hostname or "") for url in (one, other)):
        return True
    return same_url(one) == same_url(other)


def records_made(states: Mapping[str, NumberState]) -> dict[str, NumberState]:
    """What this migration made at the target and did not release, by record, out of the states of all its numbers."""
    return {state.created: state for state in states.values() if state.touched and state.created is not None}


def check_account(plan: Plan, made: Mapping[str, NumberState], target: AccountIndex) -> None:
    """Raise `StalePlan` when the target's last listing shows that it is another account than the plan's.

    ``target`` was asked to keep the records that this migration made and those that the plan saw. One of them is
    enough. Where the account held nothing when the plan was made, a record that is older than the plan decides.
    """
    holds = plan.target.holds
    if any((record := target.by_id(id)) is not None and number_text(record.identity) == holds[id] for id in holds):
        return
    if any(target.by_id(id) is not None for id in made):
        return
    where = plan.target.connection
    # A record that was about to be released may be gone because of that, and shows nothing about the account.
    if any(state.open_roll_back is None for state in made.values()):
        # Another account and one from which everything was removed look alike, so both are said.
        also = ", nor any that the plan saw there" if holds else ""
        raise StalePlan(
            f"no record that this {_NOUNS[plan.kind]} ({len(made)} looked for) is at {where}{also}: either this is not "
            "the account that the plan is for, or somebody removed all of them",
            remedy="give that connection the key of that account; if somebody removed all of them, make a new plan, "
            "under another name: nothing is left to roll back",
        )
    if holds:
        why = f"none of the records that the plan saw there is at {where}"
    # An account that was empty has nothing to be known by. But it cannot hold what is older than the look at it.
    elif not made and _is_older(target.oldest, plan.target.taken_at):
        why = f"{where} held nothing when the plan was made, and holds records that were made before that"
    else:
        return
    raise StalePlan(
        f"{why}, so this seems not to be the account that the plan is for",
        remedy="give that connection the key of that account; if somebody removed all of them, make a new plan",
    )


_NOUNS: Final = {
    PlanKind.MIGRATE: "migration made",
    PlanKind.IMPORT: "import made",
    PlanKind.SET: "plan changed",
}


def _is_older(oldest: datetime | None, taken_at: datetime | None) -> bool:
    return oldest is not None and taken_at is not None and oldest < taken_at - CLOCKS_DIFFER
