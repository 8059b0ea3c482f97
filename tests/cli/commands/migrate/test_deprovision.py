"""`telephony migrate rollback` and `release`: nothing is released that was not shown, accepted and confirmed."""

from __future__ import annotations

import json
import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from telephony_core.emulator import Fault, FaultKind
from telephony_core.migration.journal.entries import Action, Entry, Phase
from telephony_core.migration.journal.store import SqliteJournal
from telephony_core.migration.plan.store import load_plan
from tests.migration.keeping import Kept
from tests.migration.meddling import meddle, not_found

ROLLBACK = ("migrate", "rollback", "plan.json")
RELEASE = ("migrate", "release", "plan.json")
ACCEPTED = ("--allow", "unpublishes")
PAGE = (Path(__file__).parents[4] / "docs" / "cli.md").read_text(encoding="utf-8")


def deletes(moving):
    return [call for call in moving.writes() if call.startswith("DELETE")]


def released_at_the_source(moving):
    return [call.path for call in moving.vox.requests if call.method != "GET"]


@pytest.fixture(scope="module")
def kept():
    """What was made once, by its name."""
    return {}


@pytest.fixture
def once(kept, moving, monkeypatch):
    """Makes a state the first time, and puts it back every other time."""

    def once(name, make):
        emulators = moving.vox, moving.diga
        if name in kept:
            kept[name].put_back(*emulators)
            moving.folder = kept[name].folder
            monkeypatch.chdir(moving.folder)
        monkeypatch.setenv("XDG_STATE_HOME", str(moving.folder / "state"))
        if name not in kept:
            make()
            kept[name] = Kept.of(moving.folder, *emulators)
        return moving

    return once


@pytest.fixture
def moved(once, moving):
    return once("moved", moving.moved)


@pytest.fixture
def verified(once, moving):
    def make():
        moving.moved()
        assert moving.telephony("migrate", "verify", "plan.json").exit_code == 0

    return once("verified", make)


# -- rollback


def test_rollback_takes_back_all_that_was_made_and_touches_no_source(moved):
    result = moved.telephony(*ROLLBACK, "--yes", *ACCEPTED)
    assert result.exit_code == 0, result.stderr
    assert "3 released" in result.stdout
    assert moved.live() == []
    assert released_at_the_source(moved) == []


def test_rollback_says_first_what_cannot_be_undone_and_stops_at_what_was_not_accepted(moved):
    result = moved.telephony(*ROLLBACK, "--yes")
    assert result.exit_code == 8
    assert "is unpublished" in result.stderr
    assert "add --allow unpublishes" in result.stderr
    assert deletes(moved) == []


def test_rollback_has_to_be_confirmed(moved, at_terminal):
    assert moved.telephony(*ROLLBACK, *ACCEPTED).exit_code == 8
    at_terminal()
    refused = moved.telephony(*ROLLBACK, *ACCEPTED, stdin="n\n")
    assert refused.exit_code == 8
    assert "Release 3 numbers at diga (api.diga.io)?" in refused.stderr
    assert deletes(moved) == []
    assert moved.telephony(*ROLLBACK, *ACCEPTED, stdin="y\n").exit_code == 0


def test_rollback_of_one_number(moved):
    assert moved.telephony(*ROLLBACK, "--yes", *ACCEPTED, "--numbers", "070-1111-0001").exit_code == 0
    assert moved.live() == ["+827011110000", "+827011110002"]


def test_rollback_leaves_what_somebody_changed_and_ends_as_partial(moved):
    moved.diga.store.edit(next(iter(moved.diga.store)), {"nickname": "foreign"})
    result = moved.telephony(*ROLLBACK, "--yes", *ACCEPTED, "--json")
    assert result.exit_code == 6
    report = json.loads(result.stdout)
    assert report["remainder"] == ["+827011110002"]
    assert len(report["done"]) == 2
    assert moved.live() == ["+827011110002"]


def test_a_rollback_that_is_never_answered_has_the_code_of_what_may_have_happened(moved):
    moved.diga.faults.append(Fault(FaultKind.LATE, "DELETE"))
    result = moved.telephony(*ROLLBACK, "--yes", "--numbers", "+827011110000", *ACCEPTED)
    assert result.exit_code == 7


