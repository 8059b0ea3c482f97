"""What the vendor's failures become: status first, whatever the body is."""

from __future__ import annotations

import pytest

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
from telephony_core.provider.flow import Response
from telephony_core.provider.vendor_errors import ErrorEnvelope
from telephony_core.testing.contract.account import ContractAccount
from telephony_core.testing.contract.subject import Subject

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
    *(b"", b"<html>Bad Gateway</html>", b"\xff\xfe", b"null", b"7", b'"text"', b"[]", b"{}", b"[" * 100_000),
    *(b'{"error": null}', b'{"error": 7}', b'{"error": {"code": {}, "message": []}}', b'{"error": {"details": 5}}'),
    *(b'{"detail": 7}', b'{"detail": [7]}', b'{"detail": [{"loc": 7}]}', b'{"error_code": [], "message": {}}'),
    *(b'{"code": 7, "detail": {}}', b'{"errors": [null]}', b'{"message": "\\ud800\\u0000"}', b'{"title": []}'),
)
"""Bodies of errors that nobody documents."""


class Failures(Subject):
    """The same failure is the same error at every provider."""

    @pytest.mark.parametrize("status", sorted(MEANING))
    def test_a_status_has_one_meaning_whatever_the_body_is(self, account: ContractAccount, status: int) -> None:
        for body in BODIES:
            client, _ = account.scripted(lambda _, b=body: Response(status, {}, b), max_retries=0)  # type: ignore[misc]
            with pytest.raises(MEANING[status]) as caught:
                client.get_number("some-id")
            assert type(caught.value) is MEANING[status]
            assert (caught.value.status, caught.value.provider) == (status, account.spec.slug)
            with pytest.raises(MEANING[status]):
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

    def test_a_request_id_of_the_vendor_is_told(self, account: ContractAccount) -> None:
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

    def test_a_wrong_key_is_told(self, account: ContractAccount) -> None:
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
