"""Giving a number up, which only `rollback` and `release` may do: this is the one module here that can.

What a release does beyond the number it names is worked out before anything is given up, from the provider's own
declaration and from a list of every other number that an agent of it serves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel

from telephony_core.capabilities import ReleaseEffect
from telephony_core.changes import NumberRelease
from telephony_core.domain.lifecycle import NumberStatus, Release, SideEffect
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.errors import ConsentRequired, NotFound, OutcomeUnknown, TelephonyError
from telephony_core.migration.comparing import is_over
from telephony_core.migration.effects import Call, End, Unit, Wait, ask
from telephony_core.migration.entries import Action, Phase
from telephony_core.migration.job import Job, StepFailed

if TYPE_CHECKING:
    from telephony_core.client import AsyncTelephony


class Forecast(BaseModel, frozen=True):
    """What giving up one record will do."""

    number: str
    record: str
    effect: ReleaseEffect | None
    """``None`` where the provider does not tell."""
    revocable: bool
    side_effects: tuple[SideEffect, ...] = ()
    stops_agents_of: tuple[str, ...] = ()
    """Other live numbers that the same agents serve, and that stay."""
    cannot_be_undone: tuple[str, ...] = ()
    """In words: what will not be as it was before, and why."""

    def __str__(self) -> str:
        when = {
            None: "at a time that the provider does not tell",
            ReleaseEffect.IMMEDIATE: "at once",
            ReleaseEffect.END_OF_PERIOD: "at the end of the period that is paid for",
        }[self.effect]
        said = f"{self.number} ({self.record}): takes effect {when}, " + (
            "and can be revoked until then" if self.revocable else "and cannot be revoked"
        )
        return "; ".join([said, *self.cannot_be_undone])


class Served:
    """Which live numbers of one side are served by which agents: all that is kept of its list."""

    def __init__(self) -> None:
        self._by_agent: dict[str, dict[str, str]] = {}

    def add(self, record: PhoneNumber) -> None:
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
    return {agent.agent_id for agent in (record.inbound_agent, record.outbound_agent) if agent is not None}


def forecast(
    client: AsyncTelephony, number: str, record: PhoneNumber, served: Served, leaving: Iterable[str]
) -> Forecast:
    """What giving up this record will do, by the provider's own declaration."""
    terms = client.capabilities.release.get(record.origin)
    effects = tuple(sorted(client.adapter.side_effects(NumberRelease(record))))
    others = served.others(record, leaving) if SideEffect.UNPUBLISHES in effects else ()
    said = []
    if SideEffect.UNPUBLISHES in effects:
        agents = ", ".join(sorted(agent_ids(record)))
        also = f", also for {_some(others)}" if others else ""
        said.append(f"agent {agents} goes off the air{also}, and has to be published again by hand")
    return Forecast(
        number=number,
        record=record.id,
        effect=terms.effect if terms is not None else None,
        revocable=terms is not None and terms.revocable,
        side_effects=effects,
        stops_agents_of=others,
        cannot_be_undone=tuple(said),
    )


def _some(numbers: Sequence[str], most: int = 5) -> str:
    return ", ".join(numbers[:most]) + (f" and {len(numbers) - most} more" if len(numbers) > most else "")


def demand_consent(forecasts: Sequence[Forecast], accepted: Iterable[str]) -> None:
    """Raise `ConsentRequired` when a side effect was not accepted by its name. Nothing has been given up then."""
    given = set(accepted)
    for effect in SideEffect:
        striking = [one for one in forecasts if effect in one.side_effects]
        if striking and effect not in given:
            others = sorted({number for one in striking for number in one.stops_agents_of})
            also = f", among them agents that also serve {_some(others)}" if others else ""
            raise ConsentRequired(
                f"giving up {_some([one.number for one in striking])} {effect} agents{also}",
                consent=effect.value,
                remedy=f"if that is meant, accept it by name: `--accept {effect}`",
            )


def give_up(job: Job, end: End, action: Action, record: PhoneNumber, allow: frozenset[SideEffect]) -> Unit[Release]:
    """Give one record up, with a line in the journal before and after."""
    stops = sorted(agent_ids(record)) if SideEffect.UNPUBLISHES in allow else []
    yield from job.write(action, Phase.INTENT, record=record.id, facts={"agents": [*stops]})
    change = NumberRelease(record, allow)
    try:
        release = yield from ask(Call(end, "release", lambda operations: operations.release(change)))
    except OutcomeUnknown as unknown:
        raise StepFailed(action, unknown) from None
    except TelephonyError as refused:
        raise StepFailed(action, refused) from None
    facts: Mapping[str, str | bool | None] = {
        "status": release.status.value,
        "takes_effect_at": release.takes_effect_at.isoformat() if release.takes_effect_at else None,
        "revocable": release.revocable,
    }
    yield from job.write(action, Phase.DONE, _became(release), record=record.id, facts=facts)
    return release


def look(end: End, id: str) -> Unit[PhoneNumber | None]:
    """A record as it is now; ``None`` when it is gone."""
    try:
        return (yield from ask(Call(end, "get_number", lambda operations: operations.get(id))))
    except NotFound:
        return None


def settle(job: Job, end: End, action: Action, id: str) -> Unit[bool]:
    """Find out, without sending another one, what a request to give a record up came to; whether the record is over.

    While the request may still be executed, a record that is there proves nothing: there are two looks, and between
    them lies the time after which it cannot be any more.
    """
    over = is_over((yield from look(end, id)))
    if not over:
        yield from job.write(action, Phase.LOOK, "it is still there; looking once more after the time-out", record=id)
        yield from ask(Wait(job.timeout, f"a request for {job.key} may still be under way"))
        over = is_over((yield from look(end, id)))
    if over:
        yield from job.write(action, Phase.DONE, LOST_ANSWER, record=id)
    else:
        yield from job.write(action, Phase.FAILED, "still there after two looks, so it was not given up", record=id)
    return over


LOST_ANSWER: Final = "it was given up, and its answer was lost"


def _became(release: Release) -> str:
    match release.status:
        case NumberStatus.RELEASED:
            return "it is gone"
        case NumberStatus.RELEASE_SCHEDULED if release.takes_effect_at is not None:
            return f"it works until {release.takes_effect_at:%Y-%m-%d %H:%M} UTC"
        case NumberStatus.RELEASE_SCHEDULED:
            return "it is scheduled; the provider does not tell until when it works"
        case _:
            return "the provider accepted it and does not tell what became of it"
