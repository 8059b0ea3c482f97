"""From a flow to actions: retry, pacing and one deadline for the whole operation, written once for both drivers.

`exchange` is itself a generator: it yields `Pause` and `Transmit`, and is sent responses or thrown the errors of the
backend. The two drivers at the end are the only code in the library that waits or sends.

What is repeated is decided by a request's semantics:

=================================== ================== ========================
what happened                       READ, IDEMPOTENT   ONCE
=================================== ================== ========================
never sent                          again              again
429, ``Retry-After`` ≤ 30 s or none again              again
429 with more                       `RateLimited`      `RateLimited`
sent, no answer; 5xx                again              `AnswerLost` in the flow
any other answer                    the flow reads it  the flow reads it
=================================== ================== ========================

An IDEMPOTENT write that may have happened never ends as a plain refusal to listen (401, 403, 429, a redirect on a
later attempt): that is `OutcomeUnknown`, as is a loss that retries did not heal.
"""

from __future__ import annotations

import logging
import random
import sys
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, TypeAlias, TypeVar
from urllib.parse import quote

from telephony_core.domain.hidden import HiddenSet
from telephony_core.errors import (
    AnswerLost,
    ClientClosed,
    NoAnswer,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    TelephonyError,
    UnexpectedResponse,
    WriteRefused,
)
from telephony_core.flow import Flow, Request, Response, Semantics
from telephony_core.redaction import scrubbed
from telephony_core.refusals import Refusal, error_for, retry_after_seconds
from telephony_core.transport.backend import AsyncBackend, Backend, HttpRequest
from telephony_core.transport.clock import Clock
from telephony_core.transport.frames import clear_variables
from telephony_core.transport.life import Life
from telephony_core.transport.pace import Pace

T = TypeVar("T")
log: Final = logging.getLogger("telephony_core")

LONGEST_RETRY_AFTER: Final = 30.0
"""Seconds. A provider that asks for more gets its `RateLimited` handed to the caller at once."""
FIRST_BACKOFF: Final = 0.5
"""Seconds; doubles with every retry, and the real pause is drawn evenly from nothing up to it (full jitter)."""
LONGEST_BACKOFF: Final = 8.0
_UNHEARD: Final = frozenset({401, 403})
"""Statuses that say who is speaking, and nothing about an earlier attempt of the same request."""


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
class Sent:
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
class Line:
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
    observers: tuple[Callable[[Sent], None], ...] = ()
    on_unknown: Callable[[OutcomeUnknown], None] | None = None
    """Told of a write that was in flight when its caller was cancelled or interrupted."""
    life: Life = field(default_factory=Life)
    jitter: Callable[[], float] = random.random  # spreads retries; nothing secret depends on it

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


def exchange(flow: Flow[T], line: Line, operation: str) -> Generator[Action, Response | None, T]:
    """Run a flow to its end, as actions. Errors leave with provider and operation filled in and secrets taken out.

    After a lost answer the flow gets the time-out once more, to look whether the write happened.
    """
    deadline = line.clock.monotonic() + line.timeout
    secrets = HiddenSet(line.secrets)
    lost: AnswerLost | None = None
    try:
        try:
            request = next(flow)
            while True:
                secrets.update(request.secrets)
                try:
                    response = yield from _attempts(request, line, operation, deadline)
                except TelephonyError as error:
                    if isinstance(error, AnswerLost):  # waiting for it may have used up all the time there was
                        lost = error
                        deadline = max(deadline, line.clock.monotonic() + line.timeout)
                    request = flow.throw(error)
                else:
                    request = flow.send(response)
        except StopIteration as stop:
            result: T = stop.value
            return result
    except TelephonyError as error:
        _finish(error, line.provider, operation, secrets)
        raise
    except GeneratorExit:
        raise
    except BaseException as interruption:
        if lost is not None:
            _interrupted(f"{lost.message}; then its caller was interrupted", lost, interruption, line)
        raise
    finally:
        flow.close()


def _interrupted(what: str, write: Request | AnswerLost, interruption: BaseException, line: Line) -> None:
    """Say of a write that must not be repeated that it was open when its caller stopped waiting."""
    error = OutcomeUnknown(what, attempt=write.attempt, provider=line.provider)
    interruption.add_note(str(error))
    if line.on_unknown is not None:
        try:
            line.on_unknown(error)
        except Exception:  # the interruption goes on its way
            log.exception("%s: on_unknown failed", line.provider)


def _finish(error: TelephonyError, provider: str, operation: str, secrets: set[str]) -> None:
    """Fill in where it happened and hide secrets, in the error and in those it came from."""
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        if isinstance(link, TelephonyError):
            link.provider = link.provider or provider
            link.operation = link.operation or operation
            link.scrub(lambda text: scrubbed(text, secrets))
        link = link.__cause__ or link.__context__


