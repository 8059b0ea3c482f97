"""A plan as a person reads it on a terminal, before deciding whether it should be applied."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from telephony_core.migration.inventory.fields import NOT_REPORTED, printable
from telephony_core.migration.plan.findings import FieldOutcome, Finding, Severity, Skipped, SkipReason
from telephony_core.migration.plan.model import Endpoint, Plan, PlanKind, PlannedNumber, PlannedStep, StepKind, Trunk
from telephony_core.migration.rendering.grouping import (
    MOST_GROUPS,
    Group,
    cause_lines,
    causes,
    counted,
    grouped,
    one_line,
    whose,
)
from telephony_core.provider.capabilities import Field as Setting

WHY_WORDS: Final = {
    SkipReason.BLOCKED: "blocked",
    SkipReason.IDENTITY: "not supported by the target",
    SkipReason.AMBIGUOUS: "ambiguous",
    SkipReason.IN_TRANSITION: "in transition",
    SkipReason.PURCHASED: "bought at the source",
    SkipReason.ALREADY_THERE: "already at the target",
    SkipReason.NOT_CHOSEN: "not chosen",
    SkipReason.RELEASED: "released at the source",
    SkipReason.UNCHANGED: "already as planned",
}
"""Why numbers are not moved, those first that somebody can do something about."""

_SIGNS: Final = {
    SkipReason.BLOCKED: "!",
    SkipReason.AMBIGUOUS: "!",
    SkipReason.ALREADY_THERE: "=",
    SkipReason.UNCHANGED: "=",
}


def plan_lines(plan: Plan, *, details: bool = False) -> list[str]:
    """The plan in lines: what is alike once for all of its numbers, and with ``details`` each number, each of its
    fields, and each finding as well."""
    lines = [*plan_overview(plan), *_order(plan)]
    if plan.numbers and details:
        lines += [line for number in plan.numbers for line in ("", *_number(number))]
    elif plan.numbers:
        lines += ["", *_written(plan)]
    if details:
        for why, skipped in skipped_by_reason(plan.skipped):
            lines += ["", f"Not {plan.kind.done}, {WHY_WORDS[why]}: {counted(len(skipped), 'number')}"]
            for group in alike(skipped):
                lines += _skipped(group)
    return lines


def plan_overview(plan: Plan) -> list[str]:
    """What somebody has to know before the plan is applied: how much of it can be done, what blocks the rest and what
    would solve that, what is lost, and what could not be found out."""
    total = len(plan.numbers) + len(plan.skipped)
    if plan.numbers:
        verdict = heading(plan)
    else:
        rest = heading(plan, None).partition(" ")[2]
        verdict = f"Nothing to {plan.kind.verb} {rest}: {counted(total, 'number')} assessed"
    planned = [(number.key, finding) for number in plan.numbers for finding in number.findings]
    return overview_lines(verdict, planned, plan.skipped, plan.kind.done, plan.unchecked)


def overview_lines(
    verdict: str,
    movable: Iterable[tuple[str, Finding]],
    skipped: Sequence[Skipped],
    done: str,
    unchecked: Iterable[str] = (),
) -> list[str]:
    """A verdict, what blocks most first, what is to be known of the ``movable`` numbers, and who else stays."""
    blocked = [number for number in skipped if number.why is SkipReason.BLOCKED]
    also = f"; {counted(len(blocked), 'number')} {'is' if len(blocked) == 1 else 'are'} blocked" if blocked else ""
    lines = [one_line(f"{verdict}{also}.")]
    if blocked:
        found = causes((number.key, finding) for number in blocked for finding in number.findings if finding.blocks)
        lines += ["", "What blocks, and what to do:", *cause_lines(found, len(blocked))]
        lines += _blocked_otherwise(blocked) if not found else []
    known = [cause for cause in causes(movable) if cause.finding.severity is not Severity.INFO]
    if known:
        # What somebody allowed by name is what an approval is about.
        known.sort(key=lambda cause: not cause.finding.allowed)
        lines += ["", f"What to know of those that can be {done}:", *cause_lines(known)]
    if unchecked := [*unchecked]:
        lines += ["", "Not checked:", *(one_line(text, "  ? ") for text in unchecked)]
    if others := [number for number in skipped if number.why is not SkipReason.BLOCKED]:
        lines += ["", f"Not {done} either:", *_others(others)]
    return lines


def skipped_lines(plan: Plan) -> list[str]:
    """What the plan leaves as it is, by reason, once for all numbers."""
    return [f"not {plan.kind.done}:", *_others(plan.skipped)] if plan.skipped else []


def _blocked_otherwise(blocked: Sequence[Skipped]) -> Iterator[str]:
    """Numbers that something blocks which is no finding, such as in plans of earlier versions."""
    for group in grouped((number.key, number.message) for number in blocked)[:MOST_GROUPS]:
        yield one_line(f"{whose(group.keys)}: {group.text}", "  ! ")


def _others(skipped: Sequence[Skipped]) -> Iterator[str]:
    for why, numbers in skipped_by_reason(skipped):
        groups = grouped((number.key, f"{number.message}|{number.remedy or ''}") for number in numbers)
        if len(groups) > _MOST_REASONS:  # each names a record of its own
            groups = [Group(f"{WHY_WORDS[why]}|{numbers[0].remedy or ''}", tuple(number.key for number in numbers))]
        for group in groups:
            message, _, remedy = group.text.partition("|")
            text = f"{whose(group.keys)}: {message}"
            yield one_line(text + (f"; {remedy}" if remedy else ""), f"  {_SIGNS.get(why, '-')} ")


_MOST_REASONS: Final = 2
"""So many messages are shown of numbers that are skipped for one reason."""


def _order(plan: Plan) -> Iterator[str]:
    """How it is carried out, in a few sentences."""
    if not plan.numbers:
        return
    yield ""
    sentences = [order_text(plan), f"{estimate_text(plan)}."]
    if plan.allowed:
        sentences.append(f"Allowed by name: {', '.join(plan.allowed)}.")
    if secrets := [text for trunk in plan.trunks if (text := trunk_text(trunk))]:
        more = f" and {len(secrets) - MOST_GROUPS} more" if len(secrets) > MOST_GROUPS else ""
        sources = "; ".join(secrets[:MOST_GROUPS])
        sentences.append(f"Passwords are read when the plan is applied, and stored nowhere: {sources}{more}.")
    if plan.source is not None:
        sentences.append(
            f"The numbers at {plan.source.connection} stay as they are. Releasing them there is a command of its own, "
            f"possible {plan.settings.soak_hours:g} h after they were verified."
        )
    for sentence in sentences:
        yield one_line(sentence)


_STEPS: Final = {
    StepKind.IMPORT: "import",
    StepKind.UPDATE_LABEL: "change the label",
    StepKind.UPDATE_SIP: "change the trunk",
    StepKind.ASSIGN_AGENTS: "assign agents",
    StepKind.READ_BACK: "read back and compare",
}


def _written(plan: Plan) -> Iterator[str]:
    """What is done with all of the numbers: the steps, what they write, and how that is undone."""
    total = len(plan.numbers)

    def of(keys: Sequence[str]) -> str:
        return "" if len(keys) == total else f": {whose(keys)}"

    for group in grouped((number.key, _steps_text(number)) for number in plan.numbers)[:MOST_GROUPS]:
        yield one_line(f"{_each(group.keys, total)}: {group.text}", "  + ")
    said = ((number.key, text) for number in plan.numbers for text in _forms_in_common(number, plan.kind))
    written = grouped(said)
    if written:
        yield f"    written at {plan.target.connection}:"
    for group in written[:_MOST_FORMS]:
        yield one_line(f"{group.text}{of(group.keys)}", "      ")
    if len(written) > _MOST_FORMS:
        yield f"      … and {len(written) - _MOST_FORMS:,} more settings"
    for group in grouped((number.key, undo_text(number)) for number in plan.numbers)[:MOST_GROUPS]:
        yield one_line(f"{group.text}{of(group.keys)}", "  < ")


def _each(keys: Sequence[str], total: int) -> str:
    return counted(total, "number") if len(keys) == total > 1 else whose(keys)


_MOST_FORMS: Final = 12
"""So many different settings are shown that a plan writes."""


def _steps_text(number: PlannedNumber) -> str:
    effects = dict.fromkeys(effect for step in number.steps for effect in step.side_effects)
    steps = ", ".join(_STEPS[step.kind] for step in number.steps)
    return f"{steps} [{', '.join(effects)}]" if effects else steps


def _forms_in_common(number: PlannedNumber, kind: PlanKind) -> Iterator[str]:
    """What is written that other numbers may get alike; of a change also what it was."""
    for step in number.steps:
        for name, after in step.after.items():
            before = step.before.get(name, NOT_REPORTED)
            if kind is PlanKind.SET:
                yield f"{name}: {before} → {after}" if before != after else f"{name}: {after}"
            # These differ from number to number, and would make a group of each.
            elif name not in ("number", Setting.LABEL):
                yield f"{name}: {after}"


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
    chosen = grouped((each.number, each.why) for each in plan.canaries)
    which = "; ".join(f"{whose(group.keys)}, because {group.text}," for group in chosen) or counted(canary, "number")
    return (
        f"{which} {'goes' if canary == 1 else 'go'} first; the others follow, up to "
        f"{plan.settings.concurrency} at a time, only if that succeeds."
    )


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


def _number(number: PlannedNumber) -> Iterator[str]:
    label = f" “{printable(text)}”" if (text := label_of(number)) else ""
    yield one_line(f"{number.key}{label}", "  + ")
    for position, step in enumerate(number.steps, start=1):
        effects = f" [{', '.join(step.side_effects)}]" if step.side_effects else ""
        yield one_line(f"{step.message}{effects}", f"      {position}. ")
        for name, forms in _step_forms(step, new=number.source is None):
            yield one_line(f"{name}: {forms}", "           ")
    for finding in number.findings:
        if says_more(finding):
            sign = " " if finding.severity is Severity.INFO else "!"
            yield one_line(finding_text(finding), f"      {sign} ")
    yield one_line(undo_text(number), "      < ")


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
    # Whatever else a step did goes with the record that is released.
    back = next((step.undo for step in number.steps if step.undo), None) or "not possible"
    kept = "; ".join(step.undo for step in number.steps if not step.reversible and step.undo and step.undo != back)
    return f"to undo: {back}" + (f". Not undone: {kept}" if kept else "")


def skipped_by_reason(skipped: Sequence[Skipped]) -> Iterator[tuple[SkipReason, list[Skipped]]]:
    """The numbers that are not moved, by reason."""
    for why in WHY_WORDS:
        if numbers := [number for number in skipped if number.why is why]:
            yield why, numbers


def alike(skipped: Iterable[Skipped]) -> list[list[Skipped]]:
    """The numbers that are not moved for the very same reason together."""
    groups: dict[tuple[object, ...], list[Skipped]] = {}
    for number in skipped:
        reason = (number.message, number.remedy, tuple(worth_showing(number.findings)))
        groups.setdefault(reason, []).append(number)
    return list(groups.values())


def _skipped(group: Sequence[Skipped]) -> Iterator[str]:
    first = group[0]
    remedy = f"; {first.remedy}" if first.remedy else ""
    keys = ", ".join(number.key for number in group)
    yield one_line(f"{keys}: {first.message}{remedy}", f"  {_SIGNS.get(first.why, '-')} ")
    for finding in worth_showing(first.findings):
        yield one_line(finding_text(finding), "      ")
