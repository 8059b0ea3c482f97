"""`telephony migrate plan`."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, TypedDict, Unpack

import click

from telephony_core.cli.commands.migrate.planning import (
    inventory_argument,
    map_option,
    next_after,
    print_lines,
    read_both,
    read_map,
    to_option,
    where,
    width,
)
from telephony_core.cli.exit_codes import ExitCode
from telephony_core.cli.options import examples, options_with_target, pass_session
from telephony_core.cli.output.pasteable import next_line
from telephony_core.cli.output.tables import print_json, print_line
from telephony_core.cli.parameters.files import Amount, OutputFile
from telephony_core.cli.parameters.migration import (
    TRUNK_CHECK,
    allow_option,
    canaries_of,
    canary_option,
    chosen,
    details_option,
    force_option,
    named,
    numbers_option,
    refuse_to_replace,
    shown,
)
from telephony_core.cli.session import Session

if TYPE_CHECKING:
    from telephony_core.migration.plan.model import Plan, Settings
    from telephony_core.migration.plan.store import LoadedPlan


class _Planned(TypedDict):
    """What the options of `migrate plan` say about how the plan is to be carried out."""

    canary: tuple[str, ...]
    concurrency: int | None
    timeout: float | None
    soak_hours: float | None
    settling_window: float | None


@examples("telephony migrate plan vox.json --to diga --map map.toml -o plan.json --html plan.html")
@inventory_argument
@to_option
@map_option
@click.option("-o", "--output", required=True, metavar="FILE", type=OutputFile(), help="Write it there.")
@click.option("--html", metavar="FILE", type=OutputFile(), help="Also a page for whoever approves it.")
@allow_option(TRUNK_CHECK)
@numbers_option
@click.option("--check-trunks", is_flag=True, help="Ask every trunk of the plan whether it answers. Sends SIP to it.")
@canary_option
@click.option("--concurrency", type=click.IntRange(1, 100), metavar="N", help="Numbers in work at once. Default: 4.")
@click.option(
    "--timeout",
    type=Amount(0, 86_400, min_open=True),
    metavar="SECONDS",
    help="For one operation. Default: 30.",
)
@click.option(
    "--settling-window",
    type=Amount(0, 86_400),
    metavar="SECONDS",
    help="How long after its time-out an import without an answer is looked for, before it is repeated; 900.",
)
@click.option("--soak-hours", type=Amount(0, 87_600), metavar="HOURS", help="Between verify and release. Default: 72.")
@click.option(
    "--detailed-exitcode",
    is_flag=True,
    help="End with 0 for nothing to do, 2 for changes, 1 for blocked.",
)
@details_option
@force_option
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
    output: str,
    html: str | None,
    allow: tuple[str, ...],
    numbers: tuple[str, ...],
    check_trunks: bool,
    detailed_exitcode: bool,
    details: bool,
    force: bool,
    **planned: Unpack[_Planned],
) -> None:
    """Save what a migration will do, step by step. Does nothing yet.

    The plan is a file for `telephony migrate apply`, readable here and as a page (--html) that somebody can approve.
    It holds no secret. A number with something that blocks it stays out of it, until you answer it or allow it by name.
    """
    from telephony_core.migration.plan.planner import exit_status, make_plan
    from telephony_core.migration.plan.store import save_plan
    from telephony_core.migration.rendering.plan_page import plan_page
    from telephony_core.text.documents import write_file

    if TRUNK_CHECK in allow and not check_trunks:
        raise click.UsageError(f"--allow {TRUNK_CHECK} goes with --check-trunks: without it, no trunk is checked")
    refuse_to_replace(session, force, output, html, reads=[inventory_file, map_file])
    mapping = read_map(map_file)
    taken, there, source_pace, target_pace = read_both(session, inventory_file, target, mapping)

    def make(numbers: Iterable[str] | None) -> Plan:
        return make_plan(
            taken,
            there,
            mapping,
            allow=[name for name in allow if name != TRUNK_CHECK],
            numbers=numbers,
            canaries=first,
            settings=_settings(planned, count),
            source_pace=source_pace,
            target_pace=target_pace,
        )

    count, first = canaries_of(planned["canary"])
    plan = make(chosen(numbers))
    if check_trunks:
        from telephony_core.cli.commands.migrate.trunks import with_checked_trunks

        with session.waiting("checking trunks"):
            plan = with_checked_trunks(plan, make, allowed=TRUNK_CHECK in allow)
    loaded = save_plan(plan, output, overwrite=force)
    session.wrote("the plan", output)
    if html is not None:
        write_file(html, plan_page(loaded).encode(), overwrite=force)
        session.wrote("the page", html)
    if session.json:
        print_json({"file": output, "html": html, "checksum": loaded.checksum, **plan.model_dump(mode="json")})
    else:
        _print_plan(session, loaded, where(inventory_file, target), map_file, html, details)
    ctx.exit(exit_status(plan) if detailed_exitcode else ExitCode.OK)


def _settings(planned: _Planned, canary: int | None) -> Settings:
    from telephony_core.migration.plan.model import Settings

    given = {**planned, "canary": canary}
    return Settings.model_validate({name: value for name, value in given.items() if value is not None})


def _print_plan(
    session: Session, loaded: LoadedPlan, place: str, map_file: str | None, html: str | None, details: bool
) -> None:
    from telephony_core.migration.rendering.plan_text import plan_lines

    plan = loaded.plan
    print_lines(shown(partial(plan_lines, plan, width()), details, is_summary=True), session)
    print_line("")
    print_line(f"written to {loaded.path}" + (f", for whoever approves it to {html}" if html is not None else ""))
    if plan.numbers:
        print_line(next_line(f"telephony migrate apply {named(loaded.name, 'PLAN')}", session), "bold")
    elif map_file is None:
        print_line(next_after(place, None, session), "bold")
    else:
        print_line(f"next: answer what is open in {map_file}, and make the plan again with --force", "bold")
