"""`telephony agents list`."""

from __future__ import annotations

from itertools import islice
from typing import Final, Unpack

from telephony_core.cli.options import common_options, examples, pass_session
from telephony_core.cli.output.tables import Column, Shown
from telephony_core.cli.parameters.listing import ListingGiven, demand_sense, in_order, listing_options, print_listing
from telephony_core.cli.session import Session
from telephony_core.domain.agents import Agent

_COLUMNS: Final[dict[str, Shown[Agent]]] = {
    "id": Shown(Column("ID"), lambda agent: agent.id, True),
    "name": Shown(Column("NAME", gives_way="folded"), lambda agent: agent.name or "", True),
    "published_version": Shown(
        Column("PUBLISHED VERSION", 1, gives_way="folded", least=24), lambda agent: agent.published_version or "", True
    ),
}


@examples("telephony agents list -p vox", "telephony agents list -p vox --sort name --columns name,id")
@listing_options(_COLUMNS)
@common_options
@pass_session
def command(session: Session, /, **given: Unpack[ListingGiven]) -> None:
    """List the agents that can be assigned to numbers, where the provider has a list of them.

    --json prints one array of agents.
    """
    demand_sense(session, given)
    with session.client() as client, session.waiting("listing the agents") as waiting:
        agents = in_order(waiting.counted(client.list_agents()), _COLUMNS, given)
    print_listing(session, list(islice(agents, given["limit"])), _COLUMNS, given, empty="there are no agents here")
