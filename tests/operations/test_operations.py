"""What core does around every provider: each case through both clients, on a toy vendor."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from telephony_core import (
    PUBLISHED,
    AgentRef,
    AmbiguousNumber,
    Conflict,
    InboundUpdate,
    InvalidInput,
    InvalidRequest,
    NotAllowed,
    NotFound,
    NumberImport,
    NumberStatus,
    Origin,
    OutboundUpdate,
    OutcomeUnknown,
    PartialOutcome,
    ReconciliationOutcome,
    SideEffect,
    SipAddress,
    UnexpectedResponse,
    UnsupportedOperation,
    WrongState,
)
from telephony_core.errors import NoAnswer
from telephony_core.operations.reconciliation import differences
from telephony_core.provider.capabilities import Field
from telephony_core.provider.flow import Response
from telephony_core.provider.wire import read_object
from tests.provider.toy import CAPABILITIES, Both, ToyServer, read_toy
from tests.transport.driving import json_answer

NUMBER = "+827011112222"
TRUNK = OutboundUpdate(address="pbx.example.com:5060", username="u", password="p4ss")


@pytest.fixture(params=["sync", "async"])
def toy(request: pytest.FixtureRequest) -> Both:
    return Both(request.param, ToyServer())


def lost_after(answer: Callable[[], Response]) -> Response:
    answer()
    raise NoAnswer("the line broke after the vendor acted")


def lost_before(answer: Callable[[], Response]) -> Response:
    raise NoAnswer("the line broke before the vendor acted")


def garbled_after(answer: Callable[[], Response]) -> Response:
    answer()
    return json_answer(200, b"<html>")


# -- reading


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
    monkeypatch.setattr("telephony_core.operations.operations.LONGEST_LISTING", 20)
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


# -- importing


def test_an_import_looks_first_then_creates(toy):
    number = toy.import_number(NumberImport(number=NUMBER, label="Front", outbound=TRUNK))
    assert number.label == "Front"
    assert [r.method for r in toy.server.requests] == ["GET", "POST"]


def test_a_number_that_is_live_here_is_not_imported_again(toy):
    toy.server.add("a", "07011112222")
    with pytest.raises(Conflict, match="already here as a"):
        toy.import_number(NumberImport(number=NUMBER, outbound=TRUNK))
    assert toy.server.writes() == []


def test_a_released_record_does_not_stand_in_the_way(toy):
    toy.server.add("old", "07011112222", status="released")
    assert toy.import_number(NumberImport(number=NUMBER, outbound=TRUNK)).id == "new-1"


def test_agents_follow_the_import(toy):
    number = toy.import_number(NumberImport(number=NUMBER, outbound=TRUNK, inbound_agent=AgentRef("bot", version="v1")))
    assert number.inbound_agent == AgentRef("bot", version="v1")


def test_a_refused_assignment_after_an_import_is_a_partial_outcome(toy):
    toy.server.faults[("PATCH", 1)] = lambda _: json_answer(422)
    with pytest.raises(PartialOutcome) as caught:
        toy.import_number(NumberImport(number=NUMBER, outbound=TRUNK, inbound_agent=AgentRef("bot", version=PUBLISHED)))
    error = caught.value
    assert (error.number.id, error.done, error.failed_step) == ("new-0", ("import",), "assign_agents")
    assert isinstance(error.cause, InvalidRequest)
    assert str(error).endswith("; the record new-0 exists: " + InvalidRequest.default_remedy)
    assert error.cli_text.endswith("; the record new-0 exists: " + InvalidRequest.default_remedy.cli)


def test_consent_that_an_assignment_needs_is_asked_before_the_number_exists(toy):
    with pytest.raises(NotAllowed):
        toy.import_number(NumberImport(number=NUMBER, outbound=TRUNK, inbound_agent=AgentRef("shy", version="v1")))
    assert toy.server.writes() == []


def test_an_import_that_came_back_different_is_a_partial_outcome(toy):
    toy.server.rewrite = lambda body: {**body, "username": "somebody"}
    with pytest.raises(PartialOutcome, match=r"outbound\.username came back different"):
        toy.import_number(NumberImport(number=NUMBER, outbound=TRUNK))


def test_a_garbled_look_before_a_write_is_no_doubt_about_the_write(toy):
    toy.server.add("a", "07011112222")
    toy.server.faults[("GET", 2)] = lambda _: json_answer(200, b"<html>")
    number = toy.get_number("a")

    def reads_first(number, label):
        yield from toy.client.adapter.get("a")
        return (yield from type(toy.client.adapter).update_label(toy.client.adapter, number, label))

    toy.client.adapter.update_label = reads_first
    with pytest.raises(UnexpectedResponse):
        toy.update_label(number, "x")
    assert toy.server.writes() == []


@pytest.mark.parametrize("loss", [lost_after, garbled_after])
def test_a_lost_import_that_happened_is_adopted_and_gets_its_settings_again(toy, loss):
    toy.server.faults[("POST", 1)] = loss
    number = toy.import_number(NumberImport(number=NUMBER, outbound=TRUNK))
    assert number.id == "new-0"
    assert toy.server.writes() == [("POST", "/numbers"), ("PATCH", "/numbers/new-0")]
    assert b"p4ss" in toy.server.requests[-1].body


def test_a_lost_import_without_a_trace_is_unknown_and_not_repeated(toy):
    toy.server.faults[("POST", 1)] = lost_before
    with pytest.raises(OutcomeUnknown, match="may still happen") as caught:
        toy.import_number(NumberImport(number=NUMBER, outbound=TRUNK))
    assert toy.server.writes() == [("POST", "/numbers")]
    assert toy.reconcile(caught.value).outcome is ReconciliationOutcome.NOT_SEEN
    toy.server.add("late", "07011112222", address="pbx.example.com:5060", username="u")
    reconciled = toy.reconcile(caught.value)
    assert (reconciled.outcome, reconciled.number.id) == (ReconciliationOutcome.MADE, "late")


def test_somebody_elses_record_is_never_adopted(toy):
    def stranger(_: object) -> Response:
        toy.server.add("theirs", "07011112222", address="other.example.com")
        raise NoAnswer("lost")

    toy.server.faults[("POST", 1)] = stranger
    with pytest.raises(OutcomeUnknown, match="theirs, which may be somebody else's") as caught:
        toy.import_number(NumberImport(number=NUMBER, outbound=TRUNK))
    reconciled = toy.reconcile(caught.value)
    assert reconciled.outcome is ReconciliationOutcome.AMBIGUOUS
    assert [number.id for number in reconciled.candidates] == ["theirs"]
    assert toy.server.writes() == [("POST", "/numbers")]


def test_a_failed_look_does_not_hide_the_loss(toy):
    toy.server.faults |= {("POST", 1): lost_before, ("GET", 2): lambda _: json_answer(403)}
    with pytest.raises(OutcomeUnknown, match="looking whether it happened failed too") as caught:
        toy.import_number(NumberImport(number=NUMBER, outbound=TRUNK))
    assert caught.value.attempt is not None


def test_settings_that_cannot_be_sent_again_are_told(toy):
    toy.server.faults |= {("POST", 1): lost_after, ("PATCH", 1): lambda _: json_answer(422)}
    with pytest.raises(PartialOutcome, match="send the SIP settings again"):
        toy.import_number(NumberImport(number=NUMBER, outbound=TRUNK))


# -- changing


def test_a_write_by_id_reads_the_record_first(toy):
    toy.server.add("a", "07011112222", status="released")
    with pytest.raises(WrongState, match="released"):
        toy.update_label("a", "x")
    assert [r.method for r in toy.server.requests] == ["GET"]


def test_a_write_by_record_reads_it_again_first(toy):
    toy.server.add("a", "07011112222")
    number = toy.get_number("a")
    toy.server.records["a"]["status"] = "released"
    with pytest.raises(WrongState, match="released"):
        toy.update_label(number, "New")
    assert [r.method for r in toy.server.requests] == ["GET", "GET"]


def test_a_record_of_another_provider_is_refused_before_any_request(toy):
    toy.server.add("a", "07011112222")
    number = toy.get_number("a").model_copy(update={"provider": "other"})
    asked = len(toy.server.requests)
    with pytest.raises(InvalidInput, match="other's"):
        toy.update_label(number, "x")
    assert len(toy.server.requests) == asked


def test_a_label_can_be_cleared(toy):
    toy.server.add("a", "07011112222", label="Old")
    assert toy.update_label("a", None).label is None
    assert toy.server.requests[-1].body == b'{"label":null}'


def test_unset_is_left_out_and_none_is_sent(toy):
    toy.server.add("a", "07011112222")
    toy.update_sip("a", outbound=OutboundUpdate(username=None))
    assert toy.server.requests[-1].body == b'{"username":null}'


def test_a_change_that_did_not_take_is_a_partial_outcome(toy):
    toy.server.add("a", "07011112222", allowed_addresses=["192.0.2.1"])
    toy.server.rewrite = lambda _: {}
    with pytest.raises(PartialOutcome, match=r"inbound\.allowed_addresses came back different"):
        toy.update_sip("a", inbound=InboundUpdate(allowed_addresses=["192.0.2.7"]))


def test_the_same_networks_in_another_order_and_spelling_are_equal(toy):
    toy.server.add("a", "07011112222")
    toy.server.rewrite = lambda _: {"allowed_addresses": ["198.51.100.0/24", "192.0.2.7/32"]}
    toy.update_sip("a", inbound=InboundUpdate(allowed_addresses=["192.0.2.7", "198.51.100.0/24"]))


@pytest.mark.parametrize(
    ("sent", "read", "default", "equal"),
    [
        ("pbx.example.com", "sip:pbx.example.com;transport=tcp", "tcp", True),
        ("sip:pbx.example.com;transport=tcp", "pbx.example.com", "tcp", True),
        ("pbx.example.com:5060", "sip:pbx.example.com:5060;transport=tcp", "tcp", True),
        ("pbx.example.com", "sip:pbx.example.com;transport=udp", "tcp", False),
        ("pbx.example.com", "sip:pbx.example.com;transport=tcp", None, False),
        ("sips:pbx.example.com", "sip:pbx.example.com;transport=tcp", "tcp", False),
        ("sips:pbx.example.com", "sips:pbx.example.com", "tcp", True),
    ],
)
def test_a_bare_host_equals_the_transport_that_it_means_there_and_no_other(sent, read, default, equal):
    forms = replace(CAPABILITIES.address_forms, default_transport=default)
    shown = read_toy({"id": "a", "number": "07011112222", "address": read})
    found = differences({Field.ADDRESS: SipAddress.parse(sent)}, shown, replace(CAPABILITIES, address_forms=forms))
    assert (found == ()) is equal


def test_a_purchased_number_has_no_trunk_to_change(toy):
    toy.server.add("a", "07011112222", origin="purchased")
    with pytest.raises(UnsupportedOperation, match="purchased"):
        toy.update_sip("a", outbound=OutboundUpdate(username="u"))
    assert toy.server.writes() == []


def test_agents_are_assigned_and_taken_off(toy):
    toy.server.add("a", "07011112222")
    assigned = toy.assign_agents("a", inbound=AgentRef("bot", version="v1"))
    assert assigned.inbound_agent == AgentRef("bot", version="v1")
    assert toy.assign_agents("a", inbound=None).inbound_agent is None


def test_a_lost_assignment_is_settled_by_a_look(toy):
    toy.server.add("a", "07011112222")
    toy.server.faults[("PATCH", 1)] = lost_after
    assert toy.assign_agents("a", inbound=AgentRef("bot", version="v1")).inbound_agent.agent_id == "bot"


def test_a_lost_assignment_of_the_agent_that_was_there_before_is_not_taken_for_done(toy):
    toy.server.add("a", "07011112222", inbound_agent={"agent_id": "bot", "version": "v1"})
    toy.server.faults[("PATCH", 1)] = lost_before
    with pytest.raises(OutcomeUnknown) as caught:
        toy.assign_agents("a", inbound=AgentRef("bot", version="v1"))
    assert toy.reconcile(caught.value).outcome is ReconciliationOutcome.AMBIGUOUS


def test_a_lost_assignment_without_a_trace_is_unknown(toy):
    toy.server.add("a", "07011112222")
    toy.server.faults[("PATCH", 1)] = lost_before
    with pytest.raises(OutcomeUnknown):
        toy.assign_agents("a", inbound=AgentRef("bot", version="v1"))


def test_an_agent_given_as_a_bare_string_is_refused(toy):
    with pytest.raises(InvalidInput, match="AgentRef"):
        toy.assign_agents("a", inbound="bot")


def test_a_side_effect_that_does_not_exist_is_refused(toy):
    with pytest.raises(InvalidInput, match="publishes"):
        toy.release("a", allow={"everything"})


# -- giving up


def test_a_release_says_whether_it_can_be_taken_back(toy):
    toy.server.add("a", "07011112222")
    release = toy.release("a")
    assert (release.status, release.revocable) == (NumberStatus.RELEASE_SCHEDULED, True)
    assert toy.revoke_release("a").status is NumberStatus.ACTIVE


def test_a_release_that_would_unpublish_needs_allow(toy):
    toy.server.add("a", "07011112222", inbound_agent={"agent_id": "bot", "version": "v1"})
    with pytest.raises(NotAllowed) as caught:
        toy.release("a")
    assert caught.value.allowance == "unpublishes"
    assert toy.server.writes() == []
    toy.release("a", allow={SideEffect.UNPUBLISHES})
    assert toy.server.writes() == [("DELETE", "/numbers/a")]


@pytest.mark.parametrize("loss", [lost_after, garbled_after])
def test_a_lost_release_that_happened_is_told_as_done(toy, loss):
    toy.server.add("a", "07011112222")
    toy.server.faults[("DELETE", 1)] = loss
    release = toy.release("a")
    assert (release.status, release.revocable) == (NumberStatus.RELEASE_SCHEDULED, True)
    assert toy.server.writes() == [("DELETE", "/numbers/a")]


def test_a_lost_release_of_a_record_that_is_gone_is_done(toy):
    def vanish(_: object) -> Response:
        del toy.server.records["a"]
        raise NoAnswer("lost")

    toy.server.add("a", "07011112222")
    toy.server.faults[("DELETE", 1)] = vanish
    release = toy.release("a")
    assert (release.status, release.revocable) == (NumberStatus.RELEASED, False)


def test_a_lost_release_without_effect_is_unknown(toy):
    toy.server.add("a", "07011112222")
    toy.server.faults[("DELETE", 1)] = lost_before
    with pytest.raises(OutcomeUnknown) as caught:
        toy.release("a")
    assert toy.reconcile(caught.value).outcome is ReconciliationOutcome.NOT_SEEN
    assert toy.server.writes() == [("DELETE", "/numbers/a")]


@pytest.mark.parametrize(("status", "operation"), [("release_scheduled", "release"), ("active", "revoke_release")])
def test_a_state_that_forbids_it_is_refused_before_the_write(toy, status, operation):
    toy.server.add("a", "07011112222", status=status)
    with pytest.raises(WrongState):
        getattr(toy, operation)("a")
    assert toy.server.writes() == []


def test_a_lost_revocation_is_settled_by_a_look(toy):
    toy.server.add("a", "07011112222", status="release_scheduled")
    toy.server.faults[("POST", 1)] = lost_after
    assert toy.revoke_release("a").status is NumberStatus.ACTIVE


def test_a_lost_revocation_without_effect_is_unknown(toy):
    toy.server.add("a", "07011112222", status="release_scheduled")
    toy.server.faults[("POST", 1)] = lost_before
    with pytest.raises(OutcomeUnknown):
        toy.revoke_release("a")


def test_settling_needs_an_attempt(toy):
    with pytest.raises(InvalidInput, match="attempted"):
        toy.reconcile(OutcomeUnknown("somewhere"))


def test_a_flow_of_ones_own_runs_over_the_client(toy):
    toy.server.add("a", "07011112222")
    assert toy.run(toy.client.adapter.get("a")).id == "a"


@pytest.mark.parametrize("answer", [json_answer(200, b"<html>"), json_answer(302), json_answer(303)], ids=repr)
def test_an_update_without_a_usable_answer_is_looked_for(toy, answer):
    def acts(act: Callable[[], Response]) -> Response:
        act()
        return answer

    toy.server.add("a", "07011112222")
    toy.server.faults[("PATCH", 1)] = acts
    assert toy.update_label("a", "x").label == "x"
    toy.server.faults[("PATCH", 2)] = lambda _: answer
    with pytest.raises(OutcomeUnknown, match="again is safe"):
        toy.update_label("a", "y")
    assert len(toy.server.writes()) == 2


def test_a_record_that_was_made_is_found_when_a_later_step_of_the_adapter_is_refused(toy):
    """A create that is made of two requests: the first was accepted, so no refusal of the second one is the truth."""
    adapter = toy.client.adapter
    toy.server.faults[("PATCH", 1)] = lambda _: json_answer(422)

    def two_steps(change, identity):
        made = yield from type(adapter).import_number(adapter, change, identity)
        return (yield from type(adapter).update_label(adapter, made, "x"))

    adapter.import_number = two_steps
    number = toy.import_number(NumberImport(number=NUMBER, outbound=OutboundUpdate(address="pbx.example.com:5060")))
    assert number.id == "new-0"
    assert [method for method, _ in toy.server.writes()] == ["POST", "PATCH"]


def test_a_change_that_was_accepted_is_looked_for_when_the_adapter_cannot_read_it_back(toy):
    """Nothing that is said of a read (`nothing was changed`) is true of an operation whose write was accepted."""
    adapter = toy.client.adapter
    toy.server.add("a", "07011112222")

    def read_back(number, label):
        yield from type(adapter).update_label(adapter, number, label)
        return (yield from adapter.get(number.id))

    adapter.update_label = read_back
    toy.server.faults[("GET", 2)] = lambda _: json_answer(404)
    assert toy.update_label("a", "x").label == "x"
    toy.server.faults |= dict.fromkeys([("GET", nth) for nth in range(5, 20)], lambda _: json_answer(503))
    with pytest.raises(OutcomeUnknown, match="looking whether it happened failed too"):
        toy.update_label("a", "y")
    assert len(toy.server.writes()) == 2


def test_an_adopted_import_without_credentials_needs_nothing_again(toy):
    toy.server.faults[("POST", 1)] = lost_after
    toy.import_number(NumberImport(number=NUMBER, outbound=OutboundUpdate(address="pbx.example.com:5060")))
    assert toy.server.writes() == [("POST", "/numbers")]


def test_read_object_refuses_a_list():
    with pytest.raises(UnexpectedResponse, match="list"):
        read_object(json_answer(200, b"[]"))
