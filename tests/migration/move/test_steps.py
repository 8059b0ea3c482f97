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
from telephony_core.migration.journal.entries import Action, Entry, Phase
from telephony_core.migration.move.effects import (
    Call,
    Claim,
    Credentials,
    Effect,
    End,
    Look,
    Now,
    ProviderNow,
    Record,
    Reveal,
    Wait,
)
from telephony_core.migration.move.state import Standing, state_of
from telephony_core.migration.move.steps import MOST_SENDS, move
from telephony_core.migration.move.task import (
    CameOutDifferent,
    ContradictoryAnswers,
    InDoubt,
    Job,
    NeedsPerson,
    NotInService,
    PlanOvertaken,
)
from telephony_core.migration.plan.model import Plan
from telephony_core.migration.plan.store import load_plan
from telephony_core.provider.capabilities import RepeatableImport
from telephony_core.provider.registry import registry
from tests.migration.stage import PASSWORD, Stage
from tests.transport.driving import START

Answer = object | Exception


def stage_plan(folder: Path) -> Plan:
    return load_plan(folder / "plan.json").plan


@pytest.fixture
def job(tmp_path: Path) -> Job:
    stage = Stage(tmp_path, count=1)
    plan = stage.plan().plan
    return Job.of(plan, plan.numbers[0], registry.spec("diga").capabilities)


def made(job: Job, **changes: object) -> PhoneNumber:
    """The record that the plan wants, as the target shows it."""
    wanted = job.number.wanted
    whole = {
        "provider": "diga",
        "id": "new",
        "identity": job.identity,
        "status": NumberStatus.ACTIVE,
        "origin": "imported",
        "label": wanted.label,
        "sip": {
            "inbound": {"allowed_addresses": ("203.0.113.7",)},
            "outbound": {"address": wanted.outbound and wanted.outbound.address, "username": "acme"},
        },
        "inbound_agent": {"agent_id": wanted.inbound_agent and wanted.inbound_agent.agent_id},
    }
    return PhoneNumber.model_validate({**whole, **changes})


class World:
    """Answers effects by their names, and keeps the lines of the journal."""

    def __init__(self, job: Job, lines: list[Entry] | None = None, **answers: Answer | list[Answer]) -> None:
        self.job = job
        self.lines = lines or []
        self.now = START
        self.now_there: datetime | None = None
        self.asked: list[str] = []
        self.answers: dict[str, Answer | list[Answer]] = {
            "source get_number": job.number.source,
            "target check_agents": None,
            "target import_number": made(job, inbound_agent=None),
            "target assign_agents": made(job),
            "target update_sip": made(job, inbound_agent=None),
            "target get_number": made(job),
            "look": (),
            "source list": (),
            "target list": (),
            "reveal": Credentials("acme", SecretStr(PASSWORD)),
            "wait": True,
            "claim": None,
            **{name.replace("__", " "): answer for name, answer in answers.items()},
        }

    def run(self) -> None:
        unit = move(self.job, state_of(self.lines))
        try:
            effect = next(unit)
            while True:
                answer = self._answer(effect)
                effect = unit.throw(answer) if isinstance(answer, Exception) else unit.send(answer)
        except StopIteration:
            pass

    def _answer(self, effect: Effect[object]) -> Answer:
        match effect:
            case Record(entry):
                self.lines.append(replace(entry, at=self.now))
                self.asked.append(f"{entry.action} {entry.phase}")
                return None
            case Call(end, name):
                return self._next(f"{end} {name}")
            case Look(end, _, id):
                return self._next("look" if end is End.TARGET and id is None else f"{end} list")
            case Now():
                return self.now
            case ProviderNow():
                return self.now_there
            case Claim():
                return self._next("claim")
            case Wait():
                self.now += timedelta(seconds=effect.seconds)
                return self._next("wait")
            case Reveal():
                return self._next("reveal")
        raise AssertionError(effect)

    def _next(self, name: str) -> Answer:
        self.asked.append(name)
        answer = self.answers[name]
        return answer.pop(0) if isinstance(answer, list) else answer

    @property
    def standing(self) -> Standing:
        return state_of(self.lines).standing


LOST = errors.OutcomeUnknown("the answer was lost")


def test_a_number_is_checked_announced_made_assigned_and_read_back(job: Job) -> None:
    world = World(job)
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
    assert world.standing is Standing.MOVED


def test_a_number_that_is_there_asks_for_nothing(job: Job) -> None:
    world = World(job)
    world.run()
    world.asked.clear()
    world.run()
    assert world.asked == []


