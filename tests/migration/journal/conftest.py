"""Stages for what this machine knows of its own plans."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.migration.deprovision.returning import KEYS, ONE, Returning

WAYS = ("vox-diga", "diga-vox")


@pytest.fixture(params=WAYS)
def context(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def half(context: str, tmp_path: Path) -> Returning:
    """One of two numbers is moved."""
    (tmp_path / "first").mkdir()
    stage = Returning.at(tmp_path / "first", context, 2)
    stage.loaded = stage.plan()
    assert stage.apply(stage.loaded, numbers=KEYS[:1]).is_complete
    stage.forget_requests()
    return stage


@pytest.fixture
def rivals(context: str, tmp_path: Path) -> Returning:
    """Two plans, `loaded` and `rival`, for one number at one target."""
    stage = Returning.at(tmp_path, context, 1)
    with stage.client(stage.source) as client:
        (record,) = client.list_numbers()
    numbers = (stage.planned(record, inbound_agent=None),)
    stage.loaded = stage.plan(numbers=numbers)
    settings = ONE.model_copy(update={"soak_hours": 1.0})
    stage.rival = stage.plan("rival.json", numbers=numbers, settings=settings)
    return stage
