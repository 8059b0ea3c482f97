"""The file of an index: who starts warm by it, how old that is, and which file is not trusted."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
import warnings
from contextlib import closing
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any

import pytest

from telephony_core import ConfigurationError, InvalidInput, NumberImport, OutboundUpdate, OutcomeUnknown
from telephony_core.errors import NoAnswer
from telephony_core.number_index.index_file import IndexFile, IndexFileNotUsed
from tests.number_index.conftest import MAX_AGE, NUMBER, OTHER, World

KEY = "k3y-c4nary"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "numbers.sqlite3"


def filled(world: World, file: Path, *numbers: str) -> None:
    """An index that was, and has left its file."""
    world.account("a", *(numbers or (NUMBER,)))
    index = world.index(file=file)
    index.refresh()
    world.close(index)
    world.accounts["a"].requests.clear()


def ids(located) -> list[str]:
    return [record.id for _, record in located.served_by]


# -- starting warm


def test_the_next_process_starts_warm_with_the_age_of_what_it_knows(world: World, file: Path):
    world.account("a", NUMBER, "2001").takes = 20
    index = world.index(file=file)
    index.refresh()
    world.close(index)
    world.accounts["a"].requests.clear()
    world.time.advance(40)
    index = world.index(file=file)
    located = index.find(NUMBER)
    assert ids(located) == ["a-0"]
    assert ids(index.find("2001")) == ["a-1"]
    assert located.age == pytest.approx(60)
    assert world.accounts["a"].requests == []


def test_records_come_back_as_they_were(world: World, file: Path):
    world.account("a").add(
        "a-0", NUMBER, label="Büro", address="pbx.example.com", inbound_agent={"agent_id": "x", "version": "v1"}
    )
    index = world.index(file=file)
    before = index.find(NUMBER).served_by
    world.close(index)
    assert world.index(file=file).peek(NUMBER).served_by == before


def test_what_is_too_old_is_listed_anew(world: World, file: Path):
    filled(world, file)
    world.time.advance(MAX_AGE + 1)
    index = world.index(file=file)
    assert index.peek(NUMBER).age == pytest.approx(MAX_AGE + 1)
    assert index.find(NUMBER).age == 0
    assert world.accounts["a"].listings == 1


def test_our_own_writes_are_in_it(world: World, file: Path):
    account = world.account("a", NUMBER, OTHER)
    index = world.index(file=file)
    index.refresh()
    client = world.client(index, "a")
    world.time.advance(1)
    client.update_label("a-0", "new")
    account.after[len(account.requests) + 2] = lambda: account.records.pop("a-1")
    client.release("a-1")
    world.close(index)
    index = world.index(file=file)
    assert [record.label for _, record in index.peek(NUMBER).served_by] == ["new"]
    assert ids(index.peek(OTHER)) == []


def test_an_account_with_a_write_in_doubt_starts_cold(world: World, file: Path):
    account = world.account("a", OTHER)
    index = world.index(file=file)
    index.refresh()

    def lost(act):
        raise NoAnswer("lost")

    account.faults["POST", 1] = lost
    trunk = OutboundUpdate(address="pbx.example.com", username="u", password="p")
    with pytest.raises(OutcomeUnknown):
        world.client(index, "a").import_number(NumberImport(number=NUMBER, outbound=trunk))
    world.close(index)
    assert world.index(file=file).peek(OTHER).age == inf


def test_a_number_that_would_come_back_as_another_keeps_its_account_out_of_it(world: World, file: Path):
    filled(world, file, NUMBER, "sip:desk:hidden@pbx.example.com")
    assert b"hidden" not in file.read_bytes()
    assert world.index(file=file).peek(NUMBER, connection="a").age == inf


def test_a_number_that_turns_out_to_be_such_a_one_takes_its_account_out_of_it(world: World, file: Path):
    account = world.account("a", NUMBER)
    index = world.index(file=file)
    index.refresh()
    account.add("a-1", "sip:desk:hidden@pbx.example.com")
    world.client(index, "a").update_label("a-1", "new")
    world.close(index)
    assert b"hidden" not in file.read_bytes()
    assert world.index(file=file).peek(NUMBER).age == inf


def test_a_write_that_comes_into_doubt_while_a_listing_is_put_down_takes_its_account_out_of_it(
    world: World, file: Path, monkeypatch
):
    world.account("a", NUMBER)
    index = world.index(file=file)
    listener = index.client("a").operations.listeners[0]
    store_it = IndexFile.store

    def store(self: IndexFile, *listing) -> None:
        listener.doubt()
        store_it(self, *listing)

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(IndexFile, "store", store)
        index.refresh()
    assert world.index(file=file).peek(NUMBER).age == inf


# -- whose it is


def test_another_key_or_another_address_finds_nothing(world: World, file: Path):
    filled(world, file)
    assert world.index(file=file, key="another").peek(NUMBER).age == inf
    elsewhere = replace(world.connection("a"), base_url="https://other.example")
    assert world.index({"a": elsewhere}, file=file).peek(NUMBER).age == inf
    assert world.index({"a": world.connection("a")}, file=file).peek(NUMBER).age == 0


def test_one_account_has_another_name_in_every_file(world: World, file: Path):
    other = file.with_name("other.sqlite3")
    filled(world, file)
    filled(world, other)
    names = set()
    for each in (file, other):
        with closing(sqlite3.connect(each)) as connection:
            names |= set(connection.execute("SELECT name FROM account"))
    assert len(names) == 2


def test_it_is_of_its_owner_alone_and_holds_no_key(world: World, file: Path):
    filled(world, file)
    assert os.stat(file).st_mode & 0o777 == 0o600
    assert b"+82 70" in file.read_bytes() or NUMBER.encode() in file.read_bytes()
    assert KEY.encode() not in file.read_bytes()


# -- two processes


def test_what_another_process_has_listed_is_taken_from_the_file(world: World, file: Path):
    account = world.account("a")
    first, second = world.index(file=file), world.index(file=file)
    first.refresh()
    second.find(NUMBER)
    assert account.listings == 1
    world.time.advance(MAX_AGE + 1)
    account.add("new", NUMBER)
    second.find(NUMBER)
    assert ids(first.find(NUMBER)) == ["new"]
    assert account.listings == 2
    assert ids(first.find(NUMBER, fresh=True)) == ["new"]
    assert account.listings == 3


def test_an_older_listing_never_replaces_a_newer_one(world: World, file: Path):
    account = world.account("a", OTHER)
    slow, quick = world.index(file=file), world.index(file=file)
    slow.refresh()
    known = slow.target._accounts["a"].known
    world.time.advance(1)
    draft = known.start()  # begun now, complete later
    for record in known.all():
        draft.add(record)
    world.time.advance(1)
    del account.records["a-0"]
    account.add("new", NUMBER)
    quick.refresh()
    known.show(draft)
    slow.target._write_file(slow.target._accounts["a"])
    index = world.index(file=file)
    assert ids(index.peek(NUMBER)) == ["new"]
    assert ids(index.peek(OTHER)) == []
    assert index.peek(NUMBER).age == 0


def test_a_write_since_a_listing_of_another_process_began_outlives_it(world: World, file: Path):
    account = world.account("a", NUMBER)
    lister, writer = world.index(file=file), world.index(file=file)
    lister.refresh()
    known = lister.target._accounts["a"].known
    world.time.advance(1)
    draft = known.start()
    for record in known.all():
        draft.add(record)
    world.time.advance(1)
    world.client(writer, "a").update_label("a-0", "new")
    known.show(draft)
    lister.target._write_file(lister.target._accounts["a"])
    located = world.index(file=file).peek(NUMBER)
    assert [record.label for _, record in located.served_by] == ["new"]
    assert located.age == 1
    assert account.records["a-0"]["label"] == "new"


def test_what_another_process_has_listed_is_taken_where_it_is_younger_and_young_enough(world: World, file: Path):
    account = world.account("a", NUMBER)
    first, second = world.index(file=file), world.index(file=file)
    first.refresh()
    world.time.advance(10)
    second.refresh()
    world.time.advance(50)
    assert first.find(NUMBER, max_age=50).age == 50
    assert account.listings == 2
    world.time.advance(1)
    third = world.index(file=file)
    second.refresh()
    world.time.advance(20)
    assert third.find(NUMBER, max_age=19).age == 0
    assert account.listings == 4


def test_a_client_takes_what_another_process_has_listed_too(world: World, file: Path):
    account = world.account("a", NUMBER)
    first, second = world.index(file=file), world.index(file=file)
    first.refresh()
    assert world.client(second, "a").find_number(NUMBER).id == "a-0"
    assert account.listings == 1


def test_after_a_write_in_doubt_what_another_process_has_listed_says_nothing(world: World, file: Path):
    account = world.account("a", OTHER)
    index, other = world.index(file=file), world.index(file=file)
    index.refresh()
    index.client("a").operations.listeners[0].doubt()
    world.time.advance(10)
    other.refresh()
    index.find(OTHER)
    assert account.listings == 3


def test_what_was_put_down_before_the_clock_was_set_back_is_of_no_age_and_makes_room(world: World, file: Path):
    account = world.account("a", NUMBER)
    first, second, third = (world.index(file=file) for _ in range(3))
    first.refresh()
    world.time.advance(-3600)
    second.find(NUMBER)
    assert account.listings == 2
    third.find(NUMBER)
    assert account.listings == 2


@pytest.mark.parametrize("forgetting", ["DELETE FROM account", "DELETE FROM record; DELETE FROM account"])
def test_what_another_process_forgets_while_it_is_read_is_not_taken_for_a_listing(
    world: World, file: Path, monkeypatch, forgetting: str
):
    filled(world, file)
    age_of = IndexFile.age

    def age(self: IndexFile, account: str) -> float | None:
        told = age_of(self, account)
        with sqlite3.connect(file) as connection:
            connection.executescript(forgetting)
        connection.close()
        return told

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(IndexFile, "age", age)
        index = world.index(file=file)
        assert index.peek(NUMBER).age == inf
        world.index(file=file).refresh()
        assert index.find(NUMBER).age == 0
    assert world.accounts["a"].listings == 2


# -- a file that is not trusted


def test_a_clock_that_was_set_back_is_noticed(world: World, file: Path):
    filled(world, file)
    world.time.advance(-3600)
    with pytest.warns(IndexFileNotUsed, match="clock was set back") as warned:
        index = world.index(file=file)
    assert str(file) in str(warned[0].message)
    assert index.peek(NUMBER).age == inf
    index.refresh()
    world.close(index)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert world.index(file=file).peek(NUMBER).age == pytest.approx(0)


def damaged(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[4096:] = b"\x55" * len(content[4096:])
    file.write_bytes(content)


def newer(file: Path) -> None:
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA user_version = 2")
    connection.close()


def another_kind(file: Path) -> None:
    file.unlink()
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE notes (text)")
    connection.close()
    file.chmod(0o600)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (damaged, "damaged"),
        (lambda file: file.write_bytes(b"no database" * 500), "damaged, or no SQLite file"),
        (newer, "version 2"),
        (another_kind, "something else"),
        (lambda file: file.chmod(0o640), "open to other users"),
        (lambda file: (file.unlink(), file.mkdir(mode=0o700)), "cannot be opened"),
    ],
)
def test_a_file_that_cannot_be_trusted_is_named_and_not_used(world: World, file: Path, spoil, words):
    filled(world, file)
    spoil(file)
    with pytest.raises(ConfigurationError, match=words) as error:
        world.index(file=file)
    assert str(file) in error.value.message


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_nobody_is_told_to_remove_what_is_no_index(world: World, file: Path, mode: int):
    file.write_text('[connections.kr-prod]\nprovider = "vox"\n')
    file.chmod(mode)
    with pytest.raises(ConfigurationError) as error:
        world.index(file=file)
    assert str(error.value.remedy).startswith("name another file, or")


def test_a_file_of_somebody_else_is_not_trusted(world: World, file: Path, monkeypatch):
    filled(world, file)
    owner = os.geteuid()
    monkeypatch.setattr("os.geteuid", lambda: owner + 1)
    with pytest.raises(ConfigurationError, match="belongs to somebody else"):
        world.index(file=file)


def test_a_record_that_cannot_be_read_makes_the_index_go_on_without_the_file(world: World, file: Path):
    filled(world, file)
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE record SET json = '{}'")
    connection.close()
    with pytest.warns(
        IndexFileNotUsed,
        match="a record in it is not as this library writes them; the index goes on without it. Remove it",
    ):
        index = world.index(file=file)
    assert index.peek(NUMBER).age == inf
    assert ids(index.find(NUMBER)) == ["a-0"]


def no_table(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("DROP TABLE record")


def no_text(file: Path) -> None:
    """As a disk leaves it that loses bits: SQLite looks into no text."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("UPDATE record SET json = CAST(x'ff' AS TEXT)")


