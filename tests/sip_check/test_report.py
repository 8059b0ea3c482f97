"""The report: what a program reads of it, what a person reads of it, and which verdict it comes to."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from telephony_core.domain.sip_address import SipAddress
from telephony_core.errors import InvalidInput
from telephony_core.sip_check import CheckStep, CheckVerdict, Timing, TrunkReport, check_trunk
from telephony_core.sip_check.report import combined, worst
from tests.sip_check.peer import SipPeer, always

P, F, I = CheckVerdict.PASS, CheckVerdict.FAIL, CheckVerdict.INCONCLUSIVE  # noqa: E741


@pytest.fixture
def report(quick: Timing) -> TrunkReport:
    with SipPeer(always(200, "OK", ("Server", "Peer/1")), "tcp") as peer:
        return check_trunk(peer.uri, timing=quick)


def test_it_survives_json(report: TrunkReport) -> None:
    again = TrunkReport.model_validate_json(report.model_dump_json())
    assert again == report
    assert json.loads(report.model_dump_json())["verdict"] == "PASS"


def test_times_are_in_milliseconds_and_the_start_is_aware(report: TrunkReport) -> None:
    assert 0 < max(entry.elapsed_ms for entry in report.steps) <= report.elapsed_ms < 5000
    assert abs((datetime.now(UTC) - report.started_at).total_seconds()) < 60


def test_it_names_where_it_was_seen_from_and_where_calls_come_from(report: TrunkReport) -> None:
    assert report.vantage_point.host
    assert "provider's calls come from its own network" in report.vantage_point.note


def test_every_step_says_what_it_proves_and_what_not(report: TrunkReport) -> None:
    assert [entry.step for entry in report.steps] == [CheckStep.RESOLVE, CheckStep.CONNECT, CheckStep.OPTIONS]
    assert all(entry.proves and entry.does_not_prove for entry in report.steps)


def test_a_failing_step_names_the_next_thing_to_try() -> None:
    report = check_trunk("sip:127.0.0.1:1;transport=tcp")
    assert report.verdict is CheckVerdict.FAIL
    assert report.steps[-1].next_step


def test_its_lines_are_ready_to_print(report: TrunkReport) -> None:
    lines = report.lines()
    assert str(report).splitlines() == lines
    assert lines[0] == f"{report.address}: PASS - a SIP server answers here over tcp"
    assert lines[1].startswith(f"Checked from {report.vantage_point.host}. ")
    assert any("Peer/1" in line for line in lines)
    assert any(line.strip().startswith("does not prove") for line in lines)


def test_nothing_in_it_can_be_changed(report: TrunkReport) -> None:
    with pytest.raises(ValueError, match="frozen"):
        report.verdict = CheckVerdict.FAIL


def test_an_address_object_is_taken_as_it_is(quick: Timing) -> None:
    with SipPeer(always(200)) as peer:
        report = check_trunk(SipAddress(host="127.0.0.1", port=peer.port), timing=quick)
    assert report.address == peer.place


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [([], I), ([P, P], P), ([P, I], I), ([P, F], F), ([I, F], F), ([P, I, F], F)],
)
def test_the_worst_of_several_steps_counts(verdicts: list[CheckVerdict], expected: CheckVerdict) -> None:
    assert worst(verdicts) is expected


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [([P, P], P), ([P, F], I), ([F, P, P], I), ([P, I], I), ([F, I], F), ([F, F], F), ([I], I)],
)
def test_servers_that_stand_in_for_each_other_are_neither_good_nor_bad_if_they_differ(
    verdicts: list[CheckVerdict], expected: CheckVerdict
) -> None:
    assert combined(verdicts) is expected


@pytest.mark.parametrize("value", [0, -1, float("inf"), float("nan")])
def test_a_wait_without_end_cannot_be_asked_for(value: float) -> None:
    with pytest.raises(InvalidInput, match="answer"):
        Timing(answer=value)
