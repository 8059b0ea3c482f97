"""`telephony migrate apply`, `status`, `verify` and `report`: how they ask, tell, end, and go on."""

from __future__ import annotations

import importlib
import json
import shutil

import pytest

from telephony_core.cli.commands.migrate.running import exit_code
from telephony_core.cli.exit_codes import BY_NAME, exit_code_for
from telephony_core.emulator import Fault, FaultKind
from telephony_core.errors import MigrationError
from telephony_core.migration.run.stopping import Stopped
from telephony_core.provider.flow import Response
from tests.cli.conftest import PLAN, TRUNK_PASSWORD

APPLY = ("migrate", "apply", "plan.json")


def events(result):
    return [line["event"] for line in map(json.loads, result.stderr.splitlines()) if "event" in line]


def refuse(moving, status):
    """Diga refuses the first write with this status."""
    answer = Response(status, {"content-type": "application/json"}, b"{}")
    moving.diga.faults.append(Fault(FaultKind.ANSWER, method="POST", response=answer))


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


def test_off_a_terminal_progress_is_one_line_of_json_for_each_event_on_stderr(moving):
    moving.plan()
    told = events(moving.telephony(*APPLY, "--yes"))
    assert [each["kind"] for each in told].count("number_done") == 3
    assert (told[0]["kind"], told[-1]["kind"], told[-1]["done"]) == ("started", "ended", 3)


def test_json_is_the_report_and_nothing_else_on_stdout(moving):
    moving.plan()
    result = moving.telephony(*APPLY, "--yes", "--json")
    report = json.loads(result.stdout)
    assert (report["total"], report["done"], report["complete"], report["remainder"]) == (3, 3, True, [])
    assert report["next"] == ["telephony migrate verify plan.json"]


def test_a_part_of_it_has_a_code_of_its_own_and_its_remainder_can_be_fed_back(moving):
    moving.plan("--canary", "0", "--concurrency", "1")
    refuse(moving, 422)
    result = moving.telephony(*APPLY, "--yes", "--json")
    assert result.exit_code == 6
    assert json.loads(result.stdout)["remainder"] == ["+827011110000"]
    (moving.folder / "run.json").write_text(result.stdout)
    again = moving.telephony(*APPLY, "--yes", "--numbers", "@run.json")
    assert again.exit_code == 0
    assert "1 of 1 moved" in again.stdout
    assert len(moving.live()) == 3


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


def test_a_failed_canary_keeps_the_rest_and_is_an_error(moving):
    moving.plan()
    refuse(moving, 422)
    result = moving.telephony(*APPLY, "--yes")
    assert result.exit_code == 1
    assert "stopped (canary)" in result.stdout
    assert moving.live() == []


def test_an_import_that_is_never_answered_has_the_code_of_what_may_have_happened(moving):
    moving.plan("--timeout", "0.05", "--settling-window", "0.1")
    moving.diga.faults.append(Fault(FaultKind.LOST_BEFORE, "POST", times=9))
    assert moving.telephony(*APPLY, "--yes").exit_code == 7


def test_an_import_that_is_never_answered_goes_before_a_part_that_was_done(moving):
    moving.plan("--timeout", "0.05", "--settling-window", "0.1", "--canary", "0", "--concurrency", "1")
    assert moving.telephony(*APPLY, "--yes", "--numbers", "+827011110000").exit_code == 0
    moving.diga.faults.append(Fault(FaultKind.LOST_BEFORE, "POST", times=9))
    result = moving.telephony(*APPLY, "--yes", "--json", "--numbers", "+827011110000", "--numbers", "+827011110001")
    report = json.loads(result.stdout)
    assert (report["done"], report["in_doubt"]) == (1, ["+827011110001"])
    assert result.exit_code == 7


