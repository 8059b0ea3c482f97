"""`telephony numbers label`."""

from __future__ import annotations

import click

from telephony_core.cli import writes
from telephony_core.cli.options import common_options, examples, pass_session
from telephony_core.cli.output.number import print_change, print_number
from telephony_core.cli.session import Session
from telephony_core.provider.changes import LabelUpdate


@examples(
    'telephony numbers label 070-1111-2222 "Main line" -p vox',
    "telephony numbers label 070-1111-2222 --clear -p vox",
)
@writes.number_argument
@click.argument("text", required=False)
@click.option("--clear", is_flag=True, help="Remove the label.")
@writes.check_option
@common_options
@pass_session
def command(session: Session, number: str, by_id: bool, text: str | None, clear: bool, check: bool) -> None:
    """Give a number the label TEXT, or --clear it."""
    if (text is None) != clear:
        raise click.UsageError("give the label, or --clear to remove it")
    with session.client() as client:
        record = writes.checked_record(
            session, client, number, by_id, check, "update_label", lambda target: LabelUpdate(target, text)
        )
        with session.writing(f"the new label of {record.identity} (record {record.id})", record.id):
            updated = client.update_label(record, text)
        session.did(f"the label of {updated.identity} (record {updated.id}) was changed")
        print_change(session, record, updated)
        print_number(session, updated)
