"""`telephony numbers show`: which record is meant, and what people are told about it."""

from __future__ import annotations

import re

import pytest

from tests.cli.commands.seeded import MAIN_LINE, SPANISH_MOBILE, live_id


def test_show_takes_a_number_in_any_spelling_or_an_id(telephony, vox):
    wanted = live_id(vox, "07011112222")
    for argument in (MAIN_LINE, "070-1111-2222", "070 1111 2222", "(070)11112222", "tel:+827011112222", wanted):
        assert telephony.json("numbers", "show", argument, "-p", "vox")["id"] == wanted


def test_show_prefers_the_live_record_of_a_number(telephony, vox):
    assert telephony.json("numbers", "show", "07055556666", "-p", "vox")["id"] == live_id(vox, "07055556666")


def test_show_of_a_number_that_is_only_released_shows_that_record(telephony):
    assert telephony.json("numbers", "show", "0641234567", "-p", "vox")["status"] == "released"


def test_show_of_a_number_with_two_live_records_names_both(telephony, vox):
    first, second = live_id(vox, "07011112222"), vox.add(number="07011112222")
    error = telephony.error("numbers", "show", MAIN_LINE, "-p", "vox")
    assert (error["kind"], error["exit_code"]) == ("AmbiguousNumber", 4)
    assert {candidate["id"] for candidate in error["candidates"]} == {first, second}


def test_show_of_an_unknown_number_is_not_found(telephony):
    error = telephony.error("numbers", "show", "070-9999-9999", "-p", "vox")
    assert (error["kind"], error["exit_code"]) == ("NotFound", 3)
    assert "telephony numbers list" in error["remedy"]


def test_show_of_a_sip_identifier_finds_it(telephony):
    assert telephony.json("numbers", "show", "2001@pbx.example.com", "-p", "diga")["identity"]["kind"] == "sip_id"


@pytest.mark.parametrize(
    "dress", ["(+34) 612 34 56 78", "0034 612 345 678", "+34\u00a0612\u2011345\u2011678", "６１２３４５６７８"]
)
def test_a_number_in_another_dress_is_found(telephony, diga, dress):
    assert telephony.json("numbers", "show", dress, "-p", "diga")["identity"]["e164"] == "+34612345678"


@pytest.mark.parametrize("text", ["+34 612 345 678 ext. 5", "9" * 10_000, "+34 FLOWERS"])
def test_what_cannot_be_meant_is_no_missing_record(telephony, diga, text):
    error = telephony.error("numbers", "show", text, "-p", "diga")
    assert error["kind"] == "InvalidInput"
    assert diga.requests == []


# -- what people are told


def test_show_for_people_says_what_is_known(telephony):
    result = telephony("numbers", "show", SPANISH_MOBILE, "-p", "diga")
    facts = dict(line.split("  ", 1) for line in result.stdout.splitlines())
    assert facts["number"].strip() == SPANISH_MOBILE
    assert facts["inbound from"].strip() == "192.0.2.10, 198.51.100.0/24"
    assert facts["outbound credentials"].strip() == "set"


def test_people_are_told_which_fields_could_not_be_read(telephony, vox):
    vox.add(number="07099990009", address="sip:///nonsense")
    assert "could not be read: address:" in telephony("numbers", "show", "07099990009", "-p", "vox").stdout


def test_show_says_where_the_carrier_has_to_send_calls(elevenlabs, telephony):
    own = elevenlabs("numbers", "show", "+12025550101", "-p", "elevenlabs").stdout
    assert re.search(r"send inbound calls to +sip:\+12025550101@sip\.rtc\.elevenlabs\.io:5060;transport=tcp", own)
    assert "send inbound calls to" not in elevenlabs("numbers", "show", "+12025550105", "-p", "elevenlabs").stdout
    at_diga = telephony("numbers", "show", SPANISH_MOBILE, "-p", "diga").stdout
    assert re.search(r"send inbound calls to +sip\.diga\.io\n", at_diga)
    assert "send inbound calls to" not in telephony("numbers", "show", "070-1111-2222", "-p", "vox").stdout
