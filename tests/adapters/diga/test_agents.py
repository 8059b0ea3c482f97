"""From an agent and a version to Diga's version ids, and what assigning one would publish."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from telephony_core.domain.agents import DRAFT, PUBLISHED, AgentRef
from telephony_core.domain.sip import InboundUpdate
from telephony_core.errors import (
    InvalidInput,
    InvalidRequest,
    NotAllowed,
    NotFound,
    PartialOutcome,
    UnexpectedResponse,
    UnsupportedField,
    WrongState,
    cli_words,
)
from telephony_core.operations.operations import Operations
from telephony_core.provider.changes import AgentAssignment, NumberImport
from telephony_core.provider.flow import Response
from telephony_diga import mapping
from telephony_diga.adapter import DigaProvider
from tests.adapters.diga.agents import AGENTS, ALLOW, DROPDOWN, LIVE, NEW, OLD, RECEPTION, SALES, SOLD, WORK, version
from tests.adapters.diga.records import NOTHING, read

Make = Callable[..., dict[str, Any]]
Answer = Callable[..., Response]


def test_the_published_version_is_looked_up_and_assigned_by_its_id(
    wire: Any, operations: Operations, custom: Make
) -> None:
    change = AgentAssignment(read(custom()), inbound=AgentRef(RECEPTION, version=PUBLISHED))

    number = wire.run(operations.assign_agents(change), DROPDOWN, custom(inbound_agent_id=RECEPTION), now=custom())

    assert wire.calls == [("GET", AGENTS, "read"), ("PATCH", f"/v1/phone/{custom()['id']}", "idempotent")]
    assert wire.sent[0].query == ()
    assert wire.bodies == [None, {"inbound_version_id": LIVE}]
    assert number.inbound_agent == AgentRef(RECEPTION, version=None)


def test_both_directions_go_in_one_request(wire: Any, operations: Operations, custom: Make) -> None:
    change = AgentAssignment(
        read(custom()), inbound=AgentRef(RECEPTION, version=PUBLISHED), outbound=AgentRef(SALES, version=SOLD)
    )

    wire.run(
        operations.assign_agents(change),
        DROPDOWN,
        custom(inbound_agent_id=RECEPTION, outbound_agent_id=SALES),
        now=custom(),
    )

    assert wire.bodies[1:] == [{"inbound_version_id": LIVE, "outbound_version_id": SOLD}]


def test_the_outbound_agent_alone_leaves_the_inbound_one_alone(wire: Any, operations: Operations, custom: Make) -> None:
    change = AgentAssignment(read(custom()), outbound=AgentRef(SALES, version=PUBLISHED))

    wire.run(operations.assign_agents(change), DROPDOWN, custom(outbound_agent_id=SALES), now=custom())

    assert wire.bodies[1:] == [{"outbound_version_id": SOLD}]


@pytest.mark.parametrize("version", [PUBLISHED, LIVE, LIVE.upper()])
def test_a_version_that_is_live_already_needs_no_consent(
    version: str, wire: Any, operations: Operations, custom: Make
) -> None:
    change = AgentAssignment(read(custom()), inbound=AgentRef(RECEPTION, version=version))

    wire.run(operations.assign_agents(change), DROPDOWN, custom(), now=custom())

    assert wire.bodies[1:] == [{"inbound_version_id": LIVE}]


@pytest.mark.parametrize(("version", "version_id"), [(OLD, OLD), (DRAFT, WORK), (WORK, WORK)])
def test_a_version_that_would_go_live_needs_allow_by_name(
    version: str, version_id: str, wire: Any, operations: Operations, custom: Make
) -> None:
    change = AgentAssignment(read(custom()), inbound=AgentRef(RECEPTION, version=version))

    with pytest.raises(NotAllowed, match=version_id) as refusal:
        wire.run(operations.assign_agents(change), DROPDOWN, now=custom())

    assert refusal.value.allowance == "publishes"
    assert "SideEffect.PUBLISHES" in str(refusal.value)
    assert "--allow publishes" in (cli_words(refusal.value.remedy) or "")
    assert [method for method, *_ in wire.calls] == ["GET"]


@pytest.mark.parametrize(("version", "version_id"), [(OLD, OLD), (DRAFT, WORK)])
def test_with_consent_it_is_published_and_that_request_is_never_repeated(
    version: str, version_id: str, wire: Any, operations: Operations, custom: Make
) -> None:
    change = AgentAssignment(read(custom()), inbound=AgentRef(RECEPTION, version=version), allow=ALLOW)

    wire.run(operations.assign_agents(change), DROPDOWN, custom(), now=custom())

    assert wire.calls[1] == ("PATCH", f"/v1/phone/{custom()['id']}", "once")
    assert wire.bodies[1:] == [{"inbound_version_id": version_id}]


def test_consent_that_is_not_needed_makes_nothing_of_it(wire: Any, operations: Operations, custom: Make) -> None:
    change = AgentAssignment(read(custom()), inbound=AgentRef(RECEPTION, version=PUBLISHED), allow=ALLOW)

    wire.run(operations.assign_agents(change), DROPDOWN, custom(), now=custom())

    assert wire.calls[1][2] == "idempotent"


def test_two_versions_of_one_agent_are_refused(wire: Any, operations: Operations, custom: Make) -> None:
    change = AgentAssignment(
        read(custom()),
        inbound=AgentRef(RECEPTION, version=PUBLISHED),
        outbound=AgentRef(RECEPTION, version=OLD),
        allow=ALLOW,
    )

    with pytest.raises(InvalidInput, match="two versions of one agent"):
        wire.run(operations.assign_agents(change), DROPDOWN, now=custom())

    assert len(wire.sent) == 1


def test_one_version_in_both_directions_is_fine(wire: Any, operations: Operations, custom: Make) -> None:
    change = AgentAssignment(
        read(custom()), inbound=AgentRef(RECEPTION, version=PUBLISHED), outbound=AgentRef(RECEPTION, version=LIVE)
    )

    wire.run(operations.assign_agents(change), DROPDOWN, custom(outbound_agent_id=RECEPTION), now=custom())

    assert wire.bodies[1:] == [{"inbound_version_id": LIVE, "outbound_version_id": LIVE}]


# -- what cannot be resolved


def test_an_unknown_agent_is_not_found_and_the_remedy_says_where_ids_are(
    wire: Any, operations: Operations, custom: Make
) -> None:
    change = AgentAssignment(read(custom()), inbound=AgentRef(LIVE, version=PUBLISHED))

    with pytest.raises(NotFound, match=r"no agent .* dashboard"):
        wire.run(operations.assign_agents(change), DROPDOWN, now=custom())


def test_a_version_of_another_agent_is_not_found_and_the_remedy_lists_its_own(
    wire: Any, operations: Operations, custom: Make
) -> None:
    change = AgentAssignment(read(custom()), inbound=AgentRef(SALES, version=LIVE))

    with pytest.raises(NotFound, match=f"its versions are: {SOLD}"):
        wire.run(operations.assign_agents(change), DROPDOWN, now=custom())


@pytest.mark.parametrize(("agent", "version"), [(NEW, PUBLISHED), (NEW, DRAFT), (SALES, DRAFT)])
def test_an_agent_without_such_a_version_says_what_else_can_be_done(
    agent: str, version: str, wire: Any, operations: Operations, custom: Make
) -> None:
    change = AgentAssignment(read(custom()), inbound=AgentRef(agent, version=version), allow=ALLOW)

    with pytest.raises(WrongState, match=f"has no {version} version; .* by its id") as refusal:
        wire.run(operations.assign_agents(change), DROPDOWN, now=custom())

    words = cli_words(refusal.value.remedy) or ""
    assert "by its id" in words
    assert ("--allow publishes" in words) is (version is PUBLISHED)


def test_of_two_published_versions_none_is_guessed(wire: Any, operations: Operations, custom: Make) -> None:
    two = [{"agent_id": SALES, "versions": [version(SOLD, 1, published=True), version(OLD, 2, published=True)]}]

    with pytest.raises(WrongState, match="2 published versions"):
        wire.run(
            operations.assign_agents(AgentAssignment(read(custom()), AgentRef(SALES, version=PUBLISHED))),
            two,
            now=custom(),
        )


@pytest.mark.parametrize("version", ["v7", "production", "2", "33333333-3333-4333-8333", f"{LIVE} "])
def test_a_literal_that_is_no_version_id_is_refused_before_any_request(
    version: str, wire: Any, operations: Operations, custom: Make
) -> None:
    change = AgentAssignment(read(custom()), inbound=AgentRef(RECEPTION, version=version))

    with pytest.raises(UnsupportedField):
        wire.run(operations.assign_agents(change))

    assert wire.sent == []


def test_a_missing_version_is_refused_before_any_request(wire: Any, operations: Operations, custom: Make) -> None:
    with pytest.raises(InvalidInput, match="version is missing"):
        wire.run(operations.assign_agents(AgentAssignment(read(custom()), inbound=AgentRef(RECEPTION))))

    assert wire.sent == []


@pytest.mark.parametrize("way", ["inbound", "outbound"])
def test_an_agent_cannot_be_taken_off(
    way: str, wire: Any, operations: Operations, diga: DigaProvider, custom: Make
) -> None:
    change = AgentAssignment(read(custom()), **{way: None})

    for flow in (operations.assign_agents(change), diga.assign_agents(read(custom()), change)):
        with pytest.raises(UnsupportedField) as refusal:
            wire.run(flow)
        assert refusal.value.field == f"{way}_agent"

    assert wire.sent == []


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({}, "a JSON dict"),
        ("x", "a JSON str"),
        ({"agents": []}, "a JSON dict"),
        ([{"agent_id": RECEPTION, "versions": "x"}], rf"versions of agent {RECEPTION} cannot be read \(versions: "),
        ([{"agent_id": RECEPTION, "versions": [7]}], "a JSON int, not an object"),
        ([{"agent_id": RECEPTION, "versions": [{"version_number": 1}]}], "lacks a readable version_id"),
        (Response(200, {"content-type": "text/html"}, b"<html>gateway</html>"), "not JSON"),
    ],
)
def test_a_list_of_agents_of_another_shape_fails_plainly_because_nothing_was_written(
    answer: object, message: str, wire: Any, operations: Operations, custom: Make
) -> None:
    change = AgentAssignment(read(custom()), inbound=AgentRef(RECEPTION, version=PUBLISHED))

    with pytest.raises(UnexpectedResponse, match=message):
        wire.run(operations.assign_agents(change), answer, now=custom())

    assert len(wire.sent) == 1


def test_what_is_odd_about_other_agents_does_not_matter(wire: Any, operations: Operations, custom: Make) -> None:
    odd = [7, {}, {"agent_id": 7}, {"agent_id": NEW, "versions": "x"}, *DROPDOWN[1:]]
    change = AgentAssignment(read(custom()), inbound=AgentRef(RECEPTION, version=PUBLISHED))

    wire.run(operations.assign_agents(change), odd, custom(), now=custom())

    assert wire.bodies[1:] == [{"inbound_version_id": LIVE}]


def test_a_version_whose_state_cannot_be_read_counts_as_not_published(
    wire: Any, operations: Operations, custom: Make
) -> None:
    odd = [{"agent_id": SALES, "versions": [{"version_id": SOLD, "version_number": 1, "is_published": "yes"}]}]
    change = AgentAssignment(read(custom()), inbound=AgentRef(SALES, version=SOLD))

    with pytest.raises(NotAllowed):
        wire.run(operations.assign_agents(change), odd, now=custom())


def test_an_answer_with_another_agent_is_told(wire: Any, operations: Operations, custom: Make) -> None:
    change = AgentAssignment(read(custom()), inbound=AgentRef(RECEPTION, version=PUBLISHED))

    with pytest.raises(PartialOutcome, match="inbound_agent came back different"):
        wire.run(operations.assign_agents(change), DROPDOWN, custom(inbound_agent_id=SALES), now=custom())


def test_an_agent_that_is_listed_twice_is_not_chosen_from(wire: Any, operations: Operations, custom: Make) -> None:
    change = AgentAssignment(read(custom()), inbound=AgentRef(RECEPTION, version=PUBLISHED))

    with pytest.raises(UnexpectedResponse, match="2 times"):
        wire.run(operations.assign_agents(change), [*DROPDOWN, DROPDOWN[1]], now=custom())

    assert [method for method, *_ in wire.calls] == ["GET"]


# -- before and after an import


def test_an_import_whose_agent_cannot_be_assigned_creates_nothing(wire: Any, operations: Operations) -> None:
    change = NumberImport(
        number="+34911234567", inbound=InboundUpdate(allow_any=True), inbound_agent=AgentRef(RECEPTION, version=OLD)
    )

    with pytest.raises(NotAllowed):
        wire.run(operations.import_number(change), *NOTHING, DROPDOWN)

    assert "POST" not in {method for method, *_ in wire.calls}


def test_an_import_with_agents_assigns_them_afterwards(wire: Any, operations: Operations, custom: Make) -> None:
    change = NumberImport(
        number="+34911234567",
        inbound=InboundUpdate(allow_any=True),
        inbound_agent=AgentRef(RECEPTION, version=OLD),
        allow=ALLOW,
    )
    created = custom(inbound_agent_id=None)

    number = wire.run(operations.import_number(change), *NOTHING, DROPDOWN, created, DROPDOWN, custom())

    assert [(method, path) for method, path, _ in wire.calls[6:]] == [
        ("GET", AGENTS),
        ("POST", "/v1/phone/import"),
        ("GET", AGENTS),
        ("PATCH", f"/v1/phone/{number.id}"),
    ]
    assert "inbound_version_id" not in wire.bodies[7]
    assert number.inbound_agent == AgentRef(RECEPTION)


def test_an_import_whose_assignment_fails_says_that_the_record_exists(
    wire: Any, operations: Operations, answer: Answer, custom: Make
) -> None:
    change = NumberImport(
        number="+34911234567",
        inbound=InboundUpdate(allow_any=True),
        inbound_agent=AgentRef(RECEPTION, version=PUBLISHED),
    )
    refusal = answer({"status": "error", "error_code": "BAD_PARAMETER", "message": "No"}, 400)

    with pytest.raises(PartialOutcome) as partial:
        wire.run(operations.import_number(change), *NOTHING, DROPDOWN, custom(), DROPDOWN, refusal)

    assert (partial.value.done, partial.value.failed_step) == (("import",), "assign_agents")
    assert isinstance(partial.value.cause, InvalidRequest)


# -- warnings


def test_a_number_that_is_not_in_use_yet_is_warned_of(operations: Operations, bought: Make) -> None:
    change = AgentAssignment(read(bought(status="reserved")), inbound=AgentRef(RECEPTION, version=PUBLISHED))

    assert [(problem.field, problem.severity) for problem in operations.check(change)] == [("status", "warning")]


def test_an_outbound_agent_without_an_outbound_trunk_is_warned_of(
    operations: Operations, custom: Make, bought: Make
) -> None:
    outbound = AgentRef(SALES, version=PUBLISHED)
    inbound_only = read(custom(sip={"termination_uri": None}))

    (warning,) = operations.check(AgentAssignment(inbound_only, outbound=outbound))
    assert warning.severity == "warning"
    assert "`update_sip()`" in (warning.remedy or "")
    assert "`telephony sip set --address`" in (cli_words(warning.remedy) or "")
    assert operations.check(AgentAssignment(read(custom()), outbound=outbound)) == []
    assert operations.check(AgentAssignment(read(bought()), outbound=outbound)) == []
    assert operations.check(AgentAssignment(bought()["id"], outbound=outbound)) == []


# -- what is said of a version that cannot be chosen


def test_a_list_of_agents_of_another_shape_is_told() -> None:
    with pytest.raises(UnexpectedResponse, match="the list of agents is a JSON dict"):
        mapping.read_versions({}, RECEPTION)


def test_an_agent_that_is_not_there_is_quoted_in_short() -> None:
    with pytest.raises(NotFound) as refusal:
        mapping.read_versions([], "a" * 99)
    assert refusal.value.message == f"no agent '{'a' * 60}'"


def test_an_unknown_version_of_an_agent_without_versions_is_told() -> None:
    with pytest.raises(NotFound) as refusal:
        mapping.choose_version(AgentRef(RECEPTION, version=OLD), ())
    assert refusal.value.remedy == "its versions are: none"


def test_several_drafts_have_to_be_told_apart() -> None:
    drafts = mapping.read_versions(
        [{"agent_id": RECEPTION, "versions": [version(OLD, 1, draft=True), version(WORK, 2, draft=True)]}], RECEPTION
    )
    with pytest.raises(WrongState, match="has 2 draft versions") as refusal:
        mapping.choose_version(AgentRef(RECEPTION, version=DRAFT), drafts)
    assert refusal.value.remedy == "name one of them by its id"
