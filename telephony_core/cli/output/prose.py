"""Sentences on a terminal: lines end between words, and what can be pasted stays in one piece."""

from __future__ import annotations

import re
import sys
from typing import Final

import click

from telephony_core.cli.output.printable import printable
from telephony_core.cli.output.terminal import terminal

_LEAD: Final = re.compile(r"\s*(?:\[ \] |[-!~=+<?>] |error: |warning: )?")
_PIECE: Final = re.compile(r"(?:[^\s`]*`[^`]*`[^\s`]*)|\S+")
"""A word, or a command between backticks with what touches it."""
_COMMAND: Final = re.compile(r"^\s*(?:from .* on, )?next: telephony ")
"""A line that is pasted: the terminal itself breaks it, so that no line break is copied."""


def say(text: str) -> None:
    """One line for people on stderr, broken between words on a terminal. Control characters are made visible."""
    click.echo(on_terminal(text), err=True)


def on_terminal(text: str) -> str:
    """The line as `say` prints it."""
    line = printable(text)
    # In a pipe or a file a sentence stays one line, so that it can be searched for.
    is_read = sys.stderr is not None and sys.stderr.isatty()
    return broken(line, terminal(stderr=True).width) if is_read else line


def broken(line: str, width: int) -> str:
    """A line in lines of at most ``width`` cells. A word or a command that is longer is left whole."""
    from rich.cells import cell_len  # here, so that `--help` does not wait for it

    if cell_len(line) <= width or _COMMAND.match(line):
        return line
    found = _LEAD.match(line)
    lead = found[0] if found is not None else ""
    # An indented line without a sign goes on deeper, so that the next one can be told from it.
    rest = " " * (len(lead) + (2 if lead.isspace() else 0))
    lines, current, is_empty = [], lead, True
    for piece in _PIECE.findall(line[len(lead) :]):
        # Cells and not characters: a Korean letter takes two.
        if not is_empty and cell_len(current) + 1 + cell_len(piece) > width:
            lines.append(current)
            current, is_empty = rest, True
        current += piece if is_empty else f" {piece}"
        is_empty = False
    return "\n".join([*lines, current])
