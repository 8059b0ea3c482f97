"""What a record of Retell comes to: every word it can hold, and everything that it can lack or have wrong."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from telephony_core import PUBLISHED, AgentRef, NumberStatus, Origin, SipAddress
from telephony_core.domain.sip import CredentialState
from telephony_core.errors import UnexpectedResponse
from telephony_retell.capabilities import CAPABILITIES
from tests.adapters.retell.records import AGENT, NUMBER, bought, imported, read, share


def names(problems: tuple[str, ...]) -> list[str]:
    return [problem.partition(":")[0] for problem in problems]


def test_a_whole_record() -> None:
    number = read(imported(outbound_agents=[share("prod", agent="agent_b")]))

    assert (number.provider, number.id, number.identity.e164, number.label) == ("retell", NUMBER, NUMBER, "On call")
    assert (number.status, number.provider_status) == (NumberStatus.ACTIVE, None)
    assert (number.origin, number.provider_origin) == (Origin.IMPORTED, "custom")
    assert number.updated_at == datetime(2023, 12, 24, 10, 27, 16, 133000, UTC)
    assert number.created_at is None
    assert number.inbound_agent == AgentRef(AGENT, version=PUBLISHED)
    assert number.outbound_agent == AgentRef("agent_b", version="prod")
    assert number.sip is not None
    assert number.sip.inbound.allowed_addresses is None
    assert number.sip.outbound.address == SipAddress.parse("sip:acme.pstn.twilio.com;transport=tls")
    assert (number.sip.outbound.username, number.sip.outbound.credentials) == ("acme", CredentialState.SET)
    assert number.problems == ()
    assert number.raw["phone_number_pretty"] == "+1 (213) 555-0110"


def test_optional_fields_may_be_missing_or_null_alike() -> None:
    optional = ("nickname", "inbound_agents", "outbound_agents", "sip_outbound_trunk_config")
    bare = read({name: value for name, value in bought().items() if name not in optional})
    assert bare == read(bought() | dict.fromkeys(optional))
    assert (bare.label, bare.inbound_agent, bare.outbound_agent, bare.sip) == (None, None, None, None)
    assert bare.problems == ()


@pytest.mark.parametrize("kind", ["retell-twilio", "retell-telnyx"])
def test_a_number_that_retell_sold_is_purchased_and_has_no_trunk(kind: str) -> None:
    number = read(bought(phone_number_type=kind))
    assert (number.origin, number.provider_origin, number.sip) == (Origin.PURCHASED, kind, None)


def test_an_imported_number_always_has_a_trunk_of_which_everything_may_be_unknown() -> None:
    number = read(imported(sip_outbound_trunk_config=None))
    assert number.sip is not None
    assert number.sip.outbound.address is None
    assert number.sip.outbound.credentials is CredentialState.UNKNOWN


def test_a_type_that_is_not_documented_is_unknown_and_named() -> None:
    number = read(imported(phone_number_type="retell-bandwidth"))
    assert (number.origin, number.provider_origin) == (Origin.UNKNOWN, "retell-bandwidth")
    assert names(number.problems) == ["phone_number_type"]


@pytest.mark.parametrize("text", ["2002", "112", "14155550123", "(415) 555 0123", "front@pbx.example.com"])
def test_a_pseudo_number_is_kept_as_it_is(text: str) -> None:
    number = read(imported(phone_number=text))
    assert (number.id, number.identity.raw) == (text, text)
    assert number.problems == ()


# -- agents


@pytest.mark.parametrize(
    ("word", "version"),
    [
        ("latest_published", PUBLISHED), ("latest", "latest"), ("prod", "prod"), (0, "0"), (17, "17"), (None, None),
    ],
)  # fmt: skip
def test_each_word_for_a_version(word: object, version: object) -> None:
    assert read(imported(inbound_agents=[share(word)])).inbound_agent == AgentRef(AGENT, version=version)


def test_an_agent_without_a_version_has_an_unknown_one() -> None:
    number = read(imported(inbound_agents=[{"agent_id": AGENT, "weight": 1.0}]))
    assert number.inbound_agent == AgentRef(AGENT)
    assert number.problems == ()


@pytest.mark.parametrize("tag", ["published", "draft"])
def test_a_tag_that_is_called_like_a_word_of_the_model_is_not_taken_for_it(tag: str) -> None:
    number = read(imported(inbound_agents=[share(tag)]))
    assert number.inbound_agent == AgentRef(AGENT)
    assert names(number.problems) == ["inbound_agents[0].agent_version"]


@pytest.mark.parametrize("field", ["inbound_agents", "outbound_agents"])
@pytest.mark.parametrize("shares", [[share(weight=0.5), share("prod", weight=0.5)], [share(weight=0.7)]])
def test_a_list_that_splits_the_calls_is_no_agent_and_is_named(field: str, shares: list[Any]) -> None:
    number = read(imported(**{"inbound_agents": None, field: shares}))
    assert (number.inbound_agent, number.outbound_agent) == (None, None)
    assert names(number.problems) == [field]


@pytest.mark.parametrize(
    "shares",
    [
        "agents", {}, [7], [[]], [{}], [{"agent_id": AGENT}], [{"agent_id": "", "weight": 1}],
        [share(weight=0)], [share(weight=1.5)], [share(True)], [share(-1)], [share("")], [share(10**400)],
    ],
    ids=str,
)  # fmt: skip
def test_agents_that_cannot_be_read_are_named(shares: object) -> None:
    number = read(imported(inbound_agents=shares))
    assert number.inbound_agent is None
    assert names(number.problems) == ["inbound_agents"]
    assert number.sip is not None


def test_an_empty_list_is_no_agent() -> None:
    number = read(imported(inbound_agents=[]))
    assert (number.inbound_agent, number.problems) == (None, ())


# -- the trunk


@pytest.mark.parametrize(
    ("uri", "transport", "address"),
    [
        ("pbx.example.com", "TCP", "sip:pbx.example.com;transport=tcp"),
        ("pbx.example.com", "UDP", "sip:pbx.example.com;transport=udp"),
        ("pbx.example.com:5061", "TLS", "sip:pbx.example.com:5061;transport=tls"),
        ("sip:pbx.example.com", "TLS", "sip:pbx.example.com;transport=tls"),
        ("sip:pbx.example.com;transport=tls", "TLS", "sip:pbx.example.com;transport=tls"),
        ("[2001:db8::7]:5060", "UDP", "sip:[2001:db8::7]:5060;transport=udp"),
        ("pbx.example.com", None, "pbx.example.com"),
    ],
)
def test_an_address_is_read_with_the_transport_beside_it(uri: str, transport: str | None, address: str) -> None:
    number = read(imported({"termination_uri": uri, "transport": transport}))
    assert number.sip is not None
    assert number.sip.outbound.address == SipAddress.parse(address)
    assert number.problems == ()


@pytest.mark.parametrize("transport", ["SCTP", "tls", "", 7])
def test_an_address_is_not_told_without_its_transport(transport: object) -> None:
    number = read(imported({"transport": transport}))
    assert number.sip is not None
    assert number.sip.outbound.address is None
    assert number.sip.outbound.username == "acme"
    assert sorted(names(number.problems)) == [
        "sip_outbound_trunk_config.termination_uri",
        "sip_outbound_trunk_config.transport",
    ]


@pytest.mark.parametrize(
    ("uri", "transport"),
    [("a b", "TCP"), ("sip:pbx.example.com;transport=udp", "TLS"), ("sips:pbx.example.com", "UDP")],
)
def test_an_address_that_cannot_be_read_is_named(uri: str, transport: str) -> None:
    number = read(imported({"termination_uri": uri, "transport": transport}))
    assert number.sip is not None
    assert number.sip.outbound.address is None
    assert names(number.problems) == ["sip_outbound_trunk_config.termination_uri"]


def test_without_a_user_name_whether_there_are_credentials_is_unknown() -> None:
    number = read(imported({"auth_username": None}))
    assert number.sip is not None
    assert (number.sip.outbound.username, number.sip.outbound.credentials) == (None, CredentialState.UNKNOWN)


# -- what the model has no field for


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("inbound_webhook_url", "https://example.com/hook"),
        ("inbound_sms_webhook_url", "https://example.com/sms"),
        ("allowed_inbound_country_list", ["US"]),
        ("allowed_outbound_country_list", ["US", "CA"]),
        ("fallback_number", "+14155551234"),
        ("inbound_sms_agents", [share()]),
        ("outbound_sms_agents", [share()]),
    ],
)
def test_a_setting_without_a_place_is_named_where_it_is_set(name: str, value: object) -> None:
    number = read(imported(**{name: value}))
    assert (number.unmodelled, number.problems) == ((name,), ())
    assert read(imported(**{name: None})).unmodelled == ()
    assert read(imported(**{name: [] if isinstance(value, list) else ""})).unmodelled == ()


def test_codecs_are_named_where_they_are_chosen() -> None:
    assert read(imported({"codecs": ["PCMU"]})).unmodelled == ("sip_outbound_trunk_config.codecs",)
    assert read(imported({"codecs": []})).unmodelled == ()


def test_what_decides_about_calls_is_declared_as_restrictive() -> None:
    silent = {
        "inbound_sms_agents",
        "inbound_sms_webhook_url",
        "outbound_sms_agents",
        "sip_outbound_trunk_config.codecs",
    }
    settings = CAPABILITIES.unmodelled
    assert settings is not None
    assert settings.names - CAPABILITIES.restrictive == silent
    assert CAPABILITIES.restricts("a_setting_of_tomorrow")


# -- what is wrong


def test_a_secret_that_retell_began_to_show_is_kept_nowhere() -> None:
    number = read(imported({"auth_password": "s3cret"}, sip_trunk_auth_password="s3cret"))
    assert "s3cret" not in repr(number.raw)


@pytest.mark.parametrize("number", [None, 7, "", ["+1"]])
def test_a_record_without_a_number_is_unexpected(number: object) -> None:
    with pytest.raises(UnexpectedResponse, match="phone_number"):
        read(imported(phone_number=number))
    with pytest.raises(UnexpectedResponse):
        read({name: value for name, value in imported().items() if name != "phone_number"} | {"id": NUMBER})


@pytest.mark.parametrize("when", ["2023-12-24", -1, 10**15, 1.5, True])
def test_a_time_that_is_none_is_named(when: object) -> None:
    number = read(imported(last_modification_timestamp=when))
    assert number.updated_at is None
    assert names(number.problems) == ["last_modification_timestamp"]
