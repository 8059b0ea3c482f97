"""How ElevenLabs registers: its spec, and where each part of it is found once it is needed.

Loads the declared capabilities and nothing else: no adapter, wire model, emulator or HTTP library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

from telephony_core.provider.port import Provider, ProviderConfig, ProviderSpec
from telephony_elevenlabs.capabilities import CAPABILITIES, SLUG

if TYPE_CHECKING:
    from telephony_core.emulator import Emulator

hookimpl = pluggy.HookimplMarker("telephony_core")


def _config() -> type[ProviderConfig]:
    from telephony_elevenlabs.config import ElevenLabsConfig

    return ElevenLabsConfig


def _provider(config: ProviderConfig) -> Provider:
    from telephony_elevenlabs.adapter import ElevenLabsProvider

    return ElevenLabsProvider(config)


def _emulator() -> Emulator:
    from telephony_elevenlabs.emulator import ElevenLabsEmulator

    return ElevenLabsEmulator()


@hookimpl
def telephony_register_provider() -> ProviderSpec:
    """ElevenLabs as a provider."""
    return ProviderSpec(
        slug=SLUG,
        title="ElevenLabs",
        capabilities=CAPABILITIES,
        config=_config,
        factory=_provider,
        emulator=_emulator,
        links={
            "API reference": "https://elevenlabs.io/docs/api-reference/phone-numbers/list",
            "SIP trunks": "https://elevenlabs.io/docs/agents-platform/phone-numbers/sip-trunking",
        },
    )
