"""Prefix tables of four countries, from which the number tests generate.

Taken from the countries' numbering plans, not from the metadata under test. Each range says how its numbers are dialled
inside the country (``national`` = trunk prefix and leading digits) and how many digits that makes in all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hypothesis import strategies as st

from telephony_core.domain.number_identity import NumberIdentity


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers that begin with ``national`` when dialled at home and have one of ``lengths`` digits then."""

    name: str
    national: str
    lengths: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    region: str
    country_code: str
    trunk: str
    """What is dialled before the national significant number, in the ranges that begin with it."""
    ranges: tuple[Range, ...]

    def e164(self, national: str) -> str:
        return f"+{self.country_code}{national.removeprefix(self.trunk)}"


_KOREAN_REGIONS: Final = ("031", "032", "033", "041", "042", "043", "044", "051", "052", "053", "054", "055",
                          "061", "062", "063", "064")  # fmt: skip
_KOREAN_REPRESENTATIVE: Final = ("1522", "1533", "1544", "1566", "1577", "1588", "1599", "1600", "1644", "1660", "1661",
                                 "1666", "1668", "1670", "1688", "1800", "1833", "1855", "1877", "1899")  # fmt: skip

KOREA: Final = Plan(
    "KR",
    "82",
    "0",
    (
        Range("mobile", "010", (11,)),
        *(Range("mobile, older", prefix, (10, 11)) for prefix in ("011", "016", "017", "018", "019")),
        *(Range("Seoul", f"02{digit}", (9, 10)) for digit in range(2, 10)),
        *(Range("region", f"{area}{digit}", (10, 11)) for area in _KOREAN_REGIONS for digit in (2, 5, 8)),
        Range("internet phone", "070", (11,)),
        Range("toll free", "080", (10,)),
        Range("personal", "050", (11, 12)),
        Range("premium", "0602", (10,)),
        *(Range("representative", prefix, (8,)) for prefix in _KOREAN_REPRESENTATIVE),
    ),
)
SPAIN: Final = Plan(
    "ES",
    "34",
    "",
    (
        *(Range("mobile", prefix, (9,)) for prefix in ("6", "71", "72", "73", "74")),
        *(Range("geographic", prefix, (9,)) for prefix in ("91", "93", "95", "961", "976", "81", "83", "856", "886")),
        *(Range("toll free", prefix, (9,)) for prefix in ("800", "900")),
        *(Range("shared cost", prefix, (9,)) for prefix in ("901", "902")),
        *(Range("premium", prefix, (9,)) for prefix in ("803", "806", "807")),
        Range("personal", "70", (9,)),
        Range("corporate", "51", (9,)),
        Range("commercial calls", "400", (9,)),
    ),
)
BRITAIN: Final = Plan(
    "GB",
    "44",
    "0",
    (
        *(Range("geographic", prefix, (11,)) for prefix in ("0207", "0208", "01212", "01314", "01614")),
        *(Range("mobile", prefix, (11,)) for prefix in ("07700", "07400", "07800", "07911")),
        Range("toll free", "0800", (10, 11)),
        Range("national", "0330", (11,)),
    ),
)
UNITED_STATES: Final = Plan(
    "US",
    "1",
    "",
    (
        *(Range("geographic", f"{area}5", (10,)) for area in ("212", "305", "415", "702")),
        Range("Canada, same plan", "4165", (10,)),
        *(Range("toll free", f"{area}5", (10,)) for area in ("800", "888")),
    ),
)
PLANS: Final = (KOREA, SPAIN, BRITAIN, UNITED_STATES)


def national_numbers(plan: Plan) -> st.SearchStrategy[str]:
    """Strings as they are dialled inside the country, of every range and length; few of them are unassigned."""

    def filled(length_of: tuple[str, int]) -> st.SearchStrategy[str]:
        prefix, length = length_of
        return ascii_digits(length - len(prefix), length - len(prefix)).map(prefix.__add__)

    return st.sampled_from([(r.national, n) for r in plan.ranges for n in r.lengths]).flatmap(filled)


def ascii_digits(least: int, most: int) -> st.SearchStrategy[str]:
    return st.text("0123456789", min_size=least, max_size=most)


def digit_strings(plan: Plan) -> st.SearchStrategy[str]:
    """ASCII digits of any length: at random, and national numbers damaged in the ways that parsers repair."""
    code = plan.country_code
    damaged = st.builds(
        lambda front, number, cut, tail: front + number[cut:] + tail,
        st.sampled_from(["", "0", "00", "1", "8", "082", code, f"0{code}", f"00{code}"]),
        national_numbers(plan),
        st.integers(0, 3),
        ascii_digits(0, 2),
    )
    return ascii_digits(1, 22) | damaged


def read(raw: str, region: str = "KR") -> NumberIdentity:
    return NumberIdentity.parse(raw, region=region)
