"""Giving a number up: the order, the look that tells what it did, and what has to be allowed first."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from telephony_core.domain.lifecycle import NumberStatus, Release, SideEffect
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.errors import (
    AnswerLost,
    NoAnswer,
    NotAllowed,
    NotFound,
    OutcomeUnknown,
    UnexpectedResponse,
    UnsupportedOperation,
    WrongState,
)
from telephony_core.operations.operations import Operations
from telephony_core.provider.changes import NumberRelease, ReleaseRevocation
from telephony_core.provider.flow import Flow, Response
from telephony_diga.adapter import DigaProvider
from tests.adapters.diga.records import read

Make = Callable[..., dict[str, Any]]
Answer = Callable[..., Response]

NO_CONTENT = Response(204, {}, b"")
GONE = Response(404, {}, b'{"status":"error","error_code":"PHONE_NUMBER_NOT_FOUND","message":"No such phone"}')
NOTHING: frozenset[SideEffect] = frozenset()
NOT_LISTED: list[object] = [{"data": [], "has_more": False}] * 6
"""A listing without any number, in all its passes: only with that is a number gone."""
AUGUST = "2026-08-01T00:00:00Z"


def idle(custom: Make) -> PhoneNumber:
    """An imported number without agents."""
    return read(custom(inbound_agent_id=None))


def release(
    operations: Operations, number: PhoneNumber | str, *, allow: frozenset[SideEffect] = frozenset(SideEffect)
) -> Flow[Release]:
    return operations.release(NumberRelease(number, allow=allow))


def test_a_release_is_ordered_once_and_then_looked_at(wire: Any, operations: Operations, custom: Make) -> None:
    wire.run(release(operations, idle(custom)), NO_CONTENT, GONE, *NOT_LISTED, now=custom(inbound_agent_id=None))

    assert wire.calls[:2] == [
        ("DELETE", f"/v1/phone/{custom()['id']}", "once"),
        ("GET", f"/v1/phone/{custom()['id']}", "read"),
    ]
    assert wire.calls[2:] == [("GET", "/v1/phone/", "read")] * 6
    assert wire.bodies == [None] * 8


def test_an_imported_number_that_is_gone_afterwards_is_released(
    wire: Any, operations: Operations, custom: Make
) -> None:
    number = idle(custom)

    result = wire.run(release(operations, number), NO_CONTENT, GONE, *NOT_LISTED, now=custom(inbound_agent_id=None))

    assert result == Release(
        provider="diga", id=number.id, identity=number.identity, status=NumberStatus.RELEASED, revocable=False
    )


@pytest.mark.parametrize("word", ["released", "finished"])
def test_a_number_with_a_terminal_status_is_released_at_its_time(
    word: str, wire: Any, operations: Operations, custom: Make
) -> None:
    answer = custom(status=word, released_at=AUGUST)

    result = wire.run(release(operations, idle(custom)), NO_CONTENT, answer, now=custom(inbound_agent_id=None))

    assert (result.status, result.takes_effect_at) == (NumberStatus.RELEASED, datetime(2026, 8, 1, tzinfo=UTC))


def test_a_bought_number_is_scheduled_to_the_end_of_its_period(wire: Any, operations: Operations, bought: Make) -> None:
    result = wire.run(
        release(operations, read(bought())), NO_CONTENT, bought(scheduled_release_at=AUGUST), now=bought()
    )

    assert (result.status, result.takes_effect_at) == (
        NumberStatus.RELEASE_SCHEDULED,
        datetime(2026, 8, 1, tzinfo=UTC),
    )
    assert result.revocable is False


def test_a_number_that_looks_as_before_is_said_to_be_unknown(wire: Any, operations: Operations, bought: Make) -> None:
    result = wire.run(release(operations, read(bought())), NO_CONTENT, bought(), now=bought())

    assert (result.status, result.takes_effect_at) == (NumberStatus.UNKNOWN, None)


@pytest.mark.parametrize(
    "look", [NoAnswer("late"), Response(500, {}, b""), Response(200, {}, b"<html>"), Response(401, {}, b"")]
)
def test_a_look_that_fails_does_not_make_the_accepted_release_fail(
    look: object, wire: Any, operations: Operations, custom: Make
) -> None:
    result = wire.run(release(operations, idle(custom)), NO_CONTENT, look, now=custom(inbound_agent_id=None))

    assert result.status is NumberStatus.UNKNOWN
    assert [method for method, *_ in wire.calls] == ["DELETE", "GET"]


def test_a_refused_release_of_what_is_gone_is_refused(wire: Any, operations: Operations, custom: Make) -> None:
    seen = custom(inbound_agent_id=None)
    with pytest.raises(NotFound):
        wire.run(release(operations, read(seen)), GONE, *NOT_LISTED, now=seen)

    assert [method for method, *_ in wire.calls] == ["DELETE", *["GET"] * 6]


def test_a_number_that_is_not_found_and_is_listed_is_not_gone(wire: Any, operations: Operations, custom: Make) -> None:
    seen = custom(inbound_agent_id=None)
    listed = [{"data": [seen], "has_more": False}, *NOT_LISTED[1:]]

    result = wire.run(release(operations, read(seen)), NO_CONTENT, GONE, *listed, now=seen)
    assert result.status is NumberStatus.UNKNOWN

    with pytest.raises(OutcomeUnknown, match="lists it"):
        wire.run(release(operations, read(seen)), GONE, *listed, now=seen)
    with pytest.raises(OutcomeUnknown, match="found no trace"):
        wire.run(release(operations, read(seen)), AnswerLost("lost"), GONE, *listed, now=seen)

    wire.sent.clear()
    with pytest.raises(UnexpectedResponse, match="lists it"):
        wire.run(release(operations, read(seen)), GONE, *listed)
    assert {method for method, *_ in wire.calls} == {"GET"}


def test_a_look_at_another_number_says_nothing_of_a_release(wire: Any, operations: Operations, bought: Make) -> None:
    stranger = bought(number="+34913333333", status="released")

    result = wire.run(release(operations, read(bought())), NO_CONTENT, stranger, now=bought())

    assert (result.id, result.identity.e164, result.status) == (bought()["id"], "+34912345678", NumberStatus.UNKNOWN)


@pytest.mark.parametrize(
    ("seen", "status"),
    [(GONE, NumberStatus.RELEASED), ({"scheduled_release_at": AUGUST}, NumberStatus.RELEASE_SCHEDULED)],
)
def test_a_lost_answer_is_settled_by_a_look(
    seen: Any, status: NumberStatus, wire: Any, operations: Operations, bought: Make
) -> None:
    looks = [seen, *NOT_LISTED] if isinstance(seen, Response) else [bought(**seen)]

    result = wire.run(release(operations, read(bought())), AnswerLost("lost"), *looks, now=bought())

    assert (result.status, result.revocable) == (status, False)
    assert [method for method, *_ in wire.calls] == ["DELETE", *["GET"] * len(looks)]


def test_a_lost_answer_without_a_trace_stays_unknown(wire: Any, operations: Operations, bought: Make) -> None:
    with pytest.raises(OutcomeUnknown):
        wire.run(release(operations, read(bought())), AnswerLost("lost"), bought())


# -- states that forbid it


@pytest.mark.parametrize("word", ["reserved", "pending_verification", "released", "finished"])
def test_a_state_that_forbids_it_is_refused_before_any_request(
    word: str, wire: Any, operations: Operations, bought: Make
) -> None:
    with pytest.raises(WrongState):
        wire.run(release(operations, read(bought(status=word))))

    assert wire.sent == []


@pytest.mark.parametrize("word", ["reserved", "pending_verification"])
def test_a_number_given_by_id_is_looked_at_first(word: str, wire: Any, operations: Operations, bought: Make) -> None:
    with pytest.raises(WrongState, match=word) as caught:
        wire.run(release(operations, bought()["id"]), bought(status=word))
    assert caught.value.remedy == "let the reservation run out, or wait for the verification"

    assert [method for method, *_ in wire.calls] == ["GET"]


def test_a_release_that_is_scheduled_already_is_not_ordered_again(
    wire: Any, operations: Operations, bought: Make
) -> None:
    with pytest.raises(WrongState):
        wire.run(release(operations, read(bought(scheduled_release_at=AUGUST))))

    assert wire.sent == []


# -- side effects


@pytest.mark.parametrize("way", ["inbound_agent_id", "outbound_agent_id"])
def test_releasing_an_imported_number_with_an_agent_needs_allow(
    way: str, wire: Any, operations: Operations, custom: Make
) -> None:
    number = read(custom(**{"inbound_agent_id": None, way: "22222222-2222-4222-8222-222222222222"}))

    with pytest.raises(NotAllowed) as refusal:
        wire.run(release(operations, number, allow=NOTHING))

    assert refusal.value.allowance == "unpublishes"
    assert wire.sent == []


def test_an_agent_that_was_linked_after_the_record_was_read_needs_allow(
    wire: Any, operations: Operations, custom: Make
) -> None:
    with pytest.raises(NotAllowed):
        wire.run(release(operations, idle(custom), allow=NOTHING), custom())
    assert [method for method, *_ in wire.calls] == ["GET"]


def test_without_an_agent_it_is_released_without_consent(wire: Any, operations: Operations, custom: Make) -> None:
    seen = custom(inbound_agent_id=None)

    result = wire.run(release(operations, read(seen), allow=NOTHING), NO_CONTENT, GONE, *NOT_LISTED, now=seen)

    assert result.status is NumberStatus.RELEASED
    assert [method for method, *_ in wire.calls] == ["DELETE", "GET", *["GET"] * 6]


def test_with_consent_it_is_released(wire: Any, operations: Operations, custom: Make) -> None:
    allow = frozenset({SideEffect.UNPUBLISHES})

    result = wire.run(release(operations, read(custom()), allow=allow), NO_CONTENT, GONE, *NOT_LISTED, now=custom())

    assert result.status is NumberStatus.RELEASED


@pytest.mark.parametrize("way", ["inbound_agent_id", "outbound_agent_id"])
def test_an_agent_that_cannot_be_read_is_one(way: str, diga: DigaProvider, custom: Make) -> None:
    number = read(custom(**{"inbound_agent_id": None, way: 17}))

    assert diga.side_effects(NumberRelease(number)) == {SideEffect.UNPUBLISHES}


def test_given_by_id_the_record_decides_whether_consent_is_needed(
    wire: Any, operations: Operations, custom: Make
) -> None:
    with pytest.raises(NotAllowed):
        wire.run(release(operations, custom()["id"], allow=NOTHING), custom())
    assert [method for method, *_ in wire.calls] == ["GET"]

    seen = custom(inbound_agent_id=None)
    result = wire.run(release(operations, seen["id"], allow=NOTHING), seen, NO_CONTENT, GONE, *NOT_LISTED)
    assert result.status is NumberStatus.RELEASED


def test_a_bought_number_only_lets_go_of_its_agents(diga: DigaProvider, bought: Make) -> None:
    number = read(bought(inbound_agent_id="22222222-2222-4222-8222-222222222222"))

    assert diga.side_effects(NumberRelease(number)) == frozenset()


def test_of_an_unknown_origin_or_record_the_worst_is_assumed(diga: DigaProvider, bought: Make) -> None:
    number = read(bought(telephony_provider="partner", inbound_agent_id="22222222-2222-4222-8222-222222222222"))

    assert diga.side_effects(NumberRelease(number)) == {SideEffect.UNPUBLISHES}
    assert diga.side_effects(NumberRelease(number.id)) == {SideEffect.UNPUBLISHES}


def test_a_scheduled_release_cannot_be_revoked(wire: Any, operations: Operations, bought: Make) -> None:
    with pytest.raises(UnsupportedOperation):
        wire.run(operations.revoke_release(ReleaseRevocation(read(bought(scheduled_release_at=AUGUST)))))

    assert wire.sent == []
