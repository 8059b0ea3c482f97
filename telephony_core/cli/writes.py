"""What every write does before it is sent: check it without a request, find its record, check it again, warn."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NoReturn

import click

from telephony_core.cli import failures
from telephony_core.cli.exit_codes import ExitCode, exit_code_for
from telephony_core.cli.output.pasteable import pasteable
from telephony_core.cli.output.tables import print_json, print_line
from telephony_core.cli.parameters import CommandT, together
from telephony_core.cli.parameters.number import is_id, to_write
from telephony_core.domain.lifecycle import SideEffect

if TYPE_CHECKING:
    from telephony_core.cli.session import Session
    from telephony_core.client import Telephony
    from telephony_core.domain.phone_number import PhoneNumber
    from telephony_core.provider.changes import Change

_TO_BE_FOUND: Final = "the record of this number"
"""Stands for the id of a record that was not looked for yet."""


check_option: Final = click.option(
    "--check", is_flag=True, help="Only print the problems of this change, without sending anything at all."
)
number_argument: Final = together(
    click.argument("number", metavar="NUMBER"),
    click.option("--id", "by_id", is_flag=True, help="NUMBER is a record's id, whatever it looks like."),
)
"""The number a command is about, and ``--id``."""


def allow_option(*effects: SideEffect) -> Callable[[CommandT], CommandT]:
    """``--allow``, for the side effects that a command can have."""
    return click.option(
        "--allow",
        multiple=True,
        type=click.Choice([effect.value for effect in effects]),
        help="Allow a side effect, where it would really happen.",
    )


def only_check(session: Session, client: Telephony, change: Change) -> NoReturn:
    """Print every problem of a change, and end with the code of the first one that would stop it."""
    problems = client.check(change)
    if session.json:
        print_json([failures.problem_data(problem) for problem in problems])
    else:
        for problem in problems:
            line = pasteable(failures.problem_line(problem), session)
            print_line(line, "yellow" if problem.error is None else "red")
        if not problems:
            print_line("no problem, as far as can be known without sending anything")
    errors = [problem.error for problem in problems if problem.error is not None]
    # As the write itself would have ended.
    raise click.exceptions.Exit(exit_code_for(errors[0]) if errors else ExitCode.OK)


def refuse(client: Telephony, change: Change, operation: str) -> None:
    """Raise the error of a change, or `ChangeRefused` where it has several. Sends nothing."""
    problems = [problem for problem in client.check(change) if problem.error is not None]
    errors = [problem.error for problem in problems if problem.error is not None]
    for error in errors:
        # Checks are data without a client, so they do not know whose they are.
        error.provider = error.provider or client.provider
        error.operation = error.operation or operation
    if len(errors) > 1:
        raise failures.ChangeRefused(problems, errors[0], provider=client.provider, operation=operation)
    if errors:
        raise errors[0]


def warn(session: Session, client: Telephony, change: Change) -> None:
    """Print the warnings about a change on stderr."""
    for problem in client.check(change):
        if problem.error is None:
            remedy = failures.problem_data(problem)["remedy"]
            failures.warn(f"{problem.field}: {problem.message}" + (f"; {remedy}" if remedy else ""), session)


def checked_record(
    session: Session,
    client: Telephony,
    argument: str,
    by_id: bool,
    check: bool,
    operation: str,
    build: Callable[[PhoneNumber | str], Change],
) -> PhoneNumber:
    """The record to change, once the change has no problem. Checked before the first request, too.

    With ``check`` the problems are printed, and the command ends.
    """
    # A number is no id: which record it has is known once the provider was asked.
    named = argument if by_id or is_id(argument, client.capabilities.region) else _TO_BE_FOUND
    if check:
        only_check(session, client, build(named))
    # What can be known without a request is said without one.
    refuse(client, build(named), operation)
    with session.waiting(f"looking for {argument}"):
        number = to_write(client, argument, by_id)
    # Again with the record: its origin, its state and its agents may be in the way.
    change = build(number)
    refuse(client, change, operation)
    warn(session, client, change)
    return number