def test_from_any_line_of_the_journal_on_it_arrives_without_a_second_import(job: Job) -> None:
    world = World(job)
    world.run()
    for length in range(1, len(world.lines)):
        resumed = World(job, world.lines[:length], look=(made(job, inbound_agent=None),))
        resumed.run()
        assert resumed.standing is Standing.MOVED
        assert "target import_number" not in resumed.asked


def test_what_was_there_before_goes_into_the_journal_with_the_intent(job: Job) -> None:
    old = made(job, id="old", status=NumberStatus.RELEASED)
    world = World(job, look=(old,))
    world.run()
    intent = next(line for line in world.lines if line.phase is Phase.INTENT)
    assert intent.facts == {"before": ["old"]}


def test_no_line_of_the_journal_holds_a_secret(job: Job) -> None:
    world = World(job)
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
    now: Exception | Callable[[PhoneNumber], PhoneNumber], said: str, job: Job
) -> None:
    world = World(job, source__get_number=now if isinstance(now, Exception) else now(job.number.source))
    with pytest.raises(PlanOvertaken, match=said):
        world.run()
    assert world.asked == ["source get_number", *(["source list"] * (said == "gone")), "check failed"]


def test_a_refused_import_is_over_and_the_next_run_sends_it_anew(job: Job) -> None:
    world = World(job, target__import_number=[errors.InvalidRequest("no"), made(job, inbound_agent=None)])
    with pytest.raises(errors.InvalidRequest):
        world.run()
    assert world.asked[-1] == "import failed"
    world.run()
    assert world.standing is Standing.MOVED
    assert "wait" not in world.asked


def test_a_lost_import_is_looked_for_during_the_whole_window_before_it_is_sent_once_more(job: Job) -> None:
    world = World(job, target__import_number=[LOST, made(job, inbound_agent=None)])
    world.run()
    first, second = (line.at for line in world.lines if line.phase is Phase.INTENT and line.action is Action.IMPORT)
    assert first is not None
    assert second is not None
    assert second - first > timedelta(seconds=job.timeout + job.settling_window)
    looks = [line.at - first for line in world.lines if line.phase is Phase.LOOK and line.at is not None]
    pauses = [after - before for before, after in pairwise(looks)]
    assert pauses[:-2] == sorted(pauses[:-2])  # they grow; the last one ends with the window
    assert max(pauses) <= timedelta(minutes=2)
    assert world.asked[world.asked.index("import done") - 1] == "look"  # whether there are two now
    assert world.standing is Standing.MOVED


def test_a_provider_that_documents_an_immediate_look_up_is_asked_again_sooner(job: Job, tmp_path: Path) -> None:
    plan = stage_plan(tmp_path)
    sooner = RepeatableImport(source="made up", after=5.0)
    world = World(
        Job.of(plan, plan.numbers[0], replace(job.capabilities, repeatable_import=sooner)),
        target__import_number=[LOST, made(job, inbound_agent=None)],
    )
    world.run()
    first, second = (line.at for line in world.lines if line.phase is Phase.INTENT and line.action is Action.IMPORT)
    assert first is not None
    assert second is not None
    assert job.timeout + 5 <= (second - first).total_seconds() < job.timeout + 10


def test_an_import_whose_run_is_stopped_stays_in_doubt_and_is_not_sent_again(job: Job) -> None:
    world = World(job, target__import_number=LOST, wait=False)
    with pytest.raises(InDoubt, match="may still take effect") as raised:
        world.run()
    assert raised.value.until - raised.value.since == timedelta(seconds=job.timeout + job.settling_window)
    assert world.asked.count("target import_number") == 1
    assert world.standing is Standing.IN_DOUBT
    world.now += timedelta(minutes=5)
    with pytest.raises(InDoubt) as again:  # the next run goes on with the window that was begun
        world.run()
    assert again.value.until == raised.value.until
    assert world.asked.count("target import_number") == 1


def test_a_clock_that_was_set_back_begins_the_window_anew(job: Job) -> None:
    world = World(job, target__import_number=LOST, wait=False)
    with pytest.raises(InDoubt):
        world.run()
    set_back = world.now = world.now - timedelta(days=1)
    with pytest.raises(InDoubt) as again:
        world.run()
    assert again.value.since == set_back


