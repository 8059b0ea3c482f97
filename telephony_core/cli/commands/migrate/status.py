"""`telephony migrate status`."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

import click

from telephony_core.cli.options import examples, options_of_a_plan, pass_session
from telephony_core.cli.output.pasteable import pasteable, pasteable_data
from telephony_core.cli.output.tables import Column, print_json, print_line, print_table
from telephony_core.cli.parameters.files import InputFile
from telephony_core.cli.parameters.migration import details_option, shown
from telephony_core.cli.session import Session
from telephony_core.cli.stores import database, extra_of_a_fleet, run_of
from telephony_core.migration.plan.store import load_plan
from telephony_core.migration.rendering.commands import is_next

if TYPE_CHECKING:
    from telephony_core.migration.run.status import MigrationRun


@examples("telephony status plan.json", "telephony status --fleet")
@click.argument("plan_file", metavar="PLAN", required=False, type=InputFile(because="the journal lies beside the plan"))
@click.option("--fleet", is_flag=True, help="Show every plan that was submitted, instead of one.")
@details_option
@options_of_a_plan
@pass_session
def command(session: Session, plan_file: str | None, fleet: bool, details: bool) -> None:
    """Show how far a plan is.

    From its journal alone, beside the plan or in the database of a fleet: asks no provider, and works while a run is
    at work.
    """
    if (plan_file is None) != fleet:
        raise click.UsageError("name a plan, or say --fleet for all that were submitted")
    if plan_file is None:
        _print_fleet(session)
        return
    run = run_of(load_plan(plan_file))
    if session.json:
        print_json(pasteable_data(run_data(run), session))
        return
    for line in shown(run.lines, details):
        print_line(pasteable(line, session), "bold" if is_next(line) else "")


def _print_fleet(session: Session) -> None:
    """Every plan of the tenant in ``TELEPHONY_TENANT``; of all tenants, where the role is an operator's."""
    with extra_of_a_fleet():
        from telephony_core.fleet.overview import overview
    # Not `tenant()`, which demands one: an operator looks at all of them.
    plans = asyncio.run(overview(database(), os.environ.get("TELEPHONY_TENANT")))
    if session.json:
        print_json({"plans": [plan.model_dump(mode="json") for plan in plans]})
        return
    counts = ("numbers", "done", "released", "rolled_back", "failed", "started")
    print_table(
        [Column("TENANT"), Column("PLAN"), *(Column(name.upper().replace("_", " "), 1) for name in counts)],
        [(plan.tenant, plan.plan, *(str(getattr(plan, name)) for name in counts)) for plan in plans],
        empty="no plan was submitted; the role of an operator sees those of all tenants, others set TELEPHONY_TENANT",
    )


def run_data(run: MigrationRun) -> dict[str, Any]:
    """A run as JSON has it, here and in `report`."""
    return {
        **run.model_dump(mode="json"),
        "counts": {state.value: count for state, count in run.counts.items()},
        "remainder": list(run.remainder),
        "next": list(run.next_commands),
    }
