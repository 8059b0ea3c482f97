"""Agents of a Diga account, with a version in each state."""

from __future__ import annotations

from telephony_core.domain.lifecycle import SideEffect

AGENTS = "/v1/agent/versions-dropdown/dashboard"
RECEPTION = "22222222-2222-4222-8222-222222222222"
SALES = "55555555-5555-4555-8555-555555555555"
NEW = "66666666-6666-4666-8666-666666666666"
LIVE = "3333abcd-3333-4333-8333-333333333333"
OLD = "77777777-7777-4777-8777-777777777777"
WORK = "88888888-8888-4888-8888-888888888888"
SOLD = "99999999-9999-4999-8999-999999999999"

ALLOW = frozenset({SideEffect.PUBLISHES})


def version(id: str, number: int, *, published: bool = False, draft: bool = False) -> dict[str, object]:
    return {
        "version_id": id,
        "version_name": None,
        "version_number": number,
        "is_published": published,
        "is_draft": draft,
    }


DROPDOWN = [
    {"agent_id": NEW, "name": None, "versions": []},
    {
        "agent_id": RECEPTION,
        "name": "Reception",
        "versions": [version(OLD, 1), version(LIVE, 2, published=True), version(WORK, 3, draft=True)],
    },
    {"agent_id": SALES, "name": "Sales", "versions": [version(SOLD, 1, published=True)]},
]
