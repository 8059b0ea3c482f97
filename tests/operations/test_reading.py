"""What core does around listing, finding and reading: each case through both clients, on a toy vendor."""

from __future__ import annotations

import asyncio

import pytest

from telephony_core import AmbiguousNumber, InvalidInput, NotFound, NumberStatus, Origin, UnexpectedResponse
from telephony_core.provider.wire import read_object
from tests.operations.losing import NUMBER
from tests.provider.toy import Both, ToyServer
from tests.transport.driving import json_answer


def test_a_listing_follows_every_page_and_gives_each_id_once(toy):
    for n in range(7):
        toy.server.add(f"id{n}", f"0701111000{n}")
    toy.server.page_size = 3
    assert [number.id for number in toy.list_numbers()] == [f"id{n}" for n in range(7)]
    assert len(toy.server.requests) == 3


def test_a_sync_listing_is_lazy():
    both = Both("sync", ToyServer(page_size=1))
    for n in range(3):
        both.server.add(f"id{n}", f"0701111000{n}")
    numbers = both.client.list_numbers()
    assert both.server.requests == []
    next(numbers)
    assert len(both.server.requests) == 1


def test_an_async_listing_is_lazy():
    both = Both("async", ToyServer(page_size=1))
    for n in range(3):
        both.server.add(f"id{n}", f"0701111000{n}")

    async def first() -> None:
        numbers = both.client.list_numbers()
        assert both.server.requests == []
        await anext(numbers)
        await numbers.aclose()

    asyncio.run(first())
    assert len(both.server.requests) == 1


def test_a_record_that_comes_twice_is_listed_once(toy):
    toy.server.add("a", "07011110001")
    page = b'{"items": [{"id": "a", "number": "07011110001"}, {"id": "a", "number": "07011110001"}], "next": null}'
    toy.server.faults[("GET", 1)] = lambda _: json_answer(200, page)
    assert len(toy.list_numbers()) == 1


def test_a_cursor_that_comes_back_ends_with_an_error(toy):
    toy.server.page_size = 0
    toy.server.add("a", "07011110001")
    with pytest.raises(UnexpectedResponse, match="same cursor twice"):
        toy.list_numbers()


def test_a_cursor_that_never_ends_ends_with_an_error(toy, monkeypatch):
    monkeypatch.setattr("telephony_core.operations.listing.LONGEST_LISTING", 20)
    toy.server.page_size = 1
    for n in range(50):
        toy.server.add(f"id{n}", "07011110001")
    with pytest.raises(UnexpectedResponse, match="20 pages"):
        toy.list_numbers()


def test_a_listing_is_filtered_whatever_the_vendor_sends(toy):
    toy.server.add("a", "07011110001", status="released")
    toy.server.add("b", "07011110002", origin="purchased")
    toy.server.add("c", "07011110003")
    assert [n.id for n in toy.list_numbers(status=NumberStatus.ACTIVE, origin=Origin.IMPORTED)] == ["c"]


def test_a_listing_by_an_unknown_word_is_refused(toy):
    with pytest.raises(InvalidInput, match="active"):
        toy.list_numbers(status="gone")
    assert toy.server.requests == []


def test_a_number_is_found_in_any_spelling(toy):
    toy.server.add("a", "07011112222")
    assert {toy.find_number(s).id for s in (NUMBER, "070-1111-2222", "+82 70 1111 2222")} == {"a"}


def test_the_live_record_is_preferred(toy):
    toy.server.add("old", "07011112222", status="released")
    toy.server.add("new", "07011112222")
    assert toy.find_number(NUMBER).id == "new"


def test_the_only_record_is_found_even_when_it_is_released(toy):
    toy.server.add("old", "07011112222", status="released")
    assert toy.find_number(NUMBER).status is NumberStatus.RELEASED


@pytest.mark.parametrize("status", ["active", "released"])
def test_several_records_are_ambiguous(toy, status):
    toy.server.add("a", "07011112222", status=status)
    toy.server.add("b", "07011112222", status=status)
    with pytest.raises(AmbiguousNumber) as caught:
        toy.find_number(NUMBER)
    assert [number.id for number in caught.value.candidates] == ["a", "b"]
    assert "a, b" in str(caught.value)


def test_no_record_is_not_found(toy):
    with pytest.raises(NotFound, match="list_numbers"):
        toy.find_number(NUMBER)


def test_a_number_without_e164_is_found_by_its_very_string(toy):
    toy.server.add("a", "140001")
    assert toy.find_number("140001").id == "a"


def test_numbers_for_sale_are_listed(toy):
    (number,) = toy.search_available(line_type="voip")
    assert (number.identity.e164, number.line_type) == (NUMBER, "voip")


def test_a_flow_of_ones_own_runs_over_the_client(toy):
    toy.server.add("a", "07011112222")
    assert toy.run(toy.client.adapter.get("a")).id == "a"


def test_read_object_refuses_a_list():
    with pytest.raises(UnexpectedResponse, match="list"):
        read_object(json_answer(200, b"[]"))
