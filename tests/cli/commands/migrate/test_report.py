"""`telephony migrate report`: every number and what stayed, as text and as a page."""

from __future__ import annotations

import re


def test_report_tells_every_number_and_what_stayed(moving):
    moving.vox.add(number="140001", memo="short")
    moving.moved()
    short = moving.telephony("migrate", "report", "plan.json").stdout
    assert "3 moved" in short
    assert "140001: diga cannot hold" in short
    assert "+827011110000" not in short
    result = moving.telephony("migrate", "report", "plan.json", "--details")
    assert result.exit_code == 0
    assert "+827011110000  moved" in result.stdout
    assert "140001" in result.stdout
    data = moving.telephony.json("migrate", "report", "plan.json")
    assert [each["key"] for each in data["skipped"]] == ["140001"]
    assert data["numbers"][0]["state"] == "moved"


def test_report_writes_a_page_and_replaces_it_only_by_force(moving):
    moving.moved()
    command = ("migrate", "report", "plan.json", "--html", "report.html")
    assert moving.telephony(*command).exit_code == 0
    page = moving.folder / "report.html"
    assert "+827011110000" in page.read_text(encoding="utf-8")
    page.write_text("somebody's own")
    assert moving.telephony(*command).exit_code == 1
    assert page.read_text() == "somebody's own"
    assert moving.telephony(*command, "--force").exit_code == 0
    assert "+827011110000" in page.read_text(encoding="utf-8")


def test_the_page_of_what_was_rolled_back_names_the_way_on_and_not_itself(moving):
    moving.moved()
    moving.telephony("migrate", "rollback", "plan.json", "--yes", "--allow", "unpublishes")
    result = moving.telephony("migrate", "report", "plan.json", "--html", "report.html")
    assert result.exit_code == 0, result.stderr
    page = (moving.folder / "report.html").read_text(encoding="utf-8")
    assert "telephony inventory -p vox -o NEW.json" in page
    assert "telephony migrate report" not in page
    assert "cannot be read back" not in page
    assert ".." not in re.sub(r"<[^>]*>", "", page.partition("<body")[2])
