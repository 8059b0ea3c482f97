"""Who is measured, each as the shortest program its makers recommend. Runs in that contender's own environment.

A contender gives, for ordinary and for async code, a way to get one record and a way to list all, which returns how
many came. Nothing is imported before its contender is made.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

KEY = "key"
HEADERS = {"authorization": f"Bearer {KEY}", "accept": "application/json"}
PAGES = 100
"""Of a vendor's SDK that has to be told how many there are; those servers hold 10,000 records."""


@dataclass
class Sync:
    get: Callable[[], object]
    list: Callable[[], int]
    close: Callable[[], object] = lambda: None


@dataclass
class Async:
    get: Callable[[], Awaitable[object]]
    list: Callable[[], Awaitable[int]]
    close: Callable[[], Awaitable[object]]


# -- HTTP libraries alone: the record as parsed JSON, no object of any kind


def paths(base: str, shape: str) -> tuple[str, list[str]]:
    """Of one record, and of all pages: the same that our adapter asks for, but for its empty ones.

    The base URL ends in how many records there are.
    """
    count = int(base.rpartition("/")[2]) // 100
    if shape == "vox":
        numbers = "/v3/organization-telephone-numbers"
        asked = f"{numbers}?status=active&limit=100&sort_by=created_at&sort_order=asc"
        return f"{numbers}/1", [f"{asked}&cursor={page}" if page else asked for page in range(count)]
    asked = "/v1/phone/?limit=100&order=asc"
    passes = [asked, f"{asked}&status=assigned"]
    return "/v1/phone/1", [f"{one}&after={page}" if page else one for one in passes for page in range(count)]


def reading(shape: str) -> Callable[[bytes], int]:
    key = "items" if shape == "vox" else "data"
    return lambda body: len(json.loads(body)[key])


def sync_raw(fetch: Callable[[str], bytes], base: str, shape: str, close: Callable[[], object]) -> Sync:
    one, pages = paths(base, shape)
    count = reading(shape)
    return Sync(lambda: json.loads(fetch(base + one)), lambda: sum(count(fetch(base + page)) for page in pages), close)


def async_raw(
    fetch: Callable[[str], Awaitable[bytes]], base: str, shape: str, close: Callable[[], Awaitable[object]]
) -> Async:
    one, pages = paths(base, shape)
    count = reading(shape)

    async def get() -> object:
        return json.loads(await fetch(base + one))

    async def every() -> int:
        return sum([count(await fetch(base + page)) for page in pages])

    return Async(get, every, close)


def httpx_sync(base: str, shape: str) -> Sync:
    import httpx

    client = httpx.Client(headers=HEADERS)
    return sync_raw(lambda url: client.get(url).content, base, shape, client.close)


def httpx_async(base: str, shape: str) -> Async:
    import httpx

    client = httpx.AsyncClient(headers=HEADERS)

    async def fetch(url: str) -> bytes:
        return (await client.get(url)).content

    return async_raw(fetch, base, shape, client.aclose)


def urllib3_sync(base: str, shape: str) -> Sync:
    import urllib3

    pool = urllib3.PoolManager(maxsize=100, headers=HEADERS)
    return sync_raw(lambda url: pool.request("GET", url).data, base, shape, pool.clear)


def aiohttp_async(base: str, shape: str) -> Async:
    import aiohttp

    session = aiohttp.ClientSession(headers=HEADERS)

    async def fetch(url: str) -> bytes:
        async with session.get(url) as response:
            return await response.read()

    return async_raw(fetch, base, shape, session.close)


# -- httpx with a plain pydantic model of the record


def _page_model() -> Any:
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

    return Record, Page


def pydantic_sync(base: str, shape: str) -> Sync:
    import httpx

    client = httpx.Client(headers=HEADERS)
    record, page = _page_model()
    one, pages = paths(base, shape)

    def every() -> int:
        return sum(len(page.model_validate_json(client.get(base + path).content).items) for path in pages)

    return Sync(lambda: record.model_validate_json(client.get(base + one).content), every, client.close)


def pydantic_async(base: str, shape: str) -> Async:
    import httpx

    client = httpx.AsyncClient(headers=HEADERS)
    record, page = _page_model()
    one, pages = paths(base, shape)

    async def get() -> object:
        return record.model_validate_json((await client.get(base + one)).content)

    async def every() -> int:
        return sum([len(page.model_validate_json((await client.get(base + path)).content).items) for path in pages])

    return Async(get, every, client.aclose)


# -- ours, which take no record for the one that was asked for unless it has its id


def _account(base: str, shape: str, backend: str) -> dict[str, Any]:
    from telephony_core import Pace

    below = "/v3" if shape == "vox" else ""
    return {"api_key": KEY, "base_url": base + below, "backend": backend, "pace": Pace.unlimited()}


def ours_sync(base: str, shape: str, backend: str) -> Sync:
    from shapes import identifier

    from telephony_core import Telephony

    id = identifier(1)
    client = Telephony(shape, **_account(base, shape, backend))
    return Sync(lambda: client.get_number(id), lambda: sum(1 for _ in client.list_numbers()), client.close)