def test_a_clock_that_was_set_ahead_does_not_end_the_window(job: Job) -> None:
    world = World(job, target__import_number=LOST, wait=False)
    with pytest.raises(InDoubt):
        world.run()
    announced = next(at for at, line in enumerate(world.lines) if line.phase is Phase.INTENT)
    line = world.lines[announced]
    world.lines[announced] = replace(line, facts={**line.facts, "time_at_target": START.isoformat()})
    world.now += timedelta(days=1)
    world.now_there = START + timedelta(minutes=5)  # by the target's clock
    with pytest.raises(InDoubt) as again:
        world.run()
    left = again.value.until - (world.now - timedelta(seconds=1))
    assert left == timedelta(seconds=job.timeout + job.settling_window) - timedelta(minutes=5)
    assert world.asked.count("target import_number") == 1


def test_an_import_found_at_a_later_look_gets_its_settings_again(job: Job) -> None:
    world = World(job, target__import_number=LOST, look=[(), (), (made(job, inbound_agent=None),)])
    world.run()
    assert world.asked.count("target import_number") == 1
    assert world.asked.index("target update_sip") < world.asked.index("target assign_agents")
    assert state_of(world.lines).adopted


def test_a_record_that_is_not_in_service_is_waited_for_and_then_said(job: Job) -> None:
    world = World(job, target__get_number=made(job, status=NumberStatus.PENDING, provider_status="requested"))
    with pytest.raises(NotInService, match="requested"):
        world.run()
    assert world.asked.count("wait") == 4
    assert world.standing is Standing.NOT_IN_SERVICE
    world.answers["target get_number"] = made(job)
    world.run()
    assert world.standing is Standing.MOVED
    assert world.asked.count("target import_number") == 1


def test_a_record_that_is_of_another_number_by_now_gets_no_agent_and_no_settings(job: Job) -> None:
    other = NumberIdentity.parse("+827099999999", region="ES")
    lines = [Entry(job.key, Action.IMPORT, Phase.DONE, "new", facts={"send_again": True})]
    world = World(job, lines, target__get_number=made(job, identity=other))
    with pytest.raises(CameOutDifferent, match=r"\+827099999999"):
        world.run()
    assert not {"target update_sip", "target assign_agents"} & set(world.asked)


def test_a_record_that_is_read_as_missing_and_listed_is_not_taken_for_gone(job: Job) -> None:
    world = World(job, source__get_number=errors.NotFound("no"), source__list=(job.number.source,))
    with pytest.raises(ContradictoryAnswers):
        world.run()
    assert "claim" not in world.asked


@pytest.mark.parametrize(
    "found",
    [
        lambda job: (made(job, label="another"),),
        lambda job: (made(job, id="a"), made(job, id="b")),
    ],
)
def test_what_may_be_somebody_elses_is_left_to_a_person(
    found: Callable[[Job], tuple[PhoneNumber, ...]], job: Job
) -> None:
    world = World(job, target__import_number=LOST, look=[(), found(job)])
    with pytest.raises(NeedsPerson):
        world.run()
    assert world.standing is Standing.ASKED
    assert world.asked[-1] == "import unknown"


def test_an_import_that_is_never_answered_is_not_sent_for_ever(job: Job) -> None:
    world = World(job, target__import_number=LOST)
    with pytest.raises(errors.OutcomeUnknown, match="never answered"):
        world.run()
    assert world.asked.count("target import_number") == MOST_SENDS
    assert world.standing is Standing.ASKED


def test_a_conflict_on_the_first_try_is_a_refusal(job: Job) -> None:
    world = World(job, target__import_number=errors.Conflict("it is there"))
    with pytest.raises(errors.Conflict):
        world.run()
    assert world.asked.count("target import_number") == 1


def test_agents_that_cannot_be_assigned_keep_the_number_from_being_made(job: Job) -> None:
    world = World(job, target__check_agents=errors.NotFound("no agent"))
    with pytest.raises(errors.NotFound):
        world.run()
    assert "import intent" not in world.asked


def test_a_record_that_differs_gets_no_agent_when_it_is_gone_on_with(job: Job) -> None:
    lines = [Entry(job.key, Action.IMPORT, Phase.DONE, "new")]
    world = World(job, lines, target__get_number=made(job, label="another", inbound_agent=None))
    with pytest.raises(CameOutDifferent, match="label"):
        world.run()
    assert "target assign_agents" not in world.asked


def test_a_record_that_does_not_show_is_waited_for_and_not_for_ever(job: Job) -> None:
    world = World(job, target__get_number=errors.NotFound("no"))
    with pytest.raises(CameOutDifferent, match="not at the target any more"):
        world.run()
    assert world.asked.count("wait") == 4
    assert world.standing is Standing.FAILED
