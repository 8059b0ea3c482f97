"""Proxies of the environment mean the same on every backend."""

from __future__ import annotations

import select
import socket
from collections.abc import Callable

import httpx
import pytest

from telephony_core.errors import ConfigurationError, NotSent
from telephony_core.transport.backends.environment import proxy_for
from tests.transport.backends.senders import HANDED_IN, OWN, Sender, failure
from tests.transport.loopback import Behaviour, Server, Visit, always, certificate, reply, serving

PROXIED = "http://provider.example/numbers"


def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest):
    make = request.getfixturevalue("make")
    with serving(always(reply(b"[1]"))) as server:
        monkeypatch.setenv("http_proxy", f"http://me:p%40ss@localhost:{server.port}")
        assert [make(kind).send(PROXIED).body for kind in OWN + HANDED_IN] == [b"[1]"] * len(OWN + HANDED_IN)
    assert {asked.target for asked in server.asked} == {PROXIED}
    assert {asked.headers["host"] for asked in server.asked} == {"provider.example"}
    assert {asked.headers["proxy-authorization"] for asked in server.asked} == {"Basic bWU6cEBzcw=="}


def test_hosts_can_be_left_out_of_proxying(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest):
    make = request.getfixturevalue("make")
    monkeypatch.setenv("all_proxy", "http://localhost:1")
    monkeypatch.setenv("no_proxy", "example.com, localhost")
    with serving(always(reply(b"[1]"))) as server:
        assert [make(kind).send(server).body for kind in OWN + HANDED_IN] == [b"[1]"] * len(OWN + HANDED_IN)
    assert {asked.target for asked in server.asked} == {"/numbers?limit=1"}


def test_a_proxy_only_lets_tls_through(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest):
    make = request.getfixturevalue("make")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate()))

    with serving(always(reply(b"[1]")), tls=True) as behind, serving(tunnel_to(behind)) as proxy:
        monkeypatch.setenv("https_proxy", f"http://localhost:{proxy.port}")
        assert [make(kind).send(behind).body for kind in OWN + HANDED_IN] == [b"[1]"] * len(OWN + HANDED_IN)
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
    "variables", [{"http_proxy": "localhost:1"}, {"https_proxy": "http://p:1"}, {"all_proxy": "http://localhost:1"}]
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


@pytest.mark.parametrize(
    ("no_proxy", "left_out"),
    [
        ("10.0.0.0/8", "https://10.1.2.3/"),
        ("fe80::/10, fd00::/8", "https://[fd00::7]/"),
        ("10.0.0.0/8", "https://11.0.0.1/ by proxy"),
        ("10.0.0.0/8", "https://example.com/ by proxy"),
        ("example.com:*, //, [, 10.0.0.0/99", "https://example.com/ by proxy"),
    ],
)
def test_networks_can_be_left_out_and_what_nobody_can_read_leaves_nothing_out(
    no_proxy: str, left_out: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", no_proxy)
    url, _, proxied = left_out.partition(" ")
    assert proxy_for(url) == ("http://proxy.example:3128" if proxied else None)


def test_a_key_for_this_machine_does_not_leave_it_in_clear(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("all_proxy", "http://proxy.example:3128")
    assert proxy_for("http://127.0.0.1:8000/") is None
    assert proxy_for("http://localhost:8000/") is None
    assert proxy_for("https://localhost:8000/") is not None
    monkeypatch.setenv("all_proxy", "http://127.0.0.1:3128")
    assert proxy_for("http://localhost:8000/") == "http://127.0.0.1:3128"


@pytest.mark.parametrize("proxy", ["http://me:s3cr/et@proxy:1", "http://me:s3cr#et@proxy:1", "ftp://proxy", "http://:1",
                                   "http://proxy:port", "http://a..b:1"])  # fmt: skip
def test_a_proxy_that_is_no_url_is_an_error_that_does_not_repeat_it(
    proxy: str, own: Sender, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("https_proxy", proxy)
    told = failure(ConfigurationError, lambda: own.send("https://provider.example/"))
    assert "s3cr" not in told
    assert proxy not in told
