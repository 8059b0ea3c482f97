"""`telephony sip …` and `telephony agents …` against the emulators."""

from __future__ import annotations

import json

import pytest

from tests.cli.commands.seeded import MAIN_LINE, SPANISH_MOBILE


def record_of(emulator, number):
    return next(each for each in emulator.records() if each["number"] == number and each["status"] != "expired")


# -- sip


def test_sip_show_prints_the_number(telephony, vox):
    shown = telephony.json("sip", "show", MAIN_LINE, "-p", "vox")
    assert shown["id"] == record_of(vox, "07011112222")["id"]
    assert shown["sip"]["outbound"]["address"] == "sip:trunk.example.com:5060"


def test_sip_show_for_people_shows_the_trunk(telephony):
    shown = telephony("sip", "show", SPANISH_MOBILE, "-p", "diga").stdout
    assert "trunk.example.com:5060" in shown
    assert "require" in shown


def test_sip_show_says_when_there_is_no_trunk(telephony):
    assert "this number has no SIP trunk" in telephony("sip", "show", "07012345678", "-p", "vox").stdout


def test_an_open_allow_list_is_said_in_words(telephony):
    assert "every address" in telephony("sip", "show", "+34900123456", "-p", "diga").stdout


def test_sip_set_changes_what_was_named_and_nothing_else(telephony, diga):
    before = record_of(diga, SPANISH_MOBILE)["sip_config"]
    changed = telephony.json("sip", "set", SPANISH_MOBILE, "-p", "diga", "--address", "pbx.example.com:5062")
    assert changed["sip"]["outbound"]["address"] == "pbx.example.com:5062"
    assert record_of(diga, SPANISH_MOBILE)["sip_config"] == {**before, "termination_uri": "pbx.example.com:5062"}


def test_sip_set_can_change_every_setting_at_once(telephony, diga, monkeypatch):
    monkeypatch.setenv("PW", "correct-horse")
    telephony.json("sip", "set", SPANISH_MOBILE, "-p", "diga", "--address", "pbx.example.com", "--username", "bob",
                   "--password", "env:PW", "--outbound-encryption", "allow", "--inbound-encryption", "disable",
                   "--allow-address", "203.0.113.7", "--allow-address", "198.51.100.0/24")  # fmt: skip
    record = record_of(diga, SPANISH_MOBILE)
    assert record["sip_config"] == {
        "termination_uri": "pbx.example.com",
        "username": "bob",
        "outbound_media_encryption": "allow",
        "inbound_media_encryption": "disable",
        "allowed_addresses": ["203.0.113.7", "198.51.100.0/24"],
    }
    assert diga.credentials(record["id"]).password == "correct-horse"


def test_a_new_address_without_the_password_is_refused_where_it_is_needed(telephony, vox):
    error = telephony.error("sip", "set", MAIN_LINE, "-p", "vox", "--address", "pbx.example.com")
    assert (error["kind"], error["exit_code"]) == ("InvalidInput", 65)
    assert vox.requests == []


def test_a_setting_that_the_provider_has_no_place_for_is_refused_without_a_request(telephony, vox):
    error = telephony.error("sip", "set", MAIN_LINE, "-p", "vox", "--allow-address", "203.0.113.7")
    assert (error["kind"], error["field"]) == ("UnsupportedField", "inbound.allowed_addresses")
    assert vox.requests == []


def test_an_address_open_to_all_needs_allow(telephony, diga):
    error = telephony.error("sip", "set", SPANISH_MOBILE, "-p", "diga", "--allow-address", "0.0.0.0/0")
    assert (error["kind"], error["exit_code"], error["allowance"]) == ("NotAllowed", 8, "allow_any")
    assert "--allow-any" in error["remedy"]
    assert diga.requests == []


def test_an_address_with_a_password_in_it_is_refused_and_not_repeated(telephony):
    result = telephony("sip", "set", SPANISH_MOBILE, "-p", "diga", "--address", "sip:bob:hunter2@pbx.example.com")
    assert result.exit_code == 65
    assert "hunter2" not in result.output


def test_a_setting_can_be_cleared_where_there_is_a_way(telephony, vox, monkeypatch):
    monkeypatch.setenv("PW", "correct-horse")
    telephony.json("sip", "set", MAIN_LINE, "-p", "vox", "--clear-username", "--password", "env:PW")
    assert vox.credentials(record_of(vox, "07011112222")["id"]).username is None


@pytest.mark.parametrize(
    ("option", "field"),
    [
        ("--clear-address", "outbound.address"),
        ("--clear-username", "outbound.username"),
        ("--clear-password", "outbound.password"),
        ("--clear-outbound-encryption", "outbound.media_encryption"),
        ("--clear-allowed-addresses", "inbound.allowed_addresses"),
        ("--clear-inbound-encryption", "inbound.media_encryption"),
    ],
)
def test_clearing_is_refused_where_no_way_is_documented(telephony, diga, option, field):
    error = telephony.error("sip", "set", SPANISH_MOBILE, "-p", "diga", option)
    assert (error["kind"], error["field"]) == ("UnsupportedField", field)
    assert diga.requests == []


