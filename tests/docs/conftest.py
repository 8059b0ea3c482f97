"""Documentation that runs proves the documentation: its lines count as covered where a test is about them."""

import pytest


@pytest.fixture(autouse=True)
def _unmeasured(unmeasured: None) -> None: ...
