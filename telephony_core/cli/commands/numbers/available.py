"""`telephony numbers available`."""

from __future__ import annotations

from itertools import islice
from typing import Final, Literal, Unpack

import click

from telephony_core.cli.options import common_options, examples, pass_session
from telephony_core.cli.output.tables import Column, Shown
from telephony_core.cli.parameters.listing import ListingGiven, demand_sense, listing_options, print_listing
from telephony_core.cli.session import Session
from telephony_core.domain.phone_number import AvailableNumber

# Neither, or not told, shows nothing.
_SMS: Final = {(True, True): "both", (True, False): "sends", (False, True): "receives"}
_COLUMNS: Final[dict[str, Shown[AvailableNumber]]] = {
    "number": Shown(Column("NUMBER"), lambda line: str(line.identity), True),
    "type": Shown(Column("TYPE", 1), lambda line: line.line_type or "", True),
    "monthly_fee": Shown(Column("MONTHLY FEE"), lambda line: str(line.monthly_fee or ""), True),
    "sms": Shown(Column("SMS", 2), lambda line: _SMS.get((bool(line.sends_sms), bool(line.receives_sms)), ""), True),
    "id": Shown(Column("ID", 3), lambda line: line.id, True),
}


@examples("telephony numbers available -p vox --sort monthly_fee --limit 10")
@click.option("--line-type", metavar="WORD", help="Only lines of this type, in the provider's word.")
@listing_options(_COLUMNS, sort=("number", "monthly_fee"))
@common_options
@pass_session
def command(session: Session, /, line_type: str | None, **given: Unpack[ListingGiven]) -> None:
    """List the numbers that the provider has for sale. Nothing here buys one."""
    demand_sense(session, given)
    sort_by: Literal["number", "monthly_fee"] = "monthly_fee" if given["sort"] == "monthly_fee" else "number"
    with session.client() as client:
        # Sorted by the provider: with --limit only the first pages are read.
        found = client.search_available(line_type=line_type, sort_by=sort_by, descending=given["descending"])
        with session.waiting("listing what is for sale") as waiting:
            lines = list(islice(waiting.counted(found), given["limit"]))
    print_listing(session, lines, _COLUMNS, given, empty="nothing is for sale")
