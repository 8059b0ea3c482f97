"""The adapter and the emulator, written independently from one contract, meet through the client."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from telephony_core import PUBLISHED, AgentRef, InboundUpdate, NumberImport, NumberStatus, OutboundUpdate, Telephony
from telephony_core.emulator import Fault, FaultKind, StoredCredentials, json_response
from telephony_core.errors import NotFound, OutcomeUnknown, PartialOutcome, UnexpectedResponse, UnsupportedOperation
from telephony_core.provider.flow import Response
from telephony_core.testing import emulated
from telephony_elevenlabs.emulator import ElevenLabsEmulator

OPEN = InboundUpdate(allow_any=True)


@pytest.fixture
def emulator() -> ElevenLabsEmulator:
    return ElevenLabsEmulator()


@pytest.fixture
def telephony(emulator: ElevenLabsEmulator) -> Iterator[Telephony]:
    with emulated("elevenlabs", emulator) as telephony:
        yield telephony


def test_every_number_is_listed_in_one_request(telephony: Telephony, emulator: ElevenLabsEmulator) -> None:
    emulator.populate(300)
    numbers = list(telephony.list_numbers())

    assert len(numbers) == len(emulator.records())
    assert {number.status for number in numbers} == {NumberStatus.ACTIVE}
    assert len(emulator.requests) == 1


def test_an_imported_number_comes_back_as_it_was_sent(telephony: Telephony, emulator: ElevenLabsEmulator) -> None:
    number = telephony.import_number(
        NumberImport(
            number="+827012345678",
            label="서울",
            inbound=InboundUpdate(allowed_addresses=["192.0.2.7", "2001:db8::/32"], media_encryption="require"),
            outbound=OutboundUpdate(address="sip:a.example:5061;transport=tls", username="trunk", password="p4 ß*"),
            inbound_agent=AgentRef(emulator.agents["sales"], version=PUBLISHED),
        )
    )

    assert emulator.credentials(number.id) == StoredCredentials("trunk", "p4 ß*")
    assert telephony.find_number("+82 70-1234-5678") == number
    assert number.inbound_agent == AgentRef(emulator.agents["sales"], version=PUBLISHED)


@pytest.mark.parametrize("merges", [False, True], ids=["halves replaced", "halves merged"])
def test_whatever_a_half_does_a_change_of_one_field_is_one(merges: bool, emulator: ElevenLabsEmulator) -> None:
    emulator.merges_halves = merges
    with emulated("elevenlabs", emulator) as telephony:
        number = telephony.find_number("+12025550102")
        after = telephony.update_sip(number, inbound=InboundUpdate(media_encryption="disable"))
        assert number.sip is not None
        assert after.sip is not None
        assert after.sip.inbound.allowed_addresses == number.sip.inbound.allowed_addresses
        assert after.sip.outbound == number.sip.outbound
        after = telephony.update_sip(number, outbound=OutboundUpdate(address="other.example"))
        assert after.sip is not None
        assert (after.sip.outbound.username, str(after.sip.outbound.address)) == ("washington", "other.example")
        assert emulator.credentials(number.id) == StoredCredentials("washington", "password-of-washington")


def test_a_branch_comes_and_goes(telephony: Telephony, emulator: ElevenLabsEmulator) -> None:
    number = telephony.find_number("+12025550102")
    reception = emulator.agents["reception"]
    branch = emulator.branches(reception)["winter-opening-hours"]
    assert number.inbound_agent == AgentRef(reception, version=branch)

    number = telephony.assign_agents(number, inbound=AgentRef(reception, version=PUBLISHED))
    assert number.inbound_agent == AgentRef(reception, version=PUBLISHED)
    assert telephony.assign_agents(number, inbound=None).inbound_agent is None


def test_a_branch_that_does_not_go_is_told(telephony: Telephony, emulator: ElevenLabsEmulator) -> None:
    """If null left the branch as it is, the answer would show it."""
    number = telephony.find_number("+12025550102")
    unchanged = next(record for record in emulator.records() if record["phone_number_id"] == number.id)
    emulator.faults[:] = [Fault(FaultKind.ANSWER, method="PATCH", response=json_response(200, unchanged))]
    with pytest.raises(PartialOutcome, match="inbound_agent"):
        telephony.assign_agents(number, inbound=AgentRef(emulator.agents["reception"], version=PUBLISHED))


def test_a_linked_number_takes_an_agent_but_no_trunk(telephony: Telephony, emulator: ElevenLabsEmulator) -> None:
    number = telephony.find_number("+12025550105")
    number = telephony.assign_agents(number, inbound=AgentRef(emulator.agents["sales"], version=PUBLISHED))
    assert number.inbound_agent is not None
    with pytest.raises(UnsupportedOperation, match="linked"):
        telephony.update_sip(number.id, outbound=OutboundUpdate(address="a.example"))
    assert telephony.release(number).status is NumberStatus.RELEASED


def test_a_released_number_is_gone(telephony: Telephony) -> None:
    number = telephony.find_number("+12025550101")

    assert telephony.release(number).status is NumberStatus.RELEASED
    with pytest.raises(NotFound):
        telephony.get_number(number.id)


def test_an_import_that_cannot_be_read_yet_is_in_doubt_and_named(
    telephony: Telephony, emulator: ElevenLabsEmulator
) -> None:
    emulator.hide_new_for = 9
    with pytest.raises(OutcomeUnknown, match="imported as phnum_") as caught:
        telephony.import_number(NumberImport(number="+12025550177", label="Late", inbound=OPEN))
    while emulator.hide_new_for:
        emulator.hide_new_for -= 1
        list(telephony.list_numbers())
    found = telephony.reconcile(caught.value).number
    assert found is not None
    assert found.label == "Late"


def test_a_gateways_page_in_place_of_the_read_behind_an_import_is_in_doubt_no_longer(
    telephony: Telephony, emulator: ElevenLabsEmulator
) -> None:
    page = Response(200, {"content-type": "text/html"}, b"<html>gateway</html>")
    emulator.faults[:] = [Fault(FaultKind.ANSWER, method="GET", path="phnum_", response=page)]
    number = telephony.import_number(NumberImport(number="+12025550177", label="Found", inbound=OPEN))

    assert number.label == "Found"


def test_a_number_that_changed_hands_between_two_reads_is_not_written(
    telephony: Telephony, emulator: ElevenLabsEmulator
) -> None:
    number = telephony.find_number("+12025550101")
    emulator.faults[:] = [Fault(FaultKind.ANOTHER_RECORD, method="GET", path=number.id, skip=1)]
    with pytest.raises(UnexpectedResponse):
        telephony.update_sip(number, outbound=OutboundUpdate(address="b.example"))

    assert not [call for call in emulator.requests if call.method != "GET"]


def test_the_example_of_the_readme_runs() -> None:
    text = (Path(__file__).parents[3] / "adapters" / "elevenlabs" / "README.md").read_text("utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    scope: dict[str, object] = {}
    exec(compile(code, "README.md", "exec"), scope)

    assert str(scope["n"]).startswith("+12025550142")
