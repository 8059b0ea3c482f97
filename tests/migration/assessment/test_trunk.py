"""The trunk: its address, its credentials, and what protects it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from telephony_core.domain.sip import CredentialState, MediaEncryption
from telephony_core.migration.assessment.context import NumberContext
from telephony_core.migration.assessment.field_mapping import map_fields
from telephony_core.migration.mapping.map_file import MigrationMap
from telephony_core.migration.plan.allowances import Allowance
from telephony_core.migration.plan.findings import FieldOutcome, Severity, SkipReason
from telephony_core.migration.plan.model import DesiredInbound, DesiredState, import_of
from telephony_core.provider.capabilities import Admits, Capabilities
from telephony_core.provider.capabilities import Field as Setting
from tests.migration.assessment.verdicts import MOVABLE, eligibility, findings, the, trunk_map
from tests.migration.scenes import (
    NO_PARTS,
    WIDE,
    meaning,
    narrowed,
    number,
    supporting,
    target,
    trunk,
)

# -- the trunk's address


def test_an_address_shows_the_form_in_which_the_target_takes_it() -> None:
    found = the(eligibility(number(), target(capabilities=narrowed(address_forms=NO_PARTS))), "outbound.address")
    assert (found.before, found.after) == ("sip:pbx.example.com:5060", "pbx.example.com:5060")


def test_an_absent_port_stays_absent() -> None:
    held = number(sip=trunk("sip:pbx.example.com"))
    found = the(eligibility(held, target(capabilities=narrowed(address_forms=NO_PARTS))), "outbound.address")
    assert found.after == "pbx.example.com"


@pytest.mark.parametrize("address", ["sips:pbx.example.com", "sip:pbx.example.com;transport=tls"])
def test_lost_tls_blocks_until_it_is_accepted_by_name(address: str) -> None:
    held, to = number(sip=trunk(address)), target(capabilities=narrowed(address_forms=NO_PARTS))
    result = eligibility(held, to)
    (found,) = findings(result, "outbound.address")
    assert (found.outcome, found.allowance, found.after) == (FieldOutcome.LOST, "tls", "sip:pbx.example.com")
    assert result.why is SkipReason.BLOCKED
    assert eligibility(held, to, allow=["lost_allow_list"]).why is SkipReason.BLOCKED
    assert eligibility(held, to, allow=["tls"]).why is MOVABLE


@pytest.mark.parametrize(
    ("address", "forms", "written"),
    [
        ("sips:pbx.example.com", {"transport": True}, "sip:pbx.example.com;transport=tls"),
        ("sip:pbx.example.com;transport=tls", {"sips": True}, "sips:pbx.example.com"),
    ],
)
def test_tls_that_can_be_said_in_another_form_is_converted(address: str, forms: dict[str, bool], written: str) -> None:
    to = target(capabilities=narrowed(address_forms=replace(NO_PARTS, **forms)))
    found = the(eligibility(number(sip=trunk(address)), to), "outbound.address")
    assert (found.outcome, found.after) == (FieldOutcome.CONVERTED, written)


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
    (found,) = findings(eligibility(held, to), "outbound.address")
    assert part in found.message
    assert eligibility(held, to, allow=["tls"]).why is SkipReason.BLOCKED
    assert eligibility(held, to, allow=["address_parts"]).why is MOVABLE


def test_an_address_from_the_map_takes_the_place_of_one_that_does_not_fit() -> None:
    choices = MigrationMap.model_validate(
        {"trunks": [{"name": "t", "source_address": "sip:acme@pbx.example.com", "address": "pbx.example.com"}]}
    )
    to = target(capabilities=narrowed(address_forms=NO_PARTS))
    result = eligibility(number(sip=trunk("sip:acme@pbx.example.com")), to, mapping=choices)
    assert result.why is MOVABLE
    assert the(result, "outbound.address").after == "pbx.example.com"


def test_an_address_from_the_map_cannot_take_tls_away_in_silence() -> None:
    choices = MigrationMap.model_validate(
        {"trunks": [{"name": "t", "source_address": "sips:pbx.example.com", "address": "pbx.example.com"}]}
    )
    held = number(sip=trunk("sips:pbx.example.com"))
    assert eligibility(held, mapping=choices).why is SkipReason.BLOCKED
    assert eligibility(held, mapping=choices, allow=["tls"]).why is MOVABLE


def test_tls_that_the_map_asks_for_is_not_left_out_in_silence() -> None:
    choices = MigrationMap.model_validate(
        {"trunks": [{"name": "t", "source_address": "pbx.example.com", "address": "sips:pbx.example.com"}]}
    )
    held, to = number(sip=trunk("pbx.example.com")), target(capabilities=narrowed(address_forms=NO_PARTS))
    assert eligibility(held, to, mapping=choices).why is SkipReason.BLOCKED
    assert eligibility(held, to, mapping=choices, allow=["tls"]).why is MOVABLE


def test_another_address_from_the_map_is_a_warning() -> None:
    choices = MigrationMap.model_validate(
        {"trunks": [{"name": "t", "source_address": "pbx.example.com", "address": "new.example.com"}]}
    )
    found = the(eligibility(number(sip=trunk("pbx.example.com")), mapping=choices), "outbound.address")
    assert (found.severity, found.before, found.after) == (Severity.WARN, "pbx.example.com", "new.example.com")


def test_an_address_that_loses_something_is_not_called_kept() -> None:
    held, to = number(sip=trunk("sip:acme@pbx.example.com")), target(capabilities=narrowed(address_forms=NO_PARTS))
    assert the(eligibility(held, to), "outbound.address").outcome is FieldOutcome.LOST


# -- what an address without a transport means


def over(default: str | None, **forms: bool) -> Capabilities:
    """`WIDE` with this transport for addresses that name none."""
    assert WIDE.address_forms is not None
    return narrowed(address_forms=replace(WIDE.address_forms, default_transport=default, **forms))


def test_a_bare_host_that_would_get_a_transport_that_the_source_does_not_say_is_a_warning() -> None:
    held = number(sip=trunk("pbx.example.com"))
    result = eligibility(held, target(capabilities=over("tcp")))
    found = the(result, "outbound.address")
    assert (result.why, found.severity, found.outcome) == (MOVABLE, Severity.WARN, FieldOutcome.DEFAULTED)
    assert (found.before, found.after) == ("pbx.example.com", "sip:pbx.example.com;transport=tcp")
    named = number(sip=trunk("sip:pbx.example.com;transport=udp"))
    assert the(eligibility(named, target(capabilities=over("tcp"))), "outbound.address").outcome is FieldOutcome.KEPT


@pytest.mark.parametrize("there", ["udp", None])
def test_a_bare_host_takes_the_transport_along_that_it_means_at_the_source(there: str | None) -> None:
    held, to = number(sip=trunk("pbx.example.com")), target(capabilities=over(there))
    found = the(eligibility(held, to, source_capabilities=over("tcp")), "outbound.address")
    assert (found.severity, found.outcome) == (Severity.INFO, FieldOutcome.CONVERTED)
    assert found.after == "sip:pbx.example.com;transport=tcp"


def test_a_bare_host_that_means_the_same_at_both_ends_stays_bare() -> None:
    held, to = number(sip=trunk("pbx.example.com")), target(capabilities=over("tcp"))
    found = the(eligibility(held, to, source_capabilities=over("tcp")), "outbound.address")
    assert (found.outcome, found.after) == (FieldOutcome.KEPT, "pbx.example.com")


def test_a_transport_that_the_target_has_no_place_for_and_uses_anyway_is_not_lost() -> None:
    to = target(capabilities=over("tcp", transport=False))
    for address, why in (("tcp", MOVABLE), ("udp", SkipReason.BLOCKED)):
        assert eligibility(number(sip=trunk(f"sip:pbx.example.com;transport={address}")), to).why is why


def test_a_bare_host_that_means_tls_at_the_source_is_not_moved_to_anything_less() -> None:
    held, to = number(sip=trunk("pbx.example.com")), target(capabilities=narrowed(address_forms=NO_PARTS))
    (found,) = findings(eligibility(held, to, source_capabilities=over("tls")), "outbound.address")
    assert (found.severity, found.allowance) == (Severity.BLOCK, "tls")


def test_an_address_of_the_map_shows_the_transport_that_it_means() -> None:
    choices = MigrationMap.model_validate(
        {"trunks": [{"name": "t", "source_address": "pbx.example.com", "address": "pbx.example.com"}]}
    )
    held = number(sip=trunk("pbx.example.com"))
    found = the(eligibility(held, target(capabilities=over("tcp")), mapping=choices), "outbound.address")
    assert (found.severity, found.after) == (Severity.WARN, "sip:pbx.example.com;transport=tcp")


@pytest.mark.parametrize(("there", "differs"), [("tcp", False), ("udp", True), (None, True)])
def test_a_number_that_is_there_already_is_compared_by_what_its_address_means(there: str | None, differs: bool) -> None:
    held = number(sip=trunk("sip:pbx.example.com;transport=tcp"))
    to = target(number(provider="west", sip=trunk("pbx.example.com")), capabilities=over(there))
    assert [found.field for found in findings(eligibility(held, to), "outbound.address")] == (
        ["outbound.address"] if differs else []
    )


def test_a_target_that_needs_an_address_gets_one_from_the_map_or_blocks() -> None:
    held, to = number(sip=trunk(None)), target(capabilities=supporting(Setting.ADDRESS, required_on_import=True))
    assert eligibility(held, to).why is SkipReason.BLOCKED
    choices = MigrationMap.model_validate(
        {"trunks": [{"name": "t", "numbers": ["+827011112222"], "address": "pbx.example.com", "auth": "none"}]}
    )
    assert eligibility(held, to, mapping=choices).why is MOVABLE


def test_a_number_without_address_is_told_to_be_for_receiving_only() -> None:
    result = eligibility(number(sip=trunk(None)))
    assert result.why is MOVABLE
    assert "only receive calls" in the(result, "outbound.address").message
    assert not [finding for finding in result.findings if finding.field == "outbound.media_encryption"]


def test_a_target_without_a_place_for_the_address_blocks_until_accepted() -> None:
    to = target(capabilities=narrowed(Setting.ADDRESS))
    assert eligibility(number(), to).why is SkipReason.BLOCKED
    assert eligibility(number(), to, allow=["address"]).why is MOVABLE


# -- credentials


@pytest.mark.parametrize("state", [CredentialState.SET, CredentialState.UNKNOWN])
def test_credentials_that_may_exist_need_an_answer(state: CredentialState) -> None:
    result = eligibility(number(sip=trunk(credentials=state)))
    assert result.why is SkipReason.BLOCKED
    found = the(result, "outbound.password")
    assert (found.outcome, found.allowance) == (FieldOutcome.NEEDS_INPUT, None)


def test_a_trunk_known_to_have_no_credentials_needs_no_answer() -> None:
    assert eligibility(number(sip=trunk(credentials=CredentialState.NONE))).why is MOVABLE


def test_auth_none_is_an_answer_and_a_warning_where_the_source_has_credentials() -> None:
    unknown = eligibility(number(sip=trunk(credentials=CredentialState.UNKNOWN)), mapping=trunk_map(auth="none"))
    assert (unknown.why, the(unknown, "outbound.password").severity) == (MOVABLE, Severity.INFO)
    known = eligibility(
        number(sip=trunk(credentials=CredentialState.SET, username="a")), mapping=trunk_map(auth="none")
    )
    assert (known.why, the(known, "outbound.password").severity) == (MOVABLE, Severity.WARN)


def test_a_reference_that_leads_nowhere_blocks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    held = number(sip=trunk(credentials=CredentialState.UNKNOWN))
    monkeypatch.delenv("CANARY_PW", raising=False)
    choices = trunk_map(username="acme", password="env:CANARY_PW")
    assert eligibility(held, mapping=choices).why is SkipReason.BLOCKED
    monkeypatch.setenv("CANARY_PW", "canary-secret")
    result = eligibility(held, mapping=choices)
    assert result.why is MOVABLE
    assert "canary-secret" not in result.model_dump_json()


def test_another_user_than_the_source_has_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PW", "x")
    held = number(sip=trunk(credentials=CredentialState.SET, username="seoul"))
    (found,) = findings(eligibility(held, mapping=trunk_map(username="busan", password="env:PW")), "outbound.username")
    assert (found.before, found.after) == ("seoul", "busan")


@pytest.mark.parametrize("state", [CredentialState.SET, CredentialState.UNKNOWN])
def test_a_target_that_cannot_authenticate_blocks_until_accepted(state: CredentialState) -> None:
    to = target(capabilities=narrowed(Setting.PASSWORD))
    held = number(sip=trunk(credentials=state))
    assert eligibility(held, to).why is SkipReason.BLOCKED
    assert eligibility(held, to, allow=["credentials"]).why is MOVABLE


# -- what protects a trunk


def test_a_lost_allow_list_blocks_until_it_is_accepted_by_name() -> None:
    to = target(capabilities=narrowed(Setting.ALLOWED_ADDRESSES))
    result = eligibility(number(), to)
    (found,) = findings(result, "inbound.allowed_addresses")
    assert result.why is SkipReason.BLOCKED
    assert (found.outcome, found.allowance, found.before) == (FieldOutcome.LOST, "lost_allow_list", "203.0.113.7")
    assert eligibility(number(), to, allow=["tls", "inbound_media_encryption"]).why is SkipReason.BLOCKED
    allowed = eligibility(number(), to, allow={"lost_allow_list"})
    assert allowed.why is MOVABLE
    assert the(allowed, "inbound.allowed_addresses").allowed


@pytest.mark.parametrize("admits", [Admits.EVERYBODY, Admits.UNKNOWN, None])
def test_an_allow_list_that_nobody_tells_of_blocks_where_the_target_may_be_open_without_one(
    admits: Admits | None,
) -> None:
    held, to = number(sip=trunk(allowed=None)), target(capabilities=meaning(missing=admits))
    (found,) = findings(eligibility(held, to), "inbound.allowed_addresses")
    assert eligibility(held, to).why is SkipReason.BLOCKED
    assert (found.severity, found.outcome, found.allowance) == (Severity.BLOCK, FieldOutcome.DEFAULTED, "any_caller")
    assert "`allowed_addresses`" in (found.remedy or "")
    assert eligibility(held, to, allow=["lost_allow_list"]).why is SkipReason.BLOCKED
    assert eligibility(held, to, allow=["any_caller"]).why is MOVABLE
    assert eligibility(held, to, mapping=trunk_map(allowed_addresses=["203.0.113.7"])).why is MOVABLE


def test_an_allow_list_that_nobody_tells_of_is_said_where_the_target_lets_nobody_in_without_one() -> None:
    result = eligibility(number(sip=trunk(allowed=None)), target(capabilities=meaning(missing=Admits.NOBODY)))
    (found,) = findings(result, "inbound.allowed_addresses")
    assert (result.why, found.severity, found.outcome) == (MOVABLE, Severity.WARN, FieldOutcome.DEFAULTED)
    assert "lets nobody call in" in found.message


def test_consent_to_an_open_trunk_goes_into_the_plan_with_the_missing_list() -> None:
    held = number(sip=trunk(allowed=None))
    context = NumberContext(WIDE, WIDE, "east", "west", MigrationMap(), frozenset({Allowance.ANY_CALLER}), held)
    inbound = map_fields(context)[0].inbound
    assert inbound is not None
    assert (inbound.allowed_addresses, inbound.allow_any) == (None, True)
    change = import_of(DesiredState(number="+827011112222", inbound=DesiredInbound(allow_any=True)))
    assert change.inbound is not None
    assert (change.inbound.allow_any, change.inbound.changes) == (True, frozenset())


@pytest.mark.parametrize(
    ("here", "there", "why"),
    [
        (Admits.EVERYBODY, Admits.NOBODY, SkipReason.BLOCKED),
        (Admits.NOBODY, Admits.EVERYBODY, SkipReason.BLOCKED),
        (Admits.NOBODY, Admits.UNKNOWN, SkipReason.BLOCKED),
        (Admits.NOBODY, Admits.NOBODY, MOVABLE),
    ],
)
def test_an_empty_list_never_turns_into_its_opposite(here: Admits, there: Admits, why: SkipReason | None) -> None:
    held = number(sip=trunk(allowed=()))
    given = {"source_capabilities": meaning(empty=here), "allow": ["any_caller"] if why is not None else []}
    assert eligibility(held, target(capabilities=meaning(empty=there)), **given).why is why


def test_an_unknown_allow_list_is_never_taken_for_an_open_one() -> None:
    to = target(capabilities=narrowed(Setting.ALLOWED_ADDRESSES))
    (found,) = findings(eligibility(number(sip=trunk(allowed=None)), to), "inbound.allowed_addresses")
    assert "does not report whether there is a list" in found.message


@pytest.mark.parametrize("allowed", [(), ("0.0.0.0/0",), ("0.0.0.0/1", "128.0.0.0/1"), ("8.0.0.0/8",), ("2002::/16",)])
def test_an_open_list_is_written_only_with_consent(allowed: tuple[str, ...]) -> None:
    held = number(sip=trunk(allowed=allowed))
    assert eligibility(held).why is SkipReason.BLOCKED
    assert eligibility(held, allow=["lost_allow_list"]).why is SkipReason.BLOCKED
    assert eligibility(held, allow=["any_caller"]).why is MOVABLE


def test_an_entry_that_cannot_be_written_again_needs_an_answer() -> None:
    held = number(sip=trunk(allowed=("203.0.113.7", "pbx.example.com")))
    assert eligibility(held).why is SkipReason.BLOCKED
    assert the(eligibility(held), "inbound.allowed_addresses").outcome is FieldOutcome.NEEDS_INPUT
    answered = eligibility(held, mapping=trunk_map(allowed_addresses=["203.0.113.7"]))
    assert answered.why is MOVABLE


def test_the_map_can_give_a_list_where_the_source_has_none() -> None:
    result = eligibility(number(sip=trunk(allowed=None)), mapping=trunk_map(allowed_addresses=["198.51.100.0/24"]))
    assert the(result, "inbound.allowed_addresses").after == "198.51.100.0/24"


def test_an_open_list_in_the_map_needs_allow_as_well() -> None:
    assert eligibility(number(), mapping=trunk_map(allowed_addresses=[])).why is SkipReason.BLOCKED


@pytest.mark.parametrize("direction", ["inbound", "outbound"])
@pytest.mark.parametrize("level", [MediaEncryption.REQUIRE, MediaEncryption.ALLOW])
def test_lowered_media_encryption_blocks_until_accepted(direction: str, level: MediaEncryption) -> None:
    name = Setting(f"{direction}.media_encryption")
    other = "outbound" if direction == "inbound" else "inbound"
    held, to = number(sip=trunk(**{direction: level})), target(capabilities=narrowed(name))
    result = eligibility(held, to)
    assert result.why is SkipReason.BLOCKED
    assert the(result, name).before == level.value
    assert eligibility(held, to, allow=[f"{other}_media_encryption"]).why is SkipReason.BLOCKED
    assert eligibility(held, to, allow=[f"{direction}_media_encryption"]).why is MOVABLE


def test_disabled_encryption_is_nothing_to_lose() -> None:
    held = number(sip=trunk(inbound=MediaEncryption.DISABLE))
    assert eligibility(held, target(capabilities=narrowed(Setting.INBOUND_ENCRYPTION))).why is MOVABLE


def test_an_unknown_level_of_encryption_blocks_and_is_never_written() -> None:
    held = number(sip=trunk(inbound=MediaEncryption.UNKNOWN, outbound=None, word="quantum"))
    result = eligibility(held)
    assert result.why is SkipReason.BLOCKED
    assert "quantum" in the(result, "inbound.media_encryption").message
    assert eligibility(held, allow=["inbound_media_encryption"]).why is MOVABLE


def test_a_level_that_the_source_does_not_have_falls_to_the_targets_default() -> None:
    found = the(eligibility(number(sip=trunk(inbound=None))), "inbound.media_encryption")
    assert (found.outcome, found.severity) == (FieldOutcome.DEFAULTED, Severity.INFO)


# -- what references lead to


SECRET = "canary-hunter2"
UNUSABLE = {
    "is the mask": b"********",
    "is the mask, shown": "\u2022\u2022\u2022\u2022\u2022\u2022".encode(),
    "is the mask, of a dump": b"SecretStr('**********')",
    "begins with a byte order mark": b"\xef\xbb\xbf" + SECRET.encode(),
    "holds a control character": f"{SECRET}\x07".encode(),
    "holds a line break": f"{SECRET}\nmore\n".encode(),
    "holds an invisible character": f"{SECRET}\u200b".encode(),
    "is UTF-16 text": SECRET.encode("utf-16"),
    "is not UTF-8": b"\xff\xfa" + SECRET.encode(),
    "is empty": b"\n",
    "has more than": b"x" * 70_000,
}


@pytest.mark.parametrize("said", UNUSABLE)
@pytest.mark.parametrize("setting", ["username", "password"])
def test_what_a_file_holds_that_cannot_be_meant_is_found_when_the_plan_is_made(
    said: str, setting: str, tmp_path: Path
) -> None:
    file = tmp_path / "secret"
    file.write_bytes(UNUSABLE[said])
    choices = trunk_map(**{"username": "acme", "password": "prompt:", setting: f"file:{file}"})
    result = eligibility(number(sip=trunk(credentials=CredentialState.SET)), mapping=choices)
    assert result.why is SkipReason.BLOCKED
    blocking = [found for found in findings(result, f"outbound.{setting}") if found.severity is Severity.BLOCK]
    assert [str(file) in found.message for found in blocking] == [True]
    assert said.partition(",")[0] in blocking[0].message
    assert "put the secret itself there" in str(blocking[0].remedy)
    assert SECRET not in str(result.model_dump())


@pytest.mark.parametrize("setting", ["username", "password"])
def test_a_variable_that_holds_a_mask_is_found_when_the_plan_is_made(
    setting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CANARY_PW", "*****")
    choices = trunk_map(**{"username": "acme", "password": "prompt:", setting: "env:CANARY_PW"})
    result = eligibility(number(sip=trunk(credentials=CredentialState.SET)), mapping=choices)
    assert result.why is SkipReason.BLOCKED
    assert "is the mask" in str(findings(result, f"outbound.{setting}"))


def test_what_can_be_meant_is_read_and_kept_nowhere(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET + "\n")
    choices = trunk_map(username=f"file:{tmp_path}/secret", password=f"file:{tmp_path}/secret")
    result = eligibility(number(sip=trunk(credentials=CredentialState.SET)), mapping=choices)
    assert result.why is None
    assert SECRET not in str(result.model_dump())
