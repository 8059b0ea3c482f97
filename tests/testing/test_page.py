"""The page on testing: each of its blocks is a file of tests that passes, and its tables are complete."""

from __future__ import annotations

import re
from pathlib import Path

from telephony_core.emulator import FaultKind
from tests.testing.projects import passed, pytest_in

PAGE = (Path(__file__).parents[2] / "docs" / "testing.md").read_text(encoding="utf-8")


def test_each_block_is_a_file_of_tests_that_passes(tmp_path: Path) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    assert len(blocks) == PAGE.count("```") / 2
    tests = sum(len(re.findall(r"^def test_", block, re.MULTILINE)) for block in blocks)
    files = {f"test_{number}.py": block for number, block in enumerate(blocks)}
    assert passed(pytest_in(tmp_path, files)) == tests > 7


def test_every_kind_of_fault_is_in_the_table() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", PAGE.split("<!-- faults")[1], re.MULTILINE)
    assert rows == list(FaultKind)
