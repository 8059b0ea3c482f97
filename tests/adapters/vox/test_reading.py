"""What vox sends and what it means in the model, odd records included."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telephony_core.domain.agents import DRAFT, PUBLISHED, AgentRef
from telephony_core.domain.lifecycle import Money, NumberStatus, Origin
from telephony_core.domain.number_identity import NumberKind
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.domain.sip import CredentialState
from telephony_core.domain.sip_address import SipAddress
from telephony_core.errors import UnexpectedResponse
from telephony_vox import mapping
from tests.adapters.vox.records import available_number, phone_number

Make = Callable[..., dict[str, Any]]


def test_an_imported_number_is_read_whole(custom: Make) -> None:
    number = phone_number(custom())

    assert (number.provider, number.id) == ("vox", custom()["id"])
    assert (number.identity.e164, number.identity.raw) == ("+827011112222", "07011112222")
    assert (number.status, number.provider_status) == (NumberStatus.ACTIVE, "active")
    assert (number.origin, number.provider_origin) == (Origin.IMPORTED, "custom")
    assert number.label == "front desk"
    assert number.sip is not None
    assert number.sip.outbound.address == SipAddress.parse("sip:trunk.example.com:5060")
    assert number.inbound_agent == AgentRef(custom()["inbound_agent"]["agent_id"], version=PUBLISHED)
    assert number.outbound_agent is None
    assert number.monthly_fee is None
    assert number.problems == ()


def test_times_are_milliseconds_and_become_aware_utc(custom: Make) -> None:
    number = phone_number(custom(status="cancel_requested", end_at=1769904000000, cancel_requested_at=1767312000001))

    assert number.starts_at == datetime(2026, 1, 1, tzinfo=UTC)
    assert number.created_at == datetime(2026, 1, 1, 0, 0, 0, 123000, tzinfo=UTC)
    assert number.updated_at == datetime(2026, 1, 2, tzinfo=UTC)
    assert number.release_requested_at == datetime(2026, 1, 2, 0, 0, 0, 1000, tzinfo=UTC)
    assert number.ends_at == datetime(2026, 2, 1, tzinfo=UTC)


def test_a_bought_number_has_a_fee_in_won_and_no_trunk(bought: Make) -> None:
    number = phone_number(bought())

    assert number.origin is Origin.PURCHASED
    assert number.monthly_fee == Money(amount=Decimal(5500), currency="KRW")
    assert number.sip is None


def test_an_imported_number_whose_address_was_cleared_still_has_a_trunk(custom: Make) -> None:
    sip = phone_number(custom(address=None)).sip

    assert sip is not None
    assert sip.outbound.address is None


def test_nothing_is_claimed_about_credentials_or_the_allow_list(custom: Make) -> None:
    sip = phone_number(custom()).sip

    assert sip is not None
    assert (sip.outbound.credentials, sip.outbound.username) == (CredentialState.UNKNOWN, None)
    assert sip.inbound.allowed_addresses is None
    assert (sip.inbound.media_encryption, sip.outbound.media_encryption) == (None, None)


def test_an_address_without_a_scheme_is_read(custom: Make) -> None:
    sip = phone_number(custom(address="203.0.113.7")).sip

    assert sip is not None
    assert sip.outbound.address == SipAddress("203.0.113.7")


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("scheduled", NumberStatus.PENDING),
        ("active", NumberStatus.ACTIVE),
        ("cancel_requested", NumberStatus.RELEASE_SCHEDULED),
        ("expired", NumberStatus.RELEASED),
    ],
)
def test_every_documented_status_has_its_word_in_the_model(word: str, status: NumberStatus, custom: Make) -> None:
    number = phone_number(custom(status=word))

    assert (number.status, number.provider_status, number.problems) == (status, word, ())


def test_an_unknown_status_is_kept_beside_unknown_and_named(custom: Make) -> None:
    number = phone_number(custom(status="paused"))

    assert (number.status, number.provider_status) == (NumberStatus.UNKNOWN, "paused")
    assert number.is_live
    assert [problem.split(":")[0] for problem in number.problems] == ["status"]


def test_an_unknown_origin_is_kept_beside_unknown_and_named(custom: Make) -> None:
    number = phone_number(custom(provider="partner"))

    assert (number.origin, number.provider_origin) == (Origin.UNKNOWN, "partner")
    assert number.sip is not None
    assert [problem.split(":")[0] for problem in number.problems] == ["provider"]


@pytest.mark.parametrize(
    ("word", "version"), [("current", DRAFT), ("production", PUBLISHED), ("v7", "v7"), ("beta", "beta"), (None, None)]
)
def test_agent_versions_are_translated_and_others_kept(word: str | None, version: str | None, custom: Make) -> None:
    number = phone_number(custom(outbound_agent={"agent_id": "a", "agent_version": word}))

    assert number.outbound_agent == AgentRef("a", version=version)
    assert number.problems == ()


@pytest.mark.parametrize("word", ["draft", "published"])
def test_a_version_that_only_sounds_like_the_models_word_is_not_taken_for_it(word: str, custom: Make) -> None:
    number = phone_number(custom(inbound_agent={"agent_id": "a", "agent_version": word}))

    assert number.inbound_agent == AgentRef("a")
    assert number.problems[0].startswith("inbound_agent.agent_version: ")


def test_a_record_of_id_and_number_alone_is_enough() -> None:
    number = phone_number({"id": "x", "number": "07011112222"})

    assert (number.status, number.origin) == (NumberStatus.UNKNOWN, Origin.UNKNOWN)
    assert (number.sip, number.inbound_agent, number.created_at, number.problems) == (None, None, None, ())


@pytest.mark.parametrize(
    "field",
    [
        "provider", "status", "start_at", "created_at", "updated_at", "monthly_fee", "address", "inbound_agent",
        "outbound_agent", "memo", "end_at", "cancel_requested_at",
    ],
)  # fmt: skip
@pytest.mark.parametrize("odd", [[1], True, 1.5])
def test_a_field_of_the_wrong_type_is_named_and_costs_nothing_else(field: str, odd: object, custom: Make) -> None:
    number = phone_number(custom(**{field: odd}))

    assert [problem.split(":")[0] for problem in number.problems] == [field]
    assert number.id == custom()["id"]
    assert number.identity.e164 == "+827011112222"


@pytest.mark.parametrize("field", ["id", "number"])
@pytest.mark.parametrize("odd", [None, 7, ""])
def test_a_record_without_its_id_or_number_is_refused(field: str, odd: object, custom: Make) -> None:
    with pytest.raises(UnexpectedResponse, match=field):
        phone_number(custom(**{field: odd}))


@pytest.mark.parametrize("payload", [None, [], "x", 3])
def test_a_record_that_is_no_object_is_refused(payload: object) -> None:
    with pytest.raises(UnexpectedResponse):
        phone_number(payload)


@pytest.mark.parametrize("millis", [-1, 253_402_300_800_000, "1767225600000"])
def test_a_time_that_cannot_be_one_is_named(millis: object, custom: Make) -> None:
    number = phone_number(custom(created_at=millis))

    assert number.created_at is None
    assert number.problems[0].startswith("created_at: ")


def test_an_agent_without_an_id_is_named_and_left_out(custom: Make) -> None:
    number = phone_number(custom(inbound_agent={"agent_version": "current"}))

    assert number.inbound_agent is None
    assert number.problems == ("inbound_agent: a record lacks a readable agent_id",)


def test_an_agent_whose_version_cannot_be_read_keeps_its_id(custom: Make) -> None:
    number = phone_number(custom(inbound_agent={"agent_id": "a", "agent_version": 7}))

    assert number.inbound_agent == AgentRef("a")
    assert number.problems[0].startswith("inbound_agent.agent_version: ")


def test_everything_odd_about_a_record_is_named(custom: Make) -> None:
    odd = {"agent_id": "a", "agent_version": 7}
    agents = {"inbound_agent": odd, "outbound_agent": odd}
    number = phone_number(custom(memo=5, status="paused", address="sip:bad host", **agents))

    assert [problem.partition(":")[0] for problem in number.problems] == [
        *("memo", "status", "address", "inbound_agent.agent_version", "outbound_agent.agent_version")
    ]


def test_an_address_that_cannot_be_read_is_named_without_being_repeated(custom: Make) -> None:
    number = phone_number(custom(address="sip:user:canary@trunk.example.com"))

    assert number.sip is not None
    assert number.sip.outbound.address is None
    assert number.problems[0].startswith("address: ")
    assert "canary" not in repr(number) + str(number.problems) + repr(number.raw)


def test_an_empty_memo_is_no_label(custom: Make) -> None:
    assert phone_number(custom(memo="")).label is None


def test_unknown_keys_are_kept_in_raw_only(custom: Make) -> None:
    number = phone_number(custom(line_type="voip"))

    assert number.raw["line_type"] == "voip"
    assert "line_type" not in number.model_dump()


def test_the_ids_of_both_trunks_have_a_place(custom: Make, bought: Make) -> None:
    assert phone_number(custom()).trunk_ids == ("ST_in", "ST_out")
    one = phone_number(custom(inbound_trunk_id=None, outbound_trunk_id="ST_out", address=None))
    assert one.trunk_ids == ("ST_out",)
    assert PhoneNumber.model_validate(one.model_dump()) == one
    assert phone_number(bought()).trunk_ids == ()
    assert phone_number(custom(inbound_trunk_id=7)).problems == ("inbound_trunk_id: has to be text",)


def test_a_password_in_an_answer_is_dropped(custom: Make) -> None:
    number = phone_number(custom(auth_password="canary", nested={"auth_password": "canary"}))

    assert "canary" not in str(number.raw) + repr(number) + number.model_dump_json()


def test_a_short_code_is_read_as_one(custom: Make) -> None:
    identity = phone_number(custom(number="140001")).identity

    assert (identity.kind, identity.e164, identity.raw) == (NumberKind.SERVICE, None, "140001")


def test_a_representative_number_gains_no_zero(custom: Make) -> None:
    assert phone_number(custom(number="15881234")).identity.e164 == "+8215881234"


def test_a_line_for_sale_is_read_whole() -> None:
    line = available_number(
        {
            "id": "line-1",
            "number": "07012345678",
            "line_type": "voip",
            "monthly_fee": 3300,
            "provider": "vox",
            "sms_capable": {"send": True, "recv": False},
        }
    )

    assert (line.provider, line.id, line.identity.e164) == ("vox", "line-1", "+827012345678")
    assert (line.line_type, line.sends_sms, line.receives_sms) == ("voip", True, False)
    assert line.monthly_fee == Money(amount=Decimal(3300), currency="KRW")
    assert (line.problems, line.raw["provider"]) == ((), "vox")


@pytest.mark.parametrize("sms", [None, {}])
def test_what_a_line_says_nothing_about_is_unknown(sms: object) -> None:
    line = available_number({"id": "line-1", "number": "07012345678", "sms_capable": sms})

    assert (line.line_type, line.monthly_fee, line.sends_sms, line.receives_sms) == (None, None, None, None)
    assert line.problems == ()


def test_odd_fields_of_a_line_are_named() -> None:
    line = available_number(
        {"id": "line-1", "number": "07012345678", "monthly_fee": "3300", "sms_capable": {"send": "yes", "recv": True}}
    )

    assert (line.monthly_fee, line.sends_sms, line.receives_sms) == (None, None, True)
    assert [problem.split(":")[0] for problem in line.problems] == ["monthly_fee", "sms_capable.send"]


def test_a_release_of_a_bought_number_is_scheduled_and_revocable(bought: Make) -> None:
    number = phone_number(bought())

    release = mapping.release({**_cancelled(bought()), "effective_at": 1769904000000}, number)

    assert release.status is NumberStatus.RELEASE_SCHEDULED
    assert release.takes_effect_at == datetime(2026, 2, 1, tzinfo=UTC)
    assert release.revocable


def test_a_release_of_an_imported_number_is_done_and_final(custom: Make) -> None:
    number = phone_number(custom())

    release = mapping.release({**_cancelled(custom()), "effective_at": 1767312000000}, number)

    assert release.status is NumberStatus.RELEASED
    assert release.takes_effect_at == datetime(2026, 1, 2, tzinfo=UTC)
    assert not release.revocable


def test_a_release_of_unknown_origin_claims_nothing(custom: Make) -> None:
    number = phone_number(custom(provider="partner"))

    release = mapping.release({"id": number.id, "number": "07011112222"}, number)

    assert (release.status, release.takes_effect_at, release.revocable) == (NumberStatus.UNKNOWN, None, False)


def test_a_cancellation_knows_the_origin_better_than_a_record_that_did_not(custom: Make) -> None:
    number = phone_number(custom(provider="partner"))

    release = mapping.release({"id": number.id, "number": "07011112222", "provider": "custom"}, number)

    assert release.status is NumberStatus.RELEASED


def test_a_cancellation_that_does_not_say_the_origin_takes_that_of_the_number(bought: Make) -> None:
    number = phone_number(bought())

    assert mapping.release({"id": number.id, "number": "0212345678"}, number).revocable


def test_a_cancellation_is_of_the_number_that_its_answer_names(custom: Make) -> None:
    release = mapping.release({"id": "another", "number": "070-9999-8888"}, phone_number(custom()))

    assert (release.id, release.identity.e164) == ("another", "+827099998888")


@pytest.mark.parametrize("payload", [{}, {"id": "x"}, {"number": "07011112222"}])
def test_an_answer_that_is_no_cancellation_is_refused(payload: object, custom: Make) -> None:
    with pytest.raises(UnexpectedResponse) as caught:
        mapping.release(payload, phone_number(custom()), http_status=200)

    assert caught.value.status == 200


def _cancelled(record: dict[str, Any]) -> dict[str, Any]:
    return {key: record[key] for key in ("id", "number", "provider")}


FIELDS = (
    "id", "number", "provider", "status", "start_at", "created_at", "updated_at", "monthly_fee", "address", "memo",
    "inbound_agent", "outbound_agent", "end_at", "cancel_requested_at",
)  # fmt: skip
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
VALUES = LEAVES | st.lists(LEAVES, max_size=2) | st.dictionaries(st.sampled_from(["agent_id", "agent_version"]), LEAVES)


@settings(deadline=None, max_examples=200)
@given(st.dictionaries(st.sampled_from(FIELDS), VALUES))
def test_no_record_with_an_id_and_a_number_is_ever_lost(odd: dict[str, Any]) -> None:
    readable = odd | {"id": "x", "number": "07011112222"}

    number = phone_number(readable)

    assert number.id == "x"
    assert all(problem.split(":")[0].split(".")[0] in odd for problem in number.problems)


@settings(deadline=None, max_examples=100)
@given(VALUES | st.dictionaries(st.sampled_from(FIELDS), VALUES))
def test_any_other_record_is_an_unexpected_response_and_nothing_else(payload: object) -> None:
    with contextlib.suppress(UnexpectedResponse):
        phone_number(payload)
