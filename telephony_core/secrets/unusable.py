"""What no password and no key may hold, because nobody sees it: the one rule for every way a secret comes in."""

from __future__ import annotations

import re
import unicodedata
from typing import Final, NamedTuple

from telephony_core.errors import Remedy
from telephony_core.secrets.url_password import HIDDEN
from telephony_core.text.visible import BLANK

__all__ = ["MASKED", "SecretFault", "fault_of"]


class SecretFault(NamedTuple):
    """What is wrong with a secret, for a sentence ("… holds a line break"), and what to do. Holds nothing of it."""

    says: str
    remedy: str


MASKED: Final = SecretFault(
    "is the mask that is shown in place of a password, not the password",
    Remedy(
        "no dump holds a password: keep a change as `model_dump(exclude_unset=True)` with its password by reference "
        "(env:NAME, file:PATH), and fill it in when the change is made again",
        cli="put the secret itself where the mask is",
    ),
)

_REFERENCE: Final = SecretFault(
    "is a reference to a secret, not the secret",
    "references begin with env:, file: or prompt: in small letters; where none is taken, give the secret itself",
)
_REFERS: Final = re.compile(r"\s*(?:env|file|prompt):", re.IGNORECASE)
"""Misspelt ones, too, and those that nobody read: they were sent as a key, or set as the password of a trunk."""
_MASK: Final = re.compile(r"[*\u2022\u25cf\u00b7\u2219\u22c5\u25e6\u25cb\u2217\uff0a\u204e\u2731\u25a0\u2588]+")
"""Stars and bullets, as pydantic, browsers and password managers write them in the place of every character."""
_BYTE_ORDER_MARK: Final = "\ufeff"
_LINE_BREAKS: Final = frozenset("\n\r\v\f\x85\u2028\u2029")
_DIRECTION: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def fault_of(secret: str) -> SecretFault | None:
    """Why a text cannot be meant as a secret; ``None`` when it can. Ordinary blanks may be part of one."""
    if not secret:
        return SecretFault("is empty", "give the secret itself, or leave it out")
    # Each of them was meant as a password by whoever copied it from a screen, a dump or a log.
    if _MASK.fullmatch(secret) or HIDDEN in secret or re.fullmatch(r"SecretStr\('\**'\)", secret):
        return MASKED
    if _REFERS.match(secret):
        return _REFERENCE
    if secret.startswith(_BYTE_ORDER_MARK):
        return SecretFault("begins with a byte order mark", "save it as UTF-8 without one")
    for character in secret:
        if (what := _unseen(character)) is not None:
            return SecretFault(f"holds {what}", "copy or type it once more, without what cannot be seen")
    return None


def _unseen(character: str) -> str | None:
    if " " <= character <= "~":
        return None
    if character in _LINE_BREAKS:
        return "a line break"
    if character in _DIRECTION:
        return "a direction mark (U+202A and its like)"
    match unicodedata.category(character):
        case "Cc":
            return "a control character"
        case "Cf":
            return "an invisible character, such as a zero-width space"
        case "Zs":
            return "a non-breaking or other special blank"
        # Bytes of the environment that are not UTF-8 come as halves of surrogate pairs (PEP 383).
        case "Cs":
            return "bytes that are not UTF-8"
    return "an invisible character" if BLANK.match(character) else None
