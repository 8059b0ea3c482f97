"""How Diga registers: its spec, and where each part of it is found once it is needed.

Loads the declared capabilities and nothing else: no adapter, wire model, emulator or HTTP library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

from telephony_core.provider.port import Provider, ProviderConfig, ProviderSpec
from telephony_diga.capabilities import CAPABILITIES, SLUG

if TYPE_CHECKING:
    from telephony_core.emulator import Emulator

hookimpl = pluggy.HookimplMarker("telephony_core")


def _config() -> type[ProviderConfig]:
    from telephony_diga.config import DigaConfig

    return DigaConfig


def _provider(config: ProviderConfig) -> Provider:
    from telephony_diga.adapter import DigaProvider

    return DigaProvider(config)


def _emulator() -> Emulator:
    from telephony_diga.emulator import DigaEmulator

    return DigaEmulator()


@hookimpl
def telephony_register_provider() -> ProviderSpec:
    """Diga as a provider."""
    return ProviderSpec(
        slug=SLUG,
        title="Diga",
        capabilities=CAPABILITIES,
        config=_config,
        factory=_provider,
        emulator=_emulator,
        links={
            "API reference": "https://docs.diga.io/api-reference/phones/list-phones",
            "SIP trunks": "https://docs.diga.io/en/telephony/sip-trunks",
        },
    )
