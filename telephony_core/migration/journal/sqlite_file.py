"""The journal's file: opening, locking, and what to do when SQLite cannot."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final
from urllib.parse import quote

from telephony_core.errors import MigrationError


class JournalError(MigrationError):
    """The journal cannot be read or written. Nothing goes on without it."""


class JournalLocked(JournalError):
    """Another run is at work on this plan."""


ASIDE: Final = (
    "put it aside and keep it; `telephony inventory` and a new plan show what is at the target, and find what was moved"
)


def make_private(path: Path) -> None:
    """Make a file that its owner alone can read, where there is none; SQLite would give it the mode of the umask.

    One that is there keeps its mode. What stands against making it, SQLite says better.
    """
    with suppress(OSError):
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


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
        connection = sqlite3.connect(f"{where}?immutable=1", uri=True, isolation_level=None)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def holds_nothing(connection: sqlite3.Connection) -> bool:
    """Whether this is no journal yet: beginning it was cut short, or a file was made and nothing came into it."""
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


def _made(path: Path) -> None:
    """See to it that the file is there, readable by its owner only; one that is there already keeps its mode.

    SQLite would make it readable by all, and gives its companions (``-wal``, ``-shm``) the mode of the file itself.
    """
    with suppress(OSError):  # SQLite says better what is wrong with the place
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))


def sync_folder(folder: Path) -> None:
    """Make the new names durable, where folders can be opened (not on Windows)."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """SQLite's errors as ours, with what to do about them."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        reason, remedy = _REASONS.get(code, (f"SQLite says: {error}", "look at the file and its folder"))
        failure = JournalError(f"the journal {path}: {reason}", remedy=remedy)
    except (ValueError, KeyError) as error:
        failure = JournalError(f"the journal {path} holds something odd ({type(error).__name__})", remedy=ASIDE)
    else:
        return
    raise failure


_FOLDER: Final = (
    "its folder or file cannot be written",
    "the journal has to lie beside the plan: put the plan into a folder that you may write",
)
_REASONS: Final = {
    sqlite3.SQLITE_FULL: ("the disk is full", "make room, then run the same command again: it goes on from here"),
    sqlite3.SQLITE_READONLY: _FOLDER,
    sqlite3.SQLITE_CANTOPEN: _FOLDER,
    sqlite3.SQLITE_PERM: _FOLDER,
    sqlite3.SQLITE_IOERR: ("the disk fails", "mend the disk, then run the same command again: it goes on from here"),
    sqlite3.SQLITE_CORRUPT: ("it is damaged", ASIDE),
    sqlite3.SQLITE_NOTADB: ("it is no SQLite file", ASIDE),
    sqlite3.SQLITE_BUSY: ("another program holds it", "close that program, then run the same command again"),
}
