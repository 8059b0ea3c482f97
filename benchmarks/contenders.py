"""Who is measured, each as the shortest program its makers recommend: ``python contenders.py MODE NAME BASE SHAPE``.

Run with the Python of the contender's own environment, it makes that one and measures it. It reads one command a line,
``{"do": "get", "count": 200}``, and answers each with one line: CPU and wall-clock seconds of this process, and how
many records came.

Sync and async code of a contender differ in what its calls return: a value, or an awaitable of one. Nothing is imported
before its contender is made.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

KEY = "key"
HEADERS = {"authorization": f"Bearer {KEY}", "accept": "application/json"}
PAGES = 100
"""Of a vendor's SDK that takes a page at a time; those servers hold 10,000 records."""


def identifier(place: int) -> str:
    return str(UUID(int=(place + 1) * 0x9E3779B97F4A7C15 << 40 & (1 << 128) - 1, version=4))


@dataclass
class Contender:
    """``get`` requests one record, ``read`` turns the answer into what a caller uses. A listing is either ``pages``,
    one request each, whose records ``size`` counts, or ``items``, an iterable (async in async code) of records."""

    get: Callable[[], Any]
    read: Callable[[Any], Any] = lambda answer: answer
    pages: Sequence[Callable[[], Any]] = ()
    size: Callable[[Any], int] = len
    items: Callable[[], Any] | None = None
    close: Callable[[], Any] = lambda: None


# -- HTTP libraries alone: the record as parsed JSON, no object of any kind


LISTS = {
    "vox": ("items", "&cursor=", ["/v3/organization-telephone-numbers?status=active&limit=100&sort_by=created_at"]),
    "diga": ("data", "&after=", ["/v1/phone/?limit=100&order=asc", "/v1/phone/?limit=100&order=asc&status=assigned"]),
    "elevenlabs": ("", "?page=", ["/v1/convai/phone-numbers"]),
    "retell": ("items", "&pagination_key=", ["/v2/list-phone-numbers?limit=100&sort_order=ascending"]),
}
"""Where a page has its records, its cursor, and the listings that our adapter reads, but for its empty ones. ElevenLabs
has one page, which is a list."""
IDS = {"elevenlabs": f"phnum_{1:028x}", "retell": "+14120000001"}
"""Of the record that is requested: our adapters take no other one for it."""


def raw(fetch: Callable[[str], Any], content: Callable[[Any], bytes], base: str, shape: str, close: Any) -> Contender:
    key, cursor, listings = LISTS[shape]
    count = int(base.rpartition("/")[2]) // 100 if key else 1  # the base URL ends in how many records there are
    return Contender(
        partial(fetch, base + listings[0].partition("?")[0].rstrip("/") + "/1"),
        lambda answer: json.loads(content(answer)),
        [partial(fetch, f"{base}{listing}{cursor}{page}") for listing in listings for page in range(count)],
        lambda answer: len(json.loads(content(answer))[key] if key else json.loads(content(answer))),
        close=close,
    )


def _httpx(mode: str, **options: Any) -> tuple[Any, Callable[[], Any]]:
    """A client of raw httpx, and what closes it."""
    import httpx

    client: Any = httpx.Client(**options) if mode == "sync" else httpx.AsyncClient(**options)
    return client, client.close if mode == "sync" else client.aclose


def httpx_alone(mode: str, base: str, shape: str) -> Contender:
    client, close = _httpx(mode, headers=HEADERS)
    return raw(client.get, lambda answer: answer.content, base, shape, close)


def urllib3_alone(mode: str, base: str, shape: str) -> Contender:
    import urllib3

    pool = urllib3.PoolManager(maxsize=100, headers=HEADERS)
    return raw(partial(pool.request, "GET"), lambda answer: answer.data, base, shape, pool.clear)


def aiohttp_alone(mode: str, base: str, shape: str) -> Contender:
    import aiohttp

    session = aiohttp.ClientSession(headers=HEADERS)

    async def fetch(url: str) -> bytes:
        async with session.get(url) as response:
            return await response.read()

    return raw(fetch, lambda body: body, base, shape, session.close)


def httpx_pydantic(mode: str, base: str, shape: str) -> Contender:
    from pydantic import BaseModel

    class Agent(BaseModel):
        agent_id: str
        agent_version: str | None = None

    class Record(BaseModel):
        id: str
        number: str
        provider: str
        status: str
        start_at: int | None = None
        created_at: int | None = None
        updated_at: int | None = None
        monthly_fee: int | None = None
        address: str | None = None
        inbound_agent: Agent | None = None
        outbound_agent: Agent | None = None
        memo: str | None = None
        end_at: int | None = None
        cancel_requested_at: int | None = None

    class Page(BaseModel):
        items: list[Record]
        next_cursor: str | None = None

    alone = httpx_alone(mode, base, shape)
    alone.read = lambda answer: Record.model_validate_json(answer.content)
    alone.size = lambda answer: len(Page.model_validate_json(answer.content).items)
    return alone


def ours(mode: str, base: str, shape: str, *, backends: tuple[str, str]) -> Contender:
    from telephony_core import AsyncTelephony, Pace, Telephony

    id, below = IDS.get(shape, identifier(1)), "/v3" if shape == "vox" else ""
    options: dict[str, Any] = {"api_key": KEY, "base_url": base + below, "pace": Pace.unlimited()}
    if mode == "sync":
        client = Telephony(shape, backend=backends[0], **options)
        return Contender(partial(client.get_number, id), items=client.list_numbers, close=client.close)
    many = AsyncTelephony(shape, backend=backends[1], **options)
    return Contender(partial(many.get_number, id), items=many.list_numbers, close=many.aclose)


# -- vendors' SDKs


