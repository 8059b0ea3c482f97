"""Both error envelopes, told apart by shape; the status first, the machine code second, prose never."""

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
    WrongState,
)
from telephony_core.provider.changes import NumberImport, SipUpdate
from telephony_core.provider.flow import Response
from telephony_core.provider.port import ListQuery
from telephony_diga.adapter import DigaProvider
from telephony_diga.config import DigaConfig
from tests.adapters.diga.records import read

Make = Callable[..., dict[str, Any]]


def vendor(code: str, message: str = "Something") -> bytes:
    return json.dumps({"status": "error", "error_code": code, "message": message}).encode()


def framework(*items: object) -> bytes:
    return json.dumps({"detail": list(items)}).encode()


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "NOT_VALID_FIELD", InvalidRequest),
        (400, "BAD_PARAMETER", InvalidRequest),
        (400, "NON_SPANISH_PHONE_NUMBER", InvalidRequest),
        (400, "PHONE_NUMBER_NOT_FOUND", NotFound),
        (400, "MISSING_PERMISSIONS", PermissionDenied),
        (400, "INTERNAL_SERVER_ERROR", InvalidRequest),
        (400, "SOMETHING_NEW", InvalidRequest),
        (401, "UNAUTHORIZED", AuthenticationFailed),
        (401, "INVALID_API_KEY", AuthenticationFailed),
        (401, "PHONE_NUMBER_NOT_FOUND", AuthenticationFailed),
        (403, "INTERNAL_SERVER_ERROR", PermissionDenied),
        (403, "UNATHORIZED_ROLE", PermissionDenied),
        (403, "BAD_PARAMETER", PermissionDenied),
        (404, "PHONE_NUMBER_NOT_FOUND", NotFound),
        (404, "AGENT_NOT_FOUND", NotFound),
        (404, "BAD_PARAMETER", NotFound),
        (404, "INVALID_API_KEY", NotFound),
        (404, "SOMETHING_NEW", NotFound),
        (409, "PUBLISHED_AGENT_VERSION_DELETION", Conflict),
        (409, "BAD_PARAMETER", Conflict),
        (409, "SOMETHING_NEW", Conflict),
        (412, "SIP_CONFIG_NOT_SET", WrongState),
        (422, "INVALID_PAGINATION_PARAMETERS", InvalidRequest),
        (422, "SOMETHING_NEW", InvalidRequest),
        (429, "SOMETHING_NEW", RateLimited),
        (500, "INTERNAL_SERVER_ERROR", ProviderUnavailable),
    ],
)
def test_the_vendors_envelope(status: int, code: str, kind: type[ProviderError], wire: Any, diga: DigaProvider) -> None:
    with pytest.raises(ProviderError, match="Something") as error:
        wire.run(diga.get("x"), Response(status, {}, vendor(code)))

    assert type(error.value) is kind
    assert (error.value.status, error.value.code) == (status, code)


def test_a_message_that_is_no_text_is_left_out(diga: DigaProvider) -> None:
    refusal = diga.read_error(Response(400, {}, b'{"error_code": "BAD_PARAMETER", "message": {"no": "text"}}'))
    assert (refusal.code, refusal.message) == ("BAD_PARAMETER", None)


def test_refused_writes_are_told_as_well(wire: Any, diga: DigaProvider, custom: Make) -> None:
    number = read(custom())
    imported = NumberImport(number="+34911234567")
    refused = Response(400, {}, vendor("PHONE_NUMBER_NOT_FOUND"))
    for flow in (diga.import_number(imported, number.identity), diga.update_label(number, "Recepción")):
        with pytest.raises(NotFound) as caught:
            wire.run(flow, refused)
        assert caught.value.code == "PHONE_NUMBER_NOT_FOUND"


def test_a_refused_list_of_agents_says_why(wire: Any, diga: DigaProvider) -> None:
    with pytest.raises(PermissionDenied, match="Something") as caught:
        wire.run(diga.agents_page(None), Response(403, {}, vendor("MISSING_PERMISSIONS")))
    assert caught.value.code == "MISSING_PERMISSIONS"


def test_a_validation_list_names_the_places_and_what_is_wrong_with_them(wire: Any, diga: DigaProvider) -> None:
    body = framework(
        {"loc": ["body", "inbound_config", "allowed_addresses", 0], "msg": "not an address", "type": "value_error"},
        {"loc": ["body", "nickname"], "msg": "too long", "type": "string_too_long"},
    )

    with pytest.raises(InvalidRequest) as error:
        wire.run(diga.get("x"), Response(422, {}, body))

    assert "body.inbound_config.allowed_addresses.0: not an address; body.nickname: too long" in error.value.message
    assert error.value.code is None


