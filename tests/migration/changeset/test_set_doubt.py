"""A change of settings that does not go straight on: what is looked for, what is said, and what to do next."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from telephony_core import PUBLISHED, AgentRef, OutboundUpdate
from telephony_core.emulator import Fault, FaultKind
from telephony_core.emulator import json_response as answer
from telephony_core.errors.migration import StalePlan
from telephony_core.migration.journal.entries import Action, Phase
from telephony_core.migration.journal.store import SqliteJournal
from telephony_core.migration.move.state import MigrationState
from telephony_core.migration.plan.store import LoadedPlan, save_plan
from telephony_core.migration.run.apply import ApplyOptions, ApplyReport, aapply_plan
from telephony_core.migration.run.events import Event, EventKind
from telephony_core.migration.run.stopping import StopRules
from tests.migration.changeset.setting import KEYS, Setting
from tests.migration.changeset.test_set import publishing
from tests.migration.changeset.test_set_rollback import SENT
from tests.migration.run.test_resume import BusyTime

FOUND = "its answer was lost, and the record is as planned"


@pytest.fixture(params=["vox-diga", "diga-vox"])
def context(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def once(stage: Setting) -> LoadedPlan:
    """A plan with one write, which must not be sent twice."""
    return save_plan(publishing(stage), stage.folder / "plan.json")


def stopped_while_it_looks(stage: Setting, loaded: LoadedPlan) -> ApplyReport:
    rules = StopRules(3)

    def ask(event: Event) -> None:
        stage.events.append(event)
        if event.kind is EventKind.WAITING:
            rules.ask()

    assert stage.here
    options = ApplyOptions(on_event=ask, clock=stage.time.clock)
    return asyncio.run(aapply_plan(loaded, None, stage.open_source, options, rules=rules))


# -- what must not be sent twice


def test_a_write_that_must_not_be_repeated_is_found_when_it_takes_effect_late(tmp_path: Path) -> None:
    time = BusyTime()
    stage = Setting(tmp_path, "diga-vox", 1, time=time)
    time.meanwhile = stage.source.act_late
    loaded = once(stage)
    stage.source.faults.append(Fault(FaultKind.LATE, "PATCH"))
    assert stage.change(loaded).is_complete
    assert len(stage.writes(stage.source)) == 1
    assert (Action.SET_AGENTS, FOUND) in stage.lines(loaded, Phase.DONE)


def test_asked_to_stop_while_it_looks_a_run_says_until_when_it_is_in_doubt_and_the_next_one_finds_it(
    tmp_path: Path,
) -> None:
    stage = Setting(tmp_path, "diga-vox", 1)
    loaded = once(stage)
    stage.source.faults.append(Fault(FaultKind.LATE, "PATCH"))
    (failure,) = stopped_while_it_looks(stage, loaded).failures
    assert failure.error == "InDoubt"
    assert f"the change of {KEYS[0]} was not answered, and may still take effect (since " in failure.message
    assert "run the same command again: it goes on looking, and sends nothing a second time" in failure.message
    waiting = [event.message for event in stage.events if event.kind is EventKind.WAITING]
    assert any(f"a change of {KEYS[0]} may still take effect" in message for message in waiting)
    stage.source.act_late()
    assert stage.change(loaded).is_complete
    assert len(stage.writes(stage.source)) == 1
    assert (Action.SET_AGENTS, FOUND) in stage.lines(loaded, Phase.DONE)


def test_a_write_that_nobody_found_is_left_to_a_person_with_what_to_do(tmp_path: Path) -> None:
    stage = Setting(tmp_path, "diga-vox", 1)
    loaded = once(stage)
    stage.source.faults.append(Fault(FaultKind.LOST_BEFORE, "PATCH"))
    (failure,) = stage.change(loaded).failures
    for text in (failure.message, stage.lines(loaded, Phase.UNKNOWN)[0][1]):
        assert f"whether the change of {KEYS[0]} was made is not known" in text
        assert "then make a new plan, under another name, for what is missing" in text
    looks = stage.lines(loaded, Phase.LOOK)
    assert len(looks) > 3
    assert all("no trace of it yet; in doubt since " in text for _, text in looks)


def test_once_the_window_is_over_the_next_run_does_not_look_for_it_all_over_again(tmp_path: Path) -> None:
    stage = Setting(tmp_path, "diga-vox", 1)
    loaded = once(stage)
    stage.source.faults.append(Fault(FaultKind.LOST_BEFORE, "PATCH"))
    assert not stopped_while_it_looks(stage, loaded).is_complete
    stage.time.advance(3600)
    stage.time.slept.clear()
    assert stage.change(loaded).failures[0].state is MigrationState.NEEDS_ACTION
    assert sum(stage.time.slept) < 60.0


# -- what may be sent again


def test_a_write_that_is_never_answered_is_sent_three_times_a_time_out_apart(tmp_path: Path) -> None:
    stage = Setting(tmp_path, "diga-vox", 1)
    loaded = stage.settings_plan(label="New")
    stage.source.faults.append(Fault(FaultKind.LOST_BEFORE, "PATCH", times=99))
    assert stage.change(loaded).in_doubt == (KEYS[0],)
    assert len(stage.writes(stage.source)) == 3 * SENT
    assert [slept for slept in stage.time.slept if slept >= stage.settings.timeout] == [stage.settings.timeout] * 2
    why = f"a request for {KEYS[0]} may still be under way"
    assert [why in event.message for event in stage.events if event.kind is EventKind.WAITING] == [True] * 2


def test_an_error_after_an_unanswered_write_says_that_it_may_have_happened_all_the_same(
    tmp_path: Path,
) -> None:
    stage = Setting(tmp_path, "diga-vox", 1)
    loaded = stage.settings_plan(label="New")
    refusal = answer(422, {"error_code": "NO", "message": "no"})
    stage.source.faults.append(Fault(FaultKind.LOST_BEFORE, "PATCH", times=SENT))
    stage.source.faults.append(Fault(FaultKind.ANSWER, "PATCH", times=9, response=refusal))
    (failure,) = stage.change(loaded).failures
    assert failure.error == "OutcomeUnknown"
    assert f"a change of {KEYS[0]} was not answered, and then: " in failure.message
    assert "run the same command again once the provider answers; it reads the number first" in failure.message
    with SqliteJournal.reading(loaded) as journal:
        data = journal.entries_of(KEYS[0])[-1].data
    assert (data["status"], data["code"]) == (422, "NO")
    (look, *_) = stage.lines(loaded, Phase.LOOK)
    assert look == (Action.SET_LABEL, "its answer was lost; sending it again after the time-out")


def test_what_the_next_run_is_refused_says_nothing_about_the_request_of_the_run_before(
    context: str, tmp_path: Path
) -> None:
    stage = Setting(tmp_path, context, 1)
    loaded = stage.settings_plan(label="New")
    assert not stage.without_answers(FaultKind.LOST_BEFORE, stage.change, loaded).is_complete
    stage.source.faults.append(Fault(FaultKind.ANSWER, "PATCH", times=9, response=answer(422, {"detail": "no"})))
    report = stage.change(loaded)
    assert report.failures[0].error == "OutcomeUnknown"
    assert report.in_doubt == (KEYS[0],)


@pytest.mark.parametrize(
    ("update", "writes"),
    [
        ({"label": "New"}, 0),
        ({"outbound": OutboundUpdate(address="new.example.com")}, 0),
        ({"label": "New", "username": "acme2"}, 1),
    ],
    ids=["label", "address", "label, then user name"],
)
def test_a_write_that_was_made_before_the_run_ended_is_not_sent_again_by_the_next_one(
    update: dict[str, object], writes: int, tmp_path: Path
) -> None:
    stage = Setting(tmp_path, "diga-vox", 1)
    loaded = stage.settings_plan(**update)
    assert not stage.without_answers(FaultKind.LATE, stage.change, loaded).is_complete
    stage.source.act_late()
    stage.source.requests.clear()
    assert stage.change(loaded).is_complete
    assert len(stage.writes(stage.source)) == writes
    assert FOUND in [message for _, message in stage.lines(loaded, Phase.DONE)]


def test_what_is_refused_after_a_write_that_was_in_doubt_is_not_in_doubt_with_it(tmp_path: Path) -> None:
    stage = Setting(tmp_path, "diga-vox", 1)
    loaded = stage.settings_plan(label="New", outbound=OutboundUpdate(address="new.example.com"))
    stage.source.faults.append(Fault(FaultKind.LOST_BEFORE, "PATCH", times=99))
    assert stage.change(loaded).in_doubt == (KEYS[0],)
    stage.source.faults.clear()
    stage.source.faults.append(Fault(FaultKind.ANSWER, "PATCH", skip=1, response=answer(422, {"detail": "no"})))
    (failure,) = stage.change(loaded).failures
    assert (failure.error, failure.state) == ("InvalidRequest", MigrationState.FAILED)


def test_a_write_with_a_password_is_sent_again_because_no_read_shows_it(tmp_path: Path) -> None:
    stage = Setting(tmp_path, "diga-vox", 1)
    loaded = stage.settings_plan(username="a", password=f"file:{stage.secret}")
    assert not stage.without_answers(FaultKind.LATE, stage.change, loaded).is_complete
    stage.source.act_late()
    stage.source.requests.clear()
    assert stage.change(loaded).is_complete
    assert len(stage.writes(stage.source)) == 1


# -- somebody else


def test_a_number_that_somebody_changed_half_way_can_be_set_right_or_set_back(context: str, tmp_path: Path) -> None:
    stage = Setting(tmp_path, context, 1)
    loaded = stage.settings_plan()
    refusal = answer(422, {"detail": "no"})
    stage.source.faults.append(Fault(FaultKind.ANSWER, "PATCH", skip=1, response=refusal))
    assert not stage.change(loaded).is_complete
    stage.relabel("Somebody's")
    with pytest.raises(StalePlan, match="label: New → Somebody's") as stale:
        stage.change(loaded)
    assert f"set back what this plan changed, `telephony rollback {loaded.path}" in str(stale.value.remedy)


def test_a_number_that_somebody_changed_to_what_is_wanted_has_changed_since_it_was_shown(tmp_path: Path) -> None:
    stage = Setting(tmp_path, "diga-vox", 1)
    loaded = stage.settings_plan(label="New", outbound=OutboundUpdate(address="new.example.com"))
    stage.source.store[stage.ids[0]]["sip_config"]["termination_uri"] = "new.example.com"
    with pytest.raises(StalePlan, match="outbound"):
        stage.change(loaded)
    assert stage.writes(stage.source) == []


def test_a_user_name_out_of_a_reference_is_no_change_by_somebody_else(tmp_path: Path) -> None:
    stage = Setting(tmp_path, "diga-vox", 1)
    name = tmp_path / "trunk.user"
    name.write_text("acme9\n")
    agent = AgentRef(stage.source.agents["sales"], version=PUBLISHED)
    given = {"username": f"file:{name}", "password": f"file:{stage.secret}"}
    loaded = stage.settings_plan(inbound_agent=agent, **given)
    stage.source.faults.append(Fault(FaultKind.LOST_BEFORE, "PATCH", skip=1, times=99))
    assert stage.change(loaded).in_doubt == (KEYS[0],)
    stage.source.faults.clear()
    assert stage.change(loaded).is_complete
    assert stage.records()[0]["username"] == "acme9"


def test_a_number_that_somebody_changes_before_it_is_read_back_says_what_differs_and_how_to_set_it_back(
    context: str, tmp_path: Path
) -> None:
    stage = Setting(tmp_path, context, 1)
    loaded = stage.settings_plan(label="New")

    def meddle(event: Event) -> None:
        if (event.action, event.phase) == (Action.SET_LABEL, Phase.DONE):
            stage.relabel("Somebody's")

    (failure,) = stage.change(loaded, on_event=meddle).failures
    assert (failure.error, failure.state) == ("VerificationFailed", MigrationState.FAILED)
    assert "(planned: New; found: Somebody's)" in failure.message
    assert f"set it back with `telephony rollback {loaded.path}" in failure.message
    assert sum(stage.time.slept) >= 15.0  # a reader that lags is waited for


def test_a_record_that_shows_its_change_late_is_waited_for(context: str, tmp_path: Path) -> None:
    stage = Setting(tmp_path, context, 1)
    loaded = stage.settings_plan(label="New")

    def meddle(event: Event) -> None:
        if (event.action, event.phase) == (Action.SET_LABEL, Phase.DONE):
            stage.relabel("Somebody's")
        elif event.kind is EventKind.WAITING:
            assert "was changed and does not show it yet" in event.message
            stage.relabel("New")

    assert stage.change(loaded, on_event=meddle).is_complete


def test_a_record_that_is_gone_before_it_is_read_back_is_said(tmp_path: Path) -> None:
    stage = Setting(tmp_path, "vox-diga", 1)
    loaded = stage.settings_plan(label="New")

    def meddle(event: Event) -> None:
        if (event.action, event.phase) == (Action.SET_LABEL, Phase.DONE):
            stage.source.store.edit(stage.ids[0], {"number": "07099998888"})

    (failure,) = stage.change(loaded, on_event=meddle).failures
    assert failure.error == "VerificationFailed"
    assert f"the record {stage.ids[0]} of {KEYS[0]} is not there any more, or of another number" in failure.message
    assert "nothing of it can be set back from here" in failure.message


def test_one_read_that_finds_nothing_is_not_believed(tmp_path: Path) -> None:
    stage = Setting(tmp_path, "diga-vox", 1)
    loaded = stage.settings_plan(label="New")

    def meddle(event: Event) -> None:
        if (event.action, event.phase) == (Action.SET_LABEL, Phase.DONE):
            missing = Fault(FaultKind.ANSWER, "GET", stage.ids[0], response=answer(404, {"detail": "no"}))
            stage.source.faults.append(missing)

    (failure,) = stage.change(loaded, on_event=meddle).failures
    assert failure.error == "ContradictoryAnswers"
    assert f"{KEYS[0]} ({stage.ids[0]}) is not found" in failure.message
    assert stage.change(loaded).is_complete
