"""Plans for many numbers at the terminal: how they are made, shown, carried out and undone, and how each of it ends."""

from __future__ import annotations

import json

import pytest

from telephony_core.emulator import Fault, FaultKind

TRUNK = ("--address", "new.example.com:5060", "--username", "acme", "--password", "env:TRUNK_PASSWORD")
WHERE = ("--where", "status=active")
HEAD = "number,label,address,username,password,allowed_addresses"
REST = "pbx.example.com,acme,env:TRUNK_PASSWORD,203.0.113.7"


def table(moving, *rows: str, head: str = HEAD) -> None:
    (moving.folder / "numbers.csv").write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")


def test_settings_are_planned_applied_verified_and_set_back(moving):
    telephony = moving.telephony
    made = telephony("numbers", "set", "-p", "vox", *WHERE, "--label", "New", "-o", "plan.json", "--html", "plan.html")
    assert made.exit_code == 0, made.stderr
    assert "Change 3 of 3 numbers at vox." in made.stdout
    assert made.stdout.endswith("next: telephony apply plan.json\n")
    assert moving.writes() == []
    assert "Change 3 numbers at vox" in (moving.folder / "plan.html").read_text()
    applied = telephony("apply", "plan.json", "--yes")
    assert applied.stdout == "3 of 3 changed\nnext: telephony verify plan.json\n"
    assert len(moving.writes()) == 3
    assert telephony("verify", "plan.json").exit_code == 0
    assert "3 changed" in telephony("status", "plan.json").stdout
    assert telephony("rollback", "plan.json", "--yes").stdout.splitlines()[0] == "3 set back"
    labels = {number["label"] for number in telephony.json("numbers", "list", "-p", "vox")}
    assert labels == {"line 0", "line 1", "line 2"}
    report = telephony("report", "plan.json", "--html", "report.html")
    assert "3 rolled back" in report.stdout
    assert "Changing 3 numbers at vox" in (moving.folder / "report.html").read_text()


def test_the_spellings_of_migrate_serve_every_plan(moving):
    moving.telephony("numbers", "set", "-p", "vox", *WHERE, "--label", "New", "-o", "plan.json")
    assert moving.telephony("migrate", "apply", "plan.json", "--yes").stdout.startswith("3 of 3 changed")
    assert moving.telephony("migrate", "verify", "plan.json").exit_code == 0


def test_a_migration_can_be_carried_out_by_the_one_spelling(moving):
    moving.plan("--timeout", "1")
    assert moving.telephony("apply", "plan.json", "--yes").stdout.startswith("3 of 3 moved")
    assert moving.telephony("verify", "plan.json").exit_code == 0


def test_a_trunk_is_changed_for_many_and_no_output_shows_its_password(moving):
    made = moving.telephony("sip", "set", "-p", "vox", *WHERE, *TRUNK, "-o", "plan.json")
    applied = moving.telephony("apply", "plan.json", "--yes", "--json")
    assert applied.exit_code == 0, applied.stderr
    assert json.loads(applied.stdout)["kind"] == "set"
    assert {record["address"] for record in moving.vox.records()} == {"sip:new.example.com:5060"}
    back = moving.telephony("rollback", "plan.json", "--yes")
    assert back.exit_code == 5  # nothing of it can be set back at vox
    assert "NotRestorable" in moving.telephony("rollback", "plan.json", "--yes", "--json").stdout
    for text in (made.stdout, applied.stdout, applied.stderr, back.stderr):
        assert "trunk-pw-canary" not in text
    for file in moving.folder.iterdir():
        assert not file.is_file() or b"trunk-pw-canary" not in file.read_bytes()


