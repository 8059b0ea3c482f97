"""What an index remembers on this machine, so that its next process starts warm: one SQLite file, of its owner alone.

It holds records, which have no secrets, and of each account a name that is made of its address and its key by a
one-way function with a salt of this file: another key, or another address, finds nothing. Whatever is odd about the
file is said with its path, and then it is not used. Nothing is lost with it: the next listing brings it all again.

Ages are counted by the machine's clock between processes. A clock that was set back shows itself by times in the file
that are yet to come; then no age in it means anything, and all of it is forgotten.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import sqlite3
import stat
import threading
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.errors import ConfigurationError
from telephony_core.number_index.known_numbers import NEVER
from telephony_core.provider.port import ProviderConfig
from telephony_core.text.documents import make_private
from telephony_core.transport.clock import Clock

APPLICATION: Final = 0x74656C69
"""Marks the file as ours, in SQLite's own header ("teli")."""
VERSION: Final = 1
_TOLERANCE: Final = 2.0
"""Seconds by which time services set clocks back without anybody minding."""
_AGAIN: Final = "remove it: the next listing brings everything again"
_SCHEMA: Final = f"""
CREATE TABLE file (salt TEXT NOT NULL, seen_at REAL NOT NULL);
CREATE TABLE account (name TEXT PRIMARY KEY, began_at REAL NOT NULL);
CREATE TABLE record (
    account TEXT NOT NULL, id TEXT NOT NULL, at REAL NOT NULL, json TEXT, PRIMARY KEY (account, id)
) WITHOUT ROWID;
PRAGMA application_id = {APPLICATION};
PRAGMA user_version = {VERSION};
"""


class IndexFileNotUsed(UserWarning):
    """An index goes on without its file, or without what was in it; the text says why."""


