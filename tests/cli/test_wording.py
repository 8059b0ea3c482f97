"""The library's words reach a terminal as those of the command line, and a command that is printed can be pasted."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from telephony_core.cli.session import Session, account_of
from telephony_core.cli.wording import pasteable, spoken
from telephony_core.migration.rendering.commands import command

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


def _text(node: ast.expr | None) -> str:
    """A string of the source, with a name that could stand there for everything that is filled in."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(_text(part) or "PUBLISHES" for part in parts)
        case ast.BinOp(left=left, right=right):
            return _text(left) + _text(right)
        case ast.IfExp(body=body, orelse=other):
            return f"{_text(body)} {_text(other)}"
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
                case ast.Assign(targets=[ast.Name(id="remedy")], value=value):
                    pass
            if value is not None and (text := _text(value)):
                yield f"{file.relative_to(ROOT)}:{value.lineno}", text


REMEDIES = dict(_remedies())


def test_there_are_remedies_to_look_at():
    assert len(REMEDIES) > 150
    assert any(PYTHON.search(remedy) for remedy in REMEDIES.values())


@pytest.mark.parametrize("where", REMEDIES)
def test_no_remedy_reaches_the_terminal_in_python(where):
    assert PYTHON.search(spoken(REMEDIES[where])) is None, spoken(REMEDIES[where])


@pytest.mark.parametrize(
    ("said", "here"),
    [
        ("say allow={SideEffect.PUBLISHES} if that is meant", "say --allow publishes if that is meant"),
        ("say allow={SideEffect.PUBLISHES, SideEffect.UNPUBLISHES}", "say --allow publishes --allow unpublishes"),
        ("by its id and allow SideEffect.PUBLISHES, since", "by its id and say --allow publishes, since"),
        ("pass `InboundUpdate(allow_any=True)` if everybody may", "say --allow-any if everybody may"),
        ("pass api_key=, or set TELEPHONY_VOX_API_KEY", "set TELEPHONY_VOX_API_KEY"),
    ],
)
def test_an_argument_is_said_as_an_option(said, here):
    assert spoken(said) == here


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("next: telephony migrate apply p.json", "next: telephony migrate apply p.json --config 'my file'"),
        (
            "see `telephony numbers list`, or `telephony migrate status p`",
            "see `telephony numbers list -p kr --config 'my file'`, or `telephony migrate status p --config 'my file'`",
        ),
        ("`telephony numbers list -p es`", "`telephony numbers list -p es --config 'my file'`"),
        ("`telephony sip check h:5060` tells", "`telephony sip check h:5060` tells"),
        ("`telephony providers vox`", "`telephony providers vox`"),
        ("`telephony migrate apply 'a`b'`", "`telephony migrate apply 'a`b' --config 'my file'`"),
        ("a label telephony migrate", "a label telephony migrate"),
    ],
)
def test_a_command_that_is_printed_leads_where_this_run_worked(text, printed):
    session = Session(config="my file", account=account_of("kr", "vox", "https://api.example"))
    assert pasteable(text, session) == printed
    assert pasteable(printed, session) == printed


def test_without_options_a_command_is_printed_as_it_is():
    assert pasteable("`telephony numbers list`", Session()) == "`telephony numbers list`"


@pytest.mark.parametrize("name", ["plan.json", "a plan.json", "it's.json", "-plan.json", "a`b.json"])
def test_any_name_of_a_plan_stays_one_word(name):
    *_, word = shlex.split(pasteable(f"next: {command('apply', name)}", Session()))
    assert word.removeprefix("./") == name
    assert not word.startswith("-")
