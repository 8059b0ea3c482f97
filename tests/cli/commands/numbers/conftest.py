"""ElevenLabs behind the command: a provider with numbers that are linked to a carrier."""

from __future__ import annotations

import pytest

from telephony_elevenlabs.emulator import ElevenLabsEmulator
from tests.cli.conftest import Command


@pytest.fixture
def elevenlabs(monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.setenv("TELEPHONY_ELEVENLABS_API_KEY", "emulator-key")
    return Command({"elevenlabs": ElevenLabsEmulator(api_key="emulator-key")})
