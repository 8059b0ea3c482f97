"""A plan as a person reads it on a terminal, before deciding whether it should be applied."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from telephony_core.migration.inventory.fields import NOT_REPORTED, printable
from telephony_core.migration.plan.model import (
    Endpoint,
    FieldOutcome,
    Finding,
    Plan,
    PlannedNumber,
    PlannedStep,
    Severity,
    Skipped,
    SkipReason,
    StepKind,
    Trunk,
)
from telephony_core.migration.rendering.layout import wrapped

WHY_WORDS: Final = {
    SkipReason.BLOCKED: "blocked",
    SkipReason.IDENTITY: "not supported by the target",
    SkipReason.AMBIGUOUS: "ambiguous",
    SkipReason.IN_TRANSITION: "in transition",
    SkipReason.PURCHASED: "bought at the source",
    SkipReason.ALREADY_THERE: "already at the target",
    SkipReason.NOT_CHOSEN: "not chosen",
    SkipReason.RELEASED: "released at the source",
    SkipReason.UNCHANGED: "as wanted already",
}
"""Why numbers are not moved, those first that somebody can do something about."""

_SIGNS: Final = {
    SkipReason.BLOCKED: "!",
    SkipReason.AMBIGUOUS: "!",
    SkipReason.ALREADY_THERE: "=",
    SkipReason.UNCHANGED: "=",
}


def plan_lines(plan: Plan, width: int | None = 80) -> list[str]:
    """The plan in lines of at most ``width`` cells."""
    common = common_findings(plan)
    lines = [line for sentence in _opening(plan) for line in wrapped(sentence, width)]
    if common:
        lines += ["", *wrapped(f"For every one of the {counted(len(plan.numbers), 'number')}:", width)]
        for finding in common:
            lines += wrapped(finding_text(finding), width, "  ", "    ")
    for number in plan.numbers:
        lines += ["", *_number(number, common, width)]
    for why, skipped in skipped_by_reason(plan):
        lines += ["", *wrapped(f"Not {plan.kind.done}, {WHY_WORDS[why]}: {counted(len(skipped), 'number')}", width)]
        for group in alike(skipped):
            lines += _skipped(group, width)
    return lines


def _opening(plan: Plan) -> Iterator[str]:
    """The plan in a few sentences."""
    if not plan.numbers:
        total = len(plan.numbers) + len(plan.skipped)
        rest = heading(plan, None).partition(" ")[2]
        yield f"Nothing to {plan.kind.verb} {rest}: {counted(total, 'number')} assessed."
        return
    yield f"{heading(plan)}."
    yield order_text(plan)
    yield f"{estimate_text(plan)}."
    if plan.allowed:
        yield f"Allowed by name: {', '.join(plan.allowed)}."
    if secrets := [text for trunk in plan.trunks if (text := trunk_text(trunk))]:
        yield f"Read when it is applied, and kept nowhere: {'; '.join(secrets)}."
    if plan.source is None:
        return
    yield (
        f"The numbers at {plan.source.connection} stay as they are. They can be released there, as a decision of its "
        f"own, {plan.settings.soak_hours:g} h after they were verified."
    )


def heading(plan: Plan, count: str | None = "") -> str:
    """The plan in one line; ``count`` says how many numbers, which is left out with ``None``."""
    if count == "":
        total = len(plan.numbers) + len(plan.skipped)
        count = f"{len(plan.numbers)} of {counted(total, 'number')}"
    what = f"{count} " if count is not None else ""
    if plan.source is not None:
        return f"Move {what}from {endpoint_text(plan.source)} to {endpoint_text(plan.target)}"
    return f"{plan.kind.verb.capitalize()} {what}at {endpoint_text(plan.target)}"


def order_text(plan: Plan) -> str:
    """In which order numbers are moved."""
    canary, count = plan.settings.canary, len(plan.numbers)
    if canary == 0 or canary >= count:
        return f"Up to {plan.settings.concurrency} at a time." if count > 1 else "It is one number."
    return (
        f"{counted(canary, 'number')} {'goes' if canary == 1 else 'go'} first; the others follow, up to "
        f"{plan.settings.concurrency} at a time, only if that succeeds."
    )


def counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def endpoint_text(end: Endpoint) -> str:
    return end.connection if end.connection == end.provider else f"{end.connection} ({end.provider})"


def estimate_text(plan: Plan) -> str:
    """How much work it is, in words."""
    estimate = plan.estimate
    pace = f", at {estimate.pace}" if estimate.pace else ""
    source = "" if plan.source is None else f"{estimate.source_requests} requests to {plan.source.connection} and "
    requests = "" if source else "requests "
    return (
        f"About {source}{estimate.target_requests} {requests}to {plan.target.connection}, "
        f"{duration_text(estimate.seconds)}{pace}"
    )


def duration_text(seconds: float) -> str:
    """About how long, for people."""
    if seconds < 90:
        return f"about {max(1, round(seconds))} s"
    if seconds < 5400:
        return f"about {round(seconds / 60)} min"
    return f"about {seconds / 3600:.1f} h"


def trunk_text(trunk: Trunk) -> str | None:
    """Where a trunk's secrets come from; ``None`` for a trunk without."""
    return f"{trunk.name} from {' and '.join(trunk.references)}" if trunk.references else None


