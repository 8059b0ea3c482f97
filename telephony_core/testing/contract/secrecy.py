"""Keys and passwords: where they have to go, and nowhere else."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Callable, Iterator
from functools import partial
from itertools import repeat
from urllib.parse import quote, urlsplit

import pytest

from telephony_core.emulator import FaultKind, json_response
from telephony_core.errors import TelephonyError
from telephony_core.provider.capabilities import Field, Operation
from telephony_core.provider.flow import Response
from telephony_core.secrets.redaction import SECRET_KEYS
from telephony_core.testing.contract.account import ContractAccount
from telephony_core.testing.contract.cases import CHANGES
from telephony_core.testing.contract.subject import PASSWORD, Subject, leaves, needed

GATEWAY = "https://gateway.contract.example/telephony"
ELSEWHERE = "https://elsewhere.example/steal"
# Each would reach another resource, another host or another header if it were put into the URL as it is.
HOSTILE_IDS = (
    *(
        "../../admin",
        "a/b",
        "a?b=c",
        "a#b",
        "a%2Fb",
        "a b",
        "..;/x",
        "ä",
        "a\r\nx-evil: y",
        "a\\b",
        "//elsewhere.example/",
    ),
    *("%2e%2e", "a&b=c", "\x00", "http://elsewhere.example"),
)


class Secrecy(Subject):
    """The key goes to the base URL in a header; a password goes into one body; neither is shown."""

    # -- the key

    def test_the_key_is_in_headers_only_and_goes_to_the_base_url_only(self, account: ContractAccount) -> None:
        self.everything(account)
        key = account.emulator.api_key
        base = account.client.adapter.config.base_url
        assert account.sent
        for request in account.sent:
            assert request.url.startswith(base + "/")
            assert key not in request.url
            assert key.encode() not in (request.body or b"")
            assert any(key in value for _, value in request.headers)

    def test_requests_stay_below_a_base_url_with_a_path(self, account: ContractAccount) -> None:
        # A cursor that is a URL: whoever follows it sends the key there.
        page = self.page([self.record(account)], ELSEWHERE)
        client, script = account.scripted(lambda _: json_response(200, page), base_url=f"{GATEWAY}/")
        with pytest.raises(TelephonyError) if self.paged else contextlib.nullcontext():
            client.list_numbers()
        with pytest.raises(TelephonyError):
            client.get_number(ELSEWHERE)
        assert len(script.sent) > 1
        assert all(request.url.startswith(GATEWAY + "/") for request in script.sent)
        assert not [r.url for r in script.sent if {".", ".."} & set(urlsplit(r.url).path.split("/"))]

    def test_an_id_is_one_segment_of_a_path_whatever_it_holds(self, account: ContractAccount) -> None:
        paths = self.paths(account, "plain-id")
        for id in HOSTILE_IDS:
            escaped = quote(id, safe="")
            assert self.paths(account, id) == [path.replace("plain-id", escaped) for path in paths]

    # -- the password

    def test_a_password_reaches_the_vendor_as_it_is(self, account: ContractAccount) -> None:
        needed(account.capabilities.can_write(Field.PASSWORD), f"{account.spec.slug} takes no password")
        self.everything(account)
        bodies = [json.loads(request.body) for request in account.writes if request.body]
        texts = [leaf for body in bodies for leaf in leaves(body) if isinstance(leaf, str)]
        assert PASSWORD in texts
        # How a masked secret is printed: sent, it would become the password.
        assert not [text for text in texts if "**" in text], "a masked secret was sent"

    def test_neither_key_nor_password_is_shown_by_anything_that_can_be_printed(
        self, account: ContractAccount, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.DEBUG):
            results = self.everything(account)
        client = account.client.client
        shown = [repr(client), repr(client.adapter.config), str(client.adapter.config.model_dump()), caplog.text]
        for result in results:
            shown += [repr(result), str(result), repr(getattr(result, "raw", ""))]
            dump = getattr(result, "model_dump_json", None)
            shown += [dump()] if dump is not None else []
        shown += [repr(request) for request in account.sent]
        self.assert_hidden(account, shown)

    def test_an_error_in_which_the_vendor_repeats_secrets_hides_them(
        self, account: ContractAccount, caplog: pytest.LogCaptureFixture
    ) -> None:
        key, text = account.emulator.api_key, f"refused: {PASSWORD}"
        envelope = {
            "error": {"code": PASSWORD, "message": f"{text} {key}", "details": {"reason": text, "password": PASSWORD}},
            "error_code": PASSWORD,
            "message": text,
            "code": PASSWORD,
            "title": key,
            "detail": [{"loc": ["body", "password"], "msg": text, "input": PASSWORD}],
        }
        caplog.set_level(logging.DEBUG)
        for status in (400, 401, 409, 422, 500):
            # With the letter beyond ASCII escaped, and as it is.
            for body in (json.dumps(envelope), json.dumps(envelope, ensure_ascii=False), f"{text} {key}"):
                answer = Response(status, {"x-request-id": key}, body.encode())
                account.fail(FaultKind.ANSWER, times=10, response=answer)
                for call in self.calls(account):
                    self.assert_hidden(account, [*_shown(call), caplog.text])

    def test_a_secret_that_the_vendor_sends_is_not_kept(self, account: ContractAccount) -> None:
        secret = "vendor-sent-secret"
        keys = sorted(SECRET_KEYS | account.client.adapter.secret_keys)
        record = {**self.record(account), **dict.fromkeys(keys, secret), "extra": [{key: secret} for key in keys]}
        client, _ = account.scripted(lambda _: json_response(200, self.page([record], None)))
        (number,) = client.list_numbers()
        assert secret not in repr(number.raw) + repr(number) + number.model_dump_json()

    def test_a_password_inside_an_address_is_neither_kept_nor_shown(self, account: ContractAccount) -> None:
        secret = "address-password"
        record = {**self.record(account), "extra": {"uri": f"sip:user:{secret}@pbx.example.com"}}
        odd = [{key: f"sip:user:{secret}@pbx.example.com"} for key, value in record.items() if isinstance(value, dict)]
        for changes in ({}, *odd):
            page = self.page([{**record, **changes}], None)
            client, _ = account.scripted(repeat(json_response(200, page)))
            (number,) = client.list_numbers()
            assert secret not in repr(number.raw) + repr(number.problems)

    # -- preparing

    def calls(self, account: ContractAccount) -> Iterator[Callable[[], object]]:
        """The writes that carry a password."""
        fields = account.capabilities
        if not fields.can_write(Field.PASSWORD):
            return
        if fields.offers(Operation.IMPORT):
            yield partial(account.client.import_number, self.import_of(account, self.importable(account)))
        if fields.offers(Operation.UPDATE_SIP):
            number = self.number_for(account, Operation.UPDATE_SIP)
            values = self.new_value(account, Field.PASSWORD, number)
            yield partial(self.write, account, number, values)

    def everything(self, account: ContractAccount) -> list[object]:
        """Every operation that is offered, once; its results."""
        results: list[object] = [*account.client.list_numbers()]
        results += [call() for call in self.calls(account)]
        for operation in CHANGES:
            if account.capabilities.offers(operation) and operation is not Operation.REVOKE_RELEASE:
                results.append(self.attempt(account, operation, self.number_for(account, operation))())
        return results

    def paths(self, account: ContractAccount, id: str) -> list[str]:
        """Where every operation on the number with this id goes first."""
        client, script = account.scripted(lambda _: Response(404, {}, b""))
        changes = [operation for operation in CHANGES if account.capabilities.offers(operation)]
        calls: list[Callable[[], object]] = [partial(client.get_number, id)]
        calls += [self.attempt(account, operation, id, client) for operation in changes]
        for call in calls:
            with pytest.raises(TelephonyError):
                call()
        return [urlsplit(request.url).path for request in script.sent]

    def assert_hidden(self, account: ContractAccount, shown: list[str]) -> None:
        # The last one as JSON writes it: a search for the plain text would miss it.
        for secret in (account.emulator.api_key, PASSWORD, json.dumps(PASSWORD)[1:-1]):
            assert not [text for text in shown if secret in text]


def _shown(call: Callable[[], object]) -> list[str]:
    """Every text of an error and of its causes."""
    with pytest.raises(TelephonyError) as caught:
        call()
    shown: list[str] = []
    link: BaseException | None = caught.value
    while link is not None:
        shown += [str(link), repr(link), str(link.args)]
        shown += [
            str(getattr(link, name, "")) for name in ("message", "remedy", "code", "body", "request_id", "attempt")
        ]
        # A traceback shows both, so neither may hold a secret.
        link = link.__cause__ or link.__context__
    return shown
