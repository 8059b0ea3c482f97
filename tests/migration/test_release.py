"""Release: only what is moved, verified and soaked, counted by a person, and never more than that."""

from __future__ import annotations

from pathlib import Path

import pytest

from telephony_core import errors
from telephony_core.emulator import Fault, FaultKind
from telephony_core.emulator import json_response as answer
from telephony_core.migration.entries import Action, Entry, Phase
from telephony_core.migration.giving_up_report import GivingUpPreview, GivingUpReport
from telephony_core.migration.giving_up_run import GivingUpOptions
from telephony_core.migration.journal import SqliteJournal
from telephony_core.migration.plan import Settings
from telephony_core.migration.progress import Standing
from telephony_core.migration.release import preview_release, release_plan
from telephony_core.migration.rollback import rollback_plan
from telephony_core.migration.status import read_run
from telephony_core.migration.verify import VerifyOptions, verify_plan
from tests.migration.stage import Stage
from tests.migration.test_rollback import announce, live, made, unanswered

HOUR = 3600
KEYS = ["+827011110000", "+827011110001", "+827011110002"]


def stage_at(folder: Path, way: str = "vox-diga", *, soaked: float = 73, verified: bool = True) -> Stage:
    stage = Stage(folder, way, 3, Settings(timeout=20.0, concurrency=1, canary=0))
    stage.loaded = stage.plan()  # type: ignore[attr-defined]
    assert stage.apply(stage.loaded).is_complete  # type: ignore[attr-defined]
    if verified:
        check(stage)
    stage.time.advance(soaked * HOUR)
    for emulator in stage.both:
        emulator.requests.clear()
    return stage


@pytest.fixture(params=["vox-diga", "diga-vox"])
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Stage:
    return stage_at(tmp_path, str(request.param))


def check(stage: Stage) -> None:
    given = VerifyOptions(clock=stage.time.clock)
    verify_plan(stage.loaded, stage.open_source, stage.open_target, given)  # type: ignore[attr-defined]


def preview(stage: Stage, **given: object) -> GivingUpPreview:
    asked = GivingUpOptions(clock=stage.time.clock, **given)  # type: ignore[arg-type]
    return preview_release(stage.loaded, stage.open_source, stage.open_target, asked)  # type: ignore[attr-defined]


def give_up(stage: Stage, confirmed: int | None = 3, *accept: str, **given: object) -> GivingUpReport:
    asked = GivingUpOptions(
        clock=stage.time.clock,
        accept=accept or ("unpublishes",),
        confirmed=confirmed,
        **given,  # type: ignore[arg-type]
    )
    return release_plan(stage.loaded, stage.open_source, stage.open_target, asked)  # type: ignore[attr-defined]


def deleted(stage: Stage) -> int:
    return sum(path.startswith("DELETE") for path in stage.writes(stage.source))


def test_the_source_records_are_given_up_and_the_target_stays(stage: Stage) -> None:
    report = give_up(stage)
    assert report.is_complete
    assert live(stage.source) == []
    assert len(live(stage.target)) == 3
    assert stage.writes(stage.target) == []
    assert read_run(stage.loaded).counts == {Standing.RELEASED: 3}  # type: ignore[attr-defined]


def test_it_is_a_matter_of_the_chosen_numbers_only(stage: Stage) -> None:
    give_up(stage, 1, numbers=[KEYS[1]])
    assert deleted(stage) == 1
    assert len(live(stage.source)) == 2


def test_running_it_again_gives_nothing_more_up(stage: Stage) -> None:
    give_up(stage)
    assert preview(stage).confirm == 0
    assert give_up(stage, 0).is_complete
    assert deleted(stage) == 3


# -- when it may not


@pytest.mark.parametrize("confirmed", [None, 0, 2, 4])
def test_a_count_that_is_not_right_gives_nothing_up(confirmed: int | None, stage: Stage) -> None:
    with pytest.raises(errors.ConsentRequired, match="3 numbers would be given up"):
        give_up(stage, confirmed)
    assert deleted(stage) == 0


def test_what_is_not_verified_stays(tmp_path: Path) -> None:
    stage = stage_at(tmp_path, verified=False)
    shown = preview(stage)
    assert shown.confirm == 0
    assert "not verified" in shown.left_alone[0].says
    assert give_up(stage, 0).remainder == tuple(KEYS)
    assert deleted(stage) == 0


