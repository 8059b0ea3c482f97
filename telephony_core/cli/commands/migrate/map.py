"""`telephony migrate map`."""

from __future__ import annotations

import click

from telephony_core.cli.commands.migrate.planning import after, inventory_argument, read_both, to_option, where
from telephony_core.cli.options import examples, options_with_target, pass_session
from telephony_core.cli.output.pasteable import next_line
from telephony_core.cli.output.tables import print_json, print_line
from telephony_core.cli.parameters.files import OutputFile
from telephony_core.cli.parameters.migration import force_option, refuse_to_replace
from telephony_core.cli.session import Session


@examples("telephony migrate map vox.json --to diga -o map.toml")
@inventory_argument
@to_option
@click.option("-o", "--output", required=True, metavar="FILE", type=OutputFile(), help="Write it there.")
@force_option
@options_with_target
@pass_session
def command(session: Session, inventory_file: str, target: str, output: str, force: bool) -> None:
    """Write a file for the answers that nobody else can give.

    Which agent takes over from which, and where the password of each trunk is. Everything in it is a suggestion in a
    comment until you take the comment sign away; what has no answer is not moved.
    """
    from telephony_core.migration.mapping.draft import draft_map, save_map
    from telephony_core.migration.rendering.grouping import counted

    refuse_to_replace(session, force, output, reads=[inventory_file])
    taken, there, _, _ = read_both(session, inventory_file, target)
    text = draft_map(taken, there)
    save_map(text, output, overwrite=force)
    session.wrote("the map", output)
    counts = {name: text.count(f"\n[[{name}]]\n") for name in ("agents", "trunks")}
    if session.json:
        print_json({"file": output, **counts})
        return
    questions = " and ".join(counted(count, name.removesuffix("s")) for name, count in counts.items())
    print_line(f"{output}: {questions} to fill in")
    print_line("  edit it: comments do not count; no password goes into it, only a reference to one")
    print_line(next_line(after(where(inventory_file, target), output), session), "bold")
