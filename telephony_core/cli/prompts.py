"""Asking the person at the terminal. Questions go to stderr, so that stdout stays what the command prints."""

from __future__ import annotations

import sys
from collections.abc import Iterable

import click

from telephony_core.cli.text import printable
from telephony_core.errors import ConsentRequired


def stdin_is_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def secret(what: str) -> str:
    """A secret that is typed without being shown. ``what`` is the whole question; no answer gives an empty text."""
    value: str = click.prompt(what.rstrip(": "), hide_input=True, default="", show_default=False, err=True)
    return value


def confirm(question: str, *, losing: str, explanation: Iterable[str]) -> None:
    """Explain, ask, and go on only after a yes.

    Raises `ConsentRequired` after a no, and at once where there is no terminal to ask at.
    """
    if not stdin_is_terminal():
        raise ConsentRequired(
            f"{losing} has to be confirmed, and there is no terminal to ask at",
            consent="yes",
            remedy="say --yes if that is meant",
        )
    for line in explanation:
        click.echo(printable(line), err=True)
    try:
        agreed = click.confirm(question, default=False, err=True)
    except click.Abort as end:
        if not isinstance(end.__context__, EOFError):  # Ctrl-C ends everything, Ctrl-D is an answer
            raise
        click.echo(err=True)
        agreed = False
    if not agreed:
        raise ConsentRequired(f"{losing} was declined; nothing was changed", consent="yes", remedy="")


def count(question: str, *, losing: str, remedy: str) -> int:
    """A number that has to be typed, so that nobody agrees by habit.

    Raises `ConsentRequired` for anything that is no number, and at once where there is no terminal to ask at.
    """
    if not stdin_is_terminal():
        raise ConsentRequired(
            f"{losing} has to be confirmed, and there is no terminal to ask at", consent="count", remedy=remedy
        )
    typed: str = click.prompt(question, default="", show_default=False, err=True)
    if not typed.strip().isascii() or not typed.strip().isdigit():
        raise ConsentRequired(f"{losing} was declined; nothing was changed", consent="count", remedy="")
    return int(typed)
