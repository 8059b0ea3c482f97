"""How Acme Voice registers: its spec, and where each part of it is found once it is needed.

Loads the declared capabilities and nothing else: no adapter, wire model, emulator or HTTP library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pluggy

from telephony_acme.capabilities import CAPABILITIES, SLUG
from telephony_core.provider.port import Provider, ProviderConfig, ProviderSpec

if TYPE_CHECKING:
    from telephony_core.emulator import Emulator

hookimpl = pluggy.HookimplMarker("telephony_core")


def _config() -> type[ProviderConfig]:
    from telephony_acme.config import AcmeConfig

    return AcmeConfig


def _provider(config: Any) -> Provider:
    from telephony_acme.adapter import AcmeProvider

    return AcmeProvider(config)


def _emulator() -> Emulator:
    from telephony_acme.emulator import AcmeEmulator

    return AcmeEmulator()


@hookimpl
def telephony_register_provider() -> ProviderSpec:
    """Acme Voice as a provider."""
    return ProviderSpec(
        slug=SLUG,
        title="Acme Voice",
        capabilities=CAPABILITIES,
        config=_config,
        factory=_provider,
        emulator=_emulator,
    )