def test_a_file_that_was_removed_or_replaced_meanwhile_is_said_and_costs_no_answer(world: World, file: Path):
    world.account("a", NUMBER)
    index = world.index(file=file)
    index.refresh()
    file.unlink()
    world.time.advance(1)
    with pytest.warns(IndexFileNotUsed, match="it was removed, or another file is in its place; .* Make a new index"):
        index.refresh()
    assert ids(index.find(NUMBER)) == ["a-0"]


@pytest.mark.parametrize("path", [5, b"numbers.sqlite3", "numbers\0.sqlite3"])
def test_a_file_is_named_by_its_path(world: World, path):
    with pytest.raises(InvalidInput, match="the file of a number index is named by its path"):
        world.index(file=path)


@pytest.mark.parametrize(
    ("spoil", "words"), [(no_table, "SQLite says: no such table"), (no_text, "SQLite says: Could")]
)
def test_a_file_that_fails_later_costs_no_answer(world: World, file: Path, spoil, words):
    world.account("a", NUMBER)
    index = world.index(file=file)
    world.index(file=file).refresh()
    spoil(file)
    with pytest.warns(
        IndexFileNotUsed, match=f"^the number index {file}: {words}.* the index goes on without it. Remove"
    ):
        assert ids(index.find(NUMBER)) == ["a-0"]
    assert ids(index.find(NUMBER, fresh=True)) == ["a-0"]


