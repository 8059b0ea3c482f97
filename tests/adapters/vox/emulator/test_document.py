"""The vendor's document, run against the emulator."""

from __future__ import annotations

import copy
from typing import Any

from telephony_vox.emulator import VoxEmulator
from tests.adapters.document import run_against
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
    for path in (AVAILABLE, OWNED, "/agents"):
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


test_the_document, test_the_document_with_many_examples = run_against(
    VoxEmulator, narrowed(), key={"Authorization": "Bearer emulator-key"}
)
