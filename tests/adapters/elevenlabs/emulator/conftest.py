"""Workspaces to ask: the seeded one, an empty one, and one that merges halves."""

from __future__ import annotations

import pytest

from tests.adapters.elevenlabs.emulator.workspace import Workspace


@pytest.fixture
def workspace() -> Workspace:
    return Workspace()


@pytest.fixture
def empty() -> Workspace:
    return Workspace(seed=False)


@pytest.fixture
def merging() -> Workspace:
    return Workspace(seed=False, merges_halves=True)
