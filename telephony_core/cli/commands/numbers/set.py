"""`telephony numbers set`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, Unpack

import click

from telephony_core.cli import writes
from telephony_core.cli.commands.agents.assign import direction_of
from telephony_core.cli.commands.sip.set import BulkGiven, clear_options, plan_trunk
from telephony_core.cli.options import common_options, pass_session
from telephony_core.cli.parameters.bulk import plan_options, selection_options
from telephony_core.cli.parameters.migration import allow_option
from telephony_core.cli.parameters.trunk import trunk_options
from telephony_core.cli.session import Session
from telephony_core.domain.input_model import UNSET

CommandT = TypeVar("CommandT", bound=Callable[..., Any])


def _agent_options(command: CommandT) -> CommandT:
    for direction, does in (("outbound", "makes"), ("inbound", "answers")):
        options = (
            click.option(f"--{direction}-agent", metavar="ID", help=f"Agent that {does} calls."),
            click.option(
                f"--{direction}-version",
                metavar="VERSION",
                help="published, draft, or the provider's own word for one.",
            ),
            click.option(f"--none-{direction}", is_flag=True, help=f"Remove the {direction} agent."),
        )
        for option in reversed(options):
            command = option(command)
    return command


@click.command()
@selection_options
@click.option("--label", metavar="TEXT", help="A name for people.")
@click.option("--clear-label", is_flag=True, help="Remove the label.")
@trunk_options
@clear_options
@_agent_options
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
    inbound_agent: str | None,
    inbound_version: str | None,
    none_inbound: bool,
    outbound_agent: str | None,
    outbound_version: str | None,
    none_outbound: bool,
    allow: tuple[str, ...],
    check: bool,
    **given: Unpack[BulkGiven],
) -> None:
    """Plan settings for many numbers: label, trunk, agents.

    Which numbers, say --where, --numbers or --from; never all of them by saying nothing. What is not named stays as it
    is. Nothing is changed yet: the plan is a file for `telephony apply`, which can be undone by `telephony rollback`.
    """
    if label is not None and clear_label:
        raise click.UsageError("--label and --clear-label contradict each other")
    plan_trunk(
        session,
        given,
        allow,
        check,
        label=label if label is not None else None if clear_label else UNSET,
        inbound_agent=direction_of("inbound", inbound_agent, inbound_version, None, none_inbound),
        outbound_agent=direction_of("outbound", outbound_agent, outbound_version, None, none_outbound),
    )
