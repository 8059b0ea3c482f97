"""Every operation on one number as the requests it makes, exactly, and as what becomes of the answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from telephony_core.domain.agents import PUBLISHED, AgentRef
from telephony_core.domain.lifecycle import NumberStatus
from telephony_core.domain.number_identity import NumberIdentity
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.domain.sip import OutboundUpdate
from telephony_core.errors import (
    AnswerLost,
    NotFound,
    OutcomeUnknown,
    PartialOutcome,
    UnexpectedResponse,
)
from telephony_core.operations.operations import Operations
from telephony_core.provider.changes import AgentAssignment, NumberImport, NumberRelease, ReleaseRevocation, SipUpdate
from telephony_core.provider.flow import Response, Semantics
from telephony_vox.adapter import VoxProvider
from tests.adapters.vox.emulator.account import OWNED, REGISTER
from tests.adapters.vox.records import page, phone_number
from tests.adapters.wire import Wire

Make = Callable[..., dict[str, Any]]


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


def test_a_cancellation_that_cannot_be_read_says_how_it_was_answered(
    vox: VoxProvider, wire: Wire, number: PhoneNumber
) -> None:
    with pytest.raises(UnexpectedResponse) as caught:
        wire.run(vox.release(number), {"id": "another"})
    assert caught.value.status == 200
