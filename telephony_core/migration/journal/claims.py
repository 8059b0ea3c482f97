"""What plans on this machine are doing to which target: one plan is one run, and no two import one number at once.

The claims (`telephony_core.migration.journal.claim_rules`) are kept in one small SQLite file for each user
(``$XDG_STATE_HOME/telephony/claims.sqlite3``), readable by its owner only. It holds numbers, paths and times, and no
secret. Deleting it is safe while nothing runs and nothing is in doubt: until then it alone keeps a second plan from
importing what shows in no list yet. Other machines are not covered: there the target's list decides alone.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import ClassVar, Final

from telephony_core.errors import MigrationError
from telephony_core.migration.journal.claim_rules import ChangeRow, ClaimRow, Decide, plan_key
from telephony_core.migration.journal.sqlite_file import JournalError, SqliteFileKind, explained, lock
from telephony_core.migration.plan.store import LoadedPlan
from telephony_core.migration.rendering.commands import file_word
from telephony_core.text.documents import make_private

VERSION: Final = 1
"""Version of the file, kept as SQLite's ``user_version``; 0 is the same, from before it was written down."""
_RENEWABLE: Final = timedelta(days=1)
"""For how long a claim is kept after it has ended: longer than any request waits for its turn."""
_KIND: Final = SqliteFileKind(
    "the file in which this machine keeps which plan imports which number,",
    "do not delete it while a run is at work: without it another plan could import the same number a second time. "
    "`telephony status` of each plan shows whether one is, and until when something is in doubt; once nothing "
    "is, move it aside, and the next command makes a new one",
    "let it be read and written by you (its folder, too), or set XDG_STATE_HOME to a folder that you may write while "
    "no run is at work",
)
_LOCK: Final = SqliteFileKind(
    "the file by which this machine sees that a plan is at work,",
    "make sure that no run of this plan is at work, then move it aside; the next command makes a new one",
    _KIND.place,
)
_FLEET: Final = "fleet of "
"""Begins what stands in the place of a journal's path, which is absolute, where a fleet has the plan."""
_SCHEMA: Final = (
    "CREATE TABLE IF NOT EXISTS begun (plan TEXT PRIMARY KEY, path TEXT NOT NULL, line INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS claims (account TEXT, number TEXT, plan TEXT NOT NULL, path TEXT NOT NULL,"
    " record TEXT, until TEXT NOT NULL, PRIMARY KEY (account, number)) WITHOUT ROWID",
)


class PlanElsewhere(MigrationError):
    """The plan was started under another path or in a fleet, where its journal is. Nothing was written."""

    default_remedy: ClassVar[str | None] = "run the command there"


def state_folder() -> Path:
    """Where this machine's state of this user is kept; made when it is not there.

    ``$XDG_STATE_HOME/telephony`` or ``~/.local/state/telephony``; where neither can be written (no home, a read-only
    one), a folder of this user's below the machine's temporary files. Raises `MigrationError` where even that fails.
    """
    for folder in _candidates():
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError:
            continue
        # A folder that was there may be somebody else's, or read-only: then the next candidate is as good.
        if os.access(folder, os.W_OK | os.X_OK) and _is_mine(folder):
            return folder
    raise MigrationError(
        "there is no folder in which this machine could keep track of what its plans are doing",
        remedy="set XDG_STATE_HOME to a folder that you may write",
    )


def _candidates() -> Iterator[Path]:
    given = os.environ.get("XDG_STATE_HOME", "")
    if os.path.isabs(given):  # the XDG specification has relative ones ignored
        yield Path(given, "telephony")
    with suppress(RuntimeError):  # no home
        yield Path.home() / ".local" / "state" / "telephony"
    user = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
    yield Path(tempfile.gettempdir(), f"telephony-{user}")


def _is_mine(folder: Path) -> bool:
    """In a folder for everybody's temporary files somebody else may have made this one first."""
    return not hasattr(os, "getuid") or folder.stat().st_uid == os.getuid()


