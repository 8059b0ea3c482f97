"""Status: read from the journal alone, and always with what to type next."""

from __future__ import annotations

from pathlib import Path

import pytest

from telephony_core.emulator import Fault, FaultKind
from telephony_core.emulator import json_response as answer
from telephony_core.migration.entries import Action, Entry, Phase
from telephony_core.migration.giving_up_run import GivingUpOptions
from telephony_core.migration.journal import SqliteJournal
from telephony_core.migration.plan import Settings
from telephony_core.migration.progress import Standing
from telephony_core.migration.release import release_plan
from telephony_core.migration.rollback import rollback_plan
from telephony_core.migration.status import Run, read_run
from telephony_core.migration.verify import VerifyOptions, verify_plan
from tests.migration.stage import Stage


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    stage = Stage(tmp_path, "diga-vox", settings=Settings(timeout=20.0, concurrency=1, canary=0))
    stage.loaded = stage.plan()  # type: ignore[attr-defined]
    return stage


def status(stage: Stage) -> Run:
    return read_run(stage.loaded, now=stage.time.clock.now)  # type: ignore[attr-defined]


def check(stage: Stage) -> None:
    verify_plan(stage.loaded, stage.open_source, stage.open_target, VerifyOptions(clock=stage.time.clock))  # type: ignore[attr-defined]


def command(run: Run) -> list[str]:
    return [text.split()[2] for text in run.next_commands]


def test_a_plan_that_was_not_begun(stage: Stage) -> None:
    run = status(stage)
    assert run.counts == {Standing.NOT_BEGUN: 3}
    assert run.runs == ()
    assert command(run) == ["apply"]
    assert str(run).startswith("here (diga) → there (vox): 3 not begun\n")


def test_a_run_that_is_at_work(stage: Stage) -> None:
    with SqliteJournal.writing(stage.loaded, "apply", create=True):  # type: ignore[attr-defined]
        run = status(stage)
    assert run.is_running
    assert command(run) == []
    assert "is at work" in str(run)


def test_a_run_that_died(stage: Stage) -> None:
    with SqliteJournal.writing(stage.loaded, "apply", create=True):  # type: ignore[attr-defined]
        pass
    run = status(stage)
    assert not run.is_running
    assert "did not say how it ended" in str(run)
    assert command(run) == ["apply"]


def test_a_number_that_failed_says_why(stage: Stage) -> None:
    stage.target.faults.append(Fault(FaultKind.ANSWER, "POST", response=answer(400, {"error": {"message": "no"}})))
    stage.apply(stage.loaded)  # type: ignore[attr-defined]
    run = status(stage)
    assert run.counts == {Standing.FAILED: 1, Standing.MOVED: 2}
    assert run.remainder == ("+827011110000",)
    assert "+827011110000: failed: vox import_number: the provider says: no (HTTP 400)" in str(run)
    assert run.numbers[0].steps[-1].action == "import"


def test_from_moved_to_verified_to_soaked(stage: Stage) -> None:
    stage.apply(stage.loaded)  # type: ignore[attr-defined]
    assert command(status(stage)) == ["verify"]
    check(stage)
    run = status(stage)
    assert command(run) == ["release", "rollback"]
    assert "the soak of all that are verified is over on 2026-11-24 12:00 UTC" in str(run)


def test_released_and_rolled_back_numbers(stage: Stage) -> None:
    stage.apply(stage.loaded)  # type: ignore[attr-defined]
    check(stage)
    stage.time.advance(73 * 3600)
    ends = (stage.loaded, stage.open_source, stage.open_target)  # type: ignore[attr-defined]
    some = {"clock": stage.time.clock, "accept": ["unpublishes"]}
    release_plan(*ends, GivingUpOptions(numbers=["+827011110000"], confirmed=1, **some))  # type: ignore[arg-type]
    rollback_plan(*ends, GivingUpOptions(numbers=["+827011110001", "+827011110002"], **some))  # type: ignore[arg-type]
    run = status(stage)
    assert run.counts == {Standing.RELEASED: 1, Standing.ROLLED_BACK: 2}
    assert run.numbers[0].released == "it is gone"
    assert command(run) == ["report"]
    assert [one.command for one in run.runs] == ["apply", "verify", "release", "rollback"]


@pytest.mark.parametrize(("action", "name"), [(Action.RELEASE, "release"), (Action.ROLL_BACK, "rollback")])
def test_of_what_was_not_answered_only_the_command_that_settles_it_is_named(
    stage: Stage, action: Action, name: str
) -> None:
    stage.apply(stage.loaded)  # type: ignore[attr-defined]
    check(stage)
    with SqliteJournal.writing(stage.loaded, name) as journal:  # type: ignore[attr-defined]
        journal.append(Entry("+827011110001", action, Phase.INTENT))
    run = status(stage)
    assert command(run) == [name]
    assert f"+827011110001: moved: a {name} of it was not answered" in str(run)


def test_it_dumps_to_json_and_comes_back(stage: Stage) -> None:
    stage.apply(stage.loaded)  # type: ignore[attr-defined]
    check(stage)
    run = status(stage)
    assert Run.model_validate_json(run.model_dump_json()) == run