@pytest.mark.parametrize(
    "contradiction",
    [
        ("--username", "bob", "--clear-username"),
        ("--address", "pbx.example.com", "--clear-address"),
        ("--allow-address", "203.0.113.7", "--clear-allowed-addresses"),
    ],
)
def test_setting_and_clearing_at_once_is_a_usage_error(telephony, contradiction):
    error = telephony.error("sip", "set", SPANISH_MOBILE, "-p", "diga", *contradiction)
    assert error["exit_code"] == 64
    assert "contradict" in error["message"]


def test_sip_set_of_nothing_is_a_usage_error(telephony, diga):
    assert telephony("sip", "set", SPANISH_MOBILE, "-p", "diga").exit_code == 64
    assert diga.requests == []


def test_a_vendor_option_reaches_the_adapter_which_then_sends_what_it_would_refuse(telephony, vox):
    result = telephony("sip", "set", "05012345678", "-p", "vox", "--address", "new.example.com",
                       "--option", "vox.no_authentication=true")  # fmt: skip
    assert result.stderr.startswith("warning: options.vox.no_authentication")
    assert [json.loads(call.body) for call in vox.requests if call.method == "PATCH"] == [
        {"address": "sip:new.example.com"}
    ]


def test_a_vendor_option_that_is_no_json_is_text(telephony):
    error = telephony.error("sip", "set", "05012345678", "-p", "vox", "--address", "new.example.com",
                            "--option", "vox.no_authentication=maybe")  # fmt: skip
    assert error["exit_code"] == 65


# -- agents


def test_assign_sends_the_version_that_was_said(telephony, vox):
    changed = telephony.json("agents", "assign", MAIN_LINE, "-p", "vox", "--inbound-agent", vox.agents["sales"],
                             "--agent-version", "v3")  # fmt: skip
    assert changed["inbound_agent"] == {"agent_id": vox.agents["sales"], "version": "v3"}
    assert record_of(vox, "07011112222")["outbound_agent"]["agent_version"] == "production"


def test_assign_gives_both_directions_one_version_or_each_its_own(telephony, vox):
    both = ("--inbound-agent", vox.agents["sales"], "--outbound-agent", vox.agents["reception"])
    changed = telephony.json("agents", "assign", MAIN_LINE, "-p", "vox", *both, "--agent-version", "published")
    assert [changed[side]["version"] for side in ("inbound_agent", "outbound_agent")] == ["published", "published"]
    changed = telephony.json("agents", "assign", MAIN_LINE, "-p", "vox", *both, "--agent-version", "published",
                             "--outbound-version", "draft")  # fmt: skip
    assert [changed[side]["version"] for side in ("inbound_agent", "outbound_agent")] == ["published", "draft"]


def test_assign_never_guesses_a_version(telephony, vox):
    error = telephony.error("agents", "assign", MAIN_LINE, "-p", "vox", "--inbound-agent", vox.agents["sales"])
    assert error["exit_code"] == 64
    assert vox.requests == []


def test_assign_can_take_agents_off_where_there_is_a_way(telephony, vox):
    changed = telephony.json("agents", "assign", MAIN_LINE, "-p", "vox", "--none-inbound", "--none-outbound")
    assert changed["inbound_agent"] is changed["outbound_agent"] is None


def test_taking_an_agent_off_is_refused_where_no_way_is_documented(telephony, diga):
    error = telephony.error("agents", "assign", SPANISH_MOBILE, "-p", "diga", "--none-inbound")
    assert error["kind"] == "UnsupportedField"
    assert diga.requests == []


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--agent-version", "published"),
        ("--inbound-version", "published"),
        ("--inbound-agent", "a", "--none-inbound", "--agent-version", "published"),
        ("--none-outbound", "--outbound-version", "published"),
    ],
)
def test_an_assignment_that_does_not_say_what_it_wants_is_a_usage_error(telephony, vox, arguments):
    assert telephony("agents", "assign", MAIN_LINE, "-p", "vox", *arguments).exit_code == 64
    assert vox.requests == []


def test_an_assignment_that_would_publish_has_to_be_allowed_by_name(telephony, diga):
    versions = next(agent for agent in dropdown(diga) if agent["agent_id"] == diga.agents["survey"])["versions"]
    unpublished = next(version["version_id"] for version in versions if not version["is_draft"])
    arguments = ("agents", "assign", SPANISH_MOBILE, "-p", "diga", "--inbound-agent", diga.agents["survey"],
                 "--agent-version", unpublished)  # fmt: skip
    error = telephony.error(*arguments)
    assert (error["kind"], error["allowance"]) == ("NotAllowed", "publishes")
    assert "--allow publishes" in error["remedy"]
    changed = telephony.json(*arguments, "--allow", "publishes")
    assert changed["inbound_agent"]["agent_id"] == diga.agents["survey"]


def dropdown(diga):
    from telephony_core.emulator import HttpRequest

    url = "https://api.diga.io/v1/agent/versions-dropdown/dashboard"
    answer = diga.handle(HttpRequest("GET", url, (("authorization", f"Bearer {diga.api_key}"),)))
    return json.loads(answer.body)


def test_the_changed_number_is_shown_to_people(telephony, vox):
    result = telephony("agents", "assign", MAIN_LINE, "-p", "vox", "--inbound-agent", vox.agents["sales"],
                       "--agent-version", "published")  # fmt: skip
    assert f"{vox.agents['sales']} published" in result.stdout
    result = telephony("sip", "set", SPANISH_MOBILE, "-p", "diga", "--address", "new.example.com")
    assert "new.example.com" in result.stdout
