"""The key is bound to its origin: never sent to another host, never over plain http but where that was allowed."""

from __future__ import annotations

import asyncio
import ipaddress
from urllib.parse import urlsplit

import httpx
import pytest
import urllib3.util
import yarl
from hypothesis import example, given, settings
from hypothesis import strategies as st

from telephony_core import ConfigurationError, InvalidInput, Telephony
from telephony_core.emulator import Response
from telephony_core.errors import TelephonyError, UnexpectedResponse, WriteRefused
from telephony_core.provider.flow import Request, Semantics, call, path
from telephony_core.provider.port import ProviderConfig
from telephony_core.testing import ScriptedBackend
from tests.reliability.faults.clients import CLIENT_KINDS, IMPATIENT, ClientKind
from tests.reliability.faults.loopback_server import Asked, Connection, server
from tests.reliability.figures import figures
from tests.reliability.secrecy.canaries import KEY, assert_hidden, everything_of, trunk_at
from tests.vendors import SHIPPED, VENDORS

REDIRECTS = (301, 302, 303, 307, 308)


@pytest.mark.parametrize("status", REDIRECTS)
@pytest.mark.parametrize("client_kind", CLIENT_KINDS, ids=str)
@pytest.mark.parametrize("slug", SHIPPED)
def test_a_redirect_is_not_followed_and_the_key_does_not_go_along(slug, client_kind: ClientKind, status):
    async def elsewhere(asked: Asked, connection: Connection) -> None:
        await connection.answer(Response(200, {"content-type": "application/json"}, b"{}"))

    with server(elsewhere) as other, asyncio.Runner() as runner:

        async def redirecting(asked: Asked, connection: Connection) -> None:
            await connection.answer(Response(status, {"location": f"{other.url}/{asked.target}?key={KEY}"}, b""))

        with server(redirecting) as first:
            client = client_kind.client(slug, runner, api_key=KEY, base_url=first.url, clock=IMPATIENT)
            try:
                for ask in (client.list_numbers, lambda: client.get_number("an-id"), lambda: client.release("an-id")):
                    with pytest.raises(UnexpectedResponse) as caught:
                        ask()
                    assert caught.value.status == status
                    assert_hidden(*everything_of(caught.value))
            finally:
                client.close()
        assert other.asked == []
        assert all(any(KEY in value for _, value in asked.headers) for asked in first.asked)
        figures.count(5, "redirects not followed", len(first.asked))


def test_a_handed_in_client_that_follows_redirects_and_has_a_key_of_its_own_changes_nothing():
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(302, headers={"location": "https://elsewhere.example/"})

    transport = httpx.MockTransport(answer)
    with (
        httpx.Client(transport=transport, follow_redirects=True, auth=("somebody", "else")) as http,
        Telephony("vox", api_key=KEY, http_client=http) as client,
        pytest.raises(UnexpectedResponse),
    ):
        client.get_number("an-id")
    assert [request.url.host for request in asked] == ["client-api.tryvox.co"]
    assert asked[0].headers["authorization"] == f"Bearer {KEY}"


# -- a request cannot name another place

ELSEWHERE = (
    "",
    "numbers",
    "@elsewhere.example/x",
    ".elsewhere.example/x",
    ":81/x",
    "https://elsewhere.example/x",
    "/a b",
    "/a?b",
    "/a#b",
    "/a\\b",
    "/a\nb",
    "/a\r\nhost: elsewhere.example",
    "/a/../b",
    "/..",
    "/.",
    "/./a",
    "/a/%2e%2E/b",
    "/a/.%2e",
    "/a%",
    "/a%2",
    "/ä",
    "/a\x00",
)


@pytest.mark.parametrize("where", ELSEWHERE)
def test_a_path_that_could_lead_elsewhere_is_refused_before_anything_is_sent(where):
    backend = ScriptedBackend([])

    def flow():
        yield Request.of("GET", where)

    with Telephony("vox", api_key=KEY, backend=backend) as client, pytest.raises(InvalidInput, match="path"):
        client.run(flow())
    assert backend.sent == []


@settings(deadline=None, max_examples=300, derandomize=True)
@given(ids=st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=1, max_size=3))
@example(ids=["a/../b?c#d e"])
@example(ids=["%2e%2e", "..;", "//elsewhere.example"])
def test_every_id_is_one_segment_below_the_base_url_for_every_http_library(ids):
    if any(each in (".", "..") for each in ids):
        with pytest.raises(InvalidInput):
            path(*ids)
        return
    where = Request.of("GET", path("numbers", *ids)).path
    url = f"https://api.example.com/v3{where}"
    for parsed in (urlsplit(url), httpx.URL(url), urllib3.util.parse_url(url), yarl.URL(url, encoded=True)):
        read = parsed.raw_path.decode() if isinstance(parsed, httpx.URL) else parsed.path
        read = parsed.raw_path if isinstance(parsed, yarl.URL) else read
        assert (parsed.hostname if hasattr(parsed, "hostname") else parsed.host) == "api.example.com"
        assert (read or "").count("/") == 2 + len(ids)
        assert not getattr(parsed, "query", "")
        assert not getattr(parsed, "fragment", "")


