"""The map: suggestions that count for nothing, answers that are read strictly, secrets that are never in it."""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telephony_core import PUBLISHED, InvalidInput
from telephony_core.domain.agents import AgentRef, AgentVersion
from telephony_core.domain.sip import CredentialState
from telephony_core.migration.assessment.assess import assess_inventory
from telephony_core.migration.assessment.target import survey
from telephony_core.migration.inventory.inventory import take_inventory
from telephony_core.migration.mapping.draft import draft_map, save_map, toml_string
from telephony_core.migration.mapping.map_file import MapError, MigrationMap, reference_problem
from telephony_core.migration.plan.model import SkipReason
from telephony_core.migration.plan.planner import make_plan
from telephony_core.provider.capabilities import Admits, AllowListMeaning
from telephony_core.provider.capabilities import Field as Setting
from tests.migration.scenes import WIDE, emulated, inventory, number, supporting, target, trunk, writes

HEAD = 'format = "telephony-core migration map"\nversion = 1\n'
CANARY = "canary-hunter2"


def parsed(text: str) -> MigrationMap:
    return MigrationMap.parse(HEAD + text, where="map.toml")


def refusal(text: str) -> str:
    with pytest.raises(MapError) as raised:
        parsed(text)
    assert raised.value.remedy
    return raised.value.message


def on_trunk(raw: str = "+827011112222", address: str | None = "sip:pbx.example.com:5060", **sip: Any) -> Any:
    return number(raw, sip=trunk(address, credentials=CredentialState.UNKNOWN, **sip))


# -- the draft


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


# -- reading it


def test_a_whole_map_is_read() -> None:
    made = parsed(
        """
        source = "east"
        target = "west"
        [label]
        rule = "cut"
        [[agents]]
        source = "a-1"
        source_version = "published"
        target = "w-1"
        target_version = "v7"
        [[trunks]]
        name = "main"
        source_address = "sip:pbx.example.com"
        username = "acme"
        password = "file:/run/secrets/trunk"
        allowed_addresses = ["203.0.113.7"]
        """
    )
    assert made.agents[0].agent == AgentRef("w-1", version="v7")
    assert made.trunks[0].authentication == "digest"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1\n", "line 3: x: there is no such setting"),
        ('[label]\nx = 1\n[[agents]]\nsource = "a"\nx = 1\n', "line 7: [[agents]]: x: there is no such setting"),
        ('[labels]\nrule = "cut"\n', "line 3: labels: there is no such setting"),
        ('[label]\nrule = "shorten"\n', "line 4: [label]: rule: "),
        ('[[agents]]\nsource = "a"\nversion = "x"\n', "line 5: [[agents]]: version: there is no such setting"),
        ('[[agents]]\ntarget = "a"\n', "source: is missing"),
        ('[[agents]]\nsource = "a"\ntarget = "w"\n', "line 3: [[agents]]: target_version is missing"),
        ('[[agents]]\nsource = "a"\ntarget = ""\n', "line 5: [[agents]]: target: "),
        ('[[agents]]\nsource = "a"\ndrop = false\n', "line 5: [[agents]]: drop: "),
        ('[[agents]]\nsource = "a"\ndrop = true\ntarget = "w"\ntarget_version = "v1"\n', "drop says that there is no"),
        ('[[trunks]]\nname = "t"\n', "line 3: [[trunks]]: it does not say which numbers it is for"),
        ('[[trunks]]\nname = "t"\nnumbers = []\n', "line 5: [[trunks]]: numbers: "),
        ('[[trunks]]\nname = "t"\nnumbers = ["1"]\nauth = "basic"\n', "line 6: [[trunks]]: auth: "),
        ('[[trunks]]\nname = "t"\nnumbers = ["1"]\nauth = "none"\nusername = "u"\n', 'auth is "none", and a username'),
        ('[[trunks]]\nname = "t"\nnumbers = ["1"]\nusername = "u"\n', "password is missing"),
        ('[[trunks]]\nname = "t"\nnumbers = ["1"]\npassword = "env:X"\n', "username is missing"),
        ('[[trunks]]\nname = "t"\nnumbers = ["1"]\nauth = "digest"\n', "username and password is missing"),
        ('[[trunks]]\nname = "t"\nnumbers = ["1"]\nusername = "u"\npassword = "env:"\n', "does not say where"),
        (
            '[[trunks]]\nname = "t"\nnumbers = ["1"]\nallowed_addresses = ["pbx.example.com"]\n',
            "entry 1 of the allowed",
        ),
        ('[[trunks]]\nname = "t"\nsource_address = "http://x"\n', "line 5: [[trunks]]: source_address: "),
    ],
)
def test_a_fault_is_told_with_its_line(text: str, said: str) -> None:
    message = refusal(text)
    assert said in message
    assert message.startswith("map.toml: line ")


