"""Failures before a byte of the request was written: repeating is safe."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import httpx
import pytest

from telephony_core.errors import NoAnswer, NotSent
from telephony_core.transport.backend import HttpRequest
from telephony_core.transport.backends import aiohttp_backend, httpx_backend, urllib3_backend
from tests.transport.backends.senders import HANDED_IN, OWN, SYNC, Sender, failure
from tests.transport.loopback import Visit, always, certificate, nobody_takes_the_call, reply, serving


def test_a_refused_connection_is_not_sent(sender: Sender):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    failure(NotSent, lambda: sender.send(f"http://127.0.0.1:{port}/"))


@pytest.mark.skipif(sys.platform != "linux", reason="how a full queue of connections behaves differs by system")
def test_a_connection_that_does_not_come_about_is_not_sent(sender: Sender):
    with nobody_takes_the_call() as port:
        failure(NotSent, lambda: sender.send(f"http://127.0.0.1:{port}/", timeout=0.2))


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
        assert [make(kind).send(server).body for kind in OWN + HANDED_IN] == [b"[1]"] * len(OWN + HANDED_IN)


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


# -- a host with several addresses


@pytest.fixture
def manifold(monkeypatch: pytest.MonkeyPatch) -> Callable[[Sequence[str]], str]:
    """Gives a name of these addresses."""

    def named(addresses: Sequence[str]) -> str:
        def lookup(host: object, port: object, *_: object, **__: object) -> list[Any]:
            found = addresses if host in ("manifold.test", b"manifold.test") else [host]
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

        monkeypatch.setattr(socket, "getaddrinfo", lookup)
        return "manifold.test"

    return named


@pytest.mark.skipif(sys.platform != "linux", reason="how a full queue of connections behaves differs by system")
def test_an_address_that_swallows_everything_leaves_time_for_the_next(
    own: Sender, manifold: Callable[[Sequence[str]], str]
):
    with serving(always(reply(b"[1]"))) as server, nobody_takes_the_call("127.0.0.2", port=server.port):
        host = manifold(["127.0.0.2", "127.0.0.1"])
        assert own.send(f"http://{host}:{server.port}/", timeout=0.8).body == b"[1]"


@pytest.mark.skipif(sys.platform != "linux", reason="how a full queue of connections behaves differs by system")
def test_all_addresses_of_a_host_share_one_deadline(own: Sender, manifold: Callable[[Sequence[str]], str]):
    addresses = [f"127.0.0.{last}" for last in range(2, 10)]
    with nobody_takes_the_call(*addresses) as port:
        host, begun = manifold(addresses), time.monotonic()
        failure(NotSent, lambda: own.send(f"http://{host}:{port}/", timeout=0.4))
        assert time.monotonic() - begun < 1.6, "one after another would take 3.2 s"


# -- name services and proxies that take their time


@pytest.mark.parametrize("answers", ["after the deadline", "never"])
def test_a_slow_name_service_keeps_the_deadline_and_nothing_is_sent_after_it(
    sender: Sender, answers: str, monkeypatch: pytest.MonkeyPatch
):
    real, given_up, asked = socket.getaddrinfo, threading.Event(), threading.Event()

    def lookup(host: object, *given: Any, **options: Any) -> Any:
        if host in ("slow.test", b"slow.test"):
            asked.set()
            given_up.wait(10)
            host = "127.0.0.1"
        return real(host, *given, **options)

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    with serving(always(reply())) as server:
        begun = time.monotonic()
        try:
            failure(NotSent, lambda: sender.send(f"http://slow.test:{server.port}/", "POST", timeout=0.2))
            assert time.monotonic() - begun < 2.0
            assert asked.is_set()
        finally:
            given_up.set()
        if answers == "after the deadline":
            for thread in threading.enumerate():  # those that were left alone find out that it is too late
                if thread.name == "telephony-core opening":
                    thread.join(5)
            sender.rest()
        assert server.asked == []


def test_a_proxy_that_drips_keeps_the_deadline(sender_by_proxy: Sender):
    begun = time.monotonic()
    failure(NotSent, lambda: sender_by_proxy.send("https://provider.example/", "POST", body=b"{}", timeout=0.3))
    assert time.monotonic() - begun < 2.0


@pytest.fixture(params=OWN + HANDED_IN)
def sender_by_proxy(
    request: pytest.FixtureRequest, make: Callable[[str], Sender], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Sender]:
    with serving(lambda visit, _: visit.drip(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 500)) as proxy:
        monkeypatch.setenv("https_proxy", f"http://localhost:{proxy.port}")
        yield make(request.param)


# -- what only looks as if nothing was sent


@pytest.mark.parametrize("is_async", [False, True])
def test_a_breach_of_the_protocol_may_come_after_the_request(is_async: bool):
    def breach(_: httpx.Request) -> httpx.Response:
        raise httpx.LocalProtocolError("over HTTP/2, what the provider did wrong is told like this")

    request, there = HttpRequest("DELETE", "https://provider.example/"), httpx.MockTransport(breach)
    with asyncio.Runner() as runner:
        if is_async:
            backend = httpx_backend.AsyncHttpxBackend(httpx.AsyncClient(transport=there))
            failure(NoAnswer, lambda: runner.run(backend.asend(request, 1.0)))
        else:
            with httpx.Client(transport=there) as client:
                failure(NoAnswer, lambda: httpx_backend.HttpxBackend(client).send(request, 1.0))


def test_an_interruption_while_waiting_for_a_connection_goes_through(monkeypatch: pytest.MonkeyPatch):
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    for module, backend in ((urllib3_backend, "urllib3"), (httpx_backend, "httpx"), (httpx_backend, "httpx2")):
        monkeypatch.setattr(module, "in_time", interrupted)
        with pytest.raises(KeyboardInterrupt):
            SYNC[backend]().send(HttpRequest("GET", "http://127.0.0.1:1/"), 1.0)
