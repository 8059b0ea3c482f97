"""Whether an argument is an id or a number is decided by its form alone, the same way every time."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telephony_core.cli.parameters.number import is_id


@pytest.mark.parametrize(
    "argument",
    [
        "+827011112222",
        "070-1111-2222",
        "(02) 123.4567",
        "140001",
        "112",
        "2001",
        "12345678123456781234567812345678",
        "2001@pbx.example.com",
        "frontdesk@pbx.example.com",
        "sip:2001@pbx.example.com",
        "SIP:pbx.example.com",
        "tel:+34911234567",
    ],
)
def test_what_is_written_as_a_number_or_a_sip_identifier_is_a_number(argument):
    assert not is_id(argument, "KR")


@pytest.mark.parametrize(
    "argument",
    [
        "68c91c98-5149-434e-b914-518afbbfaf36",
        "68C91C98-5149-434E-B914-518AFBBFAF36",
        "12345678-1234-1234-1234-123456789012",
        "pn_123",
        "ST_abc",
        "0701111222a",
        "",
    ],
)
def test_a_uuid_and_everything_else_is_an_id(argument):
    assert is_id(argument, "KR")


@settings(deadline=None, max_examples=200)
@given(st.text(), st.sampled_from(["KR", "ES", "GB"]))
def test_any_text_is_decided_and_the_country_does_not_matter(argument, region):
    assert is_id(argument, region) is is_id(argument, "KR")


def test_id_forces_an_argument_to_be_an_id(telephony, vox):
    key = vox.add({"id": "2001", "number": "07066660000", "provider": "custom", "status": "active"})
    assert telephony("numbers", "show", key, "-p", "vox").exit_code == 3  # no such number
    assert vox.requests[-1].path == "/organization-telephone-numbers"
    telephony("numbers", "show", key, "-p", "vox", "--id")
    assert vox.requests[-1].path == "/organization-telephone-numbers/2001"


def test_an_id_cannot_reach_another_resource(telephony, vox):
    telephony("numbers", "show", "../telephone-numbers/available?x=1", "-p", "vox")
    assert vox.requests[-1].url.endswith("/organization-telephone-numbers/..%2Ftelephone-numbers%2Favailable%3Fx%3D1")


def test_a_write_by_id_is_about_that_record(telephony, vox):
    vox.add(number="07011112222")  # two live records now: only an id says which
    first = next(record["id"] for record in vox.records() if record["number"] == "07011112222")
    assert telephony.json("numbers", "label", first, "this one", "-p", "vox")["id"] == first
