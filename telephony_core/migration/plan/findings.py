"""What a plan says beside its steps: what becomes of each field, and which numbers are not moved."""

from __future__ import annotations

from enum import StrEnum

from telephony_core.domain.input_model import InputModel
from telephony_core.errors import cli_words
from telephony_core.provider.port import Problem


class Severity(StrEnum):
    """How much a finding matters."""

    INFO = "info"
    WARN = "warn"
    BLOCK = "block"
    """The number is not moved until it is solved, or allowed by its ``allowance``."""


class FieldOutcome(StrEnum):
    """What becomes of a field."""

    KEPT = "kept"
    CONVERTED = "converted"
    DEFAULTED = "defaulted"
    NEEDS_INPUT = "needs_input"
    LOST = "lost"


class Finding(InputModel):
    """What becomes of one field of one number, in words for people."""

    field: str
    """Dotted name, as in `telephony_core.provider.capabilities.Field`, or ``number``, ``origin``, ``status``."""
    severity: Severity
    message: str
    outcome: FieldOutcome | None = None
    before: str | None = None
    """As it is at the source."""
    after: str | None = None
    """As it will be at the target."""
    remedy: str | None = None
    allowance: str | None = None
    """The name by which a blocking finding can be allowed; ``None`` where it cannot."""
    allowed: bool = False
    together: str | None = None
    """The same of many numbers, after how many they are: ``lose encrypted signalling``."""
    subject: str | None = None
    """What it is about, where several numbers share that; its kind is the first word: ``trunk main``."""

    @property
    def blocks(self) -> bool:
        """Whether it keeps the number from being moved."""
        return self.severity is Severity.BLOCK and not self.allowed


def finding_of(problem: Problem) -> Finding:
    """What an adapter's check says of a change. What needs a consent of the change itself cannot be allowed later."""
    return Finding(
        field=problem.field,
        # A problem without an error is sent all the same; the client itself raises the others.
        severity=Severity.WARN if problem.error is None else Severity.BLOCK,
        message=problem.message,
        remedy=cli_words(problem.remedy),
    )


def is_accepted_loss(finding: Finding) -> bool:
    """Whether a number of a plan is less, or less safe, for it than before: allowed by name, or by the map."""
    lost = finding.outcome is FieldOutcome.LOST and finding.severity is not Severity.INFO
    return finding.allowed or lost


class SkipReason(StrEnum):
    """Why nothing is done with a number of the source, of the selection or of the table."""

    BLOCKED = "blocked"
    """By its findings."""
    ALREADY_THERE = "already_there"
    IN_TRANSITION = "in_transition"
    """Pending, or its release is scheduled."""
    PURCHASED = "purchased"
    """The source is its carrier: it can only be ported."""
    IDENTITY = "identity"
    """The target cannot hold such a number."""
    AMBIGUOUS = "ambiguous"
    """More than one live record of it at one end."""
    RELEASED = "released"
    """A released record; nothing to move."""
    NOT_CHOSEN = "not_chosen"
    UNCHANGED = "unchanged"
    """It is as it is wanted already."""


class Skipped(InputModel):
    """A number of the source, or of the selection, with which nothing is done, and why."""

    key: str
    source_id: str
    """Id of its record; of a row of a table, that of the record that is there already."""
    why: SkipReason
    message: str
    remedy: str | None = None
    findings: tuple[Finding, ...] = ()
    target_id: str | None = None
    """The live record at the target, of a number that is there already."""
