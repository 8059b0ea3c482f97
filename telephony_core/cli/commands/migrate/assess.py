"""`telephony migrate assess`."""

from __future__ import annotations

from telephony_core.cli.commands.migrate.planning import (
    after,
    inventory_argument,
    map_option,
    read_both,
    read_map,
    to_option,
    where,
)
from telephony_core.cli.options import examples, options_with_target, pass_session
from telephony_core.cli.output.pasteable import next_line
from telephony_core.cli.output.tables import print_json, print_line, print_lines
from telephony_core.cli.parameters.migration import allow_option, details_option, shown
from telephony_core.cli.session import Session


@examples("telephony migrate assess vox.json --to diga")
@inventory_argument
@to_option
@map_option
@allow_option()
@details_option
@options_with_target
@pass_session
def command(
    session: Session, inventory_file: str, target: str, map_file: str | None, allow: tuple[str, ...], details: bool
) -> None:
    """Say what would become of every number at another connection.

    For each number whether it can be moved, and what would be kept, converted, lost, or needs an answer of yours.
    Derived from what the two providers declare; the target is only read.
    """
    from telephony_core.migration.assessment.assess import assess_inventory

    mapping = read_map(map_file)
    taken, there, _, _ = read_both(session, inventory_file, target, mapping)
    found = assess_inventory(taken, there, mapping=mapping, allow=allow)
    if session.json:
        print_json(found.model_dump(mode="json"))
        return
    print_lines(shown(found.lines, details, is_summary=True), session)
    print_line(next_line(after(where(inventory_file, target), map_file), session), "bold")
