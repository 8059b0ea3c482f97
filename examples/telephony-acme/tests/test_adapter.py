# ruff: noqa: S101 - asserting is what tests do
"""What only Acme has, tried on its emulator and with canned answers."""

from __future__ import annotations

import json

import pytest

from telephony_core import InvalidInput, NotFound, OutboundUpdate, SipAddress, Telephony
from telephony_core.testing import ScriptedBackend, emulated, json_response


def test_a_number_is_looked_up_with_one_request() -> None:
    record = {"id": "n1", "e164": "+442079460001", "kind": "hosted", "state": "live"}
    backend = ScriptedBackend([json_response(200, {"numbers": [record], "next": None})])
    with Telephony("acme", api_key="key", backend=backend) as telephony:
        assert telephony.find_number("020 7946 0001").id == "n1"
    (request,) = backend.sent
    assert request.url.endswith("/numbers?include_ended=true&e164=%2B442079460001")
    assert ("x-acme-key", "key") in request.headers


def test_a_transport_has_a_place_of_its_own_on_the_wire() -> None:
    answer = {"id": "n1", "e164": "+442079460001", "kind": "sip", "state": "live"}
    address = {"host": "pbx.example.com", "port": 5061, "transport": "tls"}
    backend = ScriptedBackend(
        [json_response(200, answer), json_response(200, {**answer, "trunk": {"address": address}})]
    )
    with Telephony("acme", api_key="key", backend=backend) as telephony:
        number = telephony.update_sip("n1", outbound=OutboundUpdate(address="sip:pbx.example.com:5061;transport=tls"))
    assert json.loads(backend.sent[1].body or b"") == {"address": address}
    assert number.sip is not None
    assert number.sip.outbound.address == SipAddress("pbx.example.com", 5061, "sip", "tls")


def test_half_of_the_credentials_cannot_be_cleared() -> None:
    with emulated("acme") as telephony:
        number = telephony.find_number("+441174960005")
        with pytest.raises(InvalidInput, match="set both, or clear both"):
            telephony.update_sip(number, outbound=OutboundUpdate(username=None, password="still there"))


def test_an_id_of_nobody_is_not_found() -> None:
    with emulated("acme") as telephony, pytest.raises(NotFound, match="There is no such number"):
        telephony.get_number("n-0")
