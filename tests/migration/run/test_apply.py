"""Apply: everything that is planned, nothing else, and every intent on disk before its request."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from telephony_core import AsyncTelephony, errors
from telephony_core.migration.journal.store import JournalLocked, SqliteJournal
from telephony_core.migration.move.state import MigrationState
from telephony_core.migration.run.events import EventKind
from telephony_core.migration.run.verify import VerifyOptions, verify_plan
from tests.migration.run.midway import one_at_a_time
from tests.migration.stage import PASSWORD, Stage


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
        return with_options(client, **options)

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


def test_two_runs_at_once_are_refused(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    loaded = stage.plan()
    with SqliteJournal.writing(loaded, "apply", create=True), pytest.raises(JournalLocked, match="process"):
        stage.apply(loaded)
    assert [emulator.requests for emulator in stage.both] == [[], []]


# -- reading back


def test_what_comes_back_different_is_a_failure(tmp_path: Path) -> None:
    stage = Stage(tmp_path, count=1)
    loaded = stage.plan()
    complete = stage.target.complete
    stage.target.complete = lambda fields: {**complete(fields), "nickname": "another"}
    report = stage.apply(loaded)
    assert report.failures[0].state is MigrationState.NEEDS_ACTION  # it may be somebody else's
    assert "label" in report.failures[0].message
    assert len(stage.target.records()) == 1


def test_a_difference_that_was_mended_is_accepted_on_the_next_run(tmp_path: Path) -> None:
    stage = Stage(tmp_path, count=1)
    loaded = stage.plan()
    complete = stage.target.complete
    stage.target.complete = lambda fields: {**complete(fields), "nickname": "another"}
    stage.apply(loaded)
    (record,) = stage.target.records()
    stage.target.store.edit(str(record["id"]), {"nickname": "번호 0"})
    assert stage.apply(loaded).is_complete
    assert len(stage.target.records()) == 1


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
        return outcome(request)

    stage.target.outcome = watching
    stage.apply(loaded)
    assert seen == [["import intent"], ["assign_agents intent"]]
