"""The vendor's own SDK drives our emulator on loopback, through every operation of the adapter, and parses its answers.

It was not written here: what it sends has to be taken, and what it gets has to be what its models say. Its models are
lenient (they let unknown keys and words pass), so each answer is also held against our document, strictly.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from typing import Any

import httpx
import jsonschema_rs
import pytest
from elevenlabs.client import ElevenLabs
from elevenlabs.conversational_ai.phone_numbers.client import PhoneNumbersClient
from elevenlabs.conversational_ai.phone_numbers.types import (
    PhoneNumbersCreateRequestBody_SipTrunk,
    PhoneNumbersGetResponse_SipTrunk,
    PhoneNumbersGetResponse_Twilio,
)
from elevenlabs.core.api_error import ApiError
from elevenlabs.environment import ElevenLabsEnvironment
from elevenlabs.errors import UnprocessableEntityError
from elevenlabs.types import (
    CreatePhoneNumberResponseModel,
    GetPhoneNumberInboundSipTrunkConfigResponseModel,
    GetPhoneNumberOutboundSipTrunkConfigResponseModel,
    InboundSipTrunkConfigRequestModel,
    OutboundSipTrunkConfigRequestModel,
    PhoneNumberAgentInfo,
    SipTrunkCredentialsRequestModel,
)

from telephony_core import AgentRef, InboundUpdate, MediaEncryption, OutboundUpdate, Telephony
from telephony_core.emulator import StoredCredentials
from telephony_core.emulator.server import serve
from telephony_elevenlabs.config import BASE_URLS
from telephony_elevenlabs.emulator import ElevenLabsEmulator
from tests.adapters.elevenlabs.emulator.workspace import DOCUMENT, answer_schema

KINDS = ("SipTrunk", "Twilio", "Exotel")


class Sdk:
    """The SDK's client of phone numbers on a served emulator; every answer is judged before the SDK parses it."""

    def __init__(self, emulator: ElevenLabsEmulator, url: str, *, api_key: str | None = None) -> None:
        self.emulator = emulator
        self.url = url
        self.judged = 0
        self._http = httpx.Client(event_hooks={"response": [self._judge]})
        sdk = ElevenLabs(base_url=url, api_key=api_key or emulator.api_key, httpx_client=self._http)
        self.numbers: Any = sdk.conversational_ai.phone_numbers

    def _judge(self, response: httpx.Response) -> None:
        response.read()
        schema = answer_schema(response.request.method, response.request.url.path, response.status_code)
        assert schema is not None
        jsonschema_rs.validator_for(schema, validate_formats=True).validate(json.loads(response.content))
        self.judged += 1

    def record(self, number: str) -> Any:
        return next(record for record in self.numbers.list() if record.phone_number == number)

    def close(self) -> None:
        self._http.close()


@pytest.fixture
def sdk() -> Iterator[Sdk]:
    emulator = ElevenLabsEmulator()
    with serve({"elevenlabs": emulator}) as urls:
        made = Sdk(emulator, urls["elevenlabs"])
        yield made
        made.close()
    assert made.judged


@pytest.fixture
def telephony(sdk: Sdk) -> Iterator[Telephony]:
    """Our client on the same server."""
    with Telephony("elevenlabs", api_key=sdk.emulator.api_key, base_url=sdk.url) as telephony:
        yield telephony


def test_the_regions_are_the_environments_of_the_sdk() -> None:
    assert list(BASE_URLS.values()) == [environment.value for environment in ElevenLabsEnvironment]


MODELS = {
    "AssignedAgent": PhoneNumberAgentInfo,
    "Credentials": SipTrunkCredentialsRequestModel,
    "ImportAnswer": CreatePhoneNumberResponseModel,
    "ImportRequest": PhoneNumbersCreateRequestBody_SipTrunk,
    "InboundConfig": InboundSipTrunkConfigRequestModel,
    "InboundTrunk": GetPhoneNumberInboundSipTrunkConfigResponseModel,
    "LinkedNumber": PhoneNumbersGetResponse_Twilio,
    "OutboundConfig": OutboundSipTrunkConfigRequestModel,
    "OutboundTrunk": GetPhoneNumberOutboundSipTrunkConfigResponseModel,
    "SipTrunkNumber": PhoneNumbersGetResponse_SipTrunk,
}
"""The SDK's models by the schemas of our document that say the same."""


