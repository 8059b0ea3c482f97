"""Every plan of a fleet at a glance, from the last line of each number: one statement, however many there are."""

from __future__ import annotations

from pydantic import BaseModel

from telephony_core.domain.phone_number import UtcTime
from telephony_core.fleet.database import Database, tenant_name


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


async def overview(database: Database, tenant: str | None = None) -> list[PlanInFleet]:
    """The plans that the role of the database may see: of all tenants as an operator, else of this tenant.

    Raises `JournalError`.
    """
    async with await database.connect() as connection:
        if tenant:
            await connection.rows("SELECT set_config('telephony.tenant', %s, false)", [tenant_name(tenant)])
        found = await connection.rows(
            "SELECT json_build_object('tenant', tenant, 'plan', checksum, 'kept_at', kept_at, 'numbers', plans.numbers,"
            " 'done', coalesce(done, 0), 'released', coalesce(released, 0), 'rolled_back', coalesce(rolled_back, 0),"
            " 'failed', coalesce(failed, 0),"
            " 'started', coalesce(begun - done - released - rolled_back - failed, 0))"
            " FROM plans LEFT JOIN (SELECT tenant, plan, count(phase) AS begun,"
            "  count(*) FILTER (WHERE phase = 'done' AND last_action IN ('read_back', 'verify')) AS done,"
            "  count(*) FILTER (WHERE phase = 'done' AND last_action = 'release') AS released,"
            "  count(*) FILTER (WHERE phase = 'done' AND last_action = 'roll_back') AS rolled_back,"
            "  count(*) FILTER (WHERE phase IN ('failed', 'unknown')) AS failed"
            "  FROM numbers GROUP BY tenant, plan) AS counted (tenant, checksum) USING (tenant, checksum)"
            " ORDER BY tenant, kept_at",
        )
        return [PlanInFleet.model_validate(plan) for (plan,) in found]
