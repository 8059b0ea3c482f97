"""`telephony migrate rollback`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

import click

from telephony_core.cli import prompts
from telephony_core.cli.commands.migrate.running import DeprovisionGiven, Deprovisioning, deprovision_options
from telephony_core.cli.options import examples, pass_session, yes_option
from telephony_core.cli.session import Session

if TYPE_CHECKING:
    from telephony_core.migration.deprovision.report import DeprovisionPreview


@examples(
    "telephony rollback plan.json",
    "telephony rollback plan.json --numbers 070-1111-2222",
)
@deprovision_options
@yes_option
@pass_session
@click.pass_context
def command(ctx: click.Context, /, session: Session, yes: bool, **given: Unpack[DeprovisionGiven]) -> None:
    """Undo what a plan did.

    What it imported is released, the last number first, and only while it is as it was left and the source of a
    migration serves the number as planned. Settings that it changed are set back, as far as the provider tells what
    they were. Says first what cannot be undone. Run it again after an interruption.
    """
    from telephony_core.migration.deprovision.rollback import preview_rollback, rollback_plan
    from telephony_core.migration.rendering.grouping import counted

    def confirmed(preview: DeprovisionPreview) -> bool:
        # Nothing to confirm: a run that died after its last deletion is only written down.
        if preview.confirm and not yes:
            count = counted(preview.confirm, "number")
            verb, losing = ("Release", "releasing") if preview.verb == "release" else ("Set back", "setting back")
            prompts.confirm(f"{verb} {count} at {preview.at}?", losing=f"{losing} {count}", explanation=())
        return not yes

    Deprovisioning("rolled back", "nothing to roll back", preview_rollback, rollback_plan, confirmed).run(
        ctx, session, **given
    )