@pytest.mark.parametrize(
    ("complete", "doubted", "done", "stopped", "code"),
    [
        (True, False, 3, None, 0),
        (False, True, 3, Stopped.ASKED, 7),
        (False, True, 3, None, 7),
        (False, True, 0, Stopped.KEY, 7),
        (False, False, 3, Stopped.ASKED, 130),
        (False, False, 3, Stopped.KEY, 6),
        (False, False, 0, Stopped.KEY, 77),
        (False, False, 0, Stopped.CANARY, 1),
    ],
)
def test_a_run_ends_with_the_first_code_that_fits(complete, doubted, done, stopped, code):
    assert exit_code(complete, doubted, done, stopped) == code


def test_what_was_rolled_back_is_no_part_that_was_done(moving):
    moving.plan("--canary", "0", "--concurrency", "1")
    assert moving.telephony(*APPLY, "--yes", "--numbers", "+827011110000").exit_code == 0
    assert moving.telephony("migrate", "rollback", "plan.json", "--yes", "--allow", "unpublishes").exit_code == 0
    refuse(moving, 422)
    assert moving.telephony(*APPLY, "--yes", "--stop-on-error").exit_code == 1


def test_a_key_that_is_refused_ends_with_its_code(moving):
    moving.plan()
    refuse(moving, 401)
    assert moving.telephony(*APPLY, "--yes").exit_code == 77


def test_the_first_error_can_be_the_last(moving):
    moving.plan("--canary", "0", "--concurrency", "1")
    refuse(moving, 422)
    result = moving.telephony(*APPLY, "--yes", "--stop-on-error")
    assert result.exit_code == 1
    assert moving.live() == []


def test_one_number_can_be_chosen(moving):
    moving.plan()
    assert moving.telephony(*APPLY, "--yes", "--numbers", "070-1111-0002").exit_code == 0
    assert moving.live() == ["+827011110002"]


def test_a_number_that_the_plan_does_not_move_is_refused(moving):
    moving.plan()
    result = moving.telephony(*APPLY, "--yes", "--numbers", "+827099999999")
    assert result.exit_code == 65
    assert "does not move" in result.stderr


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
    printed = [moving.telephony(*APPLY, "--yes").output]
    printed += [moving.telephony("migrate", "verify", "plan.json", "--every-field").output]
    printed += [moving.telephony("migrate", "report", "plan.json", "--html", "report.html").output]
    assert TRUNK_PASSWORD not in "".join(printed)
    assert all(TRUNK_PASSWORD.encode() not in file.read_bytes() for file in moving.folder.iterdir())


def test_two_runs_at_once_are_refused(moving):
    from telephony_core.migration.journal.store import SqliteJournal
    from telephony_core.migration.plan.store import load_plan

    moving.plan()
    with SqliteJournal.writing(load_plan("plan.json"), "apply", create=True):
        result = moving.telephony(*APPLY, "--yes")
    assert result.exit_code == 5
    assert "another run is at work" in result.stderr
    assert "`telephony migrate status`" in result.stderr


@pytest.mark.parametrize("command", ["apply", "status", "verify", "rollback", "release", "report"])
def test_a_journal_that_is_damaged_stops_everything_and_is_left_as_it_is(moving, command):
    moving.moved()
    journal = moving.folder / "plan.json.journal"
    journal.write_bytes(b"no database at all")
    result = moving.telephony("migrate", command, "plan.json")
    assert result.exit_code == 1
    assert "next: put it aside and keep it" in result.stderr
    assert journal.read_bytes() == b"no database at all"


def test_errors_that_have_codes_by_name_exist():
    for name in BY_NAME:
        module, _, kind = name.rpartition(".")
        assert getattr(importlib.import_module(module), kind).__module__ == module  # where it is defined, not only seen


EXIT_CODES = {
    "InDoubt": 7,
    "Interrupted": 130,
    "JournalLocked": 5,
    "JournalNotWritable": 71,
    "PlanElsewhere": 5,
    "StalePlan": 5,
}
"""Of the errors of migrations; those that are not here end with 1."""


