"""An agent as the command line names it: an id, and always the version that is meant."""

from __future__ import annotations

import click

from telephony_core.domain.agents import AgentRef


def agent_ref(direction: str, agent_id: str | None, version: str | None) -> AgentRef | None:
    """The agent of one direction. Raises `click.UsageError` for an agent without its version, and the reverse.

    There is no default: vendors differ in theirs, and a draft on a live line is nobody's intention.
    """
    if agent_id is None and version is None:
        return None
    if agent_id is None:
        raise click.UsageError(f"there is a version for the {direction} agent, and no agent")
    if version is None:
        raise click.UsageError(
            f"which version of the {direction} agent? Say published, draft, or the provider's own word for one"
        )
    return AgentRef(agent_id, version=version)
