"""The account at the other end: another address or another key is noticed before it is taken for an empty target."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from telephony_core import AsyncTelephony, errors
from telephony_core.emulator import Emulator
from telephony_core.errors.migration import StalePlan
from telephony_core.migration.journal.entries import Action, Entry
from telephony_core.migration.move.state import MigrationState
from telephony_core.migration.plan.model import Endpoint
from telephony_core.migration.run.endpoints import check_endpoints
from tests.migration.deprovision.returning import HOUR, KEYS, ONE, SOAKED, Returning, live
from tests.migration.deprovision.test_rollback import died_after_the_deletion
from tests.migration.meddling import meddle
from tests.transport.driving import START, FakeTime

WAYS = ("vox-diga", "diga-vox")


@dataclass
class SlowTime(FakeTime):
    """Time in which something happens elsewhere whenever somebody waits."""

    meanwhile: Callable[[], object] = lambda: None

    async def _asleep(self, seconds: float) -> None:
        self._sleep(seconds)
        self.meanwhile()


@pytest.fixture(params=WAYS)
def context(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def stage(context: str, tmp_path: Path) -> Returning:
    """Two of three numbers are moved."""
    return half_moved(tmp_path, context)


def half_moved(folder: Path, context: str = "vox-diga", time: FakeTime | None = None) -> Returning:
    stage = Returning(folder, context, 3, ONE, time or FakeTime())
    stage.loaded = stage.plan()
    assert stage.apply(stage.loaded, numbers=KEYS[:2]).is_complete
    stage.forget_requests()
    return stage


def another(stage: Returning) -> Emulator:
    """An account of the same vendor, with none of these numbers and with the same agents."""
    make = type(stage.target)
    other = make(api_key="of-another-account", now=stage.time.clock.now, seed=False)
    other.agents.update(stage.target.agents)
    return other


def lines(stage: Returning) -> list[list[Entry]]:
    return [stage.entries(key) for key in KEYS]


# -- another address


def side(base_url: str | None) -> Endpoint:
    return Endpoint(connection="there", provider="diga", base_url=base_url)


def check(stage: Returning, planned: str | None, now: str | None = None) -> None:
    plan = stage.loaded.plan.model_copy(update={"target": side(planned)})
    check_endpoints(plan, stage.open_source(), AsyncTelephony("diga", api_key="k", base_url=now))


@pytest.mark.parametrize(
    ("planned", "now"),
    [
        (None, "https://gateway.example.com"),
        ("https://gateway.example.com/diga/", "https://gateway.example.com/diga"),
        ("https://Gateway.example.com", "https://gateway.example.com"),
        ("http://127.0.0.1:4711/v1", "http://localhost:4712"),
    ],
)
def test_the_same_place_may_be_written_otherwise_and_an_emulator_may_have_another_port(
    planned: str | None, now: str, stage: Returning
) -> None:
    check(stage, planned, now)


@pytest.mark.parametrize(
    ("planned", "now"),
    [
        ("https://gateway.example.com", "https://staging.example.com"),
        ("https://gateway.example.com/one", "https://gateway.example.com/other"),
        ("https://gateway.example.com", "http://127.0.0.1:4712"),
    ],
)
def test_another_place_is_refused(planned: str, now: str, stage: Returning) -> None:
    with pytest.raises(errors.MigrationError, match=f"at {planned}, and the client given is for {now}"):
        check(stage, planned, now)


# -- another key


ANOTHER = "this seems not to be the account that the plan is for"
ANOTHER_OR_REMOVED = "either this is not the account that the plan is for, or somebody removed all of them"


def seeing(stage: Returning, **changes: object) -> Endpoint:
    """The target as a plan keeps that was made when its account held what it holds now."""
    with stage.client(stage.target) as client:
        holds = {record.id: str(record.identity) for record in client.list_numbers()}
    given = {"connection": "there", "provider": stage.target.slug, "holds": holds, "taken_at": START, **changes}
    stage.target.requests.clear()
    return Endpoint.model_validate(given)


def test_the_first_apply_is_refused_where_nothing_shows_that_the_plan_saw(context: str, tmp_path: Path) -> None:
    stage = Returning.at(tmp_path, context)
    kept = [stage.target.add(number=number) for number in ("07055550001", "07055550002")]
    stage.loaded = stage.plan(target=seeing(stage))
    right, stage.target = stage.target, another(stage)
    with pytest.raises(StalePlan, match=f"none of the records that the plan saw there.*{ANOTHER}"):
        stage.apply(stage.loaded)
    assert stage.writes(stage.target) == []
    stage.target = right
    meddle(stage.target, kept[0], "gone")
    assert stage.apply(stage.loaded).is_complete  # one of them is enough


def test_an_id_that_is_of_another_number_there_does_not_show_the_account(context: str, tmp_path: Path) -> None:
    stage = Returning.at(tmp_path, context)
    kept = stage.target.add(number="07055550001")
    stage.loaded = stage.plan(target=seeing(stage))
    meddle(stage.target, kept, "another number")
    with pytest.raises(StalePlan, match=ANOTHER):
        stage.apply(stage.loaded)


def test_an_account_that_was_empty_may_not_hold_what_is_older_than_the_plan(context: str, tmp_path: Path) -> None:
    stage = Returning.at(tmp_path, context)
    stage.loaded = stage.plan(target=seeing(stage))
    empty, stage.target = stage.target, another(stage)
    stage.time.advance(-24 * HOUR)
    stage.target.add(number="07055550001")
    stage.time.advance(24 * HOUR)
    with pytest.raises(StalePlan, match=f"held nothing when the plan was made.*{ANOTHER}"):
        stage.apply(stage.loaded)
    assert stage.writes(stage.target) == []
    stage.target = empty
    stage.target.add(number="07055550002")  # which came after the plan
    assert stage.apply(stage.loaded).is_complete


@pytest.mark.parametrize("numbers", [None, KEYS[2:]], ids=["whole", "a part that is not begun"])
def test_apply_does_not_go_on_at_another_account(numbers: list[str] | None, stage: Returning) -> None:
    before = lines(stage)
    stage.target = another(stage)
    with pytest.raises(StalePlan, match=ANOTHER_OR_REMOVED):
        stage.apply(stage.loaded, numbers=numbers)
    assert stage.live_at_target() == []
    assert lines(stage) == before


def test_apply_waits_for_what_was_made_last_and_does_not_show_yet(context: str, tmp_path: Path) -> None:
    time = SlowTime()
    stage = half_moved(tmp_path, context, time)
    hidden = {id: stage.target.store[id] for id in list(stage.target.store)}
    for id in hidden:
        stage.target.store.remove(id)
    time.meanwhile = lambda: [stage.target.store.put(id, record) for id, record in hidden.items()]
    assert stage.apply(stage.loaded).is_complete


def test_rollback_takes_nothing_for_gone_at_another_account(stage: Returning) -> None:
    before = lines(stage)
    stage.target = another(stage)
    for go in (stage.preview_rollback, lambda: stage.rollback(confirmed=frozenset())):
        with pytest.raises(StalePlan, match="2 looked for"):
            go()
    assert lines(stage) == before


def test_where_every_record_that_was_made_is_gone_both_reasons_are_said(stage: Returning) -> None:
    for key in KEYS[:2]:
        meddle(stage.target, stage.made(key), "gone")
    with pytest.raises(StalePlan, match=ANOTHER_OR_REMOVED) as refused:
        stage.preview_rollback()
    assert "nothing is left to roll back" in str(refused.value.remedy)


def test_release_is_refused_where_nothing_of_ours_is_at_the_target(context: str, tmp_path: Path) -> None:
    stage = half_moved(tmp_path, context)
    stage.verify()
    stage.time.advance(SOAKED)
    shown = stage.preview_release().shown
    before = lines(stage)
    stage.target = another(stage)
    for go in (stage.preview_release, lambda: stage.release(confirmed=shown)):
        with pytest.raises(StalePlan, match="2 looked for"):
            go()
    assert lines(stage) == before
    assert stage.writes(stage.source) == []


def test_at_another_account_of_the_source_nothing_is_taken_back(stage: Returning) -> None:
    make = type(stage.source)
    stage.source = make(api_key="of-another-account", now=stage.time.clock.now, seed=False)
    report = stage.rollback()
    assert [left.error for left in report.left_alone] == ["SourceGone", "SourceGone"]
    assert len(live(stage.target)) == 2


def test_rollback_goes_on_where_all_that_is_missing_was_about_to_be_released(stage: Returning) -> None:
    for key in KEYS[:2]:
        died_after_the_deletion(stage, key)
    assert stage.rollback().is_complete


def test_where_nothing_of_ours_shows_nothing_is_taken_for_gone_but_what_was_about_to_be_released(
    stage: Returning,
) -> None:
    stage.announce(Action.ROLL_BACK, KEYS[0], stage.made(KEYS[0]))
    stage.target = another(stage)
    with pytest.raises(StalePlan, match=ANOTHER_OR_REMOVED):
        stage.rollback(confirmed=frozenset())
    assert stage.run().counts == {MigrationState.MOVED: 2, MigrationState.NOT_STARTED: 1}
