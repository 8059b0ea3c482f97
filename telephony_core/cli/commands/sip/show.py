"""`telephony sip show`."""

from __future__ import annotations

from telephony_core.cli import writes
from telephony_core.cli.options import common_options, examples, pass_session
from telephony_core.cli.output.number import print_trunk
from telephony_core.cli.parameters.number import fresh_option, to_read
from telephony_core.cli.session import Session


@examples("telephony sip show -p vox 070-1111-2222")
@writes.number_argument
@fresh_option
@common_options
@pass_session
def command(session: Session, number: str, by_id: bool, fresh: bool) -> None:
    """Show the trunk of a number. --json prints the number, whose `sip` it is."""
    with session.client() as client, session.waiting(f"looking for {number}"):
        record = to_read(client, number, by_id, fresh=fresh)
    print_trunk(session, record)
