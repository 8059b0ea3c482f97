"""Fuzzing of everything that reads a text: whatever comes, it is read, or refused as its documentation says."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st
from pydantic import SecretStr

from telephony_core import (
    Connections,
    InvalidInput,
    NotAllowed,
    NumberIdentity,
    NumberKind,
    NumberStatus,
    PhoneNumber,
    SipAddress,
)
from telephony_core.domain.allow_list import is_open, parse_allowed_addresses, readable_allowed_address
from telephony_core.errors import ConfigurationError, UnexpectedResponse
from telephony_core.provider.capabilities import Operation
from telephony_core.provider.flow import Flow, Response
from telephony_core.provider.port import AvailableQuery, ListQuery, Provider
from telephony_core.provider.registry import registry
from telephony_core.provider.vendor_errors import ErrorEnvelope, error_for, retry_after_seconds
from telephony_core.secrets.url_password import without_password
from telephony_core.testing import new_emulator
from tests.reliability.hostile.fuzzing import EXAMPLES, holds, refusal
from tests.reliability.secrecy.canaries import CANARY
from tests.vendors import SHIPPED, VENDORS

pytestmark = pytest.mark.parametrize("examples", EXAMPLES)

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=60)
REGIONS = st.sampled_from(["KR", "ES", "GB", "US", "kr", "ZZ", ""])


def pieces(*words: str, most: int) -> st.SearchStrategy[str]:
    """Texts made of these words, and now and then of anything."""
    return st.lists(st.sampled_from(words), max_size=most).map("".join) | ANY_TEXT


# -- numbers

NUMBERS = pieces(
    *("+", "00", "82", "34", "070", "10", "612", "1588", "14", "1", "999", "-", " ", ".", "(", ")", "\u0663", "\n"),
    *(f"{CANARY}@h.example", "tel:", "sip:", ";ext="),
    most=8,
)


def test_a_number_is_read_without_guessing(examples: int) -> None:
    def check(raw: str, region: str) -> None:
        identity = NumberIdentity.parse(raw, region=region)
        assert identity.raw == raw
        assert (identity.e164 is None) is (identity.kind is not NumberKind.E164)
        assert json.loads(identity.model_dump_json())["kind"] == identity.kind
        if identity.e164 is not None:
            for other in ("KR", "ES", "US"):
                assert NumberIdentity.parse(identity.e164, region=other).e164 == identity.e164
            digits = identity.national_digits
            if digits is not None and identity.region in ("KR", "ES"):
                assert NumberIdentity.parse(digits, region=identity.region).e164 == identity.e164

    holds(check, examples, raw=NUMBERS, region=REGIONS)


# -- SIP addresses

ADDRESSES = pieces(
    *("sip:", "sips:", "SIP:", "h", "pbx.example.com", "203.0.113.7", "[2001:db8::5]", "[", "]", ":", "5060", "65536"),
    *("0", "@", "user", CANARY, f":{CANARY}@", ";", "transport=", "tls", "udp", "lr", "=", "%41", "%0A", "//", "?"),
    *(" ", "<", ".", "-", "_"),
    most=9,
)


def test_a_sip_address_is_printed_without_loss_or_refused_without_a_word_of_it(examples: int) -> None:
    def check(text: str) -> None:
        error = refusal(lambda: SipAddress.parse(text), InvalidInput)
        if error is not None:
            assert error.remedy
            assert CANARY not in str(error)
            return
        address = SipAddress.parse(text)
        assert address.raw == text
        assert SipAddress.parse(str(address)) == address
        assert SipAddress.parse(address.uri()).same_endpoint(address)
        assert hash(SipAddress.parse(str(address))) == hash(address)
        assert without_password(address.uri()) == address.uri(), "no password is ever taken"
        assert address.uri().isascii()
        assert address.uri().isprintable()

    holds(check, examples, text=ADDRESSES)


# -- allow-lists

ENTRY = pieces(
    *("203.0.113.7", "0.0.0.0", "10.", "::", "2001:db8::", "::ffff:", "/", "0", "1", "24", "32", "128", " ", ",", "*"),
    *("%1", "host", "[", "]", ":"),
    most=5,
)


def test_an_allow_list_is_canonical_and_never_opens_a_trunk_unasked(examples: int) -> None:
    def check(entries: list[str]) -> None:
        error = refusal(lambda: parse_allowed_addresses(entries, allow_any=False), InvalidInput, NotAllowed)
        if error is not None:
            assert error.remedy
            if isinstance(error, NotAllowed):
                assert is_open(parse_allowed_addresses(entries, allow_any=True))
            return
        canonical = parse_allowed_addresses(entries, allow_any=False)
        assert parse_allowed_addresses(canonical, allow_any=False) == canonical
        assert not is_open(canonical)
        assert not is_open(entries)
        assert len(set(canonical)) == len(canonical)
        assert all(map(readable_allowed_address, canonical))

    holds(check, examples, entries=st.lists(ENTRY, max_size=4))


# -- what vendors send

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=6,
)


def records_of(slug: str) -> st.SearchStrategy[Mapping[str, object]]:
    """The records of the emulator, with some fields replaced by anything, and some gone."""
    real = new_emulator(slug).records()
    names = st.sampled_from(sorted({name for record in real for name in record}))
    return st.builds(
        lambda record, changes, gone: {k: v for k, v in {**record, **changes}.items() if k not in gone},
        st.sampled_from(real),
        st.dictionaries(names, JSON, max_size=3),
        st.sets(names, max_size=2),
    )


def adapter(slug: str) -> Provider:
    spec = registry.spec(slug)
    return spec.factory(spec.config()(api_key="k"))


def answered(flow: Flow[Any], payload: object, *, cut: int | None = None) -> Any:
    """What a flow of one request makes of an answer."""
    next(flow)
    try:
        flow.send(Response(200, {}, json.dumps(payload).encode()[:cut]))
    except StopIteration as stop:
        return stop.value
    raise AssertionError("it asks for more")


@pytest.mark.parametrize("slug", SHIPPED)
def test_a_record_is_read_as_far_as_it_can_be_and_never_lost(slug: str, examples: int) -> None:
    provider = adapter(slug)
    required = (new_emulator(slug).id_key, VENDORS[slug].number)

    def check(record: Mapping[str, object]) -> None:
        usable = all(isinstance(record.get(name), str) and record[name] for name in required)
        page = VENDORS[slug].page([record], None)
        error = refusal(lambda: answered(provider.list_page(ListQuery(), None), page), UnexpectedResponse)
        assert (error is None) is usable
        if error is not None:
            return
        (number,) = answered(provider.list_page(ListQuery(), None), page).items
        assert isinstance(number.status, NumberStatus)
        again = PhoneNumber.model_validate_json(number.model_dump_json())
        assert (again.id, again.status, again.label) == (number.id, number.status, number.label)
        assert len(number.raw) == len(record)

    holds(check, examples, record=records_of(slug))


@pytest.mark.parametrize("slug", SHIPPED)
def test_any_answer_is_a_page_or_an_unexpected_response(slug: str, examples: int) -> None:
    provider = adapter(slug)
    sells = Operation.SEARCH_AVAILABLE in provider.capabilities.operations

    def check(payload: object, cut: int | None) -> None:
        flows: list[Flow[Any]] = [provider.list_page(ListQuery(), None), provider.get("an-id")]
        flows += [provider.available_page(AvailableQuery(), None)] if sells else []
        for flow in flows:
            error = refusal(lambda flow=flow: answered(flow, payload, cut=cut), UnexpectedResponse)
            assert error is None or error.message

    records = st.lists(records_of(slug) | JSON, max_size=3) | JSON
    pages = st.builds(lambda items, cursor: VENDORS[slug].page(items, cursor), records, JSON)
    holds(check, examples, payload=JSON | pages, cut=st.sampled_from([None, None, None, 0, 1, 7, 40]))


@pytest.mark.parametrize("slug", SHIPPED)
def test_any_refusal_of_a_vendor_can_be_read(slug: str, examples: int) -> None:
    provider = adapter(slug)

    def check(payload: object, status: int) -> None:
        body = json.dumps(payload).encode()
        said = provider.read_error(Response(status, {}, body))
        assert isinstance(said, ErrorEnvelope)
        error = error_for(status, {}, body, said, secrets=[CANARY])
        assert str(error).isprintable()
        assert len(str(error)) < 1000
        assert len(error.body or "") < 2100

    words = (
        "error",
        "code",
        "message",
        "details",
        "field",
        "reason",
        "detail",
        "loc",
        "msg",
        "error_code",
        "type",
        "status",
    )
    keys = st.sampled_from(words)
    shaped = st.recursive(JSON, lambda inner: st.dictionaries(keys, inner, max_size=3) | st.lists(inner, max_size=2))
    holds(check, examples, payload=shaped, status=st.integers(300, 599))


# -- cursors

PAGED = [slug for slug in SHIPPED if VENDORS[slug].paged]


@pytest.mark.parametrize("slug", PAGED)
def test_a_cursor_leads_on_in_its_listing_or_is_refused(slug: str, examples: int) -> None:
    provider = adapter(slug)

    def check(cursor: str, status: NumberStatus | None) -> None:
        error = refusal(lambda: next(provider.list_page(ListQuery(status), cursor)), InvalidInput)
        if error is not None:
            assert error.remedy
            return
        request = next(provider.list_page(ListQuery(status), cursor))
        asked = dict(request.query)
        assert request.method == "GET"
        theirs = [asked[name] for name in ("cursor", "after", "pagination_key") if name in asked]
        assert all(map(cursor.endswith, theirs)), "the vendor's own comes back unchanged"

    cursors = pieces("active", "all", "assigned", "expired", "reserved", ":", "abc", "=", "&", "#", "%", most=4)
    holds(check, examples, cursor=cursors, status=st.none() | st.sampled_from(list(NumberStatus)))


@pytest.mark.parametrize("slug", PAGED)
def test_a_listing_asks_nothing_twice_and_ends_when_the_vendors_cursors_do(slug: str, examples: int) -> None:
    provider = adapter(slug)

    def check(cursors: list[str]) -> None:
        cursor, asked, left = None, set(), iter(cursors)
        for _ in range(len(cursors) + 10):
            request = next(provider.list_page(ListQuery(), cursor))
            assert request.query not in asked
            asked.add(request.query)
            page = VENDORS[slug].page([], next(left, None))
            cursor = answered(provider.list_page(ListQuery(), cursor), page).cursor
            if cursor is None:
                return
        raise AssertionError("it does not end")

    unique = st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), max_size=4, unique=True)
    holds(check, examples, cursors=unique)


# -- Retry-After

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
WORDS = pieces(
    *(
        "0",
        "1",
        "9",
        "99999999999",
        ".",
        "-",
        "+",
        "e",
        "\u0663",
        " ",
        "Sat, ",
        "21 Nov 2026 12:00:05 GMT",
        "GMT",
        "inf",
    ),
    *("nan", "Mon", ",", ":", "-0000"),
    most=5,
)
DATES = st.datetimes().map(lambda when: format_datetime(when.replace(tzinfo=UTC), usegmt=True))


def test_retry_after_is_seconds_or_nothing(examples: int) -> None:
    def check(header: str) -> None:
        seconds = retry_after_seconds(header, now=NOW)
        assert seconds is None or (math.isfinite(seconds) and seconds >= 0)
        if header.strip().isascii() and header.strip().isdigit():
            assert seconds is not None

    holds(check, examples, header=WORDS | DATES)


# -- configuration files

VALUES = st.sampled_from(
    [
        *('"vox"', '"diga"', '"env:KEY"', '"file:/x"', '"prompt:"', f'"{CANARY}"', '"https://h"', '""', "true", "[]"),
        *("3", "-1", "0", "0.0", "0.5", "nan", "inf", "{}", "{ per_second = 5 }", "{ per_minute = inf }"),
        "{ per_second = 0 }",
    ]
) | ANY_TEXT.map(json.dumps)
NAMES = ("provider", "api_key", "base_url", "timeout", "max_retries", "pace", "settings", "bogus", '"a b"')
MEMBERS = st.tuples(st.sampled_from(NAMES), VALUES).map(" = ".join)
HEADS = st.sampled_from(["[connections.a]", "[connections.vox]", '[connections."a b"]', "[connections]", "[other]", ""])
USEFUL = st.lists(MEMBERS, max_size=4).map(lambda lines: "\n".join(['[connections.a]\nprovider = "vox"', *lines]))
TABLES = st.tuples(HEADS, st.lists(MEMBERS, max_size=4).map("\n".join)).map("\n".join)
FILES = st.lists(USEFUL | TABLES, max_size=3).map("\n".join).map(str.encode) | st.binary(max_size=60)


def test_a_configuration_file_is_read_or_refused_without_a_word_of_a_key(examples: int, tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.touch(mode=0o600)

    def check(content: bytes) -> None:
        file.write_bytes(content)
        error = refusal(lambda: Connections.load(file), ConfigurationError)
        if error is not None:
            assert str(file) in error.message
            assert error.remedy
            assert CANARY not in str(error)
            return
        connections = Connections.load(file)
        for name in connections:
            connection = connections[name]
            assert 0 < connection.timeout < math.inf
            assert connection.max_retries >= 0
            key = connection.api_key
            assert key is None or isinstance(key, SecretStr) or key.startswith(("env:", "file:", "prompt:"))
            assert CANARY not in repr(connection) or CANARY in f"{connection.base_url}{connection.provider}"

    holds(check, examples, content=FILES)