def test_what_is_in_doubt_goes_before_a_part_that_was_taken_back(moved):
    moved.diga.faults.append(Fault(FaultKind.LATE, "DELETE"))
    result = moved.telephony(*ROLLBACK, "--yes", *ACCEPTED, "--json")
    report = json.loads(result.stdout)
    assert (len(report["done"]), report["in_doubt"]) == (2, report["remainder"])
    assert len(report["in_doubt"]) == 1
    assert result.exit_code == 7


def test_rollback_again_has_nothing_to_do(moved):
    assert moved.telephony(*ROLLBACK, "--yes", *ACCEPTED).exit_code == 0
    again = moved.telephony(*ROLLBACK)
    assert again.exit_code == 0
    assert "nothing to roll back" in again.stdout


def documented(command):
    """The keys of the report that `docs/cli.md` names for a command."""
    row = re.search(rf"^\| [^|]*`migrate {command}`[^|]* \| (.*) \|$", PAGE, re.MULTILINE)
    assert row is not None
    return set(re.findall(r"`(\w+)`", re.sub(r"\([^)]*\)", "", row[1])))


def test_the_reports_have_the_keys_that_the_page_names_also_where_nothing_was_done(moving):
    moving.plan("--soak-hours", "0", "--timeout", "1")
    again = (*ROLLBACK, "--yes", *ACCEPTED)
    for words in (("migrate", "apply", "plan.json", "--yes"), ("migrate", "verify", "plan.json"), again, again):
        assert documented(words[1]) <= moving.telephony.json(*words).keys(), words
    for name in ("status", "report"):
        assert documented(name) <= moving.telephony.json("migrate", name, "plan.json").keys()


def test_what_is_in_doubt_is_named_also_where_nothing_was_released(verified):
    announce(Action.ROLL_BACK, "+827011110000", next(iter(verified.diga.store)))
    result = verified.telephony(*RELEASE, "--numbers", "+827011110000", "--json")
    assert (result.exit_code, json.loads(result.stdout)["in_doubt"]) == (7, ["+827011110000"])


def announce(action, key, record, ago=0):
    """The line that a command leaves in the journal which died after it, so many seconds ago."""
    at = datetime.now(UTC) - timedelta(seconds=ago)
    with SqliteJournal.writing(load_plan("plan.json"), "run", now=lambda: at) as journal:
        journal.append(Entry(key, action, Phase.INTENT, record))


def test_a_rollback_that_died_after_its_last_deletion_is_finished_without_a_question(moved):
    (first, *_) = moved.diga.store
    announce(Action.ROLL_BACK, "+827011110002", first)
    moved.diga.store.remove(first)
    result = moved.telephony(*ROLLBACK, "--numbers", "+827011110002")
    assert result.exit_code == 0, result.stderr
    assert "only recorded in the journal" in result.stderr
    assert moved.telephony.json("migrate", "status", "plan.json")["counts"] == {"moved": 2, "rolled_back": 1}
    assert deletes(moved) == []


def test_a_rollback_without_a_terminal_needs_yes(moved):
    refused = moved.telephony(*ROLLBACK, *ACCEPTED)
    assert refused.exit_code == 8
    assert "--yes" in refused.stderr
    assert deletes(moved) == []


def test_rollback_of_what_the_source_does_not_serve_has_to_be_accepted_by_name(moved):
    meddle(moved.vox, next(iter(moved.vox.store)), "suspended")
    result = moved.telephony(*ROLLBACK, "--yes", *ACCEPTED)
    assert result.exit_code == 6
    assert "unknown (suspended) there, not active" in result.stderr
    assert "--allow source_not_serving" in result.stderr
    assert moved.live() == ["+827011110000"]
    allowed = moved.telephony(*ROLLBACK, "--yes", *ACCEPTED, "--allow", "source_not_serving")
    assert allowed.exit_code == 0, allowed.stderr
    assert moved.live() == []


def test_where_the_source_serves_none_of_them_nothing_is_released_and_that_is_no_success(moved):
    for id in list(moved.vox.store):
        moved.vox.store.remove(id)
    result = moved.telephony(*ROLLBACK, "--yes", *ACCEPTED)
    assert result.exit_code == 5
    assert "nothing was released, 3 left alone" in result.stdout
    assert "nothing to roll back" not in result.stdout
    assert len(moved.live()) == 3


