"""`telephony agents assign`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from telephony_core.cli import writes
from telephony_core.cli.options import common_options, pass_session
from telephony_core.cli.output.number import print_number
from telephony_core.cli.parameters.agent import agent_ref
from telephony_core.cli.session import Session
from telephony_core.domain.input_model import UNSET, Unset
from telephony_core.domain.lifecycle import SideEffect
from telephony_core.provider.changes import AgentAssignment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from telephony_core.domain.agents import AgentRef
    from telephony_core.domain.phone_number import PhoneNumber


@click.command()
@writes.number_argument
@click.option("--inbound", metavar="ID", help="Agent that answers calls.")
@click.option("--outbound", metavar="ID", help="Agent that makes calls.")
@click.option("--version", metavar="VERSION", help="Version of both: published, draft, or the provider's own word.")
@click.option("--inbound-version", metavar="VERSION", help="Version of the inbound agent, where they differ.")
@click.option("--outbound-version", metavar="VERSION", help="Version of the outbound agent, where they differ.")
@click.option("--none-inbound", is_flag=True, help="Remove the inbound agent.")
@click.option("--none-outbound", is_flag=True, help="Remove the outbound agent.")
@writes.allow_option(SideEffect.PUBLISHES, SideEffect.REPLACES_SPLIT)
@writes.check_option
@common_options
@pass_session
def command(
    session: Session,
    number: str,
    by_id: bool,
    inbound: str | None,
    outbound: str | None,
    version: str | None,
    inbound_version: str | None,
    outbound_version: str | None,
    none_inbound: bool,
    none_outbound: bool,
    allow: Sequence[str],
    check: bool,
) -> None:
    """Assign agents to a number. A direction that is not named stays as it is.

    The version is never guessed: say published, draft, or the provider's own word for one.
    """
    answering = direction_of("inbound", inbound, inbound_version, version, none_inbound)
    calling = direction_of("outbound", outbound, outbound_version, version, none_outbound)
    if isinstance(answering, Unset) and isinstance(calling, Unset):
        raise click.UsageError("which agent? Give --inbound or --outbound, or --none-inbound or --none-outbound")
    effects = frozenset(SideEffect(effect) for effect in allow)

    def change(target: PhoneNumber | str) -> AgentAssignment:
        return AgentAssignment(target, answering, calling, effects)

    with session.client() as client:
        record = writes.checked_record(session, client, number, by_id, check, "assign_agents", change)
        with session.writing(f"the assignment of agents to {record.identity} (record {record.id})", record.id):
            updated = client.assign_agents(record, inbound=answering, outbound=calling, allow=effects)
        session.did(f"the agents of {updated.identity} (record {updated.id}) were assigned")
    print_number(session, updated)


def direction_of(
    direction: str, agent_id: str | None, own_version: str | None, version: str | None, none: bool
) -> AgentRef | None | Unset:
    """What one direction is to be: an agent, none, or left as it is."""
    if none:
        if agent_id is not None or own_version is not None:
            raise click.UsageError(f"--{direction} and --none-{direction} contradict each other")
        return None
    ref = agent_ref(direction, agent_id, own_version or (version if agent_id is not None else None))
    return UNSET if ref is None else ref
