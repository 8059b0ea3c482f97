"""What this machine knows of its own plans: one plan is one run under any name, and one number is imported once."""

from __future__ import annotations

import os
import shutil
import threading
from collections import Counter
from pathlib import Path

import pytest

from telephony_core import errors
from telephony_core.emulator import EmulatedOutcome, Fault, FaultKind
from telephony_core.emulator import json_response as answer
from telephony_core.errors.migration import StalePlan
from telephony_core.migration.journal.claims import PlanElsewhere, note_in_fleet
from telephony_core.migration.journal.entries import Action, Phase
from telephony_core.migration.journal.store import JournalError, JournalLocked, SqliteJournal
from telephony_core.migration.move.state import MigrationState
from telephony_core.migration.plan.store import LoadedPlan, load_plan
from telephony_core.migration.run.apply_report import ApplyReport
from telephony_core.migration.run.events import Event
from telephony_core.migration.run.status import read_run
from telephony_core.transport.backend import HttpRequest
from tests.migration.deprovision.returning import KEYS, WINDOW, Returning, live
from tests.migration.meddling import meddle

UNSEEN = 10_000
"""More requests than any run here sends: what was made shows in no list."""


def copied(stage: Returning, *, journal: bool = True) -> LoadedPlan:
    """The plan in another folder, as it was copied now."""
    folder = stage.folder.parent / "copy"
    folder.mkdir()
    for file in stage.folder.glob("plan.json*" if journal else "plan.json"):
        shutil.copy(file, folder)
    return load_plan(folder / "plan.json")


# -- one plan


@pytest.mark.parametrize("of", ["the file", "its folder"])
def test_a_plan_through_a_symbolic_link_is_the_same_run(of: str, half: Returning) -> None:
    link = half.folder.parent / "link"
    link.symlink_to(half.loaded.path if of == "the file" else half.folder)
    linked = load_plan(link if of == "the file" else link / "plan.json")
    assert linked.journal_path == half.loaded.journal_path.resolve()
    assert read_run(linked).counts == {MigrationState.MOVED: 1, MigrationState.NOT_STARTED: 1}
    with SqliteJournal.writing(half.loaded, "apply"), pytest.raises(JournalLocked):
        half.apply(linked)
    assert half.apply(linked).is_complete
    assert half.run().counts == {MigrationState.MOVED: 2}
    half.loaded = linked
    assert half.rollback().is_complete
    assert live(half.target) == []


def test_a_copy_is_refused_by_name_and_goes_on_where_it_takes_the_place_over(half: Returning) -> None:
    copy = copied(half)
    with pytest.raises(PlanElsewhere, match=f"started as {half.loaded.path}, and its") as refused:
        half.apply(copy)
    assert "if that journal is an old copy, take its place with `--take-over`" in str(refused.value)
    assert half.writes(half.target) == []
    assert half.apply(copy, take_over=True).is_complete
    assert len(live(half.target)) == 2
    with pytest.raises(PlanElsewhere, match=f"started as {copy.path}"):  # from now on the copy is the plan
        half.apply(half.loaded)


def test_neither_verify_nor_rollback_nor_release_runs_on_a_copy(half: Returning) -> None:
    half.loaded = copied(half)
    before = half.entries(KEYS[0])
    for command in (half.verify, half.rollback, half.release):
        with pytest.raises(PlanElsewhere, match="started as"):
            command()
    assert half.entries(KEYS[0]) == before
    assert [half.writes(emulator) for emulator in half.both] == [[], []]
    assert [number.is_equal for number in half.verify(take_over=True).numbers] == [True]
    assert half.rollback().is_complete


def test_a_copy_without_its_journal_is_told_where_that_is(half: Returning) -> None:
    copy = copied(half, journal=False)
    with pytest.raises(PlanElsewhere, match=f"started as {half.loaded.path}"):
        half.apply(copy)
    before, half.loaded = half.loaded, copy
    for command in (half.verify, half.preview_rollback, half.preview_release):
        with pytest.raises(
            JournalError, match=f"has no journal beside it: .* started as {before.path}, and its "
        ) as refused:
            command()
        assert refused.value.remedy == "run the command with that path"
    assert not copy.journal_path.exists()
    before.journal_path.unlink()  # then nobody knows where it is
    with pytest.raises(JournalError, match=r"it was not started here, or plan\.json\.journal was lost"):
        half.verify()


