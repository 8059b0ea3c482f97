"""`telephony fleet submit`: plans for a fleet."""

from __future__ import annotations

import asyncio

import click

from telephony_core.cli import prompts
from telephony_core.cli.options import examples, options_of_a_plan, pass_session, yes_option
from telephony_core.cli.output.pasteable import next_line, pasteable
from telephony_core.cli.output.tables import print_json, print_line
from telephony_core.cli.parameters.files import InputFile
from telephony_core.cli.session import Session
from telephony_core.cli.stores import campaigns, database, extra_of_a_fleet
from telephony_core.migration.plan.store import LoadedPlan, load_plan
from telephony_core.migration.rendering.commands import file_word


@examples("telephony fleet submit plan.json", "telephony fleet submit --yes plans/*.json")
@click.argument("plan_files", metavar="PLAN...", nargs=-1, required=True, type=InputFile(because="it is a plan"))
@yes_option
@options_of_a_plan
@pass_session
def command(session: Session, plan_files: tuple[str, ...], yes: bool) -> None:
    """Let a fleet carry plans out, or go on with them.

    Keeps each plan in the database of the fleet and starts its campaign: the canaries, all others, verification, the
    soak, verification again. Then it waits for `telephony fleet approve`, and releases. A plan that was submitted
    before goes on with what was stopped or failed.
    """
    from telephony_core.migration.rendering.grouping import counted

    with extra_of_a_fleet():
        from telephony_core.fleet.engine import demand_fit
        from telephony_core.fleet.journals import PostgresPlans
    plans = [load_plan(file) for file in plan_files]
    for loaded in plans:
        # All of them before any is submitted.
        demand_fit(loaded)
    where = database()
    numbers = counted(sum(len(loaded.plan.numbers) for loaded in plans), "number")
    if not yes:
        what = f"{counted(len(plans), 'plan')} with {numbers}"
        targets = ", ".join(sorted({loaded.plan.target.connection for loaded in plans}))
        explanation = [f"What they say will be done at {targets} by the workers of the fleet. No source is changed "
                       "before that is approved.", ""]  # fmt: skip
        prompts.confirm(f"Submit {what}?", losing=f"submitting {what}", explanation=explanation)

    async def submit() -> list[tuple[LoadedPlan, str, bool]]:
        of_tenant = await campaigns()
        ended = []
        for loaded in plans:
            begun = await of_tenant.submit(loaded, PostgresPlans(where, of_tenant.tenant))
            # One by one, so that an interruption says how far it came.
            session.did(f"{loaded.name} is submitted")
            ended.append((loaded, of_tenant.id(loaded.checksum), begun))
        return ended

    with session.waiting("submitting"):
        submitted = asyncio.run(submit())
    if session.json:
        result = [{"plan": loaded.name, "checksum": loaded.checksum, "campaign": campaign, "at_work": begun}
                  for loaded, campaign, begun in submitted]  # fmt: skip
        print_json({"plans": result})
        return
    for loaded, campaign, begun in submitted:
        print_line(pasteable(f"{loaded.name}: {f'at work as {campaign}' if begun else 'has ended before'}", session))
    status = f"telephony status {file_word(plans[0].name)}" if len(plans) == 1 else "telephony status --fleet"
    print_line(next_line(status, session), "bold")
