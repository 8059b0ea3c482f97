"""How Retell registers: its spec, and where each part of it is found once it is needed.

Loads the declared capabilities and nothing else: no adapter, wire model, emulator or HTTP library.
"""

from __future__ import annotations

import pluggy

from telephony_core.provider.port import ProviderSpec, class_at, made_by
from telephony_retell.capabilities import CAPABILITIES, SLUG


@pluggy.HookimplMarker("telephony_core")
def telephony_register_provider() -> ProviderSpec:
    """Retell as a provider."""
    return ProviderSpec(
        slug=SLUG,
        title="Retell",
        capabilities=CAPABILITIES,
        config=class_at("telephony_retell.config:RetellConfig"),
        factory=made_by("telephony_retell.adapter:RetellProvider"),
        emulator=made_by("telephony_retell.emulator:RetellEmulator"),
        links={
            "API reference": "https://docs.retellai.com/api-references/import-phone-number",
            "Custom telephony": "https://docs.retellai.com/deploy/custom-telephony",
        },
    )
