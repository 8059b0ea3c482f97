"""A migration from Diga to vox runs the lines of one from vox to Diga: coverage is measured the one way only."""

import pytest


@pytest.fixture(autouse=True)
def _one_way_is_measured(request: pytest.FixtureRequest) -> None:
    if "diga-vox" in request.node.name:
        request.getfixturevalue("unmeasured")
