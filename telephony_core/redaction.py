"""Taking secrets out of what people will see: vendor payloads, error bodies, texts."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import quote, quote_plus

from telephony_core.domain.uri_password import HIDDEN, without_password
from telephony_core.domain.visible_text import is_visible

__all__ = ["HIDDEN", "SECRET_KEYS", "scrubbed", "scrubbed_body", "without_secrets"]

SECRET_KEYS: Final = frozenset(
    {"password", "auth_password", "authorization", "api_key", "apikey", "access_token", "secret", "token", "ha1"}
)
"""JSON keys whose value is never kept, whatever the adapter says, and all that end like `_SECRET_ENDINGS`. An adapter
adds its own."""
_SECRET_ENDINGS: Final = ("password", "passwd", "secret", "api_key", "apikey")

_WORD: Final = re.compile(r"[^\s\"'<>]+")
_MEMBER: Final = re.compile(r"""("([\w-]{1,64})"\s*:\s*)"(?:[^"\\]|\\.)*"?""")
"""A member of a JSON object that was cut off somewhere, so that nothing can read it whole."""
_LONGEST_BODY: Final = 2000
_CUT: Final = " […]"
_DEEPEST: Final = 50  # levels of nesting that are looked through; what lies deeper is hidden whole
_SHORTEST_PIECE: Final = 4
"""Characters of a secret at the end of a text that count as a piece of it, cut off there."""


def without_secrets(payload: object, secret_keys: frozenset[str] = frozenset()) -> object:
    """A copy of a parsed JSON payload with the values of secret keys, and passwords inside URIs, hidden.

    So is the ``input`` that the validation lists of web frameworks quote, where their ``loc`` is that of a secret key.
    """
    return _clean(payload, SECRET_KEYS | secret_keys, _DEEPEST)


def _clean(payload: object, keys: frozenset[str], depth: int) -> object:
    if depth == 0:
        return HIDDEN
    if isinstance(payload, str):
        return _without_passwords(payload)
    if isinstance(payload, Mapping):
        cleaned = {
            key: HIDDEN if value is not None and _is_secret(str(key), keys) else _clean(value, keys, depth - 1)
            for key, value in payload.items()
        }
        place = payload.get("loc")
        if isinstance(place, list) and any(isinstance(step, str) and _is_secret(step, keys) for step in place):
            cleaned |= dict.fromkeys(cleaned.keys() & {"input", "ctx"}, HIDDEN)
        return cleaned
    if isinstance(payload, list):
        return [_clean(item, keys, depth - 1) for item in payload]
    return payload


@lru_cache(maxsize=1024)
def _is_secret(key: str, keys: frozenset[str]) -> bool:
    name = key.lower().replace("-", "_")
    return name in keys or name.endswith(_SECRET_ENDINGS)


def _without_passwords(text: str) -> str:
    """A text without the passwords of ``sip:user:password@host``, any other URI, and a bare ``user:password@host``."""
    if "@" not in text:
        return text
    if text[:5].lower().startswith(("sip:", "sips:")):  # all of it is an address, however odd its password
        return without_password(text)
    return _WORD.sub(lambda word: without_password(word[0]), text)


def scrubbed(text: str, secrets: Iterable[str] = ()) -> str:
    """A text without the given secret values and without passwords inside URIs, on one line of printable characters.

    A piece of a secret at the very end, where somebody cut the text, is hidden as well.
    """
    forms = _all_forms(secrets)
    for form in forms:
        text = text.replace(form, HIDDEN)
    return _on_one_line(_without_passwords(_without_piece(text, forms)))


def _on_one_line(text: str) -> str:
    """Without what a terminal obeys or nobody sees: control and direction marks, fillers, halves of surrogate pairs."""
    if not (text.isascii() and text.isprintable()):
        text = "".join(character if is_visible(character) else " " for character in text)
    return text.strip()


def _all_forms(secrets: Iterable[str]) -> list[str]:
    """Every form of every secret, the longest first, so that none is left in part."""
    return sorted({form for secret in secrets if secret for form in _forms(secret)}, key=len, reverse=True)


def _forms(secret: str) -> set[str]:
    """How a secret may stand in an answer that quotes it: as it is, inside JSON, a URL, HTML, or JSON inside those."""
    plain = {secret, *_in_json(secret)}
    return {form for each in plain for form in (each, *_in_json(each), *_in_text(each))}


def _in_json(text: str) -> tuple[str, str]:
    return json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]


def _in_text(text: str) -> tuple[str, ...]:
    # A lone surrogate has no UTF-8 form and so stands in no URL.
    in_url = (quote(text, safe="", errors="replace"), quote_plus(text, errors="replace"))
    return (*in_url, html.escape(text), html.escape(text, quote=False))


def _without_piece(text: str, forms: Iterable[str]) -> str:
    body, cut, _ = text.partition(_CUT) if text.endswith(_CUT) else (text, "", "")
    for form in forms:
        for length in range(len(form) - 1, _SHORTEST_PIECE - 1, -1):
            if body.endswith(form[:length]):
                return f"{body[:-length]}{HIDDEN}{cut}"
    return text


def scrubbed_body(body: bytes, secrets: Iterable[str] = ()) -> str:
    """An answer's body as an error may show it: secret keys and values hidden, at most 2,000 characters."""
    secrets = tuple(secrets)
    try:
        text = json.dumps(without_secrets(json.loads(body)), ensure_ascii=False)
    except (ValueError, RecursionError):
        text = body[: 4 * _LONGEST_BODY].decode("utf-8", "replace")
        text = _MEMBER.sub(lambda found: f"{found[1]}{HIDDEN}" if _is_secret(found[2], SECRET_KEYS) else found[0], text)
    text = scrubbed(text, secrets)
    return text if len(text) <= _LONGEST_BODY else _without_piece(text[:_LONGEST_BODY] + _CUT, _all_forms(secrets))
