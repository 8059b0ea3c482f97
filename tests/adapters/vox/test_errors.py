"""What vox's refusals mean: by HTTP status first, by machine code second, by prose never."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telephony_core.domain.sip import OutboundUpdate
from telephony_core.errors import (
    AuthenticationFailed,
    Conflict,
    InvalidRequest,
    NotFound,
    PermissionDenied,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
    UnexpectedResponse,
)
from telephony_core.provider.changes import SipUpdate
from telephony_core.provider.flow import Response
from telephony_vox.adapter import VoxProvider
from telephony_vox.config import VoxConfig
from tests.adapters.vox.records import phone_number
from tests.adapters.wire import Wire

Make = Callable[..., dict[str, Any]]
Respond = Callable[..., Response]


def envelope(code: str, message: str = "요청이 올바르지 않습니다.", details: object = None) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "details": details if details is not None else {}}}


def refused(vox: VoxProvider, wire: Wire, response: Response) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        wire.run(vox.get("x"), response)
    return caught.value


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "VALIDATION_ERROR", InvalidRequest),
        (422, "VALIDATION_ERROR", InvalidRequest),
        (400, "SOMETHING_NEW", InvalidRequest),
        (400, "REVISION_CONFLICT", Conflict),
        (401, "VALIDATION_ERROR", AuthenticationFailed),
        (403, "FORBIDDEN", PermissionDenied),
        (404, "VALIDATION_ERROR", NotFound),
        (409, "VALIDATION_ERROR", Conflict),
        (409, "REVISION_CONFLICT", Conflict),
        (429, "TOO_MANY", RateLimited),
        (500, "INTERNAL_ERROR", ProviderUnavailable),
        (302, "MOVED", UnexpectedResponse),
    ],
)
def test_status_then_code_decides(
    status: int, code: str, kind: type[ProviderError], vox: VoxProvider, wire: Wire, respond: Respond
) -> None:
    error = refused(vox, wire, respond(envelope(code), status))

    assert type(error) is kind
    assert (error.status, error.code) == (status, code)


def test_the_details_are_told_to_people(vox: VoxProvider, wire: Wire, respond: Respond) -> None:
    details = {"field": "memo", "reason": "too long", "allowed_values": ["a", 1, None, ["x"]]}

    error = refused(vox, wire, respond(envelope("VALIDATION_ERROR", "bad", details), 400))

    assert error.message == "the provider says: bad; memo: too long; allowed values: a, 1"


@pytest.mark.parametrize(
    ("details", "said"),
    [
        ({"field": "address"}, "no; address"),
        ({"reason": "too long"}, "no; too long"),
        ({"field": "address", "reason": "too long"}, "no; address: too long"),
        ({}, "no"),
    ],
)
def test_a_field_or_a_reason_alone_is_told_too(details: object, said: str, vox: VoxProvider, respond: Respond) -> None:
    payload = {"error": {"code": "X", "message": "no", "details": details}}
    assert vox.read_error(respond(payload, 400)).message == said


def test_allowed_query_parameters_are_told(vox: VoxProvider, wire: Wire, respond: Respond) -> None:
    details = {"allowed_query_parameters": ["cursor", "limit"]}

    error = refused(vox, wire, respond(envelope("VALIDATION_ERROR", "bad", details), 400))

    assert "allowed query parameters: cursor, limit" in str(error)


@pytest.mark.parametrize("body", [b"<html>502</html>", b"", b"[]", b'"x"', b'{"error": "x"}', b'{"message": "x"}'])
def test_an_answer_without_the_envelope_is_decided_by_its_status(body: bytes, vox: VoxProvider, wire: Wire) -> None:
    error = refused(vox, wire, Response(404, {}, body))

    assert type(error) is NotFound
    assert error.code is None


@pytest.mark.parametrize("details", [None, [], "x", {"field": 1, "reason": [], "allowed_values": {}}])
def test_odd_details_are_left_out(details: object, vox: VoxProvider, respond: Respond) -> None:
    refusal = vox.read_error(respond({"error": {"code": 7, "message": "bad", "details": details}}, 400))

    assert (refusal.code, refusal.message) == (None, "bad")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["error", "code", "message", "details", "field", "allowed_values"]), inner)
    ),
    max_leaves=12,
)


@settings(deadline=None, max_examples=150)
@given(JSON | st.binary(max_size=40), st.sampled_from([200, 400, 404, 500]))
def test_reading_an_error_never_raises(payload: Any, status: int) -> None:

    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()

    VoxProvider(VoxConfig(api_key="k")).read_error(Response(status, {}, body))


def test_a_password_that_vox_quotes_back_is_not_shown(
    vox: VoxProvider, wire: Wire, custom: Make, respond: Respond
) -> None:
    number = phone_number(custom())
    change = SipUpdate(number, outbound=OutboundUpdate(address="pbx.example.com", password="canary-77"))
    quoting = envelope("canary-77", "canary-77 is too weak", {"field": "auth_password", "reason": "canary-77"})

    with pytest.raises(InvalidRequest) as caught:
        wire.run(vox.update_sip(number, change), respond(quoting, 400))

    error = caught.value
    assert "canary" not in str(error) + repr(error) + str(error.args) + str(error.body) + str(vars(error))
    assert error.__context__ is None


def test_the_key_is_sent_as_a_bearer_token_and_shown_nowhere() -> None:
    vox = VoxProvider(VoxConfig(api_key="canary-key"))

    assert vox.auth_headers() == {"Authorization": "Bearer canary-key"}
    assert "canary" not in repr(vox) + repr(vox.config) + str(vox.config) + vox.config.model_dump_json()
