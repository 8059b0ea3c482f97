"""The journal: what was about to happen and what happened, on disk before anything goes on.

One SQLite file beside the plan (WAL, ``synchronous=FULL``, a checkpoint after every line), readable with any SQLite
tool:

    about    what the file is, and the checksum of its plan
    runs     one row a run of a command: who, where, since when, how it ended
    entries  one row a line (`Entry`), never changed and never deleted
    numbers  a view: the last line of each number

What is sent is announced first, so a run that dies leaves a line which says what may have happened:

    (nothing) ──INTENT──> announced ──DONE────> it happened
                            │   ^ └───FAILED──> it did not happen, or not as planned
                            └LOOK┘ └──UNKNOWN─> a person has to look
                     (no trace yet)

`telephony_core.migration.move.state` derives from a number's lines how far its move is. Runs know no file, only
`telephony_core.migration.journal.protocol`, so that the lines can be kept somewhere else.
"""

from __future__ import annotations

import json
import socket
import sqlite3
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import replace
from datetime import UTC, datetime
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from telephony_core._version import __version__
from telephony_core.errors.migration import StalePlan
from telephony_core.migration.journal.claims import (
    hold,
    lines_lost,
    missing,
    note_started,
    older_copy,
    started_elsewhere,
    was_started_here,
)
from telephony_core.migration.journal.entries import Action, Entry, Phase
from telephony_core.migration.journal.runs import RunRecord, how_ended_by, this_process
from telephony_core.migration.journal.sqlite_file import (
    ASIDE,
    JournalError,
    JournalLocked,
    Superseded,
    explained,
    holds_nothing,
    lock,
    open_for_reading,
    open_for_writing,
)
from telephony_core.migration.plan.store import LoadedPlan
from telephony_core.migration.rendering.commands import file_word
from telephony_core.text.documents import sync_folder

__all__ = ["JournalError", "JournalLocked", "SqliteJournal", "was_started"]

VERSION: Final = 2
"""Version of the schema, kept as SQLite's ``user_version``. 1 was before the first release: other column names."""
APPLICATION: Final = 0x7E1C0DE
"""SQLite's ``application_id``, by which a journal differs from any other database."""

_SCHEMA: Final = """
CREATE TABLE about (fact TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE runs (
  id INTEGER PRIMARY KEY, command TEXT NOT NULL, started_at TEXT NOT NULL, ended_at TEXT, how_it_ended TEXT,
  process INTEGER NOT NULL, host TEXT NOT NULL, version TEXT NOT NULL, user TEXT
);
CREATE TABLE entries (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, run INTEGER NOT NULL REFERENCES runs (id),
  number TEXT NOT NULL, action TEXT NOT NULL, phase TEXT NOT NULL,
  record TEXT, message TEXT NOT NULL, data TEXT NOT NULL
);
CREATE INDEX entries_by_number ON entries (number, seq);
CREATE INDEX entries_by_action ON entries (action, phase);
CREATE VIEW numbers AS
  SELECT number, action AS last_action, phase, record, message, at
  FROM entries JOIN (SELECT MAX(seq) AS seq FROM entries GROUP BY number) USING (seq) ORDER BY number;
"""


_MADE: Final = (
    "SELECT DISTINCT number FROM entries AS e WHERE action = 'import' AND phase = 'done' AND NOT EXISTS"
    " (SELECT 1 FROM entries WHERE number = e.number AND action = 'roll_back' AND phase = 'done') LIMIT ?"
)
_RUNS: Final = "SELECT id, command, started_at, ended_at, how_it_ended, process, host, user FROM runs ORDER BY id"


