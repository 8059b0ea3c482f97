"""The journal: durable, one run at a time, readable by a person, and clear about what is wrong with it."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from telephony_core.errors.migration import StalePlan
from telephony_core.migration.journal.entries import Action, Entry, Phase
from telephony_core.migration.journal.store import VERSION, JournalError, JournalLocked, SqliteJournal
from telephony_core.migration.move.state import MigrationState, state_of
from telephony_core.migration.plan.store import LoadedPlan, load_plan
from telephony_core.migration.run.status import read_run
from tests.migration.permissions import nobody
from tests.migration.stage import Stage

KEY = "+827011110000"
ENTRY = Entry(KEY, Action.IMPORT, Phase.INTENT, message="가나다", data={"before": ["a"]})


@pytest.fixture
def loaded(tmp_path: Path) -> LoadedPlan:
    return Stage(tmp_path).plan()


def write(loaded: LoadedPlan, *entries: Entry, how: str | None = "done") -> None:
    with SqliteJournal.writing(loaded, "apply", create=True) as journal:
        for entry in entries:
            journal.append(entry)
        if how is not None:
            journal.finish(how)


def refusal(loaded: LoadedPlan) -> str:
    with pytest.raises(JournalError) as refused, SqliteJournal.writing(loaded, "apply", create=True):
        pass
    assert refused.value.remedy
    return str(refused.value)


def test_what_was_written_comes_back_in_order(loaded: LoadedPlan) -> None:
    write(loaded, ENTRY, Entry(KEY, Action.IMPORT, Phase.DONE, "r1"), Entry("other", Action.CHECK, Phase.FAILED))
    with SqliteJournal.reading(loaded) as journal:
        first, second = journal.entries_of(KEY)
    assert (first.action, first.phase, first.message, first.data) == (
        Action.IMPORT,
        Phase.INTENT,
        "가나다",
        {"before": ["a"]},
    )
    assert second.record == "r1"
    assert first.seq < second.seq
    assert first.at is not None
    assert first.at.tzinfo is UTC


def test_it_survives_a_process_that_is_killed(loaded: LoadedPlan) -> None:
    program = (
        "import os, sys, signal\n"
        "from telephony_core.migration.journal.store import SqliteJournal\n"
        "from telephony_core.migration.journal.entries import *\n"
        "from telephony_core.migration.plan.store import load_plan\n"
        "journal = SqliteJournal.writing(load_plan(sys.argv[1]), 'apply', create=True)\n"
        f"journal.append(Entry('{KEY}', Action.IMPORT, Phase.INTENT))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", program, str(loaded.path)], check=False)
    with SqliteJournal.writing(loaded, "apply") as journal:
        assert [entry.phase for entry in journal.entries_of(KEY)] == [Phase.INTENT]
        assert journal.taken_over is not None
        assert "`apply` by " in journal.taken_over.owner(datetime.now(UTC))


def test_it_is_written_through_to_the_disk(loaded: LoadedPlan) -> None:
    with SqliteJournal.writing(loaded, "apply", create=True) as journal:
        (mode,) = journal._connection.execute("PRAGMA journal_mode").fetchone()
        (synchronous,) = journal._connection.execute("PRAGMA synchronous").fetchone()
    assert (mode, synchronous) == ("wal", 2)


def test_a_person_reads_it_with_any_sqlite_tool(loaded: LoadedPlan) -> None:
    write(loaded, ENTRY, Entry(KEY, Action.IMPORT, Phase.DONE, "r1", "made"))
    connection = sqlite3.connect(loaded.journal_path)
    try:
        about = dict(connection.execute("SELECT fact, value FROM about"))
        numbers = connection.execute("SELECT number, last_action, phase, record, message FROM numbers").fetchall()
        runs = connection.execute("SELECT command, how_it_ended, host FROM runs").fetchall()
    finally:
        connection.close()
    assert about["from"] == "here (vox)"
    assert about["plan"] == "plan.json"
    assert numbers == [(KEY, "import", "done", "r1", "made")]
    assert runs == [("apply", "done", socket.gethostname())]


def test_it_can_be_read_while_a_run_is_at_work(loaded: LoadedPlan) -> None:
    with SqliteJournal.writing(loaded, "apply", create=True) as journal:
        journal.append(ENTRY)
        run = read_run(loaded)
        assert run.is_running
        assert run.counts == {MigrationState.STARTED: 1, MigrationState.NOT_STARTED: 2}
    assert not read_run(loaded).is_running
    assert read_run(loaded).counts == {MigrationState.IN_DOUBT: 1, MigrationState.NOT_STARTED: 2}


def test_it_can_be_read_in_the_middle_of_a_write(loaded: LoadedPlan) -> None:
    with SqliteJournal.writing(loaded, "apply", create=True) as journal:
        journal._connection.execute("BEGIN IMMEDIATE")
        journal.append(ENTRY)
        assert read_run(loaded).counts == {MigrationState.NOT_STARTED: 3}
        journal._connection.execute("COMMIT")
        assert read_run(loaded).counts == {MigrationState.STARTED: 1, MigrationState.NOT_STARTED: 2}


def test_somebody_who_reads_for_long_does_not_hold_a_run_up(loaded: LoadedPlan) -> None:
    with SqliteJournal.writing(loaded, "apply", create=True) as journal:
        reader = sqlite3.connect(loaded.journal_path, isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM entries").fetchall()
        journal.append(ENTRY)
        reader.close()
        assert [entry.phase for entry in journal.entries_of(KEY)] == [Phase.INTENT]


def test_after_every_line_the_one_file_holds_everything(loaded: LoadedPlan, tmp_path: Path) -> None:
    with SqliteJournal.writing(loaded, "apply", create=True) as journal:
        for count in (0, 1, 2):
            copied = load_plan(shutil.copytree(tmp_path, tmp_path / f"copy{count}", ignore=all_but_two) / "plan.json")
            with SqliteJournal.reading(copied) as copy:
                assert len(copy.entries_of(KEY)) == count
            journal.append(ENTRY)


def all_but_two(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name not in ("plan.json", "plan.json.journal")]


# -- one run at a time


def test_a_second_run_is_refused_and_told_who_is_at_work(loaded: LoadedPlan) -> None:
    with SqliteJournal.writing(loaded, "apply", create=True):
        said = refusal(loaded)
    assert f" on {socket.gethostname()} (process {os.getpid()})" in said
    assert "seconds ago" in said


def test_a_second_process_is_refused_too(loaded: LoadedPlan) -> None:
    program = (
        "import sys\n"
        "from telephony_core.migration.journal.store import SqliteJournal\n"
        "from telephony_core.migration.plan.store import load_plan\n"
        "SqliteJournal.writing(load_plan(sys.argv[1]), 'rollback')\n"
    )
    with SqliteJournal.writing(loaded, "apply", create=True):
        ran = subprocess.run(
            [sys.executable, "-c", program, str(loaded.path)], capture_output=True, text=True, check=False
        )
    assert "JournalLocked" in ran.stderr
    assert "another run is at work" in ran.stderr


def test_a_run_that_ended_leaves_no_lock(loaded: LoadedPlan) -> None:
    write(loaded)
    with SqliteJournal.writing(loaded, "verify") as journal:
        assert journal.taken_over is None


def test_the_place_of_a_dead_run_is_taken_and_told(loaded: LoadedPlan) -> None:
    write(loaded, how=None)
    with SqliteJournal.writing(loaded, "apply") as journal:
        assert journal.taken_over is not None
        assert journal.taken_over.process == os.getpid()


def test_a_run_on_another_host_that_never_ended_has_to_be_taken_over_by_name(loaded: LoadedPlan) -> None:
    write(loaded, how=None)
    connection = sqlite3.connect(loaded.journal_path)
    with connection:
        connection.execute("UPDATE runs SET host = 'elsewhere'")
    connection.close()
    with pytest.raises(JournalLocked, match=r"on elsewhere.*--take-over"):
        SqliteJournal.writing(loaded, "apply")
    with SqliteJournal.writing(loaded, "apply", take_over=True) as journal:
        assert journal.taken_over is not None


def test_a_run_of_the_future_is_said_to_be_one(loaded: LoadedPlan) -> None:
    later = datetime.now(UTC) + timedelta(days=1)
    journal = SqliteJournal.writing(loaded, "apply", create=True, now=lambda: later)
    with journal:
        assert "in the future, by this clock" in refusal(loaded)


# -- what is wrong with it


def test_a_journal_that_is_missing(loaded: LoadedPlan) -> None:
    for opened in (lambda: SqliteJournal.reading(loaded), lambda: SqliteJournal.writing(loaded, "verify")):
        with pytest.raises(JournalError, match=r"has no journal beside it.*telephony apply"):
            opened()


def test_a_file_that_is_no_journal(loaded: LoadedPlan) -> None:
    loaded.journal_path.write_text("this is a letter to my aunt, long enough to be a page of a database" * 99)
    assert "no SQLite file" in refusal(loaded)


def test_some_other_database(loaded: LoadedPlan) -> None:
    connection = sqlite3.connect(loaded.journal_path)
    with connection:
        connection.execute("CREATE TABLE photos (id INTEGER)")
    connection.close()
    assert "is not a journal" in refusal(loaded)


def test_a_damaged_journal(loaded: LoadedPlan) -> None:
    write(loaded, *[ENTRY] * 200)
    data = bytearray(loaded.journal_path.read_bytes())
    for page in range(8192, len(data) - 200, 4096):
        data[page : page + 200] = os.urandom(200)
    loaded.journal_path.write_bytes(data)
    assert "damaged" in refusal(loaded)


def test_a_journal_that_was_cut_to_nothing_is_begun_again_by_apply_alone(loaded: LoadedPlan) -> None:
    loaded.journal_path.write_bytes(b"")
    with pytest.raises(JournalError, match=r"an empty journal beside it.*put the journal back"):
        SqliteJournal.writing(loaded, "verify")
    assert read_run(loaded).counts == {MigrationState.NOT_STARTED: 3}
    with SqliteJournal.writing(loaded, "apply", create=True) as journal:
        assert journal.entries_of(KEY) == []


def test_a_journal_that_could_not_be_begun_is_begun_by_the_next_run(loaded: LoadedPlan) -> None:
    def full(journal: SqliteJournal, loaded: LoadedPlan) -> None:
        journal._connection.execute("PRAGMA max_page_count = 1")
        begin(journal, loaded)

    begin = SqliteJournal._make
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SqliteJournal, "_make", full)
        assert "the disk is full" in refusal(loaded)
    assert loaded.journal_path.exists()
    assert read_run(loaded).counts == {MigrationState.NOT_STARTED: 3}
    write(loaded, ENTRY)
    assert read_run(loaded).counts == {MigrationState.IN_DOUBT: 1, MigrationState.NOT_STARTED: 2}


def test_the_journal_of_another_plan(loaded: LoadedPlan, tmp_path: Path) -> None:
    write(loaded)
    (tmp_path / "other").mkdir()
    other = Stage(tmp_path / "other", count=2).plan()
    other.journal_path.write_bytes(loaded.journal_path.read_bytes())
    assert "the journal of another plan" in refusal(other)


@pytest.mark.parametrize("version", [VERSION - 1, VERSION + 1])
def test_a_journal_of_another_version(version: int, loaded: LoadedPlan) -> None:
    write(loaded)
    connection = sqlite3.connect(loaded.journal_path)
    connection.execute(f"PRAGMA user_version = {version}")
    connection.close()
    assert f"is a journal of version {version}, and this telephony-core reads {VERSION}" in refusal(loaded)


def test_the_columns_are_named_as_the_fields_of_a_line(loaded: LoadedPlan) -> None:
    write(loaded, ENTRY)
    with closing(sqlite3.connect(loaded.journal_path)) as connection:
        rows = connection.execute("SELECT * FROM entries")
        columns = {column for column, *_ in rows.description}
    assert columns == {field.name for field in fields(Entry)}


def test_a_line_that_no_version_of_this_wrote(loaded: LoadedPlan) -> None:
    write(loaded, ENTRY)
    connection = sqlite3.connect(loaded.journal_path)
    with connection:
        connection.execute("UPDATE entries SET action = 'dance'")
    connection.close()
    with SqliteJournal.reading(loaded) as journal, pytest.raises(JournalError, match="something odd"):
        journal.entries_of(KEY)


def test_a_full_disk_stops_everything_and_keeps_what_is_there(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    loaded = stage.plan()
    append = SqliteJournal.append
    written: list[Entry] = []

    def filling(journal: SqliteJournal, entry: Entry) -> Entry:
        if len(written) == 3:
            (pages,) = journal._connection.execute("PRAGMA page_count").fetchone()
            journal._connection.execute(f"PRAGMA max_page_count = {pages}")
            entry = Entry(entry.number, entry.action, entry.phase, entry.record, "x" * 50_000)
        written.append(append(journal, entry))
        return written[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SqliteJournal, "append", filling)
        with pytest.raises(JournalError, match="the disk is full"):
            stage.apply(loaded)
    assert len(written) == 3
    assert stage.apply(loaded).is_complete
    assert len(stage.target.records()) == 3


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions on folders")
def test_a_folder_that_cannot_be_written(loaded: LoadedPlan) -> None:
    folder = loaded.path.parent
    folder.chmod(0o555)
    try:
        with nobody():
            refused = refusal(loaded)
        assert "cannot be written" in refused
        assert "never move the plan without it" in refused  # a journal that another user began is refused alike
    finally:
        folder.chmod(0o755)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions on folders")
def test_a_finished_journal_is_read_in_a_folder_that_cannot_be_written(loaded: LoadedPlan) -> None:
    write(loaded, ENTRY)
    opened = SqliteJournal.reading(loaded)
    opened.__exit__()
    loaded.journal_path.chmod(0o644)  # it was made for its owner alone
    folder = loaded.path.parent
    for parent in (folder, *folder.parents[:3]):
        if parent.stat().st_uid == os.getuid():
            parent.chmod(parent.stat().st_mode | 0o055)
    loaded.journal_path.chmod(0o644)  # somebody lets others read it, which it is not made for
    folder.chmod(0o555)
    try:
        with nobody(), SqliteJournal.reading(loaded) as journal:
            assert len(journal.entries_of(KEY)) == 1
    finally:
        folder.chmod(0o755)


# -- what lines add up to


def state(*lines: tuple[Action, Phase]) -> MigrationState:
    return state_of(Entry(KEY, action, phase, "r1") for action, phase in lines).state


MADE = ((Action.IMPORT, Phase.DONE), (Action.READ_BACK, Phase.DONE))


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ((), MigrationState.NOT_STARTED),
        (((Action.CHECK, Phase.FAILED),), MigrationState.FAILED),
        (((Action.IMPORT, Phase.INTENT),), MigrationState.IN_DOUBT),
        (((Action.IMPORT, Phase.INTENT), (Action.IMPORT, Phase.FAILED)), MigrationState.FAILED),
        (((Action.IMPORT, Phase.INTENT), (Action.IMPORT, Phase.UNKNOWN)), MigrationState.NEEDS_ACTION),
        (((Action.IMPORT, Phase.INTENT), (Action.IMPORT, Phase.DONE)), MigrationState.STARTED),
        (((Action.IMPORT, Phase.DONE), (Action.READ_BACK, Phase.DONE)), MigrationState.MOVED),
        (((Action.IMPORT, Phase.DONE), (Action.READ_BACK, Phase.FAILED)), MigrationState.FAILED),
        (
            ((Action.IMPORT, Phase.DONE), (Action.READ_BACK, Phase.DONE), (Action.RELEASE, Phase.DONE)),
            MigrationState.RELEASED,
        ),
        (
            ((Action.IMPORT, Phase.DONE), (Action.READ_BACK, Phase.DONE), (Action.VERIFY, Phase.FAILED)),
            MigrationState.MOVED,
        ),
        (((Action.IMPORT, Phase.DONE), (Action.ROLL_BACK, Phase.DONE)), MigrationState.ROLLED_BACK),
    ],
)
def test_where_a_number_stands(lines: tuple[tuple[Action, Phase], ...], expected: MigrationState) -> None:
    assert state(*lines) is expected


def test_an_open_import_keeps_what_was_there_before_it() -> None:
    state = state_of([ENTRY])
    assert state.open_import is ENTRY
    assert state.touched


def test_a_journal_that_was_lost_is_said_and_not_taken_for_a_plan_that_was_never_begun(tmp_path: Path) -> None:
    stage = Stage(tmp_path, count=1)
    loaded = stage.plan()
    assert stage.apply(loaded).is_complete
    for file in tmp_path.glob("plan.json.journal*"):
        file.unlink()
    with pytest.raises(JournalError, match="has no journal beside it, and was started on this machine") as lost:
        read_run(loaded)
    assert "put the journal back" in str(lost.value.remedy)
    for command in ("verify", "rollback", "release"):
        with pytest.raises(JournalError, match="was lost"), SqliteJournal.writing(loaded, command):
            pass
    with pytest.raises(JournalError, match="was lost"):
        stage.apply(loaded)
    assert len(stage.target.records()) == 1
    with pytest.raises(StalePlan, match="there already"):
        stage.apply(loaded, take_over=True)  # begins anew, and looks before it writes
    assert len(stage.target.records()) == 1


# -- who may read it


@pytest.mark.skipif(os.name != "posix", reason="modes of POSIX")
def test_a_journal_and_everything_beside_it_is_readable_by_its_owner_only(loaded: LoadedPlan) -> None:
    before = os.umask(0)
    try:
        with SqliteJournal.writing(loaded, "apply", create=True) as journal:
            journal.append(ENTRY)
            beside = [file for file in loaded.path.parent.iterdir() if file.name.startswith(loaded.journal_path.name)]
            modes = {file.name.removeprefix(loaded.journal_path.name): file.stat().st_mode & 0o777 for file in beside}
    finally:
        os.umask(before)
    assert {"", "-wal", "-shm", ".lock"} <= modes.keys()
    assert set(modes.values()) == {0o600}
