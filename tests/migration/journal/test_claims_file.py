"""Where this machine keeps what it knows of its own plans, and what happens where that cannot be used."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from telephony_core import errors
from telephony_core.migration.journal.claim_rules import ClaimRow
from telephony_core.migration.journal.claims import note_started, row_changer, state_folder
from telephony_core.migration.journal.sqlite_file import JournalNotWritable
from telephony_core.migration.journal.store import JournalError
from telephony_core.migration.move.state import MigrationState
from tests.migration.deprovision.returning import Returning, live
from tests.migration.permissions import nobody

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
