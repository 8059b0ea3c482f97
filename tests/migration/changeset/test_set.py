"""Settings of many numbers: each written once and announced before it, whatever happens to answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from telephony_core import DRAFT, AgentRef, OutboundUpdate
from telephony_core.emulator import Fault, FaultKind
from telephony_core.emulator import json_response as answer
from telephony_core.errors.migration import StalePlan
from telephony_core.migration.changeset.set_planner import SettingsUpdate, plan_settings
from telephony_core.migration.journal.claim_rules import NumberClaimed
from telephony_core.migration.journal.entries import Action, Phase
from telephony_core.migration.journal.store import SqliteJournal
from telephony_core.migration.move.state import MigrationState
from telephony_core.migration.plan.model import Plan, StepKind
from telephony_core.migration.plan.store import LoadedPlan, load_plan, save_plan
from tests.migration.changeset.setting import KEYS, ONE, Setting, account, shared
from tests.migration.run.test_resume import BusyTime
from tests.migration.stage import PASSWORD

WAYS = ("vox-diga", "diga-vox")
GATEWAY = answer(502, {"detail": "bad gateway"})
WRITES = 3  # label, trunk, agents


@pytest.fixture(params=WAYS)
def context(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def undisturbed(folder: Path, context: str, count: int) -> list[dict[str, object]]:
    folder.mkdir()
    stage = Setting(folder, context, count)
    stage.change(stage.settings_plan())
    return stage.records()


# -- a plan, and carrying it out


def test_every_setting_is_written_once_for_each_number_and_read_back(context: str, tmp_path: Path) -> None:
    stage = Setting(tmp_path, context)
    loaded = stage.settings_plan()
    assert [step.kind for step in loaded.plan.numbers[0].steps] == [
        StepKind.UPDATE_LABEL,
        StepKind.UPDATE_SIP,
        StepKind.ASSIGN_AGENTS,
        StepKind.READ_BACK,
    ]
    report = stage.change(loaded)
    assert report.summary == "3 of 3 changed"
    assert len(stage.writes(stage.source)) == 3 * WRITES
    with stage.client(stage.source) as client:
        for record in client.list_numbers():
            assert record.label == "New"
            assert (record.sip.outbound.address.host, record.sip.outbound.address.port) == ("new.example.com", 5060)
            assert record.inbound_agent.agent_id == stage.source.agents["sales"]
            stored = stage.source.credentials(record.id)
            assert (stored.username, stored.password) == ("acme2", PASSWORD)
    assert stage.verify(loaded).is_equal
    assert stage.change(loaded).summary == "3 of 3 changed"
    assert len(stage.writes(stage.source)) == 3 * WRITES


def test_neither_plan_nor_journal_nor_events_hold_the_password(context: str, tmp_path: Path) -> None:
    stage = Setting(tmp_path, context)
    loaded = stage.settings_plan()
    stage.change(loaded)
    for file in tmp_path.iterdir():
        if file.is_file() and file != stage.secret:
            assert PASSWORD.encode() not in file.read_bytes(), file
    assert PASSWORD not in "".join(map(str, stage.events))


def test_an_announcement_says_what_repeating_the_request_would_mean(tmp_path: Path) -> None:
    stage = Setting(tmp_path, "vox-diga", 1)
    loaded = stage.settings_plan()
    stage.change(loaded)
    with SqliteJournal.reading(loaded) as journal:
        lines = journal.entries_of(KEYS[0])
    intents = [(line.action, line.data["semantics"]) for line in lines if line.phase is Phase.INTENT]
    assert intents == [(action, "idempotent") for action in (Action.SET_LABEL, Action.SET_SIP, Action.SET_AGENTS)]
    assert lines[-1].action is Action.READ_BACK


# -- answers that are lost


@pytest.mark.turns(context=len(WAYS))
@pytest.mark.parametrize("write", range(2 * WRITES))
@pytest.mark.parametrize("kind", [FaultKind.LOST_AFTER, FaultKind.LOST_BEFORE, FaultKind.ANSWER_AFTER, FaultKind.LATE])
def test_whatever_happens_to_the_answer_of_a_write_the_end_is_the_same(
    context: str, kind: FaultKind, write: int, tmp_path: Path
) -> None:
    time = BusyTime()
    stage = Setting(tmp_path, context, 2, time=time)
    time.meanwhile = stage.source.act_late
    loaded = stage.settings_plan()
    stage.source.faults.append(Fault(kind, "PATCH", skip=write, response=GATEWAY))
    report = stage.change(loaded)
    assert report.is_complete, str(report)
    assert stage.records() == undisturbed(tmp_path / "reference", context, 2)


def test_a_write_that_stays_unanswered_is_in_doubt_and_made_by_the_next_run(context: str, tmp_path: Path) -> None:
    stage = Setting(tmp_path, context, 1)
    loaded = stage.settings_plan()
    stage.source.faults.append(Fault(FaultKind.LOST_BEFORE, "PATCH", skip=1, times=99))
    report = stage.change(loaded)
    assert report.in_doubt == (KEYS[0],)
    assert stage.run(loaded).numbers[0].state is MigrationState.IN_DOUBT
    stage.source.faults.clear()
    assert stage.change(loaded).is_complete
    assert stage.records() == undisturbed(tmp_path / "reference", context, 1)


def test_a_write_that_is_refused_fails_and_can_be_tried_again(context: str, tmp_path: Path) -> None:
    stage = Setting(tmp_path, context, 1)
    loaded = stage.settings_plan()
    refusal = answer(422, {"detail": "no", "error": {"code": "NO", "message": "no"}})
    stage.source.faults.append(Fault(FaultKind.ANSWER, "PATCH", skip=1, response=refusal))
    assert stage.change(loaded).failures[0].state is MigrationState.FAILED
    assert stage.change(loaded).is_complete
    assert len([event for event in stage.events if (event.action, event.phase) == (Action.SET_LABEL, Phase.DONE)]) == 1


def publishing(stage: Setting) -> Plan:
    """A plan whose assignment publishes a version, which must not be sent twice."""
    survey_agent = stage.source.agents["survey"]
    version = stage.source.versions(survey_agent)[0].version_id
    update = SettingsUpdate(inbound_agent=AgentRef(survey_agent, version=version))
    return plan_settings(account(stage), update, where=["status=active"], allow=["publishes"], settings=ONE)


def test_what_must_not_be_sent_twice_is_announced_as_such_and_found_after_a_lost_answer(tmp_path: Path) -> None:
    stage = Setting(tmp_path, "diga-vox", 1)
    loaded = save_plan(publishing(stage), tmp_path / "plan.json")
    stage.source.faults.append(Fault(FaultKind.LOST_AFTER, "PATCH"))
    assert stage.change(loaded).is_complete
    assert len(stage.writes(stage.source)) == 1
    with SqliteJournal.reading(loaded) as journal:
        (intent,) = [line for line in journal.entries_of(KEYS[0]) if line.phase is Phase.INTENT]
    assert intent.data["semantics"] == "once"


def test_what_must_not_be_sent_twice_is_never_sent_again(tmp_path: Path) -> None:
    stage = Setting(tmp_path, "diga-vox", 1)
    loaded = save_plan(publishing(stage), tmp_path / "plan.json")
    stage.source.faults.append(Fault(FaultKind.LOST_BEFORE, "PATCH"))
    report = stage.change(loaded)
    assert report.failures[0].error == "ManualActionRequired"
    assert sum(stage.time.slept) >= ONE.timeout + ONE.settling_window
    stage.source.faults.clear()
    assert stage.change(loaded).failures[0].state is MigrationState.NEEDS_ACTION
    assert len(stage.writes(stage.source)) == 1


# -- the world has changed


def test_a_record_that_changed_since_it_was_shown_is_refused_and_the_others_can_go_on(
    context: str, tmp_path: Path
) -> None:
    stage = Setting(tmp_path, context)
    loaded = stage.settings_plan()
    with stage.client(stage.source) as client:
        client.update_label(stage.ids[1], "Somebody's")
    stage.source.requests.clear()
    with pytest.raises(StalePlan, match="label") as stale:
        stage.change(loaded)
    assert stage.writes(stage.source) == []
    assert f"--numbers {KEYS[0]} --numbers {KEYS[2]}" in str(stale.value.remedy)
    assert stage.change(loaded, numbers=[KEYS[0], KEYS[2]]).is_complete
    assert stage.run(loaded).counts == {MigrationState.CHANGED: 2, MigrationState.NOT_STARTED: 1}


def test_a_selection_that_grew_since_it_was_shown_is_refused(context: str, tmp_path: Path) -> None:
    stage = Setting(tmp_path, context, 1)
    loaded = stage.settings_plan()
    stage._add_source(7)
    with pytest.raises(StalePlan, match="fits the selection by now, and was not shown"):
        stage.change(loaded)
    assert stage.writes(stage.source) == []
    assert stage.change(loaded, numbers=[KEYS[0]]).is_complete


def test_a_change_right_before_its_write_is_seen(tmp_path: Path) -> None:
    stage = Setting(tmp_path, "vox-diga", 2)
    loaded = stage.settings_plan()

    def meddle(event: object) -> None:  # when the first number is done, before the second is read
        if getattr(event, "kind", None) == "number_done":
            with stage.client(stage.source) as client:
                client.update_label(stage.ids[1], "Somebody's")

    report = stage.change(loaded, on_event=meddle)
    assert [failure.error for failure in report.failures] == ["StalePlan"]


def test_two_plans_do_not_change_one_number_at_once(tmp_path: Path) -> None:
    stage = Setting(tmp_path, "vox-diga", 1)
    one, other = stage.settings_plan("one.json"), stage.settings_plan("other.json", label="Other")
    stage.source.faults.append(Fault(FaultKind.LOST_BEFORE, "PATCH", times=99))
    assert not stage.change(one).is_complete
    stage.source.faults.clear()
    report = stage.change(other)
    assert [failure.error for failure in report.failures] == [NumberClaimed.__name__]


def test_somebody_who_changed_it_afterwards_is_found_by_verify(context: str, tmp_path: Path) -> None:
    stage = Setting(tmp_path, context, 1)
    loaded = stage.settings_plan()
    stage.change(loaded)
    with stage.client(stage.source) as client:
        client.update_label(stage.ids[0], "Somebody's")
    report = stage.verify(loaded)
    assert not report.is_equal
    assert "label" in str(report)
    assert "telephony rollback" in str(report)


def test_a_plan_that_was_edited_is_refused(tmp_path: Path) -> None:
    stage = Setting(tmp_path)
    loaded = stage.settings_plan()
    loaded.path.write_text(loaded.path.read_text().replace('"New"', '"Old"'))
    with pytest.raises(Exception, match="checksum"):
        load_plan(loaded.path)


# -- trunks that numbers share


def test_a_trunk_that_numbers_share_is_changed_once(tmp_path: Path) -> None:
    stage = Setting(tmp_path, "vox-diga")
    shared(stage)
    loaded = stage.settings_plan(
        outbound=OutboundUpdate(address="new.example.com"), username="a", password=f"file:{stage.secret}"
    )
    report = stage.change(loaded)
    assert report.is_complete, str(report)
    there = {(record["address"], record["username"]) for record in stage.records()}
    assert there == {("sip:new.example.com", "a")}
    assert len(stage.writes(stage.source)) == 2  # one for the trunk of two numbers, one for the third
    assert stage.verify(loaded).is_equal


def test_numbers_that_share_a_trunk_are_each_given_their_label_and_agent(tmp_path: Path) -> None:
    stage = Setting(tmp_path, "vox-diga")
    shared(stage)
    assert stage.change(stage.settings_plan()).is_complete
    with stage.client(stage.source) as client:
        there = {
            (record.label, record.inbound_agent and record.inbound_agent.agent_id) for record in client.list_numbers()
        }
    assert there == {("New", stage.source.agents["sales"])}


def test_a_rollback_of_a_shared_trunk_leaves_each_number_its_own_label(tmp_path: Path) -> None:
    stage = Setting(tmp_path, "vox-diga")
    shared(stage)
    before = stage.records()
    loaded = stage.settings_plan(label="Desk", username="a", password=f"file:{stage.secret}")
    assert stage.change(loaded).is_complete
    assert [record["username"] for record in stage.records()] == ["a"] * 3
    assert stage.roll_back(loaded).is_complete
    assert [record["memo"] for record in stage.records()] == [record["memo"] for record in before]


# -- trunks that others came to share since the plan


def trunk_plan(stage: Setting, *allow: str) -> LoadedPlan:
    """A new trunk for the first number alone."""
    update = SettingsUpdate(
        outbound=OutboundUpdate(address="new.example.com"), username="a", password=f"file:{stage.secret}"
    )
    plan = plan_settings(account(stage), update, numbers=[KEYS[0]], allow=allow, settings=ONE, clock=stage.time.clock)
    return save_plan(plan, stage.folder / "trunk.json")


def test_a_trunk_that_somebody_elses_number_runs_over_by_now_is_not_changed(tmp_path: Path) -> None:
    stage = Setting(tmp_path, "vox-diga", 2)
    loaded = trunk_plan(stage)
    mine = stage.source.store[stage.ids[0]]
    stage.source.store.edit(stage.ids[1], {name: mine[name] for name in ("inbound_trunk_id", "outbound_trunk_id")})
    with pytest.raises(
        StalePlan, match=rf"{KEYS[0][1:]} its trunk is by now also the one of \{KEYS[1]}, which were not"
    ):
        stage.change(loaded)
    assert not stage.writes(stage.source)


def test_a_number_that_runs_over_another_trunk_by_now_is_stale(tmp_path: Path) -> None:
    stage = Setting(tmp_path, "vox-diga", 2)
    loaded = trunk_plan(stage)
    stage.source.store.edit(stage.ids[0], {"inbound_trunk_id": "ST_in", "outbound_trunk_id": "ST_out"})
    with pytest.raises(StalePlan, match=rf"{KEYS[0][1:]} trunk: .* → ST_in, ST_out"):
        stage.change(loaded)
    assert not stage.writes(stage.source)


def test_who_shares_a_trunk_is_no_matter_to_labels_nor_where_it_was_allowed(tmp_path: Path) -> None:
    stage = Setting(tmp_path, "vox-diga", 2)
    labels, loaded = stage.settings_plan(label="New"), trunk_plan(stage, "shared_trunk")
    trunk = {"inbound_trunk_id": "ST_in", "outbound_trunk_id": "ST_out"}
    stage.source.store.edit(stage.ids[0], trunk)
    assert stage.change(labels).is_complete
    stage.source.store.edit(stage.ids[0], {"memo": loaded.plan.numbers[0].record.label})
    mine = loaded.plan.numbers[0].record.trunk_ids
    both = dict(zip(trunk, mine, strict=True))
    for id in stage.ids:
        stage.source.store.edit(id, both)
    assert stage.change(loaded).is_complete


def test_what_the_plan_does_not_allow_is_allowed_by_another_plan(tmp_path: Path) -> None:
    """`apply` takes no consent, so that of the command for one number would be refused there."""
    stage = Setting(tmp_path, "diga-vox", 1)
    loaded = stage.settings_plan(inbound_agent=AgentRef(stage.source.agents["sales"], version=DRAFT))
    (failed,) = stage.change(loaded).failures
    assert failed.error == "NotAllowed"
    assert failed.message.endswith("; if that is meant, make another plan, under another name, with --allow publishes")
    assert not stage.writes(stage.source)


def test_a_released_record_does_not_come_to_fit_a_selection(tmp_path: Path) -> None:
    """It stays in the list of some providers, and was not chosen when the plan was made."""
    stage = Setting(tmp_path, "vox-diga", 2)
    stage.source.store.edit(stage.ids[1], {"status": "expired"})
    update = SettingsUpdate(label="New")
    plan = plan_settings(account(stage), update, where=["origin=imported"], clock=stage.time.clock)
    report = stage.change(save_plan(plan, tmp_path / "plan.json"))
    assert (report.done, report.is_complete) == (1, True)
