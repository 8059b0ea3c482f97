"""What a vendor may answer: errors by their status, and records in which something is odd."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import repeat

import pytest

from telephony_core.domain.lifecycle import NumberStatus, Origin
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.emulator import FaultKind, Record, json_response
from telephony_core.errors import (
    AuthenticationFailed,
    Conflict,
    InvalidRequest,
    NoAnswer,
    NotFound,
    NotSent,
    PermissionDenied,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
    TransportError,
    UnexpectedResponse,
    WrongState,
)
from telephony_core.operations.reconciliation import overlap, read_field
from telephony_core.provider.flow import Response
from telephony_core.provider.vendor_errors import ErrorEnvelope
from telephony_core.provider.wire import setting_names
from telephony_core.testing.contract.account import ContractAccount
from telephony_core.testing.contract.subject import Subject

# By the status alone, which every vendor has; 502 and 503 come from gateways in front of it.
MEANING: dict[int, type[ProviderError]] = {
    400: InvalidRequest,
    401: AuthenticationFailed,
    403: PermissionDenied,
    404: NotFound,
    409: Conflict,
    412: WrongState,
    422: InvalidRequest,
    429: RateLimited,
    500: ProviderUnavailable,
    502: ProviderUnavailable,
    503: ProviderUnavailable,
}

BODIES = (
    # Deep nesting ends in a RecursionError where a reader does not expect it.
    *(b"", b"<html>Bad Gateway</html>", b"\xff\xfe", b"null", b"7", b'"text"', b"[]", b"{}", b"[" * 100_000),
    *(b'{"error": null}', b'{"error": 7}', b'{"error": {"code": {}, "message": []}}', b'{"error": {"details": 5}}'),
    *(b'{"detail": 7}', b'{"detail": [7]}', b'{"detail": [{"loc": 7}]}', b'{"error_code": [], "message": {}}'),
    *(b'{"code": 7, "detail": {}}', b'{"errors": [null]}', b'{"message": "\\ud800\\u0000"}', b'{"title": []}'),
)
"""Bodies of errors that nobody documents."""

WRONG: dict[type, tuple[object, ...]] = {
    str: (17, {"unexpected": ["shape"]}, ["text"], True),
    bool: ("yes", {"unexpected": "shape"}, [True]),
    # True is an int in Python, so lenient readers take it for a number.
    int: ("seventeen", {"unexpected": "shape"}, [17], True),
    float: ("seventeen", {"unexpected": "shape"}, [1.5], True),
    dict: ("text", ["text"], 17, True),
    list: ("text", {"unexpected": "shape"}, 17, True, [17], [["text"]]),
}
"""Values of a wrong JSON type, by the right one."""

HOSTILE: tuple[object, ...] = (
    *(None, True, -1, 0, 10**30, 1e308, "", " ", "\x00", "x" * 5000),
    *([], {}, [None], {"": None}, [[]], "9999-99-99T99:99:99Z", "sip:u:p@h", -(2**63)),
)
"""Values that are invalid in every field; no reader may fail on them."""

NEW = {"of": ["the vendor"]}
SETTING = "s3cret://contract value"
"""What a setting is set to."""
NOT_A_RECORD: tuple[object, ...] = (None, 7, "text", [], {}, True)

HTML = Response(200, {"content-type": "text/html"}, b"<html><body>Bad Gateway</body></html>")
"""A gateway's page."""


