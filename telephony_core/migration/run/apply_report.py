"""The result of a run of apply: how many are there, what failed and why, and what is left to feed back."""

from __future__ import annotations

from pydantic import BaseModel, computed_field

from telephony_core.errors import TelephonyError
from telephony_core.migration.move.state import MigrationState
from telephony_core.migration.plan.model import PlanKind
from telephony_core.migration.rendering.commands import command, next_lines
from telephony_core.migration.rendering.grouping import group_lines
from telephony_core.migration.run.stopping import STOPPED_WORDS, Stopped


class NumberOutcome(BaseModel, frozen=True):
    """What became of one number that is not where it should be."""

    number: str
    state: MigrationState
    error: str
    """Class of the error: ``StalePlan``, ``RateLimited``."""
    message: str

    @classmethod
    def of(cls, number: str, state: MigrationState, error: TelephonyError) -> NumberOutcome:
        """An outcome from the error that it ended with."""
        return cls(number=number, state=state, error=type(error).__name__, message=error.cli_text)

    def __str__(self) -> str:
        return f"{self.number}: {self.state.replace('_', ' ')}: {self.message}"


class ApplyReport(BaseModel, frozen=True):
    """The result of a run. ``remainder`` are the keys that are not moved yet, to be fed back as they are."""

    plan: str
    kind: PlanKind = PlanKind.MIGRATE
    total: int
    done: int
    """Numbers that are finished, by this run or an earlier one."""
    rolled_back: int = 0
    """Numbers among them that were taken back; apply leaves those alone, and only a new plan moves them again."""
    failures: tuple[NumberOutcome, ...] = ()
    remainder: tuple[str, ...] = ()
    in_doubt: tuple[str, ...] = ()
    """Keys among them of which a write may have happened whose answer was lost."""
    chosen: bool = False
    """Whether it was about chosen numbers of the plan, and not about all."""
    stopped: Stopped | None = None
    why_stopped: str | None = None
    took_over: bool = False
    way_on: str | None = None
    """Where all was rolled back before: how these numbers are done again."""

    @computed_field
    @property
    def is_complete(self) -> bool:
        """Whether every number that was to be moved is."""
        return not self.remainder

    @property
    def summary(self) -> str:
        """How many were done, in one line."""
        parts = [f"{self.done - self.rolled_back} of {self.total} {self.kind.done}"]
        parts += [f"{self.rolled_back} rolled back before"] if self.rolled_back else []
        parts += [f"{len(self.failures)} failed"] if self.failures else []
        parts += [f"{len(self.in_doubt)} in doubt"] if self.in_doubt else []
        parts += [f"stopped {STOPPED_WORDS[self.stopped]}"] if self.stopped is not None else []
        return ", ".join(parts)

    @computed_field
    @property
    def next_commands(self) -> tuple[str, ...]:
        """What to type now."""
        # Nothing of it can be verified, and `apply` leaves it alone.
        if self.total and self.rolled_back == self.total:
            return (command("report", self.plan, kind=self.kind),)
        if self.is_complete:
            return (command("verify", self.plan, kind=self.kind),)
        # Without them it would go on with every number of the plan.
        left = self.remainder if self.chosen else ()
        return (command("apply", self.plan, left, kind=self.kind), command("status", self.plan, kind=self.kind))

    def lines(self, *, details: bool = False) -> list[str]:
        """The report, for a terminal; without ``details`` what failed alike is said once for all numbers."""
        lines = [self.summary]
        if self.why_stopped:
            lines.append(f"no further number was started: {self.why_stopped}")
        said = ((failure.number, f"{failure.state.replace('_', ' ')}: {failure.message}") for failure in self.failures)
        lines += group_lines(said, details=details)
        if self.way_on is not None:
            lines.append(self.way_on)
        return lines + next_lines(self.next_commands)

    def __str__(self) -> str:
        return "\n".join(self.lines())
