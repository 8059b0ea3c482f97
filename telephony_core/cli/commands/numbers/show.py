"""`telephony numbers show`."""

from __future__ import annotations

from telephony_core.cli import writes
from telephony_core.cli.options import common_options, examples, pass_session
from telephony_core.cli.output.number import print_number
from telephony_core.cli.parameters.number import fresh_option, to_read
from telephony_core.cli.session import Session


@examples("telephony numbers show -p diga '+34 612 34 56 78'")
@writes.number_argument
@fresh_option
@common_options
@pass_session
def command(session: Session, number: str, by_id: bool, fresh: bool) -> None:
    """Show everything about one number.

    Of several records of one number the live one is shown. Where the carrier has to send its calls is shown if the
    provider says so.
    """
    with session.client() as client:
        with session.waiting(f"looking for {number}"):
            record = to_read(client, number, by_id, fresh=fresh)
        print_number(session, record, client.adapter.inbound_uri(record), client.adapter.agent_names(record))
