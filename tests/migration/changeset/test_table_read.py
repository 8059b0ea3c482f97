"""What a table says comes into the plan as it is written: every column, and what is given for all rows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from telephony_core.domain.agents import AgentRef, AgentVersion
from telephony_core.domain.lifecycle import SideEffect
from telephony_core.domain.sip import MediaEncryption
from telephony_core.migration.assessment.target import TargetAccount
from telephony_core.migration.changeset.import_planner import check_table, plan_imports
from telephony_core.migration.changeset.table import LONGEST_CELL, read_table
from telephony_core.migration.move.state import MigrationState
from telephony_core.migration.plan.allowances import Allowance
from telephony_core.migration.plan.findings import SkipReason
from telephony_core.migration.plan.model import DesiredInbound, DesiredOutbound, Settings
from telephony_core.migration.run.apply import ApplyOptions, apply_plan
from telephony_core.migration.run.status import read_run
from telephony_core.provider.changes import Change
from telephony_core.transport.pace import Pace
from tests.migration.changeset.tables import HEAD, REST, planned, problems, table
from tests.migration.stage import Stage
from tests.transport.driving import START, FakeTime


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_any_delimiter_a_byte_order_mark_and_quoted_line_breaks(
    delimiter: str, ending: str, diga: TargetAccount, tmp_path: Path
) -> None:
    rows = [
        ["number", "label", "address", "allowed_addresses"],
        ["+34612000001", '"Front\ndesk, ""1"""', *REST.split(",")],
    ]
    text = "\ufeff" + ending.join(delimiter.join(row) for row in rows) + ending
    (number,) = planned(diga, table(tmp_path, text)).numbers
    assert (number.key, number.desired.label) == ("+34612000001", 'Front\ndesk, "1"')
    assert number.source is None


def test_json_lines(diga: TargetAccount, tmp_path: Path) -> None:
    rows = [
        {"number": "+34612000001", "address": "pbx.example.com", "allowed_addresses": ["203.0.113.7", "203.0.113.8"]},
        {"number": "+34612000002", "address": "pbx.example.com", "allow_any": True, "label": None},
    ]
    plan = planned(diga, table(tmp_path, "\n\n".join(map(json.dumps, rows)), "numbers.jsonl"))
    assert [number.key for number in plan.numbers] == ["+34612000001", "+34612000002"]
    assert plan.numbers[0].desired.inbound.allowed_addresses == ("203.0.113.7", "203.0.113.8")
    nothing = {"number": "+34612000003", "label": None, "address": "a b", "allow_any": False}
    found = problems(diga, table(tmp_path, json.dumps(nothing), "numbers.jsonl"))
    assert [problem[:2] for problem in found] == [(1, "address"), (1, "allowed_addresses")]


def test_every_column_comes_into_the_plan(diga: TargetAccount, tmp_path: Path) -> None:
    head = (
        "number,label,address,allowed_addresses,inbound_media_encryption,outbound_media_encryption,"
        "inbound_agent,inbound_agent_version,outbound_agent,outbound_agent_version"
    )
    rows = [
        "+34612000001,A,pbx.example.com,203.0.113.7,Allow,REQUIRE,one,published,two,v3",
        "+34612000002,,,,disable,,,,,",
        ",,,,,,,,,",
        "+34612000003,,,,,allow,,,,",
        "+34612000004,,,,,,,,,",
    ]
    seen: list[Change] = []
    read = read_table(table(tmp_path, "\n".join([head, *rows])))
    all_of_it, inbound, outbound, nothing = (
        each.desired for each in check_table(read, diga.capabilities, lambda change: seen.append(change) or ()).rows
    )
    assert (all_of_it.number, all_of_it.label) == ("+34612000001", "A")
    assert all_of_it.inbound == DesiredInbound(allowed_addresses=("203.0.113.7",), media_encryption="allow")
    assert all_of_it.outbound == DesiredOutbound(address="pbx.example.com", media_encryption="require")
    assert all_of_it.agents == {
        "inbound_agent": AgentRef("one", version=AgentVersion.PUBLISHED),
        "outbound_agent": AgentRef("two", version="v3"),
    }
    assert (inbound.inbound, inbound.outbound) == (DesiredInbound(media_encryption="disable"), None)
    assert (outbound.inbound, outbound.outbound) == (None, DesiredOutbound(media_encryption="allow"))
    assert (nothing.inbound, nothing.outbound, nothing.agents) == (None, None, {})
    # Without credentials in the table the provider is asked about an import without any.
    assert [change.outbound and change.outbound.username for change in seen] == [None] * 4


