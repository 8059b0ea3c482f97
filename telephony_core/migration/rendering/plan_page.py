"""A plan as one page for whoever approves it: self-contained, nothing fetched, nothing secret, everything escaped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from telephony_core.migration.inventory.fields import printable, value_text
from telephony_core.migration.plan.model import (
    Endpoint,
    Finding,
    Plan,
    PlannedNumber,
    PlannedStep,
    Severity,
    Skipped,
    SkipReason,
)
from telephony_core.migration.plan.store import LoadedPlan
from telephony_core.migration.rendering.html import Child, Html, escaped, items, join, page, tag, text
from telephony_core.migration.rendering.plan_text import (
    WHY_WORDS,
    alike,
    common_findings,
    counted,
    duration_text,
    estimate_text,
    first_words,
    forms_text,
    left_out_by_reason,
    side_text,
    step_forms,
    telling,
    trunk_text,
    undo_text,
    ways_text,
    worth_showing,
)


def plan_page(plan: Plan | LoadedPlan) -> str:
    """The plan as HTML. One that was saved or loaded shows its checksum as well, by which an approval can name it."""
    checksum = plan.checksum if isinstance(plan, LoadedPlan) else None
    plan = plan.plan if isinstance(plan, LoadedPlan) else plan
    title = f"Move {counted(len(plan.numbers), 'number')} from {side_text(plan.source)} to {side_text(plan.target)}"
    common = common_findings(plan)
    body = join(
        [
            tag("h1", title),
            tag("p", f"A plan of {value_text(plan.created_at)}. Nothing has been written yet.", class_="soft"),
            _tiles(plan),
            tag("h2", "What it means"),
            tag("div", items(_meaning(plan)), class_="box"),
            *_accepted(plan),
            *_common(plan, common),
            filter_bar(_filters(plan)),
            *_moving(plan, common),
            *numbers_left_out(plan),
            *data(plan, checksum),
            _signatures(),
        ]
    )
    return page(title, body)


def _tiles(plan: Plan) -> Html:
    blocked = sum(skipped.why in _NEED_SOMEBODY for skipped in plan.skipped)
    warned = sum(any(finding.severity is not Severity.INFO for finding in number.findings) for number in plan.numbers)
    tiles = [
        (str(len(plan.numbers)), "to be moved", "good" if plan.numbers else None),
        (str(warned), "of them with something to read", "warn" if warned else None),
        (str(blocked), "wait for somebody", "block" if blocked else None),
        (str(len(plan.skipped) - blocked), "stay where they are", None),
        (duration_text(plan.estimate.seconds), "to apply", None),
    ]
    return tiles_of(tiles)


def tiles_of(tiles: Iterable[tuple[str, str, str | None]]) -> Html:
    """Figures with what they count."""
    return tag(
        "div",
        *(
            tag("div", tag("b", figure), tag("span", said, class_="soft"), class_=f"tile {kind or ''}".strip())
            for figure, said, kind in tiles
        ),
        class_="tiles",
    )


_NEED_SOMEBODY: Final = frozenset({SkipReason.BLOCKED, SkipReason.AMBIGUOUS, SkipReason.IN_TRANSITION})
_STOPPED: Final = _NEED_SOMEBODY | {SkipReason.IDENTITY, SkipReason.PURCHASED}


def _meaning(plan: Plan) -> Iterator[str]:
    if not plan.numbers:
        yield "There is nothing to move."
        return
    yield first_words(plan)
    yield f"{estimate_text(plan)}."
    yield (
        f"The numbers at {plan.source.connection} stay as they are. Giving them up there is a decision of its own, "
        f"possible once they have stood verified at {plan.target.connection} for {plan.settings.soak_hours:g} hours."
    )
    host = plan.inbound_host
    yield (
        f"Calls still arrive at {plan.source.connection} until the carrier sends them to {plan.target.connection}"
        + (f" ({host})." if host else f"; to which host is not documented, so ask {plan.target.provider}.")
    )
    secrets = [said for trunk in plan.trunks if (said := trunk_text(trunk))]
    if secrets:
        yield f"Read when the plan is applied, and kept nowhere: {'; '.join(secrets)}."
    irreversible = [number.key for number in plan.numbers if not all(step.reversible for step in number.steps)]
    if irreversible:
        yield f"Not everything can be taken back for {', '.join(irreversible)}: see there."
    else:
        yield "Everything can be taken back by a rollback, number by number."


def _accepted(plan: Plan) -> Iterator[Html]:
    if not plan.allowed:
        return
    uses = Counter(finding.allowance for number in plan.numbers for finding in number.findings if finding.allowed)
    yield tag("h2", "Accepted by name")
    yield tag(
        "div",
        items(
            f"{name}: {counted(uses[name], 'time')} in this plan" if uses[name] else f"{name}: not needed by this plan"
            for name in plan.allowed
        ),
        class_="box",
    )


def _common(plan: Plan, common: Sequence[Finding]) -> Iterator[Html]:
    if common:
        yield tag("h2", f"For every one of the {counted(len(plan.numbers), 'number')}")
        yield tag("div", findings_list(common), class_="box")


# -- filtering


def _filters(plan: Plan) -> list[tuple[str, str]]:
    common = common_findings(plan)
    found = {
        word for number in plan.numbers for word in _has(f for f in number.findings if telling(f) and f not in common)
    }
    found |= {word for skipped in plan.skipped for word in _has(skipped.findings, skipped)}
    names = (("block", "Blocked"), ("warn", "Warnings"), ("allowed", "Accepted"), ("info", "Notes"))
    return [(word, name) for word, name in names if word in found]


def filter_bar(filters: Sequence[tuple[str, str]]) -> Html:
    """Buttons that show only cards with something of one kind, and a field to search; shown by the script alone."""
    buttons = [tag("button", "All", type_="button", value="", aria_pressed="true")]
    buttons += [tag("button", name, type_="button", value=word, aria_pressed="false") for word, name in filters]
    search = tag("input", type_="search", placeholder="Find a number or a label", aria_label="Find a number or a label")
    return tag("div", *buttons, search, class_="bar", hidden=True, role="group", aria_label="Show")


def _has(findings: Iterable[Finding], skipped: Skipped | None = None) -> list[str]:
    words = {_word(finding) for finding in findings}
    if skipped is not None and skipped.why in _STOPPED:
        words.add("block")
    return sorted(words)


def _word(finding: Finding) -> str:
    return "allowed" if finding.allowed else finding.severity.value


# -- numbers


def _moving(plan: Plan, common: Sequence[Finding]) -> Iterator[Html]:
    if plan.numbers:
        cards = [_card(number, common) for number in plan.numbers]
        title = tag("h2", f"To be moved: {counted(len(plan.numbers), 'number')}")
        yield tag("section", title, *cards, data_cards=True)


def _card(number: PlannedNumber, common: Sequence[Finding]) -> Html:
    own = [finding for finding in number.findings if telling(finding) and finding not in common]
    counts = Counter(_word(finding) for finding in own if finding.severity is not Severity.INFO)
    pills = [pill(f"{count} {_PLURALS[word] if count > 1 else word}", word) for word, count in counts.items()]
    pills += [pill(effect, "warn") for step in number.steps for effect in step.side_effects]
    return number_card(
        number.key,
        number.source.label,
        pills,
        _has(own),
        [
            *(part for position, step in enumerate(number.steps, start=1) for part in _step(position, step)),
            *([tag("h3", "To know"), findings_list(own)] if own else []),
            tag("p", sentence(undo_text(number)), class_="soft"),
        ],
    )


_PLURALS: Final = {"block": "blocks", "warn": "warnings", "allowed": "allowed"}


def sentence(said: str) -> str:
    """A remedy, which begins with a verb, as a sentence."""
    return f"{said[:1].upper()}{said[1:]}."


def prose(said: str) -> Html:
    """A text in which what stands between backticks is code."""
    parts = printable(said).split("`")
    if len(parts) % 2 == 0:
        return text(said)
    return Html("".join(tag("code", part) if odd % 2 else escaped(part) for odd, part in enumerate(parts)))


def number_card(key: str, label: str | None, pills: Iterable[Child], has: Iterable[str], body: Iterable[Child]) -> Html:
    """One number, closed until somebody opens it."""
    return tag(
        "details",
        tag("summary", tag("span", key, class_="key"), tag("span", label) if label else None, *pills),
        tag("div", *body),
        class_="number",
        data_has=" ".join(has),
    )


def pill(said: str, kind: str) -> Html:
    """A word in a colour."""
    return tag("span", said, class_=f"pill {kind}")


def _step(position: int, step: PlannedStep) -> Iterator[Html]:
    yield tag("h3", f"{position}. {step.message[:1].upper()}{step.message[1:]}")
    rows = [(name, step.before.get(name) or "–", step.after.get(name) or "not written") for name, _ in step_forms(step)]
    if rows:
        yield table(("", "at the source", "at the target"), rows)
    if step.side_effects:
        yield tag("p", f"Side effects: {', '.join(step.side_effects)}. {step.undo or ''}")


def table(heads: Sequence[str], rows: Iterable[Sequence[Child]]) -> Html:
    """A table whose first column names the row; on a narrow screen each cell says what it is."""
    head = tag("thead", tag("tr", *(tag("th", name, scope="col") for name in heads)))
    body = [
        tag(
            "tr",
            tag("th", row[0], scope="row"),
            *(tag("td", cell, data_is=name or None) for name, cell in zip(heads[1:], row[1:], strict=True)),
        )
        for row in rows
    ]
    return tag("table", head, tag("tbody", *body))


def findings_list(findings: Iterable[Finding]) -> Html:
    """Findings, each with its severity in front."""
    return tag("ul", *(_finding(finding) for finding in findings), class_="findings")


def _finding(finding: Finding) -> Html:
    outcome = f" ({finding.outcome.replace('_', ' ')})" if finding.outcome is not None else ""
    ways = ways_text(finding)
    return tag(
        "li",
        pill(_word(finding), _word(finding)),
        tag(
            "div",
            tag("code", finding.field),
            Html(" "),
            prose(f"{finding.message}{forms_text(finding)}{outcome}"),
            tag("p", prose(sentence(ways)), class_="soft") if ways else None,
        ),
    )


def numbers_left_out(plan: Plan) -> Iterator[Html]:
    """The numbers that stay, by reason, those together that stay for the very same one."""
    for why, staying in left_out_by_reason(plan):
        cards = [_group(group) for group in alike(staying)]
        title = tag("h2", f"Not moved, {WHY_WORDS[why]}: {counted(len(staying), 'number')}")
        yield tag("section", title, *cards, data_cards=True)


def _group(group: Sequence[Skipped]) -> Html:
    first = group[0]
    remedy = tag("p", prose(sentence(first.remedy)), class_="soft") if first.remedy else None
    found = list(worth_showing(first.findings))
    return tag(
        "div",
        tag("p", tag("span", ", ".join(skipped.key for skipped in group), class_="key")),
        tag("p", prose(f"{first.message}.")),
        remedy,
        findings_list(found) if found else None,
        class_="box",
        data_has=" ".join(_has(found, first)),
    )


# -- the rest


def data(plan: Plan, checksum: str | None) -> Iterator[Html]:
    """Where the plan comes from, so that an approval can say what it is about."""
    yield tag("h2", "Where it comes from")
    rows = [(name, _side_fact(plan.source, key), _side_fact(plan.target, key)) for name, key in _FACTS]
    yield table(("", "source", "target"), rows)
    yield tag("p", f"Made with telephony-core {plan.made_with}.", class_="soft")
    if checksum is not None:
        yield tag("p", Html("Checksum of the plan: "), tag("code", checksum), class_="soft")


_FACTS: Final = (
    ("connection", "connection"),
    ("provider", "provider"),
    ("adapter", "adapter"),
    ("address", "base_url"),
    ("read at", "taken_at"),
    ("checksum of what was read", "inventory"),
)


def _side_fact(side: Endpoint, key: str) -> str:
    value = getattr(side, key)
    return "–" if value is None else value_text(value)


def _signatures() -> Html:
    return tag("div", tag("span", "approved by"), tag("span", "on"), class_="sign")
