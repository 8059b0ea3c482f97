"""Which tenant, which agent, which provider: from memory."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from telephony_core import AsyncNumberIndex, NumberIndex


class Verdict(StrEnum):
    """What became of the question."""

    ROUTED = "routed"
    NO_AGENT = "no agent"
    """The number is known, and nobody answers it."""
    SEVERAL = "several tenants"
    UNKNOWN = "unknown"
    """Every account was read, and none has this number."""
    CANNOT_TELL = "cannot tell"
    """It is not known, and some account could not be read, or not lately."""


@dataclass(frozen=True, slots=True)
class Route:
    """Where an incoming call goes."""

    verdict: Verdict
    age: float | None
    """Seconds since this was read at the provider; ``None`` where an account was never read."""
    tenant: str | None = None
    provider: str | None = None
    agent: str | None = None
    agent_version: str | None = None


def route(index: NumberIndex | AsyncNumberIndex, number: str, *, region: str | None = None) -> Route:
    """Who answers a call to this number. Asks nobody; raises `InvalidInput` for what is no number."""
    located = index.peek(number, region=region)
    if not located.live:
        is_sure = not located.failed and located.age <= index.max_age
        age = located.age if located.age != float("inf") else None
        return Route(Verdict.UNKNOWN if is_sure else Verdict.CANNOT_TELL, age)
    tenant, record = located.live[0]
    if len(located.live) > 1:
        return Route(Verdict.SEVERAL, max(located.ages[name] for name, _ in located.live))
    agent = record.inbound_agent
    return Route(
        Verdict.ROUTED if agent is not None else Verdict.NO_AGENT,
        located.ages[tenant],
        tenant,
        record.provider,
        agent.agent_id if agent is not None else None,
        str(agent.version) if agent is not None and agent.version is not None else None,
    )
