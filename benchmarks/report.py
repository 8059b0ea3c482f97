"""From what was measured of calls to their part of the page: the table of all contenders, and goals."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version
from statistics import median

from benchmarks.measuring import SDKS, SHAPES, Entry, Measured, Turn, Turns
from benchmarks.page import table
from benchmarks.server import RECORD_BYTES

ROWS = {
    "raw httpx": ("httpx", "vox"),
    "httpx's transports alone": ("httpx transports", "vox"),
    "aiohttp / urllib3 alone": ("aiohttp", "vox"),
    **{f"telephony, {vendor}": ("telephony", shape) for shape, vendor in SHAPES.items()},
    **{f"telephony fast, {vendor}": ("telephony, fast", shape) for shape, vendor in SHAPES.items()},
    **{name: (name, shape) for name, shape in SDKS.items()},
}


def ratio(turns: list[Turn]) -> float:
    return median(own.cpu / raw.cpu for own, raw in turns)


def microseconds(turns: list[Turn]) -> float:
    """Of CPU for each record."""
    return median(1e6 * own.cpu / int(own.result) for own, _ in turns)


def share(turns: list[Turn]) -> float:
    """The best one's, in percent of the ideal: 1,000 requests of 50 ms over 100 connections take half a second."""
    return 50 / min((own.wall for own, _ in turns), default=float("inf"))


COLUMNS: dict[str, tuple[str, str, Callable[[list[Turn]], float]]] = {
    "GET one, ratio": ("get", "{:.2f}", ratio),
    "GET one, µs": ("get", "{:.0f}", microseconds),
    "list 10,000, ratio": ("list", "{:.2f}", ratio),
    "list, µs a number": ("list", "{:.1f}", microseconds),
    "1,000 GETs, 100 in flight: share of the ideal": ("100 in flight", "{:.0f} %", share),
    "500 in flight": ("500 in flight", "{:.0f} %", share),
}


Row = tuple[str, str, str, str]


def goal(what: str, sign: str, bound: float, figure: float) -> Row:
    """A figure that is to stay within a bound."""
    digits = 2 if bound < 10 else 0
    met = figure <= bound if sign == "≤" else figure >= bound
    return what, f"{sign} {bound:.{digits}f}", f"{figure:.{digits}f}", "met" if met else "**missed**"


# Contender; mode; what people call it; ratios for one GET and for a listing; share of the ideal, in percent.
BOUNDS = [
    ("telephony", "sync", "sync", 1.20, 1.80, 60),
    ("telephony", "async", "async", 1.10, 1.80, 40),
    ("telephony, fast", "sync", "sync, `urllib3`", 0.75, 1.50, 85),
    ("telephony, fast", "async", "async, `aiohttp`", 0.37, 1.50, 90),
]
NO_CLIFF = 0.9
"""Of the share with 100 in flight; so much has to be left with 500."""


def goals(turns: Turns, imports: Mapping[str, float]) -> Iterator[Row]:
    """Of all adapters, the worst one counts."""
    for name, mode, label, get, listed, least in BOUNDS:
        one, many = (max(ratio(turns[what, Entry(mode, name, shape)]) for shape in SHAPES) for what in ("get", "list"))
        yield goal(f"GET one, {label}", "≤", get, one)
        yield goal(f"list 10,000, {label}", "≤", listed, many)
        few, most = (share(turns.get((f"{count} in flight", Entry(mode, name, "vox")), [])) for count in (100, 500))
        yield goal(f"1,000 GETs, {label}, 100 in flight, % of the ideal", "≥", least, few)
        yield goal(f"1,000 GETs, {label}, 500 in flight, no cliff: % of the ideal", "≥", NO_CLIFF * few, most)
    both = 1.05 * imports["httpx + pydantic"]
    yield goal("`import telephony_core`, ms, beside `import httpx, pydantic`", "≤", both, imports["telephony"])
    for command in ("telephony --help", "telephony --version"):
        yield goal(f"`{command}`, ms of CPU", "≤", 150, imports[command])
    for entry, listings in peaks(turns).items():
        name = f"memory of a listing for each further number, bytes, {SHAPES[entry.shape]}, {entry.name}"
        # ElevenLabs' list comes whole, so all of it is there at once: no more than six times its text.
        bound = 6 * RECORD_BYTES if entry.shape == "elevenlabs" else 200
        less, more = listings[0], listings[-1]
        yield goal(name, "≤", bound, (more.peak - less.peak) / (more.result - less.result))


def peaks(turns: Turns) -> dict[Entry, list[Measured]]:
    return {entry: [own for own, _ in listings] for (what, entry), listings in turns.items() if what == "peak"}


def block(turns: Turns, imports: Mapping[str, float], run: str) -> str:
    used = ("httpx", "pydantic", "aiohttp", "urllib3", "retell-sdk", "elevenlabs")
    known = ", ".join(f"{name} {version(name)}" for name in used)
    calls = []
    for label, (name, shape) in ROWS.items():
        both = Entry("sync", name.replace("aiohttp", "urllib3"), shape), Entry("async", name, shape)
        cells = (
            [form.format(value(turns[what, entry])) if (what, entry) in turns else "–" for entry in both]
            for what, form, value in COLUMNS.values()
        )
        calls.append([label, *map(" / ".join, cells)])
    memory = [
        (f"{SHAPES[entry.shape]}, {entry.name}", f"{own.result:,}", f"{own.peak / 1024:.0f}")
        for entry, listings in peaks(turns).items()
        for own in listings
    ]
    return "\n\n".join((
        f"Python {platform.python_version()} on {platform.system()} {platform.machine()}, {os.cpu_count()} CPUs; "
        f"{known}. {time.strftime('%Y-%m-%d')}, {run}.",
        "Sync / async. Ratios are CPU of the client's process over that of raw `httpx` and `json.loads` in the same "
        "turn, the median of all turns.",
        table(("", *COLUMNS), calls),
        "### Goals",
        "Of all adapters, the worst one counts.",
        table(("goal", "bound", "measured", ""), goals(turns, imports)),
        "### Start-up",
        table(("a process that only does this", "ms of CPU"), [(name, f"{ms:.0f}") for name, ms in imports.items()]),
        "### Memory of a listing",
        table(("list", "numbers", "peak, KiB"), memory),
    ))  # fmt: skip