def test_what_was_found_different_stays_until_it_is_verified_again(tmp_path: Path) -> None:
    stage = stage_at(tmp_path)
    id = made(stage, KEYS[0])
    stage.target.store.edit(id, {"nickname": "another"})
    check(stage)
    assert [left.number for left in preview(stage).left_alone] == [KEYS[0]]
    stage.target.store.edit(id, {"nickname": "번호 0"})
    check(stage)
    assert "72.0 hours of its soak are left" in preview(stage).left_alone[0].says


@pytest.mark.parametrize(("hours", "allowed"), [(71.9, 0), (72, 3)])
def test_the_soak_has_to_be_over(hours: float, allowed: int, tmp_path: Path) -> None:
    assert preview(stage_at(tmp_path, soaked=hours)).confirm == allowed


def test_the_plan_says_how_long_the_soak_is(tmp_path: Path) -> None:
    stage = Stage(tmp_path, settings=Settings(timeout=20.0, soak_hours=1))
    stage.loaded = stage.plan()  # type: ignore[attr-defined]
    stage.apply(stage.loaded)  # type: ignore[attr-defined]
    check(stage)
    assert preview(stage).confirm == 0
    stage.time.advance(HOUR)
    assert preview(stage).confirm == 3


def test_a_clock_that_was_set_back_gives_nothing_up(tmp_path: Path) -> None:
    stage = stage_at(tmp_path)
    stage.time.advance(-200 * HOUR)
    assert "clock" in preview(stage).left_alone[0].says


def test_numbers_that_are_not_moved_stay(tmp_path: Path) -> None:
    stage = Stage(tmp_path, settings=Settings(timeout=20.0, concurrency=1, canary=0, soak_hours=0))
    stage.loaded = stage.plan()  # type: ignore[attr-defined]
    stage.target.faults.append(Fault(FaultKind.ANSWER, "POST", skip=2, response=answer(422, {})))
    stage.apply(stage.loaded)  # type: ignore[attr-defined]
    check(stage)
    shown = preview(stage)
    assert shown.confirm == 2
    assert "not moved" in shown.left_alone[0].says


def test_both_sides_are_read_once_more_before_each_number(tmp_path: Path) -> None:
    stage = stage_at(tmp_path)
    stage.target.store.edit(made(stage, KEYS[0]), {"nickname": "another"})
    stage.source.store.edit(stage.ids[1], {"memo": "또"})
    report = give_up(stage)
    assert {left.number: left.error for left in report.left_alone} == {
        KEYS[0]: "CameOutDifferent",
        KEYS[1]: "PlanOvertaken",
    }
    assert deleted(stage) == 1


def test_a_target_that_is_not_in_use_keeps_the_source(tmp_path: Path) -> None:
    stage = stage_at(tmp_path, "diga-vox")
    stage.target.store.edit(made(stage, KEYS[0]), {"status": "scheduled", "start_at": 4_000_000_000_000})
    report = give_up(stage)
    assert "pending, not active" in report.left_alone[0].says
    assert deleted(stage) == 2


def test_numbers_that_were_rolled_back_keep_their_source(tmp_path: Path) -> None:
    stage = stage_at(tmp_path, "diga-vox")
    asked = GivingUpOptions(clock=stage.time.clock, numbers=[KEYS[0]])
    rollback_plan(stage.loaded, stage.open_source, stage.open_target, asked)  # type: ignore[attr-defined]
    assert preview(stage).confirm == 2


# -- what it says


def test_the_preview_says_when_it_takes_effect_and_what_was_never_compared(stage: Stage) -> None:
    shown = preview(stage)
    text = str(shown)
    assert shown.confirm == 3
    assert text.count("takes effect at once, and cannot be revoked") == 3
    assert "outbound.password" in shown.unverifiable
    assert "passwords that the source holds are gone with it" in text
    assert [stage.writes(emulator) for emulator in stage.both] == [[], []]


def test_agents_that_would_stop_on_other_numbers_block_until_accepted(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "diga-vox", 3, Settings(timeout=20.0, soak_hours=0))
    other = stage.source.add(number="+34612345678", inbound_agent_id=stage.source.agents["reception"])
    stage.loaded = stage.plan()  # type: ignore[attr-defined]
    with stage.client(stage.source) as client:
        records = [record for record in client.list_numbers() if record.id != other]
    stage.loaded = stage.plan("few.json", numbers=tuple(map(stage.planned, records)))  # type: ignore[attr-defined]
    stage.apply(stage.loaded)  # type: ignore[attr-defined]
    check(stage)
    shown = preview(stage)
    assert shown.needs_consent == ("unpublishes",)
    assert shown.forecasts[0].stops_agents_of == ("+34612345678",)
    with pytest.raises(errors.ConsentRequired, match=r"\+34612345678"):
        give_up(stage, 3, "tls")
    assert deleted(stage) == 0


