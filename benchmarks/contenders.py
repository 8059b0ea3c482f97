"""Who is measured, each as the shortest program its makers recommend: ``python -m benchmarks.contenders ENTRY BASE``.

It makes this contender and measures it. It reads one command a line,
``["get", 200, 1]``: 200 records, one at a time; ``["list"]``; ``["peak"]``, the memory of a listing. Each is answered
by one line, what was `Measured`.

What is called in sync code returns a value and in async code an awaitable of one; the loop around it is the same.
Nothing is imported before its contender is made.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, closing
from dataclasses import dataclass
from functools import partial
from typing import Any

from benchmarks.measuring import measured, peak_of
from benchmarks.server import VENDORS

KEY = "key"
HEADERS = {"authorization": f"Bearer {KEY}", "accept": "application/json"}


@dataclass
class Contender:
    """``get`` requests one record, ``read`` turns the answer into what a caller uses. A listing is either ``pages``,
    one request each, whose records ``size`` counts, or ``items``, an iterable (async in async code) of records."""

    get: Callable[[], Any]
    read: Callable[[Any], Any] = lambda answer: answer
    pages: Sequence[Callable[[], Any]] = ()
    size: Callable[[Any], int] = len
    items: Callable[[], Any] | None = None


# -- HTTP libraries alone: the record as parsed JSON, no object of any kind


def raw(fetch: Callable[[str], Any], content: Callable[[Any], bytes], base: str, shape: str) -> Contender:
    """The requests that our adapter sends, but for that of a page which is empty."""
    vendor = VENDORS[shape]
    path, key = f"{base}/{vendor['path']}", vendor["key"]
    count = int(base.rpartition("/")[2]) // vendor["limit"] if vendor["limit"] else 1
    pages = [f"{path}?{query}&{vendor['parameter']}={page}" for query in vendor["listings"] for page in range(count)]
    return Contender(
        partial(fetch, f"{path.rstrip('/')}/{vendor['id']}"),
        lambda answer: json.loads(content(answer)),
        [partial(fetch, url) for url in pages],
        lambda answer: len(json.loads(content(answer))[key] if key else json.loads(content(answer))),
    )


def httpx_alone(mode: str, base: str, shape: str) -> Contender:
    import httpx

    client: Any = (httpx.Client if mode == "sync" else httpx.AsyncClient)(headers=HEADERS)
    return raw(client.get, lambda answer: answer.content, base, shape)


def httpx_transports(mode: str, base: str, shape: str) -> Contender:
    """What our default backend is built on: a transport for each request in flight, no client and no common pool."""
    import httpx

    kind: Any = httpx.HTTPTransport if mode == "sync" else httpx.AsyncHTTPTransport
    make = partial(kind, verify=httpx.create_ssl_context())
    idle: deque[Any] = deque()
    timeout = {"timeout": httpx.Timeout(30).as_dict()}

    def taken() -> Any:
        try:
            return idle.pop()
        except IndexError:
            return make()

    def fetch(url: str) -> bytes:
        transport = taken()
        with closing(transport.handle_request(httpx.Request("GET", url, headers=HEADERS, extensions=timeout))) as found:
            content: bytes = found.read()
        idle.append(transport)
        return content

    async def afetch(url: str) -> bytes:
        transport = taken()
        request = httpx.Request("GET", url, headers=HEADERS, extensions=timeout)
        async with aclosing(await transport.handle_async_request(request)) as found:
            content: bytes = await found.aread()
        idle.append(transport)
        return content

    return raw(fetch if mode == "sync" else afetch, lambda body: body, base, shape)


def urllib3_alone(mode: str, base: str, shape: str) -> Contender:
    import urllib3

    pool = urllib3.PoolManager(maxsize=100, headers=HEADERS)
    return raw(partial(pool.request, "GET"), lambda answer: answer.data, base, shape)


def aiohttp_alone(mode: str, base: str, shape: str) -> Contender:
    import aiohttp

    session = aiohttp.ClientSession(headers=HEADERS)

    async def fetch(url: str) -> bytes:
        async with session.get(url) as response:
            return await response.read()

    return raw(fetch, lambda body: body, base, shape)


def ours(mode: str, base: str, shape: str, *, backends: tuple[str, str]) -> Contender:
    from telephony_core import AsyncTelephony, Pace, Telephony

    kind, backend = (Telephony, backends[0]) if mode == "sync" else (AsyncTelephony, backends[1])
    base_url = f"{base}/v3" if shape == "vox" else base
    client: Any = kind(shape, api_key=KEY, base_url=base_url, pace=Pace.unlimited(), backend=backend)
    return Contender(partial(client.get_number, VENDORS[shape]["id"]), items=client.list_numbers)


# -- vendors' SDKs


def retell(mode: str, base: str, shape: str) -> Contender:
    from retell import AsyncRetell, Retell

    numbers = (Retell if mode == "sync" else AsyncRetell)(api_key=KEY, base_url=base, max_retries=0).phone_number
    count = int(base.rpartition("/")[2]) // 100
    pages = [partial(numbers.list, limit=100, pagination_key=str(page)) for page in range(count)]
    return Contender(partial(numbers.retrieve, VENDORS[shape]["id"]), pages=pages, size=lambda page: len(page.items))


def elevenlabs(mode: str, base: str, shape: str) -> Contender:
    from elevenlabs import AsyncElevenLabs, ElevenLabs

    client: Any = (ElevenLabs if mode == "sync" else AsyncElevenLabs)(api_key=KEY, base_url=base)
    numbers = client.conversational_ai.phone_numbers
    return Contender(partial(numbers.get, VENDORS[shape]["id"]), pages=[numbers.list])


CONTENDERS: dict[str, Callable[[str, str, str], Contender]] = {
    "httpx": httpx_alone,
    "httpx transports": httpx_transports,
    "urllib3": urllib3_alone,
    "aiohttp": aiohttp_alone,
    "telephony": partial(ours, backends=("httpx", "httpx")),
    "telephony, fast": partial(ours, backends=("urllib3", "aiohttp")),
    "retell SDK": retell,
    "elevenlabs SDK": elevenlabs,
}


# -- measuring


async def get(contender: Contender, turns: Iterable[int]) -> int:
    """``turns`` are shared by all who take some of them."""
    return sum([1 for _ in turns if contender.read(await value(contender.get())) is not None])


async def listed(contender: Contender) -> int:
    if contender.items is None:
        return sum([contender.size(await value(page())) for page in contender.pages])
    items = contender.items()
    return sum([1 async for _ in items]) if hasattr(items, "__aiter__") else sum(1 for _ in items)


async def value(returned: Any) -> Any:
    return await returned if isinstance(returned, Awaitable) else returned


def driven(work: Coroutine[Any, Any, Any]) -> Any:
    """What a coroutine returns that waits for nothing: the loop around sync code."""
    try:
        work.send(None)
    except StopIteration as ended:
        return ended.value
    raise RuntimeError("sync code has waited")


def in_threads(works: Sequence[Coroutine[Any, Any, int]]) -> int:
    with ThreadPoolExecutor(len(works)) as threads:
        return sum(threads.map(driven, works))


async def in_tasks(works: Sequence[Coroutine[Any, Any, int]]) -> int:
    return sum(await asyncio.gather(*works))


async def made(mode: str, name: str, shape: str, base: str) -> Contender:
    return CONTENDERS[name](mode, base, shape)  # a session of aiohttp is made inside its loop


def main(mode: str, *entry_and_base: str) -> None:
    with asyncio.Runner() as runner:
        run: Callable[[Coroutine[Any, Any, Any]], Any] = driven if mode == "sync" else runner.run
        contender = run(made(mode, *entry_and_base))
        many = in_threads if mode == "sync" else lambda works: runner.run(in_tasks(works))
        print(json.dumps("ready"), flush=True)
        for what, *numbers in map(json.loads, sys.stdin):
            if what == "get":
                turns = iter(range(numbers[0]))
                works = [get(contender, turns) for _ in range(numbers[1])]
                found = measured(partial(many, works))
            else:
                found = {"list": measured, "peak": peak_of}[what](lambda: run(listed(contender)))
            print(json.dumps(found), flush=True)
        os._exit(0)  # connections are not closed one by one: they end with the process


if __name__ == "__main__":
    main(*sys.argv[1:])