class SqliteJournal:
    """The journal of one plan. Open it with `writing` or `reading`, and as a context manager."""

    def __init__(self, path: Path, connection: sqlite3.Connection, now: Callable[[], datetime]) -> None:
        self.path = path
        self._connection = connection
        self._now = now
        self._run = 0
        self._locks: tuple[sqlite3.Connection, ...] = ()
        self._loaded: LoadedPlan | None = None
        self.taken_over: RunRecord | None = None
        """The run that died and whose place this one took."""

    # -- opening

    @classmethod
    def writing(
        cls,
        loaded: LoadedPlan,
        command: str,
        *,
        create: bool = False,
        take_over: bool = False,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> Self:
        """Open the journal of a plan for a run, and lock it.

        The lock is the operating system's, so it ends with its process. Where the last run was on another host, whose
        locks may not be seen here, and did not say that it ended, ``take_over`` has to be given. Raises `JournalLocked`
        and `JournalError`, and `StalePlan` when the file of the plan holds another one by now.
        """
        path = loaded.journal_path
        with ExitStack() as undo:
            with explained(path):
                if not create and not path.exists():
                    raise missing(loaded)
                held = lock(path)
            # The second lock is the plan's under whatever name it is run.
            if held is not None:
                undo.callback(held.close)
            also_held = None if held is None else hold(loaded, take_over=take_over)
            if held is None or also_held is None:
                raise JournalLocked(
                    f"another run is at work on this plan{_owner(path, now)}",
                    remedy=f"wait for it, or look at it with `telephony status {file_word(loaded.name)}`",
                )
            undo.callback(also_held.close)
            # Somebody may have been asked in between; a journal started now would belong to no plan any more.
            if loaded.was_replaced():
                raise StalePlan(
                    f"{loaded.name} was replaced by another plan since it was read",
                    remedy="read the new one, then run the same command again",
                )
            with explained(path):
                journal = cls(path, undo.enter_context(closing(open_for_writing(path))), now)
                journal._start(loaded, command, create=create, take_over=take_over)
            journal._locks = (held, also_held)
            undo.pop_all()
        return journal

    def _start(self, loaded: LoadedPlan, command: str, *, create: bool, take_over: bool) -> None:
        """Make sure that this is the journal of the plan, and write down that a run of this command has started."""
        if holds_nothing(self._connection):
            if not create or (was_started_here(loaded) and not take_over):
                raise missing(loaded)
            self._make(loaded)
        self._check(loaded)
        if not take_over and lines_lost(loaded, self.last_line()):
            raise older_copy(loaded)
        self._register(command, take_over=take_over)
        self._loaded = loaded
        if self.last_line() or started_elsewhere(loaded) is None:  # an empty one takes no other one's place
            note_started(loaded, self.last_line())

    @classmethod
    def reading(cls, loaded: LoadedPlan, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Self:
        """Open the journal of a plan to look at it, also while a run is at work. Raises `JournalError`."""
        path = loaded.journal_path
        if not was_started(loaded):
            raise missing(loaded)
        with explained(path):
            journal = cls(path, open_for_reading(path), now)
        try:
            with explained(path):
                journal._check(loaded)
                # A run that is at work writes on between the two looks, which would make its journal seem an older
                # copy.
                if not journal.is_running() and lines_lost(loaded, journal.last_line()):
                    raise older_copy(loaded)
        except BaseException:
            journal._close()
            raise
        return journal

    def _make(self, loaded: LoadedPlan) -> None:
        plan = loaded.plan
        about = {
            "what this is": "the journal of a plan by telephony-core; the view `numbers` shows the last line",
            "plan": loaded.file.name,
            "checksum": loaded.checksum,
            "kind": plan.kind.value,
            **({} if plan.source is None else {"from": f"{plan.source.connection} ({plan.source.provider})"}),
            "to": f"{plan.target.connection} ({plan.target.provider})",
            "started at": _text(self._now()),
        }
        # In one piece: a journal whose making is cut short holds nothing, and counts as not begun.
        self._connection.execute("BEGIN IMMEDIATE")
        for statement in _SCHEMA.split(";\n"):
            if statement.strip():
                self._connection.execute(statement)
        self._connection.executemany("INSERT INTO about VALUES (?, ?)", about.items())
        self._connection.execute(f"PRAGMA application_id = {APPLICATION}")
        self._connection.execute(f"PRAGMA user_version = {VERSION}")
        self._connection.execute("COMMIT")
        sync_folder(self.path.parent)

    def _check(self, loaded: LoadedPlan) -> None:
        (application,) = self._connection.execute("PRAGMA application_id").fetchone()
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if application != APPLICATION:
            raise JournalError(f"{self.path} is not a journal", remedy=ASIDE)
        if version != VERSION:
            raise JournalError(
                f"{self.path} is a journal of version {version}, and this telephony-core reads {VERSION}",
                remedy="use the version of telephony-core that started it",
            )
        (result,) = self._connection.execute("PRAGMA quick_check(1)").fetchone()
        if result != "ok":
            raise JournalError(f"{self.path} is damaged", remedy=ASIDE)
        row = self._connection.execute("SELECT value FROM about WHERE fact = 'checksum'").fetchone()
        if row is None or row[0] != loaded.checksum:
            raise JournalError(
                f"{self.path} is the journal of another plan than {loaded.file.name}",
                remedy="put the plan back that it belongs to, or give the new plan another name",
            )

    def _register(self, command: str, *, take_over: bool) -> None:
        last = self.last_run()
        now = self._now()
        if last is not None and last.ended_at is None:
            if last.host != socket.gethostname() and not take_over:
                raise JournalLocked(
                    f"no end is recorded of the last run: {last.owner(now)}; whether it is at work cannot be seen "
                    f"from {socket.gethostname()}",
                    remedy="make sure that it has ended, then take its place with `--take-over`",
                )
            self.taken_over = last
        if not self._names_users():  # a journal of an earlier version
            self._connection.execute("ALTER TABLE runs ADD COLUMN user TEXT")
        cursor = self._connection.execute(
            "INSERT INTO runs (command, started_at, process, host, version, user)"
            " VALUES (:command, :now, :process, :host, :version, :user)",
            {"command": command, "now": _text(now), "version": __version__, **this_process()},
        )
        self._run = cursor.lastrowid or 0

    def _names_users(self) -> bool:
        return any(row[1] == "user" for row in self._connection.execute("PRAGMA table_info(runs)"))

    # -- writing

    def append(self, entry: Entry) -> Entry:
        """Write one line; it is on disk when this returns, as it was written. Raises `JournalError`, also once a later
        run took over."""
        data = json.dumps(dict(entry.data), ensure_ascii=False, separators=(",", ":"))
        at = _text(self._now())
        row = (entry.number, entry.action, entry.phase, entry.record, entry.message, data)
        with explained(self.path):
            cursor = self._connection.execute(
                "INSERT INTO entries (at, run, number, action, phase, record, message, data)"
                # Look and line in one statement: another run may take this one's place between two.
                " SELECT ?, ?, ?, ?, ?, ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM runs WHERE id > ?)",
                (at, self._run, *row, self._run),
            )
        if not cursor.rowcount:
            raise Superseded(f"{self.path}: a later run took the place of this one")
        line = cursor.lastrowid or 0
        # Only what was announced may have happened without an older copy of the journal knowing; no other line is worth
        # a second write to the disk.
        if entry.phase is Phase.INTENT and self._loaded is not None:
            note_started(self._loaded, line)
        return replace(entry, data=json.loads(data), seq=line, at=_time(at), run=self._run)

    def last_line(self) -> int:
        """The last line that announced something to be sent; 0 where there is none."""
        query = "SELECT COALESCE(MAX(seq), 0) FROM entries WHERE phase = ?"
        with explained(self.path):
            (line,) = self._connection.execute(query, (Phase.INTENT,)).fetchone()
        return int(line)

    def finish(self, how: str) -> None:
        """Write down that this run has ended, and how."""
        with explained(self.path):
            self._connection.execute(
                "UPDATE runs SET ended_at = ?, how_it_ended = ? WHERE id = ?", (_text(self._now()), how, self._run)
            )

    # -- reading

    def entries_of(self, number: str) -> list[Entry]:
        """Every line of one number, oldest first."""
        with explained(self.path):
            return [
                _entry(row) for row in self._connection.execute(f"{_LINES} WHERE number = ? ORDER BY seq", (number,))
            ]

    def lines(self, numbers: Collection[str] | None = None) -> Iterator[list[Entry]]:
        """The lines of every number that has some, or of these alone, number by number."""
        these = "" if numbers is None else " WHERE number IN (SELECT value FROM json_each(?))"
        given = () if numbers is None else (json.dumps([*numbers]),)
        with explained(self.path):
            rows = self._connection.execute(f"{_LINES}{these} ORDER BY number, seq", given)
            for _, entries in groupby(map(_entry, rows), attrgetter("number")):
                yield list(entries)

    def made(self, most: int) -> set[str]:
        """Some of the numbers that imports made and no rollback took back, so many at most."""
        with explained(self.path):
            return {number for (number,) in self._connection.execute(_MADE, (most,))}

    def agents_unpublished(self, action: Action) -> frozenset[str]:
        """Agents that releasing numbers may have unpublished, also for numbers that are still there."""
        with explained(self.path):
            rows = self._connection.execute(
                "SELECT data FROM entries WHERE action = ? AND phase = ?", (action, Phase.INTENT)
            ).fetchall()
            return frozenset(str(agent) for (data,) in rows for agent in json.loads(data).get("agents", ()))

    def last_run(self) -> RunRecord | None:
        """The run that started last."""
        return next(iter(self.runs()[-1:]), None)

    def runs(self) -> list[RunRecord]:
        """Every run, oldest first."""
        with explained(self.path):
            query = _RUNS if self._names_users() else _RUNS.replace(", user", ", NULL")
            rows = self._connection.execute(query).fetchall()
            return [RunRecord.model_validate(dict(zip(RunRecord.model_fields, row, strict=True))) for row in rows]

    def is_running(self) -> bool:
        """Whether a run is at work on this plan now, as far as this host can see."""
        try:
            with explained(self.path):
                held = lock(self.path)
        except JournalError:
            return False  # in a folder that cannot be written nobody is at work
        if held is None:
            return True
        held.close()
        return False

    # -- closing

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        if kind is not None and self._locks:
            with suppress(JournalError):
                # Whoever called is told what ended the run, and not that its end could not be written as well.
                self.finish(how_ended_by(kind))
        self._close()

    def _close(self) -> None:
        with suppress(sqlite3.Error):
            self._connection.close()
        for held in self._locks:
            with suppress(sqlite3.Error):
                held.close()


def was_started(loaded: LoadedPlan) -> bool:
    """Whether the plan has a journal beside it with anything in it. Raises `JournalError` when that cannot be seen."""
    path = loaded.journal_path
    with explained(path):
        if not path.exists():
            return False
    with explained(path), closing(open_for_reading(path)) as connection:
        return not holds_nothing(connection)


def _owner(path: Path, now: Callable[[], datetime]) -> str:
    """Who is at work, as far as the journal shows."""
    with suppress(sqlite3.Error, JournalError), closing(open_for_reading(path)) as connection:
        last = SqliteJournal(path, connection, now).last_run()
        if last is not None:
            return f": {last.owner(now())}"
    return ""


_LINES: Final = "SELECT number, action, phase, record, message, data, seq, at, run FROM entries"


def _entry(row: tuple[str, str, str, str | None, str, str, int, str, int]) -> Entry:
    number, action, phase, record, message, data, seq, at, run = row
    return Entry(number, Action(action), Phase(phase), record, message, json.loads(data), seq, _time(at), run)


def _text(when: datetime) -> str:
    return when.astimezone(UTC).isoformat(timespec="milliseconds")


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
