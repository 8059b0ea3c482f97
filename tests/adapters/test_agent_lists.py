"""The list of agents of each adapter, over several pages and out of odd records."""

from __future__ import annotations

from typing import Any

import pytest

from telephony_core import Telephony
from telephony_core.domain.agents import Agent
from telephony_core.emulator import json_response
from telephony_core.errors import UnexpectedResponse
from telephony_core.testing import ScriptedBackend

FIRST, SECOND = {"agent_id": "a-1", "name": "One", "agent_name": "One"}, {"agent_id": "a-2"}
PAGES: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "vox": ({"items": [FIRST], "next_cursor": "c/1"}, {"items": [SECOND]}, "cursor"),
    "retell": (
        {"items": [FIRST], "has_more": True, "pagination_key": "c/1"},
        {"items": [SECOND], "has_more": False, "pagination_key": "c/2"},
        "pagination_key",
    ),
    "elevenlabs": (
        {"agents": [FIRST], "has_more": True, "next_cursor": "c/1"},
        {"agents": [SECOND], "has_more": False, "next_cursor": "c/2"},
        "cursor",
    ),
}


def listed(slug: str, *pages: object) -> tuple[list[Agent], list[str]]:
    backend = ScriptedBackend([json_response(200, page) for page in pages])
    with Telephony(slug, api_key="k", backend=backend) as client:
        agents = list(client.list_agents())
    return agents, [request.url.partition("?")[2] for request in backend.sent]


@pytest.mark.parametrize("slug", PAGES)
def test_the_next_page_is_asked_for_by_what_the_last_one_gave(slug: str) -> None:
    first, second, key = PAGES[slug]
    agents, queries = listed(slug, first, second)
    assert [(agent.id, agent.name, agent.problems) for agent in agents] == [("a-1", "One", ()), ("a-2", None, ())]
    assert key not in queries[0]
    assert queries[1] == f"{queries[0]}&{key}=c%2F1"


@pytest.mark.parametrize("slug", PAGES)
def test_a_list_that_leads_round_in_a_circle_ends_with_an_error(slug: str) -> None:
    first, _, _ = PAGES[slug]
    with pytest.raises(UnexpectedResponse, match="does not end"):
        listed(slug, first, first)


@pytest.mark.parametrize(("slug", "key"), [("retell", "pagination_key"), ("elevenlabs", "next_cursor")])
def test_a_page_that_says_that_more_follows_and_not_where_is_an_error(slug: str, key: str) -> None:
    first, _, _ = PAGES[slug]
    with pytest.raises(UnexpectedResponse, match=f"has_more and no {key}"):
        listed(slug, {**first, key: None})


@pytest.mark.parametrize("slug", PAGES)
def test_what_is_odd_about_an_agent_is_told_and_hides_no_other(slug: str) -> None:
    _, last, _ = PAGES[slug]
    items = next(key for key in last if key in ("items", "agents"))
    name = "agent_name" if slug == "retell" else "name"
    (odd, other), _ = listed(slug, {**last, items: [{**FIRST, name: 7}, SECOND]})
    assert (odd.id, odd.name, other.id, other.problems) == ("a-1", None, "a-2", ())
    assert [problem.partition(":")[0] for problem in odd.problems] == [name]


@pytest.mark.parametrize("slug", PAGES)
def test_an_answer_about_something_else_is_no_list_of_agents(slug: str) -> None:
    _, last, _ = PAGES[slug]
    items = next(key for key in last if key in ("items", "agents"))
    for answer in ([], {"error": "x"}, {**last, items: [{"phone_number": "+34612345678"}]}):
        with pytest.raises(UnexpectedResponse):
            listed(slug, answer)


def version(id: object, *, published: object = True) -> dict[str, object]:
    return {"version_id": id, "is_published": published}


@pytest.mark.parametrize(
    ("versions", "published", "odd"),
    [
        ([version("v-1", published=False), version("v-2")], "v-2", False),
        ([version("v-1", published=False)], None, False),
        ([], None, False),
        ([version("v-1"), version("v-2")], None, True),
        ([version(7)], None, True),
        ([7], None, True),
    ],
)
def test_the_published_version_of_diga_is_the_only_one_there_is(
    versions: list[object], published: str | None, odd: bool
) -> None:
    (agent, other), _ = listed("diga", [{"agent_id": "a-1", "name": "One", "versions": versions}, SECOND])
    assert (agent.id, agent.name, agent.published_version) == ("a-1", "One", published)
    assert [problem.partition(":")[0] for problem in agent.problems] == ["versions"] * odd
    assert (other.id, other.problems) == ("a-2", ())
