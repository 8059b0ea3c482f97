"""The figures of the house: ``python -m tests.docs.house`` writes those of today into CONTRIBUTING.md.

``python -m tests.docs.house REVISION`` prints those of a git revision instead.
"""

from __future__ import annotations

import ast
import io
import re
import subprocess
import sys
import tarfile
import tempfile
import tokenize
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
ROW = re.compile(r"^\| (?P<what>[^|\n]+) \| (?P<before>[^|\n]+) \| [^|\n]*\|$", re.MULTILINE)
BETWEEN = re.compile(r"(<!-- house: [^\n]* -->\n)(.*?)(<!-- /house -->)", re.DOTALL)
NO_MODULES = ("__init__.py", "__main__.py")


def product(root: Path) -> list[Path]:
    """The Python files that are delivered: core and our adapters."""
    return sorted([*(root / "telephony_core").rglob("*.py"), *root.glob("adapters/*/telephony_*/**/*.py")])


def modules_by_folder(root: Path) -> Counter[str]:
    """How many modules each folder of the product holds, `NO_MODULES` not counted."""
    files = [file for file in product(root) if file.name not in NO_MODULES]
    return Counter(str(file.parent.relative_to(root)) for file in files)


def figures(root: Path) -> dict[str, str]:
    files = product(root)
    sources = {file: file.read_text(encoding="utf-8") for file in files}
    trees = {file: ast.parse(source) for file, source in sources.items()}
    folders = modules_by_folder(root)
    lines = {file: source.count("\n") for file, source in sources.items()}
    functions = {
        f"`{node.name}`": (node.end_lineno or 0) - node.lineno + 1
        for tree in trees.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    circular = in_circles(imports(root, trees))
    comments = sum(map(_comments, sources.values()))
    return {
        "lines": f"{sum(lines.values()):,}",
        "files": f"{len(files)}",
        "folders": f"{len(folders)}",
        "most modules in a folder": _most(folders),
        "loose modules at the top": f"{folders['telephony_core']}",
        "modules in circles of imports": f"{len(circular)}",
        "public classes of core with the name of another one": f"{len(shared_names(root))}",
        "largest file, lines": _most({f"`{file.name}`": count for file, count in lines.items()}),
        "largest function, lines": _most(functions),
        "comments a hundred lines": f"{100 * comments / sum(lines.values()):.1f}",
    }


def shared_names(root: Path) -> set[str]:
    """Names without an underscore that more than one class of core has."""
    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in (root / "telephony_core").rglob("*.py")]
    names = Counter(node.name for tree in trees for node in tree.body if isinstance(node, ast.ClassDef))
    return {name for name, count in names.items() if count > 1 and not name.startswith("_")}


def _most(counts: dict[str, int]) -> str:
    name = max(counts, key=lambda name: counts[name])
    return f"{counts[name]} ({name})"


def _comments(source: str) -> int:
    """Comments that say something: not directives to tools, not headings."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    texts = (token.string for token in tokens if token.type == tokenize.COMMENT)
    return sum(1 for text in texts if not re.match(r"# (noqa|type:|pragma|fmt:|--)", text))


def imports(root: Path, trees: dict[Path, ast.Module]) -> dict[str, set[str]]:
    """What each module imports of the others, inside functions too, but for types alone."""
    names = {}
    for file in trees:
        package = next(parent for parent in file.parents if parent.name.startswith("telephony_") and parent != root)
        while package.parent.name.startswith("telephony_") and package.parent != root:
            package = package.parent
        parts = file.relative_to(package.parent).with_suffix("").parts
        names[file] = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    known = set(names.values())
    found: dict[str, set[str]] = {name: set() for name in known}
    for file, tree in trees.items():
        for module, imported in _imported(tree):
            full = {f"{module}.{name}" for name in imported}
            found[names[file]] |= (full & known) or ({module} & known)
    return {name: others - {name} for name, others in found.items()}


def _imported(node: ast.AST) -> Iterator[tuple[str, list[str]]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            continue
        if isinstance(child, ast.ImportFrom) and child.module:
            yield child.module, [alias.name for alias in child.names]
        elif isinstance(child, ast.Import):
            yield from ((alias.name, []) for alias in child.names)
        yield from _imported(child)


def in_circles(graph: dict[str, set[str]]) -> set[str]:
    """The modules that import themselves over others."""

    def reachable(start: str) -> set[str]:
        seen: set[str] = set()
        left = list(graph[start])
        while left:
            name = left.pop()
            if name not in seen:
                seen.add(name)
                left += graph[name]
        return seen

    return {name for name in graph if name in reachable(name)}


def with_figures(text: str) -> str:
    """The page, with the last column of its table measured anew."""
    now = figures(ROOT)

    def row(found: re.Match[str]) -> str:
        what = found["what"]
        return f"| {what} | {found['before']} | {now[what]} |" if what in now else found[0]

    return BETWEEN.sub(lambda found: found[1] + ROW.sub(row, found[2]) + found[3], text)


def main() -> None:
    if len(sys.argv) > 1:
        packed = subprocess.run(["git", "archive", sys.argv[1]], cwd=ROOT, capture_output=True, check=True).stdout
        with tempfile.TemporaryDirectory() as folder, tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            archive.extractall(folder, filter="data")
            for what, figure in figures(Path(folder)).items():
                print(f"{what}: {figure}")
    else:
        CONTRIBUTING.write_text(with_figures(CONTRIBUTING.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
