"""Lots: the work on a plan in pieces, for workers that share nothing but stores.

    plan ──in_lots──> Lot, Lot, …  ──an engine──> run_lot ──the same runs as on one machine──> LotDone

A lot and its result are all that an engine has to keep, and hold no number, no name of one and no secret. The journal
says what is done, so a lot that is run again, or by two workers at once, does no number twice. Which lot is the first
to be tried, when the others follow, and who has approved a release is the engine's to decide.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal, Self, TypeAlias

from pydantic import BaseModel, Field, model_validator

from telephony_core.domain.input_model import InputModel
from telephony_core.errors import InvalidInput
from telephony_core.migration.plan.model import Plan, PlanKind, PlannedNumber
from telephony_core.migration.plan.store import LoadedPlan
from telephony_core.migration.run.stopping import Failure, Stopped

Command: TypeAlias = Literal["check", "apply", "verify", "release", "rollback"]

_MAY_PASS: Final = ("NotSent", "NoAnswer", "OutcomeUnknown", "AnswerLost", "NotInService")
"""Errors of a number that may pass, besides those by which a provider says that it is not well."""


class Lot(InputModel):
    """A piece of the work on a plan: one command for a slice of its numbers."""

    tenant: str
    """Whose plan it is, for connections and secrets."""
    plan: str
    """Checksum of the plan."""
    command: Command
    first: int = Field(ge=0)
    """Place of the first number in the order of `in_lots`, counted from 0."""
    last: int
    """Place behind the last one."""
    allow: tuple[str, ...] = ()
    """What is allowed by name (`Allowance`) for a release or a rollback."""

    @model_validator(mode="after")
    def _holds_something(self) -> Self:
        if self.last <= self.first:
            raise ValueError("a lot ends behind its first number")
        return self


class LotDone(BaseModel, frozen=True):
    """What became of a lot, in figures: the journal knows which numbers those are."""

    numbers: int
    done: int
    """Numbers that are where the command wants them, by this run or an earlier one; of a check, by apply."""
    in_doubt: int = 0
    """Numbers of which a write may have happened whose answer was lost; run the lot again."""
    failures: tuple[Failure, ...] = ()
    """Why the others are not, without their numbers."""
    stopped: Stopped | None = None

    @property
    def may_pass(self) -> bool:
        """Whether what is left may be done by running the lot again soon."""
        return self.stopped is not Stopped.KEY and bool(
            self.in_doubt
            or any(
                failure.error in _MAY_PASS or failure.status == 429 or (failure.status or 0) >= 500
                for failure in self.failures
            )
        )


def in_lots(
    loaded: LoadedPlan, command: Command, size: int, *, tenant: str = "", canary: int = 0, allow: tuple[str, ...] = ()
) -> Iterator[Lot]:
    """The whole plan in lots of about this many numbers; the first one of ``canary`` numbers, where that is given.

    Numbers whose settings are changed over one trunk are never parted: that trunk is changed once. Raises
    `InvalidInput` for lots of nothing.
    """
    if size < 1 or canary < 0:
        raise InvalidInput(f"lots of {size} numbers, {canary} first, cannot be made", remedy="give a size of 1 or more")
    first, places = 0, 0
    most = canary or size
    for together in groups(loaded.plan):
        # A group is never parted, so a lot may be larger than was asked for, and is never empty.
        if places > first and places + len(together) - first > most:
            yield Lot(tenant=tenant, plan=loaded.checksum, command=command, first=first, last=places, allow=allow)
            first, most = places, size
        places += len(together)
    if places > first:
        yield Lot(tenant=tenant, plan=loaded.checksum, command=command, first=first, last=places, allow=allow)


def groups(plan: Plan) -> list[list[PlannedNumber]]:
    """The numbers in the order in which lots count them, canaries first, those together that must stay so."""
    first = {canary.number for canary in plan.canaries}
    groups: dict[object, list[PlannedNumber]] = {}
    for number in sorted(plan.numbers, key=lambda number: number.key not in first):
        # Only changed settings are of the trunk itself; imports over one trunk touch no other number.
        shared = number.record.trunk_ids if plan.kind is PlanKind.SET else ()
        groups.setdefault(shared or number.key, []).append(number)
    return list(groups.values())
