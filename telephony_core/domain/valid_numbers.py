"""The verdict of ``phonenumbers`` on digits: valid or not, of which country, and how that country dials them.

It is imported when the first number is looked into, not before. Most numbers are ``+`` and digits, of which parsing
would take nothing off. They are not parsed: the metadata's own patterns, put together to one for each region, know the
valid ones in a tenth of the time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber
    from phonenumbers.phonemetadata import PhoneMetadata, PhoneNumberDesc

__all__ = ["ValidNumber", "find_valid", "national_digits", "of_digits"]

_NO_COUNTRY: Final = "001"
"""The metadata's name for calling codes of no country."""
_NEVER: Final = "(?!)"
_KINDS: Final = (
    "fixed_line",
    "mobile",
    "toll_free",
    "premium_rate",
    "shared_cost",
    "personal_number",
    "voip",
    "pager",
    "uan",
    "voicemail",
)
"""The metadata's kinds of numbers; a number is valid if it is of one."""


class ValidNumber(NamedTuple):
    """A valid number that some text may stand for; whether it does is for the caller to decide."""

    country_code: int
    e164: str
    region: str | None


def find_valid(text: str, region: str | None = None) -> ValidNumber | None:
    """The valid number that a text is parsed as; ``region`` is where it is dialled, unless it begins with ``+``."""
    from phonenumbers import (
        NumberParseException,
        PhoneNumberFormat,
        format_number,
        is_valid_number_for_region,
        parse,
        region_code_for_number,
    )

    if (found := _valid_at_once(text)) is not None:
        return found
    try:
        number = parse(text, region)
    except NumberParseException:
        return None
    # +1, +7 and others serve several countries: the owner says whose national form is compared.
    owner = region_code_for_number(number)
    if owner is None or not is_valid_number_for_region(number, owner):
        return None
    e164 = format_number(number, PhoneNumberFormat.E164)
    return ValidNumber(number.country_code or 0, e164, None if owner == _NO_COUNTRY else owner)


class _Owner(NamedTuple):
    """A region that a calling code serves, and which of its numbers are of that region."""

    region: str
    leading: re.Pattern[str] | None
    """How they begin, where that tells."""
    valid: re.Pattern[str]


class _Rules(NamedTuple):
    """What the metadata has of a calling code."""

    before: re.Pattern[str]
    """What is dialled inside its countries before a number, and taken off by parsing."""
    owners: tuple[_Owner, ...]


def _valid_at_once(text: str) -> ValidNumber | None:
    """`find_valid` of ``+`` and digits, where parsing takes nothing off them and they are valid."""
    country_code, digits = _split(text)
    if country_code is None or (rules := _rules(country_code)).before.match(digits):
        return None
    for region, leading, valid in rules.owners:
        is_valid = valid.fullmatch(digits) is not None
        if is_valid if leading is None else leading.match(digits):
            return ValidNumber(country_code, text, None if region == _NO_COUNTRY else region) if is_valid else None
    return None


def _split(text: str) -> tuple[int | None, str]:
    """The calling code of ``+`` and digits, and those behind it. No code begins as another one does."""
    if text[:1] == "+" and text[1:2] != "0":
        # Calling codes have one to three digits (ITU-T E.164).
        for end in range(2, min(5, len(text))):
            if (code := int(text[1:end])) in _calling_codes():
                return code, text[end:]
    return None, ""


@cache
def _calling_codes() -> Mapping[int, tuple[str, ...]]:
    """Which regions each of them serves."""
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

    return COUNTRY_CODE_TO_REGION_CODE


@cache
def _rules(country_code: int) -> _Rules:
    from phonenumbers import PhoneMetadata

    regions = _calling_codes()[country_code]
    known = [PhoneMetadata.metadata_for_region_or_calling_code(country_code, region) for region in regions]
    before = None if known[0] is None else known[0].national_prefix_for_parsing
    owners = (_owner(region, metadata) for region, metadata in zip(regions, known, strict=True) if metadata is not None)
    return _Rules(re.compile(before or _NEVER), tuple(owners))


def _owner(region: str, metadata: PhoneMetadata) -> _Owner:
    patterns = "|".join(_pattern_of(getattr(metadata, kind)) for kind in _KINDS)
    valid = f"(?={_pattern_of(metadata.general_desc)}$)(?:{patterns})"
    leading = metadata.leading_digits
    return _Owner(region, None if leading is None else re.compile(leading), re.compile(valid))


def _pattern_of(kind: PhoneNumberDesc | None) -> str:
    """One regular expression for what numbers of a kind look like, and how long they may be."""
    if kind is None or not kind.national_number_pattern:
        return _NEVER
    lengths = "|".join(f".{{{length}}}$" for length in kind.possible_length)
    return f"(?={lengths})(?:{kind.national_number_pattern})"


@lru_cache(maxsize=1024)
def national_digits(e164: str) -> str | None:
    """How a valid number is dialled in its own country; ``None`` for one of no country."""
    from phonenumbers import PhoneNumberFormat, format_number, region_code_for_number

    country_code, digits = _split(e164)
    number = of_digits(country_code or 0, digits)
    if region_code_for_number(number) == _NO_COUNTRY:
        return None
    return "".join(re.findall("[0-9]+", format_number(number, PhoneNumberFormat.NATIONAL)))


def of_digits(country_code: int, digits: str) -> PhoneNumber:
    """A number of exactly these digits behind its calling code."""
    from phonenumbers import PhoneNumber

    # phonenumbers keeps a number as an int and its leading zeros apart, under the name of the country where they belong
    # to it.
    zeros = min(len(digits) - len(digits.lstrip("0")), len(digits) - 1)
    return PhoneNumber(
        country_code=country_code,
        national_number=int(digits),
        italian_leading_zero=zeros > 0,
        number_of_leading_zeros=zeros,
    )
