"""Release: only what is moved, verified and soaked, only while the target serves, and only what was confirmed."""

from __future__ import annotations

from pathlib import Path

import pytest

from telephony_core import AsyncTelephony, errors
from telephony_core.emulator import Emulator, EmulatorBackend, Fault, FaultKind, HttpRequest
from telephony_core.emulator import json_response as answer
from telephony_core.migration.journal.entries import Action, Phase
from telephony_core.migration.journal.store import JournalError
from telephony_core.migration.move.state import MigrationState
from telephony_core.migration.plan.model import Settings
from telephony_core.migration.run.account_index import SHARED_FROM
from telephony_core.migration.run.events import Event
from telephony_core.provider.flow import Response
from tests.migration.deprovision.returning import HOUR, KEYS, ONE, SOAKED, WINDOW, Returning, begins, live
from tests.migration.meddling import (
    CHANGED,
    GONE,
    NOT_SERVING,
    OPENED,
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


def test_it_is_a_matter_of_the_chosen_numbers_only(stage: Returning) -> None:
    stage.release(numbers=[KEYS[1]])
    assert stage.deleted(stage.source) == [stage.ids[1]]
    assert len(live(stage.source)) == 2


def test_running_it_again_releases_nothing_more(stage: Returning) -> None:
    stage.release()
    assert stage.preview_release().confirm == 0
    assert stage.release().is_complete
    assert len(stage.deleted(stage.source)) == 3


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
    assert "72.0 hours of its soak are left" in stage.preview_release().left_alone[0].message


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


def test_a_plan_that_was_never_applied_has_nothing_to_release_and_says_so(tmp_path: Path) -> None:
    stage = Returning.at(tmp_path)
    stage.loaded = stage.plan()
    for command in (stage.preview_release, stage.release):
        with pytest.raises(JournalError, match="no journal"):
            command()


# -- while the target serves


@pytest.mark.parametrize("what", NOT_SERVING)
def test_a_target_that_does_not_serve_as_verified_keeps_the_source(what: str, two: Returning) -> None:
    meddle(two.target, two.made(KEYS[0]), what)
    shown = two.preview_release()
    assert shown.shown == {(KEYS[1], two.ids[1])}
    assert [(left.number, left.error) for left in shown.left_alone] == [(KEYS[0], "VerificationFailed")]
    report = two.release()
    assert [(left.number, left.error) for left in report.left_alone] == [(KEYS[0], "VerificationFailed")]
    assert two.deleted(two.source) == [two.ids[1]]


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


@pytest.mark.parametrize("what", NOT_SERVING)
def test_a_target_that_stops_serving_right_before_the_release_is_seen_too(what: str, two: Returning) -> None:
    id = two.made(KEYS[0])

    def meanwhile(event: Event) -> None:
        if begins(event, KEYS[0]):
            meddle(two.target, id, what)

    report = two.release(on_event=meanwhile)
    assert [(left.number, left.error) for left in report.left_alone] == [(KEYS[0], "VerificationFailed")]
    assert two.deleted(two.source) == [two.ids[1]]
    assert two.number(KEYS[0]).state is MigrationState.MOVED


@pytest.mark.parametrize("what", OPENED)
def test_a_target_whose_allow_list_somebody_opened_keeps_the_source(what: str, tmp_path: Path) -> None:
    stage = Returning.soaked(tmp_path, "vox-diga", 2)
    meddle(stage.target, stage.made(KEYS[0]), what)
    assert [left.error for left in stage.preview_release().left_alone] == ["VerificationFailed"]
    assert len(stage.release().done) == 1
    assert stage.deleted(stage.source) == [stage.ids[1]]


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


@pytest.mark.parametrize("what", [GONE, *CHANGED])
def test_a_source_that_has_changed_since_the_plan_stays(what: str, two: Returning) -> None:
    meddle(two.source, two.ids[0], what)
    shown = two.preview_release()
    assert [(left.number, left.error) for left in shown.left_alone] == [(KEYS[0], "StalePlan")]
    report = two.release()
    assert [(left.number, left.error) for left in report.left_alone] == [(KEYS[0], "StalePlan")]
    assert two.deleted(two.source) == [two.ids[1]]
    assert two.number(KEYS[0]).state is MigrationState.MOVED


@pytest.mark.parametrize("what", [GONE, *CHANGED])
def test_a_source_that_changes_right_before_the_release_stays(what: str, two: Returning) -> None:
    def meanwhile(event: Event) -> None:
        if begins(event, KEYS[0]):
            meddle(two.source, two.ids[0], what)

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


def test_where_releasing_stops_no_agent_one_that_is_gone_was_removed_by_somebody(tmp_path: Path) -> None:
    stage = Returning.soaked(tmp_path, "vox-diga", 2)

    def meanwhile(event: Event) -> None:
        if begins(event, KEYS[1]):
            meddle(stage.source, stage.ids[1], "an agent removed")

    report = stage.release("unpublishes", on_event=meanwhile)
    assert [(left.number, left.error) for left in report.left_alone] == [(KEYS[1], "StalePlan")]
    assert stage.deleted(stage.source) == [stage.ids[0]]


# -- answers that contradict one another


@pytest.mark.parametrize("end", ["source", "target"])
def test_a_404_for_a_record_that_the_list_shows_is_believed_neither_way(end: str, two: Returning) -> None:
    emulator, id = (two.source, two.ids[0]) if end == "source" else (two.target, two.made(KEYS[0]))
    not_found(emulator, id)
    report = two.release()
    assert [(left.number, left.error) for left in report.left_alone] == [(KEYS[0], "ContradictoryAnswers")]
    assert two.deleted(two.source) == [two.ids[1]]
    assert two.number(KEYS[0]).state is MigrationState.MOVED
    emulator.faults.clear()
    two.verify()
    two.time.advance(SOAKED)
    assert two.release().is_complete


def test_such_a_404_proves_no_release_of_an_earlier_run_either(two: Returning) -> None:
    two.announce(Action.RELEASE, KEYS[0], two.ids[0])
    not_found(two.source, two.ids[0])
    two.time.advance(WINDOW + 1)
    report = two.release(numbers=[KEYS[0]])
    assert [left.error for left in report.left_alone] == ["ContradictoryAnswers"]
    assert two.unanswered(KEYS[0]) == "release"
    assert two.writes(two.source) == []


class Unhurried(Returning):
    """Every request takes so long that a listing answers for others' looks as well."""

    def _open(self, emulator: Emulator) -> AsyncTelephony:
        time, answering = self.time, emulator.backend()

        class Backend(EmulatorBackend):
            async def asend(self, request: HttpRequest, timeout: float) -> Response:
                time.advance(SHARED_FROM / 2)
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


# -- what was confirmed


def test_without_a_confirmation_nothing_is_sent(stage: Returning) -> None:
    for confirmed in (None, frozenset()):
        with pytest.raises(errors.NotAllowed, match="3 records would be released at here") as refused:
            stage.release(confirmed=confirmed)
        assert refused.value.allowance == "confirmed"
    assert [stage.writes(emulator) for emulator in stage.both] == [[], []]


def test_other_records_than_were_shown_are_not_released(stage: Returning) -> None:
    shown = stage.preview_release().shown
    one = next(iter(shown))
    before = [stage.entries(key) for key in KEYS]
    for confirmed in (shown - {one}, shown | {("+827099999999", "x")}, shown - {one} | {(one[0], "another id")}):
        with pytest.raises(errors.NotAllowed) as refused:
            stage.release(confirmed=confirmed)
        assert refused.value.allowance == "confirmed"
    assert stage.writes(stage.source) == []
    assert [stage.entries(key) for key in KEYS] == before


def test_a_set_that_changed_since_it_was_shown_has_to_be_confirmed_anew(stage: Returning) -> None:
    shown = stage.preview_release().shown
    meddle(stage.target, stage.made(KEYS[0]), "another label")
    with pytest.raises(errors.NotAllowed, match=r"\+827011110000 \(\S+\) is not to be released any more"):
        stage.release(confirmed=shown)
    smaller = stage.preview_release().shown
    label = {"diga": "nickname", "vox": "memo"}[stage.target.slug]
    was = {"diga": "번호 0", "vox": "Número 0"}[stage.target.slug]
    stage.target.store.edit(stage.made(KEYS[0]), {label: was})
    with pytest.raises(errors.NotAllowed, match=r"\+827011110000 \(\S+\) was not confirmed"):
        stage.release(confirmed=smaller)
    assert stage.writes(stage.source) == []


def test_a_confirmation_of_the_other_command_is_none(stage: Returning) -> None:
    with pytest.raises(errors.NotAllowed):
        stage.release(confirmed=stage.preview_rollback().shown)
    with pytest.raises(errors.NotAllowed):
        stage.rollback(confirmed=stage.preview_release().shown)
    assert [stage.writes(emulator) for emulator in stage.both] == [[], []]


# -- what it says


def test_the_preview_says_when_it_takes_effect_and_what_was_never_compared(stage: Returning) -> None:
    shown = stage.preview_release()
    text = str(shown)
    assert shown.confirm == 3
    assert shown.shown == set(zip(KEYS, stage.ids, strict=True))
    assert text.startswith(
        f"3 numbers to release at here ({stage.open_source().adapter.config.base_url.split('/')[2]})"
    )
    assert text.count("takes effect at once, and cannot be revoked") == 3
    assert "outbound.password" in shown.unverifiable
    assert "passwords that the source holds are gone with it" in text
    assert [stage.writes(emulator) for emulator in stage.both] == [[], []]


def test_agents_that_would_stop_on_other_numbers_block_until_accepted(tmp_path: Path) -> None:
    stage = Returning.at(tmp_path, "diga-vox", settings=Settings(timeout=20.0, soak_hours=0))
    other = stage.source.add(number="+34612345678", inbound_agent_id=stage.source.agents["reception"])
    with stage.client(stage.source) as client:
        records = [record for record in client.list_numbers() if record.id != other]
    stage.begin(numbers=tuple(map(stage.planned, records)))
    stage.verify()
    shown = stage.preview_release()
    assert shown.needs_allowance == ("unpublishes",)
    assert shown.forecasts[0].stops_agents_of == ("+34612345678",)
    with pytest.raises(errors.NotAllowed, match=r"\+34612345678") as refused:
        stage.release("tls")
    assert refused.value.allowance == "unpublishes"
    assert stage.deleted(stage.source) == []


def test_a_consent_that_was_given_when_the_plan_was_made_does_not_count(tmp_path: Path) -> None:
    stage = Returning.soaked(tmp_path, "diga-vox", allowed=("unpublishes",))
    assert stage.preview_release().needs_allowance == ("unpublishes",)
    with pytest.raises(errors.NotAllowed, match="--allow unpublishes"):
        stage.release("tls")
    assert stage.writes(stage.source) == []
    assert stage.release("unpublishes").is_complete


def test_that_the_source_may_be_gone_is_no_consent_for_a_release(two: Returning) -> None:
    meddle(two.target, two.made(KEYS[0]), "suspended")
    report = two.release("unpublishes", "source_not_serving")
    assert [left.number for left in report.left_alone] == [KEYS[0]]
    assert two.deleted(two.source) == [two.ids[1]]


# -- what was not answered


@pytest.mark.parametrize("kind", [FaultKind.LOST_AFTER, FaultKind.LOST_BEFORE, FaultKind.LATE])
def test_a_release_whose_answer_is_lost_is_looked_into_and_gone_on_with(kind: FaultKind, stage: Returning) -> None:
    stage.source.faults.append(Fault(kind, "DELETE", skip=1))
    first = stage.release()
    stage.source.act_late()
    if not first.is_complete:
        assert [left.error for left in first.left_alone] == ["OutcomeUnknown"]
        assert stage.release().is_complete
    assert live(stage.source) == []
    assert stage.run().counts == {MigrationState.RELEASED: 3}


def test_a_release_that_died_goes_on(stage: Returning) -> None:
    stage.announce(Action.RELEASE, KEYS[0], stage.ids[0])
    meddle(stage.source, stage.ids[0], "released")
    assert stage.release().is_complete
    assert stage.deleted(stage.source) == stage.ids[1:]


def test_a_rollback_that_was_not_answered_keeps_the_source_for_the_whole_window(stage: Returning) -> None:
    stage.target.faults.append(Fault(FaultKind.LATE, "DELETE"))
    stage.rollback(numbers=[KEYS[0]])
    stage.time.advance(WINDOW - 1)
    shown = stage.preview_release()
    assert [(left.number, left.error) for left in shown.left_alone] == [(KEYS[0], "InDoubt")]
    assert "the roll back of +827011110000 was not answered, and may still take effect" in shown.left_alone[0].message
    assert stage.release().remainder == (KEYS[0],)
    stage.target.act_late()
    assert len(live(stage.source)) == 1
    assert stage.unanswered(KEYS[0]) == "rollback"


def test_after_the_window_a_rollback_that_did_not_happen_is_settled_and_the_source_released(stage: Returning) -> None:
    stage.announce(Action.ROLL_BACK, KEYS[0], stage.made(KEYS[0]))
    stage.time.advance(WINDOW + 1)
    assert stage.release().is_complete
    assert live(stage.source) == []
    assert len(live(stage.target)) == 3
    settled = [entry for entry in stage.entries(KEYS[0]) if entry.action is Action.ROLL_BACK][-1]
    assert settled.phase is Phase.FAILED


def test_after_the_window_a_rollback_that_did_happen_keeps_the_source(stage: Returning) -> None:
    id = stage.made(KEYS[0])
    stage.announce(Action.ROLL_BACK, KEYS[0], id)
    stage.target.store.remove(id)
    stage.time.advance(WINDOW + 1)
    report = stage.release()
    assert [left.number for left in report.left_alone] == [KEYS[0]]
    assert stage.ids[0] not in stage.deleted(stage.source)


def test_a_rollback_that_takes_effect_right_before_the_release_keeps_the_source_and_is_written_down(
    stage: Returning,
) -> None:
    id = stage.made(KEYS[0])
    stage.announce(Action.ROLL_BACK, KEYS[0], id)
    stage.time.advance(WINDOW + 1)

    def meanwhile(event: Event) -> None:
        if begins(event, KEYS[0]):
            stage.target.store.remove(id)

    report = stage.release(on_event=meanwhile)
    assert [left.number for left in report.left_alone] == [KEYS[0]]
    assert stage.ids[0] not in stage.deleted(stage.source)
    assert stage.number(KEYS[0]).state is MigrationState.ROLLED_BACK


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


def test_a_release_that_may_not_be_sent_again_is_in_doubt_for_the_window_and_then_settled(
    context: str, tmp_path: Path
) -> None:
    stage = Returning.moved(tmp_path, context)  # which is not verified
    stage.announce(Action.RELEASE, KEYS[0], stage.ids[0])
    shown = stage.preview_release()
    assert (shown.confirm, shown.to_reconcile) == (0, (KEYS[0],))
    stage.time.advance(WINDOW - 1)
    report = stage.release()
    assert report.left_alone[-1].error == "InDoubt"
    assert stage.unanswered(KEYS[0]) == "release"
    stage.time.advance(2)
    report = stage.release()
    assert report.left_alone[-1].error == "NotReleasable"
    assert stage.unanswered(KEYS[0]) is None
    assert stage.time.slept == []
    assert stage.deleted(stage.source) == []


def test_what_was_released_is_not_taken_back_at_the_target(stage: Returning) -> None:
    stage.release(numbers=[KEYS[0]])
    report = stage.rollback()
    assert [(left.number, left.error) for left in report.left_alone] == [(KEYS[0], "SourceGone")]
    assert len(live(stage.target)) == 1
    assert stage.number(KEYS[0]).state is MigrationState.RELEASED


def test_a_short_window_of_the_plan_is_the_one_that_counts(context: str, tmp_path: Path) -> None:
    settings = ONE.model_copy(update={"settling_window": 5.0})
    stage = Returning.at(tmp_path, context, settings=settings).begin()
    stage.announce(Action.RELEASE, KEYS[0], stage.ids[0])
    stage.time.advance(24)
    assert [left.error for left in stage.preview_rollback().left_alone] == ["InDoubt"]
    stage.time.advance(2)
    assert stage.preview_rollback().left_alone == ()
