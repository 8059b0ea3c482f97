"""The options of commands that make a plan for many numbers, and how such a plan is saved and shown.

`numbers import --from`, `numbers set` and `sip set --where` share them; `telephony apply` carries their plans out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem

from telephony_core.cli.output.pasteable import next_line
from telephony_core.cli.output.tables import print_json, print_line
from telephony_core.cli.output.terminal import on_terminal, terminal
from telephony_core.cli.parameters.files import Amount, InputFile, OutputFile
from telephony_core.cli.parameters.migration import (
    canaries_of,
    canary_option,
    chosen,
    details_option,
    force_option,
    named,
    numbers_option,
    refuse_to_replace,
    shown,
)
from telephony_core.cli.session import Session

if TYPE_CHECKING:
    from telephony_core.client import Telephony
    from telephony_core.domain.agents import AgentRef
    from telephony_core.migration.assessment.target import TargetAccount
    from telephony_core.migration.plan.model import Plan, Settings
    from telephony_core.transport.pace import Pacer

    _Text = click.ParamType[str]
else:
    _Text = click.ParamType  # in older releases it takes no argument

CheckedT = TypeVar("CheckedT")
CommandT = TypeVar("CommandT", bound=Callable[..., Any])
_NO_TERMINAL = 100
"""Columns of text that goes to a pipe or a file."""


class PlanGiven(TypedDict):
    """The values of `plan_options`."""

    output: str | None
    html: str | None
    canary: tuple[str, ...]
    concurrency: int | None
    timeout: float | None
    settling_window: float | None
    details: bool
    force: bool


class PlanSettings(TypedDict):
    """How a plan is to be carried out, as every planner takes it."""

    canaries: list[str] | None
    settings: Settings
    pace: Pacer | None


class SelectionGiven(TypedDict):
    """The values of `selection_options`."""

    where: tuple[str, ...]
    numbers: tuple[str, ...]
    listed: str | None


def plan_options(command: CommandT) -> CommandT:
    """Where the plan goes, and how it is to be carried out."""
    options = (
        click.option(
            "-o", "--output", metavar="PLAN", type=OutputFile(), help="Write the plan for many numbers there."
        ),
        click.option("--html", metavar="FILE", type=OutputFile(), help="Also a page for whoever approves the plan."),
        canary_option,
        click.option(
            "--concurrency", type=click.IntRange(1, 100), metavar="N", help="Numbers in work at once. Default: 4."
        ),
        click.option(
            "--timeout",
            type=Amount(0, 86_400, min_open=True),
            metavar="SECONDS",
            help="For one operation. Default: 30.",
        ),
        click.option(
            "--settling-window",
            type=Amount(0, 86_400),
            metavar="SECONDS",
            help="How long after its time-out a request without an answer is looked for; 900.",
        ),
        details_option,
        force_option,
    )
    for option in reversed(options):
        command = option(command)
    return command


class _ConditionType(_Text):
    """``FIELD=VALUE``, of which a shell completes the field."""

    name = "condition"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[Any]]:
        from telephony_core.migration.changeset.selection import FIELDS

        return [CompletionItem(f"{field}=") for field in FIELDS if field.startswith(incomplete)]


def where_option(command: CommandT) -> CommandT:
    """``--where``."""
    return click.option(
        "--where",
        multiple=True,
        metavar="FIELD=VALUE",
        type=_ConditionType(),
        help="Numbers for which this holds; repeat it, and all of it has to. FIELD is label, status, origin, "
        "agent, trunk or a setting such as outbound.address.",
    )(command)


def selection_options(command: CommandT) -> CommandT:
    """Which numbers: by conditions, by name, by a file."""
    options = (
        where_option,
        numbers_option,
        click.option(
            "--from",
            "listed",
            metavar="FILE",
            type=InputFile(),
            help="The numbers that this file names, one to a line.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def refuse_for_one(*more: str) -> None:
    """Refuse options that only a plan for many numbers has, where one number is changed at once; and these ``more``."""
    refuse_options((*PlanGiven.__annotations__, *more), "is for a plan of many numbers; one NUMBER is changed at once")


def refuse_options(names: Iterable[str], why: str) -> None:
    """Raise `click.UsageError` for the first of these options that was typed, whatever its value: `0` says something,
    too."""
    context = click.get_current_context()
    for name in names:
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"--{name.replace('_', '-')} {why}")


def named_numbers(given: SelectionGiven) -> list[str] | None:
    """The numbers that were named, in the spelling in which they were; ``None`` where none were."""
    texts = [*given["numbers"], *([f"@{given['listed']}"] if given["listed"] is not None else [])]
    return chosen(texts)


def make_plan(
    session: Session,
    given: PlanGiven,
    check_first: Callable[[Telephony], CheckedT],
    make: Callable[[TargetAccount, CheckedT, PlanSettings], Plan],
    *,
    agents_of: Callable[[CheckedT], Iterable[AgentRef]],
    check: bool = False,
    reads: tuple[str | None, ...] = (),
) -> None:
    """Survey the account, make the plan, save it and show it. With ``check`` it is only shown.

    ``check_first`` raises what is wrong without any look at the account; what it returns is for ``make``, and
    ``agents_of`` names the agents in it, which are looked up there.
    Raises `click.UsageError` where nobody says where it goes, and what making it raises.
    """
    from telephony_core.migration.assessment.target import survey
    from telephony_core.migration.plan.store import save_plan
    from telephony_core.migration.rendering.plan_page import plan_page
    from telephony_core.text.documents import write_file

    output, html = given["output"], given["html"]
    if check and (output is not None or html is not None):
        raise click.UsageError("--check writes no file: leave -o and --html out")
    if output is None and not check:
        raise click.UsageError("where does the plan go? Say -o plan.json; nothing is changed before it is applied")
    refuse_to_replace(session, given["force"], output, html, reads=reads)
    connection = session.connection()
    with session.client(connection) as client:
        checked = check_first(client)
        agents = agents_of(checked)
        with session.waiting("reading what is there"):
            account = survey(client, connection=connection.name or connection.provider, agents=agents)
    count, first = canaries_of(given["canary"])
    plan = make(account, checked, {"canaries": first, "settings": _settings(given, count), "pace": connection.pace})
    if output is None:
        _print(session, plan, None, None, None, given["details"])
        return
    loaded = save_plan(plan, output, overwrite=given["force"])
    session.wrote("the plan", output)
    if html is not None:
        write_file(html, plan_page(loaded).encode(), overwrite=given["force"])
        session.wrote("the page", html)
    _print(session, plan, output, html, loaded.checksum, given["details"])


def _settings(given: PlanGiven, canary: int | None) -> Settings:
    from telephony_core.migration.plan.model import Settings

    names = ("canary", "concurrency", "timeout", "settling_window")
    values: Mapping[str, object] = {**given, "canary": canary}
    return Settings.model_validate({name: values[name] for name in names if values[name] is not None})


def _print(
    session: Session, plan: Plan, output: str | None, html: str | None, checksum: str | None, details: bool
) -> None:
    from telephony_core.cli.commands.migrate.planning import print_lines
    from telephony_core.migration.rendering.plan_text import plan_lines

    if session.json:
        print_json({"file": output, "html": html, "checksum": checksum, **plan.model_dump(mode="json")})
        return
    width = terminal().width if on_terminal() else _NO_TERMINAL
    print_lines(shown(partial(plan_lines, plan, width), details, is_summary=True), session)
    if output is None:
        return
    print_line("")
    print_line(f"written to {output}" + (f", for whoever approves it to {html}" if html is not None else ""))
    if plan.numbers:
        print_line(next_line(f"telephony apply {named(output, 'PLAN')}", session), "bold")
