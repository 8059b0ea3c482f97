"""No key and no password stands in a variable of any frame of an error that leaves the library, over every backend.

Crash reporters render tracebacks with the variables of every frame, those of other libraries included.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gc
import signal
import socket
import threading
import traceback
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any

import httpx
import httpx2
import pytest
from pydantic import SecretStr

from telephony_core import AsyncTelephony, NumberImport, Telephony
from telephony_core.errors import (
    ConfigurationError,
    InvalidInput,
    NotSent,
    TelephonyError,
    UnexpectedResponse,
)
from telephony_core.provider.flow import Request, Semantics, call
from telephony_core.transport.backends import response_body, urllib3_backend
from tests.reliability.secrecy.canaries import CANARY, KEY, NEW, PASSWORD, TRUNK
from tests.transport.loopback import Asked, Visit, always, reply, serving

SYNC = ("httpx", "httpx2", "urllib3")
ASYNC = ("httpx", "httpx2", "aiohttp")
KINDS = [f"sync {name}" for name in (*SYNC, "handed-in httpx", "handed-in httpx2")] + [
    f"async {name}" for name in (*ASYNC, "handed-in httpx", "handed-in httpx2")
]
every_kind = pytest.mark.parametrize("kind", KINDS)
IMPORT = NumberImport(number=NEW["diga"], outbound=TRUNK)
ECHO = f'{{"error_code": "x", "message": "no: {KEY}", "detail": "{KEY} canary"}}'.encode()
TRUSTING = {"httpx": httpx, "httpx2": httpx2}


class Opened:
    """A client of any kind behind one face. It shows nothing of itself."""

    def __init__(self, kind: str, url: str, runner: asyncio.Runner, **given: Any) -> None:
        mode, *library = kind.split()
        self.is_async, self._runner, self._http = mode == "async", runner, None
        if library[0] == "handed-in":
            module: Any = TRUSTING[library[1]]
            self._http = module.AsyncClient() if self.is_async else module.Client()
            given["http_client"] = self._http
        else:
            given["backend"] = library[0]
        made: Any = AsyncTelephony if self.is_async else Telephony
        self.client = made("diga", api_key=KEY, base_url=url, **{"max_retries": 0, "timeout": 5.0} | given)

    def run(self, flow: Callable[[Any], Any]) -> Any:
        return self._runner.run(flow(self.client)) if self.is_async else flow(self.client)

    def close(self) -> None:
        if self.is_async:
            self._runner.run(self.client.aclose())
            if self._http is not None:
                self._runner.run(self._http.aclose())
        else:
            self.client.close()
            if self._http is not None:
                self._http.close()


@pytest.fixture
def opening() -> Iterator[Callable[..., Opened]]:
    with contextlib.ExitStack() as stack:
        runner = stack.enter_context(asyncio.Runner())

        def opened(kind: str, url: str, **given: Any) -> Opened:
            made = Opened(kind, url, runner, **given)
            stack.callback(made.close)
            return made

        yield opened


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def get(client: Any) -> Any:
    return client.get_number("some-id")


def bring(client: Any) -> Any:
    """A write whose body holds a password."""
    return client.run(
        call(
            Request.of(
                "POST",
                "/v1/phone/import",
                Semantics.ONCE,
                json_body={"outbound_config": {"password": SecretStr(PASSWORD)}},
            ),
            client.adapter.read_error,
        )
    )


def assert_nothing_shows(error: BaseException) -> None:
    """What a crash reporter would record, of the frames of this test excepted: they are the application's."""
    shown = _with_variables(error)
    for secret in (CANARY, base64.b64encode(KEY.encode()).decode()[:12], "c2VjcmV0LWNhbmFyeQ"):
        assert secret not in shown, shown[max(0, shown.index(secret) - 1500) : shown.index(secret) + 200]


def _with_variables(error: BaseException) -> str:
    seen: set[int] = set()
    links: list[BaseException | None] = [error]
    shown = ""
    while links:
        if (link := links.pop()) is None or id(link) in seen:
            continue
        seen.add(id(link))
        trace = link.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
            trace = trace.tb_next
        shown += _rendered(link, trace)
        links += [link.__cause__, link.__context__]
    return shown


def _rendered(error: BaseException, trace: TracebackType | None) -> str:
    rendered = traceback.TracebackException(type(error), error, trace, capture_locals=True)
    rendered.__cause__ = rendered.__context__ = None
    return "".join(rendered.format())


