"""What Diga sends and what it means in the model, odd records included."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telephony_core.domain.agents import AgentRef
from telephony_core.domain.lifecycle import NumberStatus, Origin
from telephony_core.domain.number_identity import NumberKind
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.domain.sip import CredentialState, MediaEncryption
from telephony_core.domain.sip_address import SipAddress
from telephony_core.errors import UnexpectedResponse
from telephony_diga import mapping
from tests.adapters.diga.records import read

Make = Callable[..., dict[str, Any]]


def named(number: PhoneNumber) -> list[str]:
    return [problem.split(":")[0] for problem in number.problems]


def test_an_imported_number_is_read_whole(custom: Make) -> None:
    number = read(custom())

    assert (number.provider, number.id) == ("diga", custom()["id"])
    assert (number.identity.e164, number.identity.raw) == ("+34911234567", "+34911234567")
    assert (number.status, number.provider_status) == (NumberStatus.ACTIVE, "assigned")
    assert (number.origin, number.provider_origin) == (Origin.IMPORTED, "custom")
    assert number.label == "Head office"
    assert number.starts_at == datetime(2026, 7, 1, 9, tzinfo=UTC)
    assert (number.ends_at, number.created_at, number.monthly_fee) == (None, None, None)
    assert (number.trunk_ids, number.unmodelled, number.problems) == ((), (), ())


def test_the_flat_trunk_becomes_two_halves(custom: Make) -> None:
    sip = read(custom()).sip

    assert sip is not None
    assert sip.inbound.allowed_addresses == ("192.0.2.0/24",)
    assert (sip.inbound.media_encryption, sip.inbound.provider_media_encryption) == (MediaEncryption.ALLOW, "allow")
    assert sip.outbound.address == SipAddress("trunk.example.com", 5060)
    assert (sip.outbound.username, sip.outbound.credentials) == ("acme", CredentialState.SET)
    assert (sip.outbound.media_encryption, sip.outbound.provider_media_encryption) == (
        MediaEncryption.REQUIRE,
        "require",
    )


def test_agents_are_known_by_id_and_their_version_is_not(custom: Make) -> None:
    number = read(custom(outbound_agent_id="33333333-3333-4333-8333-333333333333"))

    assert number.inbound_agent == AgentRef(custom()["inbound_agent_id"], version=None)
    assert number.outbound_agent == AgentRef("33333333-3333-4333-8333-333333333333", version=None)


def test_a_bought_number_has_no_trunk_of_the_customers(bought: Make) -> None:
    number = read(bought())

    assert (number.origin, number.provider_origin) == (Origin.PURCHASED, "netelip")
    assert number.sip is None


def test_a_korean_number_is_read_in_full(custom: Make) -> None:
    assert read(custom(number="+827011112222")).identity.region == "KR"


def test_a_sip_identifier_is_a_number_too_and_keeps_its_case(custom: Make) -> None:
    identity = read(custom(number="Front.Desk@pbx.example.com")).identity

    assert (identity.kind, identity.raw) == (NumberKind.SIP_ID, "Front.Desk@pbx.example.com")


# -- status


def test_another_field_that_cannot_be_read_orders_no_release(bought: Make) -> None:
    number = read(bought(assigned_at="soon"))

    assert (number.status, number.ends_at) == (NumberStatus.ACTIVE, None)
    assert named(number) == ["assigned_at"]


def test_times_that_diga_does_not_have_are_unknown(custom: Make) -> None:
    number = read(custom())

    assert (number.created_at, number.updated_at, number.release_requested_at) == (None, None, None)


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("reserved", NumberStatus.PENDING),
        ("pending_verification", NumberStatus.PENDING),
        ("assigned", NumberStatus.ACTIVE),
        ("released", NumberStatus.RELEASED),
        ("finished", NumberStatus.RELEASED),
    ],
)
def test_every_documented_status_has_its_word_in_the_model(word: str, status: NumberStatus, bought: Make) -> None:
    number = read(bought(status=word))

    assert (number.status, number.provider_status, number.problems) == (status, word, ())


def test_an_assigned_number_with_an_ordered_release_is_scheduled(bought: Make) -> None:
    number = read(bought(scheduled_release_at="2026-08-01T00:00:00Z"))

    assert (number.status, number.provider_status) == (NumberStatus.RELEASE_SCHEDULED, "assigned")
    assert number.ends_at == datetime(2026, 8, 1, tzinfo=UTC)


def test_an_ordered_release_whose_time_cannot_be_read_is_still_scheduled(bought: Make) -> None:
    number = read(bought(scheduled_release_at="soon"))

    assert (number.status, number.ends_at) == (NumberStatus.RELEASE_SCHEDULED, None)
    assert named(number) == ["scheduled_release_at"]


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("reserved", NumberStatus.PENDING),
        ("released", NumberStatus.RELEASED),
        ("finished", NumberStatus.RELEASED),
        ("paused", NumberStatus.UNKNOWN),
    ],
)
def test_an_ordered_release_changes_no_other_status(word: str, status: NumberStatus, bought: Make) -> None:
    assert read(bought(status=word, scheduled_release_at="2026-08-01T00:00:00Z")).status is status


def test_a_released_number_ended_when_it_was_released(bought: Make) -> None:
    number = read(
        bought(status="released", scheduled_release_at="2026-08-01T00:00:00Z", released_at="2026-08-01T00:10:00Z")
    )

    assert number.ends_at == datetime(2026, 8, 1, 0, 10, tzinfo=UTC)


def test_an_unknown_status_is_kept_beside_unknown_and_named(custom: Make) -> None:
    number = read(custom(status="paused"))

    assert (number.status, number.provider_status) == (NumberStatus.UNKNOWN, "paused")
    assert number.is_live
    assert named(number) == ["status"]


def test_an_unknown_origin_is_kept_beside_unknown_and_named(custom: Make) -> None:
    number = read(custom(telephony_provider="partner"))

    assert (number.origin, number.provider_origin) == (Origin.UNKNOWN, "partner")
    assert number.sip is not None
    assert named(number) == ["telephony_provider"]


# -- times


@pytest.mark.parametrize(
    "text", ["2026-07-01T09:00:00Z", "2026-07-01T11:00:00+02:00", "2026-07-01T09:00:00.000000+00:00"]
)
def test_times_become_aware_utc(text: str, custom: Make) -> None:
    assert read(custom(assigned_at=text)).starts_at == datetime(2026, 7, 1, 9, tzinfo=UTC)


def test_a_time_without_a_zone_is_read_as_utc(custom: Make) -> None:
    assert read(custom(assigned_at="2026-07-01T09:00:00")).starts_at == datetime(2026, 7, 1, 9, tzinfo=UTC)


@pytest.mark.parametrize("odd", ["yesterday", "", 1767225600000, "1767225600", "0001-01-01T00:00:00+23:00", {}])
def test_a_time_that_is_none_is_named(odd: object, custom: Make) -> None:
    number = read(custom(assigned_at=odd))

    assert number.starts_at is None
    assert number.problems == ("assigned_at: not an ISO 8601 time",)


# -- odd records


def test_a_record_of_id_and_number_alone_is_enough() -> None:
    number = read({"id": "x", "number": "+34911234567"})

    assert (number.status, number.provider_status) == (NumberStatus.UNKNOWN, None)
    assert (number.origin, number.provider_origin) == (Origin.UNKNOWN, None)
    assert (number.sip, number.inbound_agent, number.starts_at, number.problems) == (None, None, None, ())


@pytest.mark.parametrize(
    "field",
    [
        "telephony_provider", "status", "nickname", "assigned_at", "released_at", "scheduled_release_at",
        "inbound_agent_id", "outbound_agent_id", "sip_config",
    ],
)  # fmt: skip
@pytest.mark.parametrize("odd", [[1], True, 1.5])
def test_a_field_of_the_wrong_type_is_named_and_costs_nothing_else(field: str, odd: object, custom: Make) -> None:
    number = read(custom(**{field: odd}))

    assert named(number) == [field]
    assert number.identity.e164 == "+34911234567"


@pytest.mark.parametrize("field", ["telephony_provider", "status"])
def test_a_null_where_the_vendor_promises_a_word_is_named(field: str, custom: Make) -> None:
    assert named(read(custom(**{field: None}))) == [field]


@pytest.mark.parametrize("field", ["id", "number"])
@pytest.mark.parametrize("odd", [None, 7, ""])
def test_a_record_without_its_id_or_number_is_refused(field: str, odd: object, custom: Make) -> None:
    with pytest.raises(UnexpectedResponse, match=field):
        read(custom(**{field: odd}))


@pytest.mark.parametrize("payload", [None, [], "x", 3])
def test_a_record_that_is_no_object_is_refused(payload: object) -> None:
    with pytest.raises(UnexpectedResponse):
        read(payload)


@pytest.mark.parametrize("field", ["nickname", "inbound_agent_id", "outbound_agent_id"])
def test_an_empty_text_is_nothing(field: str, custom: Make) -> None:
    number = read(custom(**{field: ""}))

    assert getattr(number, {"nickname": "label"}.get(field, field.removesuffix("_id"))) is None
    assert number.problems == ()


def test_what_the_model_has_no_word_for_stays_in_raw(bought: Make) -> None:
    number = read(bought(status="reserved", reservation_expires_at="2026-07-01T09:30:00Z", tomorrow={"a": 1}))

    assert number.raw["region_codes"] == ["M"]
    assert number.raw["reservation_expires_at"] == "2026-07-01T09:30:00Z"
    assert number.raw["tomorrow"] == {"a": 1}
    assert number.problems == ()


def test_a_password_that_should_never_come_is_kept_nowhere(custom: Make) -> None:
    number = read(custom(sip={"password": "canary"}, secret="canary"))

    assert "canary" not in repr(number) + repr(number.raw) + number.model_dump_json()


# -- odd trunks


def test_an_imported_number_without_trunk_settings_has_an_unknown_trunk(custom: Make) -> None:
    number = read(custom(sip_config=None))

    assert number.sip is not None
    assert number.sip.inbound.allowed_addresses is None
    assert number.sip.inbound.media_encryption is MediaEncryption.UNKNOWN
    assert number.sip.outbound.address is None
    assert number.sip.outbound.credentials is CredentialState.UNKNOWN
    assert number.sip.outbound.media_encryption is MediaEncryption.UNKNOWN
    assert number.problems == ()


def test_an_inbound_only_trunk_has_no_address(custom: Make) -> None:
    sip = read(custom(sip={"termination_uri": None, "username": None})).sip

    assert sip is not None
    assert (sip.outbound.address, sip.outbound.username) == (None, None)


@pytest.mark.parametrize("username", [None, ""])
def test_without_a_user_name_nothing_is_claimed_about_credentials(username: str | None, custom: Make) -> None:
    sip = read(custom(sip={"username": username})).sip

    assert sip is not None
    assert (sip.outbound.username, sip.outbound.credentials) == (None, CredentialState.UNKNOWN)


def test_an_empty_allow_list_is_open_and_a_missing_one_is_unknown(custom: Make) -> None:
    opened, unknown = (read(custom(sip={"allowed_addresses": value})).sip for value in ([], None))

    assert opened is not None
    assert unknown is not None
    assert opened.inbound.allowed_addresses == ()
    assert unknown.inbound.allowed_addresses is None


def test_entries_that_are_no_addresses_are_kept_and_named_by_position(custom: Make) -> None:
    number = read(custom(sip={"allowed_addresses": ["192.0.2.1", "pbx.example.com", "203.0.113.9/24"]}))

    assert number.sip is not None
    assert number.sip.inbound.allowed_addresses == ("192.0.2.1", "pbx.example.com", "203.0.113.9/24")
    assert number.problems == (
        "sip_config.allowed_addresses: entry 2 is no IP address or network",
        "sip_config.allowed_addresses: entry 3 is no IP address or network",
    )


def test_a_list_with_something_else_than_texts_is_unknown_rather_than_open(custom: Make) -> None:
    number = read(custom(sip={"allowed_addresses": [7]}))

    assert number.sip is not None
    assert number.sip.inbound.allowed_addresses is None
    assert named(number) == ["sip_config.allowed_addresses"]


def test_an_address_that_cannot_be_read_is_named_without_being_repeated(custom: Make) -> None:
    number = read(custom(sip={"termination_uri": "sip:user:canary@trunk.example.com"}))

    assert number.sip is not None
    assert number.sip.outbound.address is None
    assert named(number) == ["sip_config.termination_uri"]
    assert "canary" not in repr(number) + str(number.problems) + repr(number.raw)


@pytest.mark.parametrize("text", ["sip:trunk.example.com:5060", "TRUNK.example.com:5060"])
def test_an_address_in_another_spelling_is_the_same_endpoint(text: str, custom: Make) -> None:
    sip = read(custom(sip={"termination_uri": text})).sip

    assert sip is not None
    assert sip.outbound.address is not None
    assert sip.outbound.address.same_endpoint(SipAddress("trunk.example.com", 5060))


@pytest.mark.parametrize("way", ["inbound", "outbound"])
def test_an_unknown_encryption_is_unknown_with_its_word_beside_it(way: str, custom: Make) -> None:
    number = read(custom(sip={f"{way}_media_encryption": "dtls"}))

    assert number.sip is not None
    half = getattr(number.sip, way)
    assert (half.media_encryption, half.provider_media_encryption) == (MediaEncryption.UNKNOWN, "dtls")
    assert named(number) == [f"sip_config.{way}_media_encryption"]


def test_an_encryption_that_is_missing_is_unknown_rather_than_the_default(custom: Make) -> None:
    number = read(custom(sip_config={}))

    assert number.sip is not None
    assert number.sip.inbound.media_encryption is MediaEncryption.UNKNOWN
    assert number.sip.inbound.provider_media_encryption is None


@pytest.mark.parametrize(
    "field", ["termination_uri", "username", "inbound_media_encryption", "outbound_media_encryption"]
)
@pytest.mark.parametrize("odd", [[1], 7, {}])
def test_a_trunk_field_of_the_wrong_type_is_named(field: str, odd: object, custom: Make) -> None:
    number = read(custom(sip={field: odd}))

    assert named(number) == [f"sip_config.{field}"]
    assert number.sip is not None
    assert number.sip.inbound.allowed_addresses == ("192.0.2.0/24",)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
FIELDS = sorted({*mapping.PhoneRecord.__annotations__, "more"} - {"id", "number", "sip_config"})


@settings(deadline=None, max_examples=150)
@given(
    fields=st.dictionaries(st.sampled_from(FIELDS), JSON),
    trunk=st.none() | st.dictionaries(st.sampled_from(sorted(mapping.SipRecord.model_fields)), JSON),
    number=st.text(min_size=1),
)
def test_no_record_with_id_and_number_is_ever_refused(
    fields: dict[str, object], trunk: dict[str, object] | None, number: str
) -> None:
    record = read({**fields, "sip_config": trunk, "id": "x", "number": number})

    assert record.identity.raw == number
