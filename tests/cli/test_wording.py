"""What people read: remedies in the words of the command line, and no word that has to be read twice."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = [
    file
    for folder in ("telephony_core", "adapters")
    for file in sorted((ROOT / folder).rglob("*.py"))
    # Written to programmers only: no command leads there.
    if not {"testing", "sip_check", "emulator", "transport", "tests", "flow.py"} & set(file.parts)
]
PYTHON = re.compile(
    r"`[\w.]+\(|[a-z_]+=(?:[A-Z{,]|$|\s)|\b[A-Z]\w+\.[A-Z_]+\b|\b(?:None|True|False)\b|\b(?:PUBLISHED|DRAFT)\b"
)
"""A call, a keyword argument, a constant: nothing of that can be typed at the command line."""


def _text(node: ast.expr | None) -> str:
    """The text of a node as the command line shows it, with a name for whatever is filled in at run time."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(_text(part) or "PUBLISHES" for part in parts)
        case ast.BinOp(left=left, right=right):
            return _text(left) + _text(right)
        case ast.IfExp(body=body, orelse=other):
            return f"{_text(body)} {_text(other)}"
        case ast.Call(func=ast.Name(id="Remedy"), keywords=[ast.keyword(arg="cli", value=words)]):
            return _text(words)
        case _:
            return ""


def _remedies() -> Iterator[tuple[str, str]]:
    for file in SOURCES:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            value: ast.expr | None = None
            match node:
                case ast.keyword(arg="remedy", value=value):
                    pass
                case ast.AnnAssign(target=ast.Name(id="default_remedy"), value=value):
                    pass
                case ast.Assign(targets=[ast.Name(id="remedy") | ast.Attribute(attr="remedy")], value=value):
                    pass
                case ast.Call(func=ast.Name(id="Remedy")):
                    value = node
            if value is not None and (text := _text(value)):
                yield f"{file.relative_to(ROOT)}:{value.lineno}", text


def test_no_remedy_reaches_the_terminal_in_python():
    assert PYTHON.search("say allow={SideEffect.PUBLISHES} if that is meant")
    remedies = list(_remedies())
    assert len(remedies) > 150
    assert [(where, text) for where, text in remedies if PYTHON.search(text)] == []


# -- words

PUZZLING = re.compile(
    r"\b(?:(?:give|gives|gave|given|giving) up|off the air|mend(?:s|ed|ing)?|told|(?<!-)stands?(?!-in))\b", re.I
)
"""Say *release*, *unpublished*, *correct*, *returned* or *said*, and where something is."""
PROGRAMS = [file for folder in ("telephony_core", "adapters") for file in sorted((ROOT / folder).rglob("*.py"))]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "telephony_core").rglob("*.html"))]


def _texts(file: Path) -> Iterator[str]:
    """The texts of a program, without docstrings."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    described = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in described:
            yield node.value


def _puzzling(texts: Iterable[str]) -> list[str]:
    return [text for text in texts if PUZZLING.search(text)]


def test_no_message_has_a_word_to_puzzle_over():
    assert _puzzling(["it is off the air"])
    assert len(PROGRAMS) > 200
    found = {str(file.relative_to(ROOT)): _puzzling(_texts(file)) for file in PROGRAMS}
    assert {file: texts for file, texts in found.items() if texts} == {}


def test_no_page_has_a_word_to_puzzle_over():
    assert len(PAGES) > 10
    found = {str(page.relative_to(ROOT)): _puzzling(page.read_text(encoding="utf-8").splitlines()) for page in PAGES}
    assert {page: lines for page, lines in found.items() if lines} == {}
