"""`telephony migrate apply`: carry a plan out, or go on with it where it was interrupted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from telephony_core.cli import prompts
from telephony_core.cli.commands.migrate.run import (
    SpokenRules,
    Telling,
    asking,
    ended,
    ends,
    learn_secrets,
    load,
    print_report,
    to_its_end,
)
from telephony_core.cli.options import common_options, pass_session
from telephony_core.cli.parameters.migration import keys_of, numbers_option, plan_argument, take_over_option
from telephony_core.cli.session import OpenedAccount, Session, account_of
from telephony_core.cli.wording import pasteable

if TYPE_CHECKING:
    from telephony_core.migration.plan.model import Endpoint


@click.command("apply")
@plan_argument
@click.option("--yes", is_flag=True, help="Do not ask.")
@numbers_option
@click.option("--canary", type=click.IntRange(0, 10**9), metavar="N", help="Move so many first, alone.")
@click.option("--concurrency", type=click.IntRange(1, 100), metavar="N", help="Numbers in work at once.")
@click.option("--stop-on-error", is_flag=True, help="Begin no further number after one has failed.")
@take_over_option
@common_options
@pass_session
@click.pass_context
def apply_(
    ctx: click.Context,
    /,
    session: Session,
    plan_file: str,
    yes: bool,
    numbers: tuple[str, ...],
    canary: int | None,
    concurrency: int | None,
    stop_on_error: bool,
    take_over: bool,
) -> None:
    """Carry a plan out, or go on with it.

    Creates the planned numbers at the target, reads each back and compares it. The source is only read. Whatever
    interrupts it, run it again: it finds out what was under way, and goes on from there. The first Ctrl-C finishes the
    numbers in hand; a second one stops at once, safely.
    """
    from telephony_core.migration.rendering.commands import command
    from telephony_core.migration.rendering.plan_text import counted
    from telephony_core.migration.run.apply import ApplyOptions, aapply_plan
    from telephony_core.migration.run.status import read_run

    loaded = load(plan_file)
    plan = loaded.plan
    keys = keys_of(plan, numbers)
    chosen = {number.key for number in plan.chosen(keys)}
    left = [key for key in read_run(loaded, lost=take_over).remainder if key in chosen]
    both = ends(session, plan)
    if left and not yes:
        prompts.confirm(
            f"Move {counted(len(left), 'number')} from {_account(plan.source)} to {_account(plan.target)}?",
            losing=f"moving {counted(len(left), 'number')} to {_account(plan.target)}",
            explanation=[
                f"{counted(len(left), 'number')} will be created at {_account(plan.target)}. Nothing is changed at "
                f"{_account(plan.source)}.",
                *([f"Accepted by name: {', '.join(plan.allowed)}."] if plan.allowed else []),
                pasteable(f"`{command('rollback', plan_file)}` takes it back.", session),
            ],
        )
    learn_secrets(session, plan)
    with Telling(session, "moved") as telling:
        options = ApplyOptions(
            numbers=keys,
            canary=canary,
            concurrency=concurrency,
            stop_on_error=stop_on_error,
            take_over=take_over,
            prompt=asking(session),
            on_event=telling.event,
        )
        rules = SpokenRules(plan.settings.equal_failures, stop_on_error, tell=telling.say)
        report = to_its_end(
            lambda rules: aapply_plan(loaded, both.source, both.target, options, rules=rules), rules, "apply", loaded
        )
    print_report(session, report, report.lines(), report.next_commands[:1], complete=report.is_complete)
    moved = report.done - report.rolled_back
    ctx.exit(ended(report.is_complete, bool(report.in_doubt), moved, report.stopped))


def _account(side: Endpoint) -> OpenedAccount:
    return account_of(side.connection, side.provider, side.base_url or "")
