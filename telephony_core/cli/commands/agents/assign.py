"""`telephony agents assign`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

import click

from telephony_core.cli import writes
from telephony_core.cli.options import common_options, examples, pass_session
from telephony_core.cli.output.number import print_change, print_number
from telephony_core.cli.parameters.agent import AgentsToAssign, agent_options, assignment_given, demand_agent
from telephony_core.cli.session import Session
from telephony_core.domain.input_model import Unset
from telephony_core.domain.lifecycle import SideEffect
from telephony_core.provider.changes import AgentAssignment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from telephony_core.domain.phone_number import PhoneNumber


@examples("telephony agents assign 070-1111-2222 -p vox --inbound-agent AGENT_ID --agent-version published")
@writes.number_argument
@agent_options(removable=True)
@writes.allow_option(SideEffect.PUBLISHES, SideEffect.REPLACES_SPLIT)
@writes.check_option
@common_options
@pass_session
def command(
    session: Session,
    /,
    number: str,
    by_id: bool,
    allow: Sequence[str],
    check: bool,
    **given: Unpack[AgentsToAssign],
) -> None:
    """Assign agents to a number. A direction that is not named stays as it is.

    The version is never guessed: say published, draft, or the provider's own word for one.
    """
    demand_agent(given)
    answering, calling = assignment_given(given, "inbound"), assignment_given(given, "outbound")
    if isinstance(answering, Unset) and isinstance(calling, Unset):
        raise click.UsageError(
            "which agent? Give --inbound-agent or --outbound-agent, or --none-inbound or --none-outbound"
        )
    effects = frozenset(SideEffect(effect) for effect in allow)

    def change(target: PhoneNumber | str) -> AgentAssignment:
        return AgentAssignment(target, answering, calling, effects)

    with session.client() as client:
        record = writes.checked_record(session, client, number, by_id, check, "assign_agents", change)
        with session.writing(f"the assignment of agents to {record.identity} (record {record.id})", record.id):
            updated = client.assign_agents(record, inbound=answering, outbound=calling, allow=effects)
        session.did(f"the agents of {updated.identity} (record {updated.id}) were assigned")
    print_change(session, record, updated)
    print_number(session, updated)
