"""Assessments: every loss found from two declarations alone, and nothing weakened without its name being said."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telephony_core import InvalidInput
from telephony_core.capabilities import (
    AddressForms,
    Capabilities,
    ImportableNumbers,
    Operation,
    ReleaseEffect,
    ReleaseTerms,
)
from telephony_core.capabilities import Field as Setting
from telephony_core.changes import Change, NumberImport
from telephony_core.domain.agents import AgentRef, AgentVersion
from telephony_core.domain.lifecycle import NumberStatus, Origin
from telephony_core.domain.numbers import NumberKind
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.domain.sip import CredentialState, MediaEncryption
from telephony_core.errors import UnsupportedField
from telephony_core.migration import assess as assess_module
from telephony_core.migration.assess import AssessedNumber, Assessment, assess_inventory
from telephony_core.migration.consents import Consent
from telephony_core.migration.map_file import MigrationMap
from telephony_core.migration.plan import Fate, Finding, Severity, WhyLeftOut
from telephony_core.migration.planner import make_plan
from telephony_core.migration.report import plan_page
from telephony_core.migration.target import Target, asurvey, survey
from telephony_core.provider import Problem
from tests.migration.scenes import (
    CLOCK,
    NO_PARTS,
    NOW,
    PUBLISHING,
    WIDE,
    emulated,
    inventory,
    narrowed,
    number,
    supporting,
    target,
    trunk,
    writes,
)

MOVABLE = None


def judged(held: PhoneNumber, to: Target | None = None, **given: Any) -> AssessedNumber:
    """The verdict on one number that goes from ``east`` to ``west``."""
    given.setdefault("source_capabilities", WIDE)
    assessment = assess_inventory(inventory(held), to or target(), **given)
    (verdict,) = assessment.numbers
    return verdict


def findings(verdict: AssessedNumber, name: str, *, telling: bool = True) -> list[Finding]:
    return [
        finding
        for finding in verdict.findings
        if finding.field == name and (not telling or finding.severity is not Severity.INFO)
    ]


def the(verdict: AssessedNumber, name: str) -> Finding:
    """The one finding about a field."""
    (found,) = [finding for finding in verdict.findings if finding.field == name]
    return found


# -- numbers as a whole


def test_an_active_imported_number_that_the_target_can_hold_is_movable() -> None:
    verdict = judged(number(label="본사"))
    assert verdict.why is MOVABLE
    assert not [finding for finding in verdict.findings if finding.severity is not Severity.INFO]


def test_a_number_with_a_live_record_at_the_target_is_already_there() -> None:
    verdict = judged(number("07011112222"), target(number("+827011112222", provider="west", id="w-1")))
    assert verdict.why is WhyLeftOut.ALREADY_THERE
    assert "west has it already as w-1" in verdict.message


def test_a_number_that_is_already_there_shows_where_the_two_differ() -> None:
    there = number(provider="west", label="theirs", inbound_agent=AgentRef("other"))
    verdict = judged(number(label="ours", inbound_agent=AgentRef("mine")), target(there))
    (difference,) = verdict.findings
    assert (difference.field, difference.before, difference.after) == ("label", "ours", "theirs")


def test_a_number_that_is_already_there_without_its_agent_is_warned_of() -> None:
    held, there = number(inbound_agent=AgentRef("mine")), target(number(provider="west"))
    finding = the(judged(held, there), "inbound_agent")
    assert finding.severity is Severity.WARN
    assert "none does at west" in finding.message
    dropped = MigrationMap.model_validate({"agents": [{"source": "mine", "drop": True}]})
    assert judged(held, there, mapping=dropped).findings == ()


def test_where_the_target_tells_of_no_agent_none_is_missed() -> None:
    told = supporting(Setting.INBOUND_AGENT, readable=False)
    held, there = number(inbound_agent=AgentRef("mine")), target(number(provider="west"), capabilities=told)
    assert judged(held, there).findings == ()


def test_a_released_record_at_the_target_does_not_count_as_there() -> None:
    over = number(provider="west", status=NumberStatus.RELEASED)
    assert judged(number(), target(over)).why is MOVABLE


@pytest.mark.parametrize("status", [NumberStatus.PENDING, NumberStatus.RELEASE_SCHEDULED, NumberStatus.UNKNOWN])
def test_a_number_in_transition_at_the_target_waits(status: NumberStatus) -> None:
    assert judged(number(), target(number(provider="west", status=status))).why is WhyLeftOut.IN_TRANSITION


@pytest.mark.parametrize("status", [NumberStatus.PENDING, NumberStatus.RELEASE_SCHEDULED, NumberStatus.UNKNOWN])
def test_a_number_in_transition_at_the_source_waits(status: NumberStatus) -> None:
    verdict = judged(number(status=status))
    assert verdict.why is WhyLeftOut.IN_TRANSITION
    assert verdict.remedy


def test_a_scheduled_release_says_when_and_whether_it_can_be_revoked() -> None:
    held = number(status=NumberStatus.RELEASE_SCHEDULED, ends_at=NOW + timedelta(days=2))
    assert "ends 2026-11-23 12:00 UTC" in judged(held).message
    assert "anew" in str(judged(held).remedy)
    terms = ReleaseTerms(source="made up", effect=ReleaseEffect.END_OF_PERIOD, revocable=True)
    revocable = replace(WIDE, release={Origin.IMPORTED: terms})
    assert "revoke the release" in str(judged(held, source_capabilities=revocable).remedy)


def test_a_released_record_is_history() -> None:
    assert judged(number(status=NumberStatus.RELEASED)).why is WhyLeftOut.OVER


def test_a_purchased_number_stays_and_is_told_what_can_be_done() -> None:
    verdict = judged(number(origin=Origin.PURCHASED))
    assert verdict.why is WhyLeftOut.PURCHASED
    assert "forward its calls" in str(verdict.remedy)
    assert "port it" in str(verdict.remedy)


def test_a_number_of_unknown_origin_blocks_until_that_is_accepted_by_name() -> None:
    held = number(origin=Origin.UNKNOWN)
    assert judged(held).why is WhyLeftOut.BLOCKED
    assert judged(held, accept=["unknown_origin"]).why is MOVABLE


def test_two_live_records_of_one_number_at_the_source_are_ambiguous() -> None:
    held = inventory(number("07011112222", id="1"), number("+827011112222", id="2"))
    verdicts = assess_inventory(held, target(), source_capabilities=WIDE).numbers
    assert [verdict.why for verdict in verdicts] == [WhyLeftOut.AMBIGUOUS] * 2


def test_two_records_that_look_alike_to_a_person_are_ambiguous_as_well() -> None:
    held = inventory(number("2001@pbx.example.com", id="1"), number("2001@pbx.example.com\u202e", id="2"))
    verdicts = assess_inventory(held, target(), source_capabilities=WIDE).numbers
    assert [verdict.why for verdict in verdicts] == [WhyLeftOut.AMBIGUOUS] * 2


def test_a_live_record_beside_a_released_one_is_not_ambiguous() -> None:
    held = inventory(number(id="1", status=NumberStatus.RELEASED), number(id="2"))
    verdicts = assess_inventory(held, target(), source_capabilities=WIDE).numbers
    assert [verdict.why for verdict in verdicts] == [WhyLeftOut.OVER, MOVABLE]


def test_two_live_records_at_the_target_are_ambiguous() -> None:
    there = target(number(provider="west", id="1"), number(provider="west", id="2"))
    assert judged(number(), there).why is WhyLeftOut.AMBIGUOUS


# -- identities


def test_a_number_of_another_country_cannot_be_held() -> None:
    rules = ImportableNumbers(source="made up", kinds=frozenset({NumberKind.E164}), countries=frozenset({"KR"}))
    verdict = judged(number("+34911234567"), target(capabilities=narrowed(importable=rules)))
    assert verdict.why is WhyLeftOut.IDENTITY
    assert "KR only" in verdict.message
    assert judged(number(), target(capabilities=narrowed(importable=rules))).why is MOVABLE


def test_a_sip_identifier_cannot_be_held_by_a_provider_of_numbers() -> None:
    rules = ImportableNumbers(source="made up", kinds=frozenset({NumberKind.E164}))
    verdict = judged(number("2001@pbx.example.com"), target(capabilities=narrowed(importable=rules)))
    assert verdict.why is WhyLeftOut.IDENTITY
    assert "a SIP identifier" in verdict.message


def test_a_sip_identifier_moves_where_it_is_taken() -> None:
    assert judged(number("2001@pbx.example.com")).why is MOVABLE


def test_a_service_number_is_sent_as_it_is_only_with_consent() -> None:
    rules = ImportableNumbers(
        source="made up", kinds=frozenset({NumberKind.E164}), as_is=frozenset({NumberKind.SERVICE})
    )
    to = target(capabilities=narrowed(importable=rules))
    assert the(judged(number("140001"), to), "number").consent == Consent.SEND_AS_IS
    assert judged(number("140001"), to).why is WhyLeftOut.BLOCKED
    assert judged(number("140001"), to, accept=["send_as_is"]).why is MOVABLE


def test_a_service_number_never_goes_to_another_country() -> None:
    to = target(capabilities=narrowed(region="ES"))
    assert judged(number("140001"), to, accept=list(Consent)).why is WhyLeftOut.IDENTITY


def test_digits_that_would_be_another_number_at_the_target_stay() -> None:
    local = number("911234567")  # no number in Korea, and Madrid's in Spain
    assert local.identity.kind is NumberKind.LOCAL
    assert judged(local, target(capabilities=narrowed(region="ES")), accept=list(Consent)).why is WhyLeftOut.IDENTITY


@pytest.mark.parametrize("raw", ["2001@pbx.example.com", "140001"])
def test_without_e164_a_record_that_is_written_alike_is_never_taken_for_the_same(raw: str) -> None:
    verdict = judged(number(raw), target(number(raw, provider="west", id="w-1")), accept=list(Consent))
    assert verdict.why is WhyLeftOut.AMBIGUOUS
    assert "nothing tells whether it is this one" in verdict.message


def test_a_target_that_takes_no_numbers_in_is_told_so() -> None:
    operations = {name: support for name, support in WIDE.operations.items() if name is not Operation.IMPORT}
    verdict = judged(number(), target(capabilities=narrowed(operations=operations)))
    assert (verdict.why, verdict.message) == (WhyLeftOut.IDENTITY, "west takes no numbers in")


def test_both_forms_of_a_number_are_shown() -> None:
    found = the(judged(number("07011112222")), "number")
    assert (found.fate, found.before, found.after) == (Fate.CONVERTED, "07011112222", "+827011112222")


# -- labels


def test_a_label_that_fits_is_kept() -> None:
    assert the(judged(number(label="본사")), "label").fate is Fate.KEPT


def test_a_label_without_a_place_is_lost_with_a_warning() -> None:
    found = the(judged(number(label="본사"), target(capabilities=narrowed(Setting.LABEL))), "label")
    assert (found.fate, found.severity) == (Fate.LOST, Severity.WARN)


def test_a_label_that_is_too_long_needs_an_answer() -> None:
    to = target(capabilities=supporting(Setting.LABEL, max_length=4))
    verdict = judged(number(label="12345"), to)
    assert verdict.why is WhyLeftOut.BLOCKED
    assert the(verdict, "label").fate is Fate.NEEDS_INPUT
    assert the(verdict, "label").consent is None


def test_a_label_is_cut_or_dropped_when_the_map_says_so() -> None:
    to = target(capabilities=supporting(Setting.LABEL, max_length=4))
    cut = judged(number(label="abc de"), to, mapping=MigrationMap.model_validate({"label": {"rule": "cut"}}))
    assert (cut.why, the(cut, "label").after) == (MOVABLE, "abc")
    dropped = judged(number(label="abc"), to, mapping=MigrationMap.model_validate({"label": {"rule": "drop"}}))
    assert (dropped.why, the(dropped, "label").fate) == (MOVABLE, Fate.LOST)


# -- the trunk's address


def test_an_address_shows_the_form_in_which_the_target_takes_it() -> None:
    found = the(judged(number(), target(capabilities=narrowed(address_forms=NO_PARTS))), "outbound.address")
    assert (found.before, found.after) == ("sip:pbx.example.com:5060", "pbx.example.com:5060")


def test_an_absent_port_stays_absent() -> None:
    held = number(sip=trunk("sip:pbx.example.com"))
    found = the(judged(held, target(capabilities=narrowed(address_forms=NO_PARTS))), "outbound.address")
    assert found.after == "pbx.example.com"


@pytest.mark.parametrize("address", ["sips:pbx.example.com", "sip:pbx.example.com;transport=tls"])
def test_lost_tls_blocks_until_it_is_accepted_by_name(address: str) -> None:
    held, to = number(sip=trunk(address)), target(capabilities=narrowed(address_forms=NO_PARTS))
    verdict = judged(held, to)
    (found,) = findings(verdict, "outbound.address")
    assert (found.fate, found.consent, found.after) == (Fate.LOST, "tls", "sip:pbx.example.com")
    assert verdict.why is WhyLeftOut.BLOCKED
    assert judged(held, to, accept=["allowed_addresses"]).why is WhyLeftOut.BLOCKED
    assert judged(held, to, accept=["tls"]).why is MOVABLE


@pytest.mark.parametrize(
    ("address", "forms", "written"),
    [
        ("sips:pbx.example.com", {"transport": True}, "sip:pbx.example.com;transport=tls"),
        ("sip:pbx.example.com;transport=tls", {"sips": True}, "sips:pbx.example.com"),
    ],
)
def test_tls_that_can_be_said_in_another_form_is_converted(address: str, forms: dict[str, bool], written: str) -> None:
    to = target(capabilities=narrowed(address_forms=replace(NO_PARTS, **forms)))
    found = the(judged(number(sip=trunk(address)), to), "outbound.address")
    assert (found.fate, found.after) == (Fate.CONVERTED, written)


@pytest.mark.parametrize(
    ("address", "part"),
    [
        ("sip:acme@pbx.example.com", "a user part"),
        ("sip:pbx.example.com;lr", "URI parameters"),
        ("sip:pbx.example.com;transport=tcp", "the transport tcp"),
    ],
)
def test_other_lost_parts_of_an_address_block_by_a_name_of_their_own(address: str, part: str) -> None:
    held, to = number(sip=trunk(address)), target(capabilities=narrowed(address_forms=NO_PARTS))
    (found,) = findings(judged(held, to), "outbound.address")
    assert part in found.message
    assert judged(held, to, accept=["tls"]).why is WhyLeftOut.BLOCKED
    assert judged(held, to, accept=["address_parts"]).why is MOVABLE


def test_an_address_from_the_map_takes_the_place_of_one_that_does_not_fit() -> None:
    choices = MigrationMap.model_validate(
        {"trunks": [{"name": "t", "source_address": "sip:acme@pbx.example.com", "address": "pbx.example.com"}]}
    )
    to = target(capabilities=narrowed(address_forms=NO_PARTS))
    verdict = judged(number(sip=trunk("sip:acme@pbx.example.com")), to, mapping=choices)
    assert verdict.why is MOVABLE
    assert the(verdict, "outbound.address").after == "pbx.example.com"


def test_an_address_from_the_map_cannot_take_tls_away_in_silence() -> None:
    choices = MigrationMap.model_validate(
        {"trunks": [{"name": "t", "source_address": "sips:pbx.example.com", "address": "pbx.example.com"}]}
    )
    held = number(sip=trunk("sips:pbx.example.com"))
    assert judged(held, mapping=choices).why is WhyLeftOut.BLOCKED
    assert judged(held, mapping=choices, accept=["tls"]).why is MOVABLE


def test_tls_that_the_map_asks_for_is_not_left_out_in_silence() -> None:
    choices = MigrationMap.model_validate(
        {"trunks": [{"name": "t", "source_address": "pbx.example.com", "address": "sips:pbx.example.com"}]}
    )
    held, to = number(sip=trunk("pbx.example.com")), target(capabilities=narrowed(address_forms=NO_PARTS))
    assert judged(held, to, mapping=choices).why is WhyLeftOut.BLOCKED
    assert judged(held, to, mapping=choices, accept=["tls"]).why is MOVABLE


def test_another_address_from_the_map_is_a_warning() -> None:
    choices = MigrationMap.model_validate(
        {"trunks": [{"name": "t", "source_address": "pbx.example.com", "address": "new.example.com"}]}
    )
    found = the(judged(number(sip=trunk("pbx.example.com")), mapping=choices), "outbound.address")
    assert (found.severity, found.before, found.after) == (Severity.WARN, "pbx.example.com", "new.example.com")


def test_an_address_that_loses_something_is_not_called_kept() -> None:
    held, to = number(sip=trunk("sip:acme@pbx.example.com")), target(capabilities=narrowed(address_forms=NO_PARTS))
    assert the(judged(held, to), "outbound.address").fate is Fate.LOST


def test_a_target_that_needs_an_address_gets_one_from_the_map_or_blocks() -> None:
    held, to = number(sip=trunk(None)), target(capabilities=supporting(Setting.ADDRESS, required_on_import=True))
    assert judged(held, to).why is WhyLeftOut.BLOCKED
    choices = MigrationMap.model_validate(
        {"trunks": [{"name": "t", "numbers": ["+827011112222"], "address": "pbx.example.com", "auth": "none"}]}
    )
    assert judged(held, to, mapping=choices).why is MOVABLE


def test_a_number_without_address_is_told_to_be_for_receiving_only() -> None:
    verdict = judged(number(sip=trunk(None)))
    assert verdict.why is MOVABLE
    assert "only receive calls" in the(verdict, "outbound.address").message
    assert not [finding for finding in verdict.findings if finding.field == "outbound.media_encryption"]


def test_a_target_without_a_place_for_the_address_blocks_until_accepted() -> None:
    to = target(capabilities=narrowed(Setting.ADDRESS))
    assert judged(number(), to).why is WhyLeftOut.BLOCKED
    assert judged(number(), to, accept=["address"]).why is MOVABLE


# -- credentials


def _says(**choice: Any) -> MigrationMap:
    return MigrationMap.model_validate(
        {"trunks": [{"name": "t", "source_address": "sip:pbx.example.com:5060", **choice}]}
    )


@pytest.mark.parametrize("state", [CredentialState.SET, CredentialState.UNKNOWN])
def test_credentials_that_may_exist_need_an_answer(state: CredentialState) -> None:
    verdict = judged(number(sip=trunk(credentials=state)))
    assert verdict.why is WhyLeftOut.BLOCKED
    found = the(verdict, "outbound.password")
    assert (found.fate, found.consent) == (Fate.NEEDS_INPUT, None)


def test_a_trunk_known_to_have_no_credentials_needs_no_answer() -> None:
    assert judged(number(sip=trunk(credentials=CredentialState.NONE))).why is MOVABLE


def test_auth_none_is_an_answer_and_a_warning_where_the_source_has_credentials() -> None:
    unknown = judged(number(sip=trunk(credentials=CredentialState.UNKNOWN)), mapping=_says(auth="none"))
    assert (unknown.why, the(unknown, "outbound.password").severity) == (MOVABLE, Severity.INFO)
    known = judged(number(sip=trunk(credentials=CredentialState.SET, username="a")), mapping=_says(auth="none"))
    assert (known.why, the(known, "outbound.password").severity) == (MOVABLE, Severity.WARN)


def test_a_reference_that_leads_nowhere_blocks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    held = number(sip=trunk(credentials=CredentialState.UNKNOWN))
    monkeypatch.delenv("CANARY_PW", raising=False)
    choices = _says(username="acme", password="env:CANARY_PW")
    assert judged(held, mapping=choices).why is WhyLeftOut.BLOCKED
    monkeypatch.setenv("CANARY_PW", "canary-secret")
    verdict = judged(held, mapping=choices)
    assert verdict.why is MOVABLE
    assert "canary-secret" not in verdict.model_dump_json()


def test_another_user_than_the_source_has_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PW", "x")
    held = number(sip=trunk(credentials=CredentialState.SET, username="seoul"))
    (found,) = findings(judged(held, mapping=_says(username="busan", password="env:PW")), "outbound.username")
    assert (found.before, found.after) == ("seoul", "busan")


@pytest.mark.parametrize("state", [CredentialState.SET, CredentialState.UNKNOWN])
def test_a_target_that_cannot_authenticate_blocks_until_accepted(state: CredentialState) -> None:
    to = target(capabilities=narrowed(Setting.PASSWORD))
    held = number(sip=trunk(credentials=state))
    assert judged(held, to).why is WhyLeftOut.BLOCKED
    assert judged(held, to, accept=["credentials"]).why is MOVABLE


# -- what protects a trunk


def test_a_lost_allow_list_blocks_until_it_is_accepted_by_name() -> None:
    to = target(capabilities=narrowed(Setting.ALLOWED_ADDRESSES))
    verdict = judged(number(), to)
    (found,) = findings(verdict, "inbound.allowed_addresses")
    assert verdict.why is WhyLeftOut.BLOCKED
    assert (found.fate, found.consent, found.before) == (Fate.LOST, "allowed_addresses", "203.0.113.7")
    assert judged(number(), to, accept=["tls", "inbound_media_encryption"]).why is WhyLeftOut.BLOCKED
    accepted = judged(number(), to, accept={"allowed_addresses"})
    assert accepted.why is MOVABLE
    assert the(accepted, "inbound.allowed_addresses").accepted


def test_an_allow_list_that_nobody_tells_of_is_a_warning_when_the_target_would_be_open() -> None:
    (found,) = findings(judged(number(sip=trunk(allowed=None))), "inbound.allowed_addresses")
    assert (found.severity, found.fate) == (Severity.WARN, Fate.DEFAULTED)


def test_an_unknown_allow_list_is_never_taken_for_an_open_one() -> None:
    to = target(capabilities=narrowed(Setting.ALLOWED_ADDRESSES))
    (found,) = findings(judged(number(sip=trunk(allowed=None)), to), "inbound.allowed_addresses")
    assert "does not tell whether there is a list" in found.message


@pytest.mark.parametrize("allowed", [(), ("0.0.0.0/0",), ("0.0.0.0/1", "128.0.0.0/1")])
def test_an_open_list_is_written_only_with_consent(allowed: tuple[str, ...]) -> None:
    held = number(sip=trunk(allowed=allowed))
    assert judged(held).why is WhyLeftOut.BLOCKED
    assert judged(held, accept=["allowed_addresses"]).why is WhyLeftOut.BLOCKED
    assert judged(held, accept=["allow_any"]).why is MOVABLE


def test_an_entry_that_cannot_be_written_again_needs_an_answer() -> None:
    held = number(sip=trunk(allowed=("203.0.113.7", "pbx.example.com")))
    assert judged(held).why is WhyLeftOut.BLOCKED
    assert the(judged(held), "inbound.allowed_addresses").fate is Fate.NEEDS_INPUT
    answered = judged(held, mapping=_says(allowed_addresses=["203.0.113.7"]))
    assert answered.why is MOVABLE


def test_the_map_can_give_a_list_where_the_source_has_none() -> None:
    verdict = judged(number(sip=trunk(allowed=None)), mapping=_says(allowed_addresses=["198.51.100.0/24"]))
    assert the(verdict, "inbound.allowed_addresses").after == "198.51.100.0/24"


def test_an_open_list_in_the_map_needs_consent_as_well() -> None:
    assert judged(number(), mapping=_says(allowed_addresses=[])).why is WhyLeftOut.BLOCKED


@pytest.mark.parametrize("direction", ["inbound", "outbound"])
@pytest.mark.parametrize("level", [MediaEncryption.REQUIRE, MediaEncryption.ALLOW])
def test_lowered_media_encryption_blocks_until_accepted(direction: str, level: MediaEncryption) -> None:
    name = Setting(f"{direction}.media_encryption")
    other = "outbound" if direction == "inbound" else "inbound"
    held, to = number(sip=trunk(**{direction: level})), target(capabilities=narrowed(name))  # type: ignore[arg-type]
    verdict = judged(held, to)
    assert verdict.why is WhyLeftOut.BLOCKED
    assert the(verdict, name).before == level.value
    assert judged(held, to, accept=[f"{other}_media_encryption"]).why is WhyLeftOut.BLOCKED
    assert judged(held, to, accept=[f"{direction}_media_encryption"]).why is MOVABLE


def test_disabled_encryption_is_nothing_to_lose() -> None:
    held = number(sip=trunk(inbound=MediaEncryption.DISABLE))
    assert judged(held, target(capabilities=narrowed(Setting.INBOUND_ENCRYPTION))).why is MOVABLE


def test_an_unknown_level_of_encryption_blocks_and_is_never_written() -> None:
    held = number(sip=trunk(inbound=MediaEncryption.UNKNOWN, outbound=None, word="quantum"))
    verdict = judged(held)
    assert verdict.why is WhyLeftOut.BLOCKED
    assert "quantum" in the(verdict, "inbound.media_encryption").message
    assert judged(held, accept=["inbound_media_encryption"]).why is MOVABLE


def test_a_level_that_the_source_does_not_have_falls_to_the_targets_default() -> None:
    found = the(judged(number(sip=trunk(inbound=None))), "inbound.media_encryption")
    assert (found.fate, found.severity) == (Fate.DEFAULTED, Severity.INFO)


# -- agents

RECEPTION = AgentRef("east-1", version=AgentVersion.PUBLISHED)


def _agents(**choice: Any) -> MigrationMap:
    return MigrationMap.model_validate({"agents": [{"source": "east-1", **choice}]})


def test_an_agent_without_a_counterpart_blocks() -> None:
    found = the(judged(number(inbound_agent=RECEPTION)), "inbound_agent")
    assert (found.fate, found.severity, found.consent) == (Fate.NEEDS_INPUT, Severity.BLOCK, None)


def test_a_mapped_agent_shows_both_forms() -> None:
    choices = _agents(target="west-1", target_version="published")
    found = the(judged(number(inbound_agent=RECEPTION), mapping=choices), "inbound_agent")
    assert found.before == "agent east-1, version published"
    assert found.after == "agent west-1, version published"


def test_an_agent_that_is_dropped_on_purpose_is_a_warning() -> None:
    verdict = judged(number(inbound_agent=RECEPTION), mapping=_agents(drop=True))
    assert (verdict.why, the(verdict, "inbound_agent").severity) == (MOVABLE, Severity.WARN)


def test_a_target_that_cannot_be_told_the_agent_blocks_until_accepted() -> None:
    to = target(capabilities=narrowed(Setting.INBOUND_AGENT))
    held = number(inbound_agent=RECEPTION)
    assert judged(held, to).why is WhyLeftOut.BLOCKED
    assert judged(held, to, accept=["outbound_agent"]).why is WhyLeftOut.BLOCKED
    assert judged(held, to, accept=["inbound_agent"]).why is MOVABLE


def test_assigning_what_is_not_published_blocks_where_that_publishes() -> None:
    to = target(capabilities=narrowed(side_effects=PUBLISHING))
    held, literal = number(inbound_agent=RECEPTION), _agents(target="west-1", target_version="v7")
    assert judged(held, to, mapping=literal).why is WhyLeftOut.BLOCKED
    assert judged(held, to, mapping=literal, accept=["publishes"]).why is MOVABLE
    assert judged(held, to, mapping=_agents(target="west-1", target_version="published")).why is MOVABLE
    assert judged(held, target(), mapping=literal).why is MOVABLE


def test_a_number_without_agents_needs_no_map() -> None:
    assert judged(number()).why is MOVABLE


# -- what the target's own check says


def test_an_objection_of_the_adapter_blocks() -> None:
    def check(change: Change) -> list[Problem]:
        assert isinstance(change, NumberImport)
        error = UnsupportedField("west takes no such number", field="number", remedy="call somebody")
        return [Problem.of("number", error), Problem("outbound.address", "never tried")]

    verdict = judged(number(), target(check=check))
    assert verdict.why is WhyLeftOut.BLOCKED
    assert [(finding.field, finding.severity) for finding in verdict.findings[:2]] == [
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

    judged(number(label="본사"), target(check=check), mapping=_says(username="acme", password="env:CANARY_PW"))
    (change,) = seen
    assert (change.number, change.label) == ("+827011112222", "본사")
    assert change.outbound is not None
    assert change.outbound.password is not None
    assert change.outbound.password.get_secret_value() != "canary-secret"


# -- records that could not be read whole


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
    ("problem", "name", "consent"),
    [
        ("trunk.address: not an address", "outbound.address", "address"),
        ("trunk.allowed: not a list", "inbound.allowed_addresses", "allowed_addresses"),
        ("trunk: not an object", "inbound.allowed_addresses", "allowed_addresses"),
        ("agent.id: not a text", "inbound_agent", "inbound_agent"),
    ],
)
def test_a_setting_that_could_not_be_read_blocks_as_if_it_were_lost(problem: str, name: str, consent: str) -> None:
    held = number(sip=UNREAD, problems=(problem,))
    assert_blocks_until_accepted(held, name, problem, consent, source_capabilities=TELLING)


def assert_blocks_until_accepted(held: PhoneNumber, name: str, problem: str, consent: str, **given: Any) -> None:
    def told(verdict: AssessedNumber) -> Finding:
        (found,) = [finding for finding in findings(verdict, name) if problem in finding.message]
        return found

    assert told(judged(held, **given)).blocks
    accepted = told(judged(held, accept=[consent], **given))
    assert accepted.accepted
    assert not accepted.blocks


def test_what_was_read_in_part_is_judged_by_its_own_rule() -> None:
    held = number(inbound_agent=AgentRef("mine"), problems=("agent.version: not a word",))
    (found,) = [each for each in judged(held, source_capabilities=TELLING).findings if "not a word" in each.message]
    assert found.severity is Severity.WARN


def test_what_the_map_says_instead_need_not_be_readable() -> None:
    held = number(sip=UNREAD, problems=("trunk: not an object",))
    says = {"numbers": [held.identity.raw], "auth": "none", "address": "pbx.example.com", "allowed_addresses": ["::1"]}
    mapping = MigrationMap.model_validate({"trunks": [{"name": "a", **says}]})
    verdict = judged(held, mapping=mapping, source_capabilities=TELLING)
    assert [finding.field for finding in verdict.findings if finding.blocks] == []


@pytest.mark.parametrize("problem", ["name: not a text", "made_at: not a time"])
def test_what_endangers_nobody_is_a_warning_where_the_source_tells_which_field_is_which(problem: str) -> None:
    verdict = judged(number(problems=(problem,)), source_capabilities=TELLING)
    assert verdict.why is MOVABLE
    assert [finding.severity for finding in verdict.findings if problem in finding.message] == [Severity.WARN]


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
    verdict = judged(held, source_capabilities=client.capabilities)
    found = [finding for finding in verdict.findings if "could not be read" in finding.message]
    assert held.problems
    assert {finding.consent for finding in found if finding.blocks} - {None, "unreadable"}


def test_a_record_without_a_number_is_nothing_that_could_be_written() -> None:
    assert judged(number(" ")).why is WhyLeftOut.IDENTITY


# -- whatever comes

_ADDRESSES = (
    None, "pbx.example.com", "sip:pbx.example.com:5060", "sips:pbx.example.com", "sip:u@pbx.example.com;transport=tls",
    "sip:pbx.example.com;transport=udp;lr", "[2001:db8::5]:5060",
)  # fmt: skip
_LISTS = (None, (), ("203.0.113.7",), ("0.0.0.0/0",), ("*.example.com",), ("203.0.113.7/8",), ("a, b",))
_RAWS = ("07011112222", "+34911234567", "140001", "2001@pbx.example.com", "", "sip:x", "０７０", "911234567")
_AGENTS = (None, AgentRef("a-1"), AgentRef("a-1", version=AgentVersion.DRAFT), AgentRef("a-2", version="v7"))


@st.composite
def records(draw: st.DrawFn) -> PhoneNumber:
    level = st.sampled_from([None, *MediaEncryption])
    return number(
        draw(st.sampled_from(_RAWS)),
        id=draw(st.sampled_from("12345")),
        status=draw(st.sampled_from(list(NumberStatus))),
        origin=draw(st.sampled_from(list(Origin))),
        label=draw(st.none() | st.text(max_size=12)),
        sip=draw(
            st.builds(
                trunk,
                st.sampled_from(_ADDRESSES),
                username=st.sampled_from([None, "acme"]),
                credentials=st.sampled_from(list(CredentialState)),
                allowed=st.sampled_from(_LISTS),
                inbound=level,
                outbound=level,
            )
        ),
        inbound_agent=draw(st.sampled_from(_AGENTS)),
        outbound_agent=draw(st.sampled_from(_AGENTS)),
    )


@st.composite
def declarations(draw: st.DrawFn) -> Capabilities:
    kinds = draw(st.frozensets(st.sampled_from(list(NumberKind))))
    return narrowed(
        *draw(st.sets(st.sampled_from(list(Setting)))),
        region=draw(st.sampled_from(["KR", "ES"])),
        importable=draw(
            st.none() | st.just(ImportableNumbers(source="made up", kinds=kinds, as_is=frozenset({NumberKind.SERVICE})))
        ),
        address_forms=draw(st.none() | st.builds(AddressForms, source=st.just("made up"), sips=st.booleans())),
        side_effects=draw(st.sampled_from([{}, PUBLISHING])),
    )


MAPPED = MigrationMap.model_validate(
    {
        "agents": [{"source": "a-1", "target": "w-1", "target_version": "draft"}, {"source": "a-2", "drop": True}],
        "trunks": [{"name": "t", "source_address": "sip:pbx.example.com:5060", "auth": "none"}],
    }
)


@settings(deadline=None, max_examples=120)
@given(
    st.lists(records(), max_size=4, unique_by=lambda record: record.id),
    declarations(),
    st.sets(st.sampled_from(list(Consent))),
    st.sampled_from([MigrationMap(), MAPPED]),
)
def test_whatever_comes_every_number_gets_a_verdict_and_nothing_is_weakened_in_silence(
    held: list[PhoneNumber], declared: Capabilities, accept: set[Consent], mapping: MigrationMap
) -> None:
    given_: dict[str, Any] = {"accept": accept, "source_capabilities": WIDE}
    to = target(capabilities=declared)
    plan = make_plan(inventory(*held), to, mapping, **given_)
    verdicts = assess_inventory(inventory(*held), to, mapping=mapping, **given_).numbers
    assert len(verdicts) == len(held) == len(plan.numbers) + len(plan.left_out)
    assert str(plan)
    assert plan_page(plan)
    for planned in plan.numbers:
        sip, wanted = planned.source.sip, planned.wanted
        assert sip is not None
        if sip.inbound.allowed_addresses and (wanted.inbound is None or not wanted.inbound.allowed_addresses):
            assert accept & {Consent.ALLOWED_ADDRESSES, Consent.ALLOW_ANY}
        if wanted.inbound is not None and wanted.inbound.allow_any:
            assert Consent.ALLOW_ANY in accept
        address = None if wanted.outbound is None else wanted.outbound.address
        if sip.outbound.address is not None and sip.outbound.address.security == "tls":
            assert (address is not None and address.security == "tls") or accept & {Consent.TLS, Consent.ADDRESS}
        for name, half in (("inbound", wanted.inbound), ("outbound", wanted.outbound)):
            before = getattr(sip, name).media_encryption
            after = None if half is None else half.media_encryption
            if before in (MediaEncryption.REQUIRE, MediaEncryption.ALLOW) and after is not before:
                assert Consent(f"{name}_media_encryption") in accept or (name == "outbound" and address is None)
        if wanted.allow:
            assert Consent.PUBLISHES in accept


# -- names


def test_an_unknown_name_is_refused_with_those_there_are() -> None:
    with pytest.raises(InvalidInput, match="allowed_addresses, allow_any") as raised:
        judged(number(), accept=["everything"])
    assert "everything" not in str(raised.value)


def test_one_account_is_refused_as_its_own_target() -> None:
    held = inventory(number())
    with pytest.raises(InvalidInput, match="are one account"):
        assess_inventory(held, Target(held, WIDE), source_capabilities=WIDE)
    elsewhere = inventory(number(), connection="other-name")
    with pytest.raises(InvalidInput, match="are one account"):
        assess_inventory(held, Target(elsewhere, WIDE), source_capabilities=WIDE)


def test_two_accounts_of_one_provider_are_two_connections() -> None:
    one = inventory(number(id="1"), connection="one")
    other = inventory(number("+827033334444", id="2"), connection="other")
    assert assess_inventory(one, Target(other, WIDE), source_capabilities=WIDE).numbers[0].why is MOVABLE


def test_no_module_of_the_planner_names_a_vendor() -> None:
    folder = Path(assess_module.__file__).parent
    for name in ("assess", "crossing", "judging", "planner", "trunk_rules", "map_file", "map_draft", "target", "way"):
        source = (folder / f"{name}.py").read_text(encoding="utf-8").lower()
        assert not any(f"{vendor}" in source for vendor in ("vox", "diga", "livekit")), name


# -- with the vendors' emulators


@pytest.mark.parametrize(("here", "there"), [("vox", "diga"), ("diga", "vox")])
def test_assessing_two_real_accounts_writes_nothing_and_names_every_number(here: str, there: str) -> None:
    source, source_client = emulated(here)
    destination, target_client = emulated(there)
    from telephony_core.migration.inventory import take_inventory

    held = take_inventory(source_client, clock=CLOCK)
    assessment = assess_inventory(held, survey(target_client, clock=CLOCK))
    assert writes(source, destination) == []
    assert len(assessment.numbers) == len(source.records())
    assert {verdict.why for verdict in assessment.numbers} >= {
        WhyLeftOut.BLOCKED,
        WhyLeftOut.ALREADY_THERE,
        WhyLeftOut.PURCHASED,
        WhyLeftOut.IDENTITY,
        WhyLeftOut.OVER,
    }
    for verdict in assessment.numbers:
        assert verdict.why is None or verdict.message


def test_a_survey_by_async_code_is_the_same() -> None:
    import asyncio

    from telephony_core import AsyncTelephony

    emulator, client = emulated("diga")

    async def surveyed() -> Target:
        async with AsyncTelephony("diga", api_key=emulator.api_key, backend=emulator.backend()) as other:
            return await asurvey(other, clock=CLOCK)

    one, other = survey(client, clock=CLOCK), asyncio.run(surveyed())
    assert (one.inventory, one.capabilities, one.finds_by_number) == (
        other.inventory,
        other.capabilities,
        other.finds_by_number,
    )


def test_an_assessment_prints_itself_and_dumps_json() -> None:
    held = inventory(number(label="본사"), number("+827033334444", origin=Origin.PURCHASED))
    assessment = assess_inventory(held, target(), source_capabilities=WIDE)
    assert isinstance(assessment, Assessment)
    assert str(assessment).startswith(
        "east → west: 1 movable, 1 purchased\n\n+827011112222 “본사”: can be moved to west"
    )
    assert max(len(line) for line in assessment.lines(40)) <= 40
    dumped = json.loads(assessment.model_dump_json())
    assert [held["why"] for held in dumped["numbers"]] == [None, "purchased"]
    assert assessment.of("+827033334444").why is WhyLeftOut.PURCHASED
    with pytest.raises(InvalidInput):
        assessment.of("+827099999999")
