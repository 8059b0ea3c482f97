"""Taking secrets out of what people will see: vendor payloads, error bodies, texts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Final
from urllib.parse import quote

HIDDEN: Final = "[hidden]"
SECRET_KEYS: Final = frozenset(
    {"password", "auth_password", "authorization", "api_key", "apikey", "access_token", "secret", "token", "ha1"}
)
"""JSON keys whose value is never kept, whatever the adapter says. An adapter adds its own."""

# user:password@ inside a SIP address or any other URI
_USERINFO_PASSWORD: Final = re.compile(r"((?:sips?:|//)[^\s:@/;]+:)[^\s@]+(@)", re.IGNORECASE)
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]+")
_LONGEST_BODY: Final = 2000
_DEEPEST: Final = 50  # levels of nesting that are looked through; what lies deeper is hidden whole


def without_secrets(payload: object, secret_keys: frozenset[str] = frozenset()) -> object:
    """A copy of a parsed JSON payload with the values of secret keys, and passwords inside URIs, hidden."""
    return _clean(payload, SECRET_KEYS | secret_keys, _DEEPEST)


def _clean(payload: object, keys: frozenset[str], depth: int) -> object:
    if depth == 0:
        return HIDDEN
    if isinstance(payload, str):
        return _USERINFO_PASSWORD.sub(rf"\g<1>{HIDDEN}\g<2>", payload) if "@" in payload else payload
    if isinstance(payload, Mapping):
        return {
            key: HIDDEN if value is not None and str(key).lower() in keys else _clean(value, keys, depth - 1)
            for key, value in payload.items()
        }
    if isinstance(payload, list):
        return [_clean(item, keys, depth - 1) for item in payload]
    return payload


def scrubbed(text: str, secrets: Iterable[str] = ()) -> str:
    """A text without the given secret values and without passwords inside URIs, on one line of printable characters."""
    for form in sorted({form for secret in secrets if secret for form in _forms(secret)}, key=len, reverse=True):
        text = text.replace(form, HIDDEN)
    return _UNPRINTABLE.sub(" ", _USERINFO_PASSWORD.sub(rf"\g<1>{HIDDEN}\g<2>", text)).strip()


def _forms(secret: str) -> set[str]:
    """How a secret may stand in an answer that quotes it: as it is, inside JSON, inside a URL."""
    return {secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], quote(secret, safe="")}


def scrubbed_body(body: bytes, secrets: Iterable[str] = ()) -> str:
    """An answer's body as an error may show it: secret keys and values hidden, at most 2,000 characters."""
    text = body[: 4 * _LONGEST_BODY].decode("utf-8", "replace")
    with suppress(ValueError, RecursionError):
        text = json.dumps(without_secrets(json.loads(body)), ensure_ascii=False)
    text = scrubbed(text, secrets)
    return text if len(text) <= _LONGEST_BODY else text[:_LONGEST_BODY] + " […]"
