"""How Retell registers: its spec, and where each part of it is found once it is needed.

Loads the declared capabilities and nothing else: no adapter, wire model, emulator or HTTP library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

from telephony_core.provider.port import Provider, ProviderConfig, ProviderSpec
from telephony_retell.capabilities import CAPABILITIES, SLUG

if TYPE_CHECKING:
    from telephony_core.emulator import Emulator

hookimpl = pluggy.HookimplMarker("telephony_core")


def _config() -> type[ProviderConfig]:
    from telephony_retell.config import RetellConfig

    return RetellConfig


def _provider(config: ProviderConfig) -> Provider:
    from telephony_retell.adapter import RetellProvider

    return RetellProvider(config)


def _emulator() -> Emulator:
    from telephony_retell.emulator import RetellEmulator

    return RetellEmulator()


@hookimpl
def telephony_register_provider() -> ProviderSpec:
    """Retell as a provider."""
    return ProviderSpec(
        slug=SLUG,
        title="Retell",
        capabilities=CAPABILITIES,
        config=_config,
        factory=_provider,
        emulator=_emulator,
        links={
            "API reference": "https://docs.retellai.com/api-references/import-phone-number",
            "Custom telephony": "https://docs.retellai.com/deploy/custom-telephony",
        },
    )
