"""Setting back what a plan changed: what can be read, to what it was; never over what somebody changed since."""

from __future__ import annotations

from pathlib import Path

import pytest

from telephony_core import PUBLISHED, AgentRef, InboundUpdate, OutboundUpdate
from telephony_core.emulator import Fault, FaultKind
from telephony_core.emulator import json_response as answer
from telephony_core.errors import NotAllowed
from telephony_core.errors.migration import StalePlan
from telephony_core.migration.deprovision.deprovision import DeprovisionOptions
from telephony_core.migration.deprovision.rollback import rollback_plan
from telephony_core.migration.move.state import MigrationState
from tests.migration.changeset.setting import KEYS, Setting

SENT = 3
"""Requests that one call of the client sends at most; the next one is a step sent again."""


@pytest.fixture(params=["vox-diga", "diga-vox"])
def context(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def changed(folder: Path, context: str, count: int = 2, **update: object):
    stage = Setting(folder, context, count)
    before = stage.records()
    loaded = stage.settings_plan(**update)
    assert stage.change(loaded).is_complete
    return stage, loaded, before


def test_readable_settings_are_as_they_were(tmp_path: Path) -> None:
    update = {"label": "New", "outbound": OutboundUpdate(address="new.example.com")}
    stage, loaded, before = changed(tmp_path, "diga-vox", **update)
    preview = stage.preview(loaded)
    assert preview.lines()[0] == "2 numbers to set back at diga (api.diga.io)"
    assert "label: New → Número 1" in str(preview)
    report = stage.roll_back(loaded)
    assert report.summary == "2 set back"
    assert stage.records() == before
    assert stage.run(loaded).counts == {MigrationState.ROLLED_BACK: 2}
    assert stage.change(loaded).rolled_back == 2


def test_agents_are_as_they_were(tmp_path: Path) -> None:
    stage = Setting(tmp_path, "vox-diga", 1)
    before = stage.records()
    agent = AgentRef(stage.source.agents["sales"], version=PUBLISHED)
    loaded = stage.settings_plan(label="New", inbound_agent=agent)
    assert stage.change(loaded).is_complete
    assert stage.roll_back(loaded).is_complete
    assert stage.records() == before


def test_what_cannot_be_set_back_is_said_first(tmp_path: Path) -> None:
    stage = Setting(tmp_path, "diga-vox", 1)
    loaded = stage.settings_plan()
    assert "but not outbound.password" in str(loaded.plan.numbers[0].steps[1].undo)
    stage.change(loaded)
    (forecast,) = stage.preview(loaded).forecasts
    assert any("outbound.password" in text for text in forecast.cannot_be_undone)
    assert any("inbound_agent" in text for text in forecast.cannot_be_undone)  # its version is not told
    assert stage.roll_back(loaded).is_complete


def test_a_number_of_which_nothing_can_be_set_back_is_left_alone(tmp_path: Path) -> None:
    stage = Setting(tmp_path, "vox-diga", 1)
    loaded = stage.settings_plan(
        outbound=OutboundUpdate(address="new.example.com"), username="a", password=f"file:{stage.secret}"
    )
    stage.change(loaded)
    (left,) = stage.preview(loaded).left_alone
    assert left.error == "NotRestorable"
    assert left.message.startswith(
        f"nothing of {KEYS[0]} can be set back: "
        "outbound.address: it can only be written together with outbound.password; "
        "outbound.password: the provider does not say what it was, so the new one stays; "
        "outbound.username: the provider does not say what it was, so the new one stays"
    )
    assert stage.run(loaded).counts == {MigrationState.CHANGED: 1}


def test_what_somebody_changed_since_is_left_alone(context: str, tmp_path: Path) -> None:
    stage, loaded, _ = changed(tmp_path, context, label="New")
    with stage.client(stage.source) as client:
        client.update_label(stage.ids[0], "Somebody's")
    stage.source.requests.clear()
    report = stage.roll_back(loaded)
    assert [(left.number, left.error) for left in report.left_alone] == [(KEYS[0], "ModifiedExternally")]
    assert len(stage.writes(stage.source)) == 1


def test_only_what_was_confirmed_is_set_back(context: str, tmp_path: Path) -> None:
    stage, loaded, _ = changed(tmp_path, context, label="New")
    stage.source.requests.clear()
    some = frozenset(list(stage.preview(loaded).shown)[:1])
    with pytest.raises(NotAllowed, match="were confirmed"):
        rollback_plan(loaded, None, stage.open_source, DeprovisionOptions(clock=stage.time.clock, confirmed=some))
    assert stage.writes(stage.source) == []


def test_a_change_in_doubt_is_waited_for_before_it_is_undone(context: str, tmp_path: Path) -> None:
    stage = Setting(tmp_path, context, 1)
    before = stage.records()
    loaded = stage.settings_plan(label="New")
    assert not stage.without_answers(FaultKind.LOST_BEFORE, stage.change, loaded).is_complete
    (left,) = stage.preview(loaded).left_alone
    assert left.error == "InDoubt"
    stage.time.advance(3600)
    assert stage.roll_back(loaded).is_complete
    assert stage.records() == before
    assert stage.run(loaded).counts == {MigrationState.ROLLED_BACK: 1}


def test_a_request_that_was_sent_again_may_undo_the_rollback_and_that_is_said(context: str, tmp_path: Path) -> None:
    stage = Setting(tmp_path, context, 1)
    loaded = stage.settings_plan(label="New")
    stage.source.faults.append(Fault(FaultKind.LATE, "PATCH", times=SENT))
    assert stage.change(loaded).is_complete
    assert "may still take effect" in str(stage.roll_back(loaded))
    stage.source.act_late()
    with stage.client(stage.source) as client:
        assert [record.label for record in client.list_numbers()] == ["New"]


def test_once_such_a_request_can_take_no_effect_any_more_nothing_is_said_of_it(tmp_path: Path) -> None:
    stage = Setting(tmp_path, "diga-vox", 1)
    loaded = stage.settings_plan(label="New")
    stage.source.faults.append(Fault(FaultKind.LOST_BEFORE, "PATCH", times=SENT))
    assert stage.change(loaded).is_complete
    stage.time.advance(3600)
    assert "may still take effect" not in str(stage.roll_back(loaded))


@pytest.mark.parametrize("kind", [FaultKind.LOST_AFTER, FaultKind.LOST_BEFORE])
@pytest.mark.parametrize("write", range(2))
def test_a_lost_answer_changes_nothing_about_the_end(context: str, kind: FaultKind, write: int, tmp_path: Path) -> None:
    stage, loaded, before = changed(tmp_path, context, label="New")
    stage.source.faults.append(Fault(kind, "PATCH", skip=write))
    assert stage.roll_back(loaded).is_complete
    assert stage.records() == before


def test_a_rollback_that_was_interrupted_goes_on_and_apply_does_not(context: str, tmp_path: Path) -> None:
    stage, loaded, before = changed(tmp_path, context, 1, label="New")
    stage.source.faults.append(Fault(FaultKind.LOST_BEFORE, "PATCH", times=99))
    assert not stage.roll_back(loaded).is_complete
    assert stage.run(loaded).numbers[0].unanswered == "rollback"
    stage.source.faults.clear()
    assert stage.roll_back(loaded).is_complete
    assert stage.records() == before


def test_a_number_that_failed_half_way_is_set_back_as_far_as_it_was_changed(context: str, tmp_path: Path) -> None:
    stage = Setting(tmp_path, context, 1)
    before = stage.records()
    loaded = stage.settings_plan()
    refusal = answer(422, {"detail": "no", "error": {"code": "NO", "message": "no"}})
    stage.source.faults.append(Fault(FaultKind.ANSWER, "PATCH", skip=1, times=9, response=refusal))
    assert not stage.change(loaded).is_complete
    stage.source.faults.clear()
    assert stage.roll_back(loaded).is_complete
    assert stage.records() == before


def test_opening_a_trunk_again_has_to_be_allowed_by_name(tmp_path: Path) -> None:
    stage = Setting(tmp_path, "diga-vox", 1)
    stage.source.store[stage.ids[0]]["sip_config"]["allowed_addresses"] = []
    loaded = stage.settings_plan(inbound=InboundUpdate(allowed_addresses=["203.0.113.9"]))
    stage.change(loaded)
    assert stage.preview(loaded).needs_allowance == ("any_caller",)
    with pytest.raises(NotAllowed, match="any_caller"):
        stage.roll_back(loaded)
    assert stage.roll_back(loaded, "any_caller").is_complete


def test_apply_refuses_a_number_whose_rollback_has_begun(tmp_path: Path) -> None:
    stage = Setting(tmp_path, "diga-vox", 1)
    loaded = stage.settings_plan(label="New", outbound=OutboundUpdate(address="new.example.com"))
    stage.change(loaded)
    stage.source.faults.append(Fault(FaultKind.LOST_BEFORE, "PATCH", skip=1, times=99))
    stage.roll_back(loaded)
    stage.source.faults.clear()
    assert stage.run(loaded).next_commands == (f"telephony rollback {loaded.path}",)
    report = stage.change(loaded)
    assert [failure.error for failure in report.failures] == [StalePlan.__name__]
