"""What listing costs, counted in work and never in time: requests, validations, bytes held, and what is left behind."""

from __future__ import annotations

import asyncio
import gc
import json
import tracemalloc
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import pytest

from telephony_core import AsyncTelephony, ProviderUnavailable, Telephony
from telephony_core.domain import number_identity
from telephony_core.domain.phone_number import PhoneNumber, PhoneNumberFields
from telephony_core.operations.operations import Listing
from telephony_core.provider import wire
from telephony_core.provider.flow import Response
from telephony_core.provider.port import Page
from telephony_core.testing import new_emulator
from telephony_core.transport.backend import HttpRequest
from telephony_core.transport.pipeline import _parameter
from tests.provider.toy import SPEC, ToyServer
from tests.transport.driving import FakeTime

VENDORS = ["vox", "diga"]


@dataclass
class Paged(ToyServer):
    """A toy server whose async answers can be held back, and which knows what was asked and what was given up."""

    open: asyncio.Event = field(default_factory=asyncio.Event)
    given_up: int = 0

    def __post_init__(self) -> None:
        self.open.set()

    async def asend(self, request: HttpRequest, timeout: float) -> Response:
        self.requests.append(request)
        try:
            await self.open.wait()
        except asyncio.CancelledError:
            self.given_up += 1
            raise
        await asyncio.sleep(0)
        fault = self.faults.get((request.method, len(self.requests)))
        return fault(lambda: self._answer(request)) if fault else self._answer(request)


def toy(count: int, page_size: int = 2) -> Paged:
    server = Paged(page_size=page_size)
    for place in range(count):
        server.add(f"id-{place}", f"070{10_000_000 + place}")
    return server


def given(server: Any) -> dict[str, Any]:
    return {"api_key": "k", "base_url": "https://toy.example", "backend": server, "clock": FakeTime().clock}


def run(case: Callable[[AsyncTelephony], Awaitable[None]], server: Paged) -> None:
    """Run a case, after which nothing of it is left in the event loop."""

    async def whole() -> None:
        async with AsyncTelephony(SPEC, **given(server)) as client:
            await case(client)
            del client
        gc.collect()
        for _ in range(10):
            await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(whole())


# -- the next page


def test_the_sync_client_asks_for_a_page_when_it_is_needed():
    server = toy(5)
    listing = Telephony(SPEC, **given(server)).list_numbers()
    assert [len(server.requests) for _ in listing] == [1, 1, 2, 2, 3]


def test_the_async_client_fetches_the_next_page_while_this_one_is_worked_on():
    server = toy(5)

    async def case(client: AsyncTelephony) -> None:
        asked = []
        async for _ in client.list_numbers():
            await asyncio.sleep(0)
            asked.append(len(server.requests))
        assert asked == [1, 2, 2, 3, 3]

    run(case, server)


def test_the_async_listing_is_the_same_as_the_sync_one():
    server = toy(23, page_size=5)

    async def case(client: AsyncTelephony) -> None:
        assert [n async for n in client.list_numbers()] == list(Telephony(SPEC, **given(server)).list_numbers())

    run(case, server)


def test_whoever_takes_one_number_causes_one_request():
    server = toy(5)

    async def case(client: AsyncTelephony) -> None:
        async for _ in client.list_numbers():
            await asyncio.sleep(0)
            break

    run(case, server)
    assert len(server.requests) == 1


def test_pages_of_one_are_listed_too():
    server = toy(3, page_size=1)

    async def case(client: AsyncTelephony) -> None:
        assert [n.id async for n in client.list_numbers()] == ["id-0", "id-1", "id-2"]

    run(case, server)


def test_an_abandoned_listing_takes_back_what_it_had_asked_for():
    server = toy(6)

    async def case(client: AsyncTelephony) -> None:
        taken = 0
        async for _ in client.list_numbers():
            taken += 1
            if taken == 2:
                server.open.clear()
                await asyncio.sleep(0)
                break

    run(case, server)
    assert (len(server.requests), server.given_up) == (2, 1)


