"""From a flow to actions: retry, pacing and one deadline for the whole operation, written once for both drivers.

`execute` runs a flow. Each of its requests goes through these states::

                  place reserved             its turn        started                   answered, or failed
    [new] ──> [waiting for its pace] ──> [announced] ──> [in flight: one of the  ──> result_of ──> decide (`retry`)
                ^    |                        |           writes, if it is ONCE]                     |
                |    | deadline, or a hold    |                                                      |
                |    v beyond it              |                                                      |
                |  NotSent, RateLimited;      |                                                      |
                |  OutcomeUnknown in doubt    |                                                      |
                |                             |                                                      |
                ├── its turn passed meanwhile ┘                                                      |
                └── again: after the backoff, or Retry-After if longer ──────────────────────────────┤
                                                                                                     v
                         READ: the response goes into the flow; LOST: `AnswerLost` is thrown into it;
                         RAISE, UNKNOWN: the error is thrown into it, and ends it unless it catches it

Every error of this library that ends the operation gets provider, connection and operation, and loses its secrets.

From the moment a request that must not be repeated may have left until its operation returns, whatever ends the
operation (Ctrl-C, a cancellation, a fault of an adapter) goes on unchanged, with a note of what may have happened, and
``on_unknown`` gets the same as an `OutcomeUnknown`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from typing import Any, Final, TypeVar
from urllib.parse import quote, urlsplit

from telephony_core.errors import (
    AnswerLost,
    AuthenticationFailed,
    ClientClosed,
    NoAnswer,
    NotSent,
    OutcomeUnknown,
    PartialOutcome,
    PermissionDenied,
    TelephonyError,
    UnexpectedResponse,
    WriteRefused,
    linked,
)
from telephony_core.observation.events import OperationStart
from telephony_core.observation.report import Observer, OperationReport, logged_if_it_fails
from telephony_core.provider.flow import Flow, Request, Response, Semantics, relay
from telephony_core.provider.vendor_errors import retry_after_seconds
from telephony_core.secrets.redaction import Secrets, scrubbed
from telephony_core.transport.backend import HttpRequest
from telephony_core.transport.clock import Clock, ProviderClock
from telephony_core.transport.drivers import Actions, Call, Send, Sleep
from telephony_core.transport.failures import answer_lost, failure_of, on_hold, out_of_time, outcome_unknown
from telephony_core.transport.lifecycle import Lifecycle
from telephony_core.transport.pace import Pacer
from telephony_core.transport.retry import LONGEST_RETRY_AFTER, Decision, decide, is_in_doubt, result_of

T = TypeVar("T")

FIRST_BACKOFF: Final = 0.5
"""Seconds; doubles with every retry, and the real pause is drawn evenly from nothing up to it (full jitter)."""
LONGEST_BACKOFF: Final = 8.0
_TURN: Final = 0.25
"""Seconds after which a turn of the pace has passed that was not used."""


@dataclass(frozen=True, slots=True)
class RequestPipeline:
    """Everything that stands between a flow and its provider: where, with which key, how patiently."""

    provider: str
    base_url: str
    auth: Mapping[str, str] = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)
    pace: Pacer
    timeout: float
    max_retries: int
    clock: Clock
    read_only: bool = False
    """Refuse every request that is not both a GET and `READ`."""
    patient: bool = False
    """Whether waiting for the pace takes nothing from the time-out."""
    observers: tuple[Observer, ...] = ()
    on_unknown: Callable[[OutcomeUnknown], None] | None = None
    """Called for a write that must not be repeated and may have happened, when its operation was interrupted."""
    connection: str = ""
    """Name of the connection, for errors."""
    key_source: str | None = None
    """Where the key was taken from, for errors; never the key."""
    provider_clock: ProviderClock = field(default_factory=ProviderClock)
    lifecycle: Lifecycle = field(default_factory=Lifecycle)
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
class _PendingWrite:
    """A request that must not be repeated and may have been carried out, by an operation that has not returned yet."""

    request: Request
    state: str = "was in flight"


def execute(flow: Flow[T], pipeline: RequestPipeline, operation: str) -> Actions[T]:
    """Run a flow to its end, as actions. Errors leave with provider and operation filled in and secrets taken out.

    After a request that must not be repeated the flow gets the time-out once more, to look what became of it or to
    finish what it started: waiting for the answer may have used up all the time there was.
    """
    return _Execution(pipeline, operation).run(flow)


class _Execution:
    """One operation while it runs."""

    def __init__(self, pipeline: RequestPipeline, operation: str) -> None:
        self._pipeline = pipeline
        self._clock = pipeline.clock
        self._operation = operation
        self._deadline = self._clock.monotonic() + pipeline.timeout
        self._secrets = Secrets(pipeline.secrets)
        self._writes: list[_PendingWrite] = []
        start = OperationStart(
            provider=pipeline.provider, connection=pipeline.connection, host=pipeline.host, operation=operation
        )
        self._report = OperationReport(start, pipeline.observers, self._clock.monotonic())

    def run(self, flow: Flow[T]) -> Actions[T]:
        ending: BaseException | None = None
        self._report.begin()
        try:
            return (yield from relay(flow, self._request))
        except TelephonyError as error:
            ending = error
            self._complete(error)
            if not isinstance(error, OutcomeUnknown | PartialOutcome):  # these say themselves what may have happened
                self._report_writes(error)
            raise
        except BaseException as interruption:
            ending = interruption
            self._report_writes(interruption)
            raise
        finally:
            self._report.end(ending, self._clock.monotonic(), pending=bool(self._writes))
            del ending  # it has a traceback, which has this frame

    def _request(self, request: Request) -> Actions[Response]:
        """One request of the flow, and more time for the flow after one that must not be repeated."""
        self._secrets.update(request.secrets)
        try:
            response = yield from self._attempts(request)
        except AnswerLost:
            self._extend()
            raise
        if request.semantics is Semantics.ONCE and response.is_success:
            self._extend()
        return response

    def _extend(self) -> None:
        self._deadline = max(self._deadline, self._clock.monotonic() + self._pipeline.timeout)

    def _attempts(self, request: Request) -> Actions[Response]:
        """One request, repeated as far as its semantics, the deadline and ``max_retries`` allow.

        While it may have been carried out and must not be repeated, it is among the pending writes.
        """
        pipeline, clock = self._pipeline, self._clock
        # Both, because an adapter may be wrong about one of them.
        if pipeline.read_only and not (request.semantics is Semantics.READ and request.method == "GET"):
            raise WriteRefused(f"this client is read-only and would have sent {request.method} {request.path}")
        http = pipeline.prepare(request)
        attempt = 0
        in_doubt = False
        while True:
            started = yield from self._wait_for_pace(request, in_doubt)
            if started >= self._deadline:
                raise out_of_time(request, in_doubt)
            if request.announce is not None:
                yield from self._called(request.announce, request, in_doubt)
                now = clock.monotonic()
                if now - started > _TURN or pipeline.pace.hold_left(now) > 0:
                    continue  # what waited for a slow disk would arrive bunched with what has its turn then
            attempt += 1
            write = _PendingWrite(request)
            answer = yield from self._send(http, write, started, in_doubt)
            now = clock.monotonic()
            # What never left has not arrived anywhere.
            if not isinstance(answer, NotSent):
                pipeline.pace.answered(started, now)
            self._report.request(request, attempt, answer, now - started)

            retry_after: float | None = None
            backoff = pipeline.jitter() * min(LONGEST_BACKOFF, FIRST_BACKOFF * 2 ** (attempt - 1))
            if isinstance(answer, Response) and answer.status == 429:
                retry_after = retry_after_seconds(answer.headers.get("retry-after"), now=clock.now())
                # No longer than anybody would wait: a quota of one path must not stop all others for a day.
                until = now + min(max(retry_after or 0.0, backoff), LONGEST_RETRY_AFTER)
                yield from self._called(partial(pipeline.pace.hold, until), request, in_doubt)
            result = result_of(answer, retry_after)
            may_repeat = attempt <= pipeline.max_retries
            decision = decide(request.semantics, result, in_doubt=in_doubt, may_repeat=may_repeat)
            # After the decision, which asks of the attempts before this one.
            in_doubt = is_in_doubt(request.semantics, result, in_doubt)
            if decision is Decision.LOST:
                write.state = "was sent and its answer was lost"
            # The flow may still fail behind it, and then the caller has to know that this write went through.
            elif isinstance(answer, Response) and answer.is_success:
                write.state = f"was answered (HTTP {answer.status})"
            else:
                self._forget(write)

            if decision is Decision.READ and isinstance(answer, Response):
                return answer
            failure = failure_of(answer, request, retry_after) if isinstance(answer, Response) else answer
            if decision is Decision.LOST:
                self._report.lost(request, attempt, answer, now - started)
                raise answer_lost(request, failure) from failure
            if decision is Decision.UNKNOWN:
                raise outcome_unknown(request, failure) from failure
            if decision is Decision.RAISE:
                raise failure
            pause = max(retry_after or 0.0, backoff)
            try:
                yield from self._wait(pause, request, in_doubt)
            except TelephonyError as too_late:
                # That the time is over says less than why the attempt failed, unless an earlier one may have happened.
                raise (too_late if in_doubt else failure) from None
            self._report.again(request, attempt, answer, now - started, pause)

    def _send(
        self, http: HttpRequest, write: _PendingWrite, started: float, in_doubt: bool
    ) -> Actions[Response | TelephonyError]:
        """Send once. Returns the answer, or the backend's error; raises what says that nothing has left."""
        try:
            self._pipeline.lifecycle.check()
            if write.request.semantics is Semantics.ONCE:
                self._writes.append(write)
            self._report.sending(write.request)
            response: Response | None = yield Send(http, self._deadline - started)
        # What a backend may raise, and what the retry table has a row for; anything else is none of its business.
        except (NotSent, NoAnswer, UnexpectedResponse) as error:
            return error
        except TelephonyError as error:  # nothing has left: the client was closed, or the environment cannot be used
            self._forget(write)
            if in_doubt and isinstance(error, ClientClosed):
                raise outcome_unknown(write.request, error) from None
            raise
        if response is None:
            return NoAnswer("the backend returned nothing")
        self._pipeline.provider_clock.note(response.headers.get("date"), self._clock.monotonic())
        return response

    def _wait_for_pace(self, request: Request, in_doubt: bool) -> Actions[float]:
        """Wait until the pace lets this request start, and return when. One that is not sent leaves its place."""
        pace, clock = self._pipeline.pace, self._clock
        now = clock.monotonic()
        latest = float("inf") if self._pipeline.patient else self._deadline
        delay: float = yield from self._called(partial(pace.reserve, now, latest), request, in_doubt)
        while delay > 0:
            place = now + delay
            try:
                hold = pace.hold_left(now)
                # In doubt, the wait below raises what says so.
                if now + hold >= self._deadline and not in_doubt:
                    raise on_hold(hold)
                if self._pipeline.patient:
                    # Patience is for our own pace; what the provider asks for by a 429 counts.
                    self._deadline += max(0.0, delay - hold)
                yield from self._wait(delay, request, in_doubt)
                now = clock.monotonic()
                delay = yield from self._called(partial(pace.confirm, place, now), request, in_doubt)
            except BaseException:  # a caller who goes away while waiting closes this generator
                pace.give_back(place)
                raise
        return now

    def _called(self, function: Callable[[], object], request: Request, in_doubt: bool) -> Actions[Any]:
        """Call what may have to ask somebody. Where it fails, an earlier attempt may have happened all the same."""
        try:
            return (yield Call(function))
        except TelephonyError as error:
            if in_doubt:
                raise outcome_unknown(request, error) from error
            raise

    def _wait(self, seconds: float, request: Request, in_doubt: bool) -> Actions[None]:
        """Wait, unless that would pass the deadline: then there is no point in it."""
        if self._clock.monotonic() + seconds >= self._deadline:
            raise out_of_time(request, in_doubt)
        if seconds > 0:
            yield Sleep(seconds)

    def _forget(self, write: _PendingWrite) -> None:
        # By identity: two writes of one operation may be equal.
        self._writes[:] = [other for other in self._writes if other is not write]

    def _report_writes(self, ending: BaseException) -> None:
        """Say of every pending write that it may have happened, in a note of what ended the operation."""
        for write in self._writes:
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
            self._complete(error)
            ending.add_note(str(error))
            if self._pipeline.on_unknown is not None:
                with logged_if_it_fails("%s: on_unknown failed", self._pipeline.provider):
                    self._pipeline.on_unknown(error)

    def _complete(self, error: TelephonyError) -> None:
        """Fill in where it happened and hide secrets, in the error and in those it came from."""
        pipeline = self._pipeline
        for link in linked(error):
            if isinstance(link, TelephonyError):
                link.provider = link.provider or pipeline.provider
                link.connection, link.host = link.connection or pipeline.connection, link.host or pipeline.host
                link.operation = link.operation or self._operation
                if isinstance(link, AuthenticationFailed | PermissionDenied):
                    link.key_source = link.key_source or pipeline.key_source
                link.scrub(lambda text: scrubbed(text, self._secrets))
