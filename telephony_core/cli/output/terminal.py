"""The terminal that people read at: its size, and whether there is one."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from rich.console import Console

_NARROWEST: Final = 12
"""No terminal is taken to be narrower than this."""
_DIGITS: Final = 4
"""Of a width or height that can be meant."""
_NO_TERMINAL: Final = 100
"""Columns of text that goes to a pipe or a file."""


def terminal(*, stderr: bool = False) -> Console:
    """Where people read. Colour only on a terminal that has it, and not with ``NO_COLOR``."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width, height = _size(stream)
    return Console(
        file=stream,
        # FORCE_COLOR would put escapes into a file that a script reads.
        force_terminal=None if stderr else on_terminal(),
        # rich would colour numbers and read [brackets] and :words: of a label as its own language.
        highlight=False,
        markup=False,
        emoji=False,
        width=width,
        height=height,
    )


def _size(stream: TextIO) -> tuple[int, int]:
    """Columns and lines: COLUMNS and LINES where they are sensible, or else the terminal itself.

    Shells and cron jobs leave ``COLUMNS=0`` behind, and rich takes any word of digits for a width.
    """
    try:
        real = os.get_terminal_size(stream.fileno())
    except (OSError, ValueError, AttributeError):  # in memory, or closed
        real = os.terminal_size((0, 0))
    given = (os.environ.get("COLUMNS", ""), os.environ.get("LINES", ""))
    columns, lines = (
        int(word) if len(word) <= _DIGITS and word.isascii() and word.isdigit() and int(word) else measured
        for word, measured in zip(given, real, strict=True)
    )
    return max(columns or 80, _NARROWEST), lines or 25


def on_terminal() -> bool:
    """Whether a person sees the output as it comes; a pipe or a file gets plain text, whatever is forced elsewhere."""
    return sys.stdout.isatty()


def text_width() -> int:
    """How wide text for people may be on stdout."""
    return terminal().width if on_terminal() else _NO_TERMINAL
