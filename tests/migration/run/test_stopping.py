"""When a run begins no further number: what one number does again and again is not what many did."""

from __future__ import annotations

from pathlib import Path

import pytest

from telephony_core.emulator import Fault, FaultKind
from telephony_core.migration.move.state import MigrationState
from telephony_core.migration.plan.model import Settings
from telephony_core.migration.run.events import EventKind
from telephony_core.migration.run.stopping import Stopped
from tests.migration.deprovision.returning import KEYS, Returning
from tests.migration.meddling import meddle


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
        stage.events.append(event)  # type: ignore[arg-type]
        for id in stage.target.store:
            if stage.target.store[id]["inbound_agent"] is not None and stage.target.store[id]["status"] == "active":
                meddle(stage.target, id, "pending")

    report = stage.apply(stage.loaded, on_event=meanwhile)
    assert [failure.state for failure in report.failures] == [MigrationState.NOT_IN_SERVICE] * 3
    assert [failure.number for failure in report.failures] == KEYS
    assert "not answered" not in str(report)
