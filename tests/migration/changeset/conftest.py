"""Accounts that a table is for: empty ones at two vendors."""

from __future__ import annotations

from pathlib import Path

import pytest

from telephony_core.migration.assessment.target import TargetAccount, survey
from tests.migration.stage import Stage


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """An empty account at Diga, and one at vox."""
    return Stage(tmp_path, "vox-diga", 0)


@pytest.fixture
def diga(stage: Stage) -> TargetAccount:
    with stage.client(stage.target) as client:
        return survey(client)


@pytest.fixture
def vox(stage: Stage) -> TargetAccount:
    with stage.client(stage.source) as client:
        return survey(client)
