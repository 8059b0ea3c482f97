"""What core does around a release and its revocation: consent, state, and what a lost answer meant."""

from __future__ import annotations

import pytest

from telephony_core import (
    InvalidInput,
    NotAllowed,
    NumberStatus,
    OutcomeUnknown,
    ReconciliationOutcome,
    SideEffect,
    WrongState,
)
from telephony_core.errors import NoAnswer
from telephony_core.provider.flow import Response
from tests.operations.losing import garbled_after, lost_after, lost_before


def test_a_side_effect_that_does_not_exist_is_refused(toy):
    with pytest.raises(InvalidInput, match="publishes"):
        toy.release("a", allow={"everything"})
    assert toy.server.requests == []


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
    assert len(toy.server.writes()) == 1


def test_a_lost_revocation_without_effect_is_unknown(toy):
    toy.server.add("a", "07011112222", status="release_scheduled")
    toy.server.faults[("POST", 1)] = lost_before
    with pytest.raises(OutcomeUnknown):
        toy.revoke_release("a")
    assert len(toy.server.writes()) == 1


def test_settling_needs_an_attempt(toy):
    with pytest.raises(InvalidInput, match="attempted"):
        toy.reconcile(OutcomeUnknown("somewhere"))
