"""The adapter and the emulator, written independently from one contract, meet through the client."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from telephony_core import (
    DRAFT,
    PUBLISHED,
    AgentRef,
    InboundUpdate,
    NumberImport,
    NumberStatus,
    Origin,
    OutboundUpdate,
    SideEffect,
    Telephony,
)
from telephony_core.emulator import Fault, FaultKind
from telephony_core.errors import (
    AuthenticationFailed,
    NotAllowed,
    NotFound,
    OutcomeUnknown,
    ProviderError,
    UnexpectedResponse,
)
from telephony_core.provider.flow import Response
from telephony_diga.emulator import DigaEmulator

GATEWAY_PAGE = Response(200, {"content-type": "text/html"}, b"<html>gateway</html>")
TRUNK = OutboundUpdate(address="sip:trunk.example.com:5060", username="trunk", password="p4 ß*")


@pytest.fixture
def emulator() -> DigaEmulator:
    return DigaEmulator()


@pytest.fixture
def telephony(emulator: DigaEmulator) -> Iterator[Telephony]:
    with Telephony("diga", api_key=emulator.api_key, backend=emulator.backend()) as telephony:
        yield telephony


def writes(emulator: DigaEmulator) -> list[str]:
    return [f"{call.method} {'/'.join(call.segments[-1:])}" for call in emulator.requests if call.method != "GET"]


def test_every_number_is_listed_once_whatever_its_status(telephony: Telephony) -> None:
    numbers = list(telephony.list_numbers())

    assert len({number.id for number in numbers}) == len(numbers)
    assert {number.provider_status for number in numbers} == {
        "reserved", "pending_verification", "assigned", "released", "finished",
    }  # fmt: skip
    assert all(number.problems == () for number in numbers)


def test_more_numbers_than_fit_on_a_page_all_come(telephony: Telephony, emulator: DigaEmulator) -> None:
    before = len(list(telephony.list_numbers()))
    emulator.populate(250)

    assert len(list(telephony.list_numbers())) == before + 250


def test_an_imported_number_comes_back_as_it_was_sent(telephony: Telephony) -> None:
    number = telephony.import_number(
        NumberImport(
            number="+827012345678",
            label="Séoul",
            inbound=InboundUpdate(allowed_addresses=["192.0.2.7", "2001:db8::/32"], media_encryption="require"),
            outbound=TRUNK,
        )
    )

    assert number == telephony.find_number("+82 70-1234-5678")
    assert (number.origin, number.status) == (Origin.IMPORTED, NumberStatus.ACTIVE)


def test_assigning_a_draft_or_another_version_needs_allow_and_the_published_one_does_not(
    telephony: Telephony, emulator: DigaEmulator
) -> None:
    number = telephony.find_number("+827044446666")
    sales = emulator.agents["sales"]
    other = next(version.version_id for version in emulator.versions(sales) if version.is_draft)

    for version in (DRAFT, other):
        with pytest.raises(NotAllowed):
            telephony.assign_agents(number, inbound=AgentRef(sales, version=version))
    assert writes(emulator) == []

    assert telephony.assign_agents(number, inbound=AgentRef(sales, version=PUBLISHED)).inbound_agent == AgentRef(sales)


def test_publishing_another_version_with_consent_switches_the_agent(
    telephony: Telephony, emulator: DigaEmulator
) -> None:
    survey = emulator.agents["survey"]
    version = emulator.versions(survey)[0].version_id
    number = telephony.find_number("+827044446666")

    telephony.assign_agents(number, inbound=AgentRef(survey, version=version), allow={SideEffect.PUBLISHES})

    assert [v.version_id for v in emulator.versions(survey) if v.is_published] == [version]


@pytest.mark.parametrize("kind", [FaultKind.LOST_AFTER, FaultKind.LOST_BEFORE])
def test_a_lost_publication_is_believed_only_when_the_version_is_seen(
    kind: FaultKind, telephony: Telephony, emulator: DigaEmulator
) -> None:
    survey = emulator.agents["survey"]
    wanted = AgentRef(survey, version=emulator.versions(survey)[0].version_id)
    number = telephony.find_number("+827044446666")
    emulator.faults.append(Fault(kind, "PATCH"))

    if kind is FaultKind.LOST_AFTER:
        number = telephony.assign_agents(number, inbound=wanted, allow={SideEffect.PUBLISHES})
        assert number.inbound_agent == AgentRef(survey)
    else:
        with pytest.raises(OutcomeUnknown):
            telephony.assign_agents(number, inbound=wanted, allow={SideEffect.PUBLISHES})
    assert len(writes(emulator)) == 1


def test_a_publication_that_the_vendor_refuses_says_what_to_do(telephony: Telephony, emulator: DigaEmulator) -> None:
    reception = emulator.agents["reception"]
    old = next(v.version_id for v in emulator.versions(reception) if not (v.is_published or v.is_draft))
    number = telephony.find_number("+827044446666")

    with pytest.raises(ProviderError, match="version=PUBLISHED"):
        telephony.assign_agents(number, inbound=AgentRef(reception, version=old), allow={SideEffect.PUBLISHES})


def test_a_lost_import_is_found_again_and_made_only_once(telephony: Telephony, emulator: DigaEmulator) -> None:
    emulator.faults.append(Fault(FaultKind.LOST_AFTER, "POST", "/import"))

    number = telephony.import_number(
        NumberImport(number="+827012345678", inbound=InboundUpdate(allow_any=True), outbound=TRUNK)
    )

    assert number.identity.e164 == "+827012345678"
    assert writes(emulator) == ["POST import", "PATCH sip-config"]


def test_releases_tell_scheduled_from_gone(telephony: Telephony) -> None:
    bought, imported = telephony.find_number("+34956512345"), telephony.find_number("+827044446666")

    scheduled, gone = telephony.release(bought), telephony.release(imported)

    assert (scheduled.status, gone.status) == (NumberStatus.RELEASE_SCHEDULED, NumberStatus.RELEASED)
    assert scheduled.takes_effect_at == telephony.get_number(bought.id).ends_at
    with pytest.raises(NotFound):
        telephony.get_number(imported.id)


def test_a_lost_release_is_settled(telephony: Telephony, emulator: DigaEmulator) -> None:
    emulator.faults.append(Fault(FaultKind.LOST_AFTER, "DELETE"))
    number = telephony.find_number("+34956512345")

    assert telephony.release(number).status is NumberStatus.RELEASE_SCHEDULED
    assert len(writes(emulator)) == 1


def test_a_gateway_page_in_place_of_the_agents_changes_nothing(telephony: Telephony, emulator: DigaEmulator) -> None:
    emulator.faults.append(Fault(FaultKind.ANSWER, "GET", "versions-dropdown", response=GATEWAY_PAGE))
    number = telephony.find_number("+827044446666")

    with pytest.raises(UnexpectedResponse):
        telephony.assign_agents(number, inbound=AgentRef(emulator.agents["sales"], version=PUBLISHED))

    assert writes(emulator) == []


def test_a_wrong_key_is_an_authentication_failure(emulator: DigaEmulator) -> None:
    telephony = Telephony("diga", api_key="can4ry", backend=emulator.backend())

    with telephony, pytest.raises(AuthenticationFailed) as error:
        telephony.get_number("11111111-1111-4111-8111-111111111111")

    assert "can4ry" not in str(error.value)


def test_an_id_that_is_no_id_is_not_found(telephony: Telephony) -> None:
    with pytest.raises(NotFound):
        telephony.get_number("my number")


def test_the_example_of_the_readme_runs() -> None:
    readme = Path(__file__).parents[3].joinpath("adapters", "diga", "README.md").read_text("utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)

    names: dict[str, object] = {}
    exec(example, names)

    assert getattr(names["n"], "inbound_agent", None) is not None
