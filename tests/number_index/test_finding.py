"""Who serves a number, from memory: what is found in which spelling, and what an answer holds."""

from __future__ import annotations

from contextlib import suppress
from math import inf

import pytest

from telephony_core import Connections, InvalidInput
from telephony_core.errors import ClientClosed
from tests.number_index.conftest import NUMBER, OTHER, World, names

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
