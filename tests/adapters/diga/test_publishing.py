"""Assigning an agent that publishes a version: what a refusal means, and what became of a lost answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from telephony_core.domain.agents import PUBLISHED, AgentRef
from telephony_core.errors import (
    AnswerLost,
    InvalidRequest,
    NoAnswer,
    OutcomeUnknown,
    cli_words,
)
from telephony_core.operations.operations import Operations
from telephony_core.provider.changes import AgentAssignment
from telephony_core.provider.flow import Response
from tests.adapters.diga.agents import AGENTS, ALLOW, DROPDOWN, LIVE, OLD, RECEPTION, SOLD, WORK, version
from tests.adapters.diga.records import read

Make = Callable[..., dict[str, Any]]
Answer = Callable[..., Response]


def test_a_refused_publication_says_why_that_may_be(
    wire: Any, operations: Operations, answer: Answer, custom: Make
) -> None:
    change = AgentAssignment(read(custom()), inbound=AgentRef(RECEPTION, version=OLD), allow=ALLOW)
    refusal = answer({"status": "error", "error_code": "BAD_PARAMETER", "message": "Already published"}, 400)

    with pytest.raises(InvalidRequest, match="one published version, which all of its numbers use") as error:
        wire.run(operations.assign_agents(change), DROPDOWN, refusal, now=custom())

    assert error.value.code == "BAD_PARAMETER"
    remedy, cli = error.value.remedy or "", cli_words(error.value.remedy) or ""
    assert "version=PUBLISHED" in remedy
    assert "the version published" in cli
    assert all(words.endswith(", or publish the wanted version in the dashboard first") for words in (remedy, cli))


def test_a_refusal_that_has_nothing_to_do_with_publishing_keeps_its_own_remedy(
    wire: Any, operations: Operations, answer: Answer, custom: Make
) -> None:
    change = AgentAssignment(read(custom()), inbound=AgentRef(RECEPTION, version=PUBLISHED))
    refusal = answer({"status": "error", "error_code": "BAD_PARAMETER", "message": "No"}, 400)

    with pytest.raises(InvalidRequest) as error:
        wire.run(operations.assign_agents(change), DROPDOWN, refusal, now=custom())

    assert "published" not in str(error.value)


PUBLISHED_NOW = [
    {
        "agent_id": RECEPTION,
        "versions": [version(OLD, 1, published=True), version(LIVE, 2), version(WORK, 3, draft=True)],
    }
]
LOST = [
    pytest.param(AnswerLost("lost"), id="no answer"),
    pytest.param(Response(200, {"content-type": "text/html"}, b"<html>gateway</html>"), id="a gateway's page"),
]


@pytest.mark.parametrize("lost", LOST)
def test_a_lost_publication_that_happened_is_settled_by_looking_at_the_agent_and_the_number(
    lost: object, wire: Any, operations: Operations, custom: Make
) -> None:
    change = AgentAssignment(read(custom()), inbound=AgentRef(RECEPTION, version=OLD), allow=ALLOW)

    number = wire.run(operations.assign_agents(change), DROPDOWN, lost, PUBLISHED_NOW, custom(), now=custom())

    assert number.inbound_agent == AgentRef(RECEPTION)
    assert [(method, path) for method, path, _ in wire.calls[2:]] == [
        ("GET", AGENTS),
        ("GET", f"/v1/phone/{number.id}"),
    ]


@pytest.mark.parametrize("lost", LOST)
def test_a_lost_publication_of_an_agent_that_the_number_had_before_is_not_taken_for_made(
    lost: object, wire: Any, operations: Operations, custom: Make
) -> None:
    change = AgentAssignment(read(custom()), inbound=AgentRef(RECEPTION, version=OLD), allow=ALLOW)

    with pytest.raises(OutcomeUnknown, match=f"{OLD} not published") as unknown:
        wire.run(operations.assign_agents(change), DROPDOWN, lost, DROPDOWN, now=custom())
    assert "which version of the agent is published" in unknown.value.remedy
    assert unknown.value.status == (200 if isinstance(lost, Response) else None)

    assert [method for method, *_ in wire.calls] == ["GET", "PATCH", "GET"]


@pytest.mark.parametrize("look", [NoAnswer("late"), {}, Response(403, {}, b"")])
def test_a_lost_publication_that_cannot_be_looked_for_stays_unknown(
    look: object, wire: Any, operations: Operations, custom: Make
) -> None:
    change = AgentAssignment(read(custom()), inbound=AgentRef(RECEPTION, version=OLD), allow=ALLOW)

    with pytest.raises(OutcomeUnknown, match="failed too"):
        wire.run(operations.assign_agents(change), DROPDOWN, AnswerLost("lost"), look, now=custom())


def test_a_publication_that_reached_another_number_only_stays_unknown(
    wire: Any, operations: Operations, custom: Make
) -> None:
    change = AgentAssignment(read(custom()), inbound=AgentRef(RECEPTION, version=OLD), allow=ALLOW)

    with pytest.raises(OutcomeUnknown):
        wire.run(
            operations.assign_agents(change),
            DROPDOWN,
            AnswerLost("lost"),
            PUBLISHED_NOW,
            custom(inbound_agent_id=None),  # the adapter's look at the number
            custom(inbound_agent_id=None),  # and core's
            now=custom(),
        )


def test_a_lost_answer_that_published_nothing_is_settled_by_the_number_alone(
    wire: Any, operations: Operations, custom: Make
) -> None:
    change = AgentAssignment(read(custom(inbound_agent_id=None)), inbound=AgentRef(RECEPTION, version=PUBLISHED))

    wire.run(
        operations.assign_agents(change),
        DROPDOWN,
        Response(200, {}, b"<html>gateway</html>"),
        custom(),
        now=custom(inbound_agent_id=None),
    )

    assert [path for _, path, _ in wire.calls] == [AGENTS, *[f"/v1/phone/{custom()['id']}"] * 2]


def test_a_lost_publication_for_outbound_calls_is_settled_by_the_outbound_agent(
    wire: Any, operations: Operations, custom: Make
) -> None:
    change = AgentAssignment(read(custom()), outbound=AgentRef(RECEPTION, version=OLD), allow=ALLOW)
    seen = custom(inbound_agent_id=None, outbound_agent_id=RECEPTION)

    number = wire.run(operations.assign_agents(change), DROPDOWN, AnswerLost("lost"), PUBLISHED_NOW, seen, now=custom())

    assert number.outbound_agent == AgentRef(RECEPTION)


@pytest.mark.parametrize("status", [300, 307])
def test_a_redirected_publication_may_have_happened_and_is_looked_for(
    status: int, wire: Any, operations: Operations, custom: Make
) -> None:
    change = AgentAssignment(read(custom()), inbound=AgentRef(RECEPTION, version=OLD), allow=ALLOW)

    with pytest.raises(OutcomeUnknown, match=f"redirect.* {OLD} not published"):
        wire.run(operations.assign_agents(change), DROPDOWN, Response(status, {}, b""), DROPDOWN, now=custom())


@pytest.mark.parametrize("stranger", [{"id": SOLD}, {"number": "+34912222222"}], ids=["another id", "another number"])
def test_a_publication_that_was_answered_with_another_phone_is_looked_for(
    stranger: dict[str, object], wire: Any, operations: Operations, custom: Make
) -> None:
    change = AgentAssignment(read(custom()), inbound=AgentRef(RECEPTION, version=OLD), allow=ALLOW)
    foreign = custom(**stranger)

    with pytest.raises(OutcomeUnknown, match=f"{OLD} not published") as unknown:
        wire.run(operations.assign_agents(change), DROPDOWN, foreign, DROPDOWN, now=custom(inbound_agent_id=None))
    assert unknown.value.status == 200

    wire.sent.clear()
    found = [PUBLISHED_NOW, custom()]
    number = wire.run(operations.assign_agents(change), DROPDOWN, foreign, *found, now=custom(inbound_agent_id=None))
    assert (number.id, number.identity.e164) == (custom()["id"], "+34911234567")
    assert [method for method, *_ in wire.calls] == ["GET", "PATCH", "GET", "GET"]


def test_a_look_at_another_phone_does_not_tell_that_a_publication_happened(
    wire: Any, operations: Operations, custom: Make
) -> None:
    change = AgentAssignment(read(custom()), inbound=AgentRef(RECEPTION, version=OLD), allow=ALLOW)
    foreign = custom(id=SOLD)

    with pytest.raises(OutcomeUnknown):
        wire.run(
            operations.assign_agents(change),
            *(DROPDOWN, AnswerLost("lost"), PUBLISHED_NOW, foreign, foreign),
            now=custom(inbound_agent_id=None),
        )
