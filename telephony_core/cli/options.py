"""Options that every command takes, before or after its name, and the groups that pass them on."""

from __future__ import annotations

import difflib
import keyword
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, Concatenate, ParamSpec, TypeVar

import click

from telephony_core.cli.parameters.files import InputFile
from telephony_core.cli.session import Session

P = ParamSpec("P")
R = TypeVar("R")
CommandT = TypeVar("CommandT", bound=Callable[..., Any])


def pass_session(command: Callable[Concatenate[Session, P], R]) -> Callable[P, R]:
    """Hand the session to a command, as its first argument."""
    return click.make_pass_decorator(Session)(command)


def _remember(ctx: click.Context, param: click.Parameter, value: str | bool | None) -> None:
    """Put an option into the session; where it was not given, what was given before another word stays."""
    if value:
        setattr(ctx.ensure_object(Session), str(param.name), value)


def common_options(command: CommandT) -> CommandT:
    """``-p``, ``--config`` and ``--json``. Given twice, the one nearer to the end of the line counts."""
    options = (
        click.option(
            "-p",
            "--provider",
            metavar="NAME",
            expose_value=False,
            callback=_remember,
            help="Connection to use: a provider's slug, or a name from the configuration file.",
        ),
        click.option(
            "--config",
            metavar="FILE",
            type=InputFile(because="a configuration is read by the next command, too"),
            expose_value=False,
            callback=_remember,
            help="Configuration file, instead of TELEPHONY_CONFIG or the one in your configuration folder.",
        ),
        click.option(
            "--json", is_flag=True, expose_value=False, callback=_remember, help="Print JSON, and errors as JSON too."
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


class CommandGroup(click.Group):
    """A group whose commands are modules of a package, imported when they are run.

    The module has the name of its command (``import_`` for ``import``), and the command in it is called ``command``.
    """

    def __init__(self, *args: Any, package: str, names: Sequence[str], **extra: Any) -> None:
        super().__init__(*args, **extra)
        self._package = package
        self._names = names

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._names)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._names:
            return None
        module = cmd_name.replace("-", "_") + ("_" if keyword.iskeyword(cmd_name) else "")
        command = import_module(f"{self._package}.{module}").command
        return command if isinstance(command, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self._names and not ctx.resilient_parsing and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], self._names, n=1)
            ctx.fail(f"there is no command {args[0]!r}" + (f"; did you mean {near[0]}?" if near else ""))
        return super().resolve_command(ctx, args)


def group(package: str, summary: str, names: Sequence[str]) -> click.Group:
    """The group of the commands of a package, which shows its help when none is named."""

    @click.group(cls=CommandGroup, package=package, names=names, help=summary, invoke_without_command=True)
    @common_options
    @click.pass_context
    def command(ctx: click.Context) -> None:
        if ctx.invoked_subcommand is None:
            click.echo(ctx.get_help())

    return command
