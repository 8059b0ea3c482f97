"""The one envelope, without a machine code: the status decides, and 422 means not found where that is documented."""

from __future__ import annotations

import json
from typing import Any

import pytest

from telephony_core import NumberImport, OutboundUpdate
from telephony_core.emulator import Response
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
from telephony_retell.adapter import RetellProvider
from telephony_retell.config import RetellConfig
from tests.adapters.retell.records import NUMBER, imported

PROVIDER = RetellProvider(RetellConfig(api_key="k"))


def refused(status: int, message: object = "So it is.") -> Response:
    return Response(status, {}, json.dumps({"status": "error", "message": message}).encode())


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidRequest),
        (401, AuthenticationFailed),
        (402, InvalidRequest),
        (403, PermissionDenied),
        (404, NotFound),
        (409, Conflict),
        (412, WrongState),
        (422, NotFound),
        (429, RateLimited),
        (500, ProviderUnavailable),
    ],
)
def test_each_status(status: int, kind: type[ProviderError], scripted: Any) -> None:
    with pytest.raises(ProviderError) as caught:
        scripted(refused(status)).client.get_number(NUMBER)
    assert type(caught.value) is kind
    assert ("So it is" in caught.value.message) == (status not in (429, 500))  # those are told by the transport
    assert (caught.value.status, caught.value.code) == (status, None)


def test_422_means_not_found_for_every_request_about_one_number(scripted: Any) -> None:
    empty = {"items": [], "has_more": False}
    with pytest.raises(NotFound):
        scripted(imported(), refused(422)).client.update_label(NUMBER, "x")
    with pytest.raises(NotFound):
        scripted(imported(), refused(422), empty).client.release(NUMBER)


def test_422_of_an_import_or_a_list_says_nothing_of_the_kind(scripted: Any) -> None:
    change = NumberImport(number=NUMBER, outbound=OutboundUpdate(address="sip:pbx.example.com;transport=tcp"))
    with pytest.raises(InvalidRequest):
        scripted({"items": [], "has_more": False}, refused(422)).client.import_number(change)
    with pytest.raises(InvalidRequest):
        list(scripted(refused(422)).client.list_numbers())


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"7", b"{}", b'{"message": "not found"}', b'{"status": 422}'])
def test_422_of_anybody_else_on_the_way_does_not_say_that_a_number_is_gone(body: bytes, scripted: Any) -> None:
    with pytest.raises(InvalidRequest):
        scripted(Response(422, {}, body)).client.get_number(NUMBER)


@pytest.mark.parametrize("message", [None, 7, ["text"], {"no": "text"}])
def test_a_message_that_is_no_text_is_left_out(message: object) -> None:
    assert PROVIDER.read_error(refused(400, message)).message is None


def test_a_message_without_the_status_beside_it_is_shown() -> None:
    assert PROVIDER.read_error(Response(400, {}, b'{"message": "no"}')).message == "no"


def test_a_success_that_is_no_record_is_unexpected(scripted: Any) -> None:
    for body in (b"", b"<html>", b"{}", b"[]"):
        with pytest.raises(UnexpectedResponse):
            scripted(Response(200, {}, body)).client.get_number(NUMBER)
