"""How ElevenLabs registers: its spec, and where each part of it is found once it is needed.

Loads the declared capabilities and nothing else: no adapter, wire model, emulator or HTTP library.
"""

from __future__ import annotations

import pluggy

from telephony_core.provider.port import ProviderSpec, class_at, made_by
from telephony_elevenlabs.capabilities import CAPABILITIES, SLUG


@pluggy.HookimplMarker("telephony_core")
def telephony_register_provider() -> ProviderSpec:
    """ElevenLabs as a provider."""
    return ProviderSpec(
        slug=SLUG,
        title="ElevenLabs",
        capabilities=CAPABILITIES,
        config=class_at("telephony_elevenlabs.config:ElevenLabsConfig"),
        factory=made_by("telephony_elevenlabs.adapter:ElevenLabsProvider"),
        emulator=made_by("telephony_elevenlabs.emulator:ElevenLabsEmulator"),
        links={
            "API reference": "https://elevenlabs.io/docs/api-reference/phone-numbers/list",
            "SIP trunks": "https://elevenlabs.io/docs/agents-platform/phone-numbers/sip-trunking",
        },
    )
