"""A toy vendor behind either client, and every error says what to do next."""

from __future__ import annotations

import pytest

from tests.provider.toy import Both, ToyServer
from tests.speaking import errors_speak

__all__ = ["errors_speak"]


@pytest.fixture(params=["sync", "async"])
def toy(request: pytest.FixtureRequest) -> Both:
    return Both(request.param, ToyServer())
