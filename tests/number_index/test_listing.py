"""When an index lists an account and who waits for that: how old an answer may be, and what a failure leaves."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any

import pytest

from telephony_core import AuthenticationFailed, ConfigurationError, Connection, InvalidInput
from telephony_core.errors import NotFound, TelephonyError, UnexpectedResponse
from telephony_core.number_index.accounts import for_one_of_many
from tests.number_index.conftest import MAX_AGE, NUMBER, OTHER, REFRESH_AFTER, Turnstile, World, names
from tests.provider.toy import CAPABILITIES, ToyProvider

# -- ages


def test_what_is_young_enough_is_answered_without_a_request(world: World):
    account = world.account("a", NUMBER)
    index = world.index()
    index.find(NUMBER)
    asked = len(account.requests)
    world.time.advance(REFRESH_AFTER)
    index.find(NUMBER)
    index.find(OTHER)
    assert len(account.requests) == asked


def test_what_is_older_than_the_bound_waits_for_a_listing(world: World):
    account = world.account("a")
    index = world.index()
    index.find(NUMBER)
    account.add("new", NUMBER)
    world.time.advance(MAX_AGE + 1)
    located = index.find(NUMBER)
    assert names(located) == [("a", "new")]
    assert located.age == 0


def test_the_bound_can_be_said_with_the_question(world: World):
    account = world.account("a")
    index = world.index()
    index.find(NUMBER)
    account.add("new", NUMBER)
    world.time.advance(10)
    assert names(index.find(NUMBER, max_age=10)) == []
    assert names(index.find(NUMBER, max_age=9)) == [("a", "new")]


def test_a_miss_can_ask_for_a_fresh_look(world: World):
    account = world.account("a")
    index = world.index()
    index.find(NUMBER)
    account.add("new", NUMBER)
    assert names(index.find(NUMBER)) == []
    assert names(index.find(NUMBER, fresh=True)) == [("a", "new")]
    assert account.listings == 2


def test_between_the_bounds_the_old_answer_is_given_and_a_new_listing_made(world: World):
    account = world.account("a")
    index = world.index()
    index.find(NUMBER)
    account.add("new", NUMBER)
    world.time.advance(REFRESH_AFTER + 1)
    answered, listed = threading.Event(), threading.Event()
    account.during[len(account.requests) + 1] = lambda: answered.wait(5)
    account.after[len(account.requests) + 1] = listed.set
    assert names(index.find(NUMBER)) == []
    answered.set()
    world.background()
    assert listed.wait(5)
    assert names(index.find(NUMBER, max_age=1)) == [("a", "new")]  # waits for whoever lists, and needs no more
    assert account.listings == 2


def test_a_listing_counts_from_its_beginning(world: World):
    world.account("a", NUMBER).takes = 50.0
    located = world.index().find(NUMBER)
    assert located.age == 50


# -- who lists


def test_an_account_is_listed_once_however_many_ask(world: World):
    account = world.account("a", NUMBER)
    index = world.index()
    if world.mode == "sync":
        threads = [threading.Thread(target=index.find, args=(NUMBER,)) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    else:
        import asyncio

        async def ask() -> None:
            await asyncio.gather(*(index.target.find(NUMBER) for _ in range(20)))

        world.run(ask())
    assert account.listings == 1


def test_a_fresh_look_is_not_answered_by_a_listing_that_was_under_way(world: World):
    account = world.account("a")
    index = world.index()
    answers: list = []
    if world.mode == "sync":
        second = threading.Thread(target=lambda: answers.append(index.find(NUMBER, fresh=True)))
        turns = index.target._accounts["a"].lock = Turnstile()

        def ask() -> None:
            account.add("new", NUMBER)
            second.start()
            turns.wait_for(2)

        account.after[1] = ask
        first = index.find(NUMBER)
        second.join()
    else:
        import asyncio

        async def main():
            def ask() -> None:
                account.add("new", NUMBER)
                tasks.append(asyncio.create_task(index.target.find(NUMBER, fresh=True)))

            tasks: list = []
            account.after[1] = ask
            found = await index.target.find(NUMBER)
            answers.append(await tasks[0])
            return found

        first = world.run(main())
    assert names(first) == []
    assert names(answers[0]) == [("a", "new")]
    assert account.listings == 2


def test_a_listing_goes_on_for_those_who_come_next_when_the_one_who_began_it_has_gone(world: World):
    if world.mode == "sync":  # where nobody can be called off
        return
    account = world.account("a", NUMBER, OTHER, "+827055556666")
    account.page_size = 1
    index = world.index()

    async def impatient() -> Any:
        asking = asyncio.create_task(index.target.find(NUMBER))
        account.during[2] = asking.cancel
        await asyncio.wait([asking])
        assert asking.cancelled()
        return await index.target.find(NUMBER)

    assert names(world.run(impatient())) == [("a", "a-0")]
    assert account.listings == 1


@pytest.fixture
def looked_up(monkeypatch) -> None:
    """The provider looks a number up by itself, and has one record."""

    def find(self, identity):
        record = yield from self.get("a-0")
        return [record] if record.identity.same_number(identity) else []

    monkeypatch.setattr(ToyProvider, "capabilities", replace(CAPABILITIES, finds_by_number=True))
    monkeypatch.setattr(ToyProvider, "find", find)


@pytest.mark.usefixtures("looked_up")
def test_a_provider_that_looks_numbers_up_is_asked_and_not_listed(world: World):
    world.account("down", NUMBER).down = True
    account = world.account("a", NUMBER)
    index = world.index()
    located = index.find(NUMBER)
    assert names(located) == [("a", "a-0")]
    assert located.ages["a"] == 0
    assert {name: type(error) for name, error in located.failed.items()} == {"down": AuthenticationFailed}
    assert (account.listings, len(account.requests)) == (0, 1)
    index.refresh("a")  # who wants it in memory says so
    assert names(index.find(NUMBER, connection="a")) == [("a", "a-0")]
    assert (account.listings, len(account.requests)) == (1, 2)


@pytest.mark.usefixtures("looked_up")
def test_what_is_looked_up_takes_the_place_of_what_was_known_of_that_account_and_of_no_other(world: World):
    account = world.account("a", NUMBER)
    world.account("down", NUMBER)
    index = world.index()
    index.refresh()
    account.down = world.accounts["down"].down = True
    index.refresh()
    account.down = False
    account.records["a-0"]["label"] = "new"
    world.time.advance(MAX_AGE + 1)
    located = index.find(NUMBER)
    assert sorted(names(located)) == [("a", "a-0"), ("down", "down-0")]
    assert dict(located.served_by)["a"].label == "new"
    assert located.ages == {"a": 0, "down": MAX_AGE + 1}
    assert list(located.failed) == ["down"]


def test_what_is_exactly_as_old_as_it_may_be_is_young_enough_for_a_client_too(world: World):
    account = world.account("a", NUMBER)
    index = world.index(refresh_after=MAX_AGE)
    index.refresh()
    world.time.advance(MAX_AGE)
    assert world.client(index, "a").find_number(NUMBER).id == "a-0"
    assert account.listings == 1


# -- failures


def test_an_account_that_fails_hides_nothing_of_the_others_and_is_named_with_its_age(world: World):
    world.account("a", NUMBER)
    world.account("b", NUMBER)
    world.account("never").down = True
    index = world.index()
    index.refresh()
    world.accounts["b"].down = True
    world.time.advance(MAX_AGE + 1)
    located = index.find(NUMBER)
    assert names(located) == [("a", "a-0"), ("b", "b-0")]
    assert located.ages == {"a": 0, "b": MAX_AGE + 1, "never": inf}
    assert {name: type(error) for name, error in located.failed.items()} == {
        "b": AuthenticationFailed,
        "never": AuthenticationFailed,
    }
    assert located.age == inf
    world.accounts["b"].down = False
    assert list(index.refresh("b")) == []
    assert list(index.find(NUMBER, connection="b").failed) == []


def test_a_failure_answers_everybody_who_waited_for_it(world: World):
    account = world.account("a", NUMBER)
    account.down = True
    index = world.index()
    if world.mode == "sync":
        started = [threading.Thread(target=index.find, args=(NUMBER,)) for _ in range(5)]

        def others() -> None:
            for thread in started:
                thread.start()

        account.during[1] = others
        assert list(index.find(NUMBER).failed) == ["a"]
        for thread in started:
            thread.join()
        assert account.listings <= 6
    else:
        import asyncio

        async def ask():
            return await asyncio.gather(*(index.target.find(NUMBER) for _ in range(5)))

        assert all(list(found.failed) == ["a"] for found in world.run(ask()))
        assert account.listings <= 5


def test_an_account_that_cannot_be_opened_is_tried_again(world: World, monkeypatch):
    world.account("a", NUMBER)
    world.account("b", NUMBER)
    keyless = Connection(provider="toy", name="b", api_key="env:NO_SUCH_KEY", base_url="https://toy.example")
    index = world.index({"a": world.connection("a"), "b": keyless})
    located = index.find(NUMBER)
    assert names(located) == [("a", "a-0")]
    assert isinstance(located.failed["b"], ConfigurationError)
    assert located.ages["b"] == inf
    with pytest.raises(ConfigurationError, match="NO_SUCH_KEY"):
        index.client("b")
    monkeypatch.setenv("NO_SUCH_KEY", "k3y")
    assert names(index.find(NUMBER)) == [("a", "a-0"), ("b", "b-0")]
    assert index.accounts["b"].numbers == 1


def test_the_first_question_after_an_account_could_be_opened_finds_what_is_only_there_a_number(
    world: World, monkeypatch
):
    world.account("a", NUMBER)
    keyless = Connection(provider="toy", name="a", api_key="env:NO_SUCH_KEY", base_url="https://toy.example")
    index = world.index({"a": keyless})
    monkeypatch.setenv("NO_SUCH_KEY", "k3y")
    assert names(index.find("070-1111-2222")) == [("a", "a-0")]


@pytest.mark.parametrize("region", ["KOREA", "+82", 82, ["KR"]])
def test_what_is_no_region_is_refused_and_no_reason_to_find_nothing(world: World, region):
    world.account("a", NUMBER)
    index = world.index()
    for ask in (index.find, index.peek):
        with pytest.raises(InvalidInput, match="is no region"):
            ask("070-1111-2222", region=region)


@pytest.mark.parametrize("connection", [5, ["a"]])
def test_a_connection_is_named_by_text(world: World, connection):
    world.account("a", NUMBER)
    index = world.index()
    for ask in (lambda: index.find(NUMBER, connection=connection), lambda: index.refresh(connection)):
        with pytest.raises(InvalidInput, match="there is no connection"):
            ask()


def test_each_of_those_who_wait_in_vain_gets_an_error_of_its_own(world: World):
    account = world.account("a", NUMBER)
    index = world.index()
    client, account.down = index.target.client("a"), True
    errors: list[TelephonyError] = []

    async def together() -> None:
        errors.extend(await asyncio.gather(*(client.find_number(NUMBER) for _ in range(3)), return_exceptions=True))

    if world.mode == "async":
        world.run(together())
    else:
        turnstile = index.target._accounts["a"].lock = Turnstile()

        def one() -> None:
            with pytest.raises(AuthenticationFailed) as caught:
                client.find_number(NUMBER)
            errors.append(caught.value)

        threads = [threading.Thread(target=one) for _ in range(3)]
        account.during[1] = lambda: turnstile.wait_for(3)
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
    assert [type(error) for error in errors] == [AuthenticationFailed] * 3
    assert len(set(map(id, errors))) == 3
    assert {str(error) for error in errors} == {str(index.accounts["a"].error)}


def test_a_listing_that_broke_off_is_not_shown(world: World):
    account = world.account("a", NUMBER, OTHER)
    index = world.index()
    index.find(NUMBER)
    account.page_size = 1
    account.during[len(account.requests) + 2] = lambda: setattr(account, "down", True)
    located = index.find(OTHER, fresh=True)
    assert names(located) == [("a", "a-1")]
    assert list(located.failed) == ["a"]


def test_an_error_for_one_of_many_says_the_same_and_shares_nothing_that_changes():
    plain, caused = NotFound("nobody there"), UnexpectedResponse("no listing")
    caused.__cause__ = plain
    own = for_one_of_many(caused)
    own.add_note("of one")
    assert (own.message, own.__cause__) == (caused.message, plain)
    assert "of one" not in caused.__notes__
    assert not for_one_of_many(plain).__suppress_context__


def test_what_one_of_those_who_wait_has_read_from_the_file_is_listed_by_none(world: World, tmp_path: Path):
    account, file = world.account("a", NUMBER), tmp_path / "numbers.sqlite3"
    index = world.index(file=file)
    index.refresh()
    world.time.advance(MAX_AGE + 1)
    world.index(file=file).refresh()  # as another process does
    listings = account.listings
    if world.mode == "sync":
        turns = index.target._accounts["a"].lock = Turnstile()
        threads = [threading.Thread(target=index.find, args=(NUMBER,)) for _ in range(2)]
        with turns:
            turns.wait_for(1)
            for thread in threads:
                thread.start()
            turns.wait_for(2)
        for thread in threads:
            thread.join()
    else:

        async def together() -> None:
            await asyncio.gather(*(index.target.find(NUMBER) for _ in range(2)))

        world.run(together())
    assert account.listings == listings
