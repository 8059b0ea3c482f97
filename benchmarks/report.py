"""From figures to a page: tables, and the goals beside what was measured."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version

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


# -- what we want to reach; of all adapters, the worst one counts


@dataclass(frozen=True)
class Goal:
    """A figure that is to stay within a bound."""

    what: str
    bound: float
    figure: float
    at_least: bool = False

    @property
    def met(self) -> bool:
        return self.figure >= self.bound if self.at_least else self.figure <= self.bound

    def row(self) -> str:
        digits = 2 if self.bound < 10 else 0
        sign, verdict = "≥" if self.at_least else "≤", "met" if self.met else "**missed**"
        return f"| {self.what} | {sign} {self.bound:.{digits}f} | {self.figure:.{digits}f} | {verdict} |"


# Contender; mode; what people call it; ratios for one GET and for a listing; share of the ideal, in percent.
BOUNDS = [
    ("telephony", "sync", "sync", 1.20, 1.80, 60),
    ("telephony", "async", "async", 1.10, 1.80, 40),
    ("telephony, fast", "sync", "sync, `urllib3`", 0.75, 1.50, 85),
    ("telephony, fast", "async", "async, `aiohttp`", 0.37, 1.50, 90),
]
NO_CLIFF = 0.9
"""Of the share with 100 in flight; so much has to be left with 500."""


def goals(figures: Figures) -> Iterator[Goal]:
    """Those for which something was measured: what a call costs, many at once, start-up, memory."""
    for name, mode, label, get, listed, _ in BOUNDS:
        ours = [entry for entry in figures.get if entry[:2] == (mode, name)]
        yield from _worst(f"GET one, {label}", get, ours, figures.get_ratio)
        yield from _worst(f"list 10,000, {label}", listed, ours, figures.list_ratio)
        sdks = {e.name: figures.get_ratio(e) for e in figures.get if e.mode == mode and e.name in SDKS}
        # Only the fast backends: one SDK is aiohttp itself, which no client over httpx comes near.
        if sdks and name == "telephony, fast":
            fastest = min(sdks, key=sdks.__getitem__)
            what = f"GET one, {label}, beside the fastest SDK ({fastest})"
            yield from _worst(what, sdks[fastest], ours, figures.get_ratio)
    for name, mode, label, _, _, least in BOUNDS:
        many, most = (figures.share(Entry(mode, name, "vox"), at_once) for at_once in (100, 500))
        if many is not None and most is not None:
            yield Goal(f"1,000 GETs, {label}, 100 in flight, % of the ideal", least, many, at_least=True)
            no_cliff = f"1,000 GETs, {label}, 500 in flight, no cliff: % of the ideal"
            yield Goal(no_cliff, NO_CLIFF * many, most, at_least=True)
    if figures.imports:
        both = 1.05 * figures.imports["httpx + pydantic"]
        yield Goal("`import telephony_core`, ms, beside `import httpx, pydantic`", both, figures.imports["telephony"])
        for command in ("telephony --help", "telephony --version"):
            yield Goal(f"`{command}`, ms of CPU", 150, figures.imports[command])
    sizes = sorted({size for _, size in figures.growth})
    for entry in dict.fromkeys(entry for entry, _ in figures.growth):
        least_peak, peak = (figures.growth[entry, size][1] for size in (sizes[0], sizes[-1]))
        what = f"memory of a listing for each further number, bytes, {SHAPES[entry.shape]}, {entry.name}"
        # ElevenLabs' list comes whole, so all of it is there at once: no more than six times its text.
        yield Goal(what, 6 * 586 if entry.shape == "elevenlabs" else 200, (peak - least_peak) / (sizes[-1] - sizes[0]))


def _worst(what: str, bound: float, entries: list[Entry], value: Callable[[Entry], float | None]) -> Iterator[Goal]:
    found = [figure for entry in entries if (figure := value(entry)) is not None]
    if found:
        yield Goal(what, bound, max(found))


# -- the page


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
