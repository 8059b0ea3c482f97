"""From figures to a page: tables, and the goals beside what was measured."""

from __future__ import annotations

import os
import platform
import re
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from statistics import median

from benchmarks.goals import goals
from benchmarks.measuring import SDKS, SHAPES, Entry, Figures, Turn

BEGIN, END = "<!-- measured: written by `make bench` -->", "<!-- end of what was measured -->"
ROWS = {
    "raw httpx": ("httpx", "vox"),
    "httpx + pydantic": ("httpx + pydantic", "vox"),
    "aiohttp / urllib3 alone": ("aiohttp", "vox"),
    **{f"telephony, {vendor}": ("telephony", shape) for shape, vendor in SHAPES.items()},
    **{f"telephony fast, {vendor}": ("telephony, fast", shape) for shape, vendor in SHAPES.items()},
    **{f"{name} SDK": (name, name) for name in SDKS},
}
Column = tuple[str, str, Callable[[Entry], float | None]]
"""Heading, format and value."""


def comparison(figures: Figures, first: str, columns: list[Column]) -> Iterator[str]:
    """A row a contender, sync / async."""
    yield f"| {first} | {' | '.join(head for head, _, _ in columns)} |"
    yield "|---|" + "--:|" * len(columns)
    for label, (name, shape) in ROWS.items():
        entries = (Entry("sync", "urllib3" if name == "aiohttp" else name, shape), Entry("async", name, shape))
        if any(entry in figures.get for entry in entries):
            cells = []
            for _, form, value in columns:
                found = [value(entry) if entry in figures.get else None for entry in entries]
                cells.append(" / ".join("–" if figure is None else form.format(figure) for figure in found))
            yield f"| {label} | {' | '.join(cells)} |"


def microseconds(turns: list[Turn] | None, count: int) -> float | None:
    return 1e6 * median(turn.cpu for turn in turns) / count if turns else None


def block(figures: Figures) -> str:
    libraries = ", ".join(f"{name} {version(name)}" for name in ("httpx", "pydantic", "aiohttp", "urllib3"))
    ratios: list[Column] = [
        ("GET one, ratio", "{:.2f}", figures.get_ratio),
        ("list 10,000, ratio", "{:.2f}", figures.list_ratio),
        ("1,000 GETs, 100 in flight: share of the ideal", "{:.0f} %", lambda entry: figures.share(entry, 100)),
        ("500 in flight", "{:.0f} %", lambda entry: figures.share(entry, 500)),
    ]
    absolutes: list[Column] = [
        ("GET one, µs", "{:.0f}", lambda entry: microseconds(figures.get[entry], figures.get_count)),
        ("list, µs a number", "{:.1f}", lambda entry: microseconds(figures.list.get(entry), 10_000)),
    ]
    growth = [
        f"| {entry.shape}, {entry.name} | {size:,} | {1e6 * spent / size:.1f} | "
        f"{peak / 1024 / size * 1000:.0f} | {peak / 1024:.0f} |"
        for (entry, size), (spent, peak) in figures.growth.items()
    ]
    sections = [
        [f"Python {platform.python_version()} on {platform.system()} {platform.machine()}, {os.cpu_count()} CPUs; "
         f"{libraries}; {', '.join(name.replace('==', ' ') for name in SDKS.values())}. "
         f"{time.strftime('%Y-%m-%d')}, {'quick mode' if figures.quick else 'full run'}."],
        ["Sync / async. Ratios are CPU of the client's process over that of raw `httpx` and `json.loads` in the same "
         "turn, the median of all turns."],
        comparison(figures, "", ratios),
        ["### Goals"],
        ["Of all adapters, the worst one counts."],
        ["| goal | bound | measured | |", "|---|--:|--:|---|", *(goal.row() for goal in goals(figures))],
        ["### In microseconds"],
        comparison(figures, "CPU of the client", absolutes),
        ["### Start-up"],
        ["| a process that only does this | ms of CPU |", "|---|--:|",
         *(f"| {name} | {cost:.0f} |" for name, cost in figures.imports.items())],
        ["### Growth"],
        ["| list | numbers | CPU, ms a thousand | peak memory, KiB a thousand | peak memory, KiB |",
         "|---|--:|--:|--:|--:|", *growth],
    ]  # fmt: skip
    return "\n\n".join("\n".join(section) for section in sections)


def write(figures: Figures, page: Path) -> None:
    """Renew what stands between the marks of the page."""
    text = page.read_text(encoding="utf-8") if page.exists() else f"# Performance\n\n{BEGIN}\n{END}\n"
    new = f"{BEGIN}\n\n{block(figures)}\n\n{END}"
    text = re.sub(f"{re.escape(BEGIN)}.*{re.escape(END)}", lambda _: new, text, flags=re.DOTALL)
    page.write_text(text, encoding="utf-8")
