"""Rollback: what this migration made, nothing else, only while the source serves, and said before it starts."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from telephony_core import AgentRef, errors
from telephony_core.domain.lifecycle import SideEffect
from telephony_core.emulator import Fault, FaultKind
from telephony_core.emulator import json_response as answer
from telephony_core.migration.journal.entries import Action
from telephony_core.migration.journal.store import JournalError, JournalLocked, SqliteJournal
from telephony_core.migration.move.state import MigrationState
from telephony_core.migration.plan.model import PlannedNumber, PlannedStep, Settings, StepKind, Trunk
from telephony_core.migration.run.events import Event
from telephony_core.migration.run.stopping import Stopped
from telephony_core.provider.capabilities import RepeatableImport
from telephony_diga.adapter import DigaProvider
from tests.migration.deprovision.returning import KEYS, WINDOW, Returning, begins, live
from tests.migration.meddling import STRANGER, meddle, unlisted
from tests.migration.run.test_resume import record_of_ours
from tests.migration.stage import PASSWORD

WAYS = ("vox-diga", "diga-vox")


@pytest.fixture(params=WAYS)
def context(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def stage(context: str, tmp_path: Path) -> Returning:
    return Returning.moved(tmp_path, context)


@pytest.fixture
def two(context: str, tmp_path: Path) -> Returning:
    return Returning.moved(tmp_path, context, 2)


# -- what it does


def test_among_live_records_the_target_is_as_before_and_the_source_was_never_touched(stage: Returning) -> None:
    report = stage.rollback()
    assert report.is_complete
    assert live(stage.target) == []
    assert stage.state()[0] == stage.before[0]
    assert stage.writes(stage.source) == []


def test_the_last_number_that_was_made_goes_first(stage: Returning) -> None:
    order = [stage.made(key) for key in reversed(KEYS)]
    stage.rollback()
    assert stage.deleted(stage.target) == order


def test_records_that_were_there_before_stay(tmp_path: Path) -> None:
    stage = Returning.at(tmp_path, "vox-diga", 2)
    stage.target.add(number="+34612345678", nickname="somebody's")
    stage.begin().rollback()
    assert live(stage.target) == ["+34612345678"]


def test_apply_leaves_what_was_rolled_back_alone(stage: Returning) -> None:
    stage.rollback()
    report = stage.apply(stage.loaded)
    assert live(stage.target) == []
    assert report.is_complete
    assert report.summary == "0 of 3 moved, 3 rolled back before"


def test_after_a_canary_was_rolled_back_another_number_goes_first(tmp_path: Path) -> None:
    stage = Returning.at(tmp_path, settings=Settings(timeout=20.0, concurrency=4, canary=1))
    stage.loaded = stage.plan()
    stage.apply(stage.loaded, numbers=KEYS[:1])
    stage.rollback()
    stage.target.faults.append(Fault(FaultKind.ANSWER, "POST", response=answer(422, {"detail": "no"})))
    report = stage.apply(stage.loaded)
    assert report.stopped is Stopped.CANARY
    assert [failure.number for failure in report.failures] == [KEYS[1]]
    assert live(stage.target) == []


def test_a_migration_that_stopped_half_way_is_taken_back_as_far_as_it_went(tmp_path: Path) -> None:
    stage = Returning.at(tmp_path, "diga-vox")
    stage.loaded = stage.plan()
    stage.target.faults.append(Fault(FaultKind.ANSWER, "PATCH", skip=1, times=9, response=answer(422, {})))
    stage.apply(stage.loaded)
    assert len(live(stage.target)) == 3
    stage.target.faults.clear()
    assert stage.rollback().is_complete
    assert live(stage.target) == []


def test_a_record_that_is_gone_already_is_fine(stage: Returning) -> None:
    stage.target.store.remove(stage.made(KEYS[1]))
    assert stage.rollback().is_complete


def test_it_is_refused_while_another_run_is_at_work(stage: Returning) -> None:
    with SqliteJournal.writing(stage.loaded, "apply"), pytest.raises(JournalLocked):
        stage.rollback()


# -- while the source serves


@pytest.mark.parametrize("what", ["suspended", "pending", "release scheduled"])
def test_a_source_that_did_not_serve_when_the_plan_was_made_does_not_serve_now_either(
    what: str, context: str, tmp_path: Path
) -> None:
    stage = Returning.at(tmp_path, context, 2)
    meddle(stage.source, stage.ids[0], what)
    stage.begin()
    report = stage.rollback()
    assert [(left.number, left.error) for left in report.left_alone] == [(KEYS[0], "SourceGone")]
    assert "there, not active" in report.left_alone[0].message


def test_whose_the_record_at_the_source_is_now_is_said(two: Returning) -> None:
    meddle(two.source, two.ids[0], "another number")
    (left,) = two.preview_rollback().left_alone
    assert f"the record {two.ids[0]} is of " in left.message
    assert STRANGER[3:] in left.message


def test_that_a_source_may_be_gone_is_no_consent_for_a_target_that_others_changed(two: Returning) -> None:
    meddle(two.source, two.ids[0], "gone")
    meddle(two.target, two.made(KEYS[0]), "another label")
    report = two.rollback("unpublishes", "source_not_serving")
    assert [(left.number, left.error) for left in report.left_alone] == [(KEYS[0], "ModifiedExternally")]
    assert len(live(two.target)) == 1


def test_where_both_ends_are_gone_nothing_counts_as_taken_back(two: Returning) -> None:
    meddle(two.source, two.ids[0], "gone")
    meddle(two.target, two.made(KEYS[0]), "gone")
    report = two.rollback()
    assert [(left.number, left.error) for left in report.left_alone] == [(KEYS[0], "SourceGone")]
    assert two.number(KEYS[0]).state is MigrationState.MOVED


def test_an_agent_that_our_own_release_stopped_is_no_reason_not_to_go_back(tmp_path: Path) -> None:
    stage = Returning.soaked(tmp_path, "diga-vox")
    stage.release(numbers=[KEYS[0]])  # which takes the agent of the others off the air at the source
    assert stage.rollback(numbers=KEYS[1:]).is_complete
    assert len(live(stage.target)) == 1


# -- while the target is as this migration left it


def test_what_a_changed_user_name_was_is_not_said(tmp_path: Path) -> None:
    stage = Returning.moved(tmp_path, "vox-diga", 2)
    id = stage.made(KEYS[0])
    config = dict(stage.target.store[id]["sip_config"])
    stage.target.store.edit(id, {"sip_config": {**config, "username": "user-canary"}})
    report = stage.rollback()
    assert [left.error for left in report.left_alone] == ["ModifiedExternally"]
    assert "outbound.username" in report.left_alone[0].message
    assert "canary" not in report.left_alone[0].message


def test_an_id_that_serves_a_stranger_now_is_never_deleted(two: Returning) -> None:
    """Whatever else is wrong: a deletion that was begun, a source that is gone, every consent there is."""
    id = two.made(KEYS[0])
    two.announce(Action.ROLL_BACK, KEYS[0], id)
    meddle(two.source, two.ids[0], "gone")
    meddle(two.target, id, "another number")
    for wait in (0.0, WINDOW + 1):
        two.time.advance(wait)
        two.rollback("unpublishes", "source_not_serving")
    assert id not in two.deleted(two.target)
    assert [number.endswith(STRANGER[3:]) for number in live(two.target)] == [True]


def test_what_the_journal_has_no_answer_to_is_no_foreign_change(tmp_path: Path) -> None:
    stage = Returning.at(tmp_path, "diga-vox", 1)
    stage.loaded = stage.plan()
    stage.target.faults.append(Fault(FaultKind.LOST_AFTER, "PATCH", times=99))
    stage.apply(stage.loaded)
    stage.target.faults.clear()
    assert stage.rollback().is_complete
    assert live(stage.target) == []


def test_a_record_that_was_pending_and_became_active_is_no_foreign_change(two: Returning) -> None:
    id = two.made(KEYS[0])
    meddle(two.target, id, "pending")
    two.verify()
    stage_word = "active" if two.target.slug == "vox" else "assigned"
    two.target.store.edit(id, {"status": stage_word})
    assert two.rollback().is_complete


def test_a_key_that_may_not_delete_stops_it(stage: Returning) -> None:
    stage.target.faults.append(Fault(FaultKind.ANSWER, "DELETE", times=9, response=answer(403, {"detail": "no"})))
    report = stage.rollback()
    assert report.stopped == "key"
    assert len(report.not_started) == 2
    stage.target.faults.clear()
    assert stage.rollback().is_complete


# -- answers that contradict one another


def test_a_record_that_no_list_shows_is_not_taken_for_gone(two: Returning, monkeypatch: pytest.MonkeyPatch) -> None:
    unlisted(two.target, two.made(KEYS[0]), monkeypatch)
    report = two.rollback()
    assert [(left.number, left.error) for left in report.left_alone] == [(KEYS[0], "NotShown")]
    assert len(live(two.target)) == 1
    assert two.number(KEYS[0]).state is MigrationState.MOVED


def test_a_record_that_was_not_listed_and_is_there_is_not_released_unseen(stage: Returning) -> None:
    id = stage.made(KEYS[1])
    record = stage.target.store[id]
    stage.target.store.remove(id)

    def appear(event: Event) -> None:
        if begins(event, KEYS[1]):
            stage.target.store.put(id, record)

    report = stage.rollback(numbers=[KEYS[1]], on_event=appear)
    assert [left.error for left in report.left_alone] == ["NotShown"]
    assert stage.writes(stage.target) == []


# -- what was not answered


def test_a_rollback_that_is_done_late_is_settled_although_the_source_is_gone_by_then(stage: Returning) -> None:
    id = stage.made(KEYS[1])
    stage.announce(Action.ROLL_BACK, KEYS[1], id)
    stage.target.store.remove(id)
    stage.source.store.remove(stage.ids[1])
    assert stage.rollback(numbers=[KEYS[1]]).is_complete
    assert stage.unanswered(KEYS[1]) is None
    assert stage.number(KEYS[1]).state is MigrationState.ROLLED_BACK


# -- what is only recorded in the journal


def test_the_preview_tells_what_is_gone_from_what_is_released(stage: Returning) -> None:
    died_after_the_deletion(stage, KEYS[1])
    shown = stage.preview_rollback()
    assert shown.confirm == 2
    assert shown.to_reconcile == (KEYS[1],)
    assert "only recorded in the journal" in str(shown)
    assert stage.rollback().is_complete
    assert stage.run().counts == {MigrationState.ROLLED_BACK: 3}


def died_after_the_deletion(stage: Returning, key: str) -> None:
    """A rollback that was killed between the deletion and its line in the journal."""
    id = stage.made(key)
    stage.announce(Action.ROLL_BACK, key, id)
    stage.target.store.remove(id)


# -- what it says before it starts


def test_a_consent_that_there_is_not_is_refused(stage: Returning) -> None:
    with pytest.raises(errors.InvalidInput, match="allow"):
        stage.rollback("everything")


def test_a_publication_and_a_typed_password_are_said_to_stay_done(tmp_path: Path) -> None:
    stage = Returning.at(tmp_path, "vox-diga", 1)
    with stage.client(stage.source) as client:
        (record,) = client.list_numbers()
    agents = stage.target.agents
    versions = stage.target.versions(agents["survey"])
    planned = stage.planned(
        record,
        inbound_agent=AgentRef(agents["survey"], version=versions[0].version_id),
        allow=(SideEffect.PUBLISHES,),
    )
    steps = tuple(
        PlannedStep(
            kind=kind, message="", side_effects=(SideEffect.PUBLISHES,) if kind is StepKind.ASSIGN_AGENTS else ()
        )
        for kind in (StepKind.IMPORT, StepKind.ASSIGN_AGENTS, StepKind.READ_BACK)
    )
    number = PlannedNumber(key=planned.key, source=planned.source, desired=planned.desired, steps=steps)
    trunk = Trunk(name="carrier", auth="digest", username="acme", password="prompt:")
    stage.loaded = stage.plan(numbers=(number,), trunks=(trunk,))
    stage.apply(stage.loaded, prompt=lambda text: PASSWORD)
    said = " ".join(stage.preview_rollback().cannot_be_undone)
    assert "was published by assigning it" in said
    assert "password of trunk carrier was typed" in said


# -- an import that was not answered


def test_an_import_that_was_announced_and_never_made_is_in_doubt_for_the_window_and_then_nothing(
    context: str, tmp_path: Path
) -> None:
    stage = Returning.at(tmp_path, context, 1)
    stage.loaded = stage.plan()
    stage.announce(Action.IMPORT, KEYS[0])
    assert stage.preview_rollback().to_reconcile == (KEYS[0],)
    stage.time.advance(WINDOW - 1)
    early = stage.rollback()
    assert [left.error for left in early.left_alone] == ["InDoubt"]
    assert stage.number(KEYS[0]).state is MigrationState.IN_DOUBT
    stage.time.advance(2)
    assert stage.rollback().is_complete
    assert stage.number(KEYS[0]).state is MigrationState.ROLLED_BACK
    assert stage.writes(stage.target) == []


def test_that_an_import_may_be_repeated_sooner_does_not_mean_that_it_cannot_take_effect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does it say anything of a release or of a rollback."""
    sooner = RepeatableImport(source="made up", after=0.0)
    monkeypatch.setattr(DigaProvider, "capabilities", replace(DigaProvider.capabilities, repeatable_import=sooner))
    stage = Returning.at(tmp_path, "vox-diga", 2)
    stage.loaded = stage.plan()
    assert stage.apply(stage.loaded, numbers=KEYS[1:2]).is_complete
    stage.announce(Action.IMPORT, KEYS[0])
    stage.announce(Action.RELEASE, KEYS[1], stage.ids[1])
    stage.time.advance(WINDOW - 1)
    report = stage.rollback()
    assert {left.number: left.error for left in report.left_alone} == dict.fromkeys(KEYS[:2], "InDoubt")
    assert stage.deleted(stage.target) == []
    stage.time.advance(2)
    assert stage.rollback().is_complete


