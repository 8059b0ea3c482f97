"""Taking secrets out of what people will see: vendor payloads, error bodies, texts.

A secret is hidden as it is and in every form in which an answer may quote it: in any case, inside JSON, a URL or HTML,
in base64 (also as a part of ``user:password``), and where a long piece of it is left. JSON is read first and its values
are cleaned, so that what comes out is JSON again. A secret of fewer than `SHORTEST_PART` characters stands in half of
all words and numbers; it is hidden where it is a whole value, or stands alone in quotes, and nowhere else.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import quote, quote_plus

from telephony_core.secrets.url_password import HIDDEN, without_password
from telephony_core.text.visible import is_visible

__all__ = ["HIDDEN", "SECRET_KEYS", "Secrets", "scrubbed", "scrubbed_body", "without_secrets"]

SECRET_KEYS: Final = frozenset(
    {"password", "auth_password", "authorization", "api_key", "apikey", "access_token", "secret", "token", "ha1"}
)
"""JSON keys whose value is never kept, whatever the adapter says, and all that end like `_SECRET_ENDINGS`. An adapter
adds its own."""
_SECRET_ENDINGS: Final = ("password", "passwd", "secret", "api_key", "apikey")

SHORTEST_PART: Final = 4
"""Characters from which on a secret is hidden wherever it stands, and a piece of it where a text was cut off."""
_WORD: Final = re.compile(r"[^\s\"'<>]+")
_MEMBER: Final = re.compile(r"""("([\w-]{1,64})"\s*:\s*)"(?:[^"\\]|\\.)*"?""")
"""A member of a JSON object that was cut off somewhere, so that nothing can read it whole."""
_LONGEST_BODY: Final = 2000
_LONGEST_READ: Final = 65_536
"""Bytes of a body that are read as JSON, and characters of a text that are shown. What is longer is cut off within its
beginning, and is no JSON afterwards: a vendor may send an id of thirty million letters, and errors quote it."""
_CUT: Final = " […]"
_DEEPEST: Final = 50  # levels of nesting that are looked through; what lies deeper is hidden whole


def without_secrets(payload: object, secret_keys: frozenset[str] = frozenset()) -> object:
    """A copy of a parsed JSON payload with the values of secret keys, and passwords inside URIs, hidden.

    So is the ``input`` that the validation lists of web frameworks quote, where their ``loc`` is that of a secret key.
    """
    return _clean(payload, SECRET_KEYS | secret_keys, _DEEPEST, None)


def _clean(payload: object, keys: frozenset[str], depth: int, secrets: Secrets | None) -> object:
    if depth == 0:
        return HIDDEN
    if isinstance(payload, str):
        return _without_passwords(payload if secrets is None else secrets.hidden_in(payload))
    if isinstance(payload, Mapping):
        cleaned = {
            key if secrets is None else secrets.hidden_in(str(key)): HIDDEN
            if value is not None and _is_secret(str(key), keys)
            else _clean(value, keys, depth - 1, secrets)
            for key, value in payload.items()
        }
        place = payload.get("loc")
        if isinstance(place, list) and any(isinstance(step, str) and _is_secret(step, keys) for step in place):
            # pydantic, behind FastAPI's lists, quotes the value as `input`, and parts of it in `ctx`.
            cleaned |= dict.fromkeys(cleaned.keys() & {"input", "ctx"}, HIDDEN)
        return cleaned
    if isinstance(payload, list):
        return [_clean(item, keys, depth - 1, secrets) for item in payload]
    if secrets is not None and isinstance(payload, int | float) and not isinstance(payload, bool):
        return HIDDEN if secrets.hidden_in(str(payload)) != str(payload) else payload
    return payload


