"""Every operation as the requests it makes, exactly, and as what becomes of the answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from telephony_core.domain.agents import PUBLISHED, AgentRef
from telephony_core.domain.lifecycle import NumberStatus, Origin
from telephony_core.domain.number_identity import NumberIdentity
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.domain.sip import OutboundUpdate
from telephony_core.errors import (
    AnswerLost,
    InvalidInput,
    NotFound,
    OutcomeUnknown,
    PartialOutcome,
    UnexpectedResponse,
    UnsupportedField,
)
from telephony_core.operations.operations import Listing, Operations
from telephony_core.provider.changes import AgentAssignment, NumberImport, NumberRelease, ReleaseRevocation, SipUpdate
from telephony_core.provider.flow import Response, Semantics
from telephony_core.provider.port import AvailableQuery, ListQuery
from telephony_vox.adapter import VoxProvider
from tests.adapters.vox.records import phone_number
from tests.adapters.wire import Wire

Make = Callable[..., dict[str, Any]]

OWNED = "/organization-telephone-numbers"
REGISTER = "/telephone-numbers/register"
AVAILABLE = "/telephone-numbers/available"
STATUSES = ["scheduled", "active", "cancel_requested", "expired"]


def page(*items: dict[str, Any], cursor: str | None = None) -> dict[str, Any]:
    return {"items": list(items), "total_count": len(items), "next_cursor": cursor}


@pytest.fixture
def number(custom: Make) -> PhoneNumber:
    return phone_number(custom())


@pytest.fixture
def bought_number(bought: Make) -> PhoneNumber:
    return phone_number(bought())


# -- list


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


def test_a_cancellation_that_cannot_be_read_says_how_it_was_answered(
    vox: VoxProvider, wire: Wire, number: PhoneNumber
) -> None:
    with pytest.raises(UnexpectedResponse) as caught:
        wire.run(vox.release(number), {"id": "another"})
    assert caught.value.status == 200


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


# -- get and find


def test_a_number_is_read_by_its_id(vox: VoxProvider, wire: Wire, custom: Make, number: PhoneNumber) -> None:
    assert wire.run(vox.get(custom()["id"]), custom()) == number

    (request,) = wire.sent
    assert (request.method, request.path, request.query, request.body, request.semantics) == (
        "GET",
        f"{OWNED}/{custom()['id']}",
        (),
        None,
        Semantics.READ,
    )


def test_an_id_cannot_reach_another_resource(vox: VoxProvider, wire: Wire, custom: Make) -> None:
    wire.run(vox.get("../agents?x=1#y"), custom())

    assert wire.sent[0].path == f"{OWNED}/..%2Fagents%3Fx%3D1%23y"


def test_an_id_that_is_not_there_is_not_found(vox: VoxProvider, wire: Wire, respond: Callable[..., Response]) -> None:
    with pytest.raises(NotFound):
        wire.run(vox.get("nope"), respond({"error": {"code": "X", "message": "m", "details": {}}}, 404))


def test_a_number_is_found_by_reading_the_whole_list(operations: Operations, wire: Wire, custom: Make) -> None:
    found = wire.run(
        operations.find(NumberIdentity.parse("+82 70-1111-2222", region="KR")),
        page(), page(custom()), page(), page(custom(id="old", status="expired")),
    )  # fmt: skip

    assert found.id == custom()["id"]
    assert len(wire.sent) == 4


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


# -- import


def an_import(**more: Any) -> NumberImport:
    outbound = OutboundUpdate(address="trunk.example.com:5060", username="u", password="p4ss")
    return NumberImport(number="+827011112222", label="front desk", outbound=outbound, **more)


NOTHING_YET = [page(), page(), page(), page()]


def test_a_number_is_registered_once_after_a_look(operations: Operations, wire: Wire, custom: Make) -> None:
    number = wire.run(operations.import_number(an_import()), *NOTHING_YET, custom())

    request = wire.sent[-1]
    assert (request.method, request.path, request.semantics) == ("POST", REGISTER, Semantics.ONCE)
    assert wire.bodies[-1] == {
        "number": "07011112222",
        "address": "sip:trunk.example.com:5060",
        "auth_username": "u",
        "auth_password": "p4ss",
        "memo": "front desk",
    }
    assert number.id == custom()["id"]


def test_agents_are_mapped_in_a_second_request(operations: Operations, wire: Wire, custom: Make) -> None:
    agent = AgentRef("agent-1", version=PUBLISHED)
    mapped = custom(outbound_agent={"agent_id": "agent-1", "agent_version": "production"})

    number = wire.run(operations.import_number(an_import(outbound_agent=agent)), *NOTHING_YET, custom(), mapped)

    register, assign = wire.sent[-2:]
    assert "agent" not in str(wire.bodies[-2])
    assert (assign.method, assign.path) == ("PATCH", f"{OWNED}/{custom()['id']}/agent")
    assert wire.bodies[-1] == {"outbound_agent": {"agent_id": "agent-1", "agent_version": "production"}}
    assert register.semantics is Semantics.ONCE
    assert number.outbound_agent == agent


def test_a_mapping_that_fails_leaves_the_number_and_says_so(
    operations: Operations, wire: Wire, custom: Make, respond: Callable[..., Response]
) -> None:
    refusal = respond({"error": {"code": "VALIDATION_ERROR", "message": "no such agent", "details": {}}}, 400)
    change = an_import(inbound_agent=AgentRef("nope", version=PUBLISHED))

    with pytest.raises(PartialOutcome) as caught:
        wire.run(operations.import_number(change), *NOTHING_YET, custom(), refusal)

    assert caught.value.number is not None
    assert caught.value.number.id == custom()["id"]
    assert caught.value.failed_step == "assign_agents"


def test_a_registration_whose_answer_is_lost_is_looked_for_and_gets_its_trunk_again(
    operations: Operations, wire: Wire, custom: Make
) -> None:
    made = custom(inbound_agent=None)
    look = [page(), page(made), page(), page()]

    number = wire.run(operations.import_number(an_import()), *NOTHING_YET, AnswerLost("gone"), *look, made)

    assert number.id == custom()["id"]
    assert [request.method for request in wire.sent] == ["GET"] * 4 + ["POST"] + ["GET"] * 4 + ["PATCH"]
    assert wire.sent[-1].path == f"{OWNED}/{custom()['id']}/sip"
    assert wire.bodies[-1]["auth_password"] == "p4ss"


# -- label


@pytest.mark.parametrize("label", ["new name", None])
def test_a_label_goes_through_the_trunk_settings(
    label: str | None, vox: VoxProvider, wire: Wire, custom: Make, number: PhoneNumber
) -> None:
    updated = wire.run(vox.update_label(number, label), custom(memo=label))

    (request,) = wire.sent
    assert (request.method, request.path, request.semantics) == (
        "PATCH",
        f"{OWNED}/{number.id}/sip",
        Semantics.IDEMPOTENT,
    )
    assert wire.bodies == [{"memo": label}]
    assert updated.label == label


# -- trunk settings


def test_trunk_settings_are_patched(vox: VoxProvider, wire: Wire, custom: Make, number: PhoneNumber) -> None:
    change = SipUpdate(number, outbound=OutboundUpdate(address="pbx.example.com", username="u", password="p4ss"))

    updated = wire.run(vox.update_sip(number, change), custom(address="sip:pbx.example.com"))

    (request,) = wire.sent
    assert (request.method, request.path, request.semantics) == (
        "PATCH",
        f"{OWNED}/{number.id}/sip",
        Semantics.IDEMPOTENT,
    )
    assert wire.bodies == [{"address": "sip:pbx.example.com", "auth_username": "u", "auth_password": "p4ss"}]
    assert updated.sip is not None
    assert str(updated.sip.outbound.address) == "sip:pbx.example.com"


def test_the_address_is_not_respelled_by_a_change_of_credentials(vox: VoxProvider, wire: Wire, custom: Make) -> None:
    number = phone_number(custom(address="203.0.113.7"))
    assert number.sip is not None
    outbound = OutboundUpdate(address=number.sip.outbound.address, username="u", password="p4ss")

    wire.run(vox.update_sip(number, SipUpdate(number, outbound=outbound)), custom(address="203.0.113.7"))

    assert wire.bodies[0]["address"] == "203.0.113.7"


def test_a_trunk_without_authentication_moves_without_a_password(
    operations: Operations, wire: Wire, custom: Make, number: PhoneNumber
) -> None:
    change = SipUpdate(
        number,
        outbound=OutboundUpdate(address="pbx.example.com"),
        options={"vox": {"no_authentication": True}},
    )

    wire.run(operations.update_sip(change), custom(address="sip:pbx.example.com"), now=custom())

    assert wire.bodies == [{"address": "sip:pbx.example.com"}]


def test_an_update_by_id_reads_the_record_first(operations: Operations, wire: Wire, custom: Make) -> None:
    change = SipUpdate(custom()["id"], outbound=OutboundUpdate(password="p4ss"))

    wire.run(operations.update_sip(change), custom(), custom())

    assert [request.method for request in wire.sent] == ["GET", "PATCH"]
    assert wire.bodies[-1] == {"auth_password": "p4ss"}


def test_a_number_without_a_trunk_can_be_asked_all_the_same(
    vox: VoxProvider, wire: Wire, bought: Make, bought_number: PhoneNumber
) -> None:
    change = SipUpdate(bought_number, outbound=OutboundUpdate(address="pbx.example.com", password="p4ss"))

    wire.run(vox.update_sip(bought_number, change), bought())

    assert wire.bodies[0]["address"] == "sip:pbx.example.com"


# -- agents


def test_agents_are_assigned_and_taken_off(vox: VoxProvider, wire: Wire, custom: Make, number: PhoneNumber) -> None:
    assignment = AgentAssignment(number, inbound=None, outbound=AgentRef("a", version="v7"))
    answer = custom(inbound_agent=None, outbound_agent={"agent_id": "a", "agent_version": "v7"})

    updated = wire.run(vox.assign_agents(number, assignment), answer)

    (request,) = wire.sent
    assert (request.method, request.path, request.semantics) == (
        "PATCH",
        f"{OWNED}/{number.id}/agent",
        Semantics.IDEMPOTENT,
    )
    assert wire.bodies == [{"inbound_agent": None, "outbound_agent": {"agent_id": "a", "agent_version": "v7"}}]
    assert (updated.inbound_agent, updated.outbound_agent) == (None, AgentRef("a", version="v7"))


def test_an_empty_answer_to_a_mapping_is_settled_by_a_look(
    operations: Operations, wire: Wire, custom: Make, number: PhoneNumber
) -> None:
    assignment = AgentAssignment(number, inbound=AgentRef("a", version=PUBLISHED))
    mapped = custom(inbound_agent={"agent_id": "a", "agent_version": "production"})

    updated = wire.run(operations.assign_agents(assignment), Response(204, {}, b""), mapped, now=custom())

    assert [request.method for request in wire.sent] == ["PATCH", "GET"]
    assert updated.inbound_agent == AgentRef("a", version=PUBLISHED)


# -- release


def test_a_release_is_one_delete_without_a_body(vox: VoxProvider, wire: Wire, bought: Make) -> None:
    number = phone_number(bought())
    answer = {"id": number.id, "number": "0212345678", "provider": "vox", "effective_at": 1769904000000}

    release = wire.run(vox.release(number), answer)

    (request,) = wire.sent
    assert (request.method, request.path, request.query, request.body, request.semantics) == (
        "DELETE",
        f"{OWNED}/{number.id}",
        (),
        None,
        Semantics.ONCE,
    )
    assert (release.status, release.revocable) == (NumberStatus.RELEASE_SCHEDULED, True)


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b"[]"])
def test_a_release_whose_answer_cannot_be_read_is_settled_by_a_look(
    body: bytes, operations: Operations, wire: Wire, bought: Make
) -> None:
    after = bought(status="cancel_requested", end_at=1769904000000, cancel_requested_at=1767312000000)

    release = wire.run(
        operations.release(NumberRelease(phone_number(bought()))), Response(200, {}, body), after, now=bought()
    )

    assert [request.method for request in wire.sent] == ["DELETE", "GET"]
    assert (release.status, release.revocable) == (NumberStatus.RELEASE_SCHEDULED, True)
    assert release.takes_effect_at is not None


def test_a_release_is_revoked_by_one_post_without_a_body(vox: VoxProvider, wire: Wire, bought: Make) -> None:
    number = phone_number(bought(status="cancel_requested"))

    back = wire.run(vox.revoke_release(number), bought())

    (request,) = wire.sent
    assert (request.method, request.path, request.body, request.semantics) == (
        "POST",
        f"{OWNED}/{number.id}/revoke-cancel",
        None,
        Semantics.ONCE,
    )
    assert back.status is NumberStatus.ACTIVE


def test_a_revocation_that_left_no_trace_is_of_unknown_outcome(
    operations: Operations, wire: Wire, bought: Make
) -> None:
    scheduled = bought(status="cancel_requested")

    with pytest.raises(OutcomeUnknown):
        wire.run(
            operations.revoke_release(ReleaseRevocation(phone_number(scheduled))),
            Response(200, {}, b""),
            scheduled,
            now=scheduled,
        )
