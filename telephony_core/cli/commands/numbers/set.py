"""`telephony numbers set`."""

from __future__ import annotations

from typing import Unpack

import click

from telephony_core.cli import writes
from telephony_core.cli.commands.sip.set import BulkGiven, clear_options, plan_trunk
from telephony_core.cli.options import common_options, examples, pass_session
from telephony_core.cli.parameters.agent import AgentsToAssign, agent_options, assignment_given, demand_agent
from telephony_core.cli.parameters.bulk import plan_options, selection_options
from telephony_core.cli.parameters.migration import allow_option
from telephony_core.cli.parameters.trunk import trunk_options
from telephony_core.cli.session import Session
from telephony_core.domain.input_model import UNSET


class _Given(BulkGiven, AgentsToAssign):
    """The values of the options that make a plan, and of those that name agents."""


@examples('telephony numbers set -p vox --where status=active --label "Sales team" -o plan.json')
@selection_options
@click.option("--label", metavar="TEXT", help="A name for people.")
@click.option("--clear-label", is_flag=True, help="Remove the label.")
@trunk_options
@clear_options
@agent_options(removable=True)
@allow_option()
@plan_options
@writes.check_option
@common_options
@pass_session
def command(
    session: Session,
    /,
    label: str | None,
    clear_label: bool,
    allow: tuple[str, ...],
    check: bool,
    **given: Unpack[_Given],
) -> None:
    """Plan settings for many numbers: label, trunk, agents.

    Which numbers, say --where, --numbers or --from; never all of them by saying nothing. What is not named stays as it
    is. Nothing is changed yet: the plan is a file for `telephony apply`, which can be undone by `telephony rollback`.
    """
    # An empty --label is a label too, and refused as one; only --clear-label means none.
    if label is not None and clear_label:
        raise click.UsageError("--label and --clear-label contradict each other")
    demand_agent(given)
    plan_trunk(
        session,
        given,
        allow,
        check,
        label=label if label is not None else None if clear_label else UNSET,
        inbound_agent=assignment_given(given, "inbound"),
        outbound_agent=assignment_given(given, "outbound"),
    )