def test_a_failure_on_the_next_page_comes_after_this_one():
    server = toy(6)
    server.faults[("GET", 2)] = lambda _: Response(503, {}, b"")

    async def case(client: AsyncTelephony) -> None:
        listing = client.with_options(max_retries=0).list_numbers()
        for id in ("id-0", "id-1"):
            assert (await anext(listing)).id == id
            await asyncio.sleep(0.001)
        with pytest.raises(ProviderUnavailable):
            await anext(listing)

    run(case, server)


def test_a_failure_that_nobody_waits_for_is_silent(caplog: pytest.LogCaptureFixture):
    server = toy(6)
    server.faults[("GET", 2)] = lambda _: Response(503, {}, b"")

    async def case(client: AsyncTelephony) -> None:
        seen = 0
        async for _ in client.with_options(max_retries=0).list_numbers():
            seen += 1
            if seen == 2:
                await asyncio.sleep(0.001)
                break

    run(case, server)
    assert caplog.text == ""


def test_a_caller_who_is_cancelled_leaves_nothing_behind():
    server = toy(6)

    async def case(client: AsyncTelephony) -> None:
        async def work() -> None:
            async for _ in client.list_numbers():
                server.open.clear()  # after the first page no answer comes

        server.open.set()
        task = asyncio.create_task(work())
        while len(server.requests) < 2:
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(case, server)
    assert server.given_up == 1


# -- work per record


@dataclass
class Counted:
    """A backend over an emulator, and how often its answers were parsed and validated."""

    backend: Any
    pages: int = 0
    from_bytes: int = 0
    from_objects: int = 0
    parsed: int = 0
    name: str = "counted"

    def send(self, request: HttpRequest, timeout: float) -> Response:
        self.pages += 1
        return self.backend.send(request, timeout)

    def close(self) -> None: ...


