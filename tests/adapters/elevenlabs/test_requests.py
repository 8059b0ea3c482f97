"""The judge that sits on the line of the contract kit (`tests/contract/test_elevenlabs.py`) refuses what is wrong."""

from __future__ import annotations

import json
from typing import Final

import pytest

from telephony_core.emulator import HttpRequest
from tests.adapters.elevenlabs.emulator.workspace import DOCUMENT, NUMBERS
from tests.adapters.elevenlabs.judging import BASE, faults_of


def request(method: str, path: str, body: object = None, key: str = "k", kind: str = "application/json") -> HttpRequest:
    headers = (("xi-api-key", key), ("content-type", kind))
    return HttpRequest(method, BASE + path, headers, None if body is None else json.dumps(body).encode())


IMPORT: Final = {"provider": "sip_trunk", "phone_number": "+12025550101", "label": "a"}
WRONG: Final = {
    "no key": request("GET", NUMBERS, key=""),
    "another path": request("GET", "/v1/convai/phone-number"),
    "another method": request("PUT", NUMBERS, IMPORT),
    "an unknown parameter": request("GET", f"{NUMBERS}?page_size=10"),
    "an unknown word in a parameter": request("GET", f"{NUMBERS}?provider=telnyx"),
    "a body where none belongs": request("DELETE", f"{NUMBERS}/x", {}),
    "no body": request("POST", NUMBERS),
    "no JSON": request("POST", NUMBERS, IMPORT, kind="text/plain"),
    "no label": request("POST", NUMBERS, {"phone_number": "+12025550101"}),
    "an empty number": request("POST", NUMBERS, {**IMPORT, "phone_number": ""}),
    "an import from a carrier": request("POST", NUMBERS, {**IMPORT, "provider": "twilio"}),
    "a misspelt key": request("POST", NUMBERS, {**IMPORT, "inbound_trunk": {}}),
    "a change of nothing": request("PATCH", f"{NUMBERS}/x", {}),
    "a half that is null": request("PATCH", f"{NUMBERS}/x", {"outbound_trunk_config": None}),
    "a half without its address": request("PATCH", f"{NUMBERS}/x", {"outbound_trunk_config": {"transport": "tcp"}}),
    "a URI for an address": request("PATCH", f"{NUMBERS}/x", {"outbound_trunk_config": {"address": "sip:a.example"}}),
    "an unknown transport": request(
        "PATCH", f"{NUMBERS}/x", {"outbound_trunk_config": {"address": "a", "transport": "sctp"}}
    ),
    "an unknown codec": request(
        "PATCH", f"{NUMBERS}/x", {"outbound_trunk_config": {"address": "a", "enabled_codecs": ["opus"]}}
    ),
    "a password without a user": request(
        "PATCH", f"{NUMBERS}/x", {"outbound_trunk_config": {"address": "a", "credentials": {"password": "p"}}}
    ),
    "the word of another vendor": request(
        "PATCH", f"{NUMBERS}/x", {"inbound_trunk_config": {"media_encryption": "allow"}}
    ),
    "a text for a list": request("PATCH", f"{NUMBERS}/x", {"inbound_trunk_config": {"allowed_addresses": "192.0.2.1"}}),
    "a read-only field": request("PATCH", f"{NUMBERS}/x", {"inbound_trunk_config": {"has_auth_credentials": True}}),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_the_judge_refuses(wrong: str) -> None:
    assert faults_of(WRONG[wrong])


def test_the_judge_takes_what_the_document_shows() -> None:
    for path, operations in DOCUMENT["paths"].items():
        for method, operation in operations.items():
            if method != "parameters":
                content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
                shown = request(method.upper(), path.replace("{phone_number_id}", "x"), content.get("example"))
                assert faults_of(shown) == []
