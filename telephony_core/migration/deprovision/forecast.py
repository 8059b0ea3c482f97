"""What releasing a record will do, beyond the number that it names: worked out before anything is released.

From the provider's own declaration, and from a list of every other number that an agent of it serves.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

from pydantic import BaseModel

from telephony_core.domain.lifecycle import SideEffect
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.errors import NotAllowed
from telephony_core.migration.inventory.fields import agents_of, some
from telephony_core.provider.capabilities import ReleaseEffect
from telephony_core.provider.changes import NumberRelease

if TYPE_CHECKING:
    from telephony_core.client import AsyncTelephony

_MOST: Final = 5
"""So many numbers a text names."""


class Forecast(BaseModel, frozen=True):
    """What releasing one record will do."""

    number: str
    record: str
    effect: ReleaseEffect | None
    """``None`` where the provider does not say."""
    revocable: bool
    side_effects: tuple[SideEffect, ...] = ()
    stops_agents_of: tuple[str, ...] = ()
    """Other live numbers that the same agents serve, and that stay."""
    cannot_be_undone: tuple[str, ...] = ()
    """In words: what will not be as it was before, and why."""
    restores: tuple[str, ...] = ()
    """Of changed settings: what each of them is set back to, in words."""
    needs: tuple[str, ...] = ()
    """What has to be allowed by name, beyond side effects."""

    @property
    def outcome(self) -> str:
        """What will be, in words that are the same for numbers that fare alike."""
        if self.restores:
            return "; ".join([", ".join(self.restores), *self.cannot_be_undone])
        when = {
            None: "at a time that the provider does not say",
            ReleaseEffect.IMMEDIATE: "at once",
            ReleaseEffect.END_OF_PERIOD: "at the end of the paid period",
        }[self.effect]
        text = f"takes effect {when}, " + (
            "and can be revoked until then" if self.revocable else "and cannot be revoked"
        )
        return "; ".join([text, *self.cannot_be_undone])

    def __str__(self) -> str:
        return f"{self.number} ({self.record}): {self.outcome}"


class Served:
    """Which live numbers of one side are served by which agents: all that is kept of its list."""

    def __init__(self) -> None:
        self._by_agent: dict[str, dict[str, str]] = {}

    def add(self, record: PhoneNumber) -> None:
        # Of a released record nobody loses anything.
        if record.is_live:
            for agent in agent_ids(record):
                self._by_agent.setdefault(agent, {})[record.id] = str(record.identity)

    def others(self, record: PhoneNumber, leaving: Iterable[str]) -> tuple[str, ...]:
        """The other numbers of a record's agents, apart from those that leave as well."""
        gone = {record.id, *leaving}
        found = {
            number
            for agent in agent_ids(record)
            for id, number in self._by_agent.get(agent, {}).items()
            if id not in gone
        }
        return tuple(sorted(found))


def agent_ids(record: PhoneNumber) -> set[str]:
    """The agents that serve a record."""
    return {agent.agent_id for agent in agents_of(record).values()}


Others: TypeAlias = tuple[Served, Iterable[str]]
"""What serves the other numbers of an account, and the records that go as well."""


def forecast(
    client: AsyncTelephony, number: str, record: PhoneNumber, served: Served, leaving: Iterable[str]
) -> Forecast:
    """What releasing this record will do, by the provider's own declaration."""
    terms = client.capabilities.release.get(record.origin)
    # Asked for this record: what its adapter declares for all may not happen to one that has no agent.
    effects = tuple(sorted(client.adapter.side_effects(NumberRelease(record))))
    # Without that effect the agents of a released number go on serving the others.
    others = served.others(record, leaving) if SideEffect.UNPUBLISHES in effects else ()
    undone = []
    if SideEffect.UNPUBLISHES in effects:
        agents = ", ".join(sorted(agent_ids(record)))
        also = f", also for {some(others, _MOST)}" if others else ""
        undone.append(f"agent {agents} is unpublished{also}; publish it again by hand afterwards")
    return Forecast(
        number=number,
        record=record.id,
        effect=terms.effect if terms is not None else None,
        revocable=terms is not None and terms.revocable,
        side_effects=effects,
        stops_agents_of=others,
        cannot_be_undone=tuple(undone),
    )


def demand_allowed(forecasts: Sequence[Forecast], allowed: Iterable[str]) -> None:
    """Raise `NotAllowed` when a side effect was not allowed by its name. Nothing has been released then."""
    given = set(allowed)
    for name in sorted({name for one in forecasts for name in one.needs} - given):
        needing = [one.number for one in forecasts if name in one.needs]
        message = f"setting back {some(needing, _MOST)} needs {name}"
        raise NotAllowed(message, allowance=name, remedy=f"if it is meant: `--allow {name}`")
    for effect in SideEffect:
        striking = [one for one in forecasts if effect in one.side_effects]
        if striking and effect not in given:
            others = sorted({number for one in striking for number in one.stops_agents_of})
            also = f", among them agents that also serve {some(others, _MOST)}" if others else ""
            raise NotAllowed(
                f"releasing {some([one.number for one in striking], _MOST)} {effect} agents{also}",
                allowance=effect.value,
                remedy=f"if that is meant, allow it by name: `--allow {effect}`",
            )
