"""Every plan of a fleet at a glance, from the last line of each number: one statement, however many there are."""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel

from telephony_core.domain.phone_number import UtcTime
from telephony_core.fleet.database import Database


class PlanInFleet(BaseModel, frozen=True):
    """How far a plan is, in figures."""

    tenant: str
    plan: str
    """Its checksum."""
    kept_at: UtcTime
    numbers: int
    done: int
    """Made or changed at the target, and equal when it was last read."""
    released: int
    rolled_back: int
    failed: int
    """Its last step went wrong, or it is different from what was planned."""
    started: int
    """Begun, and neither done nor failed."""


_PLANS: Final = """
  SELECT to_json(p) FROM (
    SELECT tenant, checksum AS plan, kept_at, plans.numbers,
      count(*) FILTER (WHERE phase = 'done' AND last_action IN ('read_back', 'verify')) AS done,
      count(*) FILTER (WHERE phase = 'done' AND last_action = 'release') AS released,
      count(*) FILTER (WHERE phase = 'done' AND last_action = 'roll_back') AS rolled_back,
      count(*) FILTER (WHERE phase IN ('failed', 'unknown')) AS failed,
      count(*) FILTER (WHERE phase IN ('intent', 'look') OR phase = 'done'
        AND last_action NOT IN ('read_back', 'verify', 'release', 'roll_back')) AS started
    FROM plans LEFT JOIN numbers AS n (tenant, checksum) USING (tenant, checksum)
    GROUP BY tenant, checksum, kept_at, plans.numbers ORDER BY tenant, kept_at) AS p"""


async def overview(database: Database, tenant: str | None = None) -> list[PlanInFleet]:
    """The plans that the role of the database may see: of all tenants as an operator, else of this tenant.

    Raises `JournalError`.
    """
    async with database.of(tenant) if tenant else await database.connect() as connection:
        return [PlanInFleet.model_validate(plan) for (plan,) in await connection.rows(_PLANS)]
