"""A migration as one page for whoever asks afterwards: what was done to which number and when, and what is left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from telephony_core.migration.inventory.fields import value_text
from telephony_core.migration.journal.entries import Phase
from telephony_core.migration.move.state import MigrationState
from telephony_core.migration.plan.model import Plan, PlanKind
from telephony_core.migration.plan.store import LoadedPlan
from telephony_core.migration.plan.verification import FieldVerification, VerificationResult
from telephony_core.migration.rendering.commands import command
from telephony_core.migration.rendering.grouping import counted, whose
from telephony_core.migration.rendering.pages import render_page, sentence
from telephony_core.migration.rendering.plan_page import provenance, skipped_numbers
from telephony_core.migration.rendering.plan_text import heading, label_of
from telephony_core.migration.run.status import NO_END, MigrationRun, NumberRun, StepTaken

_STATES: Final = {
    MigrationState.MOVED: ("moved, read back and equal", "good"),
    MigrationState.IMPORTED: ("imported, read back and equal", "good"),
    MigrationState.CHANGED: ("changed, read back and equal", "good"),
    MigrationState.RELEASED: ("moved, and released at the source", "good"),
    MigrationState.IN_DOUBT: ("in doubt, its import was not answered", "warn"),
    MigrationState.STARTED: ("started", "warn"),
    MigrationState.NOT_IN_SERVICE: ("imported, and not in service there", "block"),
    MigrationState.FAILED: ("failed", "block"),
    MigrationState.NEEDS_ACTION: ("needs action", "block"),
    MigrationState.NOT_STARTED: ("not started", "info"),
    MigrationState.ROLLED_BACK: ("rolled back", "info"),
}
_DOING: Final = {PlanKind.MIGRATE: "Moving", PlanKind.IMPORT: "Importing", PlanKind.SET: "Changing"}
_RESULTS: Final = (VerificationResult.DIFFERS, VerificationResult.UNVERIFIABLE)
_PHASES: Final = {Phase.DONE: "good", Phase.FAILED: "block", Phase.UNKNOWN: "block"}
_KINDS: Final = {
    "problem": "With a problem",
    **{result.value: result.value.capitalize() for result in _RESULTS},
    **{state.value: _STATES[state][0].capitalize() for state in MigrationState},
}


def migration_page(loaded: LoadedPlan, run: MigrationRun) -> str:
    """The run as HTML: which connections, when, what, per number, what is left, what to do next.

    Raises `ConfigurationError` where the extra ``cli`` is not installed.
    """
    plan = loaded.plan
    labels = {number.key: label_of(number) for number in plan.numbers}
    cards = [_card(number, labels.get(number.number), plan.kind) for number in run.numbers]
    found = {kind for card in cards for kind in card["kinds"]}
    own = command("report", run.plan, kind=run.kind)  # what this page is, is no next step
    commands = [each for each in run.next_commands if each != own]
    verified = sum(number.verified_at is not None for number in run.numbers)
    return render_page(
        "run.html",
        title=f"{_DOING[plan.kind]} {heading(plan, counted(len(plan.numbers), 'number')).partition(' ')[2]}",
        plan=plan,
        run=run,
        checksum=loaded.checksum,
        tiles=[(count, *_state(state, run.kind)) for state, count in run.counts.items()]
        + [(verified, "verified", "good" if verified else "")],
        commands=commands,
        next=list(_next(plan, run)) or ([] if commands or run.is_running else ["Nothing: this plan is done."]),
        open=_open(run),
        notes=list(_notes(plan, run)),
        runs=_runs(run),
        filters=[(kind, name) for kind, name in _KINDS.items() if kind in found],
        cards=cards,
        reasons=skipped_numbers(plan),
        provenance=provenance(plan),
    )


def _open(run: MigrationRun) -> list[tuple[str, ...]]:
    """What is left: a row for each number, and one for all that fare alike and have no record yet."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for number in run.numbers:
        if number.problem is not None or not number.is_finished:
            words, _ = _state(number.state, run.kind)
            groups.setdefault((words, number.problem or "–", number.record or "–"), []).append(number.number)
    return [(whose(keys), *row) for row, keys in groups.items()]