def test_an_import_that_takes_effect_after_a_rollback_looked_for_it_is_found_by_the_next_one(
    context: str, tmp_path: Path
) -> None:
    stage = Returning.at(tmp_path, context, 1)
    stage.loaded = stage.plan()
    stage.announce(Action.IMPORT, KEYS[0])
    assert [left.error for left in stage.rollback().left_alone] == ["InDoubt"]
    record_of_ours(stage)
    assert stage.rollback().is_complete
    assert live(stage.target) == []


def test_an_import_that_was_made_and_not_answered_is_found_shown_and_taken_back(context: str, tmp_path: Path) -> None:
    stage = Returning.at(tmp_path, context, 1)
    stage.loaded = stage.plan()
    stage.announce(Action.IMPORT, KEYS[0])
    id = record_of_ours(stage)
    assert stage.preview_rollback().shown == {(KEYS[0], id)}
    assert stage.rollback().is_complete
    assert live(stage.target) == []


def test_a_record_of_a_lost_import_that_shows_after_the_preview_is_not_released_unseen(
    context: str, tmp_path: Path
) -> None:
    stage = Returning.at(tmp_path, context, 1)
    stage.loaded = stage.plan()
    stage.announce(Action.IMPORT, KEYS[0])

    def meanwhile(event: Event) -> None:
        if begins(event, KEYS[0]):
            record_of_ours(stage)

    report = stage.rollback(on_event=meanwhile)
    assert [left.error for left in report.left_alone] == ["NotShown"]
    assert stage.writes(stage.target) == []
    assert len(live(stage.target)) == 1
    assert stage.rollback().is_complete