class IndexFile:
    """The file. Threads may share it, and so may processes."""

    def __init__(self, path: str | os.PathLike[str], clock: Clock) -> None:
        """Open it, or make it. Raises `ConfigurationError` for one that is damaged, somebody else's, or newer."""
        self.path: Path = Path(path)
        self._clock = clock
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        make_private(self.path)
        _require_private(self.path)
        try:
            self._connection = sqlite3.connect(self.path, isolation_level=None, timeout=5.0, check_same_thread=False)
            self._salt = self._prepare(self._connection)
        except sqlite3.Error as error:
            reason, remedy = _said(error)
            failure = ConfigurationError(f"the number index {self.path}: {reason}", remedy=remedy)
        except BaseException:
            self.close()
            raise
        else:
            return
        self.close()
        raise failure

    def _prepare(self, connection: sqlite3.Connection) -> str:
        # Enough for what the next listing would bring again.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("BEGIN IMMEDIATE")  # two processes may be the first
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (tables,) = connection.execute("SELECT COUNT(*) FROM sqlite_schema").fetchone()
        now = self._clock.now().timestamp()
        if not tables and not application:
            for statement in _SCHEMA.split(";"):
                connection.execute(statement)
            connection.execute("INSERT INTO file VALUES (?, ?)", (secrets.token_hex(16), now))
        elif application != APPLICATION:
            raise ConfigurationError(
                f"the number index {self.path} is a file of something else", remedy="name another file"
            )
        elif version != VERSION:
            raise ConfigurationError(
                f"the number index {self.path} is of version {version}, and this library reads version {VERSION}",
                remedy=f"update the library, or {_AGAIN}",
            )
        elif (found := connection.execute("PRAGMA quick_check(1)").fetchone()) != ("ok",):
            raise ConfigurationError(f"the number index {self.path} is damaged ({found[0]})", remedy=_AGAIN)
        ((salt, seen_at),) = connection.execute("SELECT salt, seen_at FROM file").fetchall()
        if seen_at > now + _TOLERANCE:
            connection.execute("DELETE FROM record")
            connection.execute("DELETE FROM account")
            self._warn("this machine's clock was set back, so no age in it means anything: all of it is forgotten")
        connection.execute("UPDATE file SET seen_at = ?", (now,))
        connection.execute("COMMIT")
        return str(salt)

    def name_of(self, config: ProviderConfig) -> str:
        """The name of an account in here, from which neither its key nor its address can be found out."""
        where = f"{self._salt} {config.base_url}".encode()
        secret = config.api_key.get_secret_value
        return hmac.new(secret().encode(), where, hashlib.sha256).hexdigest()[:32]

    # -- reading

    def age(self, account: str) -> float | None:
        """Seconds since the listing began that the file has of an account; ``None`` where it has none."""
        row = None
        with self._using() as connection:
            if connection is not None:
                row = connection.execute("SELECT began_at FROM account WHERE name = ?", (account,)).fetchone()
        if row is None:
            return None
        age = self._clock.now().timestamp() - float(row[0])
        return max(0.0, age) if age >= -_TOLERANCE else None  # made when the clock was ahead: nobody knows how old

    def records(self, account: str) -> list[PhoneNumber] | None:
        """The records of an account; ``None`` where there is no listing of it any more, for another process may have
        forgotten it, or where they cannot be read, of which a warning says why."""
        rows: list[tuple[str]] | None = None
        with self._using() as connection:
            if connection is not None:
                # Both questions in one transaction: another process could forget the listing between them, and an
                # account without records would pass for one that was just listed.
                connection.execute("BEGIN")
                if connection.execute("SELECT 1 FROM account WHERE name = ?", (account,)).fetchone() is not None:
                    query = "SELECT json FROM record WHERE account = ? AND json IS NOT NULL"
                    rows = connection.execute(query, (account,)).fetchall()
                connection.execute("COMMIT")
        if rows is None:
            return None
        try:
            return [PhoneNumber.model_validate_json(text) for (text,) in rows]
        except ValidationError:
            self._give_up("a record in it is not as this library writes them", _AGAIN)
            return None

    # -- writing

    def store(self, account: str, age: float, records: Iterable[PhoneNumber]) -> None:
        """Put a listing into the place of an older one; what was written since it began stays."""
        records = list(records)
        if not all(_survives(record) for record in records):
            records, age = [], NEVER  # what would come back as another number is not put down at all
        with self._using() as connection:
            if connection is None:
                return
            now = self._clock.now().timestamp()
            began_at = now - age
            # Before it is looked which listing is newer: another process may be storing one, too.
            connection.execute("BEGIN IMMEDIATE")
            row = connection.execute("SELECT began_at FROM account WHERE name = ?", (account,)).fetchone()
            # A time that is yet to come was put down before the clock was set back.
            if row is None or row[0] < began_at or row[0] > now or age == NEVER:
                connection.execute("DELETE FROM record WHERE account = ? AND at < ?", (account, now - age))
                connection.execute("DELETE FROM account WHERE name = ?", (account,))
                if age != NEVER:
                    connection.execute("INSERT INTO account VALUES (?, ?)", (account, began_at))
                connection.executemany(
                    # What is there still was written since this listing began, and is newer than what it shows.
                    "INSERT OR IGNORE INTO record VALUES (?, ?, ?, ?)",
                    ((account, record.id, began_at, record.model_dump_json()) for record in records),
                )
            connection.execute("UPDATE file SET seen_at = MAX(seen_at, ?)", (now,))
            connection.execute("COMMIT")

    def note(self, account: str, id: str, record: PhoneNumber | None) -> None:
        """Put one record down as it is now; ``None``: it is gone."""
        if record is not None and not _survives(record):
            self.forget(account)
            return
        text = None if record is None else record.model_dump_json()
        with self._using() as connection:
            if connection is not None:
                row = (account, id, self._clock.now().timestamp(), text)
                connection.execute("INSERT OR REPLACE INTO record VALUES (?, ?, ?, ?)", row)

    def forget(self, account: str) -> None:
        """Take the listing of an account for none: nobody knows what of it is still true."""
        with self._using() as connection:
            if connection is not None:
                connection.execute("DELETE FROM account WHERE name = ?", (account,))

    def close(self) -> None:
        """Close it. What is asked of it later is not answered any more."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    # -- small parts

    @contextmanager
    def _using(self) -> Iterator[sqlite3.Connection | None]:
        """The connection, for one at a time. When the file fails, the index goes on without."""
        failed = None
        with self._lock:
            try:
                yield self._connection
            except sqlite3.Error as error:
                failed = error
                if self._connection is not None and self._connection.in_transaction:
                    with suppress(sqlite3.Error):
                        self._connection.execute("ROLLBACK")
        if failed is not None and self._connection is not None:
            if _code(failed) == sqlite3.SQLITE_BUSY:
                self._warn("another process holds it; what was to be put down now is not in it")
            else:
                self._give_up(*_said(failed))

    def _give_up(self, reason: str, remedy: str) -> None:
        self.close()
        self._warn(f"{reason}; the index goes on without it. {remedy[:1].upper()}{remedy[1:]}")

    def _warn(self, reason: str) -> None:
        warnings.warn(f"the number index {self.path}: {reason}", IndexFileNotUsed, stacklevel=4)


def _require_private(path: Path) -> None:
    # Elsewhere these modes and owners say nothing.
    if os.name != "posix":
        return
    try:
        found = os.stat(path)
    except OSError:
        return
    if found.st_uid != os.geteuid():
        raise ConfigurationError(
            f"the number index {path} belongs to somebody else, who may have put anything into it",
            remedy="name a file in a folder of your own",
        )
    if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigurationError(
            f"the number index {path} is open to other users of this machine",
            # Not to be removed: nobody has looked yet whether it is an index, or a plan whose name stands in its place.
            remedy="name another file, or chmod 600 it, if it is an index and nobody has written to it",
        )


def _survives(record: PhoneNumber) -> bool:
    """Whether a record comes back out of JSON as the same number: there a password in a SIP address is hidden."""
    identity = record.identity
    return identity.e164 is not None or identity.model_dump(mode="json")["raw"] == identity.raw


def _code(error: sqlite3.Error) -> int:
    """SQLite's own number of an error; ``SQLITE_ERROR`` for those that Python finds, such as text that is no UTF-8."""
    return int(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)) & 0xFF


def _said(error: sqlite3.Error) -> tuple[str, str]:
    code = _code(error)
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_READONLY_DBMOVED:
        return "it was removed, or another file is in its place", "make a new index to use the one that is there"
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return "it is damaged, or no SQLite file", f"name another file, or, if it was an index, {_AGAIN}"
    if code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
        return "it cannot be opened for reading and writing", "name a file in a folder that you may write"
    if code == sqlite3.SQLITE_FULL:
        return "the disk is full", "make room"
    if code == sqlite3.SQLITE_BUSY:
        return "another process holds it", "close that process"
    return f"SQLite says: {error}", _AGAIN
