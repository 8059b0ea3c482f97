"""Text laid out for a terminal of any width. Widths are rich's, which the extra ``cli`` installs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from telephony_core.text.cells import cell_width

_NARROWEST: Final = 20


def wrapped(text: str, width: int | None, first: str = "", rest: str | None = None) -> list[str]:
    """The text in lines of at most ``width`` cells, or in one. ``first`` leads the first line in, ``rest`` the others.

    What is longer than a line is broken where it has to be: nothing is cut off.
    """
    if width is None:
        return [first + " ".join(text.split())]
    rest = " " * cell_width(first) if rest is None else rest
    # However narrow the terminal is, something of the text has to fit beside its indent.
    width = max(width, _NARROWEST, cell_width(first) + 8, cell_width(rest) + 8)
    lines, line, empty = [], first, True
    for word in text.split():
        for part in _parts(word, width - cell_width(rest)):
            needed = cell_width(part) + (0 if empty else 1)
            if not empty and cell_width(line) + needed > width:
                lines.append(line)
                line, empty = rest, True
            line += part if empty else f" {part}"
            empty = False
    return [*lines, line]


def _parts(word: str, longest: int) -> Iterator[str]:
    if cell_width(word) <= longest:
        yield word
        return
    part = ""
    for character in word:
        if cell_width(part + character) > longest:  # a mark or a joiner adds nothing, and stays with its letter
            yield part
            part = ""
        part += character
    yield part
