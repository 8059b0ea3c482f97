"""Settings of a number that the model has no field for."""

from __future__ import annotations

from dataclasses import replace

from telephony_core.migration.plan.findings import FieldOutcome, Severity, SkipReason
from telephony_core.provider.capabilities import UnmodelledSettings
from tests.migration.assessment.verdicts import MOVABLE, eligibility, the
from tests.migration.scenes import WIDE, number

SETTINGS = UnmodelledSettings(
    source="made up", names=frozenset({"countries", "trunk.headers"}), restrictive=frozenset({"countries"})
)
DECLARING = replace(WIDE, unmodelled=SETTINGS)


def test_one_that_restricts_calls_blocks_until_its_loss_is_allowed_by_name() -> None:
    held = number(unmodelled=("countries",))
    blocked = eligibility(held, source_capabilities=DECLARING)
    found = the(blocked, "countries")
    assert (blocked.why, found.blocks, found.outcome) == (SkipReason.BLOCKED, True, FieldOutcome.LOST)
    assert found.remedy
    assert "west" in found.remedy

    allowed = eligibility(held, source_capabilities=DECLARING, allow=["lost_restriction"])
    assert (allowed.why, the(allowed, "countries").allowed) == (MOVABLE, True)


def test_no_other_allowance_covers_it() -> None:
    others = ["lost_allow_list", "unreadable", "any_caller"]
    assert (
        eligibility(number(unmodelled=("countries",)), source_capabilities=DECLARING, allow=others).why is not MOVABLE
    )


def test_one_that_does_not_is_lost_with_a_warning() -> None:
    result = eligibility(number(unmodelled=("trunk.headers",)), source_capabilities=DECLARING)
    found = the(result, "trunk.headers")
    assert (result.why, found.severity, found.outcome) == (MOVABLE, Severity.WARN, FieldOutcome.LOST)


def test_one_that_the_provider_does_not_declare_may_restrict_calls() -> None:
    held = number(unmodelled=("of_tomorrow",))
    for capabilities in (DECLARING, WIDE):
        assert the(eligibility(held, source_capabilities=capabilities), "of_tomorrow").allowance == "lost_restriction"


def test_a_name_out_of_a_file_shows_no_control_characters() -> None:
    result = eligibility(number(unmodelled=("a\x1b[2J",)))
    assert not any("\x1b" in finding.field for finding in result.findings)
