"""How many requests `apply` will send to either connection, and how long that takes. Retries are not counted.

At the source: its list once, and every number once more before it is moved. At the target: its list before the first
number and after the last; a look-up before every import, which is one request or, where the provider cannot look a
number up, the whole list, unless the last listing is young enough; and the requests of the steps (`requests_of`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from telephony_core.migration.assessment.target import TargetAccount
from telephony_core.migration.inventory.inventory import Inventory
from telephony_core.migration.plan.model import Estimate, PlannedNumber, Settings, StepKind
from telephony_core.migration.run.account_index import good_for
from telephony_core.transport.pace import Pacer

_ROUND_TRIP: Final = 0.3
"""Seconds that a request is taken to last where nothing else limits it."""


def requests_of(kind: StepKind, target: TargetAccount, *, has_agents: bool = False) -> int:
    """Requests of one step, of an import by whether it checks agents. Listings of the target are not among them:
    numbers share these."""
    match kind:
        case StepKind.IMPORT:
            checks_agents = has_agents and target.reads_agents
            return 1 + target.capabilities.finds_by_number + checks_agents
        case StepKind.UPDATE_LABEL | StepKind.UPDATE_SIP:
            return 2
        case StepKind.ASSIGN_AGENTS:  # every write reads its record first
            return 2 + target.reads_agents
        case StepKind.READ_BACK:
            return 1


def estimate_of(
    planned: Sequence[PlannedNumber],
    source: Inventory | None,
    target: TargetAccount,
    settings: Settings,
    source_pace: Pacer | None,
    target_pace: Pacer,
) -> Estimate:
    """The estimate for these numbers, at the paces that the clients are going to have; without a source, of one client.

    Numbers of a source, or whose settings are changed, are read once more before anything is written.
    """
    if not planned:
        return Estimate()
    # A plan is of one kind, so its first number tells.
    imports = planned[0].steps[0].kind is StepKind.IMPORT
    count, pages = len(planned), max(1, target.inventory.pages)
    read_there = 0 if imports else count
    source_requests = 0 if source is None else source.pages + count
    of_steps = sum(step.requests for number in planned for step in number.steps)

    def seconds(listings: int) -> float:
        # Pages follow one another; the rest is sent for so many numbers at once.
        first = 0 if source is None else source.pages
        one_by_one = first + listings * pages + (source_requests - first + read_there + of_steps) / settings.concurrency
        return max(
            one_by_one * _ROUND_TRIP,
            0.0 if source_pace is None else _least(source_requests, source_pace),
            _least(listings * pages + read_there + of_steps, target_pace),
        )

    # Imports list the target once more at their end, to find a number that is there twice.
    listings = 2 if imports else 1
    if imports and not target.capabilities.finds_by_number:
        # A listing answers further look-ups while it is young, so the time that the imports take sets how many there
        # are.
        age = good_for(max(pages * _ROUND_TRIP, _least(pages, target_pace)))
        listings += min(_lookups(count, settings), int(seconds(listings) / age))
    paces = [(target.name, target_pace)]
    if source is not None and source_pace is not None:
        paces.insert(0, (source.connection, source_pace))
    return Estimate(
        source_requests=source_requests,
        target_requests=listings * pages + read_there + of_steps,
        seconds=round(seconds(listings), 1),
        pace=", ".join(f"{_in_words(pace)} at {name}" for name, pace in paces),
    )


def _lookups(count: int, settings: Settings) -> int:
    """Listings for the look-ups before imports: numbers in work at once share two, since one that is running when a
    look-up is asked for does not answer it."""
    canary = min(settings.canary, count)
    return sum(min(part, 2 * math.ceil(part / settings.concurrency)) for part in (canary, count - canary))


def _least(requests: int, pace: Pacer) -> float:
    """Seconds that a pace needs for so many requests."""
    limits = ((pace.per_second, 1.0), (pace.per_minute, 60.0))
    return max((requests * span / limit for limit, span in limits if limit is not None), default=0.0)


def _in_words(pace: Pacer) -> str:
    limits = ((pace.per_second, "second"), (pace.per_minute, "minute"))
    words = [f"{limit:g} per {span}" for limit, span in limits if limit is not None]
    return " and ".join(words) or "no limit"
