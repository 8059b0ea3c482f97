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
from telephony_core.accounts.connections import ReadableByOthers
from tests.reliability.figures import figures

ROOT = Path(__file__).parents[2]
FOLDERS = ("telephony_core", "adapters", "examples")
SHIPPED = sorted(
    file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py") if "tests" not in file.relative_to(ROOT).parts
)
NEVER_CALLED = {"eval", "exec", "compile", "__import__", "os.system", "os.popen", "tempfile.mktemp", "yaml.load"}
NEVER_IMPORTED = {"pickle", "cPickle", "marshal", "shelve", "dill", "yaml", "telnetlib", "ftplib", "xml", "ctypes"}
NEVER_SAID = {"verify": False, "shell": True, "allow_redirects": True, "follow_redirects": True}
"""Keyword arguments, by the value that they must not have."""
TRUSTS_ANY_CERTIFICATE = {
    "telephony_core/sip_check/network/certificate.py"
}  # to show the one that is not trusted; sends nothing
QUIETED = {
    ("telephony_core/provider/capabilities.py", "S105"): "the name of a field",
    ("telephony_core/migration/rendering/pages.py", "S704"): "markup of a template of ours",
    ("telephony_core/sip_check/report.py", "S105"): "a verdict",
    ("telephony_core/testing/contract/declaration.py", "S603"): "this Python, with a program of ours",
    ("examples/demo/shell.py", "S603"): "this Python, with a module of ours and arguments of ours",
    ("examples/number-service/test_service.py", "S101"): "asserting is what tests do",
    ("examples/telephony-acme/tests/test_adapter.py", "S101"): "asserting is what tests do",
}
"""Every security rule that is quieted in the shipped code, with the reason that was found good."""


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
    blind = re.search(r"CERT_NONE|_create_unverified_context", file.read_text(encoding="utf-8"))
    assert (blind is not None) is (str(file.relative_to(ROOT)) in TRUSTS_ANY_CERTIFICATE)
    figures.count(9, "shipped files searched")


def test_every_security_rule_that_is_quieted_was_reviewed() -> None:
    found = set()
    for file in sorted(file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py")):
        for rules in re.findall(r"#\s*(?:ruff:\s*)?noqa(?::\s*([A-Z0-9, ]+))?", file.read_text(encoding="utf-8")):
            assert rules, f"{file} quiets every rule at once"
            named = re.findall(r"\bS\d+\b", rules)
            found |= {(str(file.relative_to(ROOT)), rule) for rule in named}
    assert found == set(QUIETED)
    figures.measure(9, "security rules quieted, each with its reason", str(len(QUIETED)))


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
