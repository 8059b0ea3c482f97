"""Retry, deadline, pacing and error finishing: each case through both drivers."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from email.utils import format_datetime

import pytest

from telephony_core.errors import (
    AnswerLost,
    InvalidRequest,
    NoAnswer,
    NotFound,
    NotSent,
    OutcomeUnknown,
    ProviderUnavailable,
    RateLimited,
    TelephonyError,
    TransportError,
    UnexpectedResponse,
    WriteRefused,
)
from telephony_core.provider.flow import Flow, Request, Response, Semantics, call
from telephony_core.provider.vendor_errors import ErrorEnvelope
from telephony_core.transport.drivers import adrive, drive
from telephony_core.transport.pace import Pace
from telephony_core.transport.pipeline import execute
from tests.transport.driving import START, FakeTime, Script, json_answer, pipeline, raised, run

READ, IDEMPOTENT, ONCE = Semantics.READ, Semantics.IDEMPOTENT, Semantics.ONCE
METHOD = {READ: "GET", IDEMPOTENT: "PATCH", ONCE: "POST"}


@pytest.fixture(params=["sync", "async"])
def mode(request: pytest.FixtureRequest) -> str:
    return request.param


def one(semantics: Semantics) -> Flow[int]:
    response = yield from call(Request.of(METHOD[semantics], "/things", semantics), lambda _: ErrorEnvelope())
    return response.status


def outcome(semantics: Semantics, answers: list, mode: str, **changes: object) -> tuple[Script, FakeTime, object]:
    time = FakeTime()
    script = Script(answers, time)
    try:
        result: object = run(one(semantics), script, pipeline(time, **changes), mode=mode)
    except Exception as error:
        result = error
    return script, time, result


# Semantics, what happens again and again, the final error, how many requests: the table of the module's docstring.
TABLE = [
    (READ, NotSent("refused"), NotSent, 3),
    (IDEMPOTENT, NotSent("refused"), NotSent, 3),
    (ONCE, NotSent("refused"), NotSent, 3),
    (READ, json_answer(429), RateLimited, 3),
    (IDEMPOTENT, json_answer(429), RateLimited, 3),
    (ONCE, json_answer(429), RateLimited, 3),
    (READ, json_answer(429, retry_after="3600"), RateLimited, 1),
    (IDEMPOTENT, json_answer(429, retry_after="3600"), RateLimited, 1),
    (ONCE, json_answer(429, retry_after="3600"), RateLimited, 1),
    (READ, NoAnswer("reset"), NoAnswer, 3),
    (IDEMPOTENT, NoAnswer("reset"), OutcomeUnknown, 3),
    (ONCE, NoAnswer("reset"), AnswerLost, 1),
    (READ, json_answer(503), ProviderUnavailable, 3),
    (IDEMPOTENT, json_answer(503), OutcomeUnknown, 3),
    (ONCE, json_answer(503), AnswerLost, 1),
    (READ, json_answer(408), ProviderUnavailable, 3),
    (ONCE, json_answer(408), AnswerLost, 1),
    (READ, json_answer(404), NotFound, 1),
    (ONCE, json_answer(422), InvalidRequest, 1),
    (READ, json_answer(425), ProviderUnavailable, 3),
    (IDEMPOTENT, json_answer(425), OutcomeUnknown, 3),
    (ONCE, json_answer(425), AnswerLost, 1),
    (READ, json_answer(302, location="https://evil.example/"), UnexpectedResponse, 1),
    (IDEMPOTENT, json_answer(302, location="https://evil.example/"), UnexpectedResponse, 1),
    *((ONCE, json_answer(status), AnswerLost, 1) for status in (0, 99, 100, 101, 103, 199, 300, 301, 303, 307, 399)),
    *((READ, json_answer(status), UnexpectedResponse, 1) for status in (0, 100, 101, 103, 300, 399)),
    *((ONCE, json_answer(status), AnswerLost, 1) for status in (600, 700, 999)),
    (READ, UnexpectedResponse("too long"), UnexpectedResponse, 1),
    (ONCE, UnexpectedResponse("too long"), AnswerLost, 1),
]


@pytest.mark.parametrize(("semantics", "happens", "error", "requests"), TABLE)
def test_what_is_repeated_follows_from_the_semantics(semantics, happens, error, requests, mode):
    script, _, result = outcome(semantics, [happens] * 5, mode)
    assert type(result) is error
    assert len(script.sent) == requests


@pytest.mark.parametrize("semantics", [READ, IDEMPOTENT])
@pytest.mark.parametrize("happens", [NotSent("x"), NoAnswer("x"), json_answer(500), json_answer(429), json_answer(408)])
def test_a_passing_failure_is_invisible(semantics, happens, mode):
    script, _, result = outcome(semantics, [happens, json_answer(200)], mode)
    assert result == 200
    assert len(script.sent) == 2


def test_pauses_double_and_are_drawn_from_the_whole_range(mode):
    _, time, _ = outcome(READ, [json_answer(500)] * 5, mode, max_retries=4, jitter=lambda: 0.5)
    assert time.slept == [0.25, 0.5, 1.0, 2.0]


def test_no_pause_is_longer_than_eight_seconds_before_jitter(mode):
    _, time, _ = outcome(READ, [json_answer(500)] * 9, mode, max_retries=8, timeout=1000.0)
    assert max(time.slept) == 8.0


def test_retry_after_in_seconds_is_kept(mode):
    _, time, result = outcome(READ, [json_answer(429, retry_after="7"), json_answer()], mode, jitter=lambda: 0.0)
    assert result == 200
    assert sum(time.slept) == 7


def test_retry_after_as_a_date_is_kept(mode):
    date = format_datetime(START + timedelta(seconds=9), usegmt=True)
    _, time, result = outcome(READ, [json_answer(429, retry_after=date), json_answer()], mode, jitter=lambda: 0.0)
    assert result == 200
    assert sum(time.slept) == 9


def test_rate_limited_tells_how_long_to_wait(mode):
    *_, error = outcome(ONCE, [json_answer(429, retry_after="86400")], mode)
    assert error.retry_after == 86400
    assert error.status == 429


def test_a_retry_after_beyond_the_deadline_is_told_at_once(mode):
    script, time, error = outcome(READ, [json_answer(429, retry_after="20")] * 2, mode, timeout=10.0)
    assert type(error) is RateLimited
    assert error.retry_after == 20
    assert time.slept == []
    assert len(script.sent) == 1


def test_one_deadline_spans_every_request_of_a_flow(mode):
    def three() -> Flow[None]:
        for _ in range(3):
            yield from call(Request.of("GET", "/x"), lambda _: ErrorEnvelope())

    time = FakeTime()
    script = Script([json_answer()] * 3, time, takes=4.0)
    error = raised(lambda: run(three(), script, pipeline(time, timeout=7.0), mode=mode))
    assert type(error) is NotSent
    assert script.timeouts == [7.0, 3.0]


def test_the_failure_is_told_when_the_deadline_leaves_no_time_to_repeat(mode):
    time = FakeTime()
    script = Script([json_answer(500)] * 3, time, takes=9.9)
    error = raised(lambda: run(one(READ), script, pipeline(time, timeout=10.0), mode=mode))
    assert type(error) is ProviderUnavailable
    assert len(script.sent) == 1


def test_a_write_that_ran_out_of_time_has_an_unknown_outcome(mode):
    time = FakeTime()
    script = Script([NoAnswer("slow")] * 3, time, takes=9.9)
    error = raised(lambda: run(one(IDEMPOTENT), script, pipeline(time, timeout=10.0), mode=mode))
    assert type(error) is OutcomeUnknown


def test_a_flow_may_catch_a_lost_answer_and_look(mode):
    def careful() -> Flow[str]:
        try:
            yield from call(Request.of("POST", "/x", ONCE), lambda _: ErrorEnvelope())
        except AnswerLost:
            response = yield from call(Request.of("GET", "/x"), lambda _: ErrorEnvelope())
            return f"looked: {response.status}"
        return "answered"

    time = FakeTime()
    script = Script([NoAnswer("gone"), json_answer()], time)
    assert run(careful(), script, pipeline(time), mode=mode) == "looked: 200"
    assert [request.method for request in script.sent] == ["POST", "GET"]


def test_a_lost_answer_leaves_time_to_look(mode):
    def careful() -> Flow[int]:
        try:
            yield from call(Request.of("POST", "/x", ONCE), lambda _: ErrorEnvelope())
        except AnswerLost:
            return (yield from call(Request.of("GET", "/x"), lambda _: ErrorEnvelope())).status
        return 0

    time = FakeTime()
    script = Script([NoAnswer("timed out"), json_answer()], time, takes=10.0)
    assert run(careful(), script, pipeline(time, timeout=10.0), mode=mode) == 200
    assert script.timeouts == [10.0, 10.0]


def test_a_write_that_must_not_be_repeated_leaves_time_for_what_follows(mode):
    def followed() -> Flow[int]:
        yield from call(Request.of("POST", "/x", ONCE), lambda _: ErrorEnvelope())
        return (yield from call(Request.of("GET", "/x"), lambda _: ErrorEnvelope())).status

    time = FakeTime()
    script = Script([json_answer(), json_answer()], time, takes=10.0)
    assert run(followed(), script, pipeline(time, timeout=10.0), mode=mode) == 200
    assert script.timeouts == [10.0, 10.0]


def test_a_request_carries_key_body_and_query(mode):
    def write() -> Flow[None]:
        yield from call(
            Request.of("PATCH", "/x", IDEMPOTENT, query=[("a b", "ü&"), ("a b", "2")], json_body={"k": "é"}),
            lambda _: ErrorEnvelope(),
        )

    time = FakeTime()
    script = Script([json_answer()], time)
    run(write(), script, pipeline(time), mode=mode)
    (sent,) = script.sent
    assert sent.url == "https://api.example.com/base/x?a%20b=%C3%BC%26&a%20b=2"
    assert dict(sent.headers) == {
        "accept": "application/json",
        "authorization": "Bearer k3y-canary",
        "content-type": "application/json",
    }
    assert sent.body == '{"k":"é"}'.encode()


def test_a_request_without_a_body_says_nothing_of_its_type(mode):
    script, *_ = outcome(READ, [json_answer()], mode)
    assert "content-type" not in dict(script.sent[0].headers)


def test_errors_say_where_they_happened_and_one_about_the_key_whence_that_came(mode):
    _, _, refused = outcome(READ, [json_answer(401)], mode, key_source="ACME_KEY", connection="acme-main")
    assert (refused.host, refused.key_source) == ("api.example.com", "ACME_KEY")
    assert refused.connection == "acme-main"
    time = FakeTime()
    error = raised(
        lambda: run(one(READ), Script([json_answer(404)], time), pipeline(time), mode=mode, operation="get_number")
    )
    assert (error.provider, error.operation, error.status) == ("acme", "get_number", 404)
    assert str(error).startswith("acme get_number: ")
    assert "list_numbers()" in str(error)


def test_no_secret_survives_in_an_error(mode, caplog):
    body = b'{"message": "bad key k3y-canary and password p4ss-canary", "password": "p4ss-canary"}'

    def write() -> Flow[None]:
        from pydantic import SecretStr

        yield from call(
            Request.of("POST", "/x", ONCE, json_body={"password": SecretStr("p4ss-canary")}),
            lambda r: ErrorEnvelope("CODE-p4ss-canary", r.body.decode()),
        )

    caplog.set_level(logging.DEBUG)
    time = FakeTime()
    error = raised(lambda: run(write(), Script([json_answer(422, body)], time), pipeline(time), mode=mode))
    shown = f"{error} {error!r} {error.__dict__} {error.args} {caplog.text}"
    assert "canary" not in shown
    assert "[hidden]" in str(error)


def test_observers_are_told_of_every_attempt_and_nothing_secret(mode):
    told = []
    outcome(READ, [NoAnswer("x"), json_answer(200)], mode, observers=(told.append,))
    assert [(sent.attempt, sent.status, sent.route) for sent in told] == [(1, None, "/things"), (2, 200, "/things")]
    assert "canary" not in repr(told)


def test_a_pace_spaces_requests(mode):
    def ten() -> Flow[None]:
        for _ in range(10):
            yield from call(Request.of("GET", "/x"), lambda _: ErrorEnvelope())

    time = FakeTime()
    run(ten(), Script([json_answer()] * 10, time), pipeline(time, pace=Pace(per_second=5)), mode=mode)
    assert 1.0 <= time.passed < 1.1


def test_a_patient_client_waits_for_its_turn_and_has_all_of_its_time_then(mode):
    """Others of the account have used the minute up; what is sent in the next one is announced then, and not before."""

    def waited(**changes: object) -> tuple[Script, list[float]]:
        time, pace, announced = FakeTime(), Pace(per_minute=1), list[float]()
        pace.reserve(time.clock.monotonic())
        script = Script([json_answer()], time)
        request = Request("POST", "/things", ONCE, announce=lambda: announced.append(time.passed))
        run(call(request, lambda _: ErrorEnvelope()), script, pipeline(time, pace=pace, **changes), mode=mode)
        return script, announced

    script, announced = waited(patient=True)
    assert script.timeouts == [pytest.approx(30.0, abs=0.1)]
    assert announced == [pytest.approx(60.0, abs=0.1)]
    with pytest.raises(NotSent, match="time ran out before"):
        waited()


def test_a_turn_that_passed_while_the_request_was_announced_is_not_used(mode):
    """A disk that stalls for two seconds must not let what waited for it start at once."""
    time, pace, told = FakeTime(), Pace(per_second=1), list[float]()

    def announce() -> None:
        time.advance(0.0 if told else 2.0)
        told.append(time.passed)
        pace.reserve(time.clock.monotonic())  # others take the turns that are free by then

    script = Script([json_answer()], time)
    request = Request("POST", "/things", ONCE, announce=announce)
    run(call(request, lambda _: ErrorEnvelope()), script, pipeline(time, pace=pace), mode=mode)
    assert told == [pytest.approx(2.0), pytest.approx(3.0, abs=0.1)]


def test_an_announcement_that_fails_does_not_hide_that_an_earlier_attempt_may_have_happened(mode):
    """As one in the journal, whose disk is full by the second attempt."""

    def announce() -> None:
        if script.sent:
            raise TelephonyError("the disk is full")

    time = FakeTime()
    script = Script([NoAnswer("reset")], time)
    request = Request("PATCH", "/things", IDEMPOTENT, announce=announce)
    flow = call(request, lambda _: ErrorEnvelope())
    error = raised(lambda: run(flow, script, pipeline(time), mode=mode))
    assert type(error) is OutcomeUnknown
    assert "PATCH /things was sent and never answered usably (the disk is full)" in error.message


@pytest.mark.parametrize("seconds", [0.5, 3.0])
def test_nothing_starts_after_a_429_that_came_while_it_was_announced(seconds, mode):
    time, pace = FakeTime(), Pace()

    def announce() -> None:
        if not time.passed:
            pace.hold(time.clock.monotonic() + seconds)

    script = Script([json_answer()], time)
    request = Request("POST", "/things", ONCE, announce=announce)
    run(call(request, lambda _: ErrorEnvelope()), script, pipeline(time, pace=pace), mode=mode)
    assert time.passed == pytest.approx(seconds, abs=0.1)


def test_a_patient_client_keeps_its_place_while_it_waits(mode):
    """Who asks for a turn meanwhile comes behind it, though it comes later than the time-out allows others to wait."""
    pace, others = Pace(per_minute=1), list[float]()

    class Meanwhile(FakeTime):
        def _sleep(self, seconds: float) -> None:
            if not others:
                others.append(self.passed + pace.reserve(self.clock.monotonic()))
            super()._sleep(seconds)

    time = Meanwhile()
    pace.reserve(time.clock.monotonic())
    assert run(one(READ), Script([json_answer()], time), pipeline(time, pace=pace, patient=True), mode=mode) == 200
    assert time.passed == pytest.approx(60.0, abs=0.1)
    assert others == [pytest.approx(120.0, abs=0.1)]


def test_a_hold_by_the_provider_takes_its_time_from_a_patient_client_too(mode):
    time, pace = FakeTime(), Pace()
    pace.hold(time.clock.monotonic() + 3.0)
    script = Script([json_answer()], time)
    run(one(READ), script, pipeline(time, pace=pace, patient=True), mode=mode)
    assert script.timeouts == [pytest.approx(27.0, abs=0.1)]


def test_a_patient_client_does_not_wait_longer_for_a_provider_that_answered_429(mode):
    time, pace = FakeTime(), Pace(per_minute=1)
    pace.hold(time.clock.monotonic() + 31)
    the_pipeline = pipeline(time, pace=pace, patient=True)
    with pytest.raises(RateLimited):
        run(one(READ), Script([], time), the_pipeline, mode=mode)
    time.advance(32)
    assert run(one(READ), Script([json_answer()], time), the_pipeline, mode=mode) == 200
    assert time.slept == [], "nobody has the place for which nobody waited"


def test_a_429_holds_everyone_who_shares_the_pace(mode):
    time, pace = FakeTime(), Pace.unlimited()
    run(
        one(READ),
        Script([json_answer(429, retry_after="5"), json_answer()], time),
        pipeline(time, pace=pace),
        mode=mode,
    )
    held = FakeTime()
    pace.hold(held.clock.monotonic() + 3)
    run(one(READ), Script([json_answer()], held), pipeline(held, pace=pace), mode=mode)
    assert held.passed > 0


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_an_interruption_goes_through_unchanged_and_names_a_write_in_flight(kind):
    def interrupted(_: object) -> Response:
        raise kind

    time, told = FakeTime(), []
    the_pipeline = pipeline(time, on_unknown=told.append)
    flow = one(ONCE)
    with pytest.raises(kind) as caught:
        drive(execute(flow, the_pipeline, "import_number"), Script([interrupted], time), time.clock)
    assert told[0].message == f"POST /things was in flight when the operation ended with {kind.__name__}"
    assert told[0].message in caught.value.__notes__[0]
    assert isinstance(told[0], OutcomeUnknown)
    with pytest.raises(StopIteration):
        next(flow)


def test_cancelling_a_task_sends_nothing_more_and_closes_the_flow():
    class Hanging(Script):
        async def asend(self, request, timeout):
            self.sent.append(request)
            await asyncio.Event().wait()

    time, told = FakeTime(), []
    script, the_pipeline = Hanging([], time), pipeline(time, on_unknown=told.append)
    flow = one(ONCE)

    async def main() -> None:
        task = asyncio.create_task(adrive(execute(flow, the_pipeline, "x"), script, the_pipeline.clock))
        while not script.sent:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert len(script.sent) == 1
    assert len(told) == 1
    assert flow.gi_frame is None


def test_a_cancelled_read_is_not_reported():
    def interrupted(_: object) -> Response:
        raise KeyboardInterrupt

    time, told = FakeTime(), []
    the_pipeline = pipeline(time, on_unknown=told.append)
    with pytest.raises(KeyboardInterrupt):
        drive(execute(one(READ), the_pipeline, "x"), Script([interrupted], time), time.clock)
    assert told == []


def test_a_bug_in_a_backend_is_not_dressed_up(mode):
    time = FakeTime()
    with pytest.raises(ZeroDivisionError):
        run(one(READ), Script([ZeroDivisionError()], time), pipeline(time), mode=mode)


def test_transport_errors_are_one_family():
    assert {NotSent, NoAnswer, OutcomeUnknown} <= set(TransportError.__subclasses__())


@pytest.mark.parametrize("semantics", [IDEMPOTENT, ONCE])
def test_a_read_only_line_sends_no_write(semantics, mode):
    script, _, result = outcome(semantics, [json_answer()], mode, read_only=True)
    assert type(result) is WriteRefused
    assert script.sent == []


def test_a_read_only_line_trusts_neither_method_nor_semantics_alone(mode):
    def sly() -> Flow[None]:
        yield from call(Request.of("DELETE", "/x", READ), lambda _: ErrorEnvelope())

    time = FakeTime()
    script = Script([json_answer()], time)
    assert type(raised(lambda: run(sly(), script, pipeline(time, read_only=True), mode=mode))) is WriteRefused
    assert script.sent == []


def test_a_read_only_line_reads(mode):
    assert outcome(READ, [json_answer()], mode, read_only=True)[2] == 200
