"""The two clients: configuration, life cycle, and that they are the same but for `await`."""

from __future__ import annotations

import asyncio
import inspect
from datetime import UTC, datetime

import httpx
import pytest
from pydantic import SecretStr

from telephony_core import (
    AsyncTelephony,
    ClientClosed,
    ConfigurationError,
    Connection,
    InvalidInput,
    LabelUpdate,
    NotFound,
    Pace,
    Telephony,
    UnexpectedResponse,
    WriteRefused,
)
from tests.provider.toy import SPEC, ToyServer
from tests.transport.driving import FakeTime, Script, json_answer

CANARY = "k3y-c4nary"


def client(**given: object) -> Telephony:
    return Telephony(SPEC, **{"api_key": "k", "base_url": "https://toy.example", "backend": ToyServer(), **given})


def public(kind: type) -> dict[str, inspect.Signature]:
    names = [name for name in dir(kind) if not name.startswith("_")]
    members = {name: inspect.getattr_static(kind, name) for name in names}
    return {name: inspect.signature(member) for name, member in members.items() if inspect.isfunction(member)}


def test_both_clients_have_the_same_operations_with_the_same_parameters():
    sync, async_ = public(Telephony), public(AsyncTelephony)
    assert {"aclose" if name == "close" else name for name in sync} == set(async_)
    for name, signature in sync.items():
        twin = async_["aclose" if name == "close" else name]
        assert list(signature.parameters.values()) == list(twin.parameters.values()), name
        if name not in ("list_numbers", "search_available", "list_agents", "close"):
            assert signature.return_annotation == twin.return_annotation, name


def test_both_clients_are_made_the_same_way():
    sync, async_ = (list(inspect.signature(kind).parameters) for kind in (Telephony, AsyncTelephony))
    assert sync == async_


def test_every_operation_of_the_async_client_is_awaited_or_iterated():
    plain = {"check", "with_options", "list_numbers", "search_available", "list_agents"}
    for name in public(AsyncTelephony):
        assert inspect.iscoroutinefunction(getattr(AsyncTelephony, name)) is (name not in plain), name


def test_the_key_comes_from_the_environment(monkeypatch):
    monkeypatch.setenv("TELEPHONY_TOY_API_KEY", CANARY)
    monkeypatch.setenv("TELEPHONY_TOY_BASE_URL", "https://elsewhere.example/base/")
    server = Script([json_answer(200, b'{"items": [], "next": null}')])
    list(Telephony(SPEC, backend=server).list_numbers())
    assert server.sent[0].url == "https://elsewhere.example/base/numbers"
    assert ("authorization", f"Bearer {CANARY}") in server.sent[0].headers


def test_an_argument_beats_the_environment(monkeypatch):
    monkeypatch.setenv("TELEPHONY_TOY_API_KEY", "other")
    server = Script([json_answer(200, b'{"items": [], "next": null}')])
    list(client(api_key=SecretStr(CANARY), backend=server).list_numbers())
    assert ("authorization", f"Bearer {CANARY}") in server.sent[0].headers


def test_a_missing_key_says_where_to_put_it(monkeypatch):
    monkeypatch.delenv("TELEPHONY_TOY_API_KEY", raising=False)
    with pytest.raises(ConfigurationError, match="TELEPHONY_TOY_API_KEY"):
        client(api_key=None)


@pytest.mark.parametrize("key", ["", " k3y", "k3y\n", "ключ", "a\x00b"])
def test_a_key_that_cannot_be_sent_is_refused_and_not_repeated(key):
    with pytest.raises(ConfigurationError, match="api_key") as caught:
        client(api_key=key)
    assert not key or key not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "toy.example",
        "ftp://toy.example",
        "https://",
        "https://toy..example",
        f"https://{'x' * 64}.example",
        "https://u:p4ss@toy.example",
        "https://toy.example?x=1",
        "https://t#x",
    ],
)
def test_a_base_url_that_cannot_be_used_is_refused(url):
    with pytest.raises(ConfigurationError, match="base_url") as caught:
        client(base_url=url)
    assert "p4ss" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("toy.example", "has no scheme"),
        ("https:/toy.example", "has no scheme"),
        ("ftp://toy.example", "neither http nor https"),
        ("https://", "has no host"),
        ("https://:443", "has no host"),
        ("https://u:p4ss@toy.example", "no user and no password"),
        ("https://toy.example?x=p4ss", "no query"),
        ("https://toy.example#p4ss", "no fragment"),
        ("https://toy.example:", "port that is no number"),
        ("https://toy.example:p4ss", "port that is no number"),
        ("https://toy.example:65536", "port that is no number"),
        ("https://[::1", "host that is neither"),
        ("https://-p4ss-.example", "host that is neither"),
        ("https://toy.example/a b", "blank"),
        ('https://toy.example/"p4ss"', "path"),
        ("http://toy.example", "plain http"),
    ],
)
def test_the_reason_fits_what_is_wrong_with_a_base_url(url, fault):
    with pytest.raises(ConfigurationError, match=fault) as caught:
        client(base_url=url)
    assert "https" in str(caught.value.remedy)
    assert "settings of" not in str(caught.value)
    assert "p4ss" not in str(caught.value)


