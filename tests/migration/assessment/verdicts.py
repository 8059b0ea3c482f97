"""What the tests of assessments share: one number judged, and what was found about it."""

from __future__ import annotations

from typing import Any

from telephony_core.domain.agents import AgentRef, AgentVersion
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.migration.assessment.assess import AssessedNumber, assess_inventory
from telephony_core.migration.assessment.target import TargetAccount
from telephony_core.migration.mapping.map_file import MigrationMap
from telephony_core.migration.plan.findings import Finding, Severity
from tests.migration.scenes import (
    WIDE,
    inventory,
    target,
)

MOVABLE = None
RECEPTION = AgentRef("east-1", version=AgentVersion.PUBLISHED)


def eligibility(held: PhoneNumber, to: TargetAccount | None = None, **given: Any) -> AssessedNumber:
    """The verdict on one number that goes from ``east`` to ``west``."""
    given.setdefault("source_capabilities", WIDE)
    assessment = assess_inventory(inventory(held), to or target(), **given)
    (result,) = assessment.numbers
    return result


def findings(result: AssessedNumber, name: str, *, telling: bool = True) -> list[Finding]:
    return [
        finding
        for finding in result.findings
        if finding.field == name and (not telling or finding.severity is not Severity.INFO)
    ]


def the(result: AssessedNumber, name: str) -> Finding:
    """The one finding about a field."""
    (found,) = [finding for finding in result.findings if finding.field == name]
    return found


def trunk_map(**choice: Any) -> MigrationMap:
    return MigrationMap.model_validate(
        {"trunks": [{"name": "t", "source_address": "sip:pbx.example.com:5060", **choice}]}
    )


def agents_map(**choice: Any) -> MigrationMap:
    return MigrationMap.model_validate({"agents": [{"source": "east-1", **choice}]})