def test_a_plan_that_a_fleet_has_is_not_carried_out_here_as_well(half: Returning) -> None:
    """Somebody forgot a variable: neither would see what the other one claims."""
    copy = copied(half, journal=False)
    note_in_fleet(copy, "acme")
    with pytest.raises(PlanElsewhere, match="is carried out by a fleet, for the tenant acme") as refused:
        half.apply(copy)
    assert "set TELEPHONY_DATABASE and TELEPHONY_TENANT; only if nothing of it was done there" in str(refused.value)
    with pytest.raises(PlanElsewhere):
        read_run(copy)
    assert not copy.journal_path.exists()
    assert half.writes(half.target) == []
    with pytest.raises(StalePlan):  # which is what a run would find: one number is there
        half.apply(copy, take_over=True)


def test_where_nobody_can_look_the_journal_may_be_there(half: Returning) -> None:
    copy = copied(half)
    half.loaded.journal_path.unlink()
    half.loaded.journal_path.symlink_to(half.loaded.journal_path)  # which leads nowhere, and nobody can say where
    with pytest.raises(PlanElsewhere, match=f"started as {half.loaded.path}"):
        half.apply(copy)


def test_a_journal_that_lacks_what_this_machine_saw_is_an_older_copy(half: Returning) -> None:
    old = half.loaded.journal_path.read_bytes()
    assert half.apply(half.loaded).is_complete
    half.forget_requests()
    half.loaded.journal_path.write_bytes(old)
    for command in (half.run, half.verify, half.rollback, lambda: half.apply(half.loaded)):
        with pytest.raises(
            JournalError, match=r"is an older copy: .* what they announced may have happened;"
        ) as refused:
            command()
        assert str(half.loaded.journal_path) in refused.value.message
        assert "put the newest journal back" in str(refused.value.remedy)
    assert half.writes(half.target) == []


def test_a_hard_link_is_a_copy(half: Returning) -> None:
    other = half.folder.parent / "other.json"
    os.link(half.loaded.path, other)
    with pytest.raises(PlanElsewhere, match=f"started as {half.loaded.path}"):
        half.apply(load_plan(other))
    assert half.writes(half.target) == []


def test_a_plan_that_was_moved_with_its_journal_goes_on_at_its_new_place(half: Returning) -> None:
    copy = copied(half)
    shutil.rmtree(half.folder / "state", ignore_errors=True)
    for file in half.folder.glob("plan.json*"):
        file.unlink()
    assert half.apply(copy).is_complete
    assert len(live(half.target)) == 2


def test_a_copy_is_locked_while_the_first_one_runs(half: Returning) -> None:
    copy = copied(half)
    with SqliteJournal.writing(half.loaded, "apply"), pytest.raises(JournalLocked):
        half.apply(copy, take_over=True)


