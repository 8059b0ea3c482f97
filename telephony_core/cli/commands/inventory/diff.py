"""`telephony inventory diff`."""

from __future__ import annotations

from pathlib import Path

import click

from telephony_core.cli.exit_codes import ExitCode
from telephony_core.cli.options import common_options, pass_session
from telephony_core.cli.output.tables import print_json, print_line
from telephony_core.cli.parameters.files import InputFile
from telephony_core.cli.session import Session

_SIGNS = {"added": "green", "removed": "red", "changed": "yellow"}


@click.command()
@click.argument("before", metavar="FILE", type=InputFile())
@click.argument("after", metavar="FILE", type=InputFile())
@click.option("--detailed-exitcode", is_flag=True, help="End with 2 when there is a difference.")
@common_options
@pass_session
@click.pass_context
def command(ctx: click.Context, /, session: Session, before: str, after: str, detailed_exitcode: bool) -> None:
    """Say what has changed between two inventories.

    Two of one connection show its drift, record by record; two of different connections show how they differ, number by
    number. Asks no provider.
    """
    from telephony_core.migration.inventory.diff import diff
    from telephony_core.migration.inventory.inventory import Inventory

    found = diff(Inventory.load(Path(before)), Inventory.load(Path(after)))
    if session.json:
        print_json(found.model_dump(mode="json"))
    else:
        first, *rest = found.lines()
        print_line(first, "bold")
        styles = {f"  {drift.message}": _SIGNS.get(drift.what, "") for drift in found.numbers}
        for line in rest:
            print_line(line, styles.get(line, ""))
    ctx.exit(ExitCode.CHANGES if found and detailed_exitcode else ExitCode.OK)
