# ruff: noqa: S101 - asserting is what tests do
"""The service as it is, on an emulator of its provider."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from service import app

from telephony_core.testing import EmulatedAccount, TelephonyConnections, TelephonyEmulator

TRUNK = {"address": "pbx.example.com", "username": "pbx", "password": "from-the-vault"}
NEW = {"number": "+827099996666", "outbound": TRUNK}


@pytest.fixture
def vox(telephony_connections: TelephonyConnections) -> EmulatedAccount:
    """The account that ``AsyncTelephony("vox")`` finds."""
    return telephony_connections("vox")["vox"]


@pytest.fixture
def service(vox: EmulatedAccount) -> Iterator[TestClient]:
    with TestClient(app) as client:  # with its life cycle
        yield client


def test_a_number_is_found_in_any_spelling(service: TestClient) -> None:
    assert service.get("/numbers/070-1111-2222").json()["identity"]["e164"] == "+827011112222"


def test_a_number_of_nobody_is_not_found(service: TestClient) -> None:
    assert service.get("/numbers/070-9999-0000").status_code == 404


def test_an_imported_number_is_at_the_provider(service: TestClient, vox: EmulatedAccount) -> None:
    assert service.post("/numbers", json=NEW).status_code == 200
    assert vox.client.find_number("+827099996666").sip is not None
    assert service.post("/numbers", json=NEW).status_code == 409


def test_a_lost_answer_makes_no_second_number(service: TestClient, vox: EmulatedAccount) -> None:
    vox.emulator.add_fault("lost_after,method=POST")
    assert service.post("/numbers", json=NEW).status_code == 200
    assert sum(request.method == "POST" for request in vox.emulator.requests) == 1


def test_what_the_provider_cannot_do_is_refused_before_it_is_asked(service: TestClient, vox: EmulatedAccount) -> None:
    answer = service.post("/numbers", json={**NEW, "inbound": {"media_encryption": "require"}})
    assert (answer.status_code, vox.emulator.requests) == (422, [])


def test_without_a_network_a_client_is_handed_in(telephony_emulator: TelephonyEmulator) -> None:
    app.state.telephony = telephony_emulator("vox", size=3).async_client
    assert TestClient(app).get("/numbers/+827020000001").json()["label"] == "번호 1"