def test_what_was_accepted_when_the_plan_was_made_does_not_count(moving):
    moving.plan("--soak-hours", "0", "--timeout", "1", "--allow", "unpublishes", "--allow", "source_not_serving")
    assert moving.telephony("migrate", "apply", "plan.json", "--yes").exit_code == 0
    moving.vox.store.remove(next(iter(moving.vox.store)))
    result = moving.telephony(*ROLLBACK, "--yes")
    assert result.exit_code == 8
    assert "add --allow unpublishes" in result.stderr
    assert deletes(moving) == []
    assert moving.telephony(*ROLLBACK, "--yes", *ACCEPTED).exit_code == 6
    assert moving.live() == ["+827011110000"]


@pytest.mark.parametrize("back", [ROLLBACK, RELEASE])
@pytest.mark.parametrize("again", [True, False])
def test_what_changes_while_somebody_is_asked_is_shown_and_asked_again(verified, at_terminal, monkeypatch, back, again):
    at_terminal()
    id = next(iter(verified.diga.store))
    asked = []

    def meanwhile(*_question, **_options):
        asked.append(id)
        if len(asked) == 1:
            meddle(verified.diga, id, "another label")
            return True if back is ROLLBACK else "3"
        assert deletes(verified) == []
        return again if back is ROLLBACK else "2" if again else "3"

    monkeypatch.setattr("click.confirm" if back is ROLLBACK else "click.prompt", meanwhile)
    result = verified.telephony(*back, *ACCEPTED)
    assert len(asked) == 2
    assert "what would be released has changed meanwhile" in result.stderr
    assert "is not to be released any more" in result.stderr
    assert result.exit_code == (6 if again else 8)
    assert len(deletes(verified)) == (2 if again else 0)


@pytest.mark.parametrize("back", [(*ROLLBACK, "--yes"), (*RELEASE, "--yes-count", "3")])
def test_a_404_for_a_record_that_the_list_shows_is_believed_neither_way(verified, back):
    not_found(verified.diga, next(iter(verified.diga.store)))
    result = verified.telephony(*back, *ACCEPTED, "--json")
    assert result.exit_code == 6
    (left,) = json.loads(result.stdout)["left_alone"]
    assert left["error"] == "ContradictoryAnswers"
    assert len(deletes(verified)) == 2


# -- what is in doubt


@pytest.mark.parametrize(
    ("open_command", "back"),
    [(Action.RELEASE, (*ROLLBACK, "--yes")), (Action.ROLL_BACK, (*RELEASE, "--yes-count", "2"))],
)
def test_an_open_request_of_the_other_command_blocks_until_its_window_is_over(verified, open_command, back):
    first = next(iter((verified.vox if open_command is Action.RELEASE else verified.diga).store))
    announce(open_command, "+827011110000", first)
    result = verified.telephony(*back, *ACCEPTED)
    assert result.exit_code == 7
    assert "may still take effect (since 20" in result.stderr
    assert len(deletes(verified)) == 2
    alone = verified.telephony(*back[:3], "--numbers", "+827011110000", *ACCEPTED)
    assert alone.exit_code == 7
    assert len(deletes(verified)) == 2


def test_after_the_window_it_is_settled_by_looking(moved):
    announce(Action.RELEASE, "+827011110000", next(iter(moved.vox.store)), ago=901)
    result = moved.telephony(*ROLLBACK, "--yes", *ACCEPTED)
    assert result.exit_code == 0, result.stderr
    assert moved.live() == []
    assert released_at_the_source(moved) == []


# -- a journal that is not there


def lose(journal):
    for file in journal.parent.glob("plan.json.journal*"):
        file.unlink()


def empty(journal):
    lose(journal)
    journal.write_bytes(b"")


COMMANDS = (
    ("status",),
    ("verify",),
    ("rollback", "--yes", *ACCEPTED),
    ("release", "--yes-count", "3"),
    ("report",),
    ("apply", "--yes"),
)


@pytest.mark.parametrize("spoil", [lose, empty])
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_a_journal_that_was_lost_is_said_and_nothing_is_done(moved, command, spoil):
    spoil(moved.folder / "plan.json.journal")
    writes = moved.writes()
    name, *options = command
    result = moved.telephony("migrate", name, "plan.json", *options)
    assert result.exit_code not in (0, 70)
    assert "was lost" in result.stderr
    assert "nothing to" not in result.stdout
    assert moved.writes() == writes
    assert len(moved.live()) == 3


