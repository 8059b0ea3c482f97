"""The vendor's own SDK against the emulator on loopback, and against what the adapter sends.

The SDK parses every answer with its own models, strictly. Its parameter types judge the bodies of the adapter.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
import retell
from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config
from retell.types import PhoneNumberImportParams, PhoneNumberListParams, PhoneNumberUpdateParams

from telephony_core import PUBLISHED, AgentRef, NumberImport, OutboundUpdate, Telephony
from telephony_core.emulator.server import serve
from telephony_core.testing import RecordingBackend
from telephony_retell.emulator import RetellEmulator

NEW = "+14155550199"


@pytest.fixture
def emulator() -> RetellEmulator:
    return RetellEmulator()


@pytest.fixture
def url(emulator: RetellEmulator) -> Iterator[str]:
    with serve({"retell": emulator}) as urls:
        yield urls["retell"]


@pytest.fixture
def sdk(emulator: RetellEmulator, url: str) -> Iterator[retell.Retell]:
    with retell.Retell(
        api_key=emulator.api_key, base_url=url, max_retries=0, _strict_response_validation=True
    ) as client:
        yield client


def test_every_seeded_number_is_listed_and_read(sdk: retell.Retell, emulator: RetellEmulator) -> None:
    seen, more = [], retell.omit
    while True:
        page = sdk.phone_number.list(limit=4, sort_order="ascending", pagination_key=more)
        seen += page.items
        if not page.has_more:
            break
        assert page.pagination_key
        more = page.pagination_key
    assert [number.to_dict(mode="json") for number in seen] == emulator.records()
    assert [sdk.phone_number.retrieve(number.phone_number) for number in seen] == seen


def test_a_number_is_imported_changed_and_deleted(sdk: retell.Retell, emulator: RetellEmulator) -> None:
    agent = {"agent_id": emulator.agents["reception"], "weight": 0.5, "agent_version": "prod"}
    made = sdk.phone_number.import_(
        phone_number=NEW,
        ignore_e164_validation=False,
        termination_uri="trunk.example.com",
        transport="TLS",
        sip_trunk_auth_username="acme",
        sip_trunk_auth_password="word",
        nickname="New",
        codecs=["PCMU"],
        inbound_agents=[agent, {**agent, "agent_version": 2}],
        allowed_inbound_country_list=["US"],
        inbound_webhook_url="https://example.com/hook",
    )
    assert made.sip_outbound_trunk_config is not None
    assert made.sip_outbound_trunk_config.to_dict() == {
        "termination_uri": "trunk.example.com", "transport": "TLS", "auth_username": "acme", "codecs": ["PCMU"],
    }  # fmt: skip
    assert made.inbound_agents is not None
    assert [share.agent_version for share in made.inbound_agents] == ["prod", 2]
    changed = sdk.phone_number.update(
        NEW,
        nickname=None,
        termination_uri="new.example.com",
        transport=None,
        auth_username="b",
        auth_password="c",
        codecs=[],
        inbound_agents=None,
        outbound_agents=[{"agent_id": agent["agent_id"], "weight": 1}],
        inbound_sms_agents=None,
        outbound_sms_agents=[{**agent, "weight": 1}],
        allowed_outbound_country_list=["US", "CA"],
        fallback_number="+14155551234",
        inbound_webhook_url=None,
    )
    assert (changed.nickname, changed.inbound_agents, changed.inbound_webhook_url) == (None, None, None)
    assert changed.fallback_number == "+14155551234"
    assert changed == sdk.phone_number.retrieve(NEW)
    sdk.phone_number.delete(NEW)
    with pytest.raises(retell.UnprocessableEntityError):
        sdk.phone_number.retrieve(NEW)


def test_each_refusal_is_the_error_that_the_sdk_knows(sdk: retell.Retell, emulator: RetellEmulator, url: str) -> None:
    with pytest.raises(retell.BadRequestError):
        sdk.phone_number.update("+12135550110", transport="SCTP")
    with pytest.raises(retell.UnprocessableEntityError):
        sdk.phone_number.delete("+19995550100")
    with (
        retell.Retell(api_key="another", base_url=url, max_retries=0) as stranger,
        pytest.raises(retell.AuthenticationError),
    ):
        stranger.phone_number.list()
    assert emulator.requests


def test_the_async_sdk_sees_the_same(emulator: RetellEmulator, url: str) -> None:
    async def look() -> Any:
        async with retell.AsyncRetell(
            api_key=emulator.api_key, base_url=url, max_retries=0, _strict_response_validation=True
        ) as client:
            return await client.phone_number.list(), await client.phone_number.retrieve("2002")

    page, pseudo = asyncio.run(look())
    assert len(page.items) == len(emulator.records())
    assert pseudo.phone_number == "2002"


def test_what_the_sdk_makes_the_adapter_reads_and_the_reverse(sdk: retell.Retell, emulator: RetellEmulator) -> None:
    sdk.phone_number.import_(
        phone_number=NEW, termination_uri="trunk.example.com", sip_trunk_auth_username="a", sip_trunk_auth_password="b"
    )
    with Telephony("retell", api_key=emulator.api_key, backend=emulator.backend()) as telephony:
        number = telephony.find_number(NEW)
        assert number.sip is not None
        assert str(number.sip.outbound.address) == "sip:trunk.example.com;transport=tcp"
        agent = AgentRef(emulator.agents["reception"], version="3")
        telephony.assign_agents(number, inbound=agent)
        telephony.update_label(number, "By the adapter")
    seen = sdk.phone_number.retrieve(NEW)
    assert seen.nickname == "By the adapter"
    assert seen.inbound_agents is not None
    assert (seen.inbound_agents[0].agent_id, seen.inbound_agents[0].agent_version) == (agent.agent_id, 3)


# -- the SDK's types as a judge

CLOSED = ConfigDict(extra="forbid")
TYPES: dict[str, TypeAdapter[Any]] = {
    name: TypeAdapter(with_config(CLOSED)(params))
    for name, params in (
        ("import-phone-number", PhoneNumberImportParams),
        ("update-phone-number", PhoneNumberUpdateParams),
        ("v2", PhoneNumberListParams),
    )
}


def test_the_bodies_of_the_adapter_are_of_the_types_of_the_sdk(emulator: RetellEmulator) -> None:
    recorder = RecordingBackend(emulator.backend())
    agent = AgentRef(emulator.agents["sales"], version=PUBLISHED)
    trunk = OutboundUpdate(address="sip:trunk.example.com:5061;transport=tls", username="a", password="b")
    with Telephony("retell", api_key=emulator.api_key, backend=recorder) as telephony:
        number = telephony.import_number(NumberImport(number=NEW, label="New", outbound=trunk))
        number = telephony.update_sip(number, outbound=trunk)
        number = telephony.assign_agents(number, inbound=agent, outbound=AgentRef(agent.agent_id, version="0"))
        telephony.update_label(telephony.assign_agents(number, inbound=None), None)
    bodies = [(each.url.split("/")[3], json.loads(each.body)) for each in recorder.sent if each.body]
    assert {name for name, _ in bodies} == {"import-phone-number", "update-phone-number"}
    for name, body in bodies:
        TYPES[name].validate_python(body)
    with pytest.raises(ValidationError):
        TYPES["update-phone-number"].validate_python({"sip_trunk_auth_username": "the name of an import"})
