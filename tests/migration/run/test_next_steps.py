"""What is to be typed next is about the numbers that a run was about: what was left out of it stays where it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from telephony_core.emulator import Fault, FaultKind
from telephony_core.emulator import json_response as answer
from telephony_core.migration.journal.entries import Action, Entry, Phase
from telephony_core.migration.journal.store import SqliteJournal
from telephony_core.migration.rendering.commands import command
from telephony_core.migration.rendering.run_page import migration_page
from telephony_core.migration.run.stopping import Interrupted
from tests.migration.deprovision.returning import HOUR, KEYS, Returning


@pytest.fixture
def moved(tmp_path: Path) -> Returning:
    return Returning.moved(tmp_path)


def rename(stage: Returning, key: str) -> None:
    stage.target.store.edit(stage.made(key), {"nickname": "somebody's"})


def test_a_rollback_of_some_that_left_one_goes_on_with_that_one(moved: Returning) -> None:
    rename(moved, KEYS[0])
    report = moved.rollback(numbers=KEYS[:2])
    assert report.remainder == (KEYS[0],)
    assert report.next_commands == (f"telephony migrate rollback {moved.loaded.path} --numbers {KEYS[0]}",)


def test_a_rollback_of_all_goes_on_with_all(moved: Returning) -> None:
    rename(moved, KEYS[0])
    assert moved.rollback().next_commands == (f"telephony migrate rollback {moved.loaded.path}",)


def test_a_release_of_some_that_left_one_goes_on_with_that_one(tmp_path: Path) -> None:
    stage = Returning.soaked(tmp_path)
    shown = stage.preview_release("unpublishes", numbers=KEYS[:2]).shown
    stage.source.faults.append(Fault(FaultKind.ANSWER, "DELETE", response=answer(422, {"detail": "no"})))
    report = stage.release(numbers=KEYS[:2], confirmed=shown)
    assert len(report.remainder) == 1
    again = f"telephony migrate release {stage.loaded.path} --numbers {report.remainder[0]}"
    assert report.next_commands == (again,)


def test_an_apply_of_some_that_failed_goes_on_with_those(tmp_path: Path) -> None:
    stage = Returning.at(tmp_path)
    stage.loaded = stage.plan()
    stage.target.faults.append(Fault(FaultKind.ANSWER, "POST", response=answer(422, {"detail": "no"})))
    report = stage.apply(stage.loaded, numbers=KEYS[:2])
    assert report.remainder == (KEYS[0],)
    assert report.next_commands[0] == f"telephony migrate apply {stage.loaded.path} --numbers {KEYS[0]}"


def test_one_that_was_stopped_at_once_names_the_numbers_that_it_was_about(moved: Returning) -> None:
    def stop(event: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(Interrupted) as back:
        moved.rollback(numbers=KEYS[:1], on_event=stop)
    assert f"rollback {moved.loaded.path} --numbers {KEYS[0]}`" in str(back.value.remedy)
    # The journal has no word of the numbers, so the status says to mind them.
    run = moved.run()
    assert run.next_commands == (f"telephony migrate rollback {moved.loaded.path}",)
    assert "(process" in str(run)
    assert "stopped at once" in str(run)
    assert run.chosen_again is not None


def test_where_only_released_numbers_differ_verify_names_no_rollback(tmp_path: Path) -> None:
    stage = Returning.soaked(tmp_path)
    assert stage.release(numbers=KEYS[:1]).is_complete
    rename(stage, KEYS[0])
    report = stage.verify()
    assert not report.is_equal
    assert report.next_commands == (f"telephony migrate verify {stage.loaded.path}",)
    assert "roll these numbers back" not in str(report)


def test_a_rollback_that_was_cut_short_says_that_it_may_have_been_about_chosen_numbers(moved: Returning) -> None:
    with SqliteJournal.writing(moved.loaded, "rollback") as journal:
        journal.append(Entry(KEYS[2], Action.ROLL_BACK, Phase.INTENT, "id"))
    run = moved.run()
    # A kill leaves no word of what it was about, so this is all of them, and is said to be.
    assert run.next_commands == (f"telephony migrate rollback {moved.loaded.path}",)
    said = "if that rollback was about chosen numbers, give it the same --numbers again"
    assert said in str(run)
    assert said.capitalize() in migration_page(moved.loaded, run)


def test_so_many_numbers_are_named_in_a_file() -> None:
    assert command("apply", "plan.json", KEYS * 33).count("--numbers") == 99
    assert command("apply", "plan.json", KEYS * 34) == "telephony migrate apply plan.json --numbers @FILE"


# -- where calls go


def test_calls_of_a_number_that_differs_are_not_sent_to_the_target(moved: Returning) -> None:
    moved.verify()
    rename(moved, KEYS[0])
    moved.verify()
    run = moved.run()
    assert [number.inbound_uri for number in run.numbers] == [None, "sip.diga.io", "sip.diga.io"]
    page = migration_page(moved.loaded, run)
    assert "send the calls of 2 numbers" in page
    assert "leave 1 number where it is: what is wrong with it is said below" in page


@pytest.mark.parametrize("answered", [True, False])
def test_calls_of_a_number_that_was_rolled_back_are_not_sent_to_the_target(moved: Returning, answered: bool) -> None:
    moved.verify()
    if answered:
        assert moved.rollback(numbers=KEYS).is_complete
    else:
        for key in KEYS:
            moved.announce(Action.ROLL_BACK, key)
    run = moved.run()
    assert [number.inbound_uri for number in run.numbers] == [None] * 3
    page = migration_page(moved.loaded, run)
    assert "send the calls of" not in page
    assert "calls have to be sent to" not in page


def test_a_release_that_was_refused_is_no_reason_to_keep_calls_away(tmp_path: Path) -> None:
    stage = Returning.at(tmp_path).begin()
    stage.verify()
    stage.time.advance(73 * HOUR)
    stage.source.faults.append(Fault(FaultKind.ANSWER, "DELETE", response=answer(422, {"detail": "no"})))
    assert not stage.release(numbers=KEYS[:1]).is_complete
    assert "send the calls of 3 numbers" in migration_page(stage.loaded, stage.run())
