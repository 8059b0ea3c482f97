"""From where to where numbers go, with which choices; and how a rule about one setting tells what it found."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from telephony_core.migration.inventory.fields import value_text
from telephony_core.migration.mapping.map_file import MigrationMap
from telephony_core.migration.plan.allowances import Allowance
from telephony_core.migration.plan.model import FieldOutcome, Finding, Severity
from telephony_core.provider.capabilities import Capabilities

T = TypeVar("T")
Rule: TypeAlias = Generator[Finding, None, T]
"""Yields findings and returns what is to be written."""


@dataclass(frozen=True, slots=True)
class MigrationContext:
    """From where, to where, with which choices."""

    source: Capabilities
    target: Capabilities
    source_name: str
    target_name: str
    choices: MigrationMap
    allowed: frozenset[Allowance]

    def finding(
        self,
        field: str,
        severity: Severity,
        message: str,
        outcome: FieldOutcome | None = None,
        *,
        before: object = None,
        after: object = None,
        remedy: str | None = None,
        allowance: Allowance | None = None,
    ) -> Finding:
        """A finding in words; one whose consent was given is marked as accepted."""
        return Finding(
            field=field,
            severity=severity,
            message=message,
            outcome=outcome,
            before=None if before is None else value_text(before),
            after=None if after is None else value_text(after),
            remedy=remedy,
            allowance=allowance,
            allowed=allowance in self.allowed,
        )

    def kept(self, field: str, before: object, after: object, *, why: str = "as it is") -> Finding:
        """A setting that crosses: kept when both forms read the same, converted when they do not."""
        if value_text(before) == value_text(after):
            return self.finding(field, Severity.INFO, why, FieldOutcome.KEPT, before=before, after=after)
        return self.finding(
            field, Severity.INFO, "the same in another form", FieldOutcome.CONVERTED, before=before, after=after
        )

    @property
    def no_place(self) -> str:
        return f"{self.target_name} has no place for it"
