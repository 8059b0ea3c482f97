"""The soak is counted by this machine's clock and by the target's, and by whichever says that less of it has passed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from telephony_core import AsyncTelephony
from telephony_core.emulator import Emulator, EmulatorBackend, HttpRequest
from telephony_core.migration.deprovision.deprovision import DeprovisionOptions
from telephony_core.migration.deprovision.release import preview_release, release_plan
from telephony_core.migration.plan.model import Settings
from telephony_core.migration.plan.store import LoadedPlan
from telephony_core.migration.run.verify import VerifyOptions, verify_plan
from telephony_core.provider.flow import Response
from telephony_core.transport.clock import ProviderClock
from tests.migration.stage import Stage
from tests.transport.driving import START, FakeTime

SOAK = timedelta(hours=72)


@dataclass
class Dated(EmulatorBackend):
    """A provider whose answers tell its time, as a web server's do."""

    emulator: Emulator
    date: Callable[[], str | None]

    def __post_init__(self) -> None:
        super().__init__(self.emulator)

    async def asend(self, request: HttpRequest, timeout: float) -> Response:
        answer, date = await super().asend(request, timeout), self.date()
        return answer if date is None else replace(answer, headers={**answer.headers, "date": date})


@dataclass
class Soaking:
    """A number that is moved and verified, and a target whose clock can be set."""

    stage: Stage
    loaded: LoadedPlan
    ahead: timedelta | None = timedelta(0)
    """So far is the target's clock ahead of this machine's; ``None``: it tells no time."""

    def date(self) -> str | None:
        if self.ahead is None:
            return None
        return format_datetime(self.stage.time.clock.now() + self.ahead, usegmt=True)

    def open_target(self) -> AsyncTelephony:
        emulator = self.stage.target
        backend = Dated(emulator, self.date)
        return AsyncTelephony(emulator.slug, api_key=emulator.api_key, backend=backend, clock=self.stage.time.clock)

    def verify(self) -> None:
        options = VerifyOptions(clock=self.stage.time.clock)
        assert verify_plan(self.loaded, self.stage.open_source, self.open_target, options).is_equal

    def left_alone(self) -> list[str]:
        """What keeps numbers from being released; nothing, and they are."""
        ends = (self.loaded, self.stage.open_source, self.open_target)
        given = DeprovisionOptions(clock=self.stage.time.clock, allow=["unpublishes"])
        preview = preview_release(*ends, given)
        release_plan(*ends, replace(given, confirmed=preview.shown))
        return [left.message for left in preview.left_alone]


@pytest.fixture
def soaking(tmp_path: Path) -> Soaking:
    stage = Stage(tmp_path, count=1, settings=Settings(timeout=20.0))
    loaded = stage.plan()
    assert stage.apply(loaded).is_complete
    return Soaking(stage, loaded)


def at_source(soaking: Soaking) -> int:
    with soaking.stage.client(soaking.stage.source) as client:
        return sum(number.is_live for number in client.list_numbers())


def test_after_the_soak_by_both_clocks_it_is_released(soaking: Soaking) -> None:
    soaking.verify()
    soaking.stage.time.advance(SOAK.total_seconds())
    assert soaking.left_alone() == []
    assert at_source(soaking) == 0


def test_a_clock_of_this_machine_that_jumped_ahead_does_not_end_the_soak(soaking: Soaking) -> None:
    soaking.verify()
    soaking.stage.time.advance(SOAK.total_seconds())
    soaking.ahead = -timedelta(hours=71)  # by the target's clock one hour has passed
    assert "correct the wrong one" in soaking.left_alone()[0]
    assert at_source(soaking) == 1


def test_a_clock_that_was_wrong_when_it_was_verified_does_not_shorten_the_soak(soaking: Soaking) -> None:
    soaking.ahead = timedelta(hours=70)  # this machine's clock was 70 hours slow, and was set right since
    soaking.verify()
    soaking.stage.time.advance(SOAK.total_seconds())
    soaking.ahead = timedelta(0)
    assert "its soak ends in 70.0 hours" in soaking.left_alone()[0]
    assert at_source(soaking) == 1


def test_a_clock_that_was_set_back_is_said(soaking: Soaking) -> None:
    soaking.verify()
    soaking.stage.time.advance(-60.0)
    assert "was set back" in soaking.left_alone()[0]
    assert at_source(soaking) == 1


def test_a_target_that_tells_no_time_any_more_keeps_it(soaking: Soaking) -> None:
    soaking.verify()
    soaking.stage.time.advance(SOAK.total_seconds())
    soaking.ahead = None
    assert "does not now" in soaking.left_alone()[0]


def test_a_target_that_never_told_its_time_leaves_it_to_this_clock(soaking: Soaking) -> None:
    soaking.ahead = None
    soaking.verify()
    soaking.stage.time.advance(SOAK.total_seconds())
    assert soaking.left_alone() == []


UNREADABLE = ("", "now", "Fri, 99 Nov 2026 12:00:00 GMT", "0", "Fri, 27 Nov 999999 08:00:00 GMT")
BEYOND_ALL = ("Fri, 31 Dec 9999 23:59:59 GMT", "Fri, 31 Dec 9999 23:59:59 -1200")


@pytest.mark.parametrize("date", [*UNREADABLE, *BEYOND_ALL])
def test_a_time_that_cannot_be_read_is_none(date: str) -> None:
    clock = ProviderClock()
    clock.note(date, 0.0)
    assert clock.now(5.0) is None


def test_the_time_goes_on_since_the_last_answer() -> None:
    clock, time = ProviderClock(), FakeTime()
    assert clock.now(0.0) is None
    clock.note(format_datetime(START, usegmt=True), time.clock.monotonic())
    time.advance(7.0)
    assert clock.now(time.clock.monotonic()) == START + timedelta(seconds=7)
