"""`telephony numbers list`."""

from __future__ import annotations

from itertools import islice

import click

from telephony_core.cli import failures
from telephony_core.cli.options import common_options, pass_session
from telephony_core.cli.output.number import print_numbers
from telephony_core.cli.output.tables import print_models
from telephony_core.cli.parameters.number import limit_option
from telephony_core.cli.session import Session
from telephony_core.domain.lifecycle import NumberStatus, Origin


@click.command()
@click.option("--status", type=click.Choice([word.value for word in NumberStatus]), help="Only those in this status.")
@click.option("--origin", type=click.Choice([word.value for word in Origin]), help="Only those of this origin.")
@limit_option
@common_options
@pass_session
def command(session: Session, status: str | None, origin: str | None, limit: int | None) -> None:
    """List every number, in every status.

    --json prints one array of numbers. Nothing is printed when a page fails.
    """
    with session.client() as client:
        found = client.list_numbers(
            status=None if status is None else NumberStatus(status), origin=None if origin is None else Origin(origin)
        )
        records = list(islice(found, limit))
    if session.json:
        print_models(records)
        return
    print_numbers(records, empty="there are no such numbers here")
    odd = [record for record in records if record.problems]
    if odd:
        failures.warn(
            f"{len(odd)} of them have fields that could not be read: `telephony numbers show {odd[0].id}`", session
        )
