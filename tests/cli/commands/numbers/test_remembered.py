"""`telephony numbers` with an index file: what is remembered, and what never is."""

from __future__ import annotations

import pytest

from tests.cli.commands.seeded import live_id


@pytest.fixture
def remembered(monkeypatch, tmp_path):
    file = tmp_path / "numbers.sqlite3"
    monkeypatch.setenv("TELEPHONY_NUMBER_INDEX", str(file))
    return file


def listings(emulator) -> int:
    return sum(
        call.method == "GET" and call.path.endswith("/organization-telephone-numbers") for call in emulator.requests
    )


def test_a_remembered_number_is_read_by_its_id(telephony, vox, remembered):
    telephony.json("numbers", "show", "07055556666", "-p", "vox", "--fresh")
    assert listings(vox) > 0
    before = listings(vox)
    shown = telephony.json("numbers", "show", "07055556666", "-p", "vox")
    assert (shown["id"], listings(vox)) == (live_id(vox, "07055556666"), before)
    telephony.json("numbers", "show", "07055556666", "-p", "vox", "--fresh")
    assert listings(vox) > before
    assert remembered.stat().st_mode & 0o777 == 0o600


def test_what_is_not_remembered_is_listed_before_it_is_not_found(telephony, vox, remembered):
    telephony.json("numbers", "show", "07055556666", "-p", "vox")
    vox.add(number="07011110000")
    assert telephony.json("numbers", "show", "07011110000", "-p", "vox")["identity"]["e164"] == "+827011110000"


def test_what_is_to_be_changed_is_never_taken_from_memory(telephony, vox, remembered):
    telephony.json("numbers", "show", "07055556666", "-p", "vox")
    vox.add(number="07055556666")
    assert telephony.error("numbers", "label", "07055556666", "x", "-p", "vox")["kind"] == "AmbiguousNumber"
    assert {call.method for call in vox.requests} == {"GET"}


def test_a_file_that_cannot_be_trusted_ends_the_command(telephony, remembered):
    remembered.write_bytes(b"something else" * 100)
    remembered.chmod(0o600)
    error = telephony.error("numbers", "show", "07055556666", "-p", "vox")
    assert (error["kind"], error["exit_code"]) == ("ConfigurationError", 78)
    assert str(remembered) in error["message"]


def test_a_clock_that_was_set_back_is_said(telephony, remembered):
    import sqlite3

    telephony.json("numbers", "show", "07055556666", "-p", "vox")
    with sqlite3.connect(remembered) as connection:
        connection.execute("UPDATE file SET seen_at = 9e9")
    connection.close()
    shown = telephony("numbers", "show", "07055556666", "-p", "vox")
    assert shown.exit_code == 0
    assert "clock was set back" in shown.stderr
