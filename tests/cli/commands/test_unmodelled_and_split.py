"""What the model has no word for, at the command line: settings without a field, and agents that share the calls."""

from __future__ import annotations

import pytest

from telephony_retell.emulator import RetellEmulator

NUMBER = "+14155550199"


@pytest.fixture
def retell(telephony, monkeypatch):
    emulator = RetellEmulator(api_key="emulator-key")
    monkeypatch.setenv("TELEPHONY_RETELL_API_KEY", emulator.api_key)
    telephony.emulators = {"retell": emulator}
    return emulator


def test_settings_without_a_field_are_shown_by_name(telephony, retell):
    hook = "https://example.com/s3cret"
    retell.add(phone_number=NUMBER, fallback_number="+14155550111", inbound_webhook_url=hook)
    for command in (("numbers", "show"), ("sip", "show")):
        result = telephony(*command, NUMBER, "-p", "retell")
        assert "set, without a field here  fallback_number, inbound_webhook_url" in result.stdout
        assert "could not be read" not in result.stdout
        assert hook not in result.stdout
    assert telephony.json("numbers", "show", NUMBER, "-p", "retell")["unmodelled"] == [
        "fallback_number",
        "inbound_webhook_url",
    ]


def test_a_provider_is_shown_with_those_that_restrict_calls(telephony):
    result = telephony("providers", "retell")
    assert "restricted by, without a field here" in result.stdout
    assert "fallback_number" in result.stdout
    assert "inbound_sms_agents" not in result.stdout
    (found,) = telephony.json("providers", "retell")
    assert "inbound_sms_agents" in found["capabilities"]["unmodelled"]["names"]


def test_a_split_is_replaced_only_where_that_is_allowed_by_name(telephony, retell):
    shares = [{"agent_id": retell.agents[name], "weight": 0.5, "agent_version": 0} for name in ("sales", "support")]
    retell.add(phone_number=NUMBER, inbound_agents=shares)
    assign = ("agents", "assign", NUMBER, "-p", "retell", "--inbound", retell.agents["sales"], "--version", "published")
    error = telephony.error(*assign)
    assert (error["exit_code"], error["allowance"]) == (8, "replaces_split")
    assert "--allow replaces_split" in error["remedy"]
    assert retell.store[NUMBER]["inbound_agents"] == shares

    done = telephony.json(*assign, "--allow", "replaces_split")
    assert done["inbound_agent"]["agent_id"] == retell.agents["sales"]