class Failures(Subject):
    """The same failure is the same error at every provider."""

    @pytest.mark.parametrize("status", sorted(MEANING))
    def test_a_status_has_one_meaning_whatever_the_body_is(self, account: ContractAccount, status: int) -> None:
        for body in BODIES:
            client, _ = account.scripted(repeat(Response(status, {}, body)), max_retries=0)
            with pytest.raises(MEANING[status]) as caught:
                client.get_number("some-id")
            # Exactly: a subclass would have another exit code and another remedy.
            assert type(caught.value) is MEANING[status]
            assert (caught.value.status, caught.value.provider) == (status, account.spec.slug)
            # A listing that is not found says nothing about any number.
            with pytest.raises(UnexpectedResponse if MEANING[status] is NotFound else MEANING[status]):
                client.list_numbers()

    @pytest.mark.parametrize("status", sorted(MEANING))
    def test_reading_an_error_never_fails(self, account: ContractAccount, status: int) -> None:
        for body in BODIES:
            refusal = account.client.adapter.read_error(Response(status, {"content-type": "application/json"}, body))
            assert isinstance(refusal, ErrorEnvelope)
            assert all(text is None or isinstance(text, str) for text in (refusal.code, refusal.message))

    def test_too_many_requests_says_how_long_to_wait(self, account: ContractAccount) -> None:
        client, _ = account.scripted(lambda _: Response(429, {"retry-after": "7"}, b""), max_retries=0)
        with pytest.raises(RateLimited) as caught:
            client.get_number("some-id")
        assert caught.value.retry_after == 7

    def test_a_request_id_of_the_vendor_is_kept(self, account: ContractAccount) -> None:
        client, _ = account.scripted(lambda _: Response(404, {"x-request-id": "req-77"}, b""))
        with pytest.raises(NotFound) as caught:
            client.get_number("some-id")
        assert caught.value.request_id == "req-77"

    @pytest.mark.parametrize("status", [429, 500, 503])
    def test_a_read_is_repeated_after_a_passing_failure(self, account: ContractAccount, status: int) -> None:
        answers = iter([Response(status, {}, b"")])
        id = account.client.list_numbers(first=1)[0].id
        backend = account.emulator.backend()

        client, script = account.scripted(lambda request: next(answers, None) or backend.send(request, 1.0))
        assert client.get_number(id).id == id
        assert len(script.sent) == 2

    @pytest.mark.parametrize("failure", [NotSent, NoAnswer])
    def test_a_read_is_repeated_after_a_failure_of_the_network(
        self, account: ContractAccount, failure: type[TransportError]
    ) -> None:
        lost = iter([failure("the network failed")])
        id = account.client.list_numbers(first=1)[0].id
        backend = account.emulator.backend()
        client, script = account.scripted(lambda request: next(lost, None) or backend.send(request, 1.0))
        assert client.get_number(id).id == id
        assert len(script.sent) == 2

    def test_a_wrong_key_is_an_authentication_failure(self, account: ContractAccount) -> None:
        client = account.connect(account.emulator.backend(), api_key="not-the-key")
        with pytest.raises(AuthenticationFailed) as caught:
            client.list_numbers()
        assert "not-the-key" not in str(caught.value)

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_a_redirect_is_not_followed(self, account: ContractAccount, status: int) -> None:
        answer = Response(status, {"location": "https://elsewhere.example/v1/numbers"}, b"")
        client, script = account.scripted(lambda _: answer)
        with pytest.raises(UnexpectedResponse):
            client.list_numbers()
        assert len(script.sent) == 1


