"""What `make mutants` is to try is where it looks for it."""

from __future__ import annotations

import tomllib

import pytest

from tests.reliability.mutants import GROUPS, PACKAGES, ROOT, SURVIVORS


@pytest.mark.parametrize("name", GROUPS)
def test_the_code_and_the_tests_of_a_group_exist(name: str) -> None:
    for pattern in GROUPS[name].mutated:
        package, _, inside = pattern.partition("/")
        assert list(PACKAGES[package].glob(inside)), pattern
    assert [test for test in GROUPS[name].tests if not (ROOT / test).is_file()] == []


def test_reviewed_survivors_belong_to_a_group() -> None:
    assert tomllib.loads(SURVIVORS.read_text(encoding="utf-8")).keys() <= GROUPS.keys()
