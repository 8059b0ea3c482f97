"""`telephony migrate assess`, `map` and `plan`: everything that comes before the first write. None of them writes."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, TypedDict, Unpack

import click

from telephony_core.cli.commands.migrate.run import width
from telephony_core.cli.exit_codes import ExitCode
from telephony_core.cli.options import Amount, InputFile, OutputFile, common_options, pass_session
from telephony_core.cli.output.tables import print_json, print_line
from telephony_core.cli.parameters.migration import (
    TRUNK_CHECK,
    allow_option,
    chosen,
    force_option,
    named,
    numbers_option,
    refuse_to_replace,
)
from telephony_core.cli.wording import lines_for_people, next_line

if TYPE_CHECKING:
    from telephony_core.cli.session import Session
    from telephony_core.migration.assessment.target import TargetAccount
    from telephony_core.migration.inventory.inventory import Inventory
    from telephony_core.migration.plan.model import Finding, Plan, Settings
    from telephony_core.migration.plan.store import LoadedPlan
    from telephony_core.transport.pace import Pace


class _Planned(TypedDict):
    """What the options of `migrate plan` say about how the plan is to be carried out."""

    canary: int | None
    concurrency: int | None
    timeout: float | None
    soak_hours: float | None
    settling_window: float | None


_inventory = click.argument("inventory_file", metavar="INVENTORY", type=InputFile())
_to = click.option("--to", "target", required=True, metavar="NAME", help="Connection that the numbers go to.")
_map = click.option(
    "--map", "map_file", metavar="FILE", type=InputFile(), help="What `telephony migrate map` wrote and you edited."
)


def _read(
    session: Session, inventory_file: str, name: str
) -> tuple[Inventory, TargetAccount, Pace | None, Pace | None]:
    """Both sides as they stand, and the paces of their connections where they have one of their own."""
    from telephony_core.migration.assessment.target import survey
    from telephony_core.migration.inventory.inventory import Inventory

    taken = Inventory.load(inventory_file)
    connections = session.connections()
    connection = connections[name]
    with session.client(connection) as client:
        target = survey(client, connection=connection.name or connection.provider)
    source_pace = connections[taken.connection].pace if taken.connection in connections else None
    return taken, target, source_pace, connection.pace


@click.command("assess")
@_inventory
@_to
@_map
@allow_option()
@common_options
@pass_session
def assess_(session: Session, inventory_file: str, target: str, map_file: str | None, allow: tuple[str, ...]) -> None:
    """Say what would become of every number at another connection.

    For each number whether it can be moved, and what would be kept, converted, lost, or needs an answer of yours.
    Derived from what the two providers declare; the target is only read.
    """
    from telephony_core.migration.assessment.assess import assess_inventory
    from telephony_core.migration.mapping.map_file import EMPTY_MAP, MigrationMap

    taken, there, _, _ = _read(session, inventory_file, target)
    mapping = EMPTY_MAP if map_file is None else MigrationMap.load(map_file)
    found = assess_inventory(taken, there, mapping=mapping, allow=allow)
    if session.json:
        print_json(found.model_dump(mode="json"))
        return
    _print_lines(lines_for_people(found.lines(width()), session))
    _print_consents(finding for number in found.numbers for finding in number.findings)
    where = _where(inventory_file, target)
    if map_file is None:
        print_line(next_line(f"telephony migrate map {where} -o map.toml", session), "bold")
    else:
        print_line(_plan_next(where, map_file, session), "bold")


@click.command("map")
@_inventory
@_to
@click.option("-o", "--output", required=True, metavar="FILE", type=OutputFile(), help="Write it there.")
@force_option
@common_options
@pass_session
def map_(session: Session, inventory_file: str, target: str, output: str, force: bool) -> None:
    """Write a file in which you say what nobody else can know.

    Which agent takes over from which, and where the password of each trunk is. Everything in it is a suggestion in a
    comment until you take the comment sign away; what is left unsaid is not moved.
    """
    from telephony_core.migration.mapping.draft import draft_map, save_map
    from telephony_core.migration.rendering.plan_text import counted

    refuse_to_replace(session, force, output, reads=[inventory_file])
    taken, there, _, _ = _read(session, inventory_file, target)
    text = draft_map(taken, there)
    save_map(text, output, overwrite=force)
    session.wrote("the map", output)
    counts = {name: text.count(f"\n[[{name}]]\n") for name in ("agents", "trunks")}
    if session.json:
        print_json({"file": output, **counts})
        return
    asked = " and ".join(counted(count, name.removesuffix("s")) for name, count in counts.items())
    print_line(f"{output}: {asked} to say something about")
    print_line("  edit it: what stands in a comment counts for nothing; no password goes into it, only where it is")
    print_line(_plan_next(_where(inventory_file, target), output, session), "bold")


def _where(inventory_file: str, target: str) -> str:
    """Where the numbers come from and where they go, as words of a command."""
    return f"{named(inventory_file, 'INVENTORY')} --to {shlex.quote(target)}"


def _plan_next(where: str, map_file: str, session: Session) -> str:
    return next_line(f"telephony migrate plan {where} --map {named(map_file, 'MAP')} -o plan.json", session)


@click.command("plan")
@_inventory
@_to
@_map
@click.option("-o", "--output", required=True, metavar="FILE", type=OutputFile(), help="Write it there.")
@click.option("--html", metavar="FILE", type=OutputFile(), help="Also a page for whoever approves it.")
@allow_option(TRUNK_CHECK)
@numbers_option
@click.option("--check-trunks", is_flag=True, help="Ask every trunk of the plan whether it answers. Sends SIP to it.")
@click.option(
    "--canary", type=click.IntRange(0, 1_000_000_000), metavar="N", help="Move so many first, alone. Default: 1."
)
@click.option("--concurrency", type=click.IntRange(1, 100), metavar="N", help="Numbers in work at once. Default: 4.")
@click.option(
    "--timeout",
    type=Amount(0, 86_400, min_open=True),
    metavar="SECONDS",
    help="For one operation. Default: 30.",
)
@click.option(
    "--settling-window",
    type=Amount(0, 86_400),
    metavar="SECONDS",
    help="How long after its time-out an import whose answer was lost is looked for, before it is sent once more; 900.",
)
@click.option("--soak-hours", type=Amount(0, 87_600), metavar="HOURS", help="Between verify and release. Default: 72.")
@click.option("--detailed-exitcode", is_flag=True, help="End with 0 for nothing to do, 2 for changes, 1 for stuck.")
@force_option
@common_options
@pass_session
@click.pass_context
def plan_(
    ctx: click.Context,
    /,
    session: Session,
    inventory_file: str,
    target: str,
    map_file: str | None,
    output: str,
    html: str | None,
    allow: tuple[str, ...],
    numbers: tuple[str, ...],
    check_trunks: bool,
    detailed_exitcode: bool,
    force: bool,
    **planned: Unpack[_Planned],
) -> None:
    """Write down what a migration will do, step by step. Does nothing yet.

    The plan is a file for `telephony migrate apply`, readable here and as a page (--html) that somebody can approve.
    It holds no secret. A number with something that blocks it stays out of it, until you answer or accept that by name.
    """
    from telephony_core.migration.mapping.map_file import EMPTY_MAP, MigrationMap
    from telephony_core.migration.plan.planner import exit_status, make_plan
    from telephony_core.migration.plan.store import save_plan
    from telephony_core.migration.rendering.plan_page import plan_page
    from telephony_core.text.documents import write_file

    if TRUNK_CHECK in allow and not check_trunks:
        raise click.UsageError(f"--allow {TRUNK_CHECK} goes with --check-trunks: without it, no trunk is checked")
    refuse_to_replace(session, force, output, html, reads=[inventory_file, map_file])
    mapping = EMPTY_MAP if map_file is None else MigrationMap.load(map_file)
    taken, there, source_pace, target_pace = _read(session, inventory_file, target)

    def make(numbers: Iterable[str] | None) -> Plan:
        return make_plan(
            taken,
            there,
            mapping,
            allow=[name for name in allow if name != TRUNK_CHECK],
            numbers=numbers,
            settings=_settings(planned),
            source_pace=source_pace,
            target_pace=target_pace,
        )

    plan = make(chosen(numbers))
    if check_trunks:
        from telephony_core.cli.commands.migrate.trunks import with_checked_trunks

        plan = with_checked_trunks(plan, make, allowed=TRUNK_CHECK in allow)
    loaded = save_plan(plan, output, overwrite=force)
    session.wrote("the plan", output)
    if html is not None:
        write_file(html, plan_page(loaded).encode(), overwrite=force)
        session.wrote("the page", html)
    if session.json:
        print_json({"file": output, "html": html, "checksum": loaded.checksum, **plan.model_dump(mode="json")})
    else:
        _print_plan(session, loaded, _where(inventory_file, target), map_file, html)
    ctx.exit(exit_status(plan) if detailed_exitcode else ExitCode.OK)


def _settings(planned: _Planned) -> Settings:
    from telephony_core.migration.plan.model import Settings

    return Settings.model_validate({name: value for name, value in planned.items() if value is not None})


def _print_plan(session: Session, loaded: LoadedPlan, where: str, map_file: str | None, html: str | None) -> None:
    from telephony_core.migration.rendering.plan_text import plan_lines

    plan = loaded.plan
    _print_lines(lines_for_people(plan_lines(plan, width()), session))
    _print_consents(finding for left in plan.skipped for finding in left.findings)
    print_line("")
    print_line(f"written to {loaded.path}" + (f", for whoever approves it to {html}" if html is not None else ""))
    if plan.numbers:
        print_line(next_line(f"telephony migrate apply {named(str(loaded.path), 'PLAN')}", session), "bold")
    elif map_file is None:
        print_line(next_line(f"telephony migrate map {where} -o map.toml", session), "bold")
    else:
        print_line(f"next: answer what is open in {map_file}, and make the plan again with --force", "bold")


def _print_consents(findings: Iterable[Finding]) -> None:
    """How to say on the command line what the findings call accepting by name."""
    names = Counter(finding.allowance for finding in findings if finding.blocks and finding.allowance is not None)
    if names:
        print_line("")
        print_line("what can be accepted, if it is meant:")
        for name, count in sorted(names.items()):
            print_line(f"  --allow {name}  ({count} times)" if count > 1 else f"  --allow {name}")


def _print_lines(lines: Iterable[str]) -> None:
    for line in lines:
        print_line(line, _style(line))


def _style(line: str) -> str:
    said = line.lstrip()
    if said.startswith(("! ", "block: ")):
        return "red"
    if said.startswith("warn: "):
        return "yellow"
    return "bold" if line.startswith("  + ") else ""
