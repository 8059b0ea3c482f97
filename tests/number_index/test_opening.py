"""Whose clients an index uses, how many accounts it lists at once, and what closing it ends."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from telephony_core import AsyncTelephony, Connection, Telephony
from telephony_core.errors import ClientClosed, ConfigurationError, InvalidInput
from telephony_core.provider.capabilities import RateLimit
from telephony_core.provider.flow import Response
from telephony_core.transport.backend import HttpRequest
from telephony_core.transport.pace import Pace
from tests.number_index.conftest import REFRESH_AFTER, Account, Plain, World
from tests.provider.toy import CAPABILITIES, SPEC

NUMBER = "+827011112222"


# -- clients


def test_without_an_opener_a_client_has_the_pace_of_its_connection_or_the_one_its_provider_declares(
    world: World, monkeypatch
):
    limit = RateLimit(per_second=5, per_minute=100, source="made up")
    spec = replace(SPEC, capabilities=replace(CAPABILITIES, rate_limit=limit))
    monkeypatch.setattr("telephony_core.client.base.registry.spec", {"toy": spec}.__getitem__)
    kind = type(world.index([]).target)
    world.account("a")
    world.account("b")
    opened: dict[str, Any] = {}

    def client(connection: Connection, *, pace: Any) -> Any:
        opened[connection.name] = pace
        return world.open(connection)

    kind_of_client = type(world.open(world.connection("a"))).__name__
    monkeypatch.setattr(f"{kind.__module__}.{kind_of_client}", client)
    mine = Pace(per_second=1)

    async def make() -> Any:
        return kind({"a": world.connection("a"), "b": replace(world.connection("b"), pace=mine)})

    world.made.append(Plain(world.run(make()), world.run))
    assert repr(opened["a"]) == "Pace(per_second=5, per_minute=100)"
    assert opened["b"] is mine


def test_two_clients_of_one_connection_are_refused_and_know_nothing_of_it(world: World):
    world.account("a", NUMBER)
    clients = [world.open(world.connection("a")) for _ in range(2)]
    with pytest.raises(InvalidInput, match="two clients are of the connection 'a'"):
        world.index(clients)
    assert Plain(clients[0], world.run).find_number(NUMBER).id == "a-0"
    world.time.advance(REFRESH_AFTER + 1)
    assert Plain(clients[0], world.run).find_number(NUMBER).id == "a-0"


def test_what_is_no_client_of_its_kind_is_refused(world: World):
    account = world.account("a")
    other = AsyncTelephony if world.mode == "sync" else Telephony
    for source in ("vox", 5, [None], {"a": 5}, world.connection("a"), other(world.connection("a"), backend=account)):
        given = type(source[0] if isinstance(source, list) else source).__name__
        with pytest.raises(InvalidInput, match=f"made over clients of the class .*, not over {given}") as error:
            world.index(source)
        assert error.value.remedy == "give one client, several in a list, or `Connections`"


def test_threads_that_ask_at_the_same_time_get_one_client_of_an_account_that_could_not_be_opened_before(
    world: World, monkeypatch
):
    world.account("a", NUMBER)
    opened, open_it, together, is_down = [], world.open, threading.Barrier(2), True

    def opener(connection: Connection) -> Any:
        if is_down:
            raise ConfigurationError("the vault is not reached")
        with suppress(threading.BrokenBarrierError):
            together.wait(0.2)  # to which a second one that opens it would come
        opened.append(open_it(connection))
        return opened[-1]

    monkeypatch.setattr(world, "open", opener)
    index = world.index()
    is_down = False
    threads = [threading.Thread(target=index.client, args=("a",)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(opened) == 1


# -- how many at once


@dataclass
class Crowd:
    """How many are inside, of whom so many come in together."""

    together: threading.Barrier
    now: int = 0
    most: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def inside(self) -> Iterator[None]:
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        yield
        with self.lock:
            self.now -= 1


@dataclass
class Busy(Account):
    """An account that answers only once as many are asked as may be asked together."""

    crowd: Crowd = field(kw_only=True)

    def send(self, request: HttpRequest, timeout: float) -> Response:
        with self.crowd.inside():
            self.crowd.together.wait(10)
            return super().send(request, timeout)

    async def asend(self, request: HttpRequest, timeout: float) -> Response:
        with self.crowd.inside():
            for _ in range(100):
                await asyncio.sleep(0)
            return super().send(request, timeout)


def test_thirty_two_accounts_are_listed_at_the_same_time_and_no_more(world: World):
    crowd = Crowd(threading.Barrier(32))
    for at in range(64):
        world.accounts[f"a{at}"] = Busy(time=world.time, crowd=crowd)
    assert world.index().refresh() == {}
    assert crowd.most == 32


# -- closing


def test_a_client_that_the_index_has_made_is_closed_with_it(world: World):
    world.account("a", NUMBER)
    index = world.index()
    client = world.client(index, "a")
    world.close(index)
    with pytest.raises(ClientClosed):
        client.get_number("a-0")


@pytest.mark.parametrize("world", ["sync"], indirect=True)  # a task has its turn at once
def test_who_waits_for_a_turn_when_the_index_is_closed_is_told_that_it_is(world: World):
    for name in ("a", "b"):
        world.account(name, NUMBER)
    index = world.index()
    submitted, told = threading.Semaphore(0), threading.Event()
    submit = index.target._threads.submit

    def counted(work):
        future = submit(work)
        submitted.release()
        return future

    index.target._threads.submit = counted
    for account in world.accounts.values():
        account.during[1] = lambda: told.wait(10)
    errors: list[BaseException] = []

    def ask() -> None:
        try:
            index.find(NUMBER)
        except BaseException as error:
            errors.append(error)
        finally:
            told.set()

    first, second = threading.Thread(target=index.refresh), threading.Thread(target=ask)
    for thread in (first, second):
        thread.start()
        for _ in range(2):
            assert submitted.acquire(timeout=10)
    world.close(index)
    for thread in (first, second):
        thread.join(10)
    assert [type(error) for error in errors] == [ClientClosed]
    assert "this index is closed" in str(errors[0])


def test_an_index_that_is_closed_opens_no_account_any_more(world: World, monkeypatch):
    world.account("a", NUMBER)
    keyless = Connection(provider="toy", name="a", api_key="env:NO_SUCH_KEY", base_url="https://toy.example")
    index = world.index({"a": keyless})
    world.close(index)
    monkeypatch.setenv("NO_SUCH_KEY", "k3y")
    for ask in (lambda: index.find(NUMBER), lambda: index.client("a")):
        with pytest.raises(ClientClosed, match="this index is closed"):
            ask()


def test_closing_ends_a_listing_of_a_client_that_was_handed_in(world: World):
    account = world.account("a", NUMBER, "+827033334444")
    account.page_size = 1
    client = world.open(world.connection("a"))
    index = world.index(client)
    if world.mode == "sync":
        account.during[1] = lambda: world.close(index)
        assert isinstance(index.find(NUMBER).failed["a"], ClientClosed)
    else:

        async def ask_and_close() -> None:
            closing: list[asyncio.Task[None]] = []
            account.during[1] = lambda: closing.append(asyncio.create_task(index.target.aclose()))
            with pytest.raises(ClientClosed, match="this index is closed"):
                await index.target.find(NUMBER)
            await closing[0]

        world.run(ask_and_close())
    assert len(account.requests) < 3
    assert Plain(client, world.run).find_number(NUMBER).id == "a-0"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is nothing to fork with")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_process_that_was_forked_off_is_told_to_make_an_index_of_its_own(world: World, tmp_path: Path):
    for name in ("a", "b"):
        world.account(name, NUMBER)
    index = world.index(file=tmp_path / "numbers.sqlite3")
    index.refresh()  # now there are threads, which a fork leaves behind
    answer, tell = os.pipe()
    if not (child := os.fork()):
        said = "it hangs"
        signal.signal(signal.SIGALRM, lambda *_: os._exit(1))
        signal.alarm(10)
        with suppress(BaseException):
            try:
                asking = index.target.find(NUMBER, fresh=True)
                said = (
                    f"found {asking if world.mode == 'sync' else asyncio.new_event_loop().run_until_complete(asking)}"
                )
            except ClientClosed as error:
                said = str(error)
            os.write(tell, said.encode())
        os._exit(0)
    os.close(tell)
    with open(answer) as pipe:
        assert "make an index in each process, after the fork" in pipe.read()
    assert os.waitpid(child, 0)[1] == 0
    assert len(index.find(NUMBER, fresh=True).served_by) == 2


def test_closing_ends_what_is_listed_in_the_background(world: World):
    account = world.account("a", NUMBER)
    index = world.index()
    index.refresh()
    world.time.advance(REFRESH_AFTER + 1)
    begun, closing = threading.Event(), threading.Event()

    def under_way() -> None:
        begun.set()
        assert world.mode == "async" or closing.wait(10)

    account.during[len(account.requests) + 1] = under_way
    if world.mode == "sync":
        index.find(NUMBER)
        assert begun.wait(10)
        closer = threading.Thread(target=index.target.close)
        closer.start()
        closing.set()
        closer.join(10)
        assert not closer.is_alive()
    else:

        async def ask_and_close() -> None:
            await index.target.find(NUMBER)
            await asyncio.sleep(0)
            await index.target.aclose()
            assert asyncio.all_tasks() == {asyncio.current_task()}

        world.run(ask_and_close())
    with pytest.raises(ClientClosed):
        index.find(NUMBER)


def test_a_peek_opens_no_account(world: World, monkeypatch):
    """An opener may ask a vault, and a peek waits for nothing."""
    world.account("a", NUMBER)
    keyless = Connection(provider="toy", name="a", api_key="env:NO_SUCH_KEY", base_url="https://toy.example")
    index = world.index({"a": keyless})
    monkeypatch.setenv("NO_SUCH_KEY", "k3y")
    assert index.peek(NUMBER).served_by == ()
    assert isinstance(index.accounts["a"].error, ConfigurationError)
