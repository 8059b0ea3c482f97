"""The result of a verification, number by number and field by field."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final, Literal

from pydantic import BaseModel, computed_field

from telephony_core.domain.phone_number import UtcTime
from telephony_core.migration.inventory.diff import FieldDrift
from telephony_core.migration.move.state import MigrationState
from telephony_core.migration.plan.findings import Finding
from telephony_core.migration.plan.model import PlanKind
from telephony_core.migration.plan.verification import FieldVerification, VerificationResult, which
from telephony_core.migration.rendering.commands import command, next_lines
from telephony_core.migration.rendering.grouping import causes, counted, group_lines
from telephony_core.migration.rendering.plan_text import finding_text

_CORRECT: Final = {
    True: ("correct what differs at its provider, then verify again", "move them with a new plan"),
    False: ("correct what differs at the provider, then verify again", "make a new plan"),
}


class NumberVerification(BaseModel, frozen=True):
    """One number, both sides compared with the plan."""

    number: str
    record: str | None
    """Id of the record at the target."""
    state: MigrationState
    fields: tuple[FieldVerification, ...]
    source_changes: tuple[FieldDrift, ...] = ()
    """What has changed at the source since the plan: it was not moved."""
    inbound_uri: str | None = None
    """Where the carrier has to send its calls, if the target's provider says so."""
    accepted: tuple[Finding, ...] = ()
    """What the plan says is lost, or less safe than at the source: as planned, and not the same."""

    @computed_field
    @property
    def is_equal(self) -> bool:
        """Whether nothing that can be compared differs."""
        return not self.source_changes and not which(self.fields, VerificationResult.DIFFERS)

    @property
    def unverifiable(self) -> tuple[str, ...]:
        """The fields that the provider does not show."""
        return which(self.fields, VerificationResult.UNVERIFIABLE)

    @property
    def differences(self) -> tuple[str, ...]:
        """In words, at either side."""
        at_target = [str(field) for field in self.fields if field.result is VerificationResult.DIFFERS]
        return (*at_target, *(f"at the source, {change}" for change in self.source_changes))


class VerifyReport(BaseModel, frozen=True):
    """The result of a verification, and what has to be done at the carrier now."""

    plan: str
    kind: PlanKind = PlanKind.MIGRATE
    at: UtcTime
    numbers: tuple[NumberVerification, ...]
    not_moved: tuple[str, ...] = ()
    """Planned numbers that are not at the target, or not wholly: only what `apply` has finished is compared."""
    unanswered_numbers: Mapping[Literal["release", "rollback"], tuple[str, ...]] = {}
    """Keys of the numbers of which a request was not answered, by its command."""
    releasable_at: UtcTime | None = None
    """When the soak of all of these ends, of a migration."""
    checklist: tuple[str, ...] = ()
    """What to do at the carrier, and what remains unproven until a real call is placed."""

    @computed_field
    @property
    def unanswered(self) -> tuple[Literal["release", "rollback"], ...]:
        """Commands of which requests were not answered: to be run before any other, since these may still take
        effect."""
        return tuple(sorted(self.unanswered_numbers))

    @computed_field
    @property
    def is_equal(self) -> bool:
        """Whether every planned number is there, and equal."""
        return not self.not_moved and all(number.is_equal for number in self.numbers)

    @property
    def different(self) -> tuple[str, ...]:
        """Keys of the numbers that are not equal, as far as they can still be rolled back."""
        return tuple(
            number.number
            for number in self.numbers
            if not number.is_equal and number.state is not MigrationState.RELEASED
        )

    @property
    def summary(self) -> str:
        """How many are equal, in one line."""
        equal = sum(number.is_equal for number in self.numbers)
        are = "is" if equal == len(self.numbers) == 1 else "are"
        noun = "number" if len(self.numbers) == 1 else "numbers"
        left = len(self.not_moved)
        planned = f"{equal:,} of {len(self.numbers):,} {self.kind.done} {noun} {are} as planned"
        nothing = f"no number is {self.kind.done} " + ("yet" if left else "now: those that were are rolled back")
        parts = [planned if self.numbers else nothing]
        if self.kind is PlanKind.MIGRATE and equal:
            # As planned is not the same as before: whoever approved a loss is told once more that it is one.
            same = sum(number.is_equal and not number.accepted for number in self.numbers)
            parts += [f"{same:,} of them with every setting of the source"]
        parts += (
            [f"{counted(left, 'number')} {'is' if left == 1 else 'are'} not {self.kind.done} yet"]
            if left and self.numbers
            else []
        )
        return "; ".join(parts)

    @computed_field
    @property
    def next_commands(self) -> tuple[str, ...]:
        """What to type next."""
        # Before anything else: that request may still release a record on which the next step relies.
        if self.unanswered:
            return tuple(self._command(name, self.unanswered_numbers[name]) for name in self.unanswered)
        if self.not_moved:
            return (self._command("apply"),)
        if not self.is_equal:  # once it is corrected, or where it is not to be
            # Of those whose source was released none is rolled back, and without numbers all others would be.
            back = (self._command("rollback", self.different),) if self.different else ()
            return (self._command("verify"), *back)
        if not self.numbers or self.kind is not PlanKind.MIGRATE:  # all were rolled back, or there is no source
            return (self._command("report"),)
        return (self._command("release"),)

    def _command(self, name: str, numbers: Iterable[str] = ()) -> str:
        return command(name, self.plan, numbers, kind=self.kind)

    def lines(self, *, details: bool = False) -> list[str]:
        """The report for a terminal: differences and accepted losses, what is alike once for all numbers; every field
        of every number where ``details`` is given."""
        lines = [self.summary]
        if details:
            for number in self.numbers:
                lines += [f"  {number.number}", *(f"    {field}" for field in number.fields)]
                lines += [f"    at the source, {change}" for change in number.source_changes]
                lines += [f"    accepted in the plan: {finding_text(finding)}" for finding in number.accepted]
        else:
            said = ((number.number, text) for number in self.numbers for text in number.differences)
            lines += group_lines(said)
        accepted = causes((number.number, finding) for number in self.numbers for finding in number.accepted)
        if accepted:
            lines += ["  as planned, but not as at the source:", *(f"    {cause.sentence()}" for cause in accepted)]
        counts = Counter(name for number in self.numbers for name in number.unverifiable)
        if counts:
            lines.append("  UNVERIFIABLE, because the provider does not return them:")
            lines += [f"    {name} (of {counted(count, 'number')})" for name, count in counts.items()]
        if not all(number.is_equal for number in self.numbers):
            correct, anew = _CORRECT[self.kind is PlanKind.MIGRATE]
            lines.append(f"{correct}; or roll these numbers back, and {anew}" if self.different else correct)
        lines += [f"a {name} of these numbers was not answered, and may still take effect" for name in self.unanswered]
        if self.checklist:
            lines += ["to cut over at the carrier:", *(f"  [ ] {item}" for item in self.checklist)]
        return [*lines, *self.next_lines]

    @property
    def next_lines(self) -> list[str]:
        """The next steps for a terminal, and from when on they are possible."""
        waits = self.next_commands == (self._command("release"),) and not self.unanswered
        since = self.releasable_at if waits and self.releasable_at and self.releasable_at > self.at else None
        return next_lines(self.next_commands, since)

    def __str__(self) -> str:
        return "\n".join(self.lines())