@pytest.mark.parametrize("name", ["phone_id", "id"])
def test_an_id_of_the_wrong_form_is_not_found(name: str, wire: Any, diga: DigaProvider) -> None:
    body = framework({"loc": ["path", name], "msg": "not a valid UUID", "type": "uuid_parsing"})

    with pytest.raises(NotFound, match="not a valid UUID"):
        wire.run(diga.get("nope"), Response(422, {}, body))


def test_the_envelope_is_told_by_its_shape_and_not_by_the_path(wire: Any, diga: DigaProvider) -> None:
    with pytest.raises(InvalidRequest, match="too long"):
        wire.run(
            diga.list_page(ListQuery(), None),
            Response(422, {}, framework({"loc": ["query", "limit"], "msg": "too long", "type": "x"})),
        )
    with pytest.raises(InvalidRequest, match="Something") as error:
        wire.run(diga.get("x"), Response(422, {}, vendor("NOT_VALID_FIELD")))
    assert error.value.code == "NOT_VALID_FIELD"


def test_what_a_validation_item_echoes_is_not_shown(wire: Any, diga: DigaProvider, custom: Make) -> None:
    number = read(custom())
    change = SipUpdate(number, outbound=OutboundUpdate(username="trunk", password="can4ry"))
    body = framework(
        {"loc": ["body", "outbound_config", "username"], "msg": "no: can4ry", "type": "x", "input": "can4ry"},
        {"loc": ["body"], "msg": "no", "type": "x", "input": {"password": "can4ry"}, "ctx": {"error": "can4ry"}},
    )

    with pytest.raises(InvalidRequest) as error:
        wire.run(diga.update_sip(number, change), Response(422, {}, body))

    shown = str(error.value) + repr(error.value) + str(error.value.body) + error.value.message
    assert "can4ry" not in shown
    assert "input" not in error.value.message


def test_the_frameworks_own_not_found_is_shown(wire: Any, diga: DigaProvider) -> None:
    with pytest.raises(NotFound, match="Not Found"):
        wire.run(diga.get("x"), Response(404, {}, b'{"detail":"Not Found"}'))


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, InvalidRequest), (401, AuthenticationFailed), (404, NotFound), (502, ProviderUnavailable)],
)
@pytest.mark.parametrize("body", [b"", b"<html>gateway</html>", b"[]", b"7", b'"x"', b"{}", b'{"detail":[7]}', b"{"])
def test_an_error_without_an_envelope_is_told_by_its_status(
    status: int, kind: type[ProviderError], body: bytes, wire: Any, diga: DigaProvider
) -> None:
    with pytest.raises(ProviderError) as error:
        wire.run(diga.get("x"), Response(status, {}, body))

    assert type(error.value) is kind
    assert error.value.code is None


def test_a_redirect_is_not_followed(wire: Any, diga: DigaProvider) -> None:
    with pytest.raises(UnexpectedResponse, match="redirect"):
        wire.run(diga.get("x"), Response(307, {"location": "https://elsewhere.example/"}, b""))


@pytest.mark.parametrize("body", [b"<html>gateway</html>", b'{"id": "x"', b"\xff\xfe", b""])
def test_a_success_that_is_not_json_is_unexpected(body: bytes, wire: Any, diga: DigaProvider) -> None:
    with pytest.raises(UnexpectedResponse, match="not JSON"):
        wire.run(diga.get("x"), Response(200, {"content-type": "text/html"}, body))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
LISTS = st.lists(JSON | st.dictionaries(st.sampled_from(["loc", "msg", "type", "input"]), JSON), max_size=3)


@settings(deadline=None, max_examples=150)
@given(
    payload=JSON
    | st.dictionaries(st.sampled_from(["status", "error_code", "message", "detail"]), JSON | LISTS)
    | st.fixed_dictionaries({"detail": LISTS})
)
def test_no_body_at_all_makes_reading_the_error_fail(payload: object) -> None:
    refusal = DigaProvider(DigaConfig(api_key="k")).read_error(Response(422, {}, json.dumps(payload).encode()))

    assert refusal.message is None or isinstance(refusal.message, str)
