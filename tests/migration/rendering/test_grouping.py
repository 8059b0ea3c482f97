"""Many numbers in few lines: grouped by cause, with a few of them, and as long for 5,000 numbers as for 50."""

from __future__ import annotations

import pytest

from telephony_core.cli.output.prose import broken
from telephony_core.migration.plan.findings import Finding, Severity, Skipped, SkipReason
from telephony_core.migration.rendering.grouping import cause_lines, causes, examples, group_lines, grouped
from telephony_core.migration.rendering.plan_text import overview_lines


def waiting(trunk: int, variable: str = "TP") -> Finding:
    return Finding(
        field="outbound.password",
        severity=Severity.BLOCK,
        message=f"the environment variable {variable} is not set here",
        remedy=f"put it there, or name another source for 'trunk-{trunk}' in the map",
        together=f"wait for {variable}, which is not set",
        subject=f"trunk trunk-{trunk}",
    )


def without_tls(*, allowed: bool = False) -> Finding:
    return Finding(
        field="outbound.address",
        severity=Severity.BLOCK,
        message="signalling to the trunk is TLS now and would not be",
        remedy="leave the number where TLS is supported",
        allowance="tls",
        allowed=allowed,
        together="lose encrypted signalling",
    )


def keys(count: int) -> list[str]:
    return [f"+8270{number:08d}" for number in range(count)]


def test_one_cause_is_one_group_though_each_number_has_its_own_trunk() -> None:
    found = causes((key, waiting(at % 9)) for at, key in enumerate(keys(35)))
    (cause,) = found
    assert cause.sentence(38).startswith(
        "9 trunks wait for TP, which is not set: 35 of 38 blocked numbers (+827000000000,"
    )


def test_a_loss_is_worded_for_whoever_approves_it() -> None:
    (cause,) = causes((key, without_tls(allowed=True)) for key in keys(10))
    assert cause.sentence().startswith("10 numbers lose encrypted signalling (")
    assert cause.ways_out == ()
    (one,) = causes([("+827011112222", without_tls())])
    assert one.sentence(1) == "+827011112222 loses encrypted signalling"
    assert one.ways_out == ("leave the number where TLS is supported", "or, if that is meant: --allow tls")


def test_an_allowed_loss_and_one_that_blocks_are_two_groups() -> None:
    found = causes([("1", without_tls()), ("2", without_tls(allowed=True))])
    assert [cause.finding.allowed for cause in found] == [False, True]


def test_what_blocks_most_stands_first() -> None:
    found = causes([("1", without_tls()), ("2", waiting(1)), ("3", waiting(2))])
    assert [cause.finding.field for cause in found] == ["outbound.password", "outbound.address"]


def test_a_finding_of_an_earlier_version_is_grouped_by_its_message() -> None:
    old = Finding(field="label", severity=Severity.WARN, message="dropped, as the map says")
    (cause,) = causes([("1", old), ("2", old)])
    assert cause.sentence() == "label: dropped, as the map says: 2 numbers (1, 2)"


@pytest.mark.parametrize("count", [54, 5_000])
def test_the_overview_is_a_screen_however_many_numbers_there_are(count: int) -> None:
    blocked = [
        Skipped(
            key=key,
            source_id=key,
            why=SkipReason.BLOCKED,
            message="blocked",
            findings=(waiting(at, f"TP{at % 20}"), without_tls()),
        )
        for at, key in enumerate(keys(count))
    ]
    movable = [(f"+34{at:09d}", Finding(field="x", severity=Severity.WARN, message=f"m {at}")) for at in range(count)]
    lines = [
        part for line in overview_lines("verdict", movable, blocked, "moved") for part in broken(line, 80).split("\n")
    ]
    assert len(lines) <= 60
    assert lines[0].startswith("verdict; ")
    assert "encrypted signalling" in lines[3]


def test_what_is_left_out_is_counted() -> None:
    found = causes((key, waiting(1, f"TP{at}")) for at, key in enumerate(keys(20)))
    assert [*cause_lines(found)][-1] == "  … and 12 more causes, of 12 numbers"
    assert examples(keys(5)).endswith(" and 2 more")
    assert "more" not in examples(keys(4))


def test_texts_that_differ_in_their_number_only_are_one() -> None:
    (group,) = grouped([("+821", "+821 is there already"), ("+822", "+822 is there already")])
    assert group.text == "it is there already"
    assert group_lines([("+821", "+821 is there")]) == ["  +821: +821 is there"]


def test_details_have_a_line_for_every_number() -> None:
    said = [(key, "it is released") for key in keys(50)]
    assert len(group_lines(said, details=True)) == 50
    assert group_lines(said) == [
        "  50 numbers (+827000000000, +827000000001, +827000000002 and 47 more): it is released"
    ]
