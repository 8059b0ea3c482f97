"""Before a plan is made the target is asked whether agents exist and can be assigned; else the plan says so."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from telephony_core.client import AsyncTelephony
from telephony_core.domain.agents import AgentRef, AgentVersion
from telephony_core.emulator import Emulator
from telephony_core.errors import InvalidInput
from telephony_core.migration.assessment.assess import assess_inventory
from telephony_core.migration.assessment.target import asurvey, survey
from telephony_core.migration.changeset.import_planner import plan_imports
from telephony_core.migration.changeset.set_planner import SettingsUpdate, plan_settings
from telephony_core.migration.changeset.table import TableRefused, read_table
from telephony_core.migration.mapping.map_file import AgentChoice, MigrationMap
from telephony_core.migration.plan.planner import make_plan
from telephony_core.testing import emulated, new_emulator
from tests.migration.scenes import WIDE, inventory, number, target

SOURCE = AgentRef("a-source", version="v1")
GONE = AgentRef("00000000-0000-4000-8000-000000000000", version=AgentVersion.PUBLISHED)


def mapping(agent: AgentRef) -> MigrationMap:
    version = None if agent.version is None else str(agent.version)
    return MigrationMap(agents=(AgentChoice(source="a-source", target=agent.agent_id, target_version=version),))


def reception(emulator: Emulator) -> AgentRef:
    return AgentRef(emulator.agents["reception"], version=AgentVersion.PUBLISHED)  # type: ignore[attr-defined]


def test_an_agent_that_is_not_there_blocks_and_one_that_is_does_not() -> None:
    emulator = new_emulator("diga")
    held = inventory(number(inbound_agent=SOURCE))
    with emulated("diga", emulator) as client:
        for agent, blocks in ((reception(emulator), False), (GONE, True)):
            choices = mapping(agent)
            there = survey(client, agents=choices.agents_at_target)
            (one,) = assess_inventory(held, there, mapping=choices, source_capabilities=WIDE).numbers
            fields = {finding.field for finding in one.findings if finding.blocks}
            assert ("inbound_agent" in fields) is blocks
    assert {request.method for request in emulator.requests} == {"GET"}


def test_the_finding_says_which_agent_and_why() -> None:
    with emulated("diga") as client:
        there = survey(client, agents=[GONE])
        found = assess_inventory(
            inventory(number(inbound_agent=SOURCE)), there, mapping=mapping(GONE), source_capabilities=WIDE
        )
    text = "\n".join(found.lines())
    assert f"agent {GONE.agent_id}, version published cannot be assigned at diga" in text
    assert found.unchecked == ()


def test_async_code_finds_the_same() -> None:
    emulator = new_emulator("diga")
    agents = (reception(emulator), GONE)
    with emulated("diga", emulator) as client:
        found = survey(client, agents=agents).agents

    async def surveyed() -> object:
        async with AsyncTelephony("diga", api_key=emulator.api_key, backend=emulator.backend()) as other:
            return (await asurvey(other, agents=agents)).agents

    assert asyncio.run(surveyed()) == found
    assert [found[agent] is None for agent in agents] == [True, False]


def test_where_no_agent_can_be_looked_up_the_plan_says_so() -> None:
    agent = AgentRef("there", version="v2")
    plan = make_plan(inventory(number(inbound_agent=SOURCE)), target(), mapping(agent), source_capabilities=WIDE)
    (text,) = plan.unchecked
    assert "whether the agent there can be assigned at west: no look-up of agents is known here" in text


def test_a_change_of_many_to_an_agent_that_is_not_there_is_refused() -> None:
    with emulated("diga") as client:
        account = survey(client, agents=[GONE])
        live = next(record for record in account.inventory.numbers if record.is_live)
        with pytest.raises(InvalidInput, match=GONE.agent_id):
            plan_settings(account, SettingsUpdate(inbound_agent=GONE), numbers=[live.id])


def test_a_row_of_a_table_with_an_agent_that_is_not_there_is_named_with_its_line(tmp_path: Path) -> None:
    table = tmp_path / "numbers.csv"
    table.write_text(
        "number,address,allowed_addresses,inbound_agent,inbound_agent_version\n"
        f"+34612000001,pbx.example.com:5060,203.0.113.7,{GONE.agent_id},published\n",
        encoding="utf-8",
    )
    with emulated("diga") as client, pytest.raises(TableRefused) as refused:
        plan_imports(survey(client, agents=[GONE]), read_table(table))
    (problem,) = refused.value.row_problems
    assert (problem.line, problem.column) == (2, "inbound_agent")
    assert "cannot be assigned" in problem.message
