"""Values that several commands take: files to read and to write, and amounts."""

from __future__ import annotations

import math
import os
from typing import Any, Final

import click

_STDIN: Final = f"{__name__}.stdin"
"""Where a run keeps which parameter reads stdin."""


class Amount(click.FloatRange):
    """A number within bounds; ``nan``, which is neither below nor above any, is refused."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        amount = super().convert(value, param, ctx)
        if amount is not None and math.isnan(amount):
            self.fail(f"{value} is no number.", param, ctx)
        return amount


class OutputFile(click.Path):
    """A file that is going to be written; ``-`` is stdout."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "-":
            return _standard("stdout", self, param, ctx)
        return super().convert(_named(value, self, param, ctx), param, ctx)


class InputFile(click.Path):
    """A file that is going to be read, by a command that says why where it cannot; ``-`` is stdin, for one of them."""

    def __init__(self, *, because: str | None = None) -> None:
        """``because`` is why this one cannot come from stdin."""
        super().__init__()
        self._because = because

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value != "-":
            return _named(value, self, param, ctx)
        if self._because is not None:
            self.fail(f"stdin cannot be taken here: {self._because}", param, ctx)
        # The first to read would leave nothing for the second.
        if ctx is not None and ctx.meta.setdefault(_STDIN, param) is not param:
            self.fail("stdin is read already: name a file for one of them", param, ctx)
        return _standard("stdin", self, param, ctx)


def _named(value: Any, kind: click.Path, param: click.Parameter | None, ctx: click.Context | None) -> Any:
    """The name of a file, which is not empty: a variable of the shell may be, and would mean the folder."""
    if not value:
        kind.fail("an empty name names no file; perhaps a variable of the shell is not set.", param, ctx)
    return value


def _standard(stream: str, kind: click.Path, param: click.Parameter | None, ctx: click.Context | None) -> str:
    """The path by which this machine knows one of its standard streams."""
    # A path, so that everything behind it treats it as any other file.
    path = f"/dev/{stream}"
    if not os.path.exists(path):
        kind.fail(f"{stream} has no name on this machine: name a file.", param, ctx)
    return path