@pytest.mark.parametrize("what", ["another label", "an agent added"])
def test_a_record_that_may_be_somebody_elses_is_never_deleted(what: str, context: str, tmp_path: Path) -> None:
    stage = Returning.at(tmp_path, context, 1)
    stage.loaded = stage.plan()
    stage.announce(Action.IMPORT, KEYS[0])
    meddle(stage.target, record_of_ours(stage), what)
    for wait in (0.0, WINDOW + 1):
        stage.time.advance(wait)
        report = stage.rollback()
        assert [left.error for left in report.left_alone] == ["ManualActionRequired"]
    assert stage.writes(stage.target) == []


# -- what the journal does not know


def test_a_number_that_is_at_the_target_and_not_in_the_journal_is_named(context: str, tmp_path: Path) -> None:
    """As after a journal was put back that is older than what was made."""
    stage = Returning.at(tmp_path, context, 2)
    stage.loaded = stage.plan()
    assert stage.apply(stage.loaded, numbers=KEYS[:1]).is_complete
    old = stage.loaded.journal_path.read_bytes()
    assert stage.apply(stage.loaded).is_complete
    unknown = stage.made(KEYS[1])
    for file in tmp_path.glob("plan.json.journal*"):
        file.unlink()
    stage.loaded.journal_path.write_bytes(old)
    with pytest.raises(JournalError, match="older copy"):  # this machine saw later lines
        stage.rollback()
    os.environ["XDG_STATE_HOME"] = str(tmp_path / "another machine")
    report = stage.rollback()
    assert not report.is_complete
    assert [(left.number, left.error) for left in report.left_alone] == [(KEYS[1], "ModifiedExternally")]
    assert unknown in report.left_alone[0].message
    assert len(live(stage.target)) == 1
