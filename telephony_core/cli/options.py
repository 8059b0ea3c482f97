"""Options that every command takes, before or after its name, and the groups that pass them on."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Concatenate, Final, ParamSpec, TypeVar

import click

from telephony_core.cli.session import Session

P = ParamSpec("P")
R = TypeVar("R")
CommandT = TypeVar("CommandT", bound=Callable[..., Any])


class Amount(click.FloatRange):
    """A number that can be meant, within bounds: ``nan`` is neither below nor above any."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        amount = super().convert(value, param, ctx)
        if amount is not None and math.isnan(amount):
            self.fail(f"{value} is no number.", param, ctx)
        return amount


if TYPE_CHECKING:
    _Kind = click.ParamType[str]
else:
    _Kind = click.ParamType  # in older releases it takes no argument


class OutputFile(_Kind):
    """A file that is going to be written; ``-`` is stdout."""

    name = "file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "-":
            return _standard("stdout", self, param, ctx)
        return click.Path(dir_okay=False).convert(_named(value, self, param, ctx), param, ctx)


class InputFile(_Kind):
    """A file that is going to be read, by a command that says why where it cannot; ``-`` is stdin, for one of them."""

    name = "file"

    def __init__(self, *, because: str | None = None) -> None:
        """``because`` is why this one cannot come from stdin."""
        self._because = because

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value != "-":
            return _named(value, self, param, ctx)
        if self._because is not None:
            self.fail(f"stdin cannot be taken here: {self._because}", param, ctx)
        if ctx is not None and ctx.meta.setdefault(_STDIN, param) is not param:
            self.fail("stdin is read already: name a file for one of them", param, ctx)
        return _standard("stdin", self, param, ctx)


_STDIN: Final = f"{__name__}.stdin"
"""Where a run keeps which parameter reads stdin."""


def _named(value: Any, kind: _Kind, param: click.Parameter | None, ctx: click.Context | None) -> Any:
    """The name of a file, which is not empty: a variable of the shell may be, and would mean the folder."""
    if not value:
        kind.fail("an empty name names no file; perhaps a variable of the shell is not set.", param, ctx)
    return value


def _standard(stream: str, kind: _Kind, param: click.Parameter | None, ctx: click.Context | None) -> str:
    """The path by which this machine knows one of its standard streams."""
    path = f"/dev/{stream}"
    if not os.path.exists(path):
        kind.fail(f"{stream} has no name on this machine: name a file.", param, ctx)
    return path


def pass_session(command: Callable[Concatenate[Session, P], R]) -> Callable[P, R]:
    """Hand the session to a command, as its first argument."""
    return click.make_pass_decorator(Session)(command)


def _session(ctx: click.Context) -> Session:
    return ctx.ensure_object(Session)


def _provider(ctx: click.Context, _param: click.Parameter, value: str | None) -> None:
    if value is not None:
        _session(ctx).provider = value


def _config(ctx: click.Context, _param: click.Parameter, value: str | None) -> None:
    if value is not None:
        _session(ctx).config = value


def _json(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value:
        _session(ctx).json = True


def common_options(command: CommandT) -> CommandT:
    """``-p``, ``--config`` and ``--json``. Given twice, the one nearer to the end of the line counts."""
    options = (
        click.option(
            "-p",
            "--provider",
            metavar="NAME",
            expose_value=False,
            callback=_provider,
            help="Connection to use: a provider's slug, or a name from the configuration file.",
        ),
        click.option(
            "--config",
            metavar="FILE",
            type=InputFile(because="a configuration is read by the next command, too"),
            expose_value=False,
            callback=_config,
            help="Configuration file, instead of TELEPHONY_CONFIG or the one in your configuration folder.",
        ),
        click.option(
            "--json", is_flag=True, expose_value=False, callback=_json, help="Print JSON, and errors as JSON too."
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def group(summary: str) -> click.Group:
    """A group of commands that shows its help when none is named, and takes the common options as well."""

    @click.group(help=summary, invoke_without_command=True)
    @common_options
    @click.pass_context
    def made(ctx: click.Context) -> None:
        if ctx.invoked_subcommand is None:
            click.echo(ctx.get_help())

    return made