@every_kind
@pytest.mark.parametrize("request_of", [get, bring], ids=["read", "write"])
def test_a_refused_connection(kind: str, request_of: Callable[[Any], Any], opening: Callable[..., Opened]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(NotSent) as caught:
        opening(kind, f"http://127.0.0.1:{port}").run(request_of)
    assert_nothing_shows(caught.value)


def reset_in_body(visit: Visit, asked: Asked) -> None:
    visit.send(reply(ECHO, length=5000))
    visit.reset()


ANSWERS: dict[str, Callable[[Visit, Asked], object]] = {
    "silence": lambda visit, _: visit.hang(),
    "reset": lambda visit, _: visit.reset(),
    "reset in the body": reset_in_body,
    "a drip": lambda visit, _: visit.send(reply(b"", length=5000)) or visit.drip(ECHO * 100),
    "no HTTP": lambda visit, _: visit.send(b"220 " + KEY.encode() + b"\r\n\r\n") or True,
    "another protocol": lambda visit, _: visit.send(b"HTTP/1.1 101 Go\r\nX: " + KEY.encode() + b"\r\n\r\n") or True,
    "damaged": lambda visit, _: visit.send(reply(ECHO, "Content-Encoding: gzip")),
    "packed oddly": lambda visit, _: visit.send(reply(ECHO, "Content-Encoding: br")),
}


@every_kind
@pytest.mark.parametrize("how", ANSWERS)
@pytest.mark.parametrize("request_of", [get, bring], ids=["read", "write"])
def test_an_answer_that_fails(
    kind: str, how: str, request_of: Callable[[Any], Any], opening: Callable[..., Opened]
) -> None:
    with serving(ANSWERS[how]) as server:
        client = opening(kind, server.origin, timeout=0.15 if how in ("silence", "a drip") else 5.0)
        with pytest.raises(TelephonyError) as caught:
            client.run(request_of)
        assert_nothing_shows(caught.value)


@every_kind
@pytest.mark.parametrize("request_of", [get, bring], ids=["read", "write"])
def test_a_status_that_is_an_error(kind: str, request_of: Callable[[Any], Any], opening: Callable[..., Opened]) -> None:
    """One after the other, on one client: what an error holds, it holds whatever was answered before."""
    statuses = [*([200] if request_of is get else []), 302, 400, 401, 403, 404, 409, 422, 500, 503, 429]
    left = iter(statuses)

    def behave(visit: Visit, _: Asked) -> None:
        visit.send(reply(ECHO, f"X-Request-ID: {KEY}", status=f"{next(left)} X"))

    with serving(behave) as server:
        client = opening(kind, server.origin)
        for _ in statuses:
            with pytest.raises(TelephonyError) as caught:
                client.run(request_of)
            assert_nothing_shows(caught.value)
    assert next(left, None) is None


@every_kind
def test_an_import_whose_answer_is_lost(kind: str, opening: Callable[..., Opened]) -> None:
    def behave(visit: Visit, asked: Asked) -> None:
        visit.send(
            reply(b'{"items": [], "phone_numbers": [], "has_more": false}')
        ) if asked.method == "GET" else visit.reset()

    with serving(behave) as server, pytest.raises(TelephonyError) as caught:
        opening(kind, server.origin).run(lambda client: client.import_number(IMPORT))
    assert_nothing_shows(caught.value)


@every_kind
def test_an_oversize_body(kind: str, opening: Callable[..., Opened], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(response_body, "LONGEST_ANSWER", 1000)
    monkeypatch.setattr(urllib3_backend, "LONGEST_ANSWER", 1000)
    with serving(always(reply(ECHO * 100))) as server, pytest.raises(UnexpectedResponse) as caught:
        opening(kind, server.origin).run(get)
    assert_nothing_shows(caught.value)


@every_kind
def test_a_certificate_that_is_not_trusted(kind: str, opening: Callable[..., Opened]) -> None:
    with serving(always(reply()), tls=True) as server, pytest.raises(NotSent) as caught:
        opening(kind, server.origin).run(bring)
    assert_nothing_shows(caught.value)


PROXIES = {
    "refuses": always(reply(b"", status="407 Who are you")),
    "resets": lambda visit, _: visit.reset(),
    "drips": lambda visit, _: visit.drip(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200),
    "leads to something else": lambda visit, _: visit.send(b"HTTP/1.1 200 OK\r\n\r\nSSH-2.0-x\r\n") or visit.hang(),
}


@every_kind
@pytest.mark.parametrize("how", PROXIES)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_with_a_password(
    kind: str, how: str, scheme: str, opening: Callable[..., Opened], monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(PROXIES[how]) as proxy:
        monkeypatch.setenv(f"{scheme}_proxy", f"http://user:secret-canary@localhost:{proxy.port}")
        # The provider lives on this machine as little as a proxy does: nothing goes to it by its name.
        with pytest.raises(TelephonyError) as caught:
            opening(
                kind, f"{scheme}://provider.example", timeout=0.25, settings={"insecure_host": "provider.example"}
            ).run(bring)
    assert_nothing_shows(caught.value)


@pytest.mark.parametrize("kind", [f"sync {name}" for name in SYNC] + [f"async {name}" for name in ASYNC])
@pytest.mark.parametrize(
    "proxy", ["http://me:canary/x@proxy:1", "ftp://me:canary@proxy", "http://me:canary@proxy:port"]
)
def test_a_proxy_that_is_none(
    kind: str, proxy: str, opening: Callable[..., Opened], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", proxy)
    with pytest.raises(ConfigurationError) as caught:
        opening(kind, "https://provider.example").run(get)
    assert_nothing_shows(caught.value)


# httpx forgets a connection whose handshake is interrupted, and in the thread of a client that was handed in it may be.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.startswith("sync")])
@pytest.mark.parametrize("when", ["while it connects", "while it waits", "in the body"])
def test_an_interruption_from_the_keyboard(kind: str, when: str, opening: Callable[..., Opened]) -> None:
    main = threading.main_thread().ident
    assert main is not None

    def interrupt(visit: Visit, asked: object = None) -> None:
        if when == "in the body":
            visit.send(reply(b"[", length=500))
        signal.pthread_kill(main, signal.SIGINT)
        visit.hang()

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        greeting = interrupt if when == "while it connects" else None
        with serving(interrupt, greeting=greeting) as server:
            url = server.origin.replace("http:", "https:") if greeting else server.origin
            with pytest.raises(KeyboardInterrupt) as caught:
                opening(kind, url).run(bring)
            assert_nothing_shows(caught.value)
            caught.value.__traceback__ = None
            gc.collect()
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.startswith("async")])
@pytest.mark.parametrize("when", ["while it connects", "while it waits", "in the body"])
def test_a_cancelled_call(kind: str, when: str, opening: Callable[..., Opened]) -> None:
    arrived = threading.Event()

    def behave(visit: Visit, asked: object = None) -> None:
        if when == "in the body":
            visit.send(reply(b"[", length=500))
        arrived.set()
        visit.hang()

    async def cancelled(client: Any) -> None:
        task = asyncio.ensure_future(bring(client))
        await asyncio.to_thread(arrived.wait)
        await asyncio.sleep(0.01)
        task.cancel()
        await task

    greeting = behave if when == "while it connects" else None
    with serving(behave, greeting=greeting) as server:
        url = server.origin.replace("http:", "https:") if greeting else server.origin
        with pytest.raises(asyncio.CancelledError) as caught:
            opening(kind, url).run(cancelled)
        assert_nothing_shows(caught.value)


GIVEN: dict[str, Callable[[], object]] = {
    "a base URL that is none": lambda: Telephony("diga", api_key=KEY, base_url="no url"),
    "a base URL with a password": lambda: Telephony("diga", api_key=KEY, base_url="https://user:canary@h"),
    "a setting that is none": lambda: Telephony("diga", api_key=KEY, settings={"bogus": CANARY}),
    "an impossible time-out": lambda: Telephony("diga", api_key=KEY, timeout=float("nan")),
    "a key with blanks": lambda: Telephony("diga", api_key=f"{KEY} "),
    "a backend that is none": lambda: Telephony("diga", api_key=KEY, backend="bogus"),
    "half of a pair in a password": lambda: Request.of("POST", "/x", json_body={"a": SecretStr(f"{CANARY}\ud800")}),
    "something that is no JSON": lambda: Request.of("POST", "/x", json_body={"a": SecretStr(CANARY), "b": object()}),
    "a path that leads elsewhere": lambda: Request.of("POST", "//x/../y", json_body={"a": SecretStr(CANARY)}),
}


@pytest.mark.parametrize("what", GIVEN)
def test_what_is_refused_before_anything_is_sent(what: str) -> None:
    with pytest.raises((ConfigurationError, InvalidInput)) as caught:
        GIVEN[what]()
    assert_nothing_shows(caught.value)
