"""Agents that share the calls by weight at Retell: no agent of the model, and not nothing either."""

from __future__ import annotations

from pathlib import Path

import pytest

from telephony_core import PUBLISHED, AgentRef
from telephony_core.errors.migration import StalePlan
from telephony_core.migration import SettingsUpdate, plan_settings, save_plan
from telephony_core.migration.plan.store import LoadedPlan
from tests.migration.changeset.setting import KEYS, Setting, account
from tests.migration.stage import Stage

UNREAD = "something that could not be read"


@pytest.fixture
def stage(tmp_path: Path) -> Setting:
    return Setting(tmp_path, "retell-diga", 2)


def split(stage: Stage, of: int = 0) -> list[object]:
    """Somebody lets two agents share the calls of a number."""
    shares = [{"agent_id": id, "agent_version": "latest_published", "weight": 0.5} for id in _agents(stage)]
    stage.source.store.edit(stage.ids[of], {"inbound_agents": shares})
    return list(shares)


def _agents(stage: Stage) -> list[str]:
    return [stage.source.agents[name] for name in ("reception", "sales")]


def planned(stage: Setting, agent: AgentRef | None, *allow: str) -> LoadedPlan:
    plan = plan_settings(
        account(stage), SettingsUpdate(inbound_agent=agent), numbers=stage.ids, allow=allow, clock=stage.time.clock
    )
    return save_plan(plan, stage.folder / f"plan{len(allow)}.json")


def test_a_number_with_a_split_is_not_called_as_planned_where_its_agent_is_to_go(stage: Setting) -> None:
    split(stage)
    plan = planned(stage, None).plan
    (blocked,) = plan.skipped
    assert (blocked.key, blocked.why) == (KEYS[0], "blocked")
    assert "replaces_split" in (blocked.remedy or "")
    stage.source.store.edit(stage.ids[1], {"inbound_agents": None})
    allowed = planned(stage, None, "replaces_split")
    assert stage.change(allowed).is_complete
    assert not stage.source.store[stage.ids[0]].get("inbound_agents")


def test_a_consent_that_was_given_for_one_split_replaces_no_other_one(stage: Setting) -> None:
    split(stage, of=0)
    stage.source.store.edit(stage.ids[1], {"inbound_agents": None})
    loaded = planned(stage, AgentRef(stage.source.agents["support"], version=PUBLISHED), "replaces_split")
    shares = split(stage, of=1)
    with pytest.raises(StalePlan, match=f"{KEYS[1][1:]} inbound_agent: not reported → {UNREAD}"):
        stage.change(loaded)
    assert stage.source.store[stage.ids[1]]["inbound_agents"] == shares


def test_a_split_in_the_place_of_nothing_differs_and_is_not_set_back(stage: Setting) -> None:
    loaded = planned(stage, None)
    assert stage.change(loaded).is_complete
    assert stage.verify(loaded).is_equal
    shares = split(stage)
    (found,) = (each for each in stage.verify(loaded).numbers if each.differences)
    assert found.differences == (f"inbound_agent: DIFFERS (planned: not reported; found: {UNREAD})",)
    report = stage.roll_back(loaded)
    assert [(left.number, left.error) for left in report.left_alone] == [(KEYS[0], "ModifiedExternally")]
    assert stage.source.store[stage.ids[0]]["inbound_agents"] == shares


def test_a_split_that_came_at_the_source_makes_a_migration_stale(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "retell-diga", 1)
    stage.source.store.edit(stage.ids[0], {"inbound_agents": None})
    loaded = stage.plan()
    split(stage)
    with pytest.raises(StalePlan, match=f"at the source: inbound_agent: not reported → {UNREAD}"):
        stage.apply(loaded)
    assert not stage.writes(stage.target)
