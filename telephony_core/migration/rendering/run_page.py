"""A migration as one page for whoever asks afterwards: what was done to which number and when, and what is left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from telephony_core.migration.inventory.fields import value_text
from telephony_core.migration.journal.entries import Phase
from telephony_core.migration.move.state import MigrationState
from telephony_core.migration.plan.model import Plan
from telephony_core.migration.plan.store import LoadedPlan
from telephony_core.migration.plan.verification import FieldVerification, VerificationResult
from telephony_core.migration.rendering.html import Html, items, join, page, tag
from telephony_core.migration.rendering.plan_page import (
    data,
    filter_bar,
    number_card,
    numbers_left_out,
    pill,
    prose,
    sentence,
    table,
    tiles_of,
)
from telephony_core.migration.rendering.plan_text import counted, side_text
from telephony_core.migration.run.status import MigrationRun, NumberRun, StepTaken

_WORDS: Final = {
    MigrationState.MOVED: ("moved, read back and equal", "good"),
    MigrationState.RELEASED: ("moved, and released at the source", "good"),
    MigrationState.IN_DOUBT: ("in doubt, its import was not answered", "warn"),
    MigrationState.STARTED: ("started", "warn"),
    MigrationState.NOT_IN_SERVICE: ("made, and not in service there", "block"),
    MigrationState.FAILED: ("failed", "block"),
    MigrationState.NEEDS_ACTION: ("needs action", "block"),
    MigrationState.NOT_STARTED: ("not started", "info"),
    MigrationState.ROLLED_BACK: ("rolled back", "info"),
}
_VERDICTS: Final = (VerificationResult.DIFFERS, VerificationResult.UNVERIFIABLE)


def migration_page(loaded: LoadedPlan, run: MigrationRun) -> str:
    """The run as HTML: which connections, when, what, per number, what is left over, what to do next."""
    plan = loaded.plan
    labels = {number.key: number.source.label for number in plan.numbers}
    title = f"Moving {counted(len(plan.numbers), 'number')} from {side_text(plan.source)} to {side_text(plan.target)}"
    body = join(
        [
            tag("h1", title),
            tag("p", f"As of {value_text(run.at)}{', and still at work' if run.is_running else ''}.", class_="soft"),
            _tiles(run),
            tag("h2", "What to do next"),
            tag("div", items(_next(plan, run)), class_="box"),
            *_leftovers(plan, run),
            *_runs(run),
            filter_bar(_filters(run)),
            *_numbers(run, labels),
            *numbers_left_out(plan),
            *data(plan, loaded.checksum),
        ]
    )
    return page(title, body)


def _tiles(run: MigrationRun) -> Html:
    tiles = [(str(count), _WORDS[state][0], _WORDS[state][1]) for state, count in run.counts.items()]
    verified = sum(number.verified_at is not None for number in run.numbers)
    return tiles_of([*tiles, (str(verified), "verified", "good" if verified else None)])


def _next(plan: Plan, run: MigrationRun) -> Iterator[Html]:
    if run.is_running:
        yield prose("A run is at work: wait for it, or look again.")
    for command in run.next_commands:
        yield tag("code", command)
    moved = run.counts.get(MigrationState.MOVED, 0)
    if moved:
        host = f" ({plan.inbound_host})" if plan.inbound_host else ""
        yield prose(
            f"At the carrier: send the calls of {counted(moved, 'number')} to {plan.target.connection}{host}, "
            "and place a call in each direction. Until one was placed, routing and passwords are unproven."
        )
    waiting = [number.releasable_at for number in run.numbers if number.releasable_at is not None]
    if waiting:
        yield prose(f"The soak of all that are verified is over on {value_text(max(waiting))}.")


def _leftovers(plan: Plan, run: MigrationRun) -> Iterator[Html]:
    left = [
        (number.number, _WORDS[number.state][0], number.problem or "–", number.record or "–")
        for number in run.numbers
        if number.problem is not None or not number.is_finished
    ]
    unproven: dict[str, list[str]] = {}
    for number in run.numbers:
        for field in number.fields:
            if field.result is VerificationResult.UNVERIFIABLE:
                unproven.setdefault(field.field, []).append(number.number)
    if left or unproven or plan.skipped:
        yield tag("h2", "What is left over")
    if left:
        yield table(("", "where it stands", "what went wrong", f"record at {plan.target.connection}"), left)
    notes = [f"{field} of {counted(len(keys), 'number')} cannot be read back" for field, keys in unproven.items()]
    if plan.skipped:
        notes.append(f"{counted(len(plan.skipped), 'number')} stayed at {plan.source.connection}: see below")
    yield from [tag("div", items(notes), class_="box")] if notes else []


def _runs(run: MigrationRun) -> Iterator[Html]:
    yield tag("h2", "What was run")
    if not run.runs:
        yield tag("p", "Nothing yet.")
        return
    rows = [
        (
            info.command,
            value_text(info.started_at),
            "–" if info.ended_at is None else value_text(info.ended_at),
            info.how_it_ended or ("at work" if run.is_running and info is run.runs[-1] else "did not say"),
        )
        for info in run.runs
    ]
    yield table(("", "began", "ended", "how it ended"), rows)


def _filters(run: MigrationRun) -> list[tuple[str, str]]:
    found = {word for number in run.numbers for word in _has(number)}
    names = {
        "problem": "With a problem",
        VerificationResult.DIFFERS.value: "Differs",
        VerificationResult.UNVERIFIABLE.value: "Unverifiable",
        **{state.value: _WORDS[state][0].capitalize() for state in MigrationState},
    }
    return [(word, name) for word, name in names.items() if word in found]


def _has(number: NumberRun) -> list[str]:
    words = {number.state.value, *(field.result.value for field in number.fields if field.result in _VERDICTS)}
    return sorted(words | ({"problem"} if number.problem is not None else set()))


def _numbers(run: MigrationRun, labels: dict[str, str | None]) -> Iterator[Html]:
    cards = [_card(number, labels.get(number.number)) for number in run.numbers]
    yield tag("section", tag("h2", counted(len(cards), "number")), *cards, data_cards=True)


def _card(number: NumberRun, label: str | None) -> Html:
    said, kind = _WORDS[number.state]
    counts = Counter(field.result for field in number.fields)
    pills = [pill(said, kind)]
    pills += [pill(f"{counts[result]} {result.value}", result.value) for result in _VERDICTS if counts[result]]
    return number_card(number.number, label, pills, _has(number), _details(number))


def _details(number: NumberRun) -> Iterator[Html]:
    if number.problem is not None:
        yield tag("p", pill("problem", "block"), Html(" "), prose(number.problem))
    adopted = " (found after its answer was lost)" if number.adopted else ""
    told = {
        "Record": f"{number.record}{adopted}" if number.record is not None else None,
        "In doubt until": value_text(number.in_doubt_until) if number.in_doubt_until is not None else None,
        "Verified": value_text(number.verified_at) if number.verified_at is not None else None,
        "Can be released at the source from": (
            value_text(number.releasable_at) if number.releasable_at is not None else None
        ),
        "Released at the source": number.released,
    }
    for name, said in told.items():
        if said is not None:
            yield tag("p", tag("span", f"{name}:", class_="soft"), Html(" "), said)
    if number.fields:
        yield tag("h3", "Compared with what was wanted")
        yield table(("", "result", "desired", "found"), (_verdict(field) for field in number.fields))
    yield tag("h3", "What happened")
    yield from [_history(number.steps)] if number.steps else [tag("p", "Nothing yet.")]


def _verdict(field: FieldVerification) -> tuple[str, Html, str, str]:
    found = "; ".join(part for part in (field.found, field.note) if part)
    return field.field, pill(field.result.value, field.result.value), field.desired or "–", found or "–"


_PHASES: Final = {Phase.DONE: "good", Phase.FAILED: "block", Phase.UNKNOWN: "block"}


def _history(steps: Iterable[StepTaken]) -> Html:
    rows = [
        (
            f"{step.at:%Y-%m-%d %H:%M:%S}",
            join([step.action.replace("_", " "), Html(" "), pill(step.phase.value, _PHASES.get(step.phase, "info"))]),
            prose(sentence(step.message)) if step.message else step.record or "–",
        )
        for step in steps
    ]
    return table(("when (UTC)", "step", "in words, or its record"), rows)
