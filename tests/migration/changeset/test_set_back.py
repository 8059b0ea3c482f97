"""Setting back what a plan changed, where something is in the way: somebody else, a lost answer, a refusal."""

from __future__ import annotations

from pathlib import Path

import pytest

from telephony_core import OutboundUpdate, SideEffect
from telephony_core.emulator import Fault, FaultKind
from telephony_core.emulator import json_response as answer
from telephony_core.migration.journal.entries import Action, Phase
from telephony_core.migration.move.state import MigrationState
from telephony_core.migration.plan.store import LoadedPlan
from telephony_core.migration.run.events import Event
from tests.migration.changeset.setting import KEYS, Setting, shared
from tests.migration.changeset.test_set_rollback import changed
from tests.migration.meddling import meddle

TWO = {"label": "New", "outbound": OutboundUpdate(address="new.example.com:5060")}
FOUND = "its answer was lost, and the record is as planned"


@pytest.fixture(params=["vox-diga", "diga-vox"])
def context(request: pytest.FixtureRequest) -> str:
    return str(request.param)


# -- somebody else


def test_a_number_that_somebody_changes_after_it_was_shown_is_left_alone(context: str, tmp_path: Path) -> None:
    stage, loaded, before = changed(tmp_path, context, label="New")
    done: list[str] = []

    def in_between(event: Event) -> None:  # when the first one is set back, before the second is read
        if (event.action, event.phase) == (Action.ROLL_BACK, Phase.DONE) and event.number not in done:
            done.append(str(event.number))
            stage.relabel("Somebody's", of=1 - KEYS.index(str(event.number)))

    report = stage.roll_back(loaded, on_event=in_between)
    assert not report.is_complete
    (first,) = done
    other = 1 - KEYS.index(first)
    assert stage.records()[1 - other] == before[1 - other]
    with stage.client(stage.source) as client:
        assert client.get_number(stage.ids[other]).label == "Somebody's"
    assert "was changed by somebody since this plan changed it: label: " in str(report)
    assert "set it right at the provider, then run the same command again" in str(report)


def test_a_record_that_is_gone_cannot_be_set_back(tmp_path: Path) -> None:
    stage, loaded, _ = changed(tmp_path, "diga-vox", 2, label="New")
    with stage.client(stage.source) as client:
        client.release(stage.ids[0], allow=[*SideEffect])
    (left,) = [left for left in stage.preview(loaded).left_alone if left.number == KEYS[0]]
    assert left.error == "ModifiedExternally"
    assert f"{KEYS[0]} ({stage.ids[0]}) was released or removed since this plan changed it" in left.message
    assert "nothing of it can be set back" in left.message


@pytest.mark.parametrize("what", ["released", "release scheduled"])
def test_a_record_that_is_released_and_still_listed_cannot_be_set_back(context: str, what: str, tmp_path: Path) -> None:
    stage, loaded, _ = changed(tmp_path, context, 2, label="New")
    meddle(stage.source, stage.ids[0], what)
    (left,) = stage.preview(loaded).left_alone
    assert f"{KEYS[0]} ({stage.ids[0]}) was released or removed since this plan changed it" in left.message


def test_a_number_of_which_somebody_made_what_the_plan_had_not_come_to_yet_is_left_alone(tmp_path: Path) -> None:
    stage = Setting(tmp_path, "diga-vox", 1)
    loaded = stage.settings_plan(**TWO)
    stage.source.faults.append(Fault(FaultKind.ANSWER, "PATCH", skip=1, response=answer(422, {"detail": "no"})))
    assert not stage.change(loaded).is_complete
    stage.source.store[stage.ids[0]]["sip_config"]["termination_uri"] = "new.example.com:5060"
    (left,) = stage.preview(loaded).left_alone
    assert (left.number, left.error) == (KEYS[0], "ModifiedExternally")
    assert "outbound.address" in left.message


def test_a_number_that_was_never_changed_has_nothing_to_be_set_back(context: str, tmp_path: Path) -> None:
    stage = Setting(tmp_path, context)
    loaded = stage.settings_plan(label="New")
    assert stage.change(loaded, numbers=[KEYS[1]]).is_complete
    preview = stage.preview(loaded)
    assert [forecast.number for forecast in preview.forecasts] == [KEYS[1]]
    assert preview.left_alone == ()


def test_a_record_that_is_of_another_number_by_now_is_left_alone(tmp_path: Path) -> None:
    stage, loaded, _ = changed(tmp_path, "vox-diga", 2, label="New")
    stage.source.store.edit(stage.ids[0], {"number": "07099998888"})
    (left,) = stage.preview(loaded).left_alone
    assert (left.number, left.error) == (KEYS[0], "ModifiedExternally")
    assert "number: +827011110000 → +827099998888" in left.message