def _attempts(
    request: Request, line: Line, operation: str, deadline: float
) -> Generator[Action, Response | None, Response]:
    """One request of a flow, repeated as far as its semantics, the deadline and ``max_retries`` allow."""
    if line.read_only and not (request.semantics is Semantics.READ and request.method == "GET"):
        raise WriteRefused(f"this client is read-only and would have sent {request.method} {request.path}")
    clock = line.clock
    http = line.prepare(request)
    attempt = 0
    maybe_happened = False
    while True:
        started = yield from _turn(line.pace, deadline, clock, request, maybe_happened)
        left = deadline - started
        if left <= 0:
            raise _out_of_time(request, maybe_happened)
        attempt += 1
        response: Response | None = None
        failure: TelephonyError | None = None
        try:
            line.life.check()
            response = yield Transmit(http, left)
        except ClientClosed as closed:
            if maybe_happened:
                raise _unknown(request, closed) from None
            raise
        except (NotSent, NoAnswer, UnexpectedResponse) as error:
            failure = error
        except (TelephonyError, GeneratorExit):
            raise
        except BaseException as interruption:
            if request.semantics is Semantics.ONCE:
                what = f"{request.method} {request.path} was in flight when its caller was interrupted"
                _interrupted(what, request, interruption, line)
            raise
        now = clock.monotonic()
        if not isinstance(failure, NotSent):
            line.pace.answered(started, now)
        _tell(line, operation, request, attempt, response, now - started)

        again: float | None = None  # seconds to wait at least before the next attempt
        backoff = line.jitter() * min(LONGEST_BACKOFF, FIRST_BACKOFF * 2 ** (attempt - 1))
        if response is not None:
            if response.status == 429:
                asked = retry_after_seconds(response.headers.get("retry-after"), now=clock.now())
                # No longer than anybody would wait: a quota of one path must not stop all others for a day.
                pause = min(max(asked or 0.0, backoff), LONGEST_RETRY_AFTER)
                line.pace.refused(started, now + pause)
                if (asked or 0) > LONGEST_RETRY_AFTER or attempt > line.max_retries:
                    refused = _rate_limited(response, request, asked)
                    raise _unknown(request, refused) if maybe_happened else refused
                again = asked or 0.0
            elif response.status >= 500 or response.status == 408:
                maybe_happened = request.semantics is not Semantics.READ
                failure = error_for(
                    response.status, response.headers, response.body, Refusal(), secrets=request.secrets
                )
            elif maybe_happened and (response.status in _UNHEARD or 300 <= response.status < 400):
                raise _unknown(
                    request,
                    error_for(response.status, response.headers, response.body, Refusal(), secrets=request.secrets),
                )
            else:
                return response
        elif isinstance(failure, UnexpectedResponse):  # an answer too long to read: repeating will not shorten it
            if request.semantics is Semantics.ONCE:
                raise _lost(request, failure) from failure
            raise failure
        elif isinstance(failure, NoAnswer):
            maybe_happened = request.semantics is not Semantics.READ

        if again is None and failure is not None:
            if request.semantics is Semantics.ONCE and not isinstance(failure, NotSent):
                raise _lost(request, failure) from failure
            if attempt > line.max_retries:
                if maybe_happened:
                    raise _unknown(request, failure) from failure
                raise failure
            again = 0.0
        try:
            yield from _wait(max(again or 0.0, backoff), deadline, clock, request, maybe_happened)
        except TelephonyError as error:
            if maybe_happened:
                raise error
            if response is not None and response.status == 429:
                raise _rate_limited(response, request, again) from None
            raise failure or error from None


def _turn(
    pace: Pace, deadline: float, clock: Clock, request: Request, maybe_happened: bool
) -> Generator[Action, Response | None, float]:
    """Wait until the pace lets this request start, and return when. One that is given up leaves its place to others."""
    now = clock.monotonic()
    delay = pace.reserve(now, deadline)
    while delay > 0:
        held = pace.held(now)
        if now + held >= deadline and not maybe_happened:
            raise _held(held)
        place = now + delay
        try:
            yield from _wait(delay, deadline, clock, request, maybe_happened)
        except BaseException:  # a caller who goes away while waiting closes this generator
            pace.give_back(place)
            raise
        now = clock.monotonic()
        delay = pace.confirm(place, now)
    return now


def _wait(
    seconds: float, deadline: float, clock: Clock, request: Request, maybe_happened: bool
) -> Generator[Action, Response | None, None]:
    """Pause, unless that would pass the deadline: then there is no point in waiting for it."""
    if clock.monotonic() + seconds >= deadline:
        raise _out_of_time(request, maybe_happened)
    if seconds > 0:
        yield Pause(seconds)


def _tell(
    line: Line, operation: str, request: Request, attempt: int, response: Response | None, seconds: float
) -> None:
    status = None if response is None else response.status
    log.debug(
        "%s %s: %s %s -> %s (attempt %d, %.0f ms)",
        *(line.provider, operation, request.method, request.path, status or "no answer", attempt, seconds * 1000),
    )
    for observer in line.observers:
        try:
            observer(Sent(line.provider, operation, request.method, request.path, attempt, status, seconds))
        except Exception:  # a write was sent, and what became of it has to be told all the same
            log.exception("%s %s: an observer failed", line.provider, operation)


def _rate_limited(response: Response, request: Request, asked: float | None) -> TelephonyError:
    error = error_for(429, response.headers, response.body, Refusal(), secrets=request.secrets)
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


def _out_of_time(request: Request, maybe_happened: bool) -> TelephonyError:
    if maybe_happened:
        return OutcomeUnknown(
            f"time ran out while repeating {request.method} {request.path}",
            attempt=request.attempt,
            remedy="it may have been applied; sending the same change again is safe",
        )
    return NotSent(
        f"time ran out before {request.method} {request.path} could be sent",
        remedy="give the client a longer `timeout`, or a faster `pace`; repeating is safe",
    )


def drive(actions: Generator[Action, Response | None, T], backend: Backend, line: Line) -> T:
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
        clear_variables(error, before)
        raise
    finally:
        actions.close()


async def adrive(actions: Generator[Action, Response | None, T], backend: AsyncBackend, line: Line) -> T:
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
        clear_variables(error, before)
        raise
    finally:
        actions.close()
