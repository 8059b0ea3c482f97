"""What an account at Acme Voice needs: an API key, and a base URL where it is not the vendor's own."""

from __future__ import annotations

from telephony_core.provider.port import ProviderConfig


class AcmeConfig(ProviderConfig):
    """``base_url`` ends in the version of the API."""

    base_url: str = "https://api.acme-voice.example/v1"
