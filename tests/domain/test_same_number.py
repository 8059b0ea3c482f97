"""When two number strings are the same number, anywhere and within one account."""

from __future__ import annotations

import pytest

from telephony_core.domain.number_identity import NumberIdentity, NumberKind
from tests.domain.numbering_plans import read


def test_one_number_written_by_two_providers_is_the_same_number() -> None:
    korean, international = read("07011112222", "KR"), read("+82 70 1111 2222", "ES")

    assert korean.same_number(international)
    assert korean.key == international.key == "+827011112222"
    assert korean != international


@pytest.mark.parametrize("raw", ["2001", "112", "alice@pbx.example"])
def test_without_e164_equal_strings_are_not_the_same_number(raw: str) -> None:
    one, other = read(raw), read(raw)

    assert one == other
    assert not one.same_number(other)
    assert one.key is None


def test_equality_and_hash_go_by_string_and_reading_region() -> None:
    assert read("07011112222") == read("07011112222")
    assert hash(read("07011112222")) == hash(read("07011112222"))
    assert read("07011112222", "KR") != read("07011112222", "ES")
    assert read("07011112222") != "07011112222"


def test_what_was_worked_out_already_does_not_enter_equality() -> None:
    seen, unseen = read("07011112222"), read("07011112222")
    assert seen.kind is NumberKind.E164

    assert seen == unseen
    assert hash(seen) == hash(unseen)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2001", "2001 "),
        ("\t2001", "2001\n"),
        ("15-88", "1588"),
        ("1588-1234", "15881234"),
        ("070-1111-2222", "+827011112222"),
        ("pbx@example.com", " pbx@example.com"),
    ],
)
def test_in_one_account_outer_blanks_and_separators_make_no_other_number(one: str, other: str) -> None:
    assert NumberIdentity.parse(one, region="KR").same_in_account(NumberIdentity.parse(other, region="KR"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2001", "2002"),
        ("2001", "+2001"),
        ("Pbx@example.com", "pbx@example.com"),
        ("07011112222", "07011112223"),
        ("20 01@example.com", "2001@example.com"),
    ],
)
def test_in_one_account_what_means_something_else_is_another_number(one: str, other: str) -> None:
    assert not NumberIdentity.parse(one, region="KR").same_in_account(NumberIdentity.parse(other, region="KR"))


@pytest.mark.parametrize(
    "raw",
    [
        "00827011112222",
        "(+82) 70-1111-2222",
        "+82\u00a070 1111 2222",
        "+82 70\u20101111\u20102222",
        "\uff10\uff17\uff10\uff11\uff11\uff11\uff11\uff12\uff12\uff12\uff12",
        "tel:070-1111-2222;phone-context=+82",
        "sip:+827011112222@carrier.example",
        "11112222@pbx.example",
        "07011112222\u200b",
    ],
)
def test_what_nobody_reads_as_a_number_may_still_be_it(raw: str) -> None:
    number = NumberIdentity.parse("+827011112222", region="ES")
    told = NumberIdentity.parse(raw, region="ES")
    assert told.e164 is None
    assert told.may_be(number)
    assert not told.same_in_account(number)


@pytest.mark.parametrize(
    "raw",
    ["2222", "2222@pbx.example.com", "pbx@11112222.example", "+827011112223", "", "82 70 3331 2222@pbx.example.com"],
)
def test_what_has_other_digits_or_too_few_cannot_be_it(raw: str) -> None:
    number = NumberIdentity.parse("+827011112222", region="ES")
    assert not NumberIdentity.parse(raw, region="KR").may_be(number)
    assert not number.may_be(number)  # one that is read is compared exactly
