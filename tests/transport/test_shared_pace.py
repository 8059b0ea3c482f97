"""A pace that has to be asked for over a network: the pipeline awaits it, and ordinary code refuses it."""

from __future__ import annotations

import asyncio

import pytest

from telephony_core.accounts.connection import Connection
from telephony_core.errors import InvalidInput, NoAnswer, NotSent, OutcomeUnknown, TelephonyError
from telephony_core.provider.flow import Flow, Request, Semantics, call
from telephony_core.provider.vendor_errors import ErrorEnvelope
from telephony_core.transport.pace import Pace
from tests.transport.driving import FakeTime, Script, json_answer, pipeline, run


def read() -> Flow[int]:
    return (yield from call(Request.of("GET", "/things"), lambda _: ErrorEnvelope())).status


class Shared:
    """A pace that has to be asked for, as one that several machines share; it keeps what it was told."""

    per_second, per_minute = 5.0, None

    def __init__(self, *delays: float | BaseException) -> None:
        self.delays = list(delays)
        self.told: list[str] = []

    async def _ask(self, what: str) -> float:
        await asyncio.sleep(0)
        self.told.append(what)
        answer = self.delays.pop(0) if self.delays else 0.0
        if isinstance(answer, BaseException):
            raise answer
        return answer

    async def reserve(self, now: float, latest: float = float("inf")) -> float:
        return await self._ask("reserve")

    async def confirm(self, reserved: float, now: float) -> float:
        return await self._ask(f"confirm {reserved - now:+.1f}")

    async def hold(self, until: float) -> None:
        await self._ask("hold")

    def give_back(self, reserved: float) -> None:
        self.told.append("give back")

    def answered(self, started: float, now: float) -> None:
        self.told.append("answered")

    def hold_left(self, now: float) -> float:
        return 0.0


def test_a_pace_that_has_to_be_awaited_is_asked_again_after_every_wait():
    time, pace = FakeTime(), Shared(2.0, 0.5)
    assert run(read(), Script([json_answer()], time), pipeline(time, pace=pace), mode="async") == 200
    assert time.slept == [2.0, 0.5]
    assert pace.told == ["reserve", "confirm +0.0", "confirm +0.0", "answered"]


def test_a_429_holds_the_shared_pace_before_anything_is_sent_again():
    time, pace = FakeTime(), Shared()
    script = Script([json_answer(429, retry_after="3"), json_answer()], time)
    assert run(read(), script, pipeline(time, pace=pace), mode="async") == 200
    assert pace.told == ["reserve", "answered", "hold", "reserve", "answered"]


def test_who_goes_away_while_waiting_gives_the_place_back():
    time, pace = FakeTime(), Shared(90.0)
    with pytest.raises(NotSent):
        run(read(), Script([], time), pipeline(time, pace=pace), mode="async")
    assert pace.told == ["reserve", "give back"]


def test_who_cannot_be_told_whether_to_start_gives_the_place_back():
    time, pace = FakeTime(), Shared(2.0, asyncio.CancelledError())
    with pytest.raises(asyncio.CancelledError):
        run(read(), Script([], time), pipeline(time, pace=pace), mode="async")
    assert pace.told == ["reserve", "confirm +0.0", "give back"]


@pytest.mark.parametrize("delays", [(0.0, TelephonyError("gone")), (0.0, 2.0, TelephonyError("gone"))], ids=len)
def test_a_pace_that_fails_does_not_hide_that_an_earlier_attempt_may_have_happened(delays):
    def change() -> Flow[None]:
        yield from call(Request.of("PATCH", "/things", Semantics.IDEMPOTENT), lambda _: ErrorEnvelope())

    time, script = FakeTime(), Script([NoAnswer("reset")])
    with pytest.raises(OutcomeUnknown, match="gone") as caught:
        run(change(), script, pipeline(time, pace=Shared(*delays)), mode="async")
    assert type(caught.value.__cause__) is TelephonyError
    assert len(script.sent) == 1
    with pytest.raises(TelephonyError):
        run(change(), Script([]), pipeline(time, pace=Shared(TelephonyError("gone"))), mode="async")


def test_nor_does_one_that_cannot_be_told_of_a_429():
    def change() -> Flow[None]:
        yield from call(Request.of("PATCH", "/things", Semantics.IDEMPOTENT), lambda _: ErrorEnvelope())

    time, script = FakeTime(), Script([NoAnswer("reset"), json_answer(429)])
    with pytest.raises(OutcomeUnknown, match=r"PATCH /things was .* never answered usably \(gone\)"):
        run(change(), script, pipeline(time, pace=Shared(0.0, 0.0, TelephonyError("gone"))), mode="async")


def test_ordinary_code_refuses_a_pace_that_it_cannot_await_before_anything_is_sent():
    time, script = FakeTime(), Script([json_answer()])
    with pytest.raises(InvalidInput, match="has to be awaited"):
        run(read(), script, pipeline(time, pace=Shared()), mode="sync")
    assert script.sent == []


def test_a_connection_takes_any_pace_and_nothing_else():
    shared = Shared()
    assert Connection(provider="vox", pace=shared).pace is shared
    with pytest.raises(InvalidInput, match="pace has to be a Pace"):
        Connection(provider="vox", pace=5)
    with pytest.raises(InvalidInput, match="pace has to be a Pace"):
        Connection(provider="vox", pace=Pace)  # the class in the place of an object
