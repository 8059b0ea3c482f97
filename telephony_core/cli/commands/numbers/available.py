"""`telephony numbers available`."""

from __future__ import annotations

from itertools import islice
from typing import Literal

import click

from telephony_core.cli.options import common_options, pass_session
from telephony_core.cli.output.tables import Column, print_models, print_table
from telephony_core.cli.parameters.number import limit_option
from telephony_core.cli.session import Session

_SMS = {(True, True): "both", (True, False): "sends", (False, True): "receives"}


@click.command()
@click.option("--line-type", metavar="WORD", help="Only lines of this type, in the provider's word.")
@click.option("--sort-by", type=click.Choice(["number", "monthly_fee"]), default="number", show_default=True)
@click.option("--descending", is_flag=True, help="The other way round.")
@limit_option
@common_options
@pass_session
def command(
    session: Session,
    line_type: str | None,
    sort_by: Literal["number", "monthly_fee"],
    descending: bool,
    limit: int | None,
) -> None:
    """List the numbers that the provider has for sale. Nothing here buys one."""
    with session.client() as client:
        found = client.search_available(line_type=line_type, sort_by=sort_by, descending=descending)
        lines = list(islice(found, limit))
    if session.json:
        print_models(lines)
        return
    print_table(
        (Column("NUMBER"), Column("TYPE", 1), Column("MONTHLY FEE"), Column("SMS", 2), Column("ID", 3)),
        [
            (
                str(line.identity),
                line.line_type or "",
                str(line.monthly_fee or ""),
                _SMS.get((bool(line.sends_sms), bool(line.receives_sms)), ""),
                line.id,
            )
            for line in lines
        ],
        empty="nothing is for sale",
    )
