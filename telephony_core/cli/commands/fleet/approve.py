"""`telephony fleet approve`: of a plan in a fleet that waits for a person."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from telephony_core.cli import prompts
from telephony_core.cli.options import examples, options_of_a_plan, pass_session, yes_option
from telephony_core.cli.output.pasteable import next_line, pasteable
from telephony_core.cli.output.tables import print_json, print_line
from telephony_core.cli.parameters.migration import allow_option, plan_argument
from telephony_core.cli.session import Session
from telephony_core.cli.stores import campaigns, extra_of_a_fleet, journals_of_fleet
from telephony_core.errors import MigrationError, NotAllowed
from telephony_core.migration.plan.store import LoadedPlan, load_plan
from telephony_core.migration.rendering.commands import file_word

if TYPE_CHECKING:
    from telephony_core.fleet.campaign import CampaignProgress


@examples("telephony fleet approve plan.json", "telephony fleet approve plan.json --yes-count 100")
@plan_argument
@click.option(
    "--yes-count", type=click.IntRange(min=0), metavar="N", help="Do not ask, if exactly so many are to be released."
)
@yes_option
@allow_option()
@options_of_a_plan
@pass_session
def command(session: Session, plan_file: str, yes_count: int | None, yes: bool, allow: tuple[str, ...]) -> None:
    """Let a plan in a fleet go on to what has to be approved.

    Either the release of its source numbers, whose count has to be typed as for `telephony migrate release`; or the
    next stage, though some numbers could not be done in this one.
    """
    with extra_of_a_fleet():
        from telephony_core.fleet.campaign import Approval
    loaded = load_plan(plan_file)

    async def progress() -> CampaignProgress:
        return await (await campaigns()).progress(loaded.checksum)

    async def approve(approval: Approval) -> None:
        await (await campaigns()).approve(loaded.checksum, approval)

    now = asyncio.run(progress())
    submit = f"telephony fleet submit {file_word(loaded.name)}"
    if now.stopped is not None:
        raise MigrationError(f"{loaded.name} is stopped ({now.stopped}), in {now.stage}", remedy=f"`{submit}` goes on")
    if not now.waits_for_approval:
        raise MigrationError(f"{loaded.name} waits for nothing: it is in {now.stage}", remedy="wait until it does")
    if now.stage == "release" and now.left:
        # Releasing cannot be taken back, so a "yes" by habit is not enough.
        _demand_count(loaded, yes_count)
    elif not yes:
        left = now.numbers - now.done
        kinds = ", ".join(dict.fromkeys(failure.error for failure in now.failures))
        prompts.confirm(
            f"Go on without {left} of {now.numbers} numbers?",
            losing=f"going on without {left} numbers",
            explanation=[f"{now.stage}: {now.done} done, {left} not ({kinds}). `{submit}` tries them again instead."],
        )
    # With the stage that was shown: the plan may have gone on while somebody was asked.
    asyncio.run(approve(Approval(stage=now.stage, allow=allow)))
    if session.json:
        print_json({"plan": loaded.name, "checksum": loaded.checksum, "approved": now.stage})
        return
    print_line(pasteable(f"{loaded.name}: {now.stage} is approved", session))
    print_line(next_line(f"telephony status {file_word(loaded.name)}", session), "bold")


def _demand_count(loaded: LoadedPlan, typed: int | None) -> None:
    """Have the count of what is to be released confirmed. Raises `NotAllowed`, `MigrationError`."""
    from telephony_core.migration.run.status import aread_run

    # Of the journal that the workers release by, and never of one that lies beside the plan on this machine.
    run = asyncio.run(aread_run(loaded, journals_of_fleet()))
    if not run.runs:  # its count would be 0, and what the workers release is not
        raise MigrationError(
            f"{loaded.name} was not started by this tenant in the database of the fleet",
            remedy="set TELEPHONY_DATABASE to the database that the workers of this fleet have",
        )
    count = sum(number.releasable_at is not None for number in run.numbers)
    if typed is None:
        typed = prompts.count(
            f"Type how many numbers are to be released at {loaded.plan.source and loaded.plan.source.connection}",
            losing=f"releasing {count} numbers",
            remedy=f"say --yes-count {count} if that is meant",
        )
    if typed != count:
        raise NotAllowed(
            f"{count} numbers would be released, and {typed} were confirmed",
            allowance="count",
            remedy="look at `telephony status`, and type its count of those that are verified",
        )
