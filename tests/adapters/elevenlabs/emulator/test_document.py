"""Our document of the vendor's contract, run against the emulator."""

from __future__ import annotations

import copy
from typing import Any

from telephony_elevenlabs.emulator import ElevenLabsEmulator
from tests.adapters.document import run_against
from tests.adapters.elevenlabs.emulator.workspace import DOCUMENT, NUMBERS, Workspace


def narrowed() -> dict[str, Any]:
    """The document, without what only state can make meaningful."""
    document = copy.deepcopy(DOCUMENT)
    emulator = ElevenLabsEmulator()
    paths, schemas = document["paths"], document["components"]["schemas"]
    # A cursor is only good when a page gave it.
    listing = paths["/v1/convai/agents"]["get"]
    listing["parameters"] = [each for each in listing["parameters"] if each["name"] != "cursor"]
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


# The vendor documents neither 401 nor 404 nor 405, so statuses cannot be compared with the document.
test_the_document, test_the_document_with_many_examples = run_against(
    workspace, narrowed(), key={"xi-api-key": "emulator-key"}, unchecked=("status_code_conformance",)
)
