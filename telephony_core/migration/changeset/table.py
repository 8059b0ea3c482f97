"""A table of numbers as spreadsheets and programs write it: CSV with any delimiter, or JSON lines.

Nothing is guessed but the delimiter. What a spreadsheet did to a cell (an apostrophe in front of a ``+``, a byte order
mark, line breaks in a quoted cell) is undone where it lost nothing, and named by its line where it did (`rows`).
"""

from __future__ import annotations

import csv
import difflib
import io
import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from telephony_core.errors import InvalidInput
from telephony_core.text.file_kinds import refuse_other_kind
from telephony_core.text.reading import decode, parse_json, read_bytes

COLUMNS: Final[Mapping[str, str]] = {
    "number": "the number, with + and country code",
    "send_as_is": "yes, where a number without E.164 form is sent verbatim",
    "label": "a name for people",
    "address": "where outbound calls go: host[:port] or a SIP URI",
    "username": "digest user of outbound calls, or a reference to it",
    "password": "where its password is: env:NAME, file:PATH or prompt:",
    "outbound_media_encryption": "disable, allow or require",
    "allowed_addresses": "who may call in: addresses and networks, with blanks between",
    "allow_any": "yes, where everybody may call in",
    "inbound_media_encryption": "disable, allow or require",
    "inbound_agent": "id of the agent that answers calls",
    "inbound_agent_version": "published, draft or the provider's own word",
    "outbound_agent": "id of the agent that places calls",
    "outbound_agent_version": "published, draft or the provider's own word",
}
"""Every column that a table can have, and what is in it. Only ``number`` has to be there."""

_ALL: Final = f"the columns are: {', '.join(COLUMNS)}"
YES_OR_NO: Final = ("send_as_is", "allow_any")
"""Columns that are a yes or a no."""
LONGEST_CELL: Final = 4_096
"""Characters of one cell; more is no setting of a number."""
MOST_ROWS: Final = 100_000
_DELIMITERS: Final = (",", ";", "\t", "|")
_GUARDED: Final = re.compile(r"'(?=[=+\-@])")
"""The apostrophe that keeps a spreadsheet from taking a cell for a formula."""


@dataclass(frozen=True, slots=True)
class RowProblem:
    """What is wrong with one row. Holds no value that may be a secret."""

    line: int
    """Line of the file on which the row begins, counted from 1."""
    column: str | None
    message: str
    remedy: str | None = None

    def __str__(self) -> str:
        where = f"line {self.line}" + (f", {self.column}" if self.column else "")
        return f"{where}: {self.message}" + (f"; {self.remedy}" if self.remedy else "")


class TableRefused(InvalidInput):
    """A table with problems: all of them, of all rows. Nothing was written, at the provider or anywhere else.

    Remedy: correct the rows that are named, and run it again.
    """

    def __init__(self, path: str, problems: Sequence[RowProblem]) -> None:
        rows = len({problem.line for problem in problems})
        count = f"{len(problems)} problem{'s' if len(problems) != 1 else ''} in {rows} row{'s' if rows != 1 else ''}"
        super().__init__(
            f"the table {path} has {count}; nothing was written", remedy="correct these rows, and run it again"
        )
        self.row_problems: tuple[RowProblem, ...] = tuple(sorted(problems, key=lambda problem: problem.line))


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its cells by column, without blanks around them; empty ones are left out."""

    line: int
    cells: Mapping[str, str] = field(repr=False)
    """Not shown: somebody may have written a password into one."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table that was read whole, and what is wrong with it by itself."""

    path: str
    rows: tuple[Row, ...]
    problems: tuple[RowProblem, ...] = ()


