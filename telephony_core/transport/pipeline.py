"""From a flow to actions: retry, pacing and one deadline for the whole operation, written once for both drivers.

`exchange` is itself a generator: it yields `Pause` and `Transmit`, and is sent responses or thrown the errors of the
backend. The two drivers at the end are the only code in the library that waits or sends.

What is repeated is decided by the table in `telephony_core.transport.retry`.

From the moment a request that must not be repeated may have left until its operation returns, whatever ends the
operation (Ctrl-C, a cancellation, a fault of an adapter) goes on unchanged, with a note of what may have happened, and
``on_unknown`` is told.
"""

from __future__ import annotations

import logging
import random
import sys
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final, TypeAlias, TypeVar
from urllib.parse import quote, urlsplit

from telephony_core.errors import (
    AnswerLost,
    ClientClosed,
    NoAnswer,
    NotSent,
    OutcomeUnknown,
    PartialOutcome,
    RateLimited,
    TelephonyError,
    UnexpectedResponse,
    WriteRefused,
)
from telephony_core.provider.flow import Flow, Request, Response, Semantics
from telephony_core.provider.vendor_errors import ErrorEnvelope, error_for, retry_after_seconds
from telephony_core.secrets.redaction import Secrets, scrubbed
from telephony_core.transport.backend import AsyncBackend, Backend, HttpRequest
from telephony_core.transport.clock import Clock, ProviderClock
from telephony_core.transport.lifecycle import Lifecycle
from telephony_core.transport.pace import Pace
from telephony_core.transport.retry import LONGEST_RETRY_AFTER, Decision, decide, in_doubt, result_of
from telephony_core.transport.traceback_frames import clear_variables

T = TypeVar("T")
log: Final = logging.getLogger("telephony_core")

FIRST_BACKOFF: Final = 0.5
"""Seconds; doubles with every retry, and the real pause is drawn evenly from nothing up to it (full jitter)."""
LONGEST_BACKOFF: Final = 8.0


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait this many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Transmit:
    """Send this, and give up after ``timeout`` seconds."""

    http: HttpRequest
    timeout: float


Action: TypeAlias = Pause | Transmit


@dataclass(frozen=True, slots=True)
class RequestEvent:
    """One request as it went, for observers: no headers, no bodies, no secrets."""

    provider: str
    operation: str
    method: str
    path: str
    attempt: int
    status: int | None
    """HTTP status; ``None`` when no answer came."""
    seconds: float


@dataclass(frozen=True, slots=True)
class RequestPipeline:
    """Everything that stands between a flow and its provider: where, with which key, how patiently."""

    provider: str
    base_url: str
    auth: Mapping[str, str] = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)
    pace: Pace
    timeout: float
    max_retries: int
    clock: Clock
    read_only: bool = False
    """Refuse every request that is not both a GET and `READ`."""
    observers: tuple[Callable[[RequestEvent], None], ...] = ()
    on_unknown: Callable[[OutcomeUnknown], None] | None = None
    """Told of a write that must not be repeated and may have happened, when its operation was interrupted."""
    connection: str = ""
    """Name of the connection, for errors."""
    provider_clock: ProviderClock = field(default_factory=ProviderClock)
    life: Lifecycle = field(default_factory=Lifecycle)
    jitter: Callable[[], float] = random.random  # spreads retries; nothing secret depends on it

    @property
    def host(self) -> str:
        """Host and port of the base URL, for errors."""
        return urlsplit(self.base_url).netloc

    def prepare(self, request: Request) -> HttpRequest:
        # `path` was built from escaped segments; a base URL may carry a path of its own.
        url = self.base_url + request.path
        if request.query:
            url += "?" + "&".join([_parameter(name, value) for name, value in request.query])
        return HttpRequest(request.method, url, self._headers(request), request.body)

    def _headers(self, request: Request) -> tuple[tuple[str, str], ...]:
        # In no variable: an interruption may come anywhere, and crash reporters record what stands in a frame.
        return (
            ("accept", "application/json"),
            *self.auth.items(),
            *request.headers,
            *(() if request.body is None else (("content-type", "application/json"),)),
        )


