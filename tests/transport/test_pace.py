"""Pacing on a clock that is handed in: never more than was allowed, hardly less."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telephony_core import InvalidInput, Pace


def starts(pace: Pace, count: int, arrivals: list[float] | None = None) -> list[float]:
    now, times = 0.0, []
    for n in range(count):
        now = max(now, arrivals[n]) if arrivals else now
        now += pace.reserve(now)
        times.append(now)
    return times


def worst(times: list[float], span: float) -> int:
    return max(sum(1 for t in times if start <= t < start + span) for start in times)


def test_no_second_and_no_minute_holds_more_than_allowed():
    times = starts(Pace(per_second=5, per_minute=120), 400)
    assert worst(times, 1.0) <= 5
    assert worst(times, 60.0) <= 120


def test_at_least_97_percent_of_the_permitted_rate_is_used():
    times = starts(Pace(per_second=5, per_minute=120), 1201)
    assert 1200 / times[-1] >= 0.97 * 2.0
    times = starts(Pace(per_second=5), 501)
    assert 500 / times[-1] >= 0.97 * 5.0


@settings(deadline=None)
@given(st.lists(st.floats(0, 20), min_size=1, max_size=60).map(sorted), st.integers(1, 7))
def test_whatever_the_bursts_the_limit_holds(arrivals, limit):
    times = starts(Pace(per_second=limit), len(arrivals), arrivals)
    assert worst(times, 1.0) <= limit
    assert all(start >= arrived for start, arrived in zip(times, arrivals, strict=True))


def test_a_limit_below_one_stretches_the_window():
    times = starts(Pace(per_second=0.5), 3)
    assert times[1] - times[0] >= 2.0


def test_without_limits_nothing_waits():
    assert starts(Pace.unlimited(), 5) == [0.0] * 5


def test_a_hold_delays_everyone_and_ends():
    pace = Pace.unlimited()
    pace.hold(3.0)
    pace.hold(1.0)
    assert pace.reserve(1.0) == 2.0
    assert pace.reserve(3.0) == 0.0


def test_threads_share_one_limit():
    pace, times, lock = Pace(per_second=10), [], threading.Lock()

    def work() -> None:
        for _ in range(25):
            delay = pace.reserve(0.0)
            with lock:
                times.append(delay)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert worst(sorted(times), 1.0) <= 10
    assert len(times) == 200


@pytest.mark.parametrize(
    "limits",
    [
        {"per_second": 0},
        {"per_minute": -1},
        {"per_second": float("nan")},
        {"per_second": float("inf")},
        {"per_second": 1e-300},
        {"per_second": True},
        {"per_minute": 10**400},
        {"per_minute": "5"},
    ],
)
def test_a_limit_that_allows_nothing_is_refused(limits):
    with pytest.raises(InvalidInput):
        Pace(**limits)


def test_a_pace_prints_itself():
    assert repr(Pace(per_second=5)) == "Pace(per_second=5, per_minute=None)"
