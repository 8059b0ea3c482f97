"""The figures of the reliability suites: collected while they run, printed at the end, kept for the documentation.

A test says ``figures.count(1, "cells", 1)``, which adds up, or ``figures.measure(3, "rate used", "99.0 %")``; the first
argument is the point of ``docs/reliability.md``. What a long test tells is marked as such.
``python -m tests.reliability.figures`` writes what the last complete runs (``make test``, ``make test-long``,
``make mutants``) gave into that page, between ``<!-- figures: 1 -->`` and ``<!-- /figures -->``.
"""

from __future__ import annotations

import json
import re
import threading
from pathlib import Path
from typing import TypeAlias

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reliability.md"
KEPT = "reliability"
KEPT_IN = ROOT / ".pytest_cache" / "d" / KEPT / "figures.json"
_BETWEEN = re.compile(r"(<!-- figures: (\d+) -->\n).*?(<!-- /figures -->)", re.DOTALL)

Values: TypeAlias = dict[str, int | str]
"""By ``point: name``."""


class Figures:
    """What the tests of this process had to tell."""

    def __init__(self) -> None:
        self.values: Values = {}
        self.long = False
        """Whether the test that runs is a long one."""
        self._lock = threading.Lock()

    def count(self, point: int, name: str, more: int = 1) -> None:
        """Add to a count; several processes that share the tests are added up."""
        with self._lock:
            so_far = self.values.get(key := self._key(point, name), 0)
            assert isinstance(so_far, int), f"{key} is measured, not counted"
            self.values[key] = so_far + more

    def measure(self, point: int, name: str, value: str) -> None:
        """Tell a measured value, with its unit."""
        with self._lock:
            self.values[self._key(point, name)] = value

    def _key(self, point: int, name: str) -> str:
        return f"{point}: {name}{' (long)' if self.long else ''}"


figures = Figures()


# -- hooks: pytest finds them in tests/conftest.py


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Figures of a long run stand beside those of an ordinary one."""
    figures.long = item.get_closest_marker("long") is not None


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker of pytest-xdist hands its figures to the process that prints."""
    output: dict[str, object] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output[KEPT] = figures.values


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object) -> None:
    """The process that prints takes them."""
    output: dict[str, Values] = getattr(node, "workeroutput", {})
    figures.values = added_up([figures.values, output.get(KEPT, {})])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the figures, and keep them beside those that other runs gave."""
    if not figures.values:
        return
    terminalreporter.section("reliability figures")
    for line in lines(added_up([figures.values])):
        terminalreporter.line(line)
    cache = getattr(config, "cache", None)
    if cache is not None:
        keep(figures.values, cache.mkdir(KEPT) / KEPT_IN.name)


def keep(values: Values, file: Path = KEPT_IN) -> None:
    """Keep figures beside those that other runs gave."""
    before: Values = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(before | values, indent=1, sort_keys=True), encoding="utf-8")


# -- showing


def added_up(parts: list[Values]) -> Values:
    """Counts added, measures side by side."""
    whole: Values = {}
    for part in parts:
        for key, value in part.items():
            so_far = whole.get(key)
            whole[key] = so_far + value if isinstance(so_far, int) and isinstance(value, int) else value
    return dict(sorted(whole.items(), key=lambda item: (int(item[0].partition(":")[0]), item[0])))


def shown(value: int | str) -> str:
    return f"{value:,}" if isinstance(value, int) else value


def lines(values: Values) -> list[str]:
    """One line for each figure."""
    return [f"{key}: {shown(value)}" for key, value in values.items()]


def with_figures(page: str, values: Values) -> str:
    """The page with a table in every place that is marked and has figures; others stay as they are."""

    def table(found: re.Match[str]) -> str:
        own = {key: value for key, value in values.items() if key.startswith(f"{found[2]}: ")}
        if not own:
            return found[0]
        rows = [f"| {key.partition(': ')[2]} | {shown(value)} |" for key, value in added_up([own]).items()]
        return found[1] + "\n| figure | value |\n|---|---|\n" + "\n".join(rows) + f"\n\n{found[3]}"

    return _BETWEEN.sub(table, page)


def main() -> None:
    if not KEPT_IN.exists():
        raise SystemExit("no figures are kept: run `make test` and `make test-long` first")
    values: Values = json.loads(KEPT_IN.read_text(encoding="utf-8"))
    PAGE.write_text(with_figures(PAGE.read_text(encoding="utf-8"), values), encoding="utf-8")


if __name__ == "__main__":
    main()
