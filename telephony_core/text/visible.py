"""Characters that count as printable and cannot be seen.

Two numbers or labels that differ only in one of these look the same, so whoever is asked about one may agree to the
other. They are: what Unicode calls default-ignorable (fillers of Hangul and Khmer scripts, variation selectors, the
grapheme joiner), and signs whose picture is empty (the blank Braille pattern, an empty note head, Egyptian blanks).
Control and format characters are not printable to begin with.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_BLANK: Final = (
    "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u2800\u2d7f\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8"
    "\U0001107f\U00013441\U00013442\U00016fe4\U0001d159\U000e0000-\U000e0fff"
)
BLANK: Final = re.compile(f"[{_BLANK}]")
"""What Unicode 15 has of them."""

STEERING: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""What a terminal obeys or what turns the text around it, tabs and line breaks apart; and halves of surrogate pairs."""

_MOST_MARKS: Final = 4
"""Combining marks on one character in any language that is written; more of them bury the text around."""
_MARKS: Final = frozenset({"Mn", "Me"})


def is_visible(character: str) -> bool:
    """Whether a reader sees that this character is there. A blank is not, and counts as visible only as U+0020."""
    return character.isprintable() and BLANK.match(character) is None


def visible(text: str) -> str:
    """The text on one line, with everything that nobody would see as its escape; blanks of other scripts as U+0020.

    >>> visible("2001\u3164")
    '2001\\\\u3164'
    """
    if text.isascii() and text.isprintable():
        return text
    shown: list[str] = []
    marks = _MOST_MARKS  # at the start a mark would be drawn over what somebody else printed
    for character in text:
        category = unicodedata.category(character)
        marks = marks + 1 if category in _MARKS else _MOST_MARKS if category == "Zs" else 0
        if category == "Zs":
            shown.append(" ")
        elif is_visible(character) and marks <= _MOST_MARKS:
            shown.append(character)
        else:
            shown.append(character.encode("unicode_escape").decode("ascii"))
    return "".join(shown)
