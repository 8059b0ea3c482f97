"""A disk that is full at any write of a run: no success is claimed, and what is in doubt is said."""

from __future__ import annotations

import errno
import json
import sqlite3

import pytest

from telephony_core.migration.journal import claims, store

APPLY = ("migrate", "apply", "plan.json", "--yes", "--numbers", "+827011110000")
WRITES = ("INSERT", "UPDATE", "DELETE")


def full():
    error = sqlite3.OperationalError("database or disk is full")
    error.sqlite_errorcode = sqlite3.SQLITE_FULL
    return error


ERRORS = {"sqlite": full, "system": lambda: OSError(errno.ENOSPC, "No space left on device")}


class Disk:
    """Has room for so many writes."""

    def __init__(self, room, error):
        self.room, self.error, self.refused = room, error, 0

    def write(self, statement):
        if statement.startswith(WRITES):
            self.room -= 1
            if self.room < 0:
                self.refused += 1
                raise self.error()


class Connection:
    def __init__(self, connection, disk):
        self._connection, self._disk = connection, disk

    def execute(self, statement, *values):
        self._disk.write(statement)
        return self._connection.execute(statement, *values)

    def executemany(self, statement, *values):
        self._disk.write(statement)
        return self._connection.executemany(statement, *values)

    def close(self):
        self._connection.close()


class Sqlite:
    """What `claims` uses of the module."""

    def __init__(self, disk):
        self._disk = disk

    def connect(self, *place, **options):
        return Connection(sqlite3.connect(*place, **options), self._disk)


def of_the_journal(patch, disk):
    opened = store.open_for_writing
    patch.setattr(store, "open_for_writing", lambda path: Connection(opened(path), disk))


def of_the_claims(patch, disk):
    patch.setattr(claims, "sqlite3", Sqlite(disk))


def ends_as_it_should(moving, room, error, spoil):
    moving.plan("--timeout", "0.05", "--settling-window", "0.05")
    with pytest.MonkeyPatch.context() as patch:
        disk = Disk(room, ERRORS[error])
        spoil(patch, disk)
        result = moving.telephony(*APPLY, "--json")
    assert disk.refused, "there are fewer writes than that: take this case away"
    assert result.stdout == ""
    said = json.loads(result.stderr.splitlines()[-1])["error"]
    assert said["exit_code"] == result.exit_code
    assert "make room" in said["remedy"]
    (status, *_) = moving.telephony.json("migrate", "status", "plan.json")["numbers"]
    doubted = status["in_doubt_until"] is not None
    assert result.exit_code == (7 if doubted else 71)
    assert ("in doubt: +827011110000 (until" in said["message"]) == doubted
    again = moving.telephony(*APPLY)
    assert again.exit_code == 0, again.stderr
    assert moving.live() == ["+827011110000"]


@pytest.mark.parametrize("room", range(8))
@pytest.mark.parametrize("error", ERRORS)
def test_a_disk_that_is_full_at_any_write_of_the_journal(moving, room, error):
    ends_as_it_should(moving, room, error, of_the_journal)


@pytest.mark.parametrize("room", range(6))
def test_a_disk_that_is_full_at_any_write_of_what_this_machine_remembers(moving, room):
    ends_as_it_should(moving, room, "sqlite", of_the_claims)
