"""What a procedure asks of its runner, the task that it works on, and what can go wrong with one.

A procedure is a generator, as an adapter's operation is: it makes every decision and performs nothing itself, so one
number's move can be tested by hand, and can run on a job engine as well as on `telephony_core.migration.run.runner`::

    record = yield from perform(RunFlow(EndpointRole.TARGET, "get_number", lambda operations: operations.get(id)))
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection, Generator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar, Generic, TypeAlias, TypeVar

from pydantic import JsonValue, SecretStr

from telephony_core.domain.number_identity import NumberIdentity
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.errors import MigrationError, OutcomeUnknown, TelephonyError
from telephony_core.migration.inventory.diff import FieldDrift
from telephony_core.migration.inventory.fields import clock_text
from telephony_core.migration.inventory.staleness import stale_fields
from telephony_core.migration.journal.entries import Action, Entry, Phase
from telephony_core.migration.plan.allowances import Allowance
from telephony_core.migration.plan.model import Endpoint, PlanKind, PlannedNumber, Settings, Trunk
from telephony_core.migration.plan.store import LoadedPlan
from telephony_core.migration.rendering.commands import command
from telephony_core.operations.operations import Operations
from telephony_core.provider.capabilities import Capabilities
from telephony_core.provider.flow import Flow, Semantics

T = TypeVar("T")


class EndpointRole(StrEnum):
    """The two ends of a migration."""

    SOURCE = "source"
    TARGET = "target"

    @property
    def other(self) -> EndpointRole:
        return EndpointRole.TARGET if self is EndpointRole.SOURCE else EndpointRole.SOURCE


# -- effects


class Effect(Generic[T]):
    """Something to be done; its answer is a ``T``, or a `TelephonyError` that is thrown into the procedure."""


@dataclass
class Announcement:
    """A line for the journal that is written right before a flow sends its first request that writes, and again before
    its first one that must not be repeated. So it is never there for a write that was not sent."""

    entry: Entry
    sent: Semantics | None = None
    """The most that was sent so far; ``None``: nothing but reads."""


@dataclass(frozen=True)
class RunFlow(Effect[T]):
    """Run a flow over the client of one endpoint. ``name`` is the operation, for errors."""

    role: EndpointRole
    name: str
    flow: Callable[[Operations], Flow[T]]
    announce: Announcement | None = None


@dataclass(frozen=True)
class Lookup(Effect[tuple[PhoneNumber, ...]]):
    """Every record of one number at one endpoint, and the record with this id, in any status.

    The answer comes from a listing that is started after this was asked (see `AccountIndex` for the one exception,
    which ``fresh`` excludes), or from the provider's own look-up.
    """

    role: EndpointRole
    identity: NumberIdentity
    id: str | None = None
    fresh: bool = False


@dataclass(frozen=True)
class Now(Effect[datetime]):
    """The time, aware UTC. Within one run it never goes back, whatever happens to the machine's clock."""


@dataclass(frozen=True)
class ProviderNow(Effect[datetime | None]):
    """The time by the clock of one endpoint, as its last answer showed it; ``None`` where it shows none."""

    role: EndpointRole


@dataclass(frozen=True)
class Claim(Effect[None]):
    """Keep every other plan on this machine from importing a number at the target, until the result is known.

    Raises `NumberClaimed` where another plan has it.
    """

    number: str
    """Key of the number in the plan."""
    identity: NumberIdentity
    goes_on: bool = False
    """Whether the journal knows of an import of it that was sent."""


@dataclass(frozen=True)
class Record(Effect[None]):
    """Write an entry into the journal. It is on disk when the procedure goes on."""

    entry: Entry


@dataclass(frozen=True)
class Wait(Effect[bool]):
    """Let this many seconds pass; ``why`` is for people. The answer is whether they passed.

    An ``idle`` wait leaves its place to other numbers meanwhile, and ends early, with ``False``, when the run is asked
    to stop.
    """

    seconds: float
    why: str
    idle: bool = False
    doubted: str | None = None
    """Key of the number that is waited for because a write of it was not answered."""


@dataclass(frozen=True)
class ResolvedCredentials:
    """What a trunk's references lead to."""

    username: str | None = field(default=None, repr=False)
    password: SecretStr | None = None


@dataclass(frozen=True)
class ResolveSecrets(Effect[ResolvedCredentials]):
    """Follow the references of a trunk. Raises `ConfigurationError` where one leads nowhere."""

    trunk: Trunk


Procedure: TypeAlias = Generator[Effect[Any], Any, T]
"""Yields effects, is sent their answers, returns its result."""


