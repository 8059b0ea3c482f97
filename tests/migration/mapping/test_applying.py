"""Which entry of a map counts for which number, and entries that count for none."""

from __future__ import annotations

from typing import Any

import pytest

from telephony_core import PUBLISHED
from telephony_core.domain.agents import AgentRef, AgentVersion
from telephony_core.migration.assessment.assess import assess_inventory
from telephony_core.migration.mapping.map_file import MapError
from telephony_core.migration.plan.planner import make_plan
from tests.migration.mapping.maps import on_trunk, parsed
from tests.migration.scenes import WIDE, inventory, number, target, trunk


def test_an_entry_for_a_version_goes_before_one_for_all() -> None:
    made = parsed(
        '[[agents]]\nsource = "a"\ndrop = true\n'
        '[[agents]]\nsource = "a"\nsource_version = "v7"\ntarget = "w"\ntarget_version = "draft"\n'
    )
    exact, general = made.agent(AgentRef("a", version="v7")), made.agent(AgentRef("a", version=None))
    assert exact is not None
    assert exact.agent == AgentRef("w", version=AgentVersion.DRAFT)
    assert general is not None
    assert general.drop
    assert made.agent(AgentRef("b")) is None


def test_an_entry_for_a_number_goes_before_one_for_its_trunk() -> None:
    made = parsed(
        '[[trunks]]\nname = "all"\nsource_address = "pbx.example.com:5060"\n'
        '[[trunks]]\nname = "user"\nsource_address = "pbx.example.com:5060"\nsource_username = "seoul"\n'
        '[[trunks]]\nname = "one"\nsource_address = "pbx.example.com:5060"\nnumbers = ["070-3333-4444"]\n'
    )

    others = [on_trunk("+827033334444", username="seoul")]

    def name(held: Any) -> str | None:
        entry = made.trunks_of([held, *others]).get(held.id)
        return None if entry is None else entry.name

    assert name(on_trunk("07011112222")) == "all"
    assert name(on_trunk("07011112222", username="seoul")) == "user"
    assert name(on_trunk("+827033334444", username="seoul")) == "one"
    assert name(on_trunk("07011112222", "sip:other.example.com")) is None


def test_an_entry_for_some_numbers_is_for_no_others_on_its_trunk() -> None:
    made = parsed('[[trunks]]\nname = "one"\nsource_address = "pbx.example.com:5060"\nnumbers = ["+827033334444"]\n')
    held = [on_trunk("+827011112222"), on_trunk("+827033334444")]
    assert list(made.trunks_of(held)) == [held[1].id]


def test_a_number_that_the_inventory_does_not_have_there_is_a_fault() -> None:
    made = parsed('[[trunks]]\nname = "one"\nsource_address = "pbx.example.com:5060"\nnumbers = ["+827033334444"]\n')
    made.trunks_of([on_trunk("+827033334444")])
    for held in (on_trunk("+827011112222"), on_trunk("+827033334444", "sip:other.example.com")):
        with pytest.raises(MapError, match=r"names a number that the inventory does not have on this trunk: \+8270333"):
            made.trunks_of([held])


AGENTS = '[[agents]]\nsource = "a-1"\n{version}target = "b-1"\ntarget_version = "published"\n'
TRUNK = '[[trunks]]\nname = "seoul"\nsource_address = "{address}"\n{user}auth = "none"\n'


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (
            TRUNK.format(address="pbx.exmaple.com:5060", user=""),
            r"\[\[trunks\]\] 'seoul' \(line 3\): no number of the inventory has source_address "
            r"sip:pbx.exmaple.com:5060; the most similar one there is sip:pbx.example.com:5060",
        ),
        (
            TRUNK.format(address="pbx.example.com:5060", user='source_username = "soeul"\n'),
            r"source_address sip:pbx.example.com:5060 with source_username 'soeul'; it is there with other settings",
        ),
        (
            AGENTS.format(version="").replace("a-1", "a-l"),
            r"\[\[agents\]\] \(line 3\): no number of the inventory has agent 'a-l'; the most similar one there is a-1",
        ),
        (
            AGENTS.format(version='source_version = "draft"\n'),
            r"agent 'a-1' in version 'draft'; it is there with other settings",
        ),
    ],
)
def test_a_table_that_is_for_nothing_in_the_inventory_is_refused_with_what_is_nearest(table: str, said: str) -> None:
    held = (
        number(inbound_agent=AgentRef("a-1", version=PUBLISHED)),
        number("+827033334444", sip=trunk("sip:other.example.com"), outbound_agent=AgentRef("z")),
    )
    with pytest.raises(MapError, match=said) as refused:
        make_plan(inventory(*held), target(), parsed(table), source_capabilities=WIDE)
    assert "take the table out of the map" in str(refused.value.remedy)


def test_every_table_that_is_for_nothing_is_told_at_once() -> None:
    made = parsed(AGENTS.format(version="") + TRUNK.format(address="a.example", user=""))
    with pytest.raises(MapError, match="2 tables of the map would have no effect") as refused:
        made.refuse_unused([])
    assert str(refused.value).count("it has none at all") == 2


def test_a_table_that_another_one_goes_before_is_for_something() -> None:
    general = TRUNK.format(address="pbx.example.com:5060", user="")
    one = '[[trunks]]\nname = "one"\nnumbers = ["+827011112222"]\nauth = "none"\n'
    parsed(general + one).refuse_unused([on_trunk("+827011112222")])


def test_a_map_for_other_connections_is_refused() -> None:
    for end in ("source", "target"):
        with pytest.raises(MapError, match=f"the map is for the {end} 'kr-old'"):
            assess_inventory(
                inventory(number()), target(), mapping=parsed(f'{end} = "kr-old"\n'), source_capabilities=WIDE
            )