def test_scheme_and_host_of_a_base_url_may_be_in_capitals():
    assert client(base_url="HTTPS://API.Toy.Example/V3/").adapter.config.base_url == "https://api.toy.example/V3"


def test_the_key_goes_over_plain_http_only_to_loopback_or_a_named_host():
    for url in ("http://127.0.0.1:8000", "http://localhost", "http://[::1]:1", "http://x.localhost"):
        client(base_url=url)
    with pytest.raises(ConfigurationError, match="plain http"):
        client(base_url="http://gateway.example")
    with pytest.raises(ConfigurationError, match="plain http"):
        client(base_url="http://gateway.example", settings={"insecure_host": "other.example"})
    client(base_url="http://gateway.example", settings={"insecure_host": "gateway.example"})
    client(base_url="http://GATEWAY.example", settings={"insecure_host": "GATEWAY.example"})


def test_an_unknown_setting_is_refused_with_those_there_are():
    with pytest.raises(ConfigurationError, match="insecure_host"):
        client(settings={"colour": "blue"})


@pytest.mark.parametrize(
    "given",
    [
        {"timeout": 0},
        {"timeout": -1},
        {"timeout": True},
        {"timeout": float("nan")},
        {"timeout": float("inf")},
        {"timeout": 10**400},
        {"timeout": 1e300},
        {"timeout": "5"},
        {"max_retries": -1},
        {"max_retries": True},
        {"max_retries": 2.0},
        {"max_retries": 10**400},
    ],
)
def test_impossible_patience_is_refused(given):
    with pytest.raises(InvalidInput):
        client(**given)
    with pytest.raises(InvalidInput):
        client().with_options(**given)


def test_a_connection_stands_for_the_provider_and_its_settings(monkeypatch):
    monkeypatch.setattr("telephony_core.client.base.registry.spec", {"toy": SPEC}.__getitem__)
    connection = Connection(provider="toy", name="kr", api_key=CANARY, base_url="https://toy.example", timeout=5.0)
    server, time = Script([json_answer(200, b'{"items": [], "next": null}')] * 2), FakeTime()
    list(Telephony(connection, backend=server, clock=time.clock).list_numbers())
    list(Telephony(connection, backend=server, clock=time.clock, timeout=9.0).list_numbers())
    assert server.timeouts == [5.0, 9.0]
    assert ("authorization", f"Bearer {CANARY}") in server.sent[0].headers
    assert CANARY not in repr(connection)


def test_options_share_the_connection_and_the_end():
    server = Script([json_answer(200, b'{"items": [], "next": null}')])
    first = client(backend=server, clock=FakeTime().clock)
    second = first.with_options(timeout=3.0, max_retries=0)
    list(second.list_numbers())
    assert server.timeouts == [3.0]
    first.close()
    with pytest.raises(ClientClosed):
        list(second.list_numbers())


def test_options_left_out_stay():
    server = Script([json_answer(500), json_answer(404)])
    patient = client(backend=server, timeout=7.0, max_retries=1, clock=FakeTime().clock)
    with pytest.raises(NotFound):
        patient.with_options().get_number("a")
    assert server.timeouts[0] == 7.0


def test_a_read_only_copy_writes_nothing():
    server = ToyServer()
    server.add("a", "07011112222")
    careful = client(backend=server).with_options(read_only=True)
    assert careful.get_number("a").id == "a"
    with pytest.raises(WriteRefused):
        careful.update_label("a", "x")
    assert server.writes() == []


def test_a_closed_client_says_so():
    with client() as closed:
        pass
    with pytest.raises(ClientClosed, match="make a new client"):
        closed.get_number("a")