def perform(effect: Effect[T]) -> Procedure[T]:
    """Yield one effect and return its answer, with the type it has."""
    # A generator is sent answers of one type, `Any`; the annotation gives this one its own back.
    answer: T = yield effect
    return answer


# -- what can go wrong


class StalePlan(MigrationError):
    """The endpoints are not as the plan read them, so the plan may be wrong. Nothing was written."""

    default_remedy: ClassVar[str | None] = (
        "take the inventory again and make a new plan, under another name, for what has changed"
    )


class VerificationFailed(MigrationError):
    """The record was made, and is not as planned."""

    default_remedy: ClassVar[str | None] = (
        "compare at the provider; correct it there and run apply again, or take this number back with "
        "`telephony rollback`"
    )


class ManualActionRequired(MigrationError):
    """Whether a number was made, or whose a record is, cannot be decided from here. Everything is left as it is."""

    default_remedy: ClassVar[str | None] = (
        "look at the provider and remove what is not yours; then run the same command again"
    )


class ContradictoryAnswers(MigrationError):
    """A record is not found by its id, and the list shows it. Neither is believed, and nothing is written."""

    default_remedy: ClassVar[str | None] = (
        "run the same command again in a few minutes; if it stays so, ask the provider"
    )


class NotInService(MigrationError):
    """The record was made as planned, and the provider does not serve it yet: it is pending, suspended or the like."""

    default_remedy: ClassVar[str | None] = (
        "find out at the provider what it waits for, then run `telephony apply` again: it makes nothing twice"
    )


# An `OutcomeUnknown` as well, so that whoever handles a lost answer of one client handles that of a migration alike.
class InDoubt(MigrationError, OutcomeUnknown):
    """The answer to a write was lost, and it may still take effect: sent at ``since``, impossible from ``until`` on
    (aware UTC).

    Remedy: run the same command again: it looks whether the write happened, and waits until it cannot any more.
    """

    def __init__(self, message: str, *, since: datetime, until: datetime, **data: Any) -> None:
        super().__init__(message, **data)
        self.since = since
        self.until = until


class StepFailed(Exception):
    """Carries an error and the step it belongs to out of a procedure, to `journaled`."""

    def __init__(self, action: Action, error: TelephonyError) -> None:
        super().__init__(action)
        self.action = action
        self.error = error


@dataclass(frozen=True, slots=True)
class Doubt:
    """How long a write whose answer was lost may still take effect."""

    since: datetime
    until: datetime

    def __str__(self) -> str:
        return f"since {clock_text(self.since)}, until {clock_text(self.until)}"


# -- the task


