"""`telephony schema`."""

from __future__ import annotations

import click

from telephony_core.cli.options import examples, options_without_connection, pass_session
from telephony_core.cli.output.tables import Column, print_json, print_table
from telephony_core.cli.session import Session


@examples(
    "telephony schema",
    "telephony schema plan > plan.schema.json",
)
@click.argument("name", metavar="[NAME]", required=False)
@options_without_connection("a schema is of no account")
@pass_session
def command(session: Session, name: str | None) -> None:
    """Print the JSON Schema of a file or an output.

    Without NAME, the names that there are. With --json, all schemas by name.
    """
    from telephony_core.cli.output.schemas import SCHEMAS, schema

    if name is not None:
        if name not in SCHEMAS:
            raise click.UsageError(f"there is no schema {name[:40]!r}; the names are: {', '.join(SCHEMAS)}")
        print_json(schema(name))
        return
    if session.json:
        print_json({each: schema(each) for each in SCHEMAS})
        return
    print_table((Column("NAME"), Column("WHAT IT IS OF")), [(each, SCHEMAS[each][0]) for each in SCHEMAS], empty="")
