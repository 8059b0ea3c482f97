"""Put the pages of the documentation site together in ``build/docs``: ``python -m tests.docs.site``.

The pages stand where a reader of the repository finds them, and link each other by paths of the repository. The site
has them all in one folder: links between pages follow them there, and links to anything else lead to the forge.
"""

from __future__ import annotations

import posixpath
import re
import shutil
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SITE = ROOT / "build" / "docs"
REPOSITORY: str = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]["Repository"]
FENCE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"(?P<before>\]\(|^\[[^\]]+\]: )(?P<target>[^)#\s]*)(?P<rest>#[^)\s]*)?", re.MULTILINE)


def sources() -> dict[str, str]:
    """Each page of the site, and the file of the repository that it is."""
    docs = {path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md")}
    adapters = {path.relative_to(ROOT).as_posix() for path in (ROOT / "adapters").glob("*/README.md")}
    return {
        **{path.removeprefix("docs/"): path for path in docs},
        **{path.replace("/README.md", ".md"): path for path in adapters},
        "getting-started.md": "README.md",
        "contributing.md": "CONTRIBUTING.md",
        "changelog.md": "CHANGELOG.md",
        "security.md": "SECURITY.md",
    }


def navigation() -> list[str]:
    """The pages that the site's navigation names, in its order."""
    nav = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))["project"]["nav"]
    return list(_pages(nav))


def _pages(entry: Any) -> list[str]:
    match entry:
        case str():
            return [entry]
        case dict():
            return [page for each in entry.values() for page in _pages(each)]
        case _:
            return [page for each in entry for page in _pages(each)]


def page(name: str, files: dict[str, str]) -> str:
    """A page as the site has it. A relative link to nothing is a `FileNotFoundError`."""
    source = files[name]
    names = {file: page for page, file in files.items()}

    def linked(found: re.Match[str]) -> str:
        target = found["target"]
        if target.startswith(f"{REPOSITORY}/blob/main/"):
            path = target.removeprefix(f"{REPOSITORY}/blob/main/")
        elif not target or re.match(r"[a-z]+:", target):
            return found[0]
        else:
            path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        if not (ROOT / path).exists():
            raise FileNotFoundError(f"{source}: links to {target}, which is not there")
        if path in names:
            there = posixpath.relpath(names[path], posixpath.dirname(name) or ".")
        elif path.startswith("docs/") and (ROOT / path).is_file():
            there = posixpath.relpath(path.removeprefix("docs/"), posixpath.dirname(name) or ".")
        else:
            there = f"{REPOSITORY}/{'tree' if (ROOT / path).is_dir() else 'blob'}/main/{path}"
        return f"{found['before']}{there}{found['rest'] or ''}"

    text = (ROOT / source).read_text(encoding="utf-8")
    prose = FENCE.split(text)
    code = [*FENCE.findall(text), ""]
    return "".join(LINK.sub(linked, part) + block for part, block in zip(prose, code, strict=True))


def main() -> None:
    shutil.rmtree(SITE, ignore_errors=True)
    shutil.copytree(ROOT / "docs", SITE)
    files = sources()
    for name in files:
        (SITE / name).parent.mkdir(parents=True, exist_ok=True)
        (SITE / name).write_text(page(name, files), encoding="utf-8")


if __name__ == "__main__":
    main()
