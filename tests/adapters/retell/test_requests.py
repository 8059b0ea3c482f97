"""The judge of requests sees what an adapter could get wrong. The contract kit asks it about every request."""

from __future__ import annotations

import json
from typing import Any

import pytest

from telephony_core import PUBLISHED, AgentRef, NumberImport, OutboundUpdate, Telephony
from telephony_core.emulator import HttpRequest
from telephony_core.testing import RecordingBackend, new_emulator
from telephony_core.testing.contract import ContractAccount
from tests.adapters.retell.judge import SERVER, Judge
from tests.adapters.retell.records import AGENT
from tests.contract import test_retell as kit

KEY = ("authorization", "Bearer key")
NUMBER = "/update-phone-number/%2B12135550110"
NEW = {"phone_number": "+14155550199", "termination_uri": "trunk.example.com"}


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge()


def request(method: str, path: str, body: object = None, *headers: tuple[str, str]) -> HttpRequest:
    sent = headers or (KEY,)
    if body is None:
        return HttpRequest(method, SERVER + path, sent, None)
    return HttpRequest(method, SERVER + path, (*sent, ("content-type", "application/json")), json.dumps(body).encode())


def test_every_operation_of_the_adapter_is_as_the_document_says(judge: Judge) -> None:
    emulator = new_emulator("retell")
    recorder = RecordingBackend(emulator.backend())
    agent = AgentRef(emulator.agents["sales"], version=PUBLISHED)
    trunk = OutboundUpdate(address="sip:trunk.example.com:5061;transport=tls", username="a", password="b")
    with Telephony("retell", api_key=emulator.api_key, backend=recorder) as retell:
        number = retell.import_number(NumberImport(number="+14155550199", label="New", outbound=trunk))
        number = retell.update_sip(number, outbound=trunk)
        number = retell.assign_agents(number, inbound=agent, outbound=AgentRef(agent.agent_id, version="0"))
        number = retell.assign_agents(number, inbound=None)
        number = retell.update_label(retell.update_label(number, "Newer"), None)
        retell.release(number)
    assert {each.url.removeprefix(SERVER).split("/")[1] for each in recorder.sent} == {
        "v2", "get-phone-number", "import-phone-number", "update-phone-number", "delete-phone-number",
    }  # fmt: skip
    assert [judge.faults(each) for each in recorder.sent if judge.faults(each)] == []


def test_the_kit_is_judged() -> None:
    assert kit.JudgedAccount.connect is not ContractAccount.connect
    assert "JudgedAccount" in kit.TestRetell.account.__wrapped__.__code__.co_names


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/import-phone-number", {"phone_number": "+1"}),
        ("POST", "/import-phone-number", NEW | {"auth_username": "the name of an update"}),
        ("POST", "/import-phone-number", NEW | {"ignore_e164_validation": "false"}),
        ("POST", "/import-phone-number", NEW | {"nickname": None}),
        ("POST", "/import-phone-number", NEW | {"transport": "SCTP"}),
        ("POST", "/import-phone-number", NEW | {"fallback_number": "+1"}),
        ("PATCH", NUMBER, {"sip_trunk_auth_username": "the name of an import"}),
        ("PATCH", NUMBER, {"auth_username": None}),
        ("PATCH", NUMBER, {"termination_uri": None}),
        ("PATCH", NUMBER, {"nicknam": "misspelt"}),
        ("PATCH", NUMBER, {"inbound_agents": [{"agent_id": AGENT}]}),
        ("PATCH", NUMBER, {"inbound_agents": [{"agent_id": AGENT, "weight": 0}]}),
        ("PATCH", NUMBER, {"inbound_agents": [{"agent_id": AGENT, "weight": 1, "agent_version": "v3"}]}),
        ("PATCH", NUMBER, {"inbound_agents": [{"agent_id": AGENT, "weight": 1, "share": 1}]}),
        ("PATCH", NUMBER, None),
        ("PUT", NUMBER, {}),
        ("GET", "/v1/phone", None),
        ("GET", "/v2/list-phone-numbers?limit=1001", None),
        ("GET", "/v2/list-phone-numbers?sort_order=asc", None),
        ("GET", "/v2/list-phone-numbers?page=2", None),
        ("GET", "/get-phone-number/a/b", None),
    ],
    ids=str,
)
def test_what_is_wrong_is_seen(method: str, path: str, body: Any, judge: Judge) -> None:
    assert judge.faults(request(method, path, body))


def test_a_request_without_a_key_is_seen(judge: Judge) -> None:
    assert judge.faults(request("GET", "/v2/list-phone-numbers", None, ("accept", "application/json")))
    assert not judge.faults(request("GET", "/v2/list-phone-numbers"))
