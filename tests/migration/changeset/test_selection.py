"""Which numbers are meant: by conditions, by name, and never all of them by saying nothing."""

from __future__ import annotations

import pytest

from telephony_core import AgentRef, NumberStatus, PhoneNumber
from telephony_core.domain.number_identity import NumberIdentity
from telephony_core.domain.sip import InboundSip, OutboundSip, SipConfig
from telephony_core.domain.sip_address import SipAddress
from telephony_core.errors import InvalidInput
from telephony_core.migration.changeset.selection import Conditions, named_records, select
from telephony_diga.capabilities import CAPABILITIES as DIGA
from telephony_vox.capabilities import CAPABILITIES as VOX


def record(id: str, number: str, **more: object) -> PhoneNumber:
    sip = SipConfig(
        inbound=InboundSip(allowed_addresses=more.pop("allowed", None)),
        outbound=OutboundSip(
            address=SipAddress.parse(str(more.pop("address", "pbx.example.com:5060"))), username="acme"
        ),
    )
    given = {"status": NumberStatus.ACTIVE, "sip": sip, **more}
    return PhoneNumber(provider="west", id=id, identity=NumberIdentity.parse(number, region="ES"), **given)


RECORDS = [
    record(
        "a", "+34612000001", label="Sales", inbound_agent=AgentRef("reception", version="v1"), trunk_ids=("in", "out")
    ),
    record("b", "+34612000002", label="Sales", outbound_agent=AgentRef("reception"), address="sip:other.example.com"),
    record("c", "+34612000003", allowed=("203.0.113.8/32", "203.0.113.7")),
    record("d", "+34612000004", status=NumberStatus.RELEASED, label="Sales"),
]


def ids(*where: str, numbers: list[str] | None = None) -> list[str]:
    return [found.id for found in select(RECORDS, Conditions.parse(where), numbers)[0]]


@pytest.mark.parametrize(
    ("where", "found"),
    [
        (["label=Sales"], ["a", "b"]),
        (["label="], ["c"]),
        (["label=Sales", "agent=reception"], ["a", "b"]),
        (["inbound_agent=reception"], ["a"]),
        (["agent="], ["c"]),
        (["trunk=out"], ["a"]),
        (["trunk=", "label=Sales"], ["b"]),
        (["outbound.address=sip:pbx.example.com:5060"], ["a", "c"]),
        (["outbound.username=acme"], ["a", "b", "c"]),
        (["inbound.allowed_addresses=203.0.113.7, 203.0.113.8"], ["c"]),
        (["status=released"], ["d"]),
        (["status=active", "label=Sales"], ["a", "b"]),
    ],
)
def test_every_condition_has_to_hold(where: list[str], found: list[str]) -> None:
    assert ids(*where) == found


@pytest.mark.parametrize("name", ["a", "+34612000001", "612 00 00 01", "0034612000001"])
def test_a_number_is_named_by_its_id_or_in_any_spelling(name: str) -> None:
    assert ids(numbers=[name]) == ["a"]
    assert ids("label=Sales", numbers=[name, "c"]) == ["a"]


@pytest.mark.parametrize(
    ("where", "numbers", "why"),
    [
        ([], None, "never means all numbers"),
        (["label=Nobody"], None, "no number fits the selection"),
        ([], [], "no number is named"),
        ([], ["+34699999999"], "there is no number"),
        (["lable=Sales"], None, "there is no field 'lable'"),
        (["label"], None, "FIELD=VALUE"),
        (["status=busy"], None, "status is never 'busy'"),
        (["outbound.password=x"], None, "there is no field"),
    ],
)
def test_a_selection_that_cannot_be_meant_is_refused(where: list[str], numbers: list[str] | None, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        ids(*where, numbers=numbers)


def test_a_number_of_two_records_has_to_be_named_by_id() -> None:
    twice = [*RECORDS, record("e", "+34612000001")]
    with pytest.raises(InvalidInput) as refused:
        select(twice, Conditions(()), ["+34612000001"])
    assert refused.value.message == "2 records hold '+34612000001': a, e"
    assert refused.value.remedy == "give the id of the one you mean"
    assert [found.id for found in named_records(twice, ["e"])] == ["e"]


def test_of_a_number_that_was_released_and_imported_again_the_live_record_is_meant() -> None:
    again = [*RECORDS, record("e", "+34612000004")]
    assert [found.id for found in named_records(again, ["+34612000004"])] == ["e"]
    assert [found.id for found in named_records(RECORDS, ["+34612000004"])] == ["d"]


def test_the_records_that_are_named_keep_their_order_and_the_others_are_left_out() -> None:
    assert [found.id for found in named_records(RECORDS, ["612 00 00 03", "a"])] == ["a", "c"]


def test_what_names_no_number_is_quoted_in_part_with_how_to_name_one() -> None:
    with pytest.raises(InvalidInput) as refused:
        named_records(RECORDS, ["sales " * 20])
    assert refused.value.message == f"there is no number {('sales ' * 20)[:40]!r}"
    assert refused.value.remedy == "write it in E.164, or give its record's id"


def test_nothing_is_chosen_by_what_a_provider_never_tells() -> None:
    conditions = Conditions.parse(["outbound.username=acme"])
    conditions.demand_told(DIGA, "diga")
    with pytest.raises(InvalidInput, match="vox does not return"):
        conditions.demand_told(VOX, "vox")
