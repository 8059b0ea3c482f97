"""`telephony numbers revoke-release`."""

from __future__ import annotations

from telephony_core.cli import writes
from telephony_core.cli.options import common_options, examples, pass_session
from telephony_core.cli.output.number import print_change, print_number
from telephony_core.cli.session import Session
from telephony_core.provider.changes import ReleaseRevocation


@examples("telephony numbers revoke-release 070-1111-2222 -p vox")
@writes.number_argument
@writes.check_option
@common_options
@pass_session
def command(session: Session, number: str, by_id: bool, check: bool) -> None:
    """Revoke a scheduled release."""
    with session.client() as client:
        record = writes.checked_record(session, client, number, by_id, check, "revoke_release", ReleaseRevocation)
        with session.writing(f"revoking the release of {record.identity} (record {record.id})", record.id):
            kept = client.revoke_release(record)
        session.did(f"the release of {kept.identity} (record {kept.id}) was revoked")
        print_change(session, record, kept)
        print_number(session, kept)
