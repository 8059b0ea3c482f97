"""The vendor's document, run against the emulator."""

from __future__ import annotations

import copy
from typing import Any

from telephony_diga.emulator import DigaEmulator
from tests.adapters.diga.emulator.project import DOCUMENT, PHONES
from tests.adapters.document import run_against


def narrowed() -> dict[str, Any]:
    """The document, without what only state can make meaningful, and closed where the emulator is stricter."""
    document = copy.deepcopy(DOCUMENT)
    emulator = DigaEmulator()
    paths, schemas = document["paths"], document["components"]["schemas"]
    # Not emulated.
    del paths["/v1/verification/"]["post"]
    # A cursor is only good when a page gave it, and alone.
    for path in (PHONES, "/v1/verification/"):
        operation = paths[path]["get"]
        operation["parameters"] = [p for p in operation["parameters"] if p["name"] not in ("after", "before")]
    # Ids of what is there and in a state that allows the operation.
    phones = [
        str(record["id"])
        for record in emulator.records()
        if (record["telephony_provider"], record["status"]) == ("custom", "assigned")
        and record["number"] != "+34900123456"  # inbound-only: takes outbound settings only with an address
    ]
    published = [v.version_id for id in emulator.agents.values() for v in emulator.versions(id) if v.is_published]
    paths["/v1/phone/{phone_id}"]["parameters"][0]["schema"]["enum"] = phones
    paths["/v1/phone/{phone_id}/sip-config"]["parameters"][0]["schema"]["enum"] = phones
    reception = emulator.agents["reception"]
    paths["/v1/agent/{agent_id}/published_version"]["parameters"][0]["schema"]["enum"] = [reception]
    # Unknown keys are refused, and nulls where nobody says what they do.
    for name in (
        "PostImportPhoneNumberRequestSchema", "InboundConfigSchema", "OutboundConfigSchema", "PhoneUpdateRequestSchema",
        "PatchSipConfigRequestSchema", "InboundConfigUpdateSchema", "OutboundConfigUpdateSchema", "PublishAgentRequest",
    ):  # fmt: skip
        schemas[name]["additionalProperties"] = False
        for field, schema in schemas[name]["properties"].items():
            if name.startswith(("Patch", "PhoneUpdate")) or name.endswith("UpdateSchema"):
                schema.pop("description")
                if "anyOf" in schema:
                    schema.update(schema.pop("anyOf")[0])
                else:
                    schema["type"] = schema["type"][0]
            if field in ("inbound_version_id", "outbound_version_id"):
                schema["enum"] = published
            elif field == "version_id":
                own = next(v.version_id for v in emulator.versions(reception) if v.is_published)
                schema["enum"] = [own, None]
            elif field.endswith("phone_number_id"):
                schema["enum"] = [*phones, None]
            elif field == "phone_number":
                schema["pattern"] = r"^\+[1-9][0-9]{1,14}$|^[!-9;-?A-~]+@[!-?A-~]+$"
            elif field == "termination_uri":
                schema["pattern"] = r"^(?![sS][iI][pP][sS]?:)[A-Za-z0-9_.:[\]-]+$"
            elif field == "allowed_addresses":
                schema["items"] = {"type": "string", "anyOf": [{"format": "ipv4"}, {"format": "ipv6"}]}
    return document


# The vendor documents neither 401 nor 404 nor 405 for phones, so statuses cannot be compared with the document.
test_the_document, test_the_document_with_many_examples = run_against(
    DigaEmulator, narrowed(), key={"Authorization": "Bearer emulator-key"}, unchecked=("status_code_conformance",)
)
