"""Reads `fault_policy.md`: what becomes of an operation when one of its requests goes wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from telephony_core import errors

PAGE = Path(__file__).with_name("fault_policy.md")
KINDS = ("read", "update", "assign", "once")
_CELL = re.compile(r"(?P<gets>\w+) ×(?P<sent>\d)(?P<looked>, looked)?(?:, (?P<state>done|not done))?")


@dataclass(frozen=True)
class Cell:
    """What the caller gets: an error, or ``None`` for ok."""

    error: type[errors.TelephonyError] | None
    sent: int
    """Attempts of the struck request."""
    looked: bool
    done: bool
    """Whether the change is there afterwards."""

    @classmethod
    def parse(cls, text: str) -> Cell:
        found = _CELL.fullmatch(text)
        assert found is not None, f"cannot read the cell {text!r}"
        ok = found["gets"] == "ok"
        return cls(
            None if ok else getattr(errors, found["gets"]),
            int(found["sent"]),
            found["looked"] is not None,
            ok or found["state"] == "done",
        )


@dataclass(frozen=True)
class Row:
    """A fault, how often it strikes, whether the vendor acts, and a cell for each kind of request."""

    fault: str
    strikes: str
    acts: bool
    cells: dict[str, Cell]

    def __str__(self) -> str:
        return f"{self.fault}, {self.strikes}, vendor {'acted' if self.acts else 'idle'}"

    @property
    def always(self) -> bool:
        return self.strikes != "once"

    @property
    def stays(self) -> bool:
        return self.strikes == "from then on"


def _tables() -> Iterator[list[list[str]]]:
    """The tables of the page, each as its rows without heading."""
    table: list[list[str]] = []
    for line in [*PAGE.read_text(encoding="utf-8").splitlines(), ""]:
        if line.startswith("|"):
            table.append([cell.strip() for cell in line.strip("|").split("|")])
        elif table:
            yield table[2:]
            table = []


def _rows(table: list[list[str]]) -> list[Row]:
    return [
        Row(
            fault,
            strikes,
            {"idle": False, "acted": True}[vendor],
            dict(zip(KINDS, map(Cell.parse, cells), strict=True)),
        )
        for fault, strikes, vendor, *cells in table
    ]


_POLICY, _ON_THE_WIRE, _, _EXCEPTIONS = _tables()
ROWS = _rows(_POLICY)
ROWS_ON_THE_WIRE = _rows(_ON_THE_WIRE)
EXCEPTIONS = {(fault, step): Cell.parse(cell) for fault, step, cell in _EXCEPTIONS}


def cell(row: Row, step: str) -> Cell:
    """The cell for a request, given as one of `KINDS` and, after a comma, its place or peculiarity."""
    kind = "read" if step.startswith("look") else step.split(",", maxsplit=1)[0]
    return EXCEPTIONS.get((row.fault, step)) or row.cells[kind]
