"""The contract kit on vox."""

from __future__ import annotations

import pytest

from telephony_core import AgentRef
from telephony_core.emulator import Emulator
from telephony_core.testing.contract import ProviderContract


@pytest.mark.turns(account=2, start=0)
@pytest.mark.usefixtures("unmeasured")
class TestVox(ProviderContract):
    provider = "vox"
    new_number = "+827098765432"

    def page(self, records: list[object], cursor: str | None) -> object:
        return {"items": records, "total_count": len(records), "next_cursor": cursor}

    def agent_by_literal(self, emulator: Emulator) -> AgentRef:
        return AgentRef(emulator.agents["reception"], version="v2")
