"""How Retell registers, what an account needs, and that the declarations agree with the description of the contract."""

from __future__ import annotations

import json
import re

import pytest

from telephony_core.domain.lifecycle import Origin
from telephony_core.errors import InvalidInput
from telephony_core.provider.capabilities import Fact, Field, Operation
from telephony_core.provider.registry import registry
from telephony_core.testing import new_emulator
from telephony_retell.adapter import RetellProvider
from telephony_retell.capabilities import CAPABILITIES
from telephony_retell.config import RetellConfig
from telephony_retell.mapping import AGENT_LISTS, ORIGINS, TRANSPORTS
from telephony_retell.wire import AgentShare, NumberRecord, SipRecord
from tests.adapters.retell.judge import DOCUMENT

SCHEMAS = DOCUMENT["components"]["schemas"]


def test_the_registered_spec_builds_the_provider() -> None:
    spec = registry.spec("retell")
    provider = spec.factory(spec.config()(api_key="k"))
    assert isinstance(provider, RetellProvider)
    assert (spec.slug, spec.title, spec.capabilities) == ("retell", "Retell", CAPABILITIES)


def test_the_key_is_sent_as_a_bearer_token_and_shown_nowhere() -> None:
    provider = RetellProvider(RetellConfig(api_key="can4ry"))
    assert dict(provider.auth_headers()) == {"authorization": "Bearer can4ry"}
    assert "can4ry" not in repr(provider.config)


def test_the_base_url_is_the_vendors_unless_another_is_given() -> None:
    assert RetellConfig(api_key="k").base_url == DOCUMENT["servers"][0]["url"]
    assert RetellConfig(api_key="k", base_url="http://127.0.0.1:8080/").base_url == "http://127.0.0.1:8080"
    with pytest.raises(InvalidInput):
        RetellConfig(api_key="can4ry", base_url="http://api.retellai.com")


def test_what_retell_cannot_do_is_not_declared() -> None:
    for operation in (Operation.REVOKE_RELEASE, Operation.SEARCH_AVAILABLE, Operation.PURCHASE):
        assert not CAPABILITIES.offers(operation)
    for name in (Field.ALLOWED_ADDRESSES, Field.INBOUND_ENCRYPTION, Field.OUTBOUND_ENCRYPTION):
        assert not CAPABILITIES.can_write(name)
    assert not CAPABILITIES.offers(Operation.UPDATE_SIP, Origin.PURCHASED)


def test_label_and_agents_are_cleared_and_the_trunk_never() -> None:
    clearable = {name for name in Field if CAPABILITIES.can_clear(name)}
    assert clearable == {Field.LABEL, Field.INBOUND_AGENT, Field.OUTBOUND_AGENT}


def test_nothing_claims_to_have_been_tried_and_everything_names_its_source() -> None:
    groups = (CAPABILITIES.operations, CAPABILITIES.fields, CAPABILITIES.release)
    facts = [fact for group in groups for fact in group.values()]
    facts += [value for name in CAPABILITIES.__slots__ if isinstance(value := getattr(CAPABILITIES, name), Fact)]
    assert all(fact.source.startswith("vendor ") and not fact.verified for fact in facts)


# -- against the description of the contract


def test_what_is_read_is_what_is_described() -> None:
    properties = SCHEMAS["PhoneNumber"]["properties"]
    assert {"phone_number" if name == "id" else name for name in NumberRecord.__annotations__} <= set(properties)
    assert set(SipRecord.model_fields) == set(SCHEMAS["SipTrunk"]["properties"])
    assert set(AgentShare.__annotations__) == set(SCHEMAS["AgentShare"]["properties"])
    fields = RetellProvider(RetellConfig(api_key="k")).documented_record().fields
    assert set(fields) == set(properties)


def test_no_record_of_the_emulator_departs_from_what_is_described() -> None:
    shape = RetellProvider(RetellConfig(api_key="k")).documented_record()
    records = new_emulator("retell").records()
    assert [found for record in records for found in shape.deviations(record)] == []
    (new,) = shape.deviations({**records[0], "brand_new": 1})
    assert (new.kind, new.field) == ("unknown_field", "brand_new")


def test_every_documented_word_has_a_row() -> None:
    assert list(ORIGINS) == SCHEMAS["PhoneNumber"]["properties"]["phone_number_type"]["enum"]
    assert [*TRANSPORTS, None] == SCHEMAS["SipTrunk"]["properties"]["transport"]["enum"]
    assert set(AGENT_LISTS.values()) <= set(SCHEMAS["UpdateRequest"]["properties"])


def test_every_version_that_can_be_named_is_one_of_the_contract() -> None:
    assert CAPABILITIES.agent_versions is not None
    literal = re.compile(CAPABILITIES.agent_versions.literals or "")
    documented = re.compile(SCHEMAS["AgentVersion"]["oneOf"][1]["pattern"])
    for word in ("latest", "prod", "v", "v3", "v3-eu", "a" * 20, "a" * 21, "Prod", "x y", "latest_published"):
        taken = literal.fullmatch(word) is not None
        assert taken == (documented.fullmatch(word) is not None and word != "latest_published"), word
    assert all(literal.fullmatch(number) for number in ("0", "7", "123456789"))


def test_requests_are_closed() -> None:
    for name in ("ImportRequest", "UpdateRequest", "AgentShare"):
        assert SCHEMAS[name]["additionalProperties"] is False


def test_the_description_points_to_nothing_that_a_user_does_not_have() -> None:
    assert not re.search(r"\.md\b|\.\./", json.dumps(DOCUMENT))
