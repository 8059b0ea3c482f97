"""What is sent to vox, key by key, and what cannot be said to it."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telephony_core.domain.agents import DRAFT, PUBLISHED, AgentRef
from telephony_core.domain.number_identity import NumberIdentity
from telephony_core.domain.sip import OutboundUpdate
from telephony_core.domain.sip_address import SipAddress
from telephony_core.errors import InvalidInput, UnsupportedField, cli_words
from telephony_core.provider.changes import AgentAssignment, NumberImport
from telephony_core.provider.flow import Request, Semantics
from telephony_vox import mapping

KOREAN = {
    "+827011112222": "07011112222",
    "+821012345678": "01012345678",
    "+82212345678": "0212345678",
    "+82311234567": "0311234567",
    "+82801234567": "0801234567",
    "+8250712345678": "050712345678",
    "+8215881234": "15881234",
}


def korean(text: str) -> NumberIdentity:
    return NumberIdentity.parse(text, region="KR")


def body_of(json_body: Any) -> Any:
    request = Request.of("POST", "/x", Semantics.ONCE, json_body=json_body)
    assert request.body is not None
    return json.loads(request.body)


@pytest.mark.parametrize(("e164", "digits"), KOREAN.items())
def test_e164_goes_out_in_national_digits(e164: str, digits: str) -> None:
    assert mapping.number_digits(korean(e164)) == digits
    assert mapping.number_digits(korean(digits)) == digits


def test_separators_do_not_go_out() -> None:
    assert mapping.number_digits(korean("070-1111-2222")) == "07011112222"


@pytest.mark.parametrize("text", ["+34911234567", "+12125550123", "+80012345678"])
def test_a_number_of_another_country_has_no_form_here(text: str) -> None:
    with pytest.raises(UnsupportedField) as caught:
        mapping.number_digits(korean(text), as_is=True)

    assert caught.value.field == "number"


@pytest.mark.parametrize("text", ["desk@pbx.example.com", "sip:100@pbx.example.com"])
def test_a_sip_identifier_has_no_form_here(text: str) -> None:
    with pytest.raises(UnsupportedField, match="SIP identifier"):
        mapping.number_digits(korean(text), as_is=True)


@pytest.mark.parametrize("text", ["140001", "18110000", "212345678"])
def test_digits_without_e164_go_out_only_when_asked_to(text: str) -> None:
    with pytest.raises(UnsupportedField, match=r"no E\.164 form") as caught:
        mapping.number_digits(korean(text))

    assert "`send_as_is=True`" in (caught.value.remedy or "")
    assert "--send-as-is" in (cli_words(caught.value.remedy) or "")
    assert mapping.number_digits(korean(text), as_is=True) == text


@pytest.mark.parametrize("text", ["1811-0000", "+8200798123456", "1" * 21])
def test_what_is_sent_as_it_is_has_to_be_digits(text: str) -> None:
    with pytest.raises(InvalidInput, match="1 to 20 digits"):
        mapping.number_digits(korean(text), as_is=True)


@settings(deadline=None, max_examples=300)
@given(st.text(alphabet="0123456789+-. ()", max_size=22) | st.from_regex(r"\A\+82[0-9]{7,11}\Z"), st.booleans())
def test_nothing_but_ascii_digits_of_the_same_number_ever_goes_out(text: str, as_is: bool) -> None:
    identity = korean(text)
    try:
        digits = mapping.number_digits(identity, as_is=as_is)
    except (InvalidInput, UnsupportedField):
        return

    assert re.fullmatch("[0-9]{1,20}", digits)
    assert korean(digits).e164 == identity.e164


def test_a_registration_holds_all_that_was_given_and_no_agents() -> None:
    change = NumberImport(
        number="070-1111-2222",
        label="front desk",
        outbound=OutboundUpdate(address="trunk.example.com:5060", username="u", password="p4ss"),
        inbound_agent=AgentRef("a", version=PUBLISHED),
    )

    assert body_of(mapping.register_body(change, korean(change.number))) == {
        "number": "07011112222",
        "address": "sip:trunk.example.com:5060",
        "auth_username": "u",
        "auth_password": "p4ss",
        "memo": "front desk",
    }


def test_a_registration_holds_nothing_that_was_not_given() -> None:
    change = NumberImport(number="+827011112222", outbound=OutboundUpdate(address="sip:trunk.example.com"))

    assert body_of(mapping.register_body(change, korean(change.number))) == {
        "number": "07011112222",
        "address": "sip:trunk.example.com",
    }


def test_a_registration_sends_a_code_as_it_is_only_when_the_import_says_so() -> None:
    code = korean("140001")

    assert mapping.register_body(NumberImport(number="140001", send_as_is=True), code) == {"number": "140001"}
    with pytest.raises(UnsupportedField):
        mapping.register_body(NumberImport(number="140001"), code)


def test_a_registration_without_trunk_settings_sends_the_number_alone() -> None:
    change = NumberImport(number="+827011112222")

    assert body_of(mapping.register_body(change, korean(change.number))) == {"number": "07011112222"}


@pytest.mark.parametrize(
    ("given_address", "sent"),
    [
        ("trunk.example.com", "sip:trunk.example.com"),
        ("Trunk.Example.COM:5060", "sip:trunk.example.com:5060"),
        ("sip:203.0.113.7:5080", "sip:203.0.113.7:5080"),
        ("[2001:db8::5]:5060", "sip:[2001:db8::5]:5060"),
        ("sips:trunk.example.com", "sips:trunk.example.com"),
        ("sip:desk@trunk.example.com;transport=tcp;lr", "sip:desk@trunk.example.com;transport=tcp;lr"),
    ],
)
def test_an_address_goes_out_as_a_uri_with_no_port_added(given_address: str, sent: str) -> None:
    change = OutboundUpdate(address=given_address, password="p4ss")

    assert mapping.sip_body(change, None)["address"] == sent


def test_the_address_that_is_already_there_is_not_respelled() -> None:
    held = SipAddress.parse("203.0.113.7")
    change = OutboundUpdate(address=held, username="u", password="p4ss")

    assert mapping.sip_body(change, held)["address"] == "203.0.113.7"


def test_another_port_on_the_same_host_is_another_address() -> None:
    change = OutboundUpdate(address="203.0.113.7:5060", password="p4ss")

    assert mapping.sip_body(change, SipAddress.parse("203.0.113.7"))["address"] == "sip:203.0.113.7:5060"


def test_only_what_was_set_is_sent() -> None:
    assert body_of(mapping.sip_body(OutboundUpdate(password="p4ss"), None)) == {"auth_password": "p4ss"}


def test_none_is_sent_as_null() -> None:
    change = OutboundUpdate(address=None, username=None, password="p4ss")

    assert body_of(mapping.sip_body(change, SipAddress("trunk.example.com"))) == {
        "address": None,
        "auth_username": None,
        "auth_password": "p4ss",
    }


def test_the_password_goes_out_in_clear_text_and_is_remembered_as_a_secret() -> None:
    change = OutboundUpdate(address="trunk.example.com", username="u", password="p4ss-ключ")

    request = Request.of("PATCH", "/x", Semantics.IDEMPOTENT, json_body=mapping.sip_body(change, None))

    assert json.loads(request.body or b"")["auth_password"] == "p4ss-ключ"
    assert b"*" not in (request.body or b"")
    assert request.secrets == ("p4ss-ключ",)
    assert "p4ss" not in repr(request) + repr(change) + str(change)


@pytest.mark.parametrize(
    ("version", "word"), [(DRAFT, "current"), (PUBLISHED, "production"), ("v1", "v1"), ("v120", "v120")]
)
def test_the_version_of_an_agent_is_always_said(version: str, word: str) -> None:
    assignment = AgentAssignment("x", inbound=AgentRef("a", version=version))

    assert body_of(mapping.agents_body(assignment)) == {"inbound_agent": {"agent_id": "a", "agent_version": word}}


def test_an_agent_that_is_unset_stays_and_none_unmaps() -> None:
    assignment = AgentAssignment("x", outbound=None)

    assert body_of(mapping.agents_body(assignment)) == {"outbound_agent": None}


def test_both_agents_go_in_one_body() -> None:
    assignment = AgentAssignment("x", AgentRef("a", version=PUBLISHED), AgentRef("b", version=DRAFT))

    assert list(mapping.agents_body(assignment)) == ["inbound_agent", "outbound_agent"]


def test_an_agent_without_a_version_is_refused_rather_than_served_as_draft() -> None:
    with pytest.raises(InvalidInput, match="version"):
        mapping.agents_body(AgentAssignment("x", inbound=AgentRef("a")))


@pytest.mark.parametrize("version", ["v0", "v01", "V7", "7", "production", "current", "v7\n", "v٧"])
def test_a_version_that_vox_does_not_have_is_refused(version: str) -> None:
    with pytest.raises(UnsupportedField) as caught:
        mapping.agents_body(AgentAssignment("x", inbound=AgentRef("a", version=version)))

    assert caught.value.field == "inbound_agent.version"


@pytest.mark.parametrize("line_type", ["mobile", "landline", "voip", "uan", "personal", "toll_free"])
def test_the_six_line_types_are_known(line_type: str) -> None:
    assert mapping.line_type_word(line_type) == line_type


# -- against our description of the contract

CONTRACT = json.loads(files("telephony_vox").joinpath("openapi.json").read_text("utf-8"))


def contract_schema(name: str) -> jsonschema_rs.Validator:
    schema = {"$ref": f"#/components/schemas/{name}", "components": CONTRACT["components"]}
    return jsonschema_rs.Draft202012Validator(schema)


@pytest.mark.parametrize(
    "outbound",
    [
        OutboundUpdate(address="trunk.example.com", username="u", password="p4ss"),
        OutboundUpdate(address="trunk.example.com"),
    ],
)
def test_registrations_keep_the_contract(outbound: OutboundUpdate) -> None:
    change = NumberImport(number="+827011112222", label="x" * 200, outbound=outbound)

    contract_schema("RegisterTelephoneNumberRequest").validate(
        body_of(mapping.register_body(change, korean(change.number)))
    )


@pytest.mark.parametrize(
    "outbound",
    [
        OutboundUpdate(address="trunk.example.com", password="p4ss"),
        OutboundUpdate(address=None, username=None, password="p4ss"),
        OutboundUpdate(password="p4ss"),
    ],
)
def test_changes_of_trunk_settings_keep_the_contract(outbound: OutboundUpdate) -> None:
    contract_schema("UpdateSipRequest").validate(body_of(mapping.sip_body(outbound, None)))


def test_agent_mappings_keep_the_contract() -> None:
    agent = AgentRef("8f14e45f-ceea-467a-9575-1f0b2c3d4e5f", version="v3")

    contract_schema("UpdateAgentMappingRequest").validate(
        body_of(mapping.agents_body(AgentAssignment("x", agent, None)))
    )


def test_the_tables_know_exactly_the_words_of_the_contract() -> None:
    schemas = CONTRACT["components"]["schemas"]

    assert set(mapping.STATUSES) == set(schemas["NumberStatus"]["enum"])
    assert set(mapping.ORIGINS) == set(schemas["Provider"]["enum"])
    assert set(mapping.LINE_TYPES) == set(schemas["LineType"]["enum"])


def test_every_operation_of_the_contract_says_where_it_comes_from() -> None:
    marks = [
        operation.get("x-evidence")
        for methods in CONTRACT["paths"].values()
        for method, operation in methods.items()
        if method != "parameters"
    ]

    assert len(marks) == 11
    assert all(marks)
