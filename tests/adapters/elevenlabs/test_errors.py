"""Both error envelopes, told apart by the type of ``detail``; the status first, the type second, prose never."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telephony_core.errors import (
    AuthenticationFailed,
    Conflict,
    InvalidRequest,
    NotFound,
    PermissionDenied,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
)
from telephony_core.provider.flow import Response
from telephony_core.provider.vendor_errors import ErrorEnvelope
from telephony_elevenlabs.adapter import ElevenLabsProvider
from telephony_elevenlabs.config import ElevenLabsConfig


def vendor(kind: str, **more: object) -> bytes:
    return json.dumps({"detail": {"type": kind, "code": "a_code", "message": "Something", **more}}).encode()


@pytest.mark.parametrize(
    ("status", "kind", "error"),
    [
        (400, "validation_error", InvalidRequest),
        (400, "not_found", NotFound),
        (400, "conflict", Conflict),
        (400, "of_tomorrow", InvalidRequest),
        (401, "not_found", AuthenticationFailed),
        (403, "validation_error", PermissionDenied),
        (404, "validation_error", NotFound),
        (409, "validation_error", Conflict),
        (422, "not_found", NotFound),
        (422, "validation_error", InvalidRequest),
        (429, "rate_limit_error", RateLimited),
        (503, "not_found", ProviderUnavailable),
    ],
)
def test_the_vendors_envelope(
    status: int, kind: str, error: type[ProviderError], wire: Any, elevenlabs: ElevenLabsProvider
) -> None:
    with pytest.raises(ProviderError, match="Something") as caught:
        wire.run(elevenlabs.get("x"), Response(status, {}, vendor(kind)))

    assert type(caught.value) is error
    assert (caught.value.status, caught.value.code) == (status, "a_code")


def test_the_former_name_of_the_code_is_read(elevenlabs: ElevenLabsProvider) -> None:
    body = json.dumps({"detail": {"status": "needs_authorization", "message": "No key"}}).encode()

    assert elevenlabs.read_error(Response(401, {}, body)) == ErrorEnvelope("needs_authorization", "No key")


def test_the_request_id_of_the_body_is_told(elevenlabs: ElevenLabsProvider) -> None:
    read = elevenlabs.read_error(Response(404, {}, vendor("not_found", request_id="0a1b")))

    assert (read.message, read.request_id) == ("Something", "0a1b")


def test_a_validation_list_is_told_without_the_input(wire: Any, elevenlabs: ElevenLabsProvider) -> None:
    detail = [{"loc": ["body", "label"], "msg": "Field required", "type": "missing", "input": "canary"}, {"msg": "odd"}]
    with pytest.raises(InvalidRequest) as caught:
        wire.run(elevenlabs.get("x"), Response(422, {}, json.dumps({"detail": detail}).encode()))

    assert "body.label: Field required; odd" in caught.value.message
    assert "canary" not in caught.value.message


def test_an_id_of_the_wrong_form_is_nobodys(wire: Any, elevenlabs: ElevenLabsProvider) -> None:
    detail = [{"loc": ["path", "phone_number_id"], "msg": "too long", "type": "string_too_long"}]
    with pytest.raises(NotFound):
        wire.run(elevenlabs.get("x"), Response(422, {}, json.dumps({"detail": detail}).encode()))


def test_what_the_web_framework_says_by_itself_is_told(elevenlabs: ElevenLabsProvider) -> None:
    assert elevenlabs.read_error(Response(404, {}, b'{"detail": "Not Found"}')) == ErrorEnvelope(message="Not Found")


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff", b"[]", b"7"])
def test_a_body_of_somebody_else_says_nothing(body: bytes, elevenlabs: ElevenLabsProvider) -> None:
    assert elevenlabs.read_error(Response(502, {}, body)) == ErrorEnvelope()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["detail", "type", "code", "message", "loc", "msg", "status"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@given(payload=JSON, status=st.integers(300, 599))
@settings(deadline=None, max_examples=200)
def test_no_body_can_break_the_reading_of_an_error(payload: object, status: int) -> None:
    provider = ElevenLabsProvider(ElevenLabsConfig(api_key="k"))

    assert isinstance(provider.read_error(Response(status, {}, json.dumps(payload).encode())), ErrorEnvelope)
