"""The pinned versions are complete and say nothing but versions."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
LINES = (ROOT / "requirements-dev.txt").read_text(encoding="utf-8").splitlines()
PINS = {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in LINES)}


def declared() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    groups = [
        project["build-system"]["requires"],
        project["project"]["dependencies"],
        project["dependency-groups"]["dev"],
        *project["project"]["optional-dependencies"].values(),
    ]
    return sorted({Requirement(text) for group in groups for text in group}, key=str)


def test_every_line_is_a_name_and_a_version_and_nothing_else():
    assert [line for line in LINES if not re.fullmatch(r"[A-Za-z0-9][\w.-]*==[A-Za-z0-9.]+", line)] == []


def test_no_name_is_pinned_twice():
    assert len(PINS) == len(LINES)


@pytest.mark.parametrize("requirement", declared(), ids=str)
def test_what_the_project_declares_is_pinned_within_its_bounds(requirement: Requirement):
    pinned = PINS.get(canonicalize_name(requirement.name))
    assert pinned is not None, "run `make pins`"
    assert requirement.specifier.contains(pinned), "run `make pins`"