def test_an_agent_that_our_own_release_stopped_is_no_foreign_change(tmp_path: Path) -> None:
    stage = stage_at(tmp_path, "diga-vox")
    give_up(stage, 1, numbers=[KEYS[0]])
    check(stage)
    assert preview(stage).confirm == 2
    assert give_up(stage, 2).is_complete


# -- what was not answered


@pytest.mark.parametrize("kind", [FaultKind.LOST_AFTER, FaultKind.LOST_BEFORE, FaultKind.LATE])
def test_a_release_whose_answer_is_lost_is_looked_into_and_gone_on_with(kind: FaultKind, stage: Stage) -> None:
    stage.source.faults.append(Fault(kind, "DELETE", skip=1))
    first = give_up(stage)
    stage.source.act_late()
    if not first.is_complete:
        assert [left.error for left in first.left_alone] == ["OutcomeUnknown"]
        assert give_up(stage, preview(stage).confirm).is_complete
    assert live(stage.source) == []
    assert read_run(stage.loaded).counts == {Standing.RELEASED: 3}  # type: ignore[attr-defined]


def test_a_release_that_died_goes_on(tmp_path: Path) -> None:
    stage = stage_at(tmp_path)
    with SqliteJournal.writing(stage.loaded, "release") as journal:  # type: ignore[attr-defined]
        journal.append(Entry(KEYS[0], Action.RELEASE, Phase.INTENT, stage.ids[0]))
    stage.source.store.edit(stage.ids[0], {"status": "expired"})
    assert give_up(stage).is_complete
    assert deleted(stage) == 2


def test_a_rollback_that_was_not_answered_keeps_the_source(stage: Stage) -> None:
    stage.target.faults.append(Fault(FaultKind.LATE, "DELETE"))
    asked = GivingUpOptions(clock=stage.time.clock, numbers=[KEYS[0]], accept=["unpublishes"])
    rollback_plan(stage.loaded, stage.open_source, stage.open_target, asked)  # type: ignore[attr-defined]
    shown = preview(stage)
    assert [left.number for left in shown.left_alone] == [KEYS[0]]
    assert "run `telephony migrate rollback` again" in shown.left_alone[0].says
    give_up(stage, 2)
    stage.target.act_late()
    assert len(live(stage.source)) == 1


def test_a_release_that_died_is_finished_after_a_verification_too(tmp_path: Path) -> None:
    stage = stage_at(tmp_path)
    announce(stage, Action.RELEASE, KEYS[0], stage.ids[0])
    stage.source.store.remove(stage.ids[0])
    check(stage)
    assert give_up(stage).is_complete
    assert deleted(stage) == 2


def test_a_release_that_died_is_finished_whatever_has_become_of_the_target(tmp_path: Path) -> None:
    stage = stage_at(tmp_path)
    announce(stage, Action.RELEASE, KEYS[0], stage.ids[0])
    stage.source.store.remove(stage.ids[0])
    stage.target.store.edit(made(stage, KEYS[0]), {"nickname": "another"})
    check(stage)
    shown = preview(stage)
    assert (shown.confirm, shown.to_settle) == (2, (KEYS[0],))
    assert give_up(stage, 2).is_complete
    assert deleted(stage) == 2


def test_a_release_that_may_not_be_sent_again_is_settled_by_two_looks(tmp_path: Path) -> None:
    stage = stage_at(tmp_path, verified=False)
    announce(stage, Action.RELEASE, KEYS[0], stage.ids[0])
    shown = preview(stage)
    assert (shown.confirm, shown.to_settle) == (0, (KEYS[0],))
    report = give_up(stage, 0)
    assert report.left_alone[-1].error == "NotReleasable"
    assert stage.time.slept == [20.0]
    assert unanswered(stage, KEYS[0]) is None
    assert deleted(stage) == 0


def test_a_number_that_somebody_else_released_is_told(tmp_path: Path) -> None:
    stage = stage_at(tmp_path)
    stage.source.store.edit(stage.ids[0], {"status": "expired"})
    report = give_up(stage)
    assert report.left_alone[0].error == "PlanOvertaken"
