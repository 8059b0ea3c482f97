"""What would become of every number of an inventory at another connection. Writes nothing."""

from __future__ import annotations

from collections.abc import Iterable

from telephony_core.domain.input_model import InputModel
from telephony_core.errors import InvalidInput
from telephony_core.migration.assessment.agent_lookup import unchecked_agents
from telephony_core.migration.assessment.eligibility import assess_eligibility, capabilities_of
from telephony_core.migration.assessment.target import TargetAccount
from telephony_core.migration.inventory.fields import printable
from telephony_core.migration.inventory.inventory import Inventory
from telephony_core.migration.mapping.map_file import EMPTY_MAP, MigrationMap
from telephony_core.migration.plan.allowances import allowances
from telephony_core.migration.plan.findings import Finding, Skipped, SkipReason
from telephony_core.migration.rendering.grouping import counted, one_line
from telephony_core.migration.rendering.plan_text import finding_text, overview_lines
from telephony_core.provider.capabilities import Capabilities


class AssessedNumber(InputModel):
    """What would become of one number."""

    number: str
    source_id: str
    label: str | None
    why: SkipReason | None
    """Why it would not be moved; ``None`` when it would."""
    message: str
    remedy: str | None = None
    findings: tuple[Finding, ...] = ()

    def lines(self) -> list[str]:
        """As plain text: the verdict first, then each finding."""
        name = f"{self.number} “{printable(self.label)}”" if self.label else self.number
        head = f"{name}: {self.message}" + (f"; {self.remedy}" if self.remedy else "")
        return [one_line(head), *(one_line(finding_text(finding), "    ") for finding in self.findings)]

    def as_skipped(self, why: SkipReason) -> Skipped:
        """As a plan has a number that is not moved."""
        return Skipped(
            key=self.number,
            source_id=self.source_id,
            why=why,
            message=self.message,
            remedy=self.remedy,
            findings=self.findings,
        )


class Assessment(InputModel):
    """What would become of every number of an inventory at a target."""

    source: str
    target: str
    allowed: tuple[str, ...]
    numbers: tuple[AssessedNumber, ...]
    unchecked: tuple[str, ...] = ()
    """What could not be found out without writing, in words."""

    def of(self, number: str) -> AssessedNumber:
        """One number, as the assessment writes it. Raises `InvalidInput` where it is not there."""
        for assessed in self.numbers:
            if assessed.number == number:
                return assessed
        raise InvalidInput("the inventory does not have this number", remedy="write it as the inventory does")

    def lines(self, *, details: bool = False) -> list[str]:
        """In words: what blocks most first, what is alike once for all numbers; with ``details`` every number besides,
        those that can be moved first."""
        movable = [number for number in self.numbers if number.why is None]
        lines = overview_lines(
            f"{self.source} → {self.target}: {len(movable):,} of {counted(len(self.numbers), 'number')} can be moved",
            [(number.number, finding) for number in movable for finding in number.findings],
            [number.as_skipped(number.why) for number in self.numbers if number.why is not None],
            "moved",
            self.unchecked,
        )
        if self.allowed:
            lines += ["", f"Allowed by name: {', '.join(self.allowed)}."]
        if details:
            for number in sorted(self.numbers, key=lambda number: number.why is not None):
                lines += ["", *number.lines()]
        return lines

    def __str__(self) -> str:
        return "\n".join(self.lines())


def assess_inventory(
    source: Inventory,
    target: TargetAccount,
    *,
    mapping: MigrationMap = EMPTY_MAP,
    allow: Iterable[str] = (),
    source_capabilities: Capabilities | None = None,
) -> Assessment:
    """Assess every number, from what the two providers declare. Sends nothing.

    Without a map, agents and credentials need input. ``source_capabilities`` are those of the installed adapter unless
    given. Raises `InvalidInput` for a name in ``allow`` that does not exist, and `MapError` for a map that is for
    other connections.
    """
    allowed = allowances(allow)
    eligibility = assess_eligibility(
        source, target, mapping, allowed, source_capabilities or capabilities_of(source.provider)
    )
    return Assessment(
        unchecked=unchecked_agents(target.name, mapping.agents_at_target, target.agents, target.agents_unknown),
        source=source.connection,
        target=target.name,
        allowed=tuple(sorted(allowed)),
        numbers=tuple(
            AssessedNumber(
                number=number.key,
                source_id=number.source.id,
                label=number.source.label,
                why=number.why,
                message=number.message,
                remedy=number.remedy,
                findings=number.findings,
            )
            for number in eligibility
        ),
    )
