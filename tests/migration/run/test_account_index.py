"""What an account lists: a look is answered by a listing that was begun after it, and never by an old one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import pytest

from telephony_core import AsyncTelephony, NumberIdentity, PhoneNumber, errors
from telephony_core.emulator import EmulatorBackend, Fault, FaultKind, HttpRequest
from telephony_core.migration.run.account_index import OLDEST, SHARED_FOR, AccountIndex
from telephony_core.provider.flow import Flow, Response
from telephony_diga.adapter import DigaProvider
from telephony_diga.emulator import DigaEmulator
from tests.transport.driving import FakeTime

NUMBER = NumberIdentity.parse("+827011110000", region="ES")
SIP_ID = NumberIdentity.parse("frontdesk@pbx.example.com", region="ES")
PASSES = 6
"""Requests of one listing at Diga."""
QUICK = 0.0
"""Seconds per request with which a listing takes no time, so that it is not shared."""
SLOW = OLDEST / SHARED_FOR / PASSES
"""Seconds per request with which a listing is just long enough to be shared for as long as any is."""


class Slow(EmulatorBackend):
    def __init__(self, emulator: DigaEmulator, time: FakeTime, seconds: float) -> None:
        super().__init__(emulator)
        self._time, self._seconds = time, seconds

    async def asend(self, request: HttpRequest, timeout: float) -> Response:
        await asyncio.sleep(0)
        self._time.advance(self._seconds)
        return await super().asend(request, timeout)


Act = Callable[[DigaEmulator, FakeTime, AccountIndex], Coroutine[Any, Any, None]]


def looking(act: Act, *, seconds: float = QUICK) -> int:
    """Let this happen; the number of listings that it took."""
    emulator, time = DigaEmulator(seed=False), FakeTime()

    async def main() -> None:
        backend = Slow(emulator, time, seconds)
        async with AsyncTelephony("diga", api_key="emulator-key", backend=backend, clock=time.clock) as client:
            await act(emulator, time, AccountIndex(client, time.clock, [NUMBER, SIP_ID], ["seen-before"]))

    asyncio.run(main())
    listings, rest = divmod(len(emulator.requests), PASSES)
    assert rest == 0
    return listings


def ids(records: tuple[PhoneNumber, ...]) -> list[str]:
    return [record.id for record in records]


# -- how old an answer may be


def test_every_look_is_answered_by_a_listing_that_was_begun_after_it() -> None:
    async def act(emulator: DigaEmulator, time: FakeTime, index: AccountIndex) -> None:
        assert await index.look(NUMBER) == ()
        id = emulator.add(number="+827011110000")
        assert ids(await index.look(NUMBER)) == [id]

    assert looking(act) == 2


def test_a_listing_that_was_under_way_already_answers_no_later_look() -> None:
    async def act(emulator: DigaEmulator, time: FakeTime, index: AccountIndex) -> None:
        first = asyncio.create_task(index.look(SIP_ID))
        for _ in range(PASSES - 1):
            await asyncio.sleep(0)
        emulator.add(number="+827011110000", status="reserved")
        assert len(await index.look(NUMBER)) == 1
        await first

    assert looking(act) == 2


def test_looks_that_wait_together_share_one_listing() -> None:
    async def act(emulator: DigaEmulator, time: FakeTime, index: AccountIndex) -> None:
        numbers = (NUMBER, SIP_ID, NUMBER, SIP_ID)
        await asyncio.gather(*(index.look(number) for number in numbers))

    assert looking(act) == 2  # the first one is listing before the others ask


@pytest.mark.parametrize(
    ("seconds", "later", "listings"),
    [
        (QUICK, 0.0, 2),
        (0.05 / PASSES, 0.05 * (SHARED_FOR - 1) - 0.01, 1),
        (0.05 / PASSES, 0.05 * (SHARED_FOR - 1) + 0.01, 2),
        (SLOW, OLDEST - SLOW * PASSES - 0.1, 1),
        (SLOW, OLDEST - SLOW * PASSES + 0.1, 2),
        (OLDEST / PASSES / 2, OLDEST / 2 - 0.1, 1),
        (OLDEST / PASSES / 2, OLDEST / 2 + 0.1, 2),
        (OLDEST / PASSES, OLDEST - 0.1, 1),
        (OLDEST / PASSES, OLDEST + 0.1, 2),
    ],
)
def test_a_listing_answers_later_looks_for_24_times_as_long_as_it_took_and_for_two_minutes_or_as_long_again_at_most(
    seconds: float, later: float, listings: int
) -> None:
    async def act(emulator: DigaEmulator, time: FakeTime, index: AccountIndex) -> None:
        await index.look(NUMBER)
        time.advance(later)
        await index.look(NUMBER)

    assert looking(act, seconds=seconds) == listings


def test_a_shared_listing_answers_for_no_id_that_it_was_not_asked_for() -> None:
    async def act(emulator: DigaEmulator, time: FakeTime, index: AccountIndex) -> None:
        id = emulator.add(number="+34612345678")
        assert await index.look(NUMBER) == ()
        assert ids(await index.look(NUMBER, id)) == [id]
        assert ids(await index.look(NUMBER, id)) == [id]

    assert looking(act, seconds=SLOW) == 2


def test_a_refresh_is_never_answered_by_what_is_known_already() -> None:
    async def act(emulator: DigaEmulator, time: FakeTime, index: AccountIndex) -> None:
        await index.look(NUMBER)
        id = emulator.add(number="+827011110000")
        await index.refresh()
        assert ids(index.shown(NUMBER)) == [id]

    assert looking(act, seconds=SLOW) == 2


def test_nor_is_a_fresh_look() -> None:
    async def act(emulator: DigaEmulator, time: FakeTime, index: AccountIndex) -> None:
        await index.look(NUMBER)
        id = emulator.add(number="+827011110000")
        assert ids(await index.look(NUMBER)) == []
        assert ids(await index.look(NUMBER, fresh=True)) == [id]

    assert looking(act, seconds=SLOW) == 2


def test_a_listing_that_failed_half_way_is_no_answer_and_changes_nothing_that_is_shown() -> None:
    async def act(emulator: DigaEmulator, time: FakeTime, index: AccountIndex) -> None:
        id = emulator.add(number="+827011110000")
        await index.refresh()
        emulator.store.remove(id)
        emulator.faults.append(Fault(FaultKind.REFUSED, skip=PASSES - 1, times=99))
        with pytest.raises(errors.NotSent):
            await index.look(NUMBER)
        assert ids(index.shown(NUMBER)) == [id]
        emulator.faults.clear()
        assert await index.look(NUMBER) == ()
        emulator.requests.clear()

    looking(act)


# -- what an answer holds


def test_a_look_shows_what_is_of_the_number_and_what_has_the_id_in_any_status() -> None:
    async def act(emulator: DigaEmulator, time: FakeTime, index: AccountIndex) -> None:
        mine = [emulator.add(number="+827011110000", status=status) for status in ("assigned", "released")]
        recycled = emulator.add(number="+34612345678")
        emulator.add(number="+34612345679")
        assert sorted(ids(await index.look(NUMBER, recycled))) == sorted([*mine, recycled])
        assert sorted(ids(await index.look(NUMBER, mine[0]))) == sorted(mine)

    looking(act)


def test_ids_that_were_to_be_kept_are_found_whatever_number_they_are_of() -> None:
    async def act(emulator: DigaEmulator, time: FakeTime, index: AccountIndex) -> None:
        emulator.add(id="seen-before", number="+34612345678")
        await index.refresh()
        found = index.by_id("seen-before")
        assert found is not None
        assert str(found.identity) == "+34612345678"
        assert index.by_id("never-asked-for") is None

    looking(act)


def test_a_number_is_the_same_however_it_is_written() -> None:
    async def act(emulator: DigaEmulator, time: FakeTime, index: AccountIndex) -> None:
        sip_id = emulator.add(number=" frontdesk@pbx.example.com ")
        number = emulator.add(number="+82 70-1111-0000")
        assert ids(await index.look(SIP_ID)) == [sip_id]
        assert ids(await index.look(NUMBER)) == [number]

    looking(act)


@pytest.mark.parametrize("years", [(2026, 2020), (2020, 2026), (2026, 2020, 2023)])
def test_the_oldest_record_of_the_whole_account_is_known_wherever_it_stands(years: tuple[int, ...]) -> None:
    async def act(emulator: DigaEmulator, time: FakeTime, index: AccountIndex) -> None:
        for at, year in enumerate(years):
            emulator.add(number=f"+3461234567{at}", assigned_at=f"{year}-01-01T00:00:00Z", status="released")
        await index.refresh()
        assert index.oldest is not None
        assert index.oldest.year == 2020

    looking(act)


def test_everybody_who_wants_to_is_told_of_every_record() -> None:
    async def act(emulator: DigaEmulator, time: FakeTime, index: AccountIndex) -> None:
        told: list[str] = []
        index.each = lambda record: told.append(record.id)
        added = [emulator.add(number=f"+3461234567{digit}") for digit in range(3)]
        await index.refresh()
        assert told == added

    looking(act)


def test_of_a_settled_number_only_the_ids_of_live_records_are_kept() -> None:
    async def act(emulator: DigaEmulator, time: FakeTime, index: AccountIndex) -> None:
        live = [emulator.add(number="+827011110000") for _ in range(2)]
        emulator.add(number="+827011110000", status="released")
        assert len(await index.look(NUMBER, live[0])) == 3
        index.settle(NUMBER)
        assert index.by_id(live[0]) is None
        await index.refresh()
        assert sorted(index.live_of_settled(NUMBER)) == sorted(live)
        assert index.shown(NUMBER, live[0]) == ()

    looking(act)


def test_a_provider_that_can_look_a_number_up_is_asked_for_it_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[NumberIdentity] = []

    def find(self: DigaProvider, identity: NumberIdentity) -> Flow[tuple[PhoneNumber, ...]]:
        def flow() -> Flow[tuple[PhoneNumber, ...]]:
            asked.append(identity)
            return ()
            yield

        return flow()

    monkeypatch.setattr(DigaProvider, "find", find)
    monkeypatch.setattr(DigaProvider, "capabilities", replace(DigaProvider.capabilities, finds_by_number=True))

    async def act(emulator: DigaEmulator, time: FakeTime, index: AccountIndex) -> None:
        await index.look(NUMBER)

    assert looking(act) == 0
    assert asked == [NUMBER]


# -- before, and beside, what was asked for


def test_before_the_first_listing_nothing_is_shown() -> None:
    async def act(emulator: DigaEmulator, time: FakeTime, index: AccountIndex) -> None:
        emulator.add(number="+827011110000")
        assert (index.shown(NUMBER, "seen-before"), index.unclear(NUMBER), index.by_id("seen-before")) == ((), (), None)
        assert (index.live_of_settled(NUMBER), index.oldest) == ([], None)

    assert looking(act) == 0


def test_a_number_that_nobody_asked_for_can_be_settled() -> None:
    other = NumberIdentity.parse("+34612000001", region="ES")

    async def act(emulator: DigaEmulator, time: FakeTime, index: AccountIndex) -> None:
        index.settle(other)
        index.settle(NUMBER)
        ids = [emulator.add(number="+34612000001"), emulator.add(number="+827011110000")]
        await index.refresh()
        assert index.live_of_settled(other) == ids[:1]
        assert index.live_of_settled(NUMBER) == ids[1:]
        assert index.live_of_settled(SIP_ID) == []

    assert looking(act) == 1


def test_a_live_record_whose_number_cannot_be_read_and_may_be_this_one_is_shown_with_it() -> None:
    async def act(emulator: DigaEmulator, time: FakeTime, index: AccountIndex) -> None:
        odd = emulator.add(number="827011110000@pbx.example.com")
        emulator.add(number="827011110000@pbx.example.com", status="released")
        emulator.add(number="34612000001@pbx.example.com")
        mine = emulator.add(number="+827011110000")
        await index.refresh()
        assert ids(index.unclear(NUMBER)) == [odd]
        assert ids(index.shown(NUMBER)) == [mine, odd]

    assert looking(act) == 1
