"""Every backend means the same: the same cases, sync and async, against a real server on loopback."""

from __future__ import annotations

import asyncio
import gc
import gzip
import logging
import select
import socket
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from telephony_core import AsyncTelephony, Telephony
from telephony_core.errors import ClientClosed, ConfigurationError, NoAnswer, NotSent, UnexpectedResponse
from telephony_core.flow import Response
from telephony_core.transport import aiohttp_backend, answers, httpx_backend, urllib3_backend
from telephony_core.transport.backend import HttpRequest
from telephony_core.transport.environment import proxy_for
from tests.core.loopback import Behaviour, Server, Visit, always, certificate, reply, serving
from tests.core.toy import SPEC

KEY = "k3y-c4nary"
SYNC = {
    "httpx": httpx_backend.HttpxBackend,
    "urllib3": urllib3_backend.Urllib3Backend,
}
ASYNC = {
    "httpx": httpx_backend.AsyncHttpxBackend,
    "aiohttp": aiohttp_backend.AiohttpBackend,
}
OWN = [*(f"sync {name}" for name in SYNC), *(f"async {name}" for name in ASYNC)]
HANDED_IN = ["sync handed-in", "async handed-in"]


class Sender:
    """A backend behind one face, so that a case is written once."""

    def __init__(self, kind: str, runner: asyncio.Runner) -> None:
        mode, name = kind.split()
        self.is_async = mode == "async"
        self._runner = runner
        self._client: httpx.Client | httpx.AsyncClient | None = None
        if name == "handed-in":
            self._client = httpx.AsyncClient() if self.is_async else httpx.Client()
            self.backend: Any = (ASYNC if self.is_async else SYNC)["httpx"](self._client)
        else:
            self.backend = (ASYNC if self.is_async else SYNC)[name]()

    def send(
        self, server: Server | str, method: str = "GET", *, body: bytes | None = None, timeout: float = 5.0
    ) -> Response:
        url = server if isinstance(server, str) else f"{server.origin}/numbers?limit=1"
        request = HttpRequest(method, url, (("authorization", f"Bearer {KEY}"), ("accept", "application/json")), body)
        if self.is_async:
            return self._runner.run(self.backend.asend(request, timeout))
        return self.backend.send(request, timeout)

    def send_many(self, server: Server, count: int) -> list[Response]:
        """At once."""
        request = HttpRequest("GET", f"{server.origin}/")
        if self.is_async:

            async def all_of_them() -> list[Response]:
                return await asyncio.gather(*(self.backend.asend(request, 5.0) for _ in range(count)))

            return self._runner.run(all_of_them())
        found: list[Response] = []
        threads = [threading.Thread(target=lambda: found.append(self.backend.send(request, 5.0))) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return found

    def close(self) -> None:
        if self.is_async:
            self._runner.run(self.backend.aclose())
        else:
            self.backend.close()

    def close_client(self) -> None:
        if isinstance(self._client, httpx.AsyncClient):
            self._runner.run(self._client.aclose())
        elif self._client is not None:
            self._client.close()


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(autouse=True, scope="module")
def _nothing_is_left_open() -> Iterator[None]:
    """A socket that nobody closed makes itself heard here, at the latest."""
    yield
    gc.collect()


@pytest.fixture
def make() -> Iterator[Callable[[str], Sender]]:
    """Makes senders and closes them."""
    with ExitStack() as stack:
        runner = stack.enter_context(asyncio.Runner())

        def sender(kind: str) -> Sender:
            made = Sender(kind, runner)
            stack.callback(made.close_client)
            stack.callback(made.close)
            return made

        yield sender


@pytest.fixture(params=OWN + HANDED_IN)
def sender(request: pytest.FixtureRequest, make: Callable[[str], Sender]) -> Sender:
    return make(request.param)


@pytest.fixture(params=OWN)
def own(request: pytest.FixtureRequest, make: Callable[[str], Sender]) -> Sender:
    """Without the handed-in clients: their connections are their owner's business."""
    return make(request.param)


def failure(kind: type[Exception], call: Callable[[], object]) -> str:
    with pytest.raises(kind) as caught:
        call()
    assert type(caught.value) is kind
    return str(caught.value)


# -- what is sent, and what comes back


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


@pytest.mark.parametrize("damage", [lambda body: body[:-9], lambda body: b"no gzip" + body])
def test_an_answer_that_cannot_be_unpacked_is_none(sender: Sender, damage: Callable[[bytes], bytes]):
    with serving(always(reply(damage(gzip.compress(b"{}" * 99, mtime=0)), "Content-Encoding: gzip"))) as server:
        failure(NoAnswer, lambda: sender.send(server))


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "LONGEST_ANSWER", 1000)
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


