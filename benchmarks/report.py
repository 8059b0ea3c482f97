"""From figures to a page: tables, plots, and the goals beside what was measured."""

from __future__ import annotations

import os
import platform
import re
import time
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import version
from pathlib import Path

from benchmarks.environments import SDKS
from benchmarks.figures import Figures
from benchmarks.goals import goals
from benchmarks.measuring import Entry, seconds
from benchmarks.plots import bars, lines

BEGIN, END = "<!-- measured: written by `make bench` -->", "<!-- end of what was measured -->"
ROWS = [
    ("raw httpx", "httpx", "vox"),
    ("httpx + pydantic", "httpx + pydantic", "vox"),
    ("aiohttp / urllib3 alone", "aiohttp", "vox"),
    ("telephony, vox", "telephony", "vox"),
    ("telephony, Diga", "telephony", "diga"),
    ("telephony fast, vox", "telephony, fast", "vox"),
    ("telephony fast, Diga", "telephony, fast", "diga"),
    *((f"{name} SDK", name, name) for name in SDKS),
]


def pairs(figures: Figures) -> Iterator[tuple[str, Entry | None, Entry | None]]:
    """Rows of the table: what it is, in ordinary code, in async code."""
    for label, name, shape in ROWS:
        sync = figures.find("sync", "urllib3" if name == "aiohttp" else name, shape)
        asynchronous = figures.find("async", name, shape)
        if sync is not None or asynchronous is not None:
            yield label, sync, asynchronous


def cell(entry: Entry | None, value: Callable[[Entry], float | None], form: str = "{:.2f}") -> str:
    found = None if entry is None else value(entry)
    return "–" if found is None else form.format(found)


def table(figures: Figures) -> Iterator[str]:
    yield "| | GET one, ratio | list 10,000, ratio | 1,000 GETs, 100 in flight: share of the ideal | 500 in flight |"
    yield "|---|--:|--:|--:|--:|"
    for label, *both in pairs(figures):
        cells = [
            " / ".join(cell(entry, value, form) for entry in both)
            for value, form in (
                (figures.get_ratio, "{:.2f}"),
                (figures.list_ratio, "{:.2f}"),
                (lambda entry: figures.share(entry, 100), "{:.0f} %"),
                (lambda entry: figures.share(entry, 500), "{:.0f} %"),
            )
        ]
        yield f"| {label} | {' | '.join(cells)} |"


def goal_table(figures: Figures) -> Iterator[str]:
    yield "| goal | bound | measured | |"
    yield "|---|--:|--:|---|"
    for goal in goals(figures):
        yield goal.row()


def absolutes(figures: Figures) -> Iterator[str]:
    yield "| CPU of the client | GET one, µs | list, µs a number |"
    yield "|---|--:|--:|"
    for label, *both in pairs(figures):

        def get(entry: Entry) -> float:
            return 1e6 * seconds(figures.get[entry]) / figures.get_count

        def listed(entry: Entry) -> float | None:
            found = figures.list.get(entry) or figures.list_sdks.get(entry)
            return 1e6 * seconds(found) / 10_000 if found else None

        cells = [
            " / ".join(cell(entry, value, form) for entry in both)
            for value, form in ((get, "{:.0f}"), (listed, "{:.1f}"))
        ]
        yield f"| {label} | {' | '.join(cells)} |"


def import_table(figures: Figures) -> Iterator[str]:
    yield "| a process that only does this | ms of CPU |"
    yield "|---|--:|"
    for name, cost in figures.imports.items():
        yield f"| {name} | {cost:.0f} |"


def growth_table(figures: Figures) -> Iterator[str]:
    yield "| list | numbers | CPU, ms a thousand | peak memory, KiB a thousand | peak memory, KiB |"
    yield "|---|--:|--:|--:|--:|"
    for (entry, size), (spent, peak) in figures.growth.items():
        yield (
            f"| {entry.shape}, {entry.name} | {size:,} | {1e6 * spent / size:.1f} | "
            f"{peak / 1024 / size * 1000:.0f} | {peak / 1024:.0f} |"
        )


def circumstances(figures: Figures) -> str:
    libraries = ", ".join(f"{name} {version(name)}" for name in ("httpx", "pydantic", "aiohttp", "urllib3"))
    sdks = ", ".join(name.replace("==", " ") for name in SDKS.values())
    mode = "quick mode" if figures.quick else "full run"
    return (
        f"Python {platform.python_version()} on {platform.system()} {platform.machine()}, {os.cpu_count()} CPUs; "
        f"{libraries}; {sdks}. {time.strftime('%Y-%m-%d')}, {mode}."
    )


def block(figures: Figures) -> str:
    sections: list[Iterable[str]] = [
        [circumstances(figures)],
        ["Sync / async. Ratios are CPU of the client's process over that of raw `httpx` and `json.loads` in the same "
         "turn, the median of all turns."],
        table(figures),
        ["![CPU of one GET and of a listing, beside raw httpx](performance-ratios.svg)"],
        ["### Goals"],
        ["Of both adapters, the worse one counts."],
        goal_table(figures),
        ["### In microseconds"],
        absolutes(figures),
        ["### Start-up"],
        import_table(figures),
        ["### Growth"],
        growth_table(figures),
        ["![CPU and peak memory for each thousand numbers listed](performance-growth.svg)"],
    ]  # fmt: skip
    return "\n\n".join("\n".join(section) for section in sections)


def ratio_plot(figures: Figures) -> str:
    panels: dict[str, dict[str, float]] = {}
    for mode in ("sync", "async"):
        for what, value in (("GET one", figures.get_ratio), ("list 10,000", figures.list_ratio)):
            panel = {}
            for entry in figures.get:
                figure = value(entry) if entry.mode == mode else None
                if figure is not None and (entry.name, entry.shape) != ("httpx", "diga"):
                    shape = {"vox": "", "diga": " (Diga)"}.get(entry.shape, "")
                    name = f"{entry.name} SDK" if entry.name in SDKS else f"{entry.name}{shape}"
                    panel[name] = figure
            panels[f"{what}, {mode}"] = panel
    return bars("CPU of the client, raw httpx = 1 (logarithmic)", panels, "telephony")


def growth_plot(figures: Figures) -> str:
    sizes = sorted({size for _, size in figures.growth})
    names: dict[str, Entry] = {f"{e.shape}, {e.name}": e for e, _ in figures.growth}
    return lines(
        "Listing: the cost of each thousand numbers stays the same",
        sizes,
        {
            "CPU, ms a thousand": {
                name: [1e6 * figures.growth[entry, size][0] / size for size in sizes] for name, entry in names.items()
            },
            "peak memory, MiB in all": {
                name: [figures.growth[entry, size][1] / 2**20 for size in sizes] for name, entry in names.items()
            },
        },
    )


def written(figures: Figures, page: Path) -> None:
    """Renew what stands between the marks of the page, and its plots beside it."""
    text = page.read_text(encoding="utf-8") if page.exists() else f"# Performance\n\n{BEGIN}\n{END}\n"
    new = f"{BEGIN}\n\n{block(figures)}\n\n{END}"
    text = re.sub(f"{re.escape(BEGIN)}.*{re.escape(END)}", lambda _: new, text, flags=re.DOTALL)
    page.write_text(text, encoding="utf-8")
    page.with_name("performance-ratios.svg").write_text(ratio_plot(figures), encoding="utf-8")
    page.with_name("performance-growth.svg").write_text(growth_plot(figures), encoding="utf-8")
