"""Product code touches no private part of another library: a release of theirs could take it away without a word."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = [
    file
    for folder in (
        *("telephony_core", "adapters/vox/telephony_vox", "adapters/diga/telephony_diga"),
        "adapters/elevenlabs/telephony_elevenlabs",
        "adapters/retell/telephony_retell",
    )
    for file in sorted((ROOT / folder).rglob("*.py"))
]
OWN_PACKAGES = ("telephony_core", "telephony_vox", "telephony_diga", "telephony_elevenlabs", "telephony_retell")

# A private name may be touched on an object of ours only, and where it is defined: in the same file.
ALLOWED = {
    # Documented by Python under these names.
    ("telephony_core/cli/exit_codes.py", "_value_"),
    ("telephony_core/migration/plan/allowances.py", "_value_"),
    ("telephony_core/provider/capabilities.py", "_value_"),
    ("telephony_core/cli/signals.py", "_exit"),
    ("telephony_core/cli/__init__.py", "_exit"),
}


def own_names(tree: ast.Module) -> set[str]:
    """Private names that this file defines itself: functions, classes, variables, attributes of ``self``."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and _is_self(node.value):
            names.add(node.attr)
    return names


def _is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in ("self", "cls")


def _is_super(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "super"


def _is_private(name: str) -> bool:
    return name.startswith("_") and not (name.startswith("__") and name.endswith("__"))


def touched(text: str) -> Iterator[tuple[int, str]]:
    """Lines and names of private parts that are not this file's own."""
    tree = ast.parse(text)
    own = own_names(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and _is_private(node.attr):
            ours = _is_self(node.value) or _is_super(node.value) or node.attr in own
            if not ours:
                yield node.lineno, node.attr
        elif isinstance(node, ast.ImportFrom):
            foreign = (node.module or "").partition(".")[0] not in OWN_PACKAGES
            steps = (node.module or "").split(".")
            if foreign and node.module != "__future__":
                for name in [*steps, *(alias.name for alias in node.names)]:
                    if _is_private(name):
                        yield node.lineno, name
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if any(_is_private(step) for step in alias.name.split(".")):
                    yield node.lineno, alias.name
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in ("getattr", "setattr", "hasattr", "delattr")
            and len(node.args) > 1
            and isinstance(node.args[1], ast.Constant)
            and isinstance(node.args[1].value, str)
            and _is_private(node.args[1].value)
            and node.args[1].value not in own
            and not _is_self(node.args[0])
        ):
            yield node.lineno, node.args[1].value


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_private_part_of_another_library_is_touched(file: Path):
    place = file.relative_to(ROOT).as_posix()
    found = [(line, name) for line, name in touched(file.read_text(encoding="utf-8")) if (place, name) not in ALLOWED]
    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        "pool._network_backend = 1",
        "self._client._transport",
        "reader._buffer[0]",
        "getattr(connection, '_h11_state', None)",
        "setattr(pool, '_pool', 1)",
        "from httpx._transports import default",
        "import httpx._config",
        "from urllib3.connection import _url_from_connection",
        "lane.transport._pool.create_connection(1)",
    ],
)
def test_what_would_be_found(text: str):
    assert list(touched(text))


@pytest.mark.parametrize(
    "text",
    [
        "class A:\n    def f(self, other):\n        self._x = 1\n        return other._x",
        "self._client.send()",
        "super()._finish()",
        "type.__setattr__(a, 'b', 1)",
        "from telephony_core._version import __version__",
        "def _helper(): ...\nmodule._helper",
    ],
)
def test_what_is_our_own_is_not(text: str):
    assert not list(touched(text))
