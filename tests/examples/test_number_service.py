"""The example of a service with tests: they pass in its folder, over the plugin that pytest finds."""

from __future__ import annotations

from pathlib import Path

from tests.testing.projects import passed, pytest_in

FOLDER = Path(__file__).parents[2] / "examples" / "number-service"


def test_its_own_tests_pass() -> None:
    assert passed(pytest_in(FOLDER, {})) == 6


def test_the_page_on_applications_shows_this_program() -> None:
    page = (FOLDER.parents[1] / "docs" / "how-to" / "fastapi.md").read_text(encoding="utf-8")
    assert f"```python\n{(FOLDER / 'service.py').read_text(encoding='utf-8')}```\n" in page
