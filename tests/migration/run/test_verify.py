"""Verify: both sides compared field by field, drift told, and what only a call can prove named."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from telephony_core import PUBLISHED, AgentRef, errors
from telephony_core.emulator import Fault, FaultKind
from telephony_core.emulator import json_response as answer
from telephony_core.migration.journal.entries import Action, Entry, Phase
from telephony_core.migration.journal.store import JournalError, JournalLocked, SqliteJournal
from telephony_core.migration.move.state import state_of
from telephony_core.migration.plan.model import Settings, Trunk
from telephony_core.migration.plan.verification import VerificationResult
from telephony_core.migration.rendering.run_page import migration_page
from telephony_core.migration.run.status import read_run
from telephony_core.migration.run.verify import VerifyOptions, verify_plan
from telephony_core.migration.run.verify_report import VerifyReport
from tests.migration.stage import PASSWORD, Stage

WAYS = ("vox-diga", "diga-vox")


@pytest.fixture(params=WAYS)
def moved(request: pytest.FixtureRequest, tmp_path: Path) -> Stage:
    return moved_stage(tmp_path, str(request.param))


def moved_stage(folder: Path, context: str = "vox-diga", count: int = 2, **changes: object) -> Stage:
    stage = Stage(folder, context, count)
    stage.loaded = stage.plan(**changes)
    assert stage.apply(stage.loaded).is_complete
    for emulator in stage.both:
        emulator.requests.clear()
    return stage


def look(stage: Stage, **options: object) -> VerifyReport:
    given = VerifyOptions(clock=stage.time.clock, **options)
    return verify_plan(stage.loaded, stage.open_source, stage.open_target, given)


def target_record(stage: Stage, index: int = 0) -> str:
    return str(sorted(stage.target.records(), key=lambda record: str(record["number"]))[index]["id"])


def test_what_was_moved_is_equal(moved: Stage) -> None:
    report = look(moved)
    assert report.is_equal
    assert report.summary == "2 of 2 moved numbers are as planned; 2 of them with every setting of the source"
    assert report.next_commands == (f"telephony migrate release {moved.loaded.path}",)


def test_a_password_is_never_called_equal(moved: Stage) -> None:
    found = {field.field: field.result for field in look(moved).numbers[0].fields}
    assert found["outbound.password"] is VerificationResult.UNVERIFIABLE
    assert found["outbound.address"] is VerificationResult.EQUAL


def test_a_user_name_is_unverifiable_where_the_provider_does_not_tell_it(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    hidden = look(moved_stage(tmp_path / "a", "diga-vox")).numbers[0]
    told = look(moved_stage(tmp_path / "b", "vox-diga")).numbers[0]
    assert "outbound.username" in hidden.unverifiable
    assert "outbound.username" not in told.unverifiable


def test_a_version_that_is_not_told_is_unverifiable(tmp_path: Path) -> None:
    assert "inbound_agent.version" in look(moved_stage(tmp_path, "vox-diga")).numbers[0].unverifiable


def test_a_referenced_user_name_is_compared_and_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUNK_USER", "user-canary")
    secret = tmp_path / "trunk.secret"
    trunk = Trunk(name="carrier", auth="digest", username="env:TRUNK_USER", password=f"file:{secret}")
    stage = moved_stage(tmp_path, trunks=(trunk,))
    report = look(stage)
    assert report.is_equal
    assert "user-canary" not in "\n".join(report.lines(details=True))
    monkeypatch.setenv("TRUNK_USER", "somebody-else")
    assert [text for text in look(stage).numbers[0].differences if "outbound.username" in text]
    monkeypatch.delenv("TRUNK_USER")
    assert "outbound.username" in look(stage).numbers[0].unverifiable


def test_it_writes_nothing_to_either_side(moved: Stage) -> None:
    look(moved)
    assert [moved.writes(emulator) for emulator in moved.both] == [[], []]


def test_it_needs_one_pass_over_either_list(moved: Stage) -> None:
    look(moved)
    assert max(len(emulator.requests) for emulator in moved.both) <= 7


def test_a_change_at_the_target_differs(tmp_path: Path) -> None:
    stage = moved_stage(tmp_path)
    stage.target.store.edit(target_record(stage), {"nickname": "another", "inbound_agent_id": None})
    report = look(stage)
    assert not report.is_equal
    first, second = report.numbers
    assert second.is_equal
    assert [text.partition(":")[0] for text in first.differences] == ["label", "inbound_agent"]
    assert "planned: 번호 0; found: another" in first.differences[0]


def test_a_change_at_the_source_differs_because_it_did_not_come_along(tmp_path: Path) -> None:
    stage = moved_stage(tmp_path)
    stage.source.store.edit(stage.ids[0], {"memo": "새 이름"})
    (first, _) = look(stage).numbers
    assert first.differences == ("at the source, label: 번호 0 → 새 이름",)


def test_a_source_that_spells_its_ids_in_capitals_by_now_is_no_difference(tmp_path: Path) -> None:
    stage = moved_stage(tmp_path)
    stage.source.store.edit(stage.ids[0], {"id": stage.ids[0].upper()})
    assert look(stage).is_equal


def test_a_record_that_is_gone_from_either_side_differs(tmp_path: Path) -> None:
    stage = moved_stage(tmp_path)
    stage.target.store.remove(target_record(stage))
    stage.source.store.remove(stage.ids[1])
    first, second = look(stage).numbers
    assert "nothing (it was" in first.differences[0]
    assert second.differences == ("at the source, number: there → gone",)


@pytest.mark.parametrize("gone", [True, False])
def test_a_source_that_went_with_a_release_of_ours_is_no_difference(gone: bool, tmp_path: Path) -> None:
    stage = moved_stage(tmp_path)
    with SqliteJournal.writing(stage.loaded, "release") as journal:
        journal.append(Entry("+827011110000", Action.RELEASE, Phase.INTENT, stage.ids[0]))
    if gone:
        stage.source.store.remove(stage.ids[0])
    else:
        stage.source.store.edit(stage.ids[0], {"status": "expired"})
    report = look(stage)
    assert (report.is_equal, report.unanswered) == (True, ("release",))


def test_a_rollback_that_was_not_answered_comes_before_any_release(tmp_path: Path) -> None:
    stage = moved_stage(tmp_path)
    made = look(stage).numbers[0].record
    with SqliteJournal.writing(stage.loaded, "rollback") as journal:
        journal.append(Entry("+827011110000", Action.ROLL_BACK, Phase.INTENT, made))
    report = look(stage)
    assert report.is_equal
    # The other number was not rolled back, and without its name it would be.
    again = f"telephony migrate rollback {stage.loaded.path} --numbers +827011110000"
    assert report.next_commands == read_run(stage.loaded).next_commands == (again,)
    assert "a rollback of these numbers was not answered" in str(report)


def test_a_source_that_is_still_there_after_a_release_of_ours_is_compared(tmp_path: Path) -> None:
    stage = moved_stage(tmp_path)
    with SqliteJournal.writing(stage.loaded, "release") as journal:
        journal.append(Entry("+827011110000", Action.RELEASE, Phase.INTENT, stage.ids[0]))
    stage.source.store.edit(stage.ids[0], {"memo": "새 이름"})
    assert not look(stage).is_equal


def test_a_second_live_record_differs(tmp_path: Path) -> None:
    stage = moved_stage(tmp_path)
    stage.target.add(number="+827011110000")
    (first, _) = look(stage).numbers
    assert "planned: one live record; found: 2:" in first.differences[0]


def test_a_record_that_was_given_up_differs(tmp_path: Path) -> None:
    stage = moved_stage(tmp_path, "diga-vox")
    stage.target.store.edit(target_record(stage), {"status": "cancel_requested"})
    assert "status" in look(stage).numbers[0].differences[0]


def test_a_number_that_is_not_in_use_yet_is_not_called_equal(tmp_path: Path) -> None:
    stage = moved_stage(tmp_path, "diga-vox")
    stage.target.store.edit(target_record(stage), {"status": "scheduled", "start_at": 4_000_000_000_000})
    number = look(stage).numbers[0]
    assert not number.is_equal
    assert "status: DIFFERS (planned: active; found: pending (scheduled))" in number.differences[0]


ADDED = {
    "an outbound agent at diga": (
        "vox-diga",
        lambda emulator: {"outbound_agent_id": emulator.agents["sales"]},
        "outbound_agent",
    ),
    "an outbound agent at vox": (
        "diga-vox",
        lambda emulator: {"outbound_agent": {"agent_id": emulator.agents["sales"], "agent_version": "production"}},
        "outbound_agent",
    ),
    "an opened list": (
        "vox-diga",
        lambda emulator: {"sip_config": {**emulator.records()[0]["sip_config"], "allowed_addresses": []}},
        "inbound.allowed_addresses",
    ),
    "another origin": ("vox-diga", lambda emulator: {"telephony_provider": "zadarma"}, "origin"),
    "another creation": ("diga-vox", lambda emulator: {"created_at": 1_700_000_000_000}, "created_at"),
    "another beginning": ("vox-diga", lambda emulator: {"assigned_at": "2026-01-01T00:00:00Z"}, "starts_at"),
}


@pytest.mark.parametrize("what", ADDED)
def test_what_somebody_added_at_the_target_differs(what: str, tmp_path: Path) -> None:
    context, change, field = ADDED[what]
    stage = moved_stage(tmp_path, context)
    stage.target.store.edit(target_record(stage), change(stage.target))
    report = look(stage)
    assert not report.is_equal
    assert [text.split(":")[0] for text in report.numbers[0].differences] == [field]


def test_numbers_that_were_not_moved_are_named(tmp_path: Path) -> None:
    stage = Stage(tmp_path, count=3, settings=Settings(concurrency=1, canary=0))
    stage.loaded = stage.plan()
    stage.target.faults.append(Fault(FaultKind.ANSWER, "POST", skip=2, response=answer(422, {"detail": "no"})))
    stage.apply(stage.loaded)
    report = look(stage)
    assert not report.is_equal
    assert report.not_moved == ("+827011110002",)
    assert "migrate apply" in report.next_commands[0]


def test_a_number_that_is_still_on_its_way_is_not_moved_however_equal_it_looks(tmp_path: Path) -> None:
    stage = Stage(tmp_path, count=2, settings=Settings(concurrency=1, canary=0))
    stage.loaded = stage.plan()
    stage.apply(stage.loaded)
    # As after an import whose answer was lost, and whose settings have not been sent again yet.
    data = {"adopted": True, "send_again": True}
    with SqliteJournal.writing(stage.loaded, "apply") as journal:
        journal.append(Entry("+827011110000", Action.READ_BACK, Phase.FAILED))
        journal.append(Entry("+827011110000", Action.IMPORT, Phase.DONE, target_record(stage), data=data))
    report = look(stage)
    assert not report.is_equal
    assert report.not_moved == ("+827011110000",)
    assert [number.number for number in report.numbers] == ["+827011110001"]
    assert "+827011110000" not in "".join(report.checklist)


def test_only_the_chosen_numbers_are_compared(moved: Stage) -> None:
    assert [number.number for number in look(moved, numbers=["+827011110001"]).numbers] == ["+827011110001"]


def test_a_migration_that_was_not_begun_has_nothing_to_verify(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.loaded = stage.plan()
    with pytest.raises(JournalError, match="no journal beside it"):
        look(stage)


def test_it_waits_for_its_turn(moved: Stage) -> None:
    with SqliteJournal.writing(moved.loaded, "apply"), pytest.raises(JournalLocked):
        look(moved)


def test_a_listing_that_fails_is_an_error_and_not_a_difference(moved: Stage) -> None:
    moved.target.faults.append(Fault(FaultKind.ANSWER, times=99, response=answer(403, {"detail": "no"})))
    with pytest.raises(errors.PermissionDenied):
        look(moved)
    assert read_run(moved.loaded).runs[-1].how_it_ended == "ended by PermissionDenied"


# -- what the journal keeps of it


def test_what_it_found_is_kept(moved: Stage) -> None:
    look(moved)
    number = read_run(moved.loaded).numbers[0]
    assert number.verified_at == moved.time.clock.now()
    assert {field.field: field.result for field in number.fields}[
        "outbound.password"
    ] is VerificationResult.UNVERIFIABLE


def test_the_soak_counts_from_the_first_good_look_and_begins_again_after_a_bad_one(tmp_path: Path) -> None:
    stage = moved_stage(tmp_path)
    start = stage.time.clock.now()

    def since() -> object:
        return read_run(stage.loaded).numbers[0].verified_since

    look(stage)
    stage.time.advance(3600)
    look(stage)
    assert since() == start
    stage.target.store.edit(target_record(stage), {"nickname": "another"})
    look(stage)
    assert since() is None
    stage.target.store.edit(target_record(stage), {"nickname": "번호 0"})
    stage.time.advance(3600)
    look(stage)
    assert since() == start + timedelta(hours=2)


@pytest.mark.parametrize("action", [Action.IMPORT, Action.SEND_AGAIN, Action.ASSIGN_AGENTS])
def test_the_soak_begins_again_after_every_write(action: Action) -> None:
    at = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
    verified = Entry("1", Action.VERIFY, Phase.DONE, "id", at=at)
    assert state_of([verified]).verified_since == at
    state = state_of([verified, Entry("1", action, Phase.DONE, "id")])
    assert (state.verified_at, state.verified_since) == (None, None)


# -- the list for the person at the carrier


def test_the_checklist_names_the_host_that_calls_have_to_go_to(tmp_path: Path) -> None:
    checklist = look(moved_stage(tmp_path, "vox-diga")).checklist
    assert "sip.diga.io" in checklist[0]
    assert "as the vendor documents it" in checklist[0]
    assert any("outbound.password" in item for item in checklist)
    assert any("72 hours" in item for item in checklist)


def test_where_calls_have_to_be_sent_is_said_by_number_and_kept_in_the_journal(tmp_path: Path) -> None:
    stage = moved_stage(tmp_path, "vox-diga")
    assert [number.inbound_uri for number in look(stage).numbers] == ["sip.diga.io", "sip.diga.io"]
    run = read_run(stage.loaded)
    assert [number.inbound_uri for number in run.numbers] == ["sip.diga.io", "sip.diga.io"]
    assert "Its calls have to be sent to" in migration_page(stage.loaded, run)


def test_the_checklist_says_when_the_host_is_not_documented(tmp_path: Path) -> None:
    assert "ask the vendor" in look(moved_stage(tmp_path, "diga-vox")).checklist[0]


def test_the_checklist_holds_back_what_differs(tmp_path: Path) -> None:
    stage = moved_stage(tmp_path)
    for index in range(2):
        stage.target.store.edit(target_record(stage, index), {"nickname": "another"})
        checklist = look(stage).checklist
        assert (
            "leave 1 number where it is" if index == 0 else f"leave {index + 1} numbers where they are"
        ) in checklist[0]
    assert len(checklist) == 1


def test_an_outbound_agent_asks_for_a_call_in_that_direction(tmp_path: Path) -> None:
    stage = Stage(tmp_path, count=1)
    with stage.client(stage.source) as client:
        (record,) = client.list_numbers()
    agent = AgentRef(stage.target.agents["sales"], version=PUBLISHED)
    stage.loaded = stage.plan(numbers=(stage.planned(record, outbound_agent=agent),))
    stage.apply(stage.loaded)
    assert any("caller id" in item for item in look(stage).checklist)


def test_no_report_shows_a_secret(moved: Stage) -> None:
    report = look(moved)
    assert PASSWORD not in report.model_dump_json() + "\n".join(report.lines(details=True))
