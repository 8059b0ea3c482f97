"""Which numbers go first: those that were named, else the least used ones as far as records show."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from telephony_core.domain.agents import AgentRef
from telephony_core.errors import InvalidInput
from telephony_core.migration.mapping.map_file import AgentChoice, MigrationMap
from telephony_core.migration.plan.model import Plan, Settings
from telephony_core.migration.plan.planner import make_plan
from telephony_core.migration.rendering.plan_text import order_text, plan_lines
from tests.migration.scenes import CLOCK, NOW, WIDE, inventory, number, target

AGENT = AgentRef("busy", version="v1")
MAPPING = MigrationMap(agents=(AgentChoice(source="busy", target="there", target_version="v2"),))


def planned(*held: Any, **given: Any) -> Plan:
    mapping = MAPPING if any(one.inbound_agent == AGENT for one in held) else MigrationMap()
    return make_plan(inventory(*held), target(), mapping, clock=CLOCK, source_capabilities=WIDE, **given)


def numbers(count: int, **given: Any) -> list[Any]:
    return [number(f"+8270111122{at:02d}", **given) for at in range(count)]


def test_the_one_that_no_agent_serves_goes_first() -> None:
    busy, idle = numbers(2, inbound_agent=AGENT), number("+827099990000")
    plan = planned(*busy, idle)
    assert [canary.number for canary in plan.canaries] == ["+827099990000"]
    assert plan.settings.canary == 1
    assert [canary.why for canary in plan.canaries] == ["no agent serves it"]
    assert "+827099990000, because no agent serves it, goes first" in order_text(plan)


def test_of_equal_ones_the_youngest_goes_first() -> None:
    old, young = number(created_at=NOW - timedelta(days=900)), number("+827033334444", created_at=NOW)
    plan = planned(old, young)
    assert (plan.canaries[0].number, plan.canaries[0].why) == ("+827033334444", "it is the youngest")


def test_where_nothing_shows_it_the_last_one_goes_first_and_the_plan_says_so() -> None:
    plan = planned(*numbers(3))
    assert plan.canaries[0].number == "+827011112202"
    assert "no record tells" in plan.canaries[0].why


def test_a_named_one_goes_first_in_any_spelling_and_several_do() -> None:
    plan = planned(*numbers(3), canaries=["070-1111-2201", "+827011112200"])
    assert [canary.number for canary in plan.canaries] == ["+827011112201", "+827011112200"]
    assert plan.settings.canary == 2
    assert {canary.why for canary in plan.canaries} == {"it was named"}


def test_one_that_is_not_moved_cannot_go_first_and_the_error_says_why() -> None:
    held = [*numbers(2), number("+827033334444", inbound_agent=AgentRef("unknown", version="v1"))]
    with pytest.raises(InvalidInput, match="cannot go first: blocked by inbound_agent"):
        planned(*held, canaries=["+827033334444"])
    with pytest.raises(InvalidInput, match="the plan has no such number"):
        planned(*held, canaries=["+827055556666"])


def test_no_canary_is_no_canary() -> None:
    assert planned(*numbers(3), settings=Settings(canary=0)).canaries == ()
    assert planned(*numbers(1)).canaries == ()


def test_a_plan_of_an_earlier_version_loads_and_says_how_many_go_first() -> None:
    document = planned(*numbers(3)).model_dump(mode="json")
    for later in ("canaries", "unchecked"):
        del document[later]
    for one in (*document["numbers"], *document["skipped"]):
        for finding in one["findings"]:
            del finding["together"], finding["subject"]
    old = Plan.model_validate(document)
    assert old.canaries == ()
    assert order_text(old).startswith("1 number goes first;")
    assert plan_lines(old)


def test_a_canary_that_the_plan_does_not_hold_makes_no_plan() -> None:
    document = planned(*numbers(3)).model_dump(mode="json")
    document["canaries"][0]["number"] = "+827055556666"
    with pytest.raises(InvalidInput, match="does not hold it"):
        Plan.model_validate(document)
