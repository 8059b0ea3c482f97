"""How vox registers: its spec, and where each part of it is found once it is needed.

Loads the declared capabilities and nothing else: no adapter, wire model, emulator or HTTP library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

from telephony_core.provider.port import Provider, ProviderConfig, ProviderSpec
from telephony_vox.capabilities import CAPABILITIES, SLUG

if TYPE_CHECKING:
    from telephony_core.emulator import Emulator

hookimpl = pluggy.HookimplMarker("telephony_core")


def _config() -> type[ProviderConfig]:
    from telephony_vox.config import VoxConfig

    return VoxConfig


def _provider(config: ProviderConfig) -> Provider:
    from telephony_vox.adapter import VoxProvider

    return VoxProvider(config)


def _emulator() -> Emulator:
    from telephony_vox.emulator import VoxEmulator

    return VoxEmulator()


@hookimpl
def telephony_register_provider() -> ProviderSpec:
    """The spec of vox.ai."""
    return ProviderSpec(
        slug=SLUG,
        title="vox.ai",
        capabilities=CAPABILITIES,
        config=_config,
        factory=_provider,
        emulator=_emulator,
        links={"API reference": "https://docs.tryvox.co/api-reference"},
    )
