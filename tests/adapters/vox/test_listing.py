"""A listing as the requests it makes: status by status, page by page; numbers that are for sale."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from telephony_core.domain.agents import Agent
from telephony_core.domain.lifecycle import NumberStatus, Origin
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.errors import (
    InvalidInput,
    UnexpectedResponse,
    UnsupportedField,
)
from telephony_core.operations.operations import Listing
from telephony_core.provider.flow import Response, Semantics
from telephony_core.provider.port import AvailableQuery, ListQuery
from telephony_vox.adapter import VoxProvider
from tests.adapters.vox.emulator.account import AVAILABLE, OWNED
from tests.adapters.vox.records import page, phone_number
from tests.adapters.wire import Wire

Make = Callable[..., dict[str, Any]]

STATUSES = ["scheduled", "active", "cancel_requested", "expired"]


def pages_of(vox: VoxProvider, wire: Wire, query: ListQuery, *answers: dict[str, Any]) -> list[PhoneNumber]:
    """The whole listing, page by page, as core runs it."""
    waiting, cursor, found, listing = list(answers), None, [], Listing()
    while True:
        got = wire.run(vox.list_page(query, cursor), waiting.pop(0))
        found += listing.accept(got)
        if got.cursor is None:
            assert not waiting
            return found
        cursor = got.cursor


# -- numbers of the account


def test_the_first_page_asks_for_the_first_status(vox: VoxProvider, wire: Wire, custom: Make) -> None:
    found = wire.run(vox.list_page(ListQuery(), None), page(custom()))

    (request,) = wire.sent
    assert (request.method, request.path, request.semantics) == ("GET", OWNED, Semantics.READ)
    assert request.query == (
        ("status", "scheduled"),
        ("limit", "100"),
        ("sort_by", "created_at"),
        ("sort_order", "asc"),
    )
    assert request.body is None
    assert list(found.items) == [phone_number(custom())]
    assert found.cursor is not None


def test_a_page_with_an_odd_record_is_read_record_by_record(vox: VoxProvider, wire: Wire, custom: Make) -> None:
    found = wire.run(vox.list_page(ListQuery(), None), page(custom(memo=5), custom(id="b")))

    assert [(number.label, bool(number.problems)) for number in found.items] == [(None, True), ("front desk", False)]


def test_a_secret_that_vox_began_to_show_is_in_no_raw_record(vox: VoxProvider, wire: Wire, custom: Make) -> None:
    shown = custom(auth_password="s3cret")
    line = {"id": "line-1", "number": "07012345678", "auth_password": "s3cret"}

    assert wire.run(vox.list_page(ListQuery(), None), page(shown)).items[0].raw["auth_password"] == "[hidden]"
    assert wire.run(vox.get("an-id"), shown).raw["auth_password"] == "[hidden]"
    assert wire.run(vox.get("an-id"), custom(auth_password="s3cret", memo=5)).raw["auth_password"] == "[hidden]"
    for odd in ({}, {"line_type": 5}):
        lines = wire.run(vox.available_page(AvailableQuery(), None), page({**line, **odd})).items
        assert lines[0].raw["auth_password"] == "[hidden]"


def test_every_status_is_asked_for_once_in_the_order_of_a_numbers_life(vox: VoxProvider, wire: Wire) -> None:
    pages_of(vox, wire, ListQuery(), page(), page(), page(), page())

    assert [dict(request.query)["status"] for request in wire.sent] == STATUSES
    assert all("cursor" not in dict(request.query) for request in wire.sent)


def test_the_filters_go_along_with_every_cursor(vox: VoxProvider, wire: Wire, custom: Make) -> None:
    query = ListQuery(status=NumberStatus.ACTIVE, origin=Origin.IMPORTED)

    pages_of(vox, wire, query, page(custom(id="a"), cursor="c:1"), page(custom(id="b"), cursor="c2"), page())

    filters = {"status": "active", "limit": "100", "sort_by": "created_at", "sort_order": "asc", "provider": "custom"}
    assert [dict(request.query) for request in wire.sent] == [
        filters,
        filters | {"cursor": "c:1"},
        filters | {"cursor": "c2"},
    ]


def test_each_status_is_followed_to_its_end_before_the_next(vox: VoxProvider, wire: Wire) -> None:
    pages_of(vox, wire, ListQuery(), page(), page(cursor="x"), page(), page(cursor="x"), page(), page())

    asked = [(dict(request.query)["status"], dict(request.query).get("cursor")) for request in wire.sent]
    assert asked == [
        ("scheduled", None),
        ("active", None),
        ("active", "x"),
        ("cancel_requested", None),
        ("cancel_requested", "x"),
        ("expired", None),
    ]


def test_a_number_on_the_move_is_listed_once(vox: VoxProvider, wire: Wire, bought: Make) -> None:
    found = pages_of(vox, wire, ListQuery(), page(), page(bought()), page(bought(status="cancel_requested")), page())

    assert [number.id for number in found] == [bought()["id"]]


def test_a_cursor_that_repeats_ends_the_listing_with_an_error(vox: VoxProvider, wire: Wire) -> None:
    with pytest.raises(UnexpectedResponse, match="same cursor"):
        pages_of(vox, wire, ListQuery(), page(), page(cursor="x"), page(cursor="x"))


@pytest.mark.parametrize(
    ("status", "asked"),
    [
        (NumberStatus.PENDING, ["scheduled"]),
        (NumberStatus.ACTIVE, ["active"]),
        (NumberStatus.RELEASE_SCHEDULED, ["cancel_requested"]),
        (NumberStatus.RELEASED, ["expired"]),
        (NumberStatus.UNKNOWN, STATUSES),
        (None, STATUSES),
    ],
)
def test_a_wanted_status_narrows_the_requests(
    status: NumberStatus | None, asked: list[str], vox: VoxProvider, wire: Wire
) -> None:
    pages_of(vox, wire, ListQuery(status=status), *[page() for _ in asked])

    assert [dict(request.query)["status"] for request in wire.sent] == asked


@pytest.mark.parametrize(
    ("origin", "word"), [(Origin.PURCHASED, "vox"), (Origin.IMPORTED, "custom"), (Origin.UNKNOWN, None), (None, None)]
)
def test_a_wanted_origin_narrows_the_requests(
    origin: Origin | None, word: str | None, vox: VoxProvider, wire: Wire
) -> None:
    wire.run(vox.list_page(ListQuery(origin=origin), None), page())

    assert dict(wire.sent[0].query).get("provider") == word


@pytest.mark.parametrize("cursor", ["", "c2", "active", "paused:c2", "expired:c2"])
def test_a_cursor_of_another_listing_is_refused_before_any_request(cursor: str, vox: VoxProvider, wire: Wire) -> None:
    with pytest.raises(InvalidInput, match="cursor"):
        wire.run(vox.list_page(ListQuery(status=NumberStatus.ACTIVE), cursor))

    assert wire.sent == []


@pytest.mark.parametrize(
    "answer",
    [
        [], {}, {"items": None}, {"items": {}}, {"items": [7]}, {"items": [{"id": "x"}]},
        {"items": [], "next_cursor": 7}, {"items": [], "next_cursor": ""},
    ],
)  # fmt: skip
def test_a_page_of_the_wrong_shape_is_refused(
    answer: object, vox: VoxProvider, wire: Wire, respond: Callable[..., Response]
) -> None:
    with pytest.raises(UnexpectedResponse):
        wire.run(vox.list_page(ListQuery(), None), respond(answer))


def test_a_page_without_a_total_or_a_cursor_is_the_last_one(vox: VoxProvider, wire: Wire) -> None:
    assert wire.run(vox.list_page(ListQuery(status=NumberStatus.ACTIVE), None), {"items": []}).cursor is None


# -- agents


def test_agents_are_asked_for_as_many_at_once_as_can_be(vox: VoxProvider, wire: Wire) -> None:
    record = {"agent_id": "a-1", "name": "Reception", "production_version": "v3", "created_at": 1767225600000}

    found = wire.run(vox.agents_page(None), page(record, cursor="c1"))

    (request,) = wire.sent
    assert (request.method, request.path, request.semantics) == ("GET", "/agents", Semantics.READ)
    assert request.query == (("limit", "100"),)
    (agent,) = found.items
    assert agent == Agent(provider="vox", id="a-1", name="Reception", published_version="v3", raw=record)
    assert found.cursor == "c1"


def test_an_agent_of_which_nothing_is_published_has_no_published_version(vox: VoxProvider, wire: Wire) -> None:
    records = ({"id": "a-1", "production_version": version} for version in (None, ""))

    found = wire.run(vox.agents_page("c1"), page(*records)).items

    assert [agent.published_version for agent in found] == [None, None]
    assert wire.sent[0].query == (("limit", "100"), ("cursor", "c1"))


# -- numbers for sale


def test_numbers_for_sale_are_asked_for_with_limit_and_order(vox: VoxProvider, wire: Wire) -> None:
    found = wire.run(
        vox.available_page(AvailableQuery(), None),
        page({"id": "line-1", "number": "07012345678", "line_type": "voip"}, cursor="c1"),
    )

    (request,) = wire.sent
    assert (request.method, request.path, request.semantics) == ("GET", AVAILABLE, Semantics.READ)
    assert request.query == (("limit", "100"), ("sort_by", "number"), ("sort_order", "asc"))
    assert [line.id for line in found.items] == ["line-1"]
    assert found.cursor == "c1"


def test_filter_order_and_cursor_of_numbers_for_sale_go_out(vox: VoxProvider, wire: Wire) -> None:
    query = AvailableQuery(line_type="toll_free", sort_by="monthly_fee", descending=True)

    assert wire.run(vox.available_page(query, "c1"), page()).cursor is None

    assert dict(wire.sent[0].query) == {
        "limit": "100",
        "sort_by": "monthly_fee",
        "sort_order": "desc",
        "line_type": "toll_free",
        "cursor": "c1",
    }


def test_a_line_type_that_vox_does_not_have_is_refused_before_any_request(vox: VoxProvider, wire: Wire) -> None:
    with pytest.raises(UnsupportedField) as caught:
        wire.run(vox.available_page(AvailableQuery(line_type="satellite"), None))

    assert caught.value.field == "line_type"
    assert "toll_free" in str(caught.value)
    assert wire.sent == []
