"""What `apply`, `verify`, `rollback` and `release` share: both ends of a plan, secrets, Ctrl-C, and how they end.

`Deprovisioning` is all that `rollback` and `release`, the two that release numbers, do alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, NamedTuple, TypedDict, Unpack

import click

from telephony_core.cli import failures, prompts
from telephony_core.cli.exit_codes import ExitCode
from telephony_core.cli.options import options_of_a_plan
from telephony_core.cli.output.pasteable import next_line, pasteable, pasteable_data
from telephony_core.cli.output.printable import safe_json
from telephony_core.cli.output.progress import Progress
from telephony_core.cli.output.prose import say
from telephony_core.cli.output.tables import print_json, print_line
from telephony_core.cli.parameters import together
from telephony_core.cli.parameters.migration import (
    allow_option,
    details_option,
    keys_of,
    numbers_option,
    plan_argument,
    shown,
    take_over_option,
)
from telephony_core.cli.session import Session
from telephony_core.cli.stores import journals_of, run_of
from telephony_core.errors import ConfigurationError, MigrationError, NotAllowed, OutcomeUnknown
from telephony_core.migration.plan.store import LoadedPlan, load_plan
from telephony_core.migration.rendering.commands import is_next
from telephony_core.migration.run.stopping import Stopped
from telephony_core.secrets.references import is_reference, read_secret

if TYPE_CHECKING:
    from pydantic import BaseModel

    from telephony_core.migration.deprovision.report import DeprovisionPreview, DeprovisionReport
    from telephony_core.migration.plan.model import Plan
    from telephony_core.migration.run.endpoints import Opener


class Opened(NamedTuple):
    """A plan, and what opens a client of either end of it."""

    loaded: LoadedPlan
    source: Opener | None
    target: Opener


def open_plan(session: Session, plan_file: str) -> Opened:
    """The plan in a file, and its connections. Raises `MigrationError`, or `ConfigurationError` for a connection that
    is not configured here."""
    loaded = load_plan(plan_file)
    connections = session.connections()
    plan = loaded.plan
    source = None if plan.source is None else session.opener(connections[plan.source.connection])
    return Opened(loaded, source, session.opener(connections[plan.target.connection]))


def learn_secrets(session: Session, plan: Plan) -> None:
    """Read what the plan's references lead to, so that nothing this run prints can show it."""
    for reference in (text for trunk in plan.trunks for text in trunk.references):
        # Nobody is asked for a password only to be able to hide it.
        if is_reference(reference) and not reference.startswith("prompt:"):
            # One that leads nowhere is told by the run, with the numbers that need it.
            with suppress(ConfigurationError):
                session.secrets.add(read_secret(reference, what="a trunk").get_secret_value())


def asking(session: Session, before: Callable[[], None] = lambda: None) -> Callable[[str], str] | None:
    """Asks for a secret in the middle of a run, where there is a terminal; Ctrl-C ends the run then. ``before`` is
    called before each question."""
    if not prompts.stdin_is_terminal():
        return None

    def ask(what: str) -> str:
        before()
        try:
            secret = prompts.secret(what)
        except click.Abort as end:
            # The journal holds what was done, so nothing is lost by leaving here.
            end.add_note("run the same command again: it goes on from where it was")
            raise
        session.secrets.add(secret)
        return secret

    return ask


@contextmanager
def in_doubt_reported(loaded: LoadedPlan) -> Iterator[None]:
    """Turn the end of a run that was cut short into `OutcomeUnknown` where a request may still take effect.

    Otherwise its own error stays: `Interrupted`, or `JournalError` where the journal cannot be written any more.
    """
    from telephony_core.migration.journal.sqlite_file import JournalError, JournalLocked
    from telephony_core.migration.rendering.commands import command
    from telephony_core.migration.run.stopping import Interrupted

    try:
        yield
    except JournalLocked:  # whatever is in doubt belongs to the run that is at work
        raise
    # The journal may fail right behind a request that was sent: the exit code has to say that, and not only that a file
    # is full.
    except (Interrupted, JournalError) as error:
        open_requests = _open_requests(loaded)
        if not open_requests:
            raise
        first = f"{error.remedy}; " if isinstance(error, JournalError) and error.remedy else ""
        status = command("status", loaded.name, kind=loaded.plan.kind)
        raise OutcomeUnknown(
            f"{error.message}; in doubt: {', '.join(open_requests)}",
            remedy=f"{first}`{status}` shows what is in doubt; the same command again goes on from there",
        ) from error


def _open_requests(loaded: LoadedPlan) -> list[str]:
    """The numbers of which a request was announced and not settled, as far as the journal can still be read."""
    from telephony_core.migration.inventory.fields import clock_text

    # The journal may be what failed.
    with suppress(MigrationError):
        return [
            f"{number.number} (until {clock_text(number.in_doubt_until)})"
            for number in run_of(loaded).numbers
            if number.in_doubt_until is not None
        ]
    return []


def print_report(
    session: Session, report: BaseModel, lines: Sequence[str], next_commands: Iterable[str], **more: object
) -> None:
    """The report of a run and what follows from it, as JSON or in words."""
    session.did(lines[0] if lines else "the run ended")
    commands = list(next_commands)
    if session.json:
        print_json(pasteable_data({**report.model_dump(mode="json"), **more, "next": commands}, session))
        return
    for line in lines:
        # The text names every step that is possible; of them only those that were chosen for this end.
        if not is_next(line) or line.endswith(tuple(commands)):
            text = failures.hide(pasteable(line, session), session.secrets)
            print_line(text, "bold" if is_next(line) else "")


