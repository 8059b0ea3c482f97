"""`telephony numbers label`, and which record any write to a number goes to."""

from __future__ import annotations

from tests.cli.commands.seeded import BOUGHT, MAIN_LINE, live_id


def test_label_renames_and_prints_the_number(telephony, vox):
    assert telephony.json("numbers", "label", MAIN_LINE, "Front desk", "-p", "vox")["label"] == "Front desk"
    assert vox.store[live_id(vox, "07011112222")]["memo"] == "Front desk"


def test_label_can_be_cleared(telephony, vox):
    assert telephony.json("numbers", "label", MAIN_LINE, "--clear", "-p", "vox")["label"] is None
    assert vox.store[live_id(vox, "07011112222")]["memo"] is None


def test_label_needs_a_text_or_clear_and_not_both(telephony, vox):
    assert telephony("numbers", "label", MAIN_LINE, "-p", "vox").exit_code == 64
    assert telephony("numbers", "label", MAIN_LINE, "x", "--clear", "-p", "vox").exit_code == 64
    assert vox.requests == []


def test_a_label_that_is_too_long_is_refused_without_a_request(telephony, vox):
    error = telephony.error("numbers", "label", MAIN_LINE, "x" * 201, "-p", "vox")
    assert (error["kind"], error["exit_code"]) == ("InvalidInput", 65)
    assert vox.requests == []


# -- which record is written


def any_id(emulator, number):
    return next(record["id"] for record in emulator.records() if record["number"] == number)


def test_a_write_to_a_number_of_another_origin_is_refused_after_reading_it(telephony, vox):
    error = telephony.error("numbers", "label", BOUGHT, "x", "-p", "vox")
    assert (error["kind"], error["operation"]) == ("UnsupportedOperation", "update_label")
    assert {call.method for call in vox.requests} == {"GET"}


def test_a_write_demands_exactly_one_live_record(telephony, vox):
    vox.add(number="07011112222")
    error = telephony.error("numbers", "label", MAIN_LINE, "x", "-p", "vox")
    assert (error["kind"], error["exit_code"]) == ("AmbiguousNumber", 4)
    assert {call.method for call in vox.requests} == {"GET"}


def test_a_write_to_a_number_that_is_only_released_is_in_the_wrong_state(telephony, vox):
    error = telephony.error("numbers", "label", "0641234567", "x", "-p", "vox")
    assert (error["kind"], error["exit_code"]) == ("WrongState", 5)
    assert any_id(vox, "0641234567") in error["message"]


def test_a_write_to_a_number_released_twice_is_in_the_wrong_state_too(telephony, vox):
    vox.add(number="0641234567", status="expired")
    error = telephony.error("numbers", "label", "0641234567", "x", "-p", "vox")
    assert (error["kind"], error["exit_code"]) == ("WrongState", 5)
