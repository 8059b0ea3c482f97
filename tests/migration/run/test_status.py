"""Status: read from the journal alone, and always with what to type next."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from telephony_core.emulator import Fault, FaultKind
from telephony_core.emulator import json_response as answer
from telephony_core.migration.journal.entries import Action, Entry, Phase
from telephony_core.migration.journal.store import JournalError, SqliteJournal
from telephony_core.migration.move.state import MigrationState
from telephony_core.migration.run.status import MigrationRun
from tests.migration.deprovision.returning import HOUR, KEYS, WINDOW, Returning
from tests.migration.meddling import meddle


@pytest.fixture
def stage(tmp_path: Path) -> Returning:
    stage = Returning.at(tmp_path, "diga-vox")
    stage.loaded = stage.plan()
    return stage


def command(run: MigrationRun) -> list[str]:
    return [text.split()[2] for text in run.next_commands]


def test_a_plan_that_was_not_begun(stage: Returning) -> None:
    run = stage.run()
    assert run.counts == {MigrationState.NOT_STARTED: 3}
    assert run.runs == ()
    assert command(run) == ["apply"]
    assert str(run).startswith("here (diga) → there (vox): 3 not started\n")


def test_a_run_that_is_at_work(stage: Returning) -> None:
    with SqliteJournal.writing(stage.loaded, "apply", create=True):
        run = stage.run()
    assert run.is_running
    assert command(run) == []
    assert "is at work" in str(run)


def test_a_run_that_died(stage: Returning) -> None:
    with SqliteJournal.writing(stage.loaded, "apply", create=True):
        pass
    run = stage.run()
    assert not run.is_running
    assert "no end is recorded" in str(run)
    assert command(run) == ["apply"]


def test_a_number_that_failed_says_why(stage: Returning) -> None:
    stage.target.faults.append(Fault(FaultKind.ANSWER, "POST", response=answer(400, {"error": {"message": "no"}})))
    stage.apply(stage.loaded)
    run = stage.run()
    assert run.counts == {MigrationState.FAILED: 1, MigrationState.MOVED: 2}
    assert run.remainder == ("+827011110000",)
    assert "+827011110000: failed: vox import_number: the provider says: no (HTTP 400)" in str(run)
    assert run.numbers[0].steps[-1].action == "import"


def test_from_moved_to_verified_to_soaked(stage: Returning) -> None:
    stage.apply(stage.loaded)
    assert command(stage.run()) == ["verify"]
    stage.verify()
    run = stage.run()
    assert command(run) == ["release"]
    assert "the soak of all verified numbers ends on 2026-11-24 12:00:00 UTC" in str(run)


def test_released_and_rolled_back_numbers(stage: Returning) -> None:
    stage.apply(stage.loaded)
    stage.verify()
    stage.time.advance(73 * HOUR)
    assert stage.release(numbers=KEYS[:1]).is_complete
    assert stage.rollback(numbers=KEYS[1:]).is_complete
    run = stage.run()
    assert run.counts == {MigrationState.RELEASED: 1, MigrationState.ROLLED_BACK: 2}
    assert run.numbers[0].released == "released"
    assert command(run) == ["report"]
    assert [one.command for one in run.runs] == ["apply", "verify", "release", "rollback"]


@pytest.mark.parametrize(("action", "name"), [(Action.RELEASE, "release"), (Action.ROLL_BACK, "rollback")])
def test_of_what_was_not_answered_only_the_command_that_settles_it_is_named(
    stage: Returning, action: Action, name: str
) -> None:
    stage.apply(stage.loaded)
    stage.verify()
    stage.announce(action, KEYS[1])
    run = stage.run()
    assert command(run) == [name]
    sent, until = "2026-11-21 12:00:00 UTC", "2026-11-21 12:15:20 UTC"
    said = f"+827011110001: in doubt: its {name} of {sent} was not answered, and may take effect until {until}"
    assert said in str(run)


def test_an_import_that_was_not_answered_is_in_doubt_until_it_is_known_or_the_window_is_over(stage: Returning) -> None:
    stage.announce(Action.IMPORT, KEYS[0])
    run = stage.run()
    number = run.numbers[0]
    assert run.counts == {MigrationState.IN_DOUBT: 1, MigrationState.NOT_STARTED: 2}
    assert number.in_doubt_since == stage.time.clock.now()
    assert number.in_doubt_until is not None
    assert (number.in_doubt_until - number.in_doubt_since).total_seconds() == WINDOW
    assert command(run) == ["apply"]
    assert stage.apply(stage.loaded).is_complete
    assert stage.number(KEYS[0]).in_doubt_until is None


def test_while_a_run_waits_for_the_answer_to_an_import_that_one_is_not_in_doubt(stage: Returning) -> None:
    with SqliteJournal.writing(stage.loaded, "apply", create=True, now=stage.time.clock.now) as journal:
        journal.append(Entry(KEYS[0], Action.IMPORT, Phase.INTENT, data={"before": []}))
        run = stage.run()
    assert run.counts == {MigrationState.STARTED: 1, MigrationState.NOT_STARTED: 2}
    assert run.numbers[0].in_doubt_since is None


def test_a_number_that_is_not_in_service_is_not_moved_and_apply_is_named(tmp_path: Path) -> None:
    stage = Returning.at(tmp_path, "diga-vox", 1)
    stage.loaded = stage.plan()

    def meanwhile(event: object) -> None:
        if getattr(event, "action", None) is Action.ASSIGN_AGENTS and getattr(event, "phase", None) is Phase.DONE:
            meddle(stage.target, str(stage.target.records()[0]["id"]), "suspended")

    assert not stage.apply(stage.loaded, on_event=meanwhile).is_complete
    run = stage.run()
    assert run.counts == {MigrationState.NOT_IN_SERVICE: 1}
    assert "+827011110000: not in service: " in str(run)
    assert "unknown (suspended), not active" in str(run)
    assert command(run) == ["apply"]


def test_a_journal_that_is_not_there_is_said(stage: Returning) -> None:
    assert "there is no journal beside the plan: it was not started, or its journal was lost" in str(stage.run())


@pytest.mark.parametrize("spoil", [lambda path: path.unlink(), lambda path: path.write_bytes(b"")])
def test_a_journal_that_was_lost_is_an_error(stage: Returning, spoil: Callable[[Path], object]) -> None:
    stage.apply(stage.loaded)
    for file in stage.folder.glob("plan.json.journal-*"):
        file.unlink()
    spoil(stage.loaded.journal_path)
    with pytest.raises(JournalError, match=r"was started on this machine.*was lost"):
        stage.run()


def test_it_dumps_to_json_and_comes_back(stage: Returning) -> None:
    stage.apply(stage.loaded)
    stage.verify()
    run = stage.run()
    assert MigrationRun.model_validate_json(run.model_dump_json()) == run
