"""How numbers are listed and found: exact requests, every pass, every page, and an end in sight."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from telephony_core.domain.lifecycle import NumberStatus, Origin
from telephony_core.domain.number_identity import NumberIdentity
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.domain.sip import InboundUpdate
from telephony_core.errors import AmbiguousNumber, Conflict, InvalidInput, NotFound, UnexpectedResponse
from telephony_core.operations.operations import Listing, Operations
from telephony_core.provider.changes import NumberImport
from telephony_core.provider.flow import Flow, Semantics
from telephony_core.provider.port import ListQuery, Page
from telephony_diga.adapter import DigaProvider
from tests.adapters.diga.agents import AGENTS, DROPDOWN, LIVE, NEW, RECEPTION, SALES, SOLD

Make = Callable[..., dict[str, Any]]
PASSES = ["all:", "reserved:", "pending_verification:", "assigned:", "released:", "finished:"]


def page(*items: object, has_more: object = False, **more: object) -> dict[str, object]:
    return {"data": list(items), "has_more": has_more, "first_id": None, "last_id": None, **more}


def whole_list(operations: Operations, query: ListQuery) -> Flow[list[PhoneNumber]]:
    listing, found, cursor = Listing(), [], None
    while True:
        result = yield from operations.list_page(query, cursor)
        found += listing.accept(result)
        if result.cursor is None:
            return found
        cursor = result.cursor


def test_the_first_page_is_unfiltered_oldest_first_and_as_long_as_can_be(wire: Any, diga: DigaProvider) -> None:
    wire.run(diga.list_page(ListQuery(), None), page())

    (request,) = wire.sent
    assert (request.method, request.path, request.semantics) == ("GET", "/v1/phone/", Semantics.READ)
    assert request.query == (("limit", "100"), ("order", "asc"))
    assert request.body is None


def test_a_page_with_more_leads_on_after_its_last_id(wire: Any, diga: DigaProvider, custom: Make) -> None:
    first: Page[PhoneNumber] = wire.run(diga.list_page(ListQuery(), None), page(custom(), has_more=True, last_id="L"))
    wire.run(diga.list_page(ListQuery(), first.cursor), page())

    assert wire.sent[1].query == (("limit", "100"), ("order", "asc"), ("after", "L"))


def test_without_a_last_id_the_last_item_leads_on(wire: Any, diga: DigaProvider, custom: Make) -> None:
    payload = {"data": [custom(id="a"), custom(id="b"), custom(id="c")], "has_more": True}

    assert wire.run(diga.list_page(ListQuery(), None), payload).cursor == "all:c"


def test_an_id_with_a_colon_in_it_is_asked_for_whole(wire: Any, diga: DigaProvider, custom: Make) -> None:
    first = wire.run(diga.list_page(ListQuery(), None), page(custom(), has_more=True, last_id="a:b"))
    wire.run(diga.list_page(ListQuery(), first.cursor), page())

    assert dict(wire.sent[1].query)["after"] == "a:b"


def test_a_secret_that_diga_began_to_show_is_in_no_raw_record(wire: Any, diga: DigaProvider, custom: Make) -> None:
    shown = custom(sip={"password": "s3cret"})

    listed = wire.run(diga.list_page(ListQuery(), None), page(shown)).items[0]
    got = wire.run(diga.get("an-id"), shown)
    odd = wire.run(diga.get("an-id"), shown | {"nickname": 5})

    assert {each.raw["sip_config"]["password"] for each in (listed, got, odd)} == {"[hidden]"}


def test_more_after_nothing_is_refused(wire: Any, diga: DigaProvider) -> None:
    with pytest.raises(UnexpectedResponse, match="after what") as caught:
        wire.run(diga.list_page(ListQuery(), None), page(has_more=True))
    assert caught.value.status == 200


@pytest.mark.parametrize(("here", "following"), list(zip(PASSES, [*PASSES[1:], None], strict=True)))
def test_the_passes_follow_each_other_in_the_order_of_a_numbers_life(
    here: str, following: str | None, wire: Any, diga: DigaProvider
) -> None:
    assert wire.run(diga.list_page(ListQuery(), here), page()).cursor == following


@pytest.mark.parametrize("cursor", PASSES[1:])
def test_a_pass_with_a_status_names_it_and_keeps_it_while_paging(cursor: str, wire: Any, diga: DigaProvider) -> None:
    word = cursor.rstrip(":")

    onward = wire.run(diga.list_page(ListQuery(), cursor), page(has_more=True, last_id="L")).cursor
    wire.run(diga.list_page(ListQuery(), onward), page())

    assert wire.sent[0].query == (("limit", "100"), ("order", "asc"), ("status", word))
    assert wire.sent[1].query == (("limit", "100"), ("order", "asc"), ("status", word), ("after", "L"))


@pytest.mark.parametrize(
    ("status", "asked"),
    [
        (NumberStatus.PENDING, ["reserved", "pending_verification"]),
        (NumberStatus.ACTIVE, ["assigned"]),
        (NumberStatus.RELEASE_SCHEDULED, ["assigned"]),
        (NumberStatus.RELEASED, ["released", "finished"]),
        (NumberStatus.UNKNOWN, [None]),
    ],
)
def test_a_wanted_status_asks_only_for_the_words_that_can_mean_it(
    status: NumberStatus, asked: list[str | None], wire: Any, operations: Operations
) -> None:
    wire.run(whole_list(operations, ListQuery(status=status)), *[page() for _ in asked])

    assert [dict(request.query).get("status") for request in wire.sent] == asked


def test_scheduled_releases_are_told_from_active_numbers(wire: Any, operations: Operations, bought: Make) -> None:
    both = page(bought(id="a"), bought(id="b", scheduled_release_at="2026-08-01T00:00:00Z"))

    active = wire.run(whole_list(operations, ListQuery(status=NumberStatus.ACTIVE)), both)
    scheduled = wire.run(whole_list(operations, ListQuery(status=NumberStatus.RELEASE_SCHEDULED)), both)

    assert ([number.id for number in active], [number.id for number in scheduled]) == (["a"], ["b"])


def test_a_wanted_origin_is_filtered_here_because_the_vendor_has_no_filter(
    wire: Any, operations: Operations, bought: Make, custom: Make
) -> None:
    pages = [page(bought(), custom()), *[page() for _ in PASSES[1:]]]

    numbers = wire.run(whole_list(operations, ListQuery(origin=Origin.IMPORTED)), *pages)

    assert [number.id for number in numbers] == [custom()["id"]]


def test_a_number_in_several_passes_comes_once_and_one_hidden_by_default_comes_too(
    wire: Any, operations: Operations, bought: Make, custom: Make
) -> None:
    gone = bought(id="gone", status="finished")
    pages = [page(custom()), page(), page(), page(custom()), page(), page(gone)]

    numbers = wire.run(whole_list(operations, ListQuery()), *pages)

    assert [number.id for number in numbers] == [custom()["id"], "gone"]


def test_a_cursor_that_repeats_ends_the_listing_with_an_error(wire: Any, operations: Operations, custom: Make) -> None:
    same = page(custom(), has_more=True, last_id="L")

    with pytest.raises(UnexpectedResponse, match="does not end"):
        wire.run(whole_list(operations, ListQuery()), same, same)


@pytest.mark.parametrize("cursor", [":", "paused:", "reserved:", "x"])
def test_a_cursor_of_another_listing_is_refused_without_a_request(cursor: str, wire: Any, diga: DigaProvider) -> None:
    with pytest.raises(InvalidInput):
        wire.run(diga.list_page(ListQuery(status=NumberStatus.ACTIVE), cursor))

    assert wire.sent == []


@pytest.mark.parametrize(
    "payload",
    [
        [],
        "x",
        None,
        {"has_more": False},
        {"data": {}, "has_more": False},
        {"data": []},
        {"data": [], "has_more": None},
        {"data": [], "has_more": "false"},
        {"data": [], "has_more": True, "last_id": 7},
        {"data": [{"id": "x"}], "has_more": False},
        {"data": [[]], "has_more": False},
    ],
)
def test_a_page_of_the_wrong_shape_is_refused(payload: object, wire: Any, diga: DigaProvider) -> None:
    with pytest.raises(UnexpectedResponse):
        wire.run(diga.list_page(ListQuery(), None), payload)


def test_one_odd_record_does_not_lose_the_page(wire: Any, diga: DigaProvider, custom: Make) -> None:
    odd = custom(id="odd", status=7, number="2001", sip_config="?")

    numbers = wire.run(diga.list_page(ListQuery(), None), page(odd, custom())).items

    assert [number.id for number in numbers] == ["odd", custom()["id"]]


# -- agents


def test_all_agents_come_by_one_request(wire: Any, diga: DigaProvider) -> None:
    found = wire.run(diga.agents_page(None), DROPDOWN)

    assert wire.calls == [("GET", AGENTS, "read")]
    assert wire.sent[0].query == ()
    assert [(agent.id, agent.published_version) for agent in found.items] == [
        (NEW, None),
        (RECEPTION, LIVE),
        (SALES, SOLD),
    ]
    assert [agent.raw for agent in found.items] == DROPDOWN
    assert found.cursor is None


# -- get and find


def test_get_asks_for_the_record_by_id_without_a_slash(wire: Any, diga: DigaProvider, custom: Make) -> None:
    number = wire.run(diga.get("a/../b"), custom())

    assert wire.calls == [("GET", "/v1/phone/a%2F..%2Fb", "read")]
    assert number.id == custom()["id"]


def test_a_number_is_found_in_any_spelling_by_paging(wire: Any, operations: Operations, custom: Make) -> None:
    identity = NumberIdentity.parse("911 23 45 67", region="ES")

    number = wire.run(operations.find(identity), page(custom()), *[page() for _ in PASSES[1:]])

    assert number.id == custom()["id"]
    assert {request.path for request in wire.sent} == {"/v1/phone/"}


def test_a_number_that_is_in_no_pass_is_not_found(wire: Any, operations: Operations) -> None:
    with pytest.raises(NotFound):
        wire.run(operations.find(NumberIdentity.parse("+34911234567", region="ES")), *[page() for _ in PASSES])


def test_two_live_records_are_ambiguous(wire: Any, operations: Operations, custom: Make) -> None:
    pages = [page(custom(id="a"), custom(id="b")), *[page() for _ in PASSES[1:]]]

    with pytest.raises(AmbiguousNumber, match="a, b"):
        wire.run(operations.find(NumberIdentity.parse("+34911234567", region="ES")), *pages)


def test_an_import_looks_in_every_pass_and_stops_at_a_live_record(
    wire: Any, operations: Operations, bought: Make
) -> None:
    pages = [page(), page(bought(status="reserved", number="+34911234567")), *[page() for _ in PASSES[2:]]]

    with pytest.raises(Conflict):
        wire.run(
            operations.import_number(NumberImport(number="+34911234567", inbound=InboundUpdate(allow_any=True))), *pages
        )

    assert {request.method for request in wire.sent} == {"GET"}
