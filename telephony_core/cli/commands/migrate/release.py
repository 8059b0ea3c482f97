"""`telephony migrate release`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

import click

from telephony_core.cli import prompts
from telephony_core.cli.commands.migrate.running import DeprovisionGiven, Deprovisioning, deprovision_options
from telephony_core.cli.options import examples, pass_session
from telephony_core.cli.session import Session
from telephony_core.errors import NotAllowed

if TYPE_CHECKING:
    from telephony_core.migration.deprovision.report import DeprovisionPreview


@examples("telephony migrate release plan.json")
@deprovision_options
@click.option(
    "--yes-count", type=click.IntRange(min=0), metavar="N", help="Do not ask, if exactly so many would be released."
)
@pass_session
@click.pass_context
def command(ctx: click.Context, /, session: Session, yes_count: int | None, **given: Unpack[DeprovisionGiven]) -> None:
    """Release the source numbers, as a decision of its own.

    Only numbers that are moved, verified, have stayed so for the soak that the plan names, and are served at the
    target now. Shows when each takes effect, whether it can be revoked, and what was never compared; then the count of
    them has to be typed.
    """
    from telephony_core.migration.deprovision.release import preview_release, release_plan

    def confirmed(preview: DeprovisionPreview) -> bool:
        # Where nothing is to be released, only what a run before has done is written down, and there is nothing to
        # confirm.
        typed = yes_count if preview.confirm else 0
        if typed is None:
            typed = prompts.count(
                f"Type how many numbers are to be released at {preview.at}",
                losing=f"releasing {preview.confirm} numbers",
                remedy=f"say --yes-count {preview.confirm} if that is meant",
            )
        if typed != preview.confirm:
            raise NotAllowed(
                f"{preview.confirm} numbers would be released at {preview.at}, and {typed} were confirmed",
                allowance="count",
                remedy="look at what would be released, and type its count",
            )
        # Who answered with an option is not there to be asked a second time.
        return yes_count is None

    Deprovisioning("released", "nothing to release", preview_release, release_plan, confirmed).run(
        ctx, session, **given
    )
