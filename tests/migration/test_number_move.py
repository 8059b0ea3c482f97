"""The unit of work by hand: no client, no network, no clock. What it asks for, in which order, at every point."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

from telephony_core import errors
from telephony_core.domain.lifecycle import NumberStatus
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.migration.effects import Call, Credentials, Effect, Look, Record, Reveal, Wait
from telephony_core.migration.entries import Action, Entry, Phase
from telephony_core.migration.job import CameOutDifferent, Job, NeedsPerson, PlanOvertaken
from telephony_core.migration.number_move import MOST_TRIES, move
from telephony_core.migration.progress import Standing, state_of
from telephony_core.plugins import registry
from tests.migration.stage import PASSWORD, Stage

Answer = object | Exception


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
        self.asked: list[str] = []
        self.answers: dict[str, Answer | list[Answer]] = {
            "source get_number": job.number.source,
            "target check_agents": None,
            "target import_number": made(job, inbound_agent=None),
            "target assign_agents": made(job),
            "target update_sip": made(job, inbound_agent=None),
            "target get_number": made(job),
            "look": (),
            "reveal": Credentials("acme", SecretStr(PASSWORD)),
            "wait": None,
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
                self.lines.append(entry)
                self.asked.append(f"{entry.action} {entry.phase}")
                return None
            case Call(end, name):
                return self._next(f"{end} {name}")
            case Look():
                return self._next("look", " fresh" if effect.fresh else "")
            case Wait():
                return self._next("wait")
            case Reveal():
                return self._next("reveal")
        raise AssertionError(effect)

    def _next(self, name: str, more: str = "") -> Answer:
        self.asked.append(name + more)
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
    assert world.asked == ["source get_number", "check failed"]


def test_a_refused_import_is_over_and_the_next_run_sends_it_anew(job: Job) -> None:
    world = World(job, target__import_number=[errors.InvalidRequest("no"), made(job, inbound_agent=None)])
    with pytest.raises(errors.InvalidRequest):
        world.run()
    assert world.asked[-1] == "import failed"
    world.run()
    assert world.standing is Standing.MOVED
    assert "wait" not in world.asked


def test_a_lost_import_is_looked_for_twice_before_it_is_sent_again(job: Job) -> None:
    world = World(job, target__import_number=[LOST, made(job, inbound_agent=None)], look=[(), (), (), (), ()])
    world.run()
    start = world.asked.index("target import_number")
    end = world.asked.index("import done")
    assert world.asked[start : end + 1] == [
        "target import_number",
        "look fresh",
        "import look",
        "wait",
        "look fresh",
        "import look",
        "look fresh",
        "import intent",
        "target import_number",
        "look fresh",  # whether there are two now
        "import done",
    ]


def test_an_import_found_at_the_second_look_gets_its_settings_again(job: Job) -> None:
    world = World(job, target__import_number=LOST, look=[(), (), (made(job, inbound_agent=None),)])
    world.run()
    assert world.asked.count("target import_number") == 1
    assert world.asked.index("target update_sip") < world.asked.index("target assign_agents")
    assert state_of(world.lines).adopted


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
    assert world.asked.count("target import_number") == MOST_TRIES
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
