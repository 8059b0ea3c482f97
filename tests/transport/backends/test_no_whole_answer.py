"""The request may have arrived, and its answer did not, or not whole, or not in time."""

from __future__ import annotations

import time

import pytest

from telephony_core.errors import NoAnswer, TransportError
from tests.transport.backends.senders import Sender, failure
from tests.transport.loopback import Behaviour, Visit, always, cut, reply, serving


def reset_in_body(visit: Visit, asked: object) -> None:
    visit.send(reply(b'{"items": [', length=500))
    visit.reset()


BROKEN: dict[str, Behaviour] = {
    "closed without a word": lambda visit, _: True,
    "reset": lambda visit, _: visit.reset(),
    "cut in the head": lambda visit, _: visit.send(b"HTTP/1.1 200 OK\r\nContent-Le") or True,
    "cut in the body": cut,
    "reset in the body": reset_in_body,
    "cut in a chunk": lambda visit, _: (
        visit.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n[1") or True
    ),
    "cut in the last chunk": lambda visit, _: (
        visit.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n") or True
    ),
    "a chunk of less than nothing": lambda visit, _: (
        visit.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n[]\r\n0\r\n\r\n") or True
    ),
    "not HTTP": lambda visit, _: visit.send(b"220 mail.example.com ESMTP\r\n\r\n") or True,
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_answer_is_none(sender: Sender, how: str):
    with serving(BROKEN[how]) as server:
        failure(NoAnswer, lambda: sender.send(server))
    assert len(server.asked) == 1


SLOW: dict[str, Behaviour] = {
    "silence": lambda visit, _: visit.hang(),
    "silence in the body": lambda visit, _: visit.send(reply(b"{", length=9)) or visit.hang(),
    "a drip of interim answers": lambda visit, _: visit.drip(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 50),
    "a drip between chunks": lambda visit, _: (
        visit.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n") or visit.drip(b"1;" + b"x" * 500)
    ),
    "a drip until the end": lambda visit, _: visit.send(b"HTTP/1.1 200 OK\r\n\r\n") or visit.drip(b"x" * 500),
    "a drip in the head": lambda visit, _: visit.drip(reply(b"{}", "X-Padding: " + "x" * 200)),
    "a drip in the body": lambda visit, _: visit.send(reply(b"", length=200)) or visit.drip(b"x" * 200),
}


@pytest.mark.parametrize("how", SLOW)
def test_no_answer_takes_longer_than_its_deadline(over: Sender, tls: bool, how: str):
    with serving(SLOW[how], tls=tls) as server:
        begun = time.monotonic()
        with pytest.raises(TransportError) as caught:
            over.send(server, timeout=0.15)
        assert time.monotonic() - begun < 2.0
        # On a busy machine the time may be over before there is a connection: then nothing was asked.
        assert type(caught.value) is NoAnswer or not server.asked


def test_what_comes_in_pieces_is_put_together(over: Sender, tls: bool):
    def behave(visit: Visit, asked: object) -> None:
        for piece in (b"HTTP/1.1 200 OK\r\nContent-", b"Length: 300000\r\n\r\n", *[b"x" * 1000] * 300):
            visit.send(piece)

    with serving(behave, tls=tls) as server:
        assert [over.send(server).body for _ in range(2)] == [b"x" * 300_000] * 2
    assert server.visits == (1 if over._client is None else 2)


@pytest.mark.filterwarnings("ignore:Sending a large body")  # as aiohttp says of more than nobody sends
def test_a_body_that_no_buffer_holds_arrives_whole(over: Sender, tls: bool):
    with serving(always(reply()), tls=tls) as server:
        assert over.send(server, "POST", body=b"x" * 8_000_000, timeout=30).status == 200
    assert [(len(asked.body), set(asked.body)) for asked in server.asked] == [(8_000_000, {ord("x")})]


@pytest.mark.filterwarnings("ignore:Sending a large body")  # as aiohttp says of more than nobody sends
def test_who_does_not_read_is_not_waited_for_beyond_the_deadline(over: Sender, tls: bool):
    def never_read(visit: Visit) -> None:
        visit.hang()
        visit.reset()  # aiohttp and anyio let a connection that they close go on sending, until the server ends it

    with serving(always(reply()), tls=tls, greeting=never_read) as server:
        failure(NoAnswer, lambda: over.send(server, "POST", body=b"x" * 8_000_000, timeout=0.3))
    over.rest()


def test_a_deadline_may_be_far_away(own: Sender):
    with serving(always(reply(b"[1]"))) as server:
        assert own.send(server, timeout=1e7).body == b"[1]"
