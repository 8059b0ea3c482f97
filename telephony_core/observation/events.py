"""Facts for observers: no header, body, query or secret, and no personal data (see `route_of` and `masked`)."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from telephony_core.domain.number_identity import NumberIdentity


class Outcome(StrEnum):
    """How an operation ended."""

    DONE = "done"
    ADOPTED = "adopted"
    """An answer was lost or unusable, and a look found that the change had happened."""
    FAILED = "failed"
    """It was refused, or nothing came of it."""
    PARTIAL = "partial"
    """A step of it went through, and then one failed (`PartialOutcome`)."""
    UNKNOWN = "unknown"
    """Nobody can tell whether it happened (`OutcomeUnknown`), or it failed behind a write that may have happened."""
    INTERRUPTED = "interrupted"
    """Ctrl-C, a cancellation, or an exception that is none of this library's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """Where, and what for: the same of every fact."""

    provider: str
    """The provider's slug."""
    connection: str
    """Name of the connection; the slug where it has none of its own."""
    host: str
    """Host of the provider, and port where one is given."""
    operation: str
    """Name of the client's method: ``import_number``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestEvent(_Told):
    """One request as it went. One that is sent again is an event each time."""

    method: str
    route: str
    """The path below the base URL with ``{id}`` in the place of ids: ``/v1/phone/{id}``."""
    changes: bool
    """Whether the request is one that changes something at the provider."""
    attempt: int
    """1 for the first time that it was sent."""
    status: int | None
    """HTTP status; ``None`` when no answer came."""
    error: str | None
    """Name of the error's class when no answer came."""
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationStart(_Told):
    """An operation that is about to begin. Each page of a listing is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationEvent(_Told):
    """An operation that has ended, whatever by."""

    outcome: Outcome
    error: str | None
    """Name of the class of what ended it."""
    changes: bool
    """Whether a request was sent that changes something."""
    number: str | None
    """The last digits of the number that was to be changed: ``…2222``."""
    record: str | None
    """Id of the record that was to be changed, or was made; masked like a number where it is one."""
    method: str | None
    route: str | None
    status: int | None
    """Of the last request that changes something, or else of the last one; ``None`` where none was sent."""
    requests: int
    resends: int
    """How many of the requests were sent again."""
    seconds: float


class OperationObserver(ABC):
    """An observer that is told of operations as well, in the thread and the context in which each runs."""

    def __call__(self, event: RequestEvent) -> None:  # noqa: B027 - listening to requests is a choice
        """A request went."""

    @abstractmethod
    def begun(self, operation: OperationStart) -> Callable[[OperationEvent], None]:
        """An operation begins. What this returns is called when it has ended."""


_WORD: Final = re.compile(r"[a-z][a-z_-]*|v\d{1,3}")
"""What vendors' paths are made of. Anything else in a path is an id, or might be one."""


def route_of(path: str) -> str:
    """A path with ``{id}`` in the place of every segment that is neither a plain word nor a version.

    >>> route_of("/v1/phone/%2B34612345678/sip-config")
    '/v1/phone/{id}/sip-config'
    """
    return "/".join([part if not part or _WORD.fullmatch(part) else "{id}" for part in path.split("/")])


_SHOWN: Final = 4


def masked(identity: NumberIdentity) -> str:
    """The last four digits of a number, which tell numbers apart for whoever knows them; of a short one nothing.

    A number is personal data where a person has it.
    """
    digits = re.sub(r"\D", "", identity.e164 or identity.raw)
    return f"…{digits[-_SHOWN:]}" if len(digits) > 2 * _SHOWN else "…"


def shown_id(id: str, identity: NumberIdentity | None) -> str:
    """A record's id, or what is shown of a number where that is the id."""
    # Some vendors' ids are the number, or have it in them.
    number = identity is not None and identity.e164 is not None and identity.e164.lstrip("+") in id
    if identity is not None and (number or id == identity.raw):
        return masked(identity)
    # Nobody knows of which number, and it is written as one.
    return f"…{id[-_SHOWN:]}" if re.fullmatch(r"\+?[\d\s().-]{9,}", id) else id