@contextmanager
def _open(path: Path) -> Iterator[sqlite3.Connection]:
    """The file, within one transaction that nobody else interrupts."""
    with explained(path, _KIND):
        make_private(path)
        with closing(sqlite3.connect(path, isolation_level=None, timeout=10.0)) as connection:
            connection.execute("PRAGMA synchronous = OFF")  # what a power cut loses, no running plan needs any more
            # Locked before anything is read: two processes that read first would both find a number unclaimed.
            connection.execute("BEGIN IMMEDIATE")
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version > VERSION:
                raise JournalError(
                    f"{_KIND.name} {path}: it is of version {version}, and this telephony-core knows {VERSION}",
                    remedy="use the newest telephony-core that is installed on this machine; older ones cannot tell "
                    "what it is doing",
                )
            for statement in _SCHEMA:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {VERSION}")
            yield connection
            connection.execute("COMMIT")


def hold(loaded: LoadedPlan, *, take_over: bool) -> sqlite3.Connection | None:
    """The lock of this plan at its target, under whatever name it is run; ``None`` when another run holds it.

    Raises `PlanElsewhere` where the plan was started under another path whose journal is still there (a copy, a hard
    link), unless ``take_over``.
    """
    folder = state_folder()
    plan = plan_key(loaded)
    with explained(folder / f"{plan}.plan.lock", _LOCK):
        held = lock(folder / f"{plan}.plan")
    if held is None:
        return None
    try:
        with _open(folder / "claims.sqlite3") as connection:
            row = connection.execute("SELECT path FROM begun WHERE plan = ?", (plan,)).fetchone()
            if row is not None and not take_over and (elsewhere := _elsewhere(row[0], loaded)) is not None:
                raise elsewhere.error()
    except BaseException:
        held.close()
        raise
    return held


def was_started_here(loaded: LoadedPlan) -> bool:
    """Whether this machine saw the plan start under this path, so that a journal that is not there was lost."""
    return _started_as(loaded) == str(loaded.journal_path)


def note_started(loaded: LoadedPlan, line: int) -> None:
    """Remember where the journal of this plan is, and the last of its lines that announced something."""
    _note(loaded, str(loaded.journal_path), line)


def note_in_fleet(loaded: LoadedPlan, tenant: str) -> None:
    """Remember that a fleet carries this plan out for a tenant: it would not see what a run on this machine claims."""
    _note(loaded, f"{_FLEET}{tenant}", 0)


def _note(loaded: LoadedPlan, journal: str, line: int) -> None:
    with _open(state_folder() / "claims.sqlite3") as connection:
        connection.execute("INSERT OR REPLACE INTO begun VALUES (?, ?, ?)", (plan_key(loaded), journal, line))


