"""What somebody reads whose table was refused: the line, the column, what is wrong, and what to do about it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from telephony_core.errors import InvalidInput
from telephony_core.migration.assessment.target import TargetAccount, survey
from telephony_core.migration.changeset import table as module
from telephony_core.migration.changeset.table import COLUMNS, LONGEST_CELL, read_table
from telephony_core.migration.plan.findings import Severity
from telephony_core.testing import emulated, new_emulator
from tests.migration.changeset.tables import HEAD, REST, planned, refused, table
from tests.migration.stage import Stage

N = "+34612000001"
LONG = "x" * 60
SHOWN = "x" * 40
"""Of what somebody wrote, no more than this is repeated."""
ALL = f"the columns are: {', '.join(COLUMNS)}"
AS_TEXT = "give the column the format Text in the spreadsheet, enter the number again with its +, and save it"
OPEN = "name the carrier's addresses in `allowed_addresses`, or write yes in `allow_any` if it is meant"
NOT_SET = (
    "the environment variable that is named is not set, and its name may be the secret itself; "
    "write env: and the variable's name, without $, file: and a path, or prompt:"
)


def said(account: TargetAccount, file: Path) -> list[str]:
    return list(map(str, refused(account, file).row_problems))


@pytest.mark.parametrize(
    ("more", "cells", "what"),
    [
        ("", f"8.21E+11,A,{REST}", f"number: 8.21E+11 is what a spreadsheet makes of a long number: digits of it are "
         f"lost; {AS_TEXT}"),
        ("", f"={LONG},A,{REST}", f"number: ={SHOWN[1:]} is a formula, or what a spreadsheet shows in the place of a "
         f"value; {AS_TEXT}"),
        ("", f",A,{REST}", "number: the number is missing"),
        ("", f"12,A,{REST}", "number: the number 12 is neither valid E.164 nor a full national number in ES; "
         "give it in E.164, with + and country code"),
        ("", f"{N} ext. 4,A,{REST}", "number: the number has an extension, which no provider keeps with it; "
         "give the number alone"),
        ("", f"{N},A,a host,203.0.113.7", "address: the SIP address holds a blank or a control character; remove it, "
         "also at the ends"),
        ("", f"{N},A,pbx.example.com,", f"allowed_addresses: without an allow-list diga lets everybody call "
         f"in; {OPEN}"),
        ("", f"{N},A,pbx.example.com,0.0.0.0/0", "allowed_addresses: entry 1 of the allowed addresses lets a large "
         f"share of the internet call in; {OPEN}"),
        ("", f"{N},A,pbx.example.com", "it has 3 cells, and the header has 4"),
        ("", f"{N},A,{REST},B", "it has 5 cells, and the header has 4"),
        ("", f'{N},"A,{REST}', "its quotes do not fit together; quote a cell as a whole, and a quote in it twice"),
        ("", f"{N},{'A' * 200_000},{REST}", "a cell is too long; quote a cell as a whole, and a quote in it twice"),
        ("", f"{N},{'A' * (LONGEST_CELL + 1)},{REST}", "label: the cell has 4097 characters; at most 4096 are taken"),
        ("", f"648668887,A,{REST}", "number: 648668887 has no +, and may be +34648668887 or +648668887; "
         "write it with + and country code"),
        (",username,password", f"{N},A,{REST},acme,hunter2", "password: this is not a reference to a secret, and no "
         "password is ever written down; write env:NAME, file:PATH or prompt:"),
        (",username,password", f"{N},A,{REST},acme,", "password: it is missing: credentials are a pair or nothing"),
        (",username,password", f"{N},A,{REST},,prompt:", "username: it is missing: credentials are a pair or nothing"),
        (",username,password", f"{N},A,{REST},acme:1,prompt:", "username: may hold neither a colon nor control "
         "characters (it is hashed into the digest); copy it once more, or write a reference to it"),
        (",username,password", f"{N},A,{REST},acme,env:hunter2", f"password: {NOT_SET}"),
        (",username,password", f"{N},A,{REST},env:hunter2,prompt:", f"username: {NOT_SET}"),
        (",inbound_agent,inbound_agent_version", f"{N},A,{REST},,v1", "inbound_agent: there is a version, and no "
         "agent"),
        (",outbound_agent,outbound_agent_version", f"{N},A,{REST},a,", "outbound_agent_version: it is missing; "
         "say published, draft or the provider's own word"),
        (",inbound_media_encryption", f"{N},A,{REST},{LONG}", f"inbound_media_encryption: '{SHOWN}' is no word for it; "
         "write disable, allow, require"),
        (",outbound_media_encryption", f"{N},A,{REST},unknown", "outbound_media_encryption: 'unknown' is no word for "
         "it; write disable, allow, require"),
        (",allow_any", f"{N},A,{REST},{LONG}", f"allow_any: '{SHOWN}' is neither yes nor no; write yes, or leave it "
         "empty"),
        (",send_as_is", f"{N},A,{REST},perhaps", "send_as_is: 'perhaps' is neither yes nor no; write yes, or leave it "
         "empty"),
    ],
)  # fmt: skip
def test_a_row_of_a_spreadsheet_says_its_line_what_is_wrong_and_what_to_do(
    more: str, cells: str, what: str, diga: TargetAccount, tmp_path: Path
) -> None:
    comma = "" if what.startswith(("it", "a ")) and ":" not in what else ","
    before = "\n+34612000009,A,pbx.example.com,203.0.113.9" + "," * more.count(",")
    (line,) = said(diga, table(tmp_path, f"{HEAD}{more}{before}\n{cells}\n"))
    assert line == f"line 3{comma or ':'} {what}"


@pytest.mark.parametrize(
    ("cells", "what"),
    [
        ("1012345678,pbx.example.com,", "1012345678 has no +, and may be +821012345678; write it with + and country "
         "code"),
        ("140001,pbx.example.com,", "vox takes no service number or short code here: 140001; check its spelling, or "
         "write yes in `send_as_is`"),
    ],
)  # fmt: skip
def test_what_a_column_of_the_table_can_do_is_said_as_that(
    cells: str, what: str, vox: TargetAccount, tmp_path: Path
) -> None:
    assert said(vox, table(tmp_path, f"number,address,send_as_is\n{cells}\n")) == [f"line 2, number: {what}"]


@pytest.mark.parametrize(
    ("record", "what"),
    [
        ("{not json}", ": this is no JSON; write one object on each line"),
        ('["+34612000001"]', ": this is no object; write one object on each line"),
        (f'{{"number": "{N}", "{LONG}": 1, "{LONG}": 2}}', f", {SHOWN}: it is on this line twice; leave one of them "
         "out"),
        (f'{{"number": "{N}", "lable": "A"}}', f": there is no column 'lable'; do you mean `label`? {ALL}"),
        (f'{{"number": "{N}", "{LONG}": "A"}}', f": there is no column '{SHOWN}'; {ALL}"),
        ('{"number": 34612000001}', ", number: it is not text; write it in quotes"),
        (f'{{"number": "{N}", "label": true}}', ", label: it is not text; write it in quotes"),
        (f'{{"number": "{N}", "label": ["A"]}}', ", label: it is not text; write it in quotes"),
        (f'{{"number": "{N}", "allowed_addresses": ["203.0.113.7", 3]}}', ", allowed_addresses: it is not text; write "
         "it in quotes"),
        (f'{{"number": "{N}", "allowed_addresses": []}}', ", allowed_addresses: the list is empty; name addresses, or "
         "leave it out"),
        (f'{{"number": "{N}", "label": "{"A" * (LONGEST_CELL + 1)}"}}', ", label: the cell has 4097 characters; at "
         "most 4096 are taken"),
    ],
)  # fmt: skip
def test_a_line_of_json_says_what_is_wrong_and_what_to_do_and_the_lines_after_it_are_read(
    record: str, what: str, tmp_path: Path
) -> None:
    read = read_table(table(tmp_path, f'{{"number": "+34612000009"}}\n{record}\n{{"number": "+34612000008"}}\n'))
    assert [str(problem) for problem in read.problems] == [f"line 2{what}"]
    assert [row.cells["number"] for row in (read.rows[0], read.rows[-1])] == ["+34612000009", "+34612000008"]


@pytest.mark.parametrize(
    ("header", "what", "remedy"),
    [
        ("number,lable", "a column 'lable', which means nothing here", f"do you mean `label`? {ALL}"),
        (
            "number,inbound_agents",
            "a column 'inbound_agents', which means nothing here",
            f"do you mean `inbound_agent`? {ALL}",
        ),
        (f"number,{LONG}", f"a column '{SHOWN}', which means nothing here", ALL),
        ("number,", "a column without a name, which means nothing here", ALL),
        ("number,label,Label", "the column `label` twice", "leave one of them out"),
        ("phone", "no column `number` in its first line", f"give it a header; {ALL}"),
    ],
)
def test_a_header_that_is_none_is_refused_with_the_columns_that_there_are(
    header: str, what: str, remedy: str, tmp_path: Path
) -> None:
    file = table(tmp_path, f"{header}\n{N},A,B\n")
    with pytest.raises(InvalidInput) as error:
        read_table(file)
    assert (error.value.message, error.value.remedy) == (f"the table {file} has {what}", remedy)


def test_a_table_without_rows_says_where_they_belong(tmp_path: Path) -> None:
    file = table(tmp_path, f"{HEAD}\n,,,\n")
    with pytest.raises(InvalidInput) as error:
        read_table(file)
    assert error.value.cli_text == f"the table {file} has no row; put a number into it, under its header"


def test_rows_of_one_number_say_which_line_was_there_first(diga: TargetAccount, tmp_path: Path) -> None:
    rows = [f"{N},A,{REST}", f"+34 612 000 001,A,{REST}", f"0034612000001,B,{REST}"]
    assert said(diga, table(tmp_path, "\n".join([HEAD, *rows]))) == [
        f"line 3, number: {N} is on line 2, too, which this row repeats; keep one of them",
        f"line 4, number: {N} is on line 2, too, which this row contradicts; keep one of them",
    ]


@pytest.mark.parametrize(
    ("rows", "count"),
    [
        ([f"12,A,{REST}"], "1 problem in 1 row"),
        (["8.21E+11,A,a host,203.0.113.7"], "2 problems in 1 row"),
        ([f"12,A,{REST}", f"13,A,{REST}"], "2 problems in 2 rows"),
    ],
)
def test_how_much_is_wrong_is_said_first(rows: list[str], count: str, diga: TargetAccount, tmp_path: Path) -> None:
    file = table(tmp_path, "\n".join([HEAD, *rows]))
    error = refused(diga, file)
    assert error.cli_text == f"the table {file} has {count}; nothing was written; correct these rows, and run it again"


@pytest.mark.parametrize(("name", "header"), [("numbers.csv", 1), ("numbers.jsonl", 0)])
def test_a_table_with_more_rows_than_are_taken_is_read_as_far_as_that(
    name: str, header: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_ROWS", 3)
    numbers = [f"+3461200000{i}" for i in range(5)]
    lines = ["number", *numbers] if header else [f'{{"number": "{number}"}}' for number in numbers]
    enough = read_table(table(tmp_path, "\n".join(lines[: 3 + header]), name))
    assert (len(enough.rows), enough.problems) == (3, ())
    read = read_table(table(tmp_path, "\n".join(lines), name))
    assert [row.line for row in read.rows] == [line + header for line in (1, 2, 3)]
    assert list(map(str, read.problems)) == [f"line {4 + header}: the table has more than 3 rows; split it"]


# -- what the account has


def test_a_number_that_the_account_has_otherwise_says_how_and_what_to_do(stage: Stage, tmp_path: Path) -> None:
    id = stage.target.add(number=N, nickname="Other", sip_config={"termination_uri": "pbx.example.com"})
    with stage.client(stage.target) as client:
        account = survey(client)
    what, then = f"the account has this number ({id}) with", "correct the row, or change the number with"
    assert said(account, table(tmp_path, f"{HEAD}\n{N},A,{REST}\n")) == [
        f"line 2, label: {what} Other, and the row says A; {then} `telephony numbers set`",
        f"line 2, allowed_addresses: {what} not reported, and the row says 203.0.113.7; {then} `telephony numbers set`",
    ]


def test_a_label_that_is_empty_there_is_nothing(stage: Stage, tmp_path: Path) -> None:
    stage.target.add(number=N, nickname="Other")
    with stage.client(stage.target) as client:
        account = survey(client)
    numbers = tuple(record.model_copy(update={"label": ""}) for record in account.inventory.numbers)
    account = replace(account, inventory=account.inventory.model_copy(update={"numbers": numbers}))
    assert "with nothing, and the row says A" in said(account, table(tmp_path, f"{HEAD}\n{N},A,{REST}\n"))[0]


def test_a_number_of_which_the_account_has_two_records_is_refused(stage: Stage, tmp_path: Path) -> None:
    ids = [stage.target.add(number=N, nickname="A") for _ in range(2)]
    with stage.client(stage.target) as client:
        account = survey(client)
    file = table(tmp_path, f"{HEAD}\n{N},A,{REST}\n")
    assert f"the table {file} has 1 problem in 1 row" in refused(account, file).message
    (line,) = said(account, file)
    assert line.removesuffix("; release one of them") in {
        f"line 2, number: the account has 2 records of it: {', '.join(order)}" for order in (ids, ids[::-1])
    }
    assert line.endswith("; release one of them")


@pytest.mark.parametrize("column", ["inbound_agent", "outbound_agent"])
def test_an_agent_that_cannot_be_assigned_is_named_by_its_column(column: str, tmp_path: Path) -> None:
    file = table(tmp_path, f"number,address,allowed_addresses,{column},{column}_version\n{N},{REST},nobody,published\n")
    emulator = new_emulator("diga")
    with emulated("diga", emulator) as client:
        gone = planned(survey(client), file).numbers[0].desired
        agent = getattr(gone, column)
        account = survey(client, agents=[agent])
    problem = account.agents[agent]
    assert problem is not None
    remedy = f"; {problem.remedy}" if problem.remedy else ""
    file.write_text(f"{file.read_text()}+34612000002,{REST},nobody,published\n")
    assert said(account, file) == [
        f"line {line}, {column}: it cannot be assigned: {problem.message}{remedy}" for line in (2, 3)
    ]


def test_a_plan_that_lets_everybody_call_in_because_the_table_says_so_warns(
    diga: TargetAccount, tmp_path: Path
) -> None:
    text = f"number,address,allowed_addresses,allow_any\n{N},pbx.example.com,0.0.0.0/0,yes\n"
    (number,) = planned(diga, table(tmp_path, text)).numbers
    warned = {finding.field: finding for finding in number.findings}["inbound.allowed_addresses"]
    assert (warned.severity, warned.after) == (Severity.WARN, "0.0.0.0/0")
    assert "everybody, or a large share of the internet, may call in" in warned.message
