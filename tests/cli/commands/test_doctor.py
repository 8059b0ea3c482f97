"""`telephony doctor`: what it prints, for people and for scripts, and how it ends."""

from __future__ import annotations

import os

import pytest

from telephony_core.emulator import Fault, FaultKind

LABEL = "\x1b[31mred\u202e"


@pytest.fixture
def drifted(vox):
    """A vox that sends a field and a word which nobody knows."""
    key = next(key for key in vox.store if vox.store[key]["status"] == "active")
    vox.store.edit(key, {"status": f"frozen{LABEL}", f"new{LABEL}": "s3cret"})
    return key


def test_a_connection_that_is_well_says_so_and_ends_with_0(telephony):
    result = telephony("doctor", "-p", "vox")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0].startswith("vox: vox at https://client-api.tryvox.co")
    assert "ok: the key is taken" in result.stdout
    assert "DRIFT" not in result.stdout
    assert "next:" not in result.stdout
    assert result.stderr == ""


def test_without_a_name_every_configured_connection_is_checked(telephony):
    assert [each["connection"] for each in telephony.json("doctor")] == ["diga", "vox"]
    assert "\n\nvox: vox at" in telephony("doctor").stdout


def test_the_environment_can_name_the_one_that_is_checked(telephony, monkeypatch):
    monkeypatch.setenv("TELEPHONY_PROVIDER", "diga")
    assert [each["connection"] for each in telephony.json("doctor")] == ["diga"]


def test_a_drift_is_a_table_for_people_and_ends_with_76(telephony, drifted):
    result = telephony("doctor", "-p", "vox")
    assert result.exit_code == 76
    rows = [line.split() for line in result.stdout.splitlines() if drifted in line]
    assert [row[:2] for row in rows] == [["unknown", "field"], ["unknown", "value"]]
    assert rows[1][2] == "status"
    assert "  next: every number was read all the same" in result.stdout
    assert "s3cret" not in result.stdout


def test_nothing_that_a_vendor_sends_reaches_the_terminal_raw(telephony, drifted):
    for arguments in (("doctor", "-p", "vox"), ("doctor", "-p", "vox", "--json")):
        output = telephony(*arguments).output
        assert output.replace("\n", "").isprintable()


def test_scripts_get_the_drift_as_json(telephony, drifted):
    result = telephony("doctor", "-p", "vox", "--json")
    assert result.exit_code == 76
    import json

    (found,) = json.loads(result.stdout)
    assert (found["well"], found["records"], found["described"]) == (False, 23, True)
    assert [(each["kind"], each["records"], each["example"], each["notice"]) for each in found["drift"]] == [
        ("unknown_field", 1, drifted, False),
        ("unknown_value", 1, drifted, False),
    ]
    assert found["drift"][0]["seen"] == ["string"]
    assert {check["name"]: check["outcome"] for check in found["checks"]} == {
        "reachability": "ok",
        "key": "ok",
        "clock": "not_tried",
        "records": "ok",
    }


def test_the_numbers_of_a_drifted_vendor_are_all_still_listed(telephony, drifted, vox):
    assert len(telephony.json("numbers", "list", "-p", "vox")) == len(vox.records())


@pytest.mark.parametrize(("fault", "code"), [(Fault(FaultKind.REFUSED, times=9), 69)])
def test_a_provider_that_is_not_reached_ends_with_69(telephony, vox, fault, code):
    vox.faults.append(fault)
    result = telephony("doctor", "-p", "vox")
    assert result.exit_code == code
    assert "reachability  failed: " in result.stdout
    assert "key           not tried: " in result.stdout


def test_a_wrong_key_ends_with_77_and_is_not_shown(telephony, monkeypatch):
    monkeypatch.setenv("TELEPHONY_VOX_API_KEY", "wrong-key-canary")
    result = telephony("doctor", "-p", "vox")
    assert result.exit_code == 77
    assert "check the API key of this connection" in result.stdout
    assert "canary" not in result.output


def test_one_broken_connection_does_not_keep_the_others_from_being_checked(telephony, monkeypatch, tmp_path):
    config = tmp_path / "config.toml"
    config.write_text(
        '[connections.a-broken]\nprovider = "vox"\napi_key = "env:NOT_SET_ANYWHERE"\n'
        '[connections.b-gone]\nprovider = "no-such-provider"\napi_key = "env:TELEPHONY_VOX_API_KEY"\n'
        '[connections.c-well]\nprovider = "diga"\napi_key = "env:TELEPHONY_DIGA_API_KEY"\n'
    )
    result = telephony("doctor", "--config", str(config))
    assert result.exit_code == 78
    assert "a-broken: vox\n  configuration  failed: " in result.stdout
    assert "b-gone: no-such-provider\n  configuration  failed: " in result.stdout
    assert "c-well: diga at" in result.stdout


def test_without_any_connection_it_says_how_to_make_one(telephony, monkeypatch):
    monkeypatch.delenv("TELEPHONY_VOX_API_KEY")
    monkeypatch.delenv("TELEPHONY_DIGA_API_KEY")
    result = telephony("doctor")
    assert result.exit_code == 78
    assert "no connection is configured" in result.stderr


@pytest.mark.skipif(os.name != "posix", reason="other systems have no mode bits")
@pytest.mark.parametrize("command", [("doctor",), ("numbers", "list", "-p", "kr")])
def test_a_configuration_with_a_key_that_others_can_read_draws_one_warning(telephony, tmp_path, command):
    config = tmp_path / "config.toml"
    config.write_text('[connections.kr]\nprovider = "vox"\napi_key = "emulator-key"\n')
    for mode, warned in ((0o644, 1), (0o640, 1), (0o600, 0)):
        config.chmod(mode)
        result = telephony(*command, "--config", str(config))
        assert result.stderr.count("warning: ") == warned, mode
        assert result.stderr.count("chmod 600") == warned
        assert "emulator-key" not in result.output
