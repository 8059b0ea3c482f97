"""The web service on the page about FastAPI works, and repeats no secret."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.docs.blocks import blocks
from tests.docs.matrix import README

FASTAPI = README.parent / "docs" / "how-to" / "fastapi.md"


@pytest.fixture
def service(online: None) -> Iterator[TestClient]:
    """The web service of the page."""
    namespace: dict[str, Any] = {"__name__": "service"}
    exec(compile(blocks(FASTAPI, "python")[0], FASTAPI.name, "exec", dont_inherit=True), namespace)
    with TestClient(namespace["app"], raise_server_exceptions=False) as client:
        yield client


TRUNK = {"address": "pbx.example.com", "username": "pbx", "password": "canary-9f2c"}
IMPORT = {"number": "+827099996666", "outbound": TRUNK}


def test_the_web_service_imports_a_number(service: TestClient) -> None:
    answer = service.post("/numbers", json=IMPORT)
    assert (answer.status_code, answer.json()["identity"]["e164"]) == (200, "+827099996666")
    assert "raw" not in answer.json()
    assert TRUNK["password"] not in answer.text


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        ({**IMPORT, "outbound": {**TRUNK, "adress": "x"}}, 422, "outbound.adress: is not among its fields"),
        ({**IMPORT, "outbound": {**TRUNK, "address": "sip:u:canary-9f2c@h"}}, 422, "holds a password"),
        ({**IMPORT, "outbound": {**TRUNK, "password": ["canary-9f2c"]}}, 422, "outbound.password: has to be text"),
        ({"outbound": TRUNK}, 422, "number: is missing"),
        ([IMPORT], 422, "dictionary"),
        ({**IMPORT, "inbound": {"allowed_addresses": []}}, 422, "lets every source call in"),
        ({**IMPORT, "inbound": {"media_encryption": "require"}}, 422, "does not support"),
        ({**IMPORT, "number": "070-1111-2222"}, 409, "already here"),
    ],
)
def test_a_refused_body_is_answered_with_the_reason_and_nothing_of_what_was_in_it(
    service: TestClient, body: object, status: int, word: str
) -> None:
    answer = service.post("/numbers", json=body)
    assert answer.status_code == status
    assert word in answer.text
    assert "canary" not in answer.text


def test_a_body_that_is_no_json_is_not_repeated_either(service: TestClient) -> None:
    answer = service.post(
        "/numbers", content=b'{"password": "canary-9f2c"', headers={"content-type": "application/json"}
    )
    assert answer.status_code == 422
    assert "canary" not in answer.text


def test_the_web_service_describes_what_it_takes(service: TestClient) -> None:
    schemas = service.get("/openapi.json").json()["components"]["schemas"]
    outbound = schemas["OutboundUpdate"]["properties"]
    assert (outbound["password"]["anyOf"][0]["writeOnly"], "default" in outbound["password"]) == (True, False)