def exit_code(complete: bool, in_doubt: bool, done: int, stopped: Stopped | None) -> ExitCode:
    """The end of a run that moves or releases numbers: all, in doubt, stopped by a person, a part, or none.

    Of what fits, the first in this order. A write that may have happened (``in_doubt``) goes before a part: a
    script that reads nothing but the code must not take such a run for one that can be repeated blindly.
    """
    if complete:
        return ExitCode.OK
    if in_doubt:
        return ExitCode.UNKNOWN
    if stopped is Stopped.ASKED:
        return ExitCode.INTERRUPTED
    if done:
        return ExitCode.PARTIAL
    # A refused key stops the whole run, and has a code of its own everywhere else.
    return ExitCode.PERMISSION if stopped is Stopped.KEY else ExitCode.ERROR


# -- rollback and release


class DeprovisionGiven(TypedDict):
    """The values of `deprovision_options`."""

    plan_file: str
    numbers: tuple[str, ...]
    allow: tuple[str, ...]
    stop_on_error: bool
    take_over: bool
    details: bool


deprovision_options: Final = together(
    plan_argument,
    numbers_option,
    allow_option(),
    click.option("--stop-on-error", is_flag=True, help="Release no further number after one has failed."),
    take_over_option,
    details_option,
    options_of_a_plan,
)
"""The plan, and the options of both commands."""


@dataclass(frozen=True, slots=True)
class Deprovisioning:
    """Show what would be released, have it confirmed, and release exactly what was shown."""

    name: str
    """What becomes of numbers, for the bar."""
    nothing: str
    """Printed where there are none."""
    preview: Callable[..., DeprovisionPreview]
    carry_out: Callable[..., DeprovisionReport]
    confirmed: Callable[[DeprovisionPreview], bool]
    """Has a preview confirmed, and returns whether somebody is there who can be asked again."""

    def run(self, ctx: click.Context, session: Session, **given: Unpack[DeprovisionGiven]) -> None:
        from telephony_core.migration.deprovision.deprovision import DeprovisionOptions, NotConfirmed

        opened = open_plan(session, given["plan_file"])
        plan = opened.loaded.plan
        learn_secrets(session, plan)
        options = DeprovisionOptions(
            journals=journals_of(opened.loaded),
            numbers=keys_of(plan, given["numbers"]),
            allow=given["allow"],
            stop_on_error=given["stop_on_error"],
            take_over=given["take_over"],
            prompt=asking(session),
        )
        # Until what is confirmed is what is there: the account may change while a person reads.
        while True:
            with session.waiting("reading what can be released"):
                preview = self.preview(*opened, options)
            _show(session, preview, given["details"])
            _demand_allowances(preview)
            if not preview.confirm and not preview.to_reconcile:
                ctx.exit(_nothing_to_release(session, preview, self.nothing, opened.loaded))
            can_be_asked = self.confirmed(preview)
            with Progress(session, self.name) as progress, in_doubt_reported(opened.loaded):
                try:
                    confirmed = replace(
                        options,
                        # The library compares with it, and releases nothing that was not on the screen.
                        confirmed=preview.shown,
                        on_event=progress.event,
                        prompt=asking(session, progress.clear),
                    )
                    report = self.carry_out(*opened, confirmed)
                    break
                except NotConfirmed as changed:
                    # A script agreed to what it saw, and to nothing else.
                    if not can_be_asked:
                        raise
                    reason = changed.message
            say(f"what would be released has changed meanwhile: {reason}")
        more = {"complete": report.is_complete, "remainder": list(report.remainder)}
        print_report(session, report, shown(report.lines, given["details"]), report.next_commands, **more)
        ctx.exit(exit_code(report.is_complete, bool(report.in_doubt), len(report.done), report.stopped))


def _show(session: Session, preview: DeprovisionPreview, details: bool) -> None:
    """Printed before anything is asked or done; on stderr, so that stdout is the result."""
    if session.json:
        click.echo(safe_json({"preview": preview.model_dump(mode="json")}, indent=None), err=True)
        return
    for line in shown(preview.lines, details):
        say(pasteable(line, session))


def _demand_allowances(preview: DeprovisionPreview) -> None:
    """Refuse before anything is asked. Raises `NotAllowed`."""
    if preview.needs_allowance:
        names = " ".join(f"--allow {name}" for name in preview.needs_allowance)
        raise NotAllowed(
            "these side effects were not allowed; nothing was changed",
            allowance=preview.needs_allowance[0],
            remedy=f"if they are meant, add {names}",
        )


def _nothing_to_release(session: Session, preview: DeprovisionPreview, text: str, loaded: LoadedPlan) -> ExitCode:
    """Print that no number can be released: a good end if there is none, and none if something keeps one."""
    from telephony_core.migration.rendering.commands import command

    status = command("status", loaded.name, kind=loaded.plan.kind)
    left_alone = preview.left_alone
    in_doubt = [left.number for left in left_alone if left.error == "InDoubt"]
    if session.json:
        result = {
            "done": [],
            "left_alone": [left.model_dump(mode="json") for left in left_alone],
            "not_started": [],
            "remainder": [left.number for left in left_alone],
            "in_doubt": in_doubt,
            "complete": not left_alone,
            "next": [status],
        }
        print_json(pasteable_data(result, session))
    else:
        done = "released" if preview.verb == "release" else preview.verb
        print_line(f"nothing was {done}, {len(left_alone)} left alone" if left_alone else text)
        print_line(next_line(status, session), "bold")
    if in_doubt:
        return ExitCode.UNKNOWN
    # Something keeps them, so a script must not take it for done.
    return ExitCode.CONFLICT if left_alone else ExitCode.OK