def test_numbers_are_named_by_a_file_and_by_spelling(moving):
    (moving.folder / "some.txt").write_text("# two of them\n070-1111-0000\n+82 70 1111 0001\n")
    made = moving.telephony.json(
        "numbers", "set", "-p", "vox", "--from", "some.txt", "--numbers", "07011110002", "--label", "x", "-o", "p.json"
    )
    assert [number["key"] for number in made["numbers"]] == ["+827011110000", "+827011110001", "+827011110002"]
    assert made["selection"] == {"where": [], "numbers": ["07011110002", "070-1111-0000", "+82 70 1111 0001"]}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("numbers", "set", "-p", "vox", "--label", "x", "-o", "p.json"), 65, "never means all numbers"),
        (("numbers", "set", "-p", "vox", "--where", "label=?", "--label", "x", "-o", "p.json"), 65, "no number fits"),
        (("numbers", "set", "-p", "vox", "--where", "lable=x", "--label", "x", "-o", "p.json"), 65, "the fields are"),
        (("numbers", "set", "-p", "vox", *WHERE, "-o", "p.json"), 65, "change nothing"),
        (("numbers", "set", "-p", "vox", *WHERE, "--label", "x"), 64, "Say -o plan.json"),
        (("numbers", "set", "-p", "vox", *WHERE, "--label", "x", "--clear-label", "-o", "p.json"), 64, "contradict"),
        (("numbers", "set", "-p", "vox", *WHERE, "--password", "-", "-o", "p.json"), 64, "stdin is nowhere"),
        (("numbers", "set", "-p", "vox", *WHERE, "--inbound-agent", "a", "-o", "p.json"), 64, "which version"),
        (("sip", "set", "-p", "vox", "--address", "new.example.com"), 64, "which numbers"),
        (("sip", "set", "-p", "vox", "070-1111-0000", *WHERE, "--address", "new.example.com"), 64, "leave it out"),
        (("sip", "set", "-p", "vox", *WHERE, "--address", "new.example.com", "-o", "p.json"), 65, "outbound.password"),
        (("numbers", "import", "-p", "vox"), 64, "give NUMBER, or --from"),
        (("numbers", "set", "-p", "vox", "--from", "none.txt", "--label", "x", "-o", "p.json"), 64, "--from: none.txt"),
        (("numbers", "import", "-p", "vox", "070-1", "--from", "numbers.csv"), 64, "give NUMBER, or --from"),
        (("numbers", "import", "-p", "vox", "--from", "numbers.csv", "--label", "x", "-o", "p.json"), 64, "each row"),
        (("numbers", "import", "-p", "vox", "--from", "numbers.csv"), 64, "Say -o plan.json"),
        (("numbers", "import", "-p", "vox", "--from", "none.csv", "-o", "p.json"), 65, "cannot be read"),
        (("numbers", "import", "-p", "vox", "070-1111-9999", "-o", "p.json"), 64, "is for a plan of many numbers"),
        (("numbers", "import", "-p", "vox", "070-1111-9999", "--canary", "1"), 64, "--canary is for a plan"),
        (("numbers", "import", "-p", "vox", "070-1111-9999", "--canary", "0"), 64, "--canary is for a plan"),
        (("numbers", "import", "-p", "vox", "--from", "numbers.csv", "--label", "", "-o", "p.json"), 64, "each row"),
        (("sip", "set", "-p", "vox", "070-1111-0000", *TRUNK, "--allow", "shared_trunk"), 64, "--allow is for a plan"),
        (("numbers", "import", "-p", "vox", "070-1111-9999", "--allow", "tls"), 64, "means nothing for one"),
        (("schema", "plans"), 64, "the names are"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_nothing_is_sent(words, code, said, moving):
    table(moving, f"+827033330000,A,{REST}")
    refused = moving.telephony(*words)
    assert (refused.exit_code, said in refused.stderr) == (code, True), refused.stderr
    assert moving.writes() == []
    assert not (moving.folder / "p.json").exists()


def test_check_shows_the_plan_and_writes_no_file(moving):
    shown = moving.telephony("numbers", "set", "-p", "vox", *WHERE, "--label", "x", "--check")
    assert "Change 3 of 3 numbers at vox." in shown.stdout
    assert "next:" not in shown.stdout
    assert list(moving.folder.glob("*.json")) == []
    assert moving.telephony("numbers", "set", "-p", "vox", *WHERE, "--label", "x", "--check", "-o", "p").exit_code == 64


def test_a_table_is_planned_applied_and_taken_back(moving):
    table(moving, f"+34612000001,A,{REST}", f"+34612000002,B,{REST}")
    made = moving.telephony("numbers", "import", "-p", "diga", "--from", "numbers.csv", "-o", "plan.json")
    assert made.exit_code == 0, made.stderr
    assert moving.telephony("apply", "plan.json", "--yes").stdout.startswith("2 of 2 imported")
    assert moving.live() == ["+34612000001", "+34612000002"]
    assert "send inbound calls of 2 numbers" in moving.telephony("verify", "plan.json").stdout
    assert moving.telephony("migrate", "release", "plan.json", "--yes-count", "2").exit_code == 1
    again = moving.telephony("numbers", "import", "-p", "diga", "--from", "numbers.csv", "-o", "again.json")
    assert "Nothing to import at diga: 2 numbers assessed." in again.stdout
    assert moving.telephony("rollback", "plan.json", "--yes").stdout.startswith("2 released")
    assert moving.live() == []


@pytest.mark.parametrize("spelling", ["+34 612 000 001", "612000001", "0034 612 000 001"])
def test_the_numbers_of_a_table_are_named_in_any_spelling(spelling, moving):
    table(moving, f"+34612000001,A,{REST}", f"+34612000002,B,{REST}")
    moving.telephony("numbers", "import", "-p", "diga", "--from", "numbers.csv", "-o", "plan.json")
    applied = moving.telephony("apply", "plan.json", "--numbers", spelling, "--yes")
    assert applied.stdout.startswith("1 of 1 imported"), applied.stderr
    assert "2 numbers: 1 not started, 1 imported" in moving.telephony("status", "plan.json").stdout


def test_every_problem_of_a_table_has_its_line(moving):
    table(
        moving,
        f"8.21E+11,A,{REST}",
        f"+34612000001,A,{REST}",
        "+34612000002,A,pbx.example.com,acme,hunter2,203.0.113.7",
    )
    words = ("numbers", "import", "-p", "diga", "--from", "numbers.csv", "-o", "plan.json")
    refused = moving.telephony(*words)
    assert refused.exit_code == 65
    first, second, error, _ = refused.stderr.splitlines()
    assert first.startswith("line 2, number: 8.21E+11")
    assert second.startswith("line 4, password: this is not a reference")
    assert error == "error: the table numbers.csv has 2 problems in 2 rows; nothing was written"
    problems = moving.telephony.error(*words)["problems"]
    assert [(problem["line"], problem["column"]) for problem in problems] == [(2, "number"), (4, "password")]
    assert "hunter2" not in refused.stderr
    assert moving.diga.requests == []


def test_what_the_provider_does_not_take_is_told_before_it_is_asked_anything(moving):
    table(moving, f"+34612000001,A,{REST}")
    for words, said in (
        (("numbers", "import", "--from", "numbers.csv"), "numbers of KR only"),
        (("numbers", "set", "--where", "lable=x", "--label", "x"), "the fields are"),
        (("numbers", "set", "--where", "outbound.username=x", "--label", "x"), "does not return outbound.username"),
        (("numbers", "set", *WHERE), "change nothing"),
    ):
        refused = moving.telephony(*words, "-p", "vox", "-o", "p.json")
        assert (refused.exit_code, said in refused.stderr) == (65, True), refused.stderr
    assert moving.vox.requests == []


def test_apply_asks_where_somebody_is_there(moving, at_terminal):
    moving.telephony("numbers", "set", "-p", "vox", *WHERE, "--label", "x", "-o", "plan.json")
    assert moving.telephony("apply", "plan.json").exit_code == 8
    at_terminal()
    refused = moving.telephony("apply", "plan.json", stdin="n\n")
    assert "Change 3 numbers at vox" in refused.stderr + refused.stdout
    assert moving.writes() == []


def test_a_change_whose_answers_were_lost_ends_with_unknown(moving):
    moving.telephony("numbers", "set", "-p", "vox", *WHERE, "--label", "x", "-o", "plan.json", "--timeout", "0.2")
    moving.vox.faults.append(Fault(FaultKind.LOST_BEFORE, "PATCH", times=99))
    assert moving.telephony("apply", "plan.json", "--yes").exit_code == 7
    moving.vox.faults.clear()
    assert moving.telephony("apply", "plan.json", "--yes").exit_code == 0


def test_drift_since_a_kept_inventory_has_an_exit_code_of_its_own(moving):
    moving.inventory()
    words = ("inventory", "diff", "vox.json", "--detailed-exitcode")
    assert moving.telephony(*words).exit_code == 0
    assert moving.telephony("numbers", "label", "-p", "vox", "070-1111-0001", "x").exit_code == 0
    moving.vox.requests.clear()
    differs = moving.telephony(*words)
    assert (differs.exit_code, "label: line 1 → x" in differs.stdout) == (2, True)
    assert moving.telephony(*words[:-1]).exit_code == 0
    assert moving.writes() == []
    moving.vox.faults.append(Fault(FaultKind.REFUSED, times=99))
    assert moving.telephony(*words).exit_code == 69
