"""What a file is at first sight, so that a wrong one in the right place is named, with the way to the right one."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable
from typing import Final, NamedTuple, TypeVar

from telephony_core.errors import TelephonyError

ErrorT = TypeVar("ErrorT", bound=TelephonyError)


class FileKind(NamedTuple):
    """A kind of file: what people call it, and by what it is known."""

    name: str
    sign: re.Pattern[bytes]


_START: Final = 4096
"""Bytes at the start of a file in which its sign has to be."""

_KINDS: Final = (
    # The first that fits counts; the table comes last, because its sign is the weakest.
    FileKind("a plan", re.compile(rb'\A\s*\{\s*"format":\s*"telephony-core migration plan"')),
    FileKind("an inventory", re.compile(rb'\A\s*\{\s*"format":\s*"telephony-core inventory"')),
    FileKind("a map", re.compile(rb'(?m)^\s*format\s*=\s*"telephony-core migration map"')),
    FileKind("a journal", re.compile(rb"\ASQLite format 3\0")),
    FileKind("a page for a browser", re.compile(rb"(?i)\A\s*<!doctype html")),
    FileKind("a configuration file", re.compile(rb"(?m)^\s*\[connections\.")),
    FileKind("a report that --json printed", re.compile(rb'\A\s*\{\s*"(?:command|plan|file|source)":')),
    FileKind(
        "a table of numbers",
        re.compile(rb'(?i)\A(?:\xef\xbb\xbf)?[^\n{}\[\]#]*\bnumber\b"?[ \t]*(?:[;,\t|][^\n]*)?\r?(?:\n|\Z)'),
    ),
)

_MAKES: Final = {
    ("a map", "a plan"): "`telephony migrate plan INVENTORY --to NAME --map {file} -o plan.json` makes a plan with it",
    ("an inventory", "a plan"): "`telephony migrate plan {file} --to NAME --map MAP -o plan.json` makes a plan of it",
    ("an inventory", "a map"): "`telephony migrate map {file} --to NAME -o map.toml` writes a map for it",
    ("a journal", "a plan"): "name the plan beside it: the same name without .journal",
    (
        "a table of numbers",
        "a plan",
    ): "`telephony numbers import --from {file} -p NAME -o plan.json` plans it",
}
_MADE_BY: Final = {
    "a plan": "`telephony migrate plan` or `telephony numbers set` makes one",
    "an inventory": "`telephony inventory -p NAME -o inventory.json` takes one",
    "a map": "`telephony migrate map INVENTORY --to NAME -o map.toml` writes one",
    "a table of numbers": "a table is CSV or JSON lines, with a column `number`",
    "a configuration file": "a configuration file has tables [connections.NAME]",
    "a list of numbers": "a list names a number on each line",
}


def kind_of(data: bytes) -> str | None:
    """What a file is, in words; ``None`` for what is none of ours."""
    return next((kind.name for kind in _KINDS if kind.sign.search(data[:_START])), None)


def refuse_other_kind(
    path: str | os.PathLike[str], data: bytes, wanted: str, refused: Callable[..., TelephonyError]
) -> None:
    """Raise ``refused`` where a file is of another kind than ``wanted`` ("a plan"): what it is, and what to do."""
    found = kind_of(data)
    if found is not None and found != wanted:
        raise other_kind(path, found, wanted, refused)


def other_kind(path: str | os.PathLike[str], found: str, wanted: str, refused: Callable[..., ErrorT]) -> ErrorT:
    """The error for a file of the kind ``found`` where another one is ``wanted``."""
    file = os.fspath(path)
    remedy = _MAKES.get((found, wanted), _MADE_BY[wanted]).format(file=shlex.quote(file))
    return refused(f"{file} is {found}, and {wanted} is expected here", remedy=remedy)
