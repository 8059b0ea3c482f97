"""Records that could not be read whole."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from telephony_core.domain.agents import AgentRef
from telephony_core.domain.lifecycle import Origin
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.migration.assessment.assess import AssessedNumber
from telephony_core.migration.mapping.map_file import MigrationMap
from telephony_core.migration.plan.findings import Finding, Severity, SkipReason
from telephony_core.provider.capabilities import Field as Setting
from tests.migration.assessment.verdicts import MOVABLE, eligibility, findings
from tests.migration.scenes import (
    WIDE,
    emulated,
    number,
    trunk,
)

HOLDING = {
    Setting.ADDRESS: "trunk.address",
    Setting.ALLOWED_ADDRESSES: "trunk.allowed",
    Setting.INBOUND_AGENT: "agent",
    Setting.LABEL: "name",
}
TELLING = replace(
    WIDE,
    fields={
        name: replace(WIDE.fields[name], readable=name in HOLDING, read_from=HOLDING.get(name)) for name in WIDE.fields
    },
)
"""A source that says in which field of its records each setting is."""
UNREAD = trunk(None, allowed=None)


@pytest.mark.parametrize(
    ("problem", "name", "allowance"),
    [
        ("trunk.address: not an address", "outbound.address", "address"),
        ("trunk.allowed: not a list", "inbound.allowed_addresses", "lost_allow_list"),
        ("trunk: not an object", "inbound.allowed_addresses", "lost_allow_list"),
        ("agent.id: not a text", "inbound_agent", "inbound_agent"),
    ],
)
def test_a_setting_that_could_not_be_read_blocks_as_if_it_were_lost(problem: str, name: str, allowance: str) -> None:
    held = number(sip=UNREAD, problems=(problem,))
    assert_blocks_until_accepted(held, name, problem, allowance, source_capabilities=TELLING)


def assert_blocks_until_accepted(held: PhoneNumber, name: str, problem: str, allowance: str, **given: Any) -> None:
    def told(result: AssessedNumber) -> Finding:
        (found,) = [finding for finding in findings(result, name) if problem in finding.message]
        return found

    assert told(eligibility(held, **given)).blocks
    allowed = told(eligibility(held, allow=[allowance], **given))
    assert allowed.allowed
    assert not allowed.blocks


def test_what_was_read_in_part_is_judged_by_its_own_rule() -> None:
    held = number(inbound_agent=AgentRef("mine"), problems=("agent.version: not a word",))
    (found,) = [
        each for each in eligibility(held, source_capabilities=TELLING).findings if "not a word" in each.message
    ]
    assert found.severity is Severity.WARN


def test_what_the_map_says_instead_need_not_be_readable() -> None:
    held = number(sip=UNREAD, problems=("trunk: not an object",))
    message = {
        "numbers": [held.identity.raw],
        "auth": "none",
        "address": "pbx.example.com",
        "allowed_addresses": ["::1"],
    }
    mapping = MigrationMap.model_validate({"trunks": [{"name": "a", **message}]})
    result = eligibility(held, mapping=mapping, source_capabilities=TELLING)
    assert [finding.field for finding in result.findings if finding.blocks] == []


@pytest.mark.parametrize("problem", ["name: not a text", "made_at: not a time"])
def test_what_endangers_nobody_is_a_warning_where_the_source_tells_which_field_is_which(problem: str) -> None:
    result = eligibility(number(problems=(problem,)), source_capabilities=TELLING)
    assert result.why is MOVABLE
    assert [finding.severity for finding in result.findings if problem in finding.message] == [Severity.WARN]


def test_where_the_source_does_not_tell_which_field_is_which_anything_unreadable_blocks() -> None:
    assert_blocks_until_accepted(number(problems=("made_at: not a time",)), "made_at", "not a time", "unreadable")


@pytest.mark.parametrize(
    ("slug", "change"),
    [
        ("vox", {"address": 7}),
        ("vox", {"inbound_agent": "x"}),
        ("vox", {"outbound_agent": {"agent_id": 7}}),
        ("diga", {"inbound_agent_id": 7}),
        ("diga", {"outbound_agent_id": {"id": "x"}}),
        ("diga", {"sip_config": "x"}),
        ("diga", {"sip_config": {"termination_uri": 7}}),
        ("diga", {"sip_config": {"allowed_addresses": "203.0.113.7"}}),
    ],
)
def test_the_adapters_here_tell_which_field_holds_which_setting(slug: str, change: dict[str, Any]) -> None:
    emulator, client = emulated(slug)
    with client:
        chosen = next(held for held in client.list_numbers() if held.origin is Origin.IMPORTED and held.is_live)
        emulator.store.edit(chosen.id, change)
        held = client.get_number(chosen.id)
    result = eligibility(held, source_capabilities=client.capabilities)
    found = [finding for finding in result.findings if "could not be read" in finding.message]
    assert held.problems
    assert {finding.allowance for finding in found if finding.blocks} - {None, "unreadable"}


def test_a_record_without_a_number_is_nothing_that_could_be_written() -> None:
    assert eligibility(number(" ")).why is SkipReason.IDENTITY
