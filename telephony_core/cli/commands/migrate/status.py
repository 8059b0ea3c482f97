"""`telephony migrate status`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from telephony_core.cli.options import examples, options_of_a_plan, pass_session
from telephony_core.cli.output.pasteable import pasteable, pasteable_data
from telephony_core.cli.output.tables import print_json, print_line
from telephony_core.cli.parameters.migration import details_option, plan_argument, shown
from telephony_core.cli.session import Session
from telephony_core.cli.stores import run_of
from telephony_core.migration.plan.store import load_plan
from telephony_core.migration.rendering.commands import is_next

if TYPE_CHECKING:
    from telephony_core.migration.run.status import MigrationRun


@examples("telephony status plan.json")
@plan_argument
@details_option
@options_of_a_plan
@pass_session
def command(session: Session, plan_file: str, details: bool) -> None:
    """Show how far a plan is.

    From its journal alone, beside the plan or in the database of a fleet: asks no provider, and works while a run is
    at work.
    """
    run = run_of(load_plan(plan_file))
    if session.json:
        print_json(pasteable_data(run_data(run), session))
        return
    for line in shown(run.lines, details):
        print_line(pasteable(line, session), "bold" if is_next(line) else "")


def run_data(run: MigrationRun) -> dict[str, Any]:
    """A run as JSON has it, here and in `report`."""
    return {
        **run.model_dump(mode="json"),
        "counts": {state.value: count for state, count in run.counts.items()},
        "remainder": list(run.remainder),
        "next": list(run.next_commands),
    }