def test_what_somebody_changes_while_it_is_set_back_is_said(tmp_path: Path) -> None:
    stage, loaded, _ = changed(tmp_path, "diga-vox", 1, **TWO)

    def in_between(event: Event) -> None:  # after the trunk was set back, before the label is
        if (event.action, event.phase) == (Action.RESTORE, Phase.DONE) and len(stage.writes(stage.source)) == 1:
            stage.source.store[stage.ids[0]]["sip_config"]["termination_uri"] = "sip:elsewhere.example.com"

    stage.source.requests.clear()
    (failure,) = stage.roll_back(loaded, on_event=in_between).left_alone
    assert failure.error == "VerificationFailed"
    assert f"{KEYS[0]} was set back, and outbound.address came back different" in failure.message
    assert "compare at the provider, and correct it there" in failure.message
    assert MigrationState.ROLLED_BACK not in stage.run(loaded).counts


def test_numbers_whose_trunk_was_changed_with_that_of_another_one_are_set_back_too(tmp_path: Path) -> None:
    stage = Setting(tmp_path, "vox-diga")
    shared(stage)
    before = stage.records()
    outbound = OutboundUpdate(address="new.example.com")
    loaded = stage.settings_plan(label="Desk", outbound=outbound, username="a", password=f"file:{stage.secret}")
    assert stage.change(loaded).is_complete
    preview = stage.preview(loaded)
    assert preview.left_alone == ()
    assert [forecast.restores for forecast in preview.forecasts] == [(f"label: Desk → 번호 {i}",) for i in (1, 2, 0)]
    assert stage.roll_back(loaded).is_complete
    assert [record["memo"] for record in stage.records()] == [record["memo"] for record in before]


def over_one_trunk(stage: Setting) -> LoadedPlan:
    """A plan for two numbers of one trunk, and for one of another; the second one has its label already."""
    shared(stage)
    outbound = OutboundUpdate(address="new.example.com")
    loaded = stage.settings_plan(label="번호 1", outbound=outbound, username="a", password=f"file:{stage.secret}")
    assert stage.change(loaded).is_complete
    return loaded


def test_a_number_of_which_nothing_but_a_shared_trunk_was_changed_comes_last_and_is_not_written(tmp_path: Path) -> None:
    stage = Setting(tmp_path, "vox-diga")
    loaded = over_one_trunk(stage)
    forecasts = stage.preview(loaded).forecasts
    assert [(forecast.number, forecast.restores) for forecast in forecasts] == [
        (KEYS[2], ("label: 번호 1 → 번호 2",)),
        (KEYS[0], ("label: 번호 1 → 번호 0",)),
        (KEYS[1], ("nothing of its own was written",)),
    ]
    stage.source.requests.clear()
    report = stage.roll_back(loaded)
    assert report.is_complete, str(report)
    assert len(stage.writes(stage.source)) == 2
    assert [done.message for done in report.done if done.number == KEYS[1]] == ["set back: nothing"]


def test_a_rollback_of_numbers_of_one_trunk_that_was_cut_short_goes_on(tmp_path: Path) -> None:
    stage = Setting(tmp_path, "vox-diga")
    shared(stage)
    outbound = OutboundUpdate(address="new.example.com")
    loaded = stage.settings_plan(label="Desk", outbound=outbound, username="a", password=f"file:{stage.secret}")
    assert stage.change(loaded).is_complete
    assert not stage.without_answers(FaultKind.LOST_BEFORE, stage.roll_back, loaded).is_complete
    report = stage.roll_back(loaded)
    assert report.is_complete, str(report)


def test_what_a_provider_changed_along_with_it_is_no_change_by_somebody(tmp_path: Path) -> None:
    stage = Setting(tmp_path, "diga-vox", 1)
    loaded = stage.settings_plan(label="New")

    def along(event: Event) -> None:  # before the write is sent: its answer shows both
        if (event.action, event.phase) == (Action.SET_LABEL, Phase.INTENT):
            stage.source.store[stage.ids[0]]["sip_config"]["termination_uri"] = "other.example.com"

    assert stage.change(loaded, on_event=along).is_complete
    assert stage.preview(loaded).left_alone == ()
    assert stage.roll_back(loaded).is_complete


# -- answers that are lost, and runs that are cut short


def test_what_was_set_back_before_the_run_ended_is_not_sent_again(context: str, tmp_path: Path) -> None:
    stage, loaded, before = changed(tmp_path, context, 1, label="New")
    assert not stage.without_answers(FaultKind.LATE, stage.roll_back, loaded).is_complete
    stage.source.act_late()
    stage.source.requests.clear()
    assert stage.roll_back(loaded).is_complete
    assert stage.writes(stage.source) == []
    assert stage.records() == before
    assert (Action.RESTORE, FOUND) in stage.lines(loaded, Phase.DONE)


def test_what_was_never_changed_is_not_written_back(context: str, tmp_path: Path) -> None:
    stage = Setting(tmp_path, context, 1)
    before = stage.records()
    loaded = stage.settings_plan(label="New")
    assert not stage.without_answers(FaultKind.LOST_BEFORE, stage.change, loaded).is_complete
    stage.time.advance(3600)
    stage.source.requests.clear()
    assert stage.roll_back(loaded).is_complete
    assert stage.writes(stage.source) == []
    assert stage.records() == before