@lru_cache(maxsize=1024)
def _is_secret(key: str, keys: frozenset[str]) -> bool:
    # Names of headers are quoted as keys too: `X-Api-Key`.
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

    A piece of a secret at the very end, where somebody cut the text, is hidden as well. A text that is a JSON object or
    list is one afterwards too, unless it is longer than anybody reads: then it is cut off.
    """
    if len(text) > _LONGEST_READ:
        # Twice as much is looked through: of a secret in the middle of which it is cut, the beginning is not shown.
        held = Secrets.of(secrets)
        shown = _without_passwords(held.hidden_in(text[: 2 * _LONGEST_READ]))[:_LONGEST_READ]
        return _on_one_line(held.piece_hidden_at_the_end(shown + _CUT))
    if not secrets and "@" not in text:  # as nearly everywhere
        return _on_one_line(text)
    held = Secrets.of(secrets)
    if held and text[:1] in ("{", "[") and (cleaned := _scrubbed_json(text, frozenset(), held)) is not None:
        return _on_one_line(cleaned)
    return _on_one_line(_without_passwords(held.piece_hidden_at_the_end(held.hidden_in(text))))


def scrubbed_body(body: bytes, secrets: Iterable[str] = ()) -> str:
    """An answer's body as an error may show it: secret keys and values hidden, at most 2,000 characters."""
    held = Secrets.of(secrets)
    text = _scrubbed_json(body, SECRET_KEYS, held) if len(body) <= _LONGEST_READ else None
    if text is None:
        text = body[: 4 * _LONGEST_BODY].decode("utf-8", "replace")
        text = _MEMBER.sub(lambda found: f"{found[1]}{HIDDEN}" if _is_secret(found[2], SECRET_KEYS) else found[0], text)
        text = _without_passwords(held.piece_hidden_at_the_end(held.hidden_in(text)))
    text = _on_one_line(text)
    return text if len(text) <= _LONGEST_BODY else held.piece_hidden_at_the_end(text[:_LONGEST_BODY] + _CUT)


def _scrubbed_json(text: str | bytes, keys: frozenset[str], secrets: Secrets) -> str | None:
    """The same JSON with its values cleaned; ``None`` for a text that is none."""
    try:
        document = json.loads(text)
        cleaned = _clean(document, keys, _DEEPEST, secrets)
        if isinstance(text, str) and cleaned == document:
            return text  # nothing was hidden: it keeps its own blanks
        return json.dumps(cleaned, ensure_ascii=False)
    except (ValueError, RecursionError):
        return None


def _on_one_line(text: str) -> str:
    """Without what a terminal obeys or nobody sees: control and direction marks, fillers, halves of surrogate pairs."""
    if not (text.isascii() and text.isprintable()):
        text = "".join(character if is_visible(character) else " " for character in text)
    return text.strip()


class Secrets:
    """Values that no text may show, found in every form. Its own representation shows none of them."""

    __slots__ = ("_found", "_values")

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._values: set[str] = set(values)
        self._found: _Forms | None = None

    @classmethod
    def of(cls, values: Iterable[str] | Secrets) -> Secrets:
        return values if isinstance(values, Secrets) else cls(values)

    def update(self, values: Iterable[str]) -> None:
        """Hide these as well."""
        self._values.update(values)
        self._found = None

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __bool__(self) -> bool:
        return bool(self._values)

    def __repr__(self) -> str:
        return f"<{len(self._values)} secrets>"

    def hidden_in(self, text: str) -> str:
        """The text without any form or long piece of a secret."""
        return self._forms.hidden_in(text) if self._values else text

    def piece_hidden_at_the_end(self, text: str) -> str:
        """The text without the beginning of a secret at its end, where it was cut off."""
        return self._forms.piece_hidden_at_the_end(text) if self._values else text

    @property
    def _forms(self) -> _Forms:
        if self._found is None:
            self._found = _Forms(self._values)
        return self._found


