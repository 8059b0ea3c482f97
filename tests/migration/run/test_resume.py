"""Lost answers, late effects and late visibility: adopted or asked, never doubled, and never somebody else's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from telephony_core import errors
from telephony_core.emulator import Fault, FaultKind
from telephony_core.emulator import json_response as answer
from telephony_core.migration.journal.entries import Action, Entry, Phase
from telephony_core.migration.journal.store import SqliteJournal
from telephony_core.migration.move.state import MigrationState
from telephony_core.migration.plan.model import Settings, Trunk
from telephony_core.migration.plan.store import LoadedPlan
from telephony_core.migration.run.events import EventKind
from telephony_core.migration.run.status import read_run
from tests.migration.stage import PASSWORD, Stage, sorted_state
from tests.transport.driving import FakeTime

WAYS = ("vox-diga", "diga-vox")
ONE = Settings(timeout=20.0, concurrency=1, canary=0)
WRITES_PER_NUMBER = 2
GATEWAY = answer(502, {"detail": "bad gateway"})


@dataclass
class BusyTime(FakeTime):
    """Time in which something happens elsewhere while somebody waits a long time."""

    meanwhile: Callable[[], object] = lambda: None

    async def _asleep(self, seconds: float) -> None:
        self._sleep(seconds)
        if seconds >= ONE.timeout:
            self.meanwhile()


@pytest.fixture(params=WAYS)
def context(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def undisturbed(folder: Path, context: str, count: int) -> list[object]:
    stage = Stage(folder, context, count, ONE)
    stage.apply(stage.plan())
    return state(stage)


def state(stage: Stage) -> list[object]:
    return [sorted_state(records) for records in stage.end_state()]


def strike(stage: Stage, write: int, kind: FaultKind, times: int = 1) -> None:
    """Let one write of the target go wrong, counted from 0 over creates and updates in turn."""
    number, step = divmod(write, WRITES_PER_NUMBER)
    method = ("POST", "PATCH")[step]
    stage.target.faults.append(Fault(kind, method, skip=number, times=times, response=GATEWAY))


@pytest.mark.turns(context=len(WAYS))
@pytest.mark.parametrize("write", range(2 * WRITES_PER_NUMBER))
@pytest.mark.parametrize("kind", [FaultKind.LOST_AFTER, FaultKind.LOST_BEFORE, FaultKind.ANSWER_AFTER, FaultKind.LATE])
def test_whatever_happens_to_the_answer_of_a_write_the_end_is_the_same(
    context: str, kind: FaultKind, write: int, tmp_path: Path
) -> None:
    (tmp_path / "reference").mkdir()
    time = BusyTime()
    stage = Stage(tmp_path, context, 2, ONE, time)
    time.meanwhile = stage.target.act_late
    loaded = stage.plan()
    strike(stage, write, kind)
    report = stage.apply(loaded)
    assert report.is_complete, str(report)
    assert state(stage) == undisturbed(tmp_path / "reference", context, 2)


def test_an_import_that_takes_effect_after_two_looks_and_a_repeat_is_told_and_not_hidden(
    context: str, tmp_path: Path
) -> None:
    stage = Stage(tmp_path, context, 1, ONE)
    loaded = stage.plan()
    strike(stage, 0, FaultKind.LATE)

    def late(event: object) -> None:  # right after the repeated import was announced
        if getattr(event, "action", None) is Action.IMPORT and getattr(event, "phase", None) is Phase.INTENT:
            late.count += 1
            if late.count == 2:
                stage.target.act_late()

    late.count = 0
    report = stage.apply(loaded, on_event=late)
    assert report.failures[0].state is MigrationState.NEEDS_ACTION
    assert "2 records" in report.failures[0].message


def test_where_the_provider_refuses_a_second_record_the_late_one_is_adopted(tmp_path: Path) -> None:
    stage = Stage(tmp_path, count=1, settings=ONE)
    stage.target.allow_duplicates = False
    loaded = stage.plan()
    strike(stage, 0, FaultKind.LATE)
    seen: list[object] = []

    def late(event: object) -> None:
        if getattr(event, "action", None) is Action.IMPORT and getattr(event, "phase", None) is Phase.INTENT:
            seen.append(event)
            if len(seen) == 2:
                stage.target.act_late()

    assert stage.apply(loaded, on_event=late).is_complete
    assert len(stage.target.records()) == 1
    assert read_run(loaded).numbers[0].adopted


def test_a_record_that_shows_late_is_waited_for(context: str, tmp_path: Path) -> None:
    stage = Stage(tmp_path, context, 2, ONE)
    loaded = stage.plan()
    stage.target.hide_new_for = 2
    assert stage.apply(loaded).is_complete
    assert len(stage.target.records()) == 2


def test_a_lost_answer_and_a_record_that_shows_late_together_make_one_record(context: str, tmp_path: Path) -> None:
    stage = Stage(tmp_path, context, 1, ONE)
    loaded = stage.plan()
    strike(stage, 0, FaultKind.LOST_AFTER)
    stage.target.hide_new_for = 9  # longer than one look takes, shorter than two
    assert stage.apply(loaded).is_complete
    assert len(stage.target.records()) == 1


def test_an_adopted_record_gets_its_settings_again_because_nobody_can_read_its_password(
    context: str, tmp_path: Path
) -> None:
    stage = Stage(tmp_path, context, 1, ONE)
    loaded = stage.plan()
    strike(stage, 0, FaultKind.LOST_AFTER)
    stage.target.hide_new_for = 9
    stage.apply(loaded)
    writes = [path for path in stage.writes(stage.target) if path.startswith("PATCH") and "sip" in path]
    assert len(writes) == 1


def test_nothing_is_sent_again_where_nothing_unreadable_was_sent(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "diga-vox", 1, ONE)
    loaded = stage.plan(trunks=(Trunk(name="carrier", auth="none"),))
    open_import(loaded)
    stage.target.add(number="07011110000", address="sip:trunk0.example.com:5060;transport=tcp", memo="Número 0")
    assert stage.apply(loaded).is_complete
    assert [path for path in stage.writes(stage.target) if "sip" in path] == []


# -- after the process is gone


def open_import(loaded: LoadedPlan, before: tuple[str, ...] = ()) -> None:
    """What a process leaves that died after it announced an import, and perhaps after it sent it."""
    key = loaded.plan.numbers[0].key
    with SqliteJournal.writing(loaded, "apply", create=True) as journal:
        journal.append(Entry(key, Action.IMPORT, Phase.INTENT, data={"before": list(before)}))


def record_of_ours(stage: Stage, **changes: object) -> str:
    if stage.target.slug == "vox":
        fields = {"number": "07011110000", "address": "sip:trunk0.example.com:5060;transport=tcp", "memo": "Número 0"}
        return stage.target.add(**{**fields, **changes})
    sip = {
        "termination_uri": "trunk0.example.com:5060",
        "username": "acme",
        "inbound_media_encryption": "allow",
        "outbound_media_encryption": "allow",
        "allowed_addresses": ["203.0.113.7"],
    }
    fields = {"number": "+827011110000", "nickname": "번호 0", "sip_config": sip}
    return stage.target.add(**{**fields, **changes})


def test_an_import_that_was_announced_and_made_is_adopted_by_the_next_run(context: str, tmp_path: Path) -> None:
    stage = Stage(tmp_path, context, 1, ONE)
    loaded = stage.plan()
    open_import(loaded)
    id = record_of_ours(stage)
    assert stage.apply(loaded).is_complete
    assert [record["id"] for record in stage.target.records()] == [id]
    stored = stage.target.credentials(id)
    assert stored is not None
    assert (stored.username, stored.password) == ("acme", PASSWORD)


def test_an_import_that_was_announced_and_not_made_is_made_after_the_settling_window(
    context: str, tmp_path: Path
) -> None:
    stage = Stage(tmp_path, context, 1, ONE)
    loaded = stage.plan()
    open_import(loaded)
    assert stage.apply(loaded).is_complete
    assert len(stage.target.records()) == 1
    assert sum(stage.time.slept) >= ONE.timeout + ONE.settling_window
    looks = [event for event in stage.events if event.phase is Phase.LOOK]
    waits = [event for event in stage.events if event.kind is EventKind.WAITING]
    assert len(looks) == len(waits) + 1 > 10  # the last one says that it is sent once more


def test_a_record_that_was_there_before_is_never_adopted(context: str, tmp_path: Path) -> None:
    stage = Stage(tmp_path, context, 1, ONE)
    loaded = stage.plan()
    old = record_of_ours(stage)
    open_import(loaded, before=(old,))
    report = stage.apply(loaded)
    assert report.failures[0].error == "ManualActionRequired"  # somebody, or our import, revived it
    assert stage.writes(stage.target) == []


@pytest.mark.parametrize("changes", [{"nickname": "another"}, {"sip_config": None}])
def test_a_record_that_differs_from_what_was_sent_is_never_adopted(changes: dict[str, object], tmp_path: Path) -> None:
    stage = Stage(tmp_path, count=1, settings=ONE)
    loaded = stage.plan()
    open_import(loaded)
    id = record_of_ours(stage, **changes)
    report = stage.apply(loaded)
    assert report.failures[0].state is MigrationState.NEEDS_ACTION
    assert id in report.failures[0].message
    assert stage.writes(stage.target) == []


def test_a_record_with_another_user_name_is_never_adopted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUNK_USER", "somebody")
    stage = Stage(tmp_path, count=1, settings=ONE)
    trunk = Trunk(name="carrier", auth="digest", username="env:TRUNK_USER", password=f"file:{stage.secret}")
    loaded = stage.plan(trunks=(trunk,))
    open_import(loaded)
    record_of_ours(stage)
    assert stage.apply(loaded).failures[0].state is MigrationState.NEEDS_ACTION


def test_a_person_who_removes_the_other_record_lets_it_go_on(tmp_path: Path) -> None:
    stage = Stage(tmp_path, count=1, settings=ONE)
    loaded = stage.plan()
    open_import(loaded)
    mine, other = record_of_ours(stage), record_of_ours(stage, nickname="another")
    assert stage.apply(loaded).failures[0].state is MigrationState.NEEDS_ACTION
    assert stage.apply(loaded).failures[0].state is MigrationState.NEEDS_ACTION
    stage.target.store.remove(other)
    assert stage.apply(loaded).is_complete
    assert [record["id"] for record in stage.target.records()] == [mine]


def test_a_number_that_stays_unanswered_is_left_for_another_day(context: str, tmp_path: Path) -> None:
    stage = Stage(tmp_path, context, 1, ONE)
    loaded = stage.plan()
    strike(stage, 0, FaultKind.LOST_BEFORE, times=99)
    report = stage.apply(loaded)
    assert report.failures[0].error == "OutcomeUnknown"
    assert stage.target.records() == []
    stage.target.faults.clear()
    assert stage.apply(loaded).is_complete
    assert len(stage.target.records()) == 1


def test_an_assignment_that_stays_unanswered_is_made_by_the_next_run(context: str, tmp_path: Path) -> None:
    stage = Stage(tmp_path, context, 1, ONE)
    loaded = stage.plan()
    strike(stage, 1, FaultKind.LOST_BEFORE, times=99)
    assert not stage.apply(loaded).is_complete
    stage.target.faults.clear()
    assert stage.apply(loaded).is_complete
    assert len(stage.target.records()) == 1


def test_a_record_of_ours_that_somebody_removed_is_not_made_again(tmp_path: Path) -> None:
    stage = Stage(tmp_path, count=2, settings=ONE)
    loaded = stage.plan()
    strike(stage, 1, FaultKind.ANSWER)
    stage.target.faults[-1].response = answer(422, {"detail": "no"})
    stage.apply(loaded)
    stage.target.store.remove(str(stage.target.records()[0]["id"]))
    report = stage.apply(loaded)
    assert report.failures[0].error == "VerificationFailed"
    assert "not at the target any more" in report.failures[0].message
    assert len(stage.target.records()) == 1


def test_a_clock_that_jumps_does_no_harm(context: str, tmp_path: Path) -> None:
    stage = Stage(tmp_path, context, 2, ONE)
    loaded = stage.plan()
    strike(stage, 2, FaultKind.LOST_BEFORE, times=99)
    stage.apply(loaded)
    stage.target.faults.clear()
    stage.time.advance(-100 * 86400)
    assert stage.apply(loaded).is_complete
    assert len(stage.target.records()) == 2


def test_the_network_that_is_gone_leaves_everything_to_be_gone_on_with(context: str, tmp_path: Path) -> None:
    stage = Stage(tmp_path, context, 2, ONE)
    loaded = stage.plan()
    stage.target.faults.append(Fault(FaultKind.REFUSED, skip=15, times=10_000))
    report = stage.apply(loaded)
    assert not report.is_complete
    stage.target.faults.clear()
    assert stage.apply(loaded).is_complete
    assert len(stage.target.records()) == 2


def test_a_network_that_is_gone_from_the_start_is_said(tmp_path: Path) -> None:
    stage = Stage(tmp_path, count=1)
    loaded = stage.plan()
    stage.source.faults.append(Fault(FaultKind.REFUSED, times=10_000))
    with pytest.raises(errors.NotSent):
        stage.apply(loaded)
