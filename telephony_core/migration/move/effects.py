"""What a unit of work asks its runner to do. Units decide and yield these; runners send, write and wait.

A unit is a generator, as an adapter's operation is: it holds every decision and does nothing itself, so one number's
move can be tested by hand, and can run on somebody's job engine as well as on the runner in here::

    record = yield from ask(Call(End.TARGET, "get_number", lambda operations: operations.get(id)))
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, TypeAlias, TypeVar

from pydantic import SecretStr

from telephony_core.domain.number_identity import NumberIdentity
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.migration.journal.entries import Entry
from telephony_core.migration.plan.model import Trunk
from telephony_core.operations.operations import Operations
from telephony_core.provider.flow import Flow

T = TypeVar("T")


class EndpointRole(StrEnum):
    """The two ends of a migration."""

    SOURCE = "source"
    TARGET = "target"


class Effect(Generic[T]):
    """Something to be done; its answer is a ``T``, or a `TelephonyError` that is thrown into the unit."""


@dataclass(frozen=True)
class RunFlow(Effect[T]):
    """Run a flow over the client of one end. ``name`` is the operation, for errors."""

    end: EndpointRole
    name: str
    flow: Callable[[Operations], Flow[T]]


@dataclass(frozen=True)
class Lookup(Effect[tuple[PhoneNumber, ...]]):
    """Every record of one number at one end, and the record with this id, in any status.

    The answer comes from a listing that is begun after this was asked (see `AccountIndex` for the one exception, which
    ``fresh`` excludes), or from the provider's own look-up.
    """

    end: EndpointRole
    identity: NumberIdentity
    id: str | None = None
    fresh: bool = False


@dataclass(frozen=True)
class Now(Effect[datetime]):
    """The time, aware UTC. Within one run it never goes back, whatever happens to the machine's clock."""


@dataclass(frozen=True)
class ProviderNow(Effect[datetime | None]):
    """The time by the clock of one end, as its last answer told it; ``None`` where it tells none."""

    end: EndpointRole


@dataclass(frozen=True)
class Claim(Effect[None]):
    """Keep every other plan on this machine from importing a number here, until what became of it is known.

    Raises `NumberClaimed` where another plan has it.
    """

    number: str
    """Key of the number in the plan."""
    identity: NumberIdentity
    goes_on: bool = False
    """Whether the journal knows of an import of it that was sent."""


@dataclass(frozen=True)
class Record(Effect[None]):
    """Write an entry into the journal. It is on disk when the unit goes on."""

    entry: Entry


@dataclass(frozen=True)
class Wait(Effect[bool]):
    """Let this many seconds pass; ``why`` is for people. The answer is whether they passed.

    An ``idle`` wait leaves its place to other numbers meanwhile, and ends early, with ``False``, when somebody asks the
    run to stop.
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
"""A unit of work: yields effects, is sent their answers, returns what it came to."""


def perform(effect: Effect[T]) -> Procedure[T]:
    """Yield one effect and return its answer, with the type it has."""
    answer: T = yield effect
    return answer
