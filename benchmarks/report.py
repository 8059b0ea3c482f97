"""From figures to a page: tables, and the goals beside what was measured."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from importlib.metadata import version

from benchmarks.goals import goals
from benchmarks.measuring import SDKS, SHAPES, Entry, Figures
from benchmarks.page import table

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


def comparison(figures: Figures, first: str, *columns: Column) -> str:
    """A row a contender, sync / async."""
    rows = []
    for label, (name, shape) in ROWS.items():
        entries = (Entry("sync", "urllib3" if name == "aiohttp" else name, shape), Entry("async", name, shape))
        if any(entry in figures.get for entry in entries):
            cells = [label]
            for _, form, value in columns:
                found = [value(entry) if entry in figures.get else None for entry in entries]
                cells.append(" / ".join("–" if figure is None else form.format(figure) for figure in found))
            rows.append(cells)
    return table([first, *(head for head, _, _ in columns)], rows)


def block(figures: Figures) -> str:
    libraries = ", ".join(f"{name} {version(name)}" for name in ("httpx", "pydantic", "aiohttp", "urllib3"))
    ratios = comparison(
        figures,
        "",
        ("GET one, ratio", "{:.2f}", figures.get_ratio),
        ("list 10,000, ratio", "{:.2f}", figures.list_ratio),
        ("1,000 GETs, 100 in flight: share of the ideal", "{:.0f} %", lambda entry: figures.share(entry, 100)),
        ("500 in flight", "{:.0f} %", lambda entry: figures.share(entry, 500)),
    )
    absolutes = comparison(
        figures,
        "CPU of the client",
        ("GET one, µs", "{:.0f}", figures.get_microseconds),
        ("list, µs a number", "{:.1f}", figures.list_microseconds),
    )
    growth = [
        (f"{entry.shape}, {entry.name}", f"{size:,}", f"{1e6 * spent / size:.1f}",
         f"{peak / 1024 / size * 1000:.0f}", f"{peak / 1024:.0f}")
        for (entry, size), (spent, peak) in figures.growth.items()
    ]  # fmt: skip
    return "\n\n".join((
        f"Python {platform.python_version()} on {platform.system()} {platform.machine()}, {os.cpu_count()} CPUs; "
        f"{libraries}; {', '.join(name.replace('==', ' ') for name in SDKS.values())}. "
        f"{time.strftime('%Y-%m-%d')}, {'quick mode' if figures.quick else 'full run'}.",
        "Sync / async. Ratios are CPU of the client's process over that of raw `httpx` and `json.loads` in the same "
        "turn, the median of all turns.",
        ratios,
        "### Goals",
        "Of all adapters, the worst one counts.",
        "\n".join(["| goal | bound | measured | |", "|---|--:|--:|---|", *(goal.row() for goal in goals(figures))]),
        "### In microseconds",
        absolutes,
        "### Start-up",
        table(("a process that only does this", "ms of CPU"), [(n, f"{ms:.0f}") for n, ms in figures.imports.items()]),
        "### Growth",
        table(("list", "numbers", "CPU, ms a thousand", "peak memory, KiB a thousand", "peak memory, KiB"), growth),
    ))  # fmt: skip
