"""Release: only what is moved, verified and soaked, only while the target serves, and only what was confirmed."""

from __future__ import annotations

from pathlib import Path

import pytest

from telephony_core import AsyncTelephony
from telephony_core.emulator import Emulator, EmulatorBackend, Fault, FaultKind, HttpRequest
from telephony_core.emulator import json_response as answer
from telephony_core.migration.journal.entries import Action
from telephony_core.migration.move.state import MigrationState
from telephony_core.migration.plan.model import Settings
from telephony_core.migration.run.events import Event
from telephony_core.provider.flow import Response
from tests.migration.deprovision.returning import HOUR, KEYS, SOAKED, Returning, begins, live
from tests.migration.meddling import (
    GONE,
    add_another,
    meddle,
    not_found,
    unlisted,
)

WAYS = ("vox-diga", "diga-vox")


@pytest.fixture(params=WAYS)
def context(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def stage(context: str, tmp_path: Path) -> Returning:
    return Returning.soaked(tmp_path, context)


@pytest.fixture
def two(context: str, tmp_path: Path) -> Returning:
    return Returning.soaked(tmp_path, context, 2)


def test_the_source_records_are_released_and_the_target_stays(stage: Returning) -> None:
    report = stage.release()
    assert report.is_complete
    assert live(stage.source) == []
    assert len(live(stage.target)) == 3
    assert stage.writes(stage.target) == []
    assert stage.run().counts == {MigrationState.RELEASED: 3}


# -- when it may not


def test_what_is_not_verified_stays(tmp_path: Path) -> None:
    stage = Returning.moved(tmp_path)
    stage.time.advance(SOAKED)
    shown = stage.preview_release()
    assert shown.confirm == 0
    assert "not verified" in shown.left_alone[0].message
    assert stage.release().remainder == tuple(KEYS)
    assert stage.deleted(stage.source) == []


def test_what_was_found_different_stays_until_it_is_verified_again(tmp_path: Path) -> None:
    stage = Returning.soaked(tmp_path)
    id = stage.made(KEYS[0])
    meddle(stage.target, id, "another label")
    stage.verify()
    assert [left.number for left in stage.preview_release().left_alone] == [KEYS[0]]
    stage.target.store.edit(id, {"nickname": "번호 0"})
    stage.verify()
    assert "its soak ends in 72.0 hours" in stage.preview_release().left_alone[0].message


@pytest.mark.parametrize(("hours", "allowed"), [(71.9, 0), (72, 3)])
def test_the_soak_has_to_be_over(hours: float, allowed: int, tmp_path: Path) -> None:
    stage = Returning.moved(tmp_path)
    stage.verify()
    stage.time.advance(hours * HOUR)
    assert stage.preview_release().confirm == allowed


def test_the_plan_says_how_long_the_soak_is(tmp_path: Path) -> None:
    stage = Returning.at(tmp_path, settings=Settings(timeout=20.0, soak_hours=1)).begin()
    stage.verify()
    assert stage.preview_release().confirm == 0
    stage.time.advance(HOUR)
    assert stage.preview_release().confirm == 3


def test_a_clock_that_was_set_back_releases_nothing(tmp_path: Path) -> None:
    stage = Returning.soaked(tmp_path)
    stage.time.advance(-200 * HOUR)
    assert "clock" in stage.preview_release().left_alone[0].message


def test_numbers_that_are_not_moved_stay(tmp_path: Path) -> None:
    stage = Returning.at(tmp_path, settings=Settings(timeout=20.0, concurrency=1, canary=0, soak_hours=0))
    stage.loaded = stage.plan()
    stage.target.faults.append(Fault(FaultKind.ANSWER, "POST", skip=2, response=answer(422, {})))
    stage.apply(stage.loaded)
    stage.verify()
    shown = stage.preview_release()
    assert shown.confirm == 2
    assert "not moved" in shown.left_alone[0].message


def test_numbers_that_were_rolled_back_keep_their_source(tmp_path: Path) -> None:
    stage = Returning.soaked(tmp_path, "diga-vox")
    stage.rollback(numbers=[KEYS[0]])
    assert stage.preview_release().confirm == 2
    assert stage.release().is_complete
    assert live(stage.source) == [KEYS[0]]


# -- while the target serves


def test_what_to_do_about_a_target_that_differs_is_said_with_the_plan_and_the_number(two: Returning) -> None:
    meddle(two.target, two.made(KEYS[0]), "another label")
    (left,) = two.preview_release().left_alone
    assert f"`telephony migrate verify {two.loaded.path}`" in left.message
    assert f"`telephony migrate rollback {two.loaded.path} --numbers {KEYS[0]}`" in left.message


def test_what_to_do_about_a_changed_source_is_said_with_the_plan_and_the_number(two: Returning) -> None:
    meddle(two.source, two.ids[0], "another label")
    (left,) = two.preview_release().left_alone
    command = f"telephony migrate rollback {two.loaded.path} --numbers {KEYS[0]} --allow source_not_serving"
    assert f"`{command}`" in left.message


def test_two_live_records_at_the_target_keep_the_source(two: Returning) -> None:
    other = add_another(two.target, two.made(KEYS[0]))
    shown = two.preview_release()
    assert [left.number for left in shown.left_alone] == [KEYS[0]]
    assert other in shown.left_alone[0].message
    report = two.release()
    assert [left.error for left in report.left_alone] == ["VerificationFailed"]
    assert two.deleted(two.source) == [two.ids[1]]


def test_a_second_record_that_comes_right_before_the_release_keeps_the_source(two: Returning) -> None:
    id = two.made(KEYS[0])

    def meanwhile(event: Event) -> None:
        if begins(event, KEYS[0]):
            add_another(two.target, id)

    report = two.release(on_event=meanwhile)
    assert [(left.number, left.error) for left in report.left_alone] == [(KEYS[0], "VerificationFailed")]
    assert two.deleted(two.source) == [two.ids[1]]


def test_a_target_that_can_be_read_and_is_not_listed_keeps_the_source(
    two: Returning, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = two.made(KEYS[0])
    confirmed = two.preview_release().shown

    def meanwhile(event: Event) -> None:
        if begins(event, KEYS[0]):
            unlisted(two.target, id, monkeypatch)

    report = two.release(confirmed=confirmed, on_event=meanwhile)
    assert [left.number for left in report.left_alone] == [KEYS[0]]
    assert f"its list does not show {id} as live" in report.left_alone[0].message
    assert two.deleted(two.source) == [two.ids[1]]
    assert [left.number for left in two.preview_release().left_alone] == [KEYS[0]]


# -- while the source is as planned


def test_a_source_that_is_gone_is_not_taken_for_released(two: Returning) -> None:
    meddle(two.source, two.ids[0], GONE)
    shown = two.preview_release()
    assert [(left.number, left.error) for left in shown.left_alone] == [(KEYS[0], "StalePlan")]
    report = two.release()
    assert [(left.number, left.error) for left in report.left_alone] == [(KEYS[0], "StalePlan")]
    assert two.deleted(two.source) == [two.ids[1]]
    assert two.number(KEYS[0]).state is MigrationState.MOVED


def test_nor_is_one_that_goes_right_before_the_release(two: Returning) -> None:
    def meanwhile(event: Event) -> None:
        if begins(event, KEYS[0]):
            meddle(two.source, two.ids[0], GONE)

    report = two.release(on_event=meanwhile)
    assert [(left.number, left.error) for left in report.left_alone] == [(KEYS[0], "StalePlan")]
    assert two.deleted(two.source) == [two.ids[1]]
    assert two.number(KEYS[0]).state is MigrationState.MOVED


def test_a_number_that_somebody_else_released_is_told(stage: Returning) -> None:
    meddle(stage.source, stage.ids[0], "released")
    report = stage.release()
    assert report.left_alone[0].error == "StalePlan"
    assert stage.ids[0] not in stage.deleted(stage.source)


def test_an_agent_that_our_own_release_stopped_is_no_foreign_change(tmp_path: Path) -> None:
    stage = Returning.soaked(tmp_path, "diga-vox")
    stage.release(numbers=[KEYS[0]])
    stage.verify()
    assert stage.preview_release().confirm == 2
    assert stage.release().is_complete


# -- answers that contradict one another


class Unhurried(Returning):
    """Every request takes so long that a listing answers for others' looks as well."""

    def _open(self, emulator: Emulator) -> AsyncTelephony:
        time, answering = self.time, emulator.backend()

        class Backend(EmulatorBackend):
            async def asend(self, request: HttpRequest, timeout: float) -> Response:
                time.advance(2.5)
                return await answering.asend(request, timeout)

        backend = Backend(emulator)
        return AsyncTelephony(emulator.slug, api_key=emulator.api_key, backend=backend, clock=time.clock)


def test_a_record_is_not_gone_for_a_list_that_is_older_than_its_404(
    context: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Unhurried.moved(tmp_path, context, 2)
    for key, id in zip(KEYS[:2], stage.ids, strict=True):
        stage.announce(Action.RELEASE, key, id)
    stage.source.store.remove(stage.ids[0])
    not_found(stage.source, stage.ids[1])

    with monkeypatch.context() as for_a_while:
        unlisted(stage.source, stage.ids[1], for_a_while)
        shown = stage.preview_release()
        assert (shown.confirm, shown.to_reconcile) == (0, (KEYS[0], KEYS[1]))

        def shows_again(event: Event) -> None:
            if begins(event, KEYS[1]):
                for_a_while.undo()

        report = stage.release(confirmed=frozenset(), on_event=shows_again)
    assert [(left.number, left.error) for left in report.left_alone] == [(KEYS[1], "ContradictoryAnswers")]
    assert stage.number(KEYS[0]).state is MigrationState.RELEASED
    assert stage.number(KEYS[1]).state is MigrationState.MOVED


# -- what it says


def test_the_preview_says_what_was_never_compared_and_what_goes_with_the_source(stage: Returning) -> None:
    shown = stage.preview_release()
    assert "outbound.password" in shown.unverifiable
    assert "passwords that the source holds are gone with it" in str(shown)


# -- what was not answered


def test_a_release_that_died_is_finished_after_a_verification_too(stage: Returning) -> None:
    stage.announce(Action.RELEASE, KEYS[0], stage.ids[0])
    stage.source.store.remove(stage.ids[0])
    stage.verify()
    assert stage.release().is_complete
    assert stage.deleted(stage.source) == stage.ids[1:]


def test_a_release_that_died_is_finished_whatever_has_become_of_the_target(stage: Returning) -> None:
    stage.announce(Action.RELEASE, KEYS[0], stage.ids[0])
    stage.source.store.remove(stage.ids[0])
    meddle(stage.target, stage.made(KEYS[0]), "another label")
    stage.verify()
    shown = stage.preview_release()
    assert (shown.confirm, shown.to_reconcile) == (2, (KEYS[0],))
    assert stage.release().is_complete
    assert stage.deleted(stage.source) == stage.ids[1:]


def test_what_was_released_is_not_taken_back_at_the_target(stage: Returning) -> None:
    stage.release(numbers=[KEYS[0]])
    report = stage.rollback()
    assert [(left.number, left.error) for left in report.left_alone] == [(KEYS[0], "SourceGone")]
    assert len(live(stage.target)) == 1
    assert stage.number(KEYS[0]).state is MigrationState.RELEASED
