"""Our document of the vendor's contract, run against the emulator."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import schemathesis
from hypothesis import settings
from schemathesis.checks import CHECKS
from schemathesis.config import SchemathesisConfig

from telephony_core.emulator.asgi import asgi_app
from telephony_elevenlabs.emulator import ElevenLabsEmulator
from tests.adapters.elevenlabs.emulator.workspace import DOCUMENT, NUMBERS, Workspace


def narrowed() -> dict[str, Any]:
    """The document, without what only state can make meaningful."""
    document = copy.deepcopy(DOCUMENT)
    emulator = ElevenLabsEmulator()
    paths, schemas = document["paths"], document["components"]["schemas"]
    (id,) = (r["phone_number_id"] for r in emulator.records() if r["phone_number"] == "+12025550102")
    paths[f"{NUMBERS}/{{phone_number_id}}"]["parameters"][0]["schema"]["enum"] = [id]
    reception = emulator.agents["reception"]
    schemas["ImportRequest"]["properties"]["agent_id"] = {"enum": [reception, None]}
    schemas["UpdateRequest"]["properties"]["agent_id"] = {"enum": [reception, None]}
    del schemas["UpdateRequest"]["properties"]["branch_id"]  # it is one of the agent that comes with it
    addresses = schemas["InboundConfig"]["properties"]["allowed_addresses"]
    addresses["anyOf"][0]["items"] = {"type": "string", "anyOf": [{"format": "ipv4"}, {"format": "ipv6"}]}
    # Credentials that are new need a password; those of the number that is changed have one.
    schemas["NewCredentials"] = {**schemas["Credentials"], "required": ["username", "password"]}
    password = {"password": {"type": "string", "minLength": 1}}
    schemas["NewCredentials"]["properties"] = schemas["Credentials"]["properties"] | password
    for half in ("InboundConfig", "OutboundConfig"):
        new = schemas[f"New{half}"] = copy.deepcopy(schemas[half])
        new["properties"]["credentials"] = {
            "anyOf": [{"$ref": "#/components/schemas/NewCredentials"}, {"type": "null"}]
        }
        key = f"{half.removesuffix('Config').lower()}_trunk_config"
        schemas["ImportRequest"]["properties"][key]["anyOf"][0]["$ref"] = f"#/components/schemas/New{half}"
    return document


def workspace() -> ElevenLabsEmulator:
    """A seeded workspace in which the number that is changed has credentials in both directions."""
    made = Workspace(allow_duplicates=True)
    credentials = {"username": "caller", "password": "caller-word"}
    made.patch(made.pick("+12025550102")["phone_number_id"], inbound_trunk_config={"credentials": credentials})
    emulator: ElevenLabsEmulator = made.emulator
    return emulator


async def fresh(scope: Any, receive: Any, send: Any) -> None:
    """Every request meets the seeded workspace, whatever the one before did to its own."""
    await asgi_app(workspace())(scope, receive, send)


contract = schemathesis.openapi.from_dict(narrowed(), config=SchemathesisConfig(seed=1))
contract.app = fresh
# Every case is sent with the right key, so a case that is bad only for lack of one would be taken.
contract.config.generation.with_security_parameters = False


def answers_as_documented(case: schemathesis.Case) -> None:
    # The vendor documents neither 401 nor 404 nor 405, so statuses cannot be compared with the document.
    undocumented = CHECKS.get_by_names(["status_code_conformance"])
    headers = {"xi-api-key": "emulator-key"}
    case.call_and_validate(base_url=ElevenLabsEmulator.base_url, headers=headers, excluded_checks=undocumented)


@pytest.mark.usefixtures("unmeasured")
@contract.parametrize()
@settings(deadline=None, max_examples=10, derandomize=True, database=None)
def test_the_document_run_against_the_emulator(case: schemathesis.Case) -> None:
    answers_as_documented(case)


@pytest.mark.long
@contract.parametrize()
@settings(deadline=None, max_examples=100, derandomize=True, database=None)
def test_the_document_run_against_the_emulator_with_many_examples(case: schemathesis.Case) -> None:
    answers_as_documented(case)
