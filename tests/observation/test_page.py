"""The page on logging and tracing: its programs run, and its tables name what there is."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from telephony_core import OperationEvent, Outcome, RequestEvent

PAGE = (Path(__file__).parents[2] / "docs" / "logging-and-tracing.md").read_text(encoding="utf-8")
PROGRAMS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("program", PROGRAMS)
def test_its_programs_run(program: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for line in re.findall(r"^# (INFO:.*)…$", program, re.MULTILINE):
        assert line in done.stderr


def test_its_programs_are_all_of_its_blocks() -> None:
    assert len(PROGRAMS) == PAGE.count("```") / 2 == 3


def test_every_fact_is_in_the_table() -> None:
    rows = set(re.findall(r"^\| `telephony_(\w+)` \|", PAGE, re.MULTILINE))
    assert rows == {field.name for kind in (RequestEvent, OperationEvent) for field in fields(kind)} | {"waited"}


def test_every_outcome_is_named() -> None:
    (row,) = re.findall(r"^\| `telephony_outcome` \|.*$", PAGE, re.MULTILINE)
    assert re.findall(r"`(\w+)`", row)[1:] == list(Outcome)


def test_every_attribute_and_metric_is_named() -> None:
    source = (Path(__file__).parents[2] / "telephony_core/observation/otel.py").read_text(encoding="utf-8")
    used = set(re.findall(r'"((?:telephony|http|url|server|error)\.[a-z._]+)"', source))
    assert used == set(re.findall(r"`((?:telephony|http|url|server|error)\.[a-z._]+)`", PAGE))