# -- nothing was sent


def test_a_refused_connection_is_not_sent(sender: Sender):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    failure(NotSent, lambda: sender.send(f"http://127.0.0.1:{port}/"))


@pytest.mark.skipif(sys.platform != "linux", reason="how a full queue of connections behaves differs by system")
def test_a_connection_that_does_not_come_about_is_not_sent(sender: Sender):
    with ExitStack() as stack:
        full = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        failure(NotSent, lambda: sender.send(f"http://127.0.0.1:{full.getsockname()[1]}/", timeout=0.2))


def test_a_handshake_that_hangs_is_not_sent(own: Sender):
    with serving(always(b""), greeting=Visit.hang) as server:
        failure(NotSent, lambda: own.send(f"https://localhost:{server.port}/", timeout=0.2))


def test_a_handshake_that_fails_is_not_sent(sender: Sender):
    with serving(always(b""), greeting=lambda visit: visit.send(b"SSH-2.0-x\r\n")) as server:
        failure(NotSent, lambda: sender.send(f"https://localhost:{server.port}/"))


def test_a_stranger_s_certificate_is_not_trusted(sender: Sender):
    with serving(always(reply()), tls=True) as server:
        assert "certificate" in failure(NotSent, lambda: sender.send(server)).lower()
    assert server.asked == []


def test_whom_to_trust_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate()))
    make = request.getfixturevalue("make")
    with serving(always(reply(b"[1]")), tls=True) as server:
        assert [make(kind).send(server).body for kind in OWN + HANDED_IN] == [b"[1]"] * 6


def test_a_host_has_to_be_the_one_in_its_certificate(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate()))
    make = request.getfixturevalue("make")
    with serving(always(reply()), tls=True) as server:
        for kind in OWN + HANDED_IN:
            failure(NotSent, lambda kind=kind: make(kind).send(f"https://127.0.0.2:{server.port}/"))


@pytest.mark.parametrize("kind", OWN)
def test_waiting_for_a_free_connection_in_vain_is_not_sent(
    kind: str, make: Callable[[str], Sender], monkeypatch: pytest.MonkeyPatch
):
    for module in (httpx_backend, urllib3_backend, aiohttp_backend):
        monkeypatch.setattr(module, "MOST_CONNECTIONS", 1)
    sender = make(kind)
    busy = threading.Event()

    def behave(visit: Visit, asked: object) -> None:
        busy.set()
        visit.stopping.wait(0.5)
        visit.send(reply())

    with serving(behave) as server:
        request = HttpRequest("GET", f"{server.origin}/")
        if sender.is_async:

            async def both() -> None:
                first = asyncio.create_task(sender.backend.asend(request, 5.0))
                await asyncio.to_thread(busy.wait)
                with pytest.raises(NotSent):
                    await sender.backend.asend(request, 0.1)
                assert (await first).status == 200

            sender._runner.run(both())
        else:
            first = threading.Thread(target=sender.backend.send, args=(request, 5.0))
            first.start()
            busy.wait()
            with pytest.raises(NotSent):
                sender.backend.send(request, 0.1)
            first.join()
    assert len(server.asked) == 1


# -- sent, and no whole answer


def cut(visit: Visit, _: object) -> bool:
    visit.send(reply(b'{"items": [', length=500))
    return True


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
    "a drip in the head": lambda visit, _: visit.drip(reply(b"{}", "X-Padding: " + "x" * 200)),
    "a drip in the body": lambda visit, _: visit.send(reply(b"", length=200)) or visit.drip(b"x" * 200),
}


@pytest.fixture(params=[False, True], ids=["plain", "TLS"])
def tls(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    if request.param:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate()))
    return bool(request.param)


@pytest.fixture(params=OWN + HANDED_IN)
def over(tls: bool, request: pytest.FixtureRequest) -> Sender:
    """Made when it is settled whom to trust."""
    made: Sender = request.getfixturevalue("make")(request.param)
    return made


@pytest.mark.parametrize("how", SLOW)
def test_no_answer_takes_longer_than_its_deadline(over: Sender, tls: bool, how: str):
    if how == "a drip in the head" and isinstance(over._client, httpx.Client):
        pytest.skip("a handed-in httpx.Client gives every single read all the time there is")
    with serving(SLOW[how], tls=tls) as server:
        failure(NoAnswer, lambda: over.send(server, timeout=0.15))