def test_the_same_plan_for_another_target_is_another_run(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        stage = Returning.at(tmp_path / name, "vox-diga", 1)
        stage.loaded = stage.plan()
        assert stage.apply(stage.loaded).is_complete


# -- two plans


def rival(stage: Returning) -> ApplyReport:
    return stage.apply(stage.rival)


def posts(stage: Returning) -> int:
    return sum(call.startswith("POST") for call in stage.writes(stage.target))


def claimed(report: ApplyReport, stage: Returning) -> bool:
    (failure,) = report.failures
    return failure.error == "NumberClaimed" and str(stage.loaded.path) in failure.message


def test_a_number_that_another_plan_made_a_moment_ago_is_not_made_again_though_no_list_shows_it(
    rivals: Returning,
) -> None:
    made: list[str] = []

    def meanwhile(event: Event) -> None:
        if (event.action, event.phase) == (Action.READ_BACK, Phase.DONE) and not made:
            made.extend(rivals.target.store)

    assert rivals.apply(rivals.loaded, on_event=meanwhile).is_complete
    rivals.target.hide_new_for = UNSEEN
    rivals.target.appeared(made[0])
    assert claimed(rival(rivals), rivals)
    assert posts(rivals) == 1
    rivals.target._hidden.clear()
    assert len(live(rivals.target)) == 1


def test_a_number_that_another_plan_is_importing_right_now_is_not_imported(rivals: Returning) -> None:
    reports: list[ApplyReport] = []

    def meanwhile(event: Event) -> None:
        if (event.action, event.phase) == (Action.IMPORT, Phase.INTENT):
            other = threading.Thread(target=lambda: reports.append(rival(rivals)))
            other.start()
            other.join()

    assert rivals.apply(rivals.loaded, on_event=meanwhile).is_complete
    assert claimed(reports[0], rivals)
    assert posts(rivals) == 1
    assert len(live(rivals.target)) == 1


def test_a_number_that_is_in_doubt_for_one_plan_is_not_imported_by_another(rivals: Returning) -> None:
    rivals.target.faults.append(Fault(FaultKind.LATE, "POST"))
    reports: list[ApplyReport] = []

    def meanwhile(event: Event) -> None:
        if (event.action, event.phase) == (Action.IMPORT, Phase.LOOK) and not reports:
            other = threading.Thread(target=lambda: reports.append(rival(rivals)))
            other.start()
            other.join()
            rivals.target.act_late()

    assert rivals.apply(rivals.loaded, on_event=meanwhile).is_complete
    assert claimed(reports[0], rivals)
    assert "is importing" in reports[0].failures[0].message
    assert len(live(rivals.target)) == 1


def test_a_run_that_is_held_up_for_longer_than_its_claim_sends_nothing_after_another_plan(rivals: Returning) -> None:
    """As when a machine sleeps, or the provider asks for a long pause: its look at the target is an old one then."""
    whole, asked = rivals.target.outcome, Counter[str]()
    reports: list[ApplyReport] = []

    def outcome(request: HttpRequest) -> EmulatedOutcome:
        found = whole(request)
        asked[request.url] += 1
        # The last page of the second listing, which is read once the number is claimed.
        if set(asked.values()) == {2}:
            del rivals.target.__dict__["outcome"]
            rivals.time.advance(WINDOW + 1)
            other = threading.Thread(target=lambda: reports.append(rival(rivals)))
            other.start()
            other.join()
        return found

    setattr(rivals.target, "outcome", outcome)  # noqa: B010 - a method of one object
    report = rivals.apply(rivals.loaded)
    assert reports[0].is_complete
    (failure,) = report.failures
    assert failure.error == "NumberClaimed"
    assert "run the command again" in failure.message
    assert posts(rivals) == 1
    assert len(live(rivals.target)) == 1
    # What the other plan made is not taken for what this one sent.
    with pytest.raises(StalePlan, match="it is there already"):
        rivals.apply(rivals.loaded)
    assert len(live(rivals.target)) == 1


def test_the_same_number_in_another_dress_is_the_same_number(tmp_path: Path) -> None:
    stage = Returning.at(tmp_path, "diga-vox", 1)
    stage.loaded = stage.plan()
    with stage.client(stage.source) as client:
        (record,) = client.list_numbers()
    dressed = stage.plan("dressed.json", numbers=(stage.planned(record, number="070-1111-0000"),))
    stage.target.faults.append(Fault(FaultKind.LATE, "POST"))
    reports: list[ApplyReport] = []

    def meanwhile(event: Event) -> None:
        if (event.action, event.phase) == (Action.IMPORT, Phase.LOOK) and not reports:
            other = threading.Thread(target=lambda: reports.append(stage.apply(dressed)))
            other.start()
            other.join()
            stage.target.act_late()

    assert stage.apply(stage.loaded, on_event=meanwhile).is_complete
    assert claimed(reports[0], stage)
    assert len(live(stage.target)) == 1


def test_rolling_either_back_leaves_nothing_of_the_other(rivals: Returning) -> None:
    assert rivals.apply(rivals.loaded).is_complete
    id = rivals.made(KEYS[0])
    with pytest.raises(errors.MigrationError, match="there already"):
        rival(rivals)
    first, rivals.loaded = rivals.loaded, rivals.rival
    report = rivals.rollback()
    assert [(left.number, left.error) for left in report.left_alone] == [(KEYS[0], "ModifiedExternally")]
    assert id in report.left_alone[0].message
    assert len(live(rivals.target)) == 1
    rivals.loaded = first
    assert rivals.rollback().is_complete
    assert live(rivals.target) == []


def test_what_was_taken_back_may_be_made_by_another_plan_at_once(rivals: Returning) -> None:
    assert rivals.apply(rivals.loaded).is_complete
    assert rivals.rollback().is_complete
    assert rival(rivals).is_complete
    assert len(live(rivals.target)) == 1


def test_what_was_refused_may_be_made_by_another_plan_at_once(rivals: Returning) -> None:
    rivals.target.faults.append(Fault(FaultKind.ANSWER, "POST", response=answer(422, {})))
    assert not rivals.apply(rivals.loaded).is_complete
    assert rival(rivals).is_complete


def test_a_claim_ends_with_the_window_and_then_the_list_decides(rivals: Returning) -> None:
    assert rivals.apply(rivals.loaded).is_complete
    meddle(rivals.target, rivals.made(KEYS[0]), "gone")
    assert claimed(rival(rivals), rivals)
    rivals.time.advance(WINDOW + 1)
    assert rival(rivals).is_complete
