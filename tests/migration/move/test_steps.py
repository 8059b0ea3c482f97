"""The unit of work by hand: no client, no network, no clock. What it asks for, in which order, at every point."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from pydantic import SecretStr

from telephony_core import errors
from telephony_core.domain.lifecycle import NumberStatus
from telephony_core.domain.number_identity import NumberIdentity
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.errors.migration import (
    ContradictoryAnswers,
    InDoubt,
    ManualActionRequired,
    NotInService,
    StalePlan,
    VerificationFailed,
)
from telephony_core.migration.journal.entries import Action, Entry, Phase
from telephony_core.migration.move.effects import (
    Claim,
    Effect,
    Lookup,
    MigrationTask,
    Now,
    ProviderNow,
    Record,
    ResolvedCredentials,
    ResolveSecrets,
    RunFlow,
    Wait,
)
from telephony_core.migration.move.state import MigrationState, state_of
from telephony_core.migration.move.steps import MOST_SENDS, move_number
from telephony_core.migration.plan.model import EndpointRole
from telephony_core.migration.plan.store import LoadedPlan, load_plan
from telephony_core.provider.capabilities import RepeatableImport
from telephony_core.provider.flow import Semantics
from telephony_core.provider.registry import registry
from tests.migration.by_hand import answered
from tests.migration.stage import PASSWORD, Stage
from tests.transport.driving import START

Answer = object | Exception


def stage_plan(folder: Path) -> LoadedPlan:
    return load_plan(folder / "plan.json")


@pytest.fixture
def task(tmp_path: Path) -> MigrationTask:
    stage = Stage(tmp_path, count=1)
    loaded = stage.plan()
    return MigrationTask.of(loaded, loaded.plan.numbers[0], registry.spec("diga").capabilities)


def made(task: MigrationTask, **changes: object) -> PhoneNumber:
    """The record that the plan wants, as the target shows it."""
    desired = task.number.desired
    whole = {
        "provider": "diga",
        "id": "new",
        "identity": task.identity,
        "status": NumberStatus.ACTIVE,
        "origin": "imported",
        "label": desired.label,
        "sip": {
            "inbound": {"allowed_addresses": ("203.0.113.7",)},
            "outbound": {"address": desired.outbound and desired.outbound.address, "username": "acme"},
        },
        "inbound_agent": {"agent_id": desired.inbound_agent and desired.inbound_agent.agent_id},
    }
    return PhoneNumber.model_validate({**whole, **changes})


class World:
    """Answers effects by their names, and keeps the lines of the journal."""

    def __init__(self, task: MigrationTask, lines: list[Entry] | None = None, **answers: Answer | list[Answer]) -> None:
        self.task = task
        self.lines = lines or []
        self.now = START
        self.now_there: datetime | None = None
        self.asked: list[str] = []
        self.answers: dict[str, Answer | list[Answer]] = {
            "source get_number": task.number.source,
            "target check_agents": None,
            "target import_number": made(task, inbound_agent=None),
            "target assign_agents": made(task),
            "target update_sip": made(task, inbound_agent=None),
            "target get_number": made(task),
            "look": (),
            "source list": (),
            "target list": (),
            "reveal": ResolvedCredentials("acme", SecretStr(PASSWORD)),
            "wait": True,
            "claim": None,
            **{name.replace("__", " "): answer for name, answer in answers.items()},
        }

    def run(self) -> None:
        answered(move_number(self.task, state_of(self.lines)), self._answer)

    def _answer(self, effect: Effect[object]) -> Answer:
        match effect:
            case Record(entry):
                self.lines.append(replace(entry, at=self.now))
                self.asked.append(f"{entry.action} {entry.phase}")
                return None
            case RunFlow(role, name, _, announcement):
                if announcement is not None:
                    self._answer(Record(announcement.entry))
                    announcement.sent = Semantics.ONCE
                return self._next(f"{role} {name}")
            case Lookup(role, _, id):
                return self._next("look" if role is EndpointRole.TARGET and id is None else f"{role} list")
            case Now():
                return self.now
            case ProviderNow():
                return self.now_there
            case Claim():
                return self._next("claim")
            case Wait():
                self.now += timedelta(seconds=effect.seconds)
                return self._next("wait")
            case ResolveSecrets():
                return self._next("reveal")
        raise AssertionError(effect)

    def _next(self, name: str) -> Answer:
        self.asked.append(name)
        answer = self.answers[name]
        return answer.pop(0) if isinstance(answer, list) else answer

    @property
    def state(self) -> MigrationState:
        return state_of(self.lines).state


LOST = errors.OutcomeUnknown("the answer was lost")


def test_a_number_is_checked_announced_made_assigned_and_read_back(task: MigrationTask) -> None:
    world = World(task)
    world.run()
    assert world.asked == [
        "source get_number",
        "reveal",
        "claim",
        "target check_agents",
        "look",
        "import intent",
        "target import_number",
        "import done",
        "assign_agents intent",
        "target assign_agents",
        "assign_agents done",
        "target get_number",
        "read_back done",
    ]
    assert world.state is MigrationState.MOVED


def test_a_number_that_is_there_asks_for_nothing(task: MigrationTask) -> None:
    world = World(task)
    world.run()
    world.asked.clear()
    world.run()
    assert world.asked == []


def test_from_any_line_of_the_journal_on_it_arrives_without_a_second_import(task: MigrationTask) -> None:
    world = World(task)
    world.run()
    for length in range(1, len(world.lines)):
        resumed = World(task, world.lines[:length], look=(made(task, inbound_agent=None),))
        resumed.run()
        assert resumed.state is MigrationState.MOVED
        assert "target import_number" not in resumed.asked


def test_what_was_there_before_goes_into_the_journal_with_the_intent(task: MigrationTask) -> None:
    old = made(task, id="old", status=NumberStatus.RELEASED)
    world = World(task, look=(old,))
    world.run()
    intent = next(line for line in world.lines if line.phase is Phase.INTENT)
    assert intent.data == {"before": ["old"]}


def test_no_line_of_the_journal_holds_a_secret(task: MigrationTask) -> None:
    world = World(task)
    world.run()
    assert PASSWORD not in repr(world.lines)


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (errors.NotFound("no"), "gone"),
        (lambda record: record.model_copy(update={"label": "x"}), "label"),
        (lambda record: record.model_copy(update={"status": NumberStatus.RELEASE_SCHEDULED}), "status"),
    ],
)
def test_a_source_that_changed_stops_it_before_anything(
    now: Exception | Callable[[PhoneNumber], PhoneNumber], said: str, task: MigrationTask
) -> None:
    world = World(task, source__get_number=now if isinstance(now, Exception) else now(task.number.source))
    with pytest.raises(StalePlan, match=said):
        world.run()
    assert world.asked == ["source get_number", *(["source list"] * (said == "gone")), "check failed"]


@pytest.mark.parametrize("phase", [Phase.INTENT, Phase.DONE])
def test_a_half_made_number_whose_source_changed_says_how_it_is_taken_back(phase: Phase, task: MigrationTask) -> None:
    lines = [Entry(task.key, Action.IMPORT, phase, "new")]
    changed = task.number.source.model_copy(update={"label": "x"})
    world = World(task, lines, source__get_number=changed)
    with pytest.raises(StalePlan, match="label") as raised:
        world.run()
    back = f"`telephony migrate rollback {task.plan} --numbers {task.key} --allow source_not_serving`"
    assert back in str(raised.value.remedy)
    assert world.asked == ["source get_number", "check failed"]


def test_a_number_whose_source_changed_before_it_was_made_is_only_planned_anew(task: MigrationTask) -> None:
    world = World(task, source__get_number=task.number.source.model_copy(update={"label": "x"}))
    with pytest.raises(StalePlan) as raised:
        world.run()
    assert raised.value.remedy == StalePlan.default_remedy


def test_a_refused_import_is_over_and_the_next_run_sends_it_anew(task: MigrationTask) -> None:
    world = World(task, target__import_number=[errors.InvalidRequest("no"), made(task, inbound_agent=None)])
    with pytest.raises(errors.InvalidRequest):
        world.run()
    assert world.asked[-1] == "import failed"
    world.run()
    assert world.state is MigrationState.MOVED
    assert "wait" not in world.asked


def test_a_lost_import_is_looked_for_during_the_whole_window_before_it_is_sent_once_more(task: MigrationTask) -> None:
    world = World(task, target__import_number=[LOST, made(task, inbound_agent=None)])
    world.run()
    first, second = (line.at for line in world.lines if line.phase is Phase.INTENT and line.action is Action.IMPORT)
    assert first is not None
    assert second is not None
    assert second - first > timedelta(seconds=task.settings.timeout + task.settings.settling_window)
    looks = [line.at - first for line in world.lines if line.phase is Phase.LOOK and line.at is not None]
    pauses = [after - before for before, after in pairwise(looks)]
    assert pauses[:-2] == sorted(pauses[:-2])  # they grow; the last one ends with the window
    assert max(pauses) <= timedelta(minutes=2)
    assert world.asked[world.asked.index("import done") - 1] == "look"  # whether there are two now
    assert world.state is MigrationState.MOVED


def test_a_provider_that_documents_an_immediate_look_up_is_asked_again_sooner(
    task: MigrationTask, tmp_path: Path
) -> None:
    loaded = stage_plan(tmp_path)
    sooner = RepeatableImport(source="made up", after=5.0)
    world = World(
        MigrationTask.of(loaded, loaded.plan.numbers[0], replace(task.capabilities, repeatable_import=sooner)),
        target__import_number=[LOST, made(task, inbound_agent=None)],
    )
    world.run()
    first, second = (line.at for line in world.lines if line.phase is Phase.INTENT and line.action is Action.IMPORT)
    assert first is not None
    assert second is not None
    assert task.settings.timeout + 5 <= (second - first).total_seconds() < task.settings.timeout + 10


def test_an_import_whose_run_is_stopped_stays_in_doubt_and_is_not_sent_again(task: MigrationTask) -> None:
    world = World(task, target__import_number=LOST, wait=False)
    with pytest.raises(InDoubt, match="may still take effect") as raised:
        world.run()
    assert raised.value.until - raised.value.since == timedelta(
        seconds=task.settings.timeout + task.settings.settling_window
    )
    assert world.asked.count("target import_number") == 1
    assert world.state is MigrationState.IN_DOUBT
    world.now += timedelta(minutes=5)
    with pytest.raises(InDoubt) as again:  # the next run goes on with the window that was begun
        world.run()
    assert again.value.until == raised.value.until
    assert world.asked.count("target import_number") == 1


def test_a_clock_that_was_set_back_begins_the_window_anew(task: MigrationTask) -> None:
    world = World(task, target__import_number=LOST, wait=False)
    with pytest.raises(InDoubt):
        world.run()
    set_back = world.now = world.now - timedelta(days=1)
    with pytest.raises(InDoubt) as again:
        world.run()
    assert again.value.since == set_back


def test_a_clock_that_was_set_ahead_does_not_end_the_window(task: MigrationTask) -> None:
    world = World(task, target__import_number=LOST, wait=False)
    with pytest.raises(InDoubt):
        world.run()
    announced = next(at for at, line in enumerate(world.lines) if line.phase is Phase.INTENT)
    line = world.lines[announced]
    world.lines[announced] = replace(line, data={**line.data, "time_at_target": START.isoformat()})
    world.now += timedelta(days=1)
    world.now_there = START + timedelta(minutes=5)  # by the target's clock
    with pytest.raises(InDoubt) as again:
        world.run()
    left = again.value.until - (world.now - timedelta(seconds=1))
    assert left == timedelta(seconds=task.settings.timeout + task.settings.settling_window) - timedelta(minutes=5)
    assert world.asked.count("target import_number") == 1


def test_an_import_found_at_a_later_look_gets_its_settings_again(task: MigrationTask) -> None:
    world = World(task, target__import_number=LOST, look=[(), (), (made(task, inbound_agent=None),)])
    world.run()
    assert world.asked.count("target import_number") == 1
    assert world.asked.index("target update_sip") < world.asked.index("target assign_agents")
    assert state_of(world.lines).adopted


def test_a_record_that_is_not_in_service_is_waited_for_and_then_said(task: MigrationTask) -> None:
    world = World(task, target__get_number=made(task, status=NumberStatus.PENDING, provider_status="requested"))
    with pytest.raises(NotInService, match="requested"):
        world.run()
    assert world.asked.count("wait") == 4
    assert world.state is MigrationState.NOT_IN_SERVICE
    world.answers["target get_number"] = made(task)
    world.run()
    assert world.state is MigrationState.MOVED
    assert world.asked.count("target import_number") == 1


def test_a_record_that_is_of_another_number_by_now_gets_no_agent_and_no_settings(task: MigrationTask) -> None:
    other = NumberIdentity.parse("+827099999999", region="ES")
    lines = [Entry(task.key, Action.IMPORT, Phase.DONE, "new", data={"send_again": True})]
    world = World(task, lines, target__get_number=made(task, identity=other))
    with pytest.raises(VerificationFailed, match=r"\+827099999999"):
        world.run()
    assert not {"target update_sip", "target assign_agents"} & set(world.asked)


def test_a_record_that_is_read_as_missing_and_listed_is_not_taken_for_gone(task: MigrationTask) -> None:
    world = World(task, source__get_number=errors.NotFound("no"), source__list=(task.number.source,))
    with pytest.raises(ContradictoryAnswers):
        world.run()
    assert "claim" not in world.asked


@pytest.mark.parametrize(
    "found",
    [
        lambda task: (made(task, label="another"),),
        lambda task: (made(task, id="a"), made(task, id="b")),
    ],
)
def test_what_may_be_somebody_elses_is_left_to_a_person(
    found: Callable[[MigrationTask], tuple[PhoneNumber, ...]], task: MigrationTask
) -> None:
    world = World(task, target__import_number=LOST, look=[(), found(task)])
    with pytest.raises(ManualActionRequired):
        world.run()
    assert world.state is MigrationState.NEEDS_ACTION
    assert world.asked[-1] == "import unknown"


def test_an_import_that_is_never_answered_is_not_sent_for_ever(task: MigrationTask) -> None:
    world = World(task, target__import_number=LOST)
    with pytest.raises(errors.OutcomeUnknown, match="never answered"):
        world.run()
    assert world.asked.count("target import_number") == MOST_SENDS
    assert world.state is MigrationState.NEEDS_ACTION


def test_a_conflict_on_the_first_try_is_a_refusal(task: MigrationTask) -> None:
    world = World(task, target__import_number=errors.Conflict("it is there"))
    with pytest.raises(errors.Conflict):
        world.run()
    assert world.asked.count("target import_number") == 1


def test_agents_that_cannot_be_assigned_keep_the_number_from_being_made(task: MigrationTask) -> None:
    world = World(task, target__check_agents=errors.NotFound("no agent"))
    with pytest.raises(errors.NotFound):
        world.run()
    assert "import intent" not in world.asked


def test_a_record_that_differs_gets_no_agent_when_it_is_gone_on_with(task: MigrationTask) -> None:
    lines = [Entry(task.key, Action.IMPORT, Phase.DONE, "new")]
    world = World(task, lines, target__get_number=made(task, label="another", inbound_agent=None))
    with pytest.raises(VerificationFailed, match="label"):
        world.run()
    assert "target assign_agents" not in world.asked


def test_a_record_that_does_not_show_is_waited_for_and_not_for_ever(task: MigrationTask) -> None:
    world = World(task, target__get_number=errors.NotFound("no"))
    with pytest.raises(VerificationFailed, match="not at the target any more"):
        world.run()
    assert world.asked.count("wait") == 4
    assert world.state is MigrationState.FAILED
