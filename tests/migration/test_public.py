"""What the package exports: all of it is there, typed and at run time alike, and no HTTP library is loaded."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from telephony_core import migration


@pytest.mark.parametrize("name", migration.__all__)
def test_every_exported_name_is_there(name: str) -> None:
    assert getattr(migration, name).__doc__


def test_type_checkers_see_the_same_names() -> None:
    tree = ast.parse(Path(str(migration.__file__)).read_text(encoding="utf-8"))
    imported = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("telephony_core.")
        for alias in node.names
    }
    assert imported == set(migration.__all__)


def test_no_function_is_hidden_by_the_module_it_is_in() -> None:
    modules = {path.stem for path in Path(str(migration.__file__)).parent.iterdir()}
    assert modules.isdisjoint(migration.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        _ = migration.nonsense


def test_reading_a_plan_loads_no_client_and_no_extra() -> None:
    program = "import sys; from telephony_core.migration import load_plan; print(*sys.modules)"
    # Measuring coverage in the new process would import what is looked for.
    quiet = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=quiet)
    loaded = set(ran.stdout.split())
    assert loaded.isdisjoint({"httpx", "telephony_core.client", "click", "jinja2", "rich"})
