"""The contract kit on Diga."""

from __future__ import annotations

import pytest

from telephony_core import AgentRef
from telephony_core.emulator import Emulator
from telephony_core.testing.contract import ProviderContract
from telephony_diga.emulator import DigaEmulator


@pytest.mark.turns(account=2, start=1)
@pytest.mark.usefixtures("unmeasured")
class TestDiga(ProviderContract):
    provider = "diga"
    new_number = "+34917654321"

    def page(self, records: list[object], cursor: str | None) -> object:
        return {"data": records, "has_more": cursor is not None, "last_id": cursor}

    def agent_by_literal(self, emulator: Emulator) -> AgentRef:
        assert isinstance(emulator, DigaEmulator)
        id = emulator.agents["sales"]
        return AgentRef(id, version=next(v.version_id for v in emulator.versions(id) if v.is_published))

    def agent_with_side_effect(self, emulator: Emulator) -> AgentRef:
        """No version of this one is published, so assigning one publishes it."""
        assert isinstance(emulator, DigaEmulator)
        id = emulator.agents["survey"]
        return AgentRef(id, version=emulator.versions(id)[0].version_id)