def test_all_faults_are_told_at_once() -> None:
    message = refusal('[label]\nrule = "x"\n[[agents]]\nsource = ""\n[[agents]]\nsource = "b"\nodd = 1\n')
    assert [line for line in (4, 6, 9) if f"line {line}:" in message] == [4, 6, 9]


def test_the_line_of_the_right_table_is_found_among_many() -> None:
    tables = "".join(f'[[trunks]]\nname = "t{count}"\nnumbers = ["{count}"]\n' for count in range(9))
    assert "line 32: [[trunks]]: password:" in refusal(
        f'{tables}[[trunks]]\nname = "last"\npassword = "not a reference"\nnumbers = ["x"]\n'
    )


@pytest.mark.parametrize(
    "text",
    [
        f'[[trunks]]\nname = "t"\nnumbers = ["1"]\nusername = "u"\npassword = "{CANARY}"\n',
        f'[[trunks]]\nname = "t"\nnumbers = ["1"]\nusername = "u:{CANARY}"\npassword = "env:X"\n',
        f'[[trunks]]\nname = "t"\nsource_address = "sip:bob:{CANARY}@pbx.example.com"\n',
        f'[[trunks]]\nname = "t"\nnumbers = ["1"]\naddress = "sip:bob:{CANARY}@pbx.example.com"\n',
        f'[[trunks]]\nname = "t"\nnumbers = ["1"]\nusername = "u"\npassword = {{ value = "{CANARY}" }}\n',
        f'[[trunks]]\nname = "t"\nnumbers = ["1"]\npassword = "{CANARY}\n',
        f'[[trunks]]\nname = "t"\nnumbers = ["1"]\nallowed_addresses = ["{CANARY}"]\n',
    ],
)
def test_a_secret_in_the_wrong_place_is_refused_and_never_repeated(text: str) -> None:
    with pytest.raises(MapError) as raised:
        parsed(text)
    shown, link = "", raised.value
    while link is not None:
        shown += f"{link} {link!r} {link.args} {vars(link)}"
        link = link.__cause__ or link.__context__  # type: ignore[assignment]
    assert CANARY not in shown


def test_a_password_itself_is_answered_with_what_to_write_instead() -> None:
    text = f'[[trunks]]\nname = "t"\nnumbers = ["1"]\nusername = "u"\npassword = "{CANARY}"\n'
    assert "write env:NAME, file:PATH or prompt:, never the password itself" in refusal(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("not toml at all", "is not valid TOML: .*line 1"),
        ("", "is not a migration map"),
        ('format = "something else"\n', "is not a migration map"),
        ('format = "telephony-core migration map"\n', "is of another version"),
        ('format = "telephony-core migration map"\nversion = 2\n', "is of another version"),
        ('format = "telephony-core migration map"\nversion = true\n', "is of another version"),
    ],
)
def test_what_is_no_map_of_this_version_is_refused(text: str, said: str) -> None:
    with pytest.raises(MapError, match=said):
        MigrationMap.parse(text)


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "map.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(MapError, match=r"map\.toml cannot be read"):
        MigrationMap.load(file)


def test_a_file_is_read_as_its_text_is(tmp_path: Path) -> None:
    (tmp_path / "map.toml").write_text(HEAD + 'source = "본사"\n', encoding="utf-8")
    assert MigrationMap.load(tmp_path / "map.toml").source == "본사"


@pytest.mark.parametrize(
    "text",
    [
        '[[agents]]\nsource = "a"\n[[agents]]\nsource = "a"\n',
        '[[trunks]]\nname = "t"\nnumbers = ["1"]\n[[trunks]]\nname = "t"\nnumbers = ["2"]\n',
        '[[trunks]]\nname = "t"\nnumbers = ["1"]\n[[trunks]]\nname = "u"\nnumbers = ["1"]\n',
        '[[trunks]]\nname = "t"\nsource_address = "h.example.com"\n'
        '[[trunks]]\nname = "u"\nsource_address = "sip:h.example.com"\n',
    ],
)
def test_two_entries_that_claim_the_same_are_refused(text: str) -> None:
    assert "is there 2 times" in refusal(text)
    assert "None" not in refusal(text)


