"""Asking the person at the terminal. Questions go to stderr, so that stdout stays what the command prints."""

from __future__ import annotations

import sys
from collections.abc import Iterable

import click

from telephony_core.cli.output.prose import on_terminal, say
from telephony_core.cli.streams import failure_of
from telephony_core.errors import ConfigurationError, NotAllowed
from telephony_core.text.reading import MOST_OF_A_STREAM, decode


def stdin_is_terminal() -> bool:
    return sys.stdin is not None and not sys.stdin.closed and sys.stdin.isatty()


def stdin_text(what: str) -> str:
    """Everything that is piped in. Raises `ConfigurationError` where stdin is closed, or gives no text."""
    return decode(stdin_bytes(what), what=f"{what}: stdin")


def stdin_bytes(what: str) -> bytes:
    """Everything that is piped in, as it came. Raises `ConfigurationError` where stdin is closed."""
    reason = "it is closed"
    if sys.stdin is not None:
        try:
            # A limit, so that a pipe without end (/dev/zero) cannot fill the memory.
            return sys.stdin.buffer.read(MOST_OF_A_STREAM)
        except OSError as error:  # a folder, a terminal that was closed
            reason = error.strerror or type(error).__name__
    raise ConfigurationError(f"{what}: stdin cannot be read ({reason})", remedy="pipe it in, or name a file")


def secret(what: str) -> str:
    """A secret that is typed without being shown. ``what`` is the whole question; no answer gives an empty text."""
    # Click adds a colon. An empty answer is told by the caller, who knows what it was for; click would ask again for
    # ever.
    value: str = click.prompt(what.rstrip(": "), hide_input=True, default="", show_default=False, err=True)
    return value


def confirm(question: str, *, losing: str, explanation: Iterable[str]) -> None:
    """Explain, ask, and go on only after a yes.

    Raises `NotAllowed` after a no, and at once where there is no terminal to ask at.
    """
    # Before the explanation: a script that cannot answer gets one error and no page of text.
    _demand_terminal(losing, "yes", "say --yes if that is meant")
    for line in explanation:
        say(line)
    _demand_to_be_seen(losing)
    try:
        agreed = click.confirm(on_terminal(question), default=False, err=True)
    except click.Abort as end:
        if not isinstance(end.__context__, EOFError):  # Ctrl-C ends everything, Ctrl-D is an answer
            raise
        click.echo(err=True)
        agreed = False  # Ctrl-D is no yes
    if not agreed:
        raise NotAllowed(f"{losing} was declined; nothing was changed", allowance="yes", remedy="")


def count(question: str, *, losing: str, remedy: str) -> int:
    """A number that has to be typed, so that nobody agrees by habit.

    Raises `NotAllowed` for anything that is no number, and at once where there is no terminal to ask at.
    """
    _demand_terminal(losing, "count", remedy)
    _demand_to_be_seen(losing)
    typed: str = click.prompt(on_terminal(question), default="", show_default=False, err=True)
    # `isdigit` alone takes digits of every script, and some of them `int` does not read.
    if not typed.strip().isascii() or not typed.strip().isdigit():
        raise NotAllowed(f"{losing} was declined; nothing was changed", allowance="count", remedy="")
    return int(typed)


def _demand_terminal(losing: str, allowance: str, remedy: str) -> None:
    if not stdin_is_terminal():
        told = f"{losing} has to be confirmed, and there is no terminal to ask at"
        raise NotAllowed(told, allowance=allowance, remedy=remedy)


def _demand_to_be_seen(losing: str) -> None:
    """Nobody can agree to what never reached the screen. Raises `NotAllowed` where stderr is closed or full."""
    # Writes nothing, and so finds out whether stderr takes anything.
    click.echo("", nl=False, err=True)
    if failure_of(sys.stderr) is not None:
        raise NotAllowed(
            f"{losing} has to be confirmed, and stderr, where it is asked, cannot be written",
            allowance="yes",
            remedy="open stderr, or agree on the command line",
        )
