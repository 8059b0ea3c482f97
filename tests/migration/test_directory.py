"""One listing for many looks: as old as it may be, and never older."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from telephony_core import AsyncTelephony, NumberIdentity, PhoneNumber
from telephony_core.emulator import EmulatorBackend, HttpRequest
from telephony_core.flow import Flow, Response
from telephony_core.migration.directory import Directory
from telephony_diga.adapter import DigaProvider
from telephony_diga.emulator import DigaEmulator
from tests.core.driving import FakeTime

NUMBER = NumberIdentity.parse("+827011110000", region="ES")
SIP_ID = NumberIdentity.parse("frontdesk@pbx.example.com", region="ES")


class Slow(EmulatorBackend):
    def __init__(self, emulator: DigaEmulator, time: FakeTime, seconds: float) -> None:
        super().__init__(emulator)
        self._time, self._seconds = time, seconds

    async def asend(self, request: HttpRequest, timeout: float) -> Response:
        await asyncio.sleep(0)
        self._time.advance(self._seconds)
        return await super().asend(request, timeout)


def looking(
    act: Callable[[DigaEmulator, FakeTime, Directory], Coroutine[Any, Any, None]], *, seconds: float = 1.0
) -> DigaEmulator:
    emulator, time = DigaEmulator(seed=False), FakeTime()

    async def main() -> None:
        backend = Slow(emulator, time, seconds)
        async with AsyncTelephony("diga", api_key="emulator-key", backend=backend, clock=time.clock) as client:
            await act(emulator, time, Directory(client, [NUMBER, SIP_ID], time.clock))

    asyncio.run(main())
    return emulator


PASSES = 6
"""Requests of one listing at Diga."""


def test_one_listing_answers_for_many_looks() -> None:
    async def act(emulator: DigaEmulator, time: FakeTime, directory: Directory) -> None:
        emulator.add(number="+827011110000")
        emulator.add(number="frontdesk@pbx.example.com")
        emulator.add(number="+34612345678")
        assert len(await directory.records_of(NUMBER)) == 1
        assert len(await directory.records_of(SIP_ID)) == 1

    assert len(looking(act).requests) == PASSES


@pytest.mark.parametrize(("later", "listings"), [(20.0, 1), (30.0, 2)])
def test_it_lives_four_times_as_long_as_it_took(later: float, listings: int) -> None:
    async def act(emulator: DigaEmulator, time: FakeTime, directory: Directory) -> None:
        await directory.records_of(NUMBER)
        time.advance(later)
        await directory.records_of(NUMBER)

    assert len(looking(act).requests) == listings * PASSES


def test_a_fresh_look_sees_what_came_a_moment_ago() -> None:
    async def act(emulator: DigaEmulator, time: FakeTime, directory: Directory) -> None:
        assert await directory.records_of(NUMBER) == ()
        emulator.add(number="+827011110000")
        assert await directory.records_of(NUMBER) == ()
        assert len(await directory.records_of(NUMBER, fresh=True)) == 1

    looking(act)


def test_a_listing_that_was_under_way_already_is_not_fresh() -> None:
    async def act(emulator: DigaEmulator, time: FakeTime, directory: Directory) -> None:
        first = asyncio.create_task(directory.records_of(SIP_ID))
        for _ in range(PASSES - 1):
            await asyncio.sleep(0)
        emulator.add(number="+827011110000", status="reserved")
        assert len(await directory.records_of(NUMBER, fresh=True)) == 1
        await first

    assert len(looking(act).requests) == 2 * PASSES


def test_looks_that_come_while_a_listing_is_under_way_share_the_next_one() -> None:
    async def act(emulator: DigaEmulator, time: FakeTime, directory: Directory) -> None:
        numbers = (NUMBER, SIP_ID, NUMBER, SIP_ID)
        await asyncio.gather(*(directory.records_of(number, fresh=True) for number in numbers))

    assert len(looking(act).requests) == 2 * PASSES


def test_of_a_settled_number_only_the_ids_of_live_records_are_kept() -> None:
    async def act(emulator: DigaEmulator, time: FakeTime, directory: Directory) -> None:
        ids = [emulator.add(number="+827011110000") for _ in range(2)]
        emulator.add(number="+827011110000", status="released")
        assert len(await directory.records_of(NUMBER)) == 3
        directory.settle(NUMBER)
        assert sorted(await directory.live_of_settled(NUMBER, fresh=True)) == sorted(ids)
        assert await directory.records_of(NUMBER) == ()

    looking(act)


def test_a_provider_that_can_look_a_number_up_is_asked_for_it_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[NumberIdentity] = []

    def find(self: DigaProvider, identity: NumberIdentity) -> Flow[tuple[PhoneNumber, ...]]:
        def flow() -> Flow[tuple[PhoneNumber, ...]]:
            asked.append(identity)
            return ()
            yield  # type: ignore[unreachable]

        return flow()

    monkeypatch.setattr(DigaProvider, "find", find)

    async def act(emulator: DigaEmulator, time: FakeTime, directory: Directory) -> None:
        await directory.records_of(NUMBER, fresh=True)

    assert looking(act).requests == []
    assert asked == [NUMBER]