@pytest.mark.parametrize("name", MODELS)
def test_its_models_and_our_document_name_the_same_fields(name: str) -> None:
    schema = DOCUMENT["components"]["schemas"][name]
    fields = MODELS[name].model_fields

    assert set(fields) == set(schema["properties"])
    required = {key for key, field in fields.items() if field.is_required()}
    # The spec always shows the callers that may call, the SDK does without.
    assert set(schema.get("required", ())) - {"allowed_numbers"} == required


def test_its_change_of_a_number_takes_the_keys_of_our_document() -> None:
    taken = set(inspect.signature(PhoneNumbersClient.update).parameters)

    assert taken - {"self", "phone_number_id", "request_options"} == set(
        DOCUMENT["components"]["schemas"]["UpdateRequest"]["properties"]
    )


def test_it_lists_every_kind_and_reads_each(sdk: Sdk) -> None:
    listed = sdk.numbers.list()

    assert {type(record).__name__.rpartition("_")[2] for record in listed} == set(KINDS)
    for record in listed:
        read = sdk.numbers.get(record.phone_number_id)
        assert read.model_dump() == record.model_dump()
        assert not record.model_extra, "the emulator shows a field that the SDK does not know"


def test_no_part_of_a_record_is_unknown_to_it(sdk: Sdk) -> None:
    for record in sdk.numbers.list():
        parts = [getattr(record, name, None) for name in ("inbound_trunk", "outbound_trunk", "assigned_agent")]
        assert not any(part.model_extra for part in parts if part is not None)


def test_it_narrows_a_list(sdk: Sdk) -> None:
    assert {record.provider for record in sdk.numbers.list(provider="sip_trunk")} == {"sip_trunk"}
    sales = sdk.emulator.agents["sales"]
    assert {record.assigned_agent.agent_id for record in sdk.numbers.list(agent_id=sales)} == {sales}


def test_it_imports_over_a_trunk(sdk: Sdk, telephony: Telephony) -> None:
    made = sdk.numbers.create(
        request=PhoneNumbersCreateRequestBody_SipTrunk(
            phone_number="+12025550142",
            label="By the SDK",
            agent_id=sdk.emulator.agents["sales"],
            inbound_trunk_config=InboundSipTrunkConfigRequestModel(
                allowed_addresses=["192.0.2.0/24"], media_encryption="required"
            ),
            outbound_trunk_config=OutboundSipTrunkConfigRequestModel(
                address="trunk.example.com:5061",
                transport="tls",
                media_encryption="required",
                headers={"X-Customer": "7"},
                enabled_codecs=["PCMU/8000"],
                credentials=SipTrunkCredentialsRequestModel(username="acme", password="not-a-real-secret"),
            ),
        )
    )

    assert sdk.emulator.credentials(made.phone_number_id) == StoredCredentials("acme", "not-a-real-secret")
    number = telephony.get_number(made.phone_number_id)
    assert number.sip is not None
    assert str(number.sip.outbound.address) == "sip:trunk.example.com:5061;transport=tls"
    assert number.sip.inbound.media_encryption is MediaEncryption.REQUIRE
    assert number.inbound_agent is not None


def test_it_changes_label_agent_and_branch(sdk: Sdk) -> None:
    id = sdk.record("+12025550101").phone_number_id
    support = sdk.emulator.agents["support"]
    branch = sdk.emulator.branches(support)["new-prompt"]

    assert sdk.numbers.update(id, label="Renamed").label == "Renamed"
    assigned = sdk.numbers.update(id, agent_id=support, branch_id=branch).assigned_agent
    assert (assigned.agent_id, assigned.branch_id) == (support, branch)
    assert sdk.numbers.update(id, branch_id=None).assigned_agent.branch_id is None
    assert sdk.numbers.update(id, agent_id=None).assigned_agent is None


