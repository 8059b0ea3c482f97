"""Text that came from elsewhere, made safe for a terminal: what cannot be seen is shown as its escape."""

from __future__ import annotations

import json
import re
from typing import Final

from telephony_core.text.visible import is_visible, visible

_SUSPICIOUS_IN_JSON: Final = re.compile(r"[^\x20-\x7e\n]")


def printable(text: object) -> str:
    """The text on one line, with control characters, terminal escapes and direction marks as visible escapes.

    >>> printable("lobby\\x1b[31m")
    'lobby\\\\x1b[31m'
    """
    return visible(str(text))


def printable_lines(text: str) -> str:
    """The same for text of several lines, which stay."""
    return "\n".join(printable(line) for line in text.split("\n"))


def safe_json(payload: object, *, indent: int | None = 2, ascii_only: bool = False) -> str:
    """JSON in which everything that cannot be seen is written as a ``\\u`` escape, so that it may go to a terminal."""
    text = json.dumps(payload, ensure_ascii=ascii_only, indent=indent)
    return _SUSPICIOUS_IN_JSON.sub(_json_escape, text)


def _json_escape(match: re.Match[str]) -> str:
    character = match[0]
    # Letters stay readable; a control character would reach the terminal of whoever looks at the JSON.
    return character if is_visible(character) else json.dumps(character)[1:-1]