@dataclass(frozen=True, slots=True)
class MigrationTask:
    """One planned number, and what has to be known to work on it."""

    number: PlannedNumber
    trunk: Trunk | None
    capabilities: Capabilities
    """Of the target."""
    source: Endpoint | None
    target: Endpoint
    settings: Settings
    plan: str
    """Name of the plan, for what to type next."""
    kind: PlanKind = PlanKind.MIGRATE
    username: str | None = field(default=None, repr=False)
    """What the reference to the user name of its trunk leads to, where that is known."""

    @classmethod
    def of(
        cls,
        loaded: LoadedPlan,
        number: PlannedNumber,
        capabilities: Capabilities,
        usernames: Mapping[str, str] | None = None,
    ) -> MigrationTask:
        """The task of one number of a plan. ``usernames`` are what references lead to, by the names of trunks."""
        plan = loaded.plan
        trunk, where = plan.trunk(number), loaded.name
        username = None if trunk is None or usernames is None else usernames.get(trunk.name)
        return cls(number, trunk, capabilities, plan.source, plan.target, plan.settings, where, plan.kind, username)

    @property
    def key(self) -> str:
        """The number's key in plan and journal."""
        return self.number.key

    @property
    def identity(self) -> NumberIdentity:
        """The number as the target knows it."""
        if self.kind is PlanKind.SET:
            # Of a record that is there, the number as it shows it; only what is to be imported is read as the target
            # would read it.
            return self.number.record.identity
        return NumberIdentity.parse(self.number.desired.number, region=self.capabilities.region)

    @property
    def uses_digest(self) -> bool:
        """Whether a user name or a password of the trunk is written."""
        return self.trunk is not None and self.trunk.auth != "none"

    def changes_at_source(
        self, record: PhoneNumber | None, unpublished: Collection[str] = ()
    ) -> tuple[FieldDrift, ...]:
        """What has changed about its record at the source since the plan read it (`stale_fields`)."""
        reused = self.source is not None and self.source.ids_are_reused
        return stale_fields(self.number.record, record, unpublished, ids_are_reused=reused)

    def write(
        self,
        action: Action,
        phase: Phase,
        message: str = "",
        *,
        record: str | None = None,
        data: Mapping[str, JsonValue] | None = None,
    ) -> Procedure[None]:
        """Write a line into the journal."""
        yield from perform(Record(Entry(self.key, action, phase, record, message, data or {})))

    # -- an answer that was lost

    def doubt(self, announced: Entry | None, now: datetime, role: EndpointRole, there: datetime | None) -> Doubt:
        """How long a write may still take effect that this line announced (``None``: just now).

        Time counts only as far as both clocks saw it pass, this machine's and that of the endpoint that it was sent to
        (``there`` is its time now): a clock that was set ahead since must not end the doubt. A line from later than now
        comes from a clock that was set back; then the whole window starts again.
        """
        since = now if announced is None or announced.at is None or announced.at > now else announced.at
        passed = now - since
        journaled = None if announced is None else announced.data.get(f"time_at_{role}")
        if isinstance(journaled, str) and there is not None:
            # A provider's clock may step back, too. Negative time would make the doubt longer than its window.
            passed = min(passed, max(timedelta(0), there - datetime.fromisoformat(journaled)))
        return Doubt(since, now - passed + self.settings.in_doubt)

    def doubt_of(self, announced: Entry | None, role: EndpointRole) -> Procedure[Doubt]:
        """`doubt`, as of now."""
        now = yield from perform(Now())
        return self.doubt(announced, now, role, (yield from perform(ProviderNow(role))))

    def in_doubt(self, doubt: Doubt, what: str) -> InDoubt:
        """A write that may still take effect, as an error. ``what`` is an import, a release or a rollback."""
        return InDoubt(
            f"the {what.replace('_', ' ')} of {self.key} was not answered, and may still take effect ({doubt})",
            since=doubt.since,
            until=doubt.until,
            remedy="run the same command again: it goes on looking, and sends nothing a second time before that",
        )

    # -- what to type next

    def at_target(self, verb: str, id: str) -> str:
        """The command that shows or releases one record at the target: ``telephony numbers show ID --id -p NAME``."""
        return f"telephony numbers {verb} {shlex.quote(id)} --id -p {shlex.quote(self.target.connection)}"

    def command(self, name: str) -> str:
        """The command of this name for this number of the plan."""
        return command(name, self.plan, (self.key,), kind=self.kind)

    @property
    def rollback_without_source(self) -> str:
        """The command that takes this number back although the source does not serve it."""
        return f"`{self.command('rollback')} --allow {Allowance.SOURCE_NOT_SERVING}`"

    def source_changed(self, how: str, *, touched: bool) -> StalePlan:
        """The source is not as the plan read it. ``touched``: the number may be at the target by this migration."""
        return StalePlan(
            f"{self.key} has changed at the source since the plan was made: {how}",
            remedy=self.restore_source if touched else None,
        )

    @property
    def restore_source(self) -> str:
        """What to do where the source of a number changed that is at the target: a new plan would skip it."""
        return (
            "set the source right again and run the same command; or take the number back with "
            f"{self.rollback_without_source}, then take the inventory again and make a new plan, under another name"
        )

    def there_already(self, id: str) -> str:
        """What to do about a record of the number that this migration did not make: no plan moves onto it."""
        return (
            f"look at it: `{self.at_target('show', id)}`; if it is right, this plan has nothing to do for {self.key}, "
            f"so leave it out; if it is to go, `{self.at_target('release', id)}`, then run the same command again"
        )


def journaled(task: MigrationTask, procedure: Procedure[T]) -> Procedure[T]:
    """Run a procedure, and write the error that ends it into the journal: under its step, or as a failed check."""
    try:
        return (yield from procedure)
    except StepFailed as failed:
        action, error = failed.action, failed.error
    except (ManualActionRequired, InDoubt):  # the journal has it already
        raise
    except TelephonyError as plain:
        action, error = Action.CHECK, plain
    # What may have happened must not be written down as failed: the next run would not wait for it.
    phase = Phase.UNKNOWN if isinstance(error, OutcomeUnknown) else Phase.FAILED
    known = {"error": type(error).__name__, "status": error.status, "code": error.code, "request_id": error.request_id}
    yield from task.write(
        action, phase, error.cli_text, data={name: value for name, value in known.items() if value is not None}
    )
    raise error
