"""`telephony fleet stop`: of a plan in a fleet."""

from __future__ import annotations

import asyncio

from telephony_core.cli.options import examples, options_of_a_plan, pass_session
from telephony_core.cli.output.pasteable import next_line, pasteable
from telephony_core.cli.output.tables import print_json, print_line
from telephony_core.cli.parameters.migration import plan_argument
from telephony_core.cli.session import Session
from telephony_core.cli.stores import campaigns
from telephony_core.migration.plan.store import load_plan
from telephony_core.migration.rendering.commands import file_word


@examples("telephony fleet stop plan.json")
@plan_argument
@options_of_a_plan
@pass_session
def command(session: Session, plan_file: str) -> None:
    """Let a fleet start nothing more of a plan.

    Workers finish the numbers in hand. `telephony fleet submit` of the same plan goes on.
    """
    loaded = load_plan(plan_file)

    async def stop() -> None:
        await (await campaigns()).stop(loaded.checksum)

    asyncio.run(stop())
    if session.json:
        print_json({"plan": loaded.name, "checksum": loaded.checksum, "stopped": True})
        return
    print_line(pasteable(f"{loaded.name}: no further number is started; those in hand are finished", session))
    print_line(next_line(f"telephony fleet submit {file_word(loaded.name)}", session), "bold")
