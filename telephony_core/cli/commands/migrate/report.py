"""`telephony migrate report`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from telephony_core.cli import failures
from telephony_core.cli.commands.migrate.status import run_data
from telephony_core.cli.options import examples, options_of_a_plan, pass_session
from telephony_core.cli.output.pasteable import pasteable, pasteable_data
from telephony_core.cli.output.tables import Cell, Column, print_json, print_line, print_lines, print_table
from telephony_core.cli.parameters.files import OutputFile
from telephony_core.cli.parameters.migration import (
    details_option,
    force_option,
    plan_argument,
    refuse_to_replace,
    shown,
)
from telephony_core.cli.session import Session
from telephony_core.cli.stores import run_of
from telephony_core.migration.inventory.fields import clock_text
from telephony_core.migration.move.state import MigrationState
from telephony_core.migration.plan.store import load_plan

if TYPE_CHECKING:
    from telephony_core.migration.plan.model import Plan
    from telephony_core.migration.run.status import MigrationRun, NumberRun

_STYLES = {
    MigrationState.MOVED: "green",
    MigrationState.IMPORTED: "green",
    MigrationState.CHANGED: "green",
    MigrationState.RELEASED: "green",
    MigrationState.FAILED: "red",
    MigrationState.NEEDS_ACTION: "red",
    MigrationState.STARTED: "yellow",
}


@examples("telephony report plan.json --html report.html")
@plan_argument
@click.option("--html", metavar="FILE", type=OutputFile(), help="Write it as a page.")
@details_option
@force_option
@options_of_a_plan
@pass_session
def command(session: Session, plan_file: str, html: str | None, details: bool, force: bool) -> None:
    """Report what a plan did, and what is left.

    Which connections, when, and what became of each number: from the plan and its journal alone. The page is
    self-contained and holds no secret.
    """
    from telephony_core.migration.rendering.commands import command as command_line
    from telephony_core.migration.rendering.commands import is_next
    from telephony_core.migration.rendering.plan_text import skipped_lines
    from telephony_core.migration.rendering.run_page import migration_page
    from telephony_core.text.documents import write_file

    refuse_to_replace(session, force, html, reads=[plan_file])
    loaded = load_plan(plan_file)
    run = run_of(loaded)
    if html is not None:
        write_file(html, migration_page(loaded, run).encode(), overwrite=force)
        session.wrote("the page", html)
    if session.json:
        skipped = [left.model_dump(mode="json") for left in loaded.plan.skipped]
        print_json(pasteable_data({**run_data(run), "skipped": skipped, "html": html}, session))
        return
    own = command_line("report", loaded.name, kind=loaded.plan.kind)  # what was just run is no next step
    # With details the tables below have every number.
    said = run.lines() if details else shown(run.lines, details)
    lines = [line for line in said if not (is_next(line) and line.endswith(own))]
    # What to do next stays last, behind the tables.
    steps = [line for line in lines if is_next(line)]
    for at, line in enumerate(lines[: len(lines) - len(steps)]):
        print_line(pasteable(line, session), "" if at else "bold")
    if details:
        _print_tables(session, run, loaded.plan)
    elif loaded.plan.skipped:
        print_lines(skipped_lines(loaded.plan), session)
    if html is not None:
        print_line(f"written to {html}")
    for line in steps:
        print_line(pasteable(line, session), "bold")


def _print_tables(session: Session, run: MigrationRun, plan: Plan) -> None:
    print_table(
        (
            Column("NUMBER"),
            Column("STATE"),
            Column("VERIFIED", 3),
            Column("RECORD", 2),
            Column("PROBLEM", 1, gives_way="folded"),
        ),
        [_row(number, session) for number in run.numbers],
        empty="nothing is planned",
    )
    if plan.skipped:
        print_table(
            (Column(f"NOT {plan.kind.done.upper()}"), Column("WHY", gives_way="folded")),
            [(left.key, left.message) for left in plan.skipped],
            empty="",
        )


def _row(number: NumberRun, session: Session) -> tuple[str | Cell, ...]:
    return (
        number.number,
        Cell(number.state.replace("_", " "), _STYLES.get(number.state, "")),
        "" if number.verified_at is None else clock_text(number.verified_at),
        number.record or "",
        # A problem quotes what a vendor answered.
        failures.hide(pasteable(number.problem or "", session), session.secrets),
    )