def read_table(path: str | os.PathLike[str]) -> Table:
    """Read a table. Problems of single rows are in it; whoever makes a plan of it raises them together with its own.

    Raises `InvalidInput` for a file that is missing, no text, changed while it was read, or no table of numbers.
    """
    data = _unchanged(path)
    name = os.fspath(path)
    # Somebody may give a plan or a map here: told as what it is, and not as a header with unknown columns.
    refuse_other_kind(path, data, "a table of numbers", InvalidInput)
    text = decode(data, what=f"the table {name}", refused=InvalidInput)
    if not text.strip():
        raise InvalidInput(f"the table {name} is empty", remedy=f"give it a header and rows; {_ALL}")
    if text.lstrip()[:1] == "[":
        raise InvalidInput(f"the table {name} is a list in JSON", remedy="write one object on each line, and no list")
    lines = text.lstrip()[:1] == "{"
    rows, problems = _json_rows(text) if lines else _csv_rows(text, name)
    if not rows and not problems:
        raise InvalidInput(f"the table {name} has no row", remedy="put a number into it, under its header")
    return Table(name, tuple(rows), tuple(problems))


def _unchanged(path: str | os.PathLike[str]) -> bytes:
    """The bytes of a file that stayed the same while they were read."""
    before = _stamp(path)
    data = read_bytes(path, what="the table", refused=InvalidInput)
    if before != _stamp(path):
        raise InvalidInput(
            f"the table {os.fspath(path)} changed while it was read",
            remedy="wait until whoever writes it is done, and run it again",
        )
    return data


def _stamp(path: str | os.PathLike[str]) -> tuple[int, ...] | None:
    try:
        found = Path(path).expanduser().stat()
    except (OSError, RuntimeError, ValueError):
        return None  # reading says what is wrong
    if not stat.S_ISREG(found.st_mode):  # a pipe changes by being read
        return None
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


# -- CSV


def _csv_rows(text: str, name: str) -> tuple[list[Row], list[RowProblem]]:
    delimiter = _delimiter(text, name)
    rows: list[Row] = []
    problems: list[RowProblem] = []
    lines = _records(text, delimiter, problems)
    header = _columns(next(lines)[1], name)
    for line, cells in lines:
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            problems.append(RowProblem(line, None, f"it has {len(cells)} cells, and the header has {len(header)}"))
            continue
        problems += _too_long(line, dict(zip(header, cells, strict=True)))
        rows.append(Row(line, _cells(zip(header, cells, strict=True))))
    return rows, problems


def _records(text: str, delimiter: str, problems: list[RowProblem]) -> Iterator[tuple[int, list[str]]]:
    """Each record with the line on which it begins. Reading ends at a quote that nobody closes."""
    # `newline=""` leaves line breaks in quoted cells alone, and `strict` refuses a quote that nobody closes, which
    # would swallow the rest of the file.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    begins = 1
    for count in range(MOST_ROWS + 2):  # with its header
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            # The module has one class for all of its errors, so only the text tells them apart.
            fault = "a cell is too long" if "limit" in str(error) else "its quotes do not fit together"
            problems.append(RowProblem(begins, None, fault, "quote a cell as a whole, and a quote in it twice"))
            return
        if count > MOST_ROWS:
            problems.append(RowProblem(begins, None, f"the table has more than {MOST_ROWS} rows", "split it"))
            return
        yield begins, record
        begins = reader.line_num + 1


def _delimiter(text: str, name: str) -> str:
    """The delimiter by which the header is a header: the one that makes most known columns of it."""
    found: dict[str, int] = {}
    for delimiter in _DELIMITERS:
        header = [_column(cell) for cell in next((cells for _, cells in _records(text, delimiter, [])), [])]
        found[delimiter] = sum(column in COLUMNS for column in header) if "number" in header else 0
    best = max(_DELIMITERS, key=lambda delimiter: found[delimiter])
    if not found[best]:
        raise InvalidInput(
            f"the table {name} has no column `number` in its first line",
            remedy=f"give it a header; {_ALL}",
        )
    return best


def _column(cell: str) -> str:
    return cell.strip().lower().replace(" ", "_")


