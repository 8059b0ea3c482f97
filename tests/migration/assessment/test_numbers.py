"""Numbers as a whole, what identifies them, and their labels."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from telephony_core.domain.agents import AgentRef
from telephony_core.domain.lifecycle import NumberStatus, Origin
from telephony_core.domain.number_identity import NumberKind
from telephony_core.migration.assessment.assess import assess_inventory
from telephony_core.migration.mapping.map_file import MigrationMap
from telephony_core.migration.plan.allowances import Allowance
from telephony_core.migration.plan.findings import FieldOutcome, Severity, SkipReason
from telephony_core.provider.capabilities import Field as Setting
from telephony_core.provider.capabilities import (
    ImportableNumbers,
    Operation,
    ReleaseEffect,
    ReleaseTerms,
)
from tests.migration.assessment.verdicts import MOVABLE, eligibility, findings, the
from tests.migration.scenes import (
    NOW,
    WIDE,
    inventory,
    narrowed,
    number,
    supporting,
    target,
)

# -- numbers as a whole


def test_an_active_imported_number_that_the_target_can_hold_is_movable() -> None:
    result = eligibility(number(label="본사"))
    assert result.why is MOVABLE
    assert not [finding for finding in result.findings if finding.severity is not Severity.INFO]


def test_a_number_with_a_live_record_at_the_target_is_already_there() -> None:
    result = eligibility(number("07011112222"), target(number("+827011112222", provider="west", id="w-1")))
    assert result.why is SkipReason.ALREADY_THERE
    assert "west has it already as w-1" in result.message


def test_a_number_that_is_already_there_shows_where_the_two_differ() -> None:
    there = number(provider="west", label="theirs", inbound_agent=AgentRef("other"))
    result = eligibility(number(label="ours", inbound_agent=AgentRef("mine")), target(there))
    (difference,) = result.findings
    assert (difference.field, difference.before, difference.after) == ("label", "ours", "theirs")


def test_a_number_that_is_already_there_without_its_agent_is_warned_of() -> None:
    held, there = number(inbound_agent=AgentRef("mine")), target(number(provider="west"))
    finding = the(eligibility(held, there), "inbound_agent")
    assert finding.severity is Severity.WARN
    assert "none does at west" in finding.message
    dropped = MigrationMap.model_validate({"agents": [{"source": "mine", "drop": True}]})
    assert eligibility(held, there, mapping=dropped).findings == ()


def test_where_the_target_tells_of_no_agent_none_is_missed() -> None:
    told = supporting(Setting.INBOUND_AGENT, readable=False)
    held, there = number(inbound_agent=AgentRef("mine")), target(number(provider="west"), capabilities=told)
    assert eligibility(held, there).findings == ()


def test_a_released_record_at_the_target_does_not_count_as_there() -> None:
    over = number(provider="west", status=NumberStatus.RELEASED)
    assert eligibility(number(), target(over)).why is MOVABLE


@pytest.mark.parametrize("status", [NumberStatus.PENDING, NumberStatus.RELEASE_SCHEDULED, NumberStatus.UNKNOWN])
def test_a_number_in_transition_at_the_target_waits(status: NumberStatus) -> None:
    assert eligibility(number(), target(number(provider="west", status=status))).why is SkipReason.IN_TRANSITION


@pytest.mark.parametrize("status", [NumberStatus.PENDING, NumberStatus.RELEASE_SCHEDULED, NumberStatus.UNKNOWN])
def test_a_number_in_transition_at_the_source_waits(status: NumberStatus) -> None:
    result = eligibility(number(status=status))
    assert result.why is SkipReason.IN_TRANSITION
    assert result.remedy


def test_a_scheduled_release_says_when_and_whether_it_can_be_revoked() -> None:
    held = number(status=NumberStatus.RELEASE_SCHEDULED, ends_at=NOW + timedelta(days=2))
    assert "ends 2026-11-23 12:00:00 UTC" in eligibility(held).message
    assert "import it again" in str(eligibility(held).remedy)
    terms = ReleaseTerms(source="made up", effect=ReleaseEffect.END_OF_PERIOD, revocable=True)
    revocable = replace(WIDE, release={Origin.IMPORTED: terms})
    assert "revoke the release" in str(eligibility(held, source_capabilities=revocable).remedy)


def test_a_released_record_is_history() -> None:
    assert eligibility(number(status=NumberStatus.RELEASED)).why is SkipReason.RELEASED


def test_a_purchased_number_stays_and_is_told_what_can_be_done() -> None:
    result = eligibility(number(origin=Origin.PURCHASED))
    assert result.why is SkipReason.PURCHASED
    assert "forward its calls" in str(result.remedy)
    assert "port it" in str(result.remedy)


def test_a_number_of_unknown_origin_blocks_until_that_is_accepted_by_name() -> None:
    held = number(origin=Origin.UNKNOWN)
    assert eligibility(held).why is SkipReason.BLOCKED
    assert eligibility(held, allow=["unknown_origin"]).why is MOVABLE


def test_two_live_records_of_one_number_at_the_source_are_ambiguous() -> None:
    held = inventory(number("07011112222", id="1"), number("+827011112222", id="2"))
    verdicts = assess_inventory(held, target(), source_capabilities=WIDE).numbers
    assert [result.why for result in verdicts] == [SkipReason.AMBIGUOUS] * 2


def test_two_records_that_look_alike_to_a_person_are_ambiguous_as_well() -> None:
    held = inventory(number("2001@pbx.example.com", id="1"), number("2001@pbx.example.com\u202e", id="2"))
    verdicts = assess_inventory(held, target(), source_capabilities=WIDE).numbers
    assert [result.why for result in verdicts] == [SkipReason.AMBIGUOUS] * 2


def test_a_live_record_beside_a_released_one_is_not_ambiguous() -> None:
    held = inventory(number(id="1", status=NumberStatus.RELEASED), number(id="2"))
    verdicts = assess_inventory(held, target(), source_capabilities=WIDE).numbers
    assert [result.why for result in verdicts] == [SkipReason.RELEASED, MOVABLE]


def test_two_live_records_at_the_target_are_ambiguous() -> None:
    there = target(number(provider="west", id="1"), number(provider="west", id="2"))
    assert eligibility(number(), there).why is SkipReason.AMBIGUOUS


# -- identities


def test_a_number_of_another_country_cannot_be_held() -> None:
    rules = ImportableNumbers(source="made up", kinds=frozenset({NumberKind.E164}), countries=frozenset({"KR"}))
    result = eligibility(number("+34911234567"), target(capabilities=narrowed(importable=rules)))
    assert result.why is SkipReason.IDENTITY
    assert "takes only numbers of KR, not of ES" in result.message
    assert eligibility(number(), target(capabilities=narrowed(importable=rules))).why is MOVABLE


def test_a_sip_identifier_cannot_be_held_by_a_provider_of_numbers() -> None:
    rules = ImportableNumbers(source="made up", kinds=frozenset({NumberKind.E164}))
    result = eligibility(number("2001@pbx.example.com"), target(capabilities=narrowed(importable=rules)))
    assert result.why is SkipReason.IDENTITY
    assert "a SIP identifier" in result.message


def test_a_sip_identifier_moves_where_it_is_taken() -> None:
    assert eligibility(number("2001@pbx.example.com")).why is MOVABLE


def test_a_service_number_is_sent_as_it_is_only_with_consent() -> None:
    rules = ImportableNumbers(
        source="made up", kinds=frozenset({NumberKind.E164}), as_is=frozenset({NumberKind.SERVICE})
    )
    to = target(capabilities=narrowed(importable=rules))
    assert the(eligibility(number("140001"), to), "number").allowance == Allowance.SEND_AS_IS
    assert eligibility(number("140001"), to).why is SkipReason.BLOCKED
    assert eligibility(number("140001"), to, allow=["send_as_is"]).why is MOVABLE


def test_a_service_number_never_goes_to_another_country() -> None:
    to = target(capabilities=narrowed(region="ES"))
    assert eligibility(number("140001"), to, allow=list(Allowance)).why is SkipReason.IDENTITY


def test_digits_that_would_be_another_number_at_the_target_stay() -> None:
    local = number("911234567")  # no number in Korea, and Madrid's in Spain
    assert local.identity.kind is NumberKind.LOCAL
    assert (
        eligibility(local, target(capabilities=narrowed(region="ES")), allow=list(Allowance)).why is SkipReason.IDENTITY
    )


@pytest.mark.parametrize("raw", ["2001@pbx.example.com", "140001"])
def test_without_e164_a_record_that_is_written_alike_is_never_taken_for_the_same(raw: str) -> None:
    result = eligibility(number(raw), target(number(raw, provider="west", id="w-1")), allow=list(Allowance))
    assert result.why is SkipReason.AMBIGUOUS
    assert "nothing shows whether it is this one" in result.message


def test_a_target_that_takes_no_numbers_in_is_told_so() -> None:
    operations = {name: support for name, support in WIDE.operations.items() if name is not Operation.IMPORT}
    result = eligibility(number(), target(capabilities=narrowed(operations=operations)))
    assert (result.why, result.message) == (SkipReason.IDENTITY, "west imports no numbers")


def test_both_forms_of_a_number_are_shown() -> None:
    found = the(eligibility(number("07011112222")), "number")
    assert (found.outcome, found.before, found.after) == (FieldOutcome.CONVERTED, "07011112222", "+827011112222")


def test_a_linked_number_stays_until_a_trunk_is_named_for_it() -> None:
    held = number(origin=Origin.LINKED)
    result = eligibility(held)
    assert result.why is SkipReason.BLOCKED
    assert "lives at its carrier" in the(result, "origin").message
    assert eligibility(held, allow=["unknown_origin"]).why is SkipReason.BLOCKED
    assert eligibility(held, allow=["linked"]).why is MOVABLE


# -- labels


def test_a_label_that_fits_is_kept() -> None:
    assert the(eligibility(number(label="본사")), "label").outcome is FieldOutcome.KEPT


def test_a_label_without_a_place_is_lost_with_a_warning() -> None:
    found = the(eligibility(number(label="본사"), target(capabilities=narrowed(Setting.LABEL))), "label")
    assert (found.outcome, found.severity) == (FieldOutcome.LOST, Severity.WARN)


def test_a_label_that_is_too_long_needs_an_answer() -> None:
    to = target(capabilities=supporting(Setting.LABEL, max_length=4))
    result = eligibility(number(label="12345"), to)
    assert result.why is SkipReason.BLOCKED
    assert the(result, "label").outcome is FieldOutcome.NEEDS_INPUT
    assert the(result, "label").allowance is None


def test_a_label_with_a_character_that_nobody_sees_needs_an_answer() -> None:
    result = eligibility(number(label="a\x1b[31m"))
    assert (result.why, the(result, "label").outcome) == (SkipReason.BLOCKED, FieldOutcome.NEEDS_INPUT)
    dropped = eligibility(number(label="a\x1b[31m"), mapping=MigrationMap.model_validate({"label": {"rule": "drop"}}))
    assert (dropped.why, the(dropped, "label").outcome) == (MOVABLE, FieldOutcome.LOST)


def test_a_label_is_cut_or_dropped_when_the_map_says_so() -> None:
    to = target(capabilities=supporting(Setting.LABEL, max_length=4))
    cut = eligibility(number(label="abc de"), to, mapping=MigrationMap.model_validate({"label": {"rule": "cut"}}))
    assert (cut.why, the(cut, "label").after) == (MOVABLE, "abc")
    dropped = eligibility(number(label="abc"), to, mapping=MigrationMap.model_validate({"label": {"rule": "drop"}}))
    assert (dropped.why, the(dropped, "label").outcome) == (MOVABLE, FieldOutcome.LOST)


NEEDS_LABEL = supporting(Setting.LABEL, required_on_import=True)


@pytest.mark.parametrize("label", [None, "", " "])
def test_a_target_that_needs_a_label_gets_the_number_for_one(label: str | None) -> None:
    result = eligibility(number("07011112222", label=label), target(capabilities=NEEDS_LABEL))
    found = the(result, "label")
    assert (result.why, found.severity, found.outcome) == (MOVABLE, Severity.INFO, FieldOutcome.DEFAULTED)
    assert found.after == "+827011112222"


def test_the_number_that_stands_in_for_a_label_is_no_longer_than_the_target_takes() -> None:
    to = target(capabilities=supporting(Setting.LABEL, required_on_import=True, max_length=5))
    assert the(eligibility(number(), to), "label").after == "+8270"


def test_a_dropped_label_that_the_target_needs_is_said_twice() -> None:
    dropped = MigrationMap.model_validate({"label": {"rule": "drop"}})
    result = eligibility(number(label="본사"), target(capabilities=NEEDS_LABEL), mapping=dropped)
    assert [found.outcome for found in findings(result, "label", telling=False)] == [
        FieldOutcome.LOST,
        FieldOutcome.DEFAULTED,
    ]


def test_the_map_can_say_what_numbers_without_a_label_are_called() -> None:
    called = MigrationMap.model_validate({"label": {"default": "Moved"}})
    for capabilities in (NEEDS_LABEL, WIDE):
        found = the(eligibility(number(), target(capabilities=capabilities), mapping=called), "label")
        assert (found.after, found.outcome) == ("Moved", FieldOutcome.DEFAULTED)
    assert the(eligibility(number(label="본사"), mapping=called), "label").outcome is FieldOutcome.KEPT
    nowhere = eligibility(number(), target(capabilities=narrowed(Setting.LABEL)), mapping=called)
    assert findings(nowhere, "label", telling=False) == []


def test_no_label_is_made_up_where_none_is_needed() -> None:
    assert findings(eligibility(number()), "label", telling=False) == []
