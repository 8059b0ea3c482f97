"""A plan as a person reads it on a terminal, before deciding whether it should happen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from telephony_core.migration.inventory.fields import NOT_TOLD, printable
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
    Trunk,
)
from telephony_core.migration.rendering.layout import wrapped

WHY_WORDS: Final = {
    SkipReason.BLOCKED: "blocked",
    SkipReason.IDENTITY: "not to be held by the target",
    SkipReason.AMBIGUOUS: "ambiguous",
    SkipReason.IN_TRANSITION: "in transition",
    SkipReason.PURCHASED: "bought at the source",
    SkipReason.ALREADY_THERE: "already at the target",
    SkipReason.NOT_CHOSEN: "not chosen",
    SkipReason.OVER: "released at the source",
}
"""Why numbers stay, those first that somebody can do something about."""

_SIGNS: Final = {SkipReason.BLOCKED: "!", SkipReason.AMBIGUOUS: "!", SkipReason.ALREADY_THERE: "="}


def plan_lines(plan: Plan, width: int = 80) -> list[str]:
    """The plan in lines of at most ``width`` cells."""
    common = common_findings(plan)
    lines: list[str] = []
    for text in opening(plan):
        lines += wrapped(text, width)
    if common:
        lines += ["", *wrapped(f"For every one of the {counted(len(plan.numbers), 'number')}:", width)]
        for finding in common:
            lines += wrapped(finding_text(finding), width, "  ", "    ")
    for number in plan.numbers:
        lines += ["", *_number(number, common, width)]
    for why, staying in left_out_by_reason(plan):
        lines += ["", *wrapped(f"Not moved, {WHY_WORDS[why]}: {counted(len(staying), 'number')}", width)]
        for group in alike(staying):
            lines += _left_out(group, width)
    return lines


def opening(plan: Plan) -> Iterator[str]:
    """The plan in a few sentences."""
    total = len(plan.numbers) + len(plan.skipped)
    context = f"from {side_text(plan.source)} to {side_text(plan.target)}"
    if not plan.numbers:
        yield f"Nothing to move {context}: {counted(total, 'number')} looked at."
        return
    yield f"Move {len(plan.numbers)} of {counted(total, 'number')} {context}."
    yield first_words(plan)
    yield f"{estimate_text(plan)}."
    if plan.allowed:
        yield f"Accepted by name: {', '.join(plan.allowed)}."
    secrets = [text for trunk in plan.trunks if (text := trunk_text(trunk))]
    if secrets:
        yield f"Read when it is applied, and kept nowhere: {'; '.join(secrets)}."
    hours = f"{plan.settings.soak_hours:g} h"
    yield (
        f"The numbers at {plan.source.connection} stay as they are. They can be released there, as a decision of its "
        f"own, once they have stood verified for {hours}."
    )


def first_words(plan: Plan) -> str:
    """In which order it goes."""
    canary, count = plan.settings.canary, len(plan.numbers)
    if canary == 0 or canary >= count:
        return f"Up to {plan.settings.concurrency} at a time." if count > 1 else "It is one number."
    goes = "goes" if canary == 1 else "go"
    return (
        f"{counted(canary, 'number')} {goes} first; the rest follows, up to {plan.settings.concurrency} at a time, "
        "only if that ends well."
    )


def counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def side_text(side: Endpoint) -> str:
    return side.connection if side.connection == side.provider else f"{side.connection} ({side.provider})"


def estimate_text(plan: Plan) -> str:
    """How much work it is, in words."""
    estimate = plan.estimate
    pace = f", at {estimate.pace}" if estimate.pace else ""
    return (
        f"About {estimate.source_requests} requests to {plan.source.connection} and {estimate.target_requests} to "
        f"{plan.target.connection}, {duration_text(estimate.seconds)}{pace}"
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
    if trunk.auth == "none":
        return None
    references = [text for text in (trunk.username, trunk.password) if text in trunk.references and text is not None]
    return f"{trunk.name} from {' and '.join(references)}"


def common_findings(plan: Plan) -> tuple[Finding, ...]:
    """What is to be known of every number alike, so that it need not be said of each."""
    if len(plan.numbers) < 2:
        return ()
    counts = Counter(
        finding for number in plan.numbers for finding in dict.fromkeys(number.findings) if telling(finding)
    )
    return tuple(finding for finding, count in counts.items() if count == len(plan.numbers))


def telling(finding: Finding) -> bool:
    """Whether a finding says more than the forms before and after do."""
    return finding.severity is not Severity.INFO or finding.outcome in (FieldOutcome.DEFAULTED, FieldOutcome.LOST)


def finding_text(finding: Finding) -> str:
    """A finding in one sentence."""
    word = "allowed" if finding.allowed else finding.severity.value
    outcome = f"{finding.outcome.replace('_', ' ')}, " if finding.outcome is not None else ""
    ways = ways_text(finding)
    return f"{word}: {finding.field}: {outcome}{finding.message}{forms_text(finding)}" + (f"; {ways}" if ways else "")


def ways_text(finding: Finding) -> str:
    """What can be done about a finding, or nothing."""
    if finding.allowed:
        return ""
    ways = [finding.remedy] if finding.remedy else []
    if finding.allowance:
        ways.append(f"{'or ' if ways else ''}allow {finding.allowance} by name")
    return ", ".join(ways)


def forms_text(finding: Finding) -> str:
    """The forms of a finding in brackets, or nothing."""
    if finding.before is not None and finding.after is not None and finding.before != finding.after:
        return f" ({finding.before} → {finding.after})"
    shown = finding.before if finding.before is not None else finding.after
    return "" if shown is None else f" ({shown})"


def _number(number: PlannedNumber, common: Sequence[Finding], width: int) -> Iterator[str]:
    label = f" “{printable(number.source.label)}”" if number.source.label else ""
    yield from wrapped(f"{number.key}{label}", width, "  + ")
    for position, step in enumerate(number.steps, start=1):
        effects = f" [{', '.join(step.side_effects)}]" if step.side_effects else ""
        yield from wrapped(f"{step.message}{effects}", width, f"      {position}. ")
        for name, forms in step_forms(step):
            yield from wrapped(f"{name}: {forms}", width, "           ", "             ")
    for finding in number.findings:
        if telling(finding) and finding not in common:
            sign = " " if finding.severity is Severity.INFO else "!"
            yield from wrapped(finding_text(finding), width, f"      {sign} ")
    yield from wrapped(undo_text(number), width, "      < ")


def step_forms(step: PlannedStep) -> Iterator[tuple[str, str]]:
    """Each field that a step writes or loses: its name, and both forms."""
    for name in dict.fromkeys([*step.before, *step.after]):
        before, after = step.before.get(name), step.after.get(name)
        if before == after and after is not None:
            yield name, after
        else:
            yield name, f"{before or NOT_TOLD} → {after or 'not written'}"


def undo_text(number: PlannedNumber) -> str:
    """How a rollback takes it back."""
    last = [step for step in number.steps if not step.reversible]
    back = next((step.undo for step in number.steps if step.undo), None) or "nothing is said about it"
    kept = "; ".join(f"{step.undo}" for step in last if step.undo and step.undo != back)
    return f"to undo: {back}" + (f". Not undone: {kept}" if kept else "")


def left_out_by_reason(plan: Plan) -> Iterator[tuple[SkipReason, list[Skipped]]]:
    """The numbers that stay, by reason."""
    for why in WHY_WORDS:
        staying = [skipped for skipped in plan.skipped if skipped.why is why]
        if staying:
            yield why, staying


def alike(staying: Iterable[Skipped]) -> list[list[Skipped]]:
    """The numbers that stay for the very same reason together."""
    groups: dict[tuple[object, ...], list[Skipped]] = {}
    for skipped in staying:
        reason = (skipped.message, skipped.remedy, tuple(worth_showing(skipped.findings)))
        groups.setdefault(reason, []).append(skipped)
    return list(groups.values())


def _left_out(group: Sequence[Skipped], width: int) -> Iterator[str]:
    first = group[0]
    remedy = f"; {first.remedy}" if first.remedy else ""
    keys = ", ".join(skipped.key for skipped in group)
    yield from wrapped(f"{keys}: {first.message}{remedy}", width, f"  {_SIGNS.get(first.why, '-')} ")
    for finding in worth_showing(first.findings):
        yield from wrapped(finding_text(finding), width, "      ", "        ")


def worth_showing(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Of a number that stays: what stands in its way, and what differs."""
    return (finding for finding in findings if finding.severity is not Severity.INFO)
