"""When a run begins no further number: what one number does again and again is not what many did."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from telephony_core.emulator import Fault, FaultKind
from telephony_core.emulator import json_response as answer
from telephony_core.migration.move.state import MigrationState
from telephony_core.migration.plan.model import Settings
from telephony_core.migration.run.apply import ApplyOptions, aapply_plan
from telephony_core.migration.run.events import Event, EventKind
from telephony_core.migration.run.status import read_run
from telephony_core.migration.run.stopping import Stopped, StopRules
from tests.migration.deprovision.returning import KEYS, Returning
from tests.migration.meddling import meddle
from tests.migration.run.midway import after_first, one_at_a_time
from tests.migration.stage import Stage


@pytest.mark.parametrize("canary", [0, 1])
@pytest.mark.parametrize("context", ["vox-diga", "diga-vox"])
def test_one_import_that_is_waited_for_again_and_again_keeps_no_other_number_from_being_moved(
    context: str, canary: int, tmp_path: Path
) -> None:
    stage = Returning.at(tmp_path, context, settings=Settings(timeout=20.0, concurrency=1, canary=canary))
    stage.loaded = stage.plan()
    stage.target.faults.append(Fault(FaultKind.LOST_BEFORE, "POST"))
    report = stage.apply(stage.loaded)
    assert report.is_complete, str(report)
    assert len([event for event in stage.events if event.kind is EventKind.WAITING]) > 3


@pytest.mark.parametrize("context", ["vox-diga", "diga-vox"])
def test_where_no_import_is_answered_no_further_one_is_begun(context: str, tmp_path: Path) -> None:
    stage = Returning.at(tmp_path, context, 5, Settings(timeout=20.0, concurrency=1, canary=0, equal_failures=3))
    stage.loaded = stage.plan()
    stage.target.faults.append(Fault(FaultKind.LOST_BEFORE, "POST", times=99))
    report = stage.apply(stage.loaded)
    assert report.stopped is Stopped.EQUAL_FAILURES
    assert "3 imports in a row were not answered" in str(report)
    assert stage.run().counts[MigrationState.NOT_STARTED] == 2


def test_numbers_that_are_not_in_service_yet_are_no_imports_without_an_answer(tmp_path: Path) -> None:
    stage = Returning.at(tmp_path, "diga-vox", 3, Settings(timeout=20.0, concurrency=1, canary=0))
    stage.loaded = stage.plan()

    def meanwhile(event: object) -> None:
        stage.events.append(event)
        for id in stage.target.store:
            if stage.target.store[id]["inbound_agent"] is not None and stage.target.store[id]["status"] == "active":
                meddle(stage.target, id, "pending")

    report = stage.apply(stage.loaded, on_event=meanwhile)
    assert [failure.state for failure in report.failures] == [MigrationState.NOT_IN_SERVICE] * 3
    assert [failure.number for failure in report.failures] == KEYS
    assert "not answered" not in str(report)


# -- failures, keys, and being asked


def test_a_failed_number_does_not_keep_the_others_from_being_moved(tmp_path: Path) -> None:
    stage = Stage(tmp_path, count=4, settings=one_at_a_time(canary=0))
    loaded = stage.plan()
    stage.target.faults.append(Fault(FaultKind.ANSWER, "POST", response=answer(422, {"detail": "no"})))
    report = stage.apply(loaded)
    assert report.stopped is None
    assert report.remainder == ("+827011110000",)
    assert report.done == 3
    assert [command.split()[2] for command in report.next_commands] == ["apply", "status"]


def test_a_failing_canary_keeps_the_rest_from_being_begun(tmp_path: Path) -> None:
    stage = Stage(tmp_path, settings=one_at_a_time(canary=1))
    loaded = stage.plan()
    stage.target.faults.append(Fault(FaultKind.ANSWER, "POST", response=answer(422, {"detail": "no"})))
    report = stage.apply(loaded)
    assert report.stopped is Stopped.CANARY
    assert stage.writes(stage.target) == ["POST /v1/phone/import"]


def test_after_a_failed_canary_another_number_goes_first(tmp_path: Path) -> None:
    stage = Stage(tmp_path, settings=one_at_a_time(canary=1))
    loaded = stage.plan()
    stage.target.faults.append(Fault(FaultKind.ANSWER, "POST", response=answer(422, {"detail": "no"})))
    stage.apply(loaded)
    stage.events.clear()
    assert stage.apply(loaded).is_complete
    started = [event.number for event in stage.events if event.kind is EventKind.NUMBER_STARTED]
    assert started == ["+827011110001", "+827011110002", "+827011110000"]


def test_three_equal_failures_in_a_row_stop_it(tmp_path: Path) -> None:
    stage = Stage(tmp_path, count=6, settings=one_at_a_time(canary=0))
    loaded = stage.plan()
    stage.target.faults.append(Fault(FaultKind.ANSWER, "POST", times=9, response=answer(422, {"detail": "no"})))
    report = stage.apply(loaded)
    assert report.stopped is Stopped.EQUAL_FAILURES
    assert len(report.failures) == 3
    assert len(report.remainder) == 6


def test_failures_of_different_kinds_do_not_stop_it(tmp_path: Path) -> None:
    stage = Stage(tmp_path, count=4, settings=one_at_a_time(canary=0))
    loaded = stage.plan()
    for status in (422, 409, 400):
        stage.target.faults.append(Fault(FaultKind.ANSWER, "POST", response=answer(status, {"detail": "no"})))
    report = stage.apply(loaded)
    assert report.stopped is None
    assert report.done == 1


def test_stop_on_error_stops_at_the_first_one(tmp_path: Path) -> None:
    stage = Stage(tmp_path, settings=one_at_a_time(canary=0))
    loaded = stage.plan()
    stage.target.faults.append(Fault(FaultKind.ANSWER, "POST", response=answer(422, {"detail": "no"})))
    report = stage.apply(loaded, stop_on_error=True)
    assert report.stopped is Stopped.FIRST_ERROR
    assert report.done == 0
    assert stage.writes(stage.target) == ["POST /v1/phone/import"]


def test_a_key_revoked_half_way_stops_it_and_a_new_key_goes_on(context: str, tmp_path: Path) -> None:
    stage = Stage(tmp_path, context, count=5, settings=one_at_a_time())
    loaded = stage.plan()
    key = stage.target.api_key

    def revoke() -> None:
        stage.target.api_key = "another key"

    report = stage.apply(loaded, on_event=after_first(stage, revoke))
    assert report.stopped is Stopped.KEY
    assert report.done == 1
    assert len(report.failures) == 1
    stage.target.api_key = key
    assert stage.apply(loaded).is_complete


def test_asked_to_stop_it_finishes_the_number_in_hand(tmp_path: Path) -> None:
    stage = Stage(tmp_path, settings=one_at_a_time())
    loaded = stage.plan()
    rules = StopRules(3)

    def observe(event: Event) -> None:
        if event.kind is EventKind.NUMBER_STARTED:
            rules.ask()

    options = ApplyOptions(on_event=observe, clock=stage.time.clock)
    report = asyncio.run(aapply_plan(loaded, stage.open_source, stage.open_target, options, rules=rules))
    assert report.stopped is Stopped.ASKED
    assert report.done == 1
    assert read_run(loaded).counts == {MigrationState.NOT_STARTED: 2, MigrationState.MOVED: 1}
