"""A plan as one page for whoever approves it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from telephony_core.migration.inventory.fields import value_text
from telephony_core.migration.plan.findings import Finding, Severity, Skipped, SkipReason
from telephony_core.migration.plan.model import Plan, PlanKind, PlannedNumber, PlannedStep
from telephony_core.migration.plan.store import LoadedPlan
from telephony_core.migration.rendering.grouping import Cause, causes, counted
from telephony_core.migration.rendering.pages import render_page, sentence
from telephony_core.migration.rendering.plan_text import (
    WHY_WORDS,
    alike,
    duration_text,
    estimate_text,
    heading,
    label_of,
    order_text,
    says_more,
    severity_word,
    skipped_by_reason,
    trunk_text,
    worth_showing,
)

_NEEDS_ACTION: Final = frozenset({SkipReason.BLOCKED, SkipReason.AMBIGUOUS, SkipReason.IN_TRANSITION})
_STOPPED: Final = _NEEDS_ACTION | {SkipReason.IDENTITY, SkipReason.PURCHASED}
_KINDS: Final = {"block": "Blocked", "warn": "Warnings", "allowed": "Allowed", "info": "Notes"}
_PLURALS: Final = {"block": "blocks", "warn": "warnings", "allowed": "allowed"}


def plan_page(plan: Plan | LoadedPlan) -> str:
    """The plan as HTML. One that was saved or loaded shows its checksum as well, by which an approval can name it.

    Raises `ConfigurationError` where the extra ``cli`` is not installed.
    """
    checksum = plan.checksum if isinstance(plan, LoadedPlan) else None
    plan = plan.plan if isinstance(plan, LoadedPlan) else plan
    cards = [_card(number) for number in plan.numbers]
    reasons = skipped_numbers(plan)
    found = {kind for card in cards for kind in card["kinds"]}
    found |= {kind for _, _, groups in reasons for group in groups for kind in group["kinds"]}
    return render_page(
        "plan.html",
        title=heading(plan, counted(len(plan.numbers), "number")),
        plan=plan,
        checksum=checksum,
        tiles=_tiles(plan),
        meaning=list(_meaning(plan)),
        uses=Counter(finding.allowance for number in plan.numbers for finding in number.findings if finding.allowed),
        causes=_causes(plan),
        filters=[(kind, name) for kind, name in _KINDS.items() if kind in found],
        cards=cards,
        reasons=reasons,
        provenance=provenance(plan),
    )


def _tiles(plan: Plan) -> list[tuple[object, str, str]]:
    waiting = sum(skipped.why in _NEEDS_ACTION for skipped in plan.skipped)
    warned = sum(any(finding.severity is not Severity.INFO for finding in number.findings) for number in plan.numbers)
    return [
        (len(plan.numbers), f"to be {plan.kind.done}", "good" if plan.numbers else ""),
        (warned, "of them with warnings", "warn" if warned else ""),
        (waiting, "need action", "block" if waiting else ""),
        (len(plan.skipped) - waiting, f"are not {plan.kind.done}", ""),
        (duration_text(plan.estimate.seconds), "to apply", ""),
    ]


def _meaning(plan: Plan) -> Iterator[str]:
    if not plan.numbers:
        yield f"There is nothing to {plan.kind.verb}."
        return
    target = plan.target.connection
    yield order_text(plan)
    yield f"{estimate_text(plan)}."
    if plan.source is not None:
        yield (
            f"The numbers at {plan.source.connection} stay as they are. Releasing them there is a command of its own, "
            f"possible {plan.settings.soak_hours:g} hours after they were verified at {target}."
        )
    if plan.kind is not PlanKind.SET:
        verify = "telephony migrate verify" if plan.source is not None else "telephony verify"
        arrive = f"at {plan.source.connection}" if plan.source is not None else "where they do now"
        yield f"Calls still arrive {arrive} until the carrier sends them to {target}" + (
            f" ({plan.inbound_host})."
            if plan.inbound_host
            else f"; to which host, `{verify}` says if {plan.target.provider} documents it."
        )
    if secrets := [text for trunk in plan.trunks if (text := trunk_text(trunk))]:
        yield f"Passwords are read when the plan is applied, and stored nowhere: {'; '.join(secrets)}."
    irreversible = [number.key for number in plan.numbers if not all(step.reversible for step in number.steps)]
    if irreversible:
        yield f"A rollback cannot undo everything for {', '.join(irreversible)}: see there."
    else:
        yield "A rollback can undo everything, number by number."


def _causes(plan: Plan) -> list[tuple[str, list[dict[str, Any]]]]:
    """What blocks and what is lost, as the text has it: once for all numbers that it is about."""
    blocked = [number for number in plan.skipped if number.why is SkipReason.BLOCKED]
    blocking = causes((number.key, finding) for number in blocked for finding in number.findings if finding.blocks)
    known = causes((number.key, finding) for number in plan.numbers for finding in number.findings)
    known = [cause for cause in known if cause.finding.severity is not Severity.INFO]
    sections = (
        ("What blocks, and what to do", blocking, len(blocked)),
        (f"What to know of those that can be {plan.kind.done}", known, None),
    )
    return [(title, [_cause(cause, total) for cause in found]) for title, found, total in sections if found]


def _cause(cause: Cause, total: int | None) -> dict[str, Any]:
    return {
        "word": severity_word(cause.finding),
        "sentence": sentence(cause.sentence(total)),
        "way_out": ", ".join(cause.ways_out),
    }


def _card(number: PlannedNumber) -> dict[str, Any]:
    own = [finding for finding in number.findings if says_more(finding)]
    counts = Counter(severity_word(finding) for finding in own if finding.severity is not Severity.INFO)
    pills = [(f"{count} {_PLURALS[word] if count > 1 else word}", word) for word, count in counts.items()]
    pills += [(effect, "warn") for step in number.steps for effect in step.side_effects]
    steps = [(step, _both_forms(step)) for step in number.steps]
    return {
        "number": number,
        "label": label_of(number),
        "findings": own,
        "kinds": _kinds(own),
        "pills": pills,
        "steps": steps,
    }


def _both_forms(step: PlannedStep) -> list[tuple[str, str, str]]:
    names = dict.fromkeys([*step.before, *step.after])
    return [(name, step.before.get(name) or "–", step.after.get(name) or "not written") for name in names]


def _kinds(findings: Iterable[Finding], skipped: Skipped | None = None) -> list[str]:
    """What a card is shown for: the severities of its findings."""
    kinds = {severity_word(finding) for finding in findings}
    if skipped is not None and skipped.why in _STOPPED:
        kinds.add("block")
    return sorted(kinds)


# -- what the page of a run shows as well


def skipped_numbers(plan: Plan) -> list[tuple[str, int, list[dict[str, Any]]]]:
    """The numbers that are not moved, by reason, those together that have the very same one."""
    return [
        (WHY_WORDS[why], len(skipped), [_group(group) for group in alike(skipped)])
        for why, skipped in skipped_by_reason(plan.skipped)
    ]


def _group(group: list[Skipped]) -> dict[str, Any]:
    first, findings = group[0], list(worth_showing(group[0].findings))
    return {
        "numbers": ", ".join(skipped.key for skipped in group),
        "message": first.message,
        "remedy": first.remedy,
        "findings": findings,
        "kinds": _kinds(findings, first),
    }


_FACTS: Final[Mapping[str, str]] = {
    "connection": "connection",
    "provider": "provider",
    "adapter": "adapter",
    "address": "base_url",
    "read at": "taken_at",
    "checksum of what was read": "inventory",
}


def provenance(plan: Plan) -> list[tuple[str, ...]]:
    """Where the plan comes from, in words: name, source, target."""
    ends = [end for end in (plan.source, plan.target) if end is not None]
    return [
        (name, *("–" if (fact := getattr(end, key)) is None else value_text(fact) for end in ends))
        for name, key in _FACTS.items()
    ]