def ours_async(base: str, shape: str, backend: str) -> Async:
    from shapes import identifier

    from telephony_core import AsyncTelephony

    id = identifier(1)
    client = AsyncTelephony(shape, **_account(base, shape, backend))

    async def every() -> int:
        count = 0
        async for _ in client.list_numbers():
            count += 1
        return count

    return Async(lambda: client.get_number(id), every, client.aclose)


# -- vendors' SDKs


def _twilio(base: str, http_client: Any) -> Any:
    from twilio.rest import Client

    client = Client(f"AC{0:032x}", KEY, http_client=http_client)
    client.api.base_url = base
    return client


def twilio_sync(base: str, shape: str) -> Sync:
    client = _twilio(base, None)
    numbers = client.incoming_phone_numbers
    return Sync(lambda: numbers(f"PN{1:032x}").fetch(), lambda: sum(1 for _ in numbers.stream(page_size=100)))


def twilio_async(base: str, shape: str) -> Async:
    from twilio.http.async_http_client import AsyncTwilioHttpClient

    http_client = AsyncTwilioHttpClient()
    numbers = _twilio(base, http_client).incoming_phone_numbers

    async def every() -> int:
        return len(await numbers.list_async(page_size=100))

    return Async(lambda: numbers(f"PN{1:032x}").fetch_async(), every, http_client.close)


def telnyx_sync(base: str, shape: str) -> Sync:
    from telnyx import Telnyx

    client = Telnyx(api_key=KEY, base_url=base, max_retries=0)
    numbers = client.phone_numbers
    return Sync(lambda: numbers.retrieve("1"), lambda: sum(1 for _ in numbers.list(page_size=100)), client.close)


def telnyx_async(base: str, shape: str) -> Async:
    from telnyx import AsyncTelnyx

    client = AsyncTelnyx(api_key=KEY, base_url=base, max_retries=0)

    async def every() -> int:
        return sum([1 async for _ in client.phone_numbers.list(page_size=100)])

    return Async(lambda: client.phone_numbers.retrieve("1"), every, client.close)


def retell_sync(base: str, shape: str) -> Sync:
    from retell import Retell

    client = Retell(api_key=KEY, base_url=base, max_retries=0)

    def every() -> int:
        pages = (client.phone_number.list(limit=100, pagination_key=str(page)) for page in range(PAGES))
        return sum(len(page.items) for page in pages)

    return Sync(lambda: client.phone_number.retrieve("+14155000001"), every, client.close)


def retell_async(base: str, shape: str) -> Async:
    from retell import AsyncRetell

    client = AsyncRetell(api_key=KEY, base_url=base, max_retries=0)

    async def every() -> int:
        numbers = client.phone_number
        return sum([len((await numbers.list(limit=100, pagination_key=str(page))).items) for page in range(PAGES)])

    return Async(lambda: client.phone_number.retrieve("+14155000001"), every, client.close)


def elevenlabs_sync(base: str, shape: str) -> Sync:
    from elevenlabs import ElevenLabs

    numbers = ElevenLabs(api_key=KEY, base_url=base).conversational_ai.phone_numbers
    return Sync(lambda: numbers.get("1"), lambda: sum(len(numbers.list()) for _ in range(PAGES)))


def elevenlabs_async(base: str, shape: str) -> Async:
    import httpx
    from elevenlabs import AsyncElevenLabs

    client = httpx.AsyncClient()
    numbers = AsyncElevenLabs(api_key=KEY, base_url=base, httpx_client=client).conversational_ai.phone_numbers

    async def every() -> int:
        return sum([len(await numbers.list()) for _ in range(PAGES)])

    return Async(lambda: numbers.get("1"), every, client.aclose)


def vapi_sync(base: str, shape: str) -> Sync:
    from vapi import Vapi

    numbers = Vapi(token=KEY, base_url=base).phone_numbers
    return Sync(lambda: numbers.get("1"), lambda: sum(len(numbers.list(limit=100)) for _ in range(PAGES)))


def vapi_async(base: str, shape: str) -> Async:
    import httpx
    from vapi import AsyncVapi

    client = httpx.AsyncClient()
    numbers = AsyncVapi(token=KEY, base_url=base, httpx_client=client).phone_numbers

    async def every() -> int:
        return sum([len(await numbers.list(limit=100)) for _ in range(PAGES)])

    return Async(lambda: numbers.get("1"), every, client.aclose)


SYNC: dict[str, Callable[[str, str], Sync]] = {
    "httpx": httpx_sync,
    "httpx + pydantic": pydantic_sync,
    "urllib3": urllib3_sync,
    "telephony": lambda base, shape: ours_sync(base, shape, "httpx"),
    "telephony, fast": lambda base, shape: ours_sync(base, shape, "urllib3"),
    "twilio": twilio_sync,
    "telnyx": telnyx_sync,
    "retell": retell_sync,
    "elevenlabs": elevenlabs_sync,
    "vapi": vapi_sync,
}
ASYNC: dict[str, Callable[[str, str], Async]] = {
    "httpx": httpx_async,
    "httpx + pydantic": pydantic_async,
    "aiohttp": aiohttp_async,
    "telephony": lambda base, shape: ours_async(base, shape, "httpx"),
    "telephony, fast": lambda base, shape: ours_async(base, shape, "aiohttp"),
    "twilio": twilio_async,
    "telnyx": telnyx_async,
    "retell": retell_async,
    "elevenlabs": elevenlabs_async,
    "vapi": vapi_async,
}
