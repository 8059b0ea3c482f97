"""A number string is read as what it provably is, and as nothing else."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys

import pytest

from telephony_core.domain.number_identity import NumberIdentity, NumberKind
from tests.domain.numbering_plans import read

E164, SERVICE, LOCAL, SIP_ID = NumberKind.E164, NumberKind.SERVICE, NumberKind.LOCAL, NumberKind.SIP_ID


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
        "+0821012345678",  # no calling code begins with a zero
        "+0034911234567",
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
    assert number.account_key == number.e164 == "+827011112222"

    assert number.model_copy(update={"raw": "2001", "e164": "+1"}).e164 is None
    assert number.model_copy().e164 == "+827011112222"
    assert number.model_copy(update={"raw": "2002"}).account_key == read("2002").account_key


def test_text_that_has_no_utf8_form_is_shown_escaped_in_json() -> None:
    assert '"raw":"a\\\\ud800"' in read("a\ud800").model_dump_json()


def test_an_identity_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        read("07011112222").raw = "2001"


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
