"""`telephony migrate verify`: what is equal, what is not, and what is left to be done."""

from __future__ import annotations

import json


def test_verify_says_equal_and_what_is_to_be_done_at_the_carrier(moving):
    moving.moved()
    result = moving.telephony("migrate", "verify", "plan.json")
    assert result.exit_code == 0
    assert "3 of 3 moved numbers are as planned" in result.stdout
    assert "outbound.password (of 3 numbers)" in result.stdout
    assert "send inbound calls of 3 numbers to" in result.stdout


def test_verify_fails_on_a_difference_and_names_it(moving):
    moving.moved()
    moving.diga.store.edit(next(iter(moving.diga.store)), {"nickname": "foreign"})
    result = moving.telephony("migrate", "verify", "plan.json", "--json")
    assert result.exit_code == 9
    report = json.loads(result.stdout)
    assert report["equal"] is False
    fields = [field for each in report["numbers"] for field in each["fields"]]
    (different,) = [field for field in fields if field["result"].upper() == "DIFFERS"]
    assert (different["field"], different["found"]) == ("label", "foreign")


def test_verify_shows_every_field_where_it_is_asked_to(moving):
    moving.moved()
    assert "label: " not in moving.telephony("migrate", "verify", "plan.json").stdout
    every = moving.telephony("migrate", "verify", "plan.json", "--details").stdout
    assert "label: equal" in every.lower()


def test_verify_of_a_plan_that_was_not_begun_names_the_command_that_begins(moving):
    moving.plan()
    result = moving.telephony("migrate", "verify", "plan.json")
    assert result.exit_code == 1
    assert "`telephony apply plan.json`" in result.stderr
