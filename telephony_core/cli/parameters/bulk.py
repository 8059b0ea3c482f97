"""The options of commands that make a plan for many numbers, and how such a plan is saved and shown.

`numbers import --from`, `numbers set` and `sip set --where` share them; `telephony apply` carries their plans out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Final, TypedDict, TypeVar

import click
from click.core import ParameterSource

from telephony_core.cli.output.pasteable import next_line
from telephony_core.cli.output.tables import print_json, print_line, print_lines
from telephony_core.cli.parameters import together
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

CheckedT = TypeVar("CheckedT")


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


plan_options: Final = together(
    click.option("-o", "--output", metavar="PLAN", type=OutputFile(), help="Write the plan there."),
    click.option("--html", metavar="FILE", type=OutputFile(), help="Also a page for whoever approves the plan."),
    canary_option,
    click.option(
        "--concurrency", type=click.IntRange(1, 100), metavar="N", help="Numbers in work at once. Default: 4."
    ),
    click.option(
        "--timeout", type=Amount(0, 86_400, min_open=True), metavar="SECONDS", help="For one operation. Default: 30."
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
"""Where the plan goes, and how it is to be carried out."""


def _fields(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """What a shell offers of ``FIELD=VALUE``."""
    from telephony_core.migration.changeset.selection import FIELDS

    return [f"{field}=" for field in FIELDS if field.startswith(incomplete)]


where_option: Final = click.option(
    "--where",
    multiple=True,
    metavar="FIELD=VALUE",
    shell_complete=_fields,
    help="Numbers for which this holds; repeat it, and all of it has to. FIELD is label, status, origin, "
    "agent, trunk or a setting such as outbound.address.",
)
selection_options: Final = together(
    where_option,
    numbers_option,
    click.option(
        "--from", "listed", metavar="FILE", type=InputFile(), help="The numbers that this file names, one to a line."
    ),
)
"""Which numbers: by conditions, by name, by a file."""


def refuse_for_one(*more: str) -> None:
    """Refuse options that only a plan for many numbers has, where one number is changed at once; and these ``more``."""
    refuse_options((*PlanGiven.__annotations__, *more), "is for a plan of many numbers; one NUMBER is changed at once")


def refuse_options(names: Iterable[str], why: str) -> None:
    """Raise `click.UsageError` for the first of these options that was typed, whatever its value: `0` says something,
    too."""
    context = click.get_current_context()
    for name in names:
        # The value tells nothing: a default and a typed 0 look the same.
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"--{name.replace('_', '-')} {why}")


def named_numbers(given: SelectionGiven) -> list[str] | None:
    """The numbers that were named, in the spelling in which they were; ``None`` where none were."""
    typed = chosen(given["numbers"])
    listed = None if given["listed"] is None else chosen([f"@{given['listed']}"], "--from")
    return None if typed is listed is None else list(dict.fromkeys([*(typed or ()), *(listed or ())]))


def make_plan(
    session: Session,
    given: PlanGiven,
    check_first: Callable[[Telephony], tuple[CheckedT, Iterable[AgentRef]]],
    make: Callable[[TargetAccount, CheckedT, PlanSettings], Plan],
    *,
    check: bool = False,
    reads: tuple[str | None, ...] = (),
) -> None:
    """Survey the account, make the plan, save it and show it. With ``check`` it is only shown.

    ``check_first`` raises what is wrong without any look at the account. It returns what is for ``make``, and the
    agents in it, which are looked up there.
    Raises `click.UsageError` where nobody says where it goes, and what making it raises.
    """
    from telephony_core.migration.assessment.target import survey

    output, html = given["output"], given["html"]
    if check and (output is not None or html is not None):
        raise click.UsageError("--check writes no file: leave -o and --html out")
    demand_place(session, given, check=check, reads=reads)
    connection = session.connection()
    with session.client(connection) as client:
        # What is wrong in the table or the options is known without the account.
        checked, agents = check_first(client)
        with session.waiting("reading what is there"):
            account = survey(client, connection=connection.name or connection.provider, agents=agents)
    count, first = canaries_of(given["canary"])
    how = settings_of(given, count)
    plan = make(account, checked, {"canaries": first, "settings": how, "pace": connection.pace})
    following = f"telephony apply {named(output or '', 'PLAN')}" if plan.numbers else None
    save_and_show(session, plan, given, following)


def demand_place(session: Session, given: PlanGiven, *, check: bool = False, reads: tuple[str | None, ...]) -> None:
    """Raise `click.UsageError` where nobody says where the plan goes, and what `refuse_to_replace` raises.

    Before any request: a listing of a large account takes minutes.
    """
    # A plan on the screen alone could not be applied, and nobody could approve it.
    if given["output"] is None and not check:
        raise click.UsageError("where does the plan go? Say -o plan.json; nothing is changed before it is applied")
    refuse_to_replace(session, given["force"], given["output"], given["html"], reads=reads)


def settings_of(given: Mapping[str, object], canary: int | None) -> Settings:
    """How a plan is to be carried out, as far as options say it."""
    from telephony_core.migration.plan.model import Settings

    told = {name: given.get(name) for name in Settings.model_fields} | {"canary": canary}
    # What was not typed is left to the defaults of the model.
    return Settings.model_validate({name: value for name, value in told.items() if value is not None})


def save_and_show(session: Session, plan: Plan, given: PlanGiven, following: str | None) -> None:
    """Write a plan and its page, where they go anywhere, and print it with the command that is ``following``."""
    from telephony_core.migration.plan.store import save_plan
    from telephony_core.migration.rendering.plan_page import plan_page
    from telephony_core.migration.rendering.plan_text import plan_lines
    from telephony_core.text.documents import write_file

    output, html, force = given["output"], given["html"], given["force"]
    checksum = None
    if output is not None:
        # The plan first: the page names its checksum.
        loaded = save_plan(plan, output, overwrite=force)
        checksum = loaded.checksum
        session.wrote("the plan", output)
        if html is not None:
            write_file(html, plan_page(loaded).encode(), overwrite=force)
            session.wrote("the page", html)
    if session.json:
        print_json({"file": output, "html": html, "checksum": checksum, **plan.model_dump(mode="json")})
        return
    print_lines(shown(partial(plan_lines, plan), given["details"], is_summary=True), session)
    if output is None:
        return
    print_line("")
    print_line(f"written to {output}" + (f", for whoever approves it to {html}" if html is not None else ""))
    if following is not None:
        print_line(next_line(following, session), "bold")
