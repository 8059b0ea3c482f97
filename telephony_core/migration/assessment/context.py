"""One number of a migration: from where, to where, with which choices, and what was found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypedDict, Unpack

from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.migration.assessment.agent_lookup import AgentsFound
from telephony_core.migration.inventory.fields import value_text
from telephony_core.migration.mapping.map_file import MigrationMap, TrunkChoice
from telephony_core.migration.plan.allowances import Allowance
from telephony_core.migration.plan.findings import FieldOutcome, Finding, Severity
from telephony_core.provider.capabilities import Capabilities


class Details(TypedDict, total=False):
    """What a finding may add to its message."""

    before: object
    after: object
    remedy: str | None
    allowance: Allowance | None
    together: str | None
    """The same of many numbers; by default what its allowance means."""
    subject: str | None


@dataclass(frozen=True)
class NumberContext:
    """One number of a migration. A rule adds its findings here and returns what is to be written."""

    source: Capabilities
    target: Capabilities
    source_name: str
    target_name: str
    choices: MigrationMap
    allowed: frozenset[Allowance]
    number: PhoneNumber
    choice: TrunkChoice | None = None
    """What the map says of its trunk."""
    findings: list[Finding] = field(default_factory=list)
    agents: AgentsFound = field(default_factory=dict)
    """The agents that were looked up at the target."""

    def info(self, name: str, message: str, outcome: FieldOutcome | None = None, **details: Unpack[Details]) -> None:
        self._add(Severity.INFO, name, message, outcome, details)

    def warn(self, name: str, message: str, outcome: FieldOutcome | None = None, **details: Unpack[Details]) -> None:
        self._add(Severity.WARN, name, message, outcome, details)

    def block(self, name: str, message: str, outcome: FieldOutcome | None = None, **details: Unpack[Details]) -> None:
        """A finding that keeps the number from being moved, unless its allowance was given."""
        self._add(Severity.BLOCK, name, message, outcome, details)

    def kept(self, name: str, before: object, after: object) -> None:
        """A setting that is taken along: kept when both forms read the same, converted when they do not."""
        # By their texts, since these are what the person who approves it sees.
        if value_text(before) == value_text(after):
            self.info(name, "as it is", FieldOutcome.KEPT, before=before, after=after)
        else:
            self.info(name, "the same in another form", FieldOutcome.CONVERTED, before=before, after=after)

    def _add(self, severity: Severity, name: str, message: str, outcome: FieldOutcome | None, details: Details) -> None:
        before, after, allowance = details.get("before"), details.get("after"), details.get("allowance")
        together = details.get("together")
        self.findings.append(
            Finding(
                field=name,
                severity=severity,
                message=message,
                outcome=outcome,
                before=None if before is None else value_text(before),
                after=None if after is None else value_text(after),
                remedy=details.get("remedy"),
                allowance=allowance,
                allowed=allowance in self.allowed,
                together=allowance.sentence if together is None and allowance is not None else together,
                subject=details.get("subject"),
            )
        )

    @property
    def unsupported(self) -> str:
        return f"{self.target_name} has no setting for it"