def lines_lost(loaded: LoadedPlan, last: int) -> bool:
    """Whether this machine saw later lines in the journal of this plan than ``last``: then it is an older copy."""
    known = _known(loaded)
    return known is not None and known[1] > last


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Where a plan is carried out that is not carried out here, and what to do about that."""

    what: str
    remedy: str
    otherwise: str
    """For who knows better."""

    def error(self) -> PlanElsewhere:
        over = f"{self.otherwise}, take its place with `--take-over`"
        return PlanElsewhere(f"this plan {self.what}", remedy=f"{self.remedy}; {over}")


def started_elsewhere(loaded: LoadedPlan) -> Elsewhere | None:
    """Where else the plan is carried out, where this machine knows that."""
    journal = _started_as(loaded)
    return None if journal is None else _elsewhere(journal, loaded)


def _elsewhere(journal: str, loaded: LoadedPlan) -> Elsewhere | None:
    if journal.startswith(_FLEET):
        return Elsewhere(
            f"is carried out by a fleet, for the tenant {journal.removeprefix(_FLEET)}, and its journal is there",
            "set TELEPHONY_DATABASE and TELEPHONY_TENANT",
            "only if nothing of it was done there",
        )
    # A plan that was moved together with its journal left none behind, and goes on at its new place.
    if journal == str(loaded.journal_path) or not _is_there(journal):
        return None
    return Elsewhere(
        f"was started as {journal.removesuffix('.journal')}, and its journal is there",
        "run the command with that path",
        "if that journal is an old copy",
    )


def older_copy(loaded: LoadedPlan) -> JournalError:
    """The journal lacks lines that this machine saw written: what they announced may have happened."""
    return JournalError(
        f"{loaded.journal_path} is an older copy: this machine saw later lines in it, and what they announced may have "
        "happened",
        remedy="put the newest journal back; if it is lost for good, look at both ends with `telephony inventory`, "
        f"then go on from this one with `telephony apply {file_word(loaded.name)} --take-over`",
    )


def missing(loaded: LoadedPlan) -> JournalError:
    """There is no journal beside the plan, or nothing in it."""
    journal = loaded.journal_path
    found = "an empty journal" if journal.exists() else "no journal"
    apply = f"telephony apply {file_word(loaded.name)}"
    if (elsewhere := started_elsewhere(loaded)) is not None:
        return JournalError(f"{loaded.name} has {found} beside it: this plan {elsewhere.what}", remedy=elsewhere.remedy)
    if was_started_here(loaded):
        return JournalError(
            f"{loaded.name} has {found} beside it, and was started on this machine: {journal.name} was lost, and with "
            "it what was made at the target",
            remedy="put the journal back; if it is lost for good, look at both ends with `telephony inventory`, and "
            f"start anew with `{apply} --take-over`",
        )
    return JournalError(
        f"{loaded.name} has {found} beside it: it was not started here, or {journal.name} was lost",
        remedy=f"put the journal back; only if it was never started, start with `{apply}`",
    )


def _started_as(loaded: LoadedPlan) -> str | None:
    """The path of the journal with which this machine last saw the plan."""
    known = _known(loaded)
    return None if known is None else known[0]


def _known(loaded: LoadedPlan) -> tuple[str, int] | None:
    """Path and last line of the journal with which this machine last saw the plan, if it did.

    Looking needs no folder: where none can be written, nothing was started either.
    """
    with suppress(MigrationError, OSError):
        path = state_folder() / "claims.sqlite3"
        if path.exists():
            with _open(path) as connection:
                row = connection.execute("SELECT path, line FROM begun WHERE plan = ?", (plan_key(loaded),)).fetchone()
            return None if row is None else (str(row[0]), int(row[1]))
    return None


def _is_there(journal: str) -> bool:
    """Whether a journal is there, or in a folder into which this user may not look."""
    # Not by `Path.exists`, which from Python 3.14 on says no where it cannot look.
    try:
        os.stat(journal)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        # What cannot be seen may be there, and a second run of one plan does more harm than an error.
        return True
    return True


def row_changer(now: Callable[[], datetime]) -> ChangeRow:
    """What changes claims in the file of this machine. Raises `MigrationError` where it can have none."""
    path = state_folder() / "claims.sqlite3"

    async def change(key: tuple[str, str], decide: Decide) -> None:
        with _open(path) as connection:
            row = _read(connection, key)
            if row is None:  # nobody else takes away what has ended by itself; its run may yet renew it
                connection.execute("DELETE FROM claims WHERE until <= ?", (_text(now() - _RENEWABLE),))
            _write(connection, key, decide(row))

    return change


def _read(connection: sqlite3.Connection, key: tuple[str, str]) -> ClaimRow | None:
    query = "SELECT plan, path, record, until FROM claims WHERE account = ? AND number = ?"
    row = connection.execute(query, key).fetchone()
    return None if row is None else ClaimRow(row[0], row[1], row[2], datetime.fromisoformat(row[3]))


def _write(connection: sqlite3.Connection, key: tuple[str, str], row: ClaimRow | None) -> None:
    if row is None:
        connection.execute("DELETE FROM claims WHERE account = ? AND number = ?", key)
    else:
        values = (*key, row.plan, row.shown_as, row.record, _text(row.until))
        connection.execute("INSERT OR REPLACE INTO claims VALUES (?, ?, ?, ?, ?, ?)", values)


def _text(when: datetime) -> str:
    # SQLite compares these as texts, so all have one form; the clock's times are UTC.
    return when.isoformat(timespec="seconds")
