"""Connections are used again, and only those that are fit for it."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from collections.abc import Callable

import pytest

from telephony_core.errors import ClientClosed, NoAnswer, NotSent
from tests.core.backends.senders import HANDED_IN, KEY, OWN, Sender, failure
from tests.core.loopback import Asked, Visit, always, cut, reply, serving


def test_a_connection_is_used_again(own: Sender):
    with serving(always(reply())) as server:
        for _ in range(5):
            own.send(server)
    assert (len(server.asked), server.visits) == (5, 1)


def test_many_at_once_share_connections(own: Sender):
    with serving(always(reply(b"[]"))) as server:
        assert [response.body for response in own.send_many(server, 30)] == [b"[]"] * 30
        opened = server.visits
        own.send(server)
    assert opened <= 30
    assert server.visits == opened


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_connection_that_was_closed_while_idle_is_replaced(sender: Sender, method: str):
    gone = threading.Event()

    def behave(visit: Visit, _: object) -> None:
        visit.send(reply())
        visit.connection.close()
        gone.set()

    with serving(behave) as server:
        sender.send(server)
        gone.wait()
        try:
            answer = sender.send(server, method)
        except NoAnswer:  # the end of the connection may be noticed only once something was sent over it
            answer = sender.send(server, method)
    assert answer.status == 200
    assert (len(server.asked), server.visits) == (2, 2)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_kept_connection_that_breaks_leaves_the_outcome_open_and_repeats_nothing(sender: Sender, method: str):
    with serving(lambda visit, _: visit.send(reply()) if len(server.asked) == 1 else visit.reset()) as server:
        sender.send(server)
        failure(NoAnswer, lambda: sender.send(server, method))
    assert [asked.method for asked in server.asked] == ["GET", method]


def test_after_a_failure_the_next_request_gets_a_connection_of_its_own(sender: Sender):
    with serving(lambda visit, _: visit.send(reply()) if len(server.asked) > 1 else cut(visit, _)) as server:
        failure(NoAnswer, lambda: sender.send(server))
        assert sender.send(server).status == 200


def test_a_closed_backend_says_so(sender: Sender):
    with serving(always(reply())) as server:
        sender.send(server)
        sender.close()
        failure(ClientClosed, lambda: sender.send(server))
    assert len(server.asked) == 1


@pytest.mark.parametrize("kind", HANDED_IN)
def test_a_handed_in_client_is_left_open_and_noticed_when_closed(kind: str, make: Callable[[str], Sender]):
    sender = make(kind)
    sender.close()
    assert sender._client is not None
    assert not sender._client.is_closed
    another = make(kind)
    another.close_client()
    failure(ClientClosed, lambda: another.send("http://127.0.0.1:9/"))


def test_the_key_is_never_logged(sender: Sender, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    with serving(lambda visit, _: visit.send(reply()) if len(server.asked) == 1 else visit.reset()) as server:
        sender.send(server)
        failure(NoAnswer, lambda: sender.send(server))
    assert KEY not in caplog.text


@pytest.mark.parametrize("late", [False, True], ids=["with the answer", "after the answer"])
@pytest.mark.parametrize("kind", OWN)
def test_what_nobody_asked_for_is_not_taken_for_the_next_answer(
    kind: str, late: bool, tls: bool, make: Callable[[str], Sender]
):
    sender, answered, told = make(kind), threading.Event(), threading.Event()

    def behave(visit: Visit, asked: Asked) -> None:
        if asked.method != "GET":
            visit.send(reply(b"[2]"))
        elif late:
            visit.send(reply(b"[1]"))
            answered.wait(5)
            visit.send(reply(b'"stray"'))
            told.set()
        else:
            visit.send(reply(b"[1]") + reply(b'"stray"'))

    with serving(behave, tls=tls) as server:
        assert sender.send(server).body == b"[1]"
        answered.set()
        if late:
            assert told.wait(5)
        sender.rest()
        assert sender.send(server, "DELETE").body == b"[2]"
        assert [asked.method for asked in server.asked] == ["GET", "DELETE"]


@pytest.mark.skipif(sys.platform == "win32", reason="uvloop does not run on Windows")
@pytest.mark.parametrize("kind", [kind for kind in OWN + HANDED_IN if kind.startswith("async")])
def test_another_event_loop_does_as_well(kind: str, tls: bool):
    import uvloop

    with (
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        serving(always(reply(b"[1]")), tls=tls) as server,
    ):
        sender = Sender(kind, runner)
        assert [sender.send(server).body for _ in range(2)] == [b"[1]"] * 2
        failure(NotSent, lambda: sender.send("http://127.0.0.1:1/"))
        sender.close()
        sender.close_client()
    assert server.visits == 1
