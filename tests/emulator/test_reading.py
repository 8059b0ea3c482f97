"""What an emulator takes: queries and bodies by models, and the vendor's own error for what does not fit."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from telephony_core.emulator import EmulatedRefusal, ReceivedRequest, RequestModel, RequestReader, Unfit, json_response


class Trunk(RequestModel):
    host: str
    port: int = 5060


class Body(RequestModel):
    name: str
    trunk: Trunk | None = None


class Query(RequestModel):
    limit: int = 10
    status: tuple[str, ...] = ()


def asked(body: object = None, *query: tuple[str, str], raw: bytes | None = None, kind: str = "") -> ReceivedRequest:
    sent = raw if body is None else json.dumps(body).encode()
    return ReceivedRequest("POST", (), False, query, {"content-type": kind or "application/json"}, sent)


def faults(read: Any, *request: Any) -> list[tuple[str, tuple[str | int, ...]]]:
    with pytest.raises(EmulatedRefusal) as caught:
        read(*request)
    assert caught.value.response.status == 422
    return [(each["type"], tuple(each["loc"])) for each in json.loads(caught.value.response.body)["detail"]]


def test_what_fits_is_read() -> None:
    reader = RequestReader()
    assert reader.body(asked({"name": "a", "trunk": {"host": "b"}}), Body) == Body(name="a", trunk=Trunk(host="b"))
    query = reader.query(asked(None, ("status", "a"), ("limit", "5"), ("status", "b")), Query, lists={"status"})
    assert query == Query(limit=5, status=("a", "b"))


@pytest.mark.parametrize(
    ("request_", "found"),
    [
        (asked({"trunk": {"host": 7, "colour": "red"}}), [
            ("missing", ("body", "name")),
            ("string_type", ("body", "trunk", "host")),
            ("extra_forbidden", ("body", "trunk", "colour")),
        ]),
        (asked(raw=b""), [("missing", ("body",))]),
        (asked(raw=b"{"), [("json_invalid", ("body",))]),
        (asked(raw=b'{"name": NaN}'), [("json_invalid", ("body",))]),
        (asked([]), [("model_type", ("body",))]),
        (asked({"name": "a"}, kind="text/plain"), [("model_attributes_type", ("body",))]),
        (asked({"name": "a"}, ("force", "true")), [("extra_forbidden", ("query", "force"))]),
    ],
    ids=str,
)  # fmt: skip
def test_what_does_not_fit_a_body_is_refused(request_: ReceivedRequest, found: object) -> None:
    assert faults(RequestReader().body, request_, Body) == found


def test_what_does_not_fit_a_query_is_refused() -> None:
    reader = RequestReader()
    twice = asked(None, ("limit", "1"), ("limit", "2"))
    assert faults(reader.query, twice, Query) == [("repeated", ("query", "limit"))]
    assert faults(reader.query, asked({}), Query) == [("extra_forbidden", ("body",))]
    assert faults(reader.nothing, asked(None, ("limit", "1"))) == [("extra_forbidden", ("query", "limit"))]


def test_the_refusal_is_the_vendors() -> None:
    def refuse(found: Sequence[Unfit]) -> EmulatedRefusal:
        return EmulatedRefusal(json_response(400, {"field": found[0].loc[-1]}))

    with pytest.raises(EmulatedRefusal) as caught:
        RequestReader(refuse).body(asked({"name": "a", "trunk": {"host": "canary-word", "port": "x"}}), Body)
    assert (caught.value.response.status, json.loads(caught.value.response.body)) == (400, {"field": "port"})
    assert "canary-word" not in repr(Unfit("string_type", ("body",), "no", "canary-word"))
