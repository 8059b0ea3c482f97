"""Schema drift: what a vendor changes is reported, and no record is lost by it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from telephony_core import AsyncTelephony, AuthenticationFailed, ConfigurationError, NumberStatus, Telephony
from telephony_core.diagnostics.doctor import CheckOutcome, Diagnosis, DriftKind, examine
from telephony_core.emulator import Emulator, Fault, FaultKind, Record
from telephony_core.errors import (
    NotSent,
    PermissionDenied,
    ProviderUnavailable,
    RateLimited,
    UnexpectedResponse,
)
from telephony_core.errors.chaining import linked
from telephony_core.provider.flow import Response
from telephony_core.testing import ScriptedBackend, emulated, json_response, new_emulator, virtual_clock
from telephony_core.transport.backend import HttpRequest
from tests.provider import toy
from tests.reliability.figures import figures
from tests.vendors import SHIPPED, VENDORS

CANARY = "k3y-c4nary-quoted"
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@dataclass
class Dated:
    """An emulator's backend whose answers have a date, as answers of real servers have."""

    emulator: Emulator
    date: str | None = field(default_factory=lambda: format_datetime(NOON, usegmt=True))
    name: str = "dated"

    def send(self, request: HttpRequest, timeout: float) -> Response:
        response = self.emulator.handle(request)
        dated = {} if self.date is None else {"date": self.date}
        return Response(response.status, {**response.headers, **dated}, response.body)

    async def asend(self, request: HttpRequest, timeout: float) -> Response:
        return self.send(request, timeout)

    def close(self) -> None: ...

    async def aclose(self) -> None: ...


def diagnosis(emulator: Emulator, backend: object | None = None, *, key: str | None = None) -> Diagnosis:
    backend = backend or Dated(emulator)
    with Telephony(
        emulator.slug, api_key=key or emulator.api_key, backend=backend, clock=virtual_clock(), max_retries=0
    ) as client:
        return client.run(examine(client.adapter, now=lambda: NOON))


def outcomes(found: Diagnosis) -> dict[str, CheckOutcome]:
    return {check.name: check.outcome for check in found.checks}


def drift(found: Diagnosis) -> set[tuple[str, str, int]]:
    return {(each.kind.value, each.field, each.records) for each in found.drift if not each.is_notice}


def spoiled(slug: str, change: Callable[[Record], object]) -> Emulator:
    """An emulator of which one live record is changed."""
    emulator = new_emulator(slug)
    words = VENDORS[slug]
    key = next(key for key in emulator.store if emulator.store[key].get(words.status) == words.active)
    record = dict(emulator.store[key])
    change(record)
    emulator.store.put(key, record)
    return emulator


@pytest.mark.parametrize("slug", SHIPPED)
def test_a_vendor_that_speaks_as_documented_is_well(slug):
    emulator = new_emulator(slug)
    found = diagnosis(emulator)
    assert found.error is None
    assert set(outcomes(found).values()) == {CheckOutcome.OK}
    assert drift(found) == set()
    assert found.described
    assert found.records == len(list(emulator.store)), "each record once, in every status"


def test_both_clients_say_the_same():
    emulator = new_emulator("vox")

    async def examined() -> Diagnosis:
        async with AsyncTelephony("vox", api_key=emulator.api_key, backend=Dated(emulator)) as client:
            return await client.run(examine(client.adapter, now=lambda: NOON))

    assert asyncio.run(examined()) == diagnosis(emulator)


# -- what vendors do

