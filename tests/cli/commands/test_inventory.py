"""`telephony inventory`: the file it writes, what it refuses, and the difference of two."""

from __future__ import annotations

import json
import os

import pytest


def test_it_writes_every_number_and_says_what_to_type_next(moving):
    result = moving.telephony("inventory", "-p", "vox", "-o", "vox.json")
    assert result.exit_code == 0
    assert "3 numbers (3 active)" in result.stdout
    assert "next: telephony migrate assess vox.json --to NAME" in result.stdout
    assert len(json.loads((moving.folder / "vox.json").read_text())["numbers"]) == 3
    assert moving.writes() == []


def test_a_table_for_people_is_written_beside_it(moving):
    assert moving.telephony("inventory", "-p", "vox", "-o", "vox.json", "--csv", "vox.csv").exit_code == 0
    assert "+827011110001" in (moving.folder / "vox.csv").read_text(encoding="utf-8-sig")


def test_json_says_what_was_written(moving):
    facts = moving.telephony.json("inventory", "-p", "vox", "-o", "vox.json")
    assert (facts["file"], facts["csv"], facts["numbers"], facts["statuses"]) == ("vox.json", None, 3, {"active": 3})
    assert facts["checksum"] == json.loads((moving.folder / "vox.json").read_text())["checksum"]


def test_a_file_that_is_there_is_replaced_only_by_force(moving):
    moving.inventory()
    asked = len(moving.vox.requests)
    refused = moving.telephony("inventory", "-p", "vox", "-o", "vox.json")
    assert refused.exit_code == 1
    assert "vox.json exists already" in refused.stderr
    assert "--force" in refused.stderr
    assert len(moving.vox.requests) == asked
    assert moving.telephony("inventory", "-p", "vox", "-o", "vox.json", "--force").exit_code == 0


def test_a_folder_that_is_not_there_is_told_before_anything_is_asked(moving):
    refused = moving.telephony("inventory", "-p", "vox", "-o", "nowhere/vox.json")
    assert f"there is no folder {moving.folder / 'nowhere'}" in refused.stderr
    assert refused.exit_code == 71
    assert moving.vox.requests == []


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no device that is always full")
def test_a_disk_without_room_is_a_matter_of_the_machine(moving):
    refused = moving.telephony("inventory", "-p", "vox", "-o", "/dev/full")
    assert (refused.exit_code, "No space left" in refused.stderr) == (71, True)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("-p", "vox"), "-o FILE"),
        (("-p", "vox", "--csv", "a.csv"), "-o FILE"),
        (("-p", "vox", "-o", "a", "--csv", "a"), "one file cannot hold both"),
        (("-o", "a", "diff", "b", "c"), "writes no file"),
        (("diff",), "Missing argument"),
    ],
)
def test_a_wrong_command_line_is_refused(moving, arguments, word):
    result = moving.telephony("inventory", *arguments)
    assert result.exit_code == 64
    assert word in result.stderr


def test_without_anything_it_shows_its_help(telephony):
    result = telephony("inventory")
    assert result.exit_code == 0
    assert "diff" in result.stdout


def test_two_of_one_connection_show_what_changed(moving):
    moving.inventory()
    (moving.folder / "vox.json").rename(moving.folder / "before.json")
    moving.vox.store.edit(next(iter(moving.vox.store)), {"memo": "another"})
    moving.inventory()
    result = moving.telephony("inventory", "diff", "before.json", "vox.json")
    assert result.exit_code == 0
    assert "1 changed" in result.stdout
    assert "label: line 0 → another" in result.stdout


def test_a_difference_has_an_exit_code_where_it_is_asked_for(moving):
    moving.inventory()
    (moving.folder / "vox.json").rename(moving.folder / "before.json")
    moving.inventory()
    command = ("inventory", "diff", "before.json", "vox.json", "--detailed-exitcode")
    assert moving.telephony(*command).exit_code == 0
    moving.vox.store.edit(next(iter(moving.vox.store)), {"memo": "another"})
    assert moving.telephony("inventory", "-p", "vox", "-o", "vox.json", "--force").exit_code == 0
    result = moving.telephony(*command, "--json")
    assert result.exit_code == 2
    assert [each["what"] for each in json.loads(result.stdout)["numbers"]] == ["changed"]


def test_a_file_that_was_edited_is_refused(moving):
    moving.inventory()
    file = moving.folder / "vox.json"
    file.write_text(file.read_text().replace("line 1", "line X"))
    result = moving.telephony("inventory", "diff", "vox.json", "vox.json")
    assert result.exit_code == 1
    assert "was changed after it was written" in result.stderr
    assert "next: " in result.stderr
