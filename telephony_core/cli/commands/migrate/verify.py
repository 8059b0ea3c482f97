"""`telephony migrate verify`."""

from __future__ import annotations

import click

from telephony_core.cli.commands.migrate.running import learn_secrets, open_plan, print_report
from telephony_core.cli.exit_codes import ExitCode
from telephony_core.cli.options import examples, options_of_a_plan, pass_session
from telephony_core.cli.output.progress import Progress
from telephony_core.cli.parameters.migration import (
    details_option,
    keys_of,
    numbers_option,
    plan_argument,
    shown,
    take_over_option,
)
from telephony_core.cli.session import Session
from telephony_core.cli.stores import journals_of


@examples(
    "telephony verify plan.json",
    "telephony verify plan.json --details",
)
@plan_argument
@numbers_option
@details_option
@take_over_option
@options_of_a_plan
@pass_session
@click.pass_context
def command(
    ctx: click.Context,
    /,
    session: Session,
    plan_file: str,
    numbers: tuple[str, ...],
    details: bool,
    take_over: bool,
) -> None:
    """Compare what is there with the plan again, at any time later.

    Every field of every number that is done is EQUAL, DIFFERS or UNVERIFIABLE. Says what is to be done at the carrier
    where numbers were imported, and what only a real call proves. Only reads. Ends with 9 unless every planned number
    is there and equal.
    """
    from telephony_core.migration.run.verify import VerifyOptions, verify_plan

    opened = open_plan(session, plan_file)
    plan = opened.loaded.plan
    learn_secrets(session, plan)
    with Progress(session, "compared") as progress:
        options = VerifyOptions(
            numbers=keys_of(plan, numbers),
            take_over=take_over,
            on_event=progress.event,
            journals=journals_of(opened.loaded),
        )
        report = verify_plan(*opened, options)
    lines = shown(report.lines, details)
    print_report(session, report, lines, report.next_commands, equal=report.is_equal)
    ctx.exit(ExitCode.OK if report.is_equal else ExitCode.FAILED)
