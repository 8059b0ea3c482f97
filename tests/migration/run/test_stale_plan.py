"""Apply when the world is not as the plan read it, before the first write and half way."""

from __future__ import annotations

from pathlib import Path

import pytest

from telephony_core.errors.migration import StalePlan
from telephony_core.migration.journal.entries import Action, Entry, Phase
from telephony_core.migration.journal.store import SqliteJournal
from telephony_core.migration.move.state import MigrationState
from tests.migration.run.midway import after_first, one_at_a_time
from tests.migration.stage import Stage


def test_a_change_at_the_source_refuses_the_whole_plan_before_anything_is_written(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    loaded = stage.plan()
    stage.source.store.edit(stage.ids[1], {"memo": "somebody was here", "address": "sip:other.example.com"})
    with pytest.raises(StalePlan) as refused:
        stage.apply(loaded)
    assert "+827011110001" in refused.value.message
    assert "label: 번호 1 → somebody was here" in refused.value.message
    assert "outbound.address" in refused.value.message
    assert "new plan" in str(refused.value)
    assert stage.writes(stage.target) == []


def test_what_the_plan_did_not_read_may_change(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    loaded = stage.plan()
    stage.source.store.edit(stage.ids[1], {"updated_at": 1, "monthly_fee": 99})
    assert stage.apply(loaded).is_complete


def test_a_number_that_has_appeared_at_the_target_refuses_the_plan(context: str, tmp_path: Path) -> None:
    stage = Stage(tmp_path, context)
    loaded = stage.plan()
    number = "+827011110002" if stage.target.slug == "diga" else "07011110002"
    id = stage.target.add(number=number)
    with pytest.raises(StalePlan, match=f"it is there already, as {id}"):
        stage.apply(loaded)
    assert stage.writes(stage.target) == []


def test_a_released_record_at_the_target_is_no_obstacle(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    loaded = stage.plan()
    stage.target.add(number="+827011110002", status="released")
    assert stage.apply(loaded).is_complete


def test_the_other_numbers_can_be_moved_without_the_one_that_changed(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    loaded = stage.plan()
    stage.source.store.remove(stage.ids[1])
    with pytest.raises(StalePlan, match="it was removed"):
        stage.apply(loaded)
    assert stage.apply(loaded, numbers=["+827011110000", "+827011110002"]).is_complete


def test_how_the_other_numbers_are_moved_is_said_before_a_new_plan_is(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    loaded = stage.plan()
    stage.source.store.remove(stage.ids[1])
    with pytest.raises(StalePlan) as refused:
        stage.apply(loaded)
    first, _, then = str(refused.value.remedy).partition("; then ")
    assert first.endswith(f"apply {loaded.path} --numbers +827011110000 --numbers +827011110002`")
    assert "make a new plan, under another name" in then


def test_a_half_made_number_whose_source_changed_is_taken_back_and_not_planned_anew(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    loaded = stage.plan("my plan.json")
    half, changed, other = (number.key for number in loaded.plan.numbers)
    with SqliteJournal.writing(loaded, "apply", create=True, now=stage.time.clock.now) as journal:
        journal.append(Entry(half, Action.IMPORT, Phase.INTENT, data={"before": []}))
    for id in stage.ids[:2]:
        stage.source.store.edit(id, {"memo": "somebody was here"})
    with pytest.raises(StalePlan) as refused:
        stage.apply(loaded)
    first, _, then = str(refused.value.remedy).partition("; then ")
    assert first == f"go on with the other 1 first: `telephony migrate apply '{loaded.path}' --numbers {other}`"
    back = f"`telephony migrate rollback '{loaded.path}' --numbers {half} --allow source_not_serving`"
    assert then.startswith(f"for {half}: set the source right again")
    assert back in then
    assert changed not in then  # it is at the target in no way, so a new plan helps
    assert then.endswith("for the 1 that are only changed at the source")
    assert stage.writes(stage.target) == []


def test_of_many_other_numbers_a_file_is_asked_for(tmp_path: Path) -> None:
    stage = Stage(tmp_path, count=12)
    loaded = stage.plan()
    stage.source.store.remove(stage.ids[1])
    with pytest.raises(StalePlan, match=r"the other 11 first: `.* --numbers @FILE`"):
        stage.apply(loaded)


def test_a_number_deleted_at_the_source_half_way_fails_alone(tmp_path: Path) -> None:
    stage = Stage(tmp_path, settings=one_at_a_time())
    loaded = stage.plan()
    report = stage.apply(loaded, on_event=after_first(stage, lambda: stage.source.store.remove(stage.ids[1])))
    assert report.remainder == ("+827011110001",)
    (failure,) = report.failures
    assert failure.error == "StalePlan"
    assert "gone" in failure.message
    assert stage.live_at_target() == ["+827011110000", "+827011110002"]


def test_a_number_that_appears_at_the_target_half_way_is_not_made_a_second_time(context: str, tmp_path: Path) -> None:
    stage = Stage(tmp_path, context, settings=one_at_a_time())
    loaded = stage.plan()
    number = "+827011110001" if stage.target.slug == "diga" else "07011110001"
    report = stage.apply(loaded, on_event=after_first(stage, lambda: stage.target.add(number=number)))
    assert report.remainder == ("+827011110001",)
    assert [record["number"] for record in stage.target.records()].count(number) == 1


def test_two_live_records_are_told_even_when_nobody_could_see_them_coming(tmp_path: Path) -> None:
    stage = Stage(tmp_path, settings=one_at_a_time())
    loaded = stage.plan()
    report = stage.apply(loaded, on_event=after_first(stage, lambda: stage.target.add(number="+827011110000")))
    assert report.remainder == ("+827011110000",)
    assert "2 live records" in report.failures[0].message


def test_an_agent_that_is_gone_keeps_its_number_from_being_made(tmp_path: Path) -> None:
    stage = Stage(tmp_path, count=1)
    loaded = stage.plan()
    stage.target.agents.clear()
    stage.target._agents.clear()  # nobody deletes agents over this API
    report = stage.apply(loaded)
    assert report.failures[0].error == "NotFound"
    assert stage.writes(stage.target) == []


def test_an_agent_deleted_between_import_and_assignment_leaves_a_number_that_apply_goes_on_with(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "diga-vox", count=1)
    loaded = stage.plan()
    versions = stage.target._agent_versions  # nobody deletes agents over this API
    kept = dict(versions)
    versions.clear()
    report = stage.apply(loaded)
    assert report.failures[0].state is MigrationState.FAILED
    assert stage.live_at_target() == ["+827011110000"]
    versions.update(kept)
    assert stage.apply(loaded).is_complete
    assert len(stage.target.records()) == 1
