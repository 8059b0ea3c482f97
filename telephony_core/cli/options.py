"""Options that every command takes, before or after its name, and the commands and groups that take them."""

from __future__ import annotations

import keyword
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

import click

from telephony_core.cli import hints
from telephony_core.cli.parameters import CommandT, together
from telephony_core.cli.parameters.connection import connection_names
from telephony_core.cli.parameters.files import InputFile
from telephony_core.cli.session import Session

P = ParamSpec("P")
R = TypeVar("R")


def pass_session(command: Callable[Concatenate[Session, P], R]) -> Callable[P, R]:
    """Hand the session to a command, as its first argument."""
    return click.make_pass_decorator(Session)(command)


def _remember(ctx: click.Context, param: click.Parameter, value: str | bool | None) -> None:
    """Put an option into the session; where it was not given, what was given before another word stays."""
    if value:
        # Groups and commands have the same options, and click calls back for those that were not typed too.
        setattr(ctx.ensure_object(Session), str(param.name), value)


_CONFIG: Final = click.option(
    "--config",
    metavar="FILE",
    type=InputFile(because="a configuration is read by the next command, too"),
    expose_value=False,
    callback=_remember,
    help="Configuration file, instead of TELEPHONY_CONFIG or the one in your configuration folder.",
)
_JSON: Final = click.option(
    "--json", is_flag=True, expose_value=False, callback=_remember, help="Print JSON, and errors as JSON too."
)
_QUIET: Final = click.option(
    "-q", "--quiet", is_flag=True, expose_value=False, callback=_remember, help="Say nothing but results and errors."
)

common_options: Final = together(
    click.option(
        "-p",
        "--provider",
        metavar="NAME",
        shell_complete=connection_names,
        expose_value=False,
        callback=_remember,
        help="Connection to use: a provider's slug, or a name from the configuration file.",
    ),
    _CONFIG,
    _JSON,
    _QUIET,
)
"""``-p``, ``--config``, ``--json`` and ``-q``. Given twice, the one nearer to the end of the line counts."""


def options_without_connection(why: str) -> Callable[[CommandT], CommandT]:
    """The common options of a command for which ``-p`` means nothing: it is refused, and ``why`` says so."""

    def refuse(ctx: click.Context, _param: click.Parameter, value: str | None) -> None:
        # Also where it stood before the word of the command. While a shell completes, a line is not finished and not
        # refused.
        if (value or ctx.ensure_object(Session).provider) and not ctx.resilient_parsing:
            raise click.UsageError(f"-p means nothing to `{ctx.command_path}`: {why}", ctx)

    # Declared and hidden: "no such option" would be wrong for an option that every other command has.
    named = click.option("-p", "--provider", metavar="NAME", hidden=True, expose_value=False, callback=refuse)
    return together(named, _CONFIG, _JSON, _QUIET)


yes_option: Final = click.option("-y", "--yes", is_flag=True, help="Do not ask.")
"""Of every command that asks."""
options_of_a_plan: Final = options_without_connection("a plan names its connections itself")
"""The common options of a command about a plan."""
options_with_target: Final = options_without_connection(
    "the inventory names where numbers come from, and --to where they go"
)
"""The common options of a command about an inventory and a target."""


class Command(click.Command):
    """A command with examples in its help, which knows what people mean where a line does not parse."""

    def __init__(self, *args: Any, examples: Sequence[str] = (), **extra: Any) -> None:
        super().__init__(*args, **extra)
        self.examples: tuple[str, ...] = tuple(examples)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        _write_examples(self.examples, formatter)
        super().format_epilog(ctx, formatter)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        given, takes_more = list(args), ctx.allow_extra_args
        ctx.allow_extra_args = True  # so that what is too much can be judged here
        try:
            super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            raise hints.no_such_option(error) from None
        except click.UsageError as error:
            error.ctx = error.ctx or ctx  # the parser leaves it out, and the help of this command is meant
            raise
        if ctx.args and not takes_more and not ctx.resilient_parsing:
            raise hints.too_many_words(given, ctx)
        ctx.allow_extra_args = takes_more  # as it was, for whoever looks at the context later
        return ctx.args


def examples(*lines: str) -> Callable[[Callable[..., Any]], Command]:
    """Declares a command, with command lines that show how it is used: what people copy first."""
    return click.command(cls=Command, examples=lines)


def _write_examples(lines: Sequence[str], formatter: click.HelpFormatter) -> None:
    if lines:
        with formatter.section("Examples"):
            for line in lines:
                formatter.write(f"{' ' * formatter.current_indent}{line}\n")


class CommandGroup(click.Group):
    """A group whose commands are modules of a package, imported when they are run.

    The module has the name of its command (``import_`` for ``import``), and the command in it is called ``command``.
    """

    def __init__(
        self,
        *args: Any,
        package: str,
        names: Sequence[str],
        packages: Mapping[str, str] | None = None,
        examples: Sequence[str] = (),
        **extra: Any,
    ) -> None:
        """``packages`` are those of commands that are in another group's as well."""
        super().__init__(*args, **extra)
        self._package = package
        self._names = names
        self._packages = packages or {}
        self.examples: tuple[str, ...] = tuple(examples)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._names)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._names:
            return None
        # A module cannot be called `import`.
        module = cmd_name.replace("-", "_") + ("_" if keyword.iskeyword(cmd_name) else "")
        command = import_module(f"{self._packages.get(cmd_name, self._package)}.{module}").command
        return command if isinstance(command, click.Command) else None

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            raise hints.no_such_option(error) from None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        # A word that begins with a hyphen is an option that click refuses itself.
        if args and args[0] not in self._names and not ctx.resilient_parsing and not args[0].startswith("-"):
            raise hints.no_such_command(args[0], self, ctx)
        return super().resolve_command(ctx, args)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        _write_examples(self.examples, formatter)


def group(package: str, summary: str, names: Sequence[str], examples: Sequence[str]) -> click.Group:
    """The group of the commands of a package, which shows its help when none is named."""

    @click.group(
        cls=CommandGroup, package=package, names=names, examples=examples, help=summary, invoke_without_command=True
    )
    @common_options
    @click.pass_context
    def command(ctx: click.Context) -> None:
        if ctx.invoked_subcommand is None:
            click.echo(ctx.get_help())

    return command
