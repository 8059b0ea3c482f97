"""Whatever the digits: a number is never guessed, and no two strings share one by accident."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from telephony_core.domain.number_identity import NumberIdentity, NumberKind, dialled_at_home
from telephony_core.secrets.url_password import without_password
from tests.domain.numbering_plans import (
    KOREA,
    PLANS,
    SPAIN,
    Plan,
    digit_strings,
    national_numbers,
    read,
)

each_plan = pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.region)
sixty = settings(deadline=None, max_examples=60)


def is_valid(e164: str) -> bool:
    return phonenumbers.is_valid_number(phonenumbers.parse(e164))


@each_plan
def test_the_prefix_tables_generate_numbers_that_exist(plan: Plan) -> None:
    filled = [(r.national + "2345678901")[:length] for r in plan.ranges for length in r.lengths]

    assert sum(is_valid(plan.e164(national)) for national in filled) >= 0.8 * len(filled)


@each_plan
@sixty
@given(data=st.data())
def test_a_valid_number_and_its_national_form_are_one(plan: Plan, data: st.DataObject) -> None:
    national = data.draw(national_numbers(plan))
    e164 = plan.e164(national)
    assume(is_valid(e164))

    assert read(e164).national_digits == national
    assert read(national, plan.region).e164 == e164
    assert read(e164, plan.region).e164 == e164
    if plan.region in ("KR", "ES"):
        assert dialled_at_home(national, plan.region) == (e164, national)


@pytest.mark.parametrize(("text", "region"), [("02-123-456x", "KR"), ("", "ES"), ("02012345678", "GB"), ("1", None)])
def test_what_cannot_be_national_digits_is_none_and_has_none(text: str, region: str | None) -> None:
    assert dialled_at_home(text, region) == (None, "")


@each_plan
@sixty
@given(data=st.data())
def test_national_digits_of_the_number_that_digits_can_be_are_that_number(plan: Plan, data: st.DataObject) -> None:
    text = data.draw(digit_strings(plan))
    e164, digits = dialled_at_home(text, plan.region)
    if e164 is not None and read(e164).national_digits == digits:
        assert read(text, plan.region).e164 == e164


@each_plan
@sixty
@given(data=st.data())
def test_digits_become_e164_only_if_the_number_is_written_with_these_digits(plan: Plan, data: st.DataObject) -> None:
    digits = data.draw(digit_strings(plan))
    number = read(digits, plan.region)

    if number.kind is NumberKind.E164:
        assert number.e164 is not None
        assert digits in (number.national_digits, number.e164.removeprefix("+"))
    else:
        assert number.e164 is None


@each_plan
@sixty
@given(data=st.data())
def test_no_other_national_string_is_taken_for_the_same_number(plan: Plan, data: st.DataObject) -> None:
    national = data.draw(national_numbers(plan))
    number = read(national, plan.region)
    assume(number.kind is NumberKind.E164)
    with_country_code = plan.e164(national).removeprefix("+")
    fronts = ("", "0", "1", "8", "00", "011", "081", "082", "08555", plan.country_code, "0" + plan.country_code)
    others = {front + national[cut:] + tail for front in fronts for cut in range(3) for tail in ("", "0")}

    for other in others - {national, with_country_code}:
        assert not read(other, plan.region).same_number(number), other


@pytest.mark.parametrize("every", [7, pytest.param(1, marks=pytest.mark.long)])
@pytest.mark.usefixtures("unmeasured")
@each_plan
def test_over_a_sweep_of_prefixes_and_lengths_no_two_national_strings_share_a_number(plan: Plan, every: int) -> None:
    owner: dict[str, str] = {}
    for prefix in range(0, 1000, every):
        for length in range(3, 15):
            without_zero = (f"{prefix:03}" + "45678901234")[:length]
            for digits in (without_zero, "0" + without_zero):
                e164 = read(digits, plan.region).e164
                if e164 is not None and digits != e164.removeprefix("+"):
                    assert owner.setdefault(e164, digits) == digits
    assert owner


@settings(deadline=None, max_examples=300)
@given(
    raw=st.text(st.characters(exclude_categories=())) | st.text(list("+0123456789 -.()xX#;=@:/telsip,٣０\n\x00\ud800")),
    region=st.sampled_from(["KR", "ES", "GB", "US", "XX", ""]),
)
def test_reading_never_raises_and_keeps_the_string(raw: str, region: str) -> None:
    number = read(raw, region)

    assert number.raw == raw
    assert (number.e164 is not None) is (number.kind is NumberKind.E164)
    assert str(number) == (number.e164 or without_password(raw))
    assert NumberIdentity.model_validate(number.model_dump()) == number
    assert number.model_dump_json()


@settings(deadline=None, max_examples=200)
@given(raw=st.from_regex(r"1[0-9]{2,11}", fullmatch=True) | national_numbers(KOREA).filter(lambda n: n[0] == "1"))
def test_a_korean_number_that_begins_with_1_never_gains_a_zero(raw: str) -> None:
    number = read(raw)

    assert number.e164 in (None, f"+82{raw}")
    assert number.national_digits in (None, raw)


@settings(deadline=None, max_examples=300)
@given(raw=st.sampled_from(PLANS).flatmap(national_numbers) | st.text(list("+0123456789 -.()*#")))
def test_national_digits_are_ascii_digits_only(raw: str) -> None:
    for number in (read(raw), read("+" + raw), read("+82" + raw)):
        digits = number.national_digits
        assert digits is None or set(digits) <= set("0123456789")
        assert digits != ""


@settings(deadline=None, max_examples=200)
@given(raw=digit_strings(KOREA) | digit_strings(SPAIN), region=st.sampled_from(["KR", "ES"]))
def test_what_was_read_reads_the_same_again(raw: str, region: str) -> None:
    first = read(raw, region)
    again = read(str(first), region)

    assert (again.kind, again.e164, again.region) == (first.kind, first.e164, first.region)