@pytest.mark.parametrize("command", COMMANDS[1:4], ids=lambda command: command[0])
def test_on_a_machine_that_never_saw_the_plan_a_missing_journal_is_said_too(moved, command, monkeypatch, tmp_path):
    lose(moved.folder / "plan.json.journal")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "another-machine"))
    name, *options = command
    result = moved.telephony("migrate", name, "plan.json", *options)
    assert result.exit_code == 1
    assert "has no journal beside it: it was not started here, or plan.json.journal was lost" in result.stderr
    assert "nothing to" not in result.stdout
    assert len(moved.live()) == 3


def test_there_apply_makes_nothing_twice_and_status_says_what_is_missing(moved, monkeypatch, tmp_path):
    lose(moved.folder / "plan.json.journal")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "another-machine"))
    status = moved.telephony("migrate", "status", "plan.json")
    assert "there is no journal beside the plan: it was not started, or its journal was lost" in status.stdout
    writes = moved.writes()
    result = moved.telephony("migrate", "apply", "plan.json", "--yes")
    assert result.exit_code == 5
    assert "it is there already" in result.stderr
    assert moved.writes() == writes


def test_an_old_copy_of_the_journal_does_not_hide_what_was_made_since(moving, monkeypatch):
    moving.plan("--canary", "0", "--concurrency", "1")
    assert moving.telephony("migrate", "apply", "plan.json", "--yes", "--numbers", "+827011110000").exit_code == 0
    journal = moving.folder / "plan.json.journal"
    shutil.copy(journal, "old")
    assert moving.telephony("migrate", "apply", "plan.json", "--yes").exit_code == 0
    lose(journal)
    shutil.copy("old", journal)
    refused = moving.telephony(*ROLLBACK, "--yes", *ACCEPTED)
    assert refused.exit_code == 1
    assert "older copy" in refused.stderr
    assert len(moving.live()) == 3
    monkeypatch.setenv("XDG_STATE_HOME", str(moving.folder / "another machine"))
    result = moving.telephony(*ROLLBACK, "--yes", *ACCEPTED)
    assert result.exit_code == 6
    assert moving.live() == ["+827011110001", "+827011110002"]
    again = moving.telephony(*ROLLBACK, "--yes", *ACCEPTED, "--json")
    assert again.exit_code == 5
    assert json.loads(again.stdout)["remainder"] == ["+827011110001", "+827011110002"]
    assert "the journal does not say that it was made by this migration" in again.stdout


def test_every_line_on_stderr_is_json_with_json(moved):
    result = moved.telephony(*ROLLBACK, "--yes", *ACCEPTED, "--json")
    lines = [json.loads(line) for line in result.stderr.splitlines()]
    assert "preview" in lines[0]
    assert {next(iter(line)) for line in lines[1:]} == {"event"}


# -- release


def test_release_releases_the_source_once_the_count_is_typed(verified, at_terminal):
    at_terminal()
    result = verified.telephony(*RELEASE, stdin="3\n")
    assert result.exit_code == 0, result.stderr
    assert "takes effect at once, and cannot be revoked" in result.stderr
    assert "never compared, because the provider does not return them" in result.stderr
    assert "Type how many numbers are to be released at vox (client-api.tryvox.co)" in result.stderr
    assert "3 released" in result.stdout
    assert len(verified.live()) == 3


@pytest.mark.parametrize("typed", ["2", "y", "", "three", "٣"])
def test_release_does_nothing_for_any_other_word(verified, at_terminal, typed):
    at_terminal()
    result = verified.telephony(*RELEASE, stdin=f"{typed}\n")
    assert result.exit_code == 8
    assert released_at_the_source(verified) == []


def test_release_needs_the_count_where_there_is_no_terminal(verified):
    refused = verified.telephony(*RELEASE)
    assert refused.exit_code == 8
    assert "say --yes-count 3" in refused.stderr
    assert verified.telephony(*RELEASE, "--yes-count", "2").exit_code == 8
    assert released_at_the_source(verified) == []
    assert verified.telephony(*RELEASE, "--yes-count", "3").exit_code == 0


def test_what_is_not_verified_is_not_released(moved):
    result = moved.telephony(*RELEASE, "--yes-count", "3")
    assert result.exit_code == 5
    assert "`telephony verify PLAN`" in result.stderr
    assert released_at_the_source(moved) == []


