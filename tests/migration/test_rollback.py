"""Rollback: what this migration made, nothing else, and said before it starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from telephony_core import AgentRef, errors
from telephony_core.domain.lifecycle import SideEffect
from telephony_core.emulator import Emulator, Fault, FaultKind
from telephony_core.emulator import json_response as answer
from telephony_core.migration.entries import Action, Entry, Phase
from telephony_core.migration.giving_up_report import GivingUpPreview, GivingUpReport
from telephony_core.migration.giving_up_run import GivingUpOptions
from telephony_core.migration.journal import JournalError, JournalLocked, SqliteJournal
from telephony_core.migration.plan import PlannedNumber, Settings, Step, StepKind, Trunk
from telephony_core.migration.progress import Standing
from telephony_core.migration.rollback import preview_rollback, rollback_plan
from telephony_core.migration.status import read_run
from telephony_core.migration.stopping import Stopped
from tests.migration.stage import PASSWORD, Stage
from tests.migration.test_resume import open_import, record_of_ours, state

ONE = Settings(timeout=20.0, concurrency=1, canary=0)
KEYS = ["+827011110000", "+827011110001", "+827011110002"]


@pytest.fixture(params=["vox-diga", "diga-vox"])
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Stage:
    return moved(tmp_path, str(request.param))


def moved(folder: Path, way: str = "vox-diga", count: int = 3, **changes: object) -> Stage:
    stage = Stage(folder, way, count, ONE)
    stage.loaded = stage.plan(**changes)  # type: ignore[attr-defined, arg-type]
    stage.before = state(stage)  # type: ignore[attr-defined]
    assert stage.apply(stage.loaded).is_complete  # type: ignore[attr-defined]
    for emulator in stage.both:
        emulator.requests.clear()
    return stage


def options(stage: Stage, *accept: str, **given: object) -> GivingUpOptions:
    return GivingUpOptions(clock=stage.time.clock, accept=accept, **given)  # type: ignore[arg-type]


def preview(stage: Stage, *accept: str, **given: object) -> GivingUpPreview:
    asked = options(stage, *accept, **given)
    return preview_rollback(stage.loaded, stage.open_source, stage.open_target, asked)  # type: ignore[attr-defined]


def roll_back(stage: Stage, *accept: str, **given: object) -> GivingUpReport:
    asked = options(stage, *(accept or ("unpublishes",)), **given)
    return rollback_plan(stage.loaded, stage.open_source, stage.open_target, asked)  # type: ignore[attr-defined]


def live(emulator: Emulator) -> list[str]:
    over = ("released", "expired", "finished")
    return sorted(str(record["number"]) for record in emulator.records() if record["status"] not in over)


def made(stage: Stage, number: str) -> str:
    id = next(one.record for one in read_run(stage.loaded).numbers if one.number == number)  # type: ignore[attr-defined]
    assert id is not None
    return id


# -- what it does


def test_among_live_records_the_target_is_as_before_and_the_source_was_never_touched(stage: Stage) -> None:
    report = roll_back(stage)
    assert report.is_complete
    assert live(stage.target) == []
    assert state(stage)[0] == stage.before[0]  # type: ignore[attr-defined]
    assert stage.writes(stage.source) == []


def test_the_last_number_that_was_made_goes_first(stage: Stage) -> None:
    order = [f"/{made(stage, key)}" for key in reversed(KEYS)]
    roll_back(stage)
    deleted = [path for path in stage.writes(stage.target) if path.startswith("DELETE")]
    assert [path[path.rindex("/") :] for path in deleted] == order


def test_records_that_were_there_before_stay(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "vox-diga", 2, ONE)
    stage.target.add(number="+34612345678", nickname="somebody's")
    stage.loaded = stage.plan()  # type: ignore[attr-defined]
    stage.apply(stage.loaded)  # type: ignore[attr-defined]
    roll_back(stage)
    assert live(stage.target) == ["+34612345678"]


def test_only_the_chosen_numbers_are_taken_back(stage: Stage) -> None:
    roll_back(stage, numbers=[KEYS[1]])
    assert len(live(stage.target)) == 2
    assert read_run(stage.loaded).counts == {Standing.MOVED: 2, Standing.ROLLED_BACK: 1}  # type: ignore[attr-defined]


def test_running_it_again_deletes_nothing_more(stage: Stage) -> None:
    roll_back(stage)
    stage.target.requests.clear()
    assert roll_back(stage).is_complete
    assert stage.writes(stage.target) == []


def test_apply_leaves_what_was_rolled_back_alone(stage: Stage) -> None:
    roll_back(stage)
    report = stage.apply(stage.loaded)  # type: ignore[attr-defined]
    assert live(stage.target) == []
    assert report.is_complete
    assert report.in_a_word == "0 of 3 moved, 3 rolled back before"


def test_after_a_canary_was_rolled_back_another_number_goes_first(tmp_path: Path) -> None:
    stage = Stage(tmp_path, settings=Settings(timeout=20.0, concurrency=4, canary=1))
    stage.loaded = stage.plan()  # type: ignore[attr-defined]
    stage.apply(stage.loaded, numbers=KEYS[:1])  # type: ignore[attr-defined]
    roll_back(stage)
    stage.target.faults.append(Fault(FaultKind.ANSWER, "POST", response=answer(422, {"detail": "no"})))
    report = stage.apply(stage.loaded)  # type: ignore[attr-defined]
    assert report.stopped is Stopped.CANARY
    assert [failure.number for failure in report.failures] == [KEYS[1]]
    assert live(stage.target) == []


def test_a_migration_that_stopped_half_way_is_taken_back_as_far_as_it_went(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "diga-vox", 3, ONE)
    stage.loaded = stage.plan()  # type: ignore[attr-defined]
    stage.target.faults.append(Fault(FaultKind.ANSWER, "PATCH", skip=1, times=9, response=answer(422, {})))
    stage.apply(stage.loaded)  # type: ignore[attr-defined]
    assert len(live(stage.target)) == 3
    stage.target.faults.clear()
    assert roll_back(stage).is_complete
    assert live(stage.target) == []


def test_a_record_that_is_gone_already_is_fine(stage: Stage) -> None:
    stage.target.store.remove(made(stage, KEYS[1]))
    assert roll_back(stage).is_complete


def test_a_plan_that_was_never_applied_has_nothing_to_take_back(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.loaded = stage.plan()  # type: ignore[attr-defined]
    with pytest.raises(JournalError, match="no journal"):
        roll_back(stage)


def test_it_is_refused_while_another_run_is_at_work(stage: Stage) -> None:
    with SqliteJournal.writing(stage.loaded, "apply"), pytest.raises(JournalLocked):  # type: ignore[attr-defined]
        roll_back(stage)


# -- where it stops


@pytest.mark.parametrize("change", [{"memo": "mine"}, {"address": "sip:other.example.com"}, {"inbound_agent": None}])
def test_a_record_that_somebody_changed_is_left(change: dict[str, object], tmp_path: Path) -> None:
    stage = moved(tmp_path, "diga-vox")
    stage.target.store.edit(made(stage, KEYS[1]), change)
    report = roll_back(stage)
    assert [left.number for left in report.left_alone] == [KEYS[1]]
    assert report.left_alone[0].error == "NotOurs"
    assert live(stage.target) == ["07011110001"]


def test_a_change_between_the_preview_and_the_deletion_is_seen_too(tmp_path: Path) -> None:
    stage = moved(tmp_path, "diga-vox")
    id = made(stage, KEYS[0])

    def meddle(event: object) -> None:
        if getattr(event, "number", None) == KEYS[2]:
            stage.target.store.edit(id, {"memo": "mine"})

    report = roll_back(stage, on_event=meddle)
    assert [left.error for left in report.left_alone] == ["NotOurs"]
    assert live(stage.target) == ["07011110000"]


def test_what_the_journal_has_no_answer_to_is_no_foreign_change(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "diga-vox", 1, ONE)
    stage.loaded = stage.plan()  # type: ignore[attr-defined]
    stage.target.faults.append(Fault(FaultKind.LOST_AFTER, "PATCH", times=99))
    stage.target.faults.append(Fault(FaultKind.ANSWER, "GET", times=0))
    stage.apply(stage.loaded)  # type: ignore[attr-defined]
    stage.target.faults.clear()
    assert roll_back(stage).is_complete
    assert live(stage.target) == []


def test_a_number_that_the_source_does_not_serve_any_more_stays_where_it_is(stage: Stage) -> None:
    stage.source.store.remove(stage.ids[0])
    report = roll_back(stage)
    assert [(left.number, left.error) for left in report.left_alone] == [(KEYS[0], "SourceGone")]
    assert len(live(stage.target)) == 1


def test_a_source_that_goes_away_between_the_preview_and_the_deletion_is_seen_too(stage: Stage) -> None:
    def meddle(event: object) -> None:
        if getattr(event, "number", None) == KEYS[2] and stage.ids[0] in stage.source.store:
            stage.source.store.remove(stage.ids[0])

    report = roll_back(stage, on_event=meddle)
    assert [(left.number, left.error) for left in report.left_alone] == [(KEYS[0], "SourceGone")]
    assert len(live(stage.target)) == 1


def test_the_preview_leaves_out_what_the_source_does_not_serve_any_more(stage: Stage) -> None:
    stage.source.store.remove(stage.ids[0])
    shown = preview(stage)
    assert shown.confirm == 2
    assert [left.error for left in shown.left_alone] == ["SourceGone"]


def test_a_key_that_may_not_delete_stops_it(stage: Stage) -> None:
    stage.target.faults.append(Fault(FaultKind.ANSWER, "DELETE", times=9, response=answer(403, {"detail": "no"})))
    report = roll_back(stage)
    assert report.stopped == "key"
    assert len(report.not_begun) == 2
    stage.target.faults.clear()
    assert roll_back(stage).is_complete


# -- what a release or a rollback was not answered of


def announce(stage: Stage, action: Action, key: str, record: str) -> None:
    """The line that a run which died after it leaves in the journal."""
    with SqliteJournal.writing(stage.loaded, "run") as journal:  # type: ignore[attr-defined]
        journal.append(Entry(key, action, Phase.INTENT, record))


def unanswered(stage: Stage, key: str) -> str | None:
    return next(one.unanswered for one in read_run(stage.loaded).numbers if one.number == key)  # type: ignore[attr-defined]


def test_a_release_that_was_not_answered_keeps_the_target(stage: Stage) -> None:
    announce(stage, Action.RELEASE, KEYS[1], stage.ids[1])
    assert [left.number for left in preview(stage).left_alone] == [KEYS[1]]
    report = roll_back(stage)
    assert [(left.number, left.error) for left in report.left_alone] == [(KEYS[1], "ReleaseOpen")]
    assert "run `telephony migrate release` again" in report.left_alone[0].says
    assert len(live(stage.target)) == 1


def test_a_rollback_that_was_not_answered_is_settled_also_where_it_may_not_be_sent_again(stage: Stage) -> None:
    announce(stage, Action.ROLL_BACK, KEYS[1], made(stage, KEYS[1]))
    label = "nickname" if stage.target.slug == "diga" else "memo"
    stage.target.store.edit(made(stage, KEYS[1]), {label: "mine"})
    assert preview(stage).to_settle == (KEYS[1],)
    report = roll_back(stage, numbers=[KEYS[1]])
    assert [left.error for left in report.left_alone] == ["NotOurs"]
    assert stage.time.slept == [20.0]
    assert unanswered(stage, KEYS[1]) is None
    assert stage.writes(stage.target) == []


def test_a_rollback_that_is_done_late_is_settled_although_the_source_is_gone_by_then(stage: Stage) -> None:
    announce(stage, Action.ROLL_BACK, KEYS[1], made(stage, KEYS[1]))
    stage.target.store.remove(made(stage, KEYS[1]))
    stage.source.store.remove(stage.ids[1])
    assert roll_back(stage, numbers=[KEYS[1]]).is_complete
    assert unanswered(stage, KEYS[1]) is None


# -- what is only to be written down


def died_after_the_deletion(stage: Stage, key: str) -> None:
    """A rollback that was killed between the deletion and its line in the journal."""
    id = made(stage, key)
    announce(stage, Action.ROLL_BACK, key, id)
    stage.target.store.remove(id)


def test_the_preview_tells_what_is_gone_from_what_is_given_up(stage: Stage) -> None:
    died_after_the_deletion(stage, KEYS[1])
    shown = preview(stage)
    assert shown.confirm == 2
    assert shown.to_settle == (KEYS[1],)
    assert "only to be written down" in str(shown)
    assert roll_back(stage).is_complete
    assert read_run(stage.loaded).counts == {Standing.ROLLED_BACK: 3}  # type: ignore[attr-defined]


def test_a_record_that_was_not_listed_and_is_there_is_not_given_up_unseen(stage: Stage) -> None:
    id = made(stage, KEYS[1])
    record = stage.target.store[id]
    stage.target.store.remove(id)

    def appear(event: object) -> None:
        if getattr(event, "number", None) == KEYS[1] and id not in stage.target.store:
            stage.target.store.put(id, record)

    report = roll_back(stage, numbers=[KEYS[1]], on_event=appear)
    assert [left.error for left in report.left_alone] == ["PlanOvertaken"]
    assert stage.writes(stage.target) == []


# -- what it says before it starts


def test_the_preview_changes_nothing_and_says_what_will_happen(stage: Stage) -> None:
    shown = preview(stage)
    assert shown.confirm == 3
    assert [forecast.number for forecast in shown.forecasts] == list(reversed(KEYS))
    assert all("takes effect at once, and cannot be revoked" in str(forecast) for forecast in shown.forecasts)
    assert [stage.writes(emulator) for emulator in stage.both] == [[], []]


def test_an_agent_that_would_go_off_the_air_blocks_until_it_is_accepted_by_name(tmp_path: Path) -> None:
    stage = moved(tmp_path, "vox-diga")
    assert preview(stage).needs_consent == ("unpublishes",)
    with pytest.raises(errors.ConsentRequired, match="--accept unpublishes") as refused:
        roll_back(stage, "tls")
    assert refused.value.consent == "unpublishes"
    assert stage.writes(stage.target) == []
    assert preview(stage, "unpublishes").needs_consent == ()


def test_other_numbers_that_the_agent_serves_are_named(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "vox-diga", 1, ONE)
    stage.target.add(number="+34612345678", inbound_agent_id=stage.target.agents["reception"])
    stage.loaded = stage.plan()  # type: ignore[attr-defined]
    stage.apply(stage.loaded)  # type: ignore[attr-defined]
    assert preview(stage).forecasts[0].stops_agents_of == ("+34612345678",)
    with pytest.raises(errors.ConsentRequired, match=r"also serve \+34612345678"):
        roll_back(stage, "tls")


def test_a_consent_that_the_plan_already_holds_counts(tmp_path: Path) -> None:
    stage = moved(tmp_path, "vox-diga", accepted=("unpublishes",))
    assert roll_back(stage, "tls").is_complete


def test_a_consent_that_there_is_not_is_refused(stage: Stage) -> None:
    with pytest.raises(errors.InvalidInput, match="accept"):
        roll_back(stage, "everything")


def test_a_publication_and_a_typed_password_are_said_to_stay_done(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "vox-diga", 1, ONE)
    with stage.client(stage.source) as client:
        (record,) = client.list_numbers()
    agents = stage.target.agents
    versions = stage.target.versions(agents["survey"])  # type: ignore[attr-defined]
    planned = stage.planned(
        record,
        inbound_agent=AgentRef(agents["survey"], version=versions[0].version_id),
        allow=(SideEffect.PUBLISHES,),
    )
    steps = tuple(
        Step(kind=kind, says="", side_effects=(SideEffect.PUBLISHES,) if kind is StepKind.ASSIGN_AGENTS else ())
        for kind in StepKind
    )
    number = PlannedNumber(key=planned.key, source=planned.source, wanted=planned.wanted, steps=steps)
    trunk = Trunk(name="carrier", auth="digest", username="acme", password="prompt:")
    stage.loaded = stage.plan(numbers=(number,), trunks=(trunk,))  # type: ignore[attr-defined]
    stage.apply(stage.loaded, prompt=lambda text: PASSWORD)  # type: ignore[attr-defined]
    said = " ".join(preview(stage).cannot_be_undone)
    assert "was published by assigning it" in said
    assert "password of trunk carrier was typed" in said


# -- what was not answered


def test_an_import_that_was_announced_and_never_made_leaves_nothing_to_delete(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "vox-diga", 1, ONE)
    stage.loaded = stage.plan()  # type: ignore[attr-defined]
    open_import(stage.loaded)  # type: ignore[attr-defined]
    assert preview(stage).to_find_out == (KEYS[0],)
    assert roll_back(stage).is_complete
    assert stage.writes(stage.target) == []


def test_an_import_that_was_made_and_not_answered_is_found_and_taken_back(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "vox-diga", 1, ONE)
    stage.loaded = stage.plan()  # type: ignore[attr-defined]
    open_import(stage.loaded)  # type: ignore[attr-defined]
    record_of_ours(stage)
    assert roll_back(stage).is_complete
    assert live(stage.target) == []


def test_a_record_that_may_be_somebody_elses_is_never_deleted(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "vox-diga", 1, ONE)
    stage.loaded = stage.plan()  # type: ignore[attr-defined]
    open_import(stage.loaded)  # type: ignore[attr-defined]
    record_of_ours(stage, nickname="another")
    report = roll_back(stage)
    assert report.left_alone[0].error == "NeedsPerson"
    assert stage.writes(stage.target) == []


@pytest.mark.parametrize("kind", [FaultKind.LOST_AFTER, FaultKind.LOST_BEFORE, FaultKind.LATE])
@pytest.mark.parametrize("way", ["vox-diga", "diga-vox"])
def test_a_deletion_whose_answer_is_lost_is_looked_into_and_gone_on_with(
    way: str, kind: FaultKind, tmp_path: Path
) -> None:
    stage = moved(tmp_path, way)
    stage.target.faults.append(Fault(kind, "DELETE", skip=1))
    first = roll_back(stage)
    stage.target.act_late()
    if not first.is_complete:
        assert [left.error for left in first.left_alone] == ["OutcomeUnknown"]
        assert roll_back(stage).is_complete
    assert live(stage.target) == []


def test_a_rollback_that_died_goes_on(tmp_path: Path) -> None:
    stage = moved(tmp_path, "diga-vox")
    id = made(stage, KEYS[2])
    with SqliteJournal.writing(stage.loaded, "rollback") as journal:  # type: ignore[attr-defined]
        journal.append(Entry(KEYS[2], Action.ROLL_BACK, Phase.INTENT, id))
    stage.target.store.edit(id, {"status": "expired"})
    assert roll_back(stage).is_complete
    assert live(stage.target) == []
