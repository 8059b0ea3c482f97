"""A listing whose cursor never ends, or comes back, ends with an error that says so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from itertools import count
from urllib.parse import urlsplit

import pytest

from telephony_core import AsyncTelephony, InboundUpdate, NumberImport, Telephony
from telephony_core.errors import TelephonyError, UnexpectedResponse
from telephony_core.operations.listing import LONGEST_LISTING
from telephony_core.provider.capabilities import Operation
from telephony_core.testing import ScriptedBackend, json_response, virtual_clock
from telephony_core.testing.contract.driver import Driver
from tests.reliability.faults.cases import trunk_at
from tests.reliability.faults.network import MODES, Mode
from tests.reliability.figures import figures
from tests.vendors import SHIPPED, VENDORS, spec_of

READERS: dict[str, Callable[[Driver], object]] = {
    "list": lambda c: c.list_numbers(),
    "find": lambda c: c.find_number(VENDORS[c.client.provider].own[3]),
    "import": lambda c: c.import_number(
        NumberImport(
            number=VENDORS[c.client.provider].own[3],
            inbound=InboundUpdate(allow_any=True),
            outbound=trunk_at(c.client.provider),
        )
    ),
    "search for sale": lambda c: c.search_available(),
}
PAGED = [slug for slug in SHIPPED if VENDORS[slug].paged]
TRIED = [
    (slug, name)
    for slug in PAGED
    for name in READERS
    if name != "search for sale" or Operation.SEARCH_AVAILABLE in spec_of(slug).capabilities.operations
]


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


def outcome(
    slug: str, name: str, mode: Mode, runner: asyncio.Runner, cursors: Iterator[object]
) -> tuple[TelephonyError, ScriptedBackend]:
    backend = ScriptedBackend(lambda _: json_response(200, VENDORS[slug].page([], f"cursor-{next(cursors)}")))
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
    monkeypatch.setattr("telephony_core.operations.listing.LONGEST_LISTING", 50)
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
    assert error.provider == slug
    assert error.operation is not None
    assert len(backend.sent) == 3
    figures.count(1, "endless listings that ended")


@pytest.mark.long
@pytest.mark.parametrize("slug", PAGED)
def test_the_real_bound_is_reached_in_bearable_time(slug: str, runner: asyncio.Runner) -> None:
    error, backend = outcome(slug, "list", "sync", runner, count())
    assert f"within {LONGEST_LISTING} pages" in error.message
    assert len(backend.sent) == LONGEST_LISTING + 1
