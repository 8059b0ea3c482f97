"""The adapter and the emulator, written independently from one contract, meet through the client."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from telephony_core import (
    PUBLISHED,
    AgentRef,
    NumberImport,
    NumberStatus,
    Origin,
    OutboundUpdate,
    SideEffect,
    Telephony,
)
from telephony_core.emulator import Fault, FaultKind
from telephony_core.errors import AuthenticationFailed, NotAllowed, NotFound, OutcomeUnknown, PartialOutcome
from telephony_core.testing import emulated
from telephony_retell.emulator import RetellEmulator

NEW = "+14155550199"
TRUNK = OutboundUpdate(address="sip:trunk.example.com;transport=tls", username="trunk", password="p4 ß*")


@pytest.fixture
def emulator() -> RetellEmulator:
    return RetellEmulator()


@pytest.fixture
def telephony(emulator: RetellEmulator) -> Iterator[Telephony]:
    with emulated("retell", emulator) as telephony:
        yield telephony


def test_every_number_is_listed_once_and_nothing_of_it_is_odd(telephony: Telephony, emulator: RetellEmulator) -> None:
    numbers = list(telephony.list_numbers())
    assert [number.id for number in numbers] == [record["phone_number"] for record in emulator.records()]
    assert {number.status for number in numbers} == {NumberStatus.ACTIVE}
    assert {number.origin for number in numbers} == {Origin.PURCHASED, Origin.IMPORTED}
    assert [number.problems for number in numbers if number.problems] == []


def test_more_numbers_than_fit_on_a_page_all_come(telephony: Telephony, emulator: RetellEmulator) -> None:
    before = len(emulator.records())
    emulator.populate(250)
    assert len({number.id for number in telephony.list_numbers()}) == before + 250


def test_an_imported_number_comes_back_as_it_was_sent(telephony: Telephony, emulator: RetellEmulator) -> None:
    agent = AgentRef(emulator.agents["support"], version="prod")
    number = telephony.import_number(NumberImport(number=NEW, label="서울", outbound=TRUNK, inbound_agent=agent))
    assert number == telephony.find_number("415-555-0199")
    assert (number.id, number.label, number.inbound_agent) == (NEW, "서울", agent)
    stored = emulator.credentials(NEW)
    assert stored is not None
    assert (stored.username, stored.password) == ("trunk", "p4 ß*")


def test_a_number_that_was_released_can_come_back_under_the_same_id(telephony: Telephony) -> None:
    first = telephony.import_number(NumberImport(number=NEW, outbound=TRUNK))
    telephony.release(first)
    again = telephony.import_number(NumberImport(number=NEW, outbound=TRUNK))
    assert again.id == first.id
    assert again.updated_at is not None
    assert first.updated_at is not None
    assert again.updated_at >= first.updated_at


def test_an_import_with_an_agent_of_nobody_tells_that_the_number_exists(telephony: Telephony) -> None:
    with pytest.raises(PartialOutcome) as caught:
        telephony.import_number(
            NumberImport(number=NEW, outbound=TRUNK, outbound_agent=AgentRef("nobody", version=PUBLISHED))
        )
    assert caught.value.failed_step == "assign_agents"
    assert telephony.get_number(NEW) == caught.value.number


def test_a_split_is_replaced_only_by_whoever_consents(telephony: Telephony, emulator: RetellEmulator) -> None:
    shares = [{"agent_id": emulator.agents[name], "weight": 0.5, "agent_version": 0} for name in ("sales", "support")]
    id = emulator.add(phone_number=NEW, inbound_agents=shares)
    agent = AgentRef(emulator.agents["sales"], version=PUBLISHED)
    with pytest.raises(NotAllowed):
        telephony.assign_agents(id, inbound=agent)
    assert telephony.assign_agents(id, outbound=agent).outbound_agent == agent
    assert emulator.store[id]["inbound_agents"] == shares
    assert telephony.assign_agents(id, inbound=agent, allow={SideEffect.REPLACES_SPLIT}).inbound_agent == agent
    assert telephony.get_number(id).problems == ()


@pytest.mark.parametrize("kind", [FaultKind.LOST_AFTER, FaultKind.LOST_BEFORE])
def test_a_release_whose_answer_is_lost_is_looked_for(
    kind: FaultKind, telephony: Telephony, emulator: RetellEmulator
) -> None:
    emulator.faults.append(Fault(kind, "DELETE"))
    if kind is FaultKind.LOST_AFTER:
        assert telephony.release("+12135550110").status is NumberStatus.RELEASED
    else:
        with pytest.raises(OutcomeUnknown):
            telephony.release("+12135550110")
        assert telephony.get_number("+12135550110")
    assert len([call for call in emulator.requests if call.method == "DELETE"]) == 1


def test_a_number_is_its_id_in_its_own_spelling_only(telephony: Telephony) -> None:
    assert telephony.get_number("2002").label == "Extension of the old PBX"
    for spelling in ("12135550110", "+1 213 555 0110"):
        with pytest.raises(NotFound):
            telephony.get_number(spelling)


def test_a_wrong_key_is_refused(emulator: RetellEmulator) -> None:
    with (
        Telephony("retell", api_key="wrong", backend=emulator.backend()) as stranger,
        pytest.raises(AuthenticationFailed),
    ):
        list(stranger.list_numbers())
