"""What core does around a change of settings or agents: it reads first, compares, and looks where an answer is lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from telephony_core import (
    AgentRef,
    InboundUpdate,
    InvalidInput,
    OutboundUpdate,
    OutcomeUnknown,
    PartialOutcome,
    ReconciliationOutcome,
    SipAddress,
    UnexpectedResponse,
    UnsupportedOperation,
    WrongState,
)
from telephony_core.operations.reconciliation import differences
from telephony_core.provider.capabilities import Field
from telephony_core.provider.flow import Response
from tests.operations.losing import lost_after, lost_before
from tests.provider.toy import CAPABILITIES, read_toy
from tests.transport.driving import json_answer


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
    with pytest.raises(InvalidInput, match="other's") as caught:
        toy.update_label(number, "x")
    assert caught.value.remedy == "use the client that read it, or find the number here with `find_number()`"
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


def test_an_agent_given_as_a_bare_string_is_refused(toy):
    with pytest.raises(InvalidInput, match="AgentRef"):
        toy.assign_agents("a", inbound="bot")
    assert toy.server.requests == []


# -- lost answers


def test_a_lost_assignment_is_settled_by_a_look(toy):
    toy.server.add("a", "07011112222")
    toy.server.faults[("PATCH", 1)] = lost_after
    assert toy.assign_agents("a", inbound=AgentRef("bot", version="v1")).inbound_agent.agent_id == "bot"
    assert len(toy.server.writes()) == 1


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
