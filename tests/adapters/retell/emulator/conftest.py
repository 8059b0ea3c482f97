"""Workspaces to ask: the seeded one, and an empty one."""

from __future__ import annotations

import pytest

from tests.adapters.retell.emulator.workspace import Workspace


@pytest.fixture
def workspace() -> Workspace:
    return Workspace()


@pytest.fixture
def empty() -> Workspace:
    return Workspace(seed=False)
