"""What a procedure asks of its runner, the task that it works on, and what can go wrong with one.

A procedure is a generator, as an adapter's operation is: it makes every decision and performs nothing itself, so one
number's move can be tested by hand, and can run on a job engine as well as on `telephony_core.migration.run.runner`::

    record = yield from perform(RunFlow(EndpointRole.TARGET, "get_number", lambda operations: operations.get(id)))
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeAlias, TypeVar

from pydantic import JsonValue, SecretStr

from telephony_core.domain.number_identity import NumberIdentity
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.errors import OutcomeUnknown, TelephonyError
from telephony_core.errors.migration import InDoubt, ManualActionRequired, StalePlan
from telephony_core.migration.inventory.diff import FieldDrift
from telephony_core.migration.inventory.staleness import stale_fields
from telephony_core.migration.journal.doubt import Doubt, doubt_since
from telephony_core.migration.journal.entries import Action, Entry, Phase
from telephony_core.migration.plan.allowances import Allowance
from telephony_core.migration.plan.model import Endpoint, EndpointRole, PlanKind, PlannedNumber, Settings, Trunk
from telephony_core.migration.plan.store import LoadedPlan
from telephony_core.migration.rendering.commands import command
from telephony_core.operations.operations import Operations
from telephony_core.provider.capabilities import Capabilities
from telephony_core.provider.flow import Flow, Semantics

T = TypeVar("T")


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


class StepFailed(Exception):
    """Carries an error and the step it belongs to out of a procedure, to `journaled`."""

    def __init__(self, action: Action, error: TelephonyError) -> None:
        super().__init__(action)
        self.action = action
        self.error = error


# -- the task


@dataclass(frozen=True, slots=True)
class MigrationTask:
    """One planned number, and what has to be known to work on it."""

    number: PlannedNumber
    trunk: Trunk | None
    capabilities: Capabilities
    """Of the target."""
    source: Capabilities | None
    """Of the source, where there is one."""
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
        source: Capabilities | None = None,
    ) -> MigrationTask:
        """The task of one number of a plan. ``usernames`` are what references lead to, by the names of trunks."""
        plan = loaded.plan
        trunk, where = plan.trunk(number), loaded.name
        username = None if trunk is None or usernames is None else usernames.get(trunk.name)
        return cls(number, trunk, capabilities, source, plan.target, plan.settings, where, plan.kind, username)

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

    def changes_at_source(
        self, record: PhoneNumber | None, unpublished: Collection[str] = ()
    ) -> tuple[FieldDrift, ...]:
        """What has changed about its record at the source since the plan read it (`stale_fields`)."""
        return stale_fields(self.number.record, record, self.source, unpublished)

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
        """How long a write may still take effect that this line announced (`doubt_since`)."""
        return doubt_since(announced, now, f"time_at_{role}", there, self.settings.in_doubt)

    def doubt_of(self, announced: Entry | None, role: EndpointRole) -> Procedure[Doubt]:
        """`doubt`, as of now."""
        now = yield from perform(Now())
        return self.doubt(announced, now, role, (yield from perform(ProviderNow(role))))

    # -- what to type next

    def command(self, name: str) -> str:
        """The command of this name for this number of the plan."""
        return command(name, self.plan, (self.key,), kind=self.kind)

    @property
    def rollback_without_source(self) -> str:
        """The command that takes this number back although the source does not serve it."""
        return f"`{self.command('rollback')} --allow {Allowance.SOURCE_NOT_SERVING}`"

    @property
    def restore_source(self) -> str:
        """What to do where the source of a number changed that is at the target: a new plan would skip it."""
        return (
            "set the source right again and run the same command; or take the number back with "
            f"{self.rollback_without_source}, then take the inventory again and make a new plan, under another name"
        )

    def source_changed(self, how: str, *, touched: bool) -> StalePlan:
        """The source is not as the plan read it. ``touched``: the number may be at the target by this migration."""
        said = f"{self.key} has changed at the source since the plan was made: {how}"
        return StalePlan(said, remedy=self.restore_source if touched else None)


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