def twilio(mode: str, base: str, shape: str) -> Contender:
    from twilio.http.async_http_client import AsyncTwilioHttpClient
    from twilio.rest import Client

    http_client = None if mode == "sync" else AsyncTwilioHttpClient()
    client = Client(f"AC{0:032x}", KEY, http_client=http_client)
    client.api.base_url = base
    numbers, sid = client.incoming_phone_numbers, f"PN{1:032x}"
    if http_client is None:
        return Contender(lambda: numbers(sid).fetch(), items=partial(numbers.stream, page_size=100))
    pages = [partial(numbers.list_async, page_size=100)]
    return Contender(lambda: numbers(sid).fetch_async(), pages=pages, close=http_client.close)


def telnyx(mode: str, base: str, shape: str) -> Contender:
    from telnyx import AsyncTelnyx, Telnyx

    client = (Telnyx if mode == "sync" else AsyncTelnyx)(api_key=KEY, base_url=base, max_retries=0)
    numbers = client.phone_numbers
    return Contender(partial(numbers.retrieve, "1"), items=partial(numbers.list, page_size=100), close=client.close)


def retell(mode: str, base: str, shape: str) -> Contender:
    from retell import AsyncRetell, Retell

    client = (Retell if mode == "sync" else AsyncRetell)(api_key=KEY, base_url=base, max_retries=0)
    numbers = client.phone_number
    pages = [partial(numbers.list, limit=100, pagination_key=str(page)) for page in range(PAGES)]
    get = partial(numbers.retrieve, "+14155000001")
    return Contender(get, pages=pages, size=lambda page: len(page.items), close=client.close)


def elevenlabs(mode: str, base: str, shape: str) -> Contender:
    from elevenlabs import AsyncElevenLabs, ElevenLabs

    client, close = _httpx(mode)
    kind = ElevenLabs if mode == "sync" else AsyncElevenLabs
    numbers = kind(api_key=KEY, base_url=base, httpx_client=client).conversational_ai.phone_numbers
    return Contender(partial(numbers.get, "1"), pages=[numbers.list], close=close)


def vapi(mode: str, base: str, shape: str) -> Contender:
    from vapi import AsyncVapi, Vapi

    client, close = _httpx(mode)
    numbers = (Vapi if mode == "sync" else AsyncVapi)(token=KEY, base_url=base, httpx_client=client).phone_numbers
    return Contender(partial(numbers.get, "1"), pages=[partial(numbers.list, limit=100)] * PAGES, close=close)


CONTENDERS: dict[str, Callable[[str, str, str], Contender]] = {
    "httpx": httpx_alone,
    "httpx + pydantic": httpx_pydantic,
    "urllib3": urllib3_alone,
    "aiohttp": aiohttp_alone,
    "telephony": partial(ours, backends=("httpx", "httpx")),
    "telephony, fast": partial(ours, backends=("urllib3", "aiohttp")),
    "twilio": twilio,
    "telnyx": telnyx,
    "retell": retell,
    "elevenlabs": elevenlabs,
    "vapi": vapi,
}


# -- measuring


class Work:
    """What is measured of a contender in sync code. ``turns`` are shared by all who take some of them."""

    def __init__(self, contender: Contender) -> None:
        self.contender, self.close = contender, contender.close

    def get(self, turns: Iterable[int]) -> int:
        return sum([1 for _ in turns if self.contender.read(self.contender.get()) is not None])

    def list(self) -> int:
        if self.contender.items is not None:
            return sum(1 for _ in self.contender.items())
        return sum(self.contender.size(page()) for page in self.contender.pages)

    def burst(self, turns: Iterable[int], at_once: int) -> int:
        with ThreadPoolExecutor(at_once) as threads:
            return sum(threads.map(self.get, [turns] * at_once))


class AsyncWork:
    """The same, as coroutines."""

    def __init__(self, contender: Contender) -> None:
        self.contender, self.close = contender, contender.close

    async def get(self, turns: Iterable[int]) -> int:
        return sum([1 for _ in turns if self.contender.read(await self.contender.get()) is not None])

    async def list(self) -> int:
        if self.contender.items is not None:
            return sum([1 async for _ in self.contender.items()])
        return sum([self.contender.size(await page()) for page in self.contender.pages])

    async def burst(self, turns: Iterable[int], at_once: int) -> int:
        return sum(await asyncio.gather(*(self.get(turns) for _ in range(at_once))))


async def async_work(name: str, base: str, shape: str) -> AsyncWork:
    return AsyncWork(CONTENDERS[name]("async", base, shape))  # a session of aiohttp is made inside its loop


def measured(work: Callable[[], int]) -> dict[str, float]:
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    records = work()
    return {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall, "records": records}


def peak_of(work: Callable[[], int]) -> dict[str, float]:
    """Bytes at the worst moment of it, above those before."""
    work()  # what is made once and kept is not part of the growth
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    records = work()
    peak = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    return {"peak": peak, "records": records}


def main(mode: str, name: str, base: str, shape: str) -> None:
    with asyncio.Runner() as runner:
        is_sync = mode == "sync"
        work: Any = Work(CONTENDERS[name](mode, base, shape)) if is_sync else runner.run(async_work(name, base, shape))

        def run(what: str, **arguments: int) -> Any:
            turns = [iter(range(arguments.pop("count")))] if "count" in arguments else []
            found = getattr(work, what)(*turns, **arguments)
            return found if is_sync else runner.run(found)

        print(json.dumps({"ready": True}), flush=True)
        for line in sys.stdin:
            command = json.loads(line)
            what = command.pop("do")
            found = peak_of(partial(run, "list")) if what == "peak" else measured(partial(run, what, **command))
            print(json.dumps(found), flush=True)
        run("close")


if __name__ == "__main__":
    main(*sys.argv[1:])
