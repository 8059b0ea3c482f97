"""`telephony inventory diff`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from telephony_core.cli.exit_codes import ExitCode
from telephony_core.cli.options import common_options, examples, pass_session
from telephony_core.cli.output.tables import print_json, print_line
from telephony_core.cli.parameters.files import InputFile
from telephony_core.cli.session import Session

if TYPE_CHECKING:
    from telephony_core.migration.inventory.inventory import Inventory

_SIGNS = {"added": "green", "removed": "red", "changed": "yellow"}


@examples(
    "telephony inventory diff vox.json",
    "telephony inventory diff vox.json vox-today.json",
)
@click.argument("before", metavar="FILE", type=InputFile())
@click.argument("after", metavar="[FILE]", type=InputFile(), required=False)
@click.option("--detailed-exitcode", is_flag=True, help="End with 2 when there is a difference.")
@common_options
@pass_session
@click.pass_context
def command(ctx: click.Context, /, session: Session, before: str, after: str | None, detailed_exitcode: bool) -> None:
    """Say what has changed between two inventories, or since one.

    Two of one connection show its drift, record by record; two of different connections show how they differ, number by
    number. With one FILE it is compared with what the connection of -p holds now, by default the one it was taken of;
    nothing is written there.
    """
    from telephony_core.migration.inventory.diff import diff
    from telephony_core.migration.inventory.inventory import Inventory

    if after is not None and session.provider is not None:
        raise click.UsageError(f"-p means nothing to `{ctx.command_path}` with two files: neither is read anew")
    kept = Inventory.load(Path(before))
    found = diff(kept, _now(session, kept) if after is None else Inventory.load(Path(after)))
    if session.json:
        print_json(found.model_dump(mode="json"))
    else:
        first, *rest = found.lines()
        print_line(first, "bold")
        styles = {f"  {drift.message}": _SIGNS.get(drift.what, "") for drift in found.numbers}
        for line in rest:
            print_line(line, styles.get(line, ""))
    ctx.exit(ExitCode.CHANGES if found and detailed_exitcode else ExitCode.OK)


def _now(session: Session, kept: Inventory) -> Inventory:
    """What is there now, at the connection of ``-p`` or, without it, of the inventory that was kept."""
    from telephony_core.migration.inventory.inventory import take_inventory

    # Not TELEPHONY_PROVIDER, which may be set for other commands: the inventory knows where it was taken.
    connection = session.connection() if session.provider is not None else session.connections()[kept.connection]
    with session.client(connection) as client, session.waiting("reading every number"):
        return take_inventory(client, connection=connection.name or connection.provider)
