"""Which numbers are meant: by conditions, by name, and never all of them by saying nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from telephony_core import AgentRef, NumberStatus, Origin, PhoneNumber
from telephony_core.domain.number_identity import NumberIdentity
from telephony_core.domain.sip import InboundSip, OutboundSip, SipConfig
from telephony_core.domain.sip_address import SipAddress
from telephony_core.errors import InvalidInput
from telephony_core.migration.changeset.selection import Conditions, named_records, select
from telephony_core.provider.capabilities import AddressForms
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
    return [found.id for found in select(RECORDS, Conditions.parse(where), numbers, DIGA)[0]]


@pytest.mark.parametrize(
    "where", ["outbound.address=pbx.example.com", "outbound.address=sip:pbx.example.com;transport=tcp"]
)
def test_an_address_is_compared_as_the_provider_means_it(where: str) -> None:
    addresses = ["pbx.example.com", "sip:pbx.example.com;transport=tcp", "sip:pbx.example.com;transport=udp"]
    records = [record(str(at), f"+3461200000{at}", address=address) for at, address in enumerate(addresses)]
    over_tcp = replace(DIGA, address_forms=AddressForms(source="test", transport=True, default_transport="tcp"))
    records.append(record("3", "+34612000003", sip=None))
    assert [found.id for found in select(records, Conditions.parse([where]), None, over_tcp)[0]] == ["0", "1"]
    named = [found.identity.raw for found in records]
    chosen, left = select(records, Conditions.parse([where]), named, over_tcp)
    assert ([found.id for found in chosen], [found.id for found in left]) == (["0", "1"], ["2", "3"])


@pytest.mark.parametrize(
    ("where", "found"),
    [
        (["label=Sales"], ["a", "b"]),
        (["label="], ["c"]),
        (["agent=reception"], ["a", "b"]),
        (["label=Sales", "agent=reception", "trunk=in"], ["a"]),
        (["inbound_agent=reception"], ["a"]),
        (["agent="], ["c"]),
        (["trunk=out"], ["a"]),
        (["trunk=", "label=Sales"], ["b"]),
        (["outbound.address=sip:pbx.example.com:5060"], ["a", "c"]),
        (["outbound.username=acme"], ["a", "b", "c"]),
        (["inbound.allowed_addresses=203.0.113.7, 203.0.113.8"], ["c"]),
        (["status=released"], ["d"]),
        (["status=active", "label=Sales"], ["a", "b"]),
        (["origin=unknown", "trunk=out"], ["a"]),
    ],
)
def test_every_condition_has_to_hold(where: list[str], found: list[str]) -> None:
    assert ids(*where) == found


@pytest.mark.parametrize("name", ["a", "+34612000001", "612 00 00 01", "0034612000001"])
def test_a_number_is_named_by_its_id_or_in_any_spelling(name: str) -> None:
    assert ids(numbers=[name]) == ["a"]
    assert ids("label=Sales", numbers=[name, "c"]) == ["a"]


@pytest.mark.parametrize("where", ["status=", "origin="])
def test_no_number_is_without_a_status_or_an_origin(where: str) -> None:
    with pytest.raises(InvalidInput, match="no number fits"):
        ids(where)


def test_an_empty_label_is_none_and_a_value_may_hold_an_equals_sign() -> None:
    odd = [record("e", "+34612000005", label=""), record("f", "+34612000006", label="a=b")]
    for where, found in (("label=", odd[0]), ("label=a=b", odd[1])):
        assert select(odd, Conditions.parse([where]), None, DIGA) == ([found], [])


@pytest.mark.parametrize(
    ("where", "problem", "others"),
    [
        ("inbound_agent=", "inbound_agent_id: has to be text", "label="),
        ("agent=", "inbound_agent_id: has to be text", "label="),
        ("inbound.allowed_addresses=", "sip_config: has to be a table", "label="),
        ("label=", "nickname[0]: has to be text", "inbound_agent="),
    ],
)
def test_what_could_not_be_read_is_not_taken_for_nothing(where: str, problem: str, others: str) -> None:
    """A record whose agent cannot be read looks as one without an agent, and would be given another one."""
    unread = [record("g", "+34612000007", problems=(problem,))]
    assert select(unread, Conditions.parse([others]), None, DIGA)[0] == unread
    with pytest.raises(InvalidInput, match="no number fits"):
        select(unread, Conditions.parse([where]), None, DIGA)


def test_a_label_is_found_however_its_syllables_are_put_together() -> None:
    for held, typed in (("\u1112\u1161\u11ab", "\ud55c"), ("\ud55c", "\u1112\u1161\u11ab")):
        labelled = [record("h", "+34612000008", label=held)]
        assert select(labelled, Conditions.parse([f"label={typed}"]), None, DIGA)[0] == labelled


def test_only_numbers_that_were_named_are_told_as_left_out() -> None:
    sales = Conditions.parse(["label=Sales"])
    assert select(RECORDS, sales, None, DIGA)[1] == []
    assert [left.id for left in select(RECORDS, sales, ["a", "c"], DIGA)[1]] == ["c"]


EVERY_FIELD = (
    "status, origin, trunk, agent, label, outbound.address, outbound.username, inbound.allowed_addresses, "
    "inbound.media_encryption, outbound.media_encryption, inbound_agent, outbound_agent"
)
LONG = "x" * 60
NONE_FITS = "look at `telephony numbers list`; an empty selection never means all numbers"


@pytest.mark.parametrize(
    ("where", "numbers", "why", "remedy"),
    [
        (
            [],
            None,
            "no selection was given, and that never means all numbers",
            "say which: --where FIELD=VALUE, --numbers, or --from FILE",
        ),
        (
            ["label=Nobody", "status=active"],
            None,
            "no number fits the selection (label=Nobody and status=active)",
            NONE_FITS,
        ),
        ([], [], "no number is named", NONE_FITS),
        (["lable=Sales"], None, "where: there is no field 'lable'", f"the fields are: {EVERY_FIELD}"),
        ([f"{LONG}=1"], None, f"where: there is no field '{'x' * 40}'", f"the fields are: {EVERY_FIELD}"),
        (["label"], None, "where: a condition is written as FIELD=VALUE", f"the fields are: {EVERY_FIELD}"),
        (
            ["outbound.password=x"],
            None,
            "where: there is no field 'outbound.password'",
            f"the fields are: {EVERY_FIELD}",
        ),
        (["origin=bought"], None, "where: origin is never 'bought'", f"its words are: {', '.join(Origin)}"),
        ([f"status={LONG}"], None, f"where: status is never '{'x' * 40}'", f"its words are: {', '.join(NumberStatus)}"),
        ([], ["+34699999999"], "there is no number '+34699999999'", "write it in E.164, or give its record's id"),
        ([], [LONG], f"there is no number '{'x' * 40}'", "write it in E.164, or give its record's id"),
    ],
)
def test_a_selection_that_cannot_be_meant_is_refused_with_what_to_write(
    where: list[str], numbers: list[str] | None, why: str, remedy: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        ids(*where, numbers=numbers)
    assert (refused.value.message, refused.value.remedy) == (why, remedy)


def test_a_number_of_two_records_has_to_be_named_by_id() -> None:
    twice = [*RECORDS, record("e", "+34612000001")]
    with pytest.raises(InvalidInput) as refused:
        select(twice, Conditions(()), ["+34612000001"], DIGA)
    assert refused.value.message == "2 records hold '+34612000001': a, e"
    spaced = "+34 612 00 00 01".replace(" ", " " * 12)
    with pytest.raises(InvalidInput) as refused:
        select(twice, Conditions(()), [spaced], DIGA)
    assert refused.value.message == f"2 records hold {spaced[:40]!r}: a, e"
    assert refused.value.remedy == "give the id of the one you mean"
    assert [found.id for found in named_records(twice, ["e"])] == ["e"]


def test_of_a_number_that_was_released_and_imported_again_the_live_record_is_meant() -> None:
    again = [*RECORDS, record("e", "+34612000004")]
    assert [found.id for found in named_records(again, ["+34612000004"])] == ["e"]
    assert [found.id for found in named_records(RECORDS, ["+34612000004"])] == ["d"]


def test_the_records_that_are_named_keep_their_order_and_the_others_are_left_out() -> None:
    assert [found.id for found in named_records(RECORDS, ["612 00 00 03", "a"])] == ["a", "c"]


def test_nothing_is_chosen_by_what_a_provider_never_tells() -> None:
    conditions = Conditions.parse(["outbound.username=acme"])
    conditions.demand_told(DIGA, "diga")
    with pytest.raises(InvalidInput) as refused:
        conditions.demand_told(VOX, "vox")
    assert refused.value.message == "where: vox does not return outbound.username, so no number can be chosen by it"
    assert refused.value.remedy == "choose by another field, or name the numbers"
