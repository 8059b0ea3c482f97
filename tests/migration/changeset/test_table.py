"""Tables as spreadsheets write them: what lost nothing is read, everything else is named by its line, all at once."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from telephony_core.errors import InvalidInput
from telephony_core.migration.assessment.target import TargetAccount, survey
from telephony_core.migration.changeset.import_planner import plan_imports
from telephony_core.migration.changeset.table import LONGEST_CELL, TableRefused, read_table
from tests.migration.changeset.tables import HEAD, REST, planned, problems, table
from tests.migration.stage import Stage

# -- what is refused, by its line


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ("8.21E+11", "digits of it are lost"),
        ("8,21E+11", "digits of it are lost"),
        ("34612000001.0", "its + or its zeros may be lost"),
        ("2026-11-27", "a date"),
        ("01/02/2003", "a date"),
        ("", "the number is missing"),
        ("+34 612 000 001 ext. 4", "extension"),
        ("Nov-26", "a date"),
        ("26-nov", "a date"),
        ("1 Sept. 2026", "a date"),
        ("11월 26일", "a date"),
        ("=1+1", "a formula"),
        ("=+82311112222", "a formula"),
        ("#REF!", "in the place of a value"),
        ("#N/A", "in the place of a value"),
        ("########", "in the place of a value"),
    ],
)
def test_what_a_spreadsheet_made_of_a_number_is_refused(
    cell: str, why: str, diga: TargetAccount, tmp_path: Path
) -> None:
    with pytest.raises(TableRefused) as refused:
        planned(diga, table(tmp_path, f'{HEAD}\n"{cell}",A,{REST}\n'))
    (problem,) = refused.value.row_problems
    assert (problem.line, problem.column) == (2, "number")
    assert why in problem.message
    assert ("the format Text in the spreadsheet" in str(problem.remedy)) is (cell not in ("", "+34 612 000 001 ext. 4"))


def test_of_a_cell_with_a_fault_nothing_is_told_that_may_not_be_meant(diga: TargetAccount, tmp_path: Path) -> None:
    found = problems(diga, table(tmp_path, "number,address,allow_any\n+34612000001,pbx.example.com,perhaps\n"))
    assert [problem[:2] for problem in found] == [(2, "allow_any")]


@pytest.mark.parametrize("cell", ["marco-12@pbx.example.com", "may@pbx.example.com"])
def test_a_sip_identifier_is_no_date_and_no_formula(cell: str, diga: TargetAccount, tmp_path: Path) -> None:
    (number,) = planned(diga, table(tmp_path, f"{HEAD}\n{cell},A,{REST}\n")).numbers
    assert number.key == cell


@pytest.mark.parametrize(
    ("cell", "may_be"),
    [
        ("1012345678", "+821012345678"),
        ("34612345678", "+34612345678"),
        ("7011112222", "+827011112222"),
        ("10 1234-5678", "+821012345678"),
    ],
)
def test_a_number_that_lost_its_plus_or_its_zero_is_refused_with_what_it_may_be(
    cell: str, may_be: str, vox: TargetAccount, tmp_path: Path
) -> None:
    (problem,) = problems(vox, table(tmp_path, f"number,address\n{cell},pbx.example.com\n"))
    assert may_be in problem[2]


def test_all_problems_of_all_rows_are_told_at_once_and_nothing_is_sent(
    stage: Stage, diga: TargetAccount, tmp_path: Path
) -> None:
    stage.target.requests.clear()
    head = "number,label,address,allowed_addresses,username,password,inbound_agent,outbound_media_encryption"
    rows = [
        "+34612000001,A,not a host!,203.0.113.7,,,,",
        "+34612000002,A,pbx.example.com,203.0.113.7,acme,hunter2,,",
        "+34612000003,A,pbx.example.com,203.0.113.7,acme,env:hunter2,,",
        "+34612000004,A,pbx.example.com,,,,,",
        "+34612000005,A,pbx.example.com,0.0.0.0/0,,,,",
        "+34612000006,A,pbx.example.com,203.0.113.7,,,agent-1,",
        "+34612000007,A,pbx.example.com,203.0.113.7,,,,perhaps",
        '"+34612000008","A\nB",pbx.example.com,203.0.113.7,,,,x',
        "+34612000009,A,pbx.example.com",
        "+34612000010,A\x1b[31m,pbx.example.com,203.0.113.7,,,,",
        "+34612000011,A\u202eB,pbx.example.com,203.0.113.7,,,,",
    ]
    found = problems(diga, table(tmp_path, "\n".join([head, *rows])))
    assert [problem[:2] for problem in found] == [
        (2, "address"),
        (3, "password"),
        (4, "password"),
        (5, "allowed_addresses"),
        (6, "allowed_addresses"),
        (7, "inbound_agent_version"),
        (8, "outbound_media_encryption"),
        (9, "outbound_media_encryption"),
        (11, None),
        (12, "label"),
        (13, "label"),
    ]
    assert "hunter2" not in str(found)
    assert stage.target.requests == []


def test_a_line_of_json_that_says_one_thing_twice_or_a_yes_for_a_text_is_refused(
    diga: TargetAccount, tmp_path: Path
) -> None:
    lines = [
        '{"number": "+34612000001", "label": "A", "number": "+34612000002"}',
        '{"number": "+34612000003", "label": true, "address": "pbx.example.com", "allow_any": true}',
        '{"number": "+34612000004", "address": "pbx.example.com", "allowed_addresses": []}',
    ]
    found = problems(diga, table(tmp_path, "\n".join(lines)))
    assert [problem[:2] for problem in found] == [(1, "number"), (2, "label"), (3, "allowed_addresses")]


def test_what_cannot_be_meant_for_any_row_is_told_of_rows_that_have_nothing_else(
    diga: TargetAccount, tmp_path: Path
) -> None:
    """Vendor options, above all, which stand in no cell."""
    rows = [
        {"number": "+34612000001", "allow_any": True},
        {"number": "+34612000002", "lable": "A"},
        {"number": "+34612000003", "allow_any": "perhaps"},
        {"number": "+34612000004", "allow_any": True},
    ]
    file = table(tmp_path, "\n".join(map(json.dumps, rows)), "numbers.jsonl")
    with pytest.raises(TableRefused) as refused:
        plan_imports(diga, read_table(file), options={"diga": 1})
    first, unknown, perhaps, last = refused.value.row_problems
    assert [(each.line, each.column) for each in (first, unknown, perhaps, last)] == [
        (1, None),
        (2, None),
        (3, "allow_any"),
        (4, None),
    ]
    assert first.message == last.message
    assert "options.diga: has to be a table" in first.message
    assert "its fields are" in str(first.remedy)
    assert "lable" in unknown.message


def test_what_the_provider_has_against_a_row_is_told_with_what_is_wrong_with_its_cells(
    diga: TargetAccount, tmp_path: Path
) -> None:
    """Nobody corrects an address only to be told of the number then; and nothing is told that follows from it."""
    found = problems(diga, table(tmp_path, f"{HEAD}\n12,A,{REST}\n12,A,{REST.replace('pbx.example.com', 'a b')}\n"))
    (alone,) = [(column, message) for line, column, message in found if line == 2]
    beside = [(column, message) for line, column, message in found if line == 3]
    assert alone in beside
    assert [column for column, _ in beside if (column or "").startswith("outbound")] == []
    assert "address" in [column for column, _ in beside]


@pytest.mark.parametrize(
    ("credentials", "wrong"),
    [
        ("acme,hunter2", "password"),
        ("acme,", "password"),
        (",env:PW", "username"),
        ("acme:1,prompt:", "username"),
        ("acme:1,", "password username"),
    ],
)
def test_credentials_with_a_fault_hide_nothing_else_that_is_wrong_with_the_row(
    credentials: str, wrong: str, diga: TargetAccount, tmp_path: Path
) -> None:
    head = "number,address,username,password,inbound_media_encryption"
    alone = problems(diga, table(tmp_path, f"{head}\n+3461,,{credentials},\n"))
    assert {column for _, column, _ in alone} >= {"number", "address", "allowed_addresses"}
    found = problems(diga, table(tmp_path, f"{head}\n+3461,,{credentials},perhaps\n"))
    assert sorted(str(column) for _, column, _ in found) == sorted(
        ["address", "allowed_addresses", "inbound_media_encryption", "number", *wrong.split()]
    )


def test_rows_of_one_number_repeat_or_contradict_one_another_in_any_spelling(
    diga: TargetAccount, tmp_path: Path
) -> None:
    rows = [f"+34612000001,A,{REST}", f"+34 612 000 001,A,{REST}", f"0034612000001,B,{REST}"]
    found = problems(diga, table(tmp_path, "\n".join([HEAD, *rows])))
    assert [(line, message.split("which this row ")[1]) for line, _, message in found] == [
        (3, "repeats"),
        (4, "contradicts"),
    ]


def test_what_the_account_has_otherwise_is_a_problem(stage: Stage, tmp_path: Path) -> None:
    id = stage.target.add(number="+34612000001", nickname="Other", sip_config={"termination_uri": "pbx.example.com"})
    with stage.client(stage.target) as client:
        account = survey(client)
    file = table(tmp_path, f"{HEAD}\n+34612000001,A,{REST}\n+34612000002,B,{REST}\n+34612000001,A,{REST}\n")
    assert [line for line, _, _ in problems(account, file)] == [4], "the table is put right by itself first"
    other = stage.target.add(number="+34612000002", nickname="Other", sip_config={"termination_uri": "pbx.example.com"})
    with stage.client(stage.target) as client:
        account = survey(client)
    file = table(tmp_path, f"{HEAD}\n+34612000001,A,{REST}\n+34612000002,B,{REST}\n")
    found = problems(account, file)
    assert {column for _, column, _ in found} == {"label", "allowed_addresses"}
    assert [id if line == 2 else other in message for line, _, message in found]
    assert sorted(line for line, _, _ in found) == [2, 2, 3, 3]


def test_a_huge_cell_is_refused(diga: TargetAccount, tmp_path: Path) -> None:
    (problem,) = problems(diga, table(tmp_path, f"{HEAD}\n+34612000001,{'A' * (LONGEST_CELL + 1)},{REST}\n"))
    assert problem[:2] == (2, "label")
    found = problems(diga, table(tmp_path, f"{HEAD}\n+34612000001,{'A' * 200_000},{REST}\n"))
    assert found == [(2, None, "a cell is too long")]


def test_quotes_that_nobody_closes_are_refused_by_the_line_on_which_they_begin(
    diga: TargetAccount, tmp_path: Path
) -> None:
    text = f'{HEAD}\n+34612000001,A,{REST}\n+34612000002,"A,{REST}\n+34612000003,A,{REST}\n'
    assert (3, None, "its quotes do not fit together") in problems(diga, table(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is empty"),
        (" \n\n", "is empty; give it a header and rows; the columns are: number"),
        ('\n [{"number": "+34612000001"}]', "is a list in JSON; write one object on each line"),
        ("+34612000001,A\n", "no column `number`"),
        ("label,address\nA,pbx.example.com\n", "no column `number`"),
        ('"number,label\n+34612000001,A\n', "no column `number`"),
        (f"{HEAD}\n", "has no row"),
        ("number,lable\n+34612000001,A\n", "a column 'lable'"),
        ("number,label,label\n+34612000001,A,B\n", "the column `label` twice"),
        ("number,\n+34612000001,A\n", "a column without a name"),
        ("number,label\n+34612000001,A\n".encode("utf-16"), "UTF-16"),
        (b"number,label\n+34612000001,\xff\n", "the table .*not UTF-8"),
    ],
)
def test_what_is_no_table_of_numbers_is_refused(text: str | bytes, why: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=why):
        read_table(table(tmp_path, text))


def test_all_that_is_wrong_with_a_header_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_table(table(tmp_path, "number,lable,adress,,Number\n"))
    for what in ("'lable'", "'adress'", "without a name", "the column `number` twice"):
        assert what in refused.value.message
    assert str(refused.value.remedy).startswith("leave one of them out; do you mean `label`, `address`? the columns")


def test_json_lines_are_refused_by_their_line(diga: TargetAccount, tmp_path: Path) -> None:
    lines = ['{"number": 34612000001}', "{not json}", "{}", '{"number": "+34612000002", "lable": "A"}']
    found = problems(diga, table(tmp_path, "\n".join(lines), "numbers.jsonl"))
    assert [(line, column) for line, column, _ in found if line != 4 or column is None] == [
        (1, "number"),
        (2, None),
        (3, "number"),
        (4, None),
    ]


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from telephony_core.migration.changeset import table as module

    file, read = table(tmp_path, f"{HEAD}\n+34612000001,A,{REST}\n"), module.read_bytes

    def slow(path: object, **given: object) -> bytes:
        data = read(path, **given)
        file.write_bytes(data + b"+34612000002,B\n")
        return data

    monkeypatch.setattr(module, "read_bytes", slow)
    with pytest.raises(InvalidInput, match="changed while it was read; wait until whoever writes it is done"):
        read_table(file)


@pytest.mark.skipif(os.name != "posix", reason="there are no FIFOs")
def test_a_table_can_come_out_of_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_text(f"{HEAD}\n+34612000001,A,{REST}\n"))
    writer.start()
    assert len(read_table(pipe).rows) == 1
    writer.join()


def test_no_text_of_a_row_shows_what_somebody_wrote_as_a_password(tmp_path: Path) -> None:
    text = "number,username,password\n+34612000001,acme,hunter2\n"
    assert "hunter2" not in repr(read_table(table(tmp_path, text)))


def test_a_missing_table_is_said(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"the table .*cannot be read"):
        read_table(tmp_path / "nothing.csv")


def test_a_plan_that_is_given_as_a_table_is_called_a_plan(stage: Stage) -> None:
    plan = stage.plan("plan.json").path
    with pytest.raises(InvalidInput, match=f"{plan} is a plan"):
        read_table(plan)


def test_service_numbers_are_sent_verbatim_where_that_is_said(vox: TargetAccount, tmp_path: Path) -> None:
    assert "service number" in problems(vox, table(tmp_path, "number,address\n140001,pbx.example.com\n"))[0][2]
    text = "number,address,send_as_is\n140001,pbx.example.com,yes\n"
    (number,) = planned(vox, table(tmp_path, text)).numbers
    assert (number.desired.number, number.desired.send_as_is) == ("140001", True)
    text = "number,address,send_as_is\n7011112222,pbx.example.com,yes\n"
    (number,) = planned(vox, table(tmp_path, text)).numbers
    assert number.desired.number == "7011112222"
