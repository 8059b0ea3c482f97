"""CONTRIBUTING.md leads to places that exist, and the house keeps its shape."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.house import CONTRIBUTING, ROOT, in_circles, modules_by_folder, shared_names, with_figures

MOST = 13
TEXT = CONTRIBUTING.read_text(encoding="utf-8")
GUIDE = TEXT.split("## Where does my change go")[1].split("### The house in figures")[0]
PATHS = sorted({path for path in re.findall(r"`([\w./<>-]+)`", GUIDE) if "/" in path})
FOLDERS = modules_by_folder(ROOT)


@pytest.mark.parametrize("path", PATHS)
def test_every_place_in_the_guide_exists(path: str) -> None:
    for slug in ("vox", "diga"):
        assert (ROOT / path.replace("<slug>", slug)).exists()


def test_every_folder_of_core_is_on_the_map() -> None:
    unnamed = {folder.name for folder in (ROOT / "telephony_core").iterdir() if (folder / "__init__.py").exists()} - {
        path.split("/")[1] for path in PATHS if path.startswith("telephony_core/")
    }
    assert not unnamed


def test_the_quiz_asks_for_nothing_that_the_examples_show() -> None:
    _, quiz = GUIDE.split("A quiz, ")
    questions, answers = (re.findall(r"^\d+\. .+$", part, re.MULTILINE) for part in quiz.split("<details>"))
    assert len(questions) == len(answers) == 10
    assert len(set(answers)) == 10


@pytest.mark.parametrize("folder", sorted(FOLDERS))
def test_a_folder_has_no_more_modules_than_a_person_reads(folder: str) -> None:
    assert FOLDERS[folder] <= MOST


def test_nothing_lies_loose_at_the_top() -> None:
    top = {file.stem for file in (ROOT / "telephony_core").glob("*.py")}
    assert top == {"__init__", "_version"}


def test_one_name_means_one_class() -> None:
    assert not shared_names(ROOT)


def test_a_name_that_two_classes_have_is_found(tmp_path: Path) -> None:
    (tmp_path / "telephony_core").mkdir()
    for file, names in (("a", ("Kind", "_Row")), ("b", ("Kind", "_Row", "Other"))):
        text = "".join(f"class {name}: ...\n" for name in names)
        (tmp_path / "telephony_core" / f"{file}.py").write_text(text, encoding="utf-8")
    assert shared_names(tmp_path) == {"Kind"}


def test_the_move_of_one_number_is_read_in_an_hour() -> None:
    files = list((ROOT / "telephony_core" / "migration" / "move").glob("*.py"))
    assert len(files) == 4
    assert sum(file.read_text(encoding="utf-8").count("\n") for file in files) < 1000


def test_the_figures_are_written_into_the_last_column() -> None:
    table = with_figures(TEXT).split("<!-- house: ")[1].split("<!-- /house -->")[0]
    rows = [line.split("|")[1:-1] for line in table.splitlines() if line.startswith("| ")][1:]
    assert len(rows) == 10
    assert all(cell.strip() for row in rows for cell in row)


def test_a_circle_is_counted() -> None:
    assert in_circles({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == {"b", "c"}
