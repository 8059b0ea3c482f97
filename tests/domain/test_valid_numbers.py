"""Numbers that are not parsed are what parsing makes of them: for every country, kind and length."""

from __future__ import annotations

import re

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telephony_core.domain import valid_numbers
from telephony_core.domain.valid_numbers import ValidNumber, find_valid, national_digits

FORMATS = phonenumbers.PhoneNumberFormat
KINDS = sorted(set(phonenumbers.PhoneNumberType.values()))
CODES = sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)


def examples() -> list[str]:
    """A number of every kind of every region, and of every calling code of none."""
    found = [
        phonenumbers.example_number_for_type(region, kind)
        for region in sorted(phonenumbers.SUPPORTED_REGIONS)
        for kind in KINDS
    ]
    found += [phonenumbers.example_number_for_non_geo_entity(code) for code in CODES]
    return sorted({phonenumbers.format_number(number, FORMATS.E164) for number in found if number is not None})


EXAMPLES = examples()


def parsed(text: str) -> tuple[ValidNumber, str | None] | None:
    """What `phonenumbers` alone says of a text: the valid number, and its national digits."""
    try:
        number = phonenumbers.parse(text)
    except phonenumbers.NumberParseException:
        return None
    region = phonenumbers.region_code_for_number(number)
    if region is None or not phonenumbers.is_valid_number_for_region(number, region):
        return None
    country = None if region == "001" else region
    national = "".join(re.findall("[0-9]", phonenumbers.format_number(number, FORMATS.NATIONAL)))
    found = ValidNumber(number.country_code, phonenumbers.format_number(number, FORMATS.E164), country)
    return found, national if country else None


def found(text: str) -> tuple[ValidNumber, str | None] | None:
    number = find_valid(text)
    return None if number is None else (number, national_digits(number.e164))


def test_an_example_of_every_kind_and_country_is_what_parsing_makes_of_it() -> None:
    assert len(EXAMPLES) > 1000
    assert {text: found(text) for text in EXAMPLES} == {text: parsed(text) for text in EXAMPLES}


def test_a_number_that_has_to_be_parsed_is_the_same_as_one_that_has_not() -> None:
    for text in ("+800 1234 5678", "+82 70-1111-2222", "+1 416 555 0123", "+39 02 1234 5678"):
        assert found(text) == found(re.sub("[ -]", "", text)) == parsed(text) is not None


def test_most_numbers_are_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(phonenumbers, "parse")
    valid_numbers._rules.cache_clear()
    assert sum(valid_numbers._valid_at_once(text) is not None for text in EXAMPLES) > 0.9 * len(EXAMPLES)


@settings(deadline=None, max_examples=300)
@given(data=st.data())
def test_digits_behind_a_plus_are_what_parsing_makes_of_them(data: st.DataObject) -> None:
    """Examples with digits changed, put in and left out, and any digits behind a calling code."""
    digits = st.text("0123456789", max_size=3)
    example = data.draw(st.sampled_from(EXAMPLES))
    at = data.draw(st.integers(1, len(example)))
    left = data.draw(st.integers(at, min(at + 3, len(example))))
    near = example[:at] + data.draw(digits) + example[left:]
    code, any_digits = data.draw(st.sampled_from(CODES)), data.draw(st.text("0123456789", max_size=18))
    for text in (near, f"+{code}{any_digits}", f"+{any_digits}"):
        assert found(text) == parsed(text)
