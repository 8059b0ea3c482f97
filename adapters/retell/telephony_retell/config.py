"""What a Retell account needs: an API key, and a base URL where it is not the vendor's own."""

from __future__ import annotations

from telephony_core.provider.port import ProviderConfig


class RetellConfig(ProviderConfig):
    """Settings of one Retell workspace. ``base_url`` has no version: the paths of this API share no prefix."""

    base_url: str = "https://api.retellai.com"
