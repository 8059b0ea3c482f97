"""A number in another dress is read where only one can be meant, and refused with the reason otherwise."""

from __future__ import annotations

import asyncio
import re
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telephony_core import AsyncTelephony, InboundUpdate, InvalidInput, NumberImport, Telephony
from telephony_core.domain.number_identity import NumberIdentity, NumberKind
from telephony_core.domain.number_parsing import LONGEST, is_written_as_number, parse_number, undressed
from tests.provider.toy import SPEC, ToyServer

KOREAN = "+827011112222"
SPANISH = "+34612345678"

READ = [
    ("ES", "+34\u00a0612\u202f345\u2009678", SPANISH),
    ("ES", "612\u2011345\u2013678", SPANISH),
    ("ES", "612\u2212345\u2014678", SPANISH),
    ("ES", "(+34) 612 345 678", SPANISH),
    ("ES", "(+34)612345678", SPANISH),
    ("ES", "0034 612 345 678", SPANISH),
    ("ES", "00\u00a034 612-345-678", SPANISH),
    ("ES", "(0034) 612 345 678", SPANISH),
    ("ES", "00 82 70-1111-2222", KOREAN),
    ("US", "011 34 612 345 678", SPANISH),
    ("ES", "\uff0b34 612 345 678", SPANISH),
    ("KR", "\uff10\uff17\uff10\uff0d1111\uff0d2222", KOREAN),
    ("KR", "\u0660\u0667\u0660\u0661\u0661\u0661\u0661\u0662\u0662\u0662\u0662", KOREAN),
    ("KR", "\u202a+82 70-1111-2222\u202c", KOREAN),
    ("KR", "\ufeff070-1111-2222\u200b", KOREAN),
    ("KR", "070\t1111\n2222", KOREAN),
    ("KR", "070/1111/2222", KOREAN),
    ("KR", "070\u00b71111\u00b72222", KOREAN),
    ("KR", "+82\u00b770\u00b71111\u00b72222", KOREAN),
    ("KR", "+82/70/1111/2222", KOREAN),
    ("KR", "tel:+82-70-1111-2222", KOREAN),
    ("KR", "tel:070-1111-2222", KOREAN),
    ("KR", "+82 (0)70 1111 2222", KOREAN),
    ("KR", KOREAN, KOREAN),
    ("KR", f"{KOREAN}\n", KOREAN),
    ("KR", "070-1111-2222\r\n", KOREAN),
    ("KR", "[070] (1111) 2222", KOREAN),
    ("ES", "+34/911/23 45 67", "+34911234567"),
    ("ES", "[+34] 612 345 678", SPANISH),
    ("ES", "(+34 612-345-678)", SPANISH),
    ("ES", "(+34-612) 345.678", SPANISH),
    ("ES", "- +34 612 345 678", SPANISH),
    ("ES", "612\u2028345\u2029678", SPANISH),
    ("ES", "tel: +34 612 345 678", SPANISH),
    ("ES", "TEL:(+34) 612 345 678", SPANISH),
]
REFUSED = [
    ("KR", None, "is missing"),
    ("KR", 7, "is not text"),
    ("KR", b"070", "is not text"),
    ("KR", ["070"], "is not text"),
    ("KR", "", "is empty"),
    ("KR", " \u00a0\t", "is empty"),
    ("KR", "-", "neither a digit nor a letter"),
    ("KR", "+", "neither a digit nor a letter"),
    ("KR", "9" * 10_000, "10000 characters"),
    ("KR", "9" * 21, "21 digits"),
    ("KR", "+82 70 1111 2222 ext. 5", "extension"),
    ("KR", "+82 70 1111 2222 x5", "extension"),
    ("KR", "070-1111-2222#5", "extension"),
    ("KR", "070-1111-2222,,5", "extension"),
    ("KR", "070-1111-2222 내선 5", "extension"),
    ("KR", "tel:+82-70-1111-2222;ext=5", "extension"),
    ("KR", "tel:7042;phone-context=+82", "tel: address"),
    ("KR", "0082 70 1111 2222", "international prefix"),
    ("KR", "001 34 612 345 678", "international prefix"),
    ("KR", "00700 34 612 345 678", "international prefix"),
    ("ZZ", "0034612345678", "international prefix"),
    ("KR", "+82+7011112222", "more than one +"),
    ("KR", "07011112222+", "more than one +"),
    ("ES", "++34612345678", "more than one +"),
    ("ES", "(+34) (+34) 612345678", "more than one +"),
    ("ES", "tel:+34+612345678", "more than one +"),
    ("ES", "0034 612 34A 678", "holds something else"),
    ("US", "+1 212 X 555 0123", "holds something else"),
    ("KR", "f" * (LONGEST - 3) + "@pbx", f"{LONGEST + 1} characters"),
    ("US", "+1-800-FLOWERS", "holds something else: digits, at most one + in front, and the separators space - . / ("),
    ("KR", "+82 (70 1111 2222", "parenthesis without its other half"),
    ("KR", "(+82 70 1111 2222", "parenthesis without its other half"),
    ("KR", "070) 1111 2222", "parenthesis without its other half"),
    ("KR", "070] 1111 [2222", "parenthesis without its other half"),
    ("KR", "+8270\x001111 2222", "control character"),
    ("KR", "070\x1b11112222", "control character"),
    ("KR", "02-123-4567/8", "end of another number"),
    ("KR", "02-123-4567/ 68", "end of another number"),
    ("KR", "02-312-3456\u00b77", "end of another number"),
    ("KR", "02-312-3456\n7", "end of another number"),
    ("KR", "02-312-3456\u20287", "end of another number"),
    ("KR", "02-312-3456-7", "end of another number"),
    ("KR", "02-312-3456\u20137", "end of another number"),
    ("KR", "070-1111-2222\next. 5", "extension"),
    ("KR", "8223123456.0", "decimal point"),  # +82 2 312 3456, and 3123 4560 without the point
    ("KR", "8223123456.00", "decimal point"),
]


