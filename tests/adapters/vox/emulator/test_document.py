"""The vendor's document, run against the emulator."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import schemathesis
from hypothesis import settings
from schemathesis.config import SchemathesisConfig

from telephony_core.emulator.asgi import asgi_app
from telephony_vox.emulator import VoxEmulator
from tests.adapters.vox.emulator.account import AVAILABLE, DOCUMENT, OWNED


def narrowed() -> dict[str, Any]:
    """The document, without what only state can make meaningful, and closed where the emulator is stricter."""
    document = copy.deepcopy(DOCUMENT)
    emulator = VoxEmulator()
    paths, components = document["paths"], document["components"]
    # Bodies unknown: not emulated.
    del paths["/telephone-numbers/purchase"]
    del paths[OWNED + "/{organization_telephone_number_id}"]["patch"]
    # A cursor is only good when a page gave it.
    for path in (AVAILABLE, OWNED):
        operation = paths[path]["get"]
        operation["parameters"] = [p for p in operation["parameters"] if not p.get("$ref", "").endswith("/Cursor")]
    # Ids of records and agents that are there; an empty address and unknown keys are refused by the emulator.
    ids = [record["id"] for record in emulator.records()]
    components["parameters"]["OrganizationTelephoneNumberId"]["schema"]["enum"] = ids
    schemas = components["schemas"]
    for name in ("RegisterTelephoneNumberRequest", "UpdateSipRequest", "UpdateAgentMappingRequest"):
        schemas[name]["additionalProperties"] = False
        if "address" in schemas[name]["properties"]:
            schemas[name]["properties"]["address"]["minLength"] = 1
    # JSON Schema's digits are ASCII; said so that generators of other regular expressions read it too.
    schemas["RegisterTelephoneNumberRequest"]["properties"]["number"]["pattern"] = "^[0-9]+$"
    schemas["KnownAgent"] = {
        "type": "object",
        "required": ["agent_id"],
        "additionalProperties": False,
        "properties": {
            "agent_id": {"type": "string", "enum": [emulator.agents["survey"]]},
            "agent_version": {"type": "string", "enum": ["current", "production", "v1"]},
        },
    }
    for direction in schemas["UpdateAgentMappingRequest"]["properties"].values():
        direction["anyOf"][0] = {"$ref": "#/components/schemas/KnownAgent"}
    return document


async def fresh(scope: Any, receive: Any, send: Any) -> None:
    """Every request meets the seeded account, whatever the one before did to its own."""
    await asgi_app(VoxEmulator())(scope, receive, send)


contract = schemathesis.openapi.from_dict(narrowed(), config=SchemathesisConfig(seed=1))
contract.app = fresh
# Every case is sent with the right key, so a case that is bad only for lack of one would be taken.
contract.config.generation.with_security_parameters = False


@pytest.mark.usefixtures("unmeasured")
@contract.parametrize()
@settings(deadline=None, max_examples=20, derandomize=True, database=None)
def test_the_document_run_against_the_emulator(case: schemathesis.Case) -> None:
    case.call_and_validate(base_url=VoxEmulator.base_url, headers={"Authorization": "Bearer emulator-key"})
