"""`telephony migrate rollback` and `release`: the two commands of a migration that release numbers. Both show first."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NoReturn

import click

from telephony_core.cli import prompts
from telephony_core.cli.commands.migrate.run import (
    SpokenRules,
    Telling,
    asking,
    ended,
    ends,
    learn_secrets,
    load,
    print_report,
    to_its_end,
)
from telephony_core.cli.exit_codes import ExitCode
from telephony_core.cli.options import common_options, pass_session
from telephony_core.cli.output.printable import printable, safe_json
from telephony_core.cli.output.tables import print_json, print_line
from telephony_core.cli.parameters.migration import (
    allow_option,
    keys_of,
    numbers_option,
    plan_argument,
    take_over_option,
)
from telephony_core.cli.session import Session
from telephony_core.cli.wording import for_people, next_line, typed
from telephony_core.errors import NotAllowed

if TYPE_CHECKING:
    from telephony_core.cli.commands.migrate.run import Ends
    from telephony_core.migration.deprovision.deprovision import DeprovisionOptions
    from telephony_core.migration.deprovision.report import DeprovisionPreview, DeprovisionReport
    from telephony_core.migration.plan.store import LoadedPlan
    from telephony_core.migration.run.stopping import StopRules

_stop_on_error = click.option("--stop-on-error", is_flag=True, help="Release no further number after one has failed.")


@click.command("rollback")
@plan_argument
@click.option("--yes", is_flag=True, help="Do not ask.")
@numbers_option
@allow_option()
@_stop_on_error
@take_over_option
@common_options
@pass_session
@click.pass_context
def rollback_(
    ctx: click.Context,
    /,
    session: Session,
    plan_file: str,
    yes: bool,
    numbers: tuple[str, ...],
    allow: tuple[str, ...],
    stop_on_error: bool,
    take_over: bool,
) -> None:
    """Take back what a migration made at the target.

    Only what it made, the last number first, and only while it is as it was left and the source serves the number as
    planned. Says first what cannot be undone. The source is only read. Run it again after an interruption.
    """
    from telephony_core.migration.deprovision.rollback import arollback_plan, preview_rollback
    from telephony_core.migration.rendering.plan_text import counted

    def confirmed(preview: DeprovisionPreview) -> bool:
        if preview.confirm and not yes:
            count = counted(preview.confirm, "number")
            prompts.confirm(f"Release {count} at {preview.at}?", losing=f"releasing {count}", explanation=())
        return not yes

    command = _Deprovisioning("rollback", "taken back", "nothing to take back", preview_rollback, arollback_plan)
    _end(ctx, session, command.run(ctx, session, plan_file, numbers, allow, stop_on_error, take_over, confirmed))


@click.command("release")
@plan_argument
@click.option(
    "--yes-count", type=click.IntRange(min=0), metavar="N", help="Do not ask, if exactly so many would be released."
)
@numbers_option
@allow_option()
@_stop_on_error
@take_over_option
@common_options
@pass_session
@click.pass_context
def release_(
    ctx: click.Context,
    /,
    session: Session,
    plan_file: str,
    yes_count: int | None,
    numbers: tuple[str, ...],
    allow: tuple[str, ...],
    stop_on_error: bool,
    take_over: bool,
) -> None:
    """Release the source numbers, as a decision of its own.

    Only numbers that are moved, verified, have stood so for the soak that the plan names, and are served at the target
    now. Shows when each takes effect, whether it can be revoked, and what was never compared; then the count of them
    has to be typed.
    """
    from telephony_core.migration.deprovision.release import arelease_plan, preview_release

    def confirmed(preview: DeprovisionPreview) -> bool:
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
        return yes_count is None

    command = _Deprovisioning("release", "released", "nothing to release", preview_release, arelease_plan)
    _end(ctx, session, command.run(ctx, session, plan_file, numbers, allow, stop_on_error, take_over, confirmed))


@dataclass(frozen=True, slots=True)
class _Deprovisioning:
    """What both commands do: show, have it confirmed, and release exactly what was shown."""

    name: str
    done: str
    """What becomes of numbers, for the bar."""
    nothing: str
    """What is said where there are none."""
    preview: Callable[..., DeprovisionPreview]
    carry_out: Callable[..., Coroutine[Any, Any, DeprovisionReport]]

    def run(
        self,
        ctx: click.Context,
        session: Session,
        plan_file: str,
        numbers: tuple[str, ...],
        allow: tuple[str, ...],
        stop_on_error: bool,
        take_over: bool,
        confirmed: Callable[[DeprovisionPreview], bool],
    ) -> DeprovisionReport:
        """``confirmed`` has a preview confirmed, and says whether somebody is there who can be asked again."""
        from telephony_core.migration.deprovision.deprovision import DeprovisionOptions, NotConfirmed
        from telephony_core.migration.rendering.commands import command

        loaded = load(plan_file)
        keys = keys_of(loaded.plan, numbers)
        both = ends(session, loaded.plan)
        learn_secrets(session, loaded.plan)
        options = DeprovisionOptions(
            numbers=keys, allow=allow, stop_on_error=stop_on_error, take_over=take_over, prompt=asking(session)
        )
        while True:
            preview = self.preview(loaded, both.source, both.target, options)
            _show(session, preview)
            _demand(preview)
            if not preview.confirm and not preview.to_reconcile:
                _nothing(ctx, session, preview, self.nothing, command("status", plan_file))
            can_be_asked = confirmed(preview)
            with Telling(session, self.done) as telling:
                given = replace(options, confirmed=preview.shown, on_event=telling.event)
                rules = SpokenRules(loaded.plan.settings.equal_failures, stop_on_error, tell=telling.say)
                try:
                    return to_its_end(self._work(loaded, both, given), rules, self.name, loaded)
                except NotConfirmed as changed:
                    if not can_be_asked:
                        raise
                    said = changed.message
            click.echo(printable(f"what would be released has changed meanwhile: {said}"), err=True)

    def _work(
        self, loaded: LoadedPlan, both: Ends, options: DeprovisionOptions
    ) -> Callable[[StopRules], Coroutine[Any, Any, DeprovisionReport]]:
        return lambda rules: self.carry_out(loaded, both.source, both.target, options, rules=rules)


def _show(session: Session, preview: DeprovisionPreview) -> None:
    """Said before anything is asked or done; on stderr, so that stdout stays what came of it."""
    if session.json:
        click.echo(safe_json({"preview": preview.model_dump(mode="json")}, indent=None), err=True)
        return
    for line in preview.lines():
        click.echo(printable(for_people(line, session)), err=True)


def _demand(preview: DeprovisionPreview) -> None:
    """Refuse before anything is asked. Raises `NotAllowed`."""
    if preview.needs_allow:
        names = " ".join(f"--allow {name}" for name in preview.needs_allow)
        raise NotAllowed(
            "this has side effects that were not accepted; nothing was changed",
            allowance=preview.needs_allow[0],
            remedy=f"if they are meant, say {names}",
        )


def _nothing(ctx: click.Context, session: Session, preview: DeprovisionPreview, said: str, command: str) -> NoReturn:
    """End where no number can be released: well if there is none, and not if something keeps one."""
    kept = {left.error for left in preview.left_alone}
    if session.json:
        print_json(
            {
                "done": [],
                "left_alone": [left.model_dump(mode="json") for left in preview.left_alone],
                "complete": not preview.left_alone,
                "remainder": [left.number for left in preview.left_alone],
                "next": [typed(command, session)],
            }
        )
    else:
        print_line(f"nothing was released, {len(preview.left_alone)} left alone" if kept else said)
        print_line(next_line(command, session), "bold")
    if "InDoubt" in kept:
        ctx.exit(ExitCode.UNKNOWN)
    ctx.exit(ExitCode.CONFLICT if kept else ExitCode.OK)


def _end(ctx: click.Context, session: Session, report: DeprovisionReport) -> None:
    more = {"complete": report.is_complete, "remainder": list(report.remainder)}
    print_report(session, report, report.lines(), report.next_commands, **more)
    ctx.exit(ended(report.is_complete, bool(report.in_doubt), len(report.done), report.stopped))
