"""Every code block of the documentation runs, every link leads somewhere, and the matrix is fresh."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys
import tomllib
import traceback
from pathlib import Path

import pytest

from telephony_core.errors import DOCUMENTATION, NotFound
from tests.docs.blocks import BLOCK, blocks
from tests.docs.error_page import PAGE as ERRORS
from tests.docs.error_page import kinds, page
from tests.docs.matrix import README, with_matrix
from tests.docs.provider_pages import FOLDER, pages
from tests.docs.site import REPOSITORY

ROOT = README.parent
PAGES = [
    README,
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "adapters").glob("*/README.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
LINK = re.compile(r"(?:\]\(|^\[[^\]]+\]: )([^)#\s]+)(?:#[^)\s]*)?", re.MULTILINE)
# What a shell block may hold that `make wheel` tries, where the README is run from top to bottom.
NOT_HERE = ("export ", "make ", "pip install", "telephony demo", "telephony emulate")


@pytest.mark.usefixtures("online")
def test_every_python_block_of_the_readme_runs() -> None:
    for code in blocks(README, "python"):  # each is a program by itself
        exec(compile(code, "README.md", "exec"), {"__name__": "readme"})


@pytest.mark.usefixtures("online")
def test_every_command_of_the_readme_runs(tmp_path: Path) -> None:
    commands = [line.split("  #")[0] for code in blocks(README, "sh") for line in code.splitlines() if line.strip()]
    here = [command for command in commands if not command.startswith(NOT_HERE)]
    assert len(here) >= 5
    for command in here:
        program, *arguments = shlex.split(command)
        assert program == "telephony"
        installed = Path(sys.executable).with_name(program)
        done = subprocess.run([installed, *arguments], capture_output=True, text=True, check=False, cwd=tmp_path)
        assert done.returncode == 0, f"{command}\n{done.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_name_that_a_python_block_imports_exists(page: Path) -> None:
    for code in blocks(page, "python"):
        imports = [node for node in ast.parse(code).body if isinstance(node, ast.Import | ast.ImportFrom)]
        exec(compile(ast.Module(imports, []), page.name, "exec"), {})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if target.startswith(f"{REPOSITORY}/blob/main/"):
            assert (ROOT / target.removeprefix(f"{REPOSITORY}/blob/main/")).exists(), target
        elif not re.match(r"[a-z]+:", target):
            assert (page.parent / target).exists(), target


def test_every_link_of_the_readme_leads_somewhere_from_a_package_index_too() -> None:
    targets = LINK.findall(README.read_text(encoding="utf-8"))
    assert len(targets) > 10
    assert [target for target in targets if not target.startswith(f"{REPOSITORY}/blob/main/")] == []


def test_every_shorthand_of_a_link_in_the_readme_is_defined() -> None:
    text = re.sub(BLOCK, "", README.read_text(encoding="utf-8"))
    used = re.findall(r"(?<![`\]\w])\[([^\]\[`]+)\](?![(:\w])", text)
    defined = re.findall(r"^\[([^\]]+)\]: ", text, re.MULTILINE)
    assert set(used) == set(defined)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_test_that_is_named_exists(page: Path) -> None:
    for named in re.findall(r"`([^`\s]*\btest_\w+\.py)`", page.read_text(encoding="utf-8")):
        assert (ROOT / named).exists(), named


def test_every_promise_against_a_vendor_that_errs_names_its_test() -> None:
    tables = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8").split("| shown by |\n|---|---|---|\n")[1:]
    rows = [line for table in tables for line in table.split("\n\n")[0].splitlines()]
    assert len(rows) > 40
    for row in rows:
        assert re.search(r"`tests/[^`]+\.py`[^|]*\|$|\| the same[^|]*\|$", row), row


def test_the_readme_names_every_extra() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    table = README.read_text(encoding="utf-8").split("\n## Extras\n")[1].split("\n## ")[0]
    assert re.findall(r"^\| `([\w-]+)` \|", table, re.MULTILINE) == list(extras)


def test_the_matrix_is_fresh() -> None:
    text = README.read_text(encoding="utf-8")
    assert "| operations: list |" in text
    assert with_matrix(text) == text


def test_the_pages_of_the_providers_are_fresh() -> None:
    written = {file: file.read_text(encoding="utf-8") for file in FOLDER.glob("*.md")}
    assert written == pages()


def test_the_page_of_the_errors_is_fresh() -> None:
    assert ERRORS.read_text(encoding="utf-8") == page()


def test_every_error_leads_to_its_section() -> None:
    sections = set(re.findall(r"^## (\w+)$", ERRORS.read_text(encoding="utf-8"), re.MULTILINE))
    assert f"{REPOSITORY}/blob/main/docs/{ERRORS.name}" == DOCUMENTATION
    assert sections == {kind.__name__ for kind in kinds()}

    class Ours(NotFound): ...  # an adapter's own kind

    assert Ours("gone").documentation == f"{DOCUMENTATION}#notfound"
    assert f"see {DOCUMENTATION}#notfound" in "".join(traceback.format_exception(Ours("gone")))


def test_every_error_says_what_to_do() -> None:
    text = ERRORS.read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))
    kinds_of_kinds = {"TelephonyError"}  # what one does about it stands at each kind
    assert [
        name for name, section in sections.items() if "**Remedy:** " not in section and name not in kinds_of_kinds
    ] == []


def test_the_readme_shows_the_table_of_errors_that_exist() -> None:
    from telephony_core import errors

    table = README.read_text(encoding="utf-8").split("## When it goes wrong")[1].split("```")[0]
    named = re.findall(r"^\| (`[^|]*`) \|", table, re.MULTILINE)
    for row in named:
        for name in re.findall(r"`(\w+)`", row):
            assert name in errors.__all__
