"""A record becomes a number: every documented word, what the model has no word for, and every kind of oddity."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from telephony_core import PUBLISHED, AgentRef, CredentialState, MediaEncryption, NumberStatus, Origin, SipAddress
from telephony_core.domain.sip import InboundSip, OutboundSip
from telephony_core.errors import UnexpectedResponse
from telephony_core.provider.flow import Response
from telephony_core.provider.port import ListQuery
from telephony_elevenlabs.adapter import ElevenLabsProvider
from telephony_elevenlabs.config import Region
from telephony_elevenlabs.mapping import inbound_uri
from tests.adapters.elevenlabs.conftest import AGENT, BRANCH, ID
from tests.adapters.elevenlabs.records import read_number

Make = Callable[..., dict[str, Any]]


def test_a_number_over_a_trunk(trunked: Make) -> None:
    number = read_number(trunked())

    assert (number.provider, number.id, number.identity.e164) == ("elevenlabs", ID, "+12025550101")
    assert (number.status, number.provider_status) == (NumberStatus.ACTIVE, None)
    assert (number.origin, number.provider_origin) == (Origin.IMPORTED, "sip_trunk")
    assert number.label == "Front desk"
    assert number.inbound_agent == AgentRef(AGENT, version=PUBLISHED)
    assert number.outbound_agent is None
    assert number.sip is not None
    assert number.sip.inbound == InboundSip(
        allowed_addresses=("192.0.2.0/24",),
        media_encryption=MediaEncryption.ALLOW,
        provider_media_encryption="allowed",
    )
    assert number.sip.outbound == OutboundSip(
        address=SipAddress.parse("sip:trunk.example.com:5060;transport=tcp"),
        username="acme",
        credentials=CredentialState.SET,
        media_encryption=MediaEncryption.REQUIRE,
        provider_media_encryption="required",
    )
    assert number.problems == ()


@pytest.mark.parametrize("kind", ["twilio", "exotel"])
def test_a_linked_number_has_no_trunk(kind: str, linked: Make) -> None:
    number = read_number(linked(provider=kind))

    assert (number.origin, number.provider_origin, number.sip) == (Origin.LINKED, kind, None)
    assert number.problems == ()


def test_a_kind_that_is_not_documented_is_named(linked: Make) -> None:
    number = read_number(linked(provider="telnyx"))

    assert (number.origin, number.provider_origin) == (Origin.UNKNOWN, "telnyx")
    assert number.problems == ("provider: none of the documented words (sip_trunk, twilio, exotel)",)


# -- trunks


@pytest.mark.parametrize(
    ("address", "transport", "read"),
    [
        ("trunk.example.com", "auto", "trunk.example.com"),
        ("trunk.example.com:5060", "auto", "trunk.example.com:5060"),
        ("trunk.example.com:5061", "tls", "sip:trunk.example.com:5061;transport=tls"),
        ("192.0.2.7", "udp", "sip:192.0.2.7;transport=udp"),
        ("sip:trunk.example.com;transport=tcp", "tcp", "sip:trunk.example.com;transport=tcp"),
        ("[2001:db8::7]:5060", "tcp", "sip:[2001:db8::7]:5060;transport=tcp"),
    ],
)
def test_address_and_transport_become_one(address: str, transport: str, read: str, trunked: Make) -> None:
    number = read_number(trunked(outbound={"address": address, "transport": transport}))

    assert number.sip is not None
    assert number.sip.outbound.address == SipAddress.parse(read)
    assert number.problems == ()


@pytest.mark.parametrize(
    ("changes", "problems"),
    [
        ({"transport": "sctp"}, ["outbound_trunk.transport", "outbound_trunk.address"]),
        ({"transport": 7}, ["outbound_trunk.transport", "outbound_trunk.address"]),
        ({"address": "no host"}, ["outbound_trunk.address"]),
        ({"address": "sip:a.example;transport=udp"}, ["outbound_trunk.address"]),
        ({"address": 7}, ["outbound_trunk.address"]),
    ],
)
def test_an_address_that_cannot_be_read_whole_is_not_read(changes: Any, problems: list[str], trunked: Make) -> None:
    number = read_number(trunked(outbound=changes))

    assert number.sip is not None
    assert number.sip.outbound.address is None
    assert number.sip.outbound.username == "acme"
    assert [problem.partition(":")[0] for problem in number.problems] == problems


@pytest.mark.parametrize(
    ("word", "read"),
    [
        ("disabled", MediaEncryption.DISABLE),
        ("allowed", MediaEncryption.ALLOW),
        ("required", MediaEncryption.REQUIRE),
        ("sometimes", MediaEncryption.UNKNOWN),
        (None, MediaEncryption.UNKNOWN),
    ],
)
def test_every_word_for_encryption(word: str | None, read: MediaEncryption, trunked: Make) -> None:
    number = read_number(trunked(inbound={"media_encryption": word}, outbound={"media_encryption": word}))

    assert number.sip is not None
    assert number.sip.inbound.media_encryption is number.sip.outbound.media_encryption is read
    assert bool(number.problems) is (read is MediaEncryption.UNKNOWN)


@pytest.mark.parametrize(
    ("told", "state"), [(True, CredentialState.SET), (False, CredentialState.NONE), ("?", CredentialState.UNKNOWN)]
)
def test_credentials_are_told(told: object, state: CredentialState, trunked: Make) -> None:
    number = read_number(trunked(outbound={"has_auth_credentials": told}))

    assert number.sip is not None
    assert number.sip.outbound.credentials is state


def test_a_half_that_is_not_there_has_no_settings(trunked: Make) -> None:
    number = read_number(trunked(inbound_trunk=None, outbound_trunk=None, provider_config=None))

    assert number.sip is not None
    assert number.sip.inbound == InboundSip()
    assert number.sip.outbound == OutboundSip(credentials=CredentialState.NONE)


def test_an_empty_list_is_not_a_missing_one(trunked: Make) -> None:
    empty, unknown = (read_number(trunked(inbound={"allowed_addresses": told})) for told in ([], None))

    assert empty.sip is not None
    assert unknown.sip is not None
    assert (empty.sip.inbound.allowed_addresses, unknown.sip.inbound.allowed_addresses) == ((), None)


def test_an_entry_that_is_no_address_is_named(trunked: Make) -> None:
    number = read_number(trunked(inbound={"allowed_addresses": ["192.0.2.1", "carrier.example"]}))

    assert number.problems == ("inbound_trunk.allowed_addresses: entry 2 is no IP address or network",)


def test_the_former_name_of_the_outbound_trunk_is_read_where_the_new_one_is_missing(trunked: Make) -> None:
    record = trunked()
    del record["outbound_trunk"]

    assert read_number(record) == read_number(trunked())


# -- agents


@pytest.mark.parametrize(
    ("agent", "read", "problems"),
    [
        (None, None, 0),
        ({"agent_id": AGENT, "agent_name": "a"}, AgentRef(AGENT, version=PUBLISHED), 0),
        ({"agent_id": AGENT, "agent_name": "a", "branch_id": BRANCH}, AgentRef(AGENT, version=BRANCH), 0),
        ({"agent_id": AGENT, "branch_id": 7}, AgentRef(AGENT), 1),
        ({"agent_id": 7, "agent_name": "a"}, None, 1),
        ("agent", None, 1),
    ],
)
def test_the_agent_and_its_branch(agent: object, read: AgentRef | None, problems: int, trunked: Make) -> None:
    number = read_number(trunked(assigned_agent=agent))

    assert number.inbound_agent == read
    assert len(number.problems) == problems


# -- what the model has no word for


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"inbound": {"allowed_numbers": ["+12025550199"]}}, "inbound_trunk.allowed_numbers"),
        ({"inbound": {"remote_domains": ["sip.example"]}}, "inbound_trunk.remote_domains"),
        ({"inbound": {"attributes_to_headers": {"a": "X-A"}}}, "inbound_trunk.attributes_to_headers"),
        ({"inbound": {"has_auth_credentials": True, "username": "in"}}, "inbound_trunk.credentials"),
        ({"inbound": {"of_tomorrow": "strict"}}, "inbound_trunk.of_tomorrow"),
        ({"outbound": {"headers": {"X-Customer": "7"}}}, "outbound_trunk.headers"),
        ({"outbound": {"attributes_to_headers": {"a": "X-A"}}}, "outbound_trunk.attributes_to_headers"),
        ({"outbound": {"enabled_codecs": ["PCMU/8000"]}}, "outbound_trunk.enabled_codecs"),
        ({"outbound": {"of_tomorrow": ["a"]}}, "outbound_trunk.of_tomorrow"),
        ({"livekit_stack": "static"}, "livekit_stack"),
        ({"store_sip_messages": False}, "store_sip_messages"),
        ({"supports_inbound": False}, "supports_inbound"),
        ({"supports_outbound": False}, "supports_outbound"),
        ({"inbound": {"of_tomorrow": False}}, "inbound_trunk.of_tomorrow"),
        ({"assigned_agent": {"agent_id": AGENT, "environment": "staging"}}, "assigned_agent.environment"),
    ],
)
def test_a_setting_that_the_model_has_no_word_for_is_named(changes: Any, named: str, trunked: Make) -> None:
    number = read_number(trunked(**changes))

    assert (number.unmodelled, number.problems) == ((named,), ())


def test_a_key_that_is_no_word_is_not_shown_as_the_name_of_a_setting(trunked: Make) -> None:
    number = read_number(trunked(inbound={"sip:user:s3cret@example.com": 1}))

    assert number.unmodelled == ("inbound_trunk.unnamed",)


def test_what_says_nothing_is_not_named(trunked: Make) -> None:
    nothing = {"of_tomorrow": None, "attributes_to_headers": {}}

    assert read_number(trunked(nothing | {"allowed_numbers": []}, nothing | {"enabled_codecs": []})).unmodelled == ()


def test_raw_holds_no_secret(trunked: Make) -> None:
    number = read_number(trunked(outbound={"headers": {"X-Api-Key": "s3cret"}, "password": "s3cret"}))

    assert "s3cret" not in repr(number.raw)


# -- lists


def test_the_list_is_one_answer(wire: Any, elevenlabs: ElevenLabsProvider, trunked: Make, linked: Make) -> None:
    page = wire.run(elevenlabs.list_page(ListQuery(), None), [trunked(), linked()])

    assert [number.id for number in page.items] == [ID, "phnum_linked"]
    assert page.cursor is None
    assert wire.calls == [("GET", "/v1/convai/phone-numbers", "read")]


def test_one_odd_record_loses_no_other(wire: Any, elevenlabs: ElevenLabsProvider, trunked: Make, linked: Make) -> None:
    page = wire.run(elevenlabs.list_page(ListQuery(), None), [trunked(label=7), linked()])

    assert [(number.id, len(number.problems)) for number in page.items] == [(ID, 1), ("phnum_linked", 0)]
    assert page.items[0].raw["label"] == 7


@pytest.mark.parametrize("payload", [{}, {"phone_numbers": []}, "text", None, [7], [{}]])
def test_what_is_no_list_of_records_is_an_unexpected_response(
    payload: object, wire: Any, elevenlabs: ElevenLabsProvider
) -> None:
    with pytest.raises(UnexpectedResponse):
        wire.run(elevenlabs.list_page(ListQuery(), None), payload)


def test_an_id_is_one_segment_of_the_path(wire: Any, elevenlabs: ElevenLabsProvider, trunked: Make) -> None:
    wire.run(elevenlabs.get("a/../b"), trunked())

    assert wire.sent[0].path == "/v1/convai/phone-numbers/a%2F..%2Fb"


def test_a_list_that_is_cut_off_is_an_unexpected_response(wire: Any, elevenlabs: ElevenLabsProvider) -> None:
    with pytest.raises(UnexpectedResponse):
        wire.run(elevenlabs.list_page(ListQuery(), None), Response(200, {}, b'[{"phone_number_id": "a'))


# -- where calls are sent


@pytest.mark.parametrize(
    ("stack", "region", "host"),
    [
        ("standard", Region.GLOBAL, "sip.rtc.elevenlabs.io"),
        ("standard", Region.US, "sip.rtc.elevenlabs.io"),
        ("standard", Region.EU, None),
        ("static", Region.GLOBAL, "sip-static.rtc.elevenlabs.io"),
        ("static", Region.EU, "sip-static.rtc.eu.residency.elevenlabs.io"),
        ("static", Region.INDIA, "sip-static.rtc.in.residency.elevenlabs.io"),
        ("static", Region.SINGAPORE, None),
        ("of tomorrow", Region.GLOBAL, None),
    ],
)
def test_where_calls_are_sent_follows_from_stack_and_region(
    stack: str, region: Region, host: str | None, trunked: Make
) -> None:
    uri = inbound_uri(read_number(trunked(livekit_stack=stack)), region)

    assert (uri and str(uri)) == (host and f"sip:+12025550101@{host}:5060;transport=tcp")


def test_a_number_that_can_be_no_user_part_has_no_address(trunked: Make) -> None:
    assert inbound_uri(read_number(trunked(phone_number="front desk")), Region.GLOBAL) is None


def test_calls_to_a_linked_number_are_its_carriers_business(linked: Make, elevenlabs: ElevenLabsProvider) -> None:
    assert elevenlabs.inbound_uri(read_number(linked())) is None
