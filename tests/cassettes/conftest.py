"""Replaying repeats what the tests of the adapters cover."""

import pytest


@pytest.fixture(autouse=True)
def _unmeasured(unmeasured: None) -> None: ...
