"""The account at the other end: another address or another key is noticed before it is taken for an empty target."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from telephony_core import AsyncTelephony, errors
from telephony_core.emulator import Emulator
from telephony_core.migration.account import check_ends
from telephony_core.migration.entries import Action, Entry
from telephony_core.migration.job import PlanOvertaken
from telephony_core.migration.journal import SqliteJournal
from telephony_core.migration.plan import Settings, Side
from telephony_core.migration.progress import Standing
from telephony_core.migration.status import read_run
from telephony_diga.emulator import DigaEmulator
from tests.core.driving import FakeTime
from tests.migration.stage import Stage
from tests.migration.test_rollback import KEYS, announce, died_after_the_deletion, made, preview, roll_back

ONE = Settings(timeout=20.0, concurrency=1, canary=0)


@dataclass
class SlowTime(FakeTime):
    """Time in which something happens elsewhere whenever somebody waits."""

    meanwhile: Callable[[], object] = lambda: None

    async def _asleep(self, seconds: float) -> None:
        self._sleep(seconds)
        self.meanwhile()


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """Two of three numbers are moved."""
    return half_moved(tmp_path)


def half_moved(folder: Path, time: FakeTime | None = None) -> Stage:
    stage = Stage(folder, "vox-diga", 3, ONE, time or FakeTime())
    stage.loaded = stage.plan()  # type: ignore[attr-defined]
    assert stage.apply(stage.loaded, numbers=KEYS[:2]).is_complete  # type: ignore[attr-defined]
    return stage


def another(stage: Stage) -> Emulator:
    """An account of the same vendor, with none of these numbers and with the same agents."""
    other = DigaEmulator(api_key="of-another-account", now=stage.time.clock.now, seed=False)
    other.agents.update(stage.target.agents)
    return other


def lines(stage: Stage) -> list[list[Entry]]:
    with SqliteJournal.reading(stage.loaded) as journal:  # type: ignore[attr-defined]
        return [journal.entries_of(key) for key in KEYS]


# -- another address


def side(base_url: str | None) -> Side:
    return Side(connection="there", provider="diga", base_url=base_url)


def check(stage: Stage, planned: str | None, now: str | None = None) -> None:
    plan = stage.loaded.plan.model_copy(update={"target": side(planned)})  # type: ignore[attr-defined]
    check_ends(plan, stage.open_source(), AsyncTelephony("diga", api_key="k", base_url=now))


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
    planned: str | None, now: str, stage: Stage
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
def test_another_place_is_refused(planned: str, now: str, stage: Stage) -> None:
    with pytest.raises(errors.MigrationError, match=f"at {planned}, and the client given is for {now}"):
        check(stage, planned, now)


# -- another key


def test_apply_does_not_go_on_at_another_account(stage: Stage) -> None:
    before = lines(stage)
    stage.target = another(stage)
    with pytest.raises(PlanOvertaken, match="not to be the account that the plan was carried out at"):
        stage.apply(stage.loaded)  # type: ignore[attr-defined]
    assert stage.live_at_target() == []
    assert lines(stage) == before


def test_apply_waits_for_what_was_made_last_and_does_not_show_yet(tmp_path: Path) -> None:
    time = SlowTime()
    stage = half_moved(tmp_path, time)
    hidden = {id: stage.target.store[id] for id in list(stage.target.store)}
    for id in hidden:
        stage.target.store.remove(id)
    time.meanwhile = lambda: [stage.target.store.put(id, record) for id, record in hidden.items()]
    assert stage.apply(stage.loaded).is_complete  # type: ignore[attr-defined]


def test_rollback_takes_nothing_for_gone_at_another_account(stage: Stage) -> None:
    before = lines(stage)
    stage.target = another(stage)
    for go in (preview, roll_back):
        with pytest.raises(PlanOvertaken, match="2 in all"):
            go(stage)
    assert lines(stage) == before


def test_rollback_goes_on_where_all_that_is_missing_was_about_to_be_given_up(stage: Stage) -> None:
    for key in KEYS[:2]:
        died_after_the_deletion(stage, key)
    assert roll_back(stage).is_complete


def test_where_nothing_of_ours_shows_only_what_was_about_to_be_given_up_is_taken_for_gone(stage: Stage) -> None:
    announce(stage, Action.ROLL_BACK, KEYS[0], made(stage, KEYS[0]))
    stage.target = another(stage)
    report = roll_back(stage)
    assert [(left.number, left.error) for left in report.left_alone] == [(KEYS[1], "PlanOvertaken")]
    assert read_run(stage.loaded).counts == {  # type: ignore[attr-defined]
        Standing.ROLLED_BACK: 1,
        Standing.MOVED: 1,
        Standing.NOT_BEGUN: 1,
    }