# -- findings


def common_findings(plan: Plan) -> tuple[Finding, ...]:
    """What is to be known of every number alike, so that it need not be repeated for each."""
    if len(plan.numbers) < 2:
        return ()
    counts = Counter(
        finding for number in plan.numbers for finding in dict.fromkeys(number.findings) if says_more(finding)
    )
    return tuple(finding for finding, count in counts.items() if count == len(plan.numbers))


def says_more(finding: Finding) -> bool:
    """Whether a finding says more than the forms before and after do."""
    return finding.severity is not Severity.INFO or finding.outcome in (FieldOutcome.DEFAULTED, FieldOutcome.LOST)


def worth_showing(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Of a number that is not moved: what blocks it, and what differs."""
    return (finding for finding in findings if finding.severity is not Severity.INFO)


def severity_word(finding: Finding) -> str:
    return "allowed" if finding.allowed else finding.severity.value


def finding_text(finding: Finding) -> str:
    """A finding in one sentence."""
    outcome = f"{finding.outcome.replace('_', ' ')}, " if finding.outcome is not None else ""
    options = options_text(finding)
    text = f"{severity_word(finding)}: {finding.field}: {outcome}{finding.message}{forms_text(finding)}"
    return f"{text}; {options}" if options else text


def options_text(finding: Finding) -> str:
    """What can be done about a finding, or nothing."""
    if finding.allowed:
        return ""
    options = [finding.remedy] if finding.remedy else []
    if finding.allowance:
        options.append(f"{'or ' if options else ''}allow {finding.allowance} by name")
    return ", ".join(options)


def forms_text(finding: Finding) -> str:
    """The forms of a finding in brackets, or nothing."""
    if finding.before is not None and finding.after is not None and finding.before != finding.after:
        return f" ({finding.before} → {finding.after})"
    shown = finding.before if finding.before is not None else finding.after
    return "" if shown is None else f" ({shown})"


# -- numbers


def _number(number: PlannedNumber, common: Sequence[Finding], width: int | None) -> Iterator[str]:
    label = f" “{printable(text)}”" if (text := label_of(number)) else ""
    yield from wrapped(f"{number.key}{label}", width, "  + ")
    for position, step in enumerate(number.steps, start=1):
        effects = f" [{', '.join(step.side_effects)}]" if step.side_effects else ""
        yield from wrapped(f"{step.message}{effects}", width, f"      {position}. ")
        for name, forms in _step_forms(step, new=number.source is None):
            yield from wrapped(f"{name}: {forms}", width, "           ", "             ")
    for finding in number.findings:
        if says_more(finding) and finding not in common:
            sign = " " if finding.severity is Severity.INFO else "!"
            yield from wrapped(finding_text(finding), width, f"      {sign} ")
    yield from wrapped(undo_text(number), width, "      < ")


def label_of(number: PlannedNumber) -> str | None:
    """What people call the number: as its record says, or as it will be called."""
    return number.desired.label if number.source is None else number.source.label


def _step_forms(step: PlannedStep, *, new: bool) -> Iterator[tuple[str, str]]:
    """Each field that a step writes or loses: its name, and both forms; of a ``new`` record the one there is."""
    for name in dict.fromkeys([*step.before, *step.after]):
        before, after = step.before.get(name), step.after.get(name)
        same = (before == after or new) and after is not None
        yield name, str(after) if same else f"{before or NOT_REPORTED} → {after or 'not written'}"


def undo_text(number: PlannedNumber) -> str:
    """How a rollback undoes it."""
    if number.steps[0].kind is not StepKind.IMPORT:
        return f"to undo: {'. '.join(step.undo or 'not possible' for step in number.steps[:-1])}"
    back = next((step.undo for step in number.steps if step.undo), None) or "not possible"
    kept = "; ".join(step.undo for step in number.steps if not step.reversible and step.undo and step.undo != back)
    return f"to undo: {back}" + (f". Not undone: {kept}" if kept else "")


def skipped_by_reason(plan: Plan) -> Iterator[tuple[SkipReason, list[Skipped]]]:
    """The numbers that are not moved, by reason."""
    for why in WHY_WORDS:
        if skipped := [number for number in plan.skipped if number.why is why]:
            yield why, skipped


def alike(skipped: Iterable[Skipped]) -> list[list[Skipped]]:
    """The numbers that are not moved for the very same reason together."""
    groups: dict[tuple[object, ...], list[Skipped]] = {}
    for number in skipped:
        reason = (number.message, number.remedy, tuple(worth_showing(number.findings)))
        groups.setdefault(reason, []).append(number)
    return list(groups.values())


def _skipped(group: Sequence[Skipped], width: int | None) -> Iterator[str]:
    first = group[0]
    remedy = f"; {first.remedy}" if first.remedy else ""
    keys = ", ".join(number.key for number in group)
    yield from wrapped(f"{keys}: {first.message}{remedy}", width, f"  {_SIGNS.get(first.why, '-')} ")
    for finding in worth_showing(first.findings):
        yield from wrapped(finding_text(finding), width, "      ", "        ")
