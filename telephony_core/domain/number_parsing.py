"""A number that a person or an application gives, in whatever dress: read where only one can be meant, or refused.

What a provider returns is kept as it came (`NumberIdentity.parse`). What somebody gives comes out of mails, tables and
address books, with blanks that do not break, typographic dashes, full-width digits, ``(+34) …``, ``0034 …`` or an
extension behind it. Taken verbatim that is the name of no record, and the answer would be "no such number".
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from telephony_core.domain.number_identity import MOST_DIGITS, NumberIdentity, NumberKind, has_balanced_parentheses
from telephony_core.errors import InvalidInput

__all__ = ["is_written_as_number", "parse_number", "undressed"]

LONGEST: Final = 255
"""Characters of the longest thing that is taken for a number; a SIP identifier may be long, a number never is."""

_IN_FULL: Final = "write it as + and country code, or exactly as it is dialled inside its country"
_DASHES: Final = frozenset("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2043\ufe58\ufe63\uff0d\u30fc\u00ad")
_PLUS: Final = frozenset("\uff0b\ufe62\u207a")
_SHAPES: Final = {"\uff08": "(", "\uff09": ")", "\uff0e": ".", "\u2024": ".", "\u00b7": "/", "\uff0f": "/"}
_PLAIN: Final = re.compile(r"\+?[0-9]{1,20}")
"""As most are given; nothing below would find fault with it or change it."""
_ATTEMPT: Final = re.compile(r"(?:tel:)?[+0-9 ().\-/\[\]]*[0-9][+0-9 ().\-/\[\]]*", re.IGNORECASE)
_MARKS: Final = re.compile(r"[+0-9 ().\-/\[\]]*")
_EXTENSION: Final = re.compile(
    r"(?P<number>.*[0-9)/\s])(?:(?:[;,]+\s*)?(?:ext|extn|extension|x|\uad6c\ub0b4|\ub0b4\uc120)\.?\s*[=:]?|#|[;,]+)\s*[0-9]+\s*",
    re.IGNORECASE,
)
_TEL: Final = re.compile("tel:", re.IGNORECASE)
_SIP: Final = re.compile(r"sips?:|.*@", re.IGNORECASE | re.DOTALL)
_SEVERAL: Final = re.compile(
    r"(?<!\+)[0-9]{3}[ .\-)]*/[ .\-]*[0-9]{1,2}(?![0-9 .\-]*[0-9]|[ .\-]*/[ .\-]*[0-9]{3})"
    r"|[0-9]{3}-[0-9]{4}-[0-9]{1,2}\Z"
)
"""``02-123-4567/8`` is two lines, as offices in Korea write them, and read as one it would be that of a stranger. So is
``02-123-4567-8``, and so are those with a middle dot or a line break, which are a ``/`` by then."""
_FLOAT: Final = re.compile(r"[0-9]{6,}\.00?")
"""Digits as a spreadsheet or a data frame shows a number; their last 0 would be a digit."""
_COUNTRY_IN_BRACKETS: Final = re.compile(r"\( *(\+[0-9 .\-]+)\)")


def parse_number(text: object, *, region: str) -> NumberIdentity:
    """The identity of a number that somebody gave. ``region`` is where bare digits are read (ISO 3166).

    Raises `InvalidInput` with the reason for what cannot be meant: nothing, no text, an extension, digits without end,
    an international prefix that does not lead to one number. SIP identifiers are taken as they are. Holds nothing of a
    SIP identifier in its error: there may be a password in it.
    """
    if isinstance(text, NumberIdentity):
        return text
    identity = NumberIdentity.parse(undressed(text), region=region)
    del text
    if identity.kind is not NumberKind.LOCAL:
        return identity
    return _without_international_prefix(identity)


def undressed(text: object) -> str:
    """The text in the characters in which numbers are written, where it is one; anything else as it is.

    Raises `InvalidInput` as `parse_number` does, for what needs no region to be seen.
    """
    if isinstance(text, str) and _PLAIN.fullmatch(text):
        return text
    if not isinstance(text, str):
        what = "is missing" if text is None else "is not text"
        del text
        raise InvalidInput(f"the number {what}", remedy=_IN_FULL)
    if not text.strip():
        raise InvalidInput("the number is empty", remedy=_IN_FULL)
    if not any(character.isalnum() for character in text):
        raise InvalidInput("the number holds neither a digit nor a letter", remedy=_IN_FULL)
    if len(text) > LONGEST:
        length = len(text)
        del text
        raise InvalidInput(f"the number has {length} characters", remedy=f"no number has more than {LONGEST}")
    plain = _plain(text)
    if _SIP.match(plain) is not None:
        return text  # compared character by character
    # `phonenumbers` would drop it in silence, and what is left may be another line.
    if (extension := _EXTENSION.fullmatch(plain)) is not None and _ATTEMPT.fullmatch(extension["number"].strip()):
        raise InvalidInput(
            "the number has an extension, which no provider keeps with it", remedy="give the number alone"
        )
    attempt = plain.strip()
    if not is_written_as_number(plain):
        if _TEL.match(attempt):
            raise InvalidInput(
                "a tel: address is taken only as `tel:+` and a number, without an extension or other parameters",
                remedy="give the number alone, as + and country code",
            )
        if is_written_as_number("".join(c for c in plain if unicodedata.category(c) != "Cc")):
            raise InvalidInput("the number holds a control character", remedy="type it anew, or copy the number alone")
        if attempt.startswith(("+", "00")):
            raise InvalidInput(
                "this begins as a number and holds something else: digits, at most one + in front, and the separators"
                " space - . / ( ) [ ] are allowed",
                remedy=_IN_FULL,
            )
        return text
    if _FLOAT.fullmatch(attempt):
        raise InvalidInput(
            "the number has a decimal point, and its + or its zeros may be lost",
            remedy=f"read it as text, and {_IN_FULL}",
        )
    number = _TEL.sub("", attempt).replace("[", "(").replace("]", ")")
    if not has_balanced_parentheses(number):
        raise InvalidInput(
            "the number holds a parenthesis without its other half", remedy="write both parentheses or none"
        )
    if _SEVERAL.search(number) is not None:
        raise InvalidInput(
            "the one or two digits at its end are the end of another number",
            remedy="give each number by itself, in full",
        )
    number = _COUNTRY_IN_BRACKETS.sub(r"\1 ", number).replace("/", " ")
    number = re.sub(r"\A[ .\-]+(?=\+)", "", number)  # `- +34 …`: what stands before a + means nothing
    digits = sum(character.isdigit() for character in number)
    if digits > MOST_DIGITS:
        raise InvalidInput(f"the number has {digits} digits, and E.164 allows 15", remedy=_IN_FULL)
    if "+" in number[1:]:
        raise InvalidInput("the number holds more than one +, or one that is not in front", remedy=_IN_FULL)
    return number.strip()


def is_written_as_number(text: str) -> bool:
    """Whether a text is written as a number, in whatever dress, an extension included; not whether it is valid."""
    if len(text) > LONGEST:  # the time that the patterns below take grows by more than the length
        return _MARKS.fullmatch(text) is not None
    plain = _plain(text)
    if (extension := _EXTENSION.fullmatch(plain)) is not None:
        plain = extension["number"]
    return _ATTEMPT.fullmatch(plain.strip()) is not None


def _plain(text: str) -> str:
    """Without what nobody sees, and with the plain character in the place of each that only looks different."""
    return "".join(map(_plainly, text.strip()))


def _plainly(character: str) -> str:
    if character.isascii():
        return "/" if character in "\n\r\v\f" else " " if character == "\t" else character
    if character in _DASHES:
        return "-"
    if character in _PLUS:
        return "+"
    if character in _SHAPES:
        return _SHAPES[character]
    category = unicodedata.category(character)
    if category in ("Zl", "Zp"):
        return "/"
    if category == "Zs":
        return " "
    if category == "Cf":
        return ""
    digit = unicodedata.decimal(character, None)
    return character if digit is None else str(digit)


def _without_international_prefix(identity: NumberIdentity) -> NumberIdentity:
    """Digits that are no number here, and may be one behind an international prefix (``00`` nearly everywhere)."""
    digits = "".join(re.findall("[0-9]", identity.raw))
    if "+" in identity.raw or not digits.startswith("0"):
        return identity
    prefix = _international_prefix(identity.read_in)
    here = re.match(prefix, digits) if prefix is not None else None
    lengths = ({2} if digits.startswith("00") else set()) | ({here.end()} if here is not None else set())
    meant = {
        e164
        for length in lengths
        if length > 1
        and (e164 := NumberIdentity.parse(f"+{digits[length:]}", region=identity.read_in).e164) is not None
    }
    if not meant:
        return identity
    # One prefix for everybody, such as Spain's 00: then only one number can be meant. In Korea it names a carrier.
    if len(meant) == 1 and prefix is not None and prefix.isdigit() and digits.startswith(prefix):
        return NumberIdentity.parse(meant.pop(), region=identity.read_in)
    raise InvalidInput(
        f"{digits} begins with an international prefix, which differs by country and by carrier",
        remedy="write + and country code in its place",
    )


def _international_prefix(region: str) -> str | None:
    """The digits dialled before a country code, or a regular expression where they depend on the carrier."""
    from phonenumbers import PhoneMetadata

    metadata = PhoneMetadata.metadata_for_region(region)
    return None if metadata is None else metadata.international_prefix
