"""What a rollback or a release will do, before it starts, and its result."""

from __future__ import annotations

from typing import TypeAlias

from pydantic import BaseModel, computed_field

from telephony_core.domain.phone_number import UtcTime
from telephony_core.errors import TelephonyError
from telephony_core.migration.deprovision.forecast import Forecast
from telephony_core.migration.journal.entries import Entry
from telephony_core.migration.plan.model import PlanKind
from telephony_core.migration.rendering.commands import command, next_lines
from telephony_core.migration.rendering.grouping import counted, examples, group_lines
from telephony_core.migration.run.stopping import Stopped


class LeftAlone(BaseModel, frozen=True):
    """A number that is left as it is, and why."""

    number: str
    message: str
    error: str
    """Class of the error that stopped it."""

    @classmethod
    def of(cls, number: str, error: TelephonyError) -> LeftAlone:
        """From the error that kept it from being released."""
        return cls(number=number, message=error.cli_text, error=type(error).__name__)

    def __str__(self) -> str:
        return f"{self.number}: {self.message}"


def _left_alone(left: tuple[LeftAlone, ...], *, details: bool) -> list[str]:
    lines = group_lines(((each.number, each.message) for each in left), details=details)
    return ["left alone:", *lines] if left else []


ShownRecord: TypeAlias = tuple[str, str]
"""A number's key in the plan, and the id of the record that would be released."""


class DeprovisionPreview(BaseModel, frozen=True):
    """What will happen, shown before anything does.

    ``confirm`` is the count that a person types, ``shown`` the records that this confirms. Hand ``shown`` back as
    ``confirmed``: if other records would be released by then, nothing is.
    """

    verb: str = "release"
    """What becomes of the records: this, or ``set back``."""
    at: str
    """Name and host of the connection where the records are."""
    forecasts: tuple[Forecast, ...]
    to_reconcile: tuple[str, ...] = ()
    """Numbers for which nothing is sent: only the result of an earlier request is found out and written down."""
    left_alone: tuple[LeftAlone, ...] = ()
    unverifiable: tuple[str, ...] = ()
    """Fields that no verification could compare."""
    cannot_be_undone: tuple[str, ...] = ()
    """In words, beyond what the single numbers say."""
    needs_allowance: tuple[str, ...] = ()
    """Names of side effects that have to be allowed first."""

    @computed_field
    @property
    def confirm(self) -> int:
        """How many records will be released: the number that a person confirms."""
        return len(self.forecasts)

    @property
    def shown(self) -> frozenset[ShownRecord]:
        """Number and record id of everything that would be released."""
        return frozenset((forecast.number, forecast.record) for forecast in self.forecasts)

    def lines(self, *, details: bool = False) -> list[str]:
        """The preview, for a terminal; without ``details`` what is alike is said once for all numbers."""
        count = len(self.forecasts)
        lines = [f"{count or 'no'} {'number' if count == 1 else 'numbers'} to {self.verb} at {self.at}"]
        if details:
            lines += [f"  {forecast}" for forecast in self.forecasts]
        else:
            lines += group_lines((forecast.number, forecast.outcome) for forecast in self.forecasts)
        if self.to_reconcile:
            numbers = self.to_reconcile if details else (examples(self.to_reconcile),)
            lines += ["only recorded in the journal; nothing is sent:", *(f"  {number}" for number in numbers)]
        lines += _left_alone(self.left_alone, details=details)
        if self.unverifiable:
            lines.append(f"never compared, because the provider does not return them: {', '.join(self.unverifiable)}")
        if self.cannot_be_undone:
            lines += ["cannot be undone:", *(f"  {text}" for text in self.cannot_be_undone)]
        lines += [f"blocked until allowed by name: --allow {name}" for name in self.needs_allowance]
        return lines

    def __str__(self) -> str:
        return "\n".join(self.lines())


class Deprovisioned(BaseModel, frozen=True):
    """One record that was released."""

    number: str
    record: str | None
    message: str
    takes_effect_at: UtcTime | None = None
    revocable: bool = False

    @classmethod
    def of(cls, number: str, entry: Entry | None) -> Deprovisioned:
        """From the last line that the journal has of it."""
        data = {} if entry is None else dict(entry.data)
        return cls.model_validate(
            {
                "number": number,
                "record": entry.record if entry is not None else None,
                "message": entry.message if entry is not None and entry.message else "released",
                "takes_effect_at": data.get("takes_effect_at"),
                "revocable": bool(data.get("revocable")),
            }
        )

    @property
    def outcome(self) -> str:
        """What became of it, in words."""
        return self.message + (" (can be revoked)" if self.revocable else "")

    def __str__(self) -> str:
        return f"{self.number}: {self.outcome}"


class DeprovisionReport(BaseModel, frozen=True):
    """The result. ``remainder`` are the keys of the chosen numbers that are not released."""

    command: str
    kind: PlanKind = PlanKind.MIGRATE
    verb: str = "released"
    plan: str
    done: tuple[Deprovisioned, ...]
    left_alone: tuple[LeftAlone, ...] = ()
    not_started: tuple[str, ...] = ()
    in_doubt: tuple[str, ...] = ()
    """Keys among the remainder of which a write may have happened whose answer was lost."""
    chosen: bool = False
    """Whether it was about chosen numbers of the plan, and not about all."""
    stopped: Stopped | None = None
    why_stopped: str | None = None
    way_on: str | None = None
    """After a rollback: how these numbers are done again."""

    @computed_field
    @property
    def is_complete(self) -> bool:
        """Whether nothing is left to do."""
        return not self.left_alone and not self.not_started

    @computed_field
    @property
    def remainder(self) -> tuple[str, ...]:
        """The numbers that are left."""
        return (*(left.number for left in self.left_alone), *self.not_started)

    @property
    def summary(self) -> str:
        """How many were released, in one line."""
        left = len(self.remainder)
        doubted = f" ({len(self.in_doubt)} in doubt)" if self.in_doubt else ""
        return f"{len(self.done)} {self.verb}" + (f", {left} left{doubted}" if left else "")

    @computed_field
    @property
    def next_commands(self) -> tuple[str, ...]:
        """What to type next."""
        if self.is_complete:
            return (command("report", self.plan, kind=self.kind),)
        # Without them it would be about every number of the plan, and those that were left out are to stay.
        return (command(self.command, self.plan, self.remainder if self.chosen else (), kind=self.kind),)

    def lines(self, *, details: bool = False) -> list[str]:
        """The report, for a terminal; without ``details`` what is alike is said once for all numbers."""
        lines = [self.summary, *group_lines(((done.number, done.outcome) for done in self.done), details=details)]
        if self.why_stopped:
            lines.append(f"no further number was started: {self.why_stopped}")
        lines += _left_alone(self.left_alone, details=details)
        if self.not_started:
            lines.append(f"not started: {counted(len(self.not_started), 'number')}")
        if self.way_on is not None:
            lines.append(self.way_on)
        return lines + next_lines(self.next_commands)

    def __str__(self) -> str:
        return "\n".join(self.lines())
