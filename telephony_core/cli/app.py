"""The root of the command: which commands there are, and how every one of them ends.

A sub-command's module is imported when that command is run, so ``--help`` and ``--version`` stay fast. To add a
command, write its module and give it a row in `COMMANDS`.
"""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib import import_module
from typing import Any, Final, NamedTuple, NoReturn

import click

from telephony_core._version import __version__
from telephony_core.cli import failures
from telephony_core.cli.exit_codes import ExitCode
from telephony_core.cli.options import common_options
from telephony_core.cli.output.printable import printable
from telephony_core.cli.session import Session
from telephony_core.cli.signals import interrupting, let_finish
from telephony_core.cli.streams import unfailing

PROGRAM: Final = "telephony"


class Lazy(NamedTuple):
    """Where a command is, and its one line in the list of commands."""

    module: str
    attribute: str
    summary: str


COMMANDS: Final[Mapping[str, Lazy]] = {
    "providers": Lazy("providers", "providers", "Show what each installed provider can be told."),
    "numbers": Lazy("numbers", "numbers", "List, show, import, label and release numbers."),
    "sip": Lazy("sip", "sip", "Show, change and check the trunk of a number."),
    "agents": Lazy("agents", "agents", "Say which agents serve a number."),
    "inventory": Lazy("inventory", "inventory", "Write down all that a connection holds, and compare."),
    "migrate": Lazy("migrate", "migrate", "Move numbers between providers without losing one."),
    "doctor": Lazy("doctor", "doctor", "Check connections, and what their providers answer."),
    "emulate": Lazy("emulate", "emulate", "Run providers' emulators on this machine."),
    "demo": Lazy("demo", "demo", "Watch the main job on the emulators, offline."),
}


class Application(click.Group):
    """The root command: loads the others on demand and turns every end into an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        place = COMMANDS[cmd_name]
        command = getattr(import_module(f"telephony_core.cli.commands.{place.module}"), place.attribute)
        return command if isinstance(command, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not ctx.resilient_parsing and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            ctx.fail(f"there is no command {args[0]!r}" + (f"; did you mean {near[0]}?" if near else ""))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, place.summary) for name, place in COMMANDS.items()])

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> NoReturn:
        """Run one command line and end the process. Everything that can be raised ends in here."""
        if os.environ.get(complete_var or f"_{PROGRAM.upper()}_COMPLETE"):
            extra["windows_expand_args"] = windows_expand_args
            complete = partial(super().main, args, prog_name or PROGRAM, complete_var, **extra)
            with interrupting(), unfailing():
                sys.exit(_ended(complete, Session()))
        arguments = list(sys.argv[1:] if args is None else args)
        session = extra.pop("obj", None) or Session()
        options = arguments[: arguments.index("--")] if "--" in arguments else arguments
        session.json = "--json" in options  # known before parsing, for errors of parsing
        with interrupting(), unfailing() as stdout_failure:
            code = _ended(lambda: self._run(arguments, prog_name or PROGRAM, session, extra), session)
            let_finish()
            if (failure := stdout_failure()) is not None:
                code = failures.tell_unprinted(failure, code, session)
        sys.exit(int(code))

    def _run(self, arguments: list[str], name: str, session: Session, extra: dict[str, Any]) -> None:
        _demand_text(arguments)
        with self.make_context(name, arguments, obj=session, **extra) as ctx:
            self.invoke(ctx)


def _demand_text(arguments: Sequence[str]) -> None:
    """Refuse bytes that are no text in the encoding of this terminal: they would fail wherever they are sent."""
    for place, argument in enumerate(arguments, 1):
        if not argument.isascii() and any("\ud800" <= character <= "\udfff" for character in argument):
            raise click.UsageError(
                f"argument {place} is no text in this terminal's encoding ({sys.getfilesystemencoding()}): "
                f"{printable(argument)}"
            )


def _ended(run: Callable[[], object], session: Session) -> int:
    try:
        run()
    except click.exceptions.Exit as end:
        return end.exit_code
    except SystemExit:
        raise
    except BaseException as error:  # told in a line, never as a traceback that might show a secret
        let_finish()
        return failures.tell(error, session)
    return ExitCode.OK


@click.group(
    cls=Application,
    name=PROGRAM,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    invoke_without_command=True,
    epilog="What every command prints as JSON, and every exit code: docs/cli.md.",
)
@common_options
@click.version_option(__version__, prog_name=PROGRAM, message="%(prog)s %(version)s")
@click.pass_context
def app(ctx: click.Context) -> None:
    """Phone numbers and SIP trunks at every provider, from a terminal.

    A number is addressed by its record's id, or by the number itself in any spelling. -p says which connection to
    use: a provider's slug, configured by TELEPHONY_<SLUG>_API_KEY, or a name from your configuration file.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