def test_every_error_of_a_migration_ends_with_its_code():
    importlib.import_module("telephony_core.migration")
    kinds, found = [MigrationError], {}
    while kinds:
        kind = kinds.pop()
        kinds += kind.__subclasses__()
        if (code := exit_code_for(kind.__new__(kind))) != 1:
            found[kind.__name__] = code
    assert found == EXIT_CODES


def test_an_error_of_one_end_names_its_connection_and_host(moving, monkeypatch):
    moving.plan()
    monkeypatch.setenv("TELEPHONY_DIGA_API_KEY", "wrong-key")
    error = json.loads(moving.telephony(*APPLY, "--yes", "--json").stderr.splitlines()[-1])["error"]
    assert (error["kind"], error["provider"], error["connection"]) == ("AuthenticationFailed", "diga", "diga")
    assert error["host"] == "api.diga.io"
    assert "error: diga (api.diga.io) " in moving.telephony(*APPLY, "--yes").stderr


# -- status


def test_status_before_during_and_after(moving):
    moving.plan()
    before = moving.telephony("migrate", "status", "plan.json")
    assert before.exit_code == 0
    assert "3 not started" in before.stdout
    assert "next: telephony migrate apply plan.json" in before.stdout
    assert moving.telephony(*APPLY, "--yes").exit_code == 0
    asked = len(moving.diga.requests)
    data = moving.telephony.json("migrate", "status", "plan.json")
    assert (data["counts"], data["remainder"]) == ({"moved": 3}, [])
    assert data["next"] == ["telephony migrate verify plan.json"]
    assert len(moving.diga.requests) == asked


def test_status_of_a_plan_that_is_not_there(moving):
    result = moving.telephony("migrate", "status", "nowhere.json")
    assert result.exit_code == 1
    assert "cannot be read" in result.stderr


# -- verify


def test_verify_says_equal_and_what_is_to_be_done_at_the_carrier(moving):
    moving.moved()
    result = moving.telephony("migrate", "verify", "plan.json")
    assert result.exit_code == 0
    assert "3 of 3 numbers are equal" in result.stdout
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
    every = moving.telephony("migrate", "verify", "plan.json", "--every-field").stdout
    assert "label: equal" in every.lower()


def test_verify_of_a_plan_that_was_not_begun_names_the_command_that_begins(moving):
    moving.plan()
    result = moving.telephony("migrate", "verify", "plan.json")
    assert result.exit_code == 1
    assert "`telephony migrate apply`" in result.stderr


# -- report


def test_report_tells_every_number_and_what_stayed(moving):
    moving.vox.add(number="140001", memo="short")
    moving.moved()
    result = moving.telephony("migrate", "report", "plan.json")
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
    assert "+827011110000" in (moving.folder / "report.html").read_text(encoding="utf-8")
    assert moving.telephony(*command).exit_code == 1
    assert moving.telephony(*command, "--force").exit_code == 0


# -- on a terminal


