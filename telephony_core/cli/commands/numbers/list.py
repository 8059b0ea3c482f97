"""`telephony numbers list`."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Unpack

import click

from telephony_core.cli import failures
from telephony_core.cli.options import common_options, examples, pass_session
from telephony_core.cli.output.number import columns
from telephony_core.cli.parameters.bulk import where_option
from telephony_core.cli.parameters.listing import (
    ListingGiven,
    demand_sense,
    in_order,
    listing_options,
    print_listing,
)
from telephony_core.cli.parameters.migration import chosen, numbers_option
from telephony_core.cli.session import Session
from telephony_core.domain.lifecycle import NumberStatus, Origin

if TYPE_CHECKING:
    from collections.abc import Iterable

    from telephony_core.domain.phone_number import PhoneNumber


@examples(
    "telephony numbers list -p vox",
    "telephony numbers list -p vox --where label=Sales --columns number,status,agent",
    "telephony numbers list -p vox --where status=active --count",
)
@click.option("--status", type=click.Choice([word.value for word in NumberStatus]), help="Only those in this status.")
@click.option("--origin", type=click.Choice([word.value for word in Origin]), help="Only those of this origin.")
@where_option
@numbers_option
@listing_options(columns())
@common_options
@pass_session
def command(
    session: Session,
    /,
    status: str | None,
    origin: str | None,
    where: tuple[str, ...],
    numbers: tuple[str, ...],
    **given: Unpack[ListingGiven],
) -> None:
    """List every number, in every status.

    --json prints one array of numbers. Nothing is printed when a page fails.
    """
    from telephony_core.migration.changeset.selection import Conditions, named_records

    demand_sense(session, given)
    conditions, named = Conditions.parse(where), chosen(numbers)
    with session.client() as client:
        # A condition on what the provider never shows would find nothing, and look like an answer.
        conditions.demand_told(client.capabilities, client.provider)
        conditions = Conditions.parse(where, client.capabilities)
        listed = client.list_numbers(
            status=None if status is None else NumberStatus(status), origin=None if origin is None else Origin(origin)
        )
        known = columns(client.adapter.agent_names)
        with session.waiting("listing the numbers") as waiting:
            found: Iterable[PhoneNumber] = filter(conditions.hold_for, waiting.counted(listed))
            if named is not None:
                found = named_records(list(found), named)
            if given["sort"] is not None:
                found = in_order(found, known, given)
            # All of it before the first line: a list that breaks off is none.
            records = list(islice(found, given["limit"]))
    print_listing(session, records, known, given, empty="there are no such numbers here")
    odd = [record for record in records if record.problems]
    if odd and not session.json:
        failures.warn(
            f"{len(odd)} of them have fields that could not be read: `telephony numbers show {odd[0].id}`", session
        )
