"""Connections are used again, and only those that are fit for it."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

import pytest

from telephony_core.errors import ClientClosed, NoAnswer, NotSent
from tests.transport.backends.senders import HANDED_IN, HTTPX, KEY, OWN, Sender, failure
from tests.transport.loopback import Asked, Visit, always, cut, reply, serving


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


STRAYS = {
    "an answer": reply(b'"stray"'),
    "an answer without a body": b"HTTP/1.1 204 No Content\r\n\r\n",
    "an interim answer": b"HTTP/1.1 103 Early Hints\r\n\r\n",
    "an error": reply(b'"stray"', status="404 Not Found"),
    "what is no HTTP": b"???",
    "half an answer": reply(b'"stray"', length=500),
}


@pytest.mark.parametrize("stray", STRAYS)
@pytest.mark.parametrize("late", [False, True], ids=["with the answer", "after the answer"])
@pytest.mark.parametrize("kind", OWN + HANDED_IN)
def test_what_nobody_asked_for_is_not_taken_for_the_next_answer(
    kind: str, late: bool, stray: str, tls: bool, make: Callable[[str], Sender]
):
    sender, answered, told = make(kind), threading.Event(), threading.Event()

    def behave(visit: Visit, asked: Asked) -> None:
        if asked.method != "GET":
            visit.send(reply(b"[2]"))
        elif late:
            visit.send(reply(b"[1]"))
            answered.wait(5)
            with suppress(OSError):  # who sends every request over a connection of its own has hung up
                visit.send(STRAYS[stray])
            told.set()
        else:
            visit.send(reply(b"[1]") + STRAYS[stray])

    with serving(behave, tls=tls) as server:
        if kind == "async aiohttp" and not late and stray == "what is no HTTP":
            failure(NoAnswer, lambda: sender.send(server))  # it reads on before it gives the answer away
        else:
            assert sender.send(server).body == b"[1]"
        answered.set()
        if late:
            assert told.wait(5)
        sender.rest()
        if kind in HTTPX and not late and stray != "an interim answer":
            # httpx keeps what it read behind an answer, and shows it to nobody. What was in time for the answer of a
            # request that had not been sent is not believed.
            failure(NoAnswer, lambda: sender.send(server, "DELETE"))
        assert sender.send(server, "DELETE").body == b"[2]"


@pytest.mark.parametrize("kind", HANDED_IN)
def test_a_handed_in_client_lends_no_connection_that_others_have_used(kind: str, make: Callable[[str], Sender]):
    sender = make(kind)
    with serving(always(reply(b"[1]") + reply(b'"stray"'))) as server:
        for _ in range(2):
            if sender.is_async:
                sender._runner.run(sender._client.get(server.origin))
            else:
                sender._client.get(server.origin)
            assert sender.send(server).body == b"[1]"
    assert server.visits == 4
    assert [asked.headers["connection"] for asked in server.asked] == ["keep-alive", "close"] * 2


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
    assert server.visits == (2 if kind in HANDED_IN else 1)