def test_where_only_the_last_of_two_changes_did_not_happen_the_first_one_alone_is_set_back(tmp_path: Path) -> None:
    stage = Setting(tmp_path, "diga-vox", 1)
    before = stage.records()
    loaded = stage.settings_plan(**TWO)
    stage.source.faults.append(Fault(FaultKind.LOST_BEFORE, "PATCH", skip=1, times=99))
    assert not stage.change(loaded).is_complete
    stage.source.faults.clear()
    stage.time.advance(3600)
    assert not stage.without_answers(FaultKind.LATE, stage.roll_back, loaded).is_complete
    stage.source.act_late()
    assert stage.roll_back(loaded).is_complete
    assert stage.records() == before
    assert [action for action, _ in stage.lines(loaded, Phase.DONE)].count(Action.RESTORE) == 1


def test_a_change_that_took_effect_after_all_is_set_back(context: str, tmp_path: Path) -> None:
    stage = Setting(tmp_path, context, 1)
    before = stage.records()
    loaded = stage.settings_plan(label="New")
    assert not stage.without_answers(FaultKind.LATE, stage.change, loaded).is_complete
    stage.source.act_late()
    stage.time.advance(3600)
    assert stage.roll_back(loaded).is_complete
    assert stage.records() == before


# -- what its provider does not take back


def unspeakable(stage: Setting) -> None:
    """A label that nobody can write by this library, and that a provider may hold all the same."""
    stage.source.store[stage.ids[0]]["nickname"] = "a\u202eb"


def test_what_a_provider_would_not_take_back_is_said_first_and_the_rest_is_set_back(tmp_path: Path) -> None:
    stage = Setting(tmp_path, "diga-vox", 1)
    unspeakable(stage)
    loaded = stage.settings_plan(**TWO, password=f"file:{stage.secret}")
    assert stage.change(loaded).is_complete
    (forecast,) = stage.preview(loaded).forecasts
    assert forecast.restores == ("outbound.address: new.example.com:5060 → trunk0.example.com:5060",)
    refused, unknown = forecast.cannot_be_undone
    assert refused.startswith("not label: the label holds")
    assert unknown == "not outbound.password: the provider does not say what it was, so the new one stays"
    assert stage.roll_back(loaded).is_complete
    done = "set back: outbound.address; not: label, outbound.password"
    assert stage.lines(loaded, Phase.DONE)[-1] == (Action.ROLL_BACK, done)
    with stage.client(stage.source) as client:
        record = client.get_number(stage.ids[0])
    assert (record.label, str(record.sip.outbound.address.host)) == ("New", "trunk0.example.com")


def test_where_nothing_is_taken_back_the_number_is_not_called_rolled_back(tmp_path: Path) -> None:
    stage = Setting(tmp_path, "diga-vox", 1)
    unspeakable(stage)
    loaded = stage.settings_plan(label="New")
    assert stage.change(loaded).is_complete
    (failure,) = stage.roll_back(loaded).left_alone
    assert "the label holds" in failure.message
    assert stage.run(loaded).counts == {MigrationState.CHANGED: 1}


def test_what_was_set_back_is_written_down_by_name(tmp_path: Path) -> None:
    stage, loaded, _ = changed(tmp_path, "diga-vox", 1, **TWO)
    assert stage.roll_back(loaded).is_complete
    assert stage.lines(loaded, Phase.DONE)[-1] == (Action.ROLL_BACK, "set back: outbound.address, label")


def test_a_user_name_out_of_a_reference_is_not_shown(tmp_path: Path) -> None:
    stage = Setting(tmp_path, "diga-vox", 1)
    loaded = stage.settings_plan(username=f"file:{stage.secret}", password=f"file:{stage.secret}")
    assert stage.change(loaded).is_complete
    (forecast,) = stage.preview(loaded).forecasts
    assert forecast.restores == ("outbound.username: as it was",)


def test_what_was_changed_beside_such_a_user_name_is_shown(tmp_path: Path) -> None:
    stage = Setting(tmp_path, "diga-vox", 1)
    address = OutboundUpdate(address="new.example.com:5060")
    loaded = stage.settings_plan(outbound=address, username=f"file:{stage.secret}", password=f"file:{stage.secret}")
    assert stage.change(loaded).is_complete
    (forecast,) = stage.preview(loaded).forecasts
    assert set(forecast.restores) == {
        "outbound.address: new.example.com:5060 → trunk0.example.com:5060",
        "outbound.username: as it was",
    }


def test_a_user_name_that_the_plan_wrote_out_is_shown(tmp_path: Path) -> None:
    stage, loaded, _ = changed(tmp_path, "diga-vox", 1, username="new")
    (forecast,) = stage.preview(loaded).forecasts
    assert forecast.restores == ("outbound.username: new → acme",)
    assert forecast.cannot_be_undone == ()
