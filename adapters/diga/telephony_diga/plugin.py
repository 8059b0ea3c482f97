"""How Diga registers: its spec, and where each part of it is found once it is needed.

Loads the declared capabilities and nothing else: no adapter, wire model, emulator or HTTP library.
"""

from __future__ import annotations

import pluggy

from telephony_core.provider.port import ProviderSpec, class_at, made_by
from telephony_diga.capabilities import CAPABILITIES, SLUG


@pluggy.HookimplMarker("telephony_core")
def telephony_register_provider() -> ProviderSpec:
    """Diga as a provider."""
    return ProviderSpec(
        slug=SLUG,
        title="Diga",
        capabilities=CAPABILITIES,
        config=class_at("telephony_diga.config:DigaConfig"),
        factory=made_by("telephony_diga.adapter:DigaProvider"),
        emulator=made_by("telephony_diga.emulator:DigaEmulator"),
        links={
            "API reference": "https://docs.diga.io/api-reference/phones/list-phones",
            "SIP trunks": "https://docs.diga.io/en/telephony/sip-trunks",
        },
    )