class _Forms:
    """Every form of some secrets, ready for searching."""

    __slots__ = ("_all", "_alone", "_anywhere", "_base64", "_pieces")

    def __init__(self, values: Iterable[str]) -> None:
        # The longest first, because the first that fits is taken: a secret that begins with another one has to go
        # whole.
        self._all = sorted({form for value in values if value for form in _forms(value)}, key=len, reverse=True)
        long = [form for form in self._all if len(form) >= SHORTEST_PART]
        self._anywhere = _any_of(long, re.IGNORECASE)
        # In base64 capitals are other letters.
        self._base64 = _any_of(_base64_cores(long), re.NOFLAG)
        self._alone = frozenset(form.casefold() for form in self._all if len(form) < SHORTEST_PART)
        self._pieces: dict[int, set[str]] = {}
        for form in long:
            if (length := _long_piece(form)) < len(form):
                folded = form.casefold()
                runs = {folded[at : at + length] for at in range(len(folded) - length + 1)}
                self._pieces.setdefault(length, set()).update(runs)

    def hidden_in(self, text: str) -> str:
        if not self._all:
            return text
        if text.strip().casefold() in self._alone:
            return HIDDEN
        text = self._without_base64(self._anywhere.sub(HIDDEN, text))
        if self._alone:
            text = _QUOTED.sub(lambda found: self._hidden_alone(found[0], found[2]), text)
        return self._without_pieces(text)

    def _without_base64(self, text: str) -> str:
        """Without each run of base64 that holds a secret: what stands around it belongs to the same header."""
        done, parts = 0, []
        for found in self._base64.finditer(text):
            start, end = found.span()
            while start > done and text[start - 1] in _BASE64:
                start -= 1
            while end < len(text) and text[end] in _BASE64:
                end += 1
            if end > done:
                parts += [text[done:start], HIDDEN]
                done = end
        return "".join([*parts, text[done:]]) if parts else text

    def _hidden_alone(self, quoted: str, inner: str) -> str:
        return f"{quoted[0]}{HIDDEN}{quoted[-1]}" if inner.casefold() in self._alone else quoted

    def _without_pieces(self, text: str) -> str:
        folded = text.casefold()
        if len(folded) != len(text):  # `ß` becomes two letters, and positions would not agree
            folded = text.lower() if len(text.lower()) == len(text) else text
        hide = bytearray(len(text))
        for length, runs in self._pieces.items():
            for at in range(len(folded) - length + 1):
                if folded[at : at + length] in runs:
                    hide[at : at + length] = b"\x01" * length
        if not any(hide):
            return text
        return re.sub(
            "\x01+", lambda _run: HIDDEN, "".join("\x01" if hide[at] else char for at, char in enumerate(text))
        )

    def piece_hidden_at_the_end(self, text: str) -> str:
        body, cut, _ = text.partition(_CUT) if text.endswith(_CUT) else (text, "", "")
        folded = body.casefold()
        for form in self._all:
            start = form.casefold()
            for length in range(len(start) - 1, SHORTEST_PART - 1, -1):
                if folded.endswith(start[:length]):
                    return f"{body[:-length]}{HIDDEN}{cut}"
        return text


_BASE64: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=")
_QUOTED: Final = re.compile(r"""(["'`‘“])([^"'`’”]{1,8})(["'`’”])""")


def _any_of(forms: Iterable[str], flags: re.RegexFlag) -> re.Pattern[str]:
    # An empty pattern would fit everywhere, this one fits nowhere.
    return re.compile("|".join(map(re.escape, forms)) or r"(?!)", flags)


def _long_piece(form: str) -> int:
    """How many characters of a secret in a row give it away: eight, or half of it, and never more than twelve."""
    return min(12, max(8, -(-len(form) // 2)))


def _forms(secret: str) -> set[str]:
    """How a secret may stand in an answer that quotes it: as it is, inside JSON, a URL, HTML, or JSON inside those."""
    plain = {secret, *_in_json(secret)}
    # Of a short one no part of its base64 is its own alone, so it is looked for whole.
    if len(secret) < SHORTEST_PART:
        plain.add(base64.b64encode(secret.encode("utf-8", "surrogatepass")).decode("ascii"))
    return {form for each in plain for form in (each, *_in_json(each), *_in_text(each))}


def _in_json(text: str) -> tuple[str, str]:
    return json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]


def _in_text(text: str) -> tuple[str, ...]:
    # A lone surrogate has no UTF-8 form and so stands in no URL.
    in_url = (quote(text, safe="", errors="replace"), quote_plus(text, errors="replace"))
    return (*in_url, html.escape(text), html.escape(text, quote=False))


def _base64_cores(secrets: Iterable[str]) -> set[str]:
    """What base64 makes of a secret, whatever stands before and behind it (``user:password`` in a Basic header).

    Three bytes become four characters, so there are three ways in which a secret can lie; of each, the characters that
    hang on nothing but the secret. In both alphabets (RFC 4648, sections 4 and 5).
    """
    cores = set()
    for secret in secrets:
        data = secret.encode("utf-8", "surrogatepass")
        for before in range(3):
            encoded = base64.b64encode(bytes(before) + data).decode("ascii")
            core = encoded[-(-before * 8 // 6) : (before + len(data)) * 8 // 6]
            if len(core) >= SHORTEST_PART:
                cores |= {core, core.translate(str.maketrans("+/", "-_"))}
    return cores
