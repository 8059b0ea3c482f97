"""The description of the contract, run against the emulator."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import schemathesis
from hypothesis import settings
from schemathesis.checks import CHECKS
from schemathesis.config import SchemathesisConfig

from telephony_core.emulator.asgi import asgi_app
from telephony_retell.emulator import RetellEmulator
from tests.adapters.retell.emulator.workspace import LIST, ON_CALL
from tests.adapters.retell.judge import DOCUMENT


def narrowed() -> dict[str, Any]:
    """The document, without what only state or prose can make meaningful."""
    document = copy.deepcopy(DOCUMENT)
    paths, schemas = document["paths"], document["components"]["schemas"]
    # A key is only good when a page gave it.
    listing = paths[LIST]["get"]
    listing["parameters"] = [each for each in listing["parameters"] if each["name"] != "pagination_key"]
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
                schema["pattern"] = r"^(?![sS][iI][pP][sS]?:)[!-:<-?A-~]+$"
            elif field == "ignore_e164_validation":
                schema["enum"] = [True]
    return document


async def fresh(scope: Any, receive: Any, send: Any) -> None:
    """Every request meets the seeded workspace, whatever the one before did to its own."""
    await asgi_app(RetellEmulator())(scope, receive, send)


contract = schemathesis.openapi.from_dict(narrowed(), config=SchemathesisConfig(seed=1))
contract.app = fresh
# Every case is sent with the right key, so a case that is bad only for lack of one would be taken.
contract.config.generation.with_security_parameters = False


def answers_as_documented(case: schemathesis.Case) -> None:
    # 400, 404 and 405 come where the vendor documents neither, so statuses cannot be compared with the document.
    undocumented = CHECKS.get_by_names(["status_code_conformance"])
    headers = {"Authorization": "Bearer emulator-key"}
    case.call_and_validate(base_url=RetellEmulator.base_url, headers=headers, excluded_checks=undocumented)


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
