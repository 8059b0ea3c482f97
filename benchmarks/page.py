"""The parts of docs/performance.md that are measured, each between two marks."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table in Markdown, of which all columns but the first hold figures."""
    names = list(heads)
    head, *body = ("".join(["|", *(f" {cell} |" if cell else " |" for cell in cells)]) for cells in (names, *rows))
    return "\n".join([head, "|---|" + "--:|" * (len(names) - 1), *body])


def renew(begin: str, end: str, block: str, page: Path = PAGE) -> None:
    """Put a block between its marks; all else on the page stays."""
    text = page.read_text(encoding="utf-8") if page.exists() else f"# Performance\n\n{begin}\n{end}\n"
    new = f"{begin}\n\n{block}\n\n{end}"
    page.write_text(re.sub(f"{re.escape(begin)}.*{re.escape(end)}", lambda _: new, text, flags=re.DOTALL), "utf-8")