@lru_cache(maxsize=1024)
def _parameter(name: str, value: str) -> str:
    """A query parameter as it is sent. All but the cursor of a listing are the same on every page."""
    return f"{quote(name, safe='')}={quote(value, safe='')}"


@dataclass(slots=True)
class _OpenWrite:
    """A request that must not be repeated and may have been carried out, by an operation that has not returned yet."""

    request: Request
    state: str = "was in flight"


def exchange(flow: Flow[T], line: RequestPipeline, operation: str) -> Generator[Action, Response | None, T]:
    """Run a flow to its end, as actions. Errors leave with provider and operation filled in and secrets taken out.

    After a request that must not be repeated the flow gets the time-out once more, to look what became of it or to
    finish what it began: waiting for the answer may have used up all the time there was.
    """
    deadline = line.clock.monotonic() + line.timeout
    secrets = Secrets(line.secrets)
    writes: list[_OpenWrite] = []
    try:
        try:
            request = next(flow)
            while True:
                secrets.update(request.secrets)
                try:
                    response = yield from _attempts(request, line, operation, deadline, writes)
                except TelephonyError as error:
                    if isinstance(error, AnswerLost):
                        deadline = max(deadline, line.clock.monotonic() + line.timeout)
                    request = flow.throw(error)
                else:
                    if request.semantics is Semantics.ONCE and response.is_success:
                        deadline = max(deadline, line.clock.monotonic() + line.timeout)
                    request = flow.send(response)
        except StopIteration as stop:
            result: T = stop.value
            return result
    except TelephonyError as error:
        _finish(error, line, operation, secrets)
        if not isinstance(error, OutcomeUnknown | PartialOutcome):  # these say themselves what may have happened
            _note(writes, error, line, operation, secrets)
        raise
    except BaseException as interruption:
        _note(writes, interruption, line, operation, secrets)
        raise
    finally:
        _close(flow, line)


def _close(flow: Flow[T], line: RequestPipeline) -> None:
    try:
        flow.close()
    except Exception:  # an adapter that will not be closed; whatever ended the operation goes on its way
        log.exception("%s: a flow could not be closed", line.provider)


def _note(
    writes: list[_OpenWrite], ending: BaseException, line: RequestPipeline, operation: str, secrets: Secrets
) -> None:
    """Say of every write that must not be repeated that it may have happened when its operation was interrupted."""
    for write in writes:
        request, attempt = write.request, write.request.attempt
        number = request.trail.number if request.trail is not None else None
        if attempt is not None and number is not None:
            attempt = replace(attempt, id=number.id)
        part = f" ({attempt.operation} of {attempt.identity})" if attempt is not None else ""
        made = f", and {number.id} of {number.identity} is there by it" if number is not None else ""
        error = OutcomeUnknown(
            f"{request.method} {request.path} {write.state}{made} when the operation ended with "
            f"{type(ending).__name__}{part}",
            remedy=None if number is None else f"read the record {number.id} before anything is repeated",
            attempt=attempt,
            number=number,
        )
        _finish(error, line, operation, secrets)
        ending.add_note(str(error))
        if line.on_unknown is not None:
            try:
                line.on_unknown(error)
            except Exception:  # what ended the operation goes on its way
                log.exception("%s: on_unknown failed", line.provider)


def _finish(error: TelephonyError, line: RequestPipeline, operation: str, secrets: Secrets) -> None:
    """Fill in where it happened and hide secrets, in the error and in those it came from."""
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        if isinstance(link, TelephonyError):
            link.provider = link.provider or line.provider
            link.connection, link.host = link.connection or line.connection, link.host or line.host
            link.operation = link.operation or operation
            link.scrub(lambda text: scrubbed(text, secrets))
        link = link.__cause__ or link.__context__


