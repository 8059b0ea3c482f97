"""One fixture for each set of backends, and nothing of this machine’s proxies."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.transport.backends.senders import HANDED_IN, OWN, Sender
from tests.transport.loopback import certificate


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(autouse=True, scope="module")
def _nothing_is_left_open() -> Iterator[None]:
    """A socket that nobody closed makes itself heard here, at the latest."""
    yield
    gc.collect()


@pytest.fixture
def make() -> Iterator[Callable[[str], Sender]]:
    """Makes senders and closes them."""
    with ExitStack() as stack:
        runner = stack.enter_context(asyncio.Runner())

        def sender(kind: str) -> Sender:
            made = Sender(kind, runner)
            stack.callback(made.close_client)
            stack.callback(made.close)
            return made

        yield sender


@pytest.fixture(params=OWN + HANDED_IN)
def sender(request: pytest.FixtureRequest, make: Callable[[str], Sender]) -> Sender:
    return make(request.param)


@pytest.fixture(params=OWN)
def own(request: pytest.FixtureRequest, make: Callable[[str], Sender]) -> Sender:
    """Without the handed-in clients: their connections are their owner's business."""
    return make(request.param)


@pytest.fixture(params=[False, True], ids=["plain", "TLS"])
def tls(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    if request.param:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate()))
    return bool(request.param)


@pytest.fixture(params=OWN + HANDED_IN)
def over(tls: bool, request: pytest.FixtureRequest) -> Sender:
    """Made when it is settled whom to trust."""
    made: Sender = request.getfixturevalue("make")(request.param)
    return made
