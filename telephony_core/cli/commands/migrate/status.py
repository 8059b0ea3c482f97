"""`telephony migrate status`, `verify` and `report`: where a migration stands, and whether what it made is right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from telephony_core.cli import failures
from telephony_core.cli.commands.migrate.run import Telling, ends, learn_secrets, load, print_report
from telephony_core.cli.exit_codes import ExitCode
from telephony_core.cli.options import OutputFile, common_options, pass_session
from telephony_core.cli.output.tables import Cell, Column, print_json, print_line, print_table
from telephony_core.cli.parameters.migration import (
    force_option,
    keys_of,
    numbers_option,
    plan_argument,
    refuse_to_replace,
    take_over_option,
)
from telephony_core.cli.session import Session
from telephony_core.cli.wording import facts_for_people, for_people, lines_for_people

if TYPE_CHECKING:
    from telephony_core.migration.run.status import MigrationRun, NumberRun

_STYLES = {"moved": "green", "released": "green", "failed": "red", "needs_action": "red", "started": "yellow"}


@click.command()
@plan_argument
@common_options
@pass_session
def status(session: Session, plan_file: str) -> None:
    """Say where a migration stands.

    From its journal alone, which lies beside the plan: asks no provider, and works while a run is at work.
    """
    from telephony_core.migration.run.status import read_run

    run = read_run(load(plan_file))
    if session.json:
        print_json(facts_for_people(_as_data(run), session))
        return
    for line in lines_for_people(run.lines(), session):
        print_line(line, "bold" if line.startswith("next: ") else "")


@click.command("verify")
@plan_argument
@numbers_option
@click.option("--every-field", is_flag=True, help="Show the fields that are equal, too.")
@take_over_option
@common_options
@pass_session
@click.pass_context
def verify_(
    ctx: click.Context,
    /,
    session: Session,
    plan_file: str,
    numbers: tuple[str, ...],
    every_field: bool,
    take_over: bool,
) -> None:
    """Compare both sides with the plan again, at any time later.

    Every field of every number that was moved is EQUAL, DIFFERS or UNVERIFIABLE. Says what is to be done at the
    carrier, and what only a real call proves. Only reads. Ends with 9 unless every planned number is there and equal.
    """
    from telephony_core.migration.run.verify import VerifyOptions, verify_plan

    loaded = load(plan_file)
    keys = keys_of(loaded.plan, numbers)
    both = ends(session, loaded.plan)
    learn_secrets(session, loaded.plan)
    with Telling(session, "compared") as telling:
        options = VerifyOptions(numbers=keys, take_over=take_over, on_event=telling.event)
        report = verify_plan(loaded, both.source, both.target, options)
    lines = report.lines(every_field=every_field)
    print_report(session, report, lines, report.next_commands, equal=report.is_equal)
    ctx.exit(ExitCode.OK if report.is_equal else ExitCode.FAILED)


@click.command("report")
@plan_argument
@click.option("--html", metavar="FILE", type=OutputFile(), help="Write a page for whoever asks.")
@force_option
@common_options
@pass_session
def report_(session: Session, plan_file: str, html: str | None, force: bool) -> None:
    """Tell what a migration did, and what is left.

    Which connections, when, and what became of each number: from the plan and its journal alone. The page is
    self-contained and holds no secret.
    """
    from telephony_core.migration.rendering.run_page import migration_page
    from telephony_core.migration.run.status import read_run
    from telephony_core.text.documents import write_file

    refuse_to_replace(session, force, html, reads=[plan_file])
    loaded = load(plan_file)
    run = read_run(loaded)
    if html is not None:
        write_file(html, migration_page(loaded, run).encode(), overwrite=force)
        session.wrote("the page", html)
    if session.json:
        skipped = [left.model_dump(mode="json") for left in loaded.plan.skipped]
        print_json(facts_for_people({**_as_data(run), "skipped": skipped, "html": html}, session))
        return
    first, *rest = lines_for_people(run.lines(), session)
    print_line(first, "bold")
    print_table(
        (
            Column("NUMBER"),
            Column("STANDS"),
            Column("VERIFIED", 3),
            Column("RECORD", 2),
            Column("PROBLEM", 1, gives_way="folded"),
        ),
        [_row(number, session) for number in run.numbers],
        empty="nothing is planned",
    )
    if loaded.plan.skipped:
        print_table(
            (Column("NOT MOVED"), Column("WHY", gives_way="folded")),
            [(left.key, left.message) for left in loaded.plan.skipped],
            empty="",
        )
    for line in rest:
        print_line(line, "bold" if line.startswith("next: ") else "")
    if html is not None:
        print_line(f"written to {html}")


def _row(number: NumberRun, session: Session) -> tuple[str | Cell, ...]:
    return (
        number.number,
        Cell(number.state.replace("_", " "), _STYLES.get(number.state, "")),
        "" if number.verified_at is None else f"{number.verified_at:%Y-%m-%d %H:%M}",
        number.record or "",
        failures.hide(for_people(number.problem or "", session), session.secrets),
    )


def _as_data(run: MigrationRun) -> dict[str, Any]:
    return {
        **run.model_dump(mode="json"),
        "counts": {state.value: count for state, count in run.counts.items()},
        "remainder": list(run.remainder),
        "next": list(run.next_commands),
    }
