"""What `assess`, `map` and `plan` share: their arguments, what they read and print. None of them writes."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Final

import click

from telephony_core.cli.parameters.connection import connection_names
from telephony_core.cli.parameters.files import InputFile
from telephony_core.cli.parameters.migration import named
from telephony_core.cli.session import Session

if TYPE_CHECKING:
    from telephony_core.migration.assessment.target import TargetAccount
    from telephony_core.migration.inventory.inventory import Inventory
    from telephony_core.migration.mapping.map_file import MigrationMap
    from telephony_core.transport.pace import Pacer


inventory_argument: Final = click.argument("inventory_file", metavar="INVENTORY", type=InputFile())
to_option: Final = click.option(
    "--to",
    "target",
    required=True,
    metavar="NAME",
    shell_complete=connection_names,
    help="Connection that the numbers go to.",
)
map_option: Final = click.option(
    "--map", "map_file", metavar="FILE", type=InputFile(), help="What `telephony migrate map` wrote and you edited."
)


def read_both(
    session: Session, inventory_file: str, name: str, mapping: MigrationMap | None = None
) -> tuple[Inventory, TargetAccount, Pacer | None, Pacer | None]:
    """Source and target as they are, with the agents of the map looked up, and the paces of their connections
    where they have one of their own."""
    from telephony_core.migration.assessment.target import survey
    from telephony_core.migration.inventory.inventory import Inventory

    taken = Inventory.load(inventory_file)
    connections = session.connections()
    connection = connections[name]
    with session.client(connection) as client, session.waiting("reading what is there"):
        agents = () if mapping is None else mapping.agents_at_target
        target = survey(client, connection=connection.name or connection.provider, agents=agents)
    # The inventory may come from another machine, whose connection is not configured here; planning does not ask the
    # source.
    source_pace = connections[taken.connection].pace if taken.connection in connections else None
    return taken, target, source_pace, connection.pace


def read_map(map_file: str | None) -> MigrationMap:
    """The map in a file; the one that answers nothing without a file."""
    from telephony_core.migration.mapping.map_file import EMPTY_MAP, MigrationMap

    return EMPTY_MAP if map_file is None else MigrationMap.load(map_file)


def where(inventory_file: str, target: str) -> str:
    """The source and the target of the numbers, as words of a command."""
    return f"{named(inventory_file, 'INVENTORY')} --to {shlex.quote(target)}"


def after(place: str, map_file: str | None) -> str:
    """What to type next: a map, or a plan with it."""
    if map_file is None:
        return f"telephony migrate map {place} -o map.toml"
    return f"telephony migrate plan {place} --map {named(map_file, 'MAP')} -o plan.json"
