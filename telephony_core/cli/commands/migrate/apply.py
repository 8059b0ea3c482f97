"""`telephony migrate apply`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from telephony_core.cli import prompts
from telephony_core.cli.commands.migrate.running import (
    asking,
    exit_code,
    in_doubt_reported,
    learn_secrets,
    open_plan,
    print_report,
)
from telephony_core.cli.options import examples, options_of_a_plan, pass_session, yes_option
from telephony_core.cli.output.pasteable import pasteable
from telephony_core.cli.output.progress import Progress
from telephony_core.cli.parameters.migration import (
    canaries_of,
    canary_option,
    details_option,
    keys_of,
    numbers_option,
    plan_argument,
    shown,
    take_over_option,
)
from telephony_core.cli.session import OpenedAccount, Session, account_of
from telephony_core.cli.stores import journals_of, run_of
from telephony_core.migration.plan.model import PlanKind

if TYPE_CHECKING:
    from telephony_core.migration.plan.model import Endpoint, Plan


@examples(
    "telephony apply plan.json",
    "telephony apply plan.json --yes --numbers 070-1111-2222",
)
@plan_argument
@yes_option
@numbers_option
@canary_option
@click.option("--concurrency", type=click.IntRange(1, 100), metavar="N", help="Numbers in work at once.")
@click.option("--stop-on-error", is_flag=True, help="Start no further number after one has failed.")
@take_over_option
@details_option
@options_of_a_plan
@pass_session
@click.pass_context
def command(
    ctx: click.Context,
    /,
    session: Session,
    plan_file: str,
    yes: bool,
    numbers: tuple[str, ...],
    canary: tuple[str, ...],
    concurrency: int | None,
    stop_on_error: bool,
    take_over: bool,
    details: bool,
) -> None:
    """Carry a plan out, or go on with it.

    Creates or changes the planned numbers, reads each back and compares it. The source of a migration is only read.
    Whatever interrupts it, run it again: it finds out what was under way, and goes on from there. The first Ctrl-C
    finishes the numbers under way; a second one stops at once, safely.
    """
    from telephony_core.migration.rendering.commands import command as command_line
    from telephony_core.migration.rendering.grouping import counted
    from telephony_core.migration.rendering.plan_text import plan_overview
    from telephony_core.migration.run.apply import ApplyOptions, apply_plan

    count, named = canaries_of(canary)
    opened = open_plan(session, plan_file)
    plan = opened.loaded.plan
    first = None if named is None else keys_of(plan, named)
    keys = keys_of(plan, numbers)
    chosen = {number.key for number in plan.chosen(keys)}
    # Only what is still to do is asked about: a run that goes on has been agreed to for the rest.
    left = [key for key in run_of(opened.loaded, lost=take_over).remainder if key in chosen]
    if left and not yes:
        question, losing, what_happens, but = _asked(plan, counted(len(left), "number"))
        back = command_line("rollback", plan_file, keys or (), kind=plan.kind)
        prompts.confirm(
            f"{question}?",
            losing=losing,
            explanation=[
                *(pasteable(line, session) for line in plan_overview(plan)),
                "",
                what_happens,
                *([f"Allowed by name: {', '.join(plan.allowed)}."] if plan.allowed else []),
                pasteable(f"`{back}` undoes it{but}.", session),
            ],
        )
    learn_secrets(session, plan)
    with Progress(session, plan.kind.done) as progress, in_doubt_reported(opened.loaded):
        options = ApplyOptions(
            journals=journals_of(opened.loaded),
            numbers=keys,
            canary=count if first is None else len(first),
            first=first,
            concurrency=concurrency,
            stop_on_error=stop_on_error,
            take_over=take_over,
            prompt=asking(session, progress.clear),
            on_event=progress.event,
        )
        report = apply_plan(*opened, options)
    print_report(session, report, shown(report.lines, details), report.next_commands[:1], complete=report.is_complete)
    # What was taken back is no part that was done.
    moved = report.done - report.rolled_back
    ctx.exit(exit_code(report.is_complete, bool(report.in_doubt), moved, report.stopped))


def _asked(plan: Plan, count: str) -> tuple[str, str, str, str]:
    """What is asked; what a run without an answer would do; what will happen; and what undoing it leaves."""
    there = _account(plan.target)
    # Only a migration has a source.
    if plan.source is not None:
        here = _account(plan.source)
        what = f"{count} will be imported at {there}. Nothing is changed at {here}."
        return f"Move {count} from {here} to {there}", f"moving {count} to {there}", what, ""
    if plan.kind is PlanKind.IMPORT:
        what = f"{count} will be imported at {there}. They stay at their carrier."
        return f"Import {count} at {there}", f"importing {count} at {there}", what, ""
    what = f"Settings of {count} will be changed at {there}."
    return f"Change {count} at {there}", f"changing {count} at {there}", what, ", as far as the provider tells what was"


def _account(end: Endpoint) -> OpenedAccount:
    return account_of(end.connection, end.provider, end.base_url or "")