def test_a_flow_that_has_run_already_is_refused_and_not_taken_for_done():
    server = ToyServer()
    server.add("a", "+827011112222")
    flow_of = client(backend=server)
    flow = flow_of.operations.update_label(LabelUpdate("a", "new"))
    flow_of.run(flow)
    sent = len(server.requests)
    with pytest.raises(InvalidInput, match="this flow has run already; call its function anew for each run"):
        flow_of.run(flow)
    assert len(server.requests) == sent


def test_a_closed_async_client_says_so():
    async def main() -> None:
        async with AsyncTelephony(SPEC, api_key="k", base_url="https://toy.example", backend=ToyServer()) as closed:
            pass
        with pytest.raises(ClientClosed):
            await closed.get_number("a")

    asyncio.run(main())


def test_a_backend_that_was_handed_in_stays_open():
    script = Script([])
    client(backend=script).close()
    assert script.closed == 0


def test_a_client_tells_who_and_where_but_not_the_key():
    shown = client(api_key=CANARY)
    assert repr(shown) == "<Telephony toy https://toy.example>"
    assert CANARY not in repr(vars(shown))
    assert (shown.provider, shown.backend_name) == ("toy", "toy")
    assert shown.capabilities is SPEC.capabilities


def test_unknown_backends_are_refused():
    with pytest.raises(ConfigurationError, match="httpx"):
        client(backend="carrier-pigeon")
    with pytest.raises(InvalidInput, match=r"send\(\)"):
        client(backend=object())
    with pytest.raises(InvalidInput, match=r"asend\(\)"):
        AsyncTelephony(SPEC, api_key="k", base_url="https://toy.example", backend=object())


def test_the_backend_can_be_chosen_by_environment(monkeypatch):
    monkeypatch.setenv("TELEPHONY_BACKEND", "httpx")
    with client(backend=None) as chosen:
        assert chosen.backend_name == "httpx"
    monkeypatch.setenv("TELEPHONY_BACKEND", "nothing")
    with pytest.raises(ConfigurationError, match="nothing"):
        client(backend=None)


def test_a_handed_in_http_client_wins_and_stays_open():
    seen = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"items": [], "next": None})

    with httpx.Client(transport=httpx.MockTransport(answer), auth=("other", "auth"), follow_redirects=True) as mine:
        with client(http_client=mine, backend="nothing", api_key=CANARY) as ours:
            assert list(ours.list_numbers()) == []
        assert not mine.is_closed
    assert seen[0].headers["authorization"] == f"Bearer {CANARY}"


def test_a_handed_in_async_http_client_wins_and_stays_open():
    async def main() -> None:
        transport = httpx.MockTransport(lambda _: httpx.Response(200, json={"items": [], "next": None}))
        async with httpx.AsyncClient(transport=transport) as mine:
            async with AsyncTelephony(SPEC, api_key="k", base_url="https://toy.example", http_client=mine) as ours:
                assert [n async for n in ours.list_numbers()] == []
            assert not mine.is_closed

    asyncio.run(main())


def test_the_wrong_kind_of_http_client_is_refused():
    with pytest.raises(InvalidInput, match=r"httpx\.Client"):
        client(http_client=object())
    with pytest.raises(InvalidInput, match=r"httpx\.AsyncClient"):
        AsyncTelephony(SPEC, api_key="k", base_url="https://toy.example", http_client=object())


def test_redirects_are_not_followed():
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url.host == "toy.example"
        return httpx.Response(302, headers={"location": "https://evil.example/"})

    mine = httpx.Client(transport=httpx.MockTransport(answer), follow_redirects=True)
    with mine, pytest.raises(UnexpectedResponse, match="redirect"):
        client(http_client=mine).get_number("a")


def test_a_shared_pace_is_shared():
    pace = Pace(per_second=1)
    time = FakeTime()
    server = Script([json_answer(404)] * 2, time)
    for _ in range(2):
        with pytest.raises(NotFound):
            client(pace=pace, backend=server, clock=time.clock).get_number("a")
    assert time.passed >= 1.0


def test_the_time_of_the_provider_goes_on_from_its_last_answer():
    time = FakeTime()
    listed = json_answer(200, b'{"items": [], "next": null}', date="Sat, 21 Nov 2026 09:00:00 GMT")
    with client(backend=Script([listed], time), clock=time.clock) as telephony:
        assert telephony.provider_time is None
        assert list(telephony.list_numbers()) == []
        time.advance(90)
        assert telephony.provider_time == datetime(2026, 11, 21, 9, 1, 30, tzinfo=UTC)
