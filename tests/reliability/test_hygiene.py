"""Hygiene of the shipped code: nothing in it runs what it reads, trusts what it must not, or quiets a security rule.

ruff's security rules are on for all of it (`make lint`); this looks at what a rule can be talked out of.
"""

from __future__ import annotations

import ast
import os
import re
import tomllib
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from telephony_core import Connections
from telephony_core.connections import ReadableByOthers

ROOT = Path(__file__).parents[2]
SHIPPED = sorted(
    file
    for folder in ("telephony_core", "adapters", "examples")
    for file in (ROOT / folder).rglob("*.py")
    if "tests" not in file.relative_to(ROOT).parts
)
NEVER_CALLED = {"eval", "exec", "compile", "__import__", "os.system", "os.popen", "tempfile.mktemp", "yaml.load"}
NEVER_IMPORTED = {"pickle", "cPickle", "marshal", "shelve", "dill", "yaml", "telnetlib", "ftplib", "xml", "ctypes"}
NEVER_SAID = {
    "verify": False,
    "shell": True,
    "check_hostname": False,
    "allow_redirects": True,
    "follow_redirects": True,
}
"""Keyword arguments, by the value that they must not have."""


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield (node.module or "").split(".")[0]


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: str(file.relative_to(ROOT)))
def test_nothing_shipped_runs_what_it_reads_or_trusts_blindly(file: Path) -> None:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    assert not {name for name, _ in calls(tree)} & NEVER_CALLED
    assert not set(imports(tree)) & NEVER_IMPORTED
    said = {
        keyword.arg
        for _, call in calls(tree)
        for keyword in call.keywords
        if keyword.arg in NEVER_SAID
        and isinstance(keyword.value, ast.Constant)
        and keyword.value.value is NEVER_SAID[keyword.arg]
    }
    assert not said
    assert not re.search(r"CERT_NONE|_create_unverified_context", file.read_text(encoding="utf-8"))


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_security_rule_that_is_quieted_in_a_line_says_why(file: Path) -> None:
    for line in file.read_text(encoding="utf-8").splitlines():
        quieted = re.search(r"#\s*noqa(?::\s*(?P<rules>[A-Z0-9, ]+))?(?P<why>.*)", line)
        if quieted is None:
            continue
        assert quieted["rules"], f"every rule at once is quieted: {line.strip()}"
        if re.search(r"\bS\d", quieted["rules"]):
            assert re.search(r"-\s*\w", quieted["why"]), f"why? {line.strip()}"


def test_ruffs_security_rules_are_on_and_loosened_only_where_it_is_said_why() -> None:
    lint = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["ruff"]["lint"]
    assert "S" in lint["select"]
    assert not [rule for rule in lint["ignore"] if rule.startswith("S") and rule[1:].isdigit()]
    loosened = {
        folder: sorted(rule for rule in rules if re.fullmatch(r"S\d*", rule))
        for folder, rules in lint["per-file-ignores"].items()
    }
    assert {folder: rules for folder, rules in loosened.items() if rules} == {
        "tests/**": ["S"],
        "telephony_core/testing/**": ["S101", "S105", "S106"],  # asserting is the job of the contract kit
        "examples/**": ["S105", "S106"],  # their passwords are made up
        "**/emulator*": ["S105", "S106", "S311"],
        "telephony_core/transport/**": ["S113", "S311"],  # jitter is no secret, the time-out is each request's own
    }


@pytest.mark.skipif(os.name != "posix", reason="other systems have no mode bits")
@pytest.mark.parametrize(
    ("mode", "key", "warned"),
    [
        (0o600, '"a-key"', False),
        (0o640, '"a-key"', True),
        (0o604, '"a-key"', True),
        (0o644, '"env:KEY"', False),
        (0o644, '"file:/run/secrets/key"', False),
        (0o644, '"prompt:"', False),
    ],
)
def test_a_configuration_with_a_key_in_it_that_others_can_read_draws_a_warning(mode, key, warned, tmp_path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(f'[connections.kr]\nprovider = "vox"\napi_key = {key}\n')
    file.chmod(mode)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        Connections.load(file)
    assert [warning.category for warning in caught] == [ReadableByOthers] * warned
    assert not [warning for warning in caught if "a-key" in str(warning.message)]