class Tolerance(Subject):
    """An adapter outlives its vendor's next release."""

    def test_an_unknown_status_is_unknown_and_live_and_keeps_the_vendors_word(self, account: ContractAccount) -> None:
        number = self.odd(account, {**self.record(account), self.needs_status(account): "teleported"})
        assert number.status is NumberStatus.UNKNOWN
        assert number.provider_status == "teleported"
        assert number.is_live

    def test_an_unknown_origin_is_unknown(self, account: ContractAccount) -> None:
        """Taken for another one, the number would be released as that, or refused to be."""
        record = self.record(account)
        for path, value in self.optional_leaves(account):
            number = self.odd(account, _set(record, path, "teleported")) if isinstance(value, str) else None
            if number is not None and number.provider_origin == "teleported":
                assert number.origin is Origin.UNKNOWN, f"an unknown {'.'.join(path)} is read as {number.origin}"

    def test_a_number_with_an_unknown_status_is_listed(self, account: ContractAccount) -> None:
        record = {**self.record(account), self.needs_status(account): "teleported"}
        client, _ = account.scripted(lambda _: json_response(200, self.page([record], None)))
        assert [number.status for number in client.list_numbers()] == [NumberStatus.UNKNOWN]

    def test_an_unknown_field_changes_nothing_and_stays_in_raw(self, account: ContractAccount) -> None:
        plain, number = (self.odd(account, {**self.record(account), **more}) for more in ({}, {"brand_new": NEW}))
        assert number == plain
        assert number.raw["brand_new"] == NEW

    def test_a_missing_optional_field_loses_nothing_else(self, account: ContractAccount) -> None:
        plain, record = self.odd(account, self.record(account)), self.record(account)
        for path, value in self.optional_leaves(account):
            number = self.odd(account, _without(record, path))
            assert len(path) > 1 or number.problems == (), path
            assert len(_differences(number, plain)) <= _fields_of(value), path

    def test_an_optional_field_that_is_null_loses_nothing_else(self, account: ContractAccount) -> None:
        plain, record = self.odd(account, self.record(account)), self.record(account)
        for path, value in self.optional_leaves(account):
            number = self.odd(account, _set(record, path, None))
            assert len(_differences(number, plain)) <= _fields_of(value), path

    def test_a_field_of_the_wrong_type_is_named_in_problems(self, account: ContractAccount) -> None:
        plain, record = self.odd(account, self.record(account)), self.record(account)
        silent = []
        named = set()
        for path, value in self.optional_leaves(account):
            for wrong in WRONG.get(type(value), ()):
                number = self.odd(account, _set(record, path, wrong))
                is_named = any(path[-1] in problem for problem in (*number.problems, *number.unmodelled))
                # A setting that has no field is named elsewhere, which is as good.
                named |= {path} if is_named else set()
                if not is_named and number != plain:
                    silent.append((".".join(path), wrong))
                assert len(_differences(number, plain)) <= _fields_of(value), "one odd field changed others"
        assert not silent, "these were read differently, and `problems` does not name them"
        # At least the status: else an adapter that names nothing would pass.
        assert self.status_key is None or (self.status_key,) in named

    def test_what_cannot_be_read_is_named_and_not_shown(self, account: ContractAccount) -> None:
        """It may be a secret in a place where none is expected, and `problems` are written to files."""
        record = self.record(account)
        for path, _ in self.optional_leaves(account):
            for value in (SETTING, [SETTING], {SETTING: SETTING}):
                shown = self.odd(account, _set(record, path, value)).problems
                assert SETTING not in "".join(shown), f"{'.'.join(path)}: {shown}"

    def test_what_cannot_be_read_is_named_as_its_field_says_that_it_is_read_from(
        self, account: ContractAccount
    ) -> None:
        """A migration stops at a protection that could not be read, and knows it by this name."""
        plain, record = self.odd(account, self.record(account)), self.record(account)
        names = {name: s.read_from for name, s in account.capabilities.fields.items() if s.readable and s.read_from}
        for path, value in self.optional_leaves(account):
            for wrong in WRONG.get(type(value), ()):
                number = self.odd(account, _set(record, path, wrong))
                told = [problem.partition(":")[0] for problem in (*number.problems, *number.unmodelled)]
                for name, read_from in names.items():
                    if read_field(number, name) is None and read_field(plain, name) is not None:
                        assert any(overlap(each, read_from) for each in told), (
                            f"{name} is declared as read from {read_from}, and what could not be read of it is {told}"
                        )

    def test_no_value_of_an_optional_field_can_break_the_reading(self, account: ContractAccount) -> None:
        record = self.record(account)
        for path, _ in self.optional_leaves(account):
            for value in HOSTILE:
                number = self.odd(account, _set(record, path, value))
                assert number.id == record[self.id_key], (path, value)
                assert number.model_dump_json(), (path, value)

    def test_half_a_surrogate_pair_cannot_break_the_dump_of_a_record(self, account: ContractAccount) -> None:
        """JSON can hold one, UTF-8 cannot: a record that cannot be dumped would fail a whole list."""
        record = self.record(account)
        for path, value in self.optional_leaves(account):
            if isinstance(value, str):
                assert self.odd(account, _set(record, path, "\ud800")).model_dump_json(), path

    @pytest.mark.parametrize(
        "text", ["2001", "112", "+", "", " ", "anonymous", "front@pbx.example.com", "\uff10\uff17\uff10"]
    )
    def test_a_number_that_is_no_number_is_kept_as_it_is(self, account: ContractAccount, text: str) -> None:
        record = {**self.record(account), self.number_key: text}
        client, _ = account.scripted(lambda _: json_response(200, self.page([record], None)))
        try:
            (number,) = client.list_numbers()
        except UnexpectedResponse:
            assert not text.strip(), "only a blank one may count as missing"
        else:
            assert number.identity.raw == text
            assert number.identity.e164 is None

    # -- what the model has no field for

    def test_a_setting_without_a_field_is_named_where_it_is_set(
        self, account: ContractAccount, unmodelled_setting: str
    ) -> None:
        """By its name alone: what it is set to may be a secret, and the records of a run are written to files."""
        path = tuple(self.unmodelled_keys.get(unmodelled_setting, unmodelled_setting).split("."))
        record = self.record(account)
        named = []
        # Which JSON type a setting has only its vendor knows, so each is tried.
        for value in (SETTING, [SETTING], {SETTING: SETTING}, [{SETTING: SETTING}], True, False):
            number = self.odd(account, _set(record, path, value))
            assert number.unmodelled == setting_names(number.unmodelled)
            assert SETTING not in "".join((*number.unmodelled, *number.problems))
            named += [value] if unmodelled_setting in number.unmodelled else []
        assert named, "no value of it makes the adapter name it"
        assert unmodelled_setting not in self.odd(account, _set(record, path, None)).unmodelled

    def test_no_value_of_a_vendor_is_a_name(self, account: ContractAccount) -> None:
        """Keys of a record that nobody documents may be a customer's own text."""
        record = self.record(account)
        for path in {(), *(path for path, value in _leaves(record) if isinstance(value, dict))}:
            for key in (SETTING, "a b", "", "x" * 5000, "\ud800"):
                number = self.odd(account, _set(record, (*path, key), SETTING))
                assert number.unmodelled == setting_names(number.unmodelled)
                assert SETTING not in "".join(number.unmodelled)

    # -- what cannot be read at all

    def test_a_record_without_id_or_number_is_an_unexpected_response(self, account: ContractAccount) -> None:
        for key in (self.id_key, self.number_key):
            for value in (None, True, ["text"]):  # no number: there are vendors whose ids are
                self.unexpected(account, {**self.record(account), key: value})
            self.unexpected(account, {name: value for name, value in self.record(account).items() if name != key})

    @pytest.mark.parametrize("item", NOT_A_RECORD, ids=repr)
    def test_a_page_with_something_else_than_records_is_an_unexpected_response(
        self, account: ContractAccount, item: object
    ) -> None:
        self.unexpected(account, item)

    @pytest.mark.parametrize("payload", [None, 7, "text", [], {}, True, [{}], {"error": None}], ids=repr)
    def test_an_answer_of_the_wrong_shape_is_an_unexpected_response(
        self, account: ContractAccount, payload: object
    ) -> None:
        client, _ = account.scripted(lambda _: json_response(200, payload))
        # At a vendor whose list is an array, `[]` is an empty account.
        if payload != self.page([], None):
            with pytest.raises(UnexpectedResponse):
                client.list_numbers()
        with pytest.raises(UnexpectedResponse):
            client.get_number("some-id")

    @pytest.mark.parametrize(
        "answer",
        [
            HTML,
            Response(200, {}, b""),
            Response(204, {}, b""),
            Response(200, {"content-type": "application/json"}, b'{"cut": "in the mid'),
            Response(200, {"content-type": "application/json"}, b"\xff\xfe\x00"),
            Response(200, {"content-type": "application/json"}, b"[" * 100_000),
        ],
        ids=["html", "empty", "no-content", "cut", "binary", "nested"],
    )
    def test_an_answer_that_is_no_json_is_an_unexpected_response(
        self, account: ContractAccount, answer: Response
    ) -> None:
        client, _ = account.scripted(lambda _: answer)
        with pytest.raises(UnexpectedResponse) as caught:
            client.list_numbers()
        assert caught.value.status == answer.status
        with pytest.raises(UnexpectedResponse):
            client.get_number("some-id")

    def test_a_failure_in_the_middle_of_a_listing_is_raised(self, account: ContractAccount) -> None:
        self.needs_pages(account)
        pages = iter([json_response(200, self.page([self.record(account)], "next-page")), HTML])
        client, _ = account.scripted(lambda _: next(pages))
        assert client.list_numbers(first=1)
        pages = iter([json_response(200, self.page([self.record(account)], "next-page")), HTML])
        with pytest.raises(UnexpectedResponse):
            client.list_numbers()

    def test_html_from_a_gateway_in_place_of_a_record_is_an_unexpected_response(self, account: ContractAccount) -> None:
        id = str(self.record(account)[self.id_key])
        account.fail(FaultKind.ANSWER, methods=["GET"], response=HTML)
        with pytest.raises(UnexpectedResponse):
            account.client.get_number(id)

    # -- preparing

    def odd(self, account: ContractAccount, record: Record) -> PhoneNumber:
        """The model of this record."""
        client, _ = account.scripted(lambda _: json_response(200, self.page([record], None)))
        (number,) = client.list_numbers()
        return number

    def optional_leaves(self, account: ContractAccount) -> Iterator[tuple[tuple[str, ...], object]]:
        """Every value of the record that may be odd, by its path."""
        leaves = _leaves(self.record(account))
        return ((path, value) for path, value in leaves if path[0] not in (self.id_key, self.number_key))

    def unexpected(self, account: ContractAccount, item: object) -> None:
        answer = Response(200, {"content-type": "application/json"}, json.dumps(self.page([item], None)).encode())
        client, _ = account.scripted(lambda _: answer)
        with pytest.raises(UnexpectedResponse):
            client.list_numbers()


