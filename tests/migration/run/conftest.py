"""The pairs of accounts that a run is tried between."""

from __future__ import annotations

import pytest


@pytest.fixture(params=["vox-diga", "diga-vox", "vox-vox", "diga-diga"])
def context(request: pytest.FixtureRequest) -> str:
    return str(request.param)
