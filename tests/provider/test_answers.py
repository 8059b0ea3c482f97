"""From bytes to records and errors: paths, refusals, redaction, tolerant reading, settling."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Annotated, Required

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, SecretStr, with_config
from typing_extensions import TypedDict

from telephony_core import (
    AgentRef,
    InboundUpdate,
    InvalidInput,
    NumberImport,
    OutboundUpdate,
    SipAddress,
    SipUpdate,
    errors,
)
from telephony_core.domain.number_identity import NumberIdentity
from telephony_core.operations.reconciliation import (
    Attempt,
    ReconciliationOutcome,
    differences,
    match_change,
    match_import,
    sends_unreadable,
    sent_fields,
)
from telephony_core.provider.capabilities import Operation
from telephony_core.provider.flow import Request, Response, Semantics, parse_json, path
from telephony_core.provider.vendor_errors import (
    BY_STATUS,
    ErrorEnvelope,
    error_for,
    read_validation_list,
    retry_after_seconds,
)
from telephony_core.provider.wire import Maybe, read_cursor, read_items, read_list, read_object, read_record
from telephony_core.secrets.redaction import scrubbed, scrubbed_body, without_secrets
from tests.provider.toy import CAPABILITIES, read_toy
from tests.transport.driving import json_answer

NOW = datetime(2026, 11, 21, tzinfo=UTC)
CANARY = 'p4ss c4nary"ü'


# -- requests


@pytest.mark.parametrize(
    ("id", "url"), [("a/b", "/n/a%2Fb"), ("?x#y z", "/n/%3Fx%23y%20z"), ("ü", "/n/%C3%BC"), ("a..b", "/n/a..b")]
)
def test_an_id_never_reaches_another_resource(id, url):
    assert path("n", id) == url


@pytest.mark.parametrize("id", ["", ".", ".."])
def test_an_id_that_means_a_folder_is_refused(id):
    with pytest.raises(InvalidInput, match="list_numbers"):
        path("n", id)


def test_a_password_reaches_the_wire_as_itself_and_is_remembered():
    request = Request.of(
        "POST", "/x", Semantics.ONCE, json_body={"a": [{"password": SecretStr(CANARY)}], "b": (1, None)}
    )
    assert json.loads(request.body) == {"a": [{"password": CANARY}], "b": [1, None]}
    assert request.secrets == (CANARY,)
    assert "c4nary" not in repr(request)
    assert b"*" not in request.body


@pytest.mark.parametrize(
    ("method", "meant"), [("GET", "READ"), ("HEAD", "READ"), ("POST", "ONCE"), ("PATCH", "ONCE"), ("DELETE", "ONCE")]
)
def test_what_may_have_been_a_write_is_never_sent_twice_unless_an_adapter_says_so(method, meant):
    assert Request.of(method, "/x").semantics is Semantics[meant]
    assert Request.of(method, "/x", Semantics.IDEMPOTENT).semantics is Semantics.IDEMPOTENT


def test_what_is_no_json_is_refused():
    with pytest.raises(InvalidInput, match="object"):
        Request.of("POST", "/x", json_body={"a": object()})


# -- refusals


@pytest.mark.parametrize(("status", "kind"), BY_STATUS.items())
def test_a_status_decides(status, kind):
    assert type(error_for(status, {}, b"", ErrorEnvelope())) is kind


def test_a_machine_code_decides_second():
    assert type(error_for(400, {}, b"", ErrorEnvelope(kind=errors.NotFound))) is errors.NotFound
    assert type(error_for(403, {}, b"", ErrorEnvelope(kind=errors.NotFound))) is errors.PermissionDenied
    assert type(error_for(418, {}, b"", ErrorEnvelope())) is errors.InvalidRequest
    assert type(error_for(500, {}, b"", ErrorEnvelope(kind=errors.NotFound))) is errors.ProviderUnavailable
    assert type(error_for(302, {}, b"", ErrorEnvelope())) is errors.UnexpectedResponse


def test_an_error_carries_what_the_vendor_said():
    headers = {"x-request-id": "r-1", "retry-after": "3"}
    error = error_for(409, headers, b'{"password": "x"}', ErrorEnvelope("TAKEN", "already\x1b[31m there"))
    assert (error.status, error.code, error.request_id, error.retry_after) == (409, "TAKEN", "r-1", 3.0)
    assert error.message == "the provider says: already [31m there"
    assert error.body == '{"password": "[hidden]"}'


def test_what_the_vendor_said_is_cut_and_holds_no_secret():
    error = error_for(409, {}, b"", ErrorEnvelope("C" * 200, "m" * 900))
    assert error.message == "the provider says: " + "m" * 500
    assert error.code == "C" * 100
    assert error_for(409, {"x-request-id": "r" * 200}, b"", ErrorEnvelope()).request_id == "r" * 100
    told = ErrorEnvelope(CANARY, CANARY, request_id=CANARY)
    error = error_for(409, {}, CANARY.encode(), told, secrets=[CANARY])
    assert (error.code, error.body, error.request_id) == ("[hidden]", "[hidden]", "[hidden]")
    assert error.message == "the provider says: [hidden]"


def test_a_refusal_without_a_word_says_so():
    assert error_for(400, {}, b"", ErrorEnvelope()).message == "the provider answered 400 without a reason"
    assert "redirect" in error_for(399, {}, b"", ErrorEnvelope(kind=errors.NotFound)).message
    assert type(error_for(400, {}, b"", ErrorEnvelope(kind=errors.NotFound))) is errors.NotFound


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (100, "the provider answered 100, which is no final answer"),
        (199, "the provider answered 199, which is no final answer"),
        (200, "the provider says: busy"),  # some vendors tell a failure with a good status
        (300, "the provider answered with a redirect, which is not followed (the key would go along)"),
        (400, "the provider says: busy"),
    ],
)
def test_an_answer_that_is_no_refusal_is_told_as_what_it_is(status, message):
    error = error_for(status, {}, b"", ErrorEnvelope(message="busy"))
    assert error.message == message
    assert isinstance(error, errors.UnexpectedResponse if status < 400 else errors.InvalidRequest)


@pytest.mark.parametrize(
    ("detail", "message", "kind"),
    [
        ([], None, None),
        ([{"loc": ["body", "label"], "msg": "too long", "input": "c4nary"}], "body.label: too long", None),
        ([{"loc": ["body", "items", 0], "msg": "odd"}, {"loc": [], "msg": "why"}], "body.items.0: odd; why", None),
        ([{"loc": ["path", "id"], "msg": "no UUID"}], "path.id: no UUID", errors.NotFound),
        ([{"loc": ["path"]}, {"loc": ["body"]}], "path; body", errors.NotFound),
        ([{"loc": ["body", "path"], "msg": "x"}], "body.path: x", None),
        ([{"loc": "path", "msg": ["x"]}, "text", None, {}], None, None),
        ([{"loc": [["path"], None, "body"], "msg": "x"}], "body: x", None),
    ],
)
def test_a_list_of_faults_is_told_place_by_place_without_what_was_sent(detail, message, kind):
    assert read_validation_list(detail) == ErrorEnvelope(message=message, kind=kind)


def test_a_date_is_counted_from_now_where_nobody_says_when():
    date = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    assert 3500 < (retry_after_seconds(date, now=None) or 0) <= 3600


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("7", 7.0),
        (" 7 ", 7.0),
        ("-7", None),
        ("7.5", 7.5),
        ("2.", None),
        ("NaN", None),
        ("inf", None),
        ("1e3", None),
        ("0x7", None),
        ("7, 8", None),
        ("٧", None),
        ("soon", None),
        ("9" * 400, 366 * 86400.0),
        ("Fri, 31 Dec 9999 23:59:59 -1200", 366 * 86400.0),
        ("Sat, 21 Nov 2026 00:01:00 GMT", 60.0),
        ("Fri, 20 Nov 2026 00:00:00 GMT", 0.0),
        ("Sat, 21 Nov 2026 00:01:00 -0000", 60.0),
        ("Sat, 21 Nov 2026 09:01:00 +0900", 60.0),
    ],
)
def test_retry_after_is_seconds_or_a_date(header, seconds):
    assert retry_after_seconds(header, now=NOW) == seconds


@settings(deadline=None)
@given(st.text())
def test_retry_after_never_raises(header):
    seconds = retry_after_seconds(header, now=NOW)
    assert seconds is None or seconds >= 0


# -- redaction


def test_secret_keys_are_hidden_at_any_depth():
    payload = {"a": [{"Auth_Password": "x", "n": 1}], "pin": "y", "password": None}
    assert without_secrets(payload, frozenset({"pin"})) == {
        "a": [{"Auth_Password": "[hidden]", "n": 1}],
        "pin": "[hidden]",
        "password": None,
    }


def test_bottomless_nesting_is_hidden_not_followed():
    payload: object = "c4nary"
    for _ in range(900):
        payload = [payload]
    assert "c4nary" not in str(without_secrets(payload))


@pytest.mark.parametrize("uri", ["sip:u:{}@h.example", "SIPS:u:{}@h", "https://u:{}@h.example/x"])
def test_a_password_inside_a_uri_is_hidden(uri):
    assert "c4nary" not in str(without_secrets({"address": uri.format("c4nary")}))
    assert "c4nary" not in scrubbed(f"bad address {uri.format('c4nary')}")


def test_a_quoted_secret_is_hidden_raw_and_escaped():
    body = json.dumps({"message": f"refused {CANARY}"}).encode()
    assert "c4nary" not in scrubbed_body(body, [CANARY])
    assert "c4nary" not in scrubbed(body.decode(), [CANARY])
    assert "c4nary" not in scrubbed(f"refused {CANARY}", [CANARY])


def test_a_long_body_is_cut():
    assert len(scrubbed_body(b"x" * 100_000)) < 2100


@pytest.mark.parametrize("text", ["a\nb", "a\x1b[0mb", "a\u202eb", "a\x00b", "a\x9bb"])
def test_control_characters_do_not_reach_a_terminal(text):
    assert scrubbed(text).isprintable()


# -- reading


class Wire(BaseModel):
    id: str
    number: str
    memo: str | None = None
    fee: int | None = Field(default=None, alias="monthlyFee")


def test_a_good_record_has_no_problem():
    record, problems = read_record(Wire, {"id": "a", "number": "1", "monthlyFee": 3, "news": True})
    assert (record.fee, problems) == (3, ())


def test_an_odd_field_is_left_out_and_named():
    record, problems = read_record(Wire, {"id": "a", "number": "1", "memo": {"x": 1}, "monthlyFee": "much"})
    assert (record.memo, record.fee) == (None, None)
    assert [problem.split(":")[0] for problem in problems] == ["memo", "monthlyFee"]


@pytest.mark.parametrize("record", [{}, {"id": "a"}, {"id": 1, "number": "1"}, [], "x", None, 3])
def test_a_record_without_what_it_needs_is_unexpected(record):
    with pytest.raises(errors.UnexpectedResponse):
        read_record(Wire, record)


@pytest.mark.parametrize("body", [b"", b"<html>", b"{", b"\xff", b"[" * 100_000, b'{"a": NaN'])
def test_what_is_not_json_is_unexpected(body):
    with pytest.raises(errors.UnexpectedResponse, match=f"{len(body)} bytes"):
        parse_json(Response(200, {}, body))


@pytest.mark.parametrize("body", [b'["\\ud800x"]', b'["\xed\xa0\x80x"]'])
def test_half_a_surrogate_pair_can_be_written_out_again(body):
    (text,) = parse_json(Response(200, {}, body))
    assert text == "\\ud800x"


def test_a_whole_surrogate_pair_is_one_character():
    assert parse_json(Response(200, {}, b'["\\ud83d\\ude00 \\ud55c"]')) == ["\U0001f600 \ud55c"]


@pytest.mark.parametrize("body", [b"[]", b'"x"', b"1", b"null"])
def test_what_is_no_object_is_unexpected(body):
    with pytest.raises(errors.UnexpectedResponse, match="object was expected"):
        read_object(json_answer(200, body))


def test_pages_are_read_strictly():
    assert read_items({"items": [1]}, "items") == [1]
    assert read_cursor({"next": "x"}, "next") == "x"
    assert read_cursor({}, "next") is None
    for page in ({}, {"items": {}}, {"items": None}):
        with pytest.raises(errors.UnexpectedResponse, match="items"):
            read_items(page, "items")
    for page in ({"next": 1}, {"next": ""}, {"next": {}}):
        with pytest.raises(errors.UnexpectedResponse, match="next"):
            read_cursor(page, "next")


@with_config(ConfigDict(strict=True))
class Row(TypedDict, total=False):
    id: Required[Annotated[str, Field(validation_alias="row_id")]]
    label: Maybe[str]


def test_a_list_that_comes_whole_is_read_record_by_record():
    def made(row, problems, raw):
        return row["id"], problems, dict(raw)

    def of(payload):
        return json_answer(body=json.dumps(payload).encode())

    good, odd = {"row_id": "a", "token": "s3cret"}, {"row_id": "b", "label": 7}
    items = read_list(of([good, {"row_id": "b"}]), Row, made)
    assert items.ids == ["a", "b"]
    assert items[0] == ("a", (), {"row_id": "a", "token": "[hidden]"})
    items = read_list(of([good, odd]), Row, made)
    assert [(id, len(problems)) for id, problems, _ in items] == [("a", 0), ("b", 1)]
    assert items[1][2] == odd
    assert list(read_list(of([]), Row, made)) == []
    for payload in ({}, None, "text", [7], [{}], [{"row_id": 7}]):
        with pytest.raises(errors.UnexpectedResponse):
            read_list(of(payload), Row, made)


# -- settling


def attempt(operation: Operation = Operation.IMPORT, **fields: object) -> Attempt:
    return Attempt("toy", operation, NumberIdentity.parse("07011112222", region="KR"), **fields)


def record(id: str = "a", **fields: object):
    return read_toy({"id": id, "number": "07011112222", **fields})


@pytest.mark.parametrize(
    ("records", "outcome"),
    [
        ([], ReconciliationOutcome.NOT_SEEN),
        ([record("old")], ReconciliationOutcome.AMBIGUOUS),  # it was over, or the import would not have been sent
        ([record("new", status="released")], ReconciliationOutcome.NOT_SEEN),
        ([record("new", label="L")], ReconciliationOutcome.MADE),
        ([record("old", status="released"), record("new", label="L")], ReconciliationOutcome.MADE),
        ([record("old", label="L")], ReconciliationOutcome.AMBIGUOUS),
        ([record("new", label="other")], ReconciliationOutcome.AMBIGUOUS),
        ([record("new", label="L"), record("newer", label="L")], ReconciliationOutcome.AMBIGUOUS),
    ],
)
def test_an_import_is_only_adopted_when_it_is_new_live_and_equal(records, outcome):
    made = match_import(attempt(before=frozenset({"old"}), expected={"label": "L"}), records, CAPABILITIES, as_of=NOW)
    assert (made.outcome, made.as_of) == (outcome, NOW)
    assert (made.number is not None) is (outcome is ReconciliationOutcome.MADE)


@pytest.mark.parametrize(
    ("operation", "number", "outcome"),
    [
        (Operation.RELEASE, None, ReconciliationOutcome.MADE),
        (Operation.RELEASE, record(status="released"), ReconciliationOutcome.MADE),
        (Operation.RELEASE, record(status="release_scheduled"), ReconciliationOutcome.MADE),
        (Operation.RELEASE, record(), ReconciliationOutcome.NOT_SEEN),
        (Operation.RELEASE, record(status="unknown"), ReconciliationOutcome.NOT_SEEN),
        (Operation.REVOKE_RELEASE, None, ReconciliationOutcome.AMBIGUOUS),
        (Operation.REVOKE_RELEASE, record(), ReconciliationOutcome.MADE),
        (Operation.REVOKE_RELEASE, record(status="pending"), ReconciliationOutcome.MADE),
        (Operation.REVOKE_RELEASE, record(status="release_scheduled"), ReconciliationOutcome.NOT_SEEN),
        (Operation.UPDATE_LABEL, record(label="L"), ReconciliationOutcome.MADE),
        (Operation.UPDATE_LABEL, record(label="M"), ReconciliationOutcome.NOT_SEEN),
        (Operation.IMPORT, None, ReconciliationOutcome.AMBIGUOUS),
        (Operation.IMPORT, record(label="M"), ReconciliationOutcome.MADE),
        (Operation.IMPORT, record(label="L", status="released"), ReconciliationOutcome.AMBIGUOUS),
    ],
)
def test_a_change_is_judged_by_the_record(operation, number, outcome):
    tried = attempt(operation, id="a", expected={"label": "L"})
    found = match_change(tried, number, CAPABILITIES, as_of=NOW)
    assert (found.outcome, found.as_of) == (outcome, NOW)
    assert found.number == (number if outcome is ReconciliationOutcome.MADE else None)


@pytest.mark.parametrize(("number", "candidates"), [(None, ()), (record(), (record(),))])
def test_where_a_look_cannot_tell_a_person_gets_what_is_there(number, candidates):
    tried = attempt(Operation.UPDATE_LABEL, id="a", expected={"label": "L"}, telling=False)
    found = match_change(tried, number, CAPABILITIES, as_of=NOW)
    assert (found.outcome, found.as_of, found.candidates) == (ReconciliationOutcome.AMBIGUOUS, NOW, candidates)


def test_an_id_that_serves_another_number_by_now_is_for_a_person_to_judge():
    other = record(number="07033334444")
    found = match_change(attempt(Operation.RELEASE, id="a"), other, CAPABILITIES, as_of=NOW)
    assert (found.outcome, found.as_of, found.number) == (ReconciliationOutcome.AMBIGUOUS, NOW, None)
    assert found.candidates == (other,)


def test_what_was_sent_is_every_field_but_the_password():
    halves = {
        "inbound": InboundUpdate(allowed_addresses=["192.0.2.1"]),
        "outbound": OutboundUpdate(address="h.example", username="u", password="p"),
    }
    sent = {
        "inbound.allowed_addresses": ("192.0.2.1",),
        "outbound.address": SipAddress.parse("h.example"),
        "outbound.username": "u",
    }
    assert sent_fields(SipUpdate("a", **halves)) == sent
    assert sent_fields(NumberImport(number="07011112222", label="L", **halves)) == {"label": "L", **sent}
    assert sent_fields(NumberImport(number="07011112222")) == {}


@pytest.mark.parametrize(
    ("halves", "unreadable"),
    [
        ({"inbound": InboundUpdate(allowed_addresses=["192.0.2.1"])}, False),
        ({"inbound": InboundUpdate(media_encryption="allow")}, True),
        ({"outbound": OutboundUpdate(address="h.example")}, False),
        ({"outbound": OutboundUpdate(password="p")}, True),
        ({}, False),
    ],
)
def test_what_no_look_can_confirm_is_known(halves, unreadable):
    assert sends_unreadable(SipUpdate("a", **halves), CAPABILITIES) is unreadable


def test_an_address_is_compared_with_what_is_none():
    bare = record(address=None)
    assert differences({"outbound.address": SipAddress.parse("h.example")}, bare, CAPABILITIES)
    assert differences({"outbound.address": None}, record(address="h.example"), CAPABILITIES)


def test_only_what_can_be_read_is_compared():
    same = record(address="sip:h.example:5060", username="u", inbound_agent={"agent_id": "b", "version": "v1"})
    expected = {
        "outbound.address": SipAddress.parse("h.example:5060"),
        "outbound.password": "never compared",
        "inbound_agent": AgentRef("b", version="v1"),
    }
    assert differences(expected, same, CAPABILITIES) == ()
    assert differences({"inbound_agent": AgentRef("b", version="v2")}, same, CAPABILITIES) == ("inbound_agent",)
    assert differences({"inbound_agent": AgentRef("c", version="v1")}, same, CAPABILITIES) == ("inbound_agent",)


def test_a_record_without_trunk_differs_from_any_trunk():
    bare = record().model_copy(update={"sip": None})
    assert differences({"outbound.username": "u"}, bare, CAPABILITIES) == ("outbound.username",)


def test_a_host_name_in_an_allow_list_is_compared_as_text():
    odd = record(allowed_addresses=["h.example"])
    assert differences({"inbound.allowed_addresses": ("192.0.2.1",)}, odd, CAPABILITIES)
    assert not differences({"inbound.allowed_addresses": ("h.example",)}, odd, CAPABILITIES)


def test_time_is_counted_from_the_date_given():
    when = NOW + timedelta(minutes=2)
    assert retry_after_seconds(when.strftime("%a, %d %b %Y %H:%M:%S GMT"), now=NOW) == 120.0