class Terminal:
    """Takes what goes to stderr, and says that it is a terminal."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text):
        self.text += text
        return len(text)

    def flush(self):
        pass

    def isatty(self):
        return True


@pytest.mark.parametrize("columns", ["40", "100"])
@pytest.mark.parametrize("colour", [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {}])
def test_progress_is_a_bar_on_any_terminal(monkeypatch, columns, colour):
    from datetime import UTC, datetime

    from telephony_core.cli.output.progress import Progress
    from telephony_core.cli.session import Session
    from telephony_core.migration.run.events import Event, EventKind

    for name, value in {"COLUMNS": columns, "TERM": "xterm", **colour}.items():
        monkeypatch.setenv(name, value)
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    session = Session(secrets={"pw-canary"})

    def event(kind, **data):
        return Event(kind=kind, at=datetime.now(UTC), total=3, **data)

    with Progress(session, "moved") as progress:
        progress.event(event(EventKind.STARTED, message="3 of 3 numbers to move"))
        assert terminal.text == ""  # somebody may be asked for a password now
        progress.event(event(EventKind.NOTICE, message="taking the place of a run"))
        assert "taking the place" in terminal.text
        progress.event(event(EventKind.NUMBER_STARTED, number="+827011110000"))
        progress.event(event(EventKind.WAITING, message="1 s: for pw-canary"))
        progress.event(event(EventKind.NUMBER_FAILED, number="+827011110000", message="refused pw-canary", failed=1))
        progress.event(event(EventKind.NOTICE, message="a lock\x1b[31m was taken over"))
        progress.event(event(EventKind.NOTICE, message="stopping"))
    assert "+827011110000: refused [hidden]" in terminal.text.replace("\n", "")
    assert "a lock\\x1b[31m" in terminal.text
    assert "stopping" in terminal.text
    assert "pw-canary" not in terminal.text


def test_a_reader_that_goes_away_does_not_stop_the_run(moving, monkeypatch):
    moving.plan()
    from telephony_core.cli.output import progress

    def gone(*_arguments, **_options):
        raise BrokenPipeError

    monkeypatch.setattr(progress, "safe_json", gone)
    assert moving.telephony(*APPLY, "--yes").exit_code == 0
    assert len(moving.live()) == 3


def test_a_plan_that_moves_nothing_is_applied_at_once(moving):
    moving.inventory()
    moving.telephony("migrate", "map", "vox.json", "--to", "diga", "-o", "map.toml")
    assert moving.telephony(*PLAN).exit_code == 0
    assert moving.telephony(*APPLY).exit_code == 0


# -- one plan under two names


def begun(moving):
    """One number of three is moved, and the whole folder is copied then."""
    moving.plan("--canary", "0", "--concurrency", "1")
    assert moving.telephony(*APPLY, "--yes", "--numbers", "+827011110000").exit_code == 0
    (moving.folder / "copy").mkdir()
    for file in moving.folder.glob("plan.json*"):
        shutil.copy(file, moving.folder / "copy")


def test_a_plan_through_a_link_goes_on_with_the_same_run(moving):
    begun(moving)
    (moving.folder / "link.json").symlink_to("plan.json")
    assert moving.telephony.json("migrate", "status", "link.json")["counts"] == {"moved": 1, "not_started": 2}
    result = moving.telephony("migrate", "apply", "link.json", "--yes")
    assert result.exit_code == 0, result.stderr
    assert moving.telephony.json("migrate", "status", "plan.json")["counts"] == {"moved": 3}
    assert len(moving.live()) == 3


@pytest.mark.parametrize("command", [("apply", "--yes"), ("verify",), ("rollback", "--yes", "--allow", "unpublishes")])
def test_a_copy_of_a_plan_is_refused_by_name_and_told_how_to_take_over(moving, command):
    begun(moving)
    name, *options = command
    writes = moving.writes()
    refused = moving.telephony("migrate", name, "copy/plan.json", *options)
    assert refused.exit_code == 5
    assert f"this plan was started as {moving.folder / 'plan.json'}" in refused.stderr
    assert "--take-over" in refused.stderr
    assert moving.writes() == writes
    taken = moving.telephony("migrate", name, "copy/plan.json", *options, "--take-over")
    assert taken.exit_code == (9 if name == "verify" else 0), taken.stderr


def test_another_plan_for_the_same_number_is_told_which_one_has_it(moving):
    moving.plan("--canary", "0")
    rival = [*PLAN[:-1], "rival.json", "--canary", "0", "--concurrency", "1"]
    assert moving.telephony(*rival).exit_code == 0
    assert moving.telephony(*APPLY, "--yes").exit_code == 0
    moving.diga.hide_new_for = 10_000  # as if no list showed them yet
    for id in moving.diga.store:
        moving.diga.appeared(id)
    writes = moving.writes()
    result = moving.telephony("migrate", "apply", "rival.json", "--yes", "--json")
    assert result.exit_code == 1
    failures = json.loads(result.stdout)["failures"]
    assert {failure["error"] for failure in failures} == {"NumberClaimed"}
    plan = (moving.folder / "plan.json").resolve()
    assert all(f"the plan {plan} imported" in failure["message"] for failure in failures)
    assert moving.writes() == writes
