"""A listing whose cursor never ends, or comes back, ends with an error that says so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from itertools import count
from urllib.parse import urlsplit

import pytest

from telephony_core import AsyncTelephony, InboundUpdate, NumberImport, Telephony
from telephony_core.errors import TelephonyError, UnexpectedResponse
from telephony_core.operations.operations import LONGEST_LISTING
from telephony_core.testing import ScriptedBackend, json_response, virtual_clock
from telephony_core.testing.contract.driver import Driver
from tests.reliability.faults.cases import NEW, TRUNK
from tests.reliability.faults.network import MODES, Mode
from tests.reliability.figures import figures

READERS: dict[str, Callable[[Driver], object]] = {
    "list": lambda c: c.list_numbers(),
    "find": lambda c: c.find_number(NEW[c.client.provider]),
    "import": lambda c: c.import_number(
        NumberImport(number=NEW[c.client.provider], inbound=InboundUpdate(allow_any=True), outbound=TRUNK)
    ),
    "search for sale": lambda c: c.search_available(),
}
TRIED = [(slug, name) for slug in NEW for name in READERS if (slug, name) != ("diga", "search for sale")]


def page(slug: str, cursor: str) -> object:
    if slug == "vox":
        return {"items": [], "total_count": 7, "next_cursor": cursor}
    return {"data": [], "first_id": None, "last_id": cursor, "has_more": True}


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


def outcome(
    slug: str, name: str, mode: Mode, runner: asyncio.Runner, cursors: Iterator[object]
) -> tuple[TelephonyError, ScriptedBackend]:
    backend = ScriptedBackend(lambda _: json_response(200, page(slug, f"cursor-{next(cursors)}")))
    kind = Telephony if mode == "sync" else AsyncTelephony
    client = Driver(kind(slug, api_key="key", backend=backend, clock=virtual_clock()), runner)
    with pytest.raises(UnexpectedResponse) as caught:
        READERS[name](client)
    return caught.value, backend


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("slug", "name"), TRIED)
def test_a_cursor_that_is_always_new_ends_at_a_bound(
    slug: str, name: str, mode: Mode, runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("telephony_core.operations.operations.LONGEST_LISTING", 50)
    error, backend = outcome(slug, name, mode, runner, count())
    assert "did not end within 50 pages" in error.message
    assert len(backend.sent) == 51
    assert {urlsplit(request.url).scheme for request in backend.sent} == {"https"}
    assert all(request.method == "GET" for request in backend.sent)
    figures.count(1, "endless listings that ended")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("slug", "name"), TRIED)
def test_a_cursor_that_comes_back_ends_at_once(slug: str, name: str, mode: Mode, runner: asyncio.Runner) -> None:
    error, backend = outcome(slug, name, mode, runner, iter([1, 2, 1]))
    assert "same cursor twice" in error.message
    assert len(backend.sent) == 3
    figures.count(1, "endless listings that ended")


@pytest.mark.long
@pytest.mark.parametrize("slug", list(NEW))
def test_the_real_bound_is_reached_in_bearable_time(slug: str, runner: asyncio.Runner) -> None:
    error, backend = outcome(slug, "list", "sync", runner, count())
    assert f"within {LONGEST_LISTING} pages" in error.message
    assert len(backend.sent) == LONGEST_LISTING + 1