def test_what_comes_in_pieces_is_put_together(over: Sender, tls: bool):
    def behave(visit: Visit, asked: object) -> None:
        for piece in (b"HTTP/1.1 200 OK\r\nContent-", b"Length: 300000\r\n\r\n", *[b"x" * 1000] * 300):
            visit.send(piece)

    with serving(behave, tls=tls) as server:
        assert [over.send(server).body for _ in range(2)] == [b"x" * 300_000] * 2
    assert server.visits == 1


@pytest.mark.filterwarnings("ignore:Sending a large body")  # as aiohttp says of more than nobody sends
def test_a_body_that_no_buffer_holds_arrives_whole(over: Sender, tls: bool):
    with serving(always(reply()), tls=tls) as server:
        assert over.send(server, "POST", body=b"x" * 8_000_000, timeout=30).status == 200
    assert [(len(asked.body), set(asked.body)) for asked in server.asked] == [(8_000_000, {ord("x")})]


@pytest.mark.filterwarnings("ignore:Sending a large body")  # as aiohttp says of more than nobody sends
def test_who_does_not_read_is_not_waited_for_beyond_the_deadline(over: Sender, tls: bool):
    if over.is_async and over.backend.name != "httpx":
        pytest.skip("aiohttp leaves a connection with unsent bytes to be flushed, and nothing this large is ever sent")
    if isinstance(over._client, httpx.AsyncClient):
        pytest.skip("so does anyio, under a client that was handed in")
    with serving(always(reply()), tls=tls, greeting=Visit.hang) as server:
        failure(NoAnswer, lambda: over.send(server, "POST", body=b"x" * 8_000_000, timeout=0.3))


def test_a_deadline_may_be_far_away(own: Sender):
    with serving(always(reply(b"[1]"))) as server:
        assert own.send(server, timeout=1e7).body == b"[1]"


# -- connections


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


# -- proxies


PROXIED = "http://provider.example/numbers"


def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest):
    make = request.getfixturevalue("make")
    with serving(always(reply(b"[1]"))) as server:
        monkeypatch.setenv("http_proxy", f"http://me:p%40ss@localhost:{server.port}")
        assert [make(kind).send(PROXIED).body for kind in OWN + HANDED_IN] == [b"[1]"] * 6
    assert {asked.target for asked in server.asked} == {PROXIED}
    assert {asked.headers["host"] for asked in server.asked} == {"provider.example"}
    assert {asked.headers["proxy-authorization"] for asked in server.asked} == {"Basic bWU6cEBzcw=="}


def test_hosts_can_be_left_out_of_proxying(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest):
    make = request.getfixturevalue("make")
    monkeypatch.setenv("all_proxy", "http://localhost:1")
    monkeypatch.setenv("no_proxy", "example.com, localhost")
    with serving(always(reply(b"[1]"))) as server:
        assert [make(kind).send(server).body for kind in OWN + HANDED_IN] == [b"[1]"] * 6
    assert {asked.target for asked in server.asked} == {"/numbers?limit=1"}


def test_a_proxy_only_lets_tls_through(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest):
    make = request.getfixturevalue("make")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate()))

    with serving(always(reply(b"[1]")), tls=True) as behind, serving(tunnel_to(behind)) as proxy:
        monkeypatch.setenv("https_proxy", f"http://localhost:{proxy.port}")
        assert [make(kind).send(behind).body for kind in OWN + HANDED_IN] == [b"[1]"] * 6
        for kind in OWN + HANDED_IN:
            make(kind)
    assert {(asked.method, asked.target) for asked in proxy.asked} == {("CONNECT", f"localhost:{behind.port}")}
    assert not any("authorization" in asked.headers for asked in proxy.asked)


def test_a_proxy_may_speak_tls_itself(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest):
    make = request.getfixturevalue("make")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate()))

    with serving(always(reply(b"[1]" * 10_000)), tls=True) as behind, serving(tunnel_to(behind), tls=True) as proxy:
        monkeypatch.setenv("https_proxy", f"https://localhost:{proxy.port}")
        for kind in OWN + HANDED_IN:
            sender = make(kind)
            assert [sender.send(behind).body for _ in range(2)] == [b"[1]" * 10_000] * 2, kind
            sender.close()
    assert {(asked.method, asked.target) for asked in proxy.asked} == {("CONNECT", f"localhost:{behind.port}")}


def tunnel_to(behind: Server) -> Behaviour:
    """What a proxy does about CONNECT."""

    def tunnel(visit: Visit, _: object) -> bool:
        visit.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with socket.create_connection(("127.0.0.1", behind.port)) as onward:
            ends = {visit.connection: onward, onward: visit.connection}
            while True:  # in one thread, since TLS takes turns
                for end in select.select(list(ends), [], [], 5)[0]:
                    if not (data := end.recv(65536)):
                        return True
                    ends[end].sendall(data)

    return tunnel


