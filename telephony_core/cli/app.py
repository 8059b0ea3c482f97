"""The root of the command: which commands there are, and how every one of them ends.

A command's module is imported when it is run, so ``--help`` and ``--version`` stay fast. To add a command, write its
module in ``commands/`` (or in its group's folder) and give it a row in `COMMANDS` (or in the group's ``__init__``).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, NoReturn

import click

from telephony_core._version import __version__
from telephony_core.cli import failures
from telephony_core.cli.exit_codes import ExitCode
from telephony_core.cli.options import CommandGroup, common_options
from telephony_core.cli.output.printable import printable
from telephony_core.cli.session import Session
from telephony_core.cli.signals import let_finish
from telephony_core.cli.streams import unfailing
from telephony_core.transport.signals import interrupting

PROGRAM: Final = "telephony"

COMMANDS: Final[Mapping[str, str]] = {
    "providers": "Show what each installed provider offers.",
    "numbers": "List, show, import, label, set and release numbers.",
    "sip": "Show, change and check the trunk of a number.",
    "agents": "List agents, and assign them to a number.",
    "inventory": "Save all that a connection holds, and compare.",
    "migrate": "Move numbers between providers without losing one.",
    "apply": "Carry a plan out, or go on with it.",
    "status": "Show how far a plan is.",
    "verify": "Compare what is there with the plan again, at any time later.",
    "rollback": "Undo what a plan did.",
    "report": "Report what a plan did, and what is left.",
    "fleet": "Let many machines carry plans out.",
    "schema": "Print the JSON Schema of a file or an output.",
    "doctor": "Check connections, and what their providers answer.",
    "completion": "Print the script that makes a shell complete.",
    "new-provider": "Begin an adapter of your own: a distribution that works, with its tests.",
    "emulate": "Run providers' emulators on this machine.",
    "demo": "Watch the main job on the emulators, offline.",
}
"""Every command or group of commands, and its line in ``--help``, which imports none of them."""
OF_ANY_PLAN: Final = ("apply", "status", "verify", "rollback", "report")
"""Commands for a plan of any kind; `telephony migrate apply` is the same as `telephony apply`."""


class Application(CommandGroup):
    """The root command: turns every end into an exit code."""

    # From the table: click would import the module of every command for its first line.
    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_epilog(ctx, formatter)
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(int(code)), code.meaning) for code in ExitCode])

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
        # A shell asks for completions with this variable set; click answers and ends by itself.
        if os.environ.get(complete_var or f"_{PROGRAM.upper()}_COMPLETE"):
            extra["windows_expand_args"] = windows_expand_args
            complete = partial(super().main, args, prog_name or PROGRAM, complete_var, **extra)
            with interrupting(), unfailing():
                sys.exit(_ended(complete, Session()))
        arguments = list(sys.argv[1:] if args is None else args)
        session = extra.pop("obj", None) or Session()
        # Behind `--` it is an argument that only looks like the option.
        options = arguments[: arguments.index("--")] if "--" in arguments else arguments
        session.json = "--json" in options  # known before parsing, for errors of parsing
        with interrupting(), unfailing() as stdout_failure:
            code = _ended(lambda: self._run(arguments, prog_name or PROGRAM, session, extra), session)
            # Output that is lost is told now, and a second signal must not take that away.
            let_finish()
            if (failure := stdout_failure()) is not None:
                code = failures.report_lost_output(failure, code, session)
        sys.exit(int(code))

    def _run(self, arguments: list[str], name: str, session: Session, extra: dict[str, Any]) -> None:
        _demand_text(arguments)
        with self.make_context(name, arguments, obj=session, **extra) as ctx:
            self.invoke(ctx)


def _demand_text(arguments: Sequence[str]) -> None:
    """Refuse bytes that are no text in the encoding of this terminal: they would fail wherever they are sent."""
    for place, argument in enumerate(arguments, 1):
        # Python keeps a byte that is no text as a lone surrogate (PEP 383).
        if not argument.isascii() and any("\ud800" <= character <= "\udfff" for character in argument):
            raise click.UsageError(
                f"argument {place} is no text in this terminal's encoding ({sys.getfilesystemencoding()}): "
                f"{printable(argument)}"
            )


def _ended(run: Callable[[], object], session: Session) -> int:
    try:
        run()
    # Not an error: a command ends so with a code of its own.
    except click.exceptions.Exit as end:
        return end.exit_code
    # Click ends completion this way, with a code that is right already.
    except SystemExit:
        raise
    except BaseException as error:  # one line, never a traceback that might show a secret
        # What went wrong is told next; whoever ended the run often signals twice.
        let_finish()
        return failures.report(error, session)
    return ExitCode.OK


@click.group(
    cls=Application,
    name=PROGRAM,
    package="telephony_core.cli.commands",
    names=list(COMMANDS),
    packages=dict.fromkeys(OF_ANY_PLAN, "telephony_core.cli.commands.migrate"),
    examples=(
        "telephony demo",
        "telephony numbers list -p vox",
        "telephony numbers show -p diga '+34 612 34 56 78'",
        "telephony doctor",
    ),
    # Click wraps help at 80 columns unless it is told otherwise.
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    # So that `telephony` alone prints its help on stdout and ends well; click would end with an error.
    invoke_without_command=True,
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