def _leaves(record: Record, before: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    """Every value of a record and of the objects in it, by its path."""
    for key, value in record.items():
        yield (*before, key), value
        if isinstance(value, dict):
            yield from _leaves(value, (*before, key))


def _fields_of(value: object) -> int:
    """How many fields of the model may come from one value of the vendor: three from a status, all from an object."""
    return 100 if isinstance(value, dict) else 3


def _differences(one: PhoneNumber, other: PhoneNumber) -> set[str]:
    """The fields of the model in which two records differ; those of the trunk count one by one."""
    flat = [_flat(number.model_dump(exclude={"problems"})) for number in (one, other)]
    return {name for name in flat[0].keys() | flat[1].keys() if flat[0].get(name) != flat[1].get(name)}


def _flat(dump: Mapping[str, object], before: str = "") -> dict[str, object]:
    """A dump without its levels, and without what is empty."""
    leaves: dict[str, object] = {}
    for name, value in dump.items():
        if isinstance(value, Mapping):
            leaves |= _flat(value, f"{before}{name}.")
        # None and absent say the same in a dump.
        elif value is not None:
            leaves[before + name] = value
    return leaves


def _without(record: Record, path: tuple[str, ...]) -> Record:
    key, *rest = path
    if not rest:
        return {name: value for name, value in record.items() if name != key}
    inner = record[key]
    assert isinstance(inner, dict)
    return {**record, key: _without(inner, tuple(rest))}


def _set(record: Record, path: tuple[str, ...], value: object) -> Record:
    """The record with a value at a path, on which objects are made where there are none."""
    key, *rest = path
    if not rest:
        return {**record, key: value}
    inner = record.get(key)
    return {**record, key: _set(inner if isinstance(inner, dict) else {}, tuple(rest), value)}
