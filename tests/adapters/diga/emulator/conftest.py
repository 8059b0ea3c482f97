"""Projects to ask: the seeded one, and an empty one."""

from __future__ import annotations

import pytest

from tests.adapters.diga.emulator.project import Project


@pytest.fixture
def project() -> Project:
    return Project()


@pytest.fixture
def empty() -> Project:
    return Project(seed=False)
