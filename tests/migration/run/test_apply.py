"""Apply: everything that is planned, nothing else, and stopping where going on would do harm."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from telephony_core import AsyncTelephony, errors
from telephony_core.emulator import Fault, FaultKind
from telephony_core.emulator import json_response as answer
from telephony_core.migration.journal.entries import Action, Entry, Phase
from telephony_core.migration.journal.store import JournalLocked, SqliteJournal
from telephony_core.migration.move.effects import StalePlan
from telephony_core.migration.move.state import MigrationState
from telephony_core.migration.plan.model import Settings, Trunk
from telephony_core.migration.run.apply import ApplyOptions, aapply_plan
from telephony_core.migration.run.events import Event, EventKind
from telephony_core.migration.run.status import read_run
from telephony_core.migration.run.stopping import Interrupted, Stopped, StopRules
from telephony_core.migration.run.verify import VerifyOptions, verify_plan
from tests.migration.stage import PASSWORD, Stage

WAYS = ("vox-diga", "diga-vox")


@pytest.fixture(params=[*WAYS, "vox-vox", "diga-diga"])
def context(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def at_target(stage: Stage) -> list[str]:
    return [str(record["number"]) for record in stage.target.records()]


def after_first(stage: Stage, act: Callable[[], object]) -> Callable[[Event], None]:
    """An observer that does something once, when the first number is done."""
    waiting = [act]

    def observe(event: Event) -> None:
        stage.events.append(event)
        if event.kind is EventKind.NUMBER_DONE and waiting:
            waiting.pop()()

    return observe


def one_at_a_time(**changes: object) -> Settings:
    return Settings.model_validate({"timeout": 20.0, "concurrency": 1, **changes})


# -- what it does


def test_every_planned_number_is_made_with_its_settings_and_credentials(context: str, tmp_path: Path) -> None:
    stage = Stage(tmp_path, context)
    loaded = stage.plan()
    report = stage.apply(loaded)
    assert report.is_complete
    assert (report.done, report.total) == (3, 3)
    assert stage.live_at_target() == [number.key for number in loaded.plan.numbers]
    for record in stage.target.records():
        stored = stage.target.credentials(str(record["id"]))
        assert stored is not None
        assert (stored.username, stored.password) == ("acme", PASSWORD)
    found = verify_plan(loaded, stage.open_source, stage.open_target, VerifyOptions(clock=stage.time.clock))
    assert found.is_equal


def test_a_number_without_agents_needs_no_assignment(tmp_path: Path) -> None:
    stage = Stage(tmp_path, count=1)
    with stage.client(stage.source) as client:
        (record,) = client.list_numbers()
    loaded = stage.plan(numbers=(stage.planned(record, inbound_agent=None),))
    assert stage.apply(loaded).is_complete
    assert stage.writes(stage.target) == ["POST /v1/phone/import"]


def test_the_source_is_never_written(context: str, tmp_path: Path) -> None:
    stage = Stage(tmp_path, context)
    before = stage.source.records()
    stage.apply(stage.plan())
    assert stage.writes(stage.source) == []
    assert stage.source.records() == before


def test_the_source_is_given_to_a_client_that_cannot_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, object] = {}
    with_options = AsyncTelephony.with_options

    def watched(client: AsyncTelephony, **options: object) -> AsyncTelephony:
        given[client.provider] = options.get("read_only")
        return with_options(client, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(AsyncTelephony, "with_options", watched)
    stage = Stage(tmp_path)
    stage.apply(stage.plan())
    assert given == {"vox": True, "diga": None}


def test_only_the_chosen_numbers_are_moved(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    report = stage.apply(stage.plan(), numbers=["+827011110001"])
    assert report.total == 1
    assert stage.live_at_target() == ["+827011110001"]


def test_a_number_that_is_not_planned_is_refused(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    with pytest.raises(errors.InvalidInput, match=r"does not move \+827099999999"):
        stage.apply(stage.plan(), numbers=["+827099999999"])


def test_applying_twice_sends_nothing_at_all(context: str, tmp_path: Path) -> None:
    stage = Stage(tmp_path, context)
    loaded = stage.plan()
    stage.apply(loaded)
    for emulator in stage.both:
        emulator.requests.clear()
    again = stage.apply(loaded)
    assert again.is_complete
    assert [emulator.requests for emulator in stage.both] == [[], []]


def test_nothing_in_hand_means_nothing_is_asked_of_the_person_either(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    loaded = stage.plan()
    stage.apply(loaded)
    stage.secret.unlink()
    assert stage.apply(loaded).is_complete


def test_a_plan_without_numbers_is_done_at_once(tmp_path: Path) -> None:
    stage = Stage(tmp_path, count=0)
    assert stage.apply(stage.plan()).is_complete


def test_clients_of_other_providers_are_refused(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    loaded = stage.plan()
    stage.source, stage.target = stage.target, stage.source
    with pytest.raises(errors.MigrationError, match="the client given is of diga"):
        stage.apply(loaded)


# -- when the world is not as the plan read it


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
    assert at_target(stage).count(number) == 1


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
    stage.target._agents.clear()  # type: ignore[attr-defined]  # nobody deletes agents over this API
    report = stage.apply(loaded)
    assert report.failures[0].error == "NotFound"
    assert stage.writes(stage.target) == []


def test_an_agent_deleted_between_import_and_assignment_leaves_a_number_that_apply_goes_on_with(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "diga-vox", count=1)
    loaded = stage.plan()
    versions = stage.target._agent_versions  # type: ignore[attr-defined]  # nobody deletes agents over this API
    kept = dict(versions)
    versions.clear()
    report = stage.apply(loaded)
    assert report.failures[0].state is MigrationState.FAILED
    assert stage.live_at_target() == ["+827011110000"]
    versions.update(kept)
    assert stage.apply(loaded).is_complete
    assert len(stage.target.records()) == 1


# -- reading back


def test_what_comes_back_different_is_a_failure(tmp_path: Path) -> None:
    stage = Stage(tmp_path, count=1)
    loaded = stage.plan()
    complete = stage.target.complete
    stage.target.complete = lambda fields: {**complete(fields), "nickname": "another"}  # type: ignore[method-assign]
    report = stage.apply(loaded)
    assert report.failures[0].state is MigrationState.NEEDS_ACTION  # it may be somebody else's
    assert "label" in report.failures[0].message
    assert len(stage.target.records()) == 1


def test_a_difference_that_was_mended_is_accepted_on_the_next_run(tmp_path: Path) -> None:
    stage = Stage(tmp_path, count=1)
    loaded = stage.plan()
    complete = stage.target.complete
    stage.target.complete = lambda fields: {**complete(fields), "nickname": "another"}  # type: ignore[method-assign]
    stage.apply(loaded)
    (record,) = stage.target.records()
    stage.target.store.edit(str(record["id"]), {"nickname": "번호 0"})
    assert stage.apply(loaded).is_complete
    assert len(stage.target.records()) == 1


# -- when it stops


def test_a_failed_number_does_not_keep_the_others_from_being_moved(tmp_path: Path) -> None:
    stage = Stage(tmp_path, count=4, settings=one_at_a_time(canary=0))
    loaded = stage.plan()
    stage.target.faults.append(Fault(FaultKind.ANSWER, "POST", response=answer(422, {"detail": "no"})))
    report = stage.apply(loaded)
    assert report.stopped is None
    assert report.remainder == ("+827011110000",)
    assert report.done == 3
    assert [command.split()[2] for command in report.next_commands] == ["apply", "status"]


def test_a_failing_canary_keeps_the_rest_from_being_begun(tmp_path: Path) -> None:
    stage = Stage(tmp_path, settings=one_at_a_time(canary=1))
    loaded = stage.plan()
    stage.target.faults.append(Fault(FaultKind.ANSWER, "POST", response=answer(422, {"detail": "no"})))
    report = stage.apply(loaded)
    assert report.stopped is Stopped.CANARY
    assert stage.writes(stage.target) == ["POST /v1/phone/import"]


def test_after_a_failed_canary_another_number_goes_first(tmp_path: Path) -> None:
    stage = Stage(tmp_path, settings=one_at_a_time(canary=1))
    loaded = stage.plan()
    stage.target.faults.append(Fault(FaultKind.ANSWER, "POST", response=answer(422, {"detail": "no"})))
    stage.apply(loaded)
    stage.events.clear()
    assert stage.apply(loaded).is_complete
    started = [event.number for event in stage.events if event.kind is EventKind.NUMBER_STARTED]
    assert started == ["+827011110001", "+827011110002", "+827011110000"]


def test_three_equal_failures_in_a_row_stop_it(tmp_path: Path) -> None:
    stage = Stage(tmp_path, count=6, settings=one_at_a_time(canary=0))
    loaded = stage.plan()
    stage.target.faults.append(Fault(FaultKind.ANSWER, "POST", times=9, response=answer(422, {"detail": "no"})))
    report = stage.apply(loaded)
    assert report.stopped is Stopped.EQUAL_FAILURES
    assert len(report.failures) == 3
    assert len(report.remainder) == 6


def test_failures_of_different_kinds_do_not_stop_it(tmp_path: Path) -> None:
    stage = Stage(tmp_path, count=4, settings=one_at_a_time(canary=0))
    loaded = stage.plan()
    for status in (422, 409, 400):
        stage.target.faults.append(Fault(FaultKind.ANSWER, "POST", response=answer(status, {"detail": "no"})))
    report = stage.apply(loaded)
    assert report.stopped is None
    assert report.done == 1


def test_stop_on_error_stops_at_the_first_one(tmp_path: Path) -> None:
    stage = Stage(tmp_path, settings=one_at_a_time(canary=0))
    loaded = stage.plan()
    stage.target.faults.append(Fault(FaultKind.ANSWER, "POST", response=answer(422, {"detail": "no"})))
    report = stage.apply(loaded, stop_on_error=True)
    assert report.stopped is Stopped.FIRST_ERROR
    assert report.done == 0


def test_a_key_revoked_half_way_stops_it_and_a_new_key_goes_on(context: str, tmp_path: Path) -> None:
    stage = Stage(tmp_path, context, count=5, settings=one_at_a_time())
    loaded = stage.plan()
    key = stage.target.api_key

    def revoke() -> None:
        stage.target.api_key = "another key"

    report = stage.apply(loaded, on_event=after_first(stage, revoke))
    assert report.stopped is Stopped.KEY
    assert report.done == 1
    assert len(report.failures) == 1
    stage.target.api_key = key
    assert stage.apply(loaded).is_complete


def test_asked_to_stop_it_finishes_the_number_in_hand(tmp_path: Path) -> None:
    stage = Stage(tmp_path, settings=one_at_a_time())
    loaded = stage.plan()
    rules = StopRules(3)

    def observe(event: Event) -> None:
        if event.kind is EventKind.NUMBER_STARTED:
            rules.ask()

    options = ApplyOptions(on_event=observe, clock=stage.time.clock)
    report = asyncio.run(aapply_plan(loaded, stage.open_source, stage.open_target, options, rules=rules))
    assert report.stopped is Stopped.ASKED
    assert report.done == 1
    assert read_run(loaded).counts == {MigrationState.NOT_STARTED: 2, MigrationState.MOVED: 1}


def test_two_runs_at_once_are_refused(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    loaded = stage.plan()
    with SqliteJournal.writing(loaded, "apply", create=True), pytest.raises(JournalLocked, match="process"):
        stage.apply(loaded)
    assert [emulator.requests for emulator in stage.both] == [[], []]


# -- secrets


def test_a_secret_that_is_not_there_is_told_before_anything_is_sent(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    loaded = stage.plan()
    stage.secret.unlink()
    with pytest.raises(errors.ConfigurationError, match="password of trunk carrier"):
        stage.apply(loaded)
    assert [emulator.requests for emulator in stage.both] == [[], []]


def test_a_secret_that_is_gone_half_way_stops_the_next_run_with_everything_journaled_intact(tmp_path: Path) -> None:
    stage = Stage(tmp_path, settings=one_at_a_time())
    loaded = stage.plan()
    stage.target.faults.append(Fault(FaultKind.ANSWER, "POST", skip=1, times=9, response=answer(422, {"detail": "no"})))
    stage.apply(loaded)
    stage.target.faults.clear()
    stage.secret.rename(tmp_path / "elsewhere")
    with pytest.raises(errors.ConfigurationError):
        stage.apply(loaded)
    assert read_run(loaded).counts[MigrationState.MOVED] == 1
    (tmp_path / "elsewhere").rename(stage.secret)
    assert stage.apply(loaded).is_complete


def test_a_person_is_asked_once_for_a_trunk_that_many_numbers_share(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    loaded = stage.plan(trunks=(Trunk(name="carrier", auth="digest", username="acme", password="prompt:"),))
    asked: list[str] = []

    def prompt(text: str) -> str:
        asked.append(text)
        return PASSWORD

    assert stage.apply(loaded, prompt=prompt).is_complete
    assert asked == ["password of trunk carrier: "]


@pytest.mark.skipif(sys.platform == "win32", reason="a process cannot interrupt itself like this on Windows")
def test_ctrl_c_at_the_prompt_ends_it_at_once_and_nothing_was_sent(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    loaded = stage.plan(trunks=(Trunk(name="carrier", auth="digest", username="acme", password="prompt:"),))

    def prompt(text: str) -> str:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(5)
        return PASSWORD

    with pytest.raises(Interrupted):
        stage.apply(loaded, prompt=prompt)
    assert [emulator.requests for emulator in stage.both] == [[], []]
    assert stage.apply(loaded, prompt=lambda text: PASSWORD).is_complete


def test_a_trunk_without_credentials_sends_none(tmp_path: Path) -> None:
    stage = Stage(tmp_path, count=1)
    loaded = stage.plan(trunks=(Trunk(name="carrier", auth="none"),))
    assert stage.apply(loaded).is_complete
    stored = stage.target.credentials(str(stage.target.records()[0]["id"]))
    assert stored is not None
    assert (stored.username, stored.password) == (None, None)


def test_no_secret_reaches_journal_events_report_errors_or_logs(
    context: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRUNK_USER", "user-canary")
    stage = Stage(tmp_path, context)
    trunk = Trunk(name="carrier", auth="digest", username="env:TRUNK_USER", password=f"file:{stage.secret}")
    loaded = stage.plan(trunks=(trunk,))
    echo = {"detail": f"bad password {PASSWORD} of user-canary", "error": {"message": PASSWORD}}
    stage.target.faults.append(Fault(FaultKind.ANSWER, "POST", skip=1, response=answer(422, echo)))
    with caplog.at_level(logging.DEBUG):
        report = stage.apply(loaded)
    assert report.failures
    found = verify_plan(loaded, stage.open_source, stage.open_target, VerifyOptions(clock=stage.time.clock))
    texts = {
        "report": report.model_dump_json() + str(report),
        "verification": found.model_dump_json() + "\n".join(found.lines(every_field=True)),
        "status": read_run(loaded).model_dump_json() + str(read_run(loaded)),
        "events": "".join(event.model_dump_json() + str(event) for event in stage.events),
        "logs": caplog.text,
        "files": "".join(
            path.read_bytes().decode("utf-8", "replace") for path in tmp_path.glob("plan.json*") if path.is_file()
        ),
    }
    assert [where for where, text in texts.items() if PASSWORD in text] == []
    assert [where for where, text in texts.items() if "user-canary" in text] == []


# -- telling


def test_events_tell_how_far_it_is(tmp_path: Path) -> None:
    stage = Stage(tmp_path, settings=one_at_a_time())
    stage.apply(stage.plan())
    kinds = [event.kind for event in stage.events]
    assert kinds[0] is EventKind.STARTED
    assert kinds[-1] is EventKind.ENDED
    done = [(event.done, event.total) for event in stage.events if event.kind is EventKind.NUMBER_DONE]
    assert done == [(1, 3), (2, 3), (3, 3)]
    steps = [f"{event.action} {event.phase}" for event in stage.events if event.kind is EventKind.STEP][:5]
    assert steps == ["import intent", "import done", "assign_agents intent", "assign_agents done", "read_back done"]
    assert all(json.loads(event.model_dump_json()) for event in stage.events)


def test_every_intent_is_on_disk_before_its_request_is_sent(tmp_path: Path) -> None:
    stage = Stage(tmp_path, count=1)
    loaded = stage.plan()
    seen: list[list[str]] = []
    outcome = stage.target.outcome

    def watching(request: object) -> object:
        if getattr(request, "method", "") in ("POST", "PATCH"):
            with SqliteJournal.reading(loaded) as journal:
                entries = journal.entries_of("+827011110000")
            seen.append([f"{entry.action} {entry.phase}" for entry in entries][-1:])
        return outcome(request)  # type: ignore[arg-type]

    stage.target.outcome = watching  # type: ignore[assignment, method-assign]
    stage.apply(loaded)
    assert seen == [["import intent"], ["assign_agents intent"]]
