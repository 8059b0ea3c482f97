"""The contract kit on ElevenLabs, and every request in it judged by our document of the vendor's contract."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

import pytest

from telephony_core import AgentRef
from telephony_core.emulator import Emulator
from telephony_core.testing.contract import ContractAccount, ProviderContract
from telephony_elevenlabs.emulator import ElevenLabsEmulator
from tests.adapters.elevenlabs.judging import faults_of


@pytest.mark.turns(account=2, start=0)
@pytest.mark.usefixtures("unmeasured")
class TestElevenLabs(ProviderContract):
    provider = "elevenlabs"
    new_number = "+12025550177"
    id_key = "phone_number_id"
    number_key = "phone_number"
    status_key = None
    paged = False
    unmodelled_keys: ClassVar[Mapping[str, str]] = {"inbound_trunk.credentials": "inbound_trunk.has_auth_credentials"}

    def page(self, records: list[object], cursor: str | None) -> object:
        return records

    def agent_by_literal(self, emulator: Emulator) -> AgentRef:
        assert isinstance(emulator, ElevenLabsEmulator)
        id = emulator.agents["support"]
        return AgentRef(id, version=emulator.branches(id)["new-prompt"])

    @pytest.fixture(autouse=True)
    def judged(self, request: pytest.FixtureRequest) -> Iterator[None]:
        account = request.getfixturevalue("account") if "account" in request.fixturenames else None
        yield
        if isinstance(account, ContractAccount):
            faults = {f"{sent.method} {sent.url}": found for sent in account.sent if (found := faults_of(sent))}
            assert not faults
