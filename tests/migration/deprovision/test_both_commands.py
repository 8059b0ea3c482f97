"""Release and rollback alike: only what was shown, only while the other end serves, nothing that changed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from telephony_core import AsyncTelephony, Pace, errors
from telephony_core.emulator import Emulator, EmulatorBackend, Fault, FaultKind, HttpRequest
from telephony_core.migration.deprovision.report import DeprovisionPreview, DeprovisionReport
from telephony_core.migration.journal.entries import Phase
from telephony_core.migration.journal.store import JournalError
from telephony_core.migration.move.state import MigrationState
from telephony_core.migration.run.events import Event
from telephony_core.provider.flow import Response
from tests.migration.deprovision.command import RELEASE, ROLLBACK, Command
from tests.migration.deprovision.returning import KEYS, ONE, WINDOW, Returning, begins, live
from tests.migration.meddling import CHANGED, GONE, NOT_SERVING, OPENED, meddle, not_found


@pytest.fixture(params=[RELEASE, ROLLBACK], ids=lambda command: command.name)
def command(request: pytest.FixtureRequest) -> Command:
    chosen: Command = request.param
    return chosen


@pytest.fixture(params=["vox-diga", "diga-vox"])
def context(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def stage(command: Command, context: str, tmp_path: Path) -> Returning:
    return command.stage(tmp_path, context)


@pytest.fixture
def two(command: Command, context: str, tmp_path: Path) -> Returning:
    return command.stage(tmp_path, context, 2)


@pytest.fixture
def either(context: str, tmp_path: Path) -> Returning:
    """Numbers of which both may be done."""
    return Returning.soaked(tmp_path, context)


def left(shown: DeprovisionPreview | DeprovisionReport) -> list[tuple[str, str]]:
    return [(left.number, left.error) for left in shown.left_alone]


def before(key: str, act: Callable[[], object]) -> Callable[[Event], None]:
    """Do something right before the turn of a number."""

    def meanwhile(event: Event) -> None:
        if begins(event, key):
            act()

    return meanwhile


# -- what it does


def test_only_the_chosen_numbers_are_concerned(command: Command, stage: Returning) -> None:
    id = command.id(stage, KEYS[1])
    command.run(stage, numbers=[KEYS[1]])
    assert stage.deleted(command.at(stage)) == [id]
    assert len(live(command.at(stage))) == 2
    assert stage.run().counts == {MigrationState.MOVED: 2, command.state: 1}


def test_running_it_again_deletes_nothing_more(command: Command, stage: Returning) -> None:
    command.run(stage)
    stage.forget_requests()
    assert command.preview(stage).confirm == 0
    assert command.run(stage).is_complete
    assert stage.writes(command.at(stage)) == []


def test_a_deletion_that_waits_for_its_turn_is_announced_when_that_has_come(
    command: Command, stage: Returning, monkeypatch: pytest.MonkeyPatch
) -> None:
    deleted, announced, now = list[datetime](), list[datetime](), stage.time.clock.now

    class Noting(EmulatorBackend):
        async def asend(self, request: HttpRequest, timeout: float) -> Response:
            if request.method == "DELETE":
                deleted.append(now())
            return await super().asend(request, timeout)

    def paced(emulator: Emulator) -> AsyncTelephony:
        given = {"api_key": emulator.api_key, "backend": Noting(emulator), "clock": stage.time.clock}
        return AsyncTelephony(emulator.slug, pace=Pace(per_minute=1), **given)

    def seen(event: Event) -> None:
        if event.phase is Phase.INTENT:
            announced.append(event.at)

    monkeypatch.setattr(stage, "_open", paced)
    assert getattr(stage, command.name)(on_event=seen).is_complete
    assert announced == deleted
    assert len(deleted) == 3


def test_a_plan_that_was_never_applied_leaves_nothing_to_do_and_that_is_said(command: Command, tmp_path: Path) -> None:
    stage = Returning.at(tmp_path)
    stage.loaded = stage.plan()
    for act in (command.preview, command.run):
        with pytest.raises(JournalError, match="no journal"):
            act(stage)


# -- while the other end serves


@pytest.mark.turns(context=2)
@pytest.mark.parametrize("what", NOT_SERVING)
def test_while_the_other_end_does_not_serve_the_record_stays(what: str, command: Command, two: Returning) -> None:
    first, second = command.keys
    id = command.id(two, second)
    meddle(command.other.at(two), command.other.id(two, first), what)
    shown = command.preview(two)
    assert shown.shown == {(second, id)}
    assert left(shown) == [(first, command.not_serving)]
    report = command.run(two)
    assert left(report) == [(first, command.not_serving)]
    way_out = f"telephony migrate rollback {two.loaded.path} --numbers {first}"
    accept = " --allow source_not_serving" if command is ROLLBACK else ""
    assert f"`{way_out}{accept}`" in report.left_alone[0].message
    assert two.deleted(command.at(two)) == [id]
    assert two.number(first).state is MigrationState.MOVED

    accepted = command.run(two, "unpublishes", "source_not_serving")
    assert accepted.is_complete is (command is ROLLBACK)
    assert two.writes(command.other.at(two)) == []


@pytest.mark.turns(context=2)
@pytest.mark.parametrize("what", NOT_SERVING)
def test_that_the_other_end_stops_serving_right_before_the_deletion_is_seen_too(
    what: str, command: Command, two: Returning
) -> None:
    first, second = command.keys
    id, other = command.id(two, second), command.other.id(two, first)
    report = command.run(two, on_event=before(first, lambda: meddle(command.other.at(two), other, what)))
    assert left(report) == [(first, command.not_serving)]
    assert [done.number for done in report.done] == [second]
    assert two.deleted(command.at(two)) == [id]
    assert two.number(first).state is MigrationState.MOVED


@pytest.mark.parametrize("what", OPENED)
def test_where_somebody_opened_the_allow_list_at_the_target_nothing_is_done(
    what: str, command: Command, tmp_path: Path
) -> None:
    stage = command.stage(tmp_path, "vox-diga", 2)
    kept = command.id(stage, KEYS[1])
    meddle(stage.target, stage.made(KEYS[0]), what)
    error = command.not_serving if command is RELEASE else command.changed
    assert left(command.preview(stage)) == [(KEYS[0], error)]
    report = command.run(stage)
    assert left(report) == [(KEYS[0], error)]
    assert "203.0.113.7" in report.left_alone[0].message
    assert stage.deleted(command.at(stage)) == [kept]


# -- while its own end is as this migration left it


@pytest.mark.turns(context=2)
@pytest.mark.parametrize("what", CHANGED)
def test_a_record_that_somebody_changed_stays(what: str, command: Command, two: Returning) -> None:
    first, second = command.keys
    id = command.id(two, second)
    meddle(command.at(two), command.id(two, first), what)
    shown = command.preview(two)
    assert shown.shown == {(second, id)}
    assert left(shown) == [(first, command.changed)]
    assert left(command.run(two, "unpublishes", "source_not_serving")) == [(first, command.changed)]
    assert two.deleted(command.at(two)) == [id]
    assert two.number(first).state is MigrationState.MOVED


@pytest.mark.turns(context=2)
@pytest.mark.parametrize("what", CHANGED)
def test_a_change_right_before_the_deletion_is_seen_too(what: str, command: Command, two: Returning) -> None:
    first, second = command.keys
    id, kept = command.id(two, second), command.id(two, first)
    report = command.run(two, on_event=before(first, lambda: meddle(command.at(two), kept, what)))
    assert left(report) == [(first, command.changed)]
    assert two.deleted(command.at(two)) == [id]
    assert two.number(first).state is MigrationState.MOVED


def test_where_a_release_stops_no_agent_one_that_is_gone_was_removed_by_somebody(
    command: Command, tmp_path: Path
) -> None:
    stage = command.stage(tmp_path, command.at_vox, 2)
    first, second = command.keys
    done, kept = command.id(stage, first), command.id(stage, second)
    report = command.run(stage, on_event=before(second, lambda: meddle(command.at(stage), kept, "an agent removed")))
    assert left(report) == [(second, command.changed)]
    assert stage.deleted(command.at(stage)) == [done]


# -- answers that contradict one another


@pytest.mark.parametrize("end", ["source", "target"])
def test_a_404_for_a_record_that_the_list_shows_is_believed_neither_way(
    end: str, command: Command, two: Returning
) -> None:
    emulator, id = (two.source, two.ids[0]) if end == "source" else (two.target, two.made(KEYS[0]))
    done = command.id(two, KEYS[1])
    not_found(emulator, id)
    report = command.run(two, "unpublishes", "source_not_serving")
    assert left(report) == [(KEYS[0], "ContradictoryAnswers")]
    assert two.deleted(command.at(two)) == [done]
    assert two.number(KEYS[0]).state is MigrationState.MOVED
    emulator.faults.clear()
    command.make_ready_again(two)
    assert command.run(two).is_complete


@pytest.mark.parametrize("earlier", [RELEASE, ROLLBACK], ids=lambda command: command.name)
def test_such_a_404_proves_no_deletion_of_an_earlier_run_either(
    earlier: Command, command: Command, two: Returning
) -> None:
    earlier.announce(two, KEYS[0])
    not_found(earlier.at(two), earlier.id(two, KEYS[0]))
    two.time.advance(WINDOW + 1)
    report = command.run(two, "unpublishes", "source_not_serving", numbers=[KEYS[0]])
    assert left(report) == [(KEYS[0], "ContradictoryAnswers")]
    assert two.unanswered(KEYS[0]) == earlier.name
    assert two.writes(command.at(two)) == []


# -- what was confirmed


def test_the_preview_changes_nothing_and_says_what_will_happen(command: Command, stage: Returning) -> None:
    shown = command.preview(stage)
    emulator = command.at(stage)
    with stage.client(emulator) as client:
        host = client.adapter.config.base_url.split("/")[2]
    place = {"source": "here", "target": "there"}[command.end]
    assert shown.confirm == 3
    assert shown.at == f"{place} ({host})"
    assert shown.shown == {(key, command.id(stage, key)) for key in KEYS}
    assert all("takes effect at once, and cannot be revoked" in str(forecast) for forecast in shown.forecasts)
    assert [forecast.number for forecast in shown.forecasts] == (KEYS if command is RELEASE else KEYS[::-1])
    assert str(shown).startswith(f"3 numbers to release at {shown.at}")
    assert [stage.writes(emulator) for emulator in stage.both] == [[], []]


def test_without_a_confirmation_nothing_is_sent(command: Command, stage: Returning) -> None:
    place = {"source": "here", "target": "there"}[command.end]
    for confirmed in (None, frozenset()):
        with pytest.raises(errors.NotAllowed, match=f"3 records would be released at {place}") as refused:
            command.run(stage, confirmed=confirmed)
        assert refused.value.allowance == "confirmed"
    assert [stage.writes(emulator) for emulator in stage.both] == [[], []]


def test_other_records_than_were_shown_are_not_released(command: Command, stage: Returning) -> None:
    shown = command.preview(stage).shown
    one = next(iter(shown))
    entries = [stage.entries(key) for key in KEYS]
    for confirmed in (shown - {one}, shown | {("+827099999999", "x")}, shown - {one} | {(one[0], "another id")}):
        with pytest.raises(errors.NotAllowed) as refused:
            command.run(stage, confirmed=confirmed)
        assert refused.value.allowance == "confirmed"
    assert [stage.writes(emulator) for emulator in stage.both] == [[], []]
    assert [stage.entries(key) for key in KEYS] == entries


@pytest.mark.parametrize(("end", "what"), [("source", GONE), ("target", "another label")])
def test_a_set_that_changed_since_it_was_shown_has_to_be_confirmed_anew(
    end: str, what: str, command: Command, stage: Returning
) -> None:
    emulator, ids = (stage.source, stage.ids) if end == "source" else (stage.target, [stage.made(key) for key in KEYS])
    record = dict(emulator.store[ids[0]])
    whole = command.preview(stage).shown
    meddle(emulator, ids[0], what)
    with pytest.raises(errors.NotAllowed, match=r"\+827011110000 \(\S+\) is not to be released any more"):
        command.run(stage, confirmed=whole)
    smaller = command.preview(stage).shown
    emulator.store.put(ids[0], record)
    with pytest.raises(errors.NotAllowed, match=r"\+827011110000 \(\S+\) was not confirmed"):
        command.run(stage, confirmed=smaller)
    meddle(emulator, ids[1], what)
    assert command.preview(stage).confirm == len(smaller)  # as many, and not the same ones
    with pytest.raises(errors.NotAllowed):
        command.run(stage, confirmed=smaller)
    assert stage.writes(command.at(stage)) == []


def test_a_confirmation_of_the_other_command_is_none(command: Command, either: Returning) -> None:
    with pytest.raises(errors.NotAllowed):
        command.run(either, confirmed=command.other.preview(either).shown)
    assert [either.writes(emulator) for emulator in either.both] == [[], []]


# -- what was allowed


def test_other_numbers_whose_agents_would_stop_are_named_and_block_until_that_is_accepted(
    command: Command, tmp_path: Path
) -> None:
    stage = Returning.at(tmp_path, command.at_diga, settings=ONE.model_copy(update={"soak_hours": 0}))
    diga = command.at(stage)
    other = diga.add(number="+34612345678", inbound_agent_id=diga.agents["reception"])
    with stage.client(stage.source) as client:
        records = [record for record in client.list_numbers() if record.id != other]
    stage.begin(numbers=tuple(map(stage.planned, records))).verify()
    shown = command.preview(stage)
    assert shown.needs_allowance == ("unpublishes",)
    assert shown.forecasts[0].stops_agents_of == ("+34612345678",)
    with pytest.raises(errors.NotAllowed, match=r"also serve \+34612345678") as refused:
        command.run(stage, "tls")
    assert refused.value.allowance == "unpublishes"
    assert stage.deleted(diga) == []


def test_a_consent_that_was_given_when_the_plan_was_made_does_not_count(command: Command, tmp_path: Path) -> None:
    stage = command.stage(tmp_path, command.at_diga, 2, allowed=("unpublishes", "source_not_serving"))
    meddle(command.other.at(stage), command.other.id(stage, KEYS[0]), GONE)
    shown = command.preview(stage)
    assert shown.needs_allowance == ("unpublishes",)
    assert left(shown) == [(KEYS[0], command.not_serving)]
    with pytest.raises(errors.NotAllowed, match="--allow unpublishes") as refused:
        command.run(stage, "tls")
    assert refused.value.allowance == "unpublishes"
    assert stage.writes(command.at(stage)) == []
    assert command.preview(stage, "unpublishes").needs_allowance == ()
    assert [done.number for done in command.run(stage, "unpublishes").done] == [KEYS[1]]


# -- what the other command was not answered of


def test_while_the_other_command_may_still_take_effect_the_record_stays(command: Command, either: Returning) -> None:
    other_end = command.other.at(either)
    other_end.faults.append(Fault(FaultKind.LATE, "DELETE"))
    command.other.run(either, numbers=[KEYS[1]])
    either.time.advance(WINDOW - 1)
    assert left(command.preview(either)) == [(KEYS[1], "InDoubt")]
    report = command.run(either, "unpublishes", "source_not_serving")
    assert left(report) == [(KEYS[1], "InDoubt")]
    word = command.other.word
    assert f"the {word} of +827011110001 was not answered, and may still take effect" in report.left_alone[0].message
    other_end.act_late()
    assert len(live(command.at(either))) == 1
    assert either.unanswered(KEYS[1]) == command.other.name


def test_a_short_window_of_the_plan_is_the_one_that_counts(command: Command, context: str, tmp_path: Path) -> None:
    settings = ONE.model_copy(update={"settling_window": 5.0, "soak_hours": 0})
    stage = Returning.at(tmp_path, context, settings=settings).begin()
    stage.verify()
    command.other.announce(stage, KEYS[0])
    stage.time.advance(24)
    assert left(command.preview(stage)) == [(KEYS[0], "InDoubt")]
    stage.time.advance(2)
    assert command.preview(stage).left_alone == ()


def test_after_the_window_what_did_not_happen_is_settled_and_the_record_deleted(
    command: Command, either: Returning
) -> None:
    command.other.announce(either, KEYS[1])
    either.time.advance(WINDOW + 1)
    assert command.run(either).is_complete
    assert live(command.at(either)) == []
    assert len(live(command.other.at(either))) == 3
    assert either.writes(command.other.at(either)) == []
    settled = [entry for entry in either.entries(KEYS[1]) if entry.action is command.other.action][-1]
    assert settled.phase is Phase.FAILED


@pytest.mark.parametrize("what", ["released", GONE])
def test_after_the_window_what_did_happen_keeps_the_record(what: str, command: Command, either: Returning) -> None:
    id = command.id(either, KEYS[1])
    command.other.announce(either, KEYS[1])
    meddle(command.other.at(either), command.other.id(either, KEYS[1]), what)
    either.time.advance(WINDOW + 1)
    assert [number for number, _ in left(command.run(either))] == [KEYS[1]]
    assert len(live(command.at(either))) == 1
    assert id not in either.deleted(command.at(either))


@pytest.mark.parametrize("what", ["released", GONE])
def test_what_takes_effect_right_before_the_deletion_keeps_the_record_and_is_written_down(
    what: str, command: Command, either: Returning
) -> None:
    id, other = command.id(either, KEYS[1]), command.other.id(either, KEYS[1])
    command.other.announce(either, KEYS[1])
    either.time.advance(WINDOW + 1)
    report = command.run(either, on_event=before(KEYS[1], lambda: meddle(command.other.at(either), other, what)))
    assert [number for number, _ in left(report)] == [KEYS[1]]
    assert id not in either.deleted(command.at(either))
    assert either.number(KEYS[1]).state is command.other.state
    assert either.unanswered(KEYS[1]) is None


# -- what itself was not answered of


@pytest.mark.parametrize("kind", [FaultKind.LOST_AFTER, FaultKind.LOST_BEFORE, FaultKind.LATE])
def test_a_deletion_whose_answer_is_lost_is_looked_into_and_gone_on_with(
    kind: FaultKind, command: Command, stage: Returning
) -> None:
    command.at(stage).faults.append(Fault(kind, "DELETE", skip=1))
    first = command.run(stage)
    command.at(stage).act_late()
    if not first.is_complete:
        assert [left.error for left in first.left_alone] == ["OutcomeUnknown"]
        assert command.run(stage).is_complete
    assert live(command.at(stage)) == []
    assert stage.run().counts == {command.state: 3}


def test_one_that_died_after_the_deletion_goes_on(command: Command, stage: Returning) -> None:
    key = command.keys[0]
    id = command.id(stage, key)
    command.announce(stage, key)
    meddle(command.at(stage), id, "released")
    assert command.run(stage).is_complete
    assert live(command.at(stage)) == []
    assert len(stage.deleted(command.at(stage))) == 2
    assert id not in stage.deleted(command.at(stage))


def test_what_may_not_be_sent_again_is_in_doubt_for_the_window_and_then_settled(
    command: Command, context: str, tmp_path: Path
) -> None:
    stage = Returning.moved(tmp_path, context)  # a release may not be sent, for it is not verified
    command.announce(stage, KEYS[1])
    if command is ROLLBACK:
        meddle(stage.target, stage.made(KEYS[1]), "another label")
    assert command.preview(stage).to_reconcile == (KEYS[1],)
    stage.time.advance(WINDOW - 1)
    assert left(command.run(stage, numbers=[KEYS[1]])) == [(KEYS[1], "InDoubt")]
    assert stage.unanswered(KEYS[1]) == command.name
    stage.time.advance(2)
    error = "NotReleasable" if command is RELEASE else "ModifiedExternally"
    assert left(command.run(stage, numbers=[KEYS[1]])) == [(KEYS[1], error)]
    assert stage.unanswered(KEYS[1]) is None
    assert stage.time.slept == []
    assert stage.writes(command.at(stage)) == []
