"""What we want to reach, beside what was measured. Of both adapters, the worse one counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchmarks.environments import SDKS
from benchmarks.figures import Figures
from benchmarks.measuring import Entry


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
WANTED = [
    ("telephony", "sync", "sync", 1.20, 1.80, 60),
    ("telephony", "async", "async", 1.10, 1.80, 40),
    ("telephony, fast", "sync", "sync, `urllib3`", 0.75, 1.50, 85),
    ("telephony, fast", "async", "async, `aiohttp`", 0.37, 1.50, 90),
]
FASTER = "telephony, fast"
"""Who has to be faster than every SDK: one of them is aiohttp below, which no client over httpx comes near."""
NO_CLIFF = 0.9
"""Of the share with 100 in flight; so much has to be left with 500."""


def goals(figures: Figures) -> Iterator[Goal]:
    """Those for which something was measured."""
    yield from _for_each_call(figures)
    yield from _in_flight(figures)
    yield from _at_the_start(figures)
    yield from _of_memory(figures)


def _for_each_call(figures: Figures) -> Iterator[Goal]:
    for name, mode, way, get, listed, _ in WANTED:
        ours = [e for shape in ("vox", "diga") if (e := figures.find(mode, name, shape)) is not None]
        yield from _worst(f"GET one, {way}", get, ours, figures.get_ratio)
        yield from _worst(f"list 10,000, {way}", listed, ours, figures.list_ratio)
        sdks = {e.name: figures.get_ratio(e) for e in figures.get if e.mode == mode and e.name in SDKS}
        if sdks and name == FASTER:
            fastest = min(sdks, key=sdks.__getitem__)
            what = f"GET one, {way}, beside the fastest SDK ({fastest})"
            yield from _worst(what, sdks[fastest], ours, figures.get_ratio)


def _worst(what: str, bound: float, entries: list[Entry], value: Callable[[Entry], float | None]) -> Iterator[Goal]:
    found = [figure for entry in entries if (figure := value(entry)) is not None]
    if found:
        yield Goal(what, bound, max(found))


def _in_flight(figures: Figures) -> Iterator[Goal]:
    for name, mode, way, _, _, least in WANTED:
        entry = figures.find(mode, name, "vox")
        many, most = (figures.share(entry, 100), figures.share(entry, 500)) if entry else (None, None)
        if many is not None and most is not None:
            yield Goal(f"1,000 GETs, {way}, 100 in flight, % of the ideal", least, many, at_least=True)
            yield Goal(
                f"1,000 GETs, {way}, 500 in flight, no cliff: % of the ideal", NO_CLIFF * many, most, at_least=True
            )


def _at_the_start(figures: Figures) -> Iterator[Goal]:
    if figures.imports:
        both = 1.05 * figures.imports["httpx + pydantic"]
        yield Goal("`import telephony_core`, ms, beside `import httpx, pydantic`", both, figures.imports["telephony"])
        for command in ("telephony --help", "telephony --version"):
            yield Goal(f"`{command}`, ms of CPU", 150, figures.imports[command])


def _of_memory(figures: Figures) -> Iterator[Goal]:
    sizes = {size for _, size in figures.growth}
    for entry, size in figures.growth:
        if size == max(sizes):
            grown = figures.growth[entry, size][1] - figures.growth[entry, min(sizes)][1]
            shape = {"vox": "vox", "diga": "Diga"}[entry.shape]
            yield Goal(
                f"memory of a listing for each further number, bytes, {shape}, {entry.name}",
                200,
                grown / (size - min(sizes)),
            )