# -- looking things up


def test_an_entry_for_a_version_goes_before_one_for_all() -> None:
    made = parsed(
        '[[agents]]\nsource = "a"\ndrop = true\n'
        '[[agents]]\nsource = "a"\nsource_version = "v7"\ntarget = "w"\ntarget_version = "draft"\n'
    )
    exact, general = made.agent(AgentRef("a", version="v7")), made.agent(AgentRef("a", version=None))
    assert exact is not None
    assert exact.agent == AgentRef("w", version=AgentVersion.DRAFT)
    assert general is not None
    assert general.drop
    assert made.agent(AgentRef("b")) is None


def test_an_entry_for_a_number_goes_before_one_for_its_trunk() -> None:
    made = parsed(
        '[[trunks]]\nname = "all"\nsource_address = "pbx.example.com:5060"\n'
        '[[trunks]]\nname = "user"\nsource_address = "pbx.example.com:5060"\nsource_username = "seoul"\n'
        '[[trunks]]\nname = "one"\nsource_address = "pbx.example.com:5060"\nnumbers = ["070-3333-4444"]\n'
    )

    others = [on_trunk("+827033334444", username="seoul")]

    def name(held: Any) -> str | None:
        entry = made.trunks_of([held, *others]).get(held.id)
        return None if entry is None else entry.name

    assert name(on_trunk("07011112222")) == "all"
    assert name(on_trunk("07011112222", username="seoul")) == "user"
    assert name(on_trunk("+827033334444", username="seoul")) == "one"
    assert name(on_trunk("07011112222", "sip:other.example.com")) is None


def test_an_entry_for_some_numbers_is_for_no_others_on_its_trunk() -> None:
    made = parsed('[[trunks]]\nname = "one"\nsource_address = "pbx.example.com:5060"\nnumbers = ["+827033334444"]\n')
    held = [on_trunk("+827011112222"), on_trunk("+827033334444")]
    assert list(made.trunks_of(held)) == [held[1].id]


def test_a_number_that_the_inventory_does_not_have_there_is_a_fault() -> None:
    made = parsed('[[trunks]]\nname = "one"\nsource_address = "pbx.example.com:5060"\nnumbers = ["+827033334444"]\n')
    made.trunks_of([on_trunk("+827033334444")])
    for held in (on_trunk("+827011112222"), on_trunk("+827033334444", "sip:other.example.com")):
        with pytest.raises(MapError, match=r"names a number that the inventory does not have on this trunk: \+8270333"):
            made.trunks_of([held])


AGENTS = '[[agents]]\nsource = "a-1"\n{version}target = "b-1"\ntarget_version = "published"\n'
TRUNK = '[[trunks]]\nname = "seoul"\nsource_address = "{address}"\n{user}auth = "none"\n'


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (
            TRUNK.format(address="pbx.exmaple.com:5060", user=""),
            r"\[\[trunks\]\] 'seoul' \(line 3\): no number of the inventory has source_address "
            r"sip:pbx.exmaple.com:5060; the most similar one there is sip:pbx.example.com:5060",
        ),
        (
            TRUNK.format(address="pbx.example.com:5060", user='source_username = "soeul"\n'),
            r"source_address sip:pbx.example.com:5060 with source_username 'soeul'; it is there with other settings",
        ),
        (
            AGENTS.format(version="").replace("a-1", "a-l"),
            r"\[\[agents\]\] \(line 3\): no number of the inventory has agent 'a-l'; the most similar one there is a-1",
        ),
        (
            AGENTS.format(version='source_version = "draft"\n'),
            r"agent 'a-1' in version 'draft'; it is there with other settings",
        ),
    ],
)
def test_a_table_that_is_for_nothing_in_the_inventory_is_refused_with_what_is_nearest(table: str, said: str) -> None:
    held = (
        number(inbound_agent=AgentRef("a-1", version=PUBLISHED)),
        number("+827033334444", sip=trunk("sip:other.example.com"), outbound_agent=AgentRef("z")),
    )
    with pytest.raises(MapError, match=said) as refused:
        make_plan(inventory(*held), target(), parsed(table), source_capabilities=WIDE)
    assert "take the table out of the map" in str(refused.value.remedy)


def test_every_table_that_is_for_nothing_is_told_at_once() -> None:
    made = parsed(AGENTS.format(version="") + TRUNK.format(address="a.example", user=""))
    with pytest.raises(MapError, match="2 tables of the map would have no effect") as refused:
        made.refuse_unused([])
    assert str(refused.value).count("it has none at all") == 2


