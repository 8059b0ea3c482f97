"""What the model has no word for, at the command line: settings without a field, and agents that share the calls."""

from __future__ import annotations

import pytest

from telephony_elevenlabs.emulator import ElevenLabsEmulator
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
    assign = (
        "agents",
        "assign",
        NUMBER,
        "-p",
        "retell",
        "--inbound-agent",
        retell.agents["sales"],
        "--agent-version",
        "published",
    )
    error = telephony.error(*assign)
    assert (error["exit_code"], error["allowance"]) == (8, "replaces_split")
    assert "--allow replaces_split" in error["remedy"]
    assert retell.store[NUMBER]["inbound_agents"] == shares

    done = telephony.json(*assign, "--allow", "replaces_split")
    assert done["inbound_agent"]["agent_id"] == retell.agents["sales"]


MAP = """
format = "telephony-core migration map"
version = 1
source = "retell"
target = "elevenlabs"

[[trunks]]
name = "carrier"
source_address = "sip:pbx.example.com;transport=tcp"
auth = "none"
allowed_addresses = ["203.0.113.7"]
"""


@pytest.fixture
def leaving(telephony, retell, tmp_path, monkeypatch):
    """One number at Retell with a fallback number and codecs, an empty ElevenLabs, an inventory and a map."""
    elevenlabs = ElevenLabsEmulator(api_key="emulator-key")
    monkeypatch.setenv("TELEPHONY_ELEVENLABS_API_KEY", elevenlabs.api_key)
    telephony.emulators = {"retell": retell, "elevenlabs": elevenlabs}
    for emulator in (retell, elevenlabs):
        for id in list(emulator.store):
            emulator.store.remove(id)
    retell.add(
        phone_number=NUMBER,
        nickname="Front desk",
        fallback_number="+14155550111",
        sip_outbound_trunk_config={
            "termination_uri": "pbx.example.com",
            "auth_username": None,
            "transport": "TCP",
            "codecs": ["PCMU"],
        },
    )
    monkeypatch.chdir(tmp_path)
    (tmp_path / "map.toml").write_text(MAP, encoding="utf-8")
    assert telephony("inventory", "-p", "retell", "-o", "retell.json").exit_code == 0
    return telephony


TO = ("retell.json", "--to", "elevenlabs", "--map", "map.toml")


def test_a_migration_stops_at_one_that_routes_calls_until_its_loss_is_allowed(leaving):
    (blocked,) = leaving.json("migrate", "assess", *TO)["numbers"]
    (routes,) = [each for each in blocked["findings"] if each["field"] == "fallback_number"]
    (codecs,) = [each for each in blocked["findings"] if each["field"].endswith("codecs")]
    assert (blocked["why"], routes["outcome"], routes["allowance"]) == ("blocked", "lost", "lost_restriction")
    assert (codecs["severity"], codecs["outcome"], codecs["allowance"]) == ("warn", "lost", None)
    assert "--allow lost_restriction" in leaving("migrate", "assess", *TO).stdout

    (allowed,) = leaving.json("migrate", "assess", *TO, "--allow", "lost_restriction")["numbers"]
    assert allowed["why"] is None


def test_one_that_is_set_after_the_plan_was_made_makes_it_stale(leaving, retell):
    made = leaving("migrate", "plan", *TO, "--allow", "lost_restriction", "-o", "plan.json")
    assert made.exit_code == 0, made.stderr
    retell.store.edit(NUMBER, {"allowed_inbound_country_list": ["US"]})
    stale = leaving("migrate", "apply", "plan.json", "--yes")
    assert stale.exit_code == 5
    assert "allowed_inbound_country_list" in stale.stderr

    retell.store.edit(NUMBER, {"allowed_inbound_country_list": None})
    applied = leaving("migrate", "apply", "plan.json", "--yes")
    assert applied.exit_code == 0, applied.stderr
    assert leaving("migrate", "verify", "plan.json").exit_code == 0
