"""What this machine knows of its own plans: one plan is one run under any name, and one number is imported once."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import stat
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from telephony_core import errors
from telephony_core.emulator import EmulatedOutcome, Fault, FaultKind
from telephony_core.emulator import json_response as answer
from telephony_core.errors.migration import StalePlan
from telephony_core.migration.journal.claim_rules import ClaimRow
from telephony_core.migration.journal.claims import PlanElsewhere, note_started, row_changer, state_folder
from telephony_core.migration.journal.entries import Action, Phase
from telephony_core.migration.journal.sqlite_file import JournalNotWritable
from telephony_core.migration.journal.store import JournalError, JournalLocked, SqliteJournal
from telephony_core.migration.move.state import MigrationState
from telephony_core.migration.plan.store import LoadedPlan, load_plan
from telephony_core.migration.run.apply_report import ApplyReport
from telephony_core.migration.run.events import Event
from telephony_core.migration.run.status import read_run
from telephony_core.transport.backend import HttpRequest
from tests.migration.deprovision.returning import KEYS, ONE, WINDOW, Returning, live
from tests.migration.meddling import meddle
from tests.migration.permissions import nobody

WAYS = ("vox-diga", "diga-vox")
UNSEEN = 10_000
"""More requests than any run here sends: what was made shows in no list."""


@pytest.fixture(params=WAYS)
def context(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def half(context: str, tmp_path: Path) -> Returning:
    """One of two numbers is moved."""
    (tmp_path / "first").mkdir()
    stage = Returning.at(tmp_path / "first", context, 2)
    stage.loaded = stage.plan()
    assert stage.apply(stage.loaded, numbers=KEYS[:1]).is_complete
    stage.forget_requests()
    return stage


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
    assert "take its place with `--take-over`" in str(refused.value)
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
        with pytest.raises(JournalError, match=f"has no journal beside it: .* started as {before.path}; ") as refused:
            command()
        assert refused.value.remedy == "run the command with that path"
    assert not copy.journal_path.exists()
    before.journal_path.unlink()  # then nobody knows where it is
    with pytest.raises(JournalError, match=r"it was not started here, or plan\.json\.journal was lost"):
        half.verify()


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


@pytest.fixture
def rivals(context: str, tmp_path: Path) -> Returning:
    """Two plans, `loaded` and `rival`, for one number at one target."""
    stage = Returning.at(tmp_path, context, 1)
    with stage.client(stage.source) as client:
        (record,) = client.list_numbers()
    numbers = (stage.planned(record, inbound_agent=None),)
    stage.loaded = stage.plan(numbers=numbers)
    settings = ONE.model_copy(update={"soak_hours": 1.0})
    stage.rival = stage.plan("rival.json", numbers=numbers, settings=settings)
    return stage


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


# -- where it is kept


def test_what_this_machine_keeps_is_readable_by_its_owner_only_and_holds_no_secret(half: Returning) -> None:
    beside = [half.loaded.journal_path, half.loaded.journal_path.with_name("plan.json.journal.lock")]
    kept = list(state_folder().iterdir())
    assert len(kept) == 2
    for file in (*beside, *kept):
        assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file
        assert b"pa55word" not in file.read_bytes()
        assert b"emulator-key" not in file.read_bytes()
    assert stat.S_IMODE(state_folder().stat().st_mode) == 0o700


def test_where_the_given_folder_cannot_be_used_another_one_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for given in (str(tmp_path / "file"), "relative", ""):
        monkeypatch.setenv("XDG_STATE_HOME", given)
        assert state_folder() == tmp_path / "home" / ".local" / "state" / "telephony"


def test_where_there_is_no_folder_at_all_that_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("HOME", str(tmp_path / "file"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "file"))
    with pytest.raises(errors.MigrationError, match="set XDG_STATE_HOME to a folder"):
        state_folder()


@pytest.mark.skipif(sys.platform == "win32", reason="folders of Windows have no such owner")
def test_a_folder_for_everybodys_temporary_files_is_only_used_below_a_name_of_ones_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setattr(Path, "home", no_home)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    mine = state_folder()
    assert mine.parent == tmp_path
    with monkeypatch.context() as other_user:
        other_user.setattr(os, "getuid", lambda: 4711)
        with pytest.raises(errors.MigrationError, match="there is no folder in which this machine could keep track"):
            state_folder()
        assert {folder.name for folder in tmp_path.iterdir()} == {mine.name, "telephony-4711"}
    with monkeypatch.context() as windows:
        windows.delattr(os, "getuid")
        windows.setenv("USERNAME", "kim")
        assert state_folder() == tmp_path / "telephony-kim"
        windows.delenv("USERNAME")
        assert state_folder() == tmp_path / "telephony-user"


def no_home() -> Path:
    raise RuntimeError


def test_a_folder_in_which_one_may_only_look_is_not_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "given"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    given = state_folder()
    # Who runs this may be root, who may write everywhere.
    monkeypatch.setattr(os, "access", lambda path, mode: path != given or not mode & os.W_OK)
    assert state_folder() == tmp_path / "home" / ".local" / "state" / "telephony"


def test_where_nothing_can_be_kept_nothing_was_started(
    rivals: Returning, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(Path, "mkdir", refused_folder)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "read-only"))
    assert rivals.run().counts == {MigrationState.NOT_STARTED: 1}


def refused_folder(path: Path, *args: object, **more: object) -> None:
    raise PermissionError


def test_a_claim_is_forgotten_a_day_after_it_ended_and_no_sooner(rivals: Returning) -> None:
    """Another number is claimed then: what has ended would be kept for ever."""

    async def claimed_then(later: timedelta) -> set[str]:
        rivals.time.advance(later.total_seconds())
        claim = ClaimRow("a", "a.json", None, rivals.time.clock.now() + timedelta(hours=1))
        await change(("account", f"number {later}"), lambda row: claim)
        with closing(sqlite3.connect(claims_file())) as connection:
            return {number for (number,) in connection.execute("SELECT number FROM claims")}

    rivals.be_a_machine()
    change = row_changer(rivals.time.clock.now)
    short = timedelta(hours=24, minutes=59)
    assert len(asyncio.run(claimed_then(timedelta()))) == 1
    assert len(asyncio.run(claimed_then(short))) == 2
    assert asyncio.run(claimed_then(timedelta(minutes=1))) == {f"number {short}", f"number {timedelta(minutes=1)}"}


# -- when the file cannot be used


def claims_file() -> Path:
    return state_folder() / "claims.sqlite3"


def damaged(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100] + b"\xff" * 4000)


def another_file(path: Path) -> None:
    path.write_bytes(b"no database at all, and long enough to be one" * 100)


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [(damaged, "it is damaged"), (another_file, "it is no SQLite file"), (a_folder, "a folder is in its place")],
)
def test_claims_that_cannot_be_used_are_called_what_they_are(
    half: Returning, spoil: Callable[[Path], None], said: str
) -> None:
    spoil(claims_file())
    with pytest.raises(JournalError, match=said) as refused:
        half.apply(half.loaded)
    assert str(claims_file()) in str(refused.value)
    assert "which plan imports which number" in str(refused.value)
    assert "the journal" not in str(refused.value)
    assert "do not delete it while a run is at work" in str(refused.value.remedy)
    assert half.writes(half.target) == []
    # What is said to be done is enough to go on.
    claims_file().rename(half.folder / "aside")
    assert half.apply(half.loaded).is_complete
    assert len(live(half.target)) == 2


def test_claims_of_a_newer_version_are_left_as_they_are(half: Returning) -> None:
    with closing(sqlite3.connect(claims_file())) as connection:
        connection.execute("PRAGMA user_version = 7")
    with pytest.raises(JournalError, match="it is of version 7, and this telephony-core knows 1") as refused:
        half.apply(half.loaded)
    assert "use the newest telephony-core" in str(refused.value.remedy)
    with closing(sqlite3.connect(claims_file())) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (7,)


def test_claims_from_before_their_version_was_written_down_are_used(half: Returning) -> None:
    with closing(sqlite3.connect(claims_file())) as connection:
        connection.execute("PRAGMA user_version = 0")
    assert half.apply(half.loaded).is_complete


def test_a_folder_in_the_place_of_the_lock_is_named(half: Returning) -> None:
    (lock,) = state_folder().glob("*.plan.lock")
    a_folder(lock)
    with pytest.raises(JournalNotWritable, match=f"{lock}: a folder is in its place") as refused:
        half.apply(half.loaded)
    assert "by which this machine sees that a plan is at work" in str(refused.value)
    assert "make sure that no run of this plan is at work" in str(refused.value.remedy)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions on files")
def test_claims_that_may_not_be_read_are_named_with_what_to_do(
    half: Returning, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Not below the folder of this test: nobody else may enter that one.
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        monkeypatch.setenv("XDG_STATE_HOME", folder)
        note_started(half.loaded, 1)
        claims_file().chmod(0)
        state_folder().chmod(0o755)
        with nobody(), pytest.raises(JournalNotWritable, match="cannot be written or read") as refused:
            note_started(half.loaded, 2)
    assert "claims.sqlite3" in str(refused.value)
    assert "let it be read and written by you" in str(refused.value.remedy)


def test_where_a_file_is_in_the_place_of_its_folder_another_folder_is_used(
    half: Returning, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "telephony").write_text("a file")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert state_folder() == tmp_path / "home" / ".local" / "state" / "telephony"
