"""`telephony migrate rollback` and `release`: nothing is given up that was not shown, accepted and confirmed."""

from __future__ import annotations

import json

import pytest

from telephony_core.emulator import Fault, FaultKind
from telephony_core.migration.entries import Action, Entry, Phase
from telephony_core.migration.journal import SqliteJournal
from telephony_core.migration.plan import load_plan

ROLLBACK = ("migrate", "rollback", "plan.json")
RELEASE = ("migrate", "release", "plan.json")
ACCEPTED = ("--accept", "unpublishes")


def deletes(moving):
    return [call for call in moving.writes() if call.startswith("DELETE")]


def gave_up_at_the_source(moving):
    return [call.path for call in moving.vox.requests if call.method != "GET"]


@pytest.fixture
def moved(moving):
    moving.moved()
    return moving


@pytest.fixture
def verified(moved):
    assert moved.telephony("migrate", "verify", "plan.json").exit_code == 0
    return moved


# -- rollback


def test_rollback_takes_back_all_that_was_made_and_touches_no_source(moved):
    result = moved.telephony(*ROLLBACK, "--yes", *ACCEPTED)
    assert result.exit_code == 0, result.stderr
    assert "3 given up" in result.stdout
    assert moved.live() == []
    assert gave_up_at_the_source(moved) == []


def test_rollback_says_first_what_cannot_be_undone_and_stops_at_what_was_not_accepted(moved):
    result = moved.telephony(*ROLLBACK, "--yes")
    assert result.exit_code == 8
    assert "goes off the air" in result.stderr
    assert "say --accept unpublishes" in result.stderr
    assert deletes(moved) == []


def test_rollback_has_to_be_confirmed(moved, at_terminal):
    assert moved.telephony(*ROLLBACK, *ACCEPTED).exit_code == 8
    at_terminal()
    refused = moved.telephony(*ROLLBACK, *ACCEPTED, stdin="n\n")
    assert refused.exit_code == 8
    assert "Give up 3 numbers at diga?" in refused.stderr
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
    assert report["remainder"] == ["+827011110000"]
    assert len(report["done"]) == 2
    assert moved.live() == ["+827011110000"]


def test_a_rollback_that_is_never_answered_has_the_code_of_what_may_have_happened(moved):
    moved.diga.faults.append(Fault(FaultKind.LATE, "DELETE"))
    result = moved.telephony(*ROLLBACK, "--yes", "--numbers", "+827011110000", *ACCEPTED)
    assert result.exit_code == 7


def test_rollback_again_has_nothing_to_do(moved):
    assert moved.telephony(*ROLLBACK, "--yes", *ACCEPTED).exit_code == 0
    again = moved.telephony(*ROLLBACK)
    assert again.exit_code == 0
    assert "nothing to take back" in again.stdout


def announce(moving, action, key, record):
    """The line that a command which died after it leaves in the journal."""
    with SqliteJournal.writing(load_plan("plan.json"), "run") as journal:
        journal.append(Entry(key, action, Phase.INTENT, record))


def test_a_rollback_that_died_after_its_last_deletion_is_finished_without_a_question(moved):
    (first, *_) = moved.diga.store
    announce(moved, Action.ROLL_BACK, "+827011110000", first)
    moved.diga.store.remove(first)
    result = moved.telephony(*ROLLBACK, "--numbers", "+827011110000")
    assert result.exit_code == 0, result.stderr
    assert "only to be written down" in result.stderr
    assert moved.telephony.json("migrate", "status", "plan.json")["counts"] == {"moved": 2, "rolled_back": 1}
    assert deletes(moved) == []


def test_every_line_on_stderr_is_json_with_json(moved):
    result = moved.telephony(*ROLLBACK, "--yes", *ACCEPTED, "--json")
    lines = [json.loads(line) for line in result.stderr.splitlines()]
    assert "preview" in lines[0]
    assert {next(iter(line)) for line in lines[1:]} == {"event"}


# -- release


def test_release_gives_the_source_up_once_the_count_is_typed(verified, at_terminal):
    at_terminal()
    result = verified.telephony(*RELEASE, stdin="3\n")
    assert result.exit_code == 0, result.stderr
    assert "takes effect at once, and cannot be revoked" in result.stderr
    assert "never compared, because the provider does not tell them" in result.stderr
    assert "Type how many numbers are to be released at vox" in result.stderr
    assert "3 given up" in result.stdout
    assert len(verified.live()) == 3


@pytest.mark.parametrize("typed", ["2", "y", "", "three", "٣"])
def test_release_does_nothing_for_any_other_word(verified, at_terminal, typed):
    at_terminal()
    result = verified.telephony(*RELEASE, stdin=f"{typed}\n")
    assert result.exit_code == 8
    assert gave_up_at_the_source(verified) == []


def test_release_needs_the_count_where_there_is_no_terminal(verified):
    refused = verified.telephony(*RELEASE)
    assert refused.exit_code == 8
    assert "say --yes-count 3" in refused.stderr
    assert verified.telephony(*RELEASE, "--yes-count", "2").exit_code == 8
    assert gave_up_at_the_source(verified) == []
    assert verified.telephony(*RELEASE, "--yes-count", "3").exit_code == 0


def test_what_is_not_verified_is_not_released(moved):
    result = moved.telephony(*RELEASE, "--yes-count", "3")
    assert result.exit_code == 5
    assert "`telephony migrate verify`" in result.stderr
    assert gave_up_at_the_source(moved) == []


def test_nothing_is_released_before_the_soak_is_over(moving):
    moving.plan("--soak-hours", "72")
    assert moving.telephony("migrate", "apply", "plan.json", "--yes").exit_code == 0
    assert moving.telephony("migrate", "verify", "plan.json").exit_code == 0
    result = moving.telephony(*RELEASE, "--yes-count", "3", "--json")
    assert result.exit_code == 5
    report = json.loads(result.stdout)
    assert len(report["remainder"]) == 3
    assert report["complete"] is False
    assert gave_up_at_the_source(moving) == []


def test_a_release_that_died_is_finished_without_a_count_where_nothing_can_be_given_up(moved):
    (first, *_) = moved.vox.store
    announce(moved, Action.RELEASE, "+827011110000", first)
    moved.vox.store.remove(first)
    result = moved.telephony(*RELEASE, "--numbers", "+827011110000")
    assert result.exit_code == 0, result.stderr
    assert moved.telephony.json("migrate", "status", "plan.json")["counts"] == {"moved": 2, "released": 1}
    assert gave_up_at_the_source(moved) == []


def test_one_number_can_be_released_first(verified):
    result = verified.telephony(*RELEASE, "--yes-count", "1", "--numbers", "+827011110001")
    assert result.exit_code == 0
    assert len(gave_up_at_the_source(verified)) == 1
    assert verified.telephony.json("migrate", "status", "plan.json")["counts"] == {"moved": 2, "released": 1}
