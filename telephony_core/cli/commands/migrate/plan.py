"""`telephony migrate plan`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Unpack

import click

from telephony_core.cli.commands.migrate.planning import (
    after,
    inventory_argument,
    map_option,
    read_both,
    read_map,
    to_option,
    where,
)
from telephony_core.cli.exit_codes import ExitCode
from telephony_core.cli.options import examples, options_with_target, pass_session
from telephony_core.cli.parameters.bulk import PlanGiven, demand_place, plan_options, save_and_show, settings_of
from telephony_core.cli.parameters.files import Amount
from telephony_core.cli.parameters.migration import (
    TRUNK_CHECK,
    allow_option,
    canaries_of,
    chosen,
    named,
    numbers_option,
)
from telephony_core.cli.session import Session

if TYPE_CHECKING:
    from telephony_core.migration.plan.model import Plan


class _Given(PlanGiven):
    soak_hours: float | None


@examples("telephony migrate plan vox.json --to diga --map map.toml -o plan.json --html plan.html")
@inventory_argument
@to_option
@map_option
@allow_option(TRUNK_CHECK)
@numbers_option
@click.option("--check-trunks", is_flag=True, help="Ask every trunk of the plan whether it answers. Sends SIP to it.")
@plan_options
@click.option("--soak-hours", type=Amount(0, 87_600), metavar="HOURS", help="Between verify and release. Default: 72.")
@click.option(
    "--detailed-exitcode",
    is_flag=True,
    help="End with 0 for nothing to do, 2 for changes, 1 for blocked.",
)
@options_with_target
@pass_session
@click.pass_context
def command(
    ctx: click.Context,
    /,
    session: Session,
    inventory_file: str,
    target: str,
    map_file: str | None,
    allow: tuple[str, ...],
    numbers: tuple[str, ...],
    check_trunks: bool,
    detailed_exitcode: bool,
    **given: Unpack[_Given],
) -> None:
    """Save what a migration will do, step by step. Does nothing yet.

    The plan is a file for `telephony migrate apply`, readable here and as a page (--html) that somebody can approve.
    It holds no secret. A number with something that blocks it stays out of it, until you answer it or allow it by name.
    """
    from telephony_core.migration.plan.planner import exit_status, make_plan

    # An allowance that allows nothing would look as if a check had been passed.
    if TRUNK_CHECK in allow and not check_trunks:
        raise click.UsageError(f"--allow {TRUNK_CHECK} goes with --check-trunks: without it, no trunk is checked")
    demand_place(session, given, reads=(inventory_file, map_file))
    mapping = read_map(map_file)
    taken, there, source_pace, target_pace = read_both(session, inventory_file, target, mapping)

    # Made again for those whose trunk answers, so that the estimate and the canaries fit what is left.
    def make(numbers: Iterable[str] | None) -> Plan:
        return make_plan(
            taken,
            there,
            mapping,
            allow=[name for name in allow if name != TRUNK_CHECK],
            numbers=numbers,
            canaries=first,
            settings=settings_of(given, count),
            source_pace=source_pace,
            target_pace=target_pace,
        )

    count, first = canaries_of(given["canary"])
    plan = make(chosen(numbers))
    if check_trunks:
        # It brings the whole SIP check, which no other plan needs.
        from telephony_core.cli.commands.migrate.trunks import with_checked_trunks

        with session.waiting("checking trunks"):
            plan = with_checked_trunks(plan, make, allowed=TRUNK_CHECK in allow)
    if plan.numbers:
        following = f"telephony migrate apply {named(given['output'] or '', 'PLAN')}"
    # Nothing can be moved: the way on is to answer what is open, and not to apply an empty plan.
    elif map_file is None:
        following = after(where(inventory_file, target), None)
    else:
        following = f"answer what is open in {map_file}, and make the plan again with --force"
    save_and_show(session, plan, given, following)
    ctx.exit(exit_status(plan) if detailed_exitcode else ExitCode.OK)
