"""One planned number as a job, and what can go wrong with one: shared by moving, rolling back and releasing."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, TypeVar

from pydantic import JsonValue

from telephony_core.domain.number_identity import NumberIdentity
from telephony_core.errors import MigrationError, OutcomeUnknown, TelephonyError
from telephony_core.migration.journal.entries import Action, Entry, Phase
from telephony_core.migration.move.effects import EndpointRole, Procedure, Record, perform
from telephony_core.migration.plan.model import Plan, PlannedNumber, Trunk
from telephony_core.provider.capabilities import Capabilities

T = TypeVar("T")


class StalePlan(MigrationError):
    """The world is not as the plan read it, so what it says may be wrong. Nothing was written."""

    default_remedy: ClassVar[str | None] = (
        "take the inventory again and make a new plan, under another name, for what has changed"
    )


def no_new_plan(key: str, plan: str = "PLAN") -> str:
    """What to do where the source of a number changed that is at the target: to a new plan it is there already."""
    return (
        "set the source right again and run the same command; or take the number back with `telephony migrate rollback "
        f"{plan} --numbers {shlex.quote(key)} --allow source_not_serving`, then take the inventory again and make a "
        "new plan, under another name"
    )


class VerificationFailed(MigrationError):
    """It was made, and what is there now is not what was planned."""

    default_remedy: ClassVar[str | None] = (
        "compare at the provider; mend it there and run apply again, or take this number back with "
        "`telephony migrate rollback`"
    )


class ManualActionRequired(MigrationError):
    """Nobody can tell from here whether a number was made, or whose a record is. Everything is left as it is."""

    default_remedy: ClassVar[str | None] = (
        "look at the provider and remove what is not yours; then run the same command again"
    )


class ContradictoryAnswers(MigrationError):
    """Read by its id a record is not there, and the list shows it. Neither is believed, and nothing is written."""

    default_remedy: ClassVar[str | None] = (
        "run the same command again in a few minutes; if it stays so, ask the provider"
    )


class NotInService(MigrationError):
    """It was made as planned, and the provider does not serve it yet: it is pending, suspended or the like."""

    default_remedy: ClassVar[str | None] = (
        "find out at the provider what it waits for, then run `telephony migrate apply` again: it makes nothing twice"
    )


class InDoubt(MigrationError, OutcomeUnknown):
    """The answer to a write was lost, and it may still take effect. ``since`` and ``until`` say when that was asked and
    from when on it cannot happen any more (aware UTC)."""

    def __init__(self, message: str, *, since: datetime, until: datetime, **data: Any) -> None:
        super().__init__(message, **data)
        self.since = since
        self.until = until


@dataclass(frozen=True, slots=True)
class Doubt:
    """How long a write whose answer was lost may still take effect."""

    since: datetime
    until: datetime

    def __str__(self) -> str:
        return f"since {clock_text(self.since)}, until {clock_text(self.until)}"


def clock_text(when: datetime) -> str:
    """A moment to the second, with its zone."""
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


@dataclass(frozen=True, slots=True)
class MigrationTask:
    """One planned number, and what has to be known to work on it."""

    number: PlannedNumber
    trunk: Trunk | None
    capabilities: Capabilities
    """Of the target."""
    provider: str
    """Slug of the target."""
    timeout: float
    """Seconds within which a request is answered, or given up."""
    settling_window: float
    """Seconds after that in which it may still take effect, or may not show yet."""
    connection: str = ""
    """Name of the target's connection, for what to type next."""

    @classmethod
    def of(cls, plan: Plan, number: PlannedNumber, capabilities: Capabilities) -> MigrationTask:
        settings = plan.settings
        return cls(
            number,
            plan.trunk(number),
            capabilities,
            plan.target.provider,
            settings.timeout,
            settings.settling_window,
            plan.target.connection,
        )

    @property
    def key(self) -> str:
        return self.number.key

    @property
    def identity(self) -> NumberIdentity:
        """The number as the target knows it."""
        return NumberIdentity.parse(self.number.desired.number, region=self.capabilities.region)

    def at_target(self, verb: str, id: str) -> str:
        """The command that shows or releases one record at the target: ``telephony numbers show ID --id -p NAME``."""
        return f"telephony numbers {verb} {shlex.quote(id)} --id -p {shlex.quote(self.connection or self.provider)}"

    def identity_at(self, end: EndpointRole) -> NumberIdentity:
        """The number as this end knows it."""
        return self.identity if end is EndpointRole.TARGET else self.number.source.identity

    def doubt(self, announced: Entry | None, now: datetime, end: EndpointRole, there: datetime | None) -> Doubt:
        """How long a write may still take effect that this line announced (``None``: just now).

        Time counts only as far as both clocks saw it pass, this machine's and that of the end it was sent to (``there``
        is its time now): a clock that was set ahead since must not end the doubt. A line from later than now comes from
        a clock that was set back; then everything begins anew.
        """
        since = now if announced is None or announced.at is None or announced.at > now else announced.at
        passed = now - since
        journaled = None if announced is None else announced.data.get(f"time_at_{end}")
        if isinstance(journaled, str) and there is not None:
            passed = min(passed, max(timedelta(0), there - datetime.fromisoformat(journaled)))
        return Doubt(since, now - passed + timedelta(seconds=self.timeout + self.settling_window))

    def repeatable_at(self, doubt: Doubt) -> datetime:
        """From when on an import whose answer was lost may be sent once more: after the window, or sooner where the
        target declares that. It may take effect for as long as any other write."""
        sooner = self.capabilities.repeatable_import
        window = self.settling_window if sooner is None else min(self.settling_window, sooner.after)
        return doubt.until - timedelta(seconds=self.settling_window - window)

    def write(
        self,
        action: Action,
        phase: Phase,
        message: str = "",
        *,
        record: str | None = None,
        data: Mapping[str, JsonValue] | None = None,
    ) -> Procedure[None]:
        """Put a line into the journal."""
        yield from perform(Record(Entry(self.key, action, phase, record, message, data or {})))


def there_already(task: MigrationTask, id: str) -> str:
    """What to do about a record of the number that this migration did not make: no plan moves onto it."""
    return (
        f"look at it: `{task.at_target('show', id)}`; if it is right, this plan has nothing to do for {task.key}, so "
        f"leave it out; if it is to go, `{task.at_target('release', id)}`, then run the same command again"
    )


class StepFailed(Exception):
    """Which step an error belongs to, on its way out of a unit."""

    def __init__(self, action: Action, error: TelephonyError) -> None:
        super().__init__(action)
        self.action = action
        self.error = error


def journaled(task: MigrationTask, procedure: Procedure[T], otherwise: Action) -> Procedure[T]:
    """Run a unit, and put what stopped it into the journal: under its step, or under ``otherwise``."""
    try:
        return (yield from procedure)
    except StepFailed as failed:
        action, error = failed.action, failed.error
    except (ManualActionRequired, InDoubt):  # the journal has it already
        raise
    except TelephonyError as plain:
        action, error = otherwise, plain
    phase = Phase.UNKNOWN if isinstance(error, OutcomeUnknown) else Phase.FAILED
    yield from task.write(action, phase, error.cli_text, data=facts_of(error))
    raise error


def facts_of(error: TelephonyError) -> dict[str, JsonValue]:
    """What of an error a program may want to know later."""
    data: dict[str, JsonValue] = {"error": type(error).__name__}
    known: dict[str, JsonValue] = {"status": error.status, "code": error.code, "request_id": error.request_id}
    return data | {name: value for name, value in known.items() if value is not None}
