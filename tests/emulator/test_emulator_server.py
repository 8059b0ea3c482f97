"""Emulators on loopback: the vendor's own paths, and faults that are real on the wire."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from telephony_core.emulator import Emulator, Fault, FaultKind, ReceivedRequest, Response, json_response
from telephony_core.emulator.asgi import asgi_app
from telephony_core.emulator.server import run, serve
from telephony_core.errors import ConfigurationError, NoAnswer, NotSent


class Echo(Emulator):
    """A vendor that says what it was asked."""

    slug = "echo"
    base_url = "https://api.example.com/v9"

    def answer(self, call: ReceivedRequest) -> Response:
        if call.segments == ("nothing",):
            return Response(204, {}, b"")
        asked = {
            "method": call.method,
            "segments": call.segments,
            "query": call.query,
            "body": (call.body or b"").decode(),
            "url": call.url,
            "key": call.bears(self.api_key),
        }
        return json_response(200, asked, [("x-request-id", "r1")])


class Bare(Echo):
    """The same vendor without a path in its base URL."""

    slug = "bare"
    base_url = "https://api.example.org"


@pytest.fixture(scope="module")
def echo() -> Echo:
    return Echo()


@pytest.fixture(scope="module")
def urls(echo: Echo) -> Iterator[dict[str, str]]:
    with serve({"echo": echo, "bare": Bare()}) as served:
        yield served


@pytest.fixture
def client(echo: Echo) -> Iterator[httpx.Client]:
    echo.faults = []
    echo.requests.clear()
    with httpx.Client(headers={"authorization": "Bearer emulator-key"}, trust_env=False, timeout=5) as made:
        yield made


class TestServing:
    def test_every_emulator_has_its_port_and_the_vendors_path(self, urls: dict[str, str]) -> None:
        echo, bare = (httpx.URL(url) for url in urls.values())
        assert list(urls) == ["echo", "bare"]
        assert (echo.host, echo.path, bare.path) == ("127.0.0.1", "/v9", "/")
        assert echo.port != bare.port

    def test_a_request_arrives_as_it_was_sent(self, client: httpx.Client, urls: dict[str, str]) -> None:
        answer = client.post(urls["echo"] + "/a%2Fb/c?x=%20&x=2", content=b'{"a": 1}')
        assert answer.json() == {
            "method": "POST",
            "segments": ["a/b", "c"],
            "query": [["x", " "], ["x", "2"]],
            "body": '{"a": 1}',
            "url": urls["echo"] + "/a%2Fb/c?x=%20&x=2",
            "key": True,
        }

    def test_an_answer_keeps_its_headers_and_gains_a_length(self, client: httpx.Client, urls: dict[str, str]) -> None:
        answer = client.get(urls["echo"] + "/")
        assert answer.headers["x-request-id"] == "r1"
        assert answer.headers["content-length"] == str(len(answer.content))

    def test_an_answer_may_have_no_body(self, client: httpx.Client, urls: dict[str, str]) -> None:
        answer = client.get(urls["echo"] + "/nothing")
        assert (answer.status_code, answer.content, "content-length" in answer.headers) == (204, b"", False)

    def test_another_path_is_404(self, client: httpx.Client, urls: dict[str, str]) -> None:
        assert client.get(urls["echo"].removesuffix("/v9") + "/other").status_code == 404

    def test_a_large_body_arrives_whole(self, client: httpx.Client, urls: dict[str, str]) -> None:
        assert len(client.post(urls["bare"] + "/", content=b"x" * 1_000_000).json()["body"]) == 1_000_000

    def test_ports_follow_each_other_when_one_is_chosen(self) -> None:
        for _ in range(10):
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = probe.getsockname()[1]
            try:
                with serve({"echo": Echo(), "bare": Bare()}, port=port) as urls:
                    assert urls == {"echo": f"http://127.0.0.1:{port}/v9", "bare": f"http://127.0.0.1:{port + 1}"}
                    return
            except ConfigurationError:  # somebody else took one of the two meanwhile
                continue
        pytest.fail("found no two free ports in a row")

    def test_ipv6_loopback_is_written_in_brackets(self, client: httpx.Client, ipv6_loopback: str) -> None:
        with serve({"echo": Echo()}, host=ipv6_loopback) as urls:
            assert urls["echo"].startswith("http://[::1]:")
            assert client.get(urls["echo"] + "/").status_code == 200

    def test_localhost_is_loopback(self, client: httpx.Client) -> None:
        with serve({"echo": Echo()}, host="localhost") as urls:
            assert client.get(urls["echo"] + "/").status_code == 200

    @pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com", ""])
    def test_anything_but_loopback_is_refused(self, host: str) -> None:
        with pytest.raises(ConfigurationError, match="loopback only"), serve({"echo": Echo()}, host=host):
            pass

    def test_a_taken_port_is_a_clear_error_and_frees_the_others(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            with pytest.raises(ConfigurationError, match=f"port {port} "), serve({"echo": Echo()}, port=port):
                pass

    def test_no_such_port_is_a_clear_error(self) -> None:
        with pytest.raises(ConfigurationError, match="port 70000"), serve({"echo": Echo()}, port=70000):
            pass

    def test_without_uvicorn_the_error_names_the_extra(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delitem(sys.modules, "telephony_core.emulator.loopback", raising=False)
        monkeypatch.setitem(sys.modules, "uvicorn", None)
        with pytest.raises(ConfigurationError, match=r"telephony-core\[emulator\]"), serve({"echo": Echo()}):
            pass

    def test_nothing_of_it_stays(self) -> None:
        before = threading.active_count()
        with serve({"echo": Echo()}) as urls:
            address = httpx.URL(urls["echo"])
        assert threading.active_count() == before
        with socket.socket() as again, pytest.raises(ConnectionRefusedError):
            again.connect((address.host, address.port))


class TestFaults:
    @pytest.mark.parametrize(
        ("kind", "arrived"),
        [(FaultKind.REFUSED, 0), (FaultKind.LOST_BEFORE, 1), (FaultKind.LOST_AFTER, 1), (FaultKind.LATE, 1)],
    )
    def test_a_lost_answer_is_a_reset_connection(
        self, echo: Echo, client: httpx.Client, urls: dict[str, str], kind: FaultKind, arrived: int
    ) -> None:
        echo.faults = [Fault(kind)]
        with pytest.raises(httpx.ReadError):
            client.get(urls["echo"] + "/")
        assert len(echo.requests) == arrived
        assert client.get(urls["echo"] + "/").status_code == 200

    def test_an_answer_of_the_fault_arrives(self, echo: Echo, client: httpx.Client, urls: dict[str, str]) -> None:
        echo.faults = [Fault(FaultKind.ANSWER, response=Response(429, {"retry-after": "7"}, b"slow down"))]
        answer = client.get(urls["echo"] + "/")
        assert (answer.status_code, answer.headers["retry-after"], answer.text) == (429, "7", "slow down")

    def test_an_answer_can_end_in_its_middle(self, echo: Echo, client: httpx.Client, urls: dict[str, str]) -> None:
        echo.faults = [Fault(FaultKind.CUT_IN_BODY)]
        with client.stream("GET", urls["echo"] + "/") as answer:
            assert answer.status_code == 200
            with pytest.raises(httpx.RemoteProtocolError, match="without sending complete"):
                answer.read()

    def test_silence_lasts_until_the_client_goes(self, echo: Echo, client: httpx.Client, urls: dict[str, str]) -> None:
        echo.faults = [Fault(FaultKind.SILENT)]
        with pytest.raises(httpx.ReadTimeout):
            client.get(urls["echo"] + "/", timeout=0.05)
        assert client.get(urls["echo"] + "/").status_code == 200

    def test_a_drip_is_whole_in_the_end(self, echo: Echo, client: httpx.Client, urls: dict[str, str]) -> None:
        echo.faults = [Fault(FaultKind.DRIP, pause=0.0001)]
        with client.stream("GET", urls["echo"] + "/") as answer:
            pieces = list(answer.iter_raw())
        assert json.loads(b"".join(pieces))["method"] == "GET"
        assert len(pieces) > 1

    def test_a_drip_ends_when_the_client_goes(self, echo: Echo, client: httpx.Client, urls: dict[str, str]) -> None:
        echo.faults = [Fault(FaultKind.DRIP, pause=60)]
        with pytest.raises(httpx.ReadTimeout):
            client.get(urls["echo"] + "/", timeout=0.05)
        assert client.get(urls["echo"] + "/").status_code == 200

    @pytest.mark.parametrize("kind", [FaultKind.SILENT, FaultKind.DRIP])
    def test_the_server_ends_with_a_request_in_flight(self, kind: FaultKind) -> None:
        emulator = Echo()
        arrived = threading.Event()
        errors: list[Exception] = []

        def ask(url: str) -> None:
            try:
                with httpx.Client(trust_env=False, timeout=30) as client, client.stream("GET", url) as answer:
                    answer.read()
            except httpx.HTTPError as error:
                errors.append(error)

        class Noticed(Fault):
            def strikes(self, method: str, path: str) -> bool:
                arrived.set()
                return True

        emulator.faults = [Noticed(kind, pause=60)]
        with serve({"echo": emulator}) as urls:
            asking = threading.Thread(target=ask, args=(urls["echo"] + "/",))
            asking.start()
            assert arrived.wait(5)
        asking.join(5)
        assert not asking.is_alive()
        assert [type(error) for error in errors] == [httpx.RemoteProtocolError]


class TestAsgi:
    def ask(self, emulator: Emulator, **scope: Any) -> list[Any]:
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b""}

        async def send(message: Any) -> None:
            sent.append(message)

        whole = {"type": "http", "method": "GET", "path": "/v9/a b", "headers": [], **scope}
        asyncio.run(asgi_app(emulator)(whole, receive, send))
        return sent

    def test_it_runs_on_any_asgi_server(self) -> None:
        emulator = Echo()
        start, body = self.ask(emulator, scheme="http", query_string=b"a=1")
        assert start["status"] == 200
        assert json.loads(body["body"])["url"] == "http://localhost/v9/a%20b?a=1"

    @pytest.mark.parametrize(("kind", "error"), [(FaultKind.REFUSED, NotSent), (FaultKind.DRIP, NoAnswer)])
    def test_where_connections_cannot_be_broken_a_fault_is_raised(
        self, kind: FaultKind, error: type[Exception]
    ) -> None:
        emulator = Echo()
        emulator.faults = [Fault(kind)]
        with pytest.raises(error):
            self.ask(emulator)

    def test_other_scopes_are_left_alone(self) -> None:
        assert self.ask(Echo(), type="lifespan") == []

    def test_a_client_that_leaves_before_its_body_is_whole_is_not_answered(self) -> None:
        emulator = Echo()

        async def receive() -> dict[str, Any]:
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            raise AssertionError(message)

        asyncio.run(asgi_app(emulator)({"type": "http"}, receive, send))
        assert emulator.requests == []


PROGRAM = """
import sys
sys.path.insert(0, {folder!r})
from test_emulator_server import Echo
from telephony_core.emulator.server import run
run({{"echo": Echo()}}, ready=lambda urls: print(urls["echo"], flush=True))
print("ended")
"""


class TestRunning:
    def test_ctrl_c_ends_it_cleanly(self) -> None:
        program = PROGRAM.format(folder=str(Path(__file__).parent))
        with subprocess.Popen(
            [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            assert httpx.get(url + "/", trust_env=False).status_code == 200
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=20)
        assert (process.returncode, out, err) == (0, "ended\n", "")

    def test_it_refuses_what_serving_refuses(self) -> None:
        with pytest.raises(ConfigurationError):
            run({"echo": Echo()}, host="0.0.0.0")