def _columns(header: Sequence[str], name: str) -> list[str]:
    """The columns of a table. Raises `InvalidInput` for those that there are not or are there twice."""
    columns = [_column(cell) for cell in header]
    unknown = [column for column in dict.fromkeys(columns) if column not in COLUMNS]
    twice = [column for column in COLUMNS if columns.count(column) > 1]
    if not unknown and not twice:
        return columns
    faults = [
        f"a column {column[:40]!r}, which means nothing here"
        if column
        else "a column without a name, which means nothing here"
        for column in unknown
    ]
    faults += [f"the column `{column}` twice" for column in twice]
    remedies = (["leave one of them out"] if twice else []) + ([_known_columns(*unknown)] if unknown else [])
    raise InvalidInput(f"the table {name} has {', and '.join(faults)}", remedy="; ".join(remedies))


def _known_columns(*unknown: str) -> str:
    """Which columns there are, and which of them may be meant."""
    near = (f"`{known}`" for column in unknown for known in difflib.get_close_matches(column, COLUMNS, n=1))
    meant = ", ".join(dict.fromkeys(near))
    return (f"do you mean {meant}? " if meant else "") + _ALL


def _cells(pairs: Any) -> dict[str, str]:
    stripped = (
        (column, _GUARDED.sub("", cell.strip(), count=1) if cell.strip()[:1] == "'" else cell.strip())
        for column, cell in pairs
    )
    return {column: cell for column, cell in stripped if cell}


def _too_long(line: int, cells: Mapping[str, str]) -> Iterator[RowProblem]:
    for column, cell in cells.items():
        if len(cell) > LONGEST_CELL:
            yield RowProblem(line, column, f"the cell has {len(cell)} characters; at most {LONGEST_CELL} are taken")


# -- JSON lines


def _json_rows(text: str) -> tuple[list[Row], list[RowProblem]]:
    rows: list[Row] = []
    problems: list[RowProblem] = []
    # Not `splitlines`: JSON takes some of the characters at which that splits inside of a string.
    for line, part in enumerate(text.split("\n"), 1):
        if not part.strip():
            continue
        if len(rows) == MOST_ROWS:
            problems.append(RowProblem(line, None, f"the table has more than {MOST_ROWS} rows", "split it"))
            break
        try:
            record = parse_json(part, object_pairs_hook=_once)
        except _NamedTwice as error:
            problems.append(RowProblem(line, str(error), "it is on this line twice", "leave one of them out"))
            continue
        except ValueError:
            problems.append(RowProblem(line, None, "this is no JSON", "write one object on each line"))
            continue
        if not isinstance(record, dict):
            problems.append(RowProblem(line, None, "this is no object", "write one object on each line"))
            continue
        cells, faults = _json_cells(line, record)
        problems += faults
        problems += _too_long(line, cells)
        rows.append(Row(line, _cells(cells.items())))
    return rows, problems


class _NamedTwice(ValueError):
    """A column that one line of JSON has twice: which of the two is meant nobody knows."""


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    record = dict(pairs)
    if len(record) < len(pairs):
        names = [name for name, _ in pairs]
        raise _NamedTwice(next(name for name in names if names.count(name) > 1)[:40])
    return record


def _json_cells(line: int, record: Mapping[str, object]) -> tuple[dict[str, str], list[RowProblem]]:
    cells: dict[str, str] = {}
    problems: list[RowProblem] = []
    for column, value in record.items():
        if column not in COLUMNS:
            problems.append(RowProblem(line, None, f"there is no column {column[:40]!r}", _known_columns(column)))
        elif value is None:
            continue
        # Elsewhere it would become the text True.
        elif isinstance(value, bool) and column in YES_OR_NO:
            cells[column] = "yes" if value else ""
        elif isinstance(value, str):
            cells[column] = value
        elif isinstance(value, list) and column == "allowed_addresses" and all(isinstance(one, str) for one in value):
            cells[column] = " ".join(value)
            if not value:  # an empty list is no list left out, and what it means differs by provider
                problems.append(RowProblem(line, column, "the list is empty", "name addresses, or leave it out"))
        else:
            problems.append(RowProblem(line, column, "it is not text", "write it in quotes"))
    return cells, problems
