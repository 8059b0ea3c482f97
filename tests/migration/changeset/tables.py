"""A file with a table in it, the plan that comes of it, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from telephony_core.migration.assessment.target import TargetAccount
from telephony_core.migration.changeset.import_planner import plan_imports
from telephony_core.migration.changeset.table import TableRefused, read_table
from telephony_core.migration.plan.model import Plan

HEAD = "number,label,address,allowed_addresses"
REST = "pbx.example.com,203.0.113.7"


def table(folder: Path, text: str | bytes, name: str = "numbers.csv") -> Path:
    file = folder / name
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return file


def planned(account: TargetAccount, file: Path) -> Plan:
    return plan_imports(account, read_table(file))


def refused(account: TargetAccount, file: Path) -> TableRefused:
    with pytest.raises(TableRefused) as raised:
        planned(account, file)
    return raised.value


def problems(account: TargetAccount, file: Path) -> list[tuple[int, str | None, str]]:
    return [(problem.line, problem.column, problem.message) for problem in refused(account, file).row_problems]
