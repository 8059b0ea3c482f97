"""`telephony numbers list`: what is printed, what is left out, and what cannot be listed."""

from __future__ import annotations

from telephony_core import NumberStatus, Telephony


def test_list_prints_one_array_of_the_models_own_json(telephony, vox):
    with Telephony("vox", backend=vox.backend()) as client:
        expected = [number.model_dump(mode="json") for number in client.list_numbers()]
    assert telephony.json("numbers", "list", "-p", "vox") == expected


def test_list_shows_every_status(telephony):
    for provider in ("vox", "diga"):
        statuses = {record["status"] for record in telephony.json("numbers", "list", "-p", provider)}
        assert statuses >= {"pending", "active", "release_scheduled", "released"}


def test_every_status_of_the_model_can_be_listed(telephony):
    for status in NumberStatus:
        records = telephony.json("numbers", "list", "-p", "vox", "--status", status.value)
        assert {record["status"] for record in records} <= {status.value}


def test_list_can_be_narrowed_by_status_and_origin(telephony):
    records = telephony.json("numbers", "list", "-p", "diga", "--status", "active", "--origin", "imported")
    assert records
    assert {(record["status"], record["origin"]) for record in records} == {("active", "imported")}


def test_list_stops_at_the_limit(telephony):
    assert len(telephony.json("numbers", "list", "-p", "vox", "--limit", "2")) == 2


def test_an_empty_list_is_an_empty_array_and_a_note_for_people(telephony, vox):
    for record in vox.records():
        vox.store.remove(record["id"])
    assert telephony.json("numbers", "list", "-p", "vox") == []
    result = telephony("numbers", "list", "-p", "vox")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "no such numbers" in result.stderr


def test_a_list_that_breaks_off_prints_nothing_on_stdout(telephony, vox):
    from telephony_core.emulator import Fault, FaultKind, Response

    vox.faults.append(Fault(FaultKind.ANSWER, skip=1, response=Response(403, {}, b"{}")))
    assert telephony.error("numbers", "list", "-p", "vox")["kind"] == "PermissionDenied"


def test_a_list_says_that_records_could_not_be_read_completely(telephony, vox):
    vox.add(number="07099990000", status="hibernating")
    result = telephony("numbers", "list", "-p", "vox")
    assert "unknown (hibernating)" in result.stdout
    assert result.stderr.startswith("warning: 1 of them")


def test_a_named_connection_never_takes_the_key_of_the_environment(telephony, monkeypatch, tmp_path):
    (tmp_path / "c.toml").write_text('[connections.kr-prod]\nprovider = "vox"\n')
    monkeypatch.setenv("TELEPHONY_VOX_API_KEY", "k3y")
    error = telephony.error("numbers", "list", "-p", "kr-prod", "--config", str(tmp_path / "c.toml"))
    assert error["kind"] == "ConfigurationError"
    assert "connection 'kr-prod': there is no API key" in error["message"]
