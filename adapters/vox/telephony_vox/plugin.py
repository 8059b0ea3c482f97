"""How vox registers: its spec, and where each part of it is found once it is needed.

Loads the declared capabilities and nothing else: no adapter, wire model, emulator or HTTP library.
"""

from __future__ import annotations

import pluggy

from telephony_core.provider.port import ProviderSpec, class_at, made_by
from telephony_vox.capabilities import CAPABILITIES, SLUG


@pluggy.HookimplMarker("telephony_core")
def telephony_register_provider() -> ProviderSpec:
    """The spec of vox.ai."""
    return ProviderSpec(
        slug=SLUG,
        title="vox.ai",
        capabilities=CAPABILITIES,
        config=class_at("telephony_vox.config:VoxConfig"),
        factory=made_by("telephony_vox.adapter:VoxProvider"),
        emulator=made_by("telephony_vox.emulator:VoxEmulator"),
        links={"API reference": "https://docs.tryvox.co/api-reference"},
    )
