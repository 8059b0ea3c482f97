"""A number string is read as what it provably is, and as nothing else."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys

import phonenumbers
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from telephony_core.domain.number_identity import NumberIdentity, NumberKind
from telephony_core.secrets.url_password import without_password
from tests.domain.numbering_plans import (
    KOREA,
    PLANS,
    SPAIN,
    Plan,
    digit_strings,
    national_numbers,
)

E164, SERVICE, LOCAL, SIP_ID = NumberKind.E164, NumberKind.SERVICE, NumberKind.LOCAL, NumberKind.SIP_ID

each_plan = pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.region)
sixty = settings(deadline=None, max_examples=60)


def read(raw: str, region: str = "KR") -> NumberIdentity:
    return NumberIdentity.parse(raw, region=region)


def is_valid(e164: str) -> bool:
    return phonenumbers.is_valid_number(phonenumbers.parse(e164))


# --- what each class of number is read as ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "e164"),
    [
        ("01012345678", "+821012345678"),
        ("0101234567", "+82101234567"),
        ("0111234567", "+82111234567"),
        ("0212345678", "+82212345678"),
        ("021234567", "+8221234567"),
        ("0311234567", "+82311234567"),
        ("03112345678", "+823112345678"),
        ("07011112222", "+827011112222"),
        ("0801234567", "+82801234567"),
        ("05012345678", "+825012345678"),
        ("050712345678", "+8250712345678"),
        ("15881234", "+8215881234"),
        ("0602345678", "+82602345678"),
    ],
)
def test_a_korean_national_number_is_e164_and_keeps_its_own_digits(raw: str, e164: str) -> None:
    number = read(raw)

    assert (number.kind, number.e164, number.region, number.national_digits) == (E164, e164, "KR", raw)


@pytest.mark.parametrize(
    ("raw", "e164"),
    [
        ("612345678", "+34612345678"),
        ("911234567", "+34911234567"),
        ("800123456", "+34800123456"),
        ("900123456", "+34900123456"),
        ("902123456", "+34902123456"),
        ("803123456", "+34803123456"),
        ("701234567", "+34701234567"),
        ("511234567", "+34511234567"),
        ("400123456", "+34400123456"),
    ],
)
def test_a_spanish_national_number_is_e164_and_keeps_its_own_digits(raw: str, e164: str) -> None:
    number = read(raw, "ES")

    assert (number.kind, number.e164, number.region, number.national_digits) == (E164, e164, "ES", raw)


@pytest.mark.parametrize("raw", ["18111234", "18441234", "18661234", "15511234", "140001", "1811-1234"])
def test_a_korean_representative_number_without_e164_is_a_service_code(raw: str) -> None:
    number = read(raw)

    assert (number.kind, number.e164, number.region, number.national_digits) == (SERVICE, None, "KR", None)


@pytest.mark.parametrize(
    ("region", "raw"),
    [
        *(("KR", code) for code in ("112", "119", "114", "120", "1345", "1330")),
        *(("ES", code) for code in ("112", "061", "060", "1004", "010")),
        ("GB", "999"),
        ("US", "911"),
    ],
)
def test_a_short_code_is_a_service_code_of_the_region_it_was_read_in(region: str, raw: str) -> None:
    number = read(raw, region)

    assert (number.kind, number.e164, number.region) == (SERVICE, None, region)


@pytest.mark.parametrize(("region", "raw"), [("ES", "18111234"), ("GB", "18111234"), ("US", "15511234")])
def test_korean_representative_numbers_mean_nothing_elsewhere(region: str, raw: str) -> None:
    assert read(raw, region).kind is LOCAL


def test_a_short_code_behind_a_zero_is_not_that_short_code() -> None:
    assert read("0112").kind is LOCAL


@pytest.mark.parametrize(
    "raw",
    [
        "08012345678",  # toll free has ten digits
        "03031234567",  # fax and unified messaging
        "0601234567",  # premium begins at 0602
        "02114",  # area code and short code
        "1577",  # half a representative number
        "14000",
        "1400011",
        "1588123",
        "158812345",
    ],
)
def test_korean_digits_that_the_metadata_does_not_accept_stay_uninterpreted(raw: str) -> None:
    number = read(raw)

    assert (number.kind, number.e164, number.region, number.national_digits) == (LOCAL, None, "KR", None)


@pytest.mark.parametrize("raw", ["905123456", "500123456", "801123456", "799123456", "0911234567", "91123456", "2001"])
def test_spanish_digits_that_are_no_number_stay_uninterpreted(raw: str) -> None:
    assert (read(raw, "ES").kind, read(raw, "ES").region) == (LOCAL, "ES")


# --- what parsers repair, and we do not --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "raw",
    [
        "015881234",  # zero added
        "212345678",  # zero lost
        "1012345678",
        "8012345678",
        "0821012345678",  # 082 is a long-distance carrier
        "00618098765432",  # a carrier's international prefix; libraries find +1 809 here
        "00827011112222",  # and South Africa here
        "00798123456789",
        "8207011112222",
        "8200798123456789",
    ],
)
def test_a_korean_number_is_never_repaired(raw: str) -> None:
    assert (read(raw).kind, read(raw).e164) == (LOCAL, None)


@pytest.mark.parametrize("raw", ["0034911234567", "034911234567", "3491123456", "349112345678"])
def test_a_spanish_number_is_never_repaired(raw: str) -> None:
    assert (read(raw, "ES").kind, read(raw, "ES").e164) == (LOCAL, None)


@pytest.mark.parametrize(
    "raw",
    [
        "070ABCD2222",
        "07011112222#1",
        "07011112222;ext=3",
        "07011112222 x12",
        "07011112222,1",
        "０７０１１１１２２２２",
        "٠٧٠١١١١٢٢٢٢",
        "07011112222\n",
        "\t07011112222",
        "070\u00a01111\u00a02222",
        "070\u20111111\u20112222",
        "07011112222\x00",
        "++827011112222",
        "82+7011112222",
        "(+82)7011112222",
        "＋827011112222",
        "tel:07011112222",
        "tel:+827011112222;ext=3",
        "tel:+827011112222;phone-context=example.com",
        "+",
        "-",
        "",
        "   ",
    ],
)
def test_what_is_not_written_as_a_number_is_not_one(raw: str) -> None:
    number = read(raw)

    assert (number.kind, number.e164, number.region, number.national_digits) == (SIP_ID, None, None, None)


@pytest.mark.parametrize(
    "raw",
    ["070-1111-2222", "070 1111 2222", "(070) 1111.2222", " 07011112222 ", " +82 70-1111-2222", "+82 (70) 1111 2222"],
)
def test_separators_are_read_over(raw: str) -> None:
    assert read(raw).e164 == "+827011112222"
    assert read(raw).raw == raw


@pytest.mark.parametrize("raw", ["tel:+34-911-23-45-67", "tel:+34911234567", "TEL:+34911234567"])
def test_a_tel_address_without_extension_is_its_number(raw: str) -> None:
    assert read(raw, "ES").e164 == "+34911234567"


@pytest.mark.parametrize(
    "raw", ["Alice@PBX.example", "sip:07011112222@pbx.example", "07011112222@pbx.example", "sip:alice", "alice"]
)
def test_a_sip_identifier_keeps_its_case_and_is_not_read_as_a_number(raw: str) -> None:
    assert (read(raw).kind, read(raw).e164, str(read(raw))) == (SIP_ID, None, raw)


# --- with + and country code -------------------------------------------------------------------------------------


def test_an_international_number_belongs_to_its_own_country_wherever_it_is_read() -> None:
    number = read("+827011112222", "ES")

    assert (number.kind, number.e164, number.region) == (E164, "+827011112222", "KR")
    assert (number.read_in, number.national_digits) == ("ES", "07011112222")


@pytest.mark.parametrize(
    ("raw", "e164"), [("+8207011112222", "+827011112222"), ("+44 (0)20 7946 0958", "+442079460958")]
)
def test_a_national_number_behind_the_country_code_is_the_number(raw: str, e164: str) -> None:
    assert read(raw).e164 == e164


@pytest.mark.parametrize(
    "raw",
    [
        "+82015881234",  # 15881234 has no zero
        "+820821012345678",  # a carrier prefix does not belong behind +82
        "+07011112222",
        "+112",
        "+3491123456",
        "+342001",
        "+82140001",
        "+99912345678",
        "+8200798123456789",  # inbound toll-free, "valid" for the metadata
        "+8200308123456",
        "+1",
    ],
)
def test_digits_behind_a_plus_that_are_no_number_stay_uninterpreted(raw: str) -> None:
    assert (read(raw).kind, read(raw).e164) == (LOCAL, None)


def test_a_number_of_no_country_is_e164_without_region_and_national_form() -> None:
    number = read("+80012345678")

    assert (number.kind, number.e164, number.region, number.national_digits) == (E164, "+80012345678", None, None)


@pytest.mark.parametrize(
    ("region", "raw"), [("KR", "827011112222"), ("KR", "8215881234"), ("ES", "34911234567"), ("ES", "34 911 234 567")]
)
def test_a_country_code_without_plus_is_understood_where_it_is_evident(region: str, raw: str) -> None:
    assert read(raw, region).e164 == "+" + raw.replace(" ", "")


@pytest.mark.parametrize(("region", "raw"), [("GB", "442079460958"), ("US", "12125550123"), ("ES", "827011112222")])
def test_a_country_code_without_plus_is_left_alone_elsewhere(region: str, raw: str) -> None:
    assert read(raw, region).kind is LOCAL


def test_bare_digits_may_belong_to_another_region_of_the_same_plan() -> None:
    number = read("4165550123", "US")

    assert (number.e164, number.region, number.national_digits) == ("+14165550123", "CA", "4165550123")


@pytest.mark.parametrize("region", ["XX", "", "001", "ZZ", "korea", "\ud800", "ß"])
def test_in_an_unknown_region_only_full_numbers_are_read(region: str) -> None:
    assert read("07011112222", region).kind is LOCAL
    assert read("112", region).kind is LOCAL
    assert read("+827011112222", region).e164 == "+827011112222"


def test_the_region_may_be_given_in_small_letters() -> None:
    assert read("07011112222", "kr") == read("07011112222", "KR")


@pytest.mark.parametrize(
    ("raw", "kind"),
    [("1" * 1_000_000, LOCAL), ("+" + "9" * 1_000_000, LOCAL), ("a" * 1_000_000, SIP_ID)],
    ids=["digits", "plus and digits", "letters"],
)
def test_a_huge_string_is_not_looked_into(raw: str, kind: NumberKind) -> None:
    assert read(raw).kind is kind


def test_a_huge_run_of_separators_is_read_in_linear_time() -> None:
    assert read(" (-." * 250_000 + "x").kind is SIP_ID


# --- properties, over the prefix tables --------------------------------------------------------------------------


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


@each_plan
@sixty
@given(data=st.data())
def test_digits_become_e164_only_if_the_number_is_written_with_these_digits(plan: Plan, data: st.DataObject) -> None:
    digits = data.draw(digit_strings(plan))
    number = read(digits, plan.region)

    if number.kind is E164:
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
    assume(number.kind is E164)
    with_country_code = plan.e164(national).removeprefix("+")
    fronts = ("", "0", "1", "8", "00", "011", "081", "082", "08555", plan.country_code, "0" + plan.country_code)
    others = {front + national[cut:] + tail for front in fronts for cut in range(3) for tail in ("", "0")}

    for other in others - {national, with_country_code}:
        assert not read(other, plan.region).same_number(number), other


@each_plan
def test_over_a_sweep_of_prefixes_and_lengths_no_two_national_strings_share_a_number(plan: Plan) -> None:
    owner: dict[str, str] = {}
    for prefix in range(1000):
        for length in range(3, 15):
            digits = (f"{prefix:03}" + "45678901234")[:length]
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
    assert (number.e164 is not None) is (number.kind is E164)
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


# --- comparing ---------------------------------------------------------------------------------------------------


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
    assert seen.kind is E164

    assert seen == unseen
    assert hash(seen) == hash(unseen)


# --- as data -----------------------------------------------------------------------------------------------------


def test_a_dump_tells_what_was_worked_out() -> None:
    assert read("070-1111-2222").model_dump(mode="json") == {
        "raw": "070-1111-2222",
        "read_in": "KR",
        "kind": "e164",
        "e164": "+827011112222",
        "region": "KR",
        "national_digits": "07011112222",
    }


@pytest.mark.parametrize("raw", ["07011112222", "112", "2001", "Alice@pbx.example", "전화 070", "a\x00\n"])
def test_a_dump_reads_back_as_the_same_identity(raw: str) -> None:
    number = read(raw)

    for back in (
        NumberIdentity.model_validate(number.model_dump()),
        NumberIdentity.model_validate_json(number.model_dump_json()),
        pickle.loads(pickle.dumps(number)),
        copy.deepcopy(number),
    ):
        assert back == number
        assert back.model_dump() == number.model_dump()


def test_conclusions_in_a_dump_are_not_believed() -> None:
    forged = read("2001").model_dump() | {"kind": "e164", "e164": "+827011112222", "region": "KR"}

    assert NumberIdentity.model_validate(forged).e164 is None
    assert NumberIdentity.model_construct(None, **forged).kind is LOCAL


def test_a_copy_with_another_string_forgets_the_old_conclusions() -> None:
    number = read("07011112222")
    assert number.e164 == "+827011112222"

    assert number.model_copy(update={"raw": "2001", "e164": "+1"}).e164 is None
    assert number.model_copy().e164 == "+827011112222"


def test_text_that_has_no_utf8_form_is_shown_escaped_in_json() -> None:
    assert '"raw":"a\\\\ud800"' in read("a\ud800").model_dump_json()


def test_an_identity_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        read("07011112222").raw = "2001"  # type: ignore[misc]


def test_it_prints_as_the_number_or_else_as_it_came() -> None:
    assert str(read("070-1111-2222")) == "+827011112222"
    assert str(read(" 2001 ")) == " 2001 "


# --- cost --------------------------------------------------------------------------------------------------------


def test_the_metadata_is_loaded_only_when_a_number_is_looked_into() -> None:
    program = """
import sys
from telephony_core.domain.number_identity import NumberIdentity
number = NumberIdentity.parse("07011112222", region="KR")
assert number == NumberIdentity.parse("07011112222", region="KR") and hash(number)
assert "phonenumbers" not in sys.modules, "loaded too early"
assert number.e164 == "+827011112222"
assert "phonenumbers" in sys.modules
"""
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert finished.returncode == 0, finished.stderr


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
        "07011112222\u200b",
    ],
)
def test_what_nobody_reads_as_a_number_may_still_be_it(raw: str) -> None:
    number = NumberIdentity.parse("+827011112222", region="ES")
    told = NumberIdentity.parse(raw, region="ES")
    assert told.e164 is None
    assert told.may_be(number)
    assert not told.same_in_account(number)


@pytest.mark.parametrize("raw", ["2222", "11112222@pbx.example.com"[4:], "pbx@11112222.example", "+827011112223", ""])
def test_what_has_other_digits_or_too_few_cannot_be_it(raw: str) -> None:
    number = NumberIdentity.parse("+827011112222", region="ES")
    assert not NumberIdentity.parse(raw, region="KR").may_be(number)
    assert not number.may_be(number)  # one that is read is compared exactly
