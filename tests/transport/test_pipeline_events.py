"""What is told of an exchange that went wrong: to the caller, to observers, to the log, to those who share the pace."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from telephony_core.domain.number_identity import NumberIdentity
from telephony_core.errors import (
    AnswerLost,
    ClientClosed,
    ConfigurationError,
    InvalidRequest,
    NoAnswer,
    NotSent,
    OutcomeUnknown,
    ProviderUnavailable,
    RateLimited,
    TelephonyError,
)
from telephony_core.observation.events import RequestEvent
from telephony_core.operations.reconciliation import Attempt
from telephony_core.provider.capabilities import Operation
from telephony_core.provider.flow import Flow, Request, Response, Semantics, call
from telephony_core.provider.vendor_errors import ErrorEnvelope
from telephony_core.transport.drivers import drive
from telephony_core.transport.lifecycle import Lifecycle
from telephony_core.transport.pace import Pace
from telephony_core.transport.pipeline import execute
from tests.transport.driving import FakeTime, Script, json_answer, pipeline, raised, run

READ, IDEMPOTENT, ONCE = Semantics.READ, Semantics.IDEMPOTENT, Semantics.ONCE
ATTEMPT = Attempt("acme", Operation.UPDATE_SIP, NumberIdentity.parse("+34612345678", region="ES"), "an-id")
SAFE = "sending the same change again is safe"


@pytest.fixture(params=["sync", "async"])
def mode(request: pytest.FixtureRequest) -> str:
    return request.param


def change(semantics: Semantics = IDEMPOTENT, password: str = "p4ss-canary") -> Flow[int]:
    """A write that is a part of ``ATTEMPT`` and has a password in it."""
    request = Request.of("PATCH", "/things", semantics, json_body={"password": SecretStr(password)})
    response = yield from call(replace(request, attempt=ATTEMPT), lambda _: ErrorEnvelope())
    return response.status


def read() -> Flow[int]:
    return (yield from call(Request.of("GET", "/things"), lambda _: ErrorEnvelope())).status


def failure(
    flow: Flow[Any], answers: list[Any], mode: str, time: FakeTime, *, takes: float = 0.0, **changes: object
) -> tuple[Any, Script]:
    script = Script(answers, time, takes=takes)
    return raised(lambda: run(flow, script, pipeline(time, **changes), mode=mode)), script


# -- the caller


def test_a_lost_answer_says_of_what_attempt_and_with_which_status(mode):
    error, _ = failure(change(ONCE), [json_answer(503)], mode, FakeTime())
    assert type(error) is AnswerLost
    assert (error.attempt, error.status) == (ATTEMPT, 503)


def test_an_update_that_was_never_answered_says_all_that_is_known_of_it(mode):
    refused = json_answer(429, b'{"m": "later"}', retry_after="77")
    error, _ = failure(change(), [NoAnswer("reset"), refused], mode, FakeTime())
    assert type(error) is OutcomeUnknown
    assert (error.attempt, error.status, error.retry_after, error.body) == (ATTEMPT, 429, 77.0, '{"m": "later"}')
    assert SAFE in error.remedy


def test_an_update_that_ran_out_of_time_says_of_what_attempt(mode):
    error, _ = failure(change(), [NoAnswer("slow")], mode, FakeTime(), takes=9.9, timeout=10.0)
    assert type(error) is OutcomeUnknown
    assert error.attempt == ATTEMPT
    assert SAFE in error.remedy


def test_a_request_for_which_no_time_is_left_is_not_sent(mode):
    def two() -> Flow[None]:
        yield from read()
        yield from read()

    error, script = failure(two(), [json_answer()], mode, FakeTime(), takes=7.0, timeout=7.0)
    assert type(error) is NotSent
    assert "GET /things" in error.message
    assert "longer `timeout`" in error.remedy
    assert len(script.sent) == 1


def test_one_second_is_time_enough(mode):
    time = FakeTime()
    assert run(read(), Script([json_answer()], time), pipeline(time, timeout=1.0), mode=mode) == 200


def test_an_update_whose_pause_took_longer_than_it_should_may_have_happened(mode):
    class Sleepy(FakeTime):
        def _sleep(self, seconds: float) -> None:
            super()._sleep(seconds + 60)

    error, script = failure(change(), [NoAnswer("reset")], mode, Sleepy())
    assert type(error) is OutcomeUnknown
    assert len(script.sent) == 1


def test_a_pause_that_ends_with_the_deadline_is_not_begun(mode):
    time = FakeTime()
    error, _ = failure(read(), [json_answer(500)], mode, time, takes=9.5, timeout=10.0)
    assert type(error) is ProviderUnavailable
    assert time.slept == []


@pytest.mark.parametrize("status", [300, 301, 399, 401, 403])
def test_who_is_not_heard_any_more_cannot_take_back_an_update(status, mode):
    error, _ = failure(change(), [NoAnswer("reset"), json_answer(status)], mode, FakeTime())
    assert type(error) is OutcomeUnknown
    assert error.status == status


def test_a_refusal_of_the_change_itself_says_that_it_did_not_happen(mode):
    error, _ = failure(change(), [NoAnswer("reset"), json_answer(400)], mode, FakeTime())
    assert type(error) is InvalidRequest


def test_a_client_that_is_closed_between_two_attempts_leaves_the_outcome_open(mode):
    life = Lifecycle()

    def close(_: object) -> Response:
        life.end()
        raise NoAnswer("reset")

    error, script = failure(change(), [close], mode, FakeTime(), lifecycle=life)
    assert type(error) is OutcomeUnknown
    assert error.attempt == ATTEMPT
    assert "this client is closed" in error.message
    assert len(script.sent) == 1


def test_a_closed_client_sends_nothing_and_says_so(mode):
    life = Lifecycle()
    life.end()
    error, script = failure(change(ONCE), [], mode, FakeTime(), lifecycle=life)
    assert type(error) is ClientClosed
    assert script.sent == []


def test_of_what_the_environment_kept_from_being_sent_nothing_can_have_happened(mode):
    told = list[OutcomeUnknown]()
    error, _ = failure(change(ONCE), [ConfigurationError("no proxy")], mode, FakeTime(), on_unknown=told.append)
    assert type(error) is ConfigurationError
    assert told == []


def test_a_backend_that_returns_nothing_has_no_answer(mode):
    error, _ = failure(read(), [lambda _: None], mode, FakeTime(), max_retries=0)
    assert type(error) is NoAnswer
    assert error.message == "the backend returned nothing"


@pytest.mark.parametrize(
    ("asked", "message"), [("86400", "too many requests; the provider asks to wait 86400 s"), ("", "too many requests")]
)
def test_too_many_requests_says_how_long_to_wait_where_the_provider_does(asked, message, mode):
    error, _ = failure(read(), [json_answer(429, retry_after=asked)] * 3, mode, FakeTime(), timeout=1e6)
    assert error.message == message


def test_the_longest_retry_after_that_is_waited_for_is_thirty_seconds(mode):
    time = FakeTime()
    script = Script([json_answer(429, retry_after="30"), json_answer()], time)
    assert run(read(), script, pipeline(time, timeout=100.0), mode=mode) == 200


def test_a_429_without_a_word_is_repeated_after_the_usual_pause_and_no_other(mode):
    time = FakeTime()
    run(read(), Script([json_answer(429), json_answer()], time), pipeline(time, jitter=lambda: 0.0), mode=mode)
    assert time.slept == []


# -- secrets


@pytest.mark.parametrize("answers", [[503] * 3, [500, 401], [429] * 3], ids=str)
def test_a_secret_on_which_a_long_body_is_cut_off_is_hidden_whole(answers, mode):
    secret = "p4ss-canary-" * 20
    body = b"x" * 1900 + secret.encode()
    error, _ = failure(change(password=secret), [json_answer(status, body) for status in answers], mode, FakeTime())
    assert "canary" not in (error.body or "")
    assert "p4ss" not in f"{error.body} {error.__cause__} {error.__cause__ and vars(error.__cause__)}"


def test_what_an_error_came_from_is_cleaned_too_however_it_hangs_together(mode):
    def chained(*, cause: bool) -> Flow[None]:
        yield Request.of("GET", "/x")
        try:
            raise NoAnswer("the key is k3y-canary")
        except NoAnswer as first:
            second = NotSent("the key is k3y-canary")
            try:
                raise second from (first if cause else None)
            except NotSent:
                second.__context__ = first
                third = InvalidRequest("k3y-canary")
                third.__context__ = second
                raise third from None

    def besides() -> Flow[None]:
        try:
            yield Request.of("GET", "/x")
            raise NoAnswer("a look failed too: k3y-canary")
        except NoAnswer:
            raise NotSent("lost") from NotSent("the first one")

    error, _ = failure(besides(), [json_answer()], mode, FakeTime())
    assert isinstance(error.__context__, NoAnswer)
    assert "canary" not in str(error.__context__)
    for cause in (True, False):
        error, _ = failure(chained(cause=cause), [json_answer()], mode, FakeTime(), takes=0.1)
        link, seen = error, []
        while link is not None:
            seen.append(type(link))
            assert "canary" not in f"{link} {link.__context__}"
            assert link.provider == "acme"
            link = link.__cause__ or link.__context__
        assert seen == [InvalidRequest, NotSent, NoAnswer]


def test_errors_that_came_from_each_other_are_cleaned_once(mode):
    def circular() -> Flow[None]:
        yield Request.of("GET", "/x")
        first, second = NoAnswer("k3y-canary"), NotSent("k3y-canary")
        first.__cause__, second.__cause__ = second, first
        raise first

    error, _ = failure(circular(), [json_answer()], mode, FakeTime())
    assert "canary" not in f"{error} {error.__cause__}"


# -- observers and the log


def test_an_observer_is_told_what_went_where_and_how_long_it_took(mode):
    time, told = FakeTime(), []
    script = Script([NoAnswer("x"), json_answer()], time, takes=4.0)
    run(read(), script, pipeline(time, observers=(told.append,)), mode=mode, operation="get_number")
    same = {"provider": "acme", "connection": "", "host": "api.example.com", "operation": "get_number"}
    same |= {"method": "GET", "route": "/things", "changes": False, "seconds": 4.0}
    assert told == [
        RequestEvent(**same, attempt=1, status=None, error="NoAnswer"),
        RequestEvent(**same, attempt=2, status=200, error=None),
    ]


def test_the_log_says_the_same(mode, caplog):
    caplog.set_level(logging.DEBUG, "telephony_core")
    time = FakeTime()
    script = Script([NoAnswer("x"), json_answer()], time, takes=2.0)
    run(read(), script, pipeline(time), mode=mode, operation="get_number")
    assert caplog.messages == [
        "acme get_number: GET /things -> no answer (attempt 1, 2000 ms)",
        "acme get_number: GET /things: no answer (NoAnswer); it is sent again after 0.5 s",
        "acme get_number: GET /things -> 200 (attempt 2, 2000 ms)",
    ]


def test_an_observer_that_fails_changes_nothing_and_is_named_in_the_log(mode, caplog):
    def fail(_: RequestEvent) -> None:
        raise ZeroDivisionError

    time, told = FakeTime(), []
    the_pipeline = pipeline(time, observers=(fail, told.append))
    assert run(read(), Script([json_answer()], time), the_pipeline, mode=mode, operation="get_number") == 200
    assert caplog.messages == ["acme get_number: an observer failed"]
    assert len(told) == 1


def test_of_a_write_in_flight_is_told_what_it_was_a_part_of(caplog):
    def interrupted(_: object) -> Response:
        raise KeyboardInterrupt

    def told(error: OutcomeUnknown) -> None:
        heard.append(error)
        raise ZeroDivisionError

    time, heard = FakeTime(), list[TelephonyError]()
    the_pipeline = pipeline(time, on_unknown=told)
    with pytest.raises(KeyboardInterrupt):
        drive(execute(change(ONCE), the_pipeline, "x"), Script([interrupted], time), time.clock)
    (error,) = heard
    assert isinstance(error, OutcomeUnknown)
    assert (error.attempt, error.provider) == (ATTEMPT, "acme")
    assert caplog.messages == [
        "acme: on_unknown failed",
        "acme x of …5678: interrupted (KeyboardInterrupt), record an-id",
    ]
    assert "612345678" not in caplog.text


def looked_at(flow: Flow[int]) -> Flow[int]:
    """A write that looks after a loss."""
    try:
        return (yield from flow)
    except AnswerLost:
        return (yield from read())


@pytest.mark.parametrize("kind", [KeyboardInterrupt, asyncio.CancelledError])
def test_of_a_lost_write_is_told_when_the_look_for_it_is_interrupted(kind, mode):
    def interrupted(_: object) -> Response:
        raise kind

    time, heard = FakeTime(), list[TelephonyError]()
    the_pipeline = pipeline(time, on_unknown=heard.append)
    with pytest.raises(kind) as caught:
        run(looked_at(change(ONCE)), Script([NoAnswer("reset"), interrupted], time), the_pipeline, mode=mode)
    (error,) = heard
    assert isinstance(error, OutcomeUnknown)
    assert (error.attempt, error.provider) == (ATTEMPT, "acme")
    assert "PATCH /things was sent and its answer was lost" in error.message
    assert caught.value.__notes__ == [str(error)]


def test_a_look_that_is_over_leaves_nothing_to_tell(mode):
    time, heard = FakeTime(), list[TelephonyError]()
    answers = [NoAnswer("reset"), json_answer()]
    assert (
        run(looked_at(change(ONCE)), Script(answers, time), pipeline(time, on_unknown=heard.append), mode=mode) == 200
    )
    assert heard == []


# -- those who share the pace


class Watched(Pace):
    """A pace that remembers what it was told."""

    def __init__(self, **limits: float) -> None:
        super().__init__(**limits)
        self.told: list[tuple[float, float]] = []

    def answered(self, started: float, now: float) -> None:
        self.told.append((started, now))
        super().answered(started, now)


def test_the_pace_is_told_of_what_arrived_and_not_of_what_never_left(mode):
    time, pace = FakeTime(), Watched()
    answers = [NotSent("refused"), NoAnswer("reset"), json_answer()]
    run(read(), Script(answers, time, takes=1.0), pipeline(time, pace=pace, jitter=lambda: 0.0), mode=mode)
    assert pace.told == [(1001.0, 1002.0), (1002.0, 1003.0)]


def test_a_429_keeps_others_waiting_for_as_long_as_it_says(mode):
    time, pace = FakeTime(), Pace.unlimited()
    failure(read(), [json_answer(429, retry_after="5")], mode, time, pace=pace, max_retries=0)
    assert time.passed == 0
    run(read(), Script([json_answer()], time), pipeline(time, pace=pace), mode=mode)
    assert time.passed == 5


@pytest.mark.parametrize("seconds", [30.0, 45.0])
def test_nobody_waits_in_vain_for_a_hold_that_outlasts_the_deadline(seconds, mode):
    time, pace = FakeTime(), Pace.unlimited()
    pace.hold(1000.0 + seconds)
    error, script = failure(read(), [], mode, time, pace=pace, timeout=30.0)
    assert type(error) is RateLimited
    assert error.retry_after == seconds
    assert f"wait {seconds:.0f} s more" in error.message
    assert (script.sent, time.slept) == ([], [])


def test_a_short_hold_is_waited_for(mode):
    time, pace = FakeTime(), Pace.unlimited()
    pace.hold(1000.5)
    assert run(read(), Script([json_answer()], time), pipeline(time, pace=pace), mode=mode) == 200
    assert time.slept == [0.5]


def test_a_hold_that_begins_with_a_lost_answer_does_not_hide_that_it_was_lost(mode):
    time, pace = FakeTime(), Pace.unlimited()

    def held_meanwhile(_: object) -> Response:
        pace.hold(1000.0 + 500)
        raise NoAnswer("reset")

    error, _ = failure(change(), [held_meanwhile], mode, time, pace=pace)
    assert type(error) is OutcomeUnknown
    assert error.attempt == ATTEMPT


def test_a_place_that_would_come_too_late_is_left_to_others(mode):
    time, pace = FakeTime(), Pace(per_minute=1)
    run(read(), Script([json_answer()], time), pipeline(time, pace=pace), mode=mode)
    error, _ = failure(read(), [], mode, time, pace=pace, timeout=10.0)
    assert type(error) is NotSent
    assert "GET /things" in error.message
    run(read(), Script([json_answer()], time), pipeline(time, pace=pace, timeout=100.0), mode=mode)
    assert 60 < time.passed < 61


def test_an_update_that_has_to_wait_too_long_for_its_second_attempt_may_have_happened(mode):
    error, script = failure(change(), [NoAnswer("reset")], mode, FakeTime(), pace=Pace(per_minute=1))
    assert type(error) is OutcomeUnknown
    assert error.attempt == ATTEMPT
    assert len(script.sent) == 1


def test_a_place_is_given_back_by_who_is_interrupted_while_waiting_for_it():
    class Interrupted(FakeTime):
        def _sleep(self, seconds: float) -> None:
            raise KeyboardInterrupt

    time, pace = FakeTime(), Pace(per_minute=1)
    run(read(), Script([json_answer()], time), pipeline(time, pace=pace), mode="sync")
    the_pipeline = pipeline(Interrupted(), pace=pace, timeout=100.0)
    with pytest.raises(KeyboardInterrupt):
        drive(execute(read(), the_pipeline, "x"), Script([], time), the_pipeline.clock)
    run(read(), Script([json_answer()], time), pipeline(time, pace=pace, timeout=100.0), mode="sync")
    assert 60 < time.passed < 61
