"""What would become of every number of an inventory at another connection, before anything is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from telephony_core.domain.input_model import Given
from telephony_core.errors import InvalidInput
from telephony_core.migration.assessment.eligibility import capabilities_of, judge_all
from telephony_core.migration.assessment.target import Target
from telephony_core.migration.inventory.fields import printable
from telephony_core.migration.inventory.inventory import Inventory
from telephony_core.migration.mapping.map_file import NOTHING_SAID, MigrationMap
from telephony_core.migration.plan.allowances import consents
from telephony_core.migration.plan.model import Finding, WhyLeftOut
from telephony_core.migration.rendering.layout import wrapped
from telephony_core.migration.rendering.plan_text import finding_text
from telephony_core.provider.capabilities import Capabilities


class AssessedNumber(Given):
    """What would become of one number."""

    number: str
    source_id: str
    label: str | None
    why: WhyLeftOut | None
    """Why it stays where it is; ``None`` when it can be moved as things stand."""
    message: str
    remedy: str | None = None
    findings: tuple[Finding, ...] = ()

    def lines(self, width: int = 100) -> list[str]:
        name = f"{self.number} “{printable(self.label)}”" if self.label else self.number
        head = f"{name}: {self.message}" + (f"; {self.remedy}" if self.remedy else "")
        lines = wrapped(head, width, rest="    ")
        for finding in self.findings:
            lines += wrapped(finding_text(finding), width, "    ", "      ")
        return lines


class Assessment(Given):
    """What would become of every number of an inventory at a target."""

    source: str
    target: str
    accepted: tuple[str, ...]
    numbers: tuple[AssessedNumber, ...]

    def of(self, number: str) -> AssessedNumber:
        """The verdict on one number, as the assessment writes it. Raises `InvalidInput`."""
        for assessed in self.numbers:
            if assessed.number == number:
                return assessed
        raise InvalidInput("the inventory does not have this number", remedy="write it as the inventory does")

    def lines(self, width: int = 100) -> list[str]:
        """In words, the movable ones first."""
        counts = Counter("movable" if number.why is None else number.why.value for number in self.numbers)
        said = ", ".join(f"{count} {word.replace('_', ' ')}" for word, count in sorted(counts.items()))
        lines = [f"{self.source} → {self.target}: {said or 'no numbers'}"]
        if self.accepted:
            lines.append(f"accepted by name: {', '.join(self.accepted)}")
        for number in sorted(self.numbers, key=lambda number: number.why is not None):
            lines += ["", *number.lines(width)]
        return lines

    def __str__(self) -> str:
        return "\n".join(self.lines())


def assess_inventory(
    source: Inventory,
    target: Target,
    *,
    mapping: MigrationMap = NOTHING_SAID,
    accept: Iterable[str] = (),
    source_capabilities: Capabilities | None = None,
) -> Assessment:
    """What would become of every number, from what the two providers declare. Sends nothing.

    Without a map, agents and credentials need input. ``source_capabilities`` are those of the installed adapter unless
    given. Raises `InvalidInput` for a name in ``accept`` that does not exist, and `MapError` for a map that is for
    other connections.
    """
    accepted = consents(accept)
    judged = judge_all(source, target, mapping, accepted, source_capabilities or capabilities_of(source.provider))
    return Assessment(
        source=source.connection,
        target=target.name,
        accepted=tuple(sorted(accepted)),
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
            for number in judged
        ),
    )
