"""The connection that numbers go to: what it holds, and what its provider and its adapter can do there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from telephony_core.domain.agents import AgentRef
from telephony_core.migration.assessment.agent_lookup import (
    NOT_ASKED,
    NOT_LISTED,
    NOT_SHOWN,
    AgentsFound,
    among,
    listed_by,
    look_up,
    reads_agents,
    why_unknown,
)
from telephony_core.migration.inventory.inventory import Inventory, atake_inventory, take_inventory
from telephony_core.provider.capabilities import Capabilities
from telephony_core.provider.changes import Change
from telephony_core.provider.port import Problem
from telephony_core.transport.clock import Clock

if TYPE_CHECKING:
    from telephony_core.client import AsyncTelephony, Telephony


@dataclass(frozen=True, slots=True)
class TargetAccount:
    """What is known about the target without writing anything. Made by `survey` or `asurvey`."""

    inventory: Inventory
    capabilities: Capabilities
    check: Callable[[Change], Sequence[Problem]] = lambda change: ()
    """All problems of a change at the target, without any request."""
    reads_agents: bool = False
    """Whether its adapter reads agents before it assigns them."""
    agents: AgentsFound = field(default_factory=dict)
    """The agents that were looked up there."""
    agents_unknown: str = NOT_ASKED
    """Why others were not, and where to look."""

    @property
    def name(self) -> str:
        """The name of the connection."""
        return self.inventory.connection


def survey(
    client: Telephony,
    *,
    connection: str | None = None,
    agents: Iterable[AgentRef] = (),
    clock: Clock | None = None,
) -> TargetAccount:
    """Read what the target holds, and whether these ``agents`` can be assigned there.

    Its adapter looks each of them up; where it cannot, the account's agents are listed once, if a GET tells them and
    the key may ask for it. Writes nothing; raises what listing raises.
    """
    target = _target(client, take_inventory(client, connection=connection, clock=clock))
    # Many numbers share an agent, and each look-up is a request.
    wanted = tuple(dict.fromkeys(agents))
    if target.reads_agents:
        return replace(target, agents={agent: client.run(look_up(client.adapter, agent)) for agent in wanted})
    # A plan is made by a client that sends nothing but GETs, whatever a vendor means by its POST.
    if wanted and listed_by(client.adapter) == "GET":
        try:
            return replace(target, agents=among(target.name, client.list_agents(), wanted))
        except NOT_LISTED:
            return replace(target, agents_unknown=NOT_SHOWN)
    return target


async def asurvey(
    client: AsyncTelephony,
    *,
    connection: str | None = None,
    agents: Iterable[AgentRef] = (),
    clock: Clock | None = None,
) -> TargetAccount:
    """`survey` for async code."""
    target = _target(client, await atake_inventory(client, connection=connection, clock=clock))
    wanted = tuple(dict.fromkeys(agents))
    if target.reads_agents:
        return replace(target, agents={agent: await client.run(look_up(client.adapter, agent)) for agent in wanted})
    if wanted and listed_by(client.adapter) == "GET":
        try:
            return replace(target, agents=among(target.name, [each async for each in client.list_agents()], wanted))
        except NOT_LISTED:
            return replace(target, agents_unknown=NOT_SHOWN)
    return target


def _target(client: Telephony | AsyncTelephony, inventory: Inventory) -> TargetAccount:
    adapter = client.adapter
    unknown = why_unknown(adapter, inventory.connection)
    return TargetAccount(inventory, client.capabilities, client.check, reads_agents(adapter), agents_unknown=unknown)
