"""Whether the clients given lead to the accounts that a plan is about, before anything is concluded from them.

Another address shows by itself. Keys of several accounts share one, so there it is told by the records that were made.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from telephony_core.errors import MigrationError
from telephony_core.migration.job import PlanOvertaken
from telephony_core.migration.plan import Plan
from telephony_core.migration.progress import NumberState, state_of
from telephony_core.provider import is_loopback

if TYPE_CHECKING:
    from telephony_core.client import AsyncTelephony
    from telephony_core.migration.journal import Journal


def check_ends(plan: Plan, source: AsyncTelephony, target: AsyncTelephony) -> None:
    """Raise `MigrationError` unless the clients are of the providers, and at the addresses, that the plan is about."""
    for name, side, client in (("from", plan.source, source), ("to", plan.target, target)):
        if client.provider != side.provider:
            raise MigrationError(
                f"the plan moves {name} {side.provider} (connection {side.connection!r}), and the client given is of "
                f"{client.provider}",
                remedy="give the connections that the plan names",
            )
        now = client.adapter.config.base_url
        if side.base_url is not None and not _same_place(side.base_url, now):
            raise MigrationError(
                f"the plan moves {name} {side.connection} at {side.base_url}, and the client given is for {now}",
                remedy="give that connection the base_url that the plan was made with, or make a new plan",
            )


def _same_place(one: str, other: str) -> bool:
    """Whether two base URLs lead to the same place. An emulator on this machine may come back on another port."""
    parts = [urlsplit(url) for url in (one, other)]
    if all(is_loopback(part.hostname or "") for part in parts):
        return True
    first, second = ((part.scheme, part.netloc.lower(), part.path.rstrip("/")) for part in parts)
    return first == second


def records_made(plan: Plan, journal: Journal) -> dict[str, NumberState]:
    """What this migration made at the target and did not give up, by record."""
    states = (state_of(journal.entries_of(number.key)) for number in plan.numbers)
    return {state.created: state for state in states if state.touched and state.created is not None}


def should_show(made: Mapping[str, NumberState]) -> bool:
    """Whether at least one of these has to be at the target, unless it is another account."""
    return any(state.open_roll_back is None for state in made.values())


def another_account(plan: Plan, made: Mapping[str, NumberState]) -> PlanOvertaken:
    """The target shows none of what was made there, so its silence about a number says nothing."""
    return PlanOvertaken(
        f"no record that this migration made ({len(made)} in all) is at {plan.target.connection}, so this seems not to "
        "be the account that the plan was carried out at",
        remedy="give that connection the key of that account; if somebody removed all of them, make a new plan",
    )
