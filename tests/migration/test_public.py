"""What the package exports: all of it is there, typed and at run time alike, and nothing is loaded before its time."""

from __future__ import annotations

import ast
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
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("telephony_core.migration.")
        for alias in node.names
    }
    assert imported == set(migration.__all__)


def test_no_function_is_hidden_by_the_module_it_is_in() -> None:
    modules = {path.stem for path in Path(str(migration.__file__)).parent.iterdir()}
    assert modules.isdisjoint(migration.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        _ = migration.nonsense
