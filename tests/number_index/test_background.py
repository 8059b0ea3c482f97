"""What an index lists in the background: when, how often, and what becomes of a listing that fails there."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any

import pytest

from telephony_core import Connection
from telephony_core.errors import ConfigurationError
from telephony_core.number_index.accounts import NumberIndexBase
from tests.number_index.conftest import MAX_AGE, NUMBER, REFRESH_AFTER, Plain, World, names
from tests.provider.toy import ToyProvider


def aged(world: World, **options) -> Plain:
    """An index of one account that was read, and should be listed in the background by now."""
    world.account("a", NUMBER)
    index = world.index(**options)
    index.refresh()
    world.time.advance(REFRESH_AFTER + 1)
    return index


# -- after a question


def test_a_question_of_a_client_lets_the_account_be_listed_in_the_background_too(world: World):
    index = aged(world)
    account = world.accounts["a"]
    assert world.client(index, "a").find_number(NUMBER).id == "a-0"
    world.settle(index)
    assert index.peek(NUMBER).age == 0
    assert account.listings == 2


@pytest.mark.parametrize("ends", ["well", "badly"])
def test_while_an_account_is_listed_in_the_background_nobody_begins_another_listing(world: World, ends: str):
    index = aged(world)
    account = world.accounts["a"]
    begun, others_asked = threading.Event(), threading.Event()

    def under_way() -> None:
        account.down = ends == "badly"
        begun.set()
        assert world.mode == "async" or others_asked.wait(10)

    account.during[len(account.requests) + 1] = under_way
    if world.mode == "sync":
        index.find(NUMBER)
        assert begun.wait(10)
        index.find(NUMBER)
    else:

        async def ask_twice() -> None:
            await index.target.find(NUMBER)
            await asyncio.sleep(0)  # in which the listing begins, and asks the vendor
            await index.target.find(NUMBER)

        world.run(ask_twice())
    others_asked.set()
    world.settle(index)
    assert account.listings == 2
    account.down = False
    world.time.advance(REFRESH_AFTER + 1)
    index.find(NUMBER, max_age=inf)  # the next one may
    world.settle(index)
    assert account.listings == 3
    assert index.peek(NUMBER).failed == {}


def test_what_another_process_has_listed_meanwhile_is_not_listed_in_the_background(world: World, tmp_path: Path):
    index = aged(world, file=tmp_path / "numbers.sqlite3")
    world.index(file=tmp_path / "numbers.sqlite3").refresh()
    listings = world.accounts["a"].listings
    index.find(NUMBER)
    world.settle(index)
    assert index.peek(NUMBER).age == 0
    assert world.accounts["a"].listings == listings


def test_an_adapter_that_breaks_in_the_background_is_logged_and_tried_again(world: World, monkeypatch, caplog):
    index = aged(world)
    with monkeypatch.context() as broken:
        broken.setattr(ToyProvider, "list_page", lambda *_: {}["of an adapter"])
        assert names(index.find(NUMBER)) == [("a", "a-0")]
        world.settle(index)
    (record,) = caplog.records
    assert record.message == "a could not be listed in the background"
    assert record.exc_info is not None
    assert record.exc_info[0] is KeyError
    index.find(NUMBER)
    world.settle(index)
    assert index.peek(NUMBER).age == 0


# -- for those who only peek


def test_an_opener_that_breaks_is_logged_and_tried_again_for_those_who_only_peek(world: World, monkeypatch, caplog):
    monkeypatch.setattr(NumberIndexBase, "_between_rounds", 0.001)
    account, open_it = world.account("a", NUMBER), world.open
    outcomes: list[Exception] = [ConfigurationError("the vault is not reached"), OSError("nor is it now")]

    def opener(connection: Connection) -> Any:
        if outcomes:
            raise outcomes.pop(0)
        return open_it(connection)

    monkeypatch.setattr(world, "open", opener)
    index = world.index()
    listed = threading.Event()
    account.after[1] = listed.set
    world.run(_keep_fresh(index.target))
    world.background()
    assert listed.wait(5)
    assert [record.message for record in caplog.records] == ["a could not be opened in the background"]


def test_an_account_that_cannot_be_opened_keeps_no_other_one_from_being_listed(world: World, monkeypatch):
    monkeypatch.setattr(NumberIndexBase, "_between_rounds", 0.001)
    broken, other = world.account("a"), world.account("b", NUMBER)
    open_it, began = world.open, len(world.made)

    def opener(connection: Connection) -> Any:
        if connection.name == "a" and world.made[began:]:
            raise OSError("the vault is not reached")
        if connection.name == "a":
            raise ConfigurationError("nor was it before")
        return open_it(connection)

    monkeypatch.setattr(world, "open", opener)
    index = world.index()
    listed = threading.Event()
    other.after[1] = listed.set
    world.run(_keep_fresh(index.target))
    world.background()
    assert listed.wait(5)
    assert broken.requests == []


def test_a_thread_that_is_not_to_be_had_once_is_asked_for_again(world: World, monkeypatch):
    if world.mode == "async":
        return
    index = aged(world)

    def refused(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as full:
        full.setattr(index.target._threads, "submit", refused)
        with pytest.raises(RuntimeError):
            index.find(NUMBER)
    index.find(NUMBER)
    world.settle(index)
    assert index.peek(NUMBER).age == 0


def test_who_asks_for_it_outside_of_the_event_loop_can_still_ask_within(world: World):
    if world.mode == "sync":
        return
    account = world.account("a", NUMBER)
    index = world.index()
    with pytest.raises(ConfigurationError, match="no event loop"):
        index.target.keep_fresh()
    world.run(_keep_fresh(index.target))
    world.background()
    assert account.listings > 0


def test_in_the_background_everything_is_listed_for_those_who_only_peek(world: World):
    account = world.account("a", NUMBER)
    index = world.index()
    assert index.peek(NUMBER).ages == {"a": inf}
    listed = threading.Event()
    account.after[1] = listed.set
    world.run(_keep_fresh(index.target))
    world.background()
    assert listed.wait(5)
    index.find(NUMBER, max_age=REFRESH_AFTER)
    assert names(index.peek(NUMBER)) == [("a", "a-0")]
    if world.mode == "async":  # where virtual time makes rounds; a thread's are real seconds apart
        assert account.listings > 1
        assert index.peek(NUMBER).age <= REFRESH_AFTER + MAX_AGE
    else:
        assert account.listings == 1


async def _keep_fresh(index) -> None:
    index.keep_fresh()
    index.keep_fresh()


def test_in_the_background_is_listed_what_became_old_and_nothing_else(world: World, monkeypatch):
    monkeypatch.setattr(NumberIndexBase, "_between_rounds", 0.001)  # seconds, and a thread waits for real ones
    young, old = world.account("young"), world.account("old")
    index = world.index()
    index.refresh("old")
    world.time.advance(REFRESH_AFTER)
    index.refresh("young")
    world.time.advance(1)
    first, second, third = (threading.Event() for _ in range(3))
    old.after |= {2: first.set, 3: second.set}
    young.after[2] = third.set
    world.run(_keep_fresh(index.target))
    world.background()
    assert first.wait(5)
    assert young.listings == 1
    world.time.advance(REFRESH_AFTER + 1)
    world.background()
    assert second.wait(5)
    assert third.wait(5)


@pytest.mark.parametrize(("refresh_after", "between"), [(100, 25), (8, 2), (1, 1), (inf, 3600)])
def test_keeping_fresh_twice_is_keeping_fresh_once_in_rounds_that_leave_time_for_another_try(
    world: World, refresh_after: float, between: float
):
    world.account("a")
    rounds: list[float] = []

    async def asleep(seconds: float) -> None:
        rounds.append(seconds)
        await asyncio.Event().wait()

    index = world.index(refresh_after=refresh_after, clock=replace(world.clock, asleep=asleep))
    world.run(_keep_fresh(index.target))
    world.background()
    if world.mode == "async":
        assert rounds == [between]
    else:
        (keeper,) = (each for each in threading.enumerate() if each.name == "telephony-number-index")
        assert keeper.daemon  # a program that forgets to close its index ends all the same
