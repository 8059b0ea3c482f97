"""What commands print on stdout: JSON for scripts, tables and facts for people.

On a terminal a table drops its least important columns to fit, and becomes a list of records where even that is not
enough. Anywhere else (a pipe, a file) every column is printed whole, as plain aligned text. Every value is made
printable first, and none is ever read as markup.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import starmap
from typing import TYPE_CHECKING, Final, Generic, Literal, NamedTuple, TypeVar

import click
from rich.cells import cell_len, chop_cells

from telephony_core.cli.output.pasteable import pasteable
from telephony_core.cli.output.printable import printable, safe_json
from telephony_core.cli.output.prose import broken
from telephony_core.cli.output.terminal import on_terminal, terminal, text_width

if TYPE_CHECKING:
    from pydantic import BaseModel
    from rich.console import Console

    from telephony_core.cli.session import Session

ItemT = TypeVar("ItemT")

_GAP: Final = 2


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Rank 0 always stays; the others are shown as far as there is room, lower ranks first. What gives way to a narrow
    terminal is either cut (with an ellipsis) or folded into more lines, at blanks and hyphens, but no line of it is
    shorter than ``least``.
    """

    title: str
    rank: int = 0
    gives_way: Literal["never", "cut", "folded"] = "never"
    least: int = 12

    def kept(self) -> Column:
        """The same column for a table in which it has to stay."""
        return replace(self, rank=0)


class Cell(NamedTuple):
    """A value with a colour (a rich style), for terminals that have it."""

    text: str
    style: str = ""


class Shown(NamedTuple, Generic[ItemT]):
    """A column that can be chosen by name: what it looks like, and what it shows of an item."""

    column: Column
    value: Callable[[ItemT], str | Cell]
    is_default: bool = False


Row = Sequence["str | Cell"]


def print_json(payload: object) -> None:
    """One JSON document. In an encoding that is not UTF everything beyond ASCII is escaped."""
    # JSON has escapes of its own; those that the stream would put in are none of them.
    encoding = (getattr(sys.stdout, "encoding", None) or "ascii").lower()
    click.echo(safe_json(payload, ascii_only=not encoding.startswith("utf")))


def print_models(models: Iterable[BaseModel]) -> None:
    """One JSON array of public models."""
    print_json([model.model_dump(mode="json") for model in models])


def print_table(columns: Sequence[Column], rows: Iterable[Row], *, empty: str) -> None:
    """A table, as wide as it can be shown. Without a row, ``empty`` goes to stderr and stdout stays empty."""
    cells = [[_cell(value) for value in row] for row in rows]
    # A script that reads stdout gets nothing at all, and no sentence in the place of rows.
    if not cells:
        click.echo(printable(empty), err=True)
        return
    widths = _widths(columns, cells)
    # Nothing is left out of a pipe: a column that is missing there is missing in a script.
    if not on_terminal():
        _print_plain(columns, cells, widths)
        return
    console = terminal()
    shown = _fitting(columns, widths, console.width)
    if not shown:
        _print_records(console, columns, cells)
        return
    _print_columns(console, columns, cells, shown)
    missing = [column.title.lower() for index, column in enumerate(columns) if index not in shown]
    them = "it" if len(missing) == 1 else "them"
    if missing:
        print_line(f"not shown: {', '.join(missing)} (a wider terminal or --json shows {them})", "dim")


def print_facts(facts: Iterable[tuple[str, str | Cell]]) -> None:
    """Names and values, one to a line; what is empty is left out."""
    pairs = [(name, cell) for name, cell in ((name, _cell(value)) for name, value in facts) if cell.text]
    width = max((cell_len(name) for name, _ in pairs), default=0) + _GAP
    console = terminal()
    for name, cell in pairs:
        _print_fact(console, "", name, cell, width)


def print_line(text: str, style: str = "") -> None:
    """One line for people, broken between words on a terminal."""
    console, line = terminal(), printable(text)
    _line(console, Cell(broken(line, console.width) if on_terminal() else line, style))


def print_lines(lines: Iterable[str], session: Session) -> None:
    """Lines of an assessment or a plan, pasteable, in the colours of what they say."""
    for line in lines:
        text = line.lstrip()
        style = "bold" if line.startswith("  + ") else ""
        if text.startswith(("! ", "block: ")):
            style = "red"
        elif text.startswith(("~ ", "? ", "warn: ")):
            style = "yellow"
        # Also in a pipe: a plan is read as a whole, and mailed to whoever has to agree with it.
        _line(terminal(), Cell(broken(printable(pasteable(line, session)), text_width()), style))


