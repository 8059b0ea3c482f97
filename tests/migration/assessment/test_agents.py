"""Agents, and what the target's own check objects to."""

from __future__ import annotations

import pytest

from telephony_core.errors import UnsupportedField
from telephony_core.migration.plan.findings import FieldOutcome, Severity, SkipReason
from telephony_core.provider.capabilities import Field as Setting
from telephony_core.provider.changes import Change, NumberImport
from telephony_core.provider.port import Problem
from tests.migration.assessment.verdicts import MOVABLE, RECEPTION, agents_map, eligibility, the, trunk_map
from tests.migration.scenes import (
    PUBLISHING,
    narrowed,
    number,
    target,
)

# -- agents


def test_an_agent_without_a_counterpart_blocks() -> None:
    found = the(eligibility(number(inbound_agent=RECEPTION)), "inbound_agent")
    assert (found.outcome, found.severity, found.allowance) == (FieldOutcome.NEEDS_INPUT, Severity.BLOCK, None)


def test_a_mapped_agent_shows_both_forms() -> None:
    choices = agents_map(target="west-1", target_version="published")
    found = the(eligibility(number(inbound_agent=RECEPTION), mapping=choices), "inbound_agent")
    assert found.before == "agent east-1, version published"
    assert found.after == "agent west-1, version published"


def test_an_agent_that_is_dropped_on_purpose_is_a_warning() -> None:
    result = eligibility(number(inbound_agent=RECEPTION), mapping=agents_map(drop=True))
    assert (result.why, the(result, "inbound_agent").severity) == (MOVABLE, Severity.WARN)


def test_a_target_that_cannot_be_told_the_agent_blocks_until_accepted() -> None:
    to = target(capabilities=narrowed(Setting.INBOUND_AGENT))
    held = number(inbound_agent=RECEPTION)
    assert eligibility(held, to).why is SkipReason.BLOCKED
    assert eligibility(held, to, allow=["outbound_agent"]).why is SkipReason.BLOCKED
    assert eligibility(held, to, allow=["inbound_agent"]).why is MOVABLE


def test_assigning_what_is_not_published_blocks_where_that_publishes() -> None:
    to = target(capabilities=narrowed(side_effects=PUBLISHING))
    held, literal = number(inbound_agent=RECEPTION), agents_map(target="west-1", target_version="v7")
    assert eligibility(held, to, mapping=literal).why is SkipReason.BLOCKED
    assert eligibility(held, to, mapping=literal, allow=["publishes"]).why is MOVABLE
    assert eligibility(held, to, mapping=agents_map(target="west-1", target_version="published")).why is MOVABLE
    assert eligibility(held, target(), mapping=literal).why is MOVABLE


def test_a_number_without_agents_needs_no_map() -> None:
    assert eligibility(number()).why is MOVABLE


# -- what the target's own check says


def test_an_objection_of_the_adapter_blocks() -> None:
    def check(change: Change) -> list[Problem]:
        assert isinstance(change, NumberImport)
        error = UnsupportedField("west takes no such number", field="number", remedy="call somebody")
        return [Problem.of("number", error), Problem("outbound.address", "never tried")]

    result = eligibility(number(), target(check=check))
    assert result.why is SkipReason.BLOCKED
    assert [(finding.field, finding.severity) for finding in result.findings[:2]] == [
        ("number", Severity.BLOCK),
        ("outbound.address", Severity.WARN),
    ]


def test_what_is_rehearsed_holds_no_secret_and_is_what_will_be_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANARY_PW", "canary-secret")
    seen: list[NumberImport] = []

    def check(change: Change) -> list[Problem]:
        assert isinstance(change, NumberImport)
        seen.append(change)
        return []

    eligibility(number(label="본사"), target(check=check), mapping=trunk_map(username="acme", password="env:CANARY_PW"))
    (change,) = seen
    assert (change.number, change.label) == ("+827011112222", "본사")
    assert change.outbound is not None
    assert change.outbound.password is not None
    assert change.outbound.password.get_secret_value() != "canary-secret"
