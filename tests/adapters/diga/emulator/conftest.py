"""Projects to ask: the seeded one, an empty one, and one that lets unknown fields pass."""

from __future__ import annotations

import pytest

from tests.adapters.diga.emulator.project import Project


@pytest.fixture
def project() -> Project:
    return Project()


@pytest.fixture
def empty() -> Project:
    return Project(seed=False)


@pytest.fixture
def lenient() -> Project:
    return Project(seed=False, strict=False)
