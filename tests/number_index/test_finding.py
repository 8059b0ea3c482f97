"""Who serves a number, from memory: how old the answer may be, who lists when, and what a failure leaves."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from dataclasses import replace
from math import inf
from typing import Any

import pytest

from telephony_core import AuthenticationFailed, ConfigurationError, Connection, Connections, InvalidInput
from telephony_core.errors import ClientClosed, TelephonyError
from tests.number_index.conftest import MAX_AGE, REFRESH_AFTER, Turnstile, World
from tests.provider.toy import CAPABILITIES, ToyProvider

NUMBER, OTHER = "+827011112222", "+827033334444"


def names(located) -> list[tuple[str, str]]:
    return [(name, record.id) for name, record in located.served_by]


# -- answers


@pytest.mark.parametrize("spelling", [NUMBER, "+82 70-1111-2222", "tel:+827011112222", "\uff0b82 70 1111 2222"])
def test_a_number_is_found_in_any_spelling_with_its_connection_and_the_age_of_the_answer(world: World, spelling):
    world.account("a", OTHER).takes = 2.0
    world.account("b", NUMBER)
    index = world.index()
    index.refresh()
    world.time.advance(10)
    located = index.find(spelling)
    assert names(located) == [("b", "b-0")]
    assert located.ages == {"a": pytest.approx(12), "b": pytest.approx(10, abs=2)}
    assert located.age == pytest.approx(12)
    assert located.failed == {}


def test_national_digits_are_read_in_the_region_that_is_given(world: World):
    world.account("a", NUMBER)
    world.account("b")
    index = world.index()
    assert names(index.find("070-1111-2222", region="KR")) == [("a", "a-0")]
    with pytest.raises(InvalidInput, match="across connections"):
        index.find("070-1111-2222")


def test_one_account_takes_everything_that_is_a_number_there(world: World):
    world.account("a", "070-1111-2222", "2001@pbx.example.com", "2001")
    index = world.index()
    for spelling, id in (("07011112222", "a-0"), (NUMBER, "a-0"), ("2001@pbx.example.com", "a-1"), ("2001", "a-2")):
        assert names(index.find(spelling)) == [("a", id)]
    assert world.accounts["a"].listings == 1


def test_of_several_accounts_one_can_be_named(world: World):
    world.account("a", "2001")
    world.account("b", "2001")
    index = world.index()
    assert names(index.find("2001", connection="b")) == [("b", "b-0")]
    assert world.accounts["a"].listings == 0
    with pytest.raises(InvalidInput, match="'c'") as error:
        index.find("2001", connection="c")
    assert error.value.remedy == "use one of: a, b"


def test_of_many_connections_the_first_ones_are_named_to_who_asks_for_another(world: World):
    many = [f"tenant-{at:02}" for at in range(25)]
    for name in many:
        world.account(name)
    with pytest.raises(InvalidInput, match=f"'{'x' * 60}'") as error:
        world.index().peek(NUMBER, connection="x" * 500)
    assert error.value.remedy == f"use one of: {', '.join(many[:20])}"


def test_every_record_is_in_the_answer_and_the_live_ones_apart(world: World):
    account = world.account("a", NUMBER, NUMBER)
    account.records["a-0"]["status"] = "released"
    located = world.index().find(NUMBER)
    assert names(located) == [("a", "a-0"), ("a", "a-1")]
    assert [record.id for _, record in located.live] == ["a-1"]


@pytest.mark.parametrize("spelling", ["07011112222", "070 1111-2222", "(070) 1111-2222", "070\u20111111\u20112222"])
def test_national_digits_of_a_known_number_are_found_in_any_dress(world: World, spelling):
    world.account("a", "070-1111-2222", OTHER)
    world.account("b", NUMBER)
    index = world.index()
    index.refresh()
    assert names(index.peek(spelling, region="KR")) == [("a", "a-0"), ("b", "b-0")]
    assert names(index.peek(spelling, connection="b")) == [("b", "b-0")]


@pytest.mark.parametrize("digits", ["7011112222", "007011112222", "0082-70-1111-2222"])
def test_digits_that_only_resemble_a_known_number_are_not_taken_for_it(world: World, digits):
    world.account("a", NUMBER)
    world.account("b")
    index = world.index()
    index.refresh()
    with pytest.raises(InvalidInput):
        index.peek(digits, region="KR")


@pytest.mark.parametrize("lines", ["02-312-3456-7", "02-312-3456\u00b77", "02-312-3456/7"])
def test_two_lines_in_one_text_are_not_taken_for_a_known_number_of_all_their_digits(world: World, lines):
    world.account("a", "+82231234567")
    index = world.index()
    index.refresh()
    with pytest.raises(InvalidInput, match="end of another number"):
        index.peek(lines, region="KR")


def test_the_records_of_a_number_are_in_the_order_of_the_accounts_whichever_was_listed_last(world: World):
    for name in "cab":
        world.account(name, NUMBER)
    index = world.index()
    for name in "bac":
        index.refresh(name)
        index.refresh(name)
    assert names(index.peek(NUMBER)) == [("c", "c-0"), ("a", "a-0"), ("b", "b-0")]


def test_a_new_listing_takes_away_what_that_account_has_no_longer_and_nothing_else(world: World):
    account = world.account("a", NUMBER, "2001", OTHER)
    world.account("b", NUMBER, "2001")
    index = world.index()
    index.refresh()
    account.records.clear()
    account.add("new", OTHER)
    index.refresh("a")
    assert names(index.peek(NUMBER)) == [("b", "b-0")]
    assert names(index.peek("2001", connection="a")) == []
    assert names(index.peek("2001", connection="b")) == [("b", "b-1")]
    assert names(index.peek(OTHER)) == [("a", "new")]
    assert {name: state.numbers for name, state in index.accounts.items()} == {"a": 1, "b": 2}


def test_an_answer_stays_as_it_was_given(world: World):
    account = world.account("a", NUMBER)
    world.account("b")
    index = world.index()
    index.refresh()
    world.time.advance(10)
    located = index.peek(NUMBER)
    account.records.clear()
    account.down = True
    index.refresh()
    assert names(located) == [("a", "a-0")]
    assert (located.ages, located.age, located.failed) == ({"a": 10, "b": 10}, 10, {})
    assert list(index.peek(NUMBER).failed) == ["a"]


def test_an_account_that_was_never_read_is_listed_even_if_any_age_will_do(world: World):
    world.account("a", NUMBER)
    world.account("b")
    index = world.index(max_age=inf, refresh_after=inf)
    assert names(index.find(NUMBER)) == [("a", "a-0")]
    world.time.advance(1e9)
    index.find(NUMBER)
    assert world.accounts["a"].listings == 1


@pytest.mark.parametrize("key", ["digits 2001", "sip 2001@pbx.example.com"])
def test_a_number_is_not_found_by_what_an_index_calls_it_inside(world: World, key):
    world.account("a", "2001", "2001@pbx.example.com")
    index = world.index()
    index.refresh()
    with suppress(InvalidInput):
        assert names(index.peek(key)) == []


@pytest.mark.parametrize("number", [None, ["+827011112222"], 827011112222, "", "12 extension"])
def test_what_cannot_be_meant_is_refused_before_anything_is_listed(world: World, number):
    world.account("a", NUMBER)
    world.account("b", NUMBER)
    index = world.index()
    for ask in (index.find, index.peek):
        with pytest.raises(InvalidInput) as error:
            ask(number)
        assert ("is not text" in error.value.message) is isinstance(number, list | int)
    assert world.accounts["a"].requests == []


def test_records_are_kept_without_the_vendors_own(world: World):
    world.account("a", NUMBER)
    ((_, record),) = world.index().find(NUMBER).served_by
    assert record.raw == {}


def test_two_clients_of_one_connection_are_refused(world: World):
    world.account("a")
    clients = [world.open(world.connection("a")) for _ in range(2)]
    with pytest.raises(InvalidInput, match="'a'"):
        world.index(clients)


@pytest.mark.parametrize("option", ["max_age", "refresh_after"])
@pytest.mark.parametrize("value", [-1, float("nan"), True, "5"])
def test_an_age_is_a_number_of_seconds(world: World, option, value):
    world.account("a")
    with pytest.raises(InvalidInput, match=f"^{option} has to be"):
        world.index(**{option: value})
    with pytest.raises(InvalidInput, match=r"^max_age has to be"):
        world.index().find(NUMBER, max_age=value)


def test_an_age_of_nothing_is_one_too(world: World):
    account = world.account("a", NUMBER)
    index = world.index(max_age=0, refresh_after=0)
    assert names(index.find(NUMBER)) == names(index.find(NUMBER)) == [("a", "a-0")]
    assert account.listings == 1
    world.time.advance(0.5)
    index.find(NUMBER)
    assert account.listings == 2


def test_where_nobody_says_how_old_an_answer_may_be_it_is_five_minutes_and_half_of_that_is_listed_anew(world: World):
    world.account("a")
    kind = type(world.index().target)
    assert (kind([]).max_age, kind([]).refresh_after) == (300, 150)


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


# -- connections


def test_connections_ask_an_index_where_there_is_one(world: World):
    account = world.account("a", NUMBER)
    connections = Connections({"a": world.connection("a")})
    index = world.index(connections)

    def find(**options):
        if world.mode == "sync":
            return connections.find(NUMBER, index=index.target, **options)
        return world.run(connections.afind(NUMBER, index=index.target, **options))

    assert names(find()) == names(find()) == [("a", "a-0")]
    assert account.listings == 1
    assert names(find(fresh=True)) == [("a", "a-0")]
    assert account.listings == 2


@pytest.mark.parametrize("accounts", [["a"], ["a", "b"]])
def test_an_index_that_is_closed_asks_nobody_and_still_tells_what_it_knew(world: World, accounts: list[str]):
    for name in accounts:
        world.account(name, NUMBER)
    index = world.index()
    index.refresh()
    asked = [len(account.requests) for account in world.accounts.values()]
    world.close(index)
    for ask in (lambda: index.find(NUMBER), lambda: index.find(NUMBER, fresh=True), index.refresh):
        with pytest.raises(ClientClosed, match="this index is closed"):
            ask()
    assert len(index.peek(NUMBER).served_by) == len(accounts)
    assert [len(account.requests) for account in world.accounts.values()] == asked