@pytest.fixture(params=VENDORS)
def counted(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[Telephony, Counted]:
    emulator = new_emulator(request.param)
    emulator.populate(250)
    server = Counted(emulator.backend())
    shape, loads = wire._shape, wire.loads

    class Shape:
        def __init__(self, model: object) -> None:
            self._shape = shape(model)

        def validate_json(self, body: bytes) -> object:
            server.from_bytes += 1
            return self._shape.validate_json(body)

        def validate_python(self, payload: object) -> object:
            server.from_objects += 1
            return self._shape.validate_python(payload)

    def counted_loads(body: bytes) -> object:
        server.parsed += 1
        return loads(body)

    monkeypatch.setattr(wire, "_shape", Shape)
    monkeypatch.setattr(wire, "loads", counted_loads)
    return Telephony(request.param, api_key=emulator.api_key, base_url=emulator.base_url, backend=server), server


def test_a_page_is_validated_once_straight_from_its_bytes(counted: tuple[Telephony, Counted]):
    client, server = counted
    found = list(client.list_numbers())
    assert len(found) > 250
    assert (server.from_bytes, server.from_objects, server.parsed) == (server.pages, 0, 0)


def test_a_record_is_validated_once(counted: tuple[Telephony, Counted]):
    client, server = counted
    one = next(client.list_numbers())
    server.from_bytes = 0
    assert client.get_number(one.id) == one
    assert (server.from_bytes, server.from_objects, server.parsed) == (1, 0, 0)


def test_a_payload_is_parsed_when_somebody_looks_and_once_for_its_page(counted: tuple[Telephony, Counted]):
    client, server = counted
    listing = client.list_numbers()
    first, second = next(listing), next(listing)
    assert first.raw["id"] == first.id
    assert (second.raw["id"], second.raw["number"]) == (second.id, second.identity.raw)
    assert type(first.raw) is dict
    assert server.parsed == 1


def test_no_number_is_looked_into_until_somebody_asks(counted: tuple[Telephony, Counted], monkeypatch):
    looked = []
    monkeypatch.setattr(
        number_identity, "_read", lambda raw, region: looked.append(raw) or number_identity._Reading("local")
    )
    found = list(counted[0].list_numbers())
    assert looked == []
    assert [found[0].identity.e164, found[0].identity.kind] == [None, "local"]
    assert len(looked) == 1


@pytest.mark.parametrize("slug", VENDORS)
def test_a_number_is_made_when_the_caller_comes_for_it(slug: str, monkeypatch: pytest.MonkeyPatch):
    emulator = new_emulator(slug)
    emulator.populate(5)
    made: list[str] = []
    mapping = import_module(f"telephony_{slug}.mapping")
    make = mapping._number
    monkeypatch.setattr(mapping, "_number", lambda fields: made.append(fields["id"]) or make(fields))
    client = Telephony(slug, api_key=emulator.api_key, base_url=emulator.base_url, backend=emulator.backend())
    listing = client.list_numbers()
    assert [next(listing).id, next(listing).id] == made


@pytest.mark.parametrize("slug", VENDORS)
def test_what_is_not_checked_again_would_pass_the_check(slug: str):
    emulator = new_emulator(slug)
    emulator.populate(50)
    client = Telephony(slug, api_key=emulator.api_key, base_url=emulator.base_url, backend=emulator.backend())
    for found in client.list_numbers():
        checked = PhoneNumber(**dict(found))
        assert checked == found
        assert checked.raw == found.raw
        assert checked.model_dump_json() == found.model_dump_json()
        assert {name: type(value) for name, value in checked} == {name: type(value) for name, value in found}


def test_the_fields_of_a_number_are_told_once_more_and_the_same():
    assert list(PhoneNumberFields.__annotations__) == list(PhoneNumber.model_fields)


@pytest.mark.parametrize("slug", VENDORS)
def test_one_odd_record_makes_no_difference_to_the_others(slug: str):
    emulator = new_emulator(slug)
    emulator.populate(5)
    client = Telephony(slug, api_key=emulator.api_key, base_url=emulator.base_url, backend=emulator.backend())
    before = {number.id: number for number in client.list_numbers()}
    odd = emulator.add(number="07011112222", memo={"not": "text"}, nickname=["not", "text"])
    after = {number.id: number for number in client.list_numbers()}
    assert after.pop(odd).problems
    assert after == before
    assert {id: number.raw for id, number in after.items()} == {id: number.raw for id, number in before.items()}


def test_what_is_the_same_in_every_request_is_escaped_once():
    server = toy(40)
    _parameter.cache_clear()
    list(Telephony(SPEC, **given(server)).list_numbers())
    list(Telephony(SPEC, **given(server)).list_numbers())
    assert _parameter.cache_info().misses == 19  # one per cursor


# -- memory


def memory_of(use: Callable[[], object]) -> int:
    """Bytes that are still held when it is done."""
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        kept = use()
        gc.collect()
        held = tracemalloc.get_traced_memory()[0] - before
        del kept
        return held
    finally:
        tracemalloc.stop()


@dataclass(frozen=True)
class Item:
    id: str


def test_a_listing_remembers_no_more_than_200_bytes_of_a_number():
    def use() -> Listing:
        listing = Listing()
        for page in range(100):
            ids = [f"00000000-0000-4000-8000-{page:06d}{place:06d}" for place in range(100)]
            listing.accept(Page([Item(id) for id in ids], f"cursor-{page}"))
        return listing

    assert memory_of(use) / 10_000 < 200


@pytest.mark.parametrize("slug", VENDORS)
def test_what_a_listing_holds_does_not_grow_with_its_pages(slug: str):
    emulator = new_emulator(slug)
    emulator.populate(1)
    whole = Telephony(slug, api_key=emulator.api_key, base_url=emulator.base_url, backend=emulator.backend())
    template = json.dumps(next(whole.list_numbers()).raw)

    class Endless:
        name = "endless"
        made = 0

        def send(self, request: HttpRequest, timeout: float) -> Response:
            record = json.loads(template)
            records = [{**record, "id": f"{self.made + place:036d}"} for place in range(100)]
            self.made += 100
            page = {"items": records, "data": records, "next_cursor": str(self.made), "has_more": True}
            return Response(200, {}, json.dumps({**page, "last_id": records[-1]["id"]}).encode())

        def close(self) -> None: ...

    listing = Telephony(slug, api_key="k", backend=Endless()).list_numbers()

    def pages(count: int) -> None:
        for _ in range(count * 100):
            next(listing)

    pages(3)
    assert memory_of(lambda: pages(50)) / 5_000 < 200
