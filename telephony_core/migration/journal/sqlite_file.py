"""The SQLite files of a migration: opening, locking, and what to do when one cannot be used."""

from __future__ import annotations

import errno
import os
import sqlite3
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final
from urllib.parse import quote

from telephony_core.errors import MigrationError, instead_of
from telephony_core.text.documents import make_private


class JournalError(MigrationError):
    """The journal, or what this machine remembers of its plans, cannot be read or written. Nothing goes on without.

    Cause: the file is damaged, of a newer version, or something else.

    Remedy: put it back from a copy. Without it nobody knows what the plan has done.
    """


class JournalNotWritable(JournalError):
    """This machine does not let it be written: no room, no right to, or a disk that fails.

    Remedy: make room, or give this user the right to write there; then run the same command again.
    """


class JournalLocked(JournalError):
    """Another run is at work on this plan.

    Remedy: wait for it to end, or end it; then run the same command again.
    """


class Superseded(JournalError):
    """Another run goes on with this number, so nothing more is written of it here, and nothing more is sent."""

    default_remedy: ClassVar[str | None] = "leave it to the other run; `telephony status` shows how it goes on"


ASIDE: Final = (
    "put it aside and keep it; `telephony inventory` and a new plan show what is at the target, and find what was moved"
)


def open_for_writing(path: Path) -> sqlite3.Connection:
    """A connection whose every statement is on disk when it is done, and in this one file.

    Readers and the writer never wait for one another.
    """
    make_private(path)
    connection = sqlite3.connect(path, isolation_level=None, timeout=5.0)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        # Otherwise a thousand lines may be in the companion alone, and lost to whoever copies the file without it.
        connection.execute("PRAGMA wal_autocheckpoint = 1")
    except BaseException:
        connection.close()
        raise
    return connection


def open_for_reading(path: Path) -> sqlite3.Connection:
    """A connection that cannot write. In a folder that cannot be written either, what is there cannot change."""
    where = f"file:{quote(str(path.absolute()))}"
    connection = sqlite3.connect(f"{where}?mode=ro", uri=True, isolation_level=None, timeout=5.0)
    try:
        holds_nothing(connection)  # which finds out whether it can be read
    except sqlite3.OperationalError as error:
        connection.close()
        if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
            raise
        # A file in WAL mode needs a companion even to be read (sqlite.org/wal.html, "Read-Only Databases"), which this
        # folder does not let SQLite make.
        connection = sqlite3.connect(f"{where}?immutable=1", uri=True, isolation_level=None)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def holds_nothing(connection: sqlite3.Connection) -> bool:
    """Whether this is no journal yet: starting it was cut short, or a file was made and nothing came into it."""
    (things,) = connection.execute("SELECT COUNT(*) FROM sqlite_schema").fetchone()
    return not things


def lock(path: Path) -> sqlite3.Connection | None:
    """The lock of this journal, held until it is closed or its process ends; ``None`` when somebody else has it.

    It is the operating system's, by way of SQLite, which knows how to get one everywhere.
    """
    # `SqliteJournal.is_running` holds it for a moment; a real run holds it for good.
    file = path.with_name(path.name + ".lock")
    make_private(file)
    held = sqlite3.connect(file, isolation_level=None, timeout=0.2)
    try:
        held.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        held.close()
        if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
            raise
        return None
    except BaseException:
        held.close()
        raise
    return held


@dataclass(frozen=True, slots=True)
class SqliteFileKind:
    """One kind of file, and what a person has to know when it cannot be used."""

    name: str
    """What it is called in front of its path, with what it is for where that is not known to everybody."""
    aside: str
    """What to do about one that is damaged, or is something else."""
    place: str
    """What to do where it may not be read or written."""


JOURNAL: Final = SqliteFileKind(
    "the journal",
    ASIDE,
    "the journal has to lie beside the plan, in a folder that you may write; one that is there belongs to whoever "
    "began: go on as that user, or let it be written by you; never move the plan without it, which would begin anew",
)


def explained(path: Path, kind: SqliteFileKind = JOURNAL) -> AbstractContextManager[None]:
    """Errors of SQLite and of the operating system as ours, with what to do about them for this kind of file."""
    return instead_of((sqlite3.Error, OSError, ValueError, KeyError), lambda error: _explained(error, path, kind))


def _explained(error: Exception, path: Path, kind: SqliteFileKind) -> JournalError:
    what = f"{kind.name} {path}"
    if isinstance(error, OSError):
        reason = error.strerror or type(error).__name__
        return JournalNotWritable(f"{what}: {reason}", remedy=_MACHINE.get(error.errno or 0, kind.place))
    if not isinstance(error, sqlite3.Error):
        # Such as a line with an action that this version does not know.
        return JournalError(f"{what} holds something odd ({type(error).__name__})", remedy=kind.aside)
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in _REFUSED:
        if os.path.isdir(path):
            return JournalNotWritable(f"{what}: a folder is in its place", remedy=kind.aside)
        return JournalNotWritable(f"{what}: its folder or file cannot be written or read", remedy=kind.place)
    if code in _SPOILT:
        return JournalError(f"{what}: {_SPOILT[code]}", remedy=kind.aside)
    if code in _FAILING:
        reason, remedy = _FAILING[code]
        return JournalNotWritable(f"{what}: {reason}", remedy=remedy)
    if code == sqlite3.SQLITE_BUSY:
        remedy = "close that program, then run the same command again"
        return JournalError(f"{what}: another program holds it", remedy=remedy)
    return JournalError(f"{what}: SQLite says: {error}", remedy=kind.aside)


_ROOM: Final = "make room, then run the same command again: it goes on from here"
_MACHINE: Final = {errno.ENOSPC: _ROOM, getattr(errno, "EDQUOT", errno.ENOSPC): _ROOM}  # Windows has no quota error
_REFUSED: Final = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM)
_SPOILT: Final = {sqlite3.SQLITE_CORRUPT: "it is damaged", sqlite3.SQLITE_NOTADB: "it is no SQLite file"}
_FAILING: Final = {
    sqlite3.SQLITE_FULL: ("the disk is full", _ROOM),
    sqlite3.SQLITE_IOERR: ("the disk fails", "repair the disk, then run the same command again: it goes on from here"),
}
