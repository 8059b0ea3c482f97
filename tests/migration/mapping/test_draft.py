"""A map that was drafted from an inventory: what it asks for, and that a suggestion counts for nothing."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telephony_core.domain.agents import AgentRef, AgentVersion
from telephony_core.domain.sip import CredentialState
from telephony_core.migration.assessment.assess import assess_inventory
from telephony_core.migration.assessment.target import survey
from telephony_core.migration.inventory.inventory import take_inventory
from telephony_core.migration.mapping.draft import draft_map, save_map, toml_string
from telephony_core.migration.mapping.map_file import MigrationMap
from telephony_core.migration.plan.findings import SkipReason
from telephony_core.provider.capabilities import Admits, AllowListMeaning
from telephony_core.provider.capabilities import Field as Setting
from tests.migration.mapping.maps import on_trunk
from tests.migration.scenes import WIDE, emulated, inventory, number, supporting, target, trunk, writes


def test_a_draft_asks_for_every_agent_and_every_trunk_and_answers_none() -> None:
    held = inventory(
        on_trunk("+827011112222"),
        number(
            "+827033334444",
            sip=trunk("sip:other.example.com", credentials=CredentialState.SET, username="seoul"),
            inbound_agent=AgentRef("a-1", version=AgentVersion.PUBLISHED),
            outbound_agent=AgentRef("a-2", version="v7"),
        ),
    )
    made = MigrationMap.parse(draft_map(held, target(), source_capabilities=WIDE))
    assert [(entry.source, entry.source_version) for entry in made.agents] == [("a-1", "published"), ("a-2", "v7")]
    assert [str(entry.source_address) for entry in made.trunks] == ["sip:other.example.com", "sip:pbx.example.com:5060"]
    assert made.trunks[0].source_username == "seoul"
    assert all(entry.agent is None and not entry.drop for entry in made.agents)
    assert all(entry.authentication is None and entry.address is None for entry in made.trunks)


@pytest.mark.parametrize(
    ("admits", "said", "is_moved"),
    [
        (Admits.EVERYBODY, "it needs --allow any_caller", False),
        (Admits.UNKNOWN, "it needs --allow any_caller", False),
        (Admits.NOBODY, "nobody can call in", True),
    ],
)
def test_a_draft_says_of_a_missing_allow_list_what_the_plan_does(admits: Admits, said: str, is_moved: bool) -> None:
    held = inventory(number("+827011112222", sip=trunk(allowed=None)))
    meaning = AllowListMeaning(when_missing=admits, when_empty=admits, source="test")
    there = target(capabilities=replace(WIDE, allow_list=meaning))
    text = draft_map(held, there, source_capabilities=WIDE)
    assert f"where its calls come from; without it, {said}" in text
    (eligibility,) = assess_inventory(held, there, mapping=MigrationMap.parse(text), source_capabilities=WIDE).numbers
    assert is_moved is not any(f.field == "inbound.allowed_addresses" and f.blocks for f in eligibility.findings)


def test_a_table_asks_for_what_any_of_its_numbers_lacks() -> None:
    first = number("+827011112222", sip=trunk(credentials=CredentialState.NONE, allowed=("203.0.113.7",)))
    other = number("+827033334444", sip=trunk(credentials=CredentialState.UNKNOWN, allowed=None))
    text = draft_map(inventory(first, other), target(), source_capabilities=WIDE)
    assert text.count("[[trunks]]") == 1
    assert "# password = " in text
    assert "# allowed_addresses = " in text


def test_a_draft_that_nobody_edited_moves_nothing_that_needed_an_answer() -> None:
    held = inventory(on_trunk(), number("+827033334444", inbound_agent=AgentRef("a-1")))
    made = MigrationMap.parse(draft_map(held, target(), source_capabilities=WIDE))
    verdicts = assess_inventory(held, target(), mapping=made, source_capabilities=WIDE).numbers
    assert [result.why for result in verdicts] == [SkipReason.BLOCKED, SkipReason.BLOCKED]


def test_taking_the_comment_sign_away_is_all_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUNK_1_PASSWORD", "x")
    held = inventory(number(sip=trunk(credentials=CredentialState.SET, username="acme")))
    draft = draft_map(held, target(), source_capabilities=WIDE)
    edited = re.sub(r"^# (username|password) = ", r"\1 = ", draft, flags=re.M)
    made = MigrationMap.parse(edited)
    assert (made.trunks[0].username, made.trunks[0].password) == ("acme", "env:TRUNK_1_PASSWORD")
    assert assess_inventory(held, target(), mapping=made, source_capabilities=WIDE).numbers[0].why is None


def test_numbers_on_one_trunk_share_one_table() -> None:
    held = inventory(*(on_trunk(f"+8270111122{count:02d}") for count in range(20)))
    made = MigrationMap.parse(draft := draft_map(held, target(), source_capabilities=WIDE))
    assert len(made.trunks) == 1
    assert "# 20 numbers: +827011112200, " in draft
    assert "and 12 more." in draft


def test_one_trunk_spelled_twice_is_one_table() -> None:
    held = inventory(on_trunk(), on_trunk("+827033334444", "pbx.example.com:5060"))
    assert len(MigrationMap.parse(draft_map(held, target(), source_capabilities=WIDE)).trunks) == 1


def test_numbers_without_an_address_are_asked_one_by_one() -> None:
    held = inventory(on_trunk(address=None), on_trunk("+827033334444", None))
    made = MigrationMap.parse(draft_map(held, target(), source_capabilities=WIDE))
    assert [entry.numbers for entry in made.trunks] == [("+827011112222",), ("+827033334444",)]


def test_numbers_that_cannot_be_moved_are_not_asked_about() -> None:
    from telephony_core.domain.lifecycle import NumberStatus, Origin

    held = inventory(
        number(origin=Origin.PURCHASED, inbound_agent=AgentRef("a-1")),
        number("+827033334444", status=NumberStatus.RELEASED, inbound_agent=AgentRef("a-2")),
    )
    made = MigrationMap.parse(draft_map(held, target(), source_capabilities=WIDE))
    assert (made.agents, made.trunks) == ((), ())


def test_a_label_rule_is_asked_for_only_where_a_label_does_not_fit() -> None:
    to = target(capabilities=supporting(Setting.LABEL, max_length=3))
    assert "[label]" in draft_map(inventory(number(label="long")), to, source_capabilities=WIDE)
    assert "[label]" not in draft_map(inventory(number(label="abc")), to, source_capabilities=WIDE)


def test_a_label_for_numbers_without_one_is_asked_for_only_where_the_target_needs_one() -> None:
    to = target(capabilities=supporting(Setting.LABEL, required_on_import=True))
    draft = draft_map(inventory(number(), number("+827033334444", label="abc")), to, source_capabilities=WIDE)
    assert "+827011112222" in draft.partition("[label]")[2].partition("# default = ")[0]
    assert "[label]" not in draft_map(inventory(number(label="abc")), to, source_capabilities=WIDE)
    assert "[label]" not in draft_map(inventory(number()), target(), source_capabilities=WIDE)


def test_a_number_that_is_on_both_sides_suggests_its_agent() -> None:
    held = inventory(
        number(inbound_agent=AgentRef("east-1")), number("+827033334444", inbound_agent=AgentRef("east-1"))
    )
    there = number(provider="west", inbound_agent=AgentRef("west-1"))
    draft = draft_map(held, target(there), source_capabilities=WIDE)
    assert '# target = "west-1"  # +827011112222 has it there' in draft
    assert MigrationMap.parse(draft).agents[0].target is None


def test_labels_and_ids_cannot_break_out_of_a_draft() -> None:
    evil = 'x"\n[[trunks]]\nname = "evil"\n'
    held = inventory(
        number(evil, inbound_agent=AgentRef(evil, version=evil), sip=trunk(None, credentials=CredentialState.UNKNOWN))
    )
    made = MigrationMap.parse(draft_map(held, target(), source_capabilities=WIDE))
    assert [(entry.name, entry.numbers) for entry in made.trunks] == [("trunk-1", (evil,))]
    assert [(entry.source, entry.source_version) for entry in made.agents] == [(evil, evil)]


@settings(deadline=None, max_examples=300)
@given(st.text(st.characters(codec="utf-8")))
def test_any_text_is_read_back_as_it_was_written(text: str) -> None:
    assert tomllib.loads(f"x = {toml_string(text)}") == {"x": text}


@pytest.mark.parametrize(("here", "there"), [("vox", "diga"), ("diga", "vox")])
def test_a_draft_for_two_real_accounts_is_read_back_and_writes_nothing(here: str, there: str) -> None:
    source, source_client = emulated(here)
    destination, target_client = emulated(there)
    draft = draft_map(take_inventory(source_client), survey(target_client))
    made = MigrationMap.parse(draft)
    assert made.trunks
    assert made.agents
    assert max(map(len, draft.splitlines())) <= 120
    assert writes(source, destination) == []


def test_a_map_is_not_overwritten_unless_told(tmp_path: Path) -> None:
    from telephony_core.errors import MigrationError

    save_map("one", tmp_path / "map.toml")
    with pytest.raises(MigrationError, match="exists already"):
        save_map("two", tmp_path / "map.toml")
    save_map("two", tmp_path / "map.toml", overwrite=True)
    assert (tmp_path / "map.toml").read_text() == "two"