def test_it_changes_both_halves(sdk: Sdk) -> None:
    id = sdk.record("+12025550101").phone_number_id
    after = sdk.numbers.update(
        id,
        inbound_trunk_config=InboundSipTrunkConfigRequestModel(allowed_addresses=["198.51.100.7"]),
        outbound_trunk_config=OutboundSipTrunkConfigRequestModel(
            address="b.example", credentials=SipTrunkCredentialsRequestModel(username="acme")
        ),
    )

    assert after.inbound_trunk.allowed_addresses == ["198.51.100.7"]
    assert (after.outbound_trunk.address, after.outbound_trunk.has_auth_credentials) == ("b.example", True)
    assert sdk.emulator.credentials(id) == StoredCredentials("acme", "password-of-acme")


def test_it_deletes(sdk: Sdk) -> None:
    id = sdk.record("+12025550101").phone_number_id
    sdk.numbers.delete(id)

    with pytest.raises(ApiError) as caught:
        sdk.numbers.get(id)
    assert caught.value.status_code == 404


def test_it_understands_what_is_refused(sdk: Sdk) -> None:
    with pytest.raises(ApiError) as missing:
        sdk.numbers.get("phnum_nobody")
    assert missing.value.status_code == 404
    assert missing.value.body["detail"]["code"] == "phone_number_not_found"
    with pytest.raises(UnprocessableEntityError) as unfit:
        sdk.numbers.update(sdk.record("+12025550101").phone_number_id, livekit_stack="of tomorrow")
    assert unfit.value.body["detail"][0]["loc"] == ["body", "livekit_stack"]


def test_a_wrong_key_is_refused(sdk: Sdk) -> None:
    stranger = Sdk(sdk.emulator, sdk.url, api_key="another")
    with pytest.raises(ApiError) as caught:
        stranger.numbers.list()
    stranger.close()
    sdk.numbers.list()
    assert caught.value.status_code == 401


@pytest.mark.parametrize("merges", [False, True], ids=["halves replaced", "halves merged"])
def test_what_the_sdk_set_survives_a_change_by_our_client(sdk: Sdk, telephony: Telephony, merges: bool) -> None:
    """Whatever the vendor does with a half: what nobody here has a word for is still there, as the SDK reads it."""
    sdk.emulator.merges_halves = merges
    id = sdk.record("+12025550101").phone_number_id
    inbound = InboundSipTrunkConfigRequestModel(
        allowed_addresses=["192.0.2.1"],
        allowed_numbers=["+12025550199"],
        remote_domains=["sip.example"],
        attributes_to_headers={"who": "X-Who"},
        credentials=SipTrunkCredentialsRequestModel(username="caller", password="caller-word"),
    )
    outbound = OutboundSipTrunkConfigRequestModel(
        address="trunk.example.com",
        headers={"X-Api-Key": "header-word"},
        attributes_to_headers={"who": "X-Who"},
        enabled_codecs=["G722/8000"],
        credentials=SipTrunkCredentialsRequestModel(username="acme", password="trunk-word"),
    )
    before = sdk.numbers.update(id, inbound_trunk_config=inbound, outbound_trunk_config=outbound)

    telephony.update_sip(
        id,
        inbound=InboundUpdate(allowed_addresses=["192.0.2.2"], media_encryption="require"),
        outbound=OutboundUpdate(address="sip:b.example;transport=tls", media_encryption="require"),
    )

    after = sdk.numbers.get(id)
    changed = {"allowed_addresses": ["192.0.2.2"], "media_encryption": "required"}
    assert after.inbound_trunk.model_dump() == before.inbound_trunk.model_dump() | changed
    changed = {"address": "b.example", "transport": "tls", "media_encryption": "required"}
    assert after.outbound_trunk.model_dump() == before.outbound_trunk.model_dump() | changed
    assert sdk.emulator.inbound_password(id) == "caller-word"
    assert sdk.emulator.credentials(id) == StoredCredentials("acme", "trunk-word")


def test_both_read_the_same_agent(sdk: Sdk, telephony: Telephony) -> None:
    support = sdk.emulator.agents["support"]
    branch = sdk.emulator.branches(support)["new-prompt"]
    number = telephony.assign_agents(
        sdk.record("+12025550101").phone_number_id, inbound=AgentRef(support, version=branch)
    )

    assert sdk.numbers.get(number.id).assigned_agent.branch_id == branch
