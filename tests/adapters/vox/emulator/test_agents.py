"""Mapping agents to numbers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.adapters.vox.emulator.account import INVALID, NOWHERE, OWNED, Account


class TestAgents:
    def map(self, account: Account, body: object, **fields: object) -> tuple[int, Any]:
        return account.ask("PATCH", f"{OWNED}/{account.pick(**fields)['id']}/agent", body)

    def test_the_directions_are_independent(self, account: Account) -> None:
        sales = {"agent_id": account.emulator.agents["sales"], "agent_version": "v3"}
        before = account.pick(number="07011112222")
        _, after = self.map(account, {"outbound_agent": sales}, number="07011112222")
        assert (after["outbound_agent"], after["inbound_agent"]) == (sales, before["inbound_agent"])

    def test_null_unmaps(self, account: Account) -> None:
        _, after = self.map(account, {"inbound_agent": None}, number="07011112222")
        assert after["inbound_agent"] is None
        assert after["outbound_agent"] is not None

    def test_without_a_version_the_draft_is_meant(self, account: Account) -> None:
        id = account.emulator.agents["survey"]
        _, after = self.map(account, {"inbound_agent": {"agent_id": id}}, number="0212345678")
        assert after["inbound_agent"] == {"agent_id": id, "agent_version": "current"}

    def test_bought_numbers_are_mapped_too(self, account: Account) -> None:
        agent = {"agent_id": account.emulator.agents["sales"], "agent_version": "production"}
        assert self.map(account, {"inbound_agent": agent}, provider="vox", status="active")[1]["inbound_agent"] == agent

    @pytest.mark.parametrize(
        "agent",
        [
            {},
            {"agent_id": NOWHERE},
            {"agent_id": "reception"},
            {"agent_id": None},
            {"agent_version": "production"},
            "reception",
            {"agent_id": "reception-id", "agent_version": "draft"},
            {"agent_id": "reception-id", "agent_version": "v0"},
            {"agent_id": "reception-id", "agent_version": "v8"},
            {"agent_id": "reception-id", "agent_version": "v" + "9" * 5000},
            {"agent_id": "reception-id", "agent_version": None},
            {"agent_id": "reception-id", "version": "production"},
        ],
    )
    def test_what_is_no_agent_of_the_organization_is_refused(self, account: Account, agent: Any) -> None:
        if isinstance(agent, dict) and agent.get("agent_id") == "reception-id":
            agent = {**agent, "agent_id": account.emulator.agents["reception"]}
        before = account.all()
        status, payload = self.map(account, {"inbound_agent": agent}, number="0212345678")
        assert (status, payload["error"]["code"]) == INVALID
        assert account.all() == before

    def test_an_empty_patch_is_refused(self, account: Account) -> None:
        assert self.map(account, {}, number="0212345678")[0] == 400

    def test_an_expired_number_is_refused(self, account: Account) -> None:
        assert self.map(account, {"inbound_agent": None}, status="expired")[0] == 409
