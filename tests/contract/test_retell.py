"""The contract kit on Retell. Every request that it makes is judged by a validator over `openapi.json`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from telephony_core import AgentRef, PhoneNumber
from telephony_core.emulator import Emulator
from telephony_core.errors import UnexpectedResponse
from telephony_core.provider.capabilities import Operation
from telephony_core.testing import new_emulator
from telephony_core.testing.contract import ContractAccount, ProviderContract
from tests.adapters.retell.judge import JudgedAccount

ONE_RECORD = "at Retell the number is the id, so no two records can be of one number"


@pytest.mark.turns(account=2, start=1)
@pytest.mark.usefixtures("unmeasured")
class TestRetell(ProviderContract):
    provider = "retell"
    new_number = "+14155550199"
    id_key = "phone_number"
    number_key = "phone_number"
    status_key = None  # a record that is there is active, and a released number has none

    def page(self, records: list[object], cursor: str | None) -> object:
        more = {} if cursor is None else {"pagination_key": cursor}
        return {"items": records, "has_more": cursor is not None, **more}

    def agent_by_literal(self, emulator: Emulator) -> AgentRef:
        return AgentRef(emulator.agents["reception"], version="prod")

    def agent_with_side_effect(self, emulator: Emulator) -> AgentRef:
        return self.agent(emulator)

    def number_with_side_effect(self, account: ContractAccount) -> PhoneNumber:
        number = self.number_for(account, Operation.ASSIGN_AGENTS)
        shares = [
            {"agent_id": account.emulator.agents[name], "agent_version": 0, "weight": 0.5}
            for name in ("sales", "support")
        ]
        account.emulator.store.edit(number.id, {"inbound_agents": shares})
        return account.client.get_number(number.id)

    @pytest.fixture(params=("sync", "async"))
    def account(self, request: pytest.FixtureRequest) -> Iterator[ContractAccount]:
        with closing(JudgedAccount(self.spec(), new_emulator("retell"), request.param)) as account:
            yield account

    # -- where Retell differs

    def test_nothing_is_written_to_an_id_that_serves_another_number_now(
        self, account: ContractAccount, change: Operation
    ) -> None:
        """The id is the number, so the answer is about another record, not the same one of another number."""
        number = self.changeable(account, change)
        account.emulator.store.edit(number.id, {self.number_key: self.stored(account, number.id)[self.number_key]})
        with account.no_write(), pytest.raises(UnexpectedResponse) as caught:
            self.attempt(account, change, number)()
        assert number.id in str(caught.value)

    @pytest.mark.skip(ONE_RECORD)
    def test_find_with_two_live_records_names_both(self) -> None: ...
