"""One operation while it runs, told to the log and to the observers. Nothing that they do harms the operation."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Final, TypeAlias

from telephony_core.errors import OutcomeUnknown, PartialOutcome, TelephonyError, linked
from telephony_core.observation.events import (
    OperationEvent,
    OperationObserver,
    OperationStart,
    Outcome,
    RequestEvent,
    masked,
    route_of,
    shown_id,
)
from telephony_core.provider.flow import Request, Response, Semantics

if TYPE_CHECKING:
    from telephony_core.operations.reconciliation import Trail

log: Final = logging.getLogger("telephony_core")
Observer: TypeAlias = Callable[[RequestEvent], None]
_LOUD: Final = frozenset({Outcome.ADOPTED, Outcome.PARTIAL, Outcome.UNKNOWN, Outcome.INTERRUPTED})
"""Outcomes of a change that somebody should look at."""
_QUIETLY: Final = suppress(Exception)
"""Around every line of the log: what a handler or filter of the application raises would take the place of what the
operation came to, a record that was just imported among them."""


class OperationReport:
    """Tells of one operation. ``began`` and ``now`` are seconds of one clock."""

    def __init__(self, start: OperationStart, observers: Sequence[Observer], began: float) -> None:
        self._start = start
        self._observers = observers
        self._began = began
        self._ended: list[Callable[[OperationEvent], None]] = []
        self._told: Request | None = None
        """The last request that changes something, or else the last one."""
        self._status: int | None = None
        self._trails: list[Trail | None] = []
        self._requests = 0
        self._resends = 0

    @property
    def _name(self) -> str:
        start = self._start
        named = f" ({start.connection})" if start.connection not in ("", start.provider) else ""
        return f"{start.provider}{named} {start.operation}"

    def begin(self) -> None:
        for observer in self._observers:
            if isinstance(observer, OperationObserver):
                with self._harmless():
                    self._ended.append(observer.begun(self._start))

    def sending(self, request: Request) -> None:
        """A request is about to leave."""
        # A read that follows a change, such as a look for what became of it, does not take its place.
        if self._told is None or self._told.semantics is Semantics.READ or request.semantics is not Semantics.READ:
            self._told, self._status = request, None
            self._trails.append(request.trail)

    def request(self, request: Request, attempt: int, answer: Response | TelephonyError, seconds: float) -> None:
        """A request was answered, or failed."""
        self._requests += 1
        self._resends += attempt > 1
        if request is self._told:
            self._status = _status(answer)
        # Nearly every request, and nobody listens: no event is made for it.
        if not self._observers and not log.isEnabledFor(logging.DEBUG):
            return
        event = self._event(request, attempt, answer, seconds)
        if log.isEnabledFor(logging.DEBUG):
            with _QUIETLY:
                log.debug(
                    "%s: %s %s -> %s (attempt %d, %.0f ms)",
                    *(self._name, event.method, event.route, event.status or "no answer", attempt, seconds * 1000),
                    extra=_extra(event),
                )
        for observer in self._observers:
            with self._harmless():
                observer(event)

    def again(
        self, request: Request, attempt: int, answer: Response | TelephonyError, seconds: float, waited: float
    ) -> None:
        """A request is sent again, after a pause."""
        event = self._event(request, attempt, answer, seconds)
        self._warn("%s: %s %s: %s; it is sent again after %.1f s", event, waited, waited=waited)

    def lost(self, request: Request, attempt: int, answer: Response | TelephonyError, seconds: float) -> None:
        """The answer to a request that must not be repeated is lost."""
        event = self._event(request, attempt, answer, seconds)
        self._warn("%s: %s %s: %s; it is not repeated, and whether it happened is looked for", event)

    def end(self, ending: BaseException | None, now: float, *, pending: bool) -> None:
        """The operation has ended, by this exception or well; ``pending``: it sent a write that may have happened."""
        told = self._told
        changes = told is not None and told.semantics is not Semantics.READ
        # Reads are no line in the log.
        if not self._ended and not changes:
            return
        outcome = _outcome(
            ending, adopted=any(trail is not None and trail.adopted for trail in self._trails), pending=pending
        )
        attempt = told.attempt if told is not None else None
        made = told.trail.number if told is not None and told.trail is not None else None
        identity = attempt.identity if attempt is not None else made.identity if made is not None else None
        id = made.id if made is not None else attempt.id if attempt is not None else None
        event = OperationEvent(
            **asdict(self._start),
            outcome=outcome,
            error=None if ending is None else type(ending).__name__,
            changes=changes,
            number=None if identity is None else masked(identity),
            record=None if id is None else shown_id(id, identity),
            method=None if told is None else told.method,
            route=None if told is None else route_of(told.path),
            status=self._status,
            requests=self._requests,
            resends=self._resends,
            seconds=now - self._began,
        )
        level = logging.WARNING if outcome in _LOUD else logging.INFO
        if changes and log.isEnabledFor(level):
            about = f" of {event.number}" if event.number is not None else ""
            record = f", record {event.record}" if event.record is not None else ""
            error = f" ({event.error})" if event.error is not None else ""
            with _QUIETLY:
                log.log(level, "%s%s: %s%s%s", self._name, about, outcome, error, record, extra=_extra(event))
        # In the opposite order to that in which they began: who entered a context last has to leave it first.
        for ended in reversed(self._ended):
            with self._harmless():
                ended(event)

    def _event(self, request: Request, attempt: int, answer: Response | TelephonyError, seconds: float) -> RequestEvent:
        return RequestEvent(
            **asdict(self._start),
            method=request.method,
            route=route_of(request.path),
            changes=request.semantics is not Semantics.READ,
            attempt=attempt,
            status=_status(answer),
            error=None if isinstance(answer, Response) else type(answer).__name__,
            seconds=seconds,
        )

    def _warn(self, text: str, event: RequestEvent, *values: float, **more: float) -> None:
        by = f"HTTP {event.status}" if event.status is not None else f"no answer ({event.error})"
        with _QUIETLY:
            log.warning(text, self._name, event.method, event.route, by, *values, extra=_extra(event, **more))

    def _harmless(self) -> AbstractContextManager[None]:
        return logged_if_it_fails("%s: an observer failed", self._name)


@contextmanager
def logged_if_it_fails(text: str, name: str) -> Iterator[None]:
    """Call what is not ours: whatever it does wrong, the caller of the operation learns what became of it all the same.

    The traceback in the log ends there. An error of ours that is being handled meanwhile names numbers.
    """
    around = sys.exception()
    try:
        yield
    except Exception as error:
        for link in linked(error, until=around):
            # Python chains what was being handled to any error that is raised meanwhile, and the log prints the whole
            # chain.
            if link.__context__ is around:
                link.__context__ = None
        with _QUIETLY:
            log.exception(text, name)


def _outcome(ending: BaseException | None, *, adopted: bool, pending: bool) -> Outcome:
    match ending:
        case None:
            return Outcome.ADOPTED if adopted else Outcome.DONE
        case OutcomeUnknown():
            return Outcome.UNKNOWN
        case PartialOutcome():
            return Outcome.PARTIAL
        case TelephonyError():
            # As `on_unknown` is told of the same operation.
            return Outcome.UNKNOWN if pending else Outcome.FAILED
    return Outcome.INTERRUPTED


def _status(answer: Response | TelephonyError) -> int | None:
    return answer.status if isinstance(answer, Response) else None


def _extra(event: RequestEvent | OperationEvent, **more: float) -> dict[str, object]:
    """Facts under names that no other attribute of a log record has."""
    return {f"telephony_{name}": value for name, value in (asdict(event) | more).items() if value is not None}
