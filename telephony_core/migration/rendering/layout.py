"""Text laid out for a terminal of any width. Widths are rich's, which the extra ``cli`` installs."""

from __future__ import annotations

from typing import Final

_NARROWEST: Final = 20


def wrapped(text: str, width: int | None, first: str = "", rest: str | None = None) -> list[str]:
    """The text in lines of at most ``width`` cells, or in one. ``first`` leads the first line in, ``rest`` the others.

    What is longer than a line is broken where it has to be: nothing is cut off.
    """
    if width is None:
        return [first + " ".join(text.split())]
    from rich.cells import cell_len, chop_cells

    rest = " " * cell_len(first) if rest is None else rest
    width = max(width, _NARROWEST, cell_len(first) + 8, cell_len(rest) + 8)
    lines, line, empty = [], first, True
    for word in text.split():
        for part in chop_cells(word, width - cell_len(rest)):
            if not empty and cell_len(line) + 1 + cell_len(part) > width:
                lines.append(line)
                line, empty = rest, True
            line += part if empty else f" {part}"
            empty = False
    return [*lines, line]
