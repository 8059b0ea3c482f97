"""The description of the contract, run against the emulator."""

from __future__ import annotations

import copy
from typing import Any

from telephony_retell.emulator import RetellEmulator
from tests.adapters.document import run_against
from tests.adapters.retell.emulator.workspace import LIST, ON_CALL
from tests.adapters.retell.judge import DOCUMENT


def narrowed() -> dict[str, Any]:
    """The document, without what only state or prose can make meaningful."""
    document = copy.deepcopy(DOCUMENT)
    paths, schemas = document["paths"], document["components"]["schemas"]
    # A key is only good when a page gave it.
    for listing in (paths[LIST]["get"], paths["/v2/list-agents"]["post"]):
        listing["parameters"] = [each for each in listing["parameters"] if each["name"] != "pagination_key"]
    paths["/v2/list-agents"]["post"]["requestBody"]["required"] = True  # one that is missing is refused here
    for path in paths.values():
        for parameter in path.get("parameters", []):
            parameter["schema"]["enum"] = [ON_CALL]
    # Weights that add up to 1, of an agent that is there and in a version that it has.
    share = schemas["SentShare"] = copy.deepcopy(schemas["AgentShare"])
    share["properties"] |= {
        "agent_id": {"enum": [RetellEmulator().agents["reception"]]},
        "agent_version": {"enum": [0, 4, "latest", "latest_published", "prod", "staging"]},
        "weight": {"enum": [1]},
    }
    for name in ("ImportRequest", "UpdateRequest"):
        for field, schema in schemas[name]["properties"].items():
            if field.endswith("_agents"):
                schema |= {"maxItems": 1, "items": {"$ref": "#/components/schemas/SentShare"}}
            elif field.endswith("_country_list"):
                schema["items"]["pattern"] = "^[A-Z]{2}$"
            elif field == "termination_uri":
                schema["pattern"] = r"^(?![sS][iI][pP][sS]?:)[A-Za-z0-9_.:[\]-]+$"
            elif field == "ignore_e164_validation":
                schema["enum"] = [True]
    return document


# 400, 404 and 405 come where the vendor documents neither, so statuses cannot be compared with the document.
test_the_document, test_the_document_with_many_examples = run_against(
    RetellEmulator, narrowed(), key={"Authorization": "Bearer emulator-key"}, unchecked=("status_code_conformance",)
)
