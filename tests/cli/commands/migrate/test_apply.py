"""`telephony migrate apply`: how it asks, what it moves, and what it refuses."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import APPLY, PLAN, TRUNK_PASSWORD


def test_apply_moves_what_is_planned_and_says_what_to_type_next(moving):
    moving.plan()
    result = moving.telephony(*APPLY, "--yes")
    assert result.exit_code == 0
    assert result.stdout == "3 of 3 moved\nnext: telephony migrate verify plan.json\n"
    assert moving.live() == ["+827011110000", "+827011110001", "+827011110002"]


def test_without_a_terminal_it_has_to_be_told_yes(moving):
    moving.plan()
    result = moving.telephony(*APPLY)
    assert result.exit_code == 8
    assert "say --yes" in result.stderr
    assert moving.writes() == []


def test_at_a_terminal_it_asks_and_a_no_changes_nothing(moving, at_terminal):
    at_terminal()
    moving.plan()
    refused = moving.telephony(*APPLY, stdin="n\n")
    assert refused.exit_code == 8
    assert "Move 3 numbers from vox (client-api.tryvox.co) to diga (api.diga.io)?" in refused.stderr
    assert moving.writes() == []
    assert moving.telephony(*APPLY, stdin="y\n").exit_code == 0
    assert len(moving.live()) == 3


def test_a_plan_that_is_replaced_while_somebody_is_asked_is_not_applied(moving, at_terminal, monkeypatch):
    at_terminal()
    moving.plan()

    def meanwhile(question, **options):
        assert moving.telephony(*PLAN, "--timeout", "2", "--force").exit_code == 0
        return True

    monkeypatch.setattr("click.confirm", meanwhile)
    result = moving.telephony(*APPLY)
    assert result.exit_code == 5
    assert "was replaced by another plan" in result.stderr
    assert moving.writes() == []
    assert moving.telephony(*APPLY, "--yes").exit_code == 0


def test_what_is_applied_already_is_not_asked_about_and_not_written_again(moving):
    moving.moved()
    written = moving.writes()
    result = moving.telephony(*APPLY)
    assert result.exit_code == 0
    assert moving.writes() == written


def test_json_is_the_report_and_nothing_else_on_stdout(moving):
    moving.plan()
    result = moving.telephony(*APPLY, "--yes", "--json")
    report = json.loads(result.stdout)
    assert (report["total"], report["done"], report["complete"], report["remainder"]) == (3, 3, True, [])
    assert report["next"] == ["telephony migrate verify plan.json"]


@pytest.mark.parametrize("command", ["apply", "verify", "rollback", "release"])
def test_what_a_failed_run_left_empty_cannot_be_fed_back(moving, command):
    moving.moved()
    (moving.folder / "run.json").write_text("")
    result = moving.telephony("migrate", command, "plan.json", "--numbers", "@run.json")
    assert result.exit_code == 64
    assert "run.json names no number" in result.stderr


def test_a_report_of_which_nothing_remains_can_be_fed_back(moving):
    moving.plan()
    (moving.folder / "run.json").write_text(moving.telephony(*APPLY, "--yes", "--json").stdout)
    again = moving.telephony(*APPLY, "--yes", "--numbers", "@run.json")
    assert again.exit_code == 0
    assert "0 of 0 moved" in again.stdout


def test_one_number_can_be_chosen(moving):
    moving.plan()
    assert moving.telephony(*APPLY, "--yes", "--numbers", "070-1111-0002").exit_code == 0
    assert moving.live() == ["+827011110002"]


def test_a_number_that_the_plan_does_not_move_is_refused(moving):
    moving.plan()
    result = moving.telephony(*APPLY, "--yes", "--numbers", "+827099999999")
    assert result.exit_code == 65
    assert "does not move" in result.stderr
    assert "`telephony status PLAN --details` lists them" in result.stderr
    listed = moving.telephony("status", "plan.json", "--details").stdout
    assert all(f"  +82701111000{last}: not started" in listed for last in range(3))


def test_a_plan_that_was_overtaken_is_refused(moving):
    moving.plan()
    moving.vox.store.edit(next(iter(moving.vox.store)), {"memo": "another"})
    result = moving.telephony(*APPLY, "--yes")
    assert result.exit_code == 5
    assert "label: line 0 → another" in result.stderr
    assert "next: go on with the other 2 first: `telephony migrate apply plan.json --numbers" in result.stderr
    assert moving.writes() == []


@pytest.mark.parametrize(
    "spoil", [lambda text: text[:200], lambda text: text.replace("line 1", "line X"), lambda _: ""]
)
def test_a_plan_that_was_cut_off_or_edited_is_refused(moving, spoil):
    moving.plan()
    file = moving.folder / "plan.json"
    file.write_text(spoil(file.read_text(encoding="utf-8")), encoding="utf-8")
    result = moving.telephony(*APPLY, "--yes")
    assert result.exit_code == 1
    assert "next: " in result.stderr
    assert moving.writes() == []


def test_a_plan_that_moves_nothing_is_applied_at_once(moving):
    moving.inventory()
    moving.telephony("migrate", "map", "vox.json", "--to", "diga", "-o", "map.toml")
    assert moving.telephony(*PLAN).exit_code == 0
    assert moving.telephony(*APPLY).exit_code == 0
    assert moving.writes() == []


def test_two_runs_at_once_are_refused(moving):
    from telephony_core.migration.journal.store import SqliteJournal
    from telephony_core.migration.plan.store import load_plan

    moving.plan()
    with SqliteJournal.writing(load_plan("plan.json"), "apply", create=True):
        result = moving.telephony(*APPLY, "--yes")
    assert result.exit_code == 5
    assert "another run is at work" in result.stderr
    assert "`telephony status plan.json`" in result.stderr


@pytest.mark.parametrize("command", ["apply", "status", "verify", "rollback", "release", "report"])
def test_a_journal_that_is_damaged_stops_everything_and_is_left_as_it_is(moving, command):
    moving.moved()
    journal = moving.folder / "plan.json.journal"
    journal.write_bytes(b"no database at all")
    result = moving.telephony("migrate", command, "plan.json")
    assert result.exit_code == 1
    assert "next: put it aside and keep it" in result.stderr
    assert journal.read_bytes() == b"no database at all"


# -- secrets


def test_a_secret_that_is_not_there_any_more_is_told_before_anything_is_written(moving, monkeypatch):
    moving.plan()
    monkeypatch.delenv("TRUNK_PASSWORD")
    result = moving.telephony(*APPLY, "--yes")
    assert result.exit_code == 78
    assert "TRUNK_PASSWORD" in result.stderr
    assert moving.writes() == []


def test_a_password_is_asked_for_once_and_shown_nowhere(moving, at_terminal):
    at_terminal()
    moving.plan(password="prompt:")
    result = moving.telephony(*APPLY, "--yes", stdin="typed-canary\n")
    assert result.exit_code == 0, result.stderr
    assert {moving.diga.credentials(id).password for id in moving.diga.store} == {"typed-canary"}
    assert "typed-canary" not in result.output


def test_whoever_types_no_password_is_told_how_to_go_on(moving, at_terminal):
    at_terminal()
    moving.plan(password="prompt:")
    result = moving.telephony(*APPLY, "--yes", stdin="")  # Ctrl-D; Ctrl-C ends the same way
    assert result.exit_code == 130
    assert "next: run the same command again" in result.stderr
    assert moving.writes() == []


def test_a_password_cannot_be_asked_for_where_nobody_is(moving):
    moving.plan(password="prompt:")
    result = moving.telephony(*APPLY, "--yes")
    assert result.exit_code == 78
    assert "nobody here to ask" in result.stderr


def test_no_secret_is_printed_or_written_on_the_way(moving):
    moving.plan()
    commands = (
        (*APPLY, "--yes"),
        ("migrate", "verify", "plan.json", "--details"),
        ("migrate", "report", "plan.json", "--html", "report.html"),
    )
    ran = [moving.telephony(*command) for command in commands]
    assert [result.exit_code for result in ran] == [0, 0, 0]
    assert {moving.diga.credentials(id).password for id in moving.diga.store} == {TRUNK_PASSWORD}
    assert TRUNK_PASSWORD not in "".join(result.output for result in ran)
    assert all(TRUNK_PASSWORD.encode() not in file.read_bytes() for file in moving.folder.iterdir())