def _attempts(
    request: Request, line: RequestPipeline, operation: str, deadline: float, writes: list[_OpenWrite]
) -> Generator[Action, Response | None, Response]:
    """One request of a flow, repeated as far as its semantics, the deadline and ``max_retries`` allow.

    While it may have been carried out and must not be repeated, it is among ``writes``.
    """
    if line.read_only and not (request.semantics is Semantics.READ and request.method == "GET"):
        raise WriteRefused(f"this client is read-only and would have sent {request.method} {request.path}")
    clock = line.clock
    http = line.prepare(request)
    attempt = 0
    doubt = False
    while True:
        started = yield from _turn(line.pace, deadline, clock, request, doubt)
        left = deadline - started
        if left <= 0:
            raise _out_of_time(request, doubt)
        attempt += 1
        answer: Response | TelephonyError = NoAnswer("the backend returned nothing")
        write = _OpenWrite(request)
        try:
            line.life.check()
            if request.semantics is Semantics.ONCE:
                writes.append(write)
            response = yield Transmit(http, left)
            if response is not None:
                answer = response
                line.provider_clock.note(response.headers.get("date"), clock.monotonic())
        except (NotSent, NoAnswer, UnexpectedResponse) as error:
            answer = error
        except TelephonyError as error:  # nothing has left
            writes[:] = [other for other in writes if other is not write]
            if doubt and isinstance(error, ClientClosed):
                raise _unknown(request, error) from None
            raise
        now = clock.monotonic()
        if not isinstance(answer, NotSent):
            line.pace.answered(started, now)
        _tell(line, operation, request, attempt, answer, now - started)

        asked: float | None = None  # seconds to wait at least before the next attempt
        backoff = line.jitter() * min(LONGEST_BACKOFF, FIRST_BACKOFF * 2 ** (attempt - 1))
        if isinstance(answer, Response) and answer.status == 429:
            asked = retry_after_seconds(answer.headers.get("retry-after"), now=clock.now())
            # No longer than anybody would wait: a quota of one path must not stop all others for a day.
            line.pace.refused(started, now + min(max(asked or 0.0, backoff), LONGEST_RETRY_AFTER))
        result = result_of(answer, asked)
        decision = decide(request.semantics, result, doubt=doubt, may_repeat=attempt <= line.max_retries)
        doubt = in_doubt(request.semantics, result, doubt)
        if decision is Decision.LOST:
            write.state = "was sent and its answer was lost"
        elif isinstance(answer, Response) and answer.is_success:
            write.state = f"was answered (HTTP {answer.status})"
        else:
            writes[:] = [other for other in writes if other is not write]

        if decision is Decision.READ and isinstance(answer, Response):
            return answer
        failure = _failure(answer, request, asked) if isinstance(answer, Response) else answer
        if decision is Decision.LOST:
            raise _lost(request, failure) from failure
        if decision is Decision.UNKNOWN:
            raise _unknown(request, failure) from failure
        if decision is Decision.RAISE:
            raise failure
        try:
            yield from _wait(max(asked or 0.0, backoff), deadline, clock, request, doubt)
        except TelephonyError as out_of_time:
            raise (out_of_time if doubt else failure) from None


def _turn(
    pace: Pace, deadline: float, clock: Clock, request: Request, doubt: bool
) -> Generator[Action, Response | None, float]:
    """Wait until the pace lets this request start, and return when. One that is given up leaves its place to others."""
    now = clock.monotonic()
    delay = pace.reserve(now, deadline)
    while delay > 0:
        held = pace.held(now)
        if now + held >= deadline and not doubt:
            raise _held(held)
        place = now + delay
        try:
            yield from _wait(delay, deadline, clock, request, doubt)
        except BaseException:  # a caller who goes away while waiting closes this generator
            pace.give_back(place)
            raise
        now = clock.monotonic()
        delay = pace.confirm(place, now)
    return now


def _wait(
    seconds: float, deadline: float, clock: Clock, request: Request, doubt: bool
) -> Generator[Action, Response | None, None]:
    """Pause, unless that would pass the deadline: then there is no point in waiting for it."""
    if clock.monotonic() + seconds >= deadline:
        raise _out_of_time(request, doubt)
    if seconds > 0:
        yield Pause(seconds)


