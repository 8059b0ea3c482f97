"""Maps are read strictly: faults by their lines, no secret in them, nothing that is there twice."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from telephony_core import InvalidInput
from telephony_core.domain.agents import AgentRef
from telephony_core.migration.mapping.draft import toml_string
from telephony_core.migration.mapping.map_file import MapError, MigrationMap, reference_problem
from tests.migration.mapping.maps import HEAD, on_trunk, parsed, refusal

CANARY = "canary-hunter2"


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
        link = link.__cause__ or link.__context__
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


# -- one thing in two tables


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
