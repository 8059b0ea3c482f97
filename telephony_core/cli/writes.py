"""What every write does before it is sent: judge it without a request, find its record, judge it again, warn."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from telephony_core.cli import failures
from telephony_core.cli.exit_codes import exit_code_for
from telephony_core.cli.output.tables import print_json, print_line
from telephony_core.cli.parameters.number import to_write
from telephony_core.cli.wording import pasteable
from telephony_core.domain.lifecycle import SideEffect

if TYPE_CHECKING:
    from telephony_core.cli.session import Session
    from telephony_core.client import Telephony
    from telephony_core.domain.phone_number import PhoneNumber
    from telephony_core.provider.changes import Change

CommandT = TypeVar("CommandT", bound=Callable[..., Any])


def check_option(command: CommandT) -> CommandT:
    """``--check``."""
    said = "Only say what stands against this, without sending anything at all."
    return click.option("--check", is_flag=True, help=said)(command)


def number_argument(command: CommandT) -> CommandT:
    """The number a command is about, and ``--id``."""
    said = "NUMBER is a record's id, whatever it looks like."
    return click.argument("number", metavar="NUMBER")(click.option("--id", "by_id", is_flag=True, help=said)(command))


def allow_option(*effects: SideEffect) -> Callable[[CommandT], CommandT]:
    """``--allow``, for the side effects that a command can have."""
    return click.option(
        "--allow",
        multiple=True,
        type=click.Choice([effect.value for effect in effects]),
        help="Allow a side effect, where it would really happen.",
    )


def only_check(session: Session, client: Telephony, change: Change) -> None:
    """Print every problem of a change, and end with the code of the first one that would stop it."""
    problems = client.check(change)
    if session.json:
        print_json([failures.problem_facts(problem) for problem in problems])
    for problem in () if session.json else problems:
        print_line(pasteable(failures.problem_line(problem), session), "yellow" if problem.error is None else "red")
    if not problems and not session.json:
        print_line("nothing stands against it, as far as can be known without sending anything")
    stopping = [problem.error for problem in problems if problem.error is not None]
    if stopping:
        raise click.exceptions.Exit(exit_code_for(stopping[0]))


def refuse(client: Telephony, change: Change, operation: str) -> None:
    """Raise what stands against a change: the one error, or `Refused` with all of them. Sends nothing."""
    stopping = [problem for problem in client.check(change) if problem.error is not None]
    errors = [problem.error for problem in stopping if problem.error is not None]
    for error in errors:
        error.provider = error.provider or client.provider
        error.operation = error.operation or operation
    if len(errors) > 1:
        raise failures.ChangeRefused(stopping, errors[0], provider=client.provider, operation=operation)
    if errors:
        raise errors[0]


def warn(session: Session, client: Telephony, change: Change) -> None:
    """Say on stderr what the author of a change should know."""
    for problem in client.check(change):
        if problem.error is None:
            failures.warn(
                f"{problem.field}: {problem.message}" + (f"; {problem.remedy}" if problem.remedy else ""), session
            )


def judged(
    session: Session,
    client: Telephony,
    argument: str,
    by_id: bool,
    operation: str,
    build: Callable[[PhoneNumber | str], Change],
) -> PhoneNumber:
    """The record a change is about, once nothing stands against the change. Judged before the first request, too."""
    refuse(client, build(argument), operation)
    number = to_write(client, argument, by_id)
    change = build(number)
    refuse(client, change, operation)
    warn(session, client, change)
    return number
