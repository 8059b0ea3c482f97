"""How many cells of a terminal a text takes."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from functools import cache


def cell_width(text: str) -> int:
    """Cells of a text on one line: two for a wide character, none for one that combines with the one before.

    By rich, which comes with the extra ``cli``. Without it a sequence of joined emoji counts as its parts, so a line
    may end early, and is never too long.

    >>> cell_width("서울")
    4
    """
    return len(text) if text.isascii() else _measure()(text)


@cache
def _measure() -> Callable[[str], int]:
    try:
        from rich.cells import cell_len
    except ImportError:
        return by_character
    return cell_len


def by_character(text: str) -> int:
    """The width without rich. Composed first: the parts of a decomposed Hangul syllable are one."""
    return sum(map(_width, unicodedata.normalize("NFC", text)))


def _width(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1