def test_what_is_given_for_all_rows_is_in_the_plan(diga: TargetAccount, tmp_path: Path) -> None:
    head = "number,address,allowed_addresses,inbound_media_encryption"
    rows = ["+34612000001,pbx.example.com,,", f"+34612000002,{REST},", "+34612000003,pbx.example.com,,allow"]
    read, time = read_table(table(tmp_path, "\n".join([head, *rows]))), FakeTime()
    given = {"allow": ["publishes", "any_caller"], "options": {"diga": {}}, "clock": time.clock}
    canaries, settings = ["(+34) 612 000 002"], Settings(timeout=77.0)
    plan = plan_imports(diga, read, canaries=canaries, settings=settings, pace=Pace(per_minute=1), **given)
    assert (plan.allowed, plan.created_at, plan.settings.timeout) == (("any_caller", "publishes"), START, 77.0)
    assert [canary.number for canary in plan.canaries] == ["+34612000002"]
    assert plan.estimate.seconds > plan_imports(diga, read, **given).estimate.seconds
    assert {number.desired.allow for number in plan.numbers} == {(SideEffect.PUBLISHES,)}
    assert [number.desired.options for number in plan.numbers] == [{"diga": {}}] * 3
    # Who lets everybody call in says so for the rows that name nobody.
    assert [number.desired.inbound.allow_any for number in plan.numbers] == [True, False, True]
    assert plan.numbers[2].desired.inbound.media_encryption is MediaEncryption.ALLOW
    said = [finding.together for number in plan.numbers for finding in number.findings]
    assert said == [Allowance.ANY_CALLER.sentence] * 2


def test_what_the_provider_warns_of_is_in_the_plan(diga: TargetAccount, tmp_path: Path) -> None:
    (number,) = planned(diga, table(tmp_path, "number,allowed_addresses\n+34612000001,203.0.113.7\n")).numbers
    assert "the number only receives calls" in number.findings[0].message


def test_the_apostrophe_that_keeps_a_plus_from_being_a_formula_is_taken_off(
    diga: TargetAccount, tmp_path: Path
) -> None:
    (number,) = planned(diga, table(tmp_path, f"{HEAD}\n'+34612000001,A,{REST}\n")).numbers
    assert number.key == "+34612000001"


def test_what_is_written_in_a_cell_is_taken_as_it_is(tmp_path: Path) -> None:
    rows = {"Bar'+Grill": "Bar'+Grill", "'+A'+B": "+A'+B", "'A": "'A", "A\r\nB": "A\r\nB", "A" * LONGEST_CELL: None}
    text = "Number, Allowed Addresses ,label\n" + "".join(f'+34612000001,203.0.113.7,"{cell}"\n' for cell in rows)
    read = read_table(table(tmp_path, text))
    assert read.problems == ()
    assert [row.cells["label"] for row in read.rows] == [kept or cell for cell, kept in rows.items()]
    assert {row.cells["allowed_addresses"] for row in read.rows} == {"203.0.113.7"}


def test_json_may_begin_after_blank_lines(tmp_path: Path) -> None:
    (row,) = read_table(table(tmp_path, '\n {"number": "+34612000001"}\n')).rows
    assert (row.line, row.cells) == (2, {"number": "+34612000001"})


def test_credentials_are_references_and_rows_that_share_them_share_a_trunk(diga: TargetAccount, tmp_path: Path) -> None:
    rows = [f"+3461200000{i},{i % 2}.{REST},{'ab'[i > 2]},env:PW" for i in range(1, 5)]
    head = "number,address,allowed_addresses,username,password"
    plan = planned(diga, table(tmp_path, "\n".join([head, *rows])))
    assert [(trunk.name, trunk.username, trunk.password) for trunk in plan.trunks] == [
        ("credentials-1", "a", "env:PW"),
        ("credentials-2", "b", "env:PW"),
    ]
    assert [number.desired.trunk for number in plan.numbers] == ["credentials-1"] * 2 + ["credentials-2"] * 2
    assert [number.steps[0].after["outbound.username"] for number in plan.numbers] == ["a", "a", "b", "b"]


def test_what_the_account_has_already_as_the_table_wants_it_is_nothing_to_do(stage: Stage) -> None:
    stage.count = 2
    loaded = stage.import_plan()
    report = apply_plan(loaded, None, stage.open_target, ApplyOptions(clock=stage.time.clock))
    assert report.summary == "2 of 2 imported"
    assert read_run(loaded).counts == {MigrationState.IMPORTED: 2}
    again = stage.import_plan("again.json").plan
    assert again.numbers == ()
    assert [left.why for left in again.skipped] == [SkipReason.UNCHANGED] * 2
    assert {left.target_id for left in again.skipped} == set(stage.target.store)
