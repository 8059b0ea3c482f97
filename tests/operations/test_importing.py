"""What core does around an import: it looks first, assigns the agents, and finds out what a lost answer meant."""

from __future__ import annotations

import pytest

from telephony_core import (
    PUBLISHED,
    AgentRef,
    Conflict,
    InvalidRequest,
    NotAllowed,
    NumberImport,
    OutboundUpdate,
    OutcomeUnknown,
    PartialOutcome,
    ReconciliationOutcome,
)
from telephony_core.errors import NoAnswer
from telephony_core.provider.flow import Response
from tests.operations.losing import NUMBER, TRUNK, garbled_after, lost_after, lost_before
from tests.transport.driving import json_answer


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


def test_an_adopted_import_without_credentials_needs_nothing_again(toy):
    toy.server.faults[("POST", 1)] = lost_after
    toy.import_number(NumberImport(number=NUMBER, outbound=OutboundUpdate(address="pbx.example.com:5060")))
    assert toy.server.writes() == [("POST", "/numbers")]


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