CHANGES: dict[str, tuple[Callable[[Record, str], object], str]] = {
    "a new field": (lambda record, _: record.update(brand_new={"a": "s3cret"}), "unknown_field"),
    "a field is gone": (lambda record, word: record.pop(word), "missing_field"),
    "a new word": (lambda record, word: record.update({word: "frozen"}), "unknown_value"),
    "a word becomes a code": (lambda record, word: record.update({word: 3}), "wrong_type"),
    "a required field is null": (lambda record, word: record.update({word: None}), "wrong_type"),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("slug", SHIPPED)
def test_a_change_of_the_vendor_is_reported_once_by_name_and_without_values(slug, change):
    act, kind = CHANGES[change]
    words = VENDORS[slug]
    word = words.required if change == "a field is gone" else words.word
    name = "brand_new" if change == "a new field" else word
    emulator = spoiled(slug, lambda record: act(record, word))
    found = diagnosis(emulator)
    assert drift(found) == {(kind, name, 1)}
    assert isinstance(found.error, UnexpectedResponse)
    assert found.drift[0].example in set(emulator.store)
    assert "s3cret" not in repr(found)
    figures.count(8, "changes of a vendor reported by name")


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("slug", SHIPPED)
def test_no_record_is_lost_by_a_change(slug, change):
    act, _ = CHANGES[change]
    before = {number.id for number in _listed(new_emulator(slug))}
    assert {number.id for number in _listed(spoiled(slug, lambda record: act(record, VENDORS[slug].word)))} == before
    figures.count(8, "records listed all the same", len(before))


def _listed(emulator: Emulator) -> list:
    with emulated(emulator.slug, emulator) as client:
        return list(client.list_numbers())


@pytest.mark.parametrize(
    ("slug", "record_of", "expected"),
    [
        ("diga", {"sip_config": {"surprise": 1}}, ("unknown_field", "sip_config.surprise", 1)),
        ("diga", {"sip_config": {"inbound_media_encryption": "quantum"}},
         ("unknown_value", "sip_config.inbound_media_encryption", 1)),
        ("diga", {"sip_config": {"termination_uri": "bad host"}}, ("unreadable", "sip_config.termination_uri", 1)),
        ("diga", {"sip_config": {"allowed_addresses": ["everybody", None]}},
         ("wrong_type", "sip_config.allowed_addresses[]", 1)),
        ("diga", {"assigned_at": "yesterday"}, ("unreadable", "assigned_at", 1)),
        ("vox", {"inbound_agent": {"agent_version": "v1"}}, ("missing_field", "inbound_agent.agent_id", 1)),
        ("vox", {"inbound_agent": {"agent_id": "a", "agent_version": "draft"}},
         ("unknown_value", "inbound_agent.agent_version", 1)),
        ("vox", {"address": "sip:bad host"}, ("unreadable", "address", 1)),
        ("vox", {"created_at": -1}, ("unreadable", "created_at", 1)),
    ],
)  # fmt: skip
def test_what_is_inside_a_field_is_compared_too(slug, record_of, expected):
    assert drift(diagnosis(spoiled(slug, lambda record: record.update(record_of)))) == {expected}
    figures.count(8, "changes of a vendor reported by name")


def test_a_field_that_is_in_no_record_is_only_a_notice():
    emulator = new_emulator("vox")
    for key in emulator.store:
        emulator.store[key].pop("memo")
    found = diagnosis(emulator)
    (notice,) = [each for each in found.drift if each.is_notice]
    assert (notice.kind, notice.field, notice.records) == (DriftKind.NEVER_SEEN, "memo", 0)
    assert found.error is None


def test_a_renamed_field_is_both_new_and_in_no_record():
    emulator = new_emulator("vox")
    for key in emulator.store:
        emulator.store[key]["note"] = emulator.store[key].pop("memo")
    found = diagnosis(emulator)
    assert [(each.kind.value, each.field) for each in found.drift] == [
        ("unknown_field", "note"),
        ("never_seen", "memo"),
    ]


def test_a_secret_that_the_vendor_began_to_send_is_a_drift_and_not_shown():
    found = diagnosis(spoiled("vox", lambda record: record.update(auth_password="s3cret")))
    assert drift(found) == {("unknown_field", "auth_password", 1)}
    assert "s3cret" not in repr(found)


def test_an_account_without_numbers_is_well():
    emulator = new_emulator("vox")
    for key in emulator.store:
        emulator.store.remove(key)
    found = diagnosis(emulator)
    assert (found.error, found.records) == (None, 0)


def test_a_large_account_is_not_read_to_its_end():
    emulator = new_emulator("vox")
    emulator.populate(1000)
    assert 100 <= diagnosis(emulator).records < 300


def test_a_cursor_that_never_ends_does_not_keep_it():
    asked = []

    def page(request: HttpRequest) -> Response:
        asked.append(request)
        return json_response(200, {"items": [], "next_cursor": f"c{len(asked)}"})

    diagnosis(new_emulator("vox"), ScriptedBackend(page))
    assert len(asked) == 10


def test_a_listing_that_nobody_could_read_to_its_end_is_not_well():
    emulator = new_emulator("vox")
    found = diagnosis(emulator, ScriptedBackend(lambda _: json_response(200, {"items": [], "next_cursor": "again"})))
    assert outcomes(found)["records"] is CheckOutcome.FAILED
    assert "the listing does not end" in found.error.message


# -- the connection

FAILURES = {
    "refused": (Fault(FaultKind.REFUSED), NotSent, "reachability"),
    "failing": (Fault(FaultKind.ANSWER, response=Response(503, {}, b"")), ProviderUnavailable, "reachability"),
    "busy": (Fault(FaultKind.ANSWER, response=Response(429, {"retry-after": "900"}, b"")), RateLimited, "reachability"),
    "forbidden": (Fault(FaultKind.ANSWER, response=Response(403, {}, b"")), PermissionDenied, "key"),
    "nothing there": (Fault(FaultKind.ANSWER, response=Response(404, {}, b"")), UnexpectedResponse, "records"),
    "a web page": (Fault(FaultKind.ANSWER, response=Response(200, {}, b"<html>")), UnexpectedResponse, "records"),
    "moved": (Fault(FaultKind.ANSWER, response=Response(302, {}, b"")), UnexpectedResponse, "records"),
}


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("slug", SHIPPED)
def test_what_is_wrong_with_a_connection_is_told_by_the_check_it_belongs_to(slug, failure):
    fault, kind, check = FAILURES[failure]
    emulator = new_emulator(slug)
    emulator.faults.append(Fault(fault.kind, response=fault.response))
    found = diagnosis(emulator)
    assert [name for name, outcome in outcomes(found).items() if outcome is CheckOutcome.FAILED] == [check]
    assert isinstance(found.error, kind)
    assert found.error.remedy
    assert outcomes(found)["reachability"] is (CheckOutcome.FAILED if check == "reachability" else CheckOutcome.OK)
    assert outcomes(found)["key"] is (CheckOutcome.FAILED if check == "key" else CheckOutcome.NOT_TRIED)


def test_a_base_url_without_a_listing_is_told_as_that():
    emulator = new_emulator("vox")
    emulator.faults.append(Fault(FaultKind.ANSWER, response=Response(404, {}, b"")))
    found = diagnosis(emulator)
    assert "there is no listing of numbers at this address" in found.error.message
    assert "base_url" in found.error.remedy


@pytest.mark.parametrize("slug", SHIPPED)
def test_a_wrong_key_is_an_authentication_failure(slug):
    found = diagnosis(new_emulator(slug), key="another-key")
    assert isinstance(found.error, AuthenticationFailed)
    assert outcomes(found)["records"] is CheckOutcome.NOT_TRIED


@pytest.mark.parametrize("status", [302, 400, 401, 404, 500])
@pytest.mark.parametrize("slug", SHIPPED)
def test_a_key_that_the_vendor_quotes_is_not_shown(slug, status):
    quoted = {"error": {"code": CANARY, "message": CANARY}, "message": CANARY, "detail": CANARY, CANARY: CANARY}
    backend = ScriptedBackend(lambda _: json_response(status, quoted, headers={"x-request-id": CANARY}))
    found = diagnosis(new_emulator(slug), backend, key=CANARY)
    assert found.error is not None
    for link in linked(found.error):
        assert CANARY not in f"{link} {link!r} {vars(link)}"
    assert CANARY not in repr(found)


def test_records_read_before_a_failure_are_judged_all_the_same():
    emulator = spoiled("vox", lambda record: record.update(brand_new=1))
    emulator.faults.append(Fault(FaultKind.REFUSED, skip=2))
    found = diagnosis(emulator)
    assert outcomes(found)["reachability"] is CheckOutcome.FAILED
    assert outcomes(found)["records"] is CheckOutcome.OK
    assert drift(found) == {("unknown_field", "brand_new", 1)}


@pytest.mark.parametrize(
    ("seconds", "outcome", "says"),
    [
        (0, CheckOutcome.OK, "0 s apart"),
        (-1, CheckOutcome.OK, "0 s apart"),
        (60, CheckOutcome.OK, "60 s apart"),
        (-61, CheckOutcome.OK, "60 s apart"),
        (61, CheckOutcome.FAILED, "61 s behind"),
        (-62, CheckOutcome.FAILED, "61 s ahead of"),
        (86400, CheckOutcome.FAILED, "86400 s behind"),
    ],
)
def test_the_clocks_are_compared(seconds, outcome, says):
    emulator = new_emulator("vox")
    date = format_datetime(NOON + timedelta(seconds=seconds), usegmt=True)
    found = diagnosis(emulator, Dated(emulator, date))
    (clock,) = [check for check in found.checks if check.name == "clock"]
    assert clock.outcome is outcome
    assert says in clock.message
    assert isinstance(found.error, ConfigurationError) == (outcome is CheckOutcome.FAILED)


@pytest.mark.parametrize("date", [None, "", "yesterday", "Mon, 99 Foo 2026 25:61:61 GMT", "\x00"])
def test_without_a_readable_date_the_clock_is_not_judged(date):
    emulator = new_emulator("vox")
    found = diagnosis(emulator, Dated(emulator, date))
    assert outcomes(found)["clock"] is CheckOutcome.NOT_TRIED
    assert found.error is None


def test_a_slow_answer_does_not_make_the_clock_wrong():
    emulator, times = new_emulator("vox"), iter(NOON + timedelta(minutes=n) for n in range(-5, 100, 5))
    with Telephony("vox", api_key=emulator.api_key, backend=Dated(emulator), clock=virtual_clock()) as client:
        found = client.run(examine(client.adapter, now=lambda: next(times)))
    assert outcomes(found)["clock"] is CheckOutcome.OK


def test_nothing_is_written():
    emulator = new_emulator("diga")
    diagnosis(emulator)
    assert {call.method for call in emulator.requests} == {"GET"}


# -- adapters that do not describe their records


def test_an_adapter_without_a_description_still_shows_words_it_does_not_know():
    server = toy.ToyServer()
    server.add("a", "07011112222", status="unknown")
    server.add("b", "07011113333", status="active")
    with Telephony(toy.SPEC, api_key="key", base_url="https://toy.example", backend=server) as client:
        found = client.run(examine(client.adapter))
    assert not found.described
    assert found.records == 2
    assert drift(found) == set(), "the toy keeps no word of its own"


def test_the_vendors_word_for_an_unknown_status_or_origin_is_shown_without_a_description():
    def read(record: dict) -> object:
        return toy.read_toy(record).model_copy(
            update={"status": NumberStatus.UNKNOWN, "provider_status": "frozen\x1b", "provider_origin": "moon"}
        )

    class Plain(toy.ToyProvider):
        def list_page(self, query, cursor):
            page = yield from super().list_page(query, cursor)
            return type(page)([read(dict(number.raw)) for number in page.items], None)

    server = toy.ToyServer()
    server.add("a", "07011112222", origin="unknown")
    spec = toy.ProviderSpec(**{**_fields(toy.SPEC), "factory": Plain})
    with Telephony(spec, api_key="key", base_url="https://toy.example", backend=server) as client:
        found = client.run(examine(client.adapter))
    assert {(each.field, each.seen) for each in found.drift} == {("status", ("frozen",)), ("origin", ("moon",))}


def _fields(spec: object) -> dict[str, object]:
    return {name: getattr(spec, name) for name in spec.__dataclass_fields__}
