"""`telephony inventory`: everything that a connection holds, as a file; and what has changed between two of them."""

from __future__ import annotations

from collections import Counter

import click

from telephony_core.cli.options import CommandGroup, common_options, pass_session
from telephony_core.cli.output.pasteable import next_line
from telephony_core.cli.output.tables import print_json, print_line
from telephony_core.cli.parameters.files import OutputFile
from telephony_core.cli.parameters.migration import force_option, named, refuse_to_replace
from telephony_core.cli.session import Session


@click.group(
    cls=CommandGroup,
    package=__name__,
    names=("diff",),
    examples=("telephony inventory -p vox -o vox.json --csv vox.csv", "telephony inventory diff vox.json"),
    invoke_without_command=True,
)
@click.option("-o", "--output", metavar="FILE", type=OutputFile(), help="Write the inventory there.")
@click.option("--csv", metavar="FILE", type=OutputFile(), help="Also a table for people.")
@force_option
@common_options
@pass_session
@click.pass_context
def command(ctx: click.Context, /, session: Session, output: str | None, csv: str | None, force: bool) -> None:
    """Save all that a connection holds, and compare.

    Reads every number of a connection, in every status, and writes the file that `telephony migrate` works with. It
    holds no secret, and a checksum by which it shows whether somebody edited it. Nothing is written at the provider.
    """
    if ctx.invoked_subcommand is not None:
        if output is not None or csv is not None:
            raise click.UsageError(f"`{ctx.invoked_subcommand}` writes no file: leave -o and --csv out")
        return
    if output is None:
        # Somebody meant this command, and not its help.
        if csv is not None or session.is_named:
            raise click.UsageError("where to? Say -o FILE")
        click.echo(ctx.get_help())
        return
    from telephony_core.migration.inventory.inventory import take_inventory

    # Before any request: a listing of a large account takes minutes.
    refuse_to_replace(session, force, output, csv)
    connection = session.connection()
    with session.client(connection) as client, session.waiting("reading every number"):
        taken = take_inventory(client, connection=connection.name or connection.provider)
    taken.save(output, overwrite=force)
    session.wrote("the inventory", output)
    if csv is not None:
        taken.save_csv(csv, overwrite=force)
        session.wrote("the table", csv)
    if session.json:
        counts = Counter(str(number.status) for number in taken.numbers)
        facts = taken.model_dump(mode="json", exclude={"numbers", "pages"})
        print_json(
            {
                "file": output,
                "csv": csv,
                **facts,
                "checksum": taken.checksum,
                "numbers": len(taken.numbers),
                "statuses": dict(sorted(counts.items())),
            }
        )
        return
    print_line(taken.lines()[0])
    print_line(f"  written to {output}" + (f", for people to {csv}" if csv is not None else ""))
    print_line(next_line(f"telephony migrate assess {named(output, 'INVENTORY')} --to NAME", session))
