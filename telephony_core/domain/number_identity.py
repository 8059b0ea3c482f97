"""What a provider's number string stands for, decided without ever guessing.

A provider returns a string; two providers write one number differently, and some strings are no numbers at all.
`NumberIdentity` keeps the string as it came and says what can be safely concluded from it. The one principle: a string
becomes an E.164 number only if writing that number out again gives the string back. Everything else stays as it is.

1. A number is written in ASCII digits, with at most one ``+`` in front and with the separators space ``-`` ``.`` ``(``
   ``)``, where no parenthesis lacks its other half (something was cut off there). ``tel:+…`` without parameters is such
   a number too (RFC 3966). Anything else, full-width digits, letters, extensions and a trailing newline included, is a
   SIP identifier, and is not looked into: the user part is case-sensitive, even when it is all digits (RFC 3261,
   section 19.1.4).
2. ``+…`` is E.164 if it is valid, written as the number itself or with the national form behind the country code
   (``+82 070…``). ``+8200…`` never is: those Korean dial strings count as valid and cannot be reached from abroad.
3. Bare digits are read as the provider's country dials them, and are E.164 only if the number found is of that country
   (its calling code), is valid, and is dialled in its country as exactly these digits. Without that last test
   ``0821012345678`` (a carrier prefix), ``212345678`` (zero lost) and ``015881234`` (zero added) would all become
   somebody's number. Korean ``00…`` is refused outright: international prefixes differ by carrier.
4. Bare digits that begin with the country code (``8270…``, ``34911…``) are E.164 in Korea and Spain, where no national
   number can look like that; nowhere else is this proven.
5. Bare digits that none of this makes E.164 are a service code if they are a short code of the region by metadata, or,
   in Korea, eight digits beginning 15, 16 or 18, or six digits beginning 14 (representative numbers: the metadata knows
   some of the former, which are E.164 by rule 3, and none of the latter). The rest is local: digits not interpreted.

"Valid" is the verdict of ``phonenumbers`` (`valid_numbers`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import cached_property, lru_cache
from typing import Any, Final, NamedTuple, Self

from pydantic import BaseModel, computed_field, field_serializer

from telephony_core.domain.construction import new, set_extra, set_fields, set_names, set_private
from telephony_core.domain.valid_numbers import ValidNumber, find_valid, national_digits, of_digits
from telephony_core.secrets.url_password import without_password

__all__ = ["NumberIdentity", "NumberKind"]


class NumberKind(StrEnum):
    """What a number string stands for."""

    E164 = "e164"
    """A number of the international plan; the same everywhere."""
    SERVICE = "service"
    """A short or national-only code (112, 140001); means something only inside its country."""
    LOCAL = "local"
    """Digits that are not interpreted: an extension, a damaged number, a range that the metadata does not know."""
    SIP_ID = "sip_id"
    """A SIP identifier (``user@domain``, ``sip:…``), or anything else that is not written as a number."""


class NumberIdentity(BaseModel, frozen=True):
    """Which number a record is about: the provider's string, and what follows from it.

    Made by `parse`. Everything but ``raw`` and ``read_in`` is worked out when it is first asked for, and is part of the
    dumps; in a dump that is read back it is ignored and worked out again. Equal identities have equal ``raw`` and
    ``read_in``. To ask whether two records are about one number, use `same_in_account` for those of one account, and
    `same_number` for those of two.
    """

    raw: str
    """The provider's string, verbatim. A password in it is in this attribute only: no print and no JSON shows it."""
    read_in: str
    """ISO 3166 region in which bare digits were read: KR, ES."""

    @classmethod
    def parse(cls, raw: str, *, region: str) -> Self:
        """The identity of any text at all; never raises. ``region`` is where bare digits are to be read (ISO 3166).

        In a region that the metadata does not know, only ``+…`` can be E.164.
        """
        identity = new(cls)
        # Written in capitals by nearly everybody; then all identities share the one text.
        set_fields(identity, {"raw": raw, "read_in": region if region.isupper() else region.upper()})
        set_names(identity, _NAMES)
        set_extra(identity, None)
        set_private(identity, None)
        return identity

    # The ignores below: mypy takes cached_property for a property and refuses decorators on top of one.
    @cached_property
    def _reading(self) -> _Reading:
        return _read(self.raw, self.read_in)

    @computed_field
    @cached_property
    def kind(self) -> NumberKind:
        """What the string stands for."""
        return self._reading.kind

    @computed_field
    @cached_property
    def e164(self) -> str | None:
        """The number in E.164 with its ``+``; only for ``kind`` `NumberKind.E164`."""
        return self._reading.e164

    @computed_field
    @cached_property
    def region(self) -> str | None:
        """ISO 3166 region the number belongs to.

        For E.164 numbers their own (KR for ``+8270…``, wherever it was read; ``None`` for codes of no country, such as
        ``+800``); for service codes and local digits the one they were read in; ``None`` for SIP identifiers.
        """
        return self._reading.region

    @computed_field
    @cached_property
    def national_digits(self) -> str | None:
        """An E.164 number as its own country dials it: ``+827011112222`` gives ``07011112222``. Only ``[0-9]``.

        Reading them in that country gives the E.164 number back, for every valid number of Korea and Spain (all
        six-digit prefixes and lengths were tried). ``None`` without E.164, and for codes of no country (``+800``).
        """
        reading = self._reading
        return None if reading.e164 is None else national_digits(reading.e164)

    @property
    def key(self) -> str | None:
        """What to index numbers of several accounts by: the E.164 number.

        ``None`` means that nothing identifies the number outside its account; within one, use `account_key`.
        """
        return self.e164

    @cached_property
    def account_key(self) -> str:
        """What to index the numbers of one account by; it is equal exactly where `same_in_account` is true.

        The E.164 number, where there is one. For service codes and other digits without one: the digits, because
        separators mean nothing. For SIP identifiers: the string without blanks around it, capitals included (RFC 3261,
        section 19.1.4). A password inside an address is part of it, so it is for comparing and not for showing.
        """
        if self.e164 is not None:
            return self.e164
        plain = _plain(self.raw)
        return f"sip {self.raw.strip()}" if plain is None else f"digits {plain}"

    def same_number(self, other: NumberIdentity) -> bool:
        """Whether both are about one E.164 number, in whichever accounts.

        False when either has none, even for equal strings: two accounts may mean different lines by ``2001``. Within
        one account use `same_in_account`.
        """
        return self.e164 is not None and self.e164 == other.e164

    def same_in_account(self, other: NumberIdentity) -> bool:
        """Whether two records of one account are about the same number. This is the one rule for that question.

        By E.164 where both have it, and else by what is left when separators and outer blanks are taken off: ``2001``
        and ``"2001 "`` are one extension. Never true when only one of the two is E.164.
        """
        return self.account_key == other.account_key

    def may_be(self, other: NumberIdentity) -> bool:
        """Whether this may be that E.164 number, written in a way that is not read as one (``0082…``, ``tel:…;…``).

        Never enough to act on a record, and enough not to take the number for missing. Compared are the digits of what
        stands before ``@`` and ``;``, in any script, with the last digits of the other number.
        """
        if other.e164 is None or self.e164 is not None:
            return False
        told = re.split("[@;]", unicodedata.normalize("NFKC", self.raw))[0]
        digits = "".join(str(unicodedata.decimal(character)) for character in told if character.isdecimal())
        return len(digits) >= _TELLING_DIGITS and digits.endswith(other.e164[-_TELLING_DIGITS:])

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy, with what was worked out for the old string forgotten."""
        copied = super().model_copy(update=update, deep=deep)
        for name in ("_reading", "account_key", *type(self).model_computed_fields):
            vars(copied).pop(name, None)
        return copied

    @field_serializer("raw", when_used="json")
    def _encodable(self, raw: str) -> str:
        raw = without_password(raw)
        # Half of a surrogate pair has no UTF-8 form and would fail the dump of a whole list: show its escape.
        return raw if raw.isascii() else raw.encode("utf-8", "backslashreplace").decode("utf-8")

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        for name, value in super().__repr_args__():
            yield name, without_password(value) if name == "raw" else value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, NumberIdentity):
            return NotImplemented
        return self.raw == other.raw and self.read_in == other.read_in

    def __hash__(self) -> int:
        return hash((self.raw, self.read_in))

    def __str__(self) -> str:
        return self.e164 or without_password(self.raw)


_NAMES: Final = set(NumberIdentity.model_fields)


class _Reading(NamedTuple):
    kind: NumberKind
    e164: str | None = None
    region: str | None = None


_NUMBER: Final = re.compile(r"\+?[ ().-]*[0-9][0-9 ().-]*")
_PLAIN: Final = re.compile(r"\+?[0-9]+")
"""Most numbers: nothing but digits and perhaps a ``+``."""
_BARE: Final = re.compile("[0-9][0-9 .-]{,38}[0-9]{3}")
"""A shorter end may be that of another number (`number_parsing`)."""
_AT_HOME: Final = {"KR": ("+82", "0"), "ES": ("+34", "")}
"""Country code, and what is dialled at home in its place; for the regions where national digits are proven unique."""
_NO_SEPARATORS: Final = str.maketrans("", "", "+ ().-")
_TELLING_DIGITS: Final = 8
"""So many last digits in common may be one number; short codes and extensions have fewer."""
MOST_DIGITS: Final = 20
"""Longer than any dial string (E.164 has 15 digits, Korean inbound toll-free ones 16)."""
_COUNTRY_CODE_IS_EVIDENT: Final = frozenset({"KR", "ES"})
"""Regions in which no national number looks like one with the country code and without ``+``."""
_KOREAN_REPRESENTATIVE: Final = re.compile(r"1[568][0-9]{6}|14[0-9]{4}")
_KOREAN_TOLL_FREE_FROM_ABROAD: Final = "8200"


def dialled_at_home(text: str, region: str | None) -> tuple[str | None, str]:
    """Digits with or without separators, and the one E.164 number that they can be as national digits of a region.

    If that number is known, and its ``national_digits`` are these, then to read the digits in the region gives it. The
    number is ``None`` where this is not proven (`NumberIdentity.national_digits`), and for what has other characters.
    """
    if region not in _AT_HOME or _BARE.fullmatch(text) is None:
        return None, ""
    digits, (country_code, trunk_prefix) = text.translate(_NO_SEPARATORS), _AT_HOME[region]
    return country_code + digits.removeprefix(trunk_prefix), digits


def has_balanced_parentheses(text: str) -> bool:
    """Whether every ``(`` has its own ``)`` behind it."""
    depth = 0
    for mark in re.findall("[()]", text):
        depth += 1 if mark == "(" else -1
        if depth < 0:
            return False
    return depth == 0


def _plain(raw: str) -> str | None:
    """The digits, behind a ``+`` where it has one; ``None`` for what is not written as a number."""
    if _PLAIN.fullmatch(raw):
        return raw
    text = raw.strip(" ")
    # A global number of RFC 3966, section 5.1.4. Local ones need a phone-context, which no provider here sends.
    if text[:5].lower() == "tel:+":
        text = text[4:]
    if _NUMBER.fullmatch(text) is None or not has_balanced_parentheses(text):
        return None
    return ("+" if text.startswith("+") else "") + text.translate(_NO_SEPARATORS)


def _read(raw: str, region: str) -> _Reading:
    plain = _plain(raw)
    return _Reading(NumberKind.SIP_ID) if plain is None else _read_plain(plain, region)


@lru_cache(maxsize=8192)
def _read_plain(plain: str, region: str) -> _Reading:
    """Remembered for a while, in at most 3 MB: what is done with one number asks for it several times over, and an
    account is listed again and again."""
    reading, digits = None, plain.removeprefix("+")
    if len(digits) <= MOST_DIGITS:
        reading = _read_bare(digits, region) if digits == plain else _read_international(digits)
    return reading or _Reading(NumberKind.LOCAL, region=region)


def _read_international(digits: str) -> _Reading | None:
    found = find_valid("+" + digits)
    # `phonenumbers` counts +82 00798… and its like as valid; they are dial strings of toll-free services.
    if found is None or digits.startswith(_KOREAN_TOLL_FREE_FROM_ABROAD):
        return None
    if digits != found.e164[1:] and digits != f"{found.country_code}{national_digits(found.e164)}":
        return None
    return _e164(found)


def _e164(found: ValidNumber) -> _Reading:
    return _Reading(NumberKind.E164, found.e164, found.region)


def _read_bare(digits: str, region: str) -> _Reading | None:
    from phonenumbers import country_code_for_region

    country_code = country_code_for_region(region)
    # In Korea each carrier has an international prefix of its own (001, 002, 00700 …), so nobody can say where the
    # number behind it begins.
    if not (region == "KR" and digits.startswith("00")):
        found = find_valid(digits, region)
        if found is not None and found.country_code == country_code and national_digits(found.e164) == digits:
            return _e164(found)
    if region in _COUNTRY_CODE_IS_EVIDENT and digits.startswith(str(country_code)):
        reading = _read_international(digits)
        if reading is not None and reading.e164 == "+" + digits:
            return reading
    return _Reading(NumberKind.SERVICE, region=region) if _is_service_code(digits, region, country_code) else None


def _is_service_code(digits: str, region: str, country_code: int) -> bool:
    from phonenumbers import is_valid_short_number_for_region

    if region == "KR" and _KOREAN_REPRESENTATIVE.fullmatch(digits) is not None:
        return True
    # Not parsed: that would take a trunk prefix off and find a short code in what is left.
    return is_valid_short_number_for_region(of_digits(country_code, digits), region)