@pytest.mark.parametrize("slug", SHIPPED)
def test_no_id_of_a_vendor_or_a_caller_leads_an_operation_to_another_resource(slug):
    hostile = (
        "../../admin",
        "a?b=c",
        "a#b",
        "a b",
        "//elsewhere.example/",
        "a/b",
        "%2e%2e",
        "a\r\nx: y",
        "http://e.example",
    )
    script = ScriptedBackend(lambda _: Response(404, {}, b""))
    with Telephony(slug, api_key=KEY, backend=script) as client:
        base = client.adapter.config.base_url
        for id in hostile:
            asks = (
                lambda id=id: client.get_number(id),
                lambda id=id: client.update_label(id, "x"),
                lambda id=id: client.update_sip(id, outbound=trunk_at(slug)),
                lambda id=id: client.release(id),
            )
            for ask in asks:
                with pytest.raises(TelephonyError):
                    ask()
    vendor = VENDORS[slug]
    for request in script.sent:
        parts = urlsplit(request.url)
        assert request.url.startswith(base + "/")
        *above, id = where = tuple(parts.path.removeprefix(urlsplit(base).path).strip("/").split("/"))
        if where == vendor.numbers:  # what is not found by its id is looked for in a listing before a release
            continue
        assert tuple(above) in (vendor.at or {vendor.numbers})
        assert id
        assert (parts.query, parts.fragment) == ("", "")


# -- plain http

LOOPBACK = ("http://127.0.0.1:8000", "http://localhost", "http://[::1]:9/v3", "http://127.9.9.9")
NOT_ALLOWED = (
    "http://api.example.com",
    "http://10.0.0.1",
    "http://0.0.0.0",
    "http://localhost.example.com",
    "http://127.0.0.1.example.com",
    "http://127.0.0.1@api.example.com",
    "http://api.example.com#127.0.0.1",
    "http://api.example.com\\@127.0.0.1",
    "http://2130706433",
    "http://0x7f.1",
    "HTTP://API.EXAMPLE.COM",
    "http://[::ffff:10.0.0.1]",
    "http://xn--lcalhost-54a",
)


@pytest.mark.parametrize("url", LOOPBACK)
def test_loopback_may_be_plain(url):
    assert ProviderConfig(api_key="k", base_url=url).base_url == url


@pytest.mark.parametrize("url", NOT_ALLOWED)
def test_any_other_host_may_not_unless_it_is_allowed_by_its_name(url):
    with pytest.raises(InvalidInput):
        ProviderConfig(api_key="k", base_url=url)
    with pytest.raises(InvalidInput):
        ProviderConfig(api_key="k", base_url=url, insecure_host="another.example.com")
    with pytest.raises(ConfigurationError) as caught:
        Telephony("vox", api_key=KEY, base_url=url)
    assert_hidden(*everything_of(caught.value))


def test_a_host_that_is_allowed_by_name_may_be_plain_and_no_other():
    config = ProviderConfig(api_key="k", base_url="http://lab.example.com:80", insecure_host="lab.example.com")
    assert config.base_url == "http://lab.example.com:80"
    with pytest.raises(InvalidInput):
        ProviderConfig(api_key="k", base_url="http://sub.lab.example.com", insecure_host="lab.example.com")


PIECES = (
    *("http", "://", "//", "\\", "@", ":", "/", "?", "#", "127.0.0.1", "localhost", "[::1]", "e.example", ".", "%00"),
    *("\t", "\n", " ", "%40", "%2f", "\uff1b", "\u3002", "\u24d4", "1", "0x7f.1", "_", "-"),
)
HOST_OF = (
    lambda url: httpx.URL(url).host,
    lambda url: urllib3.util.parse_url(url).host,
    lambda url: yarl.URL(url).host,
)


@settings(deadline=None, max_examples=2000, derandomize=True)
@given(rest=st.lists(st.sampled_from(PIECES), max_size=7).map("".join))
@example(rest="e.example[::1]")
def test_no_plain_url_that_is_taken_leads_any_http_library_off_this_machine(rest):
    try:
        base_url = ProviderConfig(api_key="k", base_url=f"http://{rest}").base_url
    except InvalidInput:
        return
    for host_of in HOST_OF:
        host = host_of(base_url).strip("[]")
        named = host == "localhost" or host.endswith(".localhost")
        assert named or ipaddress.ip_address(host).is_loopback, base_url


def test_a_read_only_client_sends_no_key_with_a_write():
    backend = ScriptedBackend([])
    with Telephony("vox", api_key=KEY, backend=backend) as client:
        flow = call(Request.of("POST", "/x", Semantics.READ), client.adapter.read_error)
        with pytest.raises(WriteRefused):
            client.with_options(read_only=True).run(flow)
    assert backend.sent == []
