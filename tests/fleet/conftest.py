"""The server that the tests of this folder share, and a tenant of its own for each test."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from tests.fleet.postgresql import Server, require_postgresql, running

_TENANTS = itertools.count(1)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    require_postgresql()
    with running() as server:
        yield server


@pytest.fixture
def tenant() -> str:
    return f"tenant-{next(_TENANTS)}"