def test_a_table_that_another_one_goes_before_is_for_something() -> None:
    general = TRUNK.format(address="pbx.example.com:5060", user="")
    one = '[[trunks]]\nname = "one"\nnumbers = ["+827011112222"]\nauth = "none"\n'
    parsed(general + one).refuse_unused([on_trunk("+827011112222")])


def test_a_map_for_other_connections_is_refused() -> None:
    for end in ("source", "target"):
        with pytest.raises(MapError, match=f"the map is for the {end} 'kr-old'"):
            assess_inventory(
                inventory(number()), target(), mapping=parsed(f'{end} = "kr-old"\n'), source_capabilities=WIDE
            )


# -- references


def test_an_environment_variable_is_there_when_it_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_PW", "x")
    assert reference_problem("env:SOME_PW") is None
    monkeypatch.setenv("SOME_PW", "")
    assert reference_problem("env:SOME_PW") == "the environment variable SOME_PW is not set here"


def test_a_file_is_there_when_it_can_be_read_and_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "secret"
    assert "is not there" in str(reference_problem(f"file:{file}"))
    file.write_text("")
    assert "is empty" in str(reference_problem(f"file:{file}"))
    file.write_text(CANARY)
    opened = os.open
    monkeypatch.setattr(
        os, "open", lambda *a, **k: pytest.fail("opened") if str(file) in str(a[0]) else opened(*a, **k)
    )
    monkeypatch.setattr("builtins.open", lambda *a, **k: pytest.fail("opened"))
    assert reference_problem(f"file:{file}") is None
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert "may not be read" in str(reference_problem(f"file:{file}"))
    assert "is not there" in str(reference_problem(f"file:{tmp_path}"))


def test_a_prompt_is_always_there_and_nothing_else_is_a_reference() -> None:
    assert reference_problem("prompt:") is None
    with pytest.raises(InvalidInput, match="not a reference") as raised:
        reference_problem(CANARY)
    assert CANARY not in str(raised.value)


# -- one number in two tables


def two_tables(one: str, other: str) -> str:
    return (
        f"[[trunks]]\nname = 'a'\nnumbers = [{toml_string(one)}]\n\n"
        f"[[trunks]]\nname = 'b'\nnumbers = [{toml_string(other)}]\n"
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("+827011112222", "+82 70-1111-2222"),
        ("+827011112222", "(+82) 70 1111 2222"),
        ("+827011112222", "+82\u00a070\u20111111\u20112222"),
        ("2001", "2001 "),
        ("2001", "20-01"),
        ("2001@pbx.example.com", "2001@pbx.example.com "),
    ],
)
def test_one_number_in_two_tables_is_refused_with_both_lines_in_any_spelling(one: str, other: str) -> None:
    message = refusal(two_tables(one, other))
    assert "line 5: the number" in message or "line 3: the number" in message
    assert message.count("is there 2 times") == 2


@pytest.mark.parametrize("other", ["070-1111-2222", "07011112222", "\uff10\uff17\uff1011112222", "8270 1111 2222"])
def test_one_number_in_two_tables_is_refused_where_only_its_country_shows_it(other: str) -> None:
    made = parsed(two_tables("+827011112222", other))
    with pytest.raises(
        MapError, match=r"two \[\[trunks\]\] name the number \+827011112222: 'a' \(line \d+\) and 'b' "
    ) as e:
        made.trunks_of([on_trunk()])
    first, second = re.findall(r"line (\d+)", str(e.value))
    lines = (HEAD + two_tables("+827011112222", other)).splitlines()
    assert (lines[int(first) - 1], lines[int(second) - 1]) == ("[[trunks]]", "[[trunks]]")
    assert int(first) < int(second)


def test_a_number_twice_in_one_table_harms_nobody() -> None:
    made = parsed("[[trunks]]\nname = 'a'\nnumbers = ['+827011112222', '070-1111-2222']\n")
    held = on_trunk()
    assert made.trunks_of([held]) == {held.id: made.trunks[0]}


def test_a_number_that_cannot_be_meant_is_refused_with_the_reason() -> None:
    made = parsed("[[trunks]]\nname = 'a'\nnumbers = ['+82 70 1111 2222 ext. 5']\n")
    with pytest.raises(InvalidInput, match="extension"):
        made.trunks_of([on_trunk()])
