"""Before a plan is made the target is asked whether agents exist and can be assigned; else the plan says so."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from telephony_core.client import AsyncTelephony, Telephony
from telephony_core.domain.agents import AgentRef, AgentVersion
from telephony_core.domain.input_model import UNSET
from telephony_core.emulator import Emulator, Fault, FaultKind, json_response
from telephony_core.errors import InvalidInput, UnsupportedField
from telephony_core.migration.assessment.agent_lookup import unchecked_agents
from telephony_core.migration.assessment.assess import assess_inventory
from telephony_core.migration.assessment.target import asurvey, survey
from telephony_core.migration.changeset.import_planner import plan_imports
from telephony_core.migration.changeset.set_planner import SettingsUpdate, plan_settings
from telephony_core.migration.changeset.table import TableRefused, read_table
from telephony_core.migration.mapping.map_file import AgentChoice, MigrationMap
from telephony_core.migration.plan.planner import make_plan
from telephony_core.provider.capabilities import Field as Setting
from telephony_core.provider.capabilities import Operation
from telephony_core.provider.changes import AgentAssignment
from telephony_core.provider.flow import Flow
from telephony_core.testing import emulated, new_emulator
from tests.migration.scenes import WIDE, inventory, number, target
from tests.provider.toy import CAPABILITIES, SPEC, ToyProvider, ToyServer

SOURCE = AgentRef("a-source", version="v1")
GONE = AgentRef("00000000-0000-4000-8000-000000000000", version=AgentVersion.PUBLISHED)


def mapping(agent: AgentRef) -> MigrationMap:
    version = None if agent.version is None else str(agent.version)
    return MigrationMap(agents=(AgentChoice(source="a-source", target=agent.agent_id, target_version=version),))


def reception(emulator: Emulator) -> AgentRef:
    return AgentRef(emulator.agents["reception"], version=AgentVersion.PUBLISHED)


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


@pytest.mark.parametrize("slug", ["diga", "elevenlabs"])
def test_async_code_finds_the_same(slug: str) -> None:
    emulator = new_emulator(slug)
    agents = (reception(emulator), GONE)
    with emulated(slug, emulator) as client:
        found = survey(client, agents=agents).agents

    async def surveyed() -> object:
        async with AsyncTelephony(slug, api_key=emulator.api_key, backend=emulator.backend()) as other:
            return (await asurvey(other, agents=agents)).agents

    assert asyncio.run(surveyed()) == found
    assert [found[agent] is None for agent in agents] == [True, False]


def test_where_agents_are_only_listed_one_that_is_not_in_the_whole_list_blocks_and_the_list_is_read_once() -> None:
    emulator = new_emulator("elevenlabs")
    held = inventory(number(inbound_agent=SOURCE))
    gone, other = GONE.model_copy(update={"agent_id": "agent_gone"}), GONE
    there = reception(emulator)
    with emulated("elevenlabs", emulator) as client:
        account = survey(client, agents=[gone, there, other])
    assert [account.agents[agent] is None for agent in (gone, there, other)] == [False, True, False]
    assert [request.path for request in emulator.requests].count("/v1/convai/agents") == 1
    found = assess_inventory(held, account, mapping=mapping(gone), source_capabilities=WIDE)
    assert "agent_gone, version published cannot be assigned at elevenlabs" in str(found)
    assert "it is not among the agents of elevenlabs" in "\n".join(found.lines(details=True))
    assert found.unchecked == ()
    (one,) = assess_inventory(held, account, mapping=mapping(there), source_capabilities=WIDE).numbers
    assert not any(finding.blocks for finding in one.findings if finding.field == "inbound_agent")


def test_a_list_of_several_pages_is_read_to_its_end() -> None:
    emulator = new_emulator("elevenlabs")
    for at in range(250):
        emulator.agents[f"made-up {at}"] = f"agent_{at}"
    last = AgentRef("agent_249", version=AgentVersion.PUBLISHED)
    with emulated("elevenlabs", emulator) as client:
        assert survey(client, agents=[last]).agents == {last: None}
    assert [request.path for request in emulator.requests].count("/v1/convai/agents") == 3


def test_a_list_that_is_read_by_a_post_is_not_asked_for() -> None:
    emulator = new_emulator("retell")
    with emulated("retell", emulator) as client:
        account = survey(client, agents=[GONE])
        surveyed = list(emulator.requests)
        assert list(client.list_agents())
    assert account.agents == {}
    assert {request.method for request in surveyed} == {"GET"}
    held = inventory(number(inbound_agent=SOURCE))
    (text,) = assess_inventory(held, account, mapping=mapping(GONE), source_capabilities=WIDE).unchecked
    assert "retell lists agents by a POST" in text
    assert "`telephony agents list -p retell`" in text


@pytest.mark.parametrize("status", [400, 403, 404])
def test_where_the_list_of_agents_is_refused_nobody_knows_and_the_plan_says_so(status: int) -> None:
    emulator = new_emulator("elevenlabs")
    refusal = json_response(status, {"detail": {"status": "no", "message": "no"}})
    emulator.faults.append(Fault(FaultKind.ANSWER, path="/convai/agents", response=refusal))
    held = inventory(number(inbound_agent=SOURCE))
    with emulated("elevenlabs", emulator) as client:
        account = survey(client, agents=[GONE])
    assert account.agents == {}
    (text,) = assess_inventory(held, account, mapping=mapping(GONE), source_capabilities=WIDE).unchecked
    assert GONE.agent_id in text
    assert "its list of agents could not be read with this key" in text


def test_where_no_agent_was_looked_up_the_plan_says_so() -> None:
    agent = AgentRef("there", version="v2")
    plan = make_plan(inventory(number(inbound_agent=SOURCE)), target(), mapping(agent), source_capabilities=WIDE)
    (text,) = plan.unchecked
    assert "whether the agent there can be assigned at west: it was not asked" in text


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


@pytest.mark.parametrize(
    ("count", "which"),
    [
        (1, "the agent a0"),
        (3, "the 3 agents a0, a1, a2"),
        (4, "the 4 agents a0, a1, a2 and 1 more"),
        (5, "the 5 agents a0, a1, a2 and 2 more"),
    ],
)
def test_of_the_agents_that_nobody_looked_up_three_are_named_and_the_others_counted(count: int, which: str) -> None:
    agents = [AgentRef(f"a{at}", version="v1") for at in range(count)]
    known = {AgentRef("known"): None}
    (text,) = unchecked_agents("west", [*agents, *agents, AgentRef("known")], known, "nobody asked")
    assert text == f"whether {which} can be assigned at west: nobody asked"


def test_where_all_agents_were_looked_up_nothing_is_unchecked() -> None:
    assert unchecked_agents("west", [GONE], {GONE: None}, "nobody asked") == ()


@pytest.mark.parametrize(
    ("slug", "remedy"),
    [
        ("diga", "take the agent's id (not a version's) from the dashboard"),
        ("elevenlabs", "take the id from `telephony agents list`, or make the agent there"),
    ],
)
def test_an_agent_that_is_not_there_comes_with_what_to_do(slug: str, remedy: str) -> None:
    with emulated(slug) as client:
        problem = survey(client, agents=[GONE]).agents[GONE]
    assert problem is not None
    assert problem.message
    assert remedy in str(problem.remedy)


@pytest.mark.parametrize("slug", ["diga", "elevenlabs"])
def test_where_agents_could_be_asked_for_and_were_not_the_plan_says_that(slug: str) -> None:
    with emulated(slug) as client:
        account = survey(client)
    held = inventory(number(inbound_agent=SOURCE))
    (text,) = assess_inventory(held, account, mapping=mapping(GONE), source_capabilities=WIDE).unchecked
    assert "it was not asked; look in its dashboard before it is applied" in text


@pytest.mark.parametrize("only", [Setting.INBOUND_AGENT, Setting.OUTBOUND_AGENT])
def test_where_a_vendor_has_agents_for_one_direction_they_are_looked_up_in_that_one(only: Setting) -> None:
    """A vendor refuses what it does not have, which says nothing of the agent. Nor does that it would be published."""
    fields = {name: support for name, support in CAPABILITIES.fields.items() if name in (Setting.LABEL, only)}
    operations = {op: support for op, support in CAPABILITIES.operations.items() if op is not Operation.LIST_AGENTS}

    class OneWay(ToyProvider):
        capabilities = replace(CAPABILITIES, fields=fields, operations=operations)

        def check_agents(self, assignment: AgentAssignment) -> Flow[None] | None:
            other = assignment.outbound if only is Setting.INBOUND_AGENT else assignment.inbound
            if other is not UNSET:
                raise UnsupportedField("the toy has no such agents")
            return super().check_agents(assignment)

    agent = AgentRef("shy", version=AgentVersion.PUBLISHED)
    spec = replace(SPEC, capabilities=OneWay.capabilities, factory=OneWay)
    server = ToyServer()
    with Telephony(spec, api_key="k", base_url="https://toy.example", backend=server) as client:
        assert survey(client, agents=[agent]).agents == {agent: None}
    assert [request.url for request in server.requests].count("https://toy.example/agents") == 1
