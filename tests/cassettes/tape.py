"""Recording and replaying: what a cassette holds, what is taken out of it, and how a scene is played.

Replay only by default: a request that is not on the tape in method, URL, query and body (JSON in any order) fails the
test.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Generator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import vcr
import yaml
from vcr.request import Request

from telephony_core import AsyncTelephony, Telephony
from telephony_core.emulator import Emulator
from telephony_core.secrets.redaction import scrubbed, without_secrets
from telephony_core.transport.backend import HttpRequest

FOLDER = Path(__file__).parents[2] / "cassettes"
API_KEY = "key-of-the-cassettes"
PASSWORD = "s3cret-of-the-trunk"
KEPT_HEADERS = {"content-type", "accept", "retry-after", "x-request-id", "location"}

Play = Generator["Ask", Any, None]


@dataclass(frozen=True)
class Ask:
    """One call of a client's method, by name; lists are collected. A scene yields it and is sent the result."""

    method: str
    args: tuple[Any, ...]
    options: Mapping[str, Any]


def ask(method: str, *args: Any, **options: Any) -> Ask:
    return Ask(method, args, options)


@dataclass(frozen=True)
class Scene:
    """A story told to a client, the same for both clients and for the vendor itself.

    ``prepare`` sets faults on the emulator. ``live`` says that it may be recorded at the real vendor: it only reads.
    """

    play: Callable[[], Play]
    prepare: Callable[[Emulator], None] = field(default=lambda _: None)
    live: bool = False

    @property
    def name(self) -> str:
        return self.play.__name__


def read_yaml(text: str) -> Any:
    """A cassette; by libyaml where PyYAML was built with it, which is ten times as fast."""
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


class _Tape:
    """The YAML of a cassette under one line that says where it comes from."""

    def __init__(self, source: str) -> None:
        self.source = source

    def serialize(self, cassette: dict[str, Any]) -> str:
        return f"# {self.source}\n" + yaml.safe_dump(cassette, allow_unicode=True, sort_keys=False, width=120)

    @staticmethod
    def deserialize(text: str) -> Any:
        return read_yaml(text)


@dataclass(frozen=True)
class _Cleaner:
    """Takes out what no cassette may hold: keys and passwords by their names, and wherever they are quoted."""

    secrets: tuple[str, ...]

    def request(self, request: Request) -> Request:
        request.headers = self._headers(request.headers)
        request.body = self._body(request.body)
        return request

    def response(self, response: dict[str, Any]) -> dict[str, Any]:
        body = {"string": self._body(response["body"]["string"])}
        return {**response, "body": body, "headers": self._headers(response["headers"])}

    def _headers(self, headers: Mapping[str, Any]) -> dict[str, Any]:
        kept = {name.lower(): value for name, value in headers.items() if name.lower() in KEPT_HEADERS}
        shown = json.dumps(list(kept.values()))
        return {} if any(secret in shown for secret in self.secrets) else kept

    def _body(self, body: Any) -> Any:
        if not body:
            return body
        text = body.decode("utf-8", "replace") if isinstance(body, bytes) else str(body)
        with suppress(ValueError):
            text = json.dumps(without_secrets(json.loads(text)), ensure_ascii=False, separators=(",", ":"))
        hidden = scrubbed(text, self.secrets) if any(secret in text for secret in self.secrets) else text
        return hidden.encode()


def tape(
    slug: str,
    name: str,
    *,
    source: str = "",
    record: bool = False,
    secrets: tuple[str, ...] = (API_KEY, PASSWORD),
    folder: Path = FOLDER,
) -> Any:
    """The cassette of a scene, as a context manager. ``secrets`` are values that it must not hold anywhere."""
    cleaner = _Cleaner(secrets)
    recorder = vcr.VCR(
        cassette_library_dir=str(folder / slug),
        record_mode="all" if record else "none",
        match_on=["method", "uri", "body"],
        before_record_request=cleaner.request,
        before_record_response=cleaner.response,
        decode_compressed_response=True,
        serializer="sourced",
    )
    recorder.register_serializer("sourced", _Tape(source))
    return recorder.use_cassette(f"{name}.yaml")


def of_emulator(emulator: Emulator) -> Callable[[httpx.Request], httpx.Response]:
    """An emulator as httpx sees a server, under the vendor's own URL."""

    def answer(request: httpx.Request) -> httpx.Response:
        headers = tuple(request.headers.multi_items())
        got = emulator.handle(HttpRequest(request.method, str(request.url), headers, request.read() or None))
        return httpx.Response(got.status, headers=list(got.headers.items()), content=got.body)

    return answer


def nobody(request: httpx.Request) -> httpx.Response:
    raise AssertionError(f"replay went to the network: {request.method} {request.url}")


def perform(scene: Scene, client: Telephony) -> set[str]:
    """Play a scene on the sync client; the methods that did not raise are returned."""
    play, answered = scene.play(), set()
    try:
        call = next(play)
        while True:
            try:
                result = getattr(client, call.method)(*call.args, **call.options)
                result = list(result) if hasattr(result, "__next__") else result
            except Exception as error:
                call = play.throw(error)
            else:
                answered.add(call.method)
                call = play.send(result)
    except StopIteration:
        return answered


async def aperform(scene: Scene, client: AsyncTelephony) -> set[str]:
    """Play a scene on the async client; the methods that did not raise are returned."""
    play, answered = scene.play(), set()
    try:
        call = next(play)
        while True:
            try:
                result = getattr(client, call.method)(*call.args, **call.options)
                result = [item async for item in result] if hasattr(result, "__anext__") else await result
            except Exception as error:
                call = play.throw(error)
            else:
                answered.add(call.method)
                call = play.send(result)
    except StopIteration:
        return answered


def replay(slug: str, scene: Scene, *, mode: str) -> set[str]:
    """Play a scene against its whole cassette, and return the methods that did not raise."""

    async def main() -> set[str]:
        async with (
            httpx.AsyncClient(transport=httpx.MockTransport(nobody)) as http,
            AsyncTelephony(slug, api_key=API_KEY, http_client=http, max_retries=0) as client,
        ):
            return await aperform(scene, client)

    with tape(slug, scene.name) as cassette:
        if mode == "async":
            answered = asyncio.run(main())
        else:
            with (
                httpx.Client(transport=httpx.MockTransport(nobody)) as http,
                Telephony(slug, api_key=API_KEY, http_client=http, max_retries=0) as client,
            ):
                answered = perform(scene, client)
    assert cassette.all_played
    return answered