def test_nothing_is_released_before_the_soak_is_over(moving):
    moving.plan("--soak-hours", "72")
    assert moving.telephony("migrate", "apply", "plan.json", "--yes").exit_code == 0
    assert moving.telephony("migrate", "verify", "plan.json").exit_code == 0
    result = moving.telephony(*RELEASE, "--yes-count", "3", "--json")
    assert result.exit_code == 5
    report = json.loads(result.stdout)
    assert len(report["remainder"]) == 3
    assert report["complete"] is False
    assert released_at_the_source(moving) == []


def test_a_release_that_died_is_finished_without_a_count_where_nothing_can_be_released(moved):
    (first, *_) = moved.vox.store
    announce(Action.RELEASE, "+827011110000", first)
    moved.vox.store.remove(first)
    result = moved.telephony(*RELEASE, "--numbers", "+827011110000")
    assert result.exit_code == 0, result.stderr
    assert moved.telephony.json("migrate", "status", "plan.json")["counts"] == {"moved": 2, "released": 1}
    assert released_at_the_source(moved) == []


def test_one_number_can_be_released_first(verified):
    result = verified.telephony(*RELEASE, "--yes-count", "1", "--numbers", "+827011110001")
    assert result.exit_code == 0
    assert len(released_at_the_source(verified)) == 1
    assert verified.telephony.json("migrate", "status", "plan.json")["counts"] == {"moved": 2, "released": 1}


# -- nothing that is needed to go back is written over


@pytest.mark.parametrize(
    "words",
    [
        ("inventory", "-p", "vox", "-o", "plan.json"),
        ("inventory", "-p", "vox", "-o", "plan.json.journal"),
        ("migrate", "map", "vox.json", "--to", "diga", "-o", "plan.json"),
        ("migrate", "report", "plan.json", "--html", "plan.json"),
        ("migrate", "plan", "vox.json", "--to", "diga", "--map", "map.toml", "-o", "map.toml"),
        ("migrate", "plan", "vox.json", "--to", "diga", "--map", "map.toml", "-o", "vox.json"),
        ("migrate", "map", "vox.json", "--to", "diga", "-o", "vox.json"),
    ],
    ids=" ".join,
)
def test_no_force_writes_over_a_begun_plan_a_journal_or_what_the_command_reads(moved, words):
    before = {file.name: file.read_bytes() for file in moved.folder.iterdir() if file.is_file()}
    refused = moved.telephony(*words, "--force")
    assert refused.exit_code in (1, 64), refused.stderr
    assert {name: (moved.folder / name).read_bytes() for name in before} == before
    assert moved.telephony(*ROLLBACK, "--yes", *ACCEPTED).exit_code == 0


def test_status_of_a_copied_plan_names_the_one_that_was_begun(moved):
    (moved.folder / "copy").mkdir()
    shutil.copy("plan.json", "copy/plan.json")
    told = moved.telephony("migrate", "status", "copy/plan.json")
    assert told.exit_code == 5
    assert str(moved.folder / "plan.json") in told.stderr


def test_a_copy_that_took_the_place_and_did_nothing_leaves_it_to_the_journal_that_knows(moved):
    (moved.folder / "copy").mkdir()
    shutil.copy("plan.json", "copy/plan.json")
    assert moved.telephony("migrate", "apply", "copy/plan.json", "--yes", "--take-over").exit_code == 5
    assert moved.telephony("migrate", "verify", "plan.json").exit_code == 0


def test_after_a_rollback_of_one_verify_does_not_send_back_to_apply(moved):
    assert moved.telephony(*ROLLBACK, "--yes", *ACCEPTED, "--numbers", "+827011110002").exit_code == 0
    told = json.loads(moved.telephony("migrate", "verify", "plan.json", "--json").stdout)
    assert told["not_moved"] == []  # the agent that the others share was unpublished with it, and that differs
    assert told["next"] == [
        "telephony migrate verify plan.json",
        "telephony migrate rollback plan.json --numbers +827011110000 --numbers +827011110001",
    ]
    assert moved.telephony(*ROLLBACK, "--yes", *ACCEPTED).exit_code == 0
    assert moved.telephony.json("migrate", "verify", "plan.json")["next"] == ["telephony migrate report plan.json"]