def _tell(
    line: RequestPipeline,
    operation: str,
    request: Request,
    attempt: int,
    answer: Response | TelephonyError,
    seconds: float,
) -> None:
    status = answer.status if isinstance(answer, Response) else None
    log.debug(
        "%s %s: %s %s -> %s (attempt %d, %.0f ms)",
        *(line.provider, operation, request.method, request.path, status or "no answer", attempt, seconds * 1000),
    )
    for observer in line.observers:
        try:
            observer(RequestEvent(line.provider, operation, request.method, request.path, attempt, status, seconds))
        except Exception:  # a write was sent, and what became of it has to be told all the same
            log.exception("%s %s: an observer failed", line.provider, operation)


def _failure(response: Response, request: Request, asked: float | None) -> TelephonyError:
    """What an answer means where no adapter reads it."""
    error = error_for(response.status, response.headers, response.body, ErrorEnvelope(), secrets=request.secrets)
    if response.status != 429:
        return error
    error.message = "too many requests" + (f"; the provider asks to wait {asked:.0f} s" if asked else "")
    error.retry_after = asked
    return error


def _held(seconds: float) -> RateLimited:
    return RateLimited(
        f"the provider asked everybody to wait {seconds:.0f} s more, so nothing was sent", retry_after=seconds
    )


def _lost(request: Request, failure: TelephonyError) -> AnswerLost:
    return AnswerLost(
        f"{request.method} {request.path} was sent and its answer was lost ({failure.message})",
        attempt=request.attempt,
        status=failure.status,
    )


def _unknown(request: Request, failure: TelephonyError) -> OutcomeUnknown:
    return OutcomeUnknown(
        f"{request.method} {request.path} was sent and never answered usably ({failure.message})",
        attempt=request.attempt,
        remedy="it may have been applied; sending the same change again is safe",
        status=failure.status,
        retry_after=failure.retry_after,
        body=failure.body,
    )


def _out_of_time(request: Request, doubt: bool) -> TelephonyError:
    if doubt:
        return OutcomeUnknown(
            f"time ran out while repeating {request.method} {request.path}",
            attempt=request.attempt,
            remedy="it may have been applied; sending the same change again is safe",
        )
    return NotSent(
        f"time ran out before {request.method} {request.path} could be sent",
        remedy="give the connection a longer `timeout`, or a faster `pace`; repeating is safe",
    )


def drive(actions: Generator[Action, Response | None, T], backend: Backend, line: RequestPipeline) -> T:
    """Do what the actions say, in ordinary code. An interruption goes through them, and comes back unchanged."""
    before = sys.exception()
    try:
        action = next(actions)
        while True:
            response = None
            try:
                if isinstance(action, Pause):
                    line.clock.sleep(action.seconds)
                else:
                    response = backend.send(action.http, action.timeout)
            except BaseException as error:
                action = actions.throw(error)
            else:
                action = actions.send(response)
    except StopIteration as stop:
        result: T = stop.value
        return result
    except BaseException as error:
        try:
            actions.throw(error)  # Ctrl-C may come between two lines of this very function; else they have ended
        finally:
            clear_variables(error, before)
        raise
    finally:
        actions.close()


async def adrive(actions: Generator[Action, Response | None, T], backend: AsyncBackend, line: RequestPipeline) -> T:
    """Do what the actions say, in async code. A cancellation goes through them, and comes back unchanged."""
    before = sys.exception()
    try:
        action = next(actions)
        while True:
            response = None
            try:
                if isinstance(action, Pause):
                    await line.clock.asleep(action.seconds)
                else:
                    response = await backend.asend(action.http, action.timeout)
            except BaseException as error:
                action = actions.throw(error)
            else:
                action = actions.send(response)
    except StopIteration as stop:
        result: T = stop.value
        return result
    except BaseException as error:
        try:
            actions.throw(error)  # Ctrl-C may come between two lines of this very function; else they have ended
        finally:
            clear_variables(error, before)
        raise
    finally:
        actions.close()