def _next(plan: Plan, run: MigrationRun) -> Iterator[str]:
    there = [number for number in run.numbers if number.state in (MigrationState.MOVED, MigrationState.IMPORTED)]
    # Whose verification found a difference may be gone by now: calls that are sent there would reach nobody.
    moved = sum(_takes_calls(number) for number in there)
    if left := len(there) - moved:
        what = "1 number where it is: what is wrong with it" if left == 1 else f"{left} numbers where they are: why"
        yield f"At the carrier: leave {what} is said below."
    if moved:
        host = f" ({plan.inbound_host})" if plan.inbound_host else ""
        # Some providers have an address for each number and no host for all.
        if not host and any(number.inbound_uri for number in run.numbers):
            host = " (the address is with each number below)"
        yield (
            f"At the carrier: send the calls of {counted(moved, 'number')} to {plan.target.connection}{host}, "
            "and place a call in each direction. Until one was placed, routing and passwords are unproven."
        )
    waiting = [number.releasable_at for number in run.numbers if number.releasable_at is not None]
    if waiting:
        yield f"The soak of all verified numbers ends on {value_text(max(waiting))}."
    for text in (run.chosen_again, run.way_on):
        if text is not None:
            yield sentence(text)


def _takes_calls(number: NumberRun) -> bool:
    """Whether nothing was found that speaks against sending the calls of a moved number to the target."""
    is_well = number.verified_at is not None or number.problem is None
    return is_well and number.unanswered != "rollback"


def _notes(plan: Plan, run: MigrationRun) -> Iterator[str]:
    unproven = Counter(
        field.field
        for number in run.numbers
        if number.state is not MigrationState.ROLLED_BACK
        for field in number.fields
        if field.result is VerificationResult.UNVERIFIABLE
    )
    for field, count in unproven.items():
        yield f"{field} of {counted(count, 'number')} cannot be read back"
    if plan.skipped:
        where = f"stayed at {plan.source.connection}" if plan.source is not None else f"were not {plan.kind.done}"
        yield f"{counted(len(plan.skipped), 'number')} {where}: see below"


def _runs(run: MigrationRun) -> list[tuple[str, ...]]:
    return [
        (
            info.command,
            info.whose,
            value_text(info.started_at),
            "–" if info.ended_at is None else value_text(info.ended_at),
            info.how_it_ended or ("at work" if run.is_running and info is run.runs[-1] else NO_END),
        )
        for info in run.runs
    ]


def _state(state: MigrationState, kind: PlanKind) -> tuple[str, str]:
    """A state in words, and its colour."""
    words, colour = _STATES[state]
    return (words.replace("its import", "a change of it") if kind is PlanKind.SET else words), colour


def _card(number: NumberRun, label: str | None, plan_kind: PlanKind) -> dict[str, Any]:
    words, kind = _state(number.state, plan_kind)
    counts = Counter(field.result for field in number.fields)
    shown = [result for result in _RESULTS if counts[result]]
    adopted = " (found after its answer was lost)" if number.adopted else ""
    facts = {
        "Record": f"{number.record}{adopted}" if number.record is not None else None,
        "In doubt until": number.in_doubt_until,
        "Verified": number.verified_at,
        "Its calls have to be sent to": number.inbound_uri,
        "Can be released at the source from": number.releasable_at,
        "Released at the source": number.released,
    }
    return {
        "number": number,
        "label": label,
        "kinds": [number.state.value, *shown, *(["problem"] if number.problem is not None else [])],
        "pills": [(words, kind), *((f"{counts[result]} {result.value}", result.value) for result in shown)],
        "facts": [(name, value_text(fact)) for name, fact in facts.items() if fact is not None],
        "fields": [_field(field) for field in number.fields],
        "steps": [_step(step) for step in number.steps],
    }


def _field(field: FieldVerification) -> tuple[object, ...]:
    found = "; ".join(part for part in (field.found, field.note) if part)
    return field.field, {"text": "", "pill": (field.result, field.result)}, field.desired or "–", found or "–"


def _step(step: StepTaken) -> tuple[object, ...]:
    action = {"text": step.action.replace("_", " "), "pill": (step.phase, _PHASES.get(step.phase, "info"))}
    result = {"text": sentence(step.message), "pill": None} if step.message else step.record or "–"
    return value_text(step.at), action, result
