"""Answers about something else: never a result, and nothing is written after them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from telephony_core import (
    PUBLISHED,
    AgentRef,
    Conflict,
    NotFound,
    NumberImport,
    NumberStatus,
    OutboundUpdate,
    OutcomeUnknown,
    PartialOutcome,
    PhoneNumber,
    ReconciliationOutcome,
    SideEffect,
    UnexpectedResponse,
)
from telephony_core.domain.number_identity import NumberIdentity
from telephony_core.errors import NoAnswer, ProviderUnavailable
from telephony_core.provider.flow import Response
from telephony_core.provider.identity import require_about, same_id
from tests.operations.losing import NUMBER, TRUNK, lost_before
from tests.provider.toy import Both, ToyServer
from tests.transport.driving import json_answer

STRANGER = "+827033334444"
EVERYTHING = frozenset(SideEffect)
UUID = "0b6ad0a4-6c0d-4c0a-9c6e-7f1f0a4c1d11"


@pytest.fixture
def toy(toy: Both) -> Both:
    toy.server.add("a", "07011112222", label="Mine")
    toy.server.add("v", "07033334444", label="Theirs")
    return toy


def about(server: ToyServer, id: str, /, **changes: object) -> Callable[[object], Response]:
    """An answer that shows another record; nothing is done."""
    return lambda _: json_answer(200, json.dumps({**server.records[id], **changes}).encode())


def done_but_about(server: ToyServer, id: str, /, **changes: object) -> Callable[[Callable[[], Response]], Response]:
    def answer(act: Callable[[], Response]) -> Response:
        act()
        return about(server, id, **changes)(None)

    return answer


def not_found(_: object) -> Response:
    return json_answer(404)


CHANGES: dict[str, Callable[[Both, object], object]] = {
    "update_label": lambda toy, number: toy.update_label(number, "New"),
    "update_sip": lambda toy, number: toy.update_sip(number, outbound=OutboundUpdate(username="new")),
    "assign_agents": lambda toy, number: toy.assign_agents(number, inbound=AgentRef("bot", version="v1")),
    "release": lambda toy, number: toy.release(number, allow=EVERYTHING),
    "revoke_release": lambda toy, number: toy.revoke_release(number),
}
change = pytest.mark.parametrize("operation", list(CHANGES))


def ready(toy: Both, operation: str) -> PhoneNumber:
    """The record ``a``, in the state that the operation needs."""
    if operation == "revoke_release":
        toy.server.records["a"]["status"] = "release_scheduled"
    number = toy.get_number("a")
    toy.server.requests.clear()
    return number


# -- the rule itself


def test_a_uuid_has_several_spellings_and_any_other_id_has_one():
    assert same_id(UUID, UUID.upper())
    assert same_id(UUID, UUID.replace("-", ""))
    assert not same_id(UUID, UUID[:-1] + "2")
    assert not same_id("abc", "ABC")
    assert not same_id("a", "a ")


def test_what_is_asked_of_a_record_can_be_its_id_its_number_or_both(toy):
    record = toy.get_number("a")
    theirs = NumberIdentity.parse(STRANGER, region="KR")
    assert require_about(record, id="a", identity=NumberIdentity.parse("070-1111-2222", region="KR")) is record
    for asked in ({"id": "b"}, {"identity": theirs}, {"id": "a", "identity": theirs}, {"id": "b", "identity": theirs}):
        with pytest.raises(UnexpectedResponse) as caught:
            require_about(record, **asked, status=200)
        assert caught.value.status == 200
        assert caught.value.remedy.startswith("read the number again before anything is done with it")
        assert "the answer is about a of +827011112222" in str(caught.value)


# -- reading


def test_a_read_by_id_that_is_answered_with_another_record_is_refused(toy):
    toy.server.faults[("GET", 1)] = about(toy.server, "v")
    with pytest.raises(UnexpectedResponse, match=r"about v of \+827033334444, and a was asked"):
        toy.get_number("a")


def test_a_look_up_that_brings_another_number_is_refused(toy):
    adapter = toy.client.adapter
    adapter.find = lambda identity: both_of(adapter, "a", "v")
    adapter.capabilities = replace(adapter.capabilities, finds_by_number=True)
    with pytest.raises(UnexpectedResponse, match="about v"):
        toy.find_number(NUMBER)
    with pytest.raises(UnexpectedResponse, match="about v"):
        toy.import_number(NumberImport(number=NUMBER, outbound=TRUNK))
    assert toy.server.writes() == []


def test_a_look_up_whose_pages_overlap_finds_a_record_once(toy):
    adapter = toy.client.adapter
    adapter.find = lambda identity: both_of(adapter, "a", "a")
    adapter.capabilities = replace(adapter.capabilities, finds_by_number=True)
    assert toy.find_number(NUMBER).id == "a"


def test_a_record_that_a_look_up_shows_as_released_and_as_live_keeps_its_number_from_an_import(toy):
    adapter = toy.client.adapter
    adapter.capabilities = replace(adapter.capabilities, finds_by_number=True)

    def contradicting(identity):
        live, same = yield from both_of(adapter, "a", "a")
        return same.model_copy(update={"status": NumberStatus.RELEASED}), live

    adapter.find = contradicting
    with pytest.raises(Conflict, match="already here as a "):
        toy.import_number(NumberImport(number=NUMBER, outbound=TRUNK))
    assert toy.server.writes() == []


def both_of(adapter, *ids):
    first = yield from adapter.get(ids[0])
    return (first, (yield from adapter.get(ids[1])))


# -- before a write


@change
@pytest.mark.parametrize("by_id", [False, True])
def test_nothing_is_written_after_a_read_that_names_another_record(toy, operation, by_id):
    number = ready(toy, operation)
    toy.server.faults[("GET", 1)] = about(toy.server, "v")
    with pytest.raises(UnexpectedResponse):
        CHANGES[operation](toy, "a" if by_id else number)
    assert toy.server.writes() == []


@change
def test_nothing_is_written_to_an_id_that_serves_another_number_now(toy, operation):
    number = ready(toy, operation)
    toy.server.records["a"]["number"] = "07055556666"
    with pytest.raises(
        Conflict, match=r"a is the record of \+827055556666 now \(.*\), not of \+827011112222"
    ) as caught:
        CHANGES[operation](toy, number)
    assert "nothing was sent" in str(caught.value)
    assert toy.server.writes() == []


def test_the_same_number_in_another_spelling_is_the_same(toy):
    number = toy.get_number("a")
    toy.server.records["a"]["number"] = "+82 70-1111-2222"
    assert toy.update_label(number, "New").label == "New"


# -- after a write


@change
@pytest.mark.parametrize("stranger", [{"id": "v"}, {"id": "v", "number": "07011112222"}, {"id": "a"}], ids=str)
def test_a_change_that_is_answered_about_something_else_is_looked_for(toy, operation, stranger):
    """Another record, another record of the same number, and another number under the same id."""
    number = ready(toy, operation)
    theirs = dict(toy.server.records["v"])
    method = {"release": "DELETE", "revoke_release": "POST"}.get(operation, "PATCH")
    toy.server.faults[(method, 1)] = done_but_about(toy.server, "v", **stranger)
    result = CHANGES[operation](toy, number)
    assert (result.id, result.identity) == ("a", number.identity)
    assert len(toy.server.writes()) == 1
    assert toy.server.records["v"] == theirs


@change
def test_a_change_that_was_not_done_and_is_answered_about_something_else_is_unknown(toy, operation):
    number = ready(toy, operation)
    method = {"release": "DELETE", "revoke_release": "POST"}.get(operation, "PATCH")
    toy.server.faults[(method, 1)] = about(toy.server, "v")
    with pytest.raises(OutcomeUnknown, match="the answer is about v") as caught:
        CHANGES[operation](toy, number)
    assert (caught.value.attempt.id, caught.value.attempt.identity) == ("a", number.identity)
    assert toy.reconcile(caught.value).outcome is ReconciliationOutcome.NOT_SEEN
    assert len(toy.server.writes()) == 1


@change
def test_a_look_that_is_answered_about_something_else_tells_nothing(toy, operation):
    number = ready(toy, operation)
    method = {"release": "DELETE", "revoke_release": "POST"}.get(operation, "PATCH")
    toy.server.faults |= {(method, n): lost_before for n in (1, 2, 3)}
    toy.server.faults[("GET", 2)] = about(toy.server, "v", status="released")
    with pytest.raises(OutcomeUnknown):
        CHANGES[operation](toy, number)


def test_an_id_that_serves_another_number_does_not_tell_what_became_of_a_change(toy):
    def recycled(_: object) -> Response:
        toy.server.records["a"] |= {"number": "07055556666", "status": "released"}
        raise NoAnswer("lost")

    toy.server.faults[("DELETE", 1)] = recycled
    with pytest.raises(OutcomeUnknown, match=r"a of \+827055556666, which does not show it") as caught:
        toy.release("a")
    reconciled = toy.reconcile(caught.value)
    assert reconciled.outcome is ReconciliationOutcome.AMBIGUOUS
    assert [record.id for record in reconciled.candidates] == ["a"]


# -- importing


def fresh(mode: str) -> Both:
    both = Both(mode, ToyServer())
    both.server.add("v", "07033334444", label="Theirs", address="pbx.example.com:5060", username="u")
    both.server.add("old", "07011112222", status="released")
    return both


@pytest.fixture(params=["sync", "async"])
def empty(request: pytest.FixtureRequest) -> Both:
    return fresh(request.param)


@pytest.mark.parametrize("stranger", ["v", "old"])
def test_an_import_that_is_answered_about_something_else_is_found_and_made_whole(empty, stranger):
    empty.server.faults[("POST", 1)] = done_but_about(empty.server, stranger)
    number = empty.import_number(NumberImport(number=NUMBER, outbound=TRUNK))
    assert (number.id, number.identity.e164) == ("new-2", NUMBER)
    assert empty.server.writes() == [("POST", "/numbers"), ("PATCH", "/numbers/new-2")]


@pytest.mark.parametrize("stranger", ["v", "old"])
def test_an_import_that_made_nothing_and_is_answered_about_something_else_is_unknown(empty, stranger):
    empty.server.faults[("POST", 1)] = about(empty.server, stranger)
    with pytest.raises(OutcomeUnknown, match=f"the answer is about {stranger}") as caught:
        empty.import_number(NumberImport(number=NUMBER, outbound=TRUNK))
    assert empty.server.writes() == [("POST", "/numbers")]
    assert empty.reconcile(caught.value).outcome is ReconciliationOutcome.NOT_SEEN


def test_an_import_that_became_another_number_is_unknown(empty):
    empty.server.rewrite = lambda body: {**body, "number": "07099999999"}
    with pytest.raises(OutcomeUnknown, match=r"about new-2 of \+827099999999, and \+827011112222 was asked"):
        empty.import_number(NumberImport(number=NUMBER, outbound=TRUNK))


def test_agents_that_are_assigned_to_something_else_after_an_import_are_a_partial_outcome(empty):
    empty.server.faults[("PATCH", 1)] = about(empty.server, "v")
    with pytest.raises(PartialOutcome) as caught:
        empty.import_number(
            NumberImport(number=NUMBER, outbound=TRUNK, inbound_agent=AgentRef("bot", version=PUBLISHED))
        )
    assert (caught.value.number.id, caught.value.failed_step) == ("new-2", "assign_agents")
    assert isinstance(caught.value.cause, OutcomeUnknown)


def test_a_released_record_that_comes_back_under_another_spelling_of_its_id_was_not_made_by_the_import(empty):
    def revived(_: object) -> Response:
        empty.server.add(UUID.upper(), "07011112222", address="pbx.example.com:5060", username="u")
        del empty.server.records[UUID]
        raise NoAnswer("lost")

    empty.server.add(UUID, "07011112222", status="released")
    empty.server.faults[("POST", 1)] = revived
    with pytest.raises(OutcomeUnknown, match=r"which may be somebody else's") as caught:
        empty.import_number(NumberImport(number=NUMBER, outbound=TRUNK))
    assert empty.reconcile(caught.value).outcome is ReconciliationOutcome.AMBIGUOUS
    assert empty.server.writes() == [("POST", "/numbers")]


# -- gone means gone twice


@pytest.mark.parametrize("by_id", [False, True])
def test_a_record_that_its_id_does_not_show_and_a_listing_does_is_not_gone(toy, by_id):
    number = ready(toy, "release")
    toy.server.faults[("GET", 1)] = not_found
    with pytest.raises(UnexpectedResponse, match=r"says of a that it is not there, and lists it as \+827011112222"):
        toy.release("a" if by_id else number)
    assert toy.server.writes() == []


@pytest.mark.parametrize("by_id", [False, True])
@pytest.mark.parametrize("status", [None, "released"])
def test_a_record_that_neither_shows_as_live_is_gone(toy, by_id, status):
    number = ready(toy, "release")
    if status is None:
        del toy.server.records["a"]
    else:
        toy.server.records["a"]["status"] = status
        toy.server.faults[("GET", 1)] = not_found
    with pytest.raises(NotFound):
        toy.release("a" if by_id else number)
    assert toy.server.writes() == []


def test_a_release_that_is_not_found_and_leaves_the_record_listed_is_unknown(toy):
    toy.server.faults[("DELETE", 1)] = not_found
    with pytest.raises(OutcomeUnknown, match="lists it") as caught:
        toy.release("a")
    assert caught.value.attempt.id == "a"
    assert toy.reconcile(caught.value).outcome is ReconciliationOutcome.NOT_SEEN


def test_a_release_that_is_not_found_while_nothing_can_be_listed_is_unknown(toy):
    toy.server.faults |= {("DELETE", 1): not_found, **{("GET", n): lambda _: json_answer(503) for n in (2, 3, 4)}}
    with pytest.raises(OutcomeUnknown):
        toy.release("a")


def test_a_release_of_what_went_away_meanwhile_is_not_found(toy):
    def vanished(_: object) -> Response:
        del toy.server.records["a"]
        return json_answer(404)

    toy.server.faults[("DELETE", 1)] = vanished
    with pytest.raises(NotFound):
        toy.release("a")


def test_that_nothing_can_be_listed_is_told_instead_of_not_found(toy):
    toy.server.faults = {("GET", n): not_found if n == 1 else (lambda _: json_answer(503)) for n in range(1, 5)}
    with pytest.raises(ProviderUnavailable):
        toy.release("a")
    assert toy.server.writes() == []


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        ({}, ReconciliationOutcome.NOT_SEEN),
        ({"status": "released"}, ReconciliationOutcome.MADE),
        (None, ReconciliationOutcome.MADE),
    ],
)
def test_after_a_lost_release_one_404_proves_nothing(toy, state, outcome):
    toy.server.faults[("DELETE", 1)] = lost_before
    with pytest.raises(OutcomeUnknown) as caught:
        toy.release("a")
    if state is None:
        del toy.server.records["a"]
    else:
        toy.server.records["a"] |= state
    toy.server.faults = {("GET", n): not_found for n in (3, 5)}
    reconciled = toy.reconcile(caught.value)
    assert reconciled.outcome == outcome


def accepted_without_a_word(toy: Both) -> None:
    adapter = toy.client.adapter

    def release(number):
        release = yield from type(adapter).release(adapter, number)
        return release.model_copy(update={"status": NumberStatus.UNKNOWN})

    adapter.release = release


@pytest.mark.parametrize(
    ("look", "status"),
    [
        (None, NumberStatus.RELEASE_SCHEDULED),
        (not_found, NumberStatus.RELEASE_SCHEDULED),  # the listing shows it
        (lambda _: json_answer(403), NumberStatus.UNKNOWN),
    ],
)
def test_what_became_of_a_release_that_was_accepted_without_a_word_is_looked_up(toy, look, status):
    accepted_without_a_word(toy)
    if look is not None:
        toy.server.faults[("GET", 2)] = look
    release = toy.release("a")
    assert (release.id, release.status) == ("a", status)
    assert release.revocable or status is NumberStatus.UNKNOWN


def test_a_release_that_was_accepted_and_left_no_trace_is_neither_done_nor_failed(toy):
    accepted_without_a_word(toy)
    toy.server.faults[("DELETE", 1)] = about(toy.server, "a")
    assert toy.release("a").status is NumberStatus.UNKNOWN
