"""Many numbers in few lines: what is alike is said once, with how many numbers it is about and a few of them.

Every text and page that is about many numbers groups them here, so that none grows with the number of numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from telephony_core.migration.plan.findings import Finding, Severity

MOST_NAMED: Final = 3
"""So many numbers stand for all of a group."""
MOST_GROUPS: Final = 8
"""So many groups are shown; what is alike for that few numbers is a detail."""


class Group(NamedTuple):
    """What is said of several numbers alike."""

    text: str
    keys: tuple[str, ...]


def counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def examples(keys: Sequence[str]) -> str:
    """A few of these, and how many more there are."""
    if len(keys) <= MOST_NAMED + 1:  # "and 1 more" is no shorter than the one
        return ", ".join(keys)
    return f"{', '.join(keys[:MOST_NAMED])} and {len(keys) - MOST_NAMED:,} more"


def grouped(said: Iterable[tuple[str, str]]) -> list[Group]:
    """Pairs of a number and what is said of it: the same texts together, those of most numbers first.

    Texts that differ in nothing but their own number are the same; ``it`` stands for the number then.
    """
    groups: dict[str, dict[str, str]] = {}
    for key, text in said:
        groups.setdefault(text.replace(key, "it") if key else text, {}).setdefault(key, text)
    found = [
        Group(next(iter(texts.values())) if len(texts) == 1 else alike, tuple(texts)) for alike, texts in groups.items()
    ]
    return sorted(found, key=lambda group: -len(group.keys))


def group_lines(said: Iterable[tuple[str, str]], *, details: bool = False) -> list[str]:
    """What is said of many numbers: one line for each, with ``details``; else one for each group, and not too many."""
    pairs = list(said)
    if details:
        return [f"  {key}: {text}" for key, text in pairs]
    groups = grouped(pairs)
    lines = [f"  {whose(group.keys)}: {group.text}" for group in groups[:MOST_GROUPS]]
    return lines + _rest([key for group in groups[MOST_GROUPS:] for key in group.keys])


def whose(keys: Sequence[str], total: int | None = None) -> str:
    """Which numbers: the one, or how many and a few of them; ``total`` is of how many blocked ones."""
    return keys[0] if len(keys) == 1 else f"{_how_many(len(keys), total)} ({examples(keys)})"


def _how_many(count: int, blocked: int | None) -> str:
    if blocked is None:
        return counted(count, "number")
    if count < blocked:
        return f"{count:,} of {blocked:,} blocked numbers"
    return "both blocked numbers" if count == 2 else f"all {count:,} blocked numbers"


def _rest(keys: Sequence[str]) -> list[str]:
    count = len(dict.fromkeys(keys))
    return [f"  … and {counted(count, 'number')} more, each with a text of its own"] if count else []


# -- findings


@dataclass(frozen=True, slots=True)
class Cause:
    """A finding that many numbers have, be it about the trunk or the agent of each."""

    finding: Finding
    """That of the first number."""
    keys: tuple[str, ...]
    subjects: tuple[str, ...]
    """What it is about, where numbers share that: ``trunk main``."""
    remedies: tuple[str, ...]

    def sentence(self, total: int | None = None) -> str:
        """How many numbers it is about, and what; ``total`` is of how many blocked ones."""
        together, count = self.finding.together, len(self.keys)
        if together is not None and self.subjects:
            kind, _, name = self.subjects[0].partition(" ")
            who = f"{kind} {name}" if len(self.subjects) == 1 else counted(len(self.subjects), kind)
            return f"{who} {_in_number(together, len(self.subjects))}: {whose(self.keys, total)}"
        if together is not None and count == 1:
            return f"{self.keys[0]} {_in_number(together, 1)}"
        if together is not None:
            return f"{_how_many(count, total)} {together} ({examples(self.keys)})"
        outcome = f"{self.finding.outcome.replace('_', ' ')}, " if self.finding.outcome is not None else ""
        return f"{self.finding.field}: {outcome}{self.finding.message}: {whose(self.keys, total)}"

    @property
    def ways_out(self) -> tuple[str, ...]:
        """What can be done about it, for all of its numbers: the one, or the other."""
        if self.finding.allowed or self.finding.severity is Severity.INFO:
            return ()
        remedies = self.remedies[:1]
        if self.finding.allowance:
            remedies += (f"{'or, ' if remedies else ''}if that is meant: --allow {self.finding.allowance}",)
        return remedies


_IRREGULAR: Final = {"are": "is", "have": "has", "do": "does", "go": "goes"}
_UNCHANGED: Final = frozenset({"may", "can", "cannot", "will"})


def _in_number(sentence: str, count: int) -> str:
    """A sentence that begins with a verb in the plural, for so many."""
    verb, blank, rest = sentence.partition(" ")
    if count != 1 or verb in _UNCHANGED:
        return sentence
    return f"{_IRREGULAR.get(verb, f'{verb}s')}{blank}{rest}"


def one_line(text: str, lead: str = "") -> str:
    """What is said behind a sign or an indent, as one line: a provider's words may have line breaks."""
    return lead + " ".join(text.split())


def causes(found: Iterable[tuple[str, Finding]]) -> list[Cause]:
    """Numbers and their findings by cause, that of most numbers first; also where each number has its own trunk."""
    groups: dict[tuple[object, ...], list[tuple[str, Finding]]] = {}
    for key, finding in found:
        # Findings of plans of earlier versions have no such sentence.
        alike = (finding.together,) if finding.together is not None else (finding.field, finding.message)
        cause = (finding.severity, finding.allowed, finding.allowance, *alike)
        groups.setdefault(cause, []).append((key, finding))
    together = [
        Cause(
            group[0][1],
            tuple(dict.fromkeys(key for key, _ in group)),
            tuple(dict.fromkeys(finding.subject for _, finding in group if finding.subject is not None)),
            tuple(dict.fromkeys(finding.remedy for _, finding in group if finding.remedy is not None)),
        )
        for group in groups.values()
    ]
    return sorted(together, key=lambda cause: -len(cause.keys))


def cause_lines(found: Sequence[Cause], total: int | None = None) -> Iterator[str]:
    """Causes for a terminal, each with its way out. What still blocks is marked."""
    for cause in found[:MOST_GROUPS]:
        sign = "!" if cause.finding.blocks else "~"
        allowed = "allowed: " if cause.finding.allowed else ""
        yield one_line(f"{allowed}{cause.sentence(total)}", f"  {sign} ")
        yield from (one_line(way_out, "      ") for way_out in cause.ways_out)
    if more := found[MOST_GROUPS:]:
        count = len(dict.fromkeys(key for cause in more for key in cause.keys))
        yield f"  … and {len(more):,} more {'cause' if len(more) == 1 else 'causes'}, of {counted(count, 'number')}"
