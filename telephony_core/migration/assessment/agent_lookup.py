"""Whether agents exist at a provider and can be assigned there: found out before a plan is made, by reading alone."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple, TypeAlias

from telephony_core.domain.agents import Agent, AgentRef
from telephony_core.domain.input_model import UNSET
from telephony_core.domain.lifecycle import SideEffect
from telephony_core.errors import (
    Conflict,
    InvalidInput,
    InvalidRequest,
    NotAllowed,
    NotFound,
    PermissionDenied,
    UnexpectedResponse,
    UnsupportedField,
    WrongState,
    cli_words,
)
from telephony_core.migration.inventory.fields import some
from telephony_core.provider.capabilities import Field as Setting
from telephony_core.provider.capabilities import Operation
from telephony_core.provider.changes import AgentAssignment
from telephony_core.provider.flow import Flow
from telephony_core.provider.port import Provider

_REFUSALS: Final = (Conflict, InvalidInput, InvalidRequest, NotAllowed, NotFound, UnsupportedField, WrongState)
"""What says that an agent cannot be assigned; anything else says that nobody could find out."""
NOT_LISTED: Final = (InvalidRequest, PermissionDenied, UnexpectedResponse)
"""What says that this key is shown no list of agents, or that there is none: then nobody knows."""
_LOOK: Final = "; look in its dashboard before it is applied"
NOT_ASKED: Final = f"it was not asked{_LOOK}"
NOT_SHOWN: Final = f"its list of agents could not be read with this key{_LOOK}"


class AgentProblem(NamedTuple):
    """Why an agent cannot be assigned, and what to do."""

    message: str
    remedy: str | None


AgentsFound: TypeAlias = Mapping[AgentRef, AgentProblem | None]
"""Agents that were looked up; ``None`` for one that can be assigned."""


def look_up(provider: Provider, agent: AgentRef) -> Flow[AgentProblem | None]:
    """Ask a provider about one agent, by what its adapter reads before it assigns one.

    Whether a version is published by that is no question here: it is allowed by name, or not.
    """
    # Whether an agent exists has nothing to do with the direction, but one that the vendor does not have is refused.
    inbound = provider.capabilities.can_write(Setting.INBOUND_AGENT)
    assignment = AgentAssignment(
        "-", inbound=agent if inbound else UNSET, outbound=UNSET if inbound else agent, allow=[*SideEffect]
    )
    check = provider.check_agents(assignment)
    if check is not None:
        try:
            yield from check
        except _REFUSALS as error:
            return AgentProblem(error.message, cli_words(error.remedy))
    return None


def listed_by(provider: Provider) -> str | None:
    """The HTTP method by which an account's agents are asked for: a GET is a read whatever a vendor makes of it.
    ``None`` where no list of them is known.

    Found out from the first request that the adapter would send. Sends nothing.
    """
    if not provider.capabilities.offers(Operation.LIST_AGENTS):
        return None
    asking = provider.agents_page(None)
    try:
        return next(asking).method
    except StopIteration:
        return None
    finally:
        # A flow that is left half-way would be closed whenever it is collected.
        asking.close()


def why_unknown(provider: Provider, name: str) -> str:
    """Why nobody knows whether an agent can be assigned at the connection ``name``, and where to look."""
    method = listed_by(provider)
    if reads_agents(provider) or method == "GET":
        return NOT_ASKED
    if method is None:
        return f"no look-up of agents is known here{_LOOK}"
    return (
        f"{provider.slug} lists agents by a {method}, and a plan is made with GETs alone; look for it in "
        f"`telephony agents list -p {shlex.quote(name)}` before it is applied"
    )


def reads_agents(provider: Provider) -> bool:
    """Whether the adapter reads agents before it assigns them."""
    # Asked of the class, because asking the provider would need an agent.
    return type(provider).check_agents is not Provider.check_agents


def among(name: str, listed: Iterable[Agent], agents: Iterable[AgentRef]) -> AgentsFound:
    """What the whole list of an account's agents says of these; ``name`` is that of its connection."""
    ids = {agent.id for agent in listed}
    missing = AgentProblem(
        f"it is not among the agents of {name}", "take the id from `telephony agents list`, or make the agent there"
    )
    return {agent: None if agent.agent_id in ids else missing for agent in agents}


def unchecked_agents(name: str, agents: Iterable[AgentRef], found: AgentsFound, why: str) -> tuple[str, ...]:
    """In words, which of the agents that a plan assigns nobody has looked up, and why."""
    missing = sorted({agent.agent_id for agent in agents if agent not in found})
    if not missing:
        return ()
    noun = "the agent" if len(missing) == 1 else f"the {len(missing)} agents"
    return (f"whether {noun} {some(missing, 3)} can be assigned at {name}: {why}",)