def test_a_proxy_that_refuses_is_not_sent(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest):
    make = request.getfixturevalue("make")
    with serving(always(reply(b"", status="407 Proxy Authentication Required"))) as proxy:
        monkeypatch.setenv("https_proxy", f"http://localhost:{proxy.port}")
        for kind in OWN + HANDED_IN:
            failure(NotSent, lambda kind=kind: make(kind).send("https://provider.example/"))


@pytest.mark.parametrize("kind", [kind for kind in OWN if not kind.endswith("httpx")])
def test_a_proxy_that_a_backend_cannot_use_is_an_error(
    kind: str, make: Callable[[str], Sender], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("all_proxy", "socks5://localhost:1080")
    failure(ConfigurationError, lambda: make(kind).send(PROXIED))


@pytest.mark.parametrize(
    "no_proxy",
    [
        "", "*", "example.com", ".example.com", "api.example.com", "ample.com", "other.com, example.com",
        "example.com:8443", "api.example.com:443", "https://api.example.com", "http://api.example.com",
        "all://*.example.com", "10.0.0.7", "::1", "localhost", "10.0.0.7:80", "EXAMPLE.COM",
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "variables", [{"http_proxy": "p:1"}, {"https_proxy": "http://p:1"}, {"all_proxy": "http://p:1"}]
)
def test_proxies_are_chosen_as_httpx_chooses_them(
    no_proxy: str, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
):
    for name, value in {**variables, "no_proxy": no_proxy}.items():
        monkeypatch.setenv(name, value)
    urls = [
        f"{scheme}://{host}/x"
        for scheme in ("http", "https")
        for host in ("example.com", "api.example.com", "api.example.com:8443", "10.0.0.7", "10.0.0.7:80", "[::1]",
                     "localhost:8000", "sub.localhost")
    ]  # fmt: skip
    with httpx.Client(verify=False) as client:
        direct = client._transport
        theirs = {url: client._transport_for_url(httpx.URL(url)) is not direct for url in urls}
    assert {url: proxy_for(url) is not None for url in urls} == theirs


# -- choosing


def given(backend: str) -> dict[str, Any]:
    return {"api_key": KEY, "base_url": "https://toy.example", "backend": backend}


def test_backends_are_chosen_by_name():
    with Telephony(SPEC, **given("urllib3")) as sync:
        assert sync.backend_name == "urllib3"
    assert AsyncTelephony(SPEC, **given("aiohttp")).backend_name == "aiohttp"
    assert AsyncTelephony(SPEC, **given("httpx")).backend_name == "httpx"


def test_one_word_in_the_environment_makes_both_clients_fast(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TELEPHONY_BACKEND", "fast")
    chosen = {**given("fast"), "backend": None}
    with Telephony(SPEC, **chosen) as sync:
        assert sync.backend_name == "urllib3"
    assert AsyncTelephony(SPEC, **chosen).backend_name == "aiohttp"


@pytest.mark.parametrize(
    ("client", "backend", "possible"),
    [(Telephony, "aiohttp", "fast, httpx, urllib3"), (AsyncTelephony, "urllib3", "aiohttp, fast, httpx")],
)
def test_a_backend_of_the_other_client_is_refused_with_those_that_are_possible(
    client: Callable[..., object], backend: str, possible: str, monkeypatch: pytest.MonkeyPatch
):
    for made in (given(backend), {**given(backend), "backend": None}):
        monkeypatch.setenv("TELEPHONY_BACKEND", backend)
        with pytest.raises(ConfigurationError, match=f"serves.*use one of: {possible}"):
            client(SPEC, **made)


def test_a_backend_whose_library_is_missing_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "telephony_core.transport.urllib3_backend", None)
    with pytest.raises(ConfigurationError, match=r"telephony-core\[fast\]"):
        Telephony(SPEC, **given("urllib3"))


@pytest.mark.parametrize("backend", ["", "httpx", "urllib3"])
def test_only_the_library_that_sends_is_imported(backend: str):
    program = (
        "import sys\n"
        "from telephony_core import Telephony\n"
        f"{f'Telephony({chr(34)}vox{chr(34)}, api_key={chr(34)}k{chr(34)}, backend={backend!r})' if backend else ''}\n"
        "print(*sorted({'aiohttp', 'httpx', 'urllib3'} & set(sys.modules)))\n"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert shown.stdout.split() == ([backend] if backend else [])
