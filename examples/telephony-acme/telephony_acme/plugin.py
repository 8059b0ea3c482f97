"""How Acme Voice registers: its spec, and where each part of it is found once it is needed.

Loads the declared capabilities and nothing else: no adapter, wire model, emulator or HTTP library.
"""

from __future__ import annotations

import pluggy

from telephony_acme.capabilities import CAPABILITIES, SLUG
from telephony_core.provider.port import ProviderSpec, class_at, made_by


@pluggy.HookimplMarker("telephony_core")
def telephony_register_provider() -> ProviderSpec:
    """Acme Voice as a provider."""
    return ProviderSpec(
        slug=SLUG,
        title="Acme Voice",
        capabilities=CAPABILITIES,
        config=class_at("telephony_acme.config:AcmeConfig"),
        factory=made_by("telephony_acme.adapter:AcmeProvider"),
        emulator=made_by("telephony_acme.emulator:AcmeEmulator"),
    )
