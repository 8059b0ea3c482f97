"""What is sent arrives as it was meant, and what comes back is read, packed and long answers too."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable

import pytest

from telephony_core.errors import NoAnswer, UnexpectedResponse
from telephony_core.transport.backends import response_body, urllib3_backend
from tests.transport.backends.senders import KEY, Sender, failure
from tests.transport.loopback import Asked, Visit, always, reply, serving


def test_a_request_arrives_as_it_was_meant(sender: Sender):
    with serving(always(reply(b'{"a": 1}', "X-Request-ID: r1"))) as server:
        response = sender.send(server, "PATCH", body=b'{"label": "x"}')
    (asked,) = server.asked
    assert (asked.method, asked.target, asked.body) == ("PATCH", "/numbers?limit=1", b'{"label": "x"}')
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert asked.headers["host"] == f"localhost:{server.port}"
    assert asked.headers["content-length"] == "14"
    assert asked.headers["accept-encoding"] == "gzip, deflate"
    assert (response.status, response.headers["x-request-id"], response.body) == (200, "r1", b'{"a": 1}')


def test_an_own_backend_says_who_it_is(own: Sender):
    with serving(always(reply())) as server:
        own.send(server)
    assert server.asked[0].headers["user-agent"].startswith("telephony-core/")


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_request_without_a_body_has_none(sender: Sender, method: str):
    with serving(always(reply(b"", status="204 No Content"))) as server:
        response = sender.send(server, method)
    assert "content-type" not in server.asked[0].headers
    assert (response.status, response.body) == (204, b"")


def test_an_escaped_path_stays_as_it_is(sender: Sender):
    with serving(always(reply())) as server:
        sender.send(f"{server.origin}/v3/a%2F..%2Fb%3Fc?q=%2B82%2070")
    assert server.asked[0].target == "/v3/a%2F..%2Fb%3Fc?q=%2B82%2070"


def test_header_names_are_lower_case_and_repeated_ones_are_joined(sender: Sender):
    with serving(always(reply(b"", "X-Limit: 5", "x-limit: 120"))) as server:
        assert sender.send(server).headers["x-limit"] == "5, 120"


def test_an_error_of_the_provider_is_an_answer(sender: Sender):
    with serving(always(reply(b"no", status="503 Busy"))) as server:
        assert (sender.send(server).status, sender.send(server).body) == (503, b"no")


def test_a_body_of_unknown_length_is_read_to_its_end(sender: Sender):
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n[1,\r\n2\r\n2]\r\n0\r\n\r\n"
    until_the_end = b"HTTP/1.1 200 OK\r\n\r\n[3]"
    answers_left = [chunked, until_the_end]
    with serving(lambda visit, _: visit.send(answers_left.pop(0)) or not answers_left) as server:
        assert [sender.send(server).body for _ in range(2)] == [b"[1,2]", b"[3]"]


def test_redirects_are_not_followed(sender: Sender):
    with serving(always(reply(b"", "Location: /elsewhere", status="302 Found"))) as server:
        response = sender.send(server)
    assert (response.status, response.headers["location"], len(server.asked)) == (302, "/elsewhere", 1)


def test_cookies_are_not_kept(own: Sender):
    with serving(always(reply(b"", "Set-Cookie: session=1; Path=/"))) as server:
        own.send(server)
        own.send(server)
    assert "cookie" not in server.asked[1].headers


# -- packed and long answers


def bare_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush()


PACKED = {"gzip": gzip.compress, "x-gzip": gzip.compress, "deflate": zlib.compress, "Deflate": bare_deflate}


@pytest.mark.parametrize("encoding", PACKED)
def test_packed_answers_are_unpacked(sender: Sender, encoding: str):
    body = b'{"memo": "' + b"x" * 200_000 + b'"}'
    with serving(always(reply(PACKED[encoding](body), f"Content-Encoding: {encoding}"))) as server:
        assert sender.send(server).body == body


PACKED_TWICE = {
    "gzip, deflate": lambda body: zlib.compress(gzip.compress(body)),
    "deflate, gzip": lambda body: gzip.compress(zlib.compress(body)),
    "identity": lambda body: body,
    "identity, gzip": gzip.compress,
    "gzip, identity": gzip.compress,
    ", gzip ,": gzip.compress,
}


@pytest.mark.parametrize("encoding", PACKED_TWICE)
def test_lists_of_codings_are_undone_from_their_end(sender: Sender, encoding: str):
    with serving(always(reply(PACKED_TWICE[encoding](b"[1]"), f"Content-Encoding: {encoding}"))) as server:
        assert sender.send(server).body == b"[1]"


@pytest.mark.parametrize("padding", [b"", b"\0" * 9])
def test_a_gzip_of_several_members_is_read_whole(sender: Sender, padding: bytes):
    packed = gzip.compress(b"[1") + gzip.compress(b"") + gzip.compress(b",2]") + padding
    with serving(always(reply(packed, "Content-Encoding: gzip"))) as server:
        assert sender.send(server).body == b"[1,2]"


def test_a_gzip_of_more_members_than_anybody_packs_is_given_up(sender: Sender):
    packed = gzip.compress(b"", mtime=0) * 200 + gzip.compress(b"[1]")
    with serving(always(reply(packed, "Content-Encoding: gzip"))) as server:
        assert "more than 100 pieces" in failure(UnexpectedResponse, lambda: sender.send(server))


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, br", "gzip, gzip, gzip, gzip", "é"])
def test_a_coding_that_nobody_asked_for_is_an_error(sender: Sender, encoding: str):
    answers_left = ["200 OK", "404 Not Found"]
    header = f"Content-Encoding: {encoding}"
    with serving(lambda visit, _: visit.send(reply(b"xx", header, status=answers_left.pop(0)))) as server:
        assert "not asked for" in failure(UnexpectedResponse, lambda: sender.send(server))
        assert sender.send(server).status == 404, "what was answered does not depend on how"


INTERIM = {
    "100": b"HTTP/1.1 100 Continue\r\n\r\n",
    "102": b"HTTP/1.1 102 Processing\r\n\r\n",
    "103": b"HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n",
    "199": b"HTTP/1.1 199 What\r\n\r\n",
    "several": b"HTTP/1.1 100 Continue\r\n\r\n" * 3 + b"HTTP/1.1 103 Early Hints\r\n\r\n" * 3,
}


@pytest.mark.parametrize("apart", [False, True], ids=["at once", "apart"])
@pytest.mark.parametrize("interim", INTERIM)
def test_interim_answers_are_read_past_and_nobody_gets_the_answer_of_another(sender: Sender, interim: str, apart: bool):
    def behave(visit: Visit, asked: Asked) -> None:
        answer = reply(asked.target.encode())
        if apart:
            visit.send(INTERIM[interim])
            visit.stopping.wait(0.02)
            visit.send(answer)
        else:
            visit.send(INTERIM[interim] + answer)

    with serving(behave) as server:
        for wanted in ("/a", "/b", "/c"):
            assert sender.send(server.origin + wanted).body == wanted.encode()


ODD = {
    "101": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    "a thousand": b"HTTP/1.1 103 Early Hints\r\n\r\n" * 1000,
    "only an interim one": b"HTTP/1.1 103 Early Hints\r\n\r\n",
}


@pytest.mark.parametrize("odd", ODD)
def test_after_an_odd_answer_the_connection_is_not_used_again(sender: Sender, odd: str):
    def behave(visit: Visit, asked: Asked) -> bool:
        if len(server.asked) == 1:
            visit.send(ODD[odd])
            return True
        visit.send(reply(b"[1]"))
        return False

    with serving(behave) as server:
        failure(NoAnswer, lambda: sender.send(server, "POST"))
        assert sender.send(server).body == b"[1]"
    assert server.visits == 2


@pytest.mark.parametrize("damage", [lambda body: body[:-9], lambda body: b"no gzip" + body])
def test_an_answer_that_cannot_be_unpacked_is_none(sender: Sender, damage: Callable[[bytes], bytes]):
    with serving(always(reply(damage(gzip.compress(b"{}" * 99, mtime=0)), "Content-Encoding: gzip"))) as server:
        failure(NoAnswer, lambda: sender.send(server))


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(response_body, "LONGEST_ANSWER", 1000)
    monkeypatch.setattr(urllib3_backend, "LONGEST_ANSWER", 1000)


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize(
    "answer",
    [
        reply(b"x" * 1001),
        reply(b"x" * 5000, length=10**9),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"3e9\r\n" + b"x" * 1001 + b"\r\n0\r\n\r\n",
        reply(gzip.compress(b"x" * 1001, mtime=0), "Content-Encoding: gzip"),
    ],
)
def test_an_endless_answer_is_given_up(sender: Sender, answer: bytes):
    with serving(always(answer)) as server:
        assert "longer than" in failure(UnexpectedResponse, lambda: sender.send(server))


@pytest.mark.usefixtures("short")
def test_the_longest_answer_is_read(sender: Sender):
    with serving(always(reply(b"x" * 1000))) as server:
        assert len(sender.send(server).body) == 1000
