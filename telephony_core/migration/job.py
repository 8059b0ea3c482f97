"""One planned number as a job, and what went wrong with one: shared by moving, rolling back and giving up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, TypeVar

from pydantic import JsonValue

from telephony_core.capabilities import Capabilities
from telephony_core.domain.numbers import NumberIdentity
from telephony_core.errors import MigrationError, OutcomeUnknown, TelephonyError
from telephony_core.migration.effects import Record, Unit, ask
from telephony_core.migration.entries import Action, Entry, Phase
from telephony_core.migration.plan import Plan, PlannedNumber, Trunk

T = TypeVar("T")


class PlanOvertaken(MigrationError):
    """The world is not as the plan read it, so what it says may be wrong. Nothing was written."""

    default_remedy: ClassVar[str | None] = (
        "take the inventory again and make a new plan for what has changed; it will find what was moved already"
    )


class CameOutDifferent(MigrationError):
    """It was made, and what is there now is not what was planned."""

    default_remedy: ClassVar[str | None] = (
        "compare at the provider; mend it there and run apply again, or roll this number back"
    )


class NeedsPerson(MigrationError):
    """Nobody can tell from here whether a number was made, or whose a record is. Everything is left as it is."""

    default_remedy: ClassVar[str | None] = (
        "look at the provider and remove what is not yours; then run the same command again"
    )


@dataclass(frozen=True, slots=True)
class Job:
    """One planned number, and what has to be known to work on it."""

    number: PlannedNumber
    trunk: Trunk | None
    capabilities: Capabilities
    """Of the target."""
    provider: str
    """Slug of the target."""
    timeout: float
    """Seconds within which a request is over, one way or the other."""

    @classmethod
    def of(cls, plan: Plan, number: PlannedNumber, capabilities: Capabilities) -> Job:
        return cls(number, plan.trunk(number), capabilities, plan.target.provider, plan.settings.timeout)

    @property
    def key(self) -> str:
        return self.number.key

    @property
    def identity(self) -> NumberIdentity:
        """The number as the target knows it."""
        return NumberIdentity.parse(self.number.wanted.number, region=self.capabilities.region)

    def write(
        self,
        action: Action,
        phase: Phase,
        says: str = "",
        *,
        record: str | None = None,
        facts: Mapping[str, JsonValue] | None = None,
    ) -> Unit[None]:
        """Put a line into the journal."""
        yield from ask(Record(Entry(self.key, action, phase, record, says, facts or {})))


class StepFailed(Exception):
    """Which step an error belongs to, on its way out of a unit."""

    def __init__(self, action: Action, error: TelephonyError) -> None:
        super().__init__(action)
        self.action = action
        self.error = error


def told(job: Job, unit: Unit[T], otherwise: Action) -> Unit[T]:
    """Run a unit, and put what stopped it into the journal: under its step, or under ``otherwise``."""
    try:
        return (yield from unit)
    except StepFailed as failed:
        action, error = failed.action, failed.error
    except NeedsPerson:  # the journal has it already
        raise
    except TelephonyError as plain:
        action, error = otherwise, plain
    phase = Phase.UNKNOWN if isinstance(error, OutcomeUnknown) else Phase.FAILED
    yield from job.write(action, phase, str(error), facts=facts_of(error))
    raise error


def facts_of(error: TelephonyError) -> dict[str, JsonValue]:
    """What of an error a program may want to know later."""
    facts: dict[str, JsonValue] = {"error": type(error).__name__}
    known: dict[str, JsonValue] = {"status": error.status, "code": error.code, "request_id": error.request_id}
    return facts | {name: value for name, value in known.items() if value is not None}