def _cell(value: str | Cell) -> Cell:
    text, style = value if isinstance(value, Cell) else (value, "")
    return Cell(printable(text), style)


def _widths(columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> list[int]:
    titles = [Cell(column.title) for column in columns]
    return [max(cell_len(cell.text) for cell in column) for column in zip(titles, *rows, strict=True)]


def _fitting(columns: Sequence[Column], widths: Sequence[int], room: int) -> dict[int, int]:
    """The columns to show and their widths, by index; none when not even those that always stay have room."""
    shown: dict[int, int] = {}
    # First what has to stay, then the rest by its importance, as long as each has its least width.
    for index in sorted(range(len(columns)), key=lambda index: columns[index].rank):
        least = widths[index] if columns[index].gives_way == "never" else min(widths[index], columns[index].least)
        if sum(shown.values()) + _GAP * len(shown) + least <= room:
            shown[index] = least
        elif columns[index].rank == 0:
            return {}
    left = room - sum(shown.values()) - _GAP * (len(shown) - 1)
    giving = [index for index in shown if shown[index] < widths[index]]
    while giving:  # what is left goes to those that gave way, in equal parts, the smallest wish first
        index = min(giving, key=lambda index: widths[index] - shown[index])
        more = min(left // len(giving), widths[index] - shown[index])
        shown[index] += more
        left -= more
        giving.remove(index)
    return dict(sorted(shown.items()))


def _print_plain(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], widths: Sequence[int]) -> None:
    for texts in [[column.title for column in columns], *([cell.text for cell in row] for row in rows)]:
        padded = starmap(_padded, zip(texts, widths, strict=True))
        click.echo((" " * _GAP).join(padded).rstrip())


def _padded(text: str, width: int) -> str:
    return text + " " * (width - cell_len(text))


def _print_columns(
    console: Console, columns: Sequence[Column], rows: Sequence[Sequence[Cell]], shown: Mapping[int, int]
) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, _GAP, 0, 0), pad_edge=False, header_style="bold")
    for index, width in shown.items():
        # Text and not str, which rich would read as markup.
        table.add_column(Text(columns[index].title), width=width, no_wrap=True, overflow="ellipsis")
    for row in rows:
        table.add_row(
            *(
                Text(
                    _folded(row[index].text, width) if columns[index].gives_way == "folded" else row[index].text,
                    row[index].style,
                )
                for index, width in shown.items()
            )
        )
    console.print(table)


_BREAKS: Final = re.compile(r"(?<=[\s-])")
"""A line may end behind a blank or a hyphen, so that an id is broken where it has a joint."""


def _folded(text: str, width: int) -> str:
    """A text in lines that fit, none of which loses a character."""
    lines = [""]
    for piece in _BREAKS.split(text):
        if lines[-1] and cell_len(lines[-1]) + cell_len(piece.rstrip()) > width:
            lines.append("")
        first, *more = chop_cells(piece, width) if cell_len(piece.rstrip()) > width else [piece]
        lines[-1] += first
        lines += more
    return "\n".join(line.rstrip() for line in lines)


def _print_records(console: Console, columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> None:
    names = [column.title.lower() for column in columns]
    width = max(map(cell_len, names[1:]), default=0) + _GAP
    for number, row in enumerate(rows):
        if number:
            _line(console, Cell(""))
        _line(console, Cell(row[0].text, "bold"))
        for name, cell in list(zip(names, row, strict=True))[1:]:
            if cell.text:
                _print_fact(console, "  ", name, cell, width)


def _print_fact(console: Console, indent: str, name: str, cell: Cell, width: int) -> None:
    """A name and its value, which goes on a line of its own where there is no room beside the name."""
    beside = f"{indent}{_padded(name, width)}"
    # On a line of its own a value can be selected whole, and an id be copied.
    if console.is_terminal and cell_len(beside) + cell_len(cell.text) > console.width:
        room = console.width - cell_len(cell.text)
        _line(console, Cell(f"{indent}{name}"))
        _line(console, Cell(" " * min(_GAP + len(indent), max(room, 0))), cell)
    else:
        _line(console, Cell(beside), cell)


def _line(console: Console, *cells: Cell) -> None:
    from rich.text import Text

    # soft_wrap: the terminal breaks what is too long, so that it can be copied whole.
    line = Text.assemble(*((cell.text, cell.style) for cell in cells))
    line.rstrip()
    console.print(line, soft_wrap=True)
