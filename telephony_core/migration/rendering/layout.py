"""Text laid out for a terminal of any width, with characters that take two cells counted as such."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Final

_NARROWEST: Final = 20


def cells(text: str) -> int:
    """How many cells of a terminal a text takes: two for wide characters, none for combining ones."""
    return len(text) if text.isascii() else sum(map(_width, text))


def _width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


def wrapped(text: str, width: int, first: str = "", rest: str | None = None) -> list[str]:
    """The text in lines of at most ``width`` cells. ``first`` leads the first line in, ``rest`` the others.

    What is longer than a line is broken where it has to be: nothing is cut off.
    """
    rest = " " * cells(first) if rest is None else rest
    width = max(width, _NARROWEST, cells(first) + 8, cells(rest) + 8)
    lines, line, empty = [], first, True
    for word in text.split():
        for part in _parts(word, width - cells(rest)):
            needed = cells(part) + (0 if empty else 1)
            if not empty and cells(line) + needed > width:
                lines.append(line)
                line, empty = rest, True
            line += part if empty else f" {part}"
            empty = False
    return [*lines, line]


def _parts(word: str, longest: int) -> Iterator[str]:
    if cells(word) <= longest:
        yield word
        return
    part = ""
    for character in word:
        if cells(part) + _width(character) > longest:
            yield part
            part = ""
        part += character
    yield part