def test_a_file_that_takes_its_time_keeps_no_other_task_waiting(world: World, file: Path, monkeypatch):
    if world.mode == "sync":
        return
    world.account("a", NUMBER)
    index = world.index(file=file)
    begun, others = threading.Event(), threading.Event()

    def slow(*_: object) -> None:
        begun.set()
        assert others.wait(5)

    monkeypatch.setattr(IndexFile, "age", slow)

    async def main() -> Any:
        asking = asyncio.create_task(index.target.find(NUMBER))
        assert await asyncio.to_thread(begun.wait, 5)
        others.set()
        return await asking

    assert ids(world.run(main())) == ["a-0"]


def test_a_full_disk_is_said_and_costs_no_answer(world: World, file: Path, monkeypatch):
    account = world.account("a", NUMBER)
    connect = sqlite3.connect

    def full(*args, **options) -> sqlite3.Connection:
        connection = connect(*args, **options)
        connection.execute("PRAGMA max_page_count = 8")
        return connection

    monkeypatch.setattr("sqlite3.connect", full)
    index = world.index(file=file)
    for at in range(100):
        account.add(f"b-{at}", f"+82701111{at:04}")
    with pytest.warns(IndexFileNotUsed, match="the disk is full; the index goes on without it. Make room"):
        index.refresh()
    assert ids(index.peek(NUMBER)) == ["a-0"]


def test_a_file_that_another_process_holds_is_used_again_once_that_is_done(world: World, file: Path, monkeypatch):
    connect = sqlite3.connect
    monkeypatch.setattr("sqlite3.connect", lambda path, **options: connect(path, **{**options, "timeout": 0.0}))
    world.account("a", NUMBER)
    index = world.index(file=file)
    with closing(connect(file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(ConfigurationError, match="another process holds it") as error:
            world.index(file=file)
        assert error.value.remedy == "close that process"
        with pytest.warns(IndexFileNotUsed, match="another process holds it; what was to be put down now is not in it"):
            index.find(NUMBER)
    index.refresh()
    assert ids(world.index(file=file).peek(NUMBER)) == ["a-0"]
