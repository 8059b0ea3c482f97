"""docs/performance.md: its parts that are measured, each between two marks."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from benchmarks.measuring import measured

T = TypeVar("T")
PAGE = Path(__file__).parents[1] / "docs" / "performance.md"


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table in Markdown, of which all columns but the first hold figures."""
    names = list(heads)
    head, *body = ("".join(["|", *(f" {cell} |" if cell else " |" for cell in cells)]) for cells in (names, *rows))
    return "\n".join([head, "|---|" + "--:|" * (len(names) - 1), *body])


def renew(part: str, block: str, page: Path = PAGE) -> None:
    """Put a block between the marks of a part; all else on the page stays. Raises `ValueError` where there are none."""
    begin, end = rf"<!-- {part}: [^\n]* -->", f"<!-- /{part} -->"
    marks = re.compile(f"({begin}).*({re.escape(end)})", re.DOTALL)
    new, count = marks.subn(lambda found: f"{found[1]}\n\n{block}\n\n{found[2]}", page.read_text(encoding="utf-8"))
    if count != 1:
        raise ValueError(f"{page.name} has no place for {part!r}, or more than one")
    page.write_text(new, encoding="utf-8")


class Rows:
    """A part that is one table: figures by name, told as they come."""

    def __init__(self, part: str, head: str) -> None:
        self._part, self._head, self._rows = part, head, list[tuple[str, str]]()

    def add(self, name: str, figure: float, digits: int = 0) -> None:
        self._rows.append((name, f"{figure:,.{digits}f}"))
        print(*self._rows[-1], sep=": ", flush=True)

    def cpu(self, name: str, work: Callable[[], T], count: int) -> tuple[T, float]:
        """What the work returns, and the microseconds of CPU for each of so many."""
        found = measured(work)
        cost = found.cpu / count * 1e6
        self.add(name, cost)
        return found.result, cost

    def write(self) -> None:
        renew(self._part, table((f"{self._head}, {time.strftime('%Y-%m-%d')}", ""), self._rows))
