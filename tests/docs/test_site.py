"""The site has every page in its navigation and in `llms.txt`, and the reference has every public name, once."""

from __future__ import annotations

import inspect
import pkgutil
import re
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest

import telephony_core
from tests.docs.site import REPOSITORY, ROOT, navigation, page, sources

SITE = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))["project"]
REFERENCE = sorted((ROOT / "docs" / "reference").glob("*.md"))
DOCUMENTED = [name for file in REFERENCE for name in re.findall(r"^::: (\S+)$", file.read_text("utf-8"), re.MULTILINE)]


def test_every_page_has_one_place_in_the_navigation() -> None:
    assert sorted(navigation()) == sorted(sources())


def test_every_page_is_in_llms_txt_once() -> None:
    patterns = [pattern for section in SITE["plugins"]["llmstxt"]["sections"].values() for pattern in section]
    for name in sources():
        # A star stops at no slash there either.
        assert [pattern for pattern in patterns if fnmatch(name, pattern)], name


def test_the_site_is_that_of_the_repository() -> None:
    assert SITE["repo_url"] == REPOSITORY


def test_links_lead_to_the_same_page_on_the_site() -> None:
    files = sources()
    assert "](getting-started.md)" in page("README.md", files)
    assert "[docs/cli.md]: cli.md" in page("getting-started.md", files)
    assert "(../adapters/vox.md)" in page("providers/vox.md", files)
    assert f"]({REPOSITORY}/tree/main/examples/telephony-acme)" in page("adapters.md", files)


def test_a_link_to_nothing_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "page.md").write_text("# Page\n\n[there](nowhere.md)\n", encoding="utf-8")
    monkeypatch.setattr("tests.docs.site.ROOT", tmp_path)
    with pytest.raises(FileNotFoundError, match=r"page\.md: links to nowhere\.md"):
        page("page.md", {"page.md": "page.md"})


def test_the_reference_has_every_public_name_once() -> None:
    public = {f"telephony_core.{name}" for name in telephony_core.__all__}
    errors = {f"telephony_core.{name}" for name in telephony_core.errors.__all__}  # they have a page of their own
    here = [name for name in DOCUMENTED if name in public]
    assert sorted(here) == sorted(public - errors - {"telephony_core.__version__"})
    assert len(DOCUMENTED) == len(set(DOCUMENTED))


@pytest.mark.parametrize("name", DOCUMENTED)
def test_what_the_reference_names_is_explained_with_all_that_it_has(name: str) -> None:
    assert [place for place, what in _parts(name, pkgutil.resolve_name(name)) if not inspect.getdoc(what)] == []


def _parts(name: str, what: Any) -> Iterator[tuple[str, Any]]:
    """What can be called or read of it, with the names that a reader sees."""
    if inspect.ismodule(what):
        home = {key: value for key, value in vars(what).items() if getattr(value, "__module__", "") == what.__name__}
        for each in getattr(what, "__all__", [key for key in home if not key.startswith("_")]):
            yield from _parts(f"{name}.{each}", getattr(what, each))
    elif inspect.isclass(what):
        yield name, what
        for home in what.__mro__:
            for each, value in vars(home).items():
                ours = home.__module__.startswith("telephony_core") and not each.startswith("_")
                if ours and isinstance(value, FunctionType | classmethod | staticmethod | property):
                    yield f"{name}.{each}", getattr(what, each)
    elif inspect.isroutine(what):
        yield name, what


def test_the_site_is_made_by_exact_versions() -> None:
    lines = (ROOT / "requirements-docs.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.]+", line)] == []
    assert {"zensical", "mkdocstrings-python", "griffe", "griffe-pydantic"} <= {line.split("==")[0] for line in lines}
