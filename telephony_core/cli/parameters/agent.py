"""Agents as the command line names them: an id, and always the version that is meant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypedDict

import click

from telephony_core.cli.parameters import CommandT, together
from telephony_core.domain.agents import AgentRef
from telephony_core.domain.input_model import UNSET, Unset

_DOES: Final = {"inbound": "answers", "outbound": "makes"}


class AgentsGiven(TypedDict):
    """The values of `agent_options`."""

    inbound_agent: str | None
    inbound_version: str | None
    outbound_agent: str | None
    outbound_version: str | None
    agent_version: str | None


class AgentsToAssign(AgentsGiven):
    """The values of `agent_options` with ``removable``."""

    none_inbound: bool
    none_outbound: bool


def agent_options(*, removable: bool) -> Callable[[CommandT], CommandT]:
    """The agents of a number; ``removable`` where there may be some already."""
    text = "Version of every agent named here: published, draft, or the provider's own word."
    options = [click.option("--agent-version", metavar="VERSION", help=text)]
    for direction, does in _DOES.items():
        own = f"The {direction} agent's, if it differs."
        options += [
            click.option(f"--{direction}-agent", metavar="ID", help=f"Agent that {does} calls."),
            click.option(f"--{direction}-version", metavar="VERSION", help=own),
        ]
        if removable:
            options.append(click.option(f"--none-{direction}", is_flag=True, help=f"Remove the {direction} agent."))
    return together(*options)


def agent_given(given: AgentsGiven, direction: str) -> AgentRef | None:
    """The agent of one direction. Raises `click.UsageError` for an agent without its version, and the reverse.

    There is no default: vendors differ in theirs, and a draft on a live line is nobody's intention.
    """
    values: dict[str, Any] = {**given}
    agent_id, own = values[f"{direction}_agent"], values[f"{direction}_version"]
    if agent_id is None:
        # A version without its agent is a slip of the line, and to ignore it would assign something else than meant.
        if own is not None:
            raise click.UsageError(f"--{direction}-version names a version, and there is no --{direction}-agent")
        return None
    version = own or given["agent_version"]
    if version is None:
        raise click.UsageError(
            f"which version of the {direction} agent? Say --agent-version published, draft, or the provider's own word"
        )
    return AgentRef(agent_id, version=version)


def assignment_given(given: AgentsToAssign, direction: str) -> AgentRef | None | Unset:
    """What one direction is to be: an agent, none, or left as it is. Raises as `agent_given` does."""
    values: dict[str, Any] = {**given}
    if values[f"none_{direction}"]:
        if values[f"{direction}_agent"] is not None or values[f"{direction}_version"] is not None:
            raise click.UsageError(f"--{direction}-agent and --none-{direction} contradict each other")
        return None
    ref = agent_given(given, direction)
    # Not named is left as it is; only --none-… takes an agent off.
    return UNSET if ref is None else ref


def demand_agent(given: AgentsGiven) -> None:
    """Raise `click.UsageError` for a version that no agent is named for."""
    if given["agent_version"] is not None and given["inbound_agent"] is None and given["outbound_agent"] is None:
        raise click.UsageError("--agent-version names a version, and no agent is named")
