"""Whether the clients given lead to the accounts that a plan is about, before anything is concluded from them.

Another address shows by itself. Keys of several accounts share one, so there the records tell: those that the plan saw,
and those that were made since.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from telephony_core.errors import MigrationError
from telephony_core.migration.inventory.inventory import number_text
from telephony_core.migration.journal.claims import same_url
from telephony_core.migration.move.state import NumberState, state_of
from telephony_core.migration.move.task import StalePlan
from telephony_core.migration.plan.model import Plan
from telephony_core.migration.run.target_index import TargetIndex
from telephony_core.provider.port import is_loopback

if TYPE_CHECKING:
    from telephony_core.client import AsyncTelephony
    from telephony_core.migration.journal.store import Journal

CLOCKS_DIFFER: Final = timedelta(hours=1)
"""So far may the clocks of this machine and of a provider be apart before anything is concluded from a time."""


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
    return same_url(one) == same_url(other)


def records_made(plan: Plan, journal: Journal) -> dict[str, NumberState]:
    """What this migration made at the target and did not give up, by record."""
    states = (state_of(journal.entries_of(number.key)) for number in plan.numbers)
    return {state.created: state for state in states if state.touched and state.created is not None}


def check_account(plan: Plan, made: Mapping[str, NumberState], target: TargetIndex) -> None:
    """Raise `StalePlan` when the target's last listing shows that it is another account than the plan's.

    ``target`` was asked to keep the records that this migration made and those that the plan saw. One of them is
    enough. Where the account held nothing when the plan was made, a record that is older than the plan tells.
    """
    seen = plan.target.holds
    if any((record := target.by_id(id)) is not None and number_text(record.identity) == seen[id] for id in seen):
        return
    if any(target.by_id(id) is not None for id in made):
        return
    where = plan.target.connection
    if any(state.open_roll_back is None for state in made.values()):
        said = f"no record that this migration made ({len(made)} in all) is at {where}"
    elif seen:
        said = f"none of the records that the plan saw there is at {where}"
    elif not made and _is_older(target.oldest, plan.target.taken_at):
        said = f"{where} held nothing when the plan was made, and holds records that were made before that"
    else:
        return
    raise StalePlan(
        f"{said}, so this seems not to be the account that the plan is for",
        remedy="give that connection the key of that account; if somebody removed all of them, make a new plan",
    )


def _is_older(oldest: datetime | None, taken_at: datetime | None) -> bool:
    return oldest is not None and taken_at is not None and oldest < taken_at - CLOCKS_DIFFER
