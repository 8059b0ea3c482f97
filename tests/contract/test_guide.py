"""The guide to writing an adapter shows parts of the example as they are, and programs that run."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "telephony-acme"
GUIDE = ROOT / "docs" / "adapters.md"
BLOCKS = re.findall(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', GUIDE.read_text(encoding="utf-8"), re.M | re.S)
EXCERPTS = [(file, text) for _, file, text in BLOCKS if file]
PROGRAMS = [text for language, file, text in BLOCKS if language == "python" and not file]


@pytest.mark.parametrize(("file", "text"), EXCERPTS, ids=[file for file, _ in EXCERPTS])
def test_a_block_with_a_file_name_is_a_part_of_that_file(file: str, text: str) -> None:
    assert text in (EXAMPLE / file).read_text(encoding="utf-8")


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_block_without_one_runs(program: str) -> None:
    exec(compile(dedent(program), GUIDE.name, "exec"), {})


def test_every_block_is_one_or_the_other() -> None:
    assert len(EXCERPTS) + len(PROGRAMS) == len(BLOCKS) == GUIDE.read_text(encoding="utf-8").count("```") / 2


def test_what_the_readme_names_in_code_exists() -> None:
    readme = "".join(file.read_text(encoding="utf-8") for file in (EXAMPLE / "README.md", GUIDE))
    files = {path.name for path in EXAMPLE.rglob("*.py")}
    assert {name.rpartition("/")[2] for name in re.findall(r"`([\w/]+\.py)`", readme)} <= files
    assert "AcmeProvider.find" in readme
    adapter, mapping = ((EXAMPLE / "telephony_acme" / name).read_text() for name in ("adapter.py", "mapping.py"))
    assert all(f"def {name}(" in adapter for name in re.findall(r"AcmeProvider\.(\w+)", readme))
    assert all(f"def {name}(" in mapping for name in re.findall(r"mapping\.(\w+)`", readme) if name != "py")