@pytest.mark.parametrize(("region", "text", "e164"), READ)
def test_a_number_in_another_dress_is_read(region: str, text: str, e164: str) -> None:
    assert parse_number(text, region=region).e164 == e164
    assert is_written_as_number(text)


@pytest.mark.parametrize(("region", "text", "reason"), REFUSED)
def test_what_cannot_be_meant_is_refused_with_the_reason(region: str, text: Any, reason: str) -> None:
    with pytest.raises(InvalidInput, match=re.escape(reason)) as caught:
        parse_number(text, region=region)
    assert caught.value.remedy


@pytest.mark.parametrize(
    "text",
    [
        "2001@pbx.example.com",
        "sip:2001@pbx.example.com",
        "Front\u00a0Desk@pbx.example.com",
        "front desk",
        "2001",
        "f" * (LONGEST - 4) + "@pbx",
        "99999 99999-99999 99999",
    ],
)
def test_anything_else_is_taken_as_it_is(text: str) -> None:
    assert undressed(text) == text
    assert parse_number(text, region="KR") == NumberIdentity.parse(text, region="KR")


def test_a_long_text_is_seen_to_be_no_number_at_once() -> None:
    begun = time.process_time()
    assert not is_written_as_number("1" + " " * 1_000 + "x")  # an id that somebody made up, for example
    assert is_written_as_number("1" * LONGEST)
    assert time.process_time() - begun < 5


@pytest.mark.parametrize(
    ("region", "text"),
    [
        ("ES", "+0034612345678"),  # two prefixes
        ("US", "0112125550123"),  # +212 5550123 is no number, and 01 is no prefix before +1 212 555 0123
        ("CV", "034612345678"),  # one zero is dialled abroad from there, and at home elsewhere
    ],
)
def test_what_may_be_an_international_prefix_and_may_be_none_is_not_taken_for_one(region: str, text: str) -> None:
    assert parse_number(text, region=region).kind is NumberKind.LOCAL


@pytest.mark.parametrize("text", ["070-1111-2222 ext. 5", "+34 612 345 678 x5", "(070) 1111-2222,,5"])
def test_what_has_an_extension_is_written_as_a_number(text: str) -> None:
    assert is_written_as_number(text)
    assert not is_written_as_number(text.replace("1", "a"))


def test_blanks_around_what_is_given_are_no_part_of_it() -> None:
    assert [undressed(text) for text in (" 2001 ", "\t2001\n", "(+34 612345678)")] == ["2001", "2001", "+34 612345678"]


def test_what_a_provider_returned_is_never_undressed() -> None:
    assert NumberIdentity.parse("070\u00a01111\u00a02222", region="KR").e164 is None
    identity = NumberIdentity.parse("070\u00a01111\u00a02222", region="KR")
    assert parse_number(identity, region="KR") is identity


@settings(deadline=None)
@given(st.text(max_size=40), st.sampled_from(["KR", "ES", "US", "ZZ"]))
def test_any_text_is_read_or_refused(text: str, region: str) -> None:
    refusal = None
    try:
        identity = parse_number(text, region=region)
    except InvalidInput as error:
        refusal = error
    if refusal is None:
        assert parse_number(identity.raw, region=region).account_key == identity.account_key
    else:
        assert refusal.remedy
        assert refusal.__context__ is None


@pytest.mark.parametrize(("region", "text", "reason"), [each for each in REFUSED if each[0] == "KR"])
def test_neither_client_looks_for_what_cannot_be_meant(region: str, text: Any, reason: str) -> None:
    server = ToyServer()
    with pytest.raises(InvalidInput):
        Telephony(SPEC, api_key="k3y", base_url="https://toy.example", backend=server).find_number(text)

    async def look() -> None:
        client = AsyncTelephony(SPEC, api_key="k3y", base_url="https://toy.example", backend=server)
        await client.find_number(text)

    with pytest.raises(InvalidInput):
        asyncio.run(look())
    assert server.requests == []


@pytest.mark.parametrize("text", ["070\u00a01111\u20112222", "\uff10\uff17\uff1011112222", "(+82) 70 1111 2222"])
def test_an_import_is_sent_in_plain_characters(text: str) -> None:
    change = NumberImport(number=text, inbound=InboundUpdate(allowed_addresses=["192.0.2.1"]))
    assert change.number.isascii()
    assert NumberIdentity.parse(change.number, region="KR").e164 == KOREAN


def test_an_import_that_says_send_as_is_keeps_every_character() -> None:
    assert NumberImport(number="14\u00a00001", send_as_is=True).number == "14\u00a00001"


@pytest.mark.parametrize("text", ["+82 70 1111 2222 ext. 5", "+", "9" * 30])
def test_an_import_of_what_cannot_be_meant_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        NumberImport(number=text)


@pytest.mark.parametrize("id", [None, 7, b"id", ["id"], ""])
def test_what_is_no_id_is_refused_before_any_request(id: Any) -> None:
    server = ToyServer()
    client = Telephony(SPEC, api_key="k3y", base_url="https://toy.example", backend=server)
    for call in (
        lambda: client.get_number(id),
        lambda: client.update_label(id, "x"),
        lambda: client.update_sip(id, inbound=InboundUpdate(allowed_addresses=["192.0.2.1"])),
        lambda: client.release(id),
        lambda: client.revoke_release(id),
    ):
        with pytest.raises(InvalidInput):
            call()
    assert server.requests == []
