"""What to do next, in the words of whoever reads it: a program's author, or a person at the command line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self


class Remedy(str):
    """What to do next: the text itself for programs, ``cli`` for people at the command line.

    >>> Remedy("pass `allow_any=True`", cli="say --allow-any").cli
    'say --allow-any'
    """

    cli: str

    def __new__(cls, text: str, *, cli: str) -> Self:
        made = super().__new__(cls, text)
        made.cli = cli
        return made

    # Pickling and copying a str calls `__new__` with the text alone.
    def __getnewargs_ex__(self) -> tuple[tuple[str], dict[str, str]]:
        return (str(self),), {"cli": self.cli}


def cli_words(text: str | None) -> str | None:
    """A remedy as the command line says it; any other text as it is."""
    return text.cli if isinstance(text, Remedy) else text


def joined(remedies: Iterable[str]) -> str | None:
    """Several remedies as one, each of them once; ``None`` for none."""
    each = list(dict.fromkeys(remedies))
    text, cli = "; ".join(each), "; ".join(cli_words(one) or "" for one in each)
    return (text if text == cli else Remedy(text, cli=cli)) or None
