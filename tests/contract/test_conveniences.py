"""What `telephony_core.testing` gives to anybody's tests."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from telephony_core import (
    AsyncTelephony,
    ConfigurationError,
    NoAnswer,
    NotFound,
    NotSent,
    ProviderNotFound,
    RateLimited,
    Telephony,
    UnexpectedResponse,
)
from telephony_core.provider.flow import Response
from telephony_core.provider.registry import registry
from telephony_core.testing import (
    RecordingBackend,
    ScriptedBackend,
    emulated,
    emulated_async,
    json_response,
    new_emulator,
    virtual_clock,
)

EMPTY = json_response(200, {"items": [], "total_count": 0, "next_cursor": None})


def test_emulated_gives_a_client_on_a_fresh_emulator() -> None:
    with emulated("vox") as telephony:
        id = next(telephony.list_numbers()).id
        telephony.release(id)
    with emulated("vox") as telephony:
        assert id in {number.id for number in telephony.list_numbers() if number.is_live}


def test_emulated_takes_an_emulator_that_was_prepared() -> None:
    emulator = new_emulator("vox")
    id = emulator.add(number="07077778888", memo="prepared")
    with emulated("vox", emulator) as telephony:
        assert telephony.get_number(id).label == "prepared"


def test_emulated_takes_a_spec() -> None:
    with emulated(registry.spec("diga")) as telephony:
        assert telephony.provider == "diga"


def test_emulated_async_gives_an_async_client() -> None:
    async def first() -> str:
        async with emulated_async("diga") as telephony:
            return {number.provider async for number in telephony.list_numbers()}.pop()

    assert asyncio.run(first()) == "diga"


def test_a_provider_without_an_emulator_is_told() -> None:
    with pytest.raises(ConfigurationError, match="vox ships no emulator; use canned answers"):
        new_emulator(replace(registry.spec("vox"), emulator=None))
    with pytest.raises(ProviderNotFound):
        new_emulator("nobody")


def test_scripted_answers_come_in_order_and_are_remembered() -> None:
    script = ScriptedBackend([EMPTY, EMPTY, json_response(404, {})])
    with Telephony("vox", api_key="key", backend=script) as telephony:
        listing = telephony.list_numbers()
        with pytest.raises(UnexpectedResponse, match="check `base_url`"):
            list(listing)
    assert [request.url.partition("status=")[2].partition("&")[0] for request in script.sent] == [
        "scheduled",
        "active",
        "cancel_requested",
    ]


def test_a_script_that_has_ended_names_the_request_too_many() -> None:
    script = ScriptedBackend([])
    with (
        Telephony("vox", api_key="key", backend=script) as telephony,
        pytest.raises(AssertionError, match=r"no answer left for GET .*/n-1"),
    ):
        telephony.get_number("n-1")


def test_a_scripted_failure_is_raised() -> None:
    script = ScriptedBackend([NotSent("no route"), NoAnswer("gone"), json_response(404, {})])
    with (
        Telephony("vox", api_key="key", backend=script, clock=virtual_clock()) as telephony,
        pytest.raises(NotFound),
    ):
        telephony.get_number("n-1")
    assert len(script.sent) == 3


def test_a_script_can_answer_by_the_request() -> None:
    script = ScriptedBackend(lambda request: json_response(404, {"error": {"code": request.method}}))

    async def ask() -> None:
        async with AsyncTelephony("vox", api_key="key", backend=script) as telephony:
            await telephony.get_number("n-1")

    with pytest.raises(NotFound) as caught:
        asyncio.run(ask())
    assert caught.value.code == "GET"


def test_a_recorder_hands_on_and_remembers() -> None:
    emulator = new_emulator("vox")
    recorder = RecordingBackend(emulator.backend())
    with Telephony("vox", api_key=emulator.api_key, backend=recorder) as telephony:
        number = next(telephony.list_numbers())
        telephony.get_number(number.id)
    assert recorder.name == "emulator"
    assert [request.method for request in recorder.sent] == [call.method for call in emulator.requests]
    recorder.close()
    asyncio.run(recorder.aclose())


def test_virtual_time_passes_only_by_waiting() -> None:
    clock = virtual_clock(datetime(2026, 1, 1, tzinfo=UTC))
    begun = time.monotonic()
    clock.sleep(3600)
    asyncio.run(clock.asleep(60))
    assert clock.monotonic() == 3660
    assert clock.now() == datetime(2026, 1, 1, 1, 1, tzinfo=UTC)
    assert time.monotonic() - begun < 60


def test_a_client_in_virtual_time_waits_for_nothing() -> None:
    script = ScriptedBackend(lambda _: Response(429, {"retry-after": "20"}, b""))
    clock = virtual_clock()
    with (
        Telephony("vox", api_key="key", backend=script, clock=clock, timeout=600) as telephony,
        pytest.raises(RateLimited),
    ):
        telephony.get_number("n-1")
    assert clock.monotonic() >= 40


def test_two_clocks_do_not_share_time() -> None:
    one, other = virtual_clock(), virtual_clock()
    one.sleep(5)
    assert other.monotonic() == 0
