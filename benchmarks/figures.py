"""What one run of the benchmarks measured."""

from __future__ import annotations

from dataclasses import dataclass, field

from benchmarks.measuring import Entry, Rounds, ratio

IDEAL = 0.5
"""Seconds: 1,000 requests of 50 ms over 100 connections."""


@dataclass
class Figures:
    """What one run measured."""

    quick: bool
    get_count: int = 0
    get: Rounds = field(default_factory=dict)
    list: Rounds = field(default_factory=dict)
    list_sdks: Rounds = field(default_factory=dict)
    bursts: dict[tuple[Entry, int], float] = field(default_factory=dict)
    growth: dict[tuple[Entry, int], tuple[float, float]] = field(default_factory=dict)
    imports: dict[str, float] = field(default_factory=dict)

    def find(self, mode: str, name: str, shape: str) -> Entry | None:
        return next((e for e in self.get if (e.mode, e.name, e.shape) == (mode, name, shape)), None)

    def get_ratio(self, entry: Entry) -> float:
        return ratio(self.get[entry])

    def list_ratio(self, entry: Entry) -> float | None:
        for found in (self.list, self.list_sdks):
            if entry in found:
                return ratio(found[entry])
        return None

    def share(self, entry: Entry, at_once: int) -> float | None:
        """Of the ideal, in percent."""
        seconds = self.bursts.get((entry, at_once))
        return None if seconds is None else 100 * IDEAL / seconds
